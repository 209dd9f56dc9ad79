/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUSK_CONTAINER_DEFINITION_INTERNAL_H
#define HUSK_CONTAINER_DEFINITION_INTERNAL_H

#include "base/error.h"
#include "container/spec.h"
#include "container/state.h"

enum { DEFINITION_ROOM = sizeof("sha-") + 32 };

/*
 * Writes "sha-" and 32 hexadecimal digits to `out`, the digest of what defines a function
 * (identity.h lists it). image: the image's digest by the engine's word, "" where it gives none;
 * only then the root is looked at, and /proc/self/mountinfo is read where the root is a mount of
 * its own. Returns 0 or -errno. A root that cannot be looked at counts as its path.
 */
int definition_digest(const struct oci_state *state, const struct oci_spec *spec, const char *image,
		      char out[DEFINITION_ROOM], struct error *err);

/*
 * Does Kubernetes add this variable for every service of the namespace? `len` bytes without '='.
 * Source: kubernetes, pkg/kubelet/envvars: NAME_SERVICE_HOST, NAME_SERVICE_PORT[_PORT], NAME_PORT,
 * NAME_PORT_80_TCP[_PROTO|_PORT|_ADDR].
 */
int definition_is_service_variable(const char *name, size_t len);

#endif
