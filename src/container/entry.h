/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUSK_CONTAINER_ENTRY_H
#define HUSK_CONTAINER_ENTRY_H

#include <limits.h>

#include "base/error.h"
#include "container/spec.h"

/*
 * Finds the file that the runtime will execute: process.args[0], in the container's root `root_fd`
 * (an O_PATH descriptor), as runc and crun look it up: with a '/' relative to process.cwd, else
 * along PATH of process.env (empty elements mean cwd; without PATH nothing is found), taking the
 * first regular file that has an executable bit and lies on no noexec mount, nor on one that the
 * runtime has yet to make so. Links are resolved within the root; "#!" is left to the kernel.
 *
 * Not known here: runc built with Go 1.20 or later passes over what process.user may not execute,
 * where crun and older runc fail with it. Whoever binds something over the result must notice when
 * the first process executes another file.
 *
 * ret_fd: O_PATH descriptor of the file, the caller closes. Returns 0; 1 where there is no such
 * file, so that the runtime's own error survives; -ENOTSUP where the versions of the runtimes would
 * execute different files; -errno for anything else.
 */
int entry_resolve(int root_fd, const struct oci_spec *spec, int *ret_fd, struct error *err);

#endif
