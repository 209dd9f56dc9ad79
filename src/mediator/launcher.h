/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUSK_MEDIATOR_LAUNCHER_H
#define HUSK_MEDIATOR_LAUNCHER_H

#include <sys/stat.h>

#include "base/error.h"
#include "launch/slot.h"
#include "view/view.h"

/*
 * husk-launch as it is served once: read from `program`, with what it is to do written into its
 * slot (launch/slot.h). *ret is malloc'd, the caller frees. Returns 0 or -errno; -EINVAL where the
 * program has no slot, -ENAMETOOLONG.
 */
int launcher_make(const char *program, const char *cwd, const struct launch_policy *policy,
		  char **ret, size_t *ret_len, struct error *err);

#endif
