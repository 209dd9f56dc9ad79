/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUSK_NET_KEPT_INTERNAL_H
#define HUSK_NET_KEPT_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>

#include "policy/peer.h"
#include "net/rules.h"

/* The peers that rules were written for: to be found by their names and keys. */

struct key {
	uint8_t bytes[RULES_KEY_BYTES];
	bool denied;
};

struct kept {
	struct peer *named; /* those with names, by name */
	size_t named_count;
	char *bytes;	  /* the names */
	struct key *keys; /* of the others, sorted */
	size_t keys_count;
	rules_kinds known, denied; /* of the keys of all */
	rules_kinds others;	   /* of the known ones without TCP */
	bool enforce;
	bool passing; /* a name leads to a peer without TCP */
};

/* Copies them to *ret, which kept_release() frees. Returns 0 or -ENOMEM. */
int kept_make(const struct peer *peers, size_t count, bool enforce, struct kept *ret);
void kept_release(struct kept *kept);
void kept_swap(struct kept *a, struct kept *b);

/* The first of the peers of a name; *ret_count of them. */
const struct peer *kept_named(const struct kept *kept, const char *name, size_t *ret_count);

/* Is this key there for good, whatever name leads to it? */
bool kept_has(const struct kept *kept, const struct key *key);

/* Of a peer with this address in the place of its own. */
struct key key_of(const struct peer *peer, const struct address *address);
bool key_equal(const struct key *a, const struct key *b);

#endif
