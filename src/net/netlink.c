/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Netlink sockets of a namespace. */
#include "net/netlink.h"

#include <errno.h>
#include <linux/netlink.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>

#include "base/namespace.h"
#include "net/message.h"

#define ANSWERS_MAX 4096 /* datagrams; more are the kernel's own mistake */

int netlink_open(int namespace_fd, int protocol, int receive_bytes)
{
	int fd = namespace_socket(namespace_fd, AF_NETLINK, SOCK_RAW, protocol), one = 1;

	if (fd < 0)
		return fd;
	setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &one, sizeof(one)); /* answers stay short */
	if (receive_bytes > 0 &&
	    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &receive_bytes, sizeof(receive_bytes)) < 0)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive_bytes, sizeof(receive_bytes));
	return fd;
}

static int send_all(int fd, const struct buf *requests)
{
	struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
	int room = (int)requests->len * 2; /* what the kernel needs for keeping it counts too */

	for (int i = 0; i < 2; i++) {
		ssize_t n = sendto(fd, requests->bytes, requests->len, 0,
				   (struct sockaddr *)&kernel, sizeof(kernel));

		if (n == (ssize_t)requests->len)
			return 0;
		if (n >= 0 || errno != EMSGSIZE)
			return n >= 0 ? -EIO : -errno;
		if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof(room)) < 0)
			return -errno;
	}
	return -EMSGSIZE;
}

/* The first refusal among the answers of one datagram; *ret_answered where there was any. */
static int read_answers(struct reader datagram, bool *ret_answered)
{
	struct piece message;
	int error; /* struct nlmsgerr begins with it */

	while (message_next(&datagram, &message)) {
		if (message.type != NLMSG_ERROR || !reader_take(&message.in, &error, sizeof(error)))
			continue;
		*ret_answered = true;
		if (error < 0)
			return error;
	}
	return 0;
}

int netlink_ask(int fd, const struct buf *requests)
{
	_Alignas(struct nlmsghdr) char bytes[8192];
	bool answered = false;
	int result;

	if (requests->error)
		return requests->error;
	result = send_all(fd, requests);
	if (result < 0)
		return result;
	for (int i = 0; i < ANSWERS_MAX; i++) {
		ssize_t n = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT);
		int r;

		if (n < 0 && errno == ENOBUFS)
			continue; /* some answers did not fit; the first ones did */
		if (n < 0)
			break;
		r = read_answers((struct reader){bytes, (size_t)n}, &answered);
		if (result == 0)
			result = r;
	}
	return result == 0 && !answered ? -EIO : result;
}
