/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reading a journal. Whatever the bytes are, nothing outside of them is touched: a record is taken
 * only if its length fits into what is left, its checksum fits, and every field of it is in range.
 * Names are pointers into the bytes; their NULs are checked, and that there is no other.
 */
#include "journal/journal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"
#include "journal/format-internal.h"

struct journal_reader {
	const char *bytes;
	size_t len;
	bool mapped; /* `bytes` is a mapping of this reader's own */
	size_t at;   /* the next record */
	struct journal_run run;
	struct journal_end end;
	uint64_t lost[DOMAINS];
	const char *lowered[DOMAINS];
};

/* What is left of a payload. Every take fails where there is not enough, and all after it do. */
struct payload {
	const char *at;
	size_t left;
	bool broken;
};

static const char *take(struct payload *p, size_t len)
{
	const char *at = p->at;

	if (p->broken || len > p->left) {
		p->broken = true;
		return NULL;
	}
	p->at += len;
	p->left -= len;
	return at;
}

static uint8_t take_u8(struct payload *p)
{
	const char *at = take(p, 1);

	return at ? (uint8_t)*at : 0;
}

static uint16_t take_u16(struct payload *p)
{
	const char *at = take(p, 2);

	return at ? get_u16(at) : 0;
}

static uint32_t take_u32(struct payload *p)
{
	const char *at = take(p, 4);

	return at ? get_u32(at) : 0;
}

static uint64_t take_u64(struct payload *p)
{
	const char *at = take(p, 8);

	return at ? get_u64(at) : 0;
}

/* A number below `limit`. */
static uint8_t take_below(struct payload *p, uint8_t limit)
{
	uint8_t value = take_u8(p);

	if (value >= limit) {
		p->broken = true;
		return 0;
	}
	return value;
}

static const char *take_name(struct payload *p)
{
	size_t len = take_u16(p);
	const char *name = take(p, len + 1);

	if (!name || strnlen(name, len + 1) != len) {
		p->broken = true;
		return "";
	}
	return name;
}

/* Is the payload used up, and was nothing wrong? */
static bool is_whole(const struct payload *p)
{
	return !p->broken && p->left == 0;
}

/* The record at offset `at`. Returns its type and sets *ret to its payload, or 0 where none is
 * whole. */
static uint8_t record_at(const struct journal_reader *reader, size_t at, struct payload *ret)
{
	const char *record = reader->bytes + at;
	size_t left = reader->len - at;
	uint32_t len;

	if (left < RECORD_HEAD)
		return 0;
	len = get_u32(record);
	if (len > left - RECORD_HEAD)
		return 0;
	if (get_u32(record + 4) != crc32c(0, record + RECORD_CRC_START, 1 + (size_t)len))
		return 0;
	*ret = (struct payload){record + RECORD_HEAD, len, false};
	return (uint8_t)record[RECORD_CRC_START];
}

static bool read_run(struct journal_reader *reader)
{
	struct journal_run *run = &reader->run;
	struct payload p;
	const char *id;

	if (record_at(reader, 0, &p) != JOURNAL_RUN || take_u32(&p) != JOURNAL_VERSION)
		return false;
	reader->at = RECORD_HEAD + 4 + p.left;
	run->started_ns = (int64_t)take_u64(&p);
	run->policy_serial = take_u64(&p);
	run->capabilities = take_u64(&p);
	run->calls = take_u32(&p);
	run->trusted = take_below(&p, 2);
	for (size_t i = 0; i < DOMAINS; i++)
		run->modes[i] = (enum mode)take_below(&p, MODES);
	take(&p, JOURNAL_DOMAINS_ROOM - DOMAINS);
	id = take_name(&p);
	run->function = take_name(&p);
	run->revision = take_name(&p);
	run->identified_by = take_name(&p);
	run->container = take_name(&p);
	return is_whole(&p) && text_is_name(id, JOURNAL_ID_ROOM - 1) &&
	       text_copy(run->id, sizeof(run->id), id);
}

/* Losses only grow, so of two records that are whole the larger number is the later one. */
static void read_losses(struct journal_reader *reader)
{
	for (int i = 0; i < 2; i++) {
		struct payload p;

		if (reader->len - reader->at < LOSS_RECORD) {
			reader->at = reader->len;
			return;
		}
		if (record_at(reader, reader->at, &p) == JOURNAL_LOSS && p.left == LOSS_PAYLOAD) {
			for (size_t d = 0; d < DOMAINS; d++) {
				uint64_t lost = take_u64(&p);

				if (lost > reader->lost[d])
					reader->lost[d] = lost;
			}
		}
		reader->at += LOSS_RECORD;
	}
}

int journal_reader_over(const void *bytes, size_t len, struct journal_reader **ret,
			struct error *err)
{
	cleanup_journal_reader struct journal_reader *reader = calloc(1, sizeof(*reader));

	if (!reader)
		return error_set(err, ENOMEM, "cannot read the journal");
	reader->bytes = bytes;
	reader->len = len;
	reader->end = (struct journal_end){.outcome = OUTCOME_LOST};
	if (!read_run(reader))
		return error_say(err, EPROTO,
				 "the journal does not begin with a whole record of "
				 "this version");
	read_losses(reader);
	*ret = steal_ptr(&reader);
	return 0;
}

int journal_reader_open(int dirfd, const char *name, struct journal_reader **ret, struct error *err)
{
	const void *bytes;
	size_t len;
	int r = map_file_at(dirfd, name, 1, JOURNAL_BYTES_MAX, &bytes, &len);

	if (r == -EPROTO)
		return error_say(err, EPROTO, "'%s' is no journal", name);
	if (r < 0)
		return error_set(err, -r, "cannot open the journal '%s'", name);
	r = journal_reader_over(bytes, len, ret, err);
	if (r < 0) {
		munmap((void *)(uintptr_t)bytes, len);
		error_wrap(err, "'%s'", name);
		return r;
	}
	(*ret)->mapped = true;
	return 0;
}

void journal_reader_free(struct journal_reader *reader)
{
	if (!reader)
		return;
	if (reader->mapped)
		munmap((void *)(uintptr_t)reader->bytes, reader->len);
	free(reader);
}

void journal_reader_free_p(struct journal_reader **reader)
{
	int saved = errno;

	journal_reader_free(*reader);
	*reader = NULL;
	errno = saved;
}

const struct journal_run *journal_reader_run(const struct journal_reader *reader)
{
	return &reader->run;
}

static bool read_behaviour(struct payload *p, struct journal_behaviour *ret)
{
	struct journal_behaviour b = {0};

	b.behaviour.domain = (enum domain)take_below(p, DOMAINS);
	b.behaviour.access = (enum access)take_below(p, ACCESSES);
	b.verdict = (enum verdict)take_below(p, VERDICTS);
	b.novel = take_below(p, 2);
	b.behaviour.flags = take_u32(p);
	b.pid = (int32_t)take_u32(p);
	b.behaviour.program = take_name(p);
	b.behaviour.key = take_name(p);
	if (!is_whole(p))
		return false;
	*ret = b;
	return true;
}

static void read_end(struct payload *p, struct journal_end *ret)
{
	struct journal_end end;

	end.outcome = (enum outcome)take_below(p, OUTCOMES);
	end.status = (int32_t)take_u32(p);
	end.ended_ns = (int64_t)take_u64(p);
	if (is_whole(p))
		*ret = end;
}

static void read_lowered(struct journal_reader *reader, struct payload p)
{
	uint8_t domain = take_below(&p, DOMAINS);
	const char *why = take_name(&p);

	if (is_whole(&p))
		reader->lowered[domain] = why;
}

int journal_reader_next(struct journal_reader *reader, struct journal_behaviour *ret)
{
	for (;;) {
		struct payload p;
		uint8_t type = record_at(reader, reader->at, &p);

		if (type == JOURNAL_BEHAVIOUR && read_behaviour(&p, ret)) {
			reader->at = (size_t)(p.at - reader->bytes);
			return 1;
		}
		if (type == JOURNAL_END)
			read_end(&p, &reader->end);
		if (type == JOURNAL_LOWERED)
			read_lowered(reader, p);
		if (type == 0 || type == JOURNAL_BEHAVIOUR || type == JOURNAL_END) {
			reader->at = reader->len;
			return 0;
		}
		reader->at = (size_t)(p.at - reader->bytes) + p.left;
	}
}

struct journal_end journal_reader_end(const struct journal_reader *reader)
{
	return reader->end;
}

uint64_t journal_reader_lost(const struct journal_reader *reader, enum domain domain)
{
	return (unsigned int)domain < DOMAINS ? reader->lost[domain] : 0;
}

const char *journal_reader_lowered(const struct journal_reader *reader, enum domain domain)
{
	return (unsigned int)domain < DOMAINS ? reader->lowered[domain] : NULL;
}
