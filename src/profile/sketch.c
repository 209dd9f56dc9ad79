/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sets of runs by their smallest hashes. */
#include "profile/sketch.h"

#include <errno.h>
#include <string.h>

#include "base/hash.h"

uint64_t sketch_hash(const char *run_id)
{
	return hash64_text(run_id);
}

bool sketch_has(const struct sketch *sketch, uint64_t hash)
{
	for (uint32_t i = 0; i < sketch->count; i++) {
		if (sketch->hashes[i] == hash)
			return true;
	}
	return false;
}

bool sketch_add(struct sketch *sketch, uint64_t hash)
{
	uint32_t at = 0;

	while (at < sketch->count && sketch->hashes[at] < hash)
		at++;
	if (at == SKETCH_HASHES || (at < sketch->count && sketch->hashes[at] == hash))
		return false;
	if (sketch->count < SKETCH_HASHES)
		sketch->count++;
	memmove(&sketch->hashes[at + 1], &sketch->hashes[at],
		(sketch->count - at - 1) * sizeof(sketch->hashes[0]));
	sketch->hashes[at] = hash;
	return true;
}

bool sketch_join(struct sketch *into, const struct sketch *from)
{
	bool changed = false;

	for (uint32_t i = 0; i < from->count; i++)
		changed = sketch_add(into, from->hashes[i]) || changed;
	return changed;
}

int64_t sketch_runs(const struct sketch *sketch, const struct sketch *all, int64_t all_runs)
{
	const int last = SKETCH_HASHES - 1;
	double runs;

	if (sketch->count < SKETCH_HASHES)
		return sketch->count;
	/* Both sketches are of the same hashes, so their noise is shared and the ratio has little.
	 */
	if (all->count == SKETCH_HASHES && all_runs > 0)
		runs = (double)all_runs *
		       ((double)all->hashes[last] / (double)sketch->hashes[last]);
	else
		runs = last / ((double)sketch->hashes[last] / 18446744073709551616.0);
	if (runs < SKETCH_HASHES)
		runs = SKETCH_HASHES;
	if (all_runs > 0 && runs > (double)all_runs)
		return all_runs;
	return runs < 9e18 ? (int64_t)(runs + 0.5) : INT64_MAX;
}

size_t sketch_encode(const struct sketch *sketch, unsigned char *out)
{
	size_t len = 0;

	for (uint32_t i = 0; i < sketch->count; i++) {
		for (int shift = 56; shift >= 0; shift -= 8)
			out[len++] = (unsigned char)(sketch->hashes[i] >> shift);
	}
	return len;
}

int sketch_decode(const void *bytes, size_t len, struct sketch *ret)
{
	const unsigned char *at = bytes;
	struct sketch sketch = {0};

	if (len % 8 != 0 || len > SKETCH_BYTES_MAX)
		return -EINVAL;
	for (size_t i = 0; i < len; i += 8) {
		uint64_t hash = 0;

		for (size_t j = 0; j < 8; j++)
			hash = hash << 8 | at[i + j];
		if (sketch.count > 0 && hash <= sketch.hashes[sketch.count - 1])
			return -EINVAL;
		sketch.hashes[sketch.count++] = hash;
	}
	*ret = sketch;
	return 0;
}
