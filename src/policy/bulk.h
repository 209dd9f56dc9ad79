/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUSK_POLICY_BULK_H
#define HUSK_POLICY_BULK_H

#include <stdbool.h>
#include <stddef.h>

#include "policy/behaviour.h"

/*
 * Directories that a function makes itself and fills in bulk, as an archive that is unpacked, a
 * cache or a checkout: what lies below is the run's own, and its names are others each time. A
 * behaviour there has one key for all of them: that of the directory and BULK_SUFFIX. It stands for
 * them only in runs that made the directory.
 */
#define BULK_SUFFIX "/{below}"

/* So many names made below one directory in one run are bulk. */
enum { BULK_NAMES_MIN = 256 };

/*
 * May a behaviour, whose key is literal or widened, be known by the directory alone? Not what is
 * executed or loaded as code, nor what policy/guard.h names, nor what is outside of the files of
 * this container alone.
 */
bool bulk_covers(const struct behaviour *b);

/* Is `key` such a key? */
bool bulk_is(const char *key);

/* Does `path` lie below `dir`? */
bool bulk_lies_below(const char *path, const char *dir);

#endif
