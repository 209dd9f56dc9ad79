/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which socket a flow belongs to. */
#include "net/socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "net/message.h"
#include "net/netlink.h"

int socket_open_diagnosis(int namespace_fd)
{
	return netlink_open(namespace_fd, NETLINK_SOCK_DIAG, 0);
}

struct request {
	struct nlmsghdr head;
	struct inet_diag_req_v2 body;
};

struct end {
	const struct address *address;
	uint16_t port;
};

static struct request make_request(uint8_t protocol, struct end source, struct end destination)
{
	struct request request = {
		.head = {.nlmsg_len = sizeof(request),
			 .nlmsg_type = SOCK_DIAG_BY_FAMILY,
			 .nlmsg_flags = NLM_F_REQUEST},
		.body = {.sdiag_family = source.address->family,
			 .sdiag_protocol = protocol,
			 .idiag_states = UINT32_MAX,
			 .id = {.idiag_sport = htons(source.port),
				.idiag_dport = htons(destination.port),
				.idiag_cookie = {INET_DIAG_NOCOOKIE, INET_DIAG_NOCOOKIE}}},
	};

	memcpy(request.body.id.idiag_src, source.address->bytes, sizeof(source.address->bytes));
	memcpy(request.body.id.idiag_dst, destination.address->bytes,
	       sizeof(destination.address->bytes));
	return request;
}

static int read_answer(struct reader datagram, uint32_t *ret_inode)
{
	struct inet_diag_msg answer;
	struct piece message;
	int error;

	while (message_next(&datagram, &message)) {
		if (message.type == NLMSG_ERROR)
			return reader_take(&message.in, &error, sizeof(error)) && error < 0 ? error
											    : -EIO;
		if (message.type != SOCK_DIAG_BY_FAMILY ||
		    !reader_take(&message.in, &answer, sizeof(answer)))
			continue;
		*ret_inode = answer.idiag_inode;
		return answer.idiag_inode ? 0 : -ENOENT; /* a connection nobody has taken yet */
	}
	return -EIO;
}

static int ask(int fd, const struct request *request, uint32_t *ret_inode)
{
	_Alignas(struct nlmsghdr) char bytes[4096];
	struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
	ssize_t n = sendto(fd, request, sizeof(*request), 0, (struct sockaddr *)&kernel,
			   sizeof(kernel));

	if (n < 0)
		return -errno;
	n = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT);
	return n < 0 ? -errno : read_answer((struct reader){bytes, (size_t)n}, ret_inode);
}

int socket_find(int fd, const struct net_flow *flow, uint32_t *ret_inode)
{
	struct end from = {&flow->from, flow->from_port}, to = {&flow->to, flow->to_port};
	struct end own = flow->peer.way == PEER_IN ? to : from;
	struct end other = flow->peer.way == PEER_IN ? from : to;
	uint8_t protocol = flow->peer.protocol;
	struct request request;

	if (protocol != IPPROTO_TCP && protocol != IPPROTO_UDP)
		return -EPROTONOSUPPORT;
	/* Of UDP the kernel takes the far end for the source. */
	request = protocol == IPPROTO_TCP ? make_request(protocol, own, other)
					  : make_request(protocol, other, own);
	return ask(fd, &request, ret_inode);
}
