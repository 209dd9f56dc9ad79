/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "dns/udp-out.h"

#include <errno.h>
#include <netinet/udp.h>
#include <stdbool.h>
#include <string.h>

void udp_out_put(struct udp_out *out, const uint8_t *bytes, size_t len,
		 const struct address *client)
{
	unsigned int i = out->count++;

	out->vectors[i] = (struct iovec){(void *)(uintptr_t)bytes, len};
	out->messages[i].msg_hdr = (struct msghdr){.msg_iov = &out->vectors[i], .msg_iovlen = 1};
	if (!client)
		return;
	out->messages[i].msg_hdr.msg_name = &out->clients[i];
	out->messages[i].msg_hdr.msg_namelen = address_to_socket(client, 0, &out->clients[i]);
}

/* The longest first. */
static void order(struct iovec *vectors, unsigned int count)
{
	for (unsigned int i = 1; i < count; i++) {
		struct iovec vector = vectors[i];
		unsigned int at = i;

		for (; at > 0 && vectors[at - 1].iov_len < vector.iov_len; at--)
			vectors[at] = vectors[at - 1];
		vectors[at] = vector;
	}
}

/* How many of them can be segments of one message. */
static unsigned int count_segments(const struct iovec *vectors, unsigned int count)
{
	unsigned int n = 1;

	if (vectors[0].iov_len > UDP_OUT_SEGMENT_MAX)
		return 1;
	while (n < count && vectors[n].iov_len == vectors[0].iov_len)
		n++;
	return n < count && vectors[n].iov_len > 0 ? n + 1 : n;
}

static void set_segment(struct msghdr *message, char *control)
{
	uint16_t len = (uint16_t)message->msg_iov[0].iov_len;
	struct cmsghdr header = {
		.cmsg_level = SOL_UDP,
		.cmsg_type = UDP_SEGMENT,
		.cmsg_len = CMSG_LEN(sizeof(len)),
	};

	message->msg_control = control;
	message->msg_controllen = CMSG_SPACE(sizeof(len));
	memcpy(control, &header, sizeof(header));
	memcpy(CMSG_DATA(CMSG_FIRSTHDR(message)), &len, sizeof(len));
}

/* Makes messages of segments. Returns how many messages there are. */
static unsigned int join(struct udp_out *out)
{
	unsigned int messages = 0;

	order(out->vectors, out->count);
	for (unsigned int i = 0, n; i < out->count; i += n) {
		struct msghdr *message = &out->messages[messages].msg_hdr;

		n = count_segments(out->vectors + i, out->count - i);
		*message = (struct msghdr){.msg_iov = &out->vectors[i], .msg_iovlen = n};
		if (n > 1)
			set_segment(message, out->controls[messages]);
		messages++;
	}
	return messages;
}

/* What cannot go together, since the device computes no checksums (before Linux 6.11) or its
 * packets are smaller than that. */
static void send_apart(int fd, const struct msghdr *message)
{
	for (size_t i = 0; i < message->msg_iovlen && message->msg_iovlen > 1; i++)
		(void)!send(fd, message->msg_iov[i].iov_base, message->msg_iov[i].iov_len, 0);
}

int udp_out_send(struct udp_out *out)
{
	bool connected = out->count > 0 && !out->messages[0].msg_hdr.msg_name;
	unsigned int count = connected ? join(out) : out->count, sent = 0;
	bool again = true;
	int r = 0;

	while (sent < count) {
		int n = sendmmsg(out->fd, out->messages + sent, count - sent, 0);

		if (n < 0 && errno == ECONNREFUSED)
			r = -ECONNREFUSED;
		/* What the kernel has to say of an earlier datagram it says once. */
		if (n < 0 && !again) {
			send_apart(out->fd, &out->messages[sent].msg_hdr);
			n = 1;
		}
		again = n > 0;
		sent += n > 0 ? (unsigned int)n : 0;
	}
	out->count = 0;
	return r;
}
