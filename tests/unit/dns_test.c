/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The part dns: messages, resolv.conf, what a question means, who was asked. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "dns/judge.h"
#include "dns/message.h"
#include "dns/reply.h"
#include "dns/resolv.h"
#include "dns/udp-out.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

enum { ID = 0x1234, TYPE_HTTPS = 65 };

/* ---- building messages ---- */

static void put16(struct buf *buf, unsigned int value)
{
	uint8_t bytes[2] = {(uint8_t)(value >> 8), (uint8_t)value};

	buf_add(buf, bytes, sizeof(bytes));
}

/* "a.b" as labels; "" or "." is the root. */
static void put_name(struct buf *buf, const char *name)
{
	while (*name && strcmp(name, ".") != 0) {
		size_t len = strcspn(name, ".");
		uint8_t prefix = (uint8_t)len;

		buf_add(buf, &prefix, 1);
		buf_add(buf, name, len);
		name += len + (name[len] == '.');
	}
	buf_add_zeros(buf, 1);
}

static void put_header(struct buf *buf, unsigned int flags, unsigned int qd, unsigned int an,
		       unsigned int ar)
{
	put16(buf, ID);
	put16(buf, flags);
	put16(buf, qd);
	put16(buf, an);
	put16(buf, 0);
	put16(buf, ar);
}

static void put_question(struct buf *buf, const char *name, unsigned int type)
{
	put_name(buf, name);
	put16(buf, type);
	put16(buf, 1);
}

static void put_record(struct buf *buf, const char *owner, unsigned int type, unsigned int ttl_s,
		       const void *data, size_t len)
{
	put_name(buf, owner);
	put16(buf, type);
	put16(buf, 1);
	put16(buf, 0);
	put16(buf, ttl_s);
	put16(buf, (unsigned int)len);
	buf_add(buf, data, len);
}

static void put_named(struct buf *buf, const char *owner, unsigned int type, unsigned int ttl_s,
		      const char *before, size_t before_len, const char *name)
{
	struct buf data = BUF_INIT;

	buf_add(&data, before, before_len);
	put_name(&data, name);
	put_record(buf, owner, type, ttl_s, data.bytes, data.len);
	buf_release(&data);
}

static void put_a(struct buf *buf, const char *owner, unsigned int ttl_s, const char *text)
{
	struct address address;

	assert_int_equal(address_parse(text, &address), 0);
	put_record(buf, owner, address.family == AF_INET ? ns_t_a : ns_t_aaaa, ttl_s, address.bytes,
		   address.family == AF_INET ? 4 : 16);
}

static const uint8_t *bytes_of(const struct buf *buf)
{
	return (const uint8_t *)buf->bytes;
}

static struct dns_question ask(const char *name, unsigned int type)
{
	struct dns_question question;
	struct buf buf = BUF_INIT;

	put_header(&buf, 0x0100, 1, 0, 0);
	put_question(&buf, name, type);
	assert_int_equal(dns_question_parse(bytes_of(&buf), buf.len, &question), 0);
	buf_release(&buf);
	return question;
}

/* The addresses of an answer as "address/ttl ...". */
static const char *addresses_of(const struct dns_answer *answer)
{
	static char out[4096];
	size_t len = 0;

	out[0] = '\0';
	for (size_t i = 0; i < answer->count; i++) {
		char text[ADDRESS_TEXT_ROOM];

		address_text(&answer->found[i].address, text);
		len += (size_t)snprintf(out + len, sizeof(out) - len, "%s%s/%u", i ? " " : "", text,
					answer->found[i].ttl_s);
	}
	return out;
}

static struct dns_answer answer;

static void parse_answer(const struct buf *buf, const struct dns_question *question, int expected)
{
	assert_int_equal(dns_answer_parse(bytes_of(buf), buf->len, question, &answer), expected);
}

/* ---- questions ---- */

static void a_question_is_read(void **state)
{
	static const struct {
		const char *name, *text;
	} table[] = {
		{"Api.Example.ORG", "api.example.org"},
		{".", "."},
		{"_http._tcp.example.org", "_http._tcp.example.org"},
		{"a{n}.org", "a\\123n\\125.org"},
		{"a b.org", "a\\032b.org"},
		{"x\xff.org", "x\\255.org"},
		{"single", "single"},
	};

	for (size_t i = 0; i < COUNT(table); i++) {
		struct dns_question question = ask(table[i].name, ns_t_aaaa);

		assert_string_equal(question.name, table[i].text);
		assert_int_equal(question.type, ns_t_aaaa);
		assert_int_equal(question.id, ID);
		assert_false(question.has_edns);
	}
}

static void a_dot_within_a_label_is_no_dot_between_labels(void **state)
{
	static const uint8_t query[] = "\x12\x34\1\0\0\1\0\0\0\0\0\0\3a.b\3org\0\0\1\0\1";
	struct dns_question question;

	assert_int_equal(dns_question_parse(query, sizeof(query) - 1, &question), 0);
	assert_string_equal(question.name, "a\\.b.org");
}

static void the_longest_names_are_read_and_longer_ones_are_not(void **state)
{
	uint8_t query[DNS_HEADER_BYTES + 300] = "\x12\x34\1\0\0\1\0\0\0\0\0\0";
	struct dns_question question;
	size_t at = DNS_HEADER_BYTES;

	/* Three labels of 63 braces, one of 61: 255 bytes. */
	for (int i = 0; i < 4; i++) {
		size_t len = i < 3 ? 63 : 61;

		query[at++] = (uint8_t)len;
		memset(query + at, '{', len);
		at += len;
	}
	query[at + 2] = query[at + 4] = 1;
	assert_int_equal(dns_question_parse(query, at + 5, &question), 0);
	assert_int_equal(strlen(question.name), 250 * 4 + 3);
	assert_int_equal(question.len, at + 5);

	query[at - 62] = 62;
	query[at] = '{';
	at++;
	memset(query + at, 0, 5);
	query[at + 2] = query[at + 4] = 1;
	assert_int_equal(dns_question_parse(query, at + 5, &question), -EBADMSG);
}

static void what_is_no_single_question_is_told_apart(void **state)
{
	static const struct {
		unsigned int flags, qd, class;
		size_t cut;
		int result;
	} table[] = {
		{0x0100, 1, 1, 0, 0},		{0x0100, 1, 1, 1, -EBADMSG},
		{0x0100, 1, 1, 20, -EBADMSG},	{0x0100, 1, 3, 0, -EOPNOTSUPP}, /* CHAOS */
		{0x2900, 1, 1, 0, -EOPNOTSUPP},					/* UPDATE */
		{0x8100, 1, 1, 0, -EOPNOTSUPP},					/* an answer */
		{0x0100, 0, 1, 0, -EBADMSG}, /* bytes behind the end */
		{0x0100, 2, 1, 0, -EBADMSG},
	};

	for (size_t i = 0; i < COUNT(table); i++) {
		struct dns_question question;
		struct buf buf = BUF_INIT;

		put_header(&buf, table[i].flags, table[i].qd, 0, 0);
		put_name(&buf, "example.org");
		put16(&buf, ns_t_a);
		put16(&buf, table[i].class);
		assert_int_equal(
			dns_question_parse(bytes_of(&buf), buf.len - table[i].cut, &question),
			table[i].result);
		buf_release(&buf);
	}
}

static void our_own_answer_repeats_the_question(void **state)
{
	struct dns_question question;
	uint8_t out[DNS_OWN_ANSWER_MAX];
	struct buf buf = BUF_INIT;
	ns_msg message;
	size_t len;
	ns_rr rr;

	put_header(&buf, 0x0120, 1, 0, 1); /* RD, AD */
	put_question(&buf, "Example.org", ns_t_a);
	buf_add(&buf, "\0\0\x29\4\xd0\0\0\0\0\0\0", 11); /* OPT */
	assert_int_equal(dns_question_parse(bytes_of(&buf), buf.len, &question), 0);
	assert_true(question.has_edns);

	len = dns_answer_write(bytes_of(&buf), buf.len, &question, ns_r_refused, out);
	assert_int_equal(ns_initparse(out, (int)len, &message), 0);
	assert_int_equal(ns_msg_id(message), ID);
	assert_int_equal(ns_msg_getflag(message, ns_f_qr), 1);
	assert_int_equal(ns_msg_getflag(message, ns_f_rd), 1);
	assert_int_equal(ns_msg_getflag(message, ns_f_tc), 0);
	assert_int_equal(ns_msg_getflag(message, ns_f_rcode), ns_r_refused);
	assert_int_equal(ns_parserr(&message, ns_s_qd, 0, &rr), 0);
	assert_string_equal(ns_rr_name(rr), "Example.org");
	assert_int_equal(ns_parserr(&message, ns_s_ar, 0, &rr), 0);
	assert_int_equal(ns_rr_type(rr), ns_t_opt);
	assert_memory_equal(ns_rr_rdata(rr), "\0\x0f\0\2\0\x0f", 6);

	/* A failure is not blocked; what cannot be read is answered by its header alone. */
	len = dns_answer_write(bytes_of(&buf), buf.len, &question, ns_r_servfail, out);
	assert_int_equal(ns_initparse(out, (int)len, &message), 0);
	assert_int_equal(ns_msg_getflag(message, ns_f_rcode), ns_r_servfail);
	assert_int_equal(dns_question_parse(bytes_of(&buf), 20, &question), -EBADMSG);
	len = dns_answer_write(bytes_of(&buf), 20, &question, ns_r_refused, out);
	assert_int_equal(len, DNS_HEADER_BYTES);
	assert_int_equal(ns_initparse(out, (int)len, &message), 0);
	assert_int_equal(dns_question_parse(bytes_of(&buf), 11, &question), -EBADMSG);
	assert_int_equal(dns_answer_write(bytes_of(&buf), 11, &question, ns_r_refused, out), 0);
	buf_release(&buf);
}

/* ---- answers ---- */

static void addresses_are_taken_through_aliases_in_any_order(void **state)
{
	struct dns_question question = ask("www.example.org", ns_t_a);
	struct buf buf = BUF_INIT;

	put_header(&buf, 0x8180, 1, 5, 0);
	put_question(&buf, "WWW.example.org", ns_t_a);
	put_a(&buf, "end.cdn.example", 60, "93.184.216.34");
	put_named(&buf, "Middle.example", ns_t_cname, 20, NULL, 0, "end.cdn.example");
	put_named(&buf, "www.example.org", ns_t_cname, 300, NULL, 0, "middle.EXAMPLE");
	put_a(&buf, "stranger.example", 60, "66.66.66.66");
	put_a(&buf, "end.cdn.example", 10, "93.184.216.35");
	parse_answer(&buf, &question, 0);
	assert_string_equal(addresses_of(&answer), "93.184.216.34/20 93.184.216.35/10");
	assert_true(answer.positive && answer.whole);
	buf_release(&buf);
}

static void hosts_that_records_name_come_along(void **state)
{
	struct dns_question question = ask("_db._tcp.example.org", ns_t_srv);
	struct buf buf = BUF_INIT;

	put_header(&buf, 0x8180, 1, 1, 3);
	put_question(&buf, "_db._tcp.example.org", ns_t_srv);
	put_named(&buf, "_db._tcp.example.org", ns_t_srv, 30, "\0\1\0\1\1\xbb", 6,
		  "db.example.org");
	put_a(&buf, "db.example.org", 60, "93.184.216.34");
	put_a(&buf, "db.example.org", 60, "2606:2800:220:1::1");
	put_a(&buf, "other.example.org", 60, "66.66.66.66");
	parse_answer(&buf, &question, 0);
	assert_string_equal(addresses_of(&answer), "93.184.216.34/30 2606:2800:220:1::1/30");
	buf_release(&buf);
}

static void service_records_give_hints(void **state)
{
	static const char good[] = "\0\1\0"
				   "\0\1\0\3\2h2"
				   "\0\4\0\x8\x5d\xb8\xd8\x22\x5d\xb8\xd8\x23"
				   "\0\6\0\x10\x26\6\x28\0\2\x20\0\1\0\0\0\0\0\0\0\1";
	static const char odd[] = "\0\1\0\0\4\0\5\x42\x42\x42\x42\x42"; /* five bytes of IPv4 */
	static const char cut[] = "\0\1\0\0\4\0\x40\x42\x42\x42\x42";	/* longer than it is */
	struct dns_question question = ask("example.org", TYPE_HTTPS);
	struct buf buf = BUF_INIT;

	put_header(&buf, 0x8180, 1, 3, 0);
	put_question(&buf, "example.org", TYPE_HTTPS);
	put_record(&buf, "example.org", TYPE_HTTPS, 60, good, sizeof(good) - 1);
	put_record(&buf, "example.org", TYPE_HTTPS, 60, odd, sizeof(odd) - 1);
	put_record(&buf, "example.org", TYPE_HTTPS, 60, cut, sizeof(cut) - 1);
	parse_answer(&buf, &question, 0);
	assert_string_equal(addresses_of(&answer),
			    "93.184.216.34/60 93.184.216.35/60 2606:2800:220:1::1/60");
	buf_release(&buf);
}

static void records_of_a_wrong_length_give_nothing(void **state)
{
	struct dns_question question = ask("example.org", ns_t_a);
	struct buf buf = BUF_INIT;

	put_header(&buf, 0x8180, 1, 4, 0);
	put_question(&buf, "example.org", ns_t_a);
	put_record(&buf, "example.org", ns_t_a, 60, "\x42\x42\x42", 3);
	put_record(&buf, "example.org", ns_t_aaaa, 60, "\x42\x42\x42\x42", 4);
	put_record(&buf, "example.org", ns_t_cname, 60, "\5short", 3);
	put_record(&buf, "example.org", ns_t_mx, 60, "\0", 1);
	parse_answer(&buf, &question, 0);
	assert_int_equal(answer.count, 0);
	buf_release(&buf);
}

static void only_the_answer_to_the_question_counts(void **state)
{
	struct dns_question question = ask("example.org", ns_t_a);
	static const struct {
		unsigned int flags, qd, type;
		const char *name;
		int result;
		bool positive;
	} table[] = {
		{0x8180, 1, ns_t_a, "example.org", 0, true},
		{0x8183, 1, ns_t_a, "example.org", 0, false},
		{0x8380, 1, ns_t_a, "example.org", 0, true},
		{0x8180, 1, ns_t_aaaa, "example.org", -ENOMSG, false},
		{0x8180, 1, ns_t_a, "example.com", -ENOMSG, false},
		{0x0100, 1, ns_t_a, "example.org", -ENOMSG, false},
	};

	for (size_t i = 0; i < COUNT(table); i++) {
		struct buf buf = BUF_INIT;

		put_header(&buf, table[i].flags, 1, 1, 0);
		put_question(&buf, table[i].name, table[i].type);
		put_a(&buf, "example.org", 60, "93.184.216.34");
		parse_answer(&buf, &question, table[i].result);
		if (table[i].result == 0)
			assert_int_equal(answer.positive, table[i].positive);
		buf_release(&buf);
	}
}

static void an_error_may_come_without_the_question(void **state)
{
	struct dns_question question = ask("example.org", ns_t_a);
	struct buf buf = BUF_INIT;

	put_header(&buf, 0x8181, 0, 0, 0);
	parse_answer(&buf, &question, 0);
	assert_int_equal(answer.rcode, ns_r_formerr);
	buf.bytes[3] = (char)0x80;
	parse_answer(&buf, &question, -ENOMSG);
	question.id++;
	parse_answer(&buf, &question, -ENOMSG);
	buf_release(&buf);
}

static void bytes_behind_an_answer_do_not_spoil_it(void **state)
{
	struct dns_question question = ask("example.org", ns_t_a);
	struct buf buf = BUF_INIT;

	put_header(&buf, 0x8180, 1, 1, 0);
	put_question(&buf, "example.org", ns_t_a);
	put_a(&buf, "example.org", 60, "93.184.216.34");
	buf_add_text(&buf, "junk");
	parse_answer(&buf, &question, 0);
	assert_int_equal(answer.count, 1);
	buf_release(&buf);
}

static void a_loop_is_no_answer(void **state)
{
	struct dns_question question = ask("example.org", ns_t_a);
	struct buf buf = BUF_INIT;
	uint8_t pointer[2];

	put_header(&buf, 0x8180, 1, 1, 0);
	put_question(&buf, "example.org", ns_t_a);
	pointer[0] = 0xc0;
	pointer[1] = (uint8_t)buf.len;
	buf_add(&buf, pointer, 2);
	buf_add(&buf, "\0\1\0\1\0\0\0\x3c\0\4\x42\x42\x42\x42", 14);
	parse_answer(&buf, &question, -EBADMSG);
	buf_release(&buf);
}

static void a_chain_of_aliases_is_bounded(void **state)
{
	struct dns_question question = ask("n0.test", ns_t_a);
	struct buf buf = BUF_INIT;
	char owner[32], target[32];

	put_header(&buf, 0x8180, 1, 41, 0);
	put_question(&buf, "n0.test", ns_t_a);
	for (int i = 39; i >= 0; i--) {
		(void)snprintf(owner, sizeof(owner), "n%d.test", i);
		(void)snprintf(target, sizeof(target), "n%d.test", (i + 1) % 40);
		put_named(&buf, owner, ns_t_cname, 60, NULL, 0, target);
	}
	put_a(&buf, "n30.test", 60, "66.66.66.66");
	parse_answer(&buf, &question, 0);
	assert_int_equal(answer.count, 0);
	assert_false(answer.whole);
	buf_release(&buf);
}

static void addresses_are_bounded(void **state)
{
	struct dns_question question = ask("a.test", ns_t_a);
	struct buf buf = BUF_INIT;

	put_header(&buf, 0x8180, 1, 2500, 0);
	put_question(&buf, "a.test", ns_t_a);
	for (int i = 0; i < 2500; i++)
		put_a(&buf, "a.test", 60, "93.184.216.34");
	parse_answer(&buf, &question, 0);
	assert_int_equal(answer.count, DNS_ADDRESSES_MAX);
	assert_false(answer.whole);
	buf_release(&buf);
}

/* ---- resolv.conf ---- */

static void resolv_conf_is_read(void **state)
{
	static const char text[] =
		"# nameserver 9.9.9.9\n"
		"; search no.example\n"
		"domain first.example\n"
		"nameserver 10.0.0.1\n"
		"  nameserver\tfe80::1%eth0   trailing\n"
		"nameserver nonsense\n"
		"nameserver\n"
		"search\tNS.svc.Cluster.local. svc.cluster.local .cluster.local\r\n"
		"options ndots:5\n"
		"nameserver 127.0.0.53";
	static const char *const servers[] = {"10.0.0.1", "fe80::1", "127.0.0.53"};
	static const char *const search[] = {"ns.svc.cluster.local", "svc.cluster.local",
					     "cluster.local"};
	struct address address;
	struct resolv resolv;

	resolv_parse(text, sizeof(text) - 1, &resolv);
	assert_int_equal(resolv.servers_count, COUNT(servers));
	assert_false(resolv.assumed);
	for (size_t i = 0; i < COUNT(servers); i++) {
		assert_int_equal(address_parse(servers[i], &address), 0);
		assert_true(address_equal(&resolv.servers[i], &address));
		assert_true(resolv_has_server(&resolv, &address));
	}
	assert_int_equal(address_parse("9.9.9.9", &address), 0);
	assert_false(resolv_has_server(&resolv, &address));
	assert_int_equal(resolv.search_count, COUNT(search));
	for (size_t i = 0; i < COUNT(search); i++)
		assert_string_equal(resolv.search[i], search[i]);
}

static void without_a_resolver_it_is_this_host(void **state)
{
	struct address address;
	struct resolv resolv;

	resolv_parse("", 0, &resolv);
	assert_true(resolv.assumed);
	assert_int_equal(address_parse("127.0.0.1", &address), 0);
	assert_true(resolv_has_server(&resolv, &address));
	assert_int_equal(address_parse("::1", &address), 0);
	assert_true(resolv_has_server(&resolv, &address));
	assert_int_equal(resolv.search_count, 0);
}

static void resolv_conf_is_bounded(void **state)
{
	struct buf buf = BUF_INIT;
	struct resolv resolv;

	for (int i = 0; i < 100; i++)
		buf_format(&buf, "nameserver 10.0.0.%d\n", i);
	buf_add_text(&buf, "search");
	for (int i = 0; i < 100; i++)
		buf_format(&buf, " d%d.example", i);
	for (int i = 0; i < 300; i++)
		buf_add_text(&buf, i == 0 ? " x" : "x");
	resolv_parse(buf.bytes, buf.len, &resolv);
	assert_int_equal(resolv.servers_count, RESOLV_SERVERS_MAX);
	assert_int_equal(resolv.search_count, RESOLV_SEARCH_MAX);
	buf_release(&buf);
}

static void a_name_is_taken_apart_by_the_search_list(void **state)
{
	static const char text[] = "search svc.cluster.local cluster.local";
	struct resolv resolv;
	size_t len, i;

	resolv_parse(text, sizeof(text) - 1, &resolv);
	i = resolv_expanded(&resolv, "redis.svc.cluster.local", 0, &len);
	assert_int_equal(i, 1);
	assert_int_equal(len, 5);
	i = resolv_expanded(&resolv, "redis.svc.cluster.local", i, &len);
	assert_int_equal(i, 2);
	assert_int_equal(len, 9);
	assert_int_equal(resolv_expanded(&resolv, "redis.svc.cluster.local", i, &len), 0);
	assert_int_equal(resolv_expanded(&resolv, "cluster.local", 0, &len), 0);
	assert_int_equal(resolv_expanded(&resolv, "mycluster.local", 0, &len), 0);
	assert_int_equal(resolv_expanded(&resolv, ".cluster.local", 0, &len), 0);
}

/* ---- judging ---- */

struct policy {
	const char *known[4];
	enum verdict otherwise;
	char seen[2048]; /* what was observed, a line each */
	int lead_result;
};

static enum verdict peek(void *context, const struct behaviour *b)
{
	const struct policy *policy = context;

	assert_int_equal(b->domain, DOMAIN_DNS);
	assert_string_equal(b->program, "");
	for (size_t i = 0; i < COUNT(policy->known); i++) {
		if (policy->known[i] && strcmp(policy->known[i], b->key) == 0)
			return VERDICT_ALLOWED;
	}
	return policy->otherwise;
}

static void note(struct policy *policy, const char *word, const char *text)
{
	size_t len = strlen(policy->seen);

	(void)snprintf(policy->seen + len, sizeof(policy->seen) - len, "%s %s\n", word, text);
}

static struct dns_asker asker; /* who asks, in the tests below */

static enum verdict observe(void *context, const struct behaviour *b, const struct dns_asker *who)
{
	assert_memory_equal(who, &asker, sizeof(asker));
	note(context, access_name(b->access), b->key);
	return peek(context, b);
}

static int lead(void *context, const char *key, const struct address *address, uint32_t ttl_s,
		bool known)
{
	struct policy *policy = context;
	char text[ADDRESS_TEXT_ROOM];

	address_text(address, text);
	note(policy, key, text);
	if (!known)
		note(policy, "by", "somebody else");
	return policy->lead_result;
}

static struct dns_judge *new_judge(struct policy *policy, const char *resolv_conf)
{
	struct dns_judge_options options = {peek, observe, lead, policy};
	struct resolv resolv;
	struct dns_judge *judge;

	asker = (struct dns_asker){.protocol = IPPROTO_UDP, .port = 40000};
	assert_int_equal(address_parse("10.0.0.2", &asker.client), 0);
	assert_int_equal(address_parse("10.0.0.1", &asker.resolver), 0);
	assert_int_equal(dns_judge_new(&options, &judge), 0);
	resolv_parse(resolv_conf, strlen(resolv_conf), &resolv);
	dns_judge_use(judge, &resolv);
	return judge;
}

#define SEARCHING \
	"nameserver 10.0.0.1\nsearch ns.svc.cluster.local svc.cluster.local corp.example\n"

/* Asks for a name that is, or is not, there. */
static enum dns_ruling look_up(struct dns_judge *judge, const char *name, bool there)
{
	struct dns_question question = ask(name, ns_t_a);
	enum dns_ruling ruling = dns_judge_query(judge, &question, 0, &asker);

	memset(&answer, 0, sizeof(answer));
	answer.rcode = there ? ns_r_noerror : ns_r_nxdomain;
	answer.positive = there;
	return ruling == DNS_REFUSE ? ruling
				    : dns_judge_answer(judge, &question, ruling, &answer, &asker);
}

static void what_is_asked_for_is_observed(void **state)
{
	struct policy policy = {.otherwise = VERDICT_NOVEL};
	struct dns_judge *judge = new_judge(&policy, "nameserver 10.0.0.1\n");

	assert_int_equal(look_up(judge, "Node-17.example.org", true), DNS_PASS);
	assert_int_equal(look_up(judge, "missing.example.org", false), DNS_PASS);
	assert_string_equal(policy.seen,
			    "resolve node-{n}.example.org\nresolve missing.example.org\n");
	dns_judge_free(judge);
}

static void unknown_names_are_refused_where_enforced(void **state)
{
	struct policy policy = {.known = {"api.example.org"}, .otherwise = VERDICT_DENIED};
	struct dns_judge *judge = new_judge(&policy, SEARCHING);

	assert_int_equal(look_up(judge, "api.example.org", true), DNS_PASS);
	assert_int_equal(look_up(judge, "c2VjcmV0.evil.example", true), DNS_REFUSE);
	assert_int_equal(look_up(judge, "api.example.org.evil.example", true), DNS_REFUSE);
	assert_int_equal(look_up(judge, "c2VjcmV0.corp.example", true), DNS_REFUSE);
	assert_string_equal(policy.seen, "resolve api.example.org\nresolve c2vjcmv0.evil.example\n"
					 "resolve api.example.org.evil.example\n"
					 "resolve c2vjcmv0.corp.example\n");
	dns_judge_free(judge);
}

static void another_resolver_is_a_behaviour(void **state)
{
	struct policy policy = {.known = {"api.example.org"}, .otherwise = VERDICT_DENIED};
	struct dns_judge *judge = new_judge(&policy, "nameserver 10.0.0.1\n");
	struct dns_question question = ask("api.example.org", ns_t_a);

	assert_int_equal(address_parse("8.8.8.8", &asker.resolver), 0);
	assert_int_equal(dns_judge_query(judge, &question, 0, &asker), DNS_REFUSE);
	policy.known[1] = "8.8.8.8";
	assert_int_equal(dns_judge_query(judge, &question, 0, &asker), DNS_PASS);
	assert_string_equal(policy.seen,
			    "consult 8.8.8.8\nconsult 8.8.8.8\nresolve api.example.org\n");
	dns_judge_free(judge);
}

static void what_cannot_be_read_is_judged_too(void **state)
{
	struct policy policy = {.otherwise = VERDICT_DENIED};
	struct dns_judge *judge = new_judge(&policy, "nameserver 10.0.0.1\n");
	struct dns_question question = {.id = ID};

	assert_int_equal(dns_judge_query(judge, &question, -EBADMSG, &asker), DNS_REFUSE);
	policy.otherwise = VERDICT_NOVEL;
	assert_int_equal(dns_judge_query(judge, &question, -EBADMSG, &asker), DNS_PASS);
	assert_string_equal(policy.seen, "resolve {unreadable}\nresolve {unreadable}\n");
	dns_judge_free(judge);
}

static void steps_of_a_search_are_not_learned(void **state)
{
	struct policy policy = {.otherwise = VERDICT_NOVEL};
	struct dns_judge *judge = new_judge(&policy, SEARCHING);

	/* All the way to the name itself; and to the second entry. */
	look_up(judge, "api.example.org.ns.svc.cluster.local", false);
	look_up(judge, "api.example.org.svc.cluster.local", false);
	look_up(judge, "api.example.org.corp.example", false);
	look_up(judge, "api.example.org", true);
	look_up(judge, "redis.ns.svc.cluster.local", false);
	look_up(judge, "redis.svc.cluster.local", true);
	assert_string_equal(policy.seen, "resolve api.example.org\n"
					 "resolve redis.svc.cluster.local\n");
	dns_judge_free(judge);
	assert_string_equal(policy.seen, "resolve api.example.org\n"
					 "resolve redis.svc.cluster.local\n");
}

static void a_missing_name_below_a_search_domain_is_learned_in_the_end(void **state)
{
	struct policy policy = {.otherwise = VERDICT_NOVEL};
	struct dns_judge *judge = new_judge(&policy, SEARCHING);

	look_up(judge, "otel.monitoring.svc.cluster.local.ns.svc.cluster.local", false);
	look_up(judge, "otel.monitoring.svc.cluster.local", false);
	look_up(judge, "otel.monitoring.svc.cluster.local", false);
	look_up(judge, "api.example.org", true);
	assert_string_equal(policy.seen, "resolve api.example.org\n");
	dns_judge_free(judge);
	assert_string_equal(policy.seen, "resolve api.example.org\n"
					 "resolve otel.monitoring.svc.cluster.local\n");
}

static void steps_that_wait_are_bounded(void **state)
{
	struct policy policy = {.otherwise = VERDICT_NOVEL};
	struct dns_judge *judge = new_judge(&policy, SEARCHING);
	char name[64];

	for (int i = 0; i < JUDGE_STEPS_MAX + 2; i++) {
		(void)snprintf(name, sizeof(name), "%c%c%c.corp.example", 'a' + i / 26 / 26 % 26,
			       'a' + i / 26 % 26, 'a' + i % 26);
		look_up(judge, name, false);
	}
	assert_string_equal(policy.seen, "resolve aaa.corp.example\nresolve aab.corp.example\n");
	policy.seen[0] = '\0';
	dns_judge_free(judge);
}

static void steps_to_a_known_name_pass_where_enforced(void **state)
{
	struct policy policy = {
		.known = {"api.example.org", "redis.svc.cluster.local"},
		.otherwise = VERDICT_DENIED,
	};
	struct dns_judge *judge = new_judge(&policy, SEARCHING);

	assert_int_equal(look_up(judge, "api.example.org.ns.svc.cluster.local", false), DNS_PASS);
	assert_int_equal(look_up(judge, "redis.ns.svc.cluster.local", false), DNS_PASS);
	assert_int_equal(look_up(judge, "redis.corp.example", false), DNS_PASS);
	assert_int_equal(look_up(judge, "redisx.corp.example", false), DNS_REFUSE);
	assert_int_equal(look_up(judge, "x.redis.corp.example", false), DNS_REFUSE);
	assert_string_equal(policy.seen, "resolve redisx.corp.example\n"
					 "resolve x.redis.corp.example\n");
	/* One that is there after all is judged by itself. */
	assert_int_equal(look_up(judge, "api.example.org.corp.example", true), DNS_REFUSE);
	dns_judge_free(judge);
}

static void addresses_are_led_to_before_the_answer_goes(void **state)
{
	struct policy policy = {.known = {"web{n}.example.org"}, .otherwise = VERDICT_DENIED};
	struct dns_judge *judge = new_judge(&policy, "nameserver 10.0.0.1\n");
	struct dns_question question = ask("web12.example.org", ns_t_a);

	memset(&answer, 0, sizeof(answer));
	answer.count = 2;
	answer.found[0].address = asker.resolver;
	assert_int_equal(address_parse("2606:2800:220:1::1", &answer.found[1].address), 0);
	assert_int_equal(dns_judge_answer(judge, &question, DNS_PASS, &answer, &asker), DNS_PASS);
	assert_string_equal(policy.seen, "web{n}.example.org 10.0.0.1\n"
					 "web{n}.example.org 2606:2800:220:1::1\n");
	policy.lead_result = -ENOSPC;
	assert_int_equal(dns_judge_answer(judge, &question, DNS_PASS, &answer, &asker), DNS_FAIL);
	dns_judge_free(judge);
}

static void it_is_told_whether_who_leads_is_known(void **state)
{
	struct policy policy = {.known = {"web{n}.example.org"}, .otherwise = VERDICT_WOULD_DENY};
	struct dns_judge *judge = new_judge(&policy, "nameserver 10.0.0.1\n");
	struct dns_question question = ask("web12.example.org", ns_t_a);

	memset(&answer, 0, sizeof(answer));
	answer.count = 1;
	answer.found[0].address = asker.client;
	assert_int_equal(address_parse("8.8.8.8", &asker.resolver), 0);
	assert_int_equal(dns_judge_answer(judge, &question, DNS_PASS, &answer, &asker), DNS_PASS);
	policy.known[1] = "8.8.8.8";
	assert_int_equal(dns_judge_answer(judge, &question, DNS_PASS, &answer, &asker), DNS_PASS);
	assert_string_equal(policy.seen, "web{n}.example.org 10.0.0.2\nby somebody else\n"
					 "web{n}.example.org 10.0.0.2\n");
	dns_judge_free(judge);
}

/* ---- packets to programs ---- */

static const struct endpoint client_v4 = {{.family = AF_INET, .bytes = {10, 9, 0, 2}}, 0x1234};
static const struct endpoint resolver_v4 = {{.family = AF_INET, .bytes = {10, 9, 0, 1}}, 53};
static const struct endpoint client_v6 = {{.family = AF_INET6, .bytes = {0xfd, 0x77, [15] = 2}},
					  0x1234};
static const struct endpoint resolver_v6 = {{.family = AF_INET6, .bytes = {0xfd, 0x77, [15] = 1}},
					    53};

static uint32_t add_up(uint32_t sum, const uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		sum += i % 2 ? bytes[i] : (uint32_t)bytes[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

/* Of a packet of IPv6 whose payload begins at 40: with the header that RFC 8200 makes up for it. */
static uint32_t sum_of_v6(const uint8_t *packet, size_t len, uint8_t protocol)
{
	const uint8_t made_up[] = {(uint8_t)((len - 40) >> 8), (uint8_t)(len - 40), 0, protocol};
	uint32_t sum = add_up(0, packet + 8, 32);

	return add_up(add_up(sum, made_up, sizeof(made_up)), packet + 40, len - 40);
}

static void a_reply_comes_from_who_was_asked(void **state)
{
	static const uint8_t head[] = {0x45, 0, 0, 33, 0, 0, 0, 0, 64, 17};
	static const uint8_t rest[] = {10, 9, 0, 1, 10, 9, 0, 2, 0, 53, 0x12, 0x34, 0, 13, 0, 0};
	uint8_t packet[REPLY_HEAD_MAX + 5], *message = packet + REPLY_HEAD_MAX;

	memcpy(message, "hello", 5);
	assert_int_equal(reply_head(&resolver_v4, &client_v4, message, 5), 28);
	assert_memory_equal(message - 28, head, sizeof(head));
	assert_int_equal(add_up(0, message - 28, 20), 0xffff);
	assert_memory_equal(message - 16, rest, sizeof(rest));
	assert_memory_equal(message, "hello", 5);

	assert_int_equal(reply_head(&resolver_v6, &client_v6, message, 5), 48);
	assert_int_equal(packet[0], 0x60);
	assert_int_equal(packet[5], 13);
	assert_int_equal(packet[6], 17);
	assert_memory_equal(packet + 8, resolver_v6.address.bytes, 16);
	assert_memory_equal(packet + 24, client_v6.address.bytes, 16);
	assert_memory_equal(packet + 40, rest + 8, 6);
	assert_int_equal(sum_of_v6(packet, sizeof(packet), 17), 0xffff);
}

static void a_sum_of_zero_is_written_as_the_other_zero(void **state)
{
	uint8_t packet[REPLY_HEAD_MAX + 2], *message = packet + REPLY_HEAD_MAX;
	uint16_t sum;

	memset(message, 0, 2);
	reply_head(&resolver_v6, &client_v6, message, 2);
	/* With its sum in the message, what is to be written is zero. */
	sum = (uint16_t)(packet[46] << 8 | packet[47]);
	message[0] = (uint8_t)(sum >> 8);
	message[1] = (uint8_t)sum;
	reply_head(&resolver_v6, &client_v6, message, 2);
	assert_int_equal(packet[46] << 8 | packet[47], 0xffff);
}

static void a_refusal_is_about_the_datagram(void **state)
{
	static const uint8_t ends[] = {10, 9, 0, 2, 10, 9, 0, 1, 0x12, 0x34, 0, 53};
	uint8_t out[REFUSAL_ROOM];

	assert_int_equal(refusal_write(&client_v4, &resolver_v4, ECONNREFUSED, out), 56);
	assert_int_equal(out[3], 56);
	assert_int_equal(out[9], 1);
	assert_memory_equal(out + 16, client_v4.address.bytes, 4);
	assert_int_equal(out[20], 3);
	assert_int_equal(out[21], 3);
	assert_int_equal(add_up(0, out, 20), 0xffff);
	assert_int_equal(add_up(0, out + 20, 36), 0xffff);
	assert_int_equal(add_up(0, out + 28, 20), 0xffff);
	assert_memory_equal(out + 40, ends, sizeof(ends));
	assert_int_equal(refusal_write(&client_v4, &resolver_v4, EHOSTUNREACH, out), 56);
	assert_int_equal(out[21], 13);
	assert_int_equal(refusal_write(&client_v4, &resolver_v4, ENETDOWN, out), 0);
}

static void so_is_one_by_ipv6(void **state)
{
	static const uint8_t ports[] = {0x12, 0x34, 0, 53, 0, 8};
	uint8_t out[REFUSAL_ROOM];

	assert_int_equal(refusal_write(&client_v6, &resolver_v6, ECONNREFUSED, out), 96);
	assert_int_equal(out[5], 56);
	assert_int_equal(out[6], 58);
	assert_int_equal(out[40], 1);
	assert_int_equal(out[41], 4);
	assert_int_equal(sum_of_v6(out, 96, 58), 0xffff);
	assert_memory_equal(out + 56, client_v6.address.bytes, 16);
	assert_memory_equal(out + 72, resolver_v6.address.bytes, 16);
	assert_memory_equal(out + 88, ports, sizeof(ports));
	assert_int_equal(refusal_write(&client_v6, &resolver_v6, EACCES, out), 96);
	assert_int_equal(out[41], 1);
	assert_int_equal(refusal_write(&client_v6, &resolver_v6, EHOSTUNREACH, out), 0);
}

/* ---- sending together ---- */

/* A socket of loopback, connected to a new one there, or to nobody. */
static int open_connected(int *ret_other)
{
	struct sockaddr_in there = {.sin_family = AF_INET,
				    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	socklen_t len = sizeof(there);

	*ret_other = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	assert_int_equal(bind(*ret_other, (struct sockaddr *)&there, len), 0);
	assert_int_equal(getsockname(*ret_other, (struct sockaddr *)&there, &len), 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&there, len), 0);
	return fd;
}

/* Puts one datagram of each length, full of its number; 0 ends. */
static void put_all(struct udp_out *out, const size_t *lens, uint8_t bytes[][1024])
{
	for (size_t i = 0; lens[i] > 0; i++) {
		memset(bytes[i], (int)i + 1, lens[i]);
		udp_out_put(out, bytes[i], lens[i], NULL);
	}
}

static void each_datagram_arrives_whole_whatever_goes_with_it(void **state)
{
	static const size_t lens[][UDP_OUT_MAX + 1] = {
		{40},
		{40, 40, 40},
		{40, 39, 41, 40, 12, 41},
		{12, 13, 14, 15, 16},
		{1000, 40, 1000, 900, 513, 512, 511},
		{40, 40, 40, 40, 40, 40, 40, 40, 40, 40, 40, 40, 40, 40, 40, 39},
	};
	struct udp_out out = {0};

	/* apart: the kernel takes none together from a socket that computes no checksum */
	for (int apart = 0; apart < 2; apart++) {
		cleanup_close int there = -1;
		cleanup_close int fd = open_connected(&there);

		assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_NO_CHECK, &apart, sizeof(apart)), 0);
		for (size_t row = 0; row < COUNT(lens); row++) {
			uint8_t bytes[UDP_OUT_MAX][1024], got[2048];
			size_t count = 0;
			ssize_t n;

			out.fd = fd;
			put_all(&out, lens[row], bytes);
			assert_int_equal(udp_out_send(&out), 0);
			assert_int_equal(out.count, 0);
			while ((n = recv(there, got, sizeof(got), 0)) >= 0) {
				size_t i = (size_t)got[0] - 1;

				assert_true(i < UDP_OUT_MAX);
				assert_int_equal(n, lens[row][i]);
				assert_memory_equal(got, bytes[i], lens[row][i]);
				bytes[i][0] = 0; /* once */
				count++;
			}
			for (size_t i = 0; lens[row][i] > 0; i++, count--)
				assert_int_equal(bytes[i][0], 0);
			assert_int_equal(count, 0);
		}
	}
}

static void who_is_not_there_is_told_of(void **state)
{
	static const size_t lens[] = {40, 40, 39, 38, 0};
	cleanup_close int there = -1;
	cleanup_close int fd = open_connected(&there);
	uint8_t bytes[COUNT(lens)][1024];
	struct udp_out out = {.fd = fd};

	close(there);
	there = -1;
	put_all(&out, lens, bytes);
	assert_int_equal(udp_out_send(&out), 0);
	/* what became of the last */
	put_all(&out, lens, bytes);
	assert_int_equal(udp_out_send(&out), -ECONNREFUSED);
	assert_int_equal(out.count, 0);
}

static void each_client_gets_its_own(void **state)
{
	struct udp_out out = {.fd = reply_open(AF_INET)};
	uint8_t packets[2][REPLY_HEAD_MAX + 6];
	int theirs[2];

	if (out.fd == -EPERM) {
		print_message("# without CAP_NET_RAW nobody writes packets\n");
		skip();
	}
	for (size_t i = 0; i < 2; i++) {
		struct sockaddr_storage socket;
		socklen_t len = sizeof(socket);
		int fd = open_connected(&theirs[i]);
		uint8_t *message = packets[i] + REPLY_HEAD_MAX;
		struct endpoint client;
		size_t head;

		assert_int_equal(getpeername(fd, (struct sockaddr *)&socket, &len), 0);
		address_of_socket((struct sockaddr *)&socket, &client.address, &client.port);
		close(fd);
		memcpy(message, i ? "second" : "first!", 6);
		head = reply_head(&resolver_v4, &client, message, 6);
		udp_out_put(&out, message - head, head + 6, &client.address);
	}
	assert_int_equal(udp_out_send(&out), 0);
	for (size_t i = 0; i < 2; i++) {
		struct sockaddr_in from;
		socklen_t len = sizeof(from);
		char got[16];

		assert_int_equal(
			recvfrom(theirs[i], got, sizeof(got), 0, (struct sockaddr *)&from, &len),
			6);
		assert_memory_equal(got, i ? "second" : "first!", 6);
		assert_memory_equal(&from.sin_addr, resolver_v4.address.bytes, 4);
		assert_int_equal(ntohs(from.sin_port), 53);
		close(theirs[i]);
	}
	close(out.fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_question_is_read),
		cmocka_unit_test(a_dot_within_a_label_is_no_dot_between_labels),
		cmocka_unit_test(the_longest_names_are_read_and_longer_ones_are_not),
		cmocka_unit_test(what_is_no_single_question_is_told_apart),
		cmocka_unit_test(our_own_answer_repeats_the_question),
		cmocka_unit_test(addresses_are_taken_through_aliases_in_any_order),
		cmocka_unit_test(hosts_that_records_name_come_along),
		cmocka_unit_test(service_records_give_hints),
		cmocka_unit_test(records_of_a_wrong_length_give_nothing),
		cmocka_unit_test(only_the_answer_to_the_question_counts),
		cmocka_unit_test(an_error_may_come_without_the_question),
		cmocka_unit_test(bytes_behind_an_answer_do_not_spoil_it),
		cmocka_unit_test(a_loop_is_no_answer),
		cmocka_unit_test(a_chain_of_aliases_is_bounded),
		cmocka_unit_test(addresses_are_bounded),
		cmocka_unit_test(resolv_conf_is_read),
		cmocka_unit_test(without_a_resolver_it_is_this_host),
		cmocka_unit_test(resolv_conf_is_bounded),
		cmocka_unit_test(a_name_is_taken_apart_by_the_search_list),
		cmocka_unit_test(what_is_asked_for_is_observed),
		cmocka_unit_test(unknown_names_are_refused_where_enforced),
		cmocka_unit_test(another_resolver_is_a_behaviour),
		cmocka_unit_test(what_cannot_be_read_is_judged_too),
		cmocka_unit_test(steps_of_a_search_are_not_learned),
		cmocka_unit_test(a_missing_name_below_a_search_domain_is_learned_in_the_end),
		cmocka_unit_test(steps_that_wait_are_bounded),
		cmocka_unit_test(steps_to_a_known_name_pass_where_enforced),
		cmocka_unit_test(addresses_are_led_to_before_the_answer_goes),
		cmocka_unit_test(it_is_told_whether_who_leads_is_known),
		cmocka_unit_test(a_refusal_is_about_the_datagram),
		cmocka_unit_test(a_reply_comes_from_who_was_asked),
		cmocka_unit_test(a_sum_of_zero_is_written_as_the_other_zero),
		cmocka_unit_test(so_is_one_by_ipv6),
		cmocka_unit_test(each_datagram_arrives_whole_whatever_goes_with_it),
		cmocka_unit_test(who_is_not_there_is_told_of),
		cmocka_unit_test(each_client_gets_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
