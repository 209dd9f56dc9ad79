/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUSK_PROFILE_SKETCH_H
#define HUSK_PROFILE_SKETCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A set of runs in 64 bytes: the 8 smallest of their hashes. Adding twice changes nothing, and
 * joining is commutative, associative and idempotent, so sketches of several nodes join without
 * counting anything twice. Up to 7 runs are counted exactly, more are estimated. Source: Bar-Yossef
 * et al., "Counting Distinct Elements in a Data Stream" (2002), k minimum values.
 */
enum sketch_limits {
	SKETCH_HASHES = 8,
	SKETCH_BYTES_MAX = SKETCH_HASHES * 8,
};

struct sketch {
	uint32_t count;
	uint64_t hashes[SKETCH_HASHES]; /* ascending, distinct */
};

/* The hash of a run, of its id. Run ids are random, so nobody can aim at it. */
uint64_t sketch_hash(const char *run_id);

/* Adds a run, or all of another sketch. Returns whether anything changed. */
bool sketch_add(struct sketch *sketch, uint64_t hash);
bool sketch_join(struct sketch *into, const struct sketch *from);

bool sketch_has(const struct sketch *sketch, uint64_t hash);

/*
 * How many runs: exact below 8; beyond it an estimate from the known number `all_runs` of runs that
 * sketch `all` is of, of which `sketch` is a part. It is exact again for what was in every run,
 * since then both are the same. Never more than all_runs, where that is known (not 0).
 */
int64_t sketch_runs(const struct sketch *sketch, const struct sketch *all, int64_t all_runs);

/* As bytes for storing: the hashes, big endian, ascending. Returns the length, at most
 * SKETCH_BYTES_MAX. */
size_t sketch_encode(const struct sketch *sketch, unsigned char *out);

/* The inverse. Returns 0, or -EINVAL (*ret untouched) for what sketch_encode() never writes. */
int sketch_decode(const void *bytes, size_t len, struct sketch *ret);

#endif
