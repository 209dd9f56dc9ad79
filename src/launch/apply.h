/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUSK_LAUNCH_APPLY_H
#define HUSK_LAUNCH_APPLY_H

#include "launch/slot.h"

/* Makes the system call `number` with five arguments. Returns what the kernel does, -errno. */
typedef long launch_call(long number, long a, long b, long c, long d, long e);

/*
 * Takes away what the policy says, from the calling process and for good, in the one order that
 * works: the bounding set while CAP_SETPCAP is there, then no_new_privs, which lets anybody install
 * a filter, then the filter, whose installation may need CAP_SYS_ADMIN, then the capability sets.
 * After the filter only capset(2) and faccessat(2) are called, which every filter lets through.
 *
 * Where there is a listener already and the policy wants one: an optional filter is left out; any
 * other is installed with EPERM in place of every notification (the policy is changed for that).
 *
 * Returns 0, or -errno with *ret_what saying what failed, to follow "cannot": then the process may
 * have lost some of what it was to lose, and must not execute anything. Sources: capabilities(7),
 * prctl(2), seccomp(2), seccomp_unotify(2).
 */
long launch_apply(struct launch_policy *policy, launch_call *call, const char **ret_what);

/* Does the policy hold together? Wrong numbers in it are a defect of who wrote it. */
int launch_policy_is_sound(const struct launch_policy *policy);

#endif
