/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUSK_WRAP_WRAP_INTERNAL_H
#define HUSK_WRAP_WRAP_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>

#include "container/mountinfo.h"
#include "wrap/helper-internal.h"

/* What becomes of one mount of the container in the view. */
enum treatment { TREAT_SKIP, TREAT_ROOT, TREAT_NATIVE, TREAT_DATA, TREAT_COVERED, TREAT_PRIVATE };

struct wrap {
	struct helper *helper;
	struct mountinfo mounts;
	enum treatment *treatments; /* one for each mount */
	size_t *order;		    /* of all mounts: each after the one that it is mounted on */
	size_t n_early;		    /* so many at the start of `order` are as in mountinfo */
	const struct mountinfo_entry *root;
	int *held;   /* for each mount its successor, while there is more to do about it; else -1 */
	size_t gate; /* the mount that is no part of the container */
	int view_root; /* the mount that becomes the root, once it is there */
	int old_root;  /* O_PATH descriptor of the container's root before the wrap */
};

/* Is this a tmpfs that the runtime made for the container, and not a bind of one of the host's? */
bool wrap_made_for_container(const struct wrap *wrap, const struct mountinfo_entry *entry);

/*
 * Is that mount of a directory one of a volume in which the host and the container meet by sockets
 * or FIFOs? Returns why, a literal, or NULL. Such things cannot cross FUSE: the kernel finds them
 * by inode.
 */
const char *wrap_shares_sockets(const struct wrap *wrap, const struct mountinfo_entry *entry);

/* The mount with that id, or NULL. */
const struct mountinfo_entry *wrap_entry(const struct wrap *wrap, uint64_t id);

/*
 * Sets `order`, once the treatments are decided, and `n_early`. A mount can be older than the one
 * that it is mounted on, and stands before it in mountinfo then: a runtime that enters a user
 * namespace may open what only the host's root can, and mount it later. Returns 0 or -errno with
 * the helper's error set.
 */
int wrap_order(struct wrap *wrap);

/* Decides what of the view the container shall see as it is, once the treatments are decided.
 * Returns 0 or -errno with the helper's error set. */
int wrap_plan_natives(struct wrap *wrap);

/* Mounts the view over the root, which becomes the working directory, and in it all that the
 * treatments say, in its place. Returns 0 or -errno with the helper's error set. */
int wrap_attach(struct wrap *wrap);

#endif
