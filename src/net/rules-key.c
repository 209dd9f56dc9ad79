/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Keys: how they are written, how a rule loads that of a packet, and rules that tell of it. What a
 * register holds is lost from one rule to the next.
 *
 * User space is told of a packet with a key that is not in the set "told", which takes it for some
 * time. There the key is as close to the packet as is cheapest, since only whether it was there
 * counts: with the address behind which others are found it would take a rule for each family more.
 * What it is told as stands behind it, so that no key of one way or family is taken for another's.
 */
#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_tuple_common.h>
#include <linux/netfilter/nf_tables.h>
#include <netinet/in.h>
#include <string.h>

#include "net/rules-internal.h"

/* What nft(8) lists a key as: inet_proto . ipv6_addr . inet_service, six bits each. */
#define PROTOCOL_TYPE 12U
#define KEY_TYPE ((PROTOCOL_TYPE << 6 | 8U) << 6 | 13U)
/* Of what was told: ipv6_addr . nf_proto . nf_proto . inet_service . inet_service. Constants have
 * to fit what stands in their place: nft(8) fails on one of 4 bytes where a protocol is. */
#define TOLD_TYPE ((((8U << 6 | 2U) << 6 | 2U) << 6 | 13U) << 6 | 13U)
#define TOLD_BYTES (RULES_KEY_BYTES + 8)

/* Words of a key that was told of. */
enum told_words {
	TOLD_FIRST = 0,
	TOLD_LAST = 4, /* of the address */
	TOLD_AS = 5,
	TOLD_PROTOCOL = 6,
	TOLD_PORT = 7,
};

#define AGAIN_S 60
/* What is not enforced may be learned under another name meanwhile. */
#define LEARNED_AGAIN_S 5

enum { ANY, PORT, BARE, WHATEVER };

static const struct {
	uint8_t way;	/* enum peer_way */
	uint8_t family; /* NFPROTO_*, of PEER_OUT */
	uint8_t port;
} kinds[RULES_KINDS] = {
	[RULES_OUT4_PORT] = {PEER_OUT, NFPROTO_IPV4, PORT},
	[RULES_OUT6_PORT] = {PEER_OUT, NFPROTO_IPV6, PORT},
	[RULES_OUT4_BARE] = {PEER_OUT, NFPROTO_IPV4, BARE},
	[RULES_OUT6_BARE] = {PEER_OUT, NFPROTO_IPV6, BARE},
	[RULES_LOCAL_PORT] = {PEER_LOCAL, 0, PORT},
	[RULES_LOCAL_ANY] = {PEER_LOCAL, 0, ANY},
	[RULES_LOCAL_BARE] = {PEER_LOCAL, 0, BARE},
	[RULES_IN_PORT] = {PEER_IN, 0, PORT},
	[RULES_IN_ANY] = {PEER_IN, 0, ANY},
	[RULES_IN_BARE] = {PEER_IN, 0, BARE},
	[RULES_THROUGH_ANY] = {PEER_THROUGH, 0, WHATEVER},
};

static const uint8_t nothing[16], loopback[16] = {[15] = 1};
/* What stands before an IPv4 address: RFC 4291 section 2.5.5.2. */
static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
/* In the place of a port, and none: a port takes the first two bytes. */
static const uint8_t in_place_of_port[][4] = {
	[ANY] = {0, 0, 1},
	[BARE] = {0, 0, 2},
	[WHATEVER] = {0, 0, 3},
};

/* ---- as they stand in the sets ---- */

static uint8_t port_of(const struct peer *peer)
{
	if (peer->way == PEER_THROUGH)
		return WHATEVER;
	if (!peer_has_ports(peer->protocol))
		return BARE;
	return peer->ephemeral ? ANY : PORT;
}

void rules_key(const struct peer *peer, const struct address *address, uint8_t out[RULES_KEY_BYTES])
{
	uint16_t port = htons(peer->port);

	memset(out, 0, RULES_KEY_BYTES);
	out[0] = peer->protocol;
	if (peer->way == PEER_LOCAL) {
		memcpy(out + 4, loopback, sizeof(loopback));
	} else if (peer->way == PEER_OUT && address->family == AF_INET) {
		memcpy(out + 4, mapped, sizeof(mapped));
		memcpy(out + 16, address->bytes, 4);
	} else if (peer->way == PEER_OUT) {
		memcpy(out + 4, address->bytes, 16);
	}
	if (port_of(peer) == PORT)
		memcpy(out + 20, &port, sizeof(port));
	else
		memcpy(out + 20, in_place_of_port[port_of(peer)], 4);
}

static bool may_be(const struct peer *peer, enum rules_kind kind)
{
	uint8_t port = port_of(peer);
	uint8_t family = peer->address.family == AF_INET ? NFPROTO_IPV4 : NFPROTO_IPV6;

	if (peer->way != kinds[kind].way || port != kinds[kind].port)
		return false;
	return peer->way != PEER_OUT || peer->name || family == kinds[kind].family;
}

rules_kinds rules_kinds_of(const struct peer *peer)
{
	rules_kinds found = 0;

	for (unsigned int kind = 0; kind < RULES_KINDS; kind++)
		found |= may_be(peer, kind) ? RULES_KIND(kind) : 0;
	return found;
}

uint32_t rules_told_again_s(bool enforce)
{
	return enforce ? AGAIN_S : LEARNED_AGAIN_S;
}

void rules_forget_told(struct nft *nft)
{
	nft_flush_set(nft, "told");
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

static void add_protocols(struct nft *nft)
{
	const struct nft_set set = {"with-ports", 0, PROTOCOL_TYPE, 1, 0};
	struct nft_elements elements;

	nft_add_set(nft, &set);
	nft_begin_elements(nft, &elements, set.name, false);
	for (unsigned int i = 0; i <= UINT8_MAX; i++) {
		uint8_t protocol = (uint8_t)i;

		if (peer_has_ports(protocol))
			nft_add_element(nft, &elements, &protocol, 1, 0);
	}
	nft_end_elements(nft, &elements);
}

void add_key_sets(const struct rules *rules)
{
	const struct rules_wanted *wanted = rules->wanted;
	/* With a limit the kernel makes the set's table large enough for it at once. Growing while
	 * the keys come costs a third of the time that loading many takes. */
	const struct nft_set told = {"told", NFT_SET_TIMEOUT | NFT_SET_EVAL, TOLD_TYPE, TOLD_BYTES,
				     RULES_TOLD_MAX};
	const struct nft_set known = {"known", NFT_SET_TIMEOUT, KEY_TYPE, RULES_KEY_BYTES,
				      wanted->many ? NET_PEERS_MAX : 0};
	const struct nft_set denied = {"denied", NFT_SET_TIMEOUT, KEY_TYPE, RULES_KEY_BYTES, 0};

	nft_add_set(rules->nft, &told);
	if (wanted->known)
		nft_add_set(rules->nft, &known);
	if (wanted->denied)
		nft_add_set(rules->nft, &denied);
	add_protocols(rules->nft);
}

/* ---- of a packet ---- */

static void load_port(struct nft *nft, unsigned int word)
{
	nft_payload(nft, word, NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2);
}

void load_address(struct nft *nft, uint8_t family, bool source)
{
	if (family == NFPROTO_IPV4) {
		nft_value(nft, KEY_ADDRESS, mapped, sizeof(mapped));
		nft_payload(nft, KEY_ADDRESS_V4, NFT_PAYLOAD_NETWORK_HEADER, source ? 12 : 16, 4);
	} else {
		nft_payload(nft, KEY_ADDRESS, NFT_PAYLOAD_NETWORK_HEADER, source ? 8 : 24, 16);
	}
}

void match_kind(struct nft *nft, enum rules_kind kind, const char *set)
{
	uint8_t way = kinds[kind].way, family = kinds[kind].family, port = kinds[kind].port;

	if (way == PEER_OUT)
		match_u8(nft, NFT_META_NFPROTO, NFT_CMP_EQ, family);
	if (port == ANY)
		match_port(nft, NFT_CMP_GTE, PEER_EPHEMERAL_FIRST);
	nft_meta(nft, KEY, NFT_META_L4PROTO);
	if (way != PEER_OUT) {
		nft_value(nft, KEY_ADDRESS, way == PEER_LOCAL ? loopback : nothing,
			  sizeof(nothing));
	} else {
		load_address(nft, family, false);
	}
	if (port == PORT)
		load_port(nft, KEY_PORT);
	else
		nft_value(nft, KEY_PORT, in_place_of_port[port], 4);
	nft_lookup(nft, KEY, set);
}

void match_served(struct nft *nft, enum rules_kind kind, const char *set)
{
	uint16_t first = htons(PEER_EPHEMERAL_FIRST);
	uint8_t port = kinds[kind].port;

	match_direction(nft, IP_CT_DIR_REPLY);
	if (port == ANY) {
		nft_payload(nft, OTHER, NFT_PAYLOAD_TRANSPORT_HEADER, 0, 2);
		nft_compare(nft, OTHER, NFT_CMP_GTE, &first, sizeof(first));
	}
	nft_meta(nft, KEY, NFT_META_L4PROTO);
	nft_value(nft, KEY_ADDRESS, nothing, sizeof(nothing));
	if (port == PORT)
		nft_payload(nft, KEY_PORT, NFT_PAYLOAD_TRANSPORT_HEADER, 0, 2);
	else
		nft_value(nft, KEY_PORT, in_place_of_port[port], 4);
	nft_lookup(nft, KEY, set);
}

void match_answer(struct nft *nft, enum rules_kind kind, const char *set)
{
	match_u8(nft, NFT_META_NFPROTO, NFT_CMP_EQ, kinds[kind].family);
	nft_meta(nft, KEY, NFT_META_L4PROTO);
	load_address(nft, kinds[kind].family, true);
	nft_payload(nft, KEY_PORT, NFT_PAYLOAD_TRANSPORT_HEADER, 0, 2);
	nft_lookup(nft, KEY, set);
}

/* ---- telling ---- */

static void load_told_protocol(struct nft *nft)
{
	nft_meta(nft, TOLD_PROTOCOL, NFT_META_L4PROTO);
}

/* Of what has no address: a number above those of all families. */
static void load_told_way(const struct rules *rules, enum rules_way way)
{
	const uint8_t as[8] = {[4] = way};

	nft_value(rules->nft, TOLD_FIRST, nothing, sizeof(nothing));
	nft_value(rules->nft, TOLD_LAST, as, sizeof(as));
}

/* Ends a rule that has loaded a key. */
static void end_telling(const struct rules *rules, enum rules_way way)
{
	char prefix[] = {(char)way, '\0'};

	nft_lookup_absent(rules->nft, TOLD_FIRST, "told");
	nft_remember(rules->nft, TOLD_FIRST, "told", rules_told_again_s(rules->wanted->enforce));
	nft_log(rules->nft, rules->wanted->log_group, prefix);
	nft_end_rule(rules->nft);
}

static void match_told_family(struct nft *nft, uint8_t family)
{
	nft_meta(nft, TOLD_AS, NFT_META_NFPROTO);
	nft_compare(nft, TOLD_AS, NFT_CMP_EQ, &family, sizeof(family));
}

/* Before an IPv6 address stands the end of the source's, in the first word: so one load will do. */
static void load_told_address(struct nft *nft, uint8_t family)
{
	if (family == NFPROTO_IPV4) {
		nft_value(nft, TOLD_FIRST, nothing, sizeof(nothing));
		nft_payload(nft, TOLD_LAST, NFT_PAYLOAD_NETWORK_HEADER, 16, 4);
	} else {
		nft_payload(nft, TOLD_FIRST, NFT_PAYLOAD_NETWORK_HEADER, 20, 20);
	}
}

static void load_told_port(struct nft *nft, bool ports)
{
	if (ports)
		load_port(nft, TOLD_PORT);
	else
		nft_value(nft, TOLD_PORT, in_place_of_port[BARE], 4);
}

void match_ports(struct nft *nft, unsigned int word, bool ports)
{
	if (ports)
		nft_lookup(nft, word, "with-ports");
	else
		nft_lookup_absent(nft, word, "with-ports");
}

static const uint8_t families[] = {NFPROTO_IPV4, NFPROTO_IPV6};

#define TELL_BARE "tell-bare"

static void tell_packets(const struct rules *rules, const char *chain, uint8_t family, bool ports)
{
	struct nft *nft = rules->nft;

	nft_begin_rule(nft, chain);
	match_told_family(nft, family);
	load_told_protocol(nft);
	if (ports)
		match_ports(nft, TOLD_PROTOCOL, true);
	load_told_address(nft, family);
	load_told_port(nft, ports);
	end_telling(rules, RULES_OUT);
}

void tell_out(const struct rules *rules, const char *chain)
{
	struct nft *nft = rules->nft;

	for (size_t i = 0; i < sizeof(families); i++)
		tell_packets(rules, chain, families[i], true);
	nft_begin_rule(nft, chain);
	nft_meta(nft, OTHER, NFT_META_L4PROTO);
	match_ports(nft, OTHER, false);
	nft_jump(nft, TELL_BARE);
	nft_end_rule(nft);
}

void add_telling(const struct rules *rules)
{
	nft_add_chain(rules->nft, TELL_BARE, NULL, 0, 0);
	for (size_t i = 0; i < sizeof(families); i++)
		tell_packets(rules, TELL_BARE, families[i], false);
}

static void tell_local_packets(const struct rules *rules, const char *chain, bool ports)
{
	struct nft *nft = rules->nft;

	nft_begin_rule(nft, chain);
	load_told_protocol(nft);
	match_ports(nft, TOLD_PROTOCOL, ports);
	load_told_way(rules, RULES_LOCAL);
	load_told_port(nft, ports);
	end_telling(rules, RULES_LOCAL);
}

void tell_local(const struct rules *rules, const char *chain)
{
	tell_local_packets(rules, chain, true);
	tell_local_packets(rules, chain, false);
}

void tell_through(const struct rules *rules, const char *chain)
{
	nft_begin_rule(rules->nft, chain);
	load_told_way(rules, RULES_THROUGH);
	load_told_protocol(rules->nft);
	load_told_port(rules->nft, false);
	end_telling(rules, RULES_THROUGH);
}

void tell_no_room(const struct rules *rules, const char *chain)
{
	static const uint8_t tcp = IPPROTO_TCP;

	nft_begin_rule(rules->nft, chain);
	load_told_protocol(rules->nft);
	nft_compare(rules->nft, TOLD_PROTOCOL, NFT_CMP_NEQ, &tcp, sizeof(tcp));
	load_told_way(rules, RULES_NO_ROOM);
	load_told_port(rules->nft, false);
	end_telling(rules, RULES_NO_ROOM);
}

/* Of other protocols than these nobody can tell whether a socket waits. */
static void begin_unknown_waiting(const struct rules *rules, const char *chain)
{
	static const uint8_t known_to_wait[] = {IPPROTO_TCP, IPPROTO_UDP};
	struct nft *nft = rules->nft;

	nft_begin_rule(nft, chain);
	load_told_protocol(nft);
	for (size_t i = 0; i < sizeof(known_to_wait); i++)
		nft_compare(nft, TOLD_PROTOCOL, NFT_CMP_NEQ, &known_to_wait[i], 1);
	load_told_way(rules, RULES_IN);
}

/* What comes in is told of where a socket waits for it: anything else is no behaviour of the
 * function. */
void tell_in(const struct rules *rules, const char *chain)
{
	struct nft *nft = rules->nft;

	nft_begin_rule(nft, chain);
	nft_has_socket(nft, OTHER);
	load_told_way(rules, RULES_IN);
	load_told_protocol(nft);
	load_told_port(nft, true);
	end_telling(rules, RULES_IN);

	for (int ports = 0; ports < 2; ports++) {
		begin_unknown_waiting(rules, chain);
		match_ports(nft, TOLD_PROTOCOL, ports);
		load_told_port(nft, ports);
		end_telling(rules, RULES_IN);
	}
}

void tell_bare6(const struct rules *rules, const char *chain)
{
	struct nft *nft = rules->nft;

	nft_begin_rule(nft, chain);
	nft_meta(nft, TOLD_AS, NFT_META_NFPROTO);
	load_told_protocol(nft);
	load_told_address(nft, NFPROTO_IPV6);
	load_told_port(nft, false);
	end_telling(rules, RULES_OUT);
}
