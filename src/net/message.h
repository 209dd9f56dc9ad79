/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUSK_NET_MESSAGE_H
#define HUSK_NET_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/*
 * Netlink messages, written and read. Source: netlink(7), Documentation/userspace-api/netlink,
 * include/uapi/linux/netlink.h and netfilter/nfnetlink.h. Numbers in attributes of netfilter are in
 * network byte order.
 *
 * Writing appends to a struct buf, whose sticky error tells at the end that memory ran out. What
 * begins is told by the offset that the begin function returns, for the end function of the same.
 */
struct message_head {
	uint8_t subsystem; /* NFNL_SUBSYS_*; 0 with the type of a batch's begin or end */
	uint8_t type;
	uint16_t flags;	 /* NLM_F_*, NLM_F_REQUEST added */
	uint8_t family;	 /* NFPROTO_* */
	uint16_t res_id; /* host order */
};

size_t message_begin(struct buf *out, const struct message_head *head, uint32_t sequence);
void message_end(struct buf *out, size_t begin);

size_t attribute_begin(struct buf *out, uint16_t type); /* one that holds others */
void attribute_end(struct buf *out, size_t begin);
void attribute_put(struct buf *out, uint16_t type, const void *bytes, size_t len);
void attribute_text(struct buf *out, uint16_t type, const char *text);
void attribute_u8(struct buf *out, uint16_t type, uint8_t value);
void attribute_u16(struct buf *out, uint16_t type, uint16_t value);
void attribute_u32(struct buf *out, uint16_t type, uint32_t value);
void attribute_u64(struct buf *out, uint16_t type, uint64_t value);

/* Bytes that somebody else wrote; what is read moves on. */
struct reader {
	const char *bytes;
	size_t len;
};

/* One message or one attribute: its type and what is in it. */
struct piece {
	uint16_t type; /* of an attribute without the flags NLA_F_* */
	uint32_t sequence;
	struct reader in;
};

/* The next message of a datagram (what is in it begins behind struct nlmsghdr), or the next
 * attribute. False at the end, and at the first one that is not whole. */
bool message_next(struct reader *from, struct piece *ret);
bool attribute_next(struct reader *from, struct piece *ret);

/* Moves past a fixed head of `len` bytes, copied to `head` where that is not NULL. False, nothing
 * moved, where it is not there. */
bool reader_take(struct reader *from, void *head, size_t len);

#endif
