/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUSK_CLI_RUNTIME_H
#define HUSK_CLI_RUNTIME_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

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

/*
 * Starts the runtime in a child that first does `prepare(context)` (0, or an exit status after
 * having said why); then passes signals on until it ends.
 *
 * INT, TERM, HUP, QUIT, USR1, USR2 and WINCH go to the runtime, which hands them to the program;
 * those that the terminal sent to the whole process group are there already. The first process of a
 * pid namespace ignores a signal that it does not catch, so a signal that would have ended the
 * program kills it, and the status tells of that signal.
 *
 * argv: of the runtime, NULL-ended. pid_file: where it writes the first process's pid.
 * *ret_status: its exit status, or 128 and the signal's number. Returns 0 or -errno.
 */
int runtime_run(const char *const *argv, const char *pid_file, int (*prepare)(void *context),
		void *context, int *ret_status, struct error *err);

/*
 * What the runtime logged as its last error (JSON lines at `path`), in `out` of `room` bytes.
 * Returns true if there is one.
 */
bool runtime_last_error(const char *path, char *out, size_t room);

#endif
