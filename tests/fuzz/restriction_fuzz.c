/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The bytes as a restriction of a policy image; each filter in it is run over a few calls. */
#include <stdlib.h>
#include <string.h>

#include "compile/simulate.h"
#include "fuzz.h"
#include "policy/restriction.h"

static void run(const struct restriction_filter *filter)
{
	static const int numbers[] = {0, 1, 56, 59, 257, 435, 1023, -1, 0x40000000};

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		const struct seccomp_data call = {.nr = numbers[i],
						  .arch = restriction_architecture()};
		uint32_t action;

		simulate(filter->code, filter->count, &call, &action);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct restriction restriction;
	/* aligned as in an image, and not a byte longer than it is */
	uint8_t *copy = malloc(len ? len : 1);
	unsigned char *again;

	if (!copy)
		return 0;
	memcpy(copy, data, len);
	if (restriction_read(copy, len, &restriction) == 0) {
		FUZZ_ASSERT(restriction.watch.count <= RESTRICTION_FILTER_MAX);
		FUZZ_ASSERT(restriction.enforce.count <= RESTRICTION_FILTER_MAX);
		run(&restriction.watch);
		run(&restriction.enforce);
		again = malloc(RESTRICTION_BYTES_MAX);
		if (again) {
			FUZZ_ASSERT(restriction_write(&restriction, again) == len);
			FUZZ_ASSERT(memcmp(again, data, len) == 0);
		}
		free(again);
	}
	free(copy);
	return 0;
}
