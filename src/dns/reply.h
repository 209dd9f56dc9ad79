/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUSK_DNS_REPLY_H
#define HUSK_DNS_REPLY_H

#include <stddef.h>
#include <stdint.h>

#include "base/address.h"

/*
 * Packets for a program that has sent a datagram, as the one who it was sent to, or the network on
 * the way, would have sent them: written with their headers, for a raw socket. Sources: raw(7), RFC
 * 768, 791 and 792, RFC 8200, RFC 4443 section 3.1, icmp_err_convert of net/ipv4/icmp.c.
 */
enum reply_limits {
	REPLY_HEAD_MAX = 48, /* IPv6 and UDP */
	REFUSAL_ROOM = 96,   /* those twice, the latter ICMP's once */
};

/*
 * Opens a socket for packets of this family, AF_INET or AF_INET6, in the caller's namespace: their
 * headers are sent as they are written, and nothing comes in by it. Takes CAP_NET_RAW. Returns a
 * descriptor or -errno.
 */
int reply_open(uint8_t family);

/* Writes what stands before a datagram of `len` bytes, to the up to REPLY_HEAD_MAX bytes right
 * before `message`. Returns how many that are. */
size_t reply_head(const struct endpoint *from, const struct endpoint *to, uint8_t *message,
		  size_t len);

/*
 * Writes a message of ICMP to `client` about its datagram to `resolver`, by which its program hears
 * of that error of a connected socket: ECONNREFUSED, EHOSTUNREACH or EACCES. Programs take it
 * otherwise than an answer. Returns its length, or 0: there is none for this error.
 */
size_t refusal_write(const struct endpoint *client, const struct endpoint *resolver, int error,
		     uint8_t out[REFUSAL_ROOM]);

#endif
