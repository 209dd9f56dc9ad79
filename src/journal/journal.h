/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUSK_JOURNAL_JOURNAL_H
#define HUSK_JOURNAL_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "policy/behaviour.h"

/*
 * The journal of one run: an append-only file of checksummed records, written by the mediator (and
 * only by it) through a shared mapping, so that everything recorded survives a kill -9 of the
 * writer without a system call a record. It is never synced: a power loss ends the run too, and
 * costs at most what that run, and runs that the store has not taken yet, had shown.
 *
 * Record: u32 length of the payload, u32 CRC-32C of type and payload, u8 type, payload; little
 * endian, unaligned. The first record is JOURNAL_RUN and names the format's version; behind it
 * stand two records of losses, which are the only ones that are ever written again: in turns, so
 * that one of them is whole whenever the writer dies. The file grows in whole steps of zeros that
 * are written, so that a full disk is an answer and not a signal; they follow the last record.
 * Reading ends at the first record that is not whole (the two of losses apart): that is the
 * end of what is known, not an error. Whole records of a type that the reader does not know are
 * passed over. The exact bytes stand in format-internal.h.
 */
/* Where journals lie: STATE/journals/RUN-ID.journal, locked (flock(2)) as long as they have a
 * writer. */
#define JOURNAL_DIRECTORY "journals"
#define JOURNAL_SUFFIX ".journal"

#define JOURNAL_ID_ROOM 33 /* 128 random bits in lower-case hexadecimal, and a NUL */

/* What is known of a run when it starts. Strings are borrowed by the writer, owned by the reader.
 */
struct journal_run {
	char id[JOURNAL_ID_ROOM];
	const char *function; /* "" while unidentified */
	const char *revision;
	const char *identified_by; /* "annotation", "detector NAME", "local", "" */
	const char *container;	   /* the engine's container id */
	int64_t started_ns;	   /* clock_wall_ns() */
	uint64_t policy_serial;	   /* 0: there was no policy */
	enum mode modes[DOMAINS];
	uint64_t capabilities; /* what the engine gave at most: bits of policy/capability.h */
	/* ... and how many system calls it let through, whatever their arguments; CALLS_ALL of
	 * policy/calls.h: it had no filter. */
	uint32_t calls;
	bool trusted; /* `husk run --trusted`, or the operator's annotation */
};

/* One behaviour as it was seen, once per run and verdict. */
struct journal_behaviour {
	struct behaviour behaviour;
	enum verdict verdict;
	bool novel;
	int32_t pid; /* in the host's pid namespace, 0 if unknown */
};

struct journal_end {
	enum outcome outcome;
	int32_t status;	  /* exit status or signal number */
	int64_t ended_ns; /* clock_wall_ns() */
};

enum journal_limits {
	JOURNAL_STEP_BYTES = 16 * 1024,
	/* Beyond it, behaviours are counted as lost: as much as the store keeps of a revision. */
	JOURNAL_BYTES_MAX = 8 * 1024 * 1024,
};

/* ---- writing ---- */

struct journal;

/* Creates the file `name` below `dirfd` (it must not exist), mode 0600, and writes the first
 * record. Returns 0 or -errno with no file left: -ENOSPC where not even the first step fits,
 * -EINVAL where the id is none (1 to 32 bytes of text_is_name()) or a mode is out of range, -EFBIG
 * for a string over 64 KiB. */
int journal_create(int dirfd, const char *name, const struct journal_run *run, struct journal **ret,
		   struct error *err);

/*
 * Appends. Returns 0, or -ENOSPC (no room on the disk), -EFBIG (a string over 64 KiB, or the
 * journal over JOURNAL_BYTES_MAX), other -errno of pwrite(2); then the loss is counted in the
 * journal itself. -EINVAL for a number out of range, which
 * counts nothing. System calls only once in JOURNAL_STEP_BYTES.
 */
int journal_put(struct journal *journal, const struct journal_behaviour *b);

/* Counts `count` behaviours of `domain` that were not recorded (a full table, a dropped queue). */
void journal_lose(struct journal *journal, enum domain domain, uint64_t count);

/* Replaces the modes that the run was described with: what they come to is known a little after the
 * journal has to be there. */
void journal_set_modes(struct journal *journal, const enum mode modes[DOMAINS]);

/* Says why this domain is not watched or enforced as it should be, or what that costs; the last
 * word counts. Returns 0 or -errno as journal_put() does, but nothing is counted as lost. */
int journal_lower(struct journal *journal, enum domain domain, const char *why);

/* Writes the last record, for which room is always kept, and frees the writer. Does not sync, nor
 * cut off the zeros behind it: the file is removed as soon as it is merged. */
void journal_close(struct journal *journal, const struct journal_end *end);

/* Frees the writer, leaving the file as a dead writer would. Takes NULL. */
void journal_abandon(struct journal *journal);

/* ---- reading ---- */

struct journal_reader;

#define cleanup_journal_reader __attribute__((cleanup(journal_reader_free_p)))

/* Maps the file and checks its first record. *ret is freed by the caller. -EPROTO: no journal, or
 * not even its first record is whole, or of another version. The file must not be cut meanwhile. */
int journal_reader_open(int dirfd, const char *name, struct journal_reader **ret,
			struct error *err);
/* The same over bytes in memory that outlive the reader. For tests and the fuzzer. */
int journal_reader_over(const void *bytes, size_t len, struct journal_reader **ret,
			struct error *err);
void journal_reader_free(struct journal_reader *reader);
void journal_reader_free_p(struct journal_reader **reader);

const struct journal_run *journal_reader_run(const struct journal_reader *reader);

/* The next behaviour. Returns 1 with *ret set (strings valid until the reader is freed), 0 at the
 * end. */
int journal_reader_next(struct journal_reader *reader, struct journal_behaviour *ret);

/* After the last behaviour: the end (OUTCOME_LOST where there was no last record), what was lost,
 * and what journal_lower() said last of a domain, or NULL; that is valid until the reader is freed.
 */
struct journal_end journal_reader_end(const struct journal_reader *reader);
uint64_t journal_reader_lost(const struct journal_reader *reader, enum domain domain);
const char *journal_reader_lowered(const struct journal_reader *reader, enum domain domain);

#endif
