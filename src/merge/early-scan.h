/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUSK_MERGE_EARLY_SCAN_H
#define HUSK_MERGE_EARLY_SCAN_H

#include <stdbool.h>
#include <stddef.h>

struct early_text {
	const char *bytes; /* in what was scanned, without a NUL */
	size_t len;
};

/*
 * Finds id and bundle in a state as runtimes write it, without a C library. Returns false where
 * that takes a reader of JSON: an escape in one of the two, a name twice or with an escape, no
 * string, not the whole object. What is found is what oci_state_parse() finds, if that takes the
 * state at all. Source: OCI runtime-spec, runtime.md, State; RFC 8259.
 */
bool early_scan(const char *bytes, size_t len, struct early_text *ret_id,
		struct early_text *ret_bundle);

#endif
