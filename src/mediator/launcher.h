/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUSK_MEDIATOR_LAUNCHER_H
#define HUSK_MEDIATOR_LAUNCHER_H

#include <sys/stat.h>

#include "base/error.h"
#include "view/view.h"

/*
 * Reads husk-launch from `program`, writes `cwd` into its slot (launch/slot.h), and gives the view
 * its gate: these bytes, with the attributes of the entry point. Returns 0 or -errno; -EINVAL where
 * the program has no slot.
 */
int launcher_set_gate(struct view *view, const char *program, const char *cwd,
		      const struct stat *like, view_gate_opened *opened, void *context,
		      struct error *err);

#endif
