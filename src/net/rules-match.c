/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a rule looks at, and the key that it looks up. */
#include <arpa/inet.h>
#include <linux/if_arp.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>

#include "net/rules-internal.h"
#include "net/rules.h"

#define TCP_FLAGS_AT 13 /* RFC 9293 section 3.1 */

const uint8_t rules_mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

void rules_key(const struct peer *peer, const struct address *address, uint8_t out[RULES_KEY_BYTES])
{
	uint16_t port = htons(peer->ephemeral ? 0 : peer->port);

	memset(out, 0, RULES_KEY_BYTES);
	out[0] = peer->protocol;
	if (peer->way == PEER_LOCAL) {
		out[19] = 1;
	} else if (peer->way == PEER_OUT && address->family == AF_INET) {
		memcpy(out + 4, rules_mapped, sizeof(rules_mapped));
		memcpy(out + 16, address->bytes, 4);
	} else if (peer->way == PEER_OUT) {
		memcpy(out + 4, address->bytes, 16);
	}
	memcpy(out + 20, &port, sizeof(port));
}

void match_u8(struct nft *nft, uint32_t meta, uint8_t value)
{
	nft_meta(nft, OTHER, meta);
	nft_compare(nft, OTHER, NFT_CMP_EQ, &value, sizeof(value));
}

void match_loopback(struct nft *nft, uint32_t meta)
{
	uint16_t type = ARPHRD_LOOPBACK;

	nft_meta(nft, OTHER, meta);
	nft_compare(nft, OTHER, NFT_CMP_EQ, &type, sizeof(type));
}

void match_address_type(struct nft *nft, uint32_t of, uint32_t operation, uint32_t type)
{
	nft_address_type(nft, OTHER, of);
	nft_compare(nft, OTHER, operation, &type, sizeof(type));
}

void match_foreign_source(struct nft *nft, uint8_t family)
{
	static const uint8_t none[4];

	match_u8(nft, NFT_META_NFPROTO, family);
	if (family == NFPROTO_IPV4) {
		nft_payload(nft, OTHER, NFT_PAYLOAD_NETWORK_HEADER, 12, sizeof(none));
		nft_compare(nft, OTHER, NFT_CMP_NEQ, none, sizeof(none));
	}
	match_address_type(nft, NFTA_FIB_F_SADDR, NFT_CMP_NEQ, RTN_LOCAL);
}

void match_ct_state(struct nft *nft, uint32_t bits)
{
	uint32_t zero = 0;

	nft_ct(nft, OTHER, NFT_CT_STATE);
	nft_mask(nft, OTHER, bits);
	nft_compare(nft, OTHER, NFT_CMP_NEQ, &zero, sizeof(zero));
}

void match_ports(struct nft *nft)
{
	nft_meta(nft, OTHER, NFT_META_L4PROTO);
	nft_lookup(nft, OTHER, "with-ports");
}

void match_port(struct nft *nft, uint32_t operation, uint16_t port)
{
	uint16_t big = htons(port);

	nft_payload(nft, OTHER, NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2);
	nft_compare(nft, OTHER, operation, &big, sizeof(big));
}

void match_cgroup(struct nft *nft, const struct net_options *options)
{
	if (options->cgroup == 0)
		return;
	nft_cgroup(nft, OTHER, options->cgroup_level);
	nft_compare(nft, OTHER, NFT_CMP_EQ, &options->cgroup, sizeof(options->cgroup));
}

static void load_destination(struct nft *nft, unsigned int word, bool v4)
{
	if (v4) {
		nft_value(nft, word, rules_mapped, sizeof(rules_mapped));
		nft_payload(nft, word + 3, NFT_PAYLOAD_NETWORK_HEADER, 16, 4);
	} else {
		nft_payload(nft, word, NFT_PAYLOAD_NETWORK_HEADER, 24, 16);
	}
}

void load_key(struct nft *nft, const struct way *way)
{
	static const uint8_t nothing[16], loopback[16] = {[15] = 1}, no_port[4];

	nft_meta(nft, KEY, NFT_META_L4PROTO);
	if (way->address == FROM_LOOPBACK)
		nft_value(nft, KEY_ADDRESS, loopback, sizeof(loopback));
	else if (way->address == FROM_NOTHING)
		nft_value(nft, KEY_ADDRESS, nothing, sizeof(nothing));
	else
		load_destination(nft, KEY_ADDRESS, way->address == FROM_V4);
	if (way->port)
		nft_payload(nft, KEY_PORT, NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2);
	else
		nft_value(nft, KEY_PORT, no_port, sizeof(no_port));
}

void match_tcp_flags(struct nft *nft, uint8_t of, uint32_t operation, uint8_t flags)
{
	const uint8_t bytes[4] = {of};
	uint32_t mask;

	memcpy(&mask, bytes, sizeof(mask));
	match_u8(nft, NFT_META_L4PROTO, IPPROTO_TCP);
	nft_payload(nft, OTHER, NFT_PAYLOAD_TRANSPORT_HEADER, TCP_FLAGS_AT, 1);
	nft_mask(nft, OTHER, mask);
	nft_compare(nft, OTHER, operation, &flags, sizeof(flags));
}

void match_users(struct nft *nft)
{
	nft_meta(nft, OTHER, NFT_META_SKUID);
}
