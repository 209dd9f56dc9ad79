/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUSK_JOURNAL_RUN_KEY_H
#define HUSK_JOURNAL_RUN_KEY_H

#include <stddef.h>
#include <stdint.h>

#include "base/hash.h"

/* Of a run file (run-file.h) as far as a program knows it that has no C library yet
 * (merge/early.c): so it calls nothing. */

#define RUN_KEY_ROOM 96

/* What a run file says once its run is merged. */
#define RUN_MERGED "merged\n"

/* Writes the name of the file to `out` of RUN_KEY_ROOM bytes: up to 64 bytes of the id and a hash
 * of id and bundle, since two engines may each have a container of one id. */
static inline void run_key_write(const char *id, size_t id_len, const char *bundle,
				 size_t bundle_len, char *out)
{
	uint64_t hash = hash64_add(hash64_add(HASH64_INIT, id, id_len), "", 1);
	size_t at = 0;

	hash = hash64_mix(hash64_add(hash, bundle, bundle_len));
	for (; at < id_len && at < 64; at++)
		out[at] = id[at];
	/* A leading dot would hide the file and make "." possible. */
	if (at > 0 && out[0] == '.')
		out[0] = '_';
	out[at++] = '-';
	for (int shift = 60; shift >= 0; shift -= 4)
		out[at++] = "0123456789abcdef"[hash >> shift & 15];
	out[at] = '\0';
}

#endif
