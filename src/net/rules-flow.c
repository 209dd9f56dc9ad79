/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who began what, of all but TCP, where no rule asks for connections: sets of flows that rules
 * fill, by the other end's address and the ports of both, and what has been seen of each.
 *
 *	awaited   it was begun here: it may be answered
 *	arrived   it was begun outside: it may be answered
 *	alive     there was an answer: both ways are open, for as long as packets come
 *	here      over loopback, as its answer will go out
 *	consulted what the proxy has asked over loopback
 *
 * What has no answer is judged by its key again and again, as a name's address is in use for as
 * long as that is told of. They are apart so that no flood from outside takes the room of what is
 * begun here, and none over loopback that of the proxy's questions: where "alive" is full, answers
 * pass for as long as they are awaited. Where another is, an answer looks as if it were begun by
 * who gives it: where that would be learned, user space is told that there was no room. And what is
 * remembered over loopback is no way out: a socket that is bound to another interface sends to
 * addresses of loopback there.
 */
#include "net/rules-internal.h"

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <netinet/in.h>

/* What nft(8) lists a flow as: inet_proto . ipv6_addr . inet_service . inet_service. */
#define FLOW_TYPE (((12U << 6 | 8U) << 6 | 13U) << 6 | 13U)

#define AWAITED "awaited"
#define ARRIVED "arrived"
#define ALIVE "alive"
#define HERE "here"
#define CONSULTED "consulted"

enum {
	FLOW_BYTES = RULES_KEY_BYTES + 4,
	ANSWER_S = RULES_ANSWER_S, /* nf_conntrack_udp_timeout */
	ALIVE_S = 600,		   /* after the last packet: a program may be quiet for long */
};

enum flow_words { PORT_HERE = KEY_PORT, PORT_THERE = KEY_PORT + 1 };

static const uint8_t families[] = {NFPROTO_IPV4, NFPROTO_IPV6};

/* Whether there can be any that are begun by a key of these kinds. */
static bool are_begun(const struct rules *rules, rules_kinds of)
{
	return !rules->wanted->enforce || rules->wanted->others & of & ~(rules_kinds)KINDS_BARE;
}

static void match_no_tcp(struct nft *nft)
{
	match_u8(nft, NFT_META_L4PROTO, NFT_CMP_NEQ, IPPROTO_TCP);
}

/* from_there: the packet comes from the other end, or is what that will answer. */
static void load_flow(struct nft *nft, uint8_t family, bool from_there)
{
	match_u8(nft, NFT_META_NFPROTO, NFT_CMP_EQ, family);
	nft_meta(nft, KEY, NFT_META_L4PROTO);
	load_address(nft, family, from_there);
	nft_payload(nft, from_there ? PORT_THERE : PORT_HERE, NFT_PAYLOAD_TRANSPORT_HEADER, 0, 2);
	nft_payload(nft, from_there ? PORT_HERE : PORT_THERE, NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2);
}

/* ---- what is done with a packet's flow ---- */

struct step {
	const char *in; /* the set that it has to be in; NULL: none */
	const char *to; /* the set that it is in from now on; NULL: none */
	uint32_t seconds;
	bool accept;
};

static void add_step(struct nft *nft, const char *chain, bool from_there, const struct step *step)
{
	for (size_t i = 0; i < sizeof(families); i++) {
		nft_begin_rule(nft, chain);
		match_no_tcp(nft);
		load_flow(nft, families[i], from_there);
		if (step->in)
			nft_lookup(nft, KEY, step->in);
		if (step->to)
			nft_prolong(nft, KEY, step->to, step->seconds);
		if (step->accept)
			nft_accept(nft);
		nft_end_rule(nft);
	}
}

static const struct step goes_on = {ALIVE, ALIVE, ALIVE_S, true};

/* The answer to what is in `set`: where there is no room for its flow, it passes all the same. */
static void accept_answers(struct nft *nft, const char *chain, const char *set, bool from_there)
{
	const struct step remember = {set, ALIVE, ALIVE_S, false},
			  pass = {.in = set, .accept = true};

	add_step(nft, chain, from_there, &remember);
	add_step(nft, chain, from_there, &pass);
}

/* Over loopback, by the way that an answer takes. */
static void accept_here(struct nft *nft, const char *chain)
{
	for (size_t i = 0; i < sizeof(families); i++) {
		nft_begin_rule(nft, chain);
		match_loopback(nft, NFT_META_OIFTYPE, NFT_CMP_EQ);
		load_flow(nft, families[i], false);
		nft_lookup(nft, KEY, HERE);
		nft_prolong(nft, KEY, HERE, ALIVE_S);
		nft_accept(nft);
		nft_end_rule(nft);
	}
}

/* ---- the proxy's questions over loopback ---- */

/* Who answers them does so from whatever port an engine has led the question to (Docker's
 * 127.0.0.11): so none stands there. from_here: it is the question. */
static void load_consultation(struct nft *nft, uint8_t family, bool from_here)
{
	static const uint8_t any[4];

	match_u8(nft, NFT_META_NFPROTO, NFT_CMP_EQ, family);
	match_loopback(nft, NFT_META_OIFTYPE, NFT_CMP_EQ);
	nft_meta(nft, KEY, NFT_META_L4PROTO);
	load_address(nft, family, from_here);
	nft_value(nft, PORT_HERE, any, sizeof(any));
	nft_payload(nft, PORT_THERE, NFT_PAYLOAD_TRANSPORT_HEADER, from_here ? 0 : 2, 2);
}

static void add_consulting(struct nft *nft)
{
	nft_add_chain(nft, CONSULTING, NULL, 0, 0);
	for (size_t i = 0; i < sizeof(families); i++) {
		nft_begin_rule(nft, CONSULTING);
		match_no_tcp(nft);
		load_consultation(nft, families[i], true);
		nft_prolong(nft, KEY, CONSULTED, ANSWER_S);
		nft_end_rule(nft);
	}
	nft_begin_rule(nft, CONSULTING);
	nft_accept(nft);
	nft_end_rule(nft);
}

static void accept_consultations(struct nft *nft, const char *chain)
{
	for (size_t i = 0; i < sizeof(families); i++) {
		nft_begin_rule(nft, chain);
		load_consultation(nft, families[i], false);
		nft_lookup(nft, KEY, CONSULTED);
		nft_accept(nft);
		nft_end_rule(nft);
	}
}

/* ---- judging ---- */

void accept_flows_out(const struct rules *rules, const char *chain)
{
	struct nft *nft = rules->nft;

	if (are_begun(rules, KINDS_OUT | KINDS_IN))
		add_step(nft, chain, false, &goes_on);
	if (are_begun(rules, KINDS_IN))
		accept_answers(nft, chain, ARRIVED, false);
	if (are_begun(rules, KINDS_LOCAL))
		accept_here(nft, chain);
	if (rules->options->dns_mark != 0)
		accept_consultations(nft, chain);
}

/* Of a packet in pieces, which IPv6 has here still, the first tells; without it the others are
 * nothing. */
static void accept_fragments(struct nft *nft, const char *chain)
{
	static const uint8_t offset[] = {0xff, 0xf8}, first[2]; /* RFC 8200 section 4.5 */

	nft_begin_rule(nft, chain);
	match_u8(nft, NFT_META_NFPROTO, NFT_CMP_EQ, NFPROTO_IPV6);
	nft_extension(nft, OTHER, IPPROTO_FRAGMENT, 2, sizeof(first));
	nft_mask(nft, OTHER, offset, sizeof(offset));
	nft_compare(nft, OTHER, NFT_CMP_NEQ, first, sizeof(first));
	nft_accept(nft);
	nft_end_rule(nft);
}

void accept_flows_in(const struct rules *rules, const char *chain)
{
	struct nft *nft = rules->nft;

	if (are_begun(rules, KINDS_OUT | KINDS_IN))
		add_step(nft, chain, true, &goes_on);
	if (are_begun(rules, KINDS_OUT))
		accept_answers(nft, chain, AWAITED, true);
	accept_fragments(nft, chain);
}

void accept_known(const struct rules *rules, unsigned int kind, const char *begun)
{
	/* A connection is known by its number, a flow by its ports. */
	rules_kinds by = rules_track(rules->options) ? 0U : (rules_kinds)KINDS_BARE;
	rules_kinds begin = rules->wanted->others & ~by;

	if (begun && begin & RULES_KIND(kind))
		nft_goto(rules->nft, begun);
	else
		nft_accept(rules->nft);
}

void accept_unjudged(const struct rules *rules, const char *chain, const char *begun)
{
	struct nft *nft = rules->nft;

	nft_begin_rule(nft, chain);
	nft_meta(nft, OTHER, NFT_META_L4PROTO);
	match_ports(nft, OTHER, true);
	nft_goto(nft, begun);
	nft_end_rule(nft);
}

/* ---- sets, and the chains that fill them ---- */

/* Without a size it begins small, and holds 65535 (nft_dynset_init() of
 * net/netfilter/nft_dynset.c): so many a container can have of what the kernel does not count as
 * its memory. */
static void add_set(struct nft *nft, const char *name)
{
	const struct nft_set set = {name, NFT_SET_TIMEOUT | NFT_SET_EVAL, FLOW_TYPE, FLOW_BYTES, 0};

	nft_add_set(nft, &set);
}

static void add_begun(const struct rules *rules, const char *chain, const char *set,
		      uint32_t seconds, bool from_there)
{
	const struct step begin = {NULL, set, seconds, true};
	struct nft *nft = rules->nft;

	nft_add_chain(nft, chain, NULL, 0, 0);
	add_step(nft, chain, from_there, &begin);
	if (!rules->wanted->enforce)
		tell_no_room(rules, chain);
	nft_begin_rule(nft, chain);
	nft_accept(nft); /* it is TCP, or finds no room */
	nft_end_rule(nft);
}

void add_flows(const struct rules *rules)
{
	bool names = rules->options->dns_mark != 0;
	struct nft *nft = rules->nft;

	if (names) {
		add_set(nft, CONSULTED);
		add_consulting(nft);
	}
	if (are_begun(rules, KINDS_LOCAL)) {
		add_set(nft, HERE);
		add_begun(rules, BEGUN_HERE, HERE, ALIVE_S, true);
	}
	if (are_begun(rules, KINDS_OUT | KINDS_IN))
		add_set(nft, ALIVE);
	if (are_begun(rules, KINDS_OUT)) {
		add_set(nft, AWAITED);
		add_begun(rules, BEGUN, AWAITED, ANSWER_S, false);
	}
	if (are_begun(rules, KINDS_IN)) {
		add_set(nft, ARRIVED);
		add_begun(rules, BEGUN_THERE, ARRIVED, ANSWER_S, true);
	}
}
