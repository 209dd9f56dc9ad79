/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUSK_CLI_EVENT_TEXT_H
#define HUSK_CLI_EVENT_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

/*
 * Is the line (without its newline) an event of `function`, in its text form (base/text.h)? NULL
 * asks for all. A line that is no JSON object is of none.
 */
bool event_line_is_of(const char *line, size_t len, const char *function);

/*
 * Appends one event for people: local time, kind, function, what it is about, detail. Names are in
 * their text form already; any other byte that a terminal would obey becomes '?'. A line that is no
 * event is left out. Returns 0 or -ENOMEM.
 */
int event_line_text(const char *line, size_t len, struct buf *out);

#endif
