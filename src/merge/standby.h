/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUSK_MERGE_STANDBY_H
#define HUSK_MERGE_STANDBY_H

#include "base/settings.h"

/*
 * A process that is there to merge a run when it ends, so that the end of a short run waits for no
 * program to be executed and to start, and for no database to be opened. husk-hook forks it with
 * the container; the mediator tells it
 *
 *	by a word	that the first process waits to be wrapped, so that there is a processor
 *			that has nothing better to do than prepare all this
 *	by another	that there will be nothing to merge
 *	by the end of a pipe, that nobody writes the journal any more
 *
 * It shares the lock of the run file with the mediator, so who waits for that waits for both, and
 * leaves word there. What it does not merge, poststop does: nothing depends on it, and it waits for
 * nobody. A container that is not started for STANDBY_START_MS, or runs longer than STANDBY_MS, is
 * left to poststop, too: what an end costs is nothing to it, and no process of husk's is to lie
 * idle.
 *
 * Words go by eventfd(2): who writes into a pipe or a socket is taken by the scheduler for somebody
 * who is about to sleep, and whom he wakes comes to his processor.
 */
#define STANDBY_START_MS 2000
#define STANDBY_MS 500

struct standby {
	int word_fd; /* of both */
	int end_fd;  /* the mediator's, the writing end */
	int wait_fd; /* its reading end */
};

#define STANDBY_INIT ((struct standby){-1, -1, -1})

/* Makes what words go by; where it cannot, all stay -1. Before the mediator is forked. */
void standby_open(struct standby *standby);

/* Closes all. */
void standby_close(struct standby *standby);

/*
 * Forks it, and closes all here. What else is open here it closes for itself. `runtime_fd`: the
 * runtime directory. `run_fd`: the run file, locked by a description of the file that this process,
 * the mediator and the new one share. Only in the host's mount namespace: what it merges into it
 * finds by its path.
 */
void standby_start(struct standby *standby, const struct settings *settings, int runtime_fd,
		   int run_fd, const char *run_id);

#endif
