/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUSK_MERGE_STANDBY_H
#define HUSK_MERGE_STANDBY_H

#include "base/settings.h"

/*
 * A process that is there to merge a run when it ends, so that the end of a short run waits for no
 * program to be executed and to start. husk-hook forks it with the container. A pipe, whose other
 * end the mediator has, tells of the end: its end of file, that the journal is complete; a byte,
 * that there will be nothing to merge.
 *
 * It shares the lock of the run file with the mediator, so who waits for that waits for both, and
 * leaves word there. What it does not merge, poststop does: nothing depends on it, and it waits for
 * nobody. A run that takes longer than STANDBY_MS is left to poststop, too: what an end costs is
 * nothing to it, and no process of husk's is to lie idle.
 */
#define STANDBY_MS 500

struct standby {
	int tell_fd; /* the mediator's */
	int wait_fd;
};

#define STANDBY_INIT ((struct standby){-1, -1})

/* Makes the pipe; without one both stay -1. Before the mediator is forked. */
void standby_open(struct standby *standby);

/* Closes both ends. */
void standby_close(struct standby *standby);

/*
 * Forks it, and closes both ends here. `runtime_fd`: the runtime directory. `run_fd`: the run file,
 * locked by a description of the file that this process, the mediator and the new one share. Only
 * in the host's mount namespace: what it merges into it finds by its path.
 */
void standby_start(struct standby *standby, const struct settings *settings, int runtime_fd,
		   int run_fd, const char *run_id);

#endif
