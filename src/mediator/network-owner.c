/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who has a socket. The kernel does not say, so descriptors are looked through; bounded. */
#include "mediator/network-owner.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/hash.h"

static DIR *open_directory(int dirfd, const char *name)
{
	int fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);

	if (!dir && fd >= 0)
		close(fd);
	return dir;
}

static bool lives_in(int proc_fd, const char *pid, ino_t namespace)
{
	struct stat st;
	char name[300];

	snprintf(name, sizeof(name), "%s/ns/net", pid);
	return fstatat(proc_fd, name, &st, 0) == 0 && st.st_ino == namespace;
}

/* Takes what it looked at from *left. */
static bool has_open(int proc_fd, const char *pid, const char *wanted, int *left)
{
	cleanup_dir DIR *dir = NULL;
	const struct dirent *entry;
	char name[300], link[64];

	snprintf(name, sizeof(name), "%s/fd", pid);
	dir = open_directory(proc_fd, name);
	while (dir && *left > 0 && (entry = readdir(dir))) {
		ssize_t len = readlinkat(dirfd(dir), entry->d_name, link, sizeof(link) - 1);

		(*left)--;
		if (len <= 0)
			continue;
		link[len] = '\0';
		if (strcmp(link, wanted) == 0)
			return true;
	}
	return false;
}

/* Which file a process executes: device and inode, 0 where that cannot be known. What the kernel
 * has at hand will do: asking a file of the view would wait for this very thread. */
static uint64_t program_of(int proc_fd, const char *pid)
{
	struct statx file;
	uint64_t number[3];
	char name[300];

	snprintf(name, sizeof(name), "%s/exe", pid);
	if (statx(proc_fd, name, AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT, STATX_INO, &file) < 0)
		return 0;
	number[0] = file.stx_dev_major;
	number[1] = file.stx_dev_minor;
	number[2] = file.stx_ino;
	return hash64_add(HASH64_INIT, number, sizeof(number));
}

pid_t network_owner(int proc_fd, ino_t namespace, uint32_t inode)
{
	cleanup_dir DIR *dir = open_directory(proc_fd, ".");
	int descriptors = OWNER_DESCRIPTORS_MAX;
	const struct dirent *entry;
	uint64_t only_program = 0;
	pid_t any = -1;
	char wanted[32];

	snprintf(wanted, sizeof(wanted), "socket:[%u]", inode);
	for (int i = 0; dir && i < OWNER_PROCESSES_MAX && (entry = readdir(dir)); i++) {
		uint64_t program;

		if (entry->d_name[0] < '1' || entry->d_name[0] > '9' ||
		    !lives_in(proc_fd, entry->d_name, namespace))
			continue;
		if (inode && has_open(proc_fd, entry->d_name, wanted, &descriptors))
			return (pid_t)strtol(entry->d_name, NULL, 10);
		program = program_of(proc_fd, entry->d_name);
		if (any > 0 && program != only_program)
			only_program = 0;
		else if (any < 0)
			only_program = program;
		any = (pid_t)strtol(entry->d_name, NULL, 10);
	}
	return only_program ? any : -1;
}
