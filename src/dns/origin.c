/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Plain netlink: two nested attributes out, two in. */
#include "dns/origin.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <linux/netfilter_ipv4.h>
#include <linux/netfilter_ipv6/ip6_tables.h>
#include <linux/netlink.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/namespace.h"

enum {
	REQUEST_ROOM = 160, /* of one: two headers, a tuple of IPv6: 108 */
	REPLY_ROOM = 1024,  /* of one: a connection with all of its attributes has some 400 */
};

/* What a request is made of. `room` is checked once: REQUEST_ROOM holds the largest. */
struct request {
	char *bytes;
	size_t len;
};

static size_t begin(struct request *request, uint16_t type)
{
	struct nlattr attribute = {.nla_type = type | NLA_F_NESTED};
	size_t at = request->len;

	memcpy(request->bytes + at, &attribute, sizeof(attribute));
	request->len += NLA_HDRLEN;
	return at;
}

static void end(struct request *request, size_t at)
{
	uint16_t len = (uint16_t)(request->len - at);

	memcpy(request->bytes + at, &len, sizeof(len));
}

static void put(struct request *request, uint16_t type, const void *bytes, size_t len)
{
	struct nlattr attribute = {.nla_type = type, .nla_len = (uint16_t)(NLA_HDRLEN + len)};

	memcpy(request->bytes + request->len, &attribute, sizeof(attribute));
	memcpy(request->bytes + request->len + NLA_HDRLEN, bytes, len);
	request->len += NLA_ALIGN(NLA_HDRLEN + len);
}

/* The tuple of the replies: from the proxy to the client. */
static void put_tuple(struct request *request, const struct origin_question *question)
{
	bool ipv4 = question->client.address.family == AF_INET;
	uint16_t from = htons(question->proxy.port), to = htons(question->client.port);
	uint8_t protocol = IPPROTO_UDP;
	size_t tuple = begin(request, CTA_TUPLE_REPLY), inner;

	inner = begin(request, CTA_TUPLE_IP);
	put(request, ipv4 ? CTA_IP_V4_SRC : CTA_IP_V6_SRC, question->proxy.address.bytes,
	    ipv4 ? 4 : 16);
	put(request, ipv4 ? CTA_IP_V4_DST : CTA_IP_V6_DST, question->client.address.bytes,
	    ipv4 ? 4 : 16);
	end(request, inner);
	inner = begin(request, CTA_TUPLE_PROTO);
	put(request, CTA_PROTO_NUM, &protocol, sizeof(protocol));
	put(request, CTA_PROTO_SRC_PORT, &from, sizeof(from));
	put(request, CTA_PROTO_DST_PORT, &to, sizeof(to));
	end(request, inner);
	end(request, tuple);
}

static size_t write_request(char *bytes, const struct origin_question *question, uint32_t number)
{
	struct request request = {.bytes = bytes};
	struct nlmsghdr header = {
		.nlmsg_type = NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_GET,
		.nlmsg_flags = NLM_F_REQUEST,
		.nlmsg_seq = number,
	};
	struct nfgenmsg family = {
		.nfgen_family = question->client.address.family,
		.version = NFNETLINK_V0,
	};

	request.len = NLMSG_HDRLEN;
	memcpy(bytes + request.len, &family, sizeof(family));
	request.len += NLMSG_ALIGN(sizeof(family));
	put_tuple(&request, question);
	header.nlmsg_len = (uint32_t)request.len;
	memcpy(bytes, &header, sizeof(header));
	return request.len;
}

/* ---- replies ---- */

struct span {
	const char *bytes;
	size_t len;
};

/* Finds the attribute `type` among those of `in`. */
static struct span find(struct span in, uint16_t type)
{
	while (in.len >= NLA_HDRLEN) {
		struct nlattr attribute;
		size_t step;

		memcpy(&attribute, in.bytes, sizeof(attribute));
		if (attribute.nla_len < NLA_HDRLEN || attribute.nla_len > in.len)
			break;
		if ((attribute.nla_type & NLA_TYPE_MASK) == type)
			return (struct span){in.bytes + NLA_HDRLEN,
					     (size_t)attribute.nla_len - NLA_HDRLEN};
		step = NLA_ALIGN((size_t)attribute.nla_len);
		if (step > in.len)
			break;
		in.bytes += step;
		in.len -= step;
	}
	return (struct span){NULL, 0};
}

static int read_tuple(struct span tuple, struct endpoint *ret)
{
	struct span ip = find(tuple, CTA_TUPLE_IP), proto = find(tuple, CTA_TUPLE_PROTO);
	struct span v4 = find(ip, CTA_IP_V4_DST), v6 = find(ip, CTA_IP_V6_DST);
	struct span port = find(proto, CTA_PROTO_DST_PORT);
	struct endpoint endpoint = {.address.family = v4.len == 4 ? AF_INET : AF_INET6};

	if (port.len != sizeof(endpoint.port) || (v4.len != 4 && v6.len != 16))
		return -EBADMSG;
	memcpy(&endpoint.port, port.bytes, sizeof(endpoint.port));
	endpoint.port = ntohs(endpoint.port);
	if (v4.len == 4)
		memcpy(endpoint.address.bytes, v4.bytes, 4);
	else
		memcpy(endpoint.address.bytes, v6.bytes, 16);
	*ret = endpoint;
	return 0;
}

static int read_error(struct span payload)
{
	struct nlmsgerr error;

	if (payload.len < sizeof(error))
		return -EBADMSG;
	memcpy(&error, payload.bytes, sizeof(error));
	return error.error < 0 ? error.error : -EBADMSG;
}

void origin_read_reply(const void *bytes, size_t len, struct origin_question *question)
{
	size_t family = NLMSG_ALIGN(sizeof(struct nfgenmsg));
	struct nlmsghdr header;
	struct span payload;

	question->result = -EBADMSG;
	if (len < NLMSG_HDRLEN)
		return;
	memcpy(&header, bytes, sizeof(header));
	if (header.nlmsg_len < NLMSG_HDRLEN || header.nlmsg_len > len)
		return;
	payload =
		(struct span){(const char *)bytes + NLMSG_HDRLEN, header.nlmsg_len - NLMSG_HDRLEN};
	if (header.nlmsg_type == NLMSG_ERROR) {
		question->result = read_error(payload);
	} else if (payload.len >= family) {
		payload.bytes += family;
		payload.len -= family;
		question->result = read_tuple(find(payload, CTA_TUPLE_ORIG), &question->asked);
	}
}

void origin_init(struct origin *origin, int namespace_fd)
{
	origin->namespace_fd = namespace_fd;
	origin->fd = -1;
}

void origin_close(struct origin *origin)
{
	if (origin->fd >= 0)
		close(origin->fd);
	origin->fd = -1;
}

/* Returns 0 or -errno. */
static int send_requests(struct origin *origin, const char *bytes, size_t len)
{
	if (origin->fd < 0)
		origin->fd = namespace_socket(origin->namespace_fd, AF_NETLINK, SOCK_RAW,
					      NETLINK_NETFILTER);
	if (origin->fd < 0)
		return origin->fd;
	return send(origin->fd, bytes, len, 0) < 0 ? -errno : 0;
}

static void read_replies(const struct origin *origin, struct origin_question *questions,
			 size_t count, size_t expected)
{
	char room[ORIGIN_BATCH_MAX][REPLY_ROOM];
	struct iovec vectors[ORIGIN_BATCH_MAX];
	struct mmsghdr messages[ORIGIN_BATCH_MAX];
	int got;

	for (size_t i = 0; i < expected; i++) {
		vectors[i].iov_base = room[i];
		vectors[i].iov_len = sizeof(room[i]);
		messages[i] =
			(struct mmsghdr){.msg_hdr = {.msg_iov = &vectors[i], .msg_iovlen = 1}};
	}
	/* The kernel has answered when sendmsg(2) returns: there is nothing to wait for. */
	got = recvmmsg(origin->fd, messages, (unsigned int)expected, MSG_DONTWAIT, NULL);
	for (int i = 0; i < got; i++) {
		struct nlmsghdr header;

		if (messages[i].msg_len < sizeof(header))
			continue;
		memcpy(&header, room[i], sizeof(header));
		header.nlmsg_seq -= origin->number; /* what is left of an earlier batch is beyond */
		if (header.nlmsg_seq < count)
			origin_read_reply(room[i], messages[i].msg_len,
					  &questions[header.nlmsg_seq]);
	}
}

static bool is_same(const struct endpoint *a, const struct endpoint *b)
{
	return a->port == b->port && address_equal(&a->address, &b->address);
}

static struct origin_known *place_of(struct origin *origin, const struct origin_question *question)
{
	return &origin->known[(question->client.port ^ question->proxy.port << 2) %
			      ORIGIN_KNOWN_MAX];
}

static bool is_known(struct origin *origin, struct origin_question *question, int64_t now_ns)
{
	const struct origin_known *known = place_of(origin, question);

	if (question->asked.port != 0)
		return true;
	if (known->until_ns < now_ns || !is_same(&known->client, &question->client) ||
	    !is_same(&known->proxy, &question->proxy))
		return false;
	question->asked = known->asked;
	question->result = 0;
	return true;
}

static void find_untold(struct origin *origin, struct origin_question *questions, size_t count)
{
	char bytes[ORIGIN_BATCH_MAX * REQUEST_ROOM] = {0};
	int64_t now_ns = clock_monotonic_ns();
	size_t len = 0, unknown = 0;
	int r;

	for (size_t i = 0; i < count; i++) {
		if (is_known(origin, &questions[i], now_ns))
			continue;
		questions[i].result = -EIO;
		len += write_request(bytes + len, &questions[i], origin->number + (uint32_t)i);
		unknown++;
	}
	if (unknown == 0)
		return;
	r = send_requests(origin, bytes, len);
	if (r == 0)
		read_replies(origin, questions, count, unknown);
	origin->number += ORIGIN_BATCH_MAX;
	for (size_t i = 0; i < count; i++) {
		if (r < 0 && questions[i].result < 0)
			questions[i].result = r;
		if (questions[i].result == 0)
			*place_of(origin, &questions[i]) = (struct origin_known){
				.until_ns = now_ns + ORIGIN_KNOWN_MS * INT64_C(1000000),
				.client = questions[i].client,
				.proxy = questions[i].proxy,
				.asked = questions[i].asked,
			};
	}
}

void origin_find(struct origin *origin, struct origin_question *questions, size_t count)
{
	size_t told = 0;

	if (count > ORIGIN_BATCH_MAX)
		count = ORIGIN_BATCH_MAX;
	while (told < count && questions[told].asked.port != 0)
		told++;
	if (told < count)
		find_untold(origin, questions, count);
}

int origin_of_connection(int fd, struct endpoint *ret)
{
	struct sockaddr_storage socket;
	socklen_t len = sizeof(socket);
	int family;
	socklen_t family_len = sizeof(family);

	if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &family, &family_len) < 0)
		return -errno;
	if (family == AF_INET ? getsockopt(fd, SOL_IP, SO_ORIGINAL_DST, &socket, &len) < 0
			      : getsockopt(fd, SOL_IPV6, IP6T_SO_ORIGINAL_DST, &socket, &len) < 0)
		return -errno;
	return address_of_socket((struct sockaddr *)&socket, &ret->address, &ret->port);
}
