/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUSK_DNS_DNS_H
#define HUSK_DNS_DNS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "dns/judge.h"

/*
 * The DNS proxy of one container. Rules of the network namespace take what goes to port 53 out of
 * its way and hand it over; the proxy asks the resolver that the program asked, with the program's
 * own message, and passes the answer on byte for byte, but for the id of what goes by UDP, which is
 * the proxy's own on the way. It goes to the program in a packet that comes from the resolver, as
 * far as anybody can tell. The proxy answers itself only where a question is refused. Where a
 * resolver is not there, the program is told as the network tells it (reply.h), or else by "server
 * failure", upon which programs ask the next one at once.
 *
 * Connections come to the proxy's own sockets. These are there, and what leads to them, from the
 * first connection on: it takes the kernel's memory of connections, which costs all of them.
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
	DNS_WAIT_S = 30,	/* for an answer: longer than programs do */
	DNS_CONNECTION_S = 300, /* how long one connection may last */
	DNS_SERVER_PORT = 53,
};

struct dns_options {
	int namespace_fd; /* the container's network namespace, borrowed; -1: the caller's own */
	uint32_t mark;	  /* SO_MARK of all sockets, by which they are known to the rules; not 0 */
	uint32_t mark_again; /* of a packet that is sent once more in the place of its program */
	struct dns_judge_options judge; /* its context is that of the following, too */
	/* Connections to port 53 are redirected to this port of loopback from now on. Returns 0, or
	 * -errno: they go nowhere. */
	int (*redirect)(void *context, uint16_t port);
};

/* What a program has sent to port 53, and did not get there. */
struct dns_packet {
	uint8_t protocol; /* IPPROTO_UDP; IPPROTO_TCP: of a connection that is not redirected yet */
	struct endpoint client, resolver;
	uint8_t *bytes; /* what the datagram holds, which is written to; of TCP the whole packet */
	size_t len;
};

struct dns;

/*
 * Opens the sockets by which programs are answered. Takes CAP_NET_RAW in the namespace, and then
 * and later CAP_NET_ADMIN and what namespace_socket() takes. Returns 0 with *ret owned by the
 * caller, or -errno.
 */
int dns_open(const struct dns_options *options, struct dns **ret, struct error *err);

/* Closes everything and frees. What waits in the judge is recorded first. Takes NULL. */
void dns_close(struct dns *dns);

/* The port that connections are redirected to; 0: none was yet. */
uint16_t dns_port(const struct dns *dns);

/*
 * Where packets come from: whenever `fd` can be read, `take` hands them to dns_ask(), a few at
 * most, and returns whether there may be more. What they hold has to be there until it is called
 * again. Both are borrowed. Returns 0 or -errno.
 */
int dns_hear(struct dns *dns, int fd, bool (*take)(void *context), void *context);

/* To be called by `take` alone. */
void dns_ask(struct dns *dns, const struct dns_packet *packet);

/* The container's resolv.conf; before this is called, every resolver is one that it does not name.
 */
void dns_use(struct dns *dns, const struct resolv *resolv);

/* To wait for POLLIN; then dns_read() does what is to be done. */
int dns_fd(const struct dns *dns);
void dns_read(struct dns *dns);

#endif
