/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Event lines for people. */
#include "cli/event_text.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/text.h"

bool event_line_is_of(const char *line, size_t len, const char *function)
{
	cleanup_json struct json *event = NULL;
	const char *name;

	if (json_parse("event", line, len, &event, NULL) < 0 || !json_is_object(event))
		return false;
	name = json_string(json_get(event, "function"));
	return !function || (name && strcmp(name, function) == 0);
}

/* The writer escapes names, but whoever can write the file could do without. */
static void add_safe(struct buf *out, const char *text)
{
	size_t len = strlen(text);

	for (size_t i = 0; i < len;) {
		size_t step = utf8_sequence(text + i, len - i);
		unsigned char first = (unsigned char)text[i];
		bool control = first < 0x20 || first == 0x7f ||
			       (step == 2 && first == 0xc2 && (unsigned char)text[i + 1] < 0xa0);

		if (step == 0 || control)
			buf_add(out, "?", 1);
		else
			buf_add(out, text + i, step);
		i += step ? step : 1;
	}
}

static void add_member(struct buf *out, const struct json *event, const char *key,
		       const char *before)
{
	const char *text = json_string(json_get(event, key));

	if (!text || !*text)
		return;
	buf_add_text(out, before);
	add_safe(out, text);
}

/* "2026-01-31T12:00:00.123Z" in local time, to the second; as it stands where it is something else.
 */
static void add_time(struct buf *out, const char *text)
{
	struct tm utc = {0}, local;
	char shown[32];
	const char *rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &utc);
	time_t seconds;

	if (!rest) {
		add_safe(out, text);
		return;
	}
	seconds = timegm(&utc);
	if (localtime_r(&seconds, &local) &&
	    strftime(shown, sizeof(shown), "%Y-%m-%d %H:%M:%S", &local) > 0)
		buf_add_text(out, shown);
}

static void add_modes(struct buf *out, const struct json *modes)
{
	const char *before = "";

	for (size_t i = 0; i < json_count(modes); i++) {
		const char *mode = json_string(json_at(modes, i));
		const char *domain = json_key_at(modes, i);

		if (!mode || !domain || strcmp(mode, "unavailable") == 0)
			continue;
		buf_add_text(out, *before ? before : "  ");
		add_safe(out, domain);
		buf_add_text(out, ":");
		add_safe(out, mode);
		before = " ";
	}
}

int event_line_text(const char *line, size_t len, struct buf *out)
{
	cleanup_json struct json *event = NULL;
	const char *time, *kind, *operation, *domain;
	int64_t count;

	if (json_parse("event", line, len, &event, NULL) < 0)
		return 0;
	time = json_string(json_get(event, "time"));
	kind = json_string(json_get(event, "event"));
	if (!time || !kind)
		return 0;
	add_time(out, time);
	buf_add_text(out, "  ");
	add_safe(out, kind);
	for (size_t width = strlen(kind); width < 10; width++)
		buf_add_text(out, " ");
	add_member(out, event, "function", "  ");
	if (!json_get(event, "function"))
		add_member(out, event, "container", "  container ");
	add_member(out, event, "domain", "  ");
	/* In the domain exec there is but one operation, of the same name. */
	operation = json_string(json_get(event, "operation"));
	domain = json_string(json_get(event, "domain"));
	if (!operation || !domain || strcmp(operation, domain) != 0)
		add_member(out, event, "operation", " ");
	add_member(out, event, "key", " ");
	add_member(out, event, "program", " by ");
	add_modes(out, json_get(event, "modes"));
	if (json_integer(json_get(event, "count"), &count))
		buf_format(out, "  (%lld)", (long long)count);
	add_member(out, event, "detail", "  - ");
	buf_add_text(out, "\n");
	return out->error;
}
