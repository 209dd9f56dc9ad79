/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUSK_MEDIATOR_END_H
#define HUSK_MEDIATOR_END_H

#include "mediator/mediator-internal.h"

/*
 * The end of a mediator. Closes the journal with how the run ended, and exits, which frees its
 * locks: the journal is husk-merge's then, which never met a container. A run that never executed
 * the real program leaves nothing.
 */
_Noreturn void end_run(struct mediator *m);

/* Removes what set-up has made, where the container does not get husk. */
void end_without_run(struct mediator *m);

#endif
