/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUSK_CONTAINER_PROFILE_INTERNAL_H
#define HUSK_CONTAINER_PROFILE_INTERNAL_H

#include <stdbool.h>

struct json;

/*
 * Does the profile (linux.seccomp of config.json; NULL: there is none) let through, whatever their
 * arguments, the calls that husk-launch needs to take anything away? What is not understood does
 * not. Source: OCI runtime-spec, config-linux.md, "Seccomp".
 */
bool profile_lets_launcher(const struct json *profile);

#endif
