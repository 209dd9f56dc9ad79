/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What comes in. */
#include "net/rules-internal.h"

#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_tables.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>

/* ---- answers ---- */

/*
 * A socket whose first packet was refused still takes the answer to it: its program can have the
 * reset thrown away (SO_ATTACH_FILTER), and tell a helper outside which number the answer needs. So
 * what answers is judged by where it comes from.
 */
static void judge_answers(const struct rules *rules)
{
	const struct rules_wanted *wanted = rules->wanted;
	const struct net_options *options = rules->options;
	struct nft *nft = rules->nft;

	nft_add_chain(nft, "answered", NULL, 0, 0);
	if (options->dns_mark != 0)
		accept_proxy_answers(rules, "answered");
	for (unsigned int kind = 0; kind < RULES_KINDS; kind++) {
		if (wanted->denied & KINDS_OUT_PORT & RULES_KIND(kind)) {
			nft_begin_rule(nft, "answered");
			match_answer(nft, kind, "denied");
			nft_drop(nft);
			nft_end_rule(nft);
		}
	}
	for (unsigned int kind = 0; kind < RULES_KINDS && wanted->enforce; kind++) {
		if (wanted->known & KINDS_OUT_PORT & RULES_KIND(kind)) {
			nft_begin_rule(nft, "answered");
			match_answer(nft, kind, "known");
			nft_accept(nft);
			nft_end_rule(nft);
		}
	}
	nft_begin_rule(nft, "answered");
	if (wanted->enforce)
		nft_drop(nft);
	else
		nft_accept(nft);
	nft_end_rule(nft);
}

static bool are_answers_judged(const struct rules_wanted *wanted)
{
	return wanted->enforce || wanted->denied & KINDS_OUT_PORT;
}

/* Where connections are tracked, somebody may translate where they go: then their answers have the
 * address that was asked for once that is undone. */
static void add_late_answers(const struct rules *rules)
{
	struct nft *nft = rules->nft;

	if (!are_answers_judged(rules->wanted))
		return;
	judge_answers(rules);
	nft_begin_rule(nft, "answers");
	match_tcp_flags(nft, TH_SYN | TH_ACK, NFT_CMP_EQ, TH_SYN | TH_ACK);
	match_loopback(nft, NFT_META_IIFTYPE, NFT_CMP_NEQ);
	match_cgroup(nft, rules->options);
	nft_goto(nft, "answered");
	nft_end_rule(nft);
}

/* All else of TCP that does not begin a connection has been accepted. */
static void add_answers(const struct rules *rules)
{
	const struct rules_wanted *wanted = rules->wanted;
	struct nft *nft = rules->nft;

	if (are_answers_judged(wanted))
		judge_answers(rules);
	nft_begin_rule(nft, "input");
	match_tcp_flags(nft, TH_ACK, NFT_CMP_EQ, TH_ACK);
	if (are_answers_judged(wanted))
		nft_goto(nft, "answered");
	else
		nft_accept(nft);
	nft_end_rule(nft);
}

/* ---- what begins outside ---- */

/* The kernel answers these, and they tell it what became of packets: of connections that are not
 * tracked, too. */
static void accept_messages(struct nft *nft, const char *chain)
{
	static const struct {
		uint8_t first, last;
	} messages[] = {
		{IPPROTO_ICMP, IPPROTO_IGMP},
		{IPPROTO_ICMPV6, IPPROTO_ICMPV6},
	};

	for (size_t i = 0; i < sizeof(messages) / sizeof(messages[0]); i++) {
		nft_begin_rule(nft, chain);
		nft_meta(nft, OTHER, NFT_META_L4PROTO);
		nft_range(nft, OTHER, NFT_RANGE_EQ, &messages[i].first, &messages[i].last, 1);
		nft_accept(nft);
		nft_end_rule(nft);
	}
}

/*
 * Where nobody waits for it, UDP is answered as the kernel does, and remembered no more. Raw
 * sockets might wait for it: of who may have them all is left as it is.
 */
static void refuse_unserved(const struct rules *rules, const char *chain)
{
	struct nft *nft = rules->nft;

	if (rules->options->raw)
		return;
	nft_begin_rule(nft, chain);
	match_u8(nft, NFT_META_L4PROTO, NFT_CMP_EQ, IPPROTO_UDP);
	nft_has_socket(nft, OTHER);
	if (rules_track(rules->options))
		nft_accept(nft);
	else
		nft_goto(nft, BEGUN_THERE);
	nft_end_rule(nft);
	nft_begin_rule(nft, chain);
	match_u8(nft, NFT_META_L4PROTO, NFT_CMP_EQ, IPPROTO_UDP);
	nft_reject_port(nft);
	nft_end_rule(nft);
}

/*
 * What comes in where nobody waits is judged too: the kernel remembers it, and would take what is
 * sent back for an answer, or might find a socket a moment later. What may not come in looks as it
 * does where nobody waits.
 */
static void add_judge_in(const struct rules *rules)
{
	const struct rules_wanted *wanted = rules->wanted;
	const char *chain = rules->judge_in;
	struct nft *nft = rules->nft;

	accept_messages(nft, chain);
	if (rules_track(rules->options)) {
		nft_begin_rule(nft, chain);
		match_ct_state(nft, NF_CT_STATE_INVALID_BIT);
		end_stray(rules);
	}
	tell_in(rules, chain);
	for (unsigned int kind = 0; kind < RULES_KINDS; kind++) {
		if (wanted->denied & KINDS_IN & RULES_KIND(kind)) {
			nft_begin_rule(nft, chain);
			match_kind(nft, kind, "denied");
			nft_goto(nft, "closed");
			nft_end_rule(nft);
		}
	}
	for (unsigned int kind = 0; kind < RULES_KINDS && wanted->enforce; kind++) {
		if (wanted->known & KINDS_IN & RULES_KIND(kind)) {
			nft_begin_rule(nft, chain);
			match_kind(nft, kind, "known");
			accept_known(rules, kind, rules_track(rules->options) ? NULL : BEGUN_THERE);
			nft_end_rule(nft);
		}
	}
	if (wanted->enforce) {
		add_refusal(nft, chain, nft_reject_port);
		return;
	}
	refuse_unserved(rules, chain);
	if (!rules_track(rules->options))
		accept_unjudged(rules, chain, BEGUN_THERE);
}

/* Where no connections are asked for: what answers the proxy, or what was begun here. */
static void accept_begun_here(const struct rules *rules)
{
	if (rules->options->dns_mark != 0) /* TCP has been answered for */
		accept_proxy_answers(rules, "input");
	accept_flows_in(rules, "input");
}

void add_in(const struct rules *rules)
{
	const struct net_options *options = rules->options;
	struct nft *nft = rules->nft;

	if (rules->wanted->denied & KINDS_IN) {
		nft_add_chain(nft, "closed", NULL, 0, 0);
		add_refusal(nft, "closed", nft_reject_port);
	}
	if (!options->raw) {
		nft_begin_rule(nft, "input");
		match_tcp_flags(nft, TH_SYN, NFT_CMP_EQ, 0);
		nft_accept(nft);
		nft_end_rule(nft);
	}
	if (options->cgroup != 0 && options->dns_mark != 0)
		accept_proxy(rules, "input"); /* what it answers the function's questions */
	/* Where the namespace is the container's alone, it was judged on its way out. */
	if (options->cgroup == 0) {
		nft_begin_rule(nft, "input");
		match_loopback(nft, NFT_META_IIFTYPE, NFT_CMP_EQ);
		nft_accept(nft);
		nft_end_rule(nft);
	}
	if (rules_track(options))
		add_late_answers(rules);
	if (rules_track(options) && !options->raw) {
		nft_begin_rule(nft, "input");
		match_tcp_flags(nft, TH_ACK, NFT_CMP_EQ, TH_ACK);
		nft_accept(nft);
		nft_end_rule(nft);
	}
	if (rules_track(options)) {
		accept_settled(rules, "input");
	} else {
		add_answers(rules);
		accept_begun_here(rules);
	}
	if (strcmp(rules->judge_in, "input") != 0) {
		nft_add_chain(nft, rules->judge_in, NULL, 0, 0);
		nft_begin_rule(nft, "input");
		match_cgroup(nft, options);
		nft_goto(nft, rules->judge_in);
		nft_end_rule(nft);
		refuse_unserved(rules, "input");
	}
	add_judge_in(rules);
}
