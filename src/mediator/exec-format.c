/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Will the kernel execute this file? */
#include "mediator/exec-format.h"

#include <dirent.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"

#define HEAD_BYTES 256 /* BINPRM_BUF_SIZE of linux/binfmts.h */

/* Has the host handlers of its own for other formats? Beside "register" and "status" lies one file
 * each. */
static bool knows_other_formats(int proc_fd)
{
	cleanup_dir DIR *dir = NULL;
	int fd = openat(proc_fd, "sys/fs/binfmt_misc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct dirent *entry;

	if (fd < 0)
		return false;
	dir = fdopendir(fd);
	if (!dir) {
		close(fd);
		return true;
	}
	while ((entry = readdir(dir))) {
		if (entry->d_name[0] != '.' && strcmp(entry->d_name, "register") != 0 &&
		    strcmp(entry->d_name, "status") != 0)
			return true;
	}
	return false;
}

/* head: the line behind "#!", with a NUL somewhere. */
static int check_interpreter(int root_fd, char *head)
{
	cleanup_close int fd = -1;
	struct stat file;

	head += strspn(head, " \t");
	head[strcspn(head, " \t\n")] = '\0';
	if (*head != '/')
		return 0; /* relative to a working directory that is not known here */
	fd = open_in_root(root_fd, head, O_PATH, 0);
	if (fd == -ENOENT)
		return -ENOENT;
	if (fd < 0 || fstat(fd, &file) < 0)
		return 0;
	return S_ISREG(file.st_mode) && (file.st_mode & 0111) ? 0 : -EACCES;
}

int exec_format_check(int root_fd, int file_fd, int proc_fd)
{
	char head[HEAD_BYTES + 1] = "";
	char path[64];
	cleanup_close int fd = -1;
	ssize_t len;

	snprintf(path, sizeof(path), "self/fd/%d", file_fd);
	fd = openat(proc_fd, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return 0;
	len = read(fd, head, HEAD_BYTES);
	if (len < 0)
		return 0;
	if (len >= SELFMAG && memcmp(head, ELFMAG, SELFMAG) == 0)
		return 0;
	if (len >= 2 && memcmp(head, "#!", 2) == 0)
		return check_interpreter(root_fd, head + 2);
	return knows_other_formats(proc_fd) ? 0 : -ENOEXEC;
}
