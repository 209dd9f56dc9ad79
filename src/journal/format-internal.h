/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUSK_JOURNAL_FORMAT_INTERNAL_H
#define HUSK_JOURNAL_FORMAT_INTERNAL_H

#include <endian.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/hash.h"
#include "policy/behaviour.h"

/*
 * The bytes of a journal, as the writer and the reader see them. Payloads, in the order of their
 * fields, little endian, without padding; a "name" is u16 length, its bytes, and a NUL that the
 * length does not count, so that a reader can point into the file.
 *
 * - RUN: u32 JOURNAL_VERSION, u64 started_ns, u64 policy_serial, u64 capabilities, u32 calls, u8
 *   trusted, u8 mode of each of 8 domains (unused: 0), then the names id, function, revision,
 *   identified_by, container
 * - LOSS: u64 for each of 8 domains (unused: 0)
 * - BEHAVIOUR: u8 domain, u8 access, u8 verdict, u8 novel, u32 flags, u32 pid, then the names
 *   program and key
 * - LOWERED: u8 domain, then the name why
 * - END: u8 outcome, u32 status, u64 ended_ns
 */
enum journal_record {
	JOURNAL_RUN = 1,
	JOURNAL_LOSS = 2,
	JOURNAL_BEHAVIOUR = 3,
	JOURNAL_END = 4,
	JOURNAL_LOWERED = 5,
};

enum journal_format {
	JOURNAL_VERSION = 3,
	JOURNAL_DOMAINS_ROOM = 8,
	JOURNAL_NAME_MAX = UINT16_MAX,
	RECORD_HEAD = 4 + 4 + 1,
	RECORD_CRC_START = 4 + 4,
	LOSS_PAYLOAD = 8 * JOURNAL_DOMAINS_ROOM,
	LOSS_RECORD = RECORD_HEAD + LOSS_PAYLOAD,
	BEHAVIOUR_FIXED = 4 + 4 + 4,
	END_PAYLOAD = 1 + 4 + 8,
	END_RECORD = RECORD_HEAD + END_PAYLOAD,
};

_Static_assert((int)DOMAINS <= (int)JOURNAL_DOMAINS_ROOM, "the format has room for all domains");

static inline void put_u16(char *to, uint16_t value)
{
	value = htole16(value);
	memcpy(to, &value, sizeof(value));
}

static inline void put_u32(char *to, uint32_t value)
{
	value = htole32(value);
	memcpy(to, &value, sizeof(value));
}

static inline void put_u64(char *to, uint64_t value)
{
	value = htole64(value);
	memcpy(to, &value, sizeof(value));
}

static inline uint16_t get_u16(const char *from)
{
	uint16_t value;

	memcpy(&value, from, sizeof(value));
	return le16toh(value);
}

static inline uint32_t get_u32(const char *from)
{
	uint32_t value;

	memcpy(&value, from, sizeof(value));
	return le32toh(value);
}

static inline uint64_t get_u64(const char *from)
{
	uint64_t value;

	memcpy(&value, from, sizeof(value));
	return le64toh(value);
}

#endif
