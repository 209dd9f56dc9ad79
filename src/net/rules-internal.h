/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUSK_NET_RULES_INTERNAL_H
#define HUSK_NET_RULES_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "net/net.h"
#include "net/nft.h"
#include "net/rules.h"

/* What the rules are put together from. The kernel takes about two microseconds for a rule and one
 * for each expression in it, before every container's start: it looks each type up by its name. */

/* Words of the registers: where the key lies, and what else is looked at. */
enum words {
	KEY = 0, /* protocol, then the address, then the port */
	KEY_ADDRESS = 1,
	KEY_ADDRESS_V4 = 4, /* behind what maps it */
	KEY_PORT = 5,
	OTHER = 8,
};

/* Priorities within a hook: include/uapi/linux/netfilter_ipv4.h. */
enum priorities {
	AFTER_CONNTRACK = -199,	       /* and before every translation of addresses */
	BEFORE_NAT_DESTINATION = -101, /* an engine may redirect its resolver's address by then */
	FILTER = 0,
	AFTER_NAT_SOURCE = 101,
	LAST = INT32_MAX, /* of several with this one the kernel calls the oldest last */
};

enum { MARKED_A_SECOND = 4096 };

/* One transaction's rules. */
struct rules {
	struct nft *nft;
	const struct net_options *options;
	const struct rules_wanted *wanted;
	/* The chains that judge flows: the hook's own, where nothing comes between. */
	const char *judge_out, *judge_in;
};

#define RULES_KIND(kind) (1U << (kind))

/* Of each way, the kinds of its keys. */
enum rules_masks {
	KINDS_OUT_PORT = RULES_KIND(RULES_OUT4_PORT) | RULES_KIND(RULES_OUT6_PORT),
	KINDS_OUT = KINDS_OUT_PORT | RULES_KIND(RULES_OUT4_BARE) | RULES_KIND(RULES_OUT6_BARE),
	KINDS_LOCAL = RULES_KIND(RULES_LOCAL_PORT) | RULES_KIND(RULES_LOCAL_ANY) |
		      RULES_KIND(RULES_LOCAL_BARE),
	KINDS_THROUGH = RULES_KIND(RULES_THROUGH_ANY),
	KINDS_BARE = RULES_KIND(RULES_OUT4_BARE) | RULES_KIND(RULES_OUT6_BARE) |
		     RULES_KIND(RULES_LOCAL_BARE) | RULES_KIND(RULES_IN_BARE),
	KINDS_IN = RULES_KIND(RULES_IN_PORT) | RULES_KIND(RULES_IN_ANY) | RULES_KIND(RULES_IN_BARE),
};

/*
 * Whether rules ask for connections, which makes the kernel track all of them: where others may
 * translate addresses, or somebody makes packets. Elsewhere, in a namespace of the container's own
 * without CAP_NET_ADMIN and CAP_NET_RAW, none does: TCP is judged by its first packet and the
 * answer to that, and of all else rules remember who began it (rules-flow.c).
 */
bool rules_track(const struct net_options *options);

/* ---- rules-match.c: a rule ends where these do not hold ---- */

/* One byte of what the kernel knows of the packet, NFT_META_*; operation: NFT_CMP_*. */
void match_u8(struct nft *nft, uint32_t meta, uint32_t operation, uint8_t value);
/* NFT_META_IIFTYPE or NFT_META_OIFTYPE: the interface is, or is not, the loopback. */
void match_loopback(struct nft *nft, uint32_t meta, uint32_t operation);
/* Goes to one of this namespace's own addresses, by loopback. */
void match_local(struct nft *nft);
/* The source is another's address. One that is none (0.0.0.0 has who has no address yet) or one of
 * many counts as one's own: the kernel gives that to no socket of IPv4 that may not make packets.
 */
void match_foreign_source(struct nft *nft);
/* The same of IPv4 or IPv6 (NFPROTO_*) for whoever makes packets: only 0.0.0.0 counts. */
void match_made_source(struct nft *nft, uint8_t family);
/* Any of these bits, NF_CT_STATE_BIT(), of which a packet has one; or just this one. */
void match_ct_states(struct nft *nft, uint32_t bits);
void match_ct_state(struct nft *nft, uint32_t bit);
/* Nothing of its connection has passed yet: IPS_* of nf_conntrack_common.h. Its state is new until
 * the far end answers, and addresses are translated, or not, by the first packet alone. */
void match_unseen(struct nft *nft);
/* (NFT_CMP_*) the direction of the connection, IP_CT_DIR_*. */
void match_direction(struct nft *nft, uint8_t direction);
/* (NFT_CMP_*) the destination's port. */
void match_port(struct nft *nft, uint32_t operation, uint16_t port);
/* From or for a socket of the container's, where the namespace is not its alone. */
void match_cgroup(struct nft *nft, const struct net_options *options);
/* TCP, and those of its flags that are in `of` compare (NFT_CMP_*) so to `flags`. */
void match_tcp_flags(struct nft *nft, uint8_t of, uint32_t operation, uint8_t flags);
/* Comes from a socket of a process, and not from the kernel itself: only the former has a user. */
void match_users(struct nft *nft);

/* ---- rules-key.c ---- */

/* The key of the packet, if it has one of this kind, is in the set. */
void match_kind(struct nft *nft, enum rules_kind kind, const char *set);
/* It answers what came in by a key of that kind, KINDS_IN, in the set. */
void match_served(struct nft *nft, enum rules_kind kind, const char *set);
/* What answers a first packet of TCP comes from where a key of that kind, KINDS_OUT_PORT, in the
 * set leads. */
void match_answer(struct nft *nft, enum rules_kind kind, const char *set);
/* Rules that tell of what goes out, to this namespace itself, comes in, or is forwarded. */
void tell_out(const struct rules *rules, const char *chain);
void tell_local(const struct rules *rules, const char *chain);
void tell_in(const struct rules *rules, const char *chain);
void tell_through(const struct rules *rules, const char *chain);
/* The same of IPv6 without ports, whatever the kernel tracks. */
void tell_bare6(const struct rules *rules, const char *chain);
/* That a flow, which is not of TCP, finds no room. */
void tell_no_room(const struct rules *rules, const char *chain);
/* The sets that the above need; and a chain of tell_out()'s. */
void add_key_sets(const struct rules *rules);
void add_telling(const struct rules *rules);

/* The protocol of the packet, as it was loaded to the word, has ports, or none. */
void match_ports(struct nft *nft, unsigned int word, bool ports);
/* Of IPv4 or IPv6: loads the source's address, or the destination's, as it stands in keys. */
void load_address(struct nft *nft, uint8_t family, bool source);

/* ---- rules-flow.c: who began what, where no connections are asked for; of no TCP ---- */

/* Chains that remember and accept: what goes out, over loopback, and what came in. */
#define BEGUN "begun"
#define BEGUN_HERE "begun-here"
#define BEGUN_THERE "begun-there"
#define CONSULTING "consulting" /* what the proxy asks */

/* Of what is no TCP: what belongs to a flow that is remembered. */
void accept_flows_out(const struct rules *rules, const char *chain);
void accept_flows_in(const struct rules *rules, const char *chain);
/* What is known by a key of that kind goes on in that chain; else it is just accepted. */
void accept_known(const struct rules *rules, unsigned int kind, const char *begun);
/* Whatever has ports goes on there: where a packet that meets no verdict is accepted. */
void accept_unjudged(const struct rules *rules, const char *chain, const char *begun);
/* Those chains, and their sets. */
void add_flows(const struct rules *rules);

/* ---- rules-out.c, rules-in.c ---- */

void add_out(const struct rules *rules);
void add_in(const struct rules *rules);
/* A connection is remembered by its addresses, whichever way its packets went. One that went to
 * this namespace itself, or to the proxy, would make an answer of what is sent to the address that
 * it seemed to come from. Where less is enforced it is judged and told of like any other. */
void refuse_foreign_sources(const struct rules *rules, const char *chain);
/* Refuses connections of TCP by a reset, and all else by a message of ICMP. */
void add_refusal(struct nft *nft, const char *chain, void (*tell)(struct nft *nft));
/* What belongs to no connection that is known is not worth a word, and with rules not let pass. */
void end_stray(const struct rules *rules);
/* In a namespace that others share a connection may be another's: then being a part of one does not
 * make a packet known. */
bool rules_distrust(const struct rules *rules);
/* What belongs to what was judged. */
void accept_settled(const struct rules *rules, const char *chain);

/* ---- rules-proxy.c: what is the DNS proxy's, or goes to it ---- */

/* The proxy's own packets. */
void accept_proxy(const struct rules *rules, const char *chain);
/* Of those what it sends to programs; what it asks lead_questions() accepts. */
void accept_proxy_replies(const struct rules *rules, const char *chain);
/* What resolvers answer it. */
void accept_proxy_answers(const struct rules *rules, const char *chain);
/* Questions leave `chain` for one of their own, and the namespace for net_take_questions(). */
void lead_questions(const struct rules *rules, const char *chain);
/* Whoever may set marks may try them all, millions a second: so only so many a second pass, the
 * proxy's own included, that it would take days. Nothing else would keep him from that: whatever
 * else a socket could carry, such as its priority, sock_diag(7) tells him. */
void slow_guesses(struct nft *nft, const char *chain);
/* Whoever may set marks may also ask for those of what he receives (SO_RCVMARK), from the proxy
 * over loopback too. */
void hide_proxy(const struct rules *rules);
/* Connections to a port 53 go to the proxy. */
void add_redirection(const struct rules *rules);
/* Who can make rules of its own can have a port translated into that of a resolver. */
void add_no_way_round(const struct rules *rules);

#endif
