/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUSK_COMPILE_RESTRICTING_H
#define HUSK_COMPILE_RESTRICTING_H

#include <stdbool.h>

#include "base/error.h"
#include "policy/behaviour.h"
#include "policy/image.h"

/*
 * What of a profile becomes the restriction that husk-launch applies (policy/restriction.h): a
 * filter and a set of capabilities hold for all programs of a container alike.
 */
struct restricting;

struct restricting *restricting_new(void); /* NULL: out of memory */
void restricting_free(struct restricting *restricting);

/* Takes from one behaviour what matters. by_hand: it is a person's word. Returns 0 or -ENOMEM. */
int restricting_add(struct restricting *restricting, const struct behaviour *b,
		    enum policy_match match, bool by_hand);

/* What the function does in this domain is known. */
void restricting_watched(struct restricting *restricting, enum domain domain);

/* Attaches it to the image. Returns 0 or -errno; the bytes are the same for the same behaviours in
 * any order. */
int restricting_attach(struct restricting *restricting, const struct policy_info *info,
		       struct policy_builder *builder, struct error *err);

#endif
