/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which function is this? Annotations of husk's own go first, but a container that the table
 * ignores (a pod's sandbox, a proxy beside the function) is ignored although it carries the pod's
 * annotations.
 */
#include "container/identity.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"
#include "container/definition-internal.h"
#include "container/detectors-internal.h"

static int read_mode(const struct oci_spec *spec, struct identity *identity, struct error *err)
{
	const char *mode = oci_spec_annotation(spec, "husk.mode");

	if (!mode)
		return 0;
	if (strcmp(mode, "off") == 0) {
		identity->opted_out = true;
		return 0;
	}
	if (mode_parse(mode, &identity->mode_at_most) == 0)
		return 0;
	error_say(err, EINVAL, "annotation husk.mode: '%.64s' is no mode", mode);
	error_hint(err, "use 'off', 'learn', 'shadow' or 'enforce'");
	return -EINVAL;
}

static int read_trusted(const struct oci_spec *spec, struct identity *identity, struct error *err)
{
	const char *trusted = oci_spec_annotation(spec, "husk.trusted");

	if (!trusted || strcmp(trusted, "false") == 0)
		return 0;
	if (strcmp(trusted, "true") != 0)
		return error_say(err, EINVAL,
				 "annotation husk.trusted: '%.64s' is neither 'true' nor 'false'",
				 trusted);
	identity->trusted = true;
	return 0;
}

/* Annotations that lower the guard: what an image says there would be the attacker's word. */
static const char *annotation_not_taken(const struct oci_spec *spec)
{
	bool mode = oci_spec_annotation(spec, "husk.mode");
	bool trusted = oci_spec_annotation(spec, "husk.trusted");

	if (mode && trusted)
		return "husk.mode and husk.trusted";
	if (mode)
		return "husk.mode";
	return trusted ? "husk.trusted" : NULL;
}

static int read_annotations(const struct oci_spec *spec, bool from_image, struct identity *identity,
			    struct error *err)
{
	int r;

	identity->mode_at_most = MODE_ENFORCE;
	if (from_image) {
		identity->ignored_annotation = annotation_not_taken(spec);
		return 0;
	}
	r = read_mode(spec, identity, err);
	return r < 0 ? r : read_trusted(spec, identity, err);
}

/* The annotation `key` into `out`, "" where there is none. */
static int read_name(const struct oci_spec *spec, const char *key, char out[IDENTITY_NAME_MAX + 1],
		     struct error *err)
{
	const char *name = oci_spec_annotation(spec, key);
	char from[64];
	int r;

	if (!name)
		return 0;
	snprintf(from, sizeof(from), "annotation %s", key);
	r = identity_check_name(from, name, err);
	if (r == 0)
		text_copy(out, IDENTITY_NAME_MAX + 1, name);
	return r;
}

/* Completes the revision, which holds what an annotation or a rule named, or is empty. */
static int finish_revision(const struct oci_state *state, const struct oci_spec *spec,
			   const char *image, bool from_image, struct identity *identity,
			   struct error *err)
{
	char digest[DEFINITION_ROOM];
	size_t used;
	int r;

	if (!*identity->revision && !from_image)
		text_copy(identity->revision, sizeof(identity->revision), image);
	if (*identity->revision && !from_image)
		return 0;
	r = definition_digest(state, spec, image, digest, err);
	if (r < 0)
		return r;
	used = strlen(identity->revision);
	if (used > 0 && used < IDENTITY_NAME_MAX)
		identity->revision[used++] = '+';
	if (!text_copy(identity->revision + used, sizeof(identity->revision) - used, digest))
		return error_say(err, EINVAL, "the revision of '%s' is longer than %d bytes",
				 identity->function, IDENTITY_NAME_MAX - DEFINITION_ROOM);
	return 0;
}

static int name_function(const struct oci_state *state, const struct oci_spec *spec,
			 const struct detected *detected, bool annotation_from_image,
			 struct identity *identity, struct error *err)
{
	bool annotated = *identity->function;
	/* The revision of an annotation counts also where a rule gave the name. */
	bool from_image = annotation_from_image && (annotated || *identity->revision);

	if (annotated) {
		text_copy(identity->identified_by, sizeof(identity->identified_by), "annotation");
	} else if (*detected->function) {
		text_copy(identity->function, sizeof(identity->function), detected->function);
		snprintf(identity->identified_by, sizeof(identity->identified_by), "%s %s",
			 detected->pool ? "pool" : "detector", detected->rule);
	}
	if (!*identity->function || (!annotated && detected->pool)) {
		if (identity->mode_at_most > MODE_SHADOW)
			identity->mode_at_most = MODE_SHADOW;
	}
	if (!*identity->function) {
		identity->revision[0] = '\0';
		return 0;
	}
	if (!annotated && !*identity->revision)
		text_copy(identity->revision, sizeof(identity->revision), detected->revision);
	from_image = from_image || (!annotated && detected->from_image);
	return finish_revision(state, spec, detected->image, from_image, identity, err);
}

int identity_find_in(const struct oci_state *state, const struct oci_spec *spec, const char *name,
		     const char *bytes, size_t len, unsigned int flags, struct identity *ret,
		     struct error *err)
{
	struct identity identity = {0};
	struct detected detected;
	bool from_image = false;
	int r = detectors_apply(state, spec, name, bytes, len, &detected, err);

	if (r == 0) {
		from_image = detected.images_annotate && !(flags & IDENTITY_TRUST_IMAGES);
		r = read_annotations(spec, from_image, &identity, err);
	}
	if (r == 0)
		r = read_name(spec, "husk.function", identity.function, err);
	if (r == 0)
		r = read_name(spec, "husk.revision", identity.revision, err);
	if (r < 0)
		return r;
	if (detected.ignore) {
		identity.ignored = true;
		identity.function[0] = identity.revision[0] = '\0';
		snprintf(identity.identified_by, sizeof(identity.identified_by), "detector %s",
			 detected.rule);
	} else if (!identity.opted_out) {
		text_copy(identity.sockets, sizeof(identity.sockets), detected.sockets);
		r = name_function(state, spec, &detected, from_image, &identity, err);
	}
	if (r == 0)
		*ret = identity;
	return r;
}

int identity_find(const struct oci_state *state, const struct oci_spec *spec,
		  const char *detector_file, unsigned int flags, struct identity *ret,
		  struct error *err)
{
	cleanup_free char *bytes = NULL;
	struct error why = ERROR_INIT;
	size_t len = 0;
	int r = read_file_at(AT_FDCWD, detector_file, DETECTOR_TABLE_MAX, &bytes, &len, &why);

	if (r < 0 && r != -ENOENT) {
		if (err)
			*err = why;
		return r;
	}
	return identity_find_in(state, spec, detector_file, bytes ? bytes : "", len, flags, ret,
				err);
}
