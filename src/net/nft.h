/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUSK_NET_NFT_H
#define HUSK_NET_NFT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/*
 * One transaction of nf_tables: tables, sets, chains and rules, in the order of the calls. The
 * kernel takes all of it or nothing. Source: include/uapi/linux/netfilter/nf_tables.h, the
 * attributes as net/netfilter/nf_tables_api.c and nft_*.c read them.
 */
struct nft {
	struct buf out; /* for netlink_ask() once nft_commit() was called */
	const char *table;
	uint32_t sequence;
	size_t last;		     /* the message begun last */
	size_t message, expressions; /* the rule that is being written */
};

void nft_begin(struct nft *nft, const char *table);
void nft_commit(struct nft *nft);
void nft_release(struct nft *nft);

/* flags: NFT_TABLE_F_*. fresh: it must not exist yet. */
void nft_add_table(struct nft *nft, uint32_t flags, bool fresh);
void nft_delete_table(struct nft *nft); /* which must exist */

/* A set of keys of `key_len` bytes; flags NFT_SET_*, key_type what nft(8) lists its elements as.
 * size 0: no limit. */
struct nft_set {
	const char *name;
	uint32_t flags, key_type, key_len, size;
};
void nft_add_set(struct nft *nft, const struct nft_set *set);
void nft_flush_set(struct nft *nft, const char *name);

/* Elements of a set, any number, to add or to remove. timeout_ms 0: it stays. One to add that is
 * there already is left as it is; one to remove must be there. */
struct nft_elements {
	const char *set;
	bool remove;
	size_t message, list;
};
void nft_begin_elements(struct nft *nft, struct nft_elements *elements, const char *set,
			bool remove);
void nft_add_element(struct nft *nft, struct nft_elements *elements, const void *key, size_t len,
		     uint64_t timeout_ms);
void nft_end_elements(struct nft *nft, struct nft_elements *elements);

/* type NULL: a chain that others jump to. hook NF_INET_*. */
void nft_add_chain(struct nft *nft, const char *name, const char *type, uint32_t hook,
		   int32_t priority);
void nft_flush_rules(struct nft *nft); /* all of the table's */

/* A rule: its expressions are evaluated in their order until one does not match. Registers are
 * counted in words of four bytes, 0 to 15. */
void nft_begin_rule(struct nft *nft, const char *chain);
void nft_end_rule(struct nft *nft);

void nft_meta(struct nft *nft, unsigned int word, uint32_t key);
void nft_ct(struct nft *nft, unsigned int word, uint32_t key);
/* Of one direction of the connection, IP_CT_DIR_*. */
void nft_ct_tuple(struct nft *nft, unsigned int word, uint32_t key, uint8_t direction);
void nft_set_meta(struct nft *nft, unsigned int word, uint32_t key); /* the packet's */
void nft_payload(struct nft *nft, unsigned int word, uint32_t base, uint32_t offset, uint32_t len);
void nft_value(struct nft *nft, unsigned int word, const void *bytes, size_t len);
void nft_compare(struct nft *nft, unsigned int word, uint32_t operation, const void *bytes,
		 size_t len);
/* Within first and last, or outside of them (NFT_RANGE_*), as bytes compare. */
void nft_range(struct nft *nft, unsigned int word, uint32_t operation, const void *first,
	       const void *last, size_t len);
void nft_mask(struct nft *nft, unsigned int word, const void *mask,
	      size_t len); /* 16 bytes at most */
void nft_cgroup(struct nft *nft, unsigned int word, uint32_t level);
void nft_has_socket(struct nft *nft, unsigned int word);
void nft_socket_mark(struct nft *nft, unsigned int word);
/* RTN_* of an address of the packet's; of: NFTA_FIB_F_SADDR or NFTA_FIB_F_DADDR. */
void nft_address_type(struct nft *nft, unsigned int word, uint32_t of);
/* Of that extension header of IPv6, a number of protocols. */
void nft_extension(struct nft *nft, unsigned int word, uint8_t header, uint32_t offset,
		   uint32_t len);
void nft_lookup(struct nft *nft, unsigned int word, const char *set);
void nft_lookup_absent(struct nft *nft, unsigned int word, const char *set);
/* The set has the key from now on, for so long. Does not go on where the set is full. */
void nft_remember(struct nft *nft, unsigned int word, const char *set, uint32_t seconds);
/* The same, from now on anew if it has it. */
void nft_prolong(struct nft *nft, unsigned int word, const char *set, uint32_t seconds);
/* Goes on for packets beyond so many a second. */
void nft_over_rate(struct nft *nft, uint32_t packets);
void nft_log(struct nft *nft, uint16_t group, const char *prefix);
void nft_accept(struct nft *nft);
void nft_drop(struct nft *nft);
void nft_goto(struct nft *nft, const char *chain);
void nft_jump(struct nft *nft, const char *chain);
void nft_return(struct nft *nft);
/* To whoever listens to this queue of nfnetlink_queue; dropped where nobody does. */
void nft_queue(struct nft *nft, uint16_t number);
/* The same by iptables' target: queue_has_target(). */
#define QUEUE_TARGET "NFQUEUE"
void nft_queue_target(struct nft *nft, uint16_t number);
void nft_reject_reset(struct nft *nft);
void nft_reject_prohibited(struct nft *nft);
void nft_reject_port(struct nft *nft);		       /* as the kernel does where nobody listens */
void nft_redirect(struct nft *nft, unsigned int word); /* to this port of loopback */

#endif
