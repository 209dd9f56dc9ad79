/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a container's processes can make the kernel say of a call, and what the launcher's word may
 * be: struct seccomp_data, then the word. */
#include <string.h>

#include "fuzz.h"
#include "mediator/calls.h"
#include "policy/calls.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct seccomp_data call = {0};
	struct calls *calls;
	char key[CALLS_NAME_ROOM], word[64];
	size_t word_len;

	memcpy(&call, data, len < sizeof(call) ? len : sizeof(call));
	memset(key, 'x', sizeof(key));
	calls_key(&call, key);
	FUZZ_ASSERT(memchr(key, '\0', sizeof(key)) && key[0]);
	FUZZ_ASSERT(calls_denied_errno(key) > 0);
	if (len <= sizeof(call))
		return 0;
	word_len = len - sizeof(call) < sizeof(word) - 1 ? len - sizeof(call) : sizeof(word) - 1;
	memcpy(word, data + sizeof(call), word_len);
	word[word_len] = '\0';
	calls = calls_new(NULL, NULL);
	if (calls)
		FUZZ_ASSERT(calls_take(calls, -1, word) < 0);
	calls_free(calls);
	return 0;
}
