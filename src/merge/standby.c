/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "merge/standby.h"

#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "event/event.h"
#include "journal/run-file.h"
#include "merge/merge.h"

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22 /* Linux 5.14 */
#endif

/* Of the program: ld(1). */
extern const char __executable_start, etext;

void standby_open(struct standby *standby)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return;
	standby->wait_fd = ends[0];
	standby->tell_fd = ends[1];
}

void standby_close(struct standby *standby)
{
	cleanup_close_p(&standby->wait_fd);
	cleanup_close_p(&standby->tell_fd);
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

/* Returns whether there is a run to merge now. */
static bool wait_for_end(int wait_fd)
{
	struct pollfd end = {.fd = wait_fd, .events = POLLIN};
	char word;

	return poll(&end, 1, STANDBY_MS) == 1 && read(wait_fd, &word, 1) == 0;
}

/* Nobody waits for this process yet. What fails here fails again, and is told, where a run has to
 * wait for it. */
static void prepare(const struct settings *settings, int runtime_fd, int journals)
{
	run_file_sweep(runtime_fd, journals);
	(void)store_tidy(settings->state_directory, NULL);
	map_program();
}

static void stand_by(const struct standby *standby, const struct settings *settings, int runtime_fd,
		     int run_fd, const char *run_id)
{
	cleanup_close int journals = merge_open_journals(settings, NULL);
	struct event_sink *events = NULL;

	if (journals < 0)
		return;
	/* A run that nothing can be told of is merged all the same. */
	event_sink_open(settings->event_file, settings->events_per_run, &events, NULL);
	prepare(settings, runtime_fd, journals);
	(void)merge_left_over(journals, true, settings, events, NULL);
	if (wait_for_end(standby->wait_fd) &&
	    merge_run(journals, run_id, true, settings, events, NULL) == 0)
		(void)run_file_mark_merged(run_fd);
	close(run_fd); /* frees the lock before all that this process has mapped is taken down */
	event_sink_free(events);
}

void standby_start(struct standby *standby, const struct settings *settings, int runtime_fd,
		   int run_fd, const char *run_id)
{
	cleanup_close_p(&standby->tell_fd);
	if (standby->wait_fd >= 0 && fork() == 0) {
		if (detach())
			stand_by(standby, settings, runtime_fd, run_fd, run_id);
		_exit(EX_OK);
	}
	standby_close(standby);
}
