/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Messages of ICMP, byte by byte. */
#include "dns/refusal.h"

#include <arpa/nameser.h>
#include <errno.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"

enum {
	ICMP_BYTES = 8,
	IPV4_BYTES = 20,
	IPV6_BYTES = 40,
	UDP_BYTES = 8,
	HOPS = 64,
	FILTER_OPTION = 1, /* ICMP_FILTER, include/uapi/linux/icmp.h */
};

int refusal_open(uint8_t family)
{
	bool v4 = family == AF_INET;
	cleanup_close int fd = socket(family, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK,
				      v4 ? IPPROTO_ICMP : IPPROTO_ICMPV6);
	uint32_t nothing[8]; /* comes in by it */

	if (fd < 0)
		return -errno;
	memset(nothing, 0xff, sizeof(nothing));
	if ((v4 ? setsockopt(fd, SOL_RAW, FILTER_OPTION, nothing, sizeof(nothing[0]))
		: setsockopt(fd, IPPROTO_ICMPV6, ICMP6_FILTER, nothing, sizeof(nothing))) < 0)
		return -errno;
	return steal_fd(&fd);
}

static uint16_t checksum(const uint8_t *bytes, size_t len)
{
	uint32_t sum = 0;

	for (size_t i = 0; i + 1 < len; i += 2)
		sum += ns_get16(bytes + i);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t) ~(sum + (sum >> 16));
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

static uint8_t *write_ipv4(const struct endpoint *from, const struct endpoint *to, uint8_t *at)
{
	at[0] = 0x45;
	at[3] = IPV4_BYTES + UDP_BYTES;
	at[8] = HOPS;
	at[9] = IPPROTO_UDP;
	memcpy(at + 12, from->address.bytes, 4);
	memcpy(at + 16, to->address.bytes, 4);
	ns_put16(checksum(at, IPV4_BYTES), at + 10);
	return at + IPV4_BYTES;
}

static uint8_t *write_ipv6(const struct endpoint *from, const struct endpoint *to, uint8_t *at)
{
	at[0] = 0x60;
	at[5] = UDP_BYTES;
	at[6] = IPPROTO_UDP;
	at[7] = HOPS;
	memcpy(at + 8, from->address.bytes, 16);
	memcpy(at + 24, to->address.bytes, 16);
	return at + IPV6_BYTES;
}

size_t refusal_write(const struct endpoint *client, const struct endpoint *proxy, int error,
		     uint8_t out[REFUSAL_ROOM])
{
	bool v4 = client->address.family == AF_INET;
	int code = code_of(v4, error);
	uint8_t *at = out + ICMP_BYTES;

	if (code < 0)
		return 0;
	memset(out, 0, REFUSAL_ROOM);
	out[0] = v4 ? ICMP_DEST_UNREACH : ICMP6_DST_UNREACH;
	out[1] = (uint8_t)code;
	at = v4 ? write_ipv4(client, proxy, at) : write_ipv6(client, proxy, at);
	ns_put16(client->port, at);
	ns_put16(proxy->port, at + 2);
	ns_put16(UDP_BYTES, at + 4);
	at += UDP_BYTES;
	if (v4)
		ns_put16(checksum(out, (size_t)(at - out)), out + 2);
	return (size_t)(at - out);
}
