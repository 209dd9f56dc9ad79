/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Keys of sets, names, packets and messages: what needs no network. */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_log.h>
#include <linux/netfilter/nfnetlink_queue.h>
#include <linux/netlink.h>
#include <setjmp.h>
#include <stdbool.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "net/log.h"
#include "net/message.h"
#include "net/names.h"
#include "net/packet.h"
#include "net/queue.h"
#include "net/rules.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static struct address address(const char *text)
{
	struct address parsed;

	assert_int_equal(address_parse(text, &parsed), 0);
	return parsed;
}

static void both_families_and_all_ways_have_keys_of_their_own(void **state)
{
	static const char *const same[] = {"192.0.2.1", "192.0.2.2", "::1", "::", "2001:db8::1"};
	uint8_t made[2 * COUNT(same) + 2][RULES_KEY_BYTES];
	size_t n = 0;

	for (size_t i = 0; i < COUNT(same); i++) {
		struct peer peer = {.way = PEER_OUT, .protocol = 6, .port = 443};
		struct address to = address(same[i]);

		/* What would go to ::1 or :: goes over loopback, and is of another way. */
		if (strcmp(same[i], "::1") == 0 || strcmp(same[i], "::") == 0)
			continue;
		rules_key(&peer, &to, made[n++]);
		peer.protocol = 17;
		rules_key(&peer, &to, made[n++]);
	}
	rules_key(&(struct peer){.way = PEER_LOCAL, .protocol = 6, .port = 443}, NULL, made[n++]);
	rules_key(&(struct peer){.way = PEER_IN, .protocol = 6, .port = 443}, NULL, made[n++]);
	for (size_t i = 0; i < n; i++) {
		for (size_t j = 0; j < i; j++)
			assert_memory_not_equal(made[i], made[j], RULES_KEY_BYTES);
	}
}

/* "No port" and "any port" are none, so that no port 0 is taken for them. */
static void what_stands_in_the_place_of_a_port_is_none(void **state)
{
	static const struct peer peers[] = {
		{.way = PEER_IN, .protocol = 6, .port = 0},
		{.way = PEER_IN, .protocol = 6, .ephemeral = true},
		{.way = PEER_IN, .protocol = 47},
		{.way = PEER_THROUGH, .protocol = 6},
	};
	uint8_t made[COUNT(peers)][RULES_KEY_BYTES];

	for (size_t i = 0; i < COUNT(peers); i++) {
		rules_key(&peers[i], NULL, made[i]);
		made[i][0] = 0; /* the protocol */
		for (size_t j = 0; j < i; j++)
			assert_memory_not_equal(made[i], made[j], RULES_KEY_BYTES);
	}
	assert_int_equal(made[1][20] | made[1][21] | made[2][20] | made[2][21], 0);
}

static const struct {
	struct peer peer;
	unsigned int kinds;
} shapes[] = {
	{{.way = PEER_OUT, .protocol = 6, .port = 1, .address.family = AF_INET},
	 1U << RULES_OUT4_PORT},
	{{.way = PEER_OUT, .protocol = 17, .port = 1, .address.family = AF_INET6},
	 1U << RULES_OUT6_PORT},
	{{.way = PEER_OUT, .protocol = 6, .port = 1, .name = "example.org"},
	 1U << RULES_OUT4_PORT | 1U << RULES_OUT6_PORT},
	{{.way = PEER_OUT, .protocol = 1, .address.family = AF_INET}, 1U << RULES_OUT4_BARE},
	{{.way = PEER_OUT, .protocol = 58, .name = "example.org"},
	 1U << RULES_OUT4_BARE | 1U << RULES_OUT6_BARE},
	{{.way = PEER_LOCAL, .protocol = 132, .port = 1}, 1U << RULES_LOCAL_PORT},
	{{.way = PEER_LOCAL, .protocol = 6, .ephemeral = true}, 1U << RULES_LOCAL_ANY},
	{{.way = PEER_LOCAL, .protocol = 1}, 1U << RULES_LOCAL_BARE},
	{{.way = PEER_IN, .protocol = 17, .port = 1}, 1U << RULES_IN_PORT},
	{{.way = PEER_IN, .protocol = 17, .ephemeral = true}, 1U << RULES_IN_ANY},
	{{.way = PEER_IN, .protocol = 47, .ephemeral = true}, 1U << RULES_IN_BARE},
	{{.way = PEER_THROUGH, .protocol = 6}, 1U << RULES_THROUGH_ANY},
};

static void a_peer_needs_rules_for_the_shapes_of_its_keys(void **state)
{
	for (size_t i = 0; i < COUNT(shapes); i++)
		assert_int_equal(rules_kinds_of(&shapes[i].peer), shapes[i].kinds);
}

/* ---- names ---- */

struct heard {
	char text[4096];
};

static int hear(void *context, const struct address *from, const char *name, int64_t until_ns)
{
	struct heard *heard = context;
	size_t len = strlen(heard->text);

	snprintf(heard->text + len, sizeof(heard->text) - len, "%s=%d ", name, (int)until_ns);
	return 0;
}

static void expect_names(const struct names *names, const char *of, int64_t now_ns,
			 const char *expected)
{
	struct heard heard = {""};
	struct address at = address(of);

	assert_int_equal(names_find(names, &at, now_ns, hear, &heard), 0);
	assert_string_equal(heard.text, expected);
}

static void names_are_found_by_address_for_their_time(void **state)
{
	struct names *names = names_new(64);
	struct address a = address("192.0.2.1"), b = address("2001:db8::1");

	assert_int_equal(names_put(names, &a, "one", 10), 0);
	assert_int_equal(names_put(names, &a, "two", 20), 0);
	assert_int_equal(names_put(names, &b, "one", 30), 0);
	expect_names(names, "192.0.2.1", 0, "two=20 one=10 ");
	expect_names(names, "192.0.2.1", 10, "two=20 ");
	expect_names(names, "2001:db8::1", 0, "one=30 ");
	expect_names(names, "2001:db8::2", 0, "");
	/* prolonged, never shortened */
	assert_int_equal(names_put(names, &a, "one", 40), 0);
	assert_int_equal(names_put(names, &a, "one", 5), 0);
	assert_int_equal(names_until(names, &a, "one"), 40);
	assert_int_equal(names_until(names, &a, "three"), 0);
	names_free(names);
}

static void of_too_many_names_the_oldest_go(void **state)
{
	struct names *names = names_new(128);
	const struct address *address;
	struct address at = {.family = AF_INET};
	const char *oldest;

	for (int i = 0; i < 1000; i++) {
		char name[16];

		at.bytes[0] = (uint8_t)(i >> 8);
		at.bytes[1] = (uint8_t)i;
		snprintf(name, sizeof(name), "n%d", i - 128);
		oldest = names_oldest(names, &address);
		if (i < 128) {
			assert_null(oldest);
		} else {
			assert_string_equal(oldest, name);
			assert_int_equal(names_until(names, address, name), 1);
		}
		snprintf(name, sizeof(name), "n%d", i);
		assert_int_equal(names_put(names, &at, name, 1), 0);
	}
	for (int i = 0; i < 1000; i++) {
		char name[16];

		at.bytes[0] = (uint8_t)(i >> 8);
		at.bytes[1] = (uint8_t)i;
		snprintf(name, sizeof(name), "n%d", i);
		assert_int_equal(names_until(names, &at, name), i < 1000 - 128 ? 0 : 1);
	}
	names_free(names);
}

/* ---- packets ---- */

#define V4(ihl, protocol)                                                                  \
	(char)(0x40 | (ihl)), 0, 0, 0, 0, 0, 0, 0, 64, protocol, 0, 0, (char)192, 0, 2, 1, \
		(char)192, 0, 2, 2
#define V6(next)                                                                                  \
	0x60, 0, 0, 0, 0, 0, next, 64, 0x20, 1, 0xd, (char)0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, \
		1, 0x20, 1, 0xd, (char)0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2
#define PORTS 0x30, 0x39, 0x01, (char)0xbb

static const char v4_tcp[] = {V4(5, 6), PORTS};
static const char v4_options[] = {V4(6, 17), 1, 1, 1, 1, PORTS};
static const char v4_icmp[] = {V4(5, 1)};
static const char v6_tcp[] = {V6(6), PORTS};
static const char v6_extensions[] = {V6(0), 60, 0, 0, 0, 0, 0, 0, 0, /* hop by hop, 8 bytes */
				     44,    1,	0, 0, 0, 0, 0, 0,    /* destination, 16 bytes */
				     0,	    0,	0, 0, 0, 0, 0, 0,    /* ... */
				     17,    0,	0, 0, 0, 0, 0, 0,    /* fragment, 8 bytes */
				     PORTS};

static const struct {
	const char *bytes;
	size_t len;
	const char *from, *to;
	uint8_t protocol;
	uint16_t from_port, to_port;
} packets[] = {
	{v4_tcp, sizeof(v4_tcp), "192.0.2.1", "192.0.2.2", 6, 12345, 443},
	{v4_options, sizeof(v4_options), "192.0.2.1", "192.0.2.2", 17, 12345, 443},
	{v4_icmp, sizeof(v4_icmp), "192.0.2.1", "192.0.2.2", 1, 0, 0},
	{v6_tcp, sizeof(v6_tcp), "2001:db8::1", "2001:db8::2", 6, 12345, 443},
	{v6_extensions, sizeof(v6_extensions), "2001:db8::1", "2001:db8::2", 17, 12345, 443},
};

static void packets_are_read_as_far_as_the_ports(void **state)
{
	for (size_t i = 0; i < COUNT(packets); i++) {
		struct packet packet;
		char text[ADDRESS_TEXT_ROOM];

		assert_int_equal(
			packet_read((struct reader){packets[i].bytes, packets[i].len}, &packet), 0);
		address_text(&packet.from, text);
		assert_string_equal(text, packets[i].from);
		address_text(&packet.to, text);
		assert_string_equal(text, packets[i].to);
		assert_int_equal(packet.protocol, packets[i].protocol);
		assert_int_equal(packet.from_port, packets[i].from_port);
		assert_int_equal(packet.to_port, packets[i].to_port);
		for (size_t len = 0; len < packets[i].len; len++)
			assert_int_equal(
				packet_read((struct reader){packets[i].bytes, len}, &packet),
				-EPROTO);
	}
}

static void a_header_that_cannot_be_is_refused(void **state)
{
	static const char short_head[] = {V4(4, 6), PORTS}, version[] = {0x50, 0, 0, 0};
	struct packet packet;

	assert_int_equal(packet_read((struct reader){short_head, sizeof(short_head)}, &packet),
			 -EPROTO);
	assert_int_equal(packet_read((struct reader){version, sizeof(version)}, &packet), -EPROTO);
}

/* ---- messages ---- */

static void put_log(struct buf *out, const char *prefix, const void *packet, size_t len)
{
	struct message_head head = {.subsystem = NFNL_SUBSYS_ULOG, .type = NFULNL_MSG_PACKET};
	size_t begin = message_begin(out, &head, 0);

	if (prefix)
		attribute_text(out, NFULA_PREFIX, prefix);
	attribute_u32(out, NFULA_SEQ, 7);
	attribute_put(out, NFULA_PAYLOAD, packet, len);
	message_end(out, begin);
}

static void logged_packets_are_read_one_by_one(void **state)
{
	cleanup_buf struct buf out = BUF_INIT;
	struct log_message message;
	struct reader datagram;

	put_log(&out, "o", v4_tcp, sizeof(v4_tcp));
	put_log(&out, "another's", v6_tcp, sizeof(v6_tcp));
	put_log(&out, NULL, v4_tcp, 3);
	datagram = (struct reader){out.bytes, out.len};
	assert_int_equal(log_read(&datagram, &message), LOG_MESSAGE);
	assert_int_equal(message.prefix, 'o');
	assert_true(message.has_sequence);
	assert_int_equal(message.sequence, 7);
	assert_int_equal(message.packet.to_port, 443);
	assert_int_equal(log_read(&datagram, &message), LOG_MESSAGE);
	assert_int_equal(message.prefix, '\0');
	assert_int_equal(log_read(&datagram, &message), LOG_ODD);
	assert_true(message.has_sequence);
	assert_int_equal(log_read(&datagram, &message), LOG_END);
}

static void a_message_that_is_cut_ends_the_reading(void **state)
{
	cleanup_buf struct buf out = BUF_INIT;

	put_log(&out, "o", v4_tcp, sizeof(v4_tcp));
	for (size_t len = 0; len < out.len; len++) {
		struct reader datagram = {out.bytes, len};
		struct log_message message;

		assert_int_not_equal(log_read(&datagram, &message), LOG_MESSAGE);
	}
}

static void lengths_that_lie_are_not_believed(void **state)
{
	cleanup_buf struct buf out = BUF_INIT;
	size_t attribute = sizeof(struct nlmsghdr) + sizeof(struct nfgenmsg);
	struct piece piece;

	put_log(&out, "o", v4_tcp, sizeof(v4_tcp));
	for (unsigned int lie = 0; lie < 0x10000; lie += 3) {
		struct reader in = {out.bytes + attribute, out.len - attribute};
		uint16_t len = (uint16_t)lie;

		memcpy(out.bytes + attribute, &len, sizeof(len));
		while (attribute_next(&in, &piece))
			assert_true(piece.in.bytes >= out.bytes &&
				    piece.in.bytes + piece.in.len <= out.bytes + out.len);
	}
}

/* ---- questions ---- */

static const uint8_t question_v4[] = {
	0x45, 0, 0, 33, 0, 1,  0, 0, 64,  17,  0,   0,	 10,  0, 0, 2, 10, 0, 0, 1, /* IP */
	0xd4, 0, 0, 53, 0, 13, 0, 0, 'h', 'e', 'l', 'l', 'o',			    /* UDP */
};

/* Of a connection the flags tell whether it begins one. */
static size_t write_tcp(uint8_t flags, uint8_t out[40])
{
	memset(out, 0, 40);
	memcpy(out, question_v4, 24);
	out[3] = 40;
	out[9] = 6;
	out[32] = 0x50;
	out[33] = flags;
	return 40;
}

static void put_queued(struct buf *out, uint32_t id, const void *packet, size_t len)
{
	struct message_head head = {.subsystem = NFNL_SUBSYS_QUEUE, .type = NFQNL_MSG_PACKET};
	struct nfqnl_msg_packet_hdr hdr = {.packet_id = htonl(id)};
	size_t begin = message_begin(out, &head, 0);

	attribute_put(out, NFQA_PACKET_HDR, &hdr, sizeof(hdr));
	attribute_put(out, NFQA_PAYLOAD, packet, len);
	message_end(out, begin);
}

static void queued_packets_are_read_one_by_one(void **state)
{
	cleanup_buf struct buf out = BUF_INIT;
	struct queue_packet packet;
	struct net_question question;
	struct reader datagram;
	uint8_t tcp[40];

	put_queued(&out, 7, question_v4, sizeof(question_v4));
	put_log(&out, "o", v4_tcp, sizeof(v4_tcp)); /* another's */
	put_queued(&out, 8, tcp, write_tcp(0x02, tcp));
	put_queued(&out, 9, tcp, write_tcp(0x12, tcp));
	put_queued(&out, 10, tcp, write_tcp(0x10, tcp));
	datagram = (struct reader){out.bytes, out.len};
	assert_int_equal(queue_read(&datagram, &packet), 0);
	assert_int_equal(packet.id, 7);
	assert_int_equal(question_read(&packet, &question), 0);
	assert_int_equal(question.protocol, 17);
	assert_int_equal(question.from_port, 0xd400);
	assert_int_equal(question.from.bytes[3], 2);
	assert_int_equal(question.to.bytes[3], 1);
	assert_int_equal(question.len, 5);
	assert_memory_equal(question.bytes, "hello", 5);
	assert_int_equal(queue_read(&datagram, &packet), 0);
	assert_int_equal(packet.id, 8);
	assert_int_equal(question_read(&packet, &question), 0);
	assert_int_equal(question.protocol, 6);
	assert_int_equal(question.len, 40);
	for (unsigned int id = 9; id < 11; id++) {
		assert_int_equal(queue_read(&datagram, &packet), 0);
		assert_int_equal(packet.id, id);
		assert_int_equal(question_read(&packet, &question), -EPROTO);
	}
	assert_int_equal(queue_read(&datagram, &packet), -ENOMSG);
}

static void a_question_is_no_longer_than_its_packet(void **state)
{
	uint8_t bytes[sizeof(question_v4)];
	struct net_question question;

	for (size_t len = 0; len < sizeof(bytes); len++)
		assert_int_equal(
			question_read(
				&(struct queue_packet){.bytes = {(const char *)question_v4, len}},
				&question),
			-EPROTO);
	for (unsigned int lie = 0; lie < 0x10000; lie++) {
		int r;

		memcpy(bytes, question_v4, sizeof(bytes));
		bytes[24] = (uint8_t)(lie >> 8);
		bytes[25] = (uint8_t)lie;
		r = question_read(
			&(struct queue_packet){.bytes = {(const char *)bytes, sizeof(bytes)}},
			&question);
		assert_int_equal(r, lie < 8 || lie > 13 ? -EPROTO : 0);
		if (r == 0)
			assert_int_equal(question.len, lie - 8);
	}
}

static void an_address_of_a_link_has_its_interface(void **state)
{
	static const uint8_t links[] = {0xfe, 0x80}, other[] = {0xfd, 0x77};
	uint8_t bytes[48] = {0x60, [5] = 8, [6] = 17, [43] = 53, [45] = 8};
	const struct queue_packet packet = {.out = 7,
					    .bytes = {(const char *)bytes, sizeof(bytes)}};
	struct net_question question;

	memcpy(bytes + 24, links, sizeof(links));
	assert_int_equal(question_read(&packet, &question), 0);
	assert_int_equal(question.scope, 7);
	memcpy(bytes + 24, other, sizeof(other));
	assert_int_equal(question_read(&packet, &question), 0);
	assert_int_equal(question.scope, 0);
}

/* ---- rules ---- */

/* Whether the rules, where connections are redirected to that port, hold an attribute of this text.
 */
static bool hold(const struct net_options *options, uint16_t dns_port, const char *text)
{
	const struct rules_wanted wanted = {.enforce = true, .dns_port = dns_port};
	uint16_t len = (uint16_t)(NLA_HDRLEN + strlen(text) + 1);
	struct nft nft;
	bool found = false;

	nft_begin(&nft, "husk");
	rules_write(&nft, options, &wanted, false);
	nft_commit(&nft);
	assert_int_equal(nft.out.error, 0);
	for (size_t at = 0; at + len <= nft.out.len && !found; at += NLA_ALIGNTO)
		found = memcmp(nft.out.bytes + at, &len, sizeof(len)) == 0 &&
			strcmp(nft.out.bytes + at + NLA_HDRLEN, text) == 0;
	nft_release(&nft);
	return found;
}

static bool holds(const struct net_options *options, const char *text)
{
	return hold(options, 0, text);
}

/* Who makes packets is judged by connections, so all of them are tracked; and the mark of the
 * proxy's is kept from him. Nobody else pays for it, but for the proxy's own connections. */
static void only_who_makes_packets_pays_for_their_judgement(void **state)
{
	struct net_options options = {.dns_mark = 2};

	assert_false(holds(&options, "ct"));
	assert_false(holds(&options, "nat"));
	assert_false(holds(&options, "hide"));
	assert_false(holds(&options, "limit"));
	/* but for connections to a resolver, once there is one */
	assert_true(hold(&options, 61000, "ct"));
	assert_true(hold(&options, 61000, "nat"));
	options.raw = true;
	assert_true(holds(&options, "ct"));
	assert_false(holds(&options, "nat"));
	assert_true(holds(&options, "hide"));
	assert_true(holds(&options, "limit"));
	options.dns_mark = 0;
	assert_false(holds(&options, "hide"));
	assert_false(holds(&options, "limit"));
}

/* Nor for looking at what leaves a second time, and at what is forwarded, whatever the mode. */
static void only_who_may_make_rules_pays_for_a_last_look(void **state)
{
	struct net_options options = {.dns_mark = 2};

	assert_false(holds(&options, "last") || holds(&options, "forward"));
	options.owned = true;
	assert_true(holds(&options, "last") && holds(&options, "forward"));
	options.cgroup = 1;
	assert_false(holds(&options, "last") || holds(&options, "forward"));
}

/* Not every kernel that tests run on has that expression: it is written as nft(8) writes it. */
static void a_queue_is_written_as_nft_does(void **state)
{
	static const uint8_t expected[] = {
		36, 0, 1, 0x80,					    /* an expression of the list */
		10, 0, 1, 0,	'q',  'u',  'e', 'u', 'e', 0, 0, 0, /* its name */
		20, 0, 2, 0x80,					    /* its data */
		6,  0, 1, 0,	0x68, 0x75, 0,	 0,		    /* the number */
		6,  0, 2, 0,	0,    1,    0,	 0,		    /* of so many */
	};
	struct nft nft;

	nft_begin(&nft, "husk");
	nft_begin_rule(&nft, "output");
	nft_queue(&nft, 0x6875);
	nft_end_rule(&nft);
	assert_int_equal(nft.out.error, 0);
	assert_memory_equal(nft.out.bytes + nft.out.len - sizeof(expected), expected,
			    sizeof(expected));
	nft_release(&nft);
}

/* How many rules there are. */
static unsigned int count_rules(const struct net_options *options,
				const struct rules_wanted *wanted)
{
	struct reader from;
	struct piece message;
	unsigned int count = 0;
	struct nft nft;

	nft_begin(&nft, "husk");
	rules_write(&nft, options, wanted, false);
	nft_commit(&nft);
	from = (struct reader){nft.out.bytes, nft.out.len};
	while (message_next(&from, &message))
		count += message.type == (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWRULE);
	nft_release(&nft);
	return count;
}

/* Every container's start waits for them. */
static void what_a_policy_has_no_keys_for_takes_no_rules(void **state)
{
	const struct net_options options = {.dns_mark = 2};
	struct rules_wanted wanted = {.enforce = true};
	unsigned int least = count_rules(&options, &wanted), most, learned;

	assert_in_range(least, 1, 45);
	learned = count_rules(&options, &(struct rules_wanted){0});
	wanted.known = wanted.denied = (1U << RULES_KINDS) - 1;
	most = count_rules(&options, &wanted);
	for (unsigned int kind = 0; kind < RULES_KINDS; kind++) {
		if (kind == RULES_THROUGH_ANY)
			continue;
		wanted = (struct rules_wanted){.enforce = true, .known = 1U << kind};
		assert_in_range(count_rules(&options, &wanted), least + 1, least + 2);
		wanted = (struct rules_wanted){.enforce = true, .denied = 1U << kind};
		assert_in_range(count_rules(&options, &wanted), least + 1, most - 1);
		/* where nothing is refused, nothing is looked up */
		wanted = (struct rules_wanted){.known = 1U << kind};
		assert_int_equal(count_rules(&options, &wanted), learned);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_families_and_all_ways_have_keys_of_their_own),
		cmocka_unit_test(what_stands_in_the_place_of_a_port_is_none),
		cmocka_unit_test(a_peer_needs_rules_for_the_shapes_of_its_keys),
		cmocka_unit_test(what_a_policy_has_no_keys_for_takes_no_rules),
		cmocka_unit_test(a_queue_is_written_as_nft_does),
		cmocka_unit_test(names_are_found_by_address_for_their_time),
		cmocka_unit_test(of_too_many_names_the_oldest_go),
		cmocka_unit_test(packets_are_read_as_far_as_the_ports),
		cmocka_unit_test(queued_packets_are_read_one_by_one),
		cmocka_unit_test(a_question_is_no_longer_than_its_packet),
		cmocka_unit_test(an_address_of_a_link_has_its_interface),
		cmocka_unit_test(a_header_that_cannot_be_is_refused),
		cmocka_unit_test(logged_packets_are_read_one_by_one),
		cmocka_unit_test(a_message_that_is_cut_ends_the_reading),
		cmocka_unit_test(lengths_that_lie_are_not_believed),
		cmocka_unit_test(only_who_may_make_rules_pays_for_a_last_look),
		cmocka_unit_test(only_who_makes_packets_pays_for_their_judgement),
	};

	return cmocka_run_group_tests_name("net", tests, NULL, NULL);
}
