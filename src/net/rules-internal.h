/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUSK_NET_RULES_INTERNAL_H
#define HUSK_NET_RULES_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "net/net.h"
#include "net/nft.h"

/* What the rules are put together from. Everything here goes into the rule that was begun, or,
 * where it names a chain, adds rules to that. */

/* Words of the registers: where the key lies, and what else is looked at. */
enum words {
	KEY = 0, /* protocol, then the address, then the port */
	KEY_ADDRESS = 1,
	KEY_ADDRESS_V4 = 4,
	KEY_PORT = 5,
	OTHER = 8,
};

/* Priorities within a hook: include/uapi/linux/netfilter_ipv4.h. */
enum priorities {
	BEFORE_CONNTRACK = -300,
	AFTER_CONNTRACK = -199,	       /* and before every translation of addresses */
	BEFORE_NAT_DESTINATION = -101, /* an engine may redirect its resolver's address by then */
	FILTER = 0,
	AFTER_NAT_SOURCE = 101,
	LAST = INT32_MAX, /* of several with this one the kernel calls the oldest last */
};

enum address_source { FROM_V4, FROM_V6, FROM_LOOPBACK, FROM_NOTHING };

/* One way that flows go: which key is looked up, in a chain of its own. */
struct way {
	const char *chain;
	char told_as;
	enum address_source address;
	bool port; /* else 0 */
};

enum { MARKED_A_SECOND = 4096 };

/* What stands before an IPv4 address in a key: RFC 4291 section 2.5.5.2. */
extern const uint8_t rules_mapped[12];

/* ---- rules-match.c: a rule ends where these do not hold ---- */

/* One byte of what the kernel knows of the packet, NFT_META_*. */
void match_u8(struct nft *nft, uint32_t meta, uint8_t value);
/* NFT_META_IIFTYPE or NFT_META_OIFTYPE: the interface is the loopback. */
void match_loopback(struct nft *nft, uint32_t meta);
/* What the source or destination (NFTA_FIB_F_*) is to this namespace: RTN_*. */
void match_address_type(struct nft *nft, uint32_t of, uint32_t operation, uint32_t type);
/* IPv4 or IPv6 (NFPROTO_*) with another's address for the source, or one of many (broadcast). With
 * 0.0.0.0, which nobody has, begins who has no address yet. */
void match_foreign_source(struct nft *nft, uint8_t family);
/* Any of these bits, NF_CT_STATE_BIT(). */
void match_ct_state(struct nft *nft, uint32_t bits);
/* A protocol with ports, and (NFT_CMP_*) the destination's. */
void match_ports(struct nft *nft);
void match_port(struct nft *nft, uint32_t operation, uint16_t port);
/* From or for a socket of the container's, where the namespace is not its alone. */
void match_cgroup(struct nft *nft, const struct net_options *options);
/* Puts the packet's key into KEY. */
void load_key(struct nft *nft, const struct way *way);
/* TCP, and those of its flags that are in `of` compare (NFT_CMP_*) so to `flags`. */
void match_tcp_flags(struct nft *nft, uint8_t of, uint32_t operation, uint8_t flags);
/* Comes from a socket of a process, and not from the kernel itself: only the former has a user. */
void match_users(struct nft *nft);

/* ---- rules-proxy.c: what is the DNS proxy's, or goes to it ---- */

/* Is it for a socket of the proxy's? */
void match_proxy_socket(struct nft *nft, uint32_t mark);
/* Goes to the proxy, which judges. */
void accept_questions(struct nft *nft, const char *chain);
/* What the proxy asks a resolver by UDP, and what it hears: tracking that costs a tenth of a
 * lookup. */
void untrack_questions(struct nft *nft, const char *chain, bool out, uint32_t mark);
/* Untracked, it belongs to nothing that lives. */
void accept_answers(struct nft *nft, uint32_t mark);
/* The proxy's own packets. */
void accept_proxy(struct nft *nft, const char *chain, const struct net_options *options);
/* Whoever may set marks may try them all, millions a second: so only so many a second pass, the
 * proxy's own included, that it would take days. Nothing else would keep him from that: whatever
 * else a socket could carry, such as its priority, sock_diag(7) tells him. */
void slow_guesses(struct nft *nft, const char *chain);
/* Whoever may set marks may also ask for those of what he receives (SO_RCVMARK), from the proxy
 * over loopback too. */
void hide_proxy(struct nft *nft, const struct net_options *options);
/* Tells the proxy which address was asked: of a datagram that was redirected it would have to ask
 * the kernel, which costs a tenth of a lookup. Of connections the kernel tells for nothing. */
void mark_questions(struct nft *nft, const struct net_options *options);
/* Whatever goes to a port 53 goes to the proxy. */
void add_redirection(struct nft *nft, const struct net_options *options);
/* Past the redirection nothing but the proxy asks: the kernel may take a question from a port that
 * the proxy had for one of its own; and what a raw socket sends for a packet of its connections. */
void add_no_way_round(struct nft *nft, const struct net_options *options);

#endif
