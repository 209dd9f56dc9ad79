/* SPDX-License-Identifier: GPL-2.0-or-later */
/* husk.conf: a table of keys, each with where it goes and what it may be. */
#include "base/settings.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"
#include "husk-paths.h"

#define SETTINGS_BYTES_MAX 65536
#define LINE_BYTES_MAX ((size_t)PATH_MAX + 128)

enum kind { KIND_PATH, KIND_NUMBER, KIND_BOOL, KIND_HOLD };

struct key {
	const char *name;
	enum kind kind;
	size_t offset;
	unsigned long min, max; /* of a number */
};

#define EVENT_FILE "/events.jsonl" /* in the state directory */

#define KEY_AT(member) offsetof(struct settings, member)

static const struct key keys[] = {
	{"state_directory", KIND_PATH, KEY_AT(state_directory), 0, 0},
	{"runtime_directory", KIND_PATH, KEY_AT(runtime_directory), 0, 0},
	{"event_file", KIND_PATH, KEY_AT(event_file), 0, 0},
	{"launch_program", KIND_PATH, KEY_AT(launch_program), 0, 0},
	{"merge_program", KIND_PATH, KEY_AT(merge_program), 0, 0},
	{"observe_program", KIND_PATH, KEY_AT(observe_program), 0, 0},
	{"detector_file", KIND_PATH, KEY_AT(detector_file), 0, 0},
	{"shadow_after_runs", KIND_NUMBER, KEY_AT(shadow_after_runs), 1, 512},
	{"enforce_after_runs", KIND_NUMBER, KEY_AT(enforce_after_runs), 1, 512},
	{"view_names_max", KIND_NUMBER, KEY_AT(view_names_max), 1024, 16777216},
	{"events_per_run", KIND_NUMBER, KEY_AT(events_per_run), 1, 1000000},
	{"poststop_wait_ms", KIND_NUMBER, KEY_AT(poststop_wait_ms), 0, 600000},
	{"judge_entered", KIND_BOOL, KEY_AT(judge_entered), 0, 0},
	{"trust_podman_annotations", KIND_BOOL, KEY_AT(trust_podman_annotations), 0, 0},
	{"degrade", KIND_BOOL, KEY_AT(degrade), 0, 0},
	{"passthrough", KIND_BOOL, KEY_AT(passthrough), 0, 0},
	{"hold_cpu_latency", KIND_HOLD, KEY_AT(hold_cpu_latency), 0, 0},
	{"mediate_one_in", KIND_NUMBER, KEY_AT(mediate_one_in), 1, 1000000},
	{"count_requests", KIND_BOOL, KEY_AT(count_requests), 0, 0},
};

#define KEYS (sizeof(keys) / sizeof(keys[0]))

const char *settings_default_path(void)
{
	return HUSK_SYSCONF_DIR "/husk.conf";
}

static void set_defaults(struct settings *s)
{
	*s = (struct settings){
		.state_directory = HUSK_STATE_DIR,
		.runtime_directory = HUSK_RUNTIME_DIR,
		.launch_program = HUSK_LIBEXEC_DIR "/husk-launch",
		.merge_program = HUSK_LIBEXEC_DIR "/husk-merge",
		.observe_program = HUSK_LIBEXEC_DIR "/husk-observe",
		.detector_file = HUSK_DATA_DIR "/detectors",
		.event_file = HUSK_STATE_DIR EVENT_FILE,
		.shadow_after_runs = 10,
		.enforce_after_runs = 20,
		.view_names_max = 262144,
		.events_per_run = 200,
		.poststop_wait_ms = 10000,
		.passthrough = true,
		.mediate_one_in = 16,
	};
}

static const char *const holds[] = {[HOLD_AUTO] = "auto", [HOLD_YES] = "yes", [HOLD_NO] = "no"};

static int set_hold(enum hold *hold, const char *value)
{
	for (size_t i = 0; i < sizeof(holds) / sizeof(holds[0]); i++) {
		if (strcmp(value, holds[i]) != 0)
			continue;
		*hold = (enum hold)i;
		return 0;
	}
	return -EINVAL;
}

static int set_value(struct settings *s, const struct key *key, const char *value)
{
	char *at = (char *)s + key->offset;
	unsigned long number;
	int r;

	switch (key->kind) {
	case KIND_PATH:
		if (value[0] != '/')
			return -EINVAL;
		if (strlen(value) >= PATH_MAX)
			return -ENAMETOOLONG;
		memcpy(at, &value, sizeof(value));
		return 0;
	case KIND_NUMBER:
		r = text_number(value, key->max, &number);
		if (r == 0 && number < key->min)
			r = -ERANGE;
		if (r == 0)
			memcpy(at, &number, sizeof(number));
		return r;
	case KIND_BOOL:
		if (strcmp(value, "yes") != 0 && strcmp(value, "no") != 0)
			return -EINVAL;
		*(bool *)at = strcmp(value, "yes") == 0;
		return 0;
	case KIND_HOLD:
		return set_hold((enum hold *)at, value);
	default:
		return -EINVAL;
	}
}

static int say_expected(struct error *err, const char *name, int line, const struct key *key)
{
	switch (key->kind) {
	case KIND_PATH:
		return error_say(err, EINVAL, "%s:%d: '%s' takes an absolute path", name, line,
				 key->name);
	case KIND_NUMBER:
		return error_say(err, EINVAL, "%s:%d: '%s' takes a number from %lu to %lu", name,
				 line, key->name, key->min, key->max);
	case KIND_HOLD:
		return error_say(err, EINVAL, "%s:%d: '%s' takes 'auto', 'yes' or 'no'", name, line,
				 key->name);
	case KIND_BOOL:
	default:
		return error_say(err, EINVAL, "%s:%d: '%s' takes 'yes' or 'no'", name, line,
				 key->name);
	}
}

static char *trim(char *text)
{
	size_t len;

	text += strspn(text, " \t");
	len = strlen(text);
	while (len > 0 && strchr(" \t\r", text[len - 1]))
		text[--len] = '\0';
	return text;
}

static int read_line(char *line, int number, const char *name, uint64_t *seen, struct settings *ret,
		     struct error *err)
{
	char *key_text = trim(line);
	char *equals = strchr(key_text, '=');
	char *value;

	if (*key_text == '\0' || *key_text == '#')
		return 0;
	if (!equals)
		return error_say(err, EINVAL, "%s:%d: expected 'key = value'", name, number);
	*equals = '\0';
	value = trim(equals + 1);
	key_text = trim(key_text);
	for (size_t i = 0; i < KEYS; i++) {
		if (strcmp(keys[i].name, key_text) != 0)
			continue;
		if (*seen & UINT64_C(1) << i)
			return error_say(err, EINVAL, "%s:%d: '%s' is set a second time", name,
					 number, key_text);
		*seen |= UINT64_C(1) << i;
		if (set_value(ret, &keys[i], value) < 0)
			return say_expected(err, name, number, &keys[i]);
		return 0;
	}
	error_say(err, EINVAL, "%s:%d: unknown key '%.64s'", name, number, key_text);
	error_hint(err, "see husk.conf(5)");
	return -EINVAL;
}

/* Reads `text`, which it cuts into pieces. */
static int read_text(const char *name, char *text, size_t len, struct settings *ret,
		     struct error *err)
{
	uint64_t seen = 0;
	int number = 0;

	for (size_t at = 0; at < len;) {
		char *line = text + at;
		size_t line_len = strcspn(line, "\n");
		int r;

		number++;
		/* a NUL ends it too early */
		if (line_len >= LINE_BYTES_MAX || (at + line_len < len && line[line_len] == '\0'))
			return error_say(err, EINVAL, "%s:%d: the line is too long or holds a NUL",
					 name, number);
		line[line_len] = '\0';
		r = read_line(line, number, name, &seen, ret, err);
		if (r < 0)
			return r;
		at += line_len + 1;
	}
	return 0;
}

/* Where it is not named, it lies in the state directory. `room` follows the text. */
static void place_events(struct settings *s, char *room)
{
	if (s->event_file)
		return;
	(void)stpcpy(stpcpy(room, s->state_directory), EVENT_FILE);
	s->event_file = room;
}

int settings_parse(const char *name, const char *bytes, size_t len, struct settings *ret,
		   struct error *err)
{
	int r;

	set_defaults(ret);
	ret->text = malloc(len + 1 + PATH_MAX + sizeof(EVENT_FILE));
	if (!ret->text)
		return error_set(err, ENOMEM, "cannot read '%s'", name);
	memcpy(ret->text, bytes, len);
	ret->text[len] = '\0';
	ret->event_file = NULL;
	r = read_text(name, ret->text, len, ret, err);
	if (r < 0) {
		settings_release(ret);
		return r;
	}
	place_events(ret, ret->text + len + 1);
	return 0;
}

void settings_release(struct settings *settings)
{
	free(settings->text);
	set_defaults(settings);
}

int settings_read(const char *path, struct settings *ret, struct error *err)
{
	const char *name = path ? path : settings_default_path();
	cleanup_free char *bytes = NULL;
	size_t len = 0;
	int r = read_file_at(AT_FDCWD, name, SETTINGS_BYTES_MAX, &bytes, &len, err);

	if (r == -ENOENT && !path) {
		if (err)
			*err = ERROR_INIT;
		return settings_parse(name, "", 0, ret, err);
	}
	if (r == -EISDIR)
		r = error_say(err, ENOENT, "'%s' is a directory, and no file", name);
	if (r < 0) {
		set_defaults(ret);
		return r;
	}
	return settings_parse(name, bytes, len, ret, err);
}
