/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The rules of the DNS proxy. */
#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_tuple_common.h>
#include <linux/netfilter/nf_tables.h>
#include <netinet/in.h>

#include "net/rules-internal.h"

enum { DNS = 53 };

static void match_mark(const struct rules *rules, uint32_t operation)
{
	nft_meta(rules->nft, OTHER, NFT_META_MARK);
	nft_compare(rules->nft, OTHER, operation, &rules->options->dns_mark,
		    sizeof(rules->options->dns_mark));
}

/* Their port comes first: it leads most packets out before a socket is looked up. */
void accept_proxy_answers(const struct rules *rules, const char *chain)
{
	uint16_t dns = htons(DNS);
	struct nft *nft = rules->nft;

	nft_begin_rule(nft, chain);
	nft_payload(nft, OTHER, NFT_PAYLOAD_TRANSPORT_HEADER, 0, sizeof(dns));
	nft_compare(nft, OTHER, NFT_CMP_EQ, &dns, sizeof(dns));
	nft_socket_mark(nft, OTHER);
	nft_compare(nft, OTHER, NFT_CMP_EQ, &rules->options->dns_mark,
		    sizeof(rules->options->dns_mark));
	nft_accept(nft);
	nft_end_rule(nft);
}

void accept_proxy(const struct rules *rules, const char *chain)
{
	nft_begin_rule(rules->nft, chain);
	match_mark(rules, NFT_CMP_EQ);
	nft_accept(rules->nft);
	nft_end_rule(rules->nft);
}

/* They stay here: who may make rules, or sends in another's name, could have anybody answered. */
void accept_proxy_replies(const struct rules *rules, const char *chain)
{
	nft_begin_rule(rules->nft, chain);
	match_mark(rules, NFT_CMP_EQ);
	match_loopback(rules->nft, NFT_META_OIFTYPE, NFT_CMP_EQ);
	nft_accept(rules->nft);
	nft_end_rule(rules->nft);
}

/*
 * Only what begins a connection is redirected. The kernel may take a question from a port that the
 * proxy had for one of its own, answered or not; or what goes back to a port 53 for an answer; and
 * what a raw socket sends for a packet of the proxy's connections. So of what lives only that
 * passes which is answered from the proxy's port.
 */
static void accept_redirected(const struct rules *rules)
{
	uint16_t port = htons(rules->wanted->dns_port);
	struct nft *nft = rules->nft;

	nft_begin_rule(nft, "asked");
	nft_ct_tuple(nft, OTHER, NFT_CT_PROTO_SRC, IP_CT_DIR_REPLY);
	nft_compare(nft, OTHER, NFT_CMP_EQ, &port, sizeof(port));
	nft_accept(nft);
	nft_end_rule(nft);
}

/* Of UDP or TCP one is. */
static void return_no_question(struct nft *nft)
{
	static const uint8_t protocols[] = {IPPROTO_UDP, IPPROTO_TCP};

	nft_begin_rule(nft, "asked");
	nft_meta(nft, OTHER, NFT_META_L4PROTO);
	for (size_t i = 0; i < sizeof(protocols); i++)
		nft_compare(nft, OTHER, NFT_CMP_NEQ, &protocols[i], 1);
	nft_return(nft);
	nft_end_rule(nft);
}

void lead_questions(const struct rules *rules, const char *chain)
{
	struct nft *nft = rules->nft;

	nft_add_chain(nft, "asked", NULL, 0, 0);
	nft_begin_rule(nft, chain);
	match_port(nft, NFT_CMP_EQ, DNS);
	match_cgroup(nft, rules->options);
	nft_jump(nft, "asked");
	nft_end_rule(nft);

	return_no_question(nft);
	nft_begin_rule(nft, "asked");
	match_mark(rules, NFT_CMP_EQ);
	if (rules_track(rules->options))
		nft_accept(nft);
	else
		nft_goto(nft, CONSULTING);
	nft_end_rule(nft);
	if (rules->wanted->dns_port != 0)
		accept_redirected(rules);
	refuse_foreign_sources(rules, "asked");
	nft_begin_rule(nft, "asked");
	if (rules->wanted->dns_port != 0)
		match_u8(nft, NFT_META_L4PROTO, NFT_CMP_EQ, IPPROTO_UDP);
	if (rules->wanted->queue_target)
		nft_queue_target(nft, rules->wanted->queue);
	else
		nft_queue(nft, rules->wanted->queue);
	nft_end_rule(nft);
	if (rules->wanted->dns_port == 0)
		return;
	nft_begin_rule(nft, "asked");
	match_unseen(nft);
	nft_accept(nft);
	nft_end_rule(nft);
	nft_begin_rule(nft, "asked");
	nft_drop(nft);
	nft_end_rule(nft);
}

/* Ends the rule. */
static void redirect(const struct rules *rules)
{
	uint16_t port = htons(rules->wanted->dns_port);

	match_u8(rules->nft, NFT_META_L4PROTO, NFT_CMP_EQ, IPPROTO_TCP);
	match_port(rules->nft, NFT_CMP_EQ, DNS);
	nft_value(rules->nft, OTHER, &port, sizeof(port));
	nft_redirect(rules->nft, OTHER);
	nft_end_rule(rules->nft);
}

void add_redirection(const struct rules *rules)
{
	uint32_t again = NET_MARK_AGAIN(rules->options->dns_mark);
	struct nft *nft = rules->nft;

	nft_add_chain(nft, "dns", "nat", NF_INET_LOCAL_OUT, BEFORE_NAT_DESTINATION);
	nft_begin_rule(nft, "dns");
	nft_meta(nft, OTHER, NFT_META_MARK);
	nft_compare(nft, OTHER, NFT_CMP_EQ, &again, sizeof(again));
	redirect(rules);
	nft_begin_rule(nft, "dns");
	match_mark(rules, NFT_CMP_NEQ);
	match_cgroup(nft, rules->options);
	redirect(rules);
}

void add_no_way_round(const struct rules *rules)
{
	struct nft *nft = rules->nft;

	nft_begin_rule(nft, "dns-only");
	match_mark(rules, NFT_CMP_NEQ);
	match_u8(nft, NFT_META_L4PROTO, NFT_CMP_EQ, IPPROTO_UDP);
	match_port(nft, NFT_CMP_EQ, DNS);
	match_cgroup(nft, rules->options);
	nft_drop(nft);
	nft_end_rule(nft);
}

/* Of a connection's first packet that was sent again, too: one mark tells the other. */
void hide_proxy(const struct rules *rules)
{
	const uint32_t mark = rules->options->dns_mark, marks[] = {mark, NET_MARK_AGAIN(mark)};
	static const uint32_t nothing = 0;
	struct nft *nft = rules->nft;

	for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
		nft_begin_rule(nft, "hide");
		nft_meta(nft, OTHER, NFT_META_MARK);
		nft_compare(nft, OTHER, NFT_CMP_EQ, &marks[i], sizeof(marks[i]));
		nft_value(nft, OTHER, &nothing, sizeof(nothing));
		nft_set_meta(nft, OTHER, NFT_META_MARK);
		nft_end_rule(nft);
	}
}

void slow_guesses(struct nft *nft, const char *chain)
{
	static const uint32_t nothing = 0;

	nft_begin_rule(nft, chain);
	nft_meta(nft, OTHER, NFT_META_MARK);
	nft_compare(nft, OTHER, NFT_CMP_NEQ, &nothing, sizeof(nothing));
	nft_over_rate(nft, MARKED_A_SECOND);
	nft_drop(nft);
	nft_end_rule(nft);
}
