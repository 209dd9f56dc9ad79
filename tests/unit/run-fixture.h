/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Runs for tests: a temporary directory, and journals made by the real writer. */
#ifndef HUSK_TESTS_RUN_FIXTURE_H
#define HUSK_TESTS_RUN_FIXTURE_H

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "journal/journal.h"

#define SECOND INT64_C(1000000000)
#define START (INT64_C(1750000000) * SECOND)

#define READ_IMAGE(key_) FS(ACCESS_READ, key_, BEHAVIOUR_IMAGE, VERDICT_ALLOWED)
#define FS(access_, key_, flags_, verdict_)                  \
	{                                                    \
		.behaviour = {.domain = DOMAIN_FS,           \
			      .access = access_,             \
			      .program = "/usr/bin/python3", \
			      .key = key_,                   \
			      .flags = flags_},              \
		.verdict = verdict_, .novel = true, .pid = 7 \
	}
#define EXEC(key_, flags_, verdict_)                         \
	{                                                    \
		.behaviour = {.domain = DOMAIN_EXEC,         \
			      .access = ACCESS_EXEC,         \
			      .program = "/usr/bin/python3", \
			      .key = key_,                   \
			      .flags = flags_},              \
		.verdict = verdict_, .novel = true, .pid = 7 \
	}

struct test_run {
	int id;
	const char *function; /* NULL: "thumbnail" */
	const char *revision; /* NULL: "r1" */
	int64_t at_s;	      /* seconds after START; 0: the id */
	enum mode mode;	      /* of fs and exec; 0: learn */
	enum outcome outcome; /* 0: exited with 0; OUTCOME_LOST: no last record */
	int32_t status;
	uint64_t lost; /* file behaviours */
	uint64_t capabilities;
	uint32_t calls;
	const char *lowered; /* why net was; NULL: it was not */
	const struct journal_behaviour *seen;
	size_t count;
};

struct test_dir {
	char path[64];
	int fd;
};

static inline void test_dir_make(struct test_dir *dir)
{
	snprintf(dir->path, sizeof(dir->path), "/tmp/husk-test-XXXXXX");
	assert_non_null(mkdtemp(dir->path));
	dir->fd = open(dir->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(dir->fd >= 0);
}

static inline void test_dir_remove(struct test_dir *dir)
{
	close(dir->fd);
	assert_int_equal(remove_tree_at(AT_FDCWD, dir->path), 0);
}

/* Writes the journal of a run as the file `name` below `dirfd`. */
static inline void test_journal(int dirfd, const char *name, const struct test_run *run)
{
	struct journal_run head = {
		.function = run->function ? run->function : "thumbnail",
		.revision = run->revision ? run->revision : "r1",
		.identified_by = "annotation",
		.container = "c1",
		.capabilities = run->capabilities,
		.calls = run->calls,
	};
	struct journal_end end = {.outcome = run->outcome ? run->outcome : OUTCOME_EXITED,
				  .status = run->status};
	struct error err = ERROR_INIT;
	struct journal *journal;

	snprintf(head.id, sizeof(head.id), "%032x", (unsigned int)run->id);
	end.ended_ns = START + (run->at_s ? run->at_s : run->id) * SECOND;
	head.started_ns = end.ended_ns - SECOND / 2;
	head.modes[DOMAIN_FS] = run->mode ? run->mode : MODE_LEARN;
	head.modes[DOMAIN_EXEC] = head.modes[DOMAIN_FS];
	assert_int_equal(journal_create(dirfd, name, &head, &journal, &err), 0);
	for (size_t i = 0; i < run->count; i++)
		assert_int_equal(journal_put(journal, &run->seen[i]), 0);
	if (run->lowered)
		assert_int_equal(journal_lower(journal, DOMAIN_NET, run->lowered), 0);
	if (run->lost)
		journal_lose(journal, DOMAIN_FS, run->lost);
	if (run->outcome == OUTCOME_LOST)
		journal_abandon(journal);
	else
		journal_close(journal, &end);
}

#endif
