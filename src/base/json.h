/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUSK_BASE_JSON_H
#define HUSK_BASE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"

/*
 * JSON by yajl, behind a handful of calls so that no other file includes it. Reading builds a tree;
 * writing appends to a struct buf. Only this part links yajl.
 */
struct json; /* one value of a tree; valid until the tree's root is freed */

#define cleanup_json __attribute__((cleanup(json_free_p)))

enum json_limits {
	JSON_BYTES_MAX =
		16 * 1024 * 1024, /* engines write some 10 KiB; the kernel's ARG_MAX is below */
	JSON_DEPTH_MAX = 64,	  /* runtime-spec 1.2 nests 7 deep; freeing recurses */
};

/*
 * Parses `len` bytes, one whole value. `name` is what error texts call it. The result is freed with
 * json_free() by the caller. -EINVAL for what is no JSON (with the place), -EFBIG over a limit.
 */
int json_parse(const char *name, const char *bytes, size_t len, struct json **ret,
	       struct error *err);
void json_free(struct json *root);
void json_free_p(struct json **root);

/* The member `key` of an object, or NULL: also when `value` is NULL or no object. */
const struct json *json_get(const struct json *value, const char *key);
/* The text of a string, or NULL for anything else. */
const char *json_string(const struct json *value);
/* A bool, or `otherwise` for anything else. */
bool json_bool(const struct json *value, bool otherwise);
/* Integer into *ret. Returns false, *ret untouched, for anything else. */
bool json_integer(const struct json *value, int64_t *ret);
bool json_is_object(const struct json *value);
bool json_is_array(const struct json *value);
bool json_is_null(const struct json *value); /* the value null; false for NULL */
/* Elements of an array or members of an object; 0 for anything else. */
size_t json_count(const struct json *value);
/* The i-th element of an array or value of an object, NULL beyond. */
const struct json *json_at(const struct json *value, size_t i);
/* The i-th key of an object, NULL beyond. */
const char *json_key_at(const struct json *value, size_t i);

/*
 * Writing. One writer makes one value. `pretty` indents by two blanks. Keys are written in the
 * order of the calls. Strings must be UTF-8: bytes that are none are replaced by U+FFFD (names go
 * through text_escape() first). After a failure all calls do nothing and json_writer_end() returns
 * it.
 */
struct json_writer;
#define cleanup_json_writer __attribute__((cleanup(json_writer_free_p)))

struct json_writer *json_writer_new(bool pretty); /* NULL: out of memory */
void json_writer_free(struct json_writer *w);
void json_writer_free_p(struct json_writer **w);
void json_object_begin(struct json_writer *w);
void json_object_end(struct json_writer *w);
void json_array_begin(struct json_writer *w);
void json_array_end(struct json_writer *w);
void json_key(struct json_writer *w, const char *key);
void json_put_string(struct json_writer *w, const char *text); /* NULL writes null */
void json_put_integer(struct json_writer *w, int64_t value);
void json_put_bool(struct json_writer *w, bool value);
/* key and value at once */
void json_member_string(struct json_writer *w, const char *key, const char *text);
void json_member_name(struct json_writer *w, const char *key, const char *bytes); /* escaped */
void json_member_integer(struct json_writer *w, const char *key, int64_t value);
void json_member_bool(struct json_writer *w, const char *key, bool value);
/* Copies a parsed value as it is. */
void json_put_value(struct json_writer *w, const struct json *value);
/* Appends what was written, and a newline, to `out`. Returns 0, -ENOMEM or -EINVAL (unbalanced). */
int json_writer_end(struct json_writer *w, struct buf *out);

#endif
