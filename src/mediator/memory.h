/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUSK_MEDIATOR_MEMORY_H
#define HUSK_MEDIATOR_MEMORY_H

#include <stdbool.h>
#include <sys/types.h>

/*
 * Was the container's control group out of memory? memory.events "oom_kill" of cgroup v2
 * (Documentation/admin-guide/cgroup-v2.rst), memory.oom_control of v1 (cgroup-v1/memory.rst).
 * The file is opened while the container lives, since the group is gone soon after it.
 */

/* Returns a descriptor that the caller closes, or -1 where there is none to be had. */
int memory_events_open(int proc_fd, pid_t pid);

/* Has the kernel killed a process of that group? False for -1. */
bool memory_was_out(int events_fd);

#endif
