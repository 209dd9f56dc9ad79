/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUSK_MEDIATOR_CALL_TABLES_H
#define HUSK_MEDIATOR_CALL_TABLES_H

#include <linux/filter.h>
#include <stdint.h>

/*
 * What is known of this machine's system calls when husk is built (compile/tables.c), so that
 * nothing on the start path needs libseccomp.
 */

/* The filter that watches: the base (policy/calls.h) is let through, all else is notified of. */
extern const struct sock_filter call_base_filter[];
extern const uint32_t call_base_count;

/* Names by number; NULL where there is none. */
extern const char *const call_names[];
extern const uint32_t call_names_count;

/* The same names, without gaps, in the order of strcmp(3). */
extern const char *const call_names_sorted[];
extern const uint32_t call_names_sorted_count;

#endif
