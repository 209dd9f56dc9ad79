/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Taking in journals. A journal is removed as soon as the store has committed it: a policy that
 * could not be brought up to date stays marked as stale in the store, and the next run of the
 * function tries again. What fails before leaves the journal for a later run, unless the journal
 * itself is why: it is put aside, since it would fail for ever. Merging one twice changes nothing.
 */
#include "merge/merge.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "journal/journal.h"

enum {
	LEFT_OVER_MAX = 32, /* journals of earlier runs that one run's end has to pay for */
	AT_ONCE_MS = 20,    /* the merge of a run takes a millisecond */
};

/* Younger ones may not have been locked by their writer yet. */
#define LEFT_OVER_AGE_NS INT64_C(1000000000)

static void tell(struct event_sink *events, enum event_kind kind, const struct journal_run *run,
		 const char *detail)
{
	struct event event = EVENT(kind);

	if (run) {
		event.function = run->function;
		event.revision = run->revision;
		event.run = run->id;
		event.container = run->container;
	}
	event.detail = detail;
	event_emit(events, &event);
}

static void tell_failure(struct event_sink *events, const struct journal_run *run, const char *what,
			 const struct error *err)
{
	char detail[sizeof(err->what) + sizeof(err->hint) + NAME_MAX + 80];

	snprintf(detail, sizeof(detail), "%s: %s%s%s", what, err->what, err->hint[0] ? "; " : "",
		 err->hint);
	tell(events, EVENT_DEGRADED, run, detail);
}

/* *err says what is wrong with the journal; with success nothing is wrong any more. */
static int put_aside(int run_fd, const char *name, const struct journal_run *run,
		     struct event_sink *events, struct error *err)
{
	char aside[NAME_MAX + 1], what[NAME_MAX + 64];
	int len = snprintf(aside, sizeof(aside), "%s.damaged", name);

	if (len < 0 || (size_t)len >= sizeof(aside))
		return error_set(err, ENAMETOOLONG, "cannot keep the damaged journal '%s'", name);
	if (renameat(run_fd, name, run_fd, aside) < 0)
		return error_set(err, errno, "cannot keep the damaged journal '%s'", name);
	snprintf(what, sizeof(what), "a journal is damaged and was kept as '%s'", aside);
	tell_failure(events, run, what, err);
	*err = ERROR_INIT;
	return 0;
}

static int remove_journal(int run_fd, const char *name, struct error *err)
{
	if (unlinkat(run_fd, name, 0) < 0)
		return error_set(err, errno, "cannot remove the journal '%s'", name);
	return 0;
}

/* Did merging fail for what the journal holds, so that it would fail again? Not where the store did
 * (store.c has its numbers). */
static bool is_of_the_journal(int r)
{
	return r == -EPROTO || r == -EINVAL || r == -EFBIG || r == -ENAMETOOLONG;
}

static int refresh(struct store *store, const struct journal_run *run,
		   const struct settings *settings, struct event_sink *events, struct error *err)
{
	int r = merge_refresh(store, settings, run->function, run->revision, events, err);

	if (r < 0)
		tell_failure(events, run, "the run is merged, but its policy is not up to date",
			     err);
	return r;
}

static int take_in(int run_fd, const char *name, struct journal_reader *journal,
		   struct store *ready, const struct settings *settings, struct event_sink *events,
		   struct error *err)
{
	const struct journal_run *run = journal_reader_run(journal);
	/* Half of what poststop waits: it is to see that the journal was kept. */
	unsigned int wait_ms = (unsigned int)(settings->poststop_wait_ms / 2);
	cleanup_store struct store *own = NULL;
	int r = ready ? 0 : store_open_alone(settings->state_directory, wait_ms, &own, err);
	struct store *store = ready ? ready : own;
	int merged = STORE_MERGED;

	if (ready)
		store_set_wait(store, AT_ONCE_MS);
	if (r == 0) {
		merged = store_merge_run(store, journal, err);
		if (is_of_the_journal(merged))
			return put_aside(run_fd, name, run, events, err);
		r = merged < 0 ? merged : remove_journal(run_fd, name, err);
	}
	if (r < 0) {
		if (!ready)
			tell_failure(events, run, "the run is not merged yet", err);
		return r;
	}
	if (merged == STORE_MERGED_FULL)
		tell(events, EVENT_DEGRADED, run,
		     "the profile is full: some of what was new in this run is not kept");
	if (merged != STORE_MERGED_BEFORE && journal_reader_end(journal).outcome == OUTCOME_LOST)
		tell(events, EVENT_RECOVERED, run,
		     "the process beside the container died; what it had recorded was merged");
	/* Nobody comes for that: others' policies are waited for, which take some fsyncs. */
	store_set_wait(store, wait_ms);
	return refresh(store, run, settings, events, err);
}

static int merge_named(int run_fd, const char *name, struct store *ready,
		       const struct settings *settings, struct event_sink *events,
		       struct error *err)
{
	cleanup_journal_reader struct journal_reader *journal = NULL;
	struct error own = ERROR_INIT;
	int r;

	if (!err)
		err = &own;
	r = journal_reader_open(run_fd, name, &journal, err);
	if (r == 0 && journal_reader_run(journal)->function[0] != '\0')
		return take_in(run_fd, name, journal, ready, settings, events, err);
	if (r == -EPROTO)
		r = put_aside(run_fd, name, NULL, events, err);
	else if (r == 0)
		/* Of no known function: its events were written while it ran, and nothing can be
		 * learned. */
		r = remove_journal(run_fd, name, err);
	if (r < 0 && r != -ENOENT && !ready)
		tell_failure(events, NULL, "the run is not merged yet", err);
	return r;
}

/* Returns a descriptor that holds the lock, -ENOENT where there is no journal, or another -errno.
 */
static int lock_journal(int journals, const char *name, int how, struct error *err)
{
	cleanup_close int fd =
		openat(journals, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	if (fd >= 0 && flock(fd, how) == 0)
		return steal_fd(&fd);
	if (fd >= 0 && errno == EWOULDBLOCK)
		return error_say(err, EBUSY,
				 "the journal '%s' belongs to a run or to a merge that goes on",
				 name);
	return error_set(err, errno, "cannot %s the journal '%s'", fd < 0 ? "open" : "lock", name);
}

int merge_journal(int journals, const char *name, const struct settings *settings,
		  struct event_sink *events, struct error *err)
{
	cleanup_close int lock = lock_journal(journals, name, LOCK_EX | LOCK_NB, err);

	return lock < 0 ? lock : merge_named(journals, name, NULL, settings, events, err);
}

int merge_run(int journals, const char *run_id, struct store *ready,
	      const struct settings *settings, struct event_sink *events, struct error *err)
{
	char name[JOURNAL_ID_ROOM + sizeof(JOURNAL_SUFFIX)];
	cleanup_close int lock = -1;
	int r;

	snprintf(name, sizeof(name), "%s" JOURNAL_SUFFIX, run_id);
	lock = lock_journal(journals, name, ready ? LOCK_EX | LOCK_NB : LOCK_EX, err);
	r = lock < 0 ? lock : merge_named(journals, name, ready, settings, events, err);
	if (r == -ENOENT && err)
		*err = ERROR_INIT;
	return r == -ENOENT ? 0 : r;
}

/* ---- what earlier runs left ---- */

static bool is_journal(const char *name)
{
	size_t len = strlen(name), suffix = strlen(JOURNAL_SUFFIX);

	return len > suffix && strcmp(name + len - suffix, JOURNAL_SUFFIX) == 0;
}

static bool is_young(const struct stat *st)
{
	return clock_wall_ns() - (st->st_mtim.tv_sec * INT64_C(1000000000) + st->st_mtim.tv_nsec) <
	       LEFT_OVER_AGE_NS;
}

/* Locks the journal if nobody else has, or will have in a moment: a young one is not touched, since
 * who has closed it locks it again to merge it. Returns a descriptor that holds the lock, or -1. */
static int lock_left_over(int dirfd, const char *name)
{
	cleanup_close int fd = openat(dirfd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 || is_young(&st) || flock(fd, LOCK_EX | LOCK_NB) < 0)
		return -1;
	/* Without a link it was merged by whoever had the lock before. */
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_nlink == 0 || is_young(&st))
		return -1;
	return steal_fd(&fd);
}

/* Failures that the next journal would only meet again. */
static bool is_of_the_store(int r)
{
	return r == -EBUSY || r == -ENOSPC || r == -EDQUOT || r == -EROFS || r == -EBADMSG ||
	       r == -EIO;
}

int merge_left_over(int journals, struct store *ready, const struct settings *settings,
		    struct event_sink *events, struct error *err)
{
	cleanup_dir DIR *dir = NULL;
	struct error later = ERROR_INIT;
	struct dirent *entry;
	int r = 0, merged = 0, copy;

	copy = openat(journals, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	dir = copy < 0 ? NULL : fdopendir(copy);
	if (!dir) {
		r = error_set(err, errno, "cannot read '%s'", JOURNAL_DIRECTORY);
		if (copy >= 0)
			close(copy);
		return r;
	}
	while (merged < LEFT_OVER_MAX && !is_of_the_store(r) && (entry = readdir(dir))) {
		cleanup_close int lock =
			is_journal(entry->d_name) ? lock_left_over(journals, entry->d_name) : -1;
		int one;

		if (lock < 0)
			continue;
		one = merge_named(journals, entry->d_name, ready, settings, events,
				  r == 0 ? err : &later);
		if (one < 0 && r == 0)
			r = one;
		merged++;
	}
	return r;
}

int merge_open_journals(const struct settings *settings, struct error *err)
{
	char path[PATH_MAX];
	int len =
		snprintf(path, sizeof(path), "%s/%s", settings->state_directory, JOURNAL_DIRECTORY);
	int fd;

	if (len < 0 || (size_t)len >= sizeof(path))
		return error_set(err, ENAMETOOLONG, "cannot open '%s' in '%s'", JOURNAL_DIRECTORY,
				 settings->state_directory);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? error_set(err, errno, "cannot open '%s'", path) : fd;
}
