/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUSK_POLICY_GUARD_H
#define HUSK_POLICY_GUARD_H

#include <stdbool.h>

#include "policy/behaviour.h"

/*
 * Files that are never inert, also as content of an image: keys, tokens, sockets of engines,
 * devices. One table, read from the top; a pattern is a path in which '*' stands for any bytes,
 * slashes included. And system calls that are an attack's more often than a function's, by name.
 */
enum guard {
	GUARD_NONE = 0,
	GUARD_LEARNED = 1, /* may be learned like other behaviour */
	GUARD_ALWAYS = 2,  /* is never learned: a person has to allow it */
};

/* What the table says of a behaviour. *ret_reason: a few constant words, "" for GUARD_NONE. */
enum guard guard_of(const struct behaviour *b, const char **ret_reason);

/* Does `text` match `pattern`, in which '*' matches any bytes, none included? */
bool guard_matches(const char *pattern, const char *text);

#endif
