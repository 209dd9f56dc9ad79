/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The end of a run. */
#include "mediator/end.h"

#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include "base/buf.h"
#include "mediator/cgroup.h"
#include "mediator/network.h"
#include "process/process.h"

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

/* No poststop will come for this run any more. */
static _Noreturn void become_merge(const struct mediator *m)
{
	const char *arguments[5] = {"husk-merge"};
	char *environment[1] = {NULL};
	int n = 1;

	if (m->setup->config_path) {
		arguments[n++] = "--config";
		arguments[n++] = m->setup->config_path;
	}
	arguments[n] = m->journal_name;
	/* entering a mount namespace makes its root the process's: the host's again */
	if (setns(m->mounts_fd, CLONE_NEWNS) < 0)
		_exit(1);
	execve(m->setup->settings->merge_program, (char *const *)(uintptr_t)arguments, environment);
	_exit(1); /* the journal stays for the end of another run */
}

/* Where time goes: each request costs two wake-ups. */
static void tell_requests(struct mediator *m)
{
	struct view_statistics statistics = view_statistics(m->view);
	struct event event = mediator_event(m, EVENT_REQUESTS);
	cleanup_buf struct buf text = BUF_INIT;

	view_statistics_text(&statistics, &text);
	event.detail = text.bytes;
	event.count = statistics.requests;
	if (!text.error)
		event_emit(m->events, &event);
}

struct journal_end end_seen(struct journal_end end, bool started)
{
	if (end.outcome == OUTCOME_UNKNOWN && !started)
		end.outcome = OUTCOME_NEVER_RAN;
	return end;
}

/* Mostly the view goes while the first process is still about to end, and the runtime waits for
 * this process, too: so it does not wait for that one where it need not. */
static struct journal_end end_of_init(const struct mediator *m)
{
	struct journal_end end = process_ending(m->init_dir_fd);

	return end.outcome == OUTCOME_UNKNOWN ? process_end(m->init_fd, REAPED_WITHIN_MS) : end;
}

_Noreturn void end_run(struct mediator *m)
{
	struct journal_end end;

	network_hear_rest(m);
	if (m->wrapped) {
		end = end_seen(end_of_init(m), watch_started(m->watch));
		if (end.outcome == OUTCOME_KILLED &&
		    (m->out_of_memory || cgroup_memory_was_out(m->memory_fd)))
			end.outcome = OUTCOME_OOM;
		capabilities_end(m);
		watch_free(m->watch);
		journal_close(m->journal, &end);
	} else {
		watch_free(m->watch);
		journal_abandon(m->journal);
		end_without_run(m);
	}
	if (m->wrapped && m->setup->settings->count_requests)
		tell_requests(m);
	event_sink_free(m->events);
	if (!m->on_its_own) {
		close(m->journal_fd); /* the locks that poststop waits for */
		close(m->setup->run_fd);
		if (m->setup->end_fd >= 0)
			close(m->setup->end_fd);
	}
	network_end(m);
	if (m->on_its_own && m->wrapped)
		become_merge(m);
	_exit(0);
}
