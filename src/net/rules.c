/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The table of a namespace, as nft(8) would list it, of a function that is enforced:
 *
 *	set known, denied { proto . address . port; timeout }
 *	set told { the same, filled by packets }
 *	set awaited, arrived, alive, here, consulted {
 *		proto . address . port here . port there; by packets }
 *
 *	chain output { hook output, before any address is translated
 *		tcp flags & (syn | ack) != syn accept
 *		th dport 53 jump asked
 *		meta l4proto != tcp jump others
 *		ip6 fib saddr type != { local, broadcast } drop
 *		oif lo fib daddr type local goto local
 *		KEY not told for some time: log
 *		[KEY @denied goto reject]
 *		[KEY @known goto begun]
 *		goto reject }
 *	chain asked {
 *		meta mark PROXY goto consulting
 *		queue to the proxy; connections, too, as long as there was none }
 *	chain others {
 *		meta mark PROXY accept
 *		icmp, icmpv6 type != echo-request accept
 *		[KEY @denied return]
 *		FLOW @alive accept
 *		FLOW @arrived: is @alive from now on; accept
 *		oif lo FLOW @here accept }
 *	chain begun { FLOW is @awaited from now on; accept }
 *	chain local { the same as output, with keys of loopback }
 *	chain input { hook input, after all translation of addresses
 *		tcp flags & syn == 0 accept
 *		iif lo accept
 *		tcp flags & ack == ack goto answered
 *		th sport 53 for a socket of PROXY accept
 *		meta l4proto != tcp FLOW @alive, @awaited accept
 *		icmp, igmp, icmpv6 accept
 *		the same with keys of what comes in, and @arrived }
 *	chain answered { [KEY of the source @known accept] drop }
 *
 * So a packet of a flow that lives costs one look at its flags or its flow, the first packet of a
 * known one some two lookups, and user space hears of a key once a minute however often it is used.
 * Rules name no interface: one that appears later is covered. A rule that looks for keys of some
 * kind is there where there are any; a policy that is replaced has all rules written anew. Where
 * less is enforced, the last rules are missing: a packet that meets no verdict is accepted.
 *
 * Nothing there asks for connections, which would make the kernel track all of them: a tenth of
 * what a new one costs. That takes a namespace where nobody else can ask for it, or make packets.
 * Only connections to a resolver are redirected to the proxy (chain dns, of nat), once there is
 *one. Elsewhere connections are asked for, in the place of others:
 *
 *		[ct state established ct direction original jump live]
 *		meta l4proto != tcp ct state established,related accept
 *	chain live { KEY @denied: judged again }
 *
 * In a namespace that others share being a part of a connection says nothing, so what of a control
 * group's is no TCP is judged packet by packet, and judge-out begins
 *
 *		meta l4proto != tcp ct direction reply KEY of the source @known accept
 *		[meta l4proto != tcp ct direction original ct id @own accept]
 *
 * Of a function that may make rules of its own there are two more:
 *
 *	chain forward { hook forward
 *		not told for some time: log
 *		[PROTOCOL @denied drop]
 *		[PROTOCOL @known accept]
 *		drop }
 *	chain last { hook postrouting, after all translation
 *		meta mark PROXY accept
 *		oif lo accept
 *		ct direction reply accept
 *		KEY as in output, but that what is not known is dropped }
 *
 * Where something comes between the hook and the judgement, that has a chain of its own: where only
 * a control group is judged, and of a function that makes packets of its own. Of that, flags say
 * nothing: then there are no rules for those of TCP, and output begins
 *
 *		meta mark != 0 limit rate over MARKED_A_SECOND drop
 *		meta mark PROXY accept
 *		meta skuid readable ip saddr != 0.0.0.0 fib saddr type != local drop
 *		meta l4proto (icmp, icmpv6) ct direction reply meta skuid readable jump judge-out
 *		meta l4proto (icmp, icmpv6) ct state related meta skuid readable jump judge-out
 */
#include "net/rules.h"

#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_conntrack_tuple_common.h>
#include <linux/netfilter/nf_tables.h>
#include <netinet/in.h>

#include "net/rules-internal.h"

bool rules_track(const struct net_options *options)
{
	return options->owned || options->raw || options->leased || options->cgroup != 0;
}

void end_stray(const struct rules *rules)
{
	if (rules->wanted->enforce)
		nft_drop(rules->nft);
	else
		nft_accept(rules->nft);
	nft_end_rule(rules->nft);
}

void add_refusal(struct nft *nft, const char *chain, void (*tell)(struct nft *nft))
{
	nft_begin_rule(nft, chain);
	match_u8(nft, NFT_META_L4PROTO, NFT_CMP_EQ, IPPROTO_TCP);
	nft_reject_reset(nft);
	nft_end_rule(nft);
	nft_begin_rule(nft, chain);
	tell(nft);
	nft_end_rule(nft);
}

bool rules_distrust(const struct rules *rules)
{
	return rules->options->cgroup != 0 && rules->wanted->enforce;
}

/* What of TCP belongs to a connection its flags have told, but of who makes packets. */
void accept_settled(const struct rules *rules, const char *chain)
{
	static const uint32_t states =
		NF_CT_STATE_BIT(IP_CT_ESTABLISHED) | NF_CT_STATE_BIT(IP_CT_RELATED);
	struct nft *nft = rules->nft;

	nft_begin_rule(nft, chain);
	if (!rules->options->raw)
		match_u8(nft, NFT_META_L4PROTO, NFT_CMP_NEQ, IPPROTO_TCP);
	match_ct_states(nft, states);
	if (rules_distrust(rules))
		match_direction(nft, IP_CT_DIR_REPLY);
	nft_accept(nft);
	nft_end_rule(nft);
}

/* The chains that the kernel calls: the same whatever is wanted. */
static void add_hooks(struct nft *nft, const struct net_options *options)
{
	nft_add_chain(nft, "output", "filter", NF_INET_LOCAL_OUT, AFTER_CONNTRACK);
	/* An engine's translation is undone by then: flows are remembered as they were begun. */
	nft_add_chain(nft, "input", "filter", NF_INET_LOCAL_IN,
		      rules_track(options) ? FILTER : AFTER_NAT_SOURCE);
	if (rules_track(options))
		nft_add_chain(nft, "answers", "filter", NF_INET_LOCAL_IN, AFTER_NAT_SOURCE);
	if (options->owned && options->cgroup == 0) {
		nft_add_chain(nft, "forward", "filter", NF_INET_FORWARD, FILTER);
		nft_add_chain(nft, "last", "filter", NF_INET_POST_ROUTING, LAST);
	}
	if (options->dns_mark == 0)
		return;
	if (options->owned)
		nft_add_chain(nft, "dns-only", "filter", NF_INET_LOCAL_OUT, FILTER);
	if (options->raw)
		nft_add_chain(nft, "hide", "filter", NF_INET_POST_ROUTING, LAST);
}

static void clear(struct nft *nft, const struct rules_wanted *wanted)
{
	nft_flush_rules(nft);
	rules_forget_told(nft);
	if (wanted->known)
		nft_flush_set(nft, "known");
	if (wanted->denied)
		nft_flush_set(nft, "denied");
}

void rules_write(struct nft *nft, const struct net_options *options,
		 const struct rules_wanted *wanted, bool again)
{
	bool apart = options->raw || options->cgroup != 0;
	const struct rules rules = {
		.nft = nft,
		.options = options,
		.wanted = wanted,
		.judge_out = apart || (rules_track(options) && wanted->denied & KINDS_OUT)
				     ? "judge-out"
				     : "output",
		.judge_in = options->cgroup != 0 ? "judge-in" : "input",
	};

	add_key_sets(&rules);
	if (again)
		clear(nft, wanted);
	else
		add_hooks(nft, options);
	if (!rules_track(options))
		add_flows(&rules);
	add_out(&rules);
	add_in(&rules);
	if (options->dns_mark == 0)
		return;
	if (wanted->dns_port != 0)
		add_redirection(&rules);
	if (options->owned)
		add_no_way_round(&rules);
	if (options->raw)
		hide_proxy(&rules);
}
