/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUSK_BASE_ERROR_H
#define HUSK_BASE_ERROR_H

#include <stddef.h>

/*
 * An error of set-up code: what was tried on what, why it failed, and the way out. Buffers are
 * fixed, so that running out of memory can be reported too. Set once where the failure happens,
 * given more context with error_wrap() on the way up, printed once by main().
 */
struct error {
	int code;	/* positive errno, 0 while nothing went wrong */
	char what[640]; /* "cannot open '/x': No such file or directory" */
	char hint[256]; /* "run 'husk check'", empty if there is none */
};

#define ERROR_INIT ((struct error){0})

/*
 * Records a failure: the formatted text, then ": " and the message of errno number `code`.
 * `code` is a positive errno. Returns -code, so that a caller can `return error_set(...)`.
 * `err` may be NULL: then only the value is returned.
 */
int error_set(struct error *err, int code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* As error_set(), for failures that errno's message would only blur: the text stands alone. */
int error_say(struct error *err, int code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Puts context and ": " before what was recorded. Does nothing when nothing was. */
void error_wrap(struct error *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Records the way out, replacing an earlier one. */
void error_hint(struct error *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/*
 * Prints "PROGRAM: WHAT; HINT" and a newline to standard error in one write(2).
 * Bytes below 0x20 and 0x7f are shown as '?', so that a file name cannot forge lines.
 */
void error_print(const char *program, const struct error *err);

/* The sysexits(3) code for what was recorded: EX_NOPERM, EX_NOINPUT, EX_DATAERR, ... or 1. */
int error_exit_code(const struct error *err);

#endif
