/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The end of a run. */
#include "mediator/end.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "mediator/process.h"

/* The runtime reaps the first process as soon as it has ended; one that does not costs this once.
 */
#define REAPED_WITHIN_MS 200

static void remove_journal(struct mediator *m)
{
	char path[sizeof(JOURNAL_DIRECTORY) + sizeof(m->journal_name)];

	snprintf(path, sizeof(path), JOURNAL_DIRECTORY "/%s", m->journal_name);
	unlinkat(m->setup->state_fd, path, 0);
}

void end_without_run(struct mediator *m)
{
	if (m->journal_fd >= 0)
		remove_journal(m);
	unlinkat(m->setup->runtime_fd, m->setup->run_key, 0);
}

static void keep_open(int fd)
{
	fcntl(fd, F_SETFD, 0);
}

_Noreturn void end_run(struct mediator *m, struct journal *journal)
{
	const struct mediator_setup *setup = m->setup;
	struct journal_end end;
	const char *arguments[6] = {"husk-merge"};
	char *environment[1] = {NULL};
	int n = 1;

	if (!m->wrapped || !watch_started(m->watch)) {
		watch_free(m->watch);
		event_sink_free(m->events);
		journal_abandon(journal);
		end_without_run(m);
		_exit(0);
	}
	end = process_end(m->init_fd, REAPED_WITHIN_MS);
	if (end.outcome == OUTCOME_KILLED && m->out_of_memory)
		end.outcome = OUTCOME_OOM;
	watch_free(m->watch);
	journal_close(journal, &end);
	keep_open(setup->run_fd);
	keep_open(m->journal_fd);
	if (setup->config_path) {
		arguments[n++] = "--config";
		arguments[n++] = setup->config_path;
	}
	arguments[n++] = m->journal_name;
	arguments[n++] = setup->run_key;
	event_sink_free(m->events);
	execve(setup->settings->merge_program, (char *const *)(uintptr_t)arguments, environment);
	/* The locks end with this process; poststop finds the run unmerged, tries again and tells.
	 */
	_exit(1);
}
