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
	RULES_TOLD_MAX = 65536, /* keys that can be told of in one such time */
	RULES_ANSWER_S = 30,	/* so long answers are waited for, as by the kernel */
};

/* What the prefix of a log message says. */
enum rules_way {
	RULES_OUT = 'o',
	RULES_LOCAL = 'l',
	RULES_IN = 'i',
	RULES_THROUGH = 't',
	RULES_NO_ROOM = 'r', /* of what cannot be remembered: its answer may be taken for a flow */
};

/* The shapes that keys have: each takes rules of its own to be looked up, which are there where a
 * policy has such keys. */
enum rules_kind {
	RULES_OUT4_PORT,
	RULES_OUT6_PORT,
	RULES_OUT4_BARE, /* a protocol without ports */
	RULES_OUT6_BARE,
	RULES_LOCAL_PORT,
	RULES_LOCAL_ANY, /* any port from PEER_EPHEMERAL_FIRST on */
	RULES_LOCAL_BARE,
	RULES_IN_PORT,
	RULES_IN_ANY,
	RULES_IN_BARE,
	RULES_THROUGH_ANY, /* whatever the port; only where rules look at what is forwarded */
	RULES_KINDS,
};

/* Sets of kinds: bits 1 << enum rules_kind. */
typedef uint32_t rules_kinds;

/* What is wanted of the rules. */
struct rules_wanted {
	bool enforce;		   /* what is unknown is refused */
	rules_kinds known, denied; /* of keys that are, or may come, into the sets */
	bool many;		   /* thousands of keys, NET_PEERS_MAX at most */
	/* Of those that are or were known, which have keys of other protocols than TCP. */
	rules_kinds others;
	bool passing; /* of other protocols than TCP, keys that are known for some time only */
	uint16_t log_group; /* whom they tell */
	uint16_t queue;	    /* whom they hand questions to */
	bool queue_target;  /* ... and by iptables' target */
	uint16_t dns_port; /* where connections to port 53 are redirected to; 0: handed over, too */
};

/* Writes the key of a peer, for PEER_OUT with `address` in the place of the peer's. */
void rules_key(const struct peer *peer, const struct address *address,
	       uint8_t out[RULES_KEY_BYTES]);

/* Of which kinds the keys of a peer are: of one with a name, those of either family. */
rules_kinds rules_kinds_of(const struct peer *peer);

/* How often user space hears of a key that is in use all the time. */
uint32_t rules_told_again_s(bool enforce);

/* Adds sets, chains and rules; again: in the place of those that are there. */
void rules_write(struct nft *nft, const struct net_options *options,
		 const struct rules_wanted *wanted, bool again);

/* From now on each key is told of anew. */
void rules_forget_told(struct nft *nft);

/* Adds keys to what is known or denied, or removes them. timeout_ms 0: for good. */
void rules_begin_keys(struct nft *nft, struct nft_elements *elements, bool denied, bool remove);
void rules_add_key(struct nft *nft, struct nft_elements *elements,
		   const uint8_t key[RULES_KEY_BYTES], uint64_t timeout_ms);

#endif
