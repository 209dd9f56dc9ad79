/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "process/family.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"

DIR *process_open_directory(int proc_fd, pid_t pid, const char *name)
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
static void add_children_of(int task_fd, const char *thread, struct process_family *family)
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
	while (family->count < PROCESS_FAMILY_MAX) {
		long pid = strtol(at, &at, 10);

		if (pid <= 0)
			return;
		family->pids[family->count++] = (pid_t)pid;
	}
}

static void add_children(int proc_fd, pid_t pid, struct process_family *family)
{
	cleanup_dir DIR *dir = process_open_directory(proc_fd, pid, "task");
	const struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		if (entry->d_name[0] != '.')
			add_children_of(dirfd(dir), entry->d_name, family);
	}
}

pid_t process_family_next(int proc_fd, struct process_family *family)
{
	if (family->next > 0)
		add_children(proc_fd, family->pids[family->next - 1], family);
	return family->next < family->count ? family->pids[family->next++] : 0;
}

static ino_t mounts_of(int proc_fd, pid_t pid)
{
	struct stat namespace;
	char name[32];

	snprintf(name, sizeof(name), "%d/ns/mnt", (int)pid);
	return fstatat(proc_fd, name, &namespace, 0) == 0 ? namespace.st_ino : 0;
}

bool process_family_parts_mounts(int proc_fd, pid_t init)
{
	struct process_family family = PROCESS_FAMILY(init);
	ino_t own = mounts_of(proc_fd, init);
	pid_t pid;

	while ((pid = process_family_next(proc_fd, &family)) > 0) {
		ino_t other = mounts_of(proc_fd, pid);

		if (own && other && other != own)
			return true;
	}
	return false;
}
