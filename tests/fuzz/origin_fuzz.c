/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kernel's reply about a connection. */
#include "dns/origin.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct origin_question question = {.result = 0};

	origin_read_reply(data, len, &question);
	FUZZ_ASSERT(question.result <= 0);
	if (question.result == 0)
		FUZZ_ASSERT(question.asked.address.family == AF_INET ||
			    question.asked.address.family == AF_INET6);
	return 0;
}
