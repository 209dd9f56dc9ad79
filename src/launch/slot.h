/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUSK_LAUNCH_SLOT_H
#define HUSK_LAUNCH_SLOT_H

#include <linux/filter.h>
#include <stdint.h>

/*
 * The slot: what the mediator tells the launcher, written into the launcher's image before it is
 * served. The function can neither read nor forge it afterwards: the file is bound over the entry
 * point until the launcher has been executed from it, and is reachable by no path after that.
 */
enum launch_limits {
	LAUNCH_CWD_ROOM = 4096, /* PATH_MAX of linux/limits.h */
	/* Instructions of a filter; the kernel takes BPF_MAXINSNS, 4096 (linux/bpf_common.h). */
	LAUNCH_FILTER_MAX = 3072,
	LAUNCH_LISTENER_MAX = 65535, /* no descriptor of a listener is above it */
};

/* What the launcher takes away from the function, and what it leaves undone. None: the entry point
 * as the runtime meant it. */
enum launch_flags {
	LAUNCH_CAPABILITIES = 1 << 0, /* lower all sets to `keep` */
	LAUNCH_NO_NEW_PRIVS = 1 << 1,
	LAUNCH_LISTENER = 1 << 2, /* the mediator answers what the filter notifies of */
	/* Without a filter where the kernel gives none: for those that only watch. */
	LAUNCH_FILTER_OPTIONAL = 1 << 3,
	/* What the engine's own filter may kill it for. */
	LAUNCH_STAYS = 1 << 4,	      /* cwd is "/", and it is there already */
	LAUNCH_NO_TERMINALS = 1 << 5, /* the streams stay as they are */
};

struct launch_policy {
	uint64_t keep; /* bit n: capability n of linux/capability.h stays where it is */
	uint32_t flags;
	uint32_t filter_count; /* 0: no filter */
	struct sock_filter filter[LAUNCH_FILTER_MAX];
};

struct launch_slot {
	char magic[16];		   /* LAUNCH_MAGIC, to find the slot in the image */
	char cwd[LAUNCH_CWD_ROOM]; /* process.cwd, with its NUL */
	struct launch_policy policy;
};

/* 16 bytes without a NUL; kept in two pieces so that only the slot itself holds them in a row. */
#define LAUNCH_MAGIC_HEAD "husk-lau"
#define LAUNCH_MAGIC_TAIL "nch-slot"

/*
 * How the listener gets to the mediator: the launcher looks this name up in its root, followed by
 * the number of the descriptor, and the mediator, who serves the root, takes a copy before it
 * answers with LAUNCH_TAKEN. Nothing is asked of the file system below.
 */
#define LAUNCH_WORD ".husk-launch-listener-"
#define LAUNCH_TAKEN 114 /* EALREADY: no lookup fails with it */

#endif
