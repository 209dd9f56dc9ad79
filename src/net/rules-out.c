/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What goes out, to this namespace itself too. */
#include "net/rules-internal.h"

#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_conntrack_tuple_common.h>
#include <linux/netfilter/nf_tables.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>

enum {
	OWN_MAX = 1024, /* connections that are remembered */
	OWN_S = 600,	/* so long after their last packet: longer than the kernel does most */
	MARK_TYPE = 19, /* what nft(8) lists a number of 4 bytes as */
};

/* A connection of TCP begins with a packet that has SYN and not ACK (RFC 9293 section 3.5); what
 * has not begun so goes nowhere. */
static void accept_tcp_begun(struct nft *nft)
{
	nft_begin_rule(nft, "output");
	match_tcp_flags(nft, TH_SYN | TH_ACK, NFT_CMP_NEQ, TH_SYN);
	nft_accept(nft);
	nft_end_rule(nft);
}

/* ---- who makes packets ---- */

/* made: only what a process sends, not what the kernel does. */
static void refuse_made_sources(const struct rules *rules, const char *chain, bool made)
{
	static const uint8_t families[] = {NFPROTO_IPV4, NFPROTO_IPV6};

	for (size_t i = 0; i < sizeof(families) && rules->wanted->enforce; i++) {
		nft_begin_rule(rules->nft, chain);
		if (made)
			match_users(rules->nft);
		match_made_source(rules->nft, families[i]);
		nft_drop(rules->nft);
		nft_end_rule(rules->nft);
	}
}

/*
 * What belongs to a connection need not be of who has it. A raw socket could answer the proxy, or
 * the function itself, in another's name. And anybody may send messages in, which the kernel
 * answers: what a raw socket sends for an answer, or for an error that belongs to it, is none of
 * the kernel's. Nor is an error that belongs to what another has begun, such as the proxy.
 */
static void judge_made_packets(const struct rules *rules)
{
	static const uint8_t messages[] = {IPPROTO_ICMP, IPPROTO_IGMP, IPPROTO_ICMPV6};
	struct nft *nft = rules->nft;

	if (rules->options->dns_mark != 0) {
		slow_guesses(nft, "output");
		accept_proxy_replies(rules, "output"); /* errors, too */
	}
	refuse_made_sources(rules, "output", true);
	for (size_t i = 0; i < sizeof(messages); i++) {
		nft_begin_rule(nft, "output");
		match_u8(nft, NFT_META_L4PROTO, NFT_CMP_EQ, messages[i]);
		match_direction(nft, IP_CT_DIR_REPLY);
		match_users(nft);
		nft_jump(nft, "judge-out");
		nft_end_rule(nft);
		nft_begin_rule(nft, "output");
		match_u8(nft, NFT_META_L4PROTO, NFT_CMP_EQ, messages[i]);
		match_ct_state(nft, NF_CT_STATE_BIT(IP_CT_RELATED));
		match_users(nft);
		nft_jump(nft, "judge-out");
		nft_end_rule(nft);
	}
}

/* Neighbour discovery that is not the kernel's own is a flow like any other. */
static void judge_made_discovery(const struct rules *rules)
{
	const struct rules_wanted *wanted = rules->wanted;
	struct nft *nft = rules->nft;

	nft_add_chain(nft, "discovery", NULL, 0, 0);
	nft_begin_rule(nft, "judge-out");
	match_u8(nft, NFT_META_L4PROTO, NFT_CMP_EQ, IPPROTO_ICMPV6);
	match_ct_state(nft, NF_CT_STATE_UNTRACKED_BIT);
	match_users(nft);
	nft_goto(nft, "discovery");
	nft_end_rule(nft);

	tell_bare6(rules, "discovery");
	if (wanted->denied & RULES_KIND(RULES_OUT6_BARE)) {
		nft_begin_rule(nft, "discovery");
		match_kind(nft, RULES_OUT6_BARE, "denied");
		nft_goto(nft, "reject");
		nft_end_rule(nft);
	}
	nft_begin_rule(nft, "discovery");
	if (wanted->enforce && wanted->known & RULES_KIND(RULES_OUT6_BARE))
		match_kind(nft, RULES_OUT6_BARE, "known");
	if (!wanted->enforce || wanted->known & RULES_KIND(RULES_OUT6_BARE))
		nft_accept(nft);
	else
		nft_goto(nft, "reject");
	nft_end_rule(nft);
	if (!wanted->enforce)
		return;
	nft_begin_rule(nft, "discovery");
	nft_goto(nft, "reject");
	nft_end_rule(nft);
}

/* ---- judging ---- */

static bool are_begun_remembered(const struct rules *rules)
{
	return rules_distrust(rules) && rules->wanted->passing;
}

static void reject(struct nft *nft)
{
	nft_goto(nft, "reject");
}

static void judge_again(struct nft *nft)
{
	nft_goto(nft, "judge-out"); /* which there is where something is denied */
}

/* By its key: what was denied is refused, and with `enforce` what is not known; what is known goes
 * on in the chain `begun`, where that is not NULL. */
static void judge_by_keys(const struct rules *rules, const char *chain, rules_kinds of,
			  void (*refuse)(struct nft *nft), const char *begun)
{
	const struct rules_wanted *wanted = rules->wanted;
	struct nft *nft = rules->nft;

	for (unsigned int kind = 0; kind < RULES_KINDS; kind++) {
		if (wanted->denied & of & RULES_KIND(kind)) {
			nft_begin_rule(nft, chain);
			match_kind(nft, kind, "denied");
			refuse(nft);
			nft_end_rule(nft);
		}
	}
	for (unsigned int kind = 0; kind < RULES_KINDS && wanted->enforce; kind++) {
		if (wanted->known & of & RULES_KIND(kind)) {
			nft_begin_rule(nft, chain);
			match_kind(nft, kind, "known");
			accept_known(rules, kind, begun);
			nft_end_rule(nft);
		}
	}
	if (!wanted->enforce)
		return; /* a packet that meets no verdict is accepted */
	nft_begin_rule(nft, chain);
	refuse(nft);
	nft_end_rule(nft);
}

/* Where what begins is remembered, in the chain `begun`. */
static void judge_keys(const struct rules *rules, const char *chain, rules_kinds of,
		       const char *begun)
{
	if (rules_track(rules->options)) {
		judge_by_keys(rules, chain, of, reject, are_begun_remembered(rules) ? BEGUN : NULL);
		return;
	}
	judge_by_keys(rules, chain, of, reject, begun);
	if (!rules->wanted->enforce)
		accept_unjudged(rules, chain, begun);
}

void refuse_foreign_sources(const struct rules *rules, const char *chain)
{
	if (!rules->wanted->enforce)
		return;
	if (rules->options->raw || rules->options->owned) {
		refuse_made_sources(rules, chain, false);
		return;
	}
	/* Of IPv4 the kernel lends nobody another's address but who may make rules or packets: it
	 * finds no route for it. */
	nft_begin_rule(rules->nft, chain);
	match_u8(rules->nft, NFT_META_NFPROTO, NFT_CMP_EQ, NFPROTO_IPV6);
	match_foreign_source(rules->nft);
	nft_drop(rules->nft);
	nft_end_rule(rules->nft);
}

/* Where less is enforced, what is sent to this namespace itself in another's name is refused all
 * the same: what then goes to that address would be an answer, and not told of. Who may translate
 * addresses, or make packets, may have a use for it, and so may others in the namespace. */
static void refuse_made_answers(const struct rules *rules)
{
	const struct net_options *options = rules->options;

	if (rules->wanted->enforce || options->raw || options->owned || options->leased)
		return;
	nft_begin_rule(rules->nft, "local");
	match_foreign_source(rules->nft);
	nft_drop(rules->nft);
	nft_end_rule(rules->nft);
}

/* Neighbour discovery has no connection, and is the kernel's own. */
static void accept_discovery(struct nft *nft, const char *chain)
{
	nft_begin_rule(nft, chain);
	match_u8(nft, NFT_META_L4PROTO, NFT_CMP_EQ, IPPROTO_ICMPV6);
	match_ct_state(nft, NF_CT_STATE_UNTRACKED_BIT);
	nft_accept(nft);
	nft_end_rule(nft);
}

static void refuse_stray(const struct rules *rules, const char *chain)
{
	nft_begin_rule(rules->nft, chain);
	match_ct_state(rules->nft, NF_CT_STATE_INVALID_BIT);
	end_stray(rules);
}

/*
 * Where connections may be another's: of what a socket without TCP sends, that is known which
 * answers at a port that is served, or belongs to what was known when it began. Those are
 * remembered where the time for which they are known may end first; what does not fit is judged by
 * its key.
 */
static void accept_own(const struct rules *rules)
{
	const struct nft_set own = {"own", NFT_SET_TIMEOUT | NFT_SET_EVAL, MARK_TYPE, 4, OWN_MAX};
	struct nft *nft = rules->nft;

	for (unsigned int kind = 0; kind < RULES_KINDS; kind++) {
		if (!(rules->wanted->known & KINDS_IN & RULES_KIND(kind)))
			continue;
		nft_begin_rule(nft, rules->judge_out);
		match_u8(nft, NFT_META_L4PROTO, NFT_CMP_NEQ, IPPROTO_TCP);
		match_served(nft, kind, "known");
		nft_accept(nft);
		nft_end_rule(nft);
	}
	if (!are_begun_remembered(rules))
		return;
	nft_add_set(nft, &own);
	nft_begin_rule(nft, rules->judge_out);
	match_u8(nft, NFT_META_L4PROTO, NFT_CMP_NEQ, IPPROTO_TCP);
	match_direction(nft, IP_CT_DIR_ORIGINAL);
	nft_ct(nft, OTHER, NFT_CT_ID);
	nft_lookup(nft, OTHER, own.name);
	nft_prolong(nft, OTHER, own.name, OWN_S);
	nft_accept(nft);
	nft_end_rule(nft);

	nft_add_chain(nft, BEGUN, NULL, 0, 0);
	nft_begin_rule(nft, BEGUN);
	match_u8(nft, NFT_META_L4PROTO, NFT_CMP_NEQ, IPPROTO_TCP);
	nft_ct(nft, OTHER, NFT_CT_ID);
	nft_remember(nft, OTHER, own.name, OWN_S);
	nft_accept(nft);
	nft_end_rule(nft);
	nft_begin_rule(nft, BEGUN);
	nft_accept(nft);
	nft_end_rule(nft);
}

/* What is known of loopback is this namespace's own addresses: a socket that is bound to lo sends
 * to any other there, too. */
static void add_judge_out(const struct rules *rules)
{
	const char *chain = rules->judge_out;
	struct nft *nft = rules->nft;

	if (rules_distrust(rules))
		accept_own(rules);
	if (rules->options->raw)
		judge_made_discovery(rules);
	if (rules_track(rules->options)) {
		refuse_stray(rules, chain);
		accept_discovery(nft, chain);
	}
	refuse_foreign_sources(rules, chain);
	nft_begin_rule(nft, chain);
	match_local(nft);
	nft_goto(nft, "local");
	nft_end_rule(nft);
	tell_out(rules, chain);
	judge_keys(rules, chain, KINDS_OUT, BEGUN);

	refuse_made_answers(rules);
	tell_local(rules, "local");
	judge_keys(rules, "local", KINDS_LOCAL, BEGUN_HERE);
}

/* What the kernel has to say is no flow. What a program's socket sends is, whatever kind of message
 * that is: more than echoes can be asked for (RFC 8335, since Linux 5.13). */
static void accept_messages_out(struct nft *nft, const char *chain)
{
	static const uint8_t messages[] = {IPPROTO_ICMP, IPPROTO_ICMPV6};

	for (size_t i = 0; i < sizeof(messages); i++) {
		nft_begin_rule(nft, chain);
		match_u8(nft, NFT_META_L4PROTO, NFT_CMP_EQ, messages[i]);
		match_users(nft);
		nft_return(nft);
		nft_end_rule(nft);
		nft_begin_rule(nft, chain);
		match_u8(nft, NFT_META_L4PROTO, NFT_CMP_EQ, messages[i]);
		nft_accept(nft);
		nft_end_rule(nft);
	}
}

/* What goes out to where it was denied. */
static void look_for_denied(const struct rules *rules, const char *chain,
			    void (*then)(struct nft *nft))
{
	struct nft *nft = rules->nft;

	for (unsigned int kind = 0; kind < RULES_KINDS; kind++) {
		if (!(rules->wanted->denied & KINDS_OUT & RULES_KIND(kind)))
			continue;
		nft_begin_rule(nft, chain);
		match_kind(nft, kind, "denied");
		then(nft);
		nft_end_rule(nft);
	}
}

/* Where no connections are asked for: what of all but TCP belongs to a flow that is remembered, or
 * is nobody's. A denial holds for what lives, too. */
static void add_others(const struct rules *rules)
{
	struct nft *nft = rules->nft;

	nft_add_chain(nft, "others", NULL, 0, 0);
	nft_begin_rule(nft, "output");
	match_u8(nft, NFT_META_L4PROTO, NFT_CMP_NEQ, IPPROTO_TCP);
	nft_jump(nft, "others");
	nft_end_rule(nft);
	if (rules->options->dns_mark != 0)
		accept_proxy_replies(rules, "others");
	accept_messages_out(nft, "others");
	look_for_denied(rules, "others", nft_return);
	refuse_foreign_sources(rules, "others"); /* no flow is remembered by this end's address */
	accept_flows_out(rules, "others");
}

/* What this end began without TCP lives on in the kernel's memory for as long as packets flow, so
 * a denial has to be looked for with each of them. */
static void add_live(const struct rules *rules)
{
	struct nft *nft = rules->nft;

	nft_add_chain(nft, "live", NULL, 0, 0);
	nft_begin_rule(nft, "output");
	match_ct_state(nft, NF_CT_STATE_BIT(IP_CT_ESTABLISHED));
	match_direction(nft, IP_CT_DIR_ORIGINAL);
	match_cgroup(nft, rules->options);
	nft_jump(nft, "live");
	nft_end_rule(nft);
	look_for_denied(rules, "live", judge_again);
}

/* What the kernel has to say of what came in, to who began it or who answered. */
static void accept_errors(struct nft *nft, const char *chain)
{
	static const uint8_t messages[] = {IPPROTO_ICMP, IPPROTO_ICMPV6};

	for (size_t i = 0; i < sizeof(messages); i++) {
		nft_begin_rule(nft, chain);
		match_u8(nft, NFT_META_L4PROTO, NFT_CMP_EQ, messages[i]);
		match_ct_state(nft, NF_CT_STATE_BIT(IP_CT_RELATED));
		nft_accept(nft);
		nft_end_rule(nft);
	}
}

/*
 * Who can make rules of its own can have an address translated after it was judged. So what leaves
 * is looked at once more, as late as can be, and by what stands in the packet: what goes where it
 * was told to has been told of before. Over loopback engines translate too (their resolvers).
 */
static void add_last_look(const struct rules *rules)
{
	struct nft *nft = rules->nft;

	if (rules->options->dns_mark != 0)
		accept_proxy(rules, "last");
	nft_begin_rule(nft, "last");
	match_loopback(nft, NFT_META_OIFTYPE, NFT_CMP_EQ);
	nft_accept(nft);
	nft_end_rule(nft);
	nft_begin_rule(nft, "last");
	match_direction(nft, IP_CT_DIR_REPLY);
	nft_accept(nft);
	nft_end_rule(nft);
	refuse_stray(rules, "last");
	accept_discovery(nft, "last");
	accept_errors(nft, "last");
	tell_out(rules, "last");
	/* where it can be answered no more */
	judge_by_keys(rules, "last", KINDS_OUT, nft_drop, NULL);
}

/* What a namespace inside, or a device that packets are written to (tun, veth), sends through here
 * has no socket that it is judged by, and can say for itself that it is an answer. So where it goes
 * does not make it known: that it is forwarded has to be. */
static void judge_forwarded(const struct rules *rules)
{
	tell_through(rules, "forward");
	judge_by_keys(rules, "forward", KINDS_THROUGH, nft_drop, NULL);
}

static bool is_apart(const struct rules *rules)
{
	return strcmp(rules->judge_out, "output") != 0;
}

/* What belongs to what was judged before. */
static void accept_living(const struct rules *rules)
{
	if (rules->options->dns_mark != 0 && !rules->options->raw)
		accept_proxy_replies(rules, "output");
	if (rules->wanted->denied & KINDS_OUT)
		add_live(rules);
	if (!rules_distrust(rules))
		accept_settled(rules, "output");
}

void add_out(const struct rules *rules)
{
	const struct net_options *options = rules->options;
	const struct rules_wanted *wanted = rules->wanted;
	struct nft *nft = rules->nft;

	add_telling(rules);
	nft_add_chain(nft, "local", NULL, 0, 0);
	if (wanted->enforce || wanted->denied & (KINDS_OUT | KINDS_LOCAL)) {
		nft_add_chain(nft, "reject", NULL, 0, 0);
		add_refusal(nft, "reject", nft_reject_prohibited);
	}
	if (is_apart(rules))
		nft_add_chain(nft, rules->judge_out, NULL, 0, 0);
	if (options->raw)
		judge_made_packets(rules);
	else
		accept_tcp_begun(nft);
	if (options->dns_mark != 0)
		lead_questions(rules, "output");
	if (rules_track(options))
		accept_living(rules);
	else
		add_others(rules);
	if (is_apart(rules)) {
		nft_begin_rule(nft, "output");
		match_cgroup(nft, options);
		nft_goto(nft, rules->judge_out);
		nft_end_rule(nft);
	}
	add_judge_out(rules);
	if (options->owned && options->cgroup == 0) {
		judge_forwarded(rules);
		add_last_look(rules);
	}
}
