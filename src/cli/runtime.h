/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUSK_CLI_RUNTIME_H
#define HUSK_CLI_RUNTIME_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "cli/init.h"

/* OCI runtimes: where they are, what they are called with, how they are waited for. */
enum runtime_kind { RUNTIME_CRUN, RUNTIME_OTHER };

struct runtime {
	char path[PATH_MAX]; /* absolute */
	enum runtime_kind kind;
};

/* Finds the program `name` (a name along PATH, or a path) that may be executed; its absolute path
 * in `out` of PATH_MAX bytes. Returns 0 or -ENOENT, without *err. */
int program_find(const char *name, char *out);

/*
 * The runtime `wanted` (a name or a path), or for NULL crun and then runc.
 * -ENOENT with *err set where there is none.
 */
int runtime_find(const char *wanted, struct runtime *ret, struct error *err);

/* The first line of what `program --version` prints, in `out` of `room` bytes. Returns 0 or -errno.
 */
int program_version(const char *program, char *out, size_t room);

/* One run of the runtime. */
struct runtime_job {
	const char *const *argv;       /* NULL-ended; the first is the runtime's path */
	const char *pid_file;	       /* where it writes the first process's pid */
	int (*prepare)(void *context); /* in the child, first: 0, or an exit status once it has
					  said why */
	void *context;
	const struct init *init; /* that of the program's pid namespace, killed when the program
				    has ended; NULL: the program is the first itself */
};

/*
 * Starts the runtime in a child and passes signals on until it ends.
 *
 * INT, TERM, HUP, QUIT, USR1, USR2 and WINCH go to the runtime, which hands them to the program;
 * those that the terminal sent to the whole process group are there already. The first process of a
 * pid namespace ignores a signal that it does not catch, so a signal that would have ended the
 * program kills it, and the status tells of that signal.
 *
 * *ret_status: its exit status, or 128 and the signal's number. Returns 0 or -errno.
 */
int runtime_run(const struct runtime_job *job, int *ret_status, struct error *err);

/*
 * What the runtime logged as its last error (JSON lines at `path`), in `out` of `room` bytes.
 * Returns true if there is one.
 */
bool runtime_last_error(const char *path, char *out, size_t room);

#endif
