/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUSK_CONTAINER_BUNDLE_H
#define HUSK_CONTAINER_BUNDLE_H

#include "container/spec.h"
#include "container/state.h"

/*
 * Reads the configuration of the container of `state`, at most JSON_BYTES_MAX bytes: as the
 * runtime-spec has it, config.json in the bundle that the state names. Where none is there:
 * - crun 1.8 names "/" as the bundle once it has been in another mount namespace and back
 *   (a user namespace together with linux.devices). The container's first process, not yet the
 *   function's, still has the bundle as its working directory: state->bundle becomes that.
 * - crun's create and run take another file by --config. It is found among the arguments of
 *   `runtime`, the process that calls the hook; a relative one only where it is so from the bundle.
 * A config.json that is there is read, whatever --config says.
 * Returns 0 with *ret owned by the caller, or -errno as oci_spec_read(). Where nothing is found,
 * the error is about the place that the state names.
 */
int bundle_read(struct oci_state *state, pid_t runtime, struct oci_spec *ret, struct error *err);

/*
 * The file that the arguments of a runtime name by -f, --config or --config=. `words`: `len` bytes,
 * each word with a NUL at its end, as in /proc/PID/cmdline. NULL where there is none.
 */
const char *bundle_config_argument(const char *words, size_t len);

#endif
