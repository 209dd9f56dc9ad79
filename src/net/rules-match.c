/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a rule looks at. */
#include <arpa/inet.h>
#include <linux/if_arp.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include "net/rules-internal.h"

#define TCP_FLAGS_AT 13 /* RFC 9293 section 3.1 */

void match_u8(struct nft *nft, uint32_t meta, uint32_t operation, uint8_t value)
{
	nft_meta(nft, OTHER, meta);
	nft_compare(nft, OTHER, operation, &value, sizeof(value));
}

void match_loopback(struct nft *nft, uint32_t meta, uint32_t operation)
{
	uint16_t type = ARPHRD_LOOPBACK;

	nft_meta(nft, OTHER, meta);
	nft_compare(nft, OTHER, operation, &type, sizeof(type));
}

void match_local(struct nft *nft)
{
	uint32_t type = RTN_LOCAL;

	match_loopback(nft, NFT_META_OIFTYPE, NFT_CMP_EQ);
	nft_address_type(nft, OTHER, NFTA_FIB_F_DADDR);
	nft_compare(nft, OTHER, NFT_CMP_EQ, &type, sizeof(type));
}

void match_foreign_source(struct nft *nft)
{
	/* RTN_BROADCAST comes right behind it; what lies below 256 compares as its bytes do. */
	uint32_t first = RTN_LOCAL, last = RTN_BROADCAST;

	nft_address_type(nft, OTHER, NFTA_FIB_F_SADDR);
	nft_range(nft, OTHER, NFT_RANGE_NEQ, &first, &last, sizeof(first));
}

void match_made_source(struct nft *nft, uint8_t family)
{
	static const uint8_t none[4];
	uint32_t type = RTN_LOCAL;

	match_u8(nft, NFT_META_NFPROTO, NFT_CMP_EQ, family);
	if (family == NFPROTO_IPV4) {
		nft_payload(nft, OTHER, NFT_PAYLOAD_NETWORK_HEADER, 12, sizeof(none));
		nft_compare(nft, OTHER, NFT_CMP_NEQ, none, sizeof(none));
	}
	nft_address_type(nft, OTHER, NFTA_FIB_F_SADDR);
	nft_compare(nft, OTHER, NFT_CMP_NEQ, &type, sizeof(type));
}

void match_ct_states(struct nft *nft, uint32_t bits)
{
	uint32_t zero = 0;

	nft_ct(nft, OTHER, NFT_CT_STATE);
	nft_mask(nft, OTHER, &bits, sizeof(bits));
	nft_compare(nft, OTHER, NFT_CMP_NEQ, &zero, sizeof(zero));
}

void match_ct_state(struct nft *nft, uint32_t bit)
{
	nft_ct(nft, OTHER, NFT_CT_STATE);
	nft_compare(nft, OTHER, NFT_CMP_EQ, &bit, sizeof(bit));
}

void match_unseen(struct nft *nft)
{
	uint32_t nothing = 0;

	nft_ct(nft, OTHER, NFT_CT_STATUS);
	nft_compare(nft, OTHER, NFT_CMP_EQ, &nothing, sizeof(nothing));
}

void match_direction(struct nft *nft, uint8_t direction)
{
	nft_ct(nft, OTHER, NFT_CT_DIRECTION);
	nft_compare(nft, OTHER, NFT_CMP_EQ, &direction, sizeof(direction));
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

void match_tcp_flags(struct nft *nft, uint8_t of, uint32_t operation, uint8_t flags)
{
	match_u8(nft, NFT_META_L4PROTO, NFT_CMP_EQ, IPPROTO_TCP);
	nft_payload(nft, OTHER, NFT_PAYLOAD_TRANSPORT_HEADER, TCP_FLAGS_AT, 1);
	nft_mask(nft, OTHER, &of, sizeof(of));
	nft_compare(nft, OTHER, operation, &flags, sizeof(flags));
}

void match_users(struct nft *nft)
{
	nft_meta(nft, OTHER, NFT_META_SKUID);
}
