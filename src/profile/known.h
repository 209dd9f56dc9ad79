/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUSK_PROFILE_KNOWN_H
#define HUSK_PROFILE_KNOWN_H

#include <stdbool.h>
#include <stdint.h>

#include "policy/behaviour.h"
#include "profile/sketch.h"

/*
 * What a profile knows of one behaviour, and of one domain. Both are state-based CRDTs: joining is
 * commutative, associative and idempotent, and taking in a run is joining with what that run saw.
 * So journals and documents may arrive in any order and more than once.
 */
enum known_limits {
	KNOWN_AUTHOR_ROOM = 128, /* who set a mark, with its NUL */
};

struct known {
	uint32_t flags;	    /* enum behaviour_flags; image: in every sighting, others: in any */
	int64_t first_ns;   /* first run that was allowed it, 0: none */
	uint64_t first_run; /* that run's hash */
	int64_t denied_ns;  /* first run that was denied it, 0: none */
	int64_t last_hour;  /* last sighting, in hours since the epoch: so most runs change nothing
			     */
	struct sketch seen; /* runs that were allowed it */
	struct sketch denied; /* runs that were denied it */
	enum mark mark;
	int64_t mark_ns; /* 0: never marked */
	char mark_author[KNOWN_AUTHOR_ROOM];
};

/* Nothing seen, nothing said: the neutral element of known_join(). */
#define KNOWN_INIT ((struct known){.flags = BEHAVIOUR_IMAGE})

/* Takes in a sighting by the run `run` that ended at `at_ns` (> 0). Returns whether *known changed.
 */
bool known_see(struct known *known, uint32_t flags, uint64_t run, int64_t at_ns, bool denied);

/* Takes in what a person said at `at_ns`; the later word counts, deny before allow at the same
 * time. An author that is too long is cut. Returns whether *known changed. */
bool known_say(struct known *known, enum mark mark, const char *author, int64_t at_ns);

/* Joins `from` into `into`. Returns whether *into changed. */
bool known_join(struct known *into, const struct known *from);

/* Was it seen at all, allowed or denied? */
bool known_is_seen(const struct known *known);

/* First and last sighting of either kind, for people; 0 where never seen. */
int64_t known_first_ns(const struct known *known);
int64_t known_last_ns(const struct known *known);

/*
 * The mode of one domain of one revision. Ordered as (set_ns, by_hand, mode, -since_ns), and joined
 * by maximum: a person's later word counts; with the same word, who got further, earlier.
 */
struct known_mode {
	enum mode mode;
	bool by_hand;	  /* promotion leaves it alone */
	int64_t set_ns;	  /* when a person last said something, 0: never */
	int64_t since_ns; /* since when it is in this mode */
};

/* Returns whether *into changed. */
bool known_mode_join(struct known_mode *into, const struct known_mode *from);

#endif
