/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUSK_CONTAINER_STATE_H
#define HUSK_CONTAINER_STATE_H

#include <stddef.h>
#include <sys/types.h>

#include "base/error.h"

/*
 * The state that a runtime writes to a hook's standard input. Source: OCI runtime-spec, runtime.md,
 * "State"; what engines really write: `ociVersion` is not looked at, unknown members are ignored,
 * `annotations` may be absent, `pid` is absent or 0 where there is no process.
 */
struct oci_state {
	char *id;     /* 1 to 1024 bytes, no '/' and no control characters */
	char *bundle; /* absolute path */
	char *status; /* may be NULL */
	pid_t pid;    /* 0 where there is none */
};

/* Parses `len` bytes. Returns 0 with *ret owned by the caller (oci_state_release()), or -errno:
 * -EINVAL no JSON, or a member missing or of a wrong form; -EFBIG too large or deep. */
int oci_state_parse(const char *bytes, size_t len, struct oci_state *ret, struct error *err);
void oci_state_release(struct oci_state *state);

#define cleanup_oci_state __attribute__((cleanup(oci_state_release)))

#endif
