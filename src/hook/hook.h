/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUSK_HOOK_HOOK_H
#define HUSK_HOOK_HOOK_H

#include "base/error.h"
#include "base/settings.h"

/*
 * createRuntime: reads the container's state from standard input, identifies the function, and
 * starts the mediator. config_path: of --config, or NULL. Returns 0 where the container may start,
 * wrapped or not (what was left out is told as an event), or -errno where it must not.
 */
int hook_create_runtime(const char *config_path, struct error *err);

/* createContainer: nothing is left to do there; for whoever has registered husk-hook for it. Reads
 * the state to its end, as a runtime wants it. Returns 0 or -errno. */
int hook_create_container(const char *config_path, struct error *err);

/* poststop: executes husk-merge, which does the work and gets standard input as it is. Returns
 * -errno where it cannot be executed. */
int hook_poststop(const char *config_path, struct error *err);

#endif
