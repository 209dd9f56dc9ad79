/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUSK_WRAP_NATIVE_KNOWN_H
#define HUSK_WRAP_NATIVE_KNOWN_H

#include <stdbool.h>
#include <stddef.h>

#include "wrap/native-scan.h"

/*
 * What earlier starts of a function found in its trees. Looking through a tree costs microseconds
 * for each name in it, to see that a directory is as it was costs one system call. One file for
 * each revision of a function, beside its policy (policy/file.h). Strings only, each with a NUL;
 * one that cannot be read is as none.
 */
#define NATIVE_KNOWN_BYTES_MAX (1 << 20)

struct native_scans;
struct native_scan_result;

struct native_known {
	char *bytes; /* NULL: nothing is known */
	size_t len;
};

/* Reads the file below the state directory. Never fails: then nothing is known. */
void native_known_read(struct native_known *known, int state_fd, const char *function,
		       const char *revision);

/* For fuzzing and tests: takes a copy of `bytes`. Returns 0 or -ENOMEM. */
int native_known_parse(struct native_known *known, const char *bytes, size_t len);

/*
 * Fills *result, whose path and uses are set, where the tree was looked through with the same uses
 * and rule->writer, and is as it was then. Its `why` lies in `known`. Returns whether it could.
 */
bool native_known_find(const struct native_known *known, int root_fd,
		       const struct native_rule *rule, struct native_scan_result *result);

/* Writes what `scans` holds, except for what would be found otherwise next time. Where that fails,
 * the next start looks through its trees again. */
void native_known_write(const struct native_scans *scans, const struct native_rule *rule,
			int state_fd, const char *function, const char *revision);

void native_known_release(struct native_known *known);

#endif
