/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Widening of host names, label by label from the left; most hold no digit and are copied whole. */
#include "policy/shape-host.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "policy/suffix.h"

enum {
	HEX_MIN = 16,
	UUID_LEN = 36,
	NUMBERED_MIN = 4, /* bytes of a label that numbers hosts; "s3", "v1" and "ec2" do not */
	IPV4_LABELS = 4,  /* RFC 1035, 3.5 */
	IPV6_LABELS = 32, /* RFC 3596, 2.5 */
	IPV6_HOST_LABELS = 16,
};

struct output {
	char *bytes;
	size_t len;
};

static void put(struct output *out, const char *bytes, size_t len)
{
	if (len > SHAPE_HOST_MAX - 1 - out->len)
		len = SHAPE_HOST_MAX - 1 - out->len;
	memcpy(out->bytes + out->len, bytes, len);
	out->len += len;
}

static void put_text(struct output *out, const char *text)
{
	put(out, text, strlen(text));
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
	return c >= 'a' && c <= 'z';
}

static bool is_hex(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'f');
}

static size_t run_of(const char *bytes, size_t len, bool (*is)(char c))
{
	size_t n = 0;

	while (n < len && is(bytes[n]))
		n++;
	return n;
}

static bool is_uuid(const char *label, size_t len)
{
	bool digit = false;

	if (len != UUID_LEN)
		return false;
	for (size_t i = 0; i < len; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;

		if (dash ? label[i] != '-' : !is_hex(label[i]))
			return false;
		digit = digit || is_digit(label[i]);
	}
	return digit;
}

/* Length of one of the words at the start of `bytes`, the first that fits; or 0. */
static size_t word_of(const char *bytes, size_t len, const char *const *words)
{
	for (; *words; words++) {
		size_t word_len = strlen(*words);

		if (word_len <= len && memcmp(bytes, *words, word_len) == 0)
			return word_len;
	}
	return 0;
}

/* Length of a region at the start of `bytes`, up to a dash or the end; or 0. */
static size_t region_at(const char *bytes, size_t len)
{
	/* Longer ones first: the first that fits is taken. */
	static const char *const directions[] = {
		"northeast", "northwest", "southeast", "southwest", "north",
		"south",     "east",	  "west",      "central",   NULL,
	};
	static const char *const parts[] = {"gov-", "isob-", "isof-", "iso-", NULL};
	size_t at = run_of(bytes, len, is_letter), direction, digits;

	if (at < 2 || at > 12 || at == len || bytes[at] != '-')
		return 0;
	at++;
	at += word_of(bytes + at, len - at, parts);
	direction = word_of(bytes + at, len - at, directions);
	at += direction;
	if (direction == 0 || at == len)
		return 0;
	at += bytes[at] == '-';
	digits = run_of(bytes + at, len - at, is_digit);
	at += digits;
	if (digits < 1 || digits > 2 || (at < len && bytes[at] != '-'))
		return 0;
	return at;
}

static bool is_hex_run(const char *bytes, size_t len)
{
	return len >= HEX_MIN && run_of(bytes, len, is_hex) == len &&
	       run_of(bytes, len, is_digit) != len && run_of(bytes, len, is_letter) != len;
}

/* A word between dashes: letters, if any, and digits, if any, number something. */
static void put_word(struct output *out, const char *word, size_t len, bool numbers)
{
	size_t letters = run_of(word, len, is_letter);

	if (is_hex_run(word, len)) {
		put_text(out, "{hex}");
	} else if (numbers && letters < len &&
		   letters + run_of(word + letters, len - letters, is_digit) == len) {
		put(out, word, letters);
		put_text(out, "{n}");
	} else {
		put(out, word, len);
	}
}

static void put_widened(struct output *out, const char *label, size_t len)
{
	if (is_uuid(label, len)) {
		put_text(out, "{uuid}");
		return;
	}
	for (size_t at = 0; at < len;) {
		size_t word = region_at(label + at, len - at);

		if (word > 0) {
			put_text(out, "{region}");
		} else {
			while (at + word < len && label[at + word] != '-')
				word++;
			put_word(out, label + at, word, len >= NUMBERED_MIN);
		}
		at += word;
		put(out, "-", at < len);
		at += at < len;
	}
}

/* Puts {host} in the place of so many labels of a reverse name of `labels` labels before `zone`.
 * Returns what of `name` is left to copy, or NULL where it is no such name. */
static const char *put_reverse(struct output *out, const char *name, const char *zone,
			       size_t labels, size_t host_labels)
{
	const char *end = strstr(name, zone), *rest = NULL;
	size_t count = 0;

	if (!end || end[strlen(zone)] != '\0')
		return NULL;
	for (const char *at = name; at < end; at++) {
		size_t len = run_of(at, (size_t)(end - at), is_hex);

		at += len;
		count++;
		if (len == 0 || len > 3 || (at < end && *at != '.'))
			return NULL;
		if (count == host_labels)
			rest = at;
	}
	if (count != labels)
		return NULL;
	put_text(out, "{host}");
	return rest;
}

static bool needs_widening(const char *name)
{
	return name[strcspn(name, "0123456789")] != '\0';
}

void shape_host(const char *name, char *out)
{
	struct output output = {.bytes = out};
	const char *rest = NULL, *owned;

	if (needs_widening(name)) {
		rest = put_reverse(&output, name, ".in-addr.arpa", IPV4_LABELS, 1);
		if (!rest)
			rest = put_reverse(&output, name, ".ip6.arpa", IPV6_LABELS,
					   IPV6_HOST_LABELS);
	}
	if (!rest && needs_widening(name)) {
		/* What stays: the suffix, and the label that says whose the name is. */
		owned = name + strlen(name) - suffix_len(name);
		owned -= owned > name;
		while (owned > name && owned[-1] != '.')
			owned--;
		while (name < owned) {
			size_t len = strcspn(name, ".");

			if (memchr(name, '\\', len))
				put(&output, name, len);
			else
				put_widened(&output, name, len);
			put(&output, ".", 1);
			name += len + 1;
		}
		rest = name;
	}
	put_text(&output, rest ? rest : name);
	out[output.len] = '\0';
}
