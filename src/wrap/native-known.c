/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The file: the line of strings
 *
 *   HEADING WRITER (tree PATH USES RESULT WHY (seen PATH LIKENESS)* (hole PATH)* end)*
 *
 * A path begins with '/', so none of them is a word.
 */
#include "wrap/native-known.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"
#include "husk-paths.h"
#include "policy/file.h"
#include "wrap/native.h"

/* What a scan finds depends on the program that scans. */
#define HEADING "husk trees 1 " HUSK_VERSION

static const char *next(const struct native_known *known, size_t *at)
{
	const char *word = known->bytes + *at;
	const char *end = *at < known->len ? memchr(word, '\0', known->len - *at) : NULL;

	if (!end)
		return NULL;
	*at = (size_t)(end - known->bytes) + 1;
	return word;
}

static bool next_is(const struct native_known *known, size_t *at, const char *wanted)
{
	const char *word = next(known, at);

	return word && strcmp(word, wanted) == 0;
}

static bool next_number(const struct native_known *known, size_t *at, unsigned long max,
			unsigned long *ret)
{
	const char *word = next(known, at);

	return word && text_number(word, max, ret) == 0;
}

/* Goes to the behind of "tree PATH USES" of the result's tree. */
static bool go_to_tree(const struct native_known *known, size_t *at,
		       const struct native_scan_result *result)
{
	const char *word;
	unsigned long uses;

	while ((word = next(known, at))) {
		if (strcmp(word, "tree") == 0 && next_is(known, at, result->path) &&
		    next_number(known, at, UINT32_MAX, &uses) && uses == result->uses)
			return true;
	}
	return false;
}

static bool read_tree(const struct native_known *known, size_t *at,
		      struct native_scan_result *result)
{
	unsigned long error;
	const char *word, *path, *likeness;

	if (!next_number(known, at, INT_MAX, &error) || !(result->why = next(known, at)))
		return false;
	result->result = -(int)error;
	while ((word = next(known, at)) && strcmp(word, "end") != 0) {
		path = next(known, at);
		if (!path || !path_lies_in(path, result->path))
			return false;
		if (strcmp(word, "hole") == 0) {
			if (native_holes_add(&result->holes, path) < 0)
				return false;
			continue;
		}
		likeness = next(known, at);
		if (!likeness || strcmp(word, "seen") != 0)
			return false;
		buf_add(&result->seen, path, strlen(path) + 1);
		buf_add(&result->seen, likeness, strlen(likeness) + 1);
	}
	return word && result->seen.len > 0 && !result->seen.error;
}

bool native_known_find(const struct native_known *known, int root_fd,
		       const struct native_rule *rule, struct native_scan_result *result)
{
	unsigned long writer;
	size_t at = 0;

	if (!known->bytes || !next_is(known, &at, HEADING) ||
	    !next_number(known, &at, UINT32_MAX, &writer) || writer != rule->writer ||
	    !go_to_tree(known, &at, result))
		return false;
	if (read_tree(known, &at, result) &&
	    native_scan_holds(root_fd, result->path, rule, &result->seen))
		return true;
	native_holes_release(&result->holes);
	buf_release(&result->seen);
	result->why = NULL;
	result->result = 0;
	return false;
}

int native_known_parse(struct native_known *known, const char *bytes, size_t len)
{
	*known = (struct native_known){.bytes = malloc(len + 1), .len = len};
	if (!known->bytes)
		return -ENOMEM;
	memcpy(known->bytes, bytes, len);
	known->bytes[len] = '\0';
	return 0;
}

void native_known_read(struct native_known *known, int state_fd, const char *function,
		       const char *revision)
{
	char name[NAME_MAX + 1], path[sizeof(POLICY_DIRECTORY "/") + NAME_MAX];

	policy_file_beside(function, revision, POLICY_TREES, name);
	snprintf(path, sizeof(path), POLICY_DIRECTORY "/%s", name);
	if (read_file_at(state_fd, path, NATIVE_KNOWN_BYTES_MAX, &known->bytes, &known->len, NULL) <
	    0)
		*known = (struct native_known){0};
}

void native_known_release(struct native_known *known)
{
	free(known->bytes);
	*known = (struct native_known){0};
}

/* What was too large or too dear stays so as long as nothing changes; what could not be looked at
 * may be another time. */
static bool is_lasting(const struct native_scan_result *result)
{
	return result->seen.len > 0 &&
	       (result->result == 0 || result->result == -EDOM || result->result == -E2BIG);
}

static void put(struct buf *out, const char *word, const char *text)
{
	buf_add(out, word, strlen(word) + 1);
	buf_add(out, text, strlen(text) + 1);
}

static void put_number(struct buf *out, unsigned long number)
{
	buf_format(out, "%lu", number);
	buf_add_zeros(out, 1);
}

static void put_tree(struct buf *out, const struct native_scan_result *result)
{
	const char *at = result->seen.bytes, *end = at + result->seen.len;

	put(out, "tree", result->path);
	put_number(out, result->uses);
	put_number(out, (unsigned long)-result->result);
	buf_add_text(out, result->why ? result->why : "");
	buf_add_zeros(out, 1);
	while (at < end) {
		put(out, "seen", at);
		at += strlen(at) + 1;
		buf_add(out, at, strlen(at) + 1);
		at += strlen(at) + 1;
	}
	for (size_t i = 0; i < result->holes.count; i++)
		put(out, "hole", result->holes.paths[i]);
	buf_add(out, "end", sizeof("end"));
}

void native_known_write(const struct native_scans *scans, const struct native_rule *rule,
			int state_fd, const char *function, const char *revision)
{
	cleanup_close int fd =
		openat(state_fd, POLICY_DIRECTORY, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cleanup_buf struct buf out = BUF_INIT;
	char name[NAME_MAX + 1];

	buf_add(&out, HEADING, sizeof(HEADING));
	put_number(&out, rule->writer);
	for (size_t i = 0; i < scans->count; i++) {
		if (is_lasting(&scans->results[i]))
			put_tree(&out, &scans->results[i]);
	}
	if (out.error || out.len > NATIVE_KNOWN_BYTES_MAX || fd < 0)
		return;
	policy_file_beside(function, revision, POLICY_TREES, name);
	(void)atomic_file_write(fd, name, out.bytes, out.len, 0600, NULL);
}
