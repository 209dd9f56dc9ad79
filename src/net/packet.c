/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Headers of packets. */
#include "net/packet.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <string.h>

#include "policy/peer.h"

#define EXTENSIONS_MAX 16

static int read_ports(struct reader bytes, struct packet *ret)
{
	uint16_t ports[2];

	ret->transport = bytes;
	if (!peer_has_ports(ret->protocol))
		return 0;
	if (!reader_take(&bytes, ports, sizeof(ports)))
		return -EPROTO;
	ret->from_port = ntohs(ports[0]);
	ret->to_port = ntohs(ports[1]);
	return 0;
}

static int read_v4(struct reader bytes, struct packet *ret)
{
	struct reader whole = bytes;
	struct iphdr head;

	if (!reader_take(&bytes, &head, sizeof(head)) || head.ihl < 5 ||
	    !reader_take(&whole, NULL, (size_t)head.ihl * 4))
		return -EPROTO;
	ret->from.family = AF_INET;
	ret->to.family = AF_INET;
	memcpy(ret->from.bytes, &head.saddr, sizeof(head.saddr));
	memcpy(ret->to.bytes, &head.daddr, sizeof(head.daddr));
	ret->protocol = head.protocol;
	return read_ports(whole, ret);
}

static bool is_extension(uint8_t next)
{
	return next == IPPROTO_HOPOPTS || next == IPPROTO_ROUTING || next == IPPROTO_DSTOPTS ||
	       next == IPPROTO_FRAGMENT || next == IPPROTO_AH;
}

/* How long an extension header is, in which the length field means what its kind says. */
static size_t extension_len(uint8_t kind, uint8_t field)
{
	if (kind == IPPROTO_FRAGMENT)
		return 8;
	return kind == IPPROTO_AH ? ((size_t)field + 2) * 4 : ((size_t)field + 1) * 8;
}

static int read_v6(struct reader bytes, struct packet *ret)
{
	struct ip6_hdr head;
	uint8_t next;

	if (!reader_take(&bytes, &head, sizeof(head)))
		return -EPROTO;
	ret->from.family = AF_INET6;
	ret->to.family = AF_INET6;
	memcpy(ret->from.bytes, &head.ip6_src, sizeof(head.ip6_src));
	memcpy(ret->to.bytes, &head.ip6_dst, sizeof(head.ip6_dst));
	next = head.ip6_nxt;
	for (int i = 0; i < EXTENSIONS_MAX && is_extension(next); i++) {
		uint8_t kind = next, extension[2];
		struct reader at = bytes;

		if (!reader_take(&at, extension, sizeof(extension)) ||
		    !reader_take(&bytes, NULL, extension_len(kind, extension[1])))
			return -EPROTO;
		next = extension[0];
	}
	ret->protocol = next;
	return read_ports(bytes, ret);
}

int packet_read(struct reader bytes, struct packet *ret)
{
	struct packet packet = {0};
	int r = -EPROTO;

	if (bytes.len > 0 && ((uint8_t)bytes.bytes[0] >> 4) == 4)
		r = read_v4(bytes, &packet);
	else if (bytes.len > 0 && ((uint8_t)bytes.bytes[0] >> 4) == 6)
		r = read_v6(bytes, &packet);
	if (r == 0)
		*ret = packet;
	return r;
}
