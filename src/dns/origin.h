/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUSK_DNS_ORIGIN_H
#define HUSK_DNS_ORIGIN_H

#include <stddef.h>
#include <stdint.h>

#include "base/address.h"

/*
 * Which resolver was asked, before the question was redirected to the proxy. Of a TCP connection
 * getsockopt(2) tells (SO_ORIGINAL_DST); of a datagram only the kernel's table of connections
 * knows, which is asked by netlink: IPCTNL_MSG_CT_GET by the tuple of the replies. That takes
 * CAP_NET_ADMIN in the namespace. Sources: net/netfilter/nf_conntrack_netlink.c,
 * nf_conntrack_proto.c, include/uapi/linux/netfilter/nfnetlink_conntrack.h.
 */
enum origin_limits {
	ORIGIN_BATCH_MAX = 16,
	ORIGIN_KNOWN_MAX = 128, /* answers that are remembered */
	ORIGIN_KNOWN_MS = 1000,
};

/* An end of a flow. */
struct endpoint {
	struct address address;
	uint16_t port; /* host order */
};

struct origin_question {
	struct endpoint client; /* where the datagram came from */
	struct endpoint proxy;	/* where it arrived: the socket's own address */
	struct endpoint asked;	/* the answer */
	int result;		/* 0, or -errno: -ENOENT where it came without being redirected */
};

/*
 * What was found out is remembered for a second. Until the kernel forgets a flow, half a minute
 * after its last packet (nf_conntrack_udp_timeout), it lets no other flow have the same replies, so
 * the same two ends mean the same resolver.
 */
struct origin_known {
	int64_t until_ns; /* CLOCK_MONOTONIC; 0: an empty place */
	struct endpoint client;
	struct endpoint proxy;
	struct endpoint asked;
};

struct origin {
	int namespace_fd;
	int fd;		 /* of netlink; -1: nobody was asked yet */
	uint32_t number; /* of the next request */
	struct origin_known known[ORIGIN_KNOWN_MAX];
};

/* The kernel is asked in a namespace as namespace_socket() takes it; borrowed. */
void origin_init(struct origin *origin, int namespace_fd);
void origin_close(struct origin *origin);

/* Answers up to ORIGIN_BATCH_MAX questions about datagrams, with two system calls for all. One with
 * a port in `asked` is answered already. */
void origin_find(struct origin *origin, struct origin_question *questions, size_t count);

/* The same of an accepted TCP connection. Returns 0 or -errno. */
int origin_of_connection(int fd, struct endpoint *ret);

/* For fuzzing and tests: reads one reply of the kernel's to `question` (a whole struct nlmsghdr and
 * what follows it) into `question`. */
void origin_read_reply(const void *bytes, size_t len, struct origin_question *question);

#endif
