/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Time as a number and as text. */
#include "base/clock.h"

#include <stdio.h>
#include <time.h>

static int64_t read_clock(clockid_t clock)
{
	struct timespec now = {0};

	clock_gettime(clock, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int64_t clock_wall_ns(void)
{
	return read_clock(CLOCK_REALTIME);
}

int64_t clock_monotonic_ns(void)
{
	return read_clock(CLOCK_MONOTONIC);
}

void clock_text(int64_t wall_ns, char *out, size_t room)
{
	time_t seconds = (time_t)(wall_ns / 1000000000);
	struct tm utc = {0};

	gmtime_r(&seconds, &utc);
	snprintf(out, room, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", utc.tm_year + 1900,
		 utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec,
		 (int)(wall_ns % 1000000000 / 1000000));
}
