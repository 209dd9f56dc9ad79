/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUSK_WRAP_NATIVE_H
#define HUSK_WRAP_NATIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "wrap/native-known.h"
#include "wrap/native-scan.h"

/*
 * Native attachment: where the policy allows all of a directory, the container sees the directory
 * itself in place of the view's. What the policy proposes (policy/native.h) is taken only where
 * nothing is allowed by it that the view would deny:
 *
 *   A tree of image content is taken where the root is read-only, or the function is not root and
 * may change nothing in it; it is read-only then. With holes (native-scan.h), over which the view's
 * own files are bound: programs above all. So every execve(2) goes through the view. A directory
 * that is filled in bulk is taken where it is a tmpfs of the container's own and empty. It becomes
 * noexec: nothing in it runs, and nothing is mapped as code.
 *
 * And only where the container has neither CAP_SYS_ADMIN, with which it could remove those binds
 * and flags, nor CAP_DAC_READ_SEARCH, with which open_by_handle_at(2) on a directory of a file
 * system reaches all of its files. In a user namespace of its own a function finds both locked
 * (mount_namespaces(7)).
 */
enum native_limits {
	NATIVE_TREES_MAX = 8,  /* attached in one container */
	NATIVE_SCANS_MAX = 16, /* looked through before it is started */
};

/* What is to be attached, from the policy of a run. */
struct native_wish {
	const void *bytes;   /* the attachment POLICY_NATIVE; borrowed */
	size_t len;	     /* 0: nothing */
	bool enforced;	     /* else no directory that the function fills: that is to be seen */
	const char *sockets; /* where the detector table expects a volume with sockets; or "" */
	const void *volumes; /* the attachment for what it says of volumes, which is no wish but
			      * needed to work: of every run; borrowed */
	size_t volumes_len;
	struct native_rule rule;
	struct native_scans
		*scans; /* what was looked through before, or NULL; holes are taken out */
};

/*
 * Trees that were looked through while the runtime was still preparing the container, or in an
 * earlier start (native-known.h). They hold for the root mount that they were found on, unless
 * another hook has put something there since.
 */
struct native_scans {
	struct native_scan_result {
		const char *path; /* borrowed from the wish */
		struct native_holes holes;
		struct buf seen;
		const char *why; /* a literal, or in `known` */
		uint32_t uses;
		int result;
		uint32_t
			saved; /* uses, beside those of the trees in it; 0 where it cannot be had */
	} results[NATIVE_SCANS_MAX];
	size_t count;
	uint64_t mount_id;
	struct native_known known;
	bool fresh; /* holds what is not in `known` */
};

/* Looks through what native_plan() will want to know, below `root_fd`. */
void native_scans_make(struct native_scans *scans, const struct native_wish *wish, int root_fd);
void native_scans_release(struct native_scans *scans);

struct native_tree {
	char *path;
	struct native_holes holes;
	int *hole_fds;	   /* clones of the view's files, one a hole; -1. NULL once closed */
	int fd;		   /* clone of the directory, or -1 */
	uint32_t uses;	   /* what it saves */
	size_t holes_made; /* of the plan's, and those that were denied since, native-review.h */
	bool to_cover;	   /* the view's own tree is to cover it, and does */
	bool covered;
};

struct native_plan {
	struct native_tree trees[NATIVE_TREES_MAX];
	size_t count;
	struct native_refusal {
		const char *path; /* borrowed from the wish */
		const char *why;
	} refused[NATIVE_SCANS_MAX]; /* until it is told */
	size_t refused_count;
	char *private_path; /* where a tmpfs becomes native, or NULL */
	struct buf told;    /* what was attached, and what not and why; for people */
};

/* A mount of the container other than the root's and the gate, in mount order. */
struct native_mount {
	const char *point;
	bool is_private; /* a writable tmpfs that was made for the container */
};

/*
 * Plans for a container whose root is `root_fd` and whose first process has the capabilities
 * `capabilities` (a set of 1 << CAP_X) in any of its sets. Returns 0 or -ENOMEM; whatever else
 * stands against a directory leaves it mediated.
 */
int native_plan(struct native_plan *plan, const struct native_wish *wish, int root_fd,
		uint64_t capabilities, const struct native_mount *mounts, size_t mount_count);

/*
 * Attaches the trees of the plan in the view, which is the working directory, from the root
 * `root_fd`. Before anything else is attached there. Returns 0 or -errno, then the view is not to
 * be used.
 */
int native_attach(struct native_plan *plan, int root_fd);

/* Was anything in the volume mounted there denied by hand? Then all of it stays mediated. */
bool native_volume_is_denied(const struct native_wish *wish, const char *mount_point);

/* Closes the descriptors: what is attached stays so. */
void native_plan_close(struct native_plan *plan);

void native_plan_release(struct native_plan *plan);

#endif
