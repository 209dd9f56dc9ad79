/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Writing a journal. The whole range that a journal may ever take is mapped at the start, so that
 * growing never moves what is there; only what has room on the disk is touched, since a store
 * behind the end of the file, or into a hole of it where the disk is full, would be a SIGBUS. The
 * invariant that makes closing safe: from the end of what was written to the end of that room there
 * is always enough of it for the last record.
 *
 * Room is made by writing zeros. That reserves it as fallocate(2) does, but file systems choose the
 * blocks later, so that a journal that is merged within some seconds never has any: giving those
 * back costs more than all else that is done with the file.
 *
 * Where a file system writes nothing in place, as btrfs, no room stays reserved. There the mapping
 * is memory of the process's own, and each record is written to the file, which takes longer, but
 * tells of a full disk by an error.
 *
 * A record is complete in memory before its length is stored. A writer that is killed in between
 * leaves zeros or a checksum that does not fit, and both end the reading.
 */
#include "journal/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "journal/format-internal.h"

struct journal {
	int fd;
	char *map;   /* JOURNAL_BYTES_MAX of address space */
	bool apart;  /* which is not the file: see above */
	size_t size; /* has room: may be written to */
	size_t used;
	size_t losses;	   /* offset of the two records */
	unsigned int turn; /* which of them is written next */
	uint64_t lost[JOURNAL_DOMAINS_ROOM];
};

static size_t name_size(size_t len)
{
	return 2 + len + 1;
}

static char *put_name(char *to, const char *name, size_t len)
{
	put_u16(to, (uint16_t)len);
	memcpy(to + 2, name, len);
	to[2 + len] = '\0';
	return to + name_size(len);
}

/* Completes the record whose payload of `len` bytes is in place. */
static void seal(char *record, enum journal_record type, size_t len)
{
	record[RECORD_CRC_START] = (char)type;
	put_u32(record + 4, crc32c(0, record + RECORD_CRC_START, 1 + len));
	__atomic_signal_fence(__ATOMIC_RELEASE);
	put_u32(record, (uint32_t)len);
}

static int write_at(int fd, const char *bytes, size_t len, size_t at)
{
	while (len > 0) {
		ssize_t n = pwrite(fd, bytes, len, (off_t)at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		bytes += n;
		at += (size_t)n;
		len -= (size_t)n;
	}
	return 0;
}

/* Brings what was written to the mapping into the file. */
static int put_out(const struct journal *journal, size_t at, size_t len)
{
	return journal->apart ? write_at(journal->fd, journal->map + at, len, at) : 0;
}

static int grow(struct journal *journal)
{
	static const char zeros[4096];
	size_t end = journal->size + JOURNAL_STEP_BYTES;
	int r = 0;

	if (end > JOURNAL_BYTES_MAX)
		return -EFBIG;
	for (size_t at = journal->size; at < end && r == 0; at += sizeof(zeros))
		r = write_at(journal->fd, zeros, sizeof(zeros), at);
	if (r == 0)
		journal->size = end;
	return r;
}

/* Makes room for a record of `len` payload bytes and the last record behind it. */
static int make_room(struct journal *journal, size_t len)
{
	while (journal->size - journal->used < RECORD_HEAD + len + END_RECORD) {
		int r = grow(journal);

		if (r < 0)
			return r;
	}
	return 0;
}

static void write_losses(struct journal *journal)
{
	char *record = journal->map + journal->losses + (size_t)journal->turn * LOSS_RECORD;

	for (size_t i = 0; i < JOURNAL_DOMAINS_ROOM; i++)
		put_u64(record + RECORD_HEAD + 8 * i, journal->lost[i]);
	seal(record, JOURNAL_LOSS, LOSS_PAYLOAD);
	/* The other record must not be touched before this one is whole. */
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	if (put_out(journal, (size_t)(record - journal->map), LOSS_RECORD) == 0)
		journal->turn = !journal->turn;
}

/* The record of `len` payload bytes that is next is whole. Returns 0 or -errno: it is not kept. */
static int append(struct journal *journal, enum journal_record type, size_t len)
{
	char *record = journal->map + journal->used;
	int r;

	seal(record, type, len);
	r = put_out(journal, journal->used, RECORD_HEAD + len);
	if (r < 0)
		memset(record, 0, RECORD_HEAD + len);
	else
		journal->used += RECORD_HEAD + len;
	return r;
}

/* Where the modes stand in the payload of the first record. */
#define RUN_MODES 33

static int write_run(struct journal *journal, const struct journal_run *run)
{
	const char *names[] = {run->id, run->function, run->revision, run->identified_by,
			       run->container};
	size_t len = 4 + 8 + 8 + 8 + 4 + 1 + JOURNAL_DOMAINS_ROOM;
	char *record = journal->map, *at = record + RECORD_HEAD;
	int r;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		size_t name_len = strlen(names[i]);

		if (name_len > JOURNAL_NAME_MAX)
			return -EFBIG;
		len += name_size(name_len);
	}
	r = make_room(journal, len + 2 * (size_t)LOSS_RECORD);
	if (r < 0)
		return r;
	put_u32(at, JOURNAL_VERSION);
	put_u64(at + 4, (uint64_t)run->started_ns);
	put_u64(at + 12, run->policy_serial);
	put_u64(at + 20, run->capabilities);
	put_u32(at + 28, run->calls);
	at[32] = (char)run->trusted;
	for (size_t i = 0; i < DOMAINS; i++)
		at[RUN_MODES + i] = (char)run->modes[i];
	at += RUN_MODES + JOURNAL_DOMAINS_ROOM;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		at = put_name(at, names[i], strlen(names[i]));
	r = append(journal, JOURNAL_RUN, len);
	if (r < 0)
		return r;
	journal->losses = journal->used;
	write_losses(journal);
	write_losses(journal);
	journal->used += 2 * (size_t)LOSS_RECORD;
	return 0;
}

static int check_run(const struct journal_run *run)
{
	if (!memchr(run->id, '\0', sizeof(run->id)) || !text_is_name(run->id, sizeof(run->id) - 1))
		return -EINVAL;
	for (size_t i = 0; i < DOMAINS; i++) {
		if ((unsigned int)run->modes[i] >= MODES)
			return -EINVAL;
	}
	return 0;
}

/* Does a page that was written once keep its room when it is written again? */
static bool is_written_in_place(int fd)
{
	struct statfs fs;

	return fstatfs(fd, &fs) == 0 && (fs.f_type == EXT4_SUPER_MAGIC ||
					 fs.f_type == XFS_SUPER_MAGIC || fs.f_type == TMPFS_MAGIC);
}

int journal_create(int dirfd, const char *name, const struct journal_run *run, struct journal **ret,
		   struct error *err)
{
	struct journal *journal;
	int r = check_run(run);

	if (r < 0)
		return error_set(err, -r, "cannot describe the run in the journal '%s'", name);
	journal = calloc(1, sizeof(*journal));
	if (!journal)
		return error_set(err, ENOMEM, "cannot create the journal '%s'", name);
	journal->fd = openat(dirfd, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (journal->fd < 0) {
		r = error_set(err, errno, "cannot create the journal '%s'", name);
		free(journal);
		return r;
	}
	journal->apart = !is_written_in_place(journal->fd);
	journal->map =
		mmap(NULL, JOURNAL_BYTES_MAX, PROT_READ | PROT_WRITE,
		     journal->apart ? MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE : MAP_SHARED,
		     journal->apart ? -1 : journal->fd, 0);
	if (journal->map == MAP_FAILED) {
		r = -errno;
		journal->map = NULL;
	} else {
		r = write_run(journal, run);
	}
	if (r < 0) {
		unlinkat(dirfd, name, 0);
		journal_abandon(journal);
		return error_set(err, -r, "cannot write the journal '%s'", name);
	}
	*ret = journal;
	return 0;
}

/* A record that a reader would not take would end the reading: such a one is never written. */
static bool is_in_range(const struct journal_behaviour *b)
{
	return (unsigned int)b->behaviour.domain < DOMAINS &&
	       (unsigned int)b->behaviour.access < ACCESSES && (unsigned int)b->verdict < VERDICTS;
}

int journal_put(struct journal *journal, const struct journal_behaviour *b)
{
	size_t program_len = strlen(b->behaviour.program), key_len = strlen(b->behaviour.key);
	size_t len = BEHAVIOUR_FIXED + name_size(program_len) + name_size(key_len);
	char *record, *at;
	int r = -EFBIG;

	if (!is_in_range(b))
		return -EINVAL;
	if (program_len <= JOURNAL_NAME_MAX && key_len <= JOURNAL_NAME_MAX)
		r = make_room(journal, len);
	if (r < 0) {
		journal_lose(journal, b->behaviour.domain, 1);
		return r;
	}
	record = journal->map + journal->used;
	at = record + RECORD_HEAD;
	at[0] = (char)b->behaviour.domain;
	at[1] = (char)b->behaviour.access;
	at[2] = (char)b->verdict;
	at[3] = (char)b->novel;
	put_u32(at + 4, b->behaviour.flags);
	put_u32(at + 8, (uint32_t)b->pid);
	at = put_name(at + BEHAVIOUR_FIXED, b->behaviour.program, program_len);
	put_name(at, b->behaviour.key, key_len);
	r = append(journal, JOURNAL_BEHAVIOUR, len);
	if (r < 0)
		journal_lose(journal, b->behaviour.domain, 1);
	return r;
}

int journal_lower(struct journal *journal, enum domain domain, const char *why)
{
	size_t len = strlen(why);
	char *record;
	int r;

	if ((unsigned int)domain >= DOMAINS)
		return -EINVAL;
	if (len > JOURNAL_NAME_MAX)
		return -EFBIG;
	r = make_room(journal, 1 + name_size(len));
	if (r < 0)
		return r;
	record = journal->map + journal->used;
	record[RECORD_HEAD] = (char)domain;
	put_name(record + RECORD_HEAD + 1, why, len);
	return append(journal, JOURNAL_LOWERED, 1 + name_size(len));
}

void journal_lose(struct journal *journal, enum domain domain, uint64_t count)
{
	if ((unsigned int)domain >= DOMAINS || count == 0)
		return;
	if (__builtin_add_overflow(journal->lost[domain], count, &journal->lost[domain]))
		journal->lost[domain] = UINT64_MAX;
	write_losses(journal);
}

void journal_set_modes(struct journal *journal, const enum mode modes[DOMAINS])
{
	char *at = journal->map + RECORD_HEAD + RUN_MODES;
	bool same = true;

	for (size_t i = 0; i < DOMAINS; i++) {
		same = same && at[i] == (char)modes[i];
		at[i] = (char)modes[i];
	}
	if (same)
		return;
	seal(journal->map, JOURNAL_RUN, journal->losses - RECORD_HEAD);
	(void)put_out(journal, 0, journal->losses);
}

void journal_close(struct journal *journal, const struct journal_end *end)
{
	char *record = journal->map + journal->used;

	record[RECORD_HEAD] = (char)end->outcome;
	put_u32(record + RECORD_HEAD + 1, (uint32_t)end->status);
	put_u64(record + RECORD_HEAD + 5, (uint64_t)end->ended_ns);
	(void)append(journal, JOURNAL_END, END_PAYLOAD);
	journal_abandon(journal);
}

void journal_abandon(struct journal *journal)
{
	if (!journal)
		return;
	if (journal->map)
		munmap(journal->map, JOURNAL_BYTES_MAX);
	close(journal->fd);
	free(journal);
}
