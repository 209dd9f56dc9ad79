/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The container's control group. */
#include "mediator/cgroup.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/cleanup.h"

#define OTHERS_LOOKED_AT 64

/* The same thing in both versions. */
struct group_file {
	const char *v2, *v1;
};

/* Where a line of /proc/PID/cgroup leads. Returns false for a line of another controller. */
static bool file_path(char *line, const struct group_file *file, char *out, size_t room)
{
	char *controllers = strchr(line, ':');
	char *path = controllers ? strchr(controllers + 1, ':') : NULL;
	int len;

	if (!path)
		return false;
	*path++ = '\0';
	controllers++;
	if (*controllers == '\0')
		len = snprintf(out, room, "/sys/fs/cgroup%s/%s", path, file->v2);
	else if (strcmp(controllers, "memory") == 0)
		len = snprintf(out, room, "/sys/fs/cgroup/memory%s/%s", path, file->v1);
	else
		return false;
	return len > 0 && (size_t)len < room;
}

static int open_file(int proc_fd, pid_t pid, const struct group_file *file)
{
	cleanup_close int fd = -1;
	char text[8192], path[PATH_MAX], name[32];
	char *next = text;
	ssize_t len;

	snprintf(name, sizeof(name), "%d/cgroup", (int)pid);
	fd = openat(proc_fd, name, O_RDONLY | O_CLOEXEC);
	len = fd >= 0 ? read(fd, text, sizeof(text) - 1) : -1;
	if (len <= 0)
		return -1;
	text[len] = '\0';
	while (next && *next) {
		char *line = next;
		int found;

		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		if (!file_path(line, file, path, sizeof(path)))
			continue;
		found = open(path, O_RDONLY | O_CLOEXEC);
		if (found >= 0)
			return found;
	}
	return -1;
}

int cgroup_memory_open(int proc_fd, pid_t pid)
{
	static const struct group_file events = {"memory.events", "memory.oom_control"};

	return open_file(proc_fd, pid, &events);
}

bool cgroup_memory_was_out(int events_fd)
{
	char text[1024];
	const char *count;
	ssize_t len;

	if (events_fd < 0)
		return false;
	len = pread(events_fd, text, sizeof(text) - 1, 0);
	if (len <= 0)
		return false;
	text[len] = '\0';
	count = strstr(text, "oom_kill ");
	return count && strtoul(count + strlen("oom_kill "), NULL, 10) > 0;
}

static bool same_mounts(int proc_fd, const struct stat *mounts, long pid)
{
	struct stat other;
	char name[48];

	snprintf(name, sizeof(name), "%ld/ns/mnt", pid);
	return fstatat(proc_fd, name, &other, 0) == 0 && other.st_ino == mounts->st_ino &&
	       other.st_dev == mounts->st_dev;
}

int cgroup_members_open(int proc_fd, pid_t pid)
{
	static const struct group_file processes = {"cgroup.procs", "cgroup.procs"};

	return open_file(proc_fd, pid, &processes);
}

bool cgroup_has_others(int members_fd, int proc_fd, pid_t init)
{
	char text[4096], name[32];
	struct stat mounts;
	char *next = text;
	ssize_t len = members_fd >= 0 ? pread(members_fd, text, sizeof(text) - 1, 0) : -1;

	snprintf(name, sizeof(name), "%d/ns/mnt", (int)init);
	if (len <= 0 || fstatat(proc_fd, name, &mounts, 0) < 0)
		return false;
	text[len] = '\0';
	for (int looked_at = 0; *next && looked_at < OTHERS_LOOKED_AT; looked_at++) {
		long pid = strtol(next, &next, 10);

		next += *next == '\n';
		if (pid > 0 && pid != init && same_mounts(proc_fd, &mounts, pid))
			return true;
	}
	return false;
}

/* The path of the process's control group of version 2, "/" for the root; false where it has none.
 */
static bool path_v2(int proc_fd, const char *pid, char *out, size_t room)
{
	cleanup_close int fd = -1;
	char text[8192], name[32];
	const char *line;
	ssize_t len;

	snprintf(name, sizeof(name), "%s/cgroup", pid);
	fd = openat(proc_fd, name, O_RDONLY | O_CLOEXEC);
	len = fd >= 0 ? read(fd, text, sizeof(text) - 1) : -1;
	if (len <= 0)
		return false;
	text[len] = '\0';
	line = strncmp(text, "0::", 3) == 0 ? text : strstr(text, "\n0::");
	if (!line)
		return false;
	line += line == text ? 3 : 4;
	return snprintf(out, room, "%.*s", (int)strcspn(line, "\n"), line) < (int)room;
}

static bool number_of(const char *path, uint64_t *ret)
{
	static const char *const mounts[] = {"/sys/fs/cgroup", "/sys/fs/cgroup/unified"};

	for (size_t i = 0; i < sizeof(mounts) / sizeof(mounts[0]); i++) {
		char file[PATH_MAX + 64];
		struct statfs fs;
		struct stat st;

		snprintf(file, sizeof(file), "%s%s", mounts[i], path);
		if (stat(file, &st) < 0 || statfs(file, &fs) < 0 ||
		    fs.f_type != CGROUP2_SUPER_MAGIC)
			continue;
		*ret = st.st_ino;
		return true;
	}
	return false;
}

bool cgroup_of_its_own(int proc_fd, pid_t pid, uint64_t *ret_id, uint32_t *ret_level)
{
	char path[PATH_MAX], own[PATH_MAX], name[16];
	uint32_t level = 0;

	snprintf(name, sizeof(name), "%d", (int)pid);
	if (!path_v2(proc_fd, name, path, sizeof(path)) ||
	    !path_v2(proc_fd, "self", own, sizeof(own)) || strcmp(path, own) == 0 ||
	    strcmp(path, "/") == 0 || strstr(path, "/..") || !number_of(path, ret_id))
		return false;
	for (const char *at = path; *at; at++)
		level += *at == '/';
	*ret_level = level;
	return true;
}
