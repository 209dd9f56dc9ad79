/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUSK_NET_RULES_H
#define HUSK_NET_RULES_H

#include <stdbool.h>
#include <stdint.h>

#include "net/net.h"
#include "net/nft.h"

/*
 * The table: which chains and sets, and what they decide. A flow is known if its key is in the set
 * "known". The key is the same for both families: protocol, address (IPv4 as the IPv6 address that
 * maps it; ::1 for this namespace itself; :: for whoever comes in), port; see rules_key().
 */
#define RULES_KEY_BYTES 24

enum rules_constants {
	/* The first of RULES_LOG_GROUPS numbers that nobody else is likely to listen to: in a
	 * namespace that is shared each container takes one. */
	RULES_LOG_GROUP = 0x6875,
	RULES_LOG_GROUPS = 64,
	/* How often user space hears of a key that is in use all the time. Of one that is refused
	 * more often: whoever was to allow it may have done so since. */
	RULES_SEEN_AGAIN_S = 60,
	RULES_TOLD_AGAIN_S = 5,
	RULES_SEEN_MAX = 65536, /* keys that can be told of in one such time */
};

/* What the prefix of a log message says. */
enum rules_way {
	RULES_OUT = 'o',
	RULES_LOCAL = 'l',
	RULES_IN = 'i',
};

/* Writes the key of a peer, for PEER_OUT with `address` in the place of the peer's. */
void rules_key(const struct peer *peer, const struct address *address,
	       uint8_t out[RULES_KEY_BYTES]);

/* Adds the table's frame: sets and chains, and all rules that no policy changes. many: it will hold
 * thousands of keys, NET_PEERS_MAX at most. */
void rules_add_frame(struct nft *nft, const struct net_options *options, bool many);

/* Adds the other rules. log_group: whom they tell; enforce: what is unknown is refused; denials:
 * the set "denied" counts. */
void rules_add_judgement(struct nft *nft, const struct net_options *options, uint16_t log_group,
			 bool enforce, bool denials);

/* Takes back what rules_add_judgement() added, and every element. */
void rules_clear(struct nft *nft, const struct net_options *options);

/* Adds keys to what is known or denied, or removes them. timeout_ms 0: for good. */
void rules_begin_keys(struct nft *nft, struct nft_elements *elements, bool denied, bool remove);
void rules_add_key(struct nft *nft, struct nft_elements *elements,
		   const uint8_t key[RULES_KEY_BYTES], uint64_t timeout_ms);

#endif
