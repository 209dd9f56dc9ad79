/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Out of memory, as the container's control group counts it. */
#include "mediator/memory.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"

/* Where a line of /proc/PID/cgroup leads. Returns false for a line of another controller. */
static bool events_path(char *line, char *out, size_t room)
{
	char *controllers = strchr(line, ':');
	char *path = controllers ? strchr(controllers + 1, ':') : NULL;
	int len;

	if (!path)
		return false;
	*path++ = '\0';
	controllers++;
	if (*controllers == '\0')
		len = snprintf(out, room, "/sys/fs/cgroup%s/memory.events", path);
	else if (strcmp(controllers, "memory") == 0)
		len = snprintf(out, room, "/sys/fs/cgroup/memory%s/memory.oom_control", path);
	else
		return false;
	return len > 0 && (size_t)len < room;
}

int memory_events_open(int proc_fd, pid_t pid)
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
		int events;

		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		if (!events_path(line, path, sizeof(path)))
			continue;
		events = open(path, O_RDONLY | O_CLOEXEC);
		if (events >= 0)
			return events;
	}
	return -1;
}

bool memory_was_out(int events_fd)
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
