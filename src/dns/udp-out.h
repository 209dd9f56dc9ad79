/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUSK_DNS_UDP_OUT_H
#define HUSK_DNS_UDP_OUT_H

#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/address.h"

/*
 * Datagrams that one socket sends together, with one system call. What a connected one sends goes
 * through the kernel together, too, as far as lengths allow: UDP_SEGMENT of udp(7), Linux 4.18,
 * takes many datagrams of one length, and a shorter one at their end. So they are ordered by
 * length.
 */
enum udp_out_limits {
	UDP_OUT_MAX = 16,
	UDP_OUT_SEGMENT_MAX = 512, /* longer ones go alone: no segment may be too long for a link */
};

struct udp_out {
	int fd;
	unsigned int count;
	struct iovec vectors[UDP_OUT_MAX];
	struct sockaddr_storage clients[UDP_OUT_MAX];
	_Alignas(struct cmsghdr) char controls[UDP_OUT_MAX][CMSG_SPACE(sizeof(uint16_t))];
	struct mmsghdr messages[UDP_OUT_MAX];
};

/* To be sent to this client, by a raw socket and with its headers, or, with NULL, to whom the
 * socket is connected with, for all alike. All are of the same socket, `fd`, and no more than
 * UDP_OUT_MAX. The bytes are borrowed until udp_out_send(). */
void udp_out_put(struct udp_out *out, const uint8_t *bytes, size_t len,
		 const struct address *client);

/* Sends all, and is empty again. What a socket has no room for is lost. Returns 0, or
 * -ECONNREFUSED: nobody is there. */
int udp_out_send(struct udp_out *out);

#endif
