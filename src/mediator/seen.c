/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A hash set with open addressing, of a power of two. */
#include "mediator/seen.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"

#define SLOTS_FIRST 256

int seen_open(struct seen *seen, uint64_t seed)
{
	*seen = (struct seen){.seed = seed, .slots = SLOTS_FIRST};
	seen->table = calloc(seen->slots, sizeof(*seen->table));
	return seen->table ? 0 : -ENOMEM;
}

void seen_close(struct seen *seen)
{
	free(seen->table);
	*seen = (struct seen){0};
}

/* Where it is, or else belongs. */
static uint64_t *find(uint64_t *table, uint32_t slots, uint64_t hash)
{
	for (uint32_t i = (uint32_t)hash & (slots - 1);; i = (i + 1) & (slots - 1)) {
		if (table[i] == hash || table[i] == 0)
			return &table[i];
	}
}

static bool place(uint64_t *table, uint32_t slots, uint64_t hash)
{
	uint64_t *at = find(table, slots, hash);
	bool new = *at == 0;

	*at = hash;
	return new;
}

static void grow(struct seen *seen)
{
	uint32_t slots = seen->slots * 2;
	uint64_t *table = calloc(slots, sizeof(*table));

	if (!table)
		return; /* fuller, slower, and still bounded by the check for a full table */
	for (uint32_t i = 0; i < seen->slots; i++) {
		if (seen->table[i])
			place(table, slots, seen->table[i]);
	}
	free(seen->table);
	seen->table = table;
	seen->slots = slots;
}

static uint64_t hash_of(const struct seen *seen, const struct behaviour *b, enum verdict verdict)
{
	uint32_t head[4] = {b->domain, b->access, verdict, b->flags};
	uint64_t hash = hash64_add(seen->seed, head, sizeof(head));

	hash = hash64_add(hash, b->program, strlen(b->program) + 1);
	return hash64_mix(hash64_add(hash, b->key, strlen(b->key))) | 1;
}

static bool is_full(const struct seen *seen)
{
	return seen->count >= SEEN_MAX || seen->count + 1 >= seen->slots;
}

enum seen_before seen_put(struct seen *seen, const struct behaviour *b, enum verdict verdict)
{
	uint64_t hash = hash_of(seen, b, verdict);

	if (seen->count >= seen->slots / 4 * 3 && seen->slots < SEEN_MAX * 2)
		grow(seen);
	if (is_full(seen))
		return SEEN_LOST;
	if (!place(seen->table, seen->slots, hash))
		return SEEN_KNOWN;
	seen->count++;
	return SEEN_NEW;
}

bool seen_would_be_new(const struct seen *seen, const struct behaviour *b, enum verdict verdict)
{
	uint64_t hash = hash_of(seen, b, verdict);

	return !is_full(seen) && *find(seen->table, seen->slots, hash) != hash;
}
