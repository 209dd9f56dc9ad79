/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The rules of the DNS proxy. */
#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_conntrack_tuple_common.h>
#include <linux/netfilter/nf_tables.h>
#include <netinet/in.h>
#include <string.h>

#include "net/rules-internal.h"

/* What nft(8) lists it as: inet_proto . inet_service. */
#define QUESTION_TYPE (12U << 6 | 13U)

enum { QUESTION_BYTES = 8, DNS = 53 };

static const uint8_t protocols[] = {IPPROTO_UDP, IPPROTO_TCP};

void add_proxy_sets(const struct rules *rules)
{
	const struct nft_set questions = {"questions", 0, QUESTION_TYPE, QUESTION_BYTES, 0};
	uint8_t key[QUESTION_BYTES] = {[5] = DNS};
	struct nft_elements elements;

	nft_add_set(rules->nft, &questions);
	nft_begin_elements(rules->nft, &elements, questions.name, false);
	for (size_t i = 0; i < sizeof(protocols); i++) {
		key[0] = protocols[i];
		nft_add_element(rules->nft, &elements, key, sizeof(key), 0);
	}
	nft_end_elements(rules->nft, &elements);
}

/* UDP or TCP, to port 53. The port alone leads most packets out sooner than the set. */
static void match_question(struct nft *nft)
{
	match_port(nft, NFT_CMP_EQ, DNS);
	nft_meta(nft, OTHER, NFT_META_L4PROTO);
	nft_payload(nft, OTHER + 1, NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2);
	nft_lookup(nft, OTHER, "questions");
}

static void match_mark(const struct rules *rules, uint32_t operation)
{
	nft_meta(rules->nft, OTHER, NFT_META_MARK);
	nft_compare(rules->nft, OTHER, operation, &rules->options->dns_mark,
		    sizeof(rules->options->dns_mark));
}

void match_proxy_socket(struct nft *nft, uint32_t mark)
{
	nft_socket_mark(nft, OTHER);
	nft_compare(nft, OTHER, NFT_CMP_EQ, &mark, sizeof(mark));
}

void accept_proxy(const struct rules *rules, const char *chain)
{
	nft_begin_rule(rules->nft, chain);
	match_mark(rules, NFT_CMP_EQ);
	nft_accept(rules->nft);
	nft_end_rule(rules->nft);
}

/* Over loopback, where addresses are translated, all is tracked. What comes in for the proxy gets
 * its mark, so that its socket is looked up once. */
void untrack_questions(const struct rules *rules, const char *chain, bool out)
{
	uint16_t dns = htons(DNS);
	struct nft *nft = rules->nft;

	nft_begin_rule(nft, chain);
	if (out) {
		match_mark(rules, NFT_CMP_EQ);
		match_loopback(nft, NFT_META_OIFTYPE, NFT_CMP_NEQ);
	} else {
		nft_payload(nft, OTHER, NFT_PAYLOAD_TRANSPORT_HEADER, 0, 2);
		nft_compare(nft, OTHER, NFT_CMP_EQ, &dns, sizeof(dns));
		match_proxy_socket(nft, rules->options->dns_mark);
		nft_set_meta(nft, OTHER, NFT_META_MARK);
	}
	nft_untrack(nft);
	nft_end_rule(nft);
}

/*
 * Tells the proxy which address was asked: of a datagram that was redirected it would have to ask
 * the kernel, which costs a tenth of a lookup. Of connections the kernel tells for nothing.
 */
static void mark_questions(const struct rules *rules)
{
	const struct net_options *options = rules->options;
	struct nft *nft = rules->nft;

	nft_begin_rule(nft, "asked");
	match_u8(nft, NFT_META_NFPROTO, NFT_CMP_EQ, NFPROTO_IPV4);
	nft_payload(nft, OTHER, NFT_PAYLOAD_NETWORK_HEADER, 16, 4);
	/* the one address that would make the question the proxy's own */
	nft_compare(nft, OTHER, NFT_CMP_NEQ, &options->dns_mark, sizeof(options->dns_mark));
	nft_set_meta(nft, OTHER, NFT_META_MARK);
	nft_end_rule(nft);
}

/*
 * Only what begins a connection is redirected. The kernel may take a question from a port that the
 * proxy had for one of its own, answered or not; or what goes back to a port 53 for an answer; and
 * what a raw socket sends for a packet of the proxy's connections. So of what lives only that
 * passes which is answered from the proxy's port.
 */
static void accept_redirected(const struct rules *rules)
{
	uint16_t port = htons(rules->options->dns_port);
	struct nft *nft = rules->nft;

	nft_begin_rule(nft, "asked");
	nft_ct_tuple(nft, OTHER, NFT_CT_PROTO_SRC, IP_CT_DIR_REPLY);
	nft_compare(nft, OTHER, NFT_CMP_EQ, &port, sizeof(port));
	nft_accept(nft);
	nft_end_rule(nft);
}

void lead_questions(const struct rules *rules, const char *chain)
{
	struct nft *nft = rules->nft;

	nft_add_chain(nft, "asked", NULL, 0, 0);
	nft_begin_rule(nft, chain);
	match_question(nft);
	match_cgroup(nft, rules->options);
	nft_goto(nft, "asked");
	nft_end_rule(nft);

	accept_proxy(rules, "asked");
	mark_questions(rules);
	accept_redirected(rules);
	refuse_foreign_sources(rules, "asked");
	nft_begin_rule(nft, "asked");
	match_unseen(nft);
	nft_accept(nft);
	nft_end_rule(nft);
	nft_begin_rule(nft, "asked");
	nft_drop(nft);
	nft_end_rule(nft);
}

void add_redirection(const struct rules *rules)
{
	uint16_t port = htons(rules->options->dns_port);
	struct nft *nft = rules->nft;

	nft_begin_rule(nft, "dns");
	match_mark(rules, NFT_CMP_NEQ);
	match_question(nft);
	match_cgroup(nft, rules->options);
	nft_value(nft, OTHER, &port, sizeof(port));
	nft_redirect(nft, OTHER);
	nft_end_rule(nft);
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

void hide_proxy(const struct rules *rules)
{
	static const uint32_t nothing = 0;
	struct nft *nft = rules->nft;

	nft_begin_rule(nft, "hide");
	match_mark(rules, NFT_CMP_EQ);
	nft_value(nft, OTHER, &nothing, sizeof(nothing));
	nft_set_meta(nft, OTHER, NFT_META_MARK);
	nft_end_rule(nft);
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
