/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Datagrams of the kernel's packet queue, whose payload is whatever the function has sent. */
#include "fuzz.h"
#include "net/queue.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct reader datagram = {(const char *)data, len};
	struct net_question question;
	struct queue_packet packet;

	while (queue_read(&datagram, &packet) == 0) {
		if (question_read(&packet, &question) < 0)
			continue;
		FUZZ_ASSERT(question.from.family == question.to.family);
		FUZZ_ASSERT(question.len <= packet.bytes.len);
		FUZZ_ASSERT(question.bytes >= (const uint8_t *)packet.bytes.bytes);
		FUZZ_ASSERT(question.bytes + question.len <=
			    (const uint8_t *)packet.bytes.bytes + packet.bytes.len);
	}
	return 0;
}
