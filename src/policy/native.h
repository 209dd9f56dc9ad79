/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUSK_POLICY_NATIVE_H
#define HUSK_POLICY_NATIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/*
 * What a policy proposes to attach natively, past the view: the attachment POLICY_NATIVE of an
 * image, written by compile and read by the mediator, which sees whether a container is such that
 * it may be done. Records one after the other: kind (1 byte), uses (4, little endian), length of
 * the path (2, little endian), the path, a NUL.
 */
enum native_kind {
	NATIVE_IMAGE = 1,   /* a tree of image content: reading and listing it is inert */
	NATIVE_PRIVATE = 2, /* a directory that the function fills in bulk */
	NATIVE_DENIED = 3,  /* no proposal: this path was denied by hand, and stays mediated */
	/* The function meets the host by sockets or FIFOs in this directory of a volume: all of it.
	 * The path is widened as keys are. */
	NATIVE_SOCKETS = 4,
};

struct native_entry {
	enum native_kind kind;
	uint32_t uses;	  /* how many known behaviours lie at or below the path */
	const char *path; /* absolute, canonical */
};

/* Appends an entry; one whose path is longer than 65,535 bytes is left out. */
void native_put(struct buf *to, const struct native_entry *entry);

/*
 * Reads the entry at *at of `len` bytes and moves *at behind it. The path points into the bytes.
 * Returns 1, 0 at the end, or -EPROTO where the bytes are none of native_put()'s: a path that is
 * not absolute or not canonical, a NUL within it, an unknown kind, too few bytes.
 */
int native_next(const void *bytes, size_t len, size_t *at, struct native_entry *ret);

/* Is a directory in which the host is met so one of those that `path` lies in? */
bool native_has_sockets(const void *bytes, size_t len, const char *path);

#endif
