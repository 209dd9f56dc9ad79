/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUSK_POLICY_SHAPE_DATE_INTERNAL_H
#define HUSK_POLICY_SHAPE_DATE_INTERNAL_H

#include <stddef.h>

/* Dates in names; shape.h has the rules. The bytes need not end in a NUL. No allocation. */

/* Length of the date, with the time of day behind it, at the start of `bytes`; 0: there is none.
 * The caller comes here where no digit stands before it. */
size_t shape_date_length(const char *bytes, size_t len);

/*
 * Length of the part of a name that is a year, or the next component of a date by directories; 0:
 * there is none. *depth: how many components of one stand right above, and then with this one, 0 to
 * begin with. *ret_pattern: "{year}" and so on.
 */
size_t shape_date_part(const char *name, size_t len, int *depth, const char **ret_pattern);

#endif
