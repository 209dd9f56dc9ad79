/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The proxy's sockets, and who is called when one of them is ready. */
#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/namespace.h"
#include "dns/proxy-internal.h"
#include "dns/reply.h"

enum {
	EVENTS_AT_ONCE = 64,
	TURNS_MAX = 8,		 /* before the rest of the program has its turn */
	DNS_PATIENCE_NS = 15000, /* more costs more than it brings */
};

int proxy_wait(struct dns *dns, int fd, uint32_t events, struct source *source)
{
	struct epoll_event event = {.events = events, .data.ptr = source};

	return epoll_ctl(dns->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

static int open_timer(struct dns *dns)
{
	cleanup_close int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	int r = fd < 0 ? -errno : proxy_wait(dns, fd, EPOLLIN, &dns->timer);

	if (r == 0)
		dns->timer_fd = steal_fd(&fd);
	return r;
}

void proxy_set_timer(struct dns *dns, int64_t at_ns)
{
	struct itimerspec at = {
		.it_value = {.tv_sec = at_ns / 1000000000, .tv_nsec = at_ns % 1000000000},
	};

	if (dns->timer_ns != 0 && dns->timer_ns <= at_ns)
		return;
	if (dns->timer_fd < 0 && open_timer(dns) < 0)
		return;
	dns->timer_ns = at_ns;
	timerfd_settime(dns->timer_fd, TFD_TIMER_ABSTIME, &at, NULL);
}

int proxy_random(struct dns *dns, uint16_t *ret)
{
	if (dns->random_left == 0) {
		if (getrandom(dns->random, sizeof(dns->random), 0) != sizeof(dns->random))
			return -EIO;
		dns->random_left = RANDOM_NUMBERS;
	}
	*ret = dns->random[--dns->random_left];
	return 0;
}

/* Makes the socket known to the rules. Returns 0 or -errno. */
static int mark(const struct dns *dns, int fd)
{
	const uint32_t *value = &dns->options.mark;

	return setsockopt(fd, SOL_SOCKET, SO_MARK, value, sizeof(*value)) < 0 ? -errno : 0;
}

int proxy_socket(const struct dns *dns, sa_family_t family, int type)
{
	cleanup_close int fd = namespace_socket(dns->namespace_fd, family, type, 0);
	int r = fd < 0 ? 0 : mark(dns, fd);

	return r < 0 ? r : steal_fd(&fd);
}

static void on_timer(struct dns *dns, struct source *source, uint32_t events)
{
	uint64_t count;
	int64_t now_ns = clock_monotonic_ns();

	if (read(dns->timer_fd, &count, sizeof(count)) < 0)
		return;
	dns->timer_ns = 0;
	udp_expire(dns, now_ns);
	tcp_expire(dns, now_ns);
}

/* ---- programs ---- */

int proxy_reply_fd(const struct dns *dns, uint8_t family)
{
	return dns->reply_fds[family == AF_INET6];
}

static int open_reply(struct dns *dns, uint8_t family)
{
	int *fd = &dns->reply_fds[family == AF_INET6];

	*fd = reply_open(family);
	return *fd < 0 ? *fd : mark(dns, *fd);
}

static int open_replies(struct dns *dns)
{
	int r = open_reply(dns, AF_INET);

	if (r < 0)
		return r;
	r = open_reply(dns, AF_INET6);
	/* A kernel without IPv6 sends nothing by it either. */
	return r == -EAFNOSUPPORT ? 0 : r;
}

int dns_hear(struct dns *dns, int fd, bool (*take)(void *context), void *context)
{
	dns->hearing = (struct hearing){{udp_ready}, take, context};
	return proxy_wait(dns, fd, EPOLLIN, &dns->hearing.source);
}

void dns_ask(struct dns *dns, const struct dns_packet *packet)
{
	if (packet->protocol == IPPROTO_TCP)
		redirect_lead(dns, packet);
	else
		udp_ask(dns, packet);
}

/* ---- opening, closing, waiting ---- */

static int open_all(struct dns *dns)
{
	int r = dns_judge_new(&dns->options.judge, &dns->judge);

	if (r == 0)
		r = udp_new(dns);
	if (r < 0)
		return r;
	dns->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (dns->epoll_fd < 0)
		return -errno;
	return open_replies(dns);
}

static int open_inside(struct dns *dns)
{
	int r;

	dns->namespace_fd = -1;
	if (dns->options.namespace_fd < 0)
		return open_all(dns);
	r = namespace_enter(dns->options.namespace_fd);
	if (r < 0)
		return r;
	r = open_all(dns);
	namespace_leave();
	dns->namespace_fd = dns->options.namespace_fd;
	return r;
}

int dns_open(const struct dns_options *options, struct dns **ret, struct error *err)
{
	struct dns *dns = mmap(NULL, sizeof(*dns), PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int r;

	if (dns == MAP_FAILED)
		return error_set(err, ENOMEM, "cannot set up the DNS proxy");
	dns->options = *options;
	patience_open(&dns->patience);
	dns->timer.ready = on_timer;
	dns->epoll_fd = dns->timer_fd = -1;
	dns->reply_fds[0] = dns->reply_fds[1] = -1;
	redirect_init(dns);
	TAILQ_INIT(&dns->asked);
	TAILQ_INIT(&dns->spare);
	TAILQ_INIT(&dns->lanes);
	TAILQ_INIT(&dns->connections);
	TAILQ_INIT(&dns->closed);
	r = open_inside(dns);
	if (r < 0) {
		dns_close(dns);
		return error_set(err, -r, "cannot set up the DNS proxy");
	}
	*ret = dns;
	return 0;
}

void dns_close(struct dns *dns)
{
	if (!dns)
		return;
	dns_judge_free(dns->judge);
	udp_free(dns);
	tcp_free(dns);
	redirect_end(dns);
	for (size_t i = 0; i < 2; i++) {
		if (dns->reply_fds[i] >= 0)
			close(dns->reply_fds[i]);
	}
	if (dns->timer_fd >= 0)
		close(dns->timer_fd);
	if (dns->epoll_fd >= 0)
		close(dns->epoll_fd);
	munmap(dns, sizeof(*dns));
}

uint16_t dns_port(const struct dns *dns)
{
	return dns->port;
}

void dns_use(struct dns *dns, const struct resolv *resolv)
{
	dns_judge_use(dns->judge, resolv);
}

int dns_fd(const struct dns *dns)
{
	return dns->epoll_fd;
}

static int serve_ready(struct dns *dns)
{
	struct epoll_event events[EVENTS_AT_ONCE];
	int count = epoll_wait(dns->epoll_fd, events, EVENTS_AT_ONCE, 0);

	for (int i = 0; i < count; i++) {
		struct source *source = events[i].data.ptr;

		source->ready(dns, source, events[i].events);
	}
	tcp_bury(dns);
	return count;
}

/* Whoever has just been answered asks the next question, and who was asked answers, if only they
 * may run. To sleep and be woken for each of it costs more than the work, and makes for small
 * batches. */
static int await(struct dns *dns)
{
	int64_t until_ns = clock_monotonic_ns() + DNS_PATIENCE_NS;
	int count;

	do {
		sched_yield();
		count = serve_ready(dns);
	} while (count == 0 && clock_monotonic_ns() < until_ns);
	patience_learn(&dns->patience, count > 0);
	return count;
}

void dns_read(struct dns *dns)
{
	int count = serve_ready(dns);

	/* Under load the next datagrams are there by the time that these are served. */
	for (int turn = 1; turn < TURNS_MAX && count > 0; turn++)
		count = patience_is_due(&dns->patience) ? await(dns) : serve_ready(dns);
}
