/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The rules of the DNS proxy. */
#include <arpa/inet.h>
#include <linux/if_arp.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <netinet/in.h>

#include "net/rules-internal.h"

void match_proxy_socket(struct nft *nft, uint32_t mark)
{
	nft_socket_mark(nft, OTHER);
	nft_compare(nft, OTHER, NFT_CMP_EQ, &mark, sizeof(mark));
}

void accept_questions(struct nft *nft, const char *chain)
{
	static const uint8_t protocols[] = {IPPROTO_UDP, IPPROTO_TCP};

	for (size_t i = 0; i < sizeof(protocols); i++) {
		nft_begin_rule(nft, chain);
		match_u8(nft, NFT_META_L4PROTO, protocols[i]);
		match_port(nft, NFT_CMP_EQ, 53);
		nft_accept(nft);
		nft_end_rule(nft);
	}
}

void untrack_questions(struct nft *nft, const char *chain, bool out, uint32_t mark)
{
	uint16_t loopback = ARPHRD_LOOPBACK, dns = htons(53);

	nft_begin_rule(nft, chain);
	match_u8(nft, NFT_META_L4PROTO, IPPROTO_UDP);
	nft_payload(nft, OTHER, NFT_PAYLOAD_TRANSPORT_HEADER, out ? 2 : 0, 2);
	nft_compare(nft, OTHER, NFT_CMP_EQ, &dns, sizeof(dns));
	nft_meta(nft, OTHER, out ? NFT_META_OIFTYPE : NFT_META_IIFTYPE);
	nft_compare(nft, OTHER, NFT_CMP_NEQ, &loopback, sizeof(loopback));
	if (out) {
		nft_meta(nft, OTHER, NFT_META_MARK);
		nft_compare(nft, OTHER, NFT_CMP_EQ, &mark, sizeof(mark));
	} else {
		match_proxy_socket(nft, mark);
	}
	nft_untrack(nft);
	nft_end_rule(nft);
}

void accept_answers(struct nft *nft, uint32_t mark)
{
	nft_begin_rule(nft, "input");
	match_u8(nft, NFT_META_L4PROTO, IPPROTO_UDP);
	match_proxy_socket(nft, mark);
	nft_accept(nft);
	nft_end_rule(nft);
}

static void match_proxy(struct nft *nft, const struct net_options *options)
{
	nft_meta(nft, OTHER, NFT_META_MARK);
	nft_compare(nft, OTHER, NFT_CMP_EQ, &options->dns_mark, sizeof(options->dns_mark));
}

void accept_proxy(struct nft *nft, const char *chain, const struct net_options *options)
{
	nft_begin_rule(nft, chain);
	match_proxy(nft, options);
	nft_accept(nft);
	nft_end_rule(nft);
}

void hide_proxy(struct nft *nft, const struct net_options *options)
{
	static const uint32_t nothing = 0;

	nft_add_chain(nft, "hide", "filter", NF_INET_POST_ROUTING, LAST);
	nft_begin_rule(nft, "hide");
	match_proxy(nft, options);
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

void mark_questions(struct nft *nft, const struct net_options *options)
{
	nft_begin_rule(nft, "output");
	match_u8(nft, NFT_META_L4PROTO, IPPROTO_UDP);
	match_u8(nft, NFT_META_NFPROTO, NFPROTO_IPV4);
	match_port(nft, NFT_CMP_EQ, 53);
	nft_meta(nft, OTHER, NFT_META_MARK);
	nft_compare(nft, OTHER, NFT_CMP_NEQ, &options->dns_mark, sizeof(options->dns_mark));
	match_cgroup(nft, options);
	nft_payload(nft, OTHER, NFT_PAYLOAD_NETWORK_HEADER, 16, 4);
	/* the one address that would make the question the proxy's own */
	nft_compare(nft, OTHER, NFT_CMP_NEQ, &options->dns_mark, sizeof(options->dns_mark));
	nft_set_meta(nft, OTHER, NFT_META_MARK);
	nft_end_rule(nft);
}

void add_redirection(struct nft *nft, const struct net_options *options)
{
	static const uint8_t protocols[] = {IPPROTO_UDP, IPPROTO_TCP};
	uint16_t port = htons(options->dns_port);

	nft_add_chain(nft, "dns", "nat", NF_INET_LOCAL_OUT, BEFORE_NAT_DESTINATION);
	accept_proxy(nft, "dns", options);
	for (size_t i = 0; i < sizeof(protocols); i++) {
		nft_begin_rule(nft, "dns");
		match_cgroup(nft, options);
		match_u8(nft, NFT_META_L4PROTO, protocols[i]);
		match_port(nft, NFT_CMP_EQ, 53);
		nft_value(nft, OTHER, &port, sizeof(port));
		nft_redirect(nft, OTHER);
		nft_end_rule(nft);
	}
}

void add_no_way_round(struct nft *nft, const struct net_options *options)
{
	static const uint8_t protocols[] = {IPPROTO_UDP, IPPROTO_TCP};

	nft_add_chain(nft, "dns-only", "filter", NF_INET_LOCAL_OUT, FILTER);
	accept_proxy(nft, "dns-only", options);
	for (size_t i = 0; i < (options->raw ? 2 : 1); i++) {
		nft_begin_rule(nft, "dns-only");
		match_cgroup(nft, options);
		match_u8(nft, NFT_META_L4PROTO, protocols[i]);
		match_port(nft, NFT_CMP_EQ, 53);
		nft_drop(nft);
		nft_end_rule(nft);
	}
}
