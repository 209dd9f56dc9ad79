/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUSK_JOURNAL_RUN_FILE_H
#define HUSK_JOURNAL_RUN_FILE_H

#include "base/error.h"
#include "journal/journal.h"
#include "journal/run-key.h"

/*
 * The run file: one small file for each live container, in the runtime directory. It holds the id
 * of the run, is locked (flock(2)) by the mediator and by who merges the run after it. poststop
 * finds it by the container's id and bundle, waits for the lock, and removes it. Who merged the run
 * before that leaves word of it in the file.
 */

/* Makes a run id of 128 random bits, in `out` of JOURNAL_ID_ROOM bytes. Returns 0 or -errno. */
int run_id_make(char *out);

/* run_key_write() of two strings. */
void run_key(const char *id, const char *bundle, char *out);

/*
 * Makes and locks the file. A stale one, whose lock is free or becomes so in 100 ms, is replaced.
 * Returns its descriptor; -EEXIST where a live run has it; other -errno.
 */
int run_file_claim(int runtime_fd, const char *key, const char *run_id, struct error *err);

/* Writes to the file, whose lock the caller has, that its run is merged. Returns 0 or -errno. */
int run_file_mark_merged(int fd);

/*
 * Waits for the lock, at most `wait_ms`, and takes it. Returns a descriptor that holds it, with the
 * run's id in ret_run_id (JOURNAL_ID_ROOM bytes); -ENOENT where there is no such run, or another
 * process has merged it meanwhile, and then no such file; -ETIMEDOUT; other -errno.
 */
int run_file_wait(int runtime_fd, const char *key, unsigned long wait_ms, char *ret_run_id);

/*
 * Removes run files that nobody has locked and whose journal is not in `journals_fd` any more: of
 * containers that no poststop was called for. With a journal, the poststop of a container that has
 * just ended is still to come. Those younger than two seconds may be about to be locked, and stay.
 */
void run_file_sweep(int runtime_fd, int journals_fd);

#endif
