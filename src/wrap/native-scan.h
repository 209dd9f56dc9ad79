/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUSK_WRAP_NATIVE_SCAN_H
#define HUSK_WRAP_NATIVE_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/*
 * Looks through a tree of the container's root for what must stay mediated although the rest of it
 * is attached natively: the holes. Those are
 *
 *   programs: regular files that anybody may execute. Past the view nobody would judge an
 *   execve(2), and the dynamic loader among them would run any other file
 *   what policy/guard.h names
 *   devices, sockets and FIFOs
 *
 * A directory with too many programs is a hole as a whole.
 */
enum native_scan_limits {
	NATIVE_NAMES_MAX = 4096,  /* looked at in one tree */
	NATIVE_HOLES_MAX = 64,	  /* of one tree: each is a mount, and some requests to make it */
	NATIVE_PROGRAMS_MAX = 32, /* of one directory before all of it is a hole */
};

/*
 * What a tree costs at every start, and what it saves: hundredths of what one file costs that is
 * used through the view, by a lookup, an open, a release and what a program asks besides. Measured:
 * 100 us for those; 5 us for a name, of which the tree's directory is read and the attributes are
 * asked for; 100 us for a hole, which is looked up in the view, mounted, and unmounted in the end.
 */
enum native_costs {
	NATIVE_COST_NAME = 3,
	NATIVE_COST_HOLE = 50,
	NATIVE_SAVED_BY_USE = 100,
};

/* What a tree has to be. */
struct native_rule {
	int64_t started_ns; /* what changed since (CLOCK_REALTIME) is no image content */
	uint32_t writer;    /* this user may change nothing in it or above; NATIVE_READONLY: nobody
			       can */
};
#define NATIVE_READONLY UINT32_MAX

struct native_holes {
	char **paths; /* absolute, owned */
	size_t count;
};

void native_holes_release(struct native_holes *holes);

/* Adds a copy of the path, unless it or a directory above is a hole already. Returns 0, -ENOMEM, or
 * -E2BIG: NATIVE_HOLES_MAX are there. */
int native_holes_add(struct native_holes *holes, const char *path);

/*
 * Scans the directory `path` (absolute) below `root_fd`, without passing into other mounts, as long
 * as it costs less than `uses` behaviours that lie in it save.
 * *seen gets the directories that were looked through, for native_scan_holds(). Returns 0 with the
 * holes added, or -errno with *ret_why why the tree cannot be attached natively, a constant text;
 * -EDOM where it is not worth it.
 */
int native_scan(int root_fd, const char *path, uint32_t uses, const struct native_rule *rule,
		struct native_holes *holes, struct buf *seen, const char **ret_why);

/*
 * Is the tree what native_scan() saw, now or in an earlier start? `seen`: two strings for each
 * directory, its path and what it is like: when it changed, and the like. Only whoever may write to
 * the image can change a file in it without its directory, and so what the function executes.
 */
bool native_scan_holds(int root_fd, const char *path, const struct native_rule *rule,
		       const struct buf *seen);

#endif
