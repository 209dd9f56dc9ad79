/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUSK_DNS_REFUSAL_H
#define HUSK_DNS_REFUSAL_H

#include <stddef.h>
#include <stdint.h>

#include "dns/origin.h"

/*
 * Tells a program that its datagram got nowhere, as the network told the proxy: by a message of
 * ICMP, which the kernel translates back for the program along with the datagram that it is about.
 * Programs take "connection refused" otherwise than a resolver that answers "server failure".
 * Sources: RFC 792, RFC 4443 section 3.1, icmp_err_convert of net/ipv4/icmp.c.
 */
enum refusal_limits { REFUSAL_ROOM = 56 }; /* two heads of ICMP and UDP, one of IPv6 */

/*
 * Opens a socket to send such messages by, in the caller's namespace, to be bound to where they
 * come from. Takes CAP_NET_RAW. Returns a descriptor or -errno.
 */
int refusal_open(uint8_t family);

/*
 * Writes the message about a datagram from `client` to `proxy` for an error of a connected socket:
 * ECONNREFUSED, EHOSTUNREACH or EACCES. Of IPv6 the kernel writes the checksum. Returns its length,
 * or 0: there is none for this error.
 */
size_t refusal_write(const struct endpoint *client, const struct endpoint *proxy, int error,
		     uint8_t out[REFUSAL_ROOM]);

#endif
