/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUSK_NET_QUEUE_H
#define HUSK_NET_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/message.h"
#include "net/net.h"

/*
 * NFQUEUE: packets that a rule has taken out of their way, until user space says what becomes of
 * them. Here each is dropped: what it asked is asked anew by the proxy. Source:
 * include/uapi/linux/netfilter/nfnetlink_queue.h, net/netfilter/nfnetlink_queue.c.
 */
enum queue_limits { QUEUE_BATCH_MAX = 16 };

/* A packet that waits; its bytes are those of the message. */
struct queue_packet {
	uint32_t id;
	uint32_t out; /* index of the interface that it goes out by; 0: none */
	struct reader bytes;
};

/* Binds the socket (NETLINK_NETFILTER) to a queue, of whose packets it gets copies from then on.
 * Returns 0 or -errno: -EBUSY or -EPERM where another has it. */
int queue_bind(int fd, uint16_t number);

/*
 * Whether rules can hand packets over by iptables' target NFQUEUE. Not every kernel has nf_tables'
 * own expression for that (CONFIG_NFT_QUEUE), and to try it is dear: a transaction that fails waits
 * for some 10 ms. Of targets nft_compat tells (NFNL_MSG_COMPAT_GET).
 */
bool queue_has_target(int fd);

/* Reads the next packet of a datagram. Returns 0, or -ENOMSG at its end. */
int queue_read(struct reader *datagram, struct queue_packet *ret);

/* Drops this packet and all that came before it. Returns 0 or -errno. */
int queue_drop(int fd, uint16_t number, uint32_t id);

/* What a packet to port 53 asks; its bytes go on to be the packet's. Returns 0, or -EPROTO for one
 * that asks nothing: of TCP what begins no connection. */
int question_read(const struct queue_packet *packet, struct net_question *ret);

/* Room for what is taken in at once: net_take_questions() makes it. Takes NULL. */
struct questions;
void questions_free(struct questions *questions);

#endif
