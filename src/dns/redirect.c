/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What leads connections to the proxy: nothing, until there is one. */
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/hash.h"
#include "dns/proxy-internal.h"

enum {
	PORT_TRIES = 64,
	PORT_SPAN = 4096, /* 61000 to 65095 */
	BACKLOG = 1024,
};

void redirect_init(struct dns *dns)
{
	for (size_t i = 0; i < LISTENERS; i++)
		dns->listeners[i].fd = -1;
}

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

static int listen_at(struct dns *dns, const struct address *address, uint16_t port,
		     struct listener *listener)
{
	cleanup_close int fd = proxy_socket(dns, address->family, SOCK_STREAM);
	int r;

	if (fd < 0)
		return fd;
	r = bind_own(fd, address, port);
	if (r < 0)
		return r;
	if (listen(fd, BACKLOG) < 0)
		return -errno;
	listener->source.ready = tcp_ready;
	listener->fd = steal_fd(&fd);
	return 0;
}

void redirect_end(struct dns *dns)
{
	for (size_t i = 0; i < LISTENERS; i++) {
		if (dns->listeners[i].fd >= 0)
			close(dns->listeners[i].fd);
		dns->listeners[i].fd = -1;
	}
}

static int listen_from(struct dns *dns, uint16_t port)
{
	static const struct address ipv4 = {.family = AF_INET, .bytes = {127, 0, 0, 1}};
	static const struct address ipv6 = {.family = AF_INET6, .bytes = {[15] = 1}};
	int r = listen_at(dns, &ipv4, port, dns->listeners);

	if (r < 0)
		return r;
	r = listen_at(dns, &ipv6, port, dns->listeners + 1);
	/* A kernel, or a namespace, without IPv6 sends nothing by it either. */
	return r == -EAFNOSUPPORT || r == -EADDRNOTAVAIL ? 0 : r;
}

/*
 * The same port in the same namespace, mostly: for minutes the kernel leads a connection to where
 * one from the same port was led before, if only by a container before this one. Another in each
 * namespace, so that those which programs like best are hit by none for long.
 */
static unsigned int first_port(const struct dns *dns)
{
	struct stat namespace = {0};

	if (dns->options.namespace_fd >= 0)
		fstat(dns->options.namespace_fd, &namespace);
	return (unsigned int)(hash64_mix(namespace.st_ino) % PORT_SPAN);
}

static int listen_somewhere(struct dns *dns, uint16_t *ret_port)
{
	unsigned int first = first_port(dns);
	int r = -EADDRINUSE;

	for (unsigned int i = 0; i < PORT_TRIES && r == -EADDRINUSE; i++) {
		redirect_end(dns);
		*ret_port = (uint16_t)(DNS_PORT_FIRST + (first + i) % PORT_SPAN);
		r = listen_from(dns, *ret_port);
	}
	for (size_t i = 0; i < LISTENERS && r == 0; i++) {
		struct listener *listener = &dns->listeners[i];

		if (listener->fd >= 0)
			r = proxy_wait(dns, listener->fd, EPOLLIN, &listener->source);
	}
	return r;
}

/* From now on connections are redirected. */
static int begin_listening(struct dns *dns)
{
	uint16_t port;
	int r = listen_somewhere(dns, &port);

	if (r == 0)
		r = dns->options.redirect(dns->options.judge.context, port);
	if (r < 0)
		redirect_end(dns);
	else
		dns->port = port;
	return r;
}

/*
 * The first packet of a connection that nothing redirected yet: it is sent once more, and
 * redirected now. Without its program's waiting for that: it would send it again after a second.
 * What cannot be led is lost.
 */
void redirect_lead(struct dns *dns, const struct dns_packet *packet)
{
	uint32_t again = dns->options.mark_again;
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(again))] = {0};
	struct cmsghdr head = {.cmsg_level = SOL_SOCKET,
			       .cmsg_type = SO_MARK,
			       .cmsg_len = CMSG_LEN(sizeof(again))};
	struct iovec vector = {packet->bytes, packet->len};
	struct sockaddr_storage to;
	struct msghdr message = {
		.msg_name = &to,
		.msg_namelen = address_to_socket(&packet->resolver.address, 0, &to),
		.msg_iov = &vector,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};

	if (dns->port == 0 && !dns->deaf)
		dns->deaf = begin_listening(dns) < 0;
	if (dns->deaf)
		return;
	memcpy(control, &head, sizeof(head));
	memcpy(CMSG_DATA(CMSG_FIRSTHDR(&message)), &again, sizeof(again));
	(void)!sendmsg(proxy_reply_fd(dns, packet->client.address.family), &message, MSG_DONTWAIT);
}
