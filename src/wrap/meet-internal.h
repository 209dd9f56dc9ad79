/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUSK_WRAP_MEET_INTERNAL_H
#define HUSK_WRAP_MEET_INTERNAL_H

#include <linux/capability.h>
#include <stdbool.h>
#include <stdint.h>

#include "wrap/helper-internal.h"

/* Does who called still wait? What was found out of it before was its own then. */
bool meeting_waits(const struct meeting_question *question);

/* Reads the address that the call is made with. Returns whether it is a path, in question->path. */
bool meeting_read_path(const struct helper *helper);

/* Are the thread's mounts the container's, and not of a namespace that it made? */
bool meeting_shares_mounts(const struct helper *helper);

/* Has one of the container's processes its working directory in that mount? */
bool meeting_is_worked_in(const struct helper *helper, uint64_t mount);

/*
 * This thread's rights over files become those of who calls: ids, groups, and whether a capability
 * overrides them. As the kernel will look at them, but for whom of a user namespace's ids that
 * capability is good. Returns 0 with this thread's own rights, or -errno: who calls is gone.
 */
struct meeting_rights {
	struct __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3];
};
int meeting_take_rights(const struct helper *helper, struct meeting_rights *ret);

/* Returns 0 or -errno. */
int meeting_give_back_rights(const struct meeting_rights *rights);

#endif
