/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Members of a JSON document, each with an error that names it. */
#include "container/document-internal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define MEMBER_PATH_ROOM 128

/* Is there a \u0000 whose backslash is not itself escaped? */
static bool has_escaped_nul(const char *bytes, size_t len)
{
	static const char escape[] = "\\u0000";
	const char *end = bytes + len;

	for (const char *at = bytes; at < end; at++) {
		size_t before = 0;

		at = memmem(at, (size_t)(end - at), escape, sizeof(escape) - 1);
		if (!at)
			return false;
		while (at - before > bytes && at[-1 - (ptrdiff_t)before] == '\\')
			before++;
		if (before % 2 == 0)
			return true;
	}
	return false;
}

int document_parse(const char *name, const char *bytes, size_t len, struct json **ret,
		   struct error *err)
{
	struct json *root = NULL;
	int r = json_parse(name, bytes, len, &root, err);

	if (r < 0)
		return r;
	if (!json_is_object(root)) {
		json_free(root);
		return error_say(err, EINVAL, "%s is no JSON object", name);
	}
	if (has_escaped_nul(bytes, len)) {
		json_free(root);
		return error_say(err, EINVAL, "%s holds a NUL character in a string", name);
	}
	*ret = root;
	return 0;
}

int document_error(const char *name, const char *path, const char *what, struct error *err)
{
	return error_say(err, EINVAL, "%s: '%.200s' %s", name, path, what);
}

/* The member, or NULL where it is absent or null: engines written in Go write null for empty. */
static const struct json *member(const struct json *object, const char *key)
{
	const struct json *value = json_get(object, key);

	return json_is_null(value) ? NULL : value;
}

int document_object(const char *name, const struct json *object, const char *key, const char *path,
		    const struct json **ret, struct error *err)
{
	const struct json *value = member(object, key);

	if (!value)
		return 0;
	if (!json_is_object(value))
		return document_error(name, path, "is no object", err);
	*ret = value;
	return 0;
}

int document_array(const char *name, const struct json *object, const char *key, const char *path,
		   const struct json **ret, struct error *err)
{
	const struct json *value = member(object, key);

	if (!value)
		return 0;
	if (!json_is_array(value))
		return document_error(name, path, "is no array", err);
	*ret = value;
	return 0;
}

int document_string(const char *name, const struct json *object, const char *key, const char *path,
		    const char **ret, struct error *err)
{
	const struct json *value = member(object, key);

	if (!value)
		return 0;
	if (!json_string(value))
		return document_error(name, path, "is no string", err);
	*ret = json_string(value);
	return 0;
}

int document_bool(const char *name, const struct json *object, const char *key, const char *path,
		  bool *ret, struct error *err)
{
	const struct json *value = member(object, key);

	if (!value)
		return 0;
	/* what is no bool gives back whatever it is asked for */
	if (json_bool(value, false) != json_bool(value, true))
		return document_error(name, path, "is neither true nor false", err);
	*ret = json_bool(value, false);
	return 0;
}

int document_integer(const char *name, const struct json *object, const char *key, const char *path,
		     int64_t max, int64_t *ret, struct error *err)
{
	const struct json *value = member(object, key);
	int64_t number;

	if (!value)
		return 0;
	if (!json_integer(value, &number))
		return document_error(name, path, "is no integer", err);
	if (number < 0 || number > max)
		return document_error(name, path, "is out of range", err);
	*ret = number;
	return 0;
}

int document_strings(const char *name, const struct json *array, const char *path, const char **out,
		     struct error *err)
{
	size_t count = json_count(array);

	for (size_t i = 0; i < count; i++) {
		char element[MEMBER_PATH_ROOM];

		out[i] = json_string(json_at(array, i));
		if (out[i])
			continue;
		snprintf(element, sizeof(element), "%s[%zu]", path, i);
		return document_error(name, element, "is no string", err);
	}
	return 0;
}
