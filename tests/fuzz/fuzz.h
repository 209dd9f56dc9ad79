/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUSK_TESTS_FUZZ_H
#define HUSK_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

/*
 * One reader over `len` bytes at `data`. Whatever the bytes are, it returns 0; a broken promise of
 * the reader is an abort. libFuzzer calls it with bytes of its own, replay.c with the files of a
 * corpus.
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

#define FUZZ_ASSERT(condition)    \
	do {                      \
		if (!(condition)) \
			abort();  \
	} while (0)

#endif
