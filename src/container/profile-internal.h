/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUSK_CONTAINER_PROFILE_INTERNAL_H
#define HUSK_CONTAINER_PROFILE_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>

struct json;

/* What husk-launch does before the real program. */
enum profile_work {
	PROFILE_RESTRICT,  /* take away what the function can do without */
	PROFILE_ENTER,	   /* enter process.cwd: what a listener of the engine's decides will do */
	PROFILE_TERMINALS, /* open the standard streams again */
};

/*
 * Does the profile (linux.seccomp of config.json; NULL: there is none) let through, whatever their
 * arguments, the calls of that work? What is not understood does not. Source: OCI runtime-spec,
 * config-linux.md, "Seccomp".
 */
bool profile_lets(const struct json *profile, enum profile_work work);

/* oci_spec_calls() of a profile. */
uint32_t profile_count(const struct json *profile, const char *const *names, uint32_t count);

#endif
