/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Datagrams of the kernel's packet log, whose payload is whatever a peer has sent. */
#include "fuzz.h"
#include "net/log.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct reader datagram = {(const char *)data, len};
	enum log_read_result result;
	struct log_message message;

	do {
		size_t left = datagram.len;

		result = log_read(&datagram, &message);
		FUZZ_ASSERT(datagram.len < left || result == LOG_END);
		if (result == LOG_MESSAGE)
			FUZZ_ASSERT(message.packet.from.family == message.packet.to.family);
	} while (result != LOG_END);
	return 0;
}
