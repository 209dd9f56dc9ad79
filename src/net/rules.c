/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The table of a namespace, as nft(8) would list it (of the ways one, the others are like it):
 *
 *	set known, denied { proto . address . port; timeout }
 *	set seen, told { the same, filled by packets }
 *
 *	chain output { hook output, before any address is translated
 *		tcp flags & (syn | ack) != syn accept
 *		udp dport 53 meta mark != PROXY ip daddr != PROXY meta mark set ip daddr
 *		ct state established ct direction original jump live
 *		ct state established,related accept
 *		[socket cgroupv2 ours] jump judge-out }
 *	chain judge-out { ip saddr != 0.0.0.0 fib saddr type != local goto stray
 *		by family, protocol, loopback: goto out4p ... }
 *	chain out4p {
 *		[KEY @denied, not told for some time: log
 *		 KEY @denied goto reject]
 *		KEY @known, not seen for some time: log
 *		KEY @known accept
 *		KEY not told for some time: log
 *		goto unknown }
 *	chain live { nothing, or by family and protocol: KEY @denied goto out4p ... }
 *	chain unknown { nothing, or with `enforce` goto reject }
 *
 * So a packet of a flow that lives costs one look at its flags or its connection, the first packet
 * of a known one some two lookups, and user space hears of a key once a minute however often it is
 * used. Rules name no interface: one that appears later is covered.
 *
 *	chain input { hook input
 *		tcp flags & syn == 0 accept
 *		tcp flags & (syn | ack) == syn | ack iif != lo jump answered [in a chain of its own]
 *		tcp flags & ack != 0 accept
 *		ct state established,related accept
 *		jump judge-in }
 *
 * What comes in is told of where a socket waits for it: anything else is no behaviour of the
 * function.
 *
 * Of a function that makes packets of its own, flags say nothing: then there are no rules for those
 * of TCP, and output begins
 *
 *		meta mark != 0 limit rate over MARKED_A_SECOND drop
 *		meta mark PROXY accept
 *		meta skuid readable ip saddr != 0.0.0.0 fib saddr type != local goto stray
 *		meta l4proto (icmp, icmpv6) ct direction reply meta skuid readable jump judge-out
 *		meta l4proto (icmp, icmpv6) ct state related meta skuid readable jump judge-out
 */
#include "net/rules.h"

#include <linux/icmpv6.h>
#include <linux/if_arp.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include "net/rules-internal.h"

/* What nft(8) lists a key as: inet_proto . ipv6_addr . inet_service, six bits each. */
#define KEY_TYPE ((12U << 6 | 8U) << 6 | 13U)
#define PROTOCOL_TYPE 12U

static const struct way ways[] = {
	{"out4p", RULES_OUT, FROM_V4, true},
	{"out6p", RULES_OUT, FROM_V6, true},
	{"out4", RULES_OUT, FROM_V4, false},
	{"out6", RULES_OUT, FROM_V6, false},
	{"local", RULES_LOCAL, FROM_LOOPBACK, true},
	{"local-any", RULES_LOCAL, FROM_LOOPBACK, false}, /* no port, or one of many */
	{"in", RULES_IN, FROM_NOTHING, true},
	{"in-any", RULES_IN, FROM_NOTHING, false},
};

/* ---- chains ---- */

/* A rule that ends where the key is not in `set`; NULL: never. */
static void begin_key_rule(struct nft *nft, const struct way *way, const char *set)
{
	nft_begin_rule(nft, way->chain);
	load_key(nft, way);
	if (set)
		nft_lookup(nft, KEY, set);
}

/* Tells of the key, in `set` (NULL: any), unless `memory` holds it. */
static void add_telling(struct nft *nft, const struct way *way, uint16_t log_group, const char *set,
			const char *memory)
{
	char prefix[] = {way->told_as, '\0'};

	begin_key_rule(nft, way, set);
	nft_first(nft, KEY, memory,
		  strcmp(memory, "seen") == 0 ? RULES_SEEN_AGAIN_S : RULES_TOLD_AGAIN_S);
	nft_log(nft, log_group, prefix);
	nft_end_rule(nft);
}

static void add_way(struct nft *nft, const struct way *way, uint16_t log_group, bool denials)
{
	if (denials) {
		add_telling(nft, way, log_group, "denied", "told");
		begin_key_rule(nft, way, "denied");
		nft_goto(nft, "reject");
		nft_end_rule(nft);
	}
	add_telling(nft, way, log_group, "known", "seen");
	begin_key_rule(nft, way, "known");
	nft_accept(nft);
	nft_end_rule(nft);
	add_telling(nft, way, log_group, NULL, "told");
	nft_begin_rule(nft, way->chain);
	nft_goto(nft, "unknown");
	nft_end_rule(nft);
}

/* A connection of TCP begins with a packet that has SYN and not ACK (RFC 9293 section 3.5); what
 * has not begun so goes nowhere. */
static void accept_tcp_begun_out(struct nft *nft, const struct net_options *options)
{
	if (options->raw)
		return;
	nft_begin_rule(nft, "output");
	match_tcp_flags(nft, TH_SYN | TH_ACK, NFT_CMP_NEQ, TH_SYN);
	nft_accept(nft);
	nft_end_rule(nft);
}

/*
 * A socket whose first packet was refused still takes the answer to it: its program can have the
 * reset thrown away (SO_ATTACH_FILTER), and tell a helper outside which number the answer needs. So
 * what answers is judged by where it comes from.
 */
static void judge_tcp_answers(struct nft *nft, const struct net_options *options, const char *chain)
{
	uint16_t loopback = ARPHRD_LOOPBACK;

	nft_begin_rule(nft, chain);
	match_tcp_flags(nft, TH_SYN | TH_ACK, NFT_CMP_EQ, TH_SYN | TH_ACK);
	nft_meta(nft, OTHER, NFT_META_IIFTYPE);
	nft_compare(nft, OTHER, NFT_CMP_NEQ, &loopback, sizeof(loopback));
	match_cgroup(nft, options);
	nft_jump(nft, "answered");
	nft_end_rule(nft);
}

/* Connections of TCP are not tracked where nobody else can ask for it: in a namespace of the
 * container's own, without CAP_NET_ADMIN, and nobody makes packets that belong to none. */
static bool is_tracked(const struct net_options *options)
{
	return options->owned || options->raw || options->leased || options->cgroup != 0;
}

static void accept_tcp_begun_in(struct nft *nft, const struct net_options *options)
{
	if (!options->raw) {
		nft_begin_rule(nft, "input");
		match_tcp_flags(nft, TH_SYN, NFT_CMP_EQ, 0);
		nft_accept(nft);
		nft_end_rule(nft);
	}

	/* Where connections are tracked, somebody may translate where they go: then their answers
	 * have the address that was asked for once that is undone. */
	if (is_tracked(options)) {
		nft_add_chain(nft, "answers", "filter", NF_INET_LOCAL_IN, AFTER_NAT_SOURCE);
		judge_tcp_answers(nft, options, "answers");
	} else {
		judge_tcp_answers(nft, options, "input");
	}
	if (options->raw)
		return;
	nft_begin_rule(nft, "input");
	match_tcp_flags(nft, TH_ACK, NFT_CMP_EQ, TH_ACK);
	nft_accept(nft);
	nft_end_rule(nft);
}

/* What this end began without TCP lives on in the kernel's memory for as long as packets flow, so
 * a denial has to be looked for with each of them. */
static void add_live(struct nft *nft, const struct net_options *options)
{
	uint8_t original = 0; /* IP_CT_DIR_ORIGINAL */

	nft_begin_rule(nft, "output");
	match_ct_state(nft, NF_CT_STATE_BIT(IP_CT_ESTABLISHED));
	nft_ct(nft, OTHER, NFT_CT_DIRECTION);
	nft_compare(nft, OTHER, NFT_CMP_EQ, &original, sizeof(original));
	match_cgroup(nft, options);
	nft_jump(nft, "live");
	nft_end_rule(nft);
}

static void add_base(struct nft *nft, const struct net_options *options, const char *chain,
		     const char *judge)
{
	nft_begin_rule(nft, chain);
	match_ct_state(nft, NF_CT_STATE_BIT(IP_CT_ESTABLISHED) | NF_CT_STATE_BIT(IP_CT_RELATED));
	nft_accept(nft);
	nft_end_rule(nft);

	nft_begin_rule(nft, chain);
	match_cgroup(nft, options);
	nft_jump(nft, judge);
	nft_end_rule(nft);
}

/* What belongs to no connection that is known is not worth a word, and with rules not let pass.
 * Neighbour discovery has none, and is the kernel's own. */
static void add_stray(struct nft *nft, const char *chain)
{
	nft_begin_rule(nft, chain);
	match_ct_state(nft, NF_CT_STATE_INVALID_BIT);
	nft_goto(nft, "stray");
	nft_end_rule(nft);

	nft_begin_rule(nft, chain);
	match_u8(nft, NFT_META_L4PROTO, IPPROTO_ICMPV6);
	match_ct_state(nft, NF_CT_STATE_UNTRACKED_BIT);
	nft_accept(nft);
	nft_end_rule(nft);
}

static void add_judge_local(struct nft *nft)
{
	nft_begin_rule(nft, "judge-local");
	match_ports(nft);
	match_port(nft, NFT_CMP_LT, PEER_EPHEMERAL_FIRST);
	nft_goto(nft, "local");
	nft_end_rule(nft);

	nft_begin_rule(nft, "judge-local");
	nft_goto(nft, "local-any");
	nft_end_rule(nft);
}

static const struct {
	uint8_t family;
	bool ports;
	const char *chain;
} outward[] = {
	{NFPROTO_IPV4, true, "out4p"},
	{NFPROTO_IPV6, true, "out6p"},
	{NFPROTO_IPV4, false, "out4"},
	{NFPROTO_IPV6, false, "out6"},
};

/* A rule in `chain` for what goes the way outward[i] and is in the set `set`. */
static void begin_outward(struct nft *nft, const char *chain, size_t i, const char *set)
{
	const struct way way = {
		chain,
		RULES_OUT,
		outward[i].family == NFPROTO_IPV4 ? FROM_V4 : FROM_V6,
		outward[i].ports,
	};

	nft_begin_rule(nft, chain);
	if (way.port)
		match_ports(nft);
	match_u8(nft, NFT_META_NFPROTO, outward[i].family);
	load_key(nft, &way);
	nft_lookup(nft, KEY, set);
}

/* Of what lives, what was denied since is judged again. */
static void add_denials(struct nft *nft, bool dns)
{
	if (dns)
		accept_questions(nft, "live");
	for (size_t i = 0; i < sizeof(outward) / sizeof(outward[0]); i++) {
		begin_outward(nft, "live", i, "denied");
		nft_goto(nft, outward[i].chain);
		nft_end_rule(nft);
	}
}

/* A rule for what comes in and whose key is in the set `set`, to a port or to any. */
static void begin_inward(struct nft *nft, const char *chain, bool port, const char *set)
{
	const struct way way = {chain, RULES_IN, FROM_NOTHING, port};

	nft_begin_rule(nft, chain);
	match_port(nft, port ? NFT_CMP_LT : NFT_CMP_GTE, PEER_EPHEMERAL_FIRST);
	load_key(nft, &way);
	nft_lookup(nft, KEY, set);
}

/*
 * What comes in where nobody waits is nobody's behaviour, and not told of. But the kernel remembers
 * it, and would take what is sent back for an answer, or might find a socket a moment later: what
 * may not come in gets no further than here.
 */
static void add_nobody(struct nft *nft, bool enforce, bool denials)
{
	for (int port = 0; port < 2; port++) {
		if (denials) {
			begin_inward(nft, "nobody", port, "denied");
			nft_goto(nft, "closed");
			nft_end_rule(nft);
		}
		if (enforce) {
			begin_inward(nft, "nobody", port, "known");
			nft_accept(nft);
			nft_end_rule(nft);
		}
	}
	nft_begin_rule(nft, "nobody");
	if (enforce)
		nft_goto(nft, "closed");
	else
		nft_accept(nft);
	nft_end_rule(nft);
}

static void begin_answered(struct nft *nft, bool v4, const char *set)
{
	uint8_t protocol = IPPROTO_TCP;

	nft_begin_rule(nft, "answered");
	match_u8(nft, NFT_META_NFPROTO, v4 ? NFPROTO_IPV4 : NFPROTO_IPV6);
	nft_value(nft, KEY, &protocol, sizeof(protocol));
	if (v4) {
		nft_value(nft, KEY_ADDRESS, rules_mapped, sizeof(rules_mapped));
		nft_payload(nft, KEY_ADDRESS_V4, NFT_PAYLOAD_NETWORK_HEADER, 12, 4);
	} else {
		nft_payload(nft, KEY_ADDRESS, NFT_PAYLOAD_NETWORK_HEADER, 8, 16);
	}
	nft_payload(nft, KEY_PORT, NFT_PAYLOAD_TRANSPORT_HEADER, 0, 2);
	nft_lookup(nft, KEY, set);
}

static void add_answered(struct nft *nft, const struct net_options *options, bool enforce,
			 bool denials)
{
	if (!enforce && !denials)
		return;
	if (options->dns_port != 0) {
		nft_begin_rule(nft, "answered");
		match_proxy_socket(nft, options->dns_mark);
		nft_accept(nft);
		nft_end_rule(nft);
	}
	for (int v4 = 0; v4 < 2; v4++) {
		if (denials) {
			begin_answered(nft, v4, "denied");
			nft_drop(nft);
			nft_end_rule(nft);
		}
		if (enforce) {
			begin_answered(nft, v4, "known");
			nft_accept(nft);
			nft_end_rule(nft);
		}
	}
	if (!enforce)
		return;
	nft_begin_rule(nft, "answered");
	nft_drop(nft);
	nft_end_rule(nft);
}

/* Neighbour discovery that is not the kernel's own is a flow like any other. */
static void judge_made_discovery(struct nft *nft)
{
	nft_begin_rule(nft, "judge-out");
	match_u8(nft, NFT_META_L4PROTO, IPPROTO_ICMPV6);
	match_ct_state(nft, NF_CT_STATE_UNTRACKED_BIT);
	match_users(nft);
	nft_goto(nft, "out6");
	nft_end_rule(nft);
}

/* made: only what a process sends, not what the kernel does. */
static void refuse_foreign_sources(struct nft *nft, const char *chain, bool made)
{
	static const uint8_t families[] = {NFPROTO_IPV4, NFPROTO_IPV6};

	for (size_t i = 0; i < sizeof(families); i++) {
		nft_begin_rule(nft, chain);
		if (made)
			match_users(nft);
		match_foreign_source(nft, families[i]);
		nft_goto(nft, "stray");
		nft_end_rule(nft);
	}
}

/* What is known of loopback is this namespace's own addresses: a socket that is bound to lo sends
 * to any other there, too. */
static void add_judge_out(struct nft *nft, const struct net_options *options)
{
	if (options->raw)
		judge_made_discovery(nft);
	add_stray(nft, "judge-out");
	/* A connection is remembered by its addresses, whichever way its packets went. One that
	 * went to this namespace itself, or to the proxy, would make an answer of what is sent to
	 * the address that it seemed to come from. */
	refuse_foreign_sources(nft, "judge-out", false);
	if (options->dns_port != 0)
		accept_questions(nft, "judge-out");
	nft_begin_rule(nft, "judge-out");
	match_loopback(nft, NFT_META_OIFTYPE);
	match_address_type(nft, NFTA_FIB_F_DADDR, NFT_CMP_EQ, RTN_LOCAL);
	nft_goto(nft, "judge-local");
	nft_end_rule(nft);
	for (size_t i = 0; i < sizeof(outward) / sizeof(outward[0]); i++) {
		nft_begin_rule(nft, "judge-out");
		if (outward[i].ports)
			match_ports(nft);
		match_u8(nft, NFT_META_NFPROTO, outward[i].family);
		nft_goto(nft, outward[i].chain);
		nft_end_rule(nft);
	}
}

static void accept_protocol(struct nft *nft, const char *chain, uint8_t protocol)
{
	nft_begin_rule(nft, chain);
	match_u8(nft, NFT_META_L4PROTO, protocol);
	nft_accept(nft);
	nft_end_rule(nft);
}

static void add_judge_in(struct nft *nft, bool shared)
{
	static const uint8_t messages[] = {IPPROTO_ICMP, IPPROTO_ICMPV6, IPPROTO_IGMP};
	static const uint8_t to_nobody[] = {IPPROTO_TCP, IPPROTO_UDP};

	/* Where the namespace is the container's alone, it was judged on its way out. */
	if (!shared) {
		nft_begin_rule(nft, "judge-in");
		match_loopback(nft, NFT_META_IIFTYPE);
		nft_accept(nft);
		nft_end_rule(nft);
	}
	/* The kernel answers these, and they tell it what became of packets: of connections that
	 * are not tracked, too. */
	for (size_t i = 0; i < sizeof(messages); i++)
		accept_protocol(nft, "judge-in", messages[i]);
	add_stray(nft, "judge-in");

	nft_begin_rule(nft, "judge-in");
	match_ports(nft);
	nft_has_socket(nft, OTHER);
	match_port(nft, NFT_CMP_LT, PEER_EPHEMERAL_FIRST);
	nft_goto(nft, "in");
	nft_end_rule(nft);

	nft_begin_rule(nft, "judge-in");
	match_ports(nft);
	nft_has_socket(nft, OTHER);
	nft_goto(nft, "in-any");
	nft_end_rule(nft);

	for (size_t i = 0; i < sizeof(to_nobody); i++) {
		nft_begin_rule(nft, "judge-in");
		match_u8(nft, NFT_META_L4PROTO, to_nobody[i]);
		nft_goto(nft, "nobody");
		nft_end_rule(nft);
	}

	nft_begin_rule(nft, "judge-in");
	nft_goto(nft, "in-any");
	nft_end_rule(nft);
}

/*
 * Rules that ask for connections make the kernel track all of them, which costs a new one of TCP a
 * tenth. Nobody here asks for those of TCP, so they are not tracked where nobody else can. Loopback
 * and port 53 are left out, since engines and husk translate addresses there; of the latter the
 * proxy's own questions need it not.
 */
static void add_untracking(struct nft *nft, const struct net_options *options)
{
	static const struct {
		const char *chain;
		uint32_t hook, interface, port_at;
	} ends[] = {
		{"untrack-out", NF_INET_LOCAL_OUT, NFT_META_OIFTYPE, 2},
		{"untrack-in", NF_INET_PRE_ROUTING, NFT_META_IIFTYPE, 0},
	};
	uint16_t loopback = ARPHRD_LOOPBACK, dns = htons(53);

	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		bool out = ends[i].hook == NF_INET_LOCAL_OUT;

		nft_add_chain(nft, ends[i].chain, "filter", ends[i].hook, BEFORE_CONNTRACK);
		if (options->dns_port != 0)
			untrack_questions(nft, ends[i].chain, out, options->dns_mark);
		nft_begin_rule(nft, ends[i].chain);
		match_u8(nft, NFT_META_L4PROTO, IPPROTO_TCP);
		nft_meta(nft, OTHER, ends[i].interface);
		nft_compare(nft, OTHER, NFT_CMP_NEQ, &loopback, sizeof(loopback));
		nft_payload(nft, OTHER, NFT_PAYLOAD_TRANSPORT_HEADER, ends[i].port_at, 2);
		nft_compare(nft, OTHER, NFT_CMP_NEQ, &dns, sizeof(dns));
		nft_untrack(nft);
		nft_end_rule(nft);
	}
}

/*
 * What belongs to a connection need not be of who has it. A raw socket could answer the proxy, or
 * the function itself, in another's name. And anybody may ask for echoes, which the kernel answers:
 * what a raw socket sends for an answer, or for an error that belongs to it, is none of the
 * kernel's. Nor is an error that belongs to what another has begun, such as the proxy.
 */
static void judge_made_packets(struct nft *nft, const struct net_options *options)
{
	static const uint8_t messages[] = {IPPROTO_ICMP, IPPROTO_ICMPV6};
	uint8_t reply = 1; /* IP_CT_DIR_REPLY */

	if (options->dns_port != 0) {
		slow_guesses(nft, "output");
		accept_proxy(nft, "output", options); /* it sends errors, too */
	}
	refuse_foreign_sources(nft, "output", true);
	for (size_t i = 0; i < sizeof(messages); i++) {
		nft_begin_rule(nft, "output");
		match_u8(nft, NFT_META_L4PROTO, messages[i]);
		nft_ct(nft, OTHER, NFT_CT_DIRECTION);
		nft_compare(nft, OTHER, NFT_CMP_EQ, &reply, sizeof(reply));
		match_users(nft);
		nft_jump(nft, "judge-out");
		nft_end_rule(nft);
		nft_begin_rule(nft, "output");
		match_u8(nft, NFT_META_L4PROTO, messages[i]);
		match_ct_state(nft, NF_CT_STATE_BIT(IP_CT_RELATED));
		match_users(nft);
		nft_jump(nft, "judge-out");
		nft_end_rule(nft);
	}
}

/*
 * Who can make rules of its own can have an address translated after it was judged. So what leaves
 * is looked at once more, as late as can be, and by what stands in the packet: the first packet of
 * a flow has been told of before. Over loopback engines translate too (their resolvers).
 */
static void add_last_look(struct nft *nft, const struct net_options *options)
{
	uint8_t reply = 1; /* IP_CT_DIR_REPLY */

	if (options->dns_port != 0)
		accept_proxy(nft, "last", options);
	nft_begin_rule(nft, "last");
	match_loopback(nft, NFT_META_OIFTYPE);
	nft_accept(nft);
	nft_end_rule(nft);
	nft_begin_rule(nft, "last");
	nft_ct(nft, OTHER, NFT_CT_DIRECTION);
	nft_compare(nft, OTHER, NFT_CMP_EQ, &reply, sizeof(reply));
	nft_accept(nft);
	nft_end_rule(nft);
	add_stray(nft, "last");
	for (size_t i = 0; i < sizeof(outward) / sizeof(outward[0]); i++) {
		begin_outward(nft, "last", i, "known");
		nft_accept(nft);
		nft_end_rule(nft);
	}
	nft_begin_rule(nft, "last");
	nft_drop(nft);
	nft_end_rule(nft);
}

static void add_sets(struct nft *nft, bool many)
{
	/* With a limit the kernel makes the set's table large enough for it at once. Growing while
	 * the keys come costs a third of the time that loading many takes. */
	const struct nft_set sets[] = {
		{"known", NFT_SET_TIMEOUT, KEY_TYPE, RULES_KEY_BYTES, many ? NET_PEERS_MAX : 0},
		{"denied", NFT_SET_TIMEOUT, KEY_TYPE, RULES_KEY_BYTES, 0},
		{"seen", NFT_SET_TIMEOUT | NFT_SET_EVAL, KEY_TYPE, RULES_KEY_BYTES, RULES_SEEN_MAX},
		{"told", NFT_SET_TIMEOUT | NFT_SET_EVAL, KEY_TYPE, RULES_KEY_BYTES, RULES_SEEN_MAX},
		{"with-ports", 0, PROTOCOL_TYPE, 1, 0},
	};
	struct nft_elements elements;

	for (size_t i = 0; i < sizeof(sets) / sizeof(sets[0]); i++)
		nft_add_set(nft, &sets[i]);
	nft_begin_elements(nft, &elements, "with-ports", false);
	for (unsigned int i = 0; i <= UINT8_MAX; i++) {
		uint8_t protocol = (uint8_t)i;

		if (peer_has_ports(protocol))
			nft_add_element(nft, &elements, &protocol, 1, 0);
	}
	nft_end_elements(nft, &elements);
}

/* Refuses connections of TCP by a reset, and all else by a message of ICMP. */
static void add_refusal(struct nft *nft, const char *chain, void (*tell)(struct nft *nft))
{
	nft_begin_rule(nft, chain);
	match_u8(nft, NFT_META_L4PROTO, IPPROTO_TCP);
	nft_reject_reset(nft);
	nft_end_rule(nft);
	nft_begin_rule(nft, chain);
	tell(nft);
	nft_end_rule(nft);
}

void rules_add_frame(struct nft *nft, const struct net_options *options, bool many)
{
	static const char *const inner[] = {
		"reject",    "unknown",	    "stray",	"live",	  "closed",
		"judge-out", "judge-local", "judge-in", "nobody", "answered",
	};

	add_sets(nft, many);
	for (size_t i = 0; i < sizeof(inner) / sizeof(inner[0]); i++)
		nft_add_chain(nft, inner[i], NULL, 0, 0);
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++)
		nft_add_chain(nft, ways[i].chain, NULL, 0, 0);
	add_refusal(nft, "reject", nft_reject_prohibited);
	add_refusal(nft, "closed", nft_reject_port); /* as the kernel answers where nobody waits */
	add_judge_local(nft);
	add_judge_out(nft, options);
	add_judge_in(nft, options->cgroup != 0);
	nft_add_chain(nft, "output", "filter", NF_INET_LOCAL_OUT, AFTER_CONNTRACK);
	nft_add_chain(nft, "input", "filter", NF_INET_LOCAL_IN, FILTER);
	if (!is_tracked(options))
		add_untracking(nft, options);
	if (options->owned && options->cgroup == 0)
		nft_add_chain(nft, "last", "filter", NF_INET_POST_ROUTING, LAST);
	accept_tcp_begun_out(nft, options);
	if (options->raw)
		judge_made_packets(nft, options);
	if (options->dns_port != 0)
		mark_questions(nft, options);
	add_live(nft, options);
	add_base(nft, options, "output", "judge-out");
	accept_tcp_begun_in(nft, options);
	if (options->dns_port != 0 && !is_tracked(options))
		accept_answers(nft, options->dns_mark);
	add_base(nft, options, "input", "judge-in");
	if (options->dns_port != 0) {
		add_redirection(nft, options);
		add_no_way_round(nft, options);
		if (options->raw)
			hide_proxy(nft, options);
	}
}

void rules_add_judgement(struct nft *nft, const struct net_options *options, uint16_t log_group,
			 bool enforce, bool denials)
{
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++)
		add_way(nft, &ways[i], log_group, denials);
	if (denials)
		add_denials(nft, options->dns_port != 0);
	add_nobody(nft, enforce, denials);
	add_answered(nft, options, enforce, denials);
	if (!enforce)
		return; /* a packet that meets no verdict is accepted */
	nft_begin_rule(nft, "unknown");
	nft_goto(nft, "reject");
	nft_end_rule(nft);
	nft_begin_rule(nft, "stray");
	nft_drop(nft);
	nft_end_rule(nft);
	if (options->owned && options->cgroup == 0)
		add_last_look(nft, options);
}

void rules_clear(struct nft *nft, const struct net_options *options)
{
	static const char *const sets[] = {"known", "denied", "seen", "told"};

	for (size_t i = 0; i < sizeof(sets) / sizeof(sets[0]); i++)
		nft_flush_set(nft, sets[i]);
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++)
		nft_flush_chain(nft, ways[i].chain);
	nft_flush_chain(nft, "live");
	nft_flush_chain(nft, "nobody");
	nft_flush_chain(nft, "answered");
	nft_flush_chain(nft, "unknown");
	nft_flush_chain(nft, "stray");
	if (options->owned && options->cgroup == 0)
		nft_flush_chain(nft, "last");
}

void rules_begin_keys(struct nft *nft, struct nft_elements *elements, bool denied, bool remove)
{
	nft_begin_elements(nft, elements, denied ? "denied" : "known", remove);
}

void rules_add_key(struct nft *nft, struct nft_elements *elements,
		   const uint8_t key[RULES_KEY_BYTES], uint64_t timeout_ms)
{
	nft_add_element(nft, elements, key, RULES_KEY_BYTES, timeout_ms);
}
