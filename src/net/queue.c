/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "net/queue.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables_compat.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_queue.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <sys/socket.h>

#include "net/netlink.h"
#include "net/nft.h"
#include "net/packet.h"

#define COPY_BYTES 0xffff /* all of it */

int queue_bind(int fd, uint16_t number)
{
	struct message_head head = {
		.subsystem = NFNL_SUBSYS_QUEUE,
		.type = NFQNL_MSG_CONFIG,
		.flags = NLM_F_ACK,
		.res_id = number,
	};
	struct nfqnl_msg_config_cmd bind = {.command = NFQNL_CFG_CMD_BIND};
	struct nfqnl_msg_config_params params = {
		.copy_range = htonl(COPY_BYTES),
		.copy_mode = NFQNL_COPY_PACKET,
	};
	cleanup_buf struct buf out = BUF_INIT;
	size_t begin = message_begin(&out, &head, 1);

	attribute_put(&out, NFQA_CFG_CMD, &bind, sizeof(bind));
	attribute_put(&out, NFQA_CFG_PARAMS, &params, sizeof(params));
	message_end(&out, begin);
	return netlink_ask(fd, &out);
}

bool queue_has_target(int fd)
{
	struct message_head head = {
		.subsystem = NFNL_SUBSYS_NFT_COMPAT,
		.type = NFNL_MSG_COMPAT_GET,
		.flags = NLM_F_ACK,
		.family = NFPROTO_IPV4, /* the target is the same for all */
	};
	cleanup_buf struct buf out = BUF_INIT;
	size_t begin = message_begin(&out, &head, 1);

	attribute_text(&out, NFTA_COMPAT_NAME, QUEUE_TARGET);
	attribute_u32(&out, NFTA_COMPAT_REV, 0);
	attribute_u32(&out, NFTA_COMPAT_TYPE, 1); /* a target, no match */
	message_end(&out, begin);
	return netlink_ask(fd, &out) == 0;
}

int queue_read(struct reader *datagram, struct queue_packet *ret)
{
	struct piece message, attribute;

	while (message_next(datagram, &message)) {
		struct nfqnl_msg_packet_hdr head;
		uint32_t out;

		if (message.type != (NFNL_SUBSYS_QUEUE << 8 | NFQNL_MSG_PACKET) ||
		    !reader_take(&message.in, NULL, sizeof(struct nfgenmsg)))
			continue;
		*ret = (struct queue_packet){0};
		while (attribute_next(&message.in, &attribute)) {
			if (attribute.type == NFQA_PACKET_HDR &&
			    reader_take(&attribute.in, &head, sizeof(head)))
				ret->id = ntohl(head.packet_id);
			else if (attribute.type == NFQA_IFINDEX_OUTDEV &&
				 reader_take(&attribute.in, &out, sizeof(out)))
				ret->out = ntohl(out);
			else if (attribute.type == NFQA_PAYLOAD)
				ret->bytes = attribute.in;
		}
		return 0;
	}
	return -ENOMSG;
}

int queue_drop(int fd, uint16_t number, uint32_t id)
{
	struct message_head head = {
		.subsystem = NFNL_SUBSYS_QUEUE,
		.type = NFQNL_MSG_VERDICT_BATCH,
		.res_id = number,
	};
	struct nfqnl_msg_verdict_hdr verdict = {.verdict = htonl(NF_DROP), .id = htonl(id)};
	cleanup_buf struct buf out = BUF_INIT;
	size_t begin = message_begin(&out, &head, 1);

	attribute_put(&out, NFQA_VERDICT_HDR, &verdict, sizeof(verdict));
	message_end(&out, begin);
	if (out.error)
		return out.error;
	return send(fd, out.bytes, out.len, 0) < 0 ? -errno : 0;
}

/* Whether an interface has to be named with it: RFC 4291 section 2.5.6. */
static bool is_of_a_link(const struct address *address)
{
	return address->family == AF_INET6 && address->bytes[0] == 0xfe &&
	       (address->bytes[1] & 0xc0) == 0x80;
}

int question_read(const struct queue_packet *packet, struct net_question *ret)
{
	struct reader rest;
	struct packet head;
	struct udphdr udp;
	struct tcphdr tcp;

	if (packet_read(packet->bytes, &head) < 0)
		return -EPROTO;
	*ret = (struct net_question){
		.protocol = head.protocol,
		.from = head.from,
		.to = head.to,
		.from_port = head.from_port,
		.scope = is_of_a_link(&head.to) ? packet->out : 0,
		.bytes = (uint8_t *)(uintptr_t)packet->bytes.bytes,
		.len = packet->bytes.len,
	};
	rest = head.transport;
	if (head.protocol == IPPROTO_TCP)
		return reader_take(&rest, &tcp, sizeof(tcp)) && tcp.syn && !tcp.ack ? 0 : -EPROTO;
	if (head.protocol != IPPROTO_UDP || !reader_take(&rest, &udp, sizeof(udp)) ||
	    ntohs(udp.len) < sizeof(udp) || ntohs(udp.len) - sizeof(udp) > rest.len)
		return -EPROTO;
	ret->bytes = (uint8_t *)(uintptr_t)rest.bytes;
	ret->len = ntohs(udp.len) - sizeof(udp);
	return 0;
}
