/* SPDX-License-Identifier: GPL-2.0-or-later */
/* NFLOG messages. */
#include "net/log.h"

#include <arpa/inet.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_log.h>
#include <linux/netlink.h>
#include <string.h>

#include "net/netlink.h"

/* IPv4 with all options, or IPv6 with some extension headers, and the ports. */
#define COPY_BYTES 256

static void read_attribute(struct piece attribute, struct log_message *ret, struct reader *packet)
{
	uint32_t sequence;

	switch (attribute.type) {
	case NFULA_PREFIX:
		if (attribute.in.len == 2 && attribute.in.bytes[1] == '\0')
			ret->prefix = attribute.in.bytes[0];
		break;
	case NFULA_PAYLOAD:
		*packet = attribute.in;
		break;
	case NFULA_SEQ:
		ret->has_sequence = reader_take(&attribute.in, &sequence, sizeof(sequence));
		if (ret->has_sequence)
			ret->sequence = ntohl(sequence);
		break;
	default:
		break;
	}
}

enum log_read_result log_read(struct reader *datagram, struct log_message *ret)
{
	struct piece message, attribute;

	while (message_next(datagram, &message)) {
		struct reader packet = {0};

		if (message.type != (NFNL_SUBSYS_ULOG << 8 | NFULNL_MSG_PACKET) ||
		    !reader_take(&message.in, NULL, sizeof(struct nfgenmsg)))
			continue;
		*ret = (struct log_message){0};
		while (attribute_next(&message.in, &attribute))
			read_attribute(attribute, ret, &packet);
		return packet_read(packet, &ret->packet) == 0 ? LOG_MESSAGE : LOG_ODD;
	}
	return LOG_END;
}

int log_bind(int fd, uint16_t group)
{
	struct message_head head = {
		.subsystem = NFNL_SUBSYS_ULOG,
		.type = NFULNL_MSG_CONFIG,
		.flags = NLM_F_ACK,
		.res_id = group,
	};
	struct nfulnl_msg_config_cmd bind = {.command = NFULNL_CFG_CMD_BIND};
	struct nfulnl_msg_config_mode mode = {
		.copy_range = htonl(COPY_BYTES),
		.copy_mode = NFULNL_COPY_PACKET,
	};
	cleanup_buf struct buf out = BUF_INIT;
	size_t begin = message_begin(&out, &head, 1);

	attribute_put(&out, NFULA_CFG_CMD, &bind, sizeof(bind));
	attribute_put(&out, NFULA_CFG_MODE, &mode, sizeof(mode));
	attribute_u32(&out, NFULA_CFG_QTHRESH, 1); /* at once, while who did it still lives */
	attribute_u16(&out, NFULA_CFG_FLAGS, NFULNL_CFG_F_SEQ);
	message_end(&out, begin);
	return netlink_ask(fd, &out);
}
