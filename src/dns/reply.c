/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Headers, byte by byte. */
#include "dns/reply.h"

#include <arpa/nameser.h>
#include <errno.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <stdbool.h>
#include <string.h>

#include "base/namespace.h"

enum {
	IPV4_BYTES = 20,
	IPV6_BYTES = 40,
	UDP_BYTES = 8,
	ICMP_BYTES = 8,
	HOPS = 64,
};

int reply_open(uint8_t family)
{
	return namespace_socket(-1, family, SOCK_RAW, IPPROTO_RAW);
}

static size_t ip_bytes(const struct address *address)
{
	return address->family == AF_INET ? IPV4_BYTES : IPV6_BYTES;
}

/* The one's complement sum of RFC 1071, begun or gone on with. */
static uint32_t add_up(uint32_t sum, const uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i + 1 < len; i += 2)
		sum += ns_get16(bytes + i);
	return len % 2 ? sum + ((uint32_t)bytes[len - 1] << 8) : sum;
}

static uint16_t fold(uint32_t sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t) ~(sum + (sum >> 16));
}

/* Of what follows the header of IPv6 and begins at `at`: its own bytes and those that stand for
 * the header (RFC 8200 section 8.1). */
static uint16_t sum_of_ipv6(const struct address *from, const struct address *to, uint8_t protocol,
			    const uint8_t *at, size_t len)
{
	uint32_t sum = protocol + (uint32_t)len;

	sum = add_up(sum, from->bytes, sizeof(from->bytes));
	sum = add_up(sum, to->bytes, sizeof(to->bytes));
	return fold(add_up(sum, at, len));
}

/* The header of IP for `len` bytes behind it. */
static void write_ip(const struct address *from, const struct address *to, uint8_t protocol,
		     size_t len, uint8_t *at)
{
	memset(at, 0, ip_bytes(to));
	if (to->family == AF_INET) {
		at[0] = 0x45;
		ns_put16((unsigned int)(IPV4_BYTES + len), at + 2);
		at[8] = HOPS;
		at[9] = protocol;
		memcpy(at + 12, from->bytes, 4);
		memcpy(at + 16, to->bytes, 4);
		ns_put16(fold(add_up(0, at, IPV4_BYTES)), at + 10);
	} else {
		at[0] = 0x60;
		ns_put16((unsigned int)len, at + 4);
		at[6] = protocol;
		at[7] = HOPS;
		memcpy(at + 8, from->bytes, 16);
		memcpy(at + 24, to->bytes, 16);
	}
}

static void write_udp(const struct endpoint *from, const struct endpoint *to, size_t len,
		      uint8_t *at)
{
	memset(at, 0, UDP_BYTES);
	ns_put16(from->port, at);
	ns_put16(to->port, at + 2);
	ns_put16((unsigned int)(UDP_BYTES + len), at + 4);
}

/* Over IPv4 a datagram may do without a sum (RFC 768); this one stays on the host. */
size_t reply_head(const struct endpoint *from, const struct endpoint *to, uint8_t *message,
		  size_t len)
{
	uint8_t *udp = message - UDP_BYTES, *ip = udp - ip_bytes(&to->address);
	size_t udp_len = UDP_BYTES + len;
	uint16_t sum;

	write_udp(from, to, len, udp);
	if (to->address.family == AF_INET6) {
		sum = sum_of_ipv6(&from->address, &to->address, IPPROTO_UDP, udp, udp_len);
		ns_put16(sum == 0 ? 0xffff : sum, udp + 6); /* 0 means none: RFC 768 */
	}
	write_ip(&from->address, &to->address, IPPROTO_UDP, udp_len, ip);
	return (size_t)(message - ip);
}

/* The code for an error that a program without IP_RECVERR hears of; -1: there is none. */
static int code_of(bool v4, int error)
{
	switch (error) {
	case ECONNREFUSED:
		return v4 ? ICMP_PORT_UNREACH : ICMP6_DST_UNREACH_NOPORT;
	case EHOSTUNREACH:
		return v4 ? ICMP_PKT_FILTERED : -1;
	case EACCES:
		return v4 ? -1 : ICMP6_DST_UNREACH_ADMIN;
	default:
		return -1;
	}
}

size_t refusal_write(const struct endpoint *client, const struct endpoint *resolver, int error,
		     uint8_t out[REFUSAL_ROOM])
{
	const struct address *from = &resolver->address, *to = &client->address;
	bool v4 = to->family == AF_INET;
	int code = code_of(v4, error);
	uint8_t protocol = v4 ? IPPROTO_ICMP : IPPROTO_ICMPV6;
	uint8_t *icmp = out + ip_bytes(to), *about = icmp + ICMP_BYTES;
	size_t len = ICMP_BYTES + ip_bytes(to) + UDP_BYTES;

	if (code < 0)
		return 0;
	write_ip(from, to, protocol, len, out);
	memset(icmp, 0, ICMP_BYTES);
	icmp[0] = v4 ? ICMP_DEST_UNREACH : ICMP6_DST_UNREACH;
	icmp[1] = (uint8_t)code;
	write_ip(to, from, IPPROTO_UDP, UDP_BYTES, about);
	write_udp(client, resolver, 0, about + ip_bytes(to));
	ns_put16(v4 ? fold(add_up(0, icmp, len)) : sum_of_ipv6(from, to, protocol, icmp, len),
		 icmp + 2);
	return ip_bytes(to) + len;
}
