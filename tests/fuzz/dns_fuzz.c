/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A query and what comes back: two bytes are the query's length, then the query, then the answer,
 * which is given the query's id and the flag of an answer, without which nothing more is read. */
#include <arpa/nameser.h>
#include <string.h>

#include "dns/message.h"
#include "fuzz.h"
#include "policy/shape-host.h"
#include "policy/suffix.h"

static void check_question(const uint8_t *query, size_t len, const struct dns_question *question,
			   int result)
{
	char key[SHAPE_HOST_MAX];
	uint8_t out[DNS_OWN_ANSWER_MAX];
	size_t out_len = dns_answer_write(query, len, question, ns_r_refused, out);
	ns_msg message;

	FUZZ_ASSERT(out_len == 0 || out_len >= DNS_HEADER_BYTES);
	FUZZ_ASSERT(out_len <= sizeof(out));
	if (result < 0)
		return;
	FUZZ_ASSERT(out_len > 0 && ns_initparse(out, (int)out_len, &message) == 0);
	FUZZ_ASSERT(strlen(question->name) > 0 && strlen(question->name) < DNS_NAME_ROOM);
	FUZZ_ASSERT(!strpbrk(question->name, "{}ABCDEFGHIJKLMNOPQRSTUVWXYZ"));
	FUZZ_ASSERT(suffix_len(question->name) <= strlen(question->name));
	shape_host(question->name, key);
	FUZZ_ASSERT(strlen(key) > 0 && strlen(key) < sizeof(key));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static struct dns_answer answer;
	static uint8_t copy[DNS_MESSAGE_MAX];
	struct dns_question question;
	size_t query_len, answer_len;
	int r;

	if (len < 2)
		return 0;
	query_len = (size_t)data[0] << 8 | data[1];
	data += 2;
	len -= 2;
	if (query_len > len)
		query_len = len;
	r = dns_question_parse(data, query_len, &question);
	check_question(data, query_len, &question, r);
	answer_len = len - query_len;
	if (r < 0 || answer_len < DNS_HEADER_BYTES || answer_len > sizeof(copy))
		return 0;
	memcpy(copy, data + query_len, answer_len);
	memcpy(copy, data, 2);
	copy[2] |= 0x80;
	if (dns_answer_parse(copy, answer_len, &question, &answer) < 0)
		return 0;
	FUZZ_ASSERT(answer.count <= DNS_ADDRESSES_MAX && answer.rcode < 16);
	for (size_t i = 0; i < answer.count; i++) {
		uint8_t family = answer.found[i].address.family;

		FUZZ_ASSERT(family == AF_INET || family == AF_INET6);
		FUZZ_ASSERT(address_kind(&answer.found[i].address) < ADDRESS_KINDS);
	}
	return 0;
}
