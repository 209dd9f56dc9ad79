/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Messages of nf_tables. What they mean together is the business of rules.c. */
#include "net/nft.h"

#include <endian.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nf_tables_compat.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/xt_NFQUEUE.h>
#include <linux/netlink.h>
#include <stddef.h>
#include <string.h>

#include "net/message.h"

/* An attribute holds 64 KiB at most; a list of elements is begun anew before. */
#define LIST_BYTES_MAX 60000

#define SECOND_MS 1000

static uint32_t reg(unsigned int word)
{
	return NFT_REG32_00 + word;
}

/* ---- messages ---- */

static size_t begin(struct nft *nft, uint8_t type, uint16_t flags)
{
	struct message_head head = {
		.subsystem = NFNL_SUBSYS_NFTABLES,
		.type = type,
		.flags = flags,
		.family = NFPROTO_INET,
	};

	nft->sequence++;
	nft->last = message_begin(&nft->out, &head, nft->sequence);
	return nft->last;
}

static void put_frame(struct nft *nft, uint8_t type)
{
	struct message_head head = {.type = type, .res_id = NFNL_SUBSYS_NFTABLES};

	nft->sequence++;
	message_end(&nft->out, message_begin(&nft->out, &head, nft->sequence));
}

void nft_begin(struct nft *nft, const char *table)
{
	*nft = (struct nft){.out = BUF_INIT, .table = table};
	put_frame(nft, NFNL_MSG_BATCH_BEGIN);
}

/* The answer is asked for at the last message: the kernel gives it when all was taken. */
void nft_commit(struct nft *nft)
{
	uint16_t flags;
	char *at;

	if (!nft->out.error) {
		at = nft->out.bytes + nft->last + offsetof(struct nlmsghdr, nlmsg_flags);
		memcpy(&flags, at, sizeof(flags));
		flags |= NLM_F_ACK;
		memcpy(at, &flags, sizeof(flags));
	}
	put_frame(nft, NFNL_MSG_BATCH_END);
}

void nft_release(struct nft *nft)
{
	buf_release(&nft->out);
}

/* ---- objects ---- */

void nft_add_table(struct nft *nft, uint32_t flags, bool fresh)
{
	size_t message =
		begin(nft, NFT_MSG_NEWTABLE, (uint16_t)(NLM_F_CREATE | (fresh ? NLM_F_EXCL : 0)));

	attribute_text(&nft->out, NFTA_TABLE_NAME, nft->table);
	attribute_u32(&nft->out, NFTA_TABLE_FLAGS, flags);
	message_end(&nft->out, message);
}

void nft_delete_table(struct nft *nft)
{
	size_t message = begin(nft, NFT_MSG_DELTABLE, 0);

	attribute_text(&nft->out, NFTA_TABLE_NAME, nft->table);
	message_end(&nft->out, message);
}

void nft_add_set(struct nft *nft, const struct nft_set *set)
{
	size_t message = begin(nft, NFT_MSG_NEWSET, NLM_F_CREATE);

	attribute_text(&nft->out, NFTA_SET_TABLE, nft->table);
	attribute_text(&nft->out, NFTA_SET_NAME, set->name);
	attribute_u32(&nft->out, NFTA_SET_ID, nft->sequence);
	attribute_u32(&nft->out, NFTA_SET_FLAGS, set->flags);
	attribute_u32(&nft->out, NFTA_SET_KEY_TYPE, set->key_type);
	attribute_u32(&nft->out, NFTA_SET_KEY_LEN, set->key_len);
	if (set->size > 0) {
		size_t desc = attribute_begin(&nft->out, NFTA_SET_DESC);

		attribute_u32(&nft->out, NFTA_SET_DESC_SIZE, set->size);
		attribute_end(&nft->out, desc);
	}
	message_end(&nft->out, message);
}

void nft_flush_set(struct nft *nft, const char *name)
{
	size_t message = begin(nft, NFT_MSG_DELSETELEM, 0);

	attribute_text(&nft->out, NFTA_SET_ELEM_LIST_TABLE, nft->table);
	attribute_text(&nft->out, NFTA_SET_ELEM_LIST_SET, name);
	message_end(&nft->out, message);
}

static void begin_list(struct nft *nft, struct nft_elements *elements)
{
	elements->message = elements->remove ? begin(nft, NFT_MSG_DELSETELEM, 0)
					     : begin(nft, NFT_MSG_NEWSETELEM, NLM_F_CREATE);
	attribute_text(&nft->out, NFTA_SET_ELEM_LIST_TABLE, nft->table);
	attribute_text(&nft->out, NFTA_SET_ELEM_LIST_SET, elements->set);
	elements->list = attribute_begin(&nft->out, NFTA_SET_ELEM_LIST_ELEMENTS);
}

void nft_begin_elements(struct nft *nft, struct nft_elements *elements, const char *set,
			bool remove)
{
	elements->set = set;
	elements->remove = remove;
	begin_list(nft, elements);
}

void nft_end_elements(struct nft *nft, struct nft_elements *elements)
{
	attribute_end(&nft->out, elements->list);
	message_end(&nft->out, elements->message);
}

static void put_data(struct nft *nft, uint16_t type, const void *bytes, size_t len)
{
	size_t data = attribute_begin(&nft->out, type);

	attribute_put(&nft->out, NFTA_DATA_VALUE, bytes, len);
	attribute_end(&nft->out, data);
}

void nft_add_element(struct nft *nft, struct nft_elements *elements, const void *key, size_t len,
		     uint64_t timeout_ms)
{
	size_t element;

	if (nft->out.len - elements->list > LIST_BYTES_MAX) {
		nft_end_elements(nft, elements);
		begin_list(nft, elements);
	}
	element = attribute_begin(&nft->out, NFTA_LIST_ELEM);
	put_data(nft, NFTA_SET_ELEM_KEY, key, len);
	if (timeout_ms > 0)
		attribute_u64(&nft->out, NFTA_SET_ELEM_TIMEOUT, timeout_ms);
	attribute_end(&nft->out, element);
}

void nft_add_chain(struct nft *nft, const char *name, const char *type, uint32_t hook,
		   int32_t priority)
{
	size_t message = begin(nft, NFT_MSG_NEWCHAIN, NLM_F_CREATE), place;

	attribute_text(&nft->out, NFTA_CHAIN_TABLE, nft->table);
	attribute_text(&nft->out, NFTA_CHAIN_NAME, name);
	if (type) {
		place = attribute_begin(&nft->out, NFTA_CHAIN_HOOK);
		attribute_u32(&nft->out, NFTA_HOOK_HOOKNUM, hook);
		attribute_u32(&nft->out, NFTA_HOOK_PRIORITY, (uint32_t)priority);
		attribute_end(&nft->out, place);
		attribute_text(&nft->out, NFTA_CHAIN_TYPE, type);
	}
	message_end(&nft->out, message);
}

void nft_flush_rules(struct nft *nft)
{
	size_t message = begin(nft, NFT_MSG_DELRULE, 0);

	attribute_text(&nft->out, NFTA_RULE_TABLE, nft->table);
	message_end(&nft->out, message);
}

/* ---- rules ---- */

void nft_begin_rule(struct nft *nft, const char *chain)
{
	nft->message = begin(nft, NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND);
	attribute_text(&nft->out, NFTA_RULE_TABLE, nft->table);
	attribute_text(&nft->out, NFTA_RULE_CHAIN, chain);
	nft->expressions = attribute_begin(&nft->out, NFTA_RULE_EXPRESSIONS);
}

void nft_end_rule(struct nft *nft)
{
	attribute_end(&nft->out, nft->expressions);
	message_end(&nft->out, nft->message);
}

struct expression {
	size_t element, data;
};

static struct expression expression(struct nft *nft, const char *name)
{
	struct expression e = {.element = attribute_begin(&nft->out, NFTA_LIST_ELEM)};

	attribute_text(&nft->out, NFTA_EXPR_NAME, name);
	e.data = attribute_begin(&nft->out, NFTA_EXPR_DATA);
	return e;
}

static void end(struct nft *nft, struct expression e)
{
	attribute_end(&nft->out, e.data);
	attribute_end(&nft->out, e.element);
}

void nft_meta(struct nft *nft, unsigned int word, uint32_t key)
{
	struct expression e = expression(nft, "meta");

	attribute_u32(&nft->out, NFTA_META_KEY, key);
	attribute_u32(&nft->out, NFTA_META_DREG, reg(word));
	end(nft, e);
}

void nft_set_meta(struct nft *nft, unsigned int word, uint32_t key)
{
	struct expression e = expression(nft, "meta");

	attribute_u32(&nft->out, NFTA_META_KEY, key);
	attribute_u32(&nft->out, NFTA_META_SREG, reg(word));
	end(nft, e);
}

void nft_ct(struct nft *nft, unsigned int word, uint32_t key)
{
	struct expression e = expression(nft, "ct");

	attribute_u32(&nft->out, NFTA_CT_KEY, key);
	attribute_u32(&nft->out, NFTA_CT_DREG, reg(word));
	end(nft, e);
}

void nft_ct_tuple(struct nft *nft, unsigned int word, uint32_t key, uint8_t direction)
{
	struct expression e = expression(nft, "ct");

	attribute_u32(&nft->out, NFTA_CT_KEY, key);
	attribute_u32(&nft->out, NFTA_CT_DREG, reg(word));
	attribute_u8(&nft->out, NFTA_CT_DIRECTION, direction);
	end(nft, e);
}

void nft_payload(struct nft *nft, unsigned int word, uint32_t base, uint32_t offset, uint32_t len)
{
	struct expression e = expression(nft, "payload");

	attribute_u32(&nft->out, NFTA_PAYLOAD_DREG, reg(word));
	attribute_u32(&nft->out, NFTA_PAYLOAD_BASE, base);
	attribute_u32(&nft->out, NFTA_PAYLOAD_OFFSET, offset);
	attribute_u32(&nft->out, NFTA_PAYLOAD_LEN, len);
	end(nft, e);
}

void nft_value(struct nft *nft, unsigned int word, const void *bytes, size_t len)
{
	struct expression e = expression(nft, "immediate");

	attribute_u32(&nft->out, NFTA_IMMEDIATE_DREG, reg(word));
	put_data(nft, NFTA_IMMEDIATE_DATA, bytes, len);
	end(nft, e);
}

void nft_compare(struct nft *nft, unsigned int word, uint32_t operation, const void *bytes,
		 size_t len)
{
	struct expression e = expression(nft, "cmp");

	attribute_u32(&nft->out, NFTA_CMP_SREG, reg(word));
	attribute_u32(&nft->out, NFTA_CMP_OP, operation);
	put_data(nft, NFTA_CMP_DATA, bytes, len);
	end(nft, e);
}

void nft_range(struct nft *nft, unsigned int word, uint32_t operation, const void *first,
	       const void *last, size_t len)
{
	struct expression e = expression(nft, "range");

	attribute_u32(&nft->out, NFTA_RANGE_SREG, reg(word));
	attribute_u32(&nft->out, NFTA_RANGE_OP, operation);
	put_data(nft, NFTA_RANGE_FROM_DATA, first, len);
	put_data(nft, NFTA_RANGE_TO_DATA, last, len);
	end(nft, e);
}

void nft_mask(struct nft *nft, unsigned int word, const void *mask, size_t len)
{
	static const uint8_t zero[16];
	struct expression e = expression(nft, "bitwise");

	attribute_u32(&nft->out, NFTA_BITWISE_SREG, reg(word));
	attribute_u32(&nft->out, NFTA_BITWISE_DREG, reg(word));
	attribute_u32(&nft->out, NFTA_BITWISE_LEN, (uint32_t)len);
	put_data(nft, NFTA_BITWISE_MASK, mask, len);
	put_data(nft, NFTA_BITWISE_XOR, zero, len);
	end(nft, e);
}

void nft_cgroup(struct nft *nft, unsigned int word, uint32_t level)
{
	struct expression e = expression(nft, "socket");

	attribute_u32(&nft->out, NFTA_SOCKET_KEY, NFT_SOCKET_CGROUPV2);
	attribute_u32(&nft->out, NFTA_SOCKET_DREG, reg(word));
	attribute_u32(&nft->out, NFTA_SOCKET_LEVEL, level);
	end(nft, e);
}

void nft_has_socket(struct nft *nft, unsigned int word)
{
	struct expression e = expression(nft, "socket");

	attribute_u32(&nft->out, NFTA_SOCKET_KEY, NFT_SOCKET_WILDCARD);
	attribute_u32(&nft->out, NFTA_SOCKET_DREG, reg(word));
	end(nft, e);
}

void nft_socket_mark(struct nft *nft, unsigned int word)
{
	struct expression e = expression(nft, "socket");

	attribute_u32(&nft->out, NFTA_SOCKET_KEY, NFT_SOCKET_MARK);
	attribute_u32(&nft->out, NFTA_SOCKET_DREG, reg(word));
	end(nft, e);
}

void nft_address_type(struct nft *nft, unsigned int word, uint32_t of)
{
	struct expression e = expression(nft, "fib");

	attribute_u32(&nft->out, NFTA_FIB_DREG, reg(word));
	attribute_u32(&nft->out, NFTA_FIB_RESULT, NFT_FIB_RESULT_ADDRTYPE);
	attribute_u32(&nft->out, NFTA_FIB_FLAGS, of);
	end(nft, e);
}

void nft_extension(struct nft *nft, unsigned int word, uint8_t header, uint32_t offset,
		   uint32_t len)
{
	struct expression e = expression(nft, "exthdr");

	attribute_u32(&nft->out, NFTA_EXTHDR_DREG, reg(word));
	attribute_u8(&nft->out, NFTA_EXTHDR_TYPE, header);
	attribute_u32(&nft->out, NFTA_EXTHDR_OFFSET, offset);
	attribute_u32(&nft->out, NFTA_EXTHDR_LEN, len);
	end(nft, e);
}

static void put_lookup(struct nft *nft, unsigned int word, const char *set, uint32_t flags)
{
	struct expression e = expression(nft, "lookup");

	attribute_text(&nft->out, NFTA_LOOKUP_SET, set);
	attribute_u32(&nft->out, NFTA_LOOKUP_SREG, reg(word));
	attribute_u32(&nft->out, NFTA_LOOKUP_FLAGS, flags);
	end(nft, e);
}

void nft_lookup(struct nft *nft, unsigned int word, const char *set)
{
	put_lookup(nft, word, set, 0);
}

void nft_lookup_absent(struct nft *nft, unsigned int word, const char *set)
{
	put_lookup(nft, word, set, NFT_LOOKUP_F_INV);
}

static void put_dynamic(struct nft *nft, unsigned int word, const char *set, uint32_t operation,
			uint32_t seconds)
{
	struct expression e = expression(nft, "dynset");

	attribute_text(&nft->out, NFTA_DYNSET_SET_NAME, set);
	attribute_u32(&nft->out, NFTA_DYNSET_OP, operation);
	attribute_u32(&nft->out, NFTA_DYNSET_SREG_KEY, reg(word));
	attribute_u64(&nft->out, NFTA_DYNSET_TIMEOUT, (uint64_t)seconds * SECOND_MS);
	end(nft, e);
}

void nft_remember(struct nft *nft, unsigned int word, const char *set, uint32_t seconds)
{
	put_dynamic(nft, word, set, NFT_DYNSET_OP_ADD, seconds);
}

void nft_prolong(struct nft *nft, unsigned int word, const char *set, uint32_t seconds)
{
	put_dynamic(nft, word, set, NFT_DYNSET_OP_UPDATE, seconds);
}

void nft_over_rate(struct nft *nft, uint32_t packets)
{
	struct expression e = expression(nft, "limit");

	attribute_u64(&nft->out, NFTA_LIMIT_RATE, packets);
	attribute_u64(&nft->out, NFTA_LIMIT_UNIT, 1);
	attribute_u32(&nft->out, NFTA_LIMIT_BURST, packets);
	attribute_u32(&nft->out, NFTA_LIMIT_TYPE, NFT_LIMIT_PKTS);
	attribute_u32(&nft->out, NFTA_LIMIT_FLAGS, NFT_LIMIT_F_INV);
	end(nft, e);
}

void nft_log(struct nft *nft, uint16_t group, const char *prefix)
{
	struct expression e = expression(nft, "log");

	attribute_u16(&nft->out, NFTA_LOG_GROUP, group);
	attribute_text(&nft->out, NFTA_LOG_PREFIX, prefix);
	end(nft, e);
}

static void put_verdict(struct nft *nft, int32_t code, const char *chain)
{
	struct expression e = expression(nft, "immediate");
	size_t data, verdict;

	attribute_u32(&nft->out, NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT);
	data = attribute_begin(&nft->out, NFTA_IMMEDIATE_DATA);
	verdict = attribute_begin(&nft->out, NFTA_DATA_VERDICT);
	attribute_u32(&nft->out, NFTA_VERDICT_CODE, (uint32_t)code);
	if (chain)
		attribute_text(&nft->out, NFTA_VERDICT_CHAIN, chain);
	attribute_end(&nft->out, verdict);
	attribute_end(&nft->out, data);
	end(nft, e);
}

void nft_accept(struct nft *nft)
{
	put_verdict(nft, NF_ACCEPT, NULL);
}

void nft_drop(struct nft *nft)
{
	put_verdict(nft, NF_DROP, NULL);
}

void nft_goto(struct nft *nft, const char *chain)
{
	put_verdict(nft, NFT_GOTO, chain);
}

void nft_jump(struct nft *nft, const char *chain)
{
	put_verdict(nft, NFT_JUMP, chain);
}

void nft_return(struct nft *nft)
{
	put_verdict(nft, NFT_RETURN, NULL);
}

void nft_queue(struct nft *nft, uint16_t number)
{
	struct expression e = expression(nft, "queue");

	attribute_u16(&nft->out, NFTA_QUEUE_NUM, number);
	attribute_u16(&nft->out, NFTA_QUEUE_TOTAL, 1);
	end(nft, e);
}

void nft_queue_target(struct nft *nft, uint16_t number)
{
	const struct xt_NFQ_info info = {.queuenum = number};
	struct expression e = expression(nft, "target");

	attribute_text(&nft->out, NFTA_TARGET_NAME, QUEUE_TARGET);
	attribute_u32(&nft->out, NFTA_TARGET_REV, 0);
	attribute_put(&nft->out, NFTA_TARGET_INFO, &info, sizeof(info));
	end(nft, e);
}

static void put_reject(struct nft *nft, uint32_t type, uint8_t code)
{
	struct expression e = expression(nft, "reject");

	attribute_u32(&nft->out, NFTA_REJECT_TYPE, type);
	attribute_u8(&nft->out, NFTA_REJECT_ICMP_CODE, code);
	end(nft, e);
}

void nft_reject_reset(struct nft *nft)
{
	put_reject(nft, NFT_REJECT_TCP_RST, 0);
}

void nft_reject_prohibited(struct nft *nft)
{
	put_reject(nft, NFT_REJECT_ICMPX_UNREACH, NFT_REJECT_ICMPX_ADMIN_PROHIBITED);
}

void nft_reject_port(struct nft *nft)
{
	put_reject(nft, NFT_REJECT_ICMPX_UNREACH, NFT_REJECT_ICMPX_PORT_UNREACH);
}

void nft_redirect(struct nft *nft, unsigned int word)
{
	struct expression e = expression(nft, "redir");

	attribute_u32(&nft->out, NFTA_REDIR_REG_PROTO_MIN, reg(word));
	end(nft, e);
}
