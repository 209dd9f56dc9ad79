/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUSK_POLICY_CAPABILITY_H
#define HUSK_POLICY_CAPABILITY_H

#include <stdint.h>

/*
 * Capabilities by name, which is how they are keys of the domain cap: numbers are the kernel's
 * (include/uapi/linux/capability.h of Linux 6.18), sets of them are bits as in /proc/PID/status.
 */
enum capability_limits {
	CAPABILITIES = 41, /* CAP_LAST_CAP + 1 */
};

/* The set of all that have a name. */
#define CAPABILITIES_ALL ((UINT64_C(1) << CAPABILITIES) - 1)

/* "CAP_CHOWN" for 0, and so on; "?" for a number out of range. A constant string. */
const char *capability_name(unsigned int capability);

/* The inverse, of exactly that spelling. Returns the number, or -EINVAL. */
int capability_parse(const char *name);

#endif
