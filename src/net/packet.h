/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUSK_NET_PACKET_H
#define HUSK_NET_PACKET_H

#include <stdbool.h>
#include <stdint.h>

#include "base/address.h"
#include "net/message.h"

/* What the beginning of a packet says of its flow. */
struct packet {
	struct address from, to;
	uint8_t protocol;
	uint16_t from_port, to_port; /* 0 where the protocol has none */
	struct reader transport;     /* what follows the headers of IP */
};

/*
 * Reads IPv4 and IPv6 headers, extension headers too, as far as the ports. Returns 0, or -EPROTO
 * for what is none or not all there. Sources: RFC 791, RFC 8200 section 4, RFC 4302.
 */
int packet_read(struct reader bytes, struct packet *ret);

#endif
