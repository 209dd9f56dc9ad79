/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUSK_PROCESS_FAMILY_H
#define HUSK_PROCESS_FAMILY_H

#include <dirent.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/*
 * A container's processes, from its first one down: all of /proc would be the whole host. What an
 * engine put into the container is none of them. Bounded, and any of them may be gone at any time.
 */

#define PROCESS_FAMILY_MAX 1024

/* Processes whose children are still to be looked for are from next - 1 on. */
struct process_family {
	pid_t pids[PROCESS_FAMILY_MAX];
	size_t count, next;
};

#define PROCESS_FAMILY(init)                          \
	{                                             \
		.pids = {init}, .count = 1, .next = 0 \
	}

/* The next process, the first one first; 0 where there is none any more. Source:
 * proc_pid_task_children(5), CONFIG_PROC_CHILDREN. */
pid_t process_family_next(int proc_fd, struct process_family *family);

/* Does one of them have another mount namespace than `init`? False where that cannot be known. */
bool process_family_parts_mounts(int proc_fd, pid_t init);

/* Opens the directory `name` of /proc/PID. NULL where that fails; the caller closes it. */
DIR *process_open_directory(int proc_fd, pid_t pid, const char *name);

#endif
