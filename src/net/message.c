/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Netlink messages. Reading trusts no length: what does not fit in what holds it ends the reading.
 */
#include "net/message.h"

#include <arpa/inet.h>
#include <endian.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <string.h>

static void pad(struct buf *out)
{
	buf_add_zeros(out, NLA_ALIGN(out->len) - out->len);
}

size_t message_begin(struct buf *out, const struct message_head *head, uint32_t sequence)
{
	struct nlmsghdr message = {
		.nlmsg_type = (uint16_t)(head->subsystem << 8 | head->type),
		.nlmsg_flags = (uint16_t)(head->flags | NLM_F_REQUEST),
		.nlmsg_seq = sequence,
	};
	struct nfgenmsg general = {
		.nfgen_family = head->family,
		.version = NFNETLINK_V0,
		.res_id = htons(head->res_id),
	};
	size_t begin = out->len;

	buf_add(out, &message, sizeof(message));
	buf_add(out, &general, sizeof(general));
	return begin;
}

void message_end(struct buf *out, size_t begin)
{
	uint32_t len = (uint32_t)(out->len - begin);

	if (!out->error)
		memcpy(out->bytes + begin + offsetof(struct nlmsghdr, nlmsg_len), &len,
		       sizeof(len));
}

static size_t begin_attribute(struct buf *out, uint16_t type)
{
	struct nlattr attribute = {.nla_type = type};
	size_t begin = out->len;

	buf_add(out, &attribute, sizeof(attribute));
	return begin;
}

size_t attribute_begin(struct buf *out, uint16_t type)
{
	return begin_attribute(out, type | NLA_F_NESTED);
}

void attribute_end(struct buf *out, size_t begin)
{
	uint16_t len = (uint16_t)(out->len - begin);

	if (out->error)
		return;
	memcpy(out->bytes + begin + offsetof(struct nlattr, nla_len), &len, sizeof(len));
	pad(out);
}

void attribute_put(struct buf *out, uint16_t type, const void *bytes, size_t len)
{
	size_t begin = begin_attribute(out, type);

	buf_add(out, bytes, len);
	attribute_end(out, begin);
}

void attribute_text(struct buf *out, uint16_t type, const char *text)
{
	attribute_put(out, type, text, strlen(text) + 1);
}

void attribute_u8(struct buf *out, uint16_t type, uint8_t value)
{
	attribute_put(out, type, &value, sizeof(value));
}

void attribute_u16(struct buf *out, uint16_t type, uint16_t value)
{
	uint16_t big = htobe16(value);

	attribute_put(out, type, &big, sizeof(big));
}

void attribute_u32(struct buf *out, uint16_t type, uint32_t value)
{
	uint32_t big = htobe32(value);

	attribute_put(out, type, &big, sizeof(big));
}

void attribute_u64(struct buf *out, uint16_t type, uint64_t value)
{
	uint64_t big = htobe64(value);

	attribute_put(out, type, &big, sizeof(big));
}

bool reader_take(struct reader *from, void *head, size_t len)
{
	if (from->len < len)
		return false;
	if (head)
		memcpy(head, from->bytes, len);
	from->bytes += len;
	from->len -= len;
	return true;
}

/* What of `whole` bytes, head included, is in the piece whose head was taken; moves to the next. */
static bool take_rest(struct reader *from, size_t head, size_t whole, struct reader *ret)
{
	size_t padded = NLA_ALIGN(whole);

	if (whole < head || whole - head > from->len)
		return false;
	*ret = (struct reader){from->bytes, whole - head};
	reader_take(from, NULL, padded - head <= from->len ? padded - head : from->len);
	return true;
}

bool message_next(struct reader *from, struct piece *ret)
{
	struct nlmsghdr head;

	if (!reader_take(from, &head, sizeof(head)))
		return false;
	ret->type = head.nlmsg_type;
	ret->sequence = head.nlmsg_seq;
	return take_rest(from, sizeof(head), head.nlmsg_len, &ret->in);
}

bool attribute_next(struct reader *from, struct piece *ret)
{
	struct nlattr head;

	if (!reader_take(from, &head, sizeof(head)))
		return false;
	ret->type = head.nla_type & NLA_TYPE_MASK;
	ret->sequence = 0;
	return take_rest(from, sizeof(head), head.nla_len, &ret->in);
}
