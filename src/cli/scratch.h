/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUSK_CLI_SCRATCH_H
#define HUSK_CLI_SCRATCH_H

#include <limits.h>

#include "base/error.h"

/*
 * The private temporary directory of one `husk run`: RUNTIME/local/ID, with
 *
 *   lock        held by flock(2) while husk run lives
 *   runtime     the OCI runtime's path, for whoever has to clean up after a killed run
 *   state/      the runtime's --root, so that its containers are nobody else's
 *   bundle/     config.json
 *   log, pid    the runtime's
 *
 * and beside all of them RUNTIME/local/rootfs, an empty directory where each run binds its root in
 * a mount namespace of its own: the same path for every run, because it is part of what a revision
 * is made of. Making one removes those whose lock is free: what a killed run left behind.
 */
#define SCRATCH_ID_ROOM sizeof("husk-0123456789abcdef")

struct scratch {
	int parent_fd; /* RUNTIME/local */
	int lock_fd;
	char id[SCRATCH_ID_ROOM];  /* the container's id too */
	char rootfs[PATH_MAX / 2]; /* where the root is bound, absolute */
	char path[PATH_MAX / 2];   /* the directory, absolute */
};

#define SCRATCH_INIT ((struct scratch){.parent_fd = -1, .lock_fd = -1})
#define cleanup_scratch __attribute__((cleanup(scratch_remove)))

/* Makes the directory below `runtime_directory`, for the OCI runtime `runtime` (an absolute path).
 */
int scratch_make(const char *runtime_directory, const char *runtime, struct scratch *ret,
		 struct error *err);

/* Removes it, and a container that the runtime still holds in it, and RUNTIME/local where no other
 * run is left. What cannot be removed is left to a later run. Keeps errno. */
void scratch_remove(struct scratch *scratch);

#endif
