/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUSK_CONTAINER_DETECTORS_INTERNAL_H
#define HUSK_CONTAINER_DETECTORS_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "container/identity.h"
#include "container/spec.h"
#include "container/state.h"

enum detector_limits {
	DETECTOR_NAME_MAX = 48,	     /* bytes of a rule's name */
	DETECTOR_LINE_MAX = 1023,    /* bytes of a line */
	DETECTOR_TABLE_MAX = 262144, /* bytes of the table */
};

/* What the table says of one container. */
struct detected {
	char rule[DETECTOR_NAME_MAX + 1];     /* "" where no rule fits */
	char function[IDENTITY_NAME_MAX + 1]; /* "" with ignore, or where no rule fits */
	char revision[IDENTITY_NAME_MAX + 1]; /* "" where the rule gives none */
	char image[IDENTITY_NAME_MAX + 1];    /* digest of the image, by the engine's word, or "" */
	char sockets[IDENTITY_NAME_MAX + 1];  /* as identity.sockets */
	bool ignore;			      /* no function: not to be wrapped */
	bool pool;			      /* a container that gets its function later */
	bool from_image;		      /* an image could have made up the name or revision */
	bool images_annotate;		      /* an image could have set the annotations */
};

/*
 * Reads the table once, checks all of it, and says what its first fitting rule gives (its format:
 * config/detectors). Returns 0; -EINVAL with file and line for a table that is none, and for a name
 * that is none; -EFBIG.
 */
int detectors_apply(const struct oci_state *state, const struct oci_spec *spec, const char *name,
		    const char *bytes, size_t len, struct detected *ret, struct error *err);

/*
 * Is `text` a name: 1 to IDENTITY_NAME_MAX bytes of UTF-8 without control characters? Returns 0, or
 * -EINVAL with an error that begins with `from`, where it came from.
 */
int identity_check_name(const char *from, const char *text, struct error *err);

/* ---- sources.c: where a value comes from, and what is made of it ---- */

struct value {
	const char *text; /* not NUL-terminated */
	size_t len;	  /* 0: there is none */
	bool from_image;  /* an image can set it */
};

/* What a value is looked for in. */
struct subject {
	const struct oci_state *state;
	const struct oci_spec *spec;
	bool images_annotate; /* this engine copies annotations of images */
};

/* One SOURCE of the table, cut out of its line. */
struct source {
	const struct source_kind *kind;
	const char *argument;		    /* NULL for kinds that take none */
	const struct source_filter *filter; /* NULL: none */
};

/*
 * Cuts a SOURCE off the beginning of *text, in place; *text is then what follows it, blanks
 * skipped. Returns 0, or -EINVAL for what is none.
 */
int source_parse(char **text, struct source *ret);

/* The value, after its filter. `i` counts the values of sources that have several; where there is
 * no i-th one, and for every other i than 0 of the rest, the length is 0. */
struct value source_value(const struct source *source, const struct subject *subject, size_t i);

/* Could an image set the value? As value.from_image, without a value. */
bool source_is_from_image(const struct source *source, const struct subject *subject);

/* How many values there are at most. */
size_t source_count(const struct source *source, const struct subject *subject);

#endif
