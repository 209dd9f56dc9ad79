/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Dates in path names: whoever writes by the day writes under a new name each day. */
#include "policy/shape-date-internal.h"

#include <stdbool.h>
#include <string.h>

enum {
	YEAR_LEN = 4,
	YEAR_MIN = 1900,
	YEAR_MAX = 2099,
	MONTH_MAX = 12,
	DAY_MAX = 31,
	HOUR_MAX = 23,
	MINUTE_MAX = 59,
	SECOND_MAX = 60, /* a leap second */
	FRACTION_MAX_LEN = 9,
};

/* A run of digits. */
struct number {
	size_t len; /* 0: there is none; no more than YEAR_LEN + 1 are counted */
	int value;
};

static struct number number_at(const char *bytes, size_t len)
{
	struct number n = {0};

	while (n.len < len && n.len <= YEAR_LEN && bytes[n.len] >= '0' && bytes[n.len] <= '9')
		n.value = 10 * n.value + (bytes[n.len++] - '0');
	return n;
}

static bool is_year(struct number n)
{
	return n.len == YEAR_LEN && n.value >= YEAR_MIN && n.value <= YEAR_MAX;
}

/* One or two digits. */
static bool is_within(struct number n, int from, int to)
{
	return n.len > 0 && n.len <= 2 && n.value >= from && n.value <= to;
}

static bool separates(const char *bytes, size_t len, const char *separators)
{
	return len > 0 && *bytes && strchr(separators, *bytes);
}

/* Length of the fraction of a second, with what stands before it, or 0. */
static size_t fraction_length(const char *bytes, size_t len)
{
	size_t at = 1;

	if (!separates(bytes, len, ".,_-:"))
		return 0;
	while (at < len && bytes[at] >= '0' && bytes[at] <= '9')
		at++;
	return at > 1 && at <= 1 + FRACTION_MAX_LEN ? at : 0;
}

/* Length of a time of day and of what stands between it and a date, or 0. */
static size_t time_length(const char *bytes, size_t len)
{
	static const int most[] = {HOUR_MAX, MINUTE_MAX, SECOND_MAX};
	const size_t parts = sizeof(most) / sizeof(most[0]);
	size_t at = 1, end = 0;

	if (!separates(bytes, len, "Tt_- "))
		return 0;
	for (size_t i = 0; i < parts && len - at >= 2; i++) {
		struct number n = number_at(bytes + at, 2);

		if (n.len != 2 || !is_within(n, 0, most[i]))
			break;
		at += 2;
		if (number_at(bytes + at, len - at).len == 0) /* else two digits of more */
			end = i + 1 < parts ? at : at + fraction_length(bytes + at, len - at);
		at += separates(bytes + at, len - at, ":-_.");
	}
	return end;
}

/* Length of the date itself. */
static size_t day_length(const char *bytes, size_t len)
{
	struct number first = number_at(bytes, len), second, third = {0};
	size_t at = first.len;
	bool last = false; /* is there a third number? */

	if (!separates(bytes + at, len - at, "-_."))
		return 0;
	second = number_at(bytes + at + 1, len - at - 1);
	at += 1 + second.len;
	if (at < len && bytes[at] == bytes[first.len]) {
		third = number_at(bytes + at + 1, len - at - 1);
		last = third.len > 0;
	}
	if (is_year(first) && is_within(second, 1, MONTH_MAX)) {
		if (last)
			return is_within(third, 1, DAY_MAX) ? at + 1 + third.len : 0;
		return second.len == 2 ? at : 0;
	}
	/* the day or the month first */
	if (is_within(first, 1, DAY_MAX) && is_within(second, 1, DAY_MAX) && is_year(third))
		return at + 1 + third.len;
	return 0;
}

size_t shape_date_length(const char *bytes, size_t len)
{
	size_t day = day_length(bytes, len);

	return day > 0 ? day + time_length(bytes + day, len - day) : 0;
}

size_t shape_date_part(const char *name, size_t len, int *depth, const char **ret_pattern)
{
	static const struct {
		const char *pattern;
		int from, to;
	} parts[] = {
		{"{month}", 1, MONTH_MAX},
		{"{day}", 1, DAY_MAX},
		{"{hour}", 0, HOUR_MAX},
	};
	struct number n = number_at(name, len);
	int above = *depth;

	*depth = 0;
	if (n.len == len && is_year(n)) {
		*ret_pattern = "{year}";
		*depth = 1;
		return n.len;
	}
	if (above < 1 || above > (int)(sizeof(parts) / sizeof(parts[0])) ||
	    !is_within(n, parts[above - 1].from, parts[above - 1].to) ||
	    (n.len < len && !separates(name + n.len, len - n.len, "-_.")))
		return 0;
	*ret_pattern = parts[above - 1].pattern;
	*depth = above + 1;
	return n.len;
}
