/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUSK_NET_LOG_H
#define HUSK_NET_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "net/message.h"
#include "net/packet.h"

/*
 * NFLOG: the kernel's copies of the beginnings of packets that met a log rule. Source:
 * include/uapi/linux/netfilter/nfnetlink_log.h, net/netfilter/nfnetlink_log.c.
 */
struct log_message {
	char prefix; /* of the rule, one byte; NUL where it is another's */
	struct packet packet;
	uint32_t sequence; /* of the messages of this group: a gap is a loss */
	bool has_sequence;
};

enum log_read_result { LOG_MESSAGE, LOG_END, LOG_ODD };

/*
 * Reads the next message of a datagram. LOG_ODD: one whose packet cannot be read, of which *ret
 * tells the sequence number; LOG_END: nothing more of interest.
 */
enum log_read_result log_read(struct reader *datagram, struct log_message *ret);

/* Binds the socket (NETLINK_NETFILTER) to a group, of which it gets the packets from then on.
 * Returns 0 or -errno: -EBUSY where another has it. */
int log_bind(int fd, uint16_t group);

#endif
