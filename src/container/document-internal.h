/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUSK_CONTAINER_DOCUMENT_INTERNAL_H
#define HUSK_CONTAINER_DOCUMENT_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/json.h"

/*
 * Reading members of a JSON document with errors that name them: "config.json: 'process.args[2]' is
 * no string". Every getter returns 0, with *ret untouched where the member is absent or null, or
 * -EINVAL with *err set.
 */

/*
 * json_parse(), and besides -EINVAL for a document that is no object and for one that holds the
 * escape \u0000: a C string would end there, so that husk would judge another name than a runtime
 * written in Go uses.
 */
int document_parse(const char *name, const char *bytes, size_t len, struct json **ret,
		   struct error *err);

/* Says that the member `path` of document `name` is wrong: "NAME: 'PATH' WHAT". Returns -EINVAL. */
int document_error(const char *name, const char *path, const char *what, struct error *err);

/*
 * `path` is what the error calls the member; `key` is its name in `object`, which may be NULL (then
 * the member is absent).
 */
int document_object(const char *name, const struct json *object, const char *key, const char *path,
		    const struct json **ret, struct error *err);
int document_array(const char *name, const struct json *object, const char *key, const char *path,
		   const struct json **ret, struct error *err);
int document_string(const char *name, const struct json *object, const char *key, const char *path,
		    const char **ret, struct error *err);
int document_bool(const char *name, const struct json *object, const char *key, const char *path,
		  bool *ret, struct error *err);
/* An integer from 0 to `max`. */
int document_integer(const char *name, const struct json *object, const char *key, const char *path,
		     int64_t max, int64_t *ret, struct error *err);

/* All elements of an array (may be NULL: none) into out[], which has room for json_count(array). */
int document_strings(const char *name, const struct json *array, const char *path, const char **out,
		     struct error *err);

#endif
