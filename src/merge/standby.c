/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "merge/standby.h"

#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "event/event.h"
#include "journal/run-file.h"
#include "merge/merge.h"

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22 /* Linux 5.14 */
#endif

enum { STORE_WAIT_MS = 20 }; /* a merge takes a millisecond, and poststop has more patience */

/* Of the program: ld(1). */
extern const char __executable_start, etext;

void standby_open(struct standby *standby)
{
	int ends[2];

	standby->word_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK | EFD_SEMAPHORE);
	if (standby->word_fd < 0 || pipe2(ends, O_CLOEXEC) < 0) {
		standby_close(standby);
		return;
	}
	standby->wait_fd = ends[0];
	standby->end_fd = ends[1];
}

void standby_close(struct standby *standby)
{
	cleanup_close_p(&standby->word_fd);
	cleanup_close_p(&standby->wait_fd);
	cleanup_close_p(&standby->end_fd);
}

static int compare(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

/* Keeps these descriptors, and the standard streams: of any other somebody may wait for the end. */
static void close_others(int *kept, size_t count)
{
	unsigned int from = STDERR_FILENO + 1;

	qsort(kept, count, sizeof(*kept), compare);
	for (size_t i = 0; i < count; i++) {
		if ((unsigned int)kept[i] > from)
			close_range(from, (unsigned int)kept[i] - 1, 0);
		from = (unsigned int)kept[i] + 1;
	}
	close_range(from, ~0U, 0);
}

/* The engine waits for the end of what it reads. */
static bool detach(void)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	prctl(PR_SET_NAME, "husk-merge");
	setsid();
	for (int fd = 0; fd < 3 && null >= 0; fd++) {
		if (dup2(null, fd) < 0)
			return false;
	}
	return null >= 0 && chdir("/") == 0;
}

/* Each page that is first touched at the end of the run is a fault there. */
static void map_program(void)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
	uintptr_t begin = (uintptr_t)&__executable_start & ~(page - 1);

	(void)madvise((void *)begin, (uintptr_t)&etext - begin, MADV_POPULATE_READ);
}

enum heard { NOTHING, WORD, END };

/* A word comes before the end. */
static enum heard hear(const struct standby *standby, int wait_ms)
{
	struct pollfd heard[] = {
		{.fd = standby->word_fd, .events = POLLIN},
		{.fd = standby->wait_fd, .events = POLLIN},
	};
	uint64_t words;

	if (poll(heard, 2, wait_ms) <= 0)
		return NOTHING;
	return read(standby->word_fd, &words, sizeof(words)) > 0 ? WORD : END;
}

/* Has the run ended meanwhile? */
static bool is_over(const struct standby *standby)
{
	struct pollfd end = {.fd = standby->wait_fd, .events = POLLIN};

	return poll(&end, 1, 0) > 0;
}

/* Mostly nobody waits for this process yet. What fails here fails again, and is told, where a run
 * has to wait for it. Returns the store, or NULL. */
static struct store *prepare(const struct settings *settings, int runtime_fd, int journals)
{
	struct store *store = NULL;

	run_file_sweep(runtime_fd, journals);
	(void)store_tidy(settings->state_directory, NULL);
	map_program();
	(void)store_open_ready(settings->state_directory, STORE_WAIT_MS, &store, NULL);
	return store;
}

/* Nothing is closed at the end but what somebody waits for: the kernel does it faster. */
static void stand_by(const struct standby *standby, const struct settings *settings, int runtime_fd,
		     int run_fd, const char *run_id)
{
	struct event_sink *events = NULL;
	struct store *store;
	bool late;
	int journals;

	if (hear(standby, STANDBY_START_MS) != WORD)
		return;
	journals = merge_open_journals(settings, NULL);
	if (journals < 0)
		return;
	/* A run that nothing can be told of is merged all the same. */
	event_sink_open(settings->event_file, settings->events_per_run, &events, NULL);
	store = prepare(settings, runtime_fd, journals);
	late = is_over(standby);
	if (store && !late)
		(void)merge_left_over(journals, store, settings, events, NULL);
	if (store && hear(standby, STANDBY_MS) == END &&
	    merge_run(journals, run_id, store, settings, events, NULL) == 0)
		(void)run_file_mark_merged(run_fd);
	close(run_fd); /* frees the lock before all that this process has mapped is taken down */
	if (store && late)
		(void)merge_left_over(journals, store, settings, events, NULL);
	event_sink_free(events);
}

/*
 * With a child that has ended, husk-hook's own end would be lost on crun 1.8: it waits for the
 * signal, which tells of the child that it inherits, and then for another one, until its time for
 * hooks is over.
 */
static void outlive(pid_t parent)
{
	struct pollfd end = {.fd = (int)syscall(SYS_pidfd_open, parent, 0), .events = POLLIN};

	if (end.fd >= 0 && getppid() == parent)
		(void)poll(&end, 1, -1);
}

void standby_start(struct standby *standby, const struct settings *settings, int runtime_fd,
		   int run_fd, const char *run_id)
{
	int kept[] = {standby->word_fd, standby->wait_fd, runtime_fd, run_fd};
	pid_t parent = getpid();

	if (standby->wait_fd >= 0 && fork() == 0) {
		close_others(kept, sizeof(kept) / sizeof(kept[0]));
		if (detach())
			stand_by(standby, settings, runtime_fd, run_fd, run_id);
		outlive(parent);
		_exit(EX_OK);
	}
	standby_close(standby);
}
