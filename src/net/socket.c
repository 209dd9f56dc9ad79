/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which socket a flow belongs to. */
#include "net/socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/cleanup.h"
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

/* ---- ending ---- */

enum {
	CONNECTIONS_MAX = 65536, /* looked at in one go */
	DUMP_BYTES = 32768,
};

/* Without those that are over: packets of TCP_TIME_WAIT and TCP_CLOSE do not come, and of the
 * former a function can make as many as it likes, without descriptors. */
#define STATES_LOOKED_AT (~(1U << TCP_TIME_WAIT | 1U << TCP_CLOSE))

/* What a dump has found; connections are judged when all listening ports are known. */
struct sockets {
	struct inet_diag_msg *found;
	size_t count, room;
	uint64_t cgroup;
	bool overflown; /* there were more */
};

static bool is_of_cgroup(struct reader attributes, uint64_t cgroup)
{
	struct piece attribute;
	uint64_t number;

	while (cgroup && attribute_next(&attributes, &attribute)) {
		if (attribute.type == INET_DIAG_CGROUP_ID &&
		    reader_take(&attribute.in, &number, sizeof(number)))
			return number == cgroup;
	}
	return cgroup == 0;
}

static bool make_room(struct sockets *sockets)
{
	size_t room = sockets->room ? sockets->room * 2 : 64;
	struct inet_diag_msg *grown;

	if (sockets->count < sockets->room)
		return true;
	if (sockets->count >= CONNECTIONS_MAX)
		return false;
	grown = reallocarray(sockets->found, room, sizeof(*grown));
	if (!grown)
		return false;
	sockets->found = grown;
	sockets->room = room;
	return true;
}

/* Returns 1 at the end of the dump, 0 to go on, -errno. */
static int read_dump(struct reader datagram, struct sockets *sockets)
{
	struct piece message;
	int error = 0;

	while (message_next(&datagram, &message)) {
		struct inet_diag_msg *at;

		if (message.type == NLMSG_DONE)
			return 1;
		if (message.type == NLMSG_ERROR)
			return reader_take(&message.in, &error, sizeof(error)) && error < 0 ? error
											    : -EIO;
		if (message.type != SOCK_DIAG_BY_FAMILY)
			continue;
		if (!make_room(sockets)) {
			sockets->overflown = true;
			continue; /* the dump is read to its end, for who asks next */
		}
		at = &sockets->found[sockets->count];
		if (!reader_take(&message.in, at, sizeof(*at)))
			continue;
		if (at->idiag_state == TCP_LISTEN || is_of_cgroup(message.in, sockets->cgroup))
			sockets->count++;
	}
	return 0;
}

static int dump(int fd, uint8_t family, struct sockets *sockets)
{
	_Alignas(struct nlmsghdr) char bytes[DUMP_BYTES];
	struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
	struct request request = {
		.head = {.nlmsg_len = sizeof(request),
			 .nlmsg_type = SOCK_DIAG_BY_FAMILY,
			 .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
		.body = {.sdiag_family = family,
			 .sdiag_protocol = IPPROTO_TCP,
			 .idiag_states = STATES_LOOKED_AT},
	};
	int r = 0;

	if (sendto(fd, &request, sizeof(request), 0, (struct sockaddr *)&kernel, sizeof(kernel)) <
	    0)
		return -errno;
	while (r == 0) {
		ssize_t n = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT);

		r = n < 0 ? -errno : read_dump((struct reader){bytes, (size_t)n}, sockets);
	}
	return r < 0 ? r : 0;
}

static struct address address_from(const uint32_t words[4], uint8_t family)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	struct address address = {.family = family};

	memcpy(address.bytes, words, family == AF_INET ? 4 : 16);
	if (family != AF_INET6 || memcmp(address.bytes, mapped, sizeof(mapped)) != 0)
		return address;
	address.family = AF_INET;
	memmove(address.bytes, address.bytes + 12, 4);
	memset(address.bytes + 4, 0, 12);
	return address;
}

static bool is_served(const struct sockets *sockets, uint16_t port)
{
	for (size_t i = 0; i < sockets->count; i++) {
		if (sockets->found[i].idiag_state == TCP_LISTEN &&
		    sockets->found[i].id.idiag_sport == htons(port))
			return true;
	}
	return false;
}

/* The flow that a connection is, as its first packet would have told. */
static struct net_flow flow_of(const struct sockets *sockets, const struct inet_diag_msg *socket)
{
	uint16_t own = ntohs(socket->id.idiag_sport), other = ntohs(socket->id.idiag_dport);
	struct address local = address_from(socket->id.idiag_src, socket->idiag_family);
	struct address remote = address_from(socket->id.idiag_dst, socket->idiag_family);
	bool inward = is_served(sockets, own);
	struct net_flow flow = {
		.peer = {.way = inward ? PEER_IN : PEER_OUT,
			 .protocol = IPPROTO_TCP,
			 .port = inward ? own : other,
			 .address = remote},
		.from = inward ? remote : local,
		.to = inward ? local : remote,
		.from_port = inward ? other : own,
		.to_port = inward ? own : other,
	};

	if (address_kind(&remote) == ADDRESS_LOOPBACK || address_equal(&local, &remote))
		flow.peer.way = PEER_LOCAL;
	flow.peer.ephemeral = flow.peer.way != PEER_OUT && flow.peer.port >= PEER_EPHEMERAL_FIRST;
	return flow;
}

static int destroy(int fd, const struct inet_diag_msg *socket)
{
	struct request request = {
		.head = {.nlmsg_len = sizeof(request),
			 .nlmsg_type = SOCK_DESTROY,
			 .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK},
		.body = {.sdiag_family = socket->idiag_family,
			 .sdiag_protocol = IPPROTO_TCP,
			 .idiag_states = UINT32_MAX,
			 .id = socket->id},
	};
	cleanup_buf struct buf out = BUF_INIT;

	buf_add(&out, &request, sizeof(request));
	return netlink_ask(fd, &out);
}

int socket_end_others(int fd, uint64_t cgroup, socket_may_stay *may_stay, void *context)
{
	struct sockets sockets = {.cgroup = cgroup};
	int ended = 0;
	int r = dump(fd, AF_INET, &sockets);

	if (r == 0)
		r = dump(fd, AF_INET6, &sockets);
	for (size_t i = 0; r == 0 && i < sockets.count; i++) {
		struct net_flow flow = flow_of(&sockets, &sockets.found[i]);

		if (sockets.found[i].idiag_state == TCP_LISTEN || may_stay(context, &flow))
			continue;
		r = destroy(fd, &sockets.found[i]);
		if (r == -ENOENT) /* it has ended by itself */
			r = 0;
		ended += r == 0;
	}
	free(sockets.found);
	if (r == 0 && sockets.overflown)
		r = -E2BIG;
	return r < 0 ? r : ended;
}
