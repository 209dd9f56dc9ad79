/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who has a socket. The kernel does not say, so the descriptors of the container's processes are
 * looked through, from its first process down: all of /proc would be the whole host. Bounded.
 */
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

/* Processes whose children are still to be looked for are behind `next`. */
struct family {
	pid_t pids[OWNER_PROCESSES_MAX];
	size_t count, next;
};

static DIR *open_directory(int proc_fd, pid_t pid, const char *name)
{
	char path[64];
	DIR *dir;
	int fd;

	snprintf(path, sizeof(path), "%d/%s", (int)pid, name);
	fd = openat(proc_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	dir = fd < 0 ? NULL : fdopendir(fd);
	if (!dir && fd >= 0)
		close(fd);
	return dir;
}

/* The children of one thread: proc_pid_task_children(5), CONFIG_PROC_CHILDREN. */
static void add_children_of(int task_fd, const char *thread, struct family *family)
{
	cleanup_close int fd = -1;
	char path[64], text[4096];
	char *at = text;
	ssize_t len;

	snprintf(path, sizeof(path), "%.20s/children", thread);
	fd = openat(task_fd, path, O_RDONLY | O_CLOEXEC);
	len = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	if (len <= 0)
		return;
	text[len] = '\0';
	while (family->count < OWNER_PROCESSES_MAX) {
		long pid = strtol(at, &at, 10);

		if (pid <= 0)
			return;
		family->pids[family->count++] = (pid_t)pid;
	}
}

static void add_children(int proc_fd, pid_t pid, struct family *family)
{
	cleanup_dir DIR *dir = open_directory(proc_fd, pid, "task");
	const struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		if (entry->d_name[0] != '.')
			add_children_of(dirfd(dir), entry->d_name, family);
	}
}

/* Takes what it looked at from *left. */
static bool has_open(int proc_fd, pid_t pid, const char *wanted, int *left)
{
	cleanup_dir DIR *dir = open_directory(proc_fd, pid, "fd");
	const struct dirent *entry;
	char link[64];

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
static uint64_t program_of(int proc_fd, pid_t pid)
{
	struct statx file;
	uint64_t number[3];
	char name[32];

	snprintf(name, sizeof(name), "%d/exe", (int)pid);
	if (statx(proc_fd, name, AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT, STATX_INO, &file) < 0)
		return 0;
	number[0] = file.stx_dev_major;
	number[1] = file.stx_dev_minor;
	number[2] = file.stx_ino;
	return hash64_add(HASH64_INIT, number, sizeof(number));
}

pid_t network_owner(int proc_fd, pid_t init, uint32_t inode)
{
	struct family family = {.pids = {init}, .count = 1};
	int descriptors = OWNER_DESCRIPTORS_MAX;
	uint64_t only = program_of(proc_fd, init);
	char wanted[32];

	snprintf(wanted, sizeof(wanted), "socket:[%u]", inode);
	while (family.next < family.count) {
		pid_t pid = family.pids[family.next++];

		if (inode && has_open(proc_fd, pid, wanted, &descriptors))
			return pid;
		if (program_of(proc_fd, pid) != only)
			only = 0;
		add_children(proc_fd, pid, &family);
	}
	return only ? init : -1;
}
