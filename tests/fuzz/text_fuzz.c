/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The bytes as a name: its text form is UTF-8 and comes back, its key fits and is the same twice,
 * and no name is widened into what another literal name is.
 */
#include <stdbool.h>
#include <string.h>

#include "base/text.h"
#include "fuzz.h"
#include "policy/behaviour.h"
#include "policy/shape.h"

static void check_text(const char *name)
{
	size_t room = TEXT_ESCAPED_MAX(strlen(name));
	char *text = malloc(room), *back = malloc(strlen(name) + 1);
	size_t len;

	FUZZ_ASSERT(text && back);
	len = text_escape(name, text, room);
	FUZZ_ASSERT(len < room && strlen(text) == len);
	for (size_t at = 0, step; at < len; at += step) {
		step = utf8_sequence(text + at, len - at);
		FUZZ_ASSERT(step > 0 && (unsigned char)text[at] >= 0x20);
	}
	FUZZ_ASSERT(text_unescape(text, back, strlen(name) + 1) == (int)strlen(name));
	FUZZ_ASSERT(strcmp(back, name) == 0);
	for (size_t small = 0; small < 16 && small < room; small++)
		text_escape(name, text, small);
	text_unescape(name, back, strlen(name) + 1);
	free(text);
	free(back);
}

/* A literal key has only doubled braces; a pattern has single ones. */
static bool has_pattern(const char *key)
{
	for (; *key; key++) {
		if (*key != '{' && *key != '}')
			continue;
		if (key[1] != key[0])
			return true;
		key++;
	}
	return false;
}

static void check_key(const char *path)
{
	static char key[SHAPE_KEY_MAX], again[SHAPE_KEY_MAX];
	int len = shape_key(path, 0, key);

	FUZZ_ASSERT(len >= 0 && len < SHAPE_KEY_MAX && strlen(key) == (size_t)len);
	FUZZ_ASSERT(shape_key(path, 0, again) == len && memcmp(key, again, (size_t)len) == 0);
	FUZZ_ASSERT(has_pattern(key) || strchr(path, '{') || strchr(path, '}') ||
		    strcmp(path, key) == 0);
	for (unsigned int n = 0; n < 3 && (len = shape_kin(path, 0, n, key)) > 0; n++)
		FUZZ_ASSERT(len < SHAPE_KEY_MAX && strlen(key) == (size_t)len &&
			    (strcmp(key, again) != 0 || strstr(key, "{long:")));
	len = shape_literal(path, key);
	FUZZ_ASSERT(len >= 0 && len < SHAPE_KEY_MAX && strlen(key) == (size_t)len);
	FUZZ_ASSERT(strlen(path) >= PATH_MAX || strcmp(path, key) == 0);
	shape_key(path, BEHAVIOUR_IMAGE, key);
	FUZZ_ASSERT(!has_pattern(key) || strlen(path) > PATH_MAX / 2);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static const char *const above[] = {"", "/tmp/", "/proc/", "/etc/"};
	char *path = malloc(len + 8);

	FUZZ_ASSERT(path);
	for (size_t i = 0; i < sizeof(above) / sizeof(above[0]); i++) {
		size_t prefix = strlen(above[i]);

		memcpy(path, above[i], prefix);
		if (len > 0)
			memcpy(path + prefix, data, len);
		path[prefix + len] = '\0';
		check_text(path);
		check_key(path);
	}
	free(path);
	return 0;
}
