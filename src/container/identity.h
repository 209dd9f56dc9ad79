/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUSK_CONTAINER_IDENTITY_H
#define HUSK_CONTAINER_IDENTITY_H

#include <stdbool.h>

#include "base/error.h"
#include "container/spec.h"
#include "container/state.h"
#include "policy/behaviour.h"

/*
 * Which function a container runs: annotations, then the detector table, else
 * unidentified.
 *
 * The revision is the annotation husk.revision, else what the table's rule names, else the digest
 * of the image where the engine gives one, else "sha-" and 32 hexadecimal digits: the first 128
 * bits of a SHA-256 over what defines the function (the image's digest, or else the lower
 * directories of the root's overlay, or else the root's path; arguments, user, cwd, and the names,
 * not the values, of the environment variables, sorted and without those that Kubernetes adds for
 * the services of the moment). Whoever builds an image can set its environment and arguments: where
 * the name or the revision came from there, the revision is always completed by "+" and that
 * digest, so that claiming another function's name gives another revision and never its
 * permissions.
 *
 * An engine may copy the annotations of an image into config.json (the table knows which). There
 * annotations prove no more than the environment does: the revision is completed as above, and what
 * would lower the guard (husk.mode, husk.trusted) is not taken.
 */
enum identity_limits { IDENTITY_NAME_MAX = 255 };

enum identity_flags {
	IDENTITY_TRUST_IMAGES = 1 << 0, /* take annotations also where an image may set them */
};

struct identity {
	char function[IDENTITY_NAME_MAX + 1]; /* "" while unidentified */
	char revision[IDENTITY_NAME_MAX + 1];
	char identified_by[64]; /* "annotation", "detector NAME", "" */
	/* A mount point where the table says that the host connects to sockets of the function's;
	 * no image can choose it. "" where there is none. */
	char sockets[IDENTITY_NAME_MAX + 1];
	bool ignored;			/* sandbox containers, build steps: not to be wrapped */
	bool opted_out;			/* annotation husk.mode = off */
	bool trusted;			/* annotation husk.trusted = true */
	enum mode mode_at_most;		/* annotation husk.mode; MODE_ENFORCE where absent;
					   MODE_SHADOW at most while unidentified or
							 of a pool */
	const char *ignored_annotation; /* what was there and not taken, since an image may have
					   set it: a constant string, or NULL */
};

/*
 * Identifies. `detector_file` is the table (config/detectors explains its format); where it is
 * missing there are only annotations, and no engine is known to copy those of images. `flags`: enum
 * identity_flags. A name that is no name (empty, over 255 bytes, control
 * characters) is an error that names where it came from, never truncated. Returns 0 or -errno.
 */
int identity_find(const struct oci_state *state, const struct oci_spec *spec,
		  const char *detector_file, unsigned int flags, struct identity *ret,
		  struct error *err);

/* For tests and the fuzzer: the same with the table's bytes, called `name` in errors. */
int identity_find_in(const struct oci_state *state, const struct oci_spec *spec, const char *name,
		     const char *bytes, size_t len, unsigned int flags, struct identity *ret,
		     struct error *err);

#endif
