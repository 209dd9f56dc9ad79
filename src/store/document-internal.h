/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUSK_STORE_DOCUMENT_INTERNAL_H
#define HUSK_STORE_DOCUMENT_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/json.h"
#include "profile/known.h"

/*
 * A document "husk.profile/1" as structs; export.c says how it is written, document.c reads it, and
 * import.c joins what was read.
 */
#define DOCUMENT_SCHEMA "husk.profile/1"
#define DOCUMENT_HASH_ROOM sizeof("0123456789abcdef")

/* The flags of a behaviour that travel, each as a member that is true. */
enum { DOCUMENT_FLAGS = 4 };
extern const struct document_flag {
	const char *member;
	uint32_t flag;
} document_flags[DOCUMENT_FLAGS];

/* What one node counted. */
struct document_activity {
	uint64_t node;
	int64_t runs, lossy, failed;
};

struct document_run {
	int64_t at_ns;
	uint64_t hash;
	uint32_t facts;
};

/* Where in the document the reader is: "revisions[2].behaviours[7]". */
struct document_place {
	char text[128];
	struct error *err;
};

/* Records that `member` of this place is not what it must be. Returns -EINVAL. */
int document_bad(const struct document_place *place, const char *member, const char *why);

/* The place of element `i` of the list `list` in `place`. */
struct document_place document_element(const struct document_place *place, const char *list,
				       size_t i);

/* A list that may be missing. Returns 0 or -EINVAL; *ret is NULL where it is missing. */
int document_list(const struct document_place *place, const struct json *object, const char *key,
		  const struct json **ret);

/* A name in its text form, as bytes in `out` of `room`. Returns 0 or -EINVAL. */
int document_name(const struct document_place *place, const struct json *object, const char *key,
		  char *out, size_t room);

/* A number from 0 up, or 0 where it is missing. Returns 0 or -EINVAL. */
int document_number(const struct document_place *place, const struct json *object, const char *key,
		    int64_t *ret);

int document_sketch(const struct document_place *place, const struct json *object, const char *key,
		    struct sketch *ret);
int document_activity(const struct document_place *place, const struct json *object,
		      struct document_activity *ret);
int document_run(const struct document_place *place, const struct json *object,
		 struct document_run *ret);
int document_mode(const struct document_place *place, const struct json *object,
		  struct known_mode *ret);

/* Domain, access, flags and what is known; program and key are read by document_name(). */
int document_behaviour(const struct document_place *place, const struct json *object,
		       struct behaviour *ret, struct known *ret_known);

#endif
