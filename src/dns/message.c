/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reading messages with the C library's ns_ calls, which check every length and every compressed
 * name, refuse loops, and bytes behind the last record. What they leave to their callers is checked
 * here: that a record's data is as long as its type wants, that a name within the data ends where
 * the data does, and how often a message may be walked.
 */
#include "dns/message.h"

#include <arpa/nameser.h>
#include <errno.h>
#include <resolv.h>
#include <string.h>

enum {
	TYPE_SVCB = 64, /* RFC 9460; not in every <arpa/nameser.h> */
	TYPE_HTTPS = 65,
	SVCB_IPV4_HINT = 4,
	SVCB_IPV6_HINT = 6,
	OPTION_EDE = 15,  /* RFC 8914 */
	EDE_BLOCKED = 15, /* RFC 8914, 4.16 */
	EDNS_PAYLOAD = 1232,
};

/* The text that ns_name_ntop() gives, made comparable: dn_expand() leaves the root empty. */
static void settle_name(const char *text, char *out)
{
	size_t len = 0;

	for (const char *at = text; *at && len < DNS_NAME_ROOM - 5; at++) {
		if (*at >= 'A' && *at <= 'Z') {
			out[len++] = (char)(*at - 'A' + 'a');
		} else if (*at == '{' || *at == '}') {
			memcpy(out + len, *at == '{' ? "\\123" : "\\125", 4);
			len += 4;
		} else {
			out[len++] = *at;
		}
	}
	if (len == 0)
		out[len++] = '.';
	out[len] = '\0';
}

int dns_question_parse(const uint8_t *bytes, size_t len, struct dns_question *ret)
{
	ns_msg message;
	ns_rr rr;

	*ret = (struct dns_question){0};
	if (len < DNS_HEADER_BYTES || len > DNS_MESSAGE_MAX)
		return -EBADMSG;
	ret->id = ns_get16(bytes);
	ret->len = DNS_HEADER_BYTES;
	if (ns_initparse(bytes, (int)len, &message) < 0)
		return -EBADMSG;
	if (ns_msg_getflag(message, ns_f_qr) ||
	    ns_msg_getflag(message, ns_f_opcode) != ns_o_query ||
	    ns_msg_count(message, ns_s_qd) != 1)
		return -EOPNOTSUPP;
	if (ns_parserr(&message, ns_s_qd, 0, &rr) < 0)
		return -EBADMSG;
	if (ns_rr_class(rr) != ns_c_in)
		return -EOPNOTSUPP;
	settle_name(ns_rr_name(rr), ret->name);
	ret->type = ns_rr_type(rr);
	ret->len += (size_t)dn_skipname(bytes + DNS_HEADER_BYTES, bytes + len) + 4;
	for (int i = 0; i < ns_msg_count(message, ns_s_ar) && i < DNS_RECORDS_MAX; i++) {
		if (ns_parserr(&message, ns_s_ar, i, &rr) < 0)
			return -EBADMSG;
		ret->has_edns = ret->has_edns || ns_rr_type(rr) == ns_t_opt;
	}
	return 0;
}

/* ---- answers ---- */

/* The names that belong to what was asked: the name itself, and what it leads to. */
struct chain {
	size_t count;
	struct {
		char name[DNS_NAME_ROOM];
		uint32_t ttl_s;
	} links[DNS_CHAIN_MAX];
};

struct reading {
	ns_msg message;
	const struct dns_question *question;
	struct dns_answer *answer;
	struct chain chain;
};

static bool follow(struct chain *chain, const char *name, uint32_t ttl_s)
{
	for (size_t i = 0; i < chain->count; i++) {
		if (strcmp(chain->links[i].name, name) == 0)
			return true;
	}
	if (chain->count == DNS_CHAIN_MAX)
		return false;
	memcpy(chain->links[chain->count].name, name, strlen(name) + 1);
	chain->links[chain->count++].ttl_s = ttl_s;
	return true;
}

static const uint32_t *find_link(const struct chain *chain, const char *name)
{
	for (size_t i = 0; i < chain->count; i++) {
		if (strcmp(chain->links[i].name, name) == 0)
			return &chain->links[i].ttl_s;
	}
	return NULL;
}

static uint32_t least(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

static void take_address(struct dns_answer *answer, const uint8_t *bytes, size_t len,
			 uint32_t ttl_s)
{
	struct dns_found *found = &answer->found[answer->count];

	if (answer->count == DNS_ADDRESSES_MAX) {
		answer->whole = false;
		return;
	}
	*found = (struct dns_found){.ttl_s = ttl_s};
	found->address.family = len == 4 ? AF_INET : AF_INET6;
	memcpy(found->address.bytes, bytes, len);
	answer->count++;
}

static void take_hints(struct dns_answer *answer, uint16_t key, const uint8_t *bytes, size_t len,
		       uint32_t ttl_s)
{
	size_t each = key == SVCB_IPV4_HINT ? 4 : 16;

	if ((key != SVCB_IPV4_HINT && key != SVCB_IPV6_HINT) || len % each != 0)
		return;
	for (size_t at = 0; at < len; at += each)
		take_address(answer, bytes + at, each, ttl_s);
}

/* The name within a record's data, `at` bytes behind its start. Returns its length there, or -1. */
static int inner_name(const struct reading *reading, const ns_rr *rr, size_t at, char *ret)
{
	char text[NS_MAXDNAME];
	int len;

	if (at >= ns_rr_rdlen(*rr))
		return -1;
	len = dn_expand(ns_msg_base(reading->message), ns_msg_end(reading->message),
			ns_rr_rdata(*rr) + at, text, sizeof(text));
	if (len < 0 || (size_t)len > ns_rr_rdlen(*rr) - at)
		return -1;
	settle_name(text, ret);
	return len;
}

static void read_service(struct reading *reading, const ns_rr *rr, uint32_t ttl_s)
{
	const uint8_t *bytes = ns_rr_rdata(*rr);
	size_t len = ns_rr_rdlen(*rr), at;
	char target[DNS_NAME_ROOM];
	int name_len = inner_name(reading, rr, 2, target);

	if (name_len < 0)
		return;
	follow(&reading->chain, target, ttl_s);
	at = 2 + (size_t)name_len;
	while (len - at >= 4) {
		uint16_t key = ns_get16(bytes + at);
		size_t value_len = ns_get16(bytes + at + 2);

		at += 4;
		if (value_len > len - at)
			return;
		take_hints(reading->answer, key, bytes + at, value_len, ttl_s);
		at += value_len;
	}
}

/* Where the name stands in the data of a record that names another host; -1: it names none. */
static int place_of_target(uint16_t type)
{
	switch (type) {
	case ns_t_cname:
	case ns_t_ns:
		return 0;
	case ns_t_mx:
		return 2;
	case ns_t_srv:
		return 6;
	default:
		return -1;
	}
}

/* A record of a name that belongs to the question: where does it lead? */
static void follow_record(struct reading *reading, const ns_rr *rr, uint32_t ttl_s)
{
	uint16_t type = ns_rr_type(*rr);
	int place = place_of_target(type);
	char target[DNS_NAME_ROOM];

	if (type == TYPE_SVCB || type == TYPE_HTTPS) {
		read_service(reading, rr, ttl_s);
		return;
	}
	if (place >= 0 && inner_name(reading, rr, (size_t)place, target) >= 0 &&
	    !follow(&reading->chain, target, ttl_s))
		reading->answer->whole = false;
}

static void take_record(struct reading *reading, const ns_rr *rr, uint32_t ttl_s)
{
	if ((ns_rr_type(*rr) == ns_t_a && ns_rr_rdlen(*rr) == 4) ||
	    (ns_rr_type(*rr) == ns_t_aaaa && ns_rr_rdlen(*rr) == 16))
		take_address(reading->answer, ns_rr_rdata(*rr), ns_rr_rdlen(*rr), ttl_s);
}

/* Calls `use` for each record of the section whose owner belongs to the question. Returns 0 or
 * -EBADMSG. */
static int walk(struct reading *reading, ns_sect section,
		void (*use)(struct reading *reading, const ns_rr *rr, uint32_t ttl_s))
{
	int count = ns_msg_count(reading->message, section);
	ns_rr rr;

	if (count > DNS_RECORDS_MAX) {
		reading->answer->whole = false;
		count = DNS_RECORDS_MAX;
	}
	for (int i = 0; i < count; i++) {
		char owner[DNS_NAME_ROOM];
		const uint32_t *ttl_s;

		if (ns_parserr(&reading->message, section, i, &rr) < 0)
			return -EBADMSG;
		if (ns_rr_class(rr) != ns_c_in)
			continue;
		settle_name(ns_rr_name(rr), owner);
		ttl_s = find_link(&reading->chain, owner);
		if (ttl_s)
			use(reading, &rr, least(*ttl_s, ns_rr_ttl(rr)));
	}
	return 0;
}

/* Records come in any order, so the chain is followed until it grows no more. Hints are taken by
 * the last of these walks alone. */
static int read_records(struct reading *reading)
{
	size_t before;
	int r;

	do {
		before = reading->chain.count;
		reading->answer->count = 0;
		r = walk(reading, ns_s_an, follow_record);
	} while (r == 0 && reading->chain.count > before);
	if (r == 0)
		r = walk(reading, ns_s_an, take_record);
	if (r == 0 && reading->chain.count > 1)
		r = walk(reading, ns_s_ar, take_record);
	return r;
}

/* Does the answer repeat the question? */
static bool repeats(struct reading *reading)
{
	char name[DNS_NAME_ROOM];
	ns_rr rr;

	if (ns_msg_count(reading->message, ns_s_qd) == 0)
		return ns_msg_getflag(reading->message, ns_f_rcode) != ns_r_noerror;
	if (ns_msg_count(reading->message, ns_s_qd) != 1 ||
	    ns_parserr(&reading->message, ns_s_qd, 0, &rr) < 0)
		return false;
	settle_name(ns_rr_name(rr), name);
	return ns_rr_type(rr) == reading->question->type && ns_rr_class(rr) == ns_c_in &&
	       strcmp(name, reading->question->name) == 0;
}

/* Where the last record ends: programs read answers with more behind it all the same. */
static size_t records_len(const uint8_t *bytes, size_t len)
{
	size_t at = DNS_HEADER_BYTES;

	for (int section = ns_s_qd; section < ns_s_max; section++) {
		int count = ns_get16(bytes + 4 + 2 * (size_t)section);
		int skipped = ns_skiprr(bytes + at, bytes + len, (ns_sect)section, count);

		if (skipped < 0)
			return len; /* ns_initparse() says no */
		at += (size_t)skipped;
	}
	return at;
}

int dns_answer_parse(const uint8_t *bytes, size_t len, const struct dns_question *question,
		     struct dns_answer *ret)
{
	struct reading reading; /* large: the chain's links are set as it grows */

	reading.question = question;
	reading.answer = ret;
	reading.chain.count = 0;
	if (len < DNS_HEADER_BYTES || len > DNS_MESSAGE_MAX)
		return -EBADMSG;
	/* The id first: an answer that cannot be read may still be the answer. */
	if (ns_get16(bytes) != question->id || !(bytes[2] & 0x80))
		return -ENOMSG;
	if (ns_initparse(bytes, (int)records_len(bytes, len), &reading.message) < 0)
		return -EBADMSG;
	if (!repeats(&reading))
		return -ENOMSG;
	ret->rcode = (uint8_t)ns_msg_getflag(reading.message, ns_f_rcode);
	ret->positive = ret->rcode == ns_r_noerror && ns_msg_count(reading.message, ns_s_an) > 0;
	ret->whole = !ns_msg_getflag(reading.message, ns_f_tc);
	ret->count = 0;
	follow(&reading.chain, question->name, UINT32_MAX);
	return read_records(&reading);
}

size_t dns_answer_write(const uint8_t *message, size_t len, const struct dns_question *question,
			uint8_t rcode, uint8_t *out)
{
	static const uint8_t option[] = {
		0, /* the root */
		0, ns_t_opt, EDNS_PAYLOAD >> 8, EDNS_PAYLOAD & 0xff, 0, 0, 0, 0, 0, 0,
	};
	static const uint8_t blocked[] = {0, OPTION_EDE, 0, 2, 0, EDE_BLOCKED};
	size_t at = question->len;

	if (at < DNS_HEADER_BYTES || len < at ||
	    at + sizeof(option) + sizeof(blocked) > DNS_OWN_ANSWER_MAX)
		return 0;
	memcpy(out, message, at);
	out[2] = (uint8_t)(0x80 | (message[2] & 0x79)); /* opcode and RD stay */
	out[3] = (uint8_t)(0x80 | rcode);		/* RA: recursion is there to be asked for */
	memset(out + 4, 0, DNS_HEADER_BYTES - 4);
	out[5] = at > DNS_HEADER_BYTES;
	if (!question->has_edns)
		return at;
	out[11] = 1;
	memcpy(out + at, option, sizeof(option));
	at += sizeof(option);
	if (rcode != ns_r_refused)
		return at;
	out[at - 1] = sizeof(blocked);
	memcpy(out + at, blocked, sizeof(blocked));
	return at + sizeof(blocked);
}
