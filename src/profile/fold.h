/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUSK_PROFILE_FOLD_H
#define HUSK_PROFILE_FOLD_H

#include <stddef.h>

#include "policy/behaviour.h"

/*
 * Folds what one run did below each directory that it made and filled in bulk (policy/bulk.h) into
 * the one key that stands for all of it. A pure function of the set of the run's behaviours, so the
 * same run always teaches the same.
 */
struct fold {
	char **keys; /* owned; what folded behaviours have as their key */
	size_t count;
};

/*
 * Gives `behaviours` (of one run, none of them denied) their folded keys, in place. The topmost
 * directory counts, and only where the program that made it made at least BULK_NAMES_MIN names
 * below. Only ordinary behaviour is folded. *ret: to be released after the behaviours. Returns 0 or
 * -ENOMEM, with nothing folded.
 */
int fold_bulk(struct behaviour *const *behaviours, size_t count, struct fold *ret);

void fold_release(struct fold *fold);

#endif
