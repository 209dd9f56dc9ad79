/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUSK_DNS_MESSAGE_H
#define HUSK_DNS_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/address.h"

/*
 * DNS messages: what is asked, what an answer says of it, and answers of our own. What
 * passes, passes byte for byte. Source: RFC 1035; RFC 2782 (SRV), RFC 6891
 * (EDNS), RFC 8914 (extended errors), RFC 9460 (SVCB and HTTPS).
 */
enum dns_limits {
	DNS_HEADER_BYTES = 12,
	DNS_MESSAGE_MAX = 65535,
	DNS_NAME_ROOM = 1025,	  /* a name as text with its NUL: NS_MAXDNAME */
	DNS_OWN_ANSWER_MAX = 512, /* header, question, option */
	DNS_RECORDS_MAX = 2048,	  /* looked at in one answer */
	DNS_ADDRESSES_MAX = 1024, /* taken from one answer */
	DNS_CHAIN_MAX = 16,	  /* names that lead to each other */
};

/* The one question of a query. */
struct dns_question {
	uint16_t id;
	uint16_t type;
	bool has_edns;
	size_t len; /* of header and question in the message, which our own answer repeats */
	/*
	 * The name as text: lower case, no final dot, "." for the root. A byte that is no letter,
	 * digit, '-' or '_' and that could be mistaken stands as "\." or "\123", braces always.
	 */
	char name[DNS_NAME_ROOM];
};

/*
 * Reads a query. Returns 0; -EBADMSG for what is no whole message, -EOPNOTSUPP for one that does
 * something else than ask one question of class IN. Then ret->id is set where there is a header.
 */
int dns_question_parse(const uint8_t *bytes, size_t len, struct dns_question *ret);

/* An address that an answer gives, and for how long. */
struct dns_found {
	struct address address;
	uint32_t ttl_s; /* the least of what led to it */
};

struct dns_answer {
	uint8_t rcode;
	bool positive; /* it holds a record of what was asked for, or leads elsewhere */
	bool whole;    /* neither truncated nor beyond a limit */
	size_t count;
	struct dns_found found[DNS_ADDRESSES_MAX];
};

/*
 * Reads the answer to `question`: the addresses of the name that was asked for, through CNAMEs, of
 * the hosts that SRV, MX and NS records name, as far as the answer has them along, and the hints of
 * SVCB and HTTPS. Returns 0; -ENOMSG: it is the answer to another question (a late one, or a
 * forgery); -EBADMSG: no whole message. *ret is only valid for 0. An error that repeats no question
 * counts as an answer, as resolvers send those. Bounded time; no allocation.
 */
int dns_answer_parse(const uint8_t *bytes, size_t len, const struct dns_question *question,
		     struct dns_answer *ret);

/*
 * Writes an answer of our own, with response code `rcode` of <arpa/nameser.h> and no record, to
 * `out` of DNS_OWN_ANSWER_MAX bytes. `message` is the query, or an answer to it: header and
 * question are repeated from there. Where the query has EDNS, the answer has, and if it refuses,
 * the extended error "Blocked". Returns its length, or 0 where there is no header to answer to.
 */
size_t dns_answer_write(const uint8_t *message, size_t len, const struct dns_question *question,
			uint8_t rcode, uint8_t *out);

#endif
