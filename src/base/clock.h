/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUSK_BASE_CLOCK_H
#define HUSK_BASE_CLOCK_H

#include <stddef.h>
#include <stdint.h>

/* Nanoseconds since the epoch (CLOCK_REALTIME), and of CLOCK_MONOTONIC. */
int64_t clock_wall_ns(void);
int64_t clock_monotonic_ns(void);

#define CLOCK_TEXT_ROOM sizeof("2026-01-01T00:00:00.000Z")

/* `wall_ns` as RFC 3339 in UTC with milliseconds, in `out` of at least CLOCK_TEXT_ROOM bytes. */
void clock_text(int64_t wall_ns, char *out, size_t room);

#endif
