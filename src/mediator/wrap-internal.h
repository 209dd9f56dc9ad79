/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUSK_MEDIATOR_WRAP_INTERNAL_H
#define HUSK_MEDIATOR_WRAP_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>

#include "container/mountinfo.h"
#include "mediator/helper-internal.h"

/* What becomes of one mount of the container in the view. */
enum treatment { TREAT_SKIP, TREAT_ROOT, TREAT_NATIVE, TREAT_DATA, TREAT_COVERED, TREAT_PRIVATE };

struct wrap {
	struct helper *helper;
	struct mountinfo mounts;
	enum treatment *treatments; /* one for each mount */
	const struct mountinfo_entry *root;
	int *shared;   /* for each mount that is to be shared, its successor; else -1 */
	size_t gate;   /* the mount that is no part of the container */
	int view_root; /* the mount that becomes the root, once it is there */
	int old_root;  /* O_PATH descriptor of the container's root before the wrap */
};

/* Is this a tmpfs that the runtime made for the container, and not a bind of one of the host's? */
bool wrap_made_for_container(const struct wrap *wrap, const struct mountinfo_entry *entry);

/* Decides what of the view the container shall see as it is, once the treatments are decided.
 * Returns 0 or -errno with the helper's error set. */
int wrap_plan_natives(struct wrap *wrap);

#endif
