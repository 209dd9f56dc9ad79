/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUSK_HOOK_HOOK_H
#define HUSK_HOOK_HOOK_H

#include "base/error.h"
#include "base/settings.h"
#include "container/state.h"

/* What every stage works on. */
struct hook {
	const char *config_path; /* --config, or NULL */
	struct settings settings;
	struct oci_state state;
};

/*
 * createRuntime: identifies the function, and starts the mediator. Returns 0 where the container
 * may start, wrapped or not (what was left out is told as an event), or -errno where it must not.
 */
int hook_create_runtime(struct hook *hook, struct error *err);

/*
 * poststop: waits until the run is merged, for a bounded time, and merges the journal of a mediator
 * that died. Returns 0 or -errno, which runtimes only log.
 */
int hook_poststop(struct hook *hook, struct error *err);

#endif
