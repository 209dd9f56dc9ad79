/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUSK_TESTS_VIEW_COMPARE_H
#define HUSK_TESTS_VIEW_COMPARE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * A case is a function that works in its current directory, which is empty, and says what it saw.
 * It runs once on the lower file system and once in the view; what it said must be the same, line
 * by line.
 */
struct compare_case {
	const char *title; /* a sentence */
	void (*run)(void);
};

/* Tables of cases, each ended by a title of NULL. */
extern const struct compare_case cases_names[];
extern const struct compare_case cases_data[];
extern const struct compare_case cases_metadata[];
extern const struct compare_case cases_permissions[];
extern const struct compare_case cases_directories[];
extern const struct compare_case cases_descriptors[];
extern const struct compare_case cases_locks[];
extern const struct compare_case cases_namespaces[];
extern const struct compare_case cases_random[];

/* Says a line. */
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Says "LABEL: RESULT", or "LABEL: ENAME" where `result` is negative. Returns `result`. */
long said(const char *label, long result);

/* Says "LABEL: ok" or "LABEL: ENAME", for calls that return something new each time. */
long said_ok(const char *label, long result);

/* Says type, mode, owner, links and size of `path`, without following a link. */
void say_stat(const char *path);

/* Makes a file with `content`; says it where that fails. */
void put(const char *path, const char *content);

/* Says what the file holds, as far as it is text. */
void say_content(const char *path);

/* Runs `function` in a child with these ids; `groups` ends with 0. What it says is said here. */
void as_user(uid_t uid, gid_t gid, const gid_t *groups, void (*function)(void));

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#endif
