/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUSK_MEDIATOR_SEEN_H
#define HUSK_MEDIATOR_SEEN_H

#include <stdbool.h>
#include <stdint.h>

#include "policy/behaviour.h"

/* Which behaviours had which verdicts in this run: each is recorded and told of once. */
enum seen_limits {
	SEEN_MAX = 65536, /* behaviours of one run; beyond, they count as lost */
};

/* Begins as {0}. Hashes, from a value that a container cannot know. */
struct seen {
	uint64_t seed;
	uint64_t *table; /* 0 for an empty slot */
	uint32_t count, slots;
};

/* seed: a random value of this run. Returns 0 or -ENOMEM. */
int seen_open(struct seen *seen, uint64_t seed);
void seen_close(struct seen *seen);

enum seen_before { SEEN_NEW, SEEN_KNOWN, SEEN_LOST };

/* Remembers it. SEEN_LOST: it may be new, and there is no room. Allocates where the table grows. */
enum seen_before seen_put(struct seen *seen, const struct behaviour *b, enum verdict verdict);

/* Would seen_put() answer SEEN_NEW? */
bool seen_would_be_new(const struct seen *seen, const struct behaviour *b, enum verdict verdict);

#endif
