/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What an earlier start is said to have found in the tree /lib, used by 20 behaviours. */
#include <unistd.h>

#include "fuzz.h"
#include "wrap/native-known.h"
#include "wrap/native.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	const struct native_rule rule = {INT64_MAX, NATIVE_READONLY};
	struct native_scan_result result = {.path = "/lib", .uses = 20};
	struct native_known known;

	if (native_known_parse(&known, (const char *)data, len) < 0)
		return 0;
	/* there is no such tree */
	FUZZ_ASSERT(!native_known_find(&known, -1, &rule, &result));
	FUZZ_ASSERT(!result.holes.paths && !result.seen.bytes && !result.why);
	native_known_release(&known);
	return 0;
}
