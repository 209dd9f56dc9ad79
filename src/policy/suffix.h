/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUSK_POLICY_SUFFIX_H
#define HUSK_POLICY_SUFFIX_H

#include <stddef.h>

/*
 * How many bytes at the end of the host name `name` (lower case, no final dot) are a public suffix:
 * what anybody may register a name below, such as "com", "co.uk" or "s3.amazonaws.com". The list is
 * that of publicsuffix.org with its private section, compiled in; a name below no entry has its
 * last label as suffix. Where the list is ambiguous or two entries share a hash, the longer suffix
 * is told. Returns 0 for a name that is empty, and the whole length where all of it is a suffix. No
 * allocation.
 */
size_t suffix_len(const char *name);

#endif
