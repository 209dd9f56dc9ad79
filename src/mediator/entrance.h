/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUSK_MEDIATOR_ENTRANCE_H
#define HUSK_MEDIATOR_ENTRANCE_H

#include "mediator/mediator-internal.h"
#include "mediator/talk.h"

/* Gives the gate the attributes of the file that it stands in for, and serves it until husk-hook
 * has bound it. Sends *report. Returns 0, or a failure that husk-hook knows of already. */
int entrance_open(struct mediator *m, struct talk_report *report);

/* The rest of the set-up, once. What fails in it is told, and ends the container's exec. */
void entrance_complete(struct mediator *m);

/*
 * Lets the first process in, which waits in the gate as long as a hook of the container's still
 * executes the same file: the kernel tells of the end of a hook's program a little later than the
 * runtime. To be called after each request, and every HOOK_END_LOOK_MS while m->entrant waits.
 */
void entrance_look(struct mediator *m);
enum entrance_constants { HOOK_END_LOOK_MS = 2 };

/*
 * Looks whether the first process executes something that is not behind the gate: until then the
 * name of the entry point may have come to mean another file, by another hook, or by whoever
 * writes to the volume that it lies on. An enforced function is ended then, unless the
 * configuration says degrade; any other goes on without husk; an event says so. To be called in
 * each turn of the loop, after entrance_wait_ms() at the latest; that is -1 where there is nothing
 * to look for.
 */
void entrance_guard(struct mediator *m);
int entrance_wait_ms(const struct mediator *m);

#endif
