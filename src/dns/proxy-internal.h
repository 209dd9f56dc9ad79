/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUSK_DNS_PROXY_INTERNAL_H
#define HUSK_DNS_PROXY_INTERNAL_H

#include <sys/queue.h>

#include "base/patience.h"
#include "dns/dns.h"

/* What epoll(7) points to: who is to be called. The first member of whatever waits for something.
 */
struct source {
	void (*ready)(struct dns *dns, struct source *source, uint32_t events);
};

struct listener {
	struct source source;
	int fd; /* -1: none */
};

/* Where packets come from: dns_hear(). */
struct hearing {
	struct source source;
	bool (*take)(void *context);
	void *context;
};

struct udp_batch;
struct udp_flow;
struct udp_lane;
struct tcp_connection;
TAILQ_HEAD(udp_flows, udp_flow);
TAILQ_HEAD(udp_lanes, udp_lane);
TAILQ_HEAD(tcp_connections, tcp_connection);

enum { RANDOM_NUMBERS = 64 }; /* at one system call */

enum listeners { LISTENERS = 2 }; /* IPv4 and IPv6 */

/* Pages of its own, of which those that no question touched are not there. */
struct dns {
	struct dns_options options;
	int namespace_fd; /* where sockets are made; -1: the thread is there */
	struct dns_judge *judge;
	int epoll_fd;
	int timer_fd; /* -1: nothing had an end yet */
	struct source timer;
	int64_t timer_ns; /* CLOCK_MONOTONIC; 0: not set */
	uint16_t port;	  /* that connections are redirected to; 0: not yet */
	bool deaf;	  /* nor can they be */
	struct listener listeners[LISTENERS];
	struct hearing hearing;
	int reply_fds[2]; /* for packets to programs, by IPv4 and IPv6; -1: there is none */

	struct udp_batch *batch;
	struct udp_flows asked; /* the oldest first */
	struct udp_flows spare;
	size_t flows_count; /* of both */
	struct udp_lanes lanes;
	struct tcp_connections connections;
	struct tcp_connections closed; /* to be freed once no event can name them any more */
	size_t connections_count;
	bool full; /* no more are accepted until one ends, or the timer */

	struct patience patience; /* after what was served */

	size_t random_left; /* numbers nobody has had yet */
	uint16_t random[RANDOM_NUMBERS];
	struct dns_answer answer; /* the one that is looked at */
};

/* Waits for `events` of epoll_ctl(2) on a new descriptor. Returns 0 or -errno. */
int proxy_wait(struct dns *dns, int fd, uint32_t events, struct source *source);

/* Something ends at this time, unless something else ended it before; or later, where there is
 * nothing left for a timer. */
void proxy_set_timer(struct dns *dns, int64_t at_ns);

/* A number that nobody can foresee (getrandom(2)). Returns 0 or -errno. */
int proxy_random(struct dns *dns, uint16_t *ret);

/* A socket of the proxy's own towards a resolver, marked. Returns a descriptor or -errno. */
int proxy_socket(const struct dns *dns, sa_family_t family, int type);

/* The socket for packets to programs that have sent by this family; -1: there is none. */
int proxy_reply_fd(const struct dns *dns, uint8_t family);

/* ---- datagrams: udp.c ---- */

int udp_new(struct dns *dns);
void udp_ready(struct dns *dns, struct source *source, uint32_t events); /* of dns->hearing */
void udp_ask(struct dns *dns, const struct dns_packet *packet);
void udp_expire(struct dns *dns, int64_t now_ns);
void udp_free(struct dns *dns);

/* ---- what leads connections here: redirect.c ---- */

void redirect_init(struct dns *dns);
/* The first packet of a connection that nothing redirected yet. */
void redirect_lead(struct dns *dns, const struct dns_packet *packet);
void redirect_end(struct dns *dns);

/* ---- connections: tcp.c ---- */

void tcp_ready(struct dns *dns, struct source *source, uint32_t events); /* of a listener */
void tcp_expire(struct dns *dns, int64_t now_ns);
void tcp_bury(struct dns *dns); /* frees those that were closed */
void tcp_free(struct dns *dns);

#endif
