/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUSK_OBSERVE_OBSERVE_H
#define HUSK_OBSERVE_OBSERVE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"
#include "observe/record.h"

/*
 * The observer of capabilities, as its users see it: a map in the kernel, pinned once a boot by
 * husk-observe together with the program that fills it. Nothing of it needs a process. All calls
 * are a few system calls, without allocation.
 */
#define OBSERVE_BPFFS "/sys/fs/bpf"
#define OBSERVE_DIRECTORY OBSERVE_BPFFS "/husk"

/* Both are closed by who opened them. */
struct observer {
	int map_fd;
	int link_fd; /* the program stays in the kernel for as long as one is open or pinned */
};

/*
 * Opens the observer. Where nobody has pinned it since the boot, executes husk-observe (`program`,
 * an absolute path) and waits for it. What it says where it fails is kept in `runtime_fd`, a
 * directory that is empty after a boot, and is the answer of later calls.
 * Returns 0, or -errno with the reason in *err and *ret as it was.
 */
int observe_open(const char *program, int runtime_fd, struct observer *ret, struct error *err);

/* What identifies a container to the observer; see struct observe_record. */
struct observe_container {
	uint32_t key;
	uint32_t user_namespace;
	pid_t first;
	bool counts_alike; /* numbers of processes are here what they are to the observer */
};

/*
 * Finds out who `pid` is, the container's first process. leads_namespace: it is the first process
 * of a pid namespace. proc_fd: the host's /proc. Returns 0 or -errno.
 */
int observe_identify(int proc_fd, pid_t pid, bool leads_namespace, struct observe_container *ret);

/*
 * Begins to record, for the calling process. view: the device of the container's view (st_dev).
 * watched: capabilities whose refusal is recorded too. Returns 0, or -E2BIG
 * (OBSERVE_CONTAINERS_MAX live), other -errno.
 */
int observe_begin(int map_fd, const struct observe_container *container, dev_t view,
		  uint64_t watched);

/* What was recorded so far. Returns 0, or -ENOENT: there is no such record, or another process has
 * begun one in its place. */
int observe_read(int map_fd, uint32_t key, struct observe_record *ret);

/* Takes the record out, if it is the calling process's: nothing more is recorded. */
void observe_end(int map_fd, uint32_t key);

#endif
