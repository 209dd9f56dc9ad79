/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUSK_COMPILE_NATIVES_H
#define HUSK_COMPILE_NATIVES_H

#include <stdbool.h>

#include "base/buf.h"
#include "policy/behaviour.h"
#include "policy/native.h"

/*
 * Which directories are worth to be attached natively, past the view: a pure function of the set of
 * behaviours that a profile holds. Nothing can be learned of a tree of image content, which may be
 * read in every mode; of a directory that is filled much can, so that waits until it is enforced.
 * Proposals: whether a container is such that one may be taken, no program to be denied in it and
 * nothing mounted there, is seen when it starts (wrap/native.h).
 *
 *   trees of image content of which at least NATIVES_USES_MIN files and directories are used, those
 *   in a tree before it
 *   directories in which the function makes at least NATIVES_FILES_MIN files, and of which nothing
 *   is executed, loaded as a library, denied by hand, or named by policy/guard.h
 *   directories of volumes in which the function and the host meet by sockets or FIFOs
 */
enum natives_limits {
	NATIVES_USES_MIN = 16,
	NATIVES_FILES_MIN = 256,
	NATIVES_DEPTH_MIN = 2, /* of a tree: /usr/lib */
	NATIVES_DEPTH_MAX = 4, /* /usr/local/lib/python3.11 */
	NATIVES_PRIVATE_DEPTH_MAX = 3,
	NATIVES_SOCKETS_MAX = 64, /* directories with sockets: each start compares them */
};

struct natives;

struct natives *natives_new(void);	    /* NULL: out of memory */
void natives_free(struct natives *natives); /* takes NULL */

/* Takes in what is known of one behaviour, as compile_add() does. Returns 0 or -ENOMEM. */
int natives_add(struct natives *natives, const struct behaviour *b, bool admitted, enum mark mark);

/* Appends the entries: what was denied, of which a live run is to hear, then the proposals, trees
 * after those in them; directories that the function fills only where `enforced`. */
void natives_finish(struct natives *natives, bool enforced, struct buf *to);

/* Why an entry is proposed, a sentence for people, appended. */
void natives_reason(const struct native_entry *entry, struct buf *to);

#endif
