/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Widening of path names. It runs on every open, so it makes one pass over a component with a table
 * of byte classes, and most components are copied without a second look. Every write goes through
 * put(), which knows the room that is left: what a container names can never write past it.
 */
#include "policy/shape.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "policy/behaviour.h"
#include "policy/shape-date-internal.h"

enum {
	HEX_MIN = 16,
	NUM_MIN = 6,
	RAND_MIN = 6,
	RAND_MAX_LEN = 12,
	MKSTEMP_LEN = 6,  /* glibc, musl: six X are replaced */
	TEMPFILE_LEN = 8, /* CPython Lib/tempfile.py, _RandomNameSequence */
	MKTEMP_LEN = 10,  /* coreutils src/mktemp.c, default_template */
	UUID_LEN = 36,
	ULID_LEN = 26, /* 48 bits of time and 80 of chance, by five */
	GIT_FANOUT_LEN = 2,
	LONG_LEN = sizeof("{long:0123456789abcdef}") - 1,
};

enum place {
	PLACE_ORDINARY,
	PLACE_LITERAL,
	PLACE_TEMPORARY,
};

enum byte_class {
	IS_LOWER = 1 << 0,
	IS_UPPER = 1 << 1,
	IS_DIGIT = 1 << 2,
	IS_HEX = 1 << 3,
	IS_UNDERSCORE = 1 << 4,
	IS_BRACE = 1 << 5,
	IS_ALNUM = IS_LOWER | IS_UPPER | IS_DIGIT,
	IS_WORD = IS_ALNUM | IS_UNDERSCORE,
};

static const unsigned char classes[256] = {
	['0' ... '9'] = IS_DIGIT | IS_HEX,
	['a' ... 'f'] = IS_LOWER | IS_HEX,
	['g' ... 'z'] = IS_LOWER,
	['A' ... 'F'] = IS_UPPER | IS_HEX,
	['G' ... 'Z'] = IS_UPPER,
	['_'] = IS_UNDERSCORE,
	['{'] = IS_BRACE,
	['}'] = IS_BRACE,
};

struct output {
	char *bytes;
	size_t len;
	bool full;
	unsigned int plain;	   /* runs so far that may be generated, and do not look it */
	unsigned int as_generated; /* the one of them that is taken for generated; 0: none */
};

/* Keeps room for the mark of a long key and the NUL. */
static void put(struct output *out, const char *bytes, size_t len)
{
	if (out->full || len > SHAPE_KEY_MAX - 1 - LONG_LEN - out->len) {
		out->full = true;
		return;
	}
	memcpy(out->bytes + out->len, bytes, len);
	out->len += len;
}

static void put_text(struct output *out, const char *text)
{
	put(out, text, strlen(text));
}

static bool is(char c, unsigned int class)
{
	return classes[(unsigned char)c] & class;
}

/* How many bytes at the start of `bytes` are of `class`. */
static size_t run_of(const char *bytes, size_t len, unsigned int class)
{
	size_t n = 0;

	while (n < len && is(bytes[n], class))
		n++;
	return n;
}

static unsigned int classes_in(const char *bytes, size_t len)
{
	unsigned int found = 0;

	for (size_t i = 0; i < len; i++)
		found |= classes[(unsigned char)bytes[i]];
	return found;
}

static bool starts_with_uuid(const char *bytes, size_t len)
{
	if (len < UUID_LEN || bytes[8] != '-' || !(classes_in(bytes, UUID_LEN) & IS_DIGIT))
		return false;
	for (size_t i = 0; i < UUID_LEN; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;

		if (dash ? bytes[i] != '-' : !is(bytes[i], IS_HEX))
			return false;
	}
	return len == UUID_LEN || !is(bytes[UUID_LEN], IS_ALNUM);
}

static bool is_hex_run(const char *bytes, size_t len)
{
	if (len < HEX_MIN || run_of(bytes, len, IS_HEX) != len)
		return false;
	return classes_in(bytes, len) & IS_DIGIT && classes_in(bytes, len) & (IS_LOWER | IS_UPPER);
}

/* Source: github.com/ulid/spec: digits of Crockford's base 32, the first one of three bits only. */
static bool is_ulid(const char *bytes, size_t len)
{
	unsigned int found;

	if (len != ULID_LEN || bytes[0] < '0' || bytes[0] > '7')
		return false;
	found = classes_in(bytes, len) & (IS_LOWER | IS_UPPER);
	if (found != IS_LOWER && found != IS_UPPER)
		return false;
	for (size_t i = 0; i < len; i++) {
		if (strchr("ILOUilou", bytes[i]))
			return false;
	}
	return true;
}

/* Letters and digits that a person could have named a file; the header has the rule. */
static bool is_plain(const char *bytes, size_t len, bool camel)
{
	size_t capitals = run_of(bytes, len, IS_UPPER);
	size_t at = capitals;

	if (capitals <= 1)
		at += run_of(bytes + at, len - at, IS_LOWER);
	while (camel && at + 1 < len && capitals <= 1 && is(bytes[at], IS_UPPER) &&
	       is(bytes[at + 1], IS_LOWER))
		at += 1 + run_of(bytes + at + 1, len - at - 1, IS_LOWER);
	at += run_of(bytes + at, len - at, IS_DIGIT);
	return at == len;
}

static bool is_generated(struct output *out, const char *bytes, size_t len)
{
	if (len < RAND_MIN || len > RAND_MAX_LEN)
		return false;
	return !is_plain(bytes, len, len != MKSTEMP_LEN) || ++out->plain == out->as_generated;
}

/* Length of what is random at the start of `name` behind "tmp" or "tmp.", and of that prefix; or 0.
 */
static size_t known_generator(const char *name, size_t len, size_t *ret_prefix)
{
	if (len < 3 + TEMPFILE_LEN || memcmp(name, "tmp", 3) != 0)
		return 0;
	if (run_of(name + 3, len - 3, IS_LOWER | IS_DIGIT | IS_UNDERSCORE) >= TEMPFILE_LEN &&
	    run_of(name + 3, len - 3, IS_WORD) == TEMPFILE_LEN) {
		*ret_prefix = 3;
		return TEMPFILE_LEN;
	}
	if (name[3] == '.' && run_of(name + 4, len - 4, IS_ALNUM) == MKTEMP_LEN) {
		*ret_prefix = 4;
		return MKTEMP_LEN;
	}
	return 0;
}

/* A run of letters and digits in which, at most, runs of digits are to be widened. */
static void put_numbers(struct output *out, const char *bytes, size_t len)
{
	for (size_t at = 0; at < len;) {
		size_t digits = run_of(bytes + at, len - at, IS_DIGIT);
		size_t others;

		if (digits >= NUM_MIN)
			put_text(out, "{num}");
		else
			put(out, bytes + at, digits);
		at += digits;
		others = run_of(bytes + at, len - at, IS_LOWER | IS_UPPER);
		put(out, bytes + at, others);
		at += others;
	}
}

static void put_run(struct output *out, const char *bytes, size_t len, enum place place)
{
	if (is_hex_run(bytes, len))
		put_text(out, "{hex}");
	else if (is_ulid(bytes, len))
		put_text(out, "{ulid}");
	else if (place == PLACE_TEMPORARY && is_generated(out, bytes, len))
		put_text(out, "{rand}");
	else
		put_numbers(out, bytes, len);
}

/*
 * Is there, at `at`, the start of the last 8 bytes of a run of [A-Za-z0-9_] as tempfile makes them?
 * The caller comes here at the start of a name or behind a byte that is no letter and no digit.
 */
static bool tempfile_at(const char *name, size_t len, size_t at)
{
	if (at > 0 && name[at - 1] != '_' && is(name[at - 1], IS_WORD))
		return false;
	if (len - at > TEMPFILE_LEN + 1)
		len = at + TEMPFILE_LEN + 1;
	return run_of(name + at, len - at, IS_WORD) == TEMPFILE_LEN &&
	       run_of(name + at, len - at, IS_LOWER | IS_DIGIT | IS_UNDERSCORE) == TEMPFILE_LEN;
}

static void put_widened(struct output *out, const char *name, size_t len, enum place place)
{
	size_t at = 0;

	if (place == PLACE_TEMPORARY) {
		size_t prefix = 0;
		size_t random = known_generator(name, len, &prefix);

		if (random > 0) {
			put(out, name, prefix);
			put_text(out, "{rand}");
			at = prefix + random;
		}
	}
	while (at < len) {
		size_t run;

		/* before what Python's tempfile makes: its first 8 bytes are such */
		if (starts_with_uuid(name + at, len - at)) {
			put_text(out, "{uuid}");
			at += UUID_LEN;
			continue;
		}
		run = shape_date_length(name + at, len - at);
		if (run > 0) {
			put_text(out, "{date}");
			at += run;
			continue;
		}
		if (place == PLACE_TEMPORARY && tempfile_at(name, len, at)) {
			put_text(out, "{rand}");
			at += TEMPFILE_LEN;
			continue;
		}
		if (!is(name[at], IS_ALNUM)) {
			put(out, name + at, 1);
			at++;
			continue;
		}
		run = run_of(name + at, len - at, IS_ALNUM);
		put_run(out, name + at, run, place);
		at += run;
	}
}

/*
 * Where git keeps its objects: which part of `name`, below such a directory (`depth` components, 0
 * for none), its hash or its generator of names decides. Returns whether there was one, and writes
 * the name.
 */
static bool put_git(struct output *out, const char *name, size_t len, int depth)
{
	static const char *const prefixes[] = {"tmp_obj_", "tmp_pack_", "tmp_idx_", "tmp_rev_",
					       "tmp_mtimes_"};

	if (depth == 1 && len == GIT_FANOUT_LEN && run_of(name, len, IS_HEX) == len &&
	    !(classes_in(name, len) & IS_UPPER)) {
		put_text(out, "{hex}");
		return true;
	}
	for (size_t i = 0; depth > 0 && i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
		size_t prefix = strlen(prefixes[i]);

		if (len == prefix + MKSTEMP_LEN && memcmp(name, prefixes[i], prefix) == 0 &&
		    run_of(name + prefix, MKSTEMP_LEN, IS_ALNUM) == MKSTEMP_LEN) {
			put(out, name, prefix);
			put_text(out, "{rand}");
			return true;
		}
	}
	return false;
}

static bool is_git_objects(const char *name, size_t len)
{
	return len == sizeof("objects") - 1 && memcmp(name, "objects", len) == 0;
}

/* The part of a name that belongs to a date by directories: returns its length, 0: there is none.
 */
static size_t put_dated(struct output *out, const char *name, size_t len, int *depth)
{
	const char *pattern;
	size_t part = shape_date_part(name, len, depth, &pattern);

	if (part > 0 && (memchr(name, '{', len) || memchr(name, '}', len))) {
		*depth = 0;
		return 0;
	}
	if (part > 0)
		put_text(out, pattern);
	return part;
}

static void put_doubled(struct output *out, const char *name, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		put(out, name + i, 1);
		if (is(name[i], IS_BRACE))
			put(out, name + i, 1);
	}
}

static void put_component(struct output *out, const char *name, size_t len, enum place place)
{
	size_t digits = 0;
	bool braces = false;

	for (size_t i = 0; i < len; i++) {
		digits += is(name[i], IS_DIGIT);
		braces |= is(name[i], IS_BRACE);
	}
	if (braces)
		put_doubled(out, name, len);
	else if (place == PLACE_LITERAL ||
		 (place == PLACE_ORDINARY && (digits == 0 || (digits < NUM_MIN && len < HEX_MIN))))
		put(out, name, len);
	else
		put_widened(out, name, len, place);
}

/* Is `path` the directory `dir`, or below it? */
static bool lies_in(const char *path, const char *dir)
{
	size_t len = strlen(dir);

	return strncmp(path, dir, len) == 0 && (path[len] == '/' || path[len] == '\0');
}

static enum place place_of(const char *path, uint32_t flags)
{
	static const struct {
		const char *dir; /* of two bytes at least */
		enum place place;
	} places[] = {
		{"/tmp", PLACE_TEMPORARY},     {"/var/tmp", PLACE_TEMPORARY},
		{"/dev/shm", PLACE_TEMPORARY}, {"/etc", PLACE_LITERAL},
		{"/root", PLACE_LITERAL},      {"/home", PLACE_LITERAL},
		{"/boot", PLACE_LITERAL},
	};

	if (flags & BEHAVIOUR_IMAGE)
		return PLACE_LITERAL;
	if (path[0] != '/')
		return PLACE_ORDINARY;
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		if (path[1] == places[i].dir[1] && lies_in(path, places[i].dir))
			return places[i].place;
	}
	return PLACE_ORDINARY;
}

/* The pattern of a process or thread directory of /proc, or NULL where `name` names none. */
static const char *process_pattern(const char *name, size_t len)
{
	if ((len == 4 && memcmp(name, "self", 4) == 0) ||
	    (len == 11 && memcmp(name, "thread-self", 11) == 0))
		return "{self}";
	return len > 0 && run_of(name, len, IS_DIGIT) == len ? "{other}" : NULL;
}

/*
 * Length of the part of `path` that names a process or a thread of it, written to `out` as a
 * pattern; 0 where it names none.
 */
static size_t put_process(struct output *out, const char *path)
{
	static const char proc[] = "/proc/", task[] = "/task/";
	size_t at = sizeof(proc) - 1, len;
	const char *pattern;

	if (strncmp(path, proc, at) != 0)
		return 0;
	len = strcspn(path + at, "/");
	pattern = process_pattern(path + at, len);
	if (!pattern)
		return 0;
	put_text(out, proc);
	put_text(out, pattern);
	at += len;
	if (strncmp(path + at, task, sizeof(task) - 1) != 0)
		return at;
	len = strcspn(path + at + sizeof(task) - 1, "/");
	pattern = process_pattern(path + at + sizeof(task) - 1, len);
	if (!pattern)
		return at;
	put_text(out, task);
	put_text(out, pattern);
	return at + sizeof(task) - 1 + len;
}

static int finish(struct output *out, const char *path)
{
	if (out->full)
		out->len += (size_t)snprintf(out->bytes + out->len, LONG_LEN + 1,
					     "{long:%016" PRIx64 "}", hash64_text(path));
	out->bytes[out->len] = '\0';
	return (int)out->len;
}

static int put_path(struct output *out, const char *path, enum place place)
{
	const char *at = path;
	int below_objects = 0, dates = 0;

	if (place == PLACE_ORDINARY)
		at += put_process(out, path);
	while (*at && !out->full) {
		size_t len = strcspn(at, "/");

		size_t dated = place == PLACE_LITERAL ? 0 : put_dated(out, at, len, &dates);

		if (dated > 0)
			put_component(out, at + dated, len - dated, place);
		else if (place == PLACE_LITERAL || !put_git(out, at, len, below_objects))
			put_component(out, at, len, place);
		if (below_objects > 0)
			below_objects++;
		else if (is_git_objects(at, len))
			below_objects = 1;
		at += len;
		if (*at == '/') {
			put(out, "/", 1);
			at++;
		}
	}
	return finish(out, path);
}

int shape_key(const char *path, uint32_t flags, char *out)
{
	struct output output = {.bytes = out};

	return put_path(&output, path, place_of(path, flags));
}

int shape_kin(const char *path, uint32_t flags, unsigned int n, char *out)
{
	struct output output = {.bytes = out, .as_generated = n + 1};
	enum place place = place_of(path, flags);
	int len = place == PLACE_TEMPORARY ? put_path(&output, path, place) : 0;

	return output.plain > n ? len : 0;
}

int shape_literal(const char *path, char *out)
{
	struct output output = {.bytes = out};

	for (const char *at = path; *at && !output.full;) {
		size_t len = strcspn(at + 1, "/") + 1;

		put(&output, at, len);
		at += len;
	}
	return finish(&output, path);
}
