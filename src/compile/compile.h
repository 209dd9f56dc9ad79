/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUSK_COMPILE_COMPILE_H
#define HUSK_COMPILE_COMPILE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "policy/behaviour.h"
#include "policy/image.h"

/*
 * From a profile to a policy image (policy/image.h). A pure function of what is added: the same
 * behaviours in any order give the same bytes.
 */
struct compile;

#define cleanup_compile __attribute__((cleanup(compile_free_p)))

/* Begins the policy of one revision. Returns NULL: out of memory. */
struct compile *compile_new(void);
void compile_free(struct compile *compile); /* takes NULL */
void compile_free_p(struct compile **compile);

/*
 * Adds what is known of one behaviour: a mark decides, else whether it was admitted by what was
 * learned. What is neither is left out, and so is a novelty for good. Returns 0 or -errno.
 */
int compile_add(struct compile *compile, const struct behaviour *b, bool admitted, enum mark mark,
		struct error *err);

/* A run has shown what it does in this domain. Without any, nothing is known of what the function
 * needs there, and nothing is taken away before it starts. */
void compile_watched(struct compile *compile, enum domain domain);

/*
 * Emits the image; may be called again, with another serial. *ret_bytes is malloc'd, the caller
 * frees. Returns 0 or -errno.
 */
int compile_finish(struct compile *compile, const struct policy_info *info, void **ret_bytes,
		   size_t *ret_len, struct error *err);

#endif
