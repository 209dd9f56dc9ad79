/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUSK_DNS_DNS_H
#define HUSK_DNS_DNS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "dns/judge.h"

/*
 * The DNS proxy of one container. Rules of the network namespace redirect what goes to port 53 to
 * it; it asks the resolver that the program asked, with the program's own message, and passes the
 * answer on byte for byte, but for the id of what goes by UDP, which is the proxy's own on the way.
 * It answers itself only where a question is refused. Where a resolver is not there, the program is
 * told as the kernel tells it (refusal.h), or else by "server failure", upon which programs ask the
 * next one at once.
 *
 * Everything is bounded: datagrams that wait for an answer, connections, what is kept of each. On
 * the request path: no failure is fatal, a question that finds no room is dropped, and asked again.
 * The bounds are beyond what hundreds of threads ask at a time that look names up.
 */
enum dns_proxy_limits {
	DNS_PORT_FIRST = 61000, /* above the ports that the kernel chooses (ip_local_port_range) */
	DNS_UDP_FLOWS_MAX = 1024, /* then the oldest is given up, and asked again */
	DNS_UDP_LANES_MAX = 64,	  /* sockets towards resolvers */
	/* Then one that waits for nothing is ended, or others wait in the kernel. */
	DNS_TCP_CONNECTIONS_MAX = 128,
	DNS_WAIT_S = 30,	/* for an answer: as long as the kernel remembers who asked
				   (nf_conntrack_udp_timeout) */
	DNS_CONNECTION_S = 300, /* how long one connection may last */
	DNS_SERVER_PORT = 53,
};

struct dns_options {
	int namespace_fd; /* the container's network namespace, borrowed; -1: the caller's own */
	uint32_t mark;	  /* SO_MARK of all sockets, by which they are known to the rules; not 0 */
	/* The rules write the IPv4 address that was asked into each datagram's mark, as it stands
	 * in the packet. Where they do not, as with IPv6 or before Linux 5.19, the kernel is asked.
	 */
	bool marks_tell;
	struct dns_judge_options judge;
};

struct dns;

/*
 * Opens the listening sockets, on 127.0.0.1 and, where there is IPv6, on ::1. Takes CAP_NET_ADMIN
 * in the namespace and what namespace_socket() takes, then and later. Returns 0 with *ret owned by
 * the caller, or -errno.
 */
int dns_open(const struct dns_options *options, struct dns **ret, struct error *err);

/* Closes everything and frees. What waits in the judge is recorded first. Takes NULL. */
void dns_close(struct dns *dns);

/*
 * The port to redirect UDP and TCP to. A program may ask several resolvers from one port (musl
 * does), so that their replies would look the same: the kernel gives all but the first another
 * port on the way to the proxy, and takes it back from the replies (get_unique_tuple() of
 * net/netfilter/nf_nat_core.c).
 */
uint16_t dns_port(const struct dns *dns);

/* The container's resolv.conf; before this is called, every resolver is one that it does not name.
 */
void dns_use(struct dns *dns, const struct resolv *resolv);

/* To wait for POLLIN; then dns_read() does what is to be done. */
int dns_fd(const struct dns *dns);
void dns_read(struct dns *dns);

#endif
