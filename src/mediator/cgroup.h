/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUSK_MEDIATOR_CGROUP_H
#define HUSK_MEDIATOR_CGROUP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * What the container's control group tells: of cgroup v2 (Documentation/admin-guide/cgroup-v2.rst),
 * or of the memory controller of v1 (cgroup-v1/memory.rst).
 */

/*
 * Was the group out of memory? memory.events or memory.oom_control, key "oom_kill". The file is
 * opened while the container lives, since the group is gone soon after it. Returns a descriptor
 * that the caller closes, or -1 where there is none to be had.
 */
int cgroup_memory_open(int proc_fd, pid_t pid);

/* Has the kernel killed a process of that group? False for -1. */
bool cgroup_memory_was_out(int events_fd);

/* The file that lists the processes of the group. Returns a descriptor that the caller closes, or
 * -1. */
int cgroup_members_open(int proc_fd, pid_t pid);

/*
 * Are there processes beside `init` in that group (false for -1) and in its mount namespace? Before
 * the container is started they can only have been put there by an engine's exec. Looks at 64 of
 * the group at most, so a group that is shared with the rest of a host costs no more.
 */
bool cgroup_has_others(int members_fd, int proc_fd, pid_t init);

/*
 * Has the process a control group of version 2 that this process is not in? Then *ret_id is the
 * group's number, as the kernel's socket matches take it, and *ret_level how many steps it lies
 * below the root. Source: Documentation/admin-guide/cgroup-v2.rst, cgroups(7).
 */
bool cgroup_of_its_own(int proc_fd, pid_t pid, uint64_t *ret_id, uint32_t *ret_level);

#endif
