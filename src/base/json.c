/* SPDX-License-Identifier: GPL-2.0-or-later */
/* JSON by yajl. The limits stand before the parser, because yajl frees a tree by recursion. */
#include "base/json.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yajl/yajl_gen.h>
#include <yajl/yajl_tree.h>

#include "base/cleanup.h"
#include "base/text.h"

struct json_writer {
	yajl_gen gen;
	int error;
	size_t depth;
	bool is_array[JSON_DEPTH_MAX]; /* what is open; yajl does not look at what a close closes */
};

static struct yajl_val_s *tree(const struct json *value)
{
	return (struct yajl_val_s *)(uintptr_t)value;
}

static int check_depth(const char *name, const char *bytes, size_t len, struct error *err)
{
	int depth = 0;
	bool quoted = false;

	for (size_t i = 0; i < len; i++) {
		char c = bytes[i];

		if (quoted) {
			if (c == '\\')
				i++;
			else if (c == '"')
				quoted = false;
		} else if (c == '"') {
			quoted = true;
		} else if (c == '{' || c == '[') {
			if (++depth > JSON_DEPTH_MAX)
				return error_say(err, EFBIG, "%s nests deeper than %d levels", name,
						 JSON_DEPTH_MAX);
		} else if (c == '}' || c == ']') {
			depth--;
		}
	}
	return 0;
}

int json_parse(const char *name, const char *bytes, size_t len, struct json **ret,
	       struct error *err)
{
	cleanup_free char *text = NULL;
	char why[256] = "";
	yajl_val root;
	int r;

	if (len > JSON_BYTES_MAX)
		return error_say(err, EFBIG, "%s is larger than %d bytes", name, JSON_BYTES_MAX);
	if (memchr(bytes, '\0', len))
		return error_say(err, EINVAL, "%s is not JSON: it holds a NUL byte", name);
	r = check_depth(name, bytes, len, err);
	if (r < 0)
		return r;
	text = strndup(bytes, len); /* yajl wants a NUL */
	if (!text)
		return error_set(err, ENOMEM, "cannot read %s", name);
	root = yajl_tree_parse(text, why, sizeof(why));
	if (!root) {
		why[strcspn(why, "\n")] = '\0';
		return error_say(err, EINVAL, "%s is not JSON: %s", name,
				 why[0] ? why : "it is empty");
	}
	*ret = (struct json *)root;
	return 0;
}

void json_free(struct json *root)
{
	yajl_tree_free(tree(root));
}

void json_free_p(struct json **root)
{
	int saved = errno;

	json_free(*root);
	*root = NULL;
	errno = saved;
}

bool json_is_object(const struct json *value)
{
	return YAJL_IS_OBJECT(tree(value));
}

bool json_is_array(const struct json *value)
{
	return YAJL_IS_ARRAY(tree(value));
}

bool json_is_null(const struct json *value)
{
	return YAJL_IS_NULL(tree(value));
}

size_t json_count(const struct json *value)
{
	if (json_is_object(value))
		return tree(value)->u.object.len;
	if (json_is_array(value))
		return tree(value)->u.array.len;
	return 0;
}

const struct json *json_at(const struct json *value, size_t i)
{
	if (i >= json_count(value))
		return NULL;
	if (json_is_object(value))
		return (const struct json *)tree(value)->u.object.values[i];
	return (const struct json *)tree(value)->u.array.values[i];
}

const char *json_key_at(const struct json *value, size_t i)
{
	if (!json_is_object(value) || i >= json_count(value))
		return NULL;
	return tree(value)->u.object.keys[i];
}

const struct json *json_get(const struct json *value, const char *key)
{
	size_t count = json_is_object(value) ? json_count(value) : 0;

	for (size_t i = 0; i < count; i++) {
		if (strcmp(json_key_at(value, i), key) == 0)
			return json_at(value, i);
	}
	return NULL;
}

const char *json_string(const struct json *value)
{
	return YAJL_IS_STRING(tree(value)) ? tree(value)->u.string : NULL;
}

bool json_bool(const struct json *value, bool otherwise)
{
	if (YAJL_IS_TRUE(tree(value)))
		return true;
	if (YAJL_IS_FALSE(tree(value)))
		return false;
	return otherwise;
}

bool json_integer(const struct json *value, int64_t *ret)
{
	if (!YAJL_IS_INTEGER(tree(value)))
		return false;
	*ret = YAJL_GET_INTEGER(tree(value));
	return true;
}

struct json_writer *json_writer_new(bool pretty)
{
	struct json_writer *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	w->gen = yajl_gen_alloc(NULL);
	if (!w->gen) {
		free(w);
		return NULL;
	}
	yajl_gen_config(w->gen, yajl_gen_beautify, (int)pretty);
	yajl_gen_config(w->gen, yajl_gen_indent_string, "  ");
	return w;
}

void json_writer_free(struct json_writer *w)
{
	if (!w)
		return;
	yajl_gen_free(w->gen);
	free(w);
}

void json_writer_free_p(struct json_writer **w)
{
	int saved = errno;

	json_writer_free(*w);
	*w = NULL;
	errno = saved;
}

static void note(struct json_writer *w, yajl_gen_status status)
{
	if (status != yajl_gen_status_ok && !w->error)
		w->error = -EINVAL;
}

static void note_begin(struct json_writer *w, bool is_array, yajl_gen_status status)
{
	note(w, status);
	if (w->depth == JSON_DEPTH_MAX)
		w->error = -EINVAL;
	else
		w->is_array[w->depth++] = is_array;
}

static void note_end(struct json_writer *w, bool is_array, yajl_gen_status status)
{
	note(w, status);
	if (w->depth == 0 || w->is_array[--w->depth] != is_array)
		w->error = -EINVAL;
}

void json_object_begin(struct json_writer *w)
{
	note_begin(w, false, yajl_gen_map_open(w->gen));
}

void json_object_end(struct json_writer *w)
{
	note_end(w, false, yajl_gen_map_close(w->gen));
}

void json_array_begin(struct json_writer *w)
{
	note_begin(w, true, yajl_gen_array_open(w->gen));
}

void json_array_end(struct json_writer *w)
{
	note_end(w, true, yajl_gen_array_close(w->gen));
}

static void put_clean(struct json_writer *w, const char *text)
{
	cleanup_buf struct buf clean = BUF_INIT;
	size_t len = strlen(text);
	size_t valid = 0;

	for (size_t step; valid < len; valid += step) {
		step = utf8_sequence(text + valid, len - valid);
		if (step == 0)
			break;
	}
	if (valid == len) {
		note(w, yajl_gen_string(w->gen, (const unsigned char *)text, len));
		return;
	}
	for (size_t i = 0; i < len;) {
		size_t step = utf8_sequence(text + i, len - i);

		if (step > 0)
			buf_add(&clean, text + i, step);
		else
			buf_add_text(&clean, "\xef\xbf\xbd");
		i += step > 0 ? step : 1;
	}
	if (clean.error)
		w->error = clean.error;
	else
		note(w, yajl_gen_string(w->gen, (const unsigned char *)clean.bytes, clean.len));
}

void json_key(struct json_writer *w, const char *key)
{
	put_clean(w, key);
}

void json_put_string(struct json_writer *w, const char *text)
{
	if (text)
		put_clean(w, text);
	else
		note(w, yajl_gen_null(w->gen));
}

void json_put_integer(struct json_writer *w, int64_t value)
{
	note(w, yajl_gen_integer(w->gen, value));
}

void json_put_bool(struct json_writer *w, bool value)
{
	note(w, yajl_gen_bool(w->gen, value));
}

void json_member_string(struct json_writer *w, const char *key, const char *text)
{
	json_key(w, key);
	json_put_string(w, text);
}

void json_member_name(struct json_writer *w, const char *key, const char *bytes)
{
	size_t room = TEXT_ESCAPED_MAX(strlen(bytes));
	cleanup_free char *text = malloc(room);

	if (!text) {
		w->error = -ENOMEM;
		return;
	}
	text_escape(bytes, text, room);
	json_member_string(w, key, text);
}

void json_member_integer(struct json_writer *w, const char *key, int64_t value)
{
	json_key(w, key);
	json_put_integer(w, value);
}

void json_member_bool(struct json_writer *w, const char *key, bool value)
{
	json_key(w, key);
	json_put_bool(w, value);
}

void json_put_value(struct json_writer *w, const struct json *value)
{
	struct yajl_val_s *v = tree(value);

	if (json_is_object(value)) {
		json_object_begin(w);
		for (size_t i = 0; i < json_count(value); i++) {
			json_key(w, json_key_at(value, i));
			json_put_value(w, json_at(value, i));
		}
		json_object_end(w);
	} else if (json_is_array(value)) {
		json_array_begin(w);
		for (size_t i = 0; i < json_count(value); i++)
			json_put_value(w, json_at(value, i));
		json_array_end(w);
	} else if (json_string(value)) {
		json_put_string(w, json_string(value));
	} else if (YAJL_IS_NUMBER(v)) {
		note(w, yajl_gen_number(w->gen, v->u.number.r, strlen(v->u.number.r)));
	} else if (YAJL_IS_TRUE(v) || YAJL_IS_FALSE(v)) {
		json_put_bool(w, json_bool(value, false));
	} else {
		note(w, yajl_gen_null(w->gen));
	}
}

int json_writer_end(struct json_writer *w, struct buf *out)
{
	const unsigned char *bytes;
	size_t len;

	if (w->error)
		return w->error;
	if (w->depth > 0 || yajl_gen_get_buf(w->gen, &bytes, &len) != yajl_gen_status_ok)
		return -EINVAL;
	while (len > 0 && bytes[len - 1] == '\n')
		len--;
	buf_add(out, bytes, len);
	buf_add(out, "\n", 1);
	return out->error;
}
