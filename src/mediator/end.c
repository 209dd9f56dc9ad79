/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The end of a run. */
#include "mediator/end.h"

#include <stdio.h>
#include <unistd.h>

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

_Noreturn void end_run(struct mediator *m, struct journal *journal)
{
	struct journal_end end;

	if (m->wrapped) {
		end = process_end(m->init_fd, REAPED_WITHIN_MS);
		if (end.outcome == OUTCOME_KILLED && m->out_of_memory)
			end.outcome = OUTCOME_OOM;
		watch_free(m->watch);
		journal_close(journal, &end);
	} else {
		watch_free(m->watch);
		journal_abandon(journal);
		end_without_run(m);
	}
	event_sink_free(m->events);
	_exit(0);
}
