/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUSK_NET_INTERNAL_H
#define HUSK_NET_INTERNAL_H

#include "net/kept-internal.h"
#include "net/names.h"
#include "net/net.h"

#define SECOND_NS INT64_C(1000000000)
#define NS_IN_MS 1000000

struct net {
	struct net_options options; /* what it borrows is not used after net_open() */
	char table[32];
	int rules_fd, log_fd, queue_fd; /* -1: none */
	uint16_t log_group, queue;
	uint16_t dns_port;	     /* of net_redirect(); 0: not yet */
	struct questions *questions; /* NULL: there was none yet */
	bool in_place;		     /* the table is there */
	bool queue_target;	     /* queue_has_target() */
	bool told_unknown;	     /* since it was forgotten what was told */
	struct kept kept;
	rules_kinds others; /* of what was known at any time: flows of these may live */
	struct names *names;
	uint32_t next_sequence;
	bool has_sequence;
	uint64_t messages; /* since `counted_from_ns`, for longer than the kernel keeps a key */
	int64_t counted_from_ns;
	int64_t full_until_ns; /* what is told of without TCP may be an answer */
};

/* A name's address is in use: so the name goes on to lead there. A program may ask once, and send
 * datagrams that nobody answers for days. */
void net_keep_address(struct net *net, const struct peer *peer);

/* Until when the names of an address, all `but` one (NULL: none), lead to this key of it; 0 where
 * none does. It may be over. */
int64_t net_key_until(const struct net *net, const struct address *address, const struct key *key,
		      const char *but);

/* The kernel has been told to forget what it told of. */
void net_forget_told(struct net *net);

#endif
