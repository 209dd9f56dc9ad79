/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The bytes as a journal, once as they are and once with the checksum of every record set right, so
 * that what lies behind the checksums is reached as well.
 */
#include <string.h>

#include "base/hash.h"
#include "fuzz.h"
#include "journal/journal.h"

enum { HEAD = 9 }; /* u32 length, u32 checksum, u8 type: src/journal/journal.h */

static void read_all(const uint8_t *data, size_t len)
{
	struct journal_reader *reader = NULL;
	struct journal_behaviour b;
	const struct journal_run *run;
	size_t names = 0;

	if (journal_reader_over(data, len, &reader, NULL) < 0)
		return;
	run = journal_reader_run(reader);
	FUZZ_ASSERT(strlen(run->id) > 0 && strlen(run->id) < JOURNAL_ID_ROOM);
	names += strlen(run->function) + strlen(run->revision) + strlen(run->identified_by) +
		 strlen(run->container);
	while (journal_reader_next(reader, &b) == 1) {
		FUZZ_ASSERT(b.behaviour.domain < DOMAINS && b.behaviour.access < ACCESSES);
		FUZZ_ASSERT(b.verdict < VERDICTS);
		names += strlen(b.behaviour.program) + strlen(b.behaviour.key);
	}
	FUZZ_ASSERT(names <= len);
	FUZZ_ASSERT(journal_reader_next(reader, &b) == 0);
	FUZZ_ASSERT(journal_reader_end(reader).outcome < OUTCOMES);
	for (int d = 0; d < DOMAINS; d++) {
		const char *why = journal_reader_lowered(reader, (enum domain)d);

		journal_reader_lost(reader, (enum domain)d);
		FUZZ_ASSERT(!why || strlen(why) < len);
	}
	journal_reader_free(reader);
}

static void set_checksums(uint8_t *data, size_t len)
{
	for (size_t at = 0; len - at >= HEAD;) {
		uint32_t payload, crc;

		memcpy(&payload, data + at, sizeof(payload));
		if (payload > len - at - HEAD)
			return;
		crc = crc32c(0, data + at + 8, 1 + (size_t)payload);
		memcpy(data + at + 4, &crc, sizeof(crc));
		at += HEAD + (size_t)payload;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	uint8_t *copy;

	read_all(data, len);
	copy = malloc(len ? len : 1);
	if (!copy)
		return 0;
	if (len > 0)
		memcpy(copy, data, len);
	set_checksums(copy, len);
	read_all(copy, len);
	free(copy);
	return 0;
}
