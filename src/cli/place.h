/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUSK_CLI_PLACE_H
#define HUSK_CLI_PLACE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "cli/bundle.h"
#include "container/mountinfo.h"

/*
 * The host as a function's root: which of its mounts come along, and the mount namespace in which
 * the runtime then works.
 */
enum place_limits { PLACE_MOUNTS_MAX = 256 };

/* Is `path` the directory `below` or in it? Both absolute and normal. */
bool place_is_below(const char *path, const char *below);

/* Takes "." and ".." components, repeated slashes and a slash at the end out of the absolute path
 * `path`, by its text alone: links are not looked at. */
void place_clean(char *path);

/*
 * Chooses the mounts of `info` that hold the host's data, for read-only binds: local file systems
 * and bound files. Left out is what the kernel or the container makes itself
 * (mountinfo_is_native(), /tmp, /run), what lies in `workdir` (bound as a whole) or below one of
 * `hidden`, network file systems in user space, and other containers' roots and secrets. Strings
 * point into `info`. Returns the number written to `ret` (PLACE_MOUNTS_MAX at most); *ret_left_out
 * counts those that did not fit.
 */
size_t place_choose(const struct mountinfo *info, const char *workdir, const char *const *hidden,
		    size_t n_hidden, struct bundle_mount *ret, size_t *ret_left_out);

enum place_cgroup {
	PLACE_CGROUP_V2,     /* /sys/fs/cgroup is cgroup2 */
	PLACE_CGROUP_HYBRID, /* version 1, with cgroup2 at /sys/fs/cgroup/unified */
	PLACE_CGROUP_V1,
	PLACE_CGROUP_NONE,
};

enum place_cgroup place_cgroup_layout(void);

struct place {
	const char *host_root; /* bind the host's "/" here, read-only; NULL: do not */
	bool private_cgroup2;  /* mount cgroup2 over /sys/fs/cgroup, in this namespace only */
};

/* Unshares the mount namespace of the calling process and makes the place. Returns 0 or -errno. */
int place_enter(const struct place *place, struct error *err);

#endif
