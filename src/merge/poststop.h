/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUSK_MERGE_POSTSTOP_H
#define HUSK_MERGE_POSTSTOP_H

#include "base/error.h"
#include "base/settings.h"
#include "event/event.h"

/*
 * The poststop hook: reads the container's state from `state_fd` to its end, waits until the
 * mediator has ended (at most settings->poststop_wait_ms), merges the run, whoever ended it, and
 * removes its run file; then merges what earlier runs left. A container that husk did not wrap is
 * none of its business. Returns 0 or -errno; then the journal stays for a later run.
 */
int merge_poststop(int state_fd, const struct settings *settings, struct event_sink *events,
		   struct error *err);

#endif
