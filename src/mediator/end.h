/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUSK_MEDIATOR_END_H
#define HUSK_MEDIATOR_END_H

#include "mediator/mediator-internal.h"

/*
 * The end of a mediator. Closes the journal with how the run ended, and exits, which frees its
 * locks: the journal is husk-merge's then, which never met a container. A run that never got
 * into the view leaves nothing.
 */
_Noreturn void end_run(struct mediator *m);

/*
 * How a run ended, by what the kernel says of its end and by whether the real program was seen to
 * begin. An end that nobody knows before that is a container that was removed as it started, or
 * whose launcher failed: it must not pass for a run that went well and had nothing new.
 */
struct journal_end end_seen(struct journal_end end, bool started);

/* Removes what set-up has made, where the container does not get husk. */
void end_without_run(struct mediator *m);

#endif
