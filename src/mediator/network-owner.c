/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who has a socket. The kernel does not say, so the descriptors of the container's processes are
 * looked through. Bounded.
 */
#include "mediator/network-owner.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/hash.h"
#include "process/family.h"

/* Takes what it looked at from *left. */
static bool has_open(int proc_fd, pid_t pid, const char *wanted, int *left)
{
	cleanup_dir DIR *dir = process_open_directory(proc_fd, pid, "fd");
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
	struct process_family family = PROCESS_FAMILY(init);
	int descriptors = OWNER_DESCRIPTORS_MAX;
	uint64_t only = program_of(proc_fd, init);
	char wanted[32];
	pid_t pid;

	snprintf(wanted, sizeof(wanted), "socket:[%u]", inode);
	while ((pid = process_family_next(proc_fd, &family)) > 0) {
		if (inode && has_open(proc_fd, pid, wanted, &descriptors))
			return pid;
		if (program_of(proc_fd, pid) != only)
			only = 0;
	}
	return only ? init : -1;
}
