/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The proxy's sockets, and who is called when one of them is ready. */
#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/namespace.h"
#include "dns/proxy-internal.h"
#include "dns/refusal.h"

enum {
	EVENTS_AT_ONCE = 64,
	TURNS_MAX = 8,		 /* before the rest of the program has its turn */
	DNS_PATIENCE_NS = 15000, /* more costs more than it brings */
	PORT_TRIES = 64,
	PORT_SPAN = 4096, /* 61000 to 65095 */
	BACKLOG = 1024,
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

/* ---- listening ---- */

/* To an address of loopback, which has none yet where it is not up. */
static int bind_own(int fd, const struct address *own, uint16_t port)
{
	struct sockaddr_storage socket;
	socklen_t len = address_to_socket(own, port, &socket);
	bool v4 = own->family == AF_INET;
	int one = 1;

	if (bind(fd, (struct sockaddr *)&socket, len) == 0)
		return 0;
	if (errno != EADDRNOTAVAIL ||
	    setsockopt(fd, v4 ? SOL_IP : SOL_IPV6, v4 ? IP_FREEBIND : IPV6_FREEBIND, &one,
		       sizeof(one)) < 0)
		return -errno;
	return bind(fd, (struct sockaddr *)&socket, len) < 0 ? -errno : 0;
}

static int listen_on(struct dns *dns, struct listener *listener, const struct address *address,
		     uint16_t port, int type)
{
	cleanup_close int fd = proxy_socket(dns, address->family, type);
	int one = 1, r;

	if (fd < 0)
		return fd;
	if (dns->options.marks_tell && address->family == AF_INET && type == SOCK_DGRAM)
		setsockopt(fd, SOL_SOCKET, SO_RCVMARK, &one, sizeof(one)); /* Linux 5.19 */
	r = bind_own(fd, address, port);
	if (r < 0)
		return r;
	if (type == SOCK_STREAM && listen(fd, BACKLOG) < 0)
		return -errno;
	listener->own = (struct endpoint){*address, port};
	listener->source.ready = type == SOCK_DGRAM ? udp_ready : tcp_ready;
	listener->fd = steal_fd(&fd);
	return 0;
}

static void close_listeners(struct dns *dns)
{
	for (size_t i = 0; i < LISTENERS; i++) {
		if (dns->listeners[i].fd >= 0)
			close(dns->listeners[i].fd);
		dns->listeners[i].fd = -1;
	}
	for (size_t i = 0; i < 2; i++) {
		if (dns->refusal_fds[i] >= 0)
			close(dns->refusal_fds[i]);
		dns->refusal_fds[i] = -1;
	}
}

/* To tell that a resolver is not there; without it nothing is told. */
static int open_refusal(struct dns *dns, const struct address *own)
{
	int *fd = &dns->refusal_fds[own->family == AF_INET6];
	int r;

	*fd = refusal_open(own->family);
	if (*fd < 0)
		return 0;
	r = mark(dns, *fd);
	return r < 0 ? r : bind_own(*fd, own, 0);
}

static int listen_at(struct dns *dns, const struct address *address, uint16_t port,
		     struct listener *listener)
{
	int r = listen_on(dns, listener, address, port, SOCK_STREAM);

	if (r == 0)
		r = listen_on(dns, listener + 1, address, port, SOCK_DGRAM);
	return r == 0 ? open_refusal(dns, address) : r;
}

static int listen_from(struct dns *dns, uint16_t port)
{
	static const struct address ipv4 = {.family = AF_INET, .bytes = {127, 0, 0, 1}};
	static const struct address ipv6 = {.family = AF_INET6, .bytes = {[15] = 1}};
	int r = listen_at(dns, &ipv4, port, dns->listeners);

	if (r < 0)
		return r;
	r = listen_at(dns, &ipv6, port, dns->listeners + LISTENERS / 2);
	/* A kernel, or a namespace, without IPv6 sends nothing by it either. */
	return r == -EAFNOSUPPORT || r == -EADDRNOTAVAIL ? 0 : r;
}

/*
 * The same port in the same namespace, mostly: for minutes the kernel sends a question to where one
 * from the same port was sent before, if only by a container before this one. Another in each
 * namespace, so that those which programs like best are hit by none for long.
 */
static unsigned int first_port(const struct dns *dns)
{
	struct stat namespace = {0};

	if (dns->options.namespace_fd >= 0)
		fstat(dns->options.namespace_fd, &namespace);
	return (unsigned int)(hash64_mix(namespace.st_ino) % PORT_SPAN);
}

static int listen_somewhere(struct dns *dns)
{
	unsigned int first = first_port(dns);
	int r = -EADDRINUSE;

	for (unsigned int i = 0; i < PORT_TRIES && r == -EADDRINUSE; i++) {
		close_listeners(dns);
		dns->port = (uint16_t)(DNS_PORT_FIRST + (first + i) % PORT_SPAN);
		r = listen_from(dns, dns->port);
	}
	return r;
}

static int wait_for_all(struct dns *dns)
{
	int r = 0;

	for (size_t i = 0; i < LISTENERS && r == 0; i++) {
		struct listener *listener = &dns->listeners[i];

		if (listener->fd >= 0)
			r = proxy_wait(dns, listener->fd, EPOLLIN, &listener->source);
	}
	return r;
}

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
	r = listen_somewhere(dns);
	return r == 0 ? wait_for_all(dns) : r;
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
	origin_init(&dns->origin, options->namespace_fd);
	dns->refusal_fds[0] = dns->refusal_fds[1] = -1;
	for (size_t i = 0; i < LISTENERS; i++)
		dns->listeners[i].fd = -1;
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
	close_listeners(dns);
	origin_close(&dns->origin);
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
