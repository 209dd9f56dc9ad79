/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUSK_MEDIATOR_PRIVILEGES_H
#define HUSK_MEDIATOR_PRIVILEGES_H

#include "mediator/mediator-internal.h"

/*
 * What a run does about capabilities and system calls, from its beginning to the first request of
 * the real program.
 */

/*
 * Plans it, and makes the launcher that does it. Lowers the two domains where they cannot be had.
 * -EOPNOTSUPP where one that is enforced cannot, and the settings do not say "degrade".
 */
int privileges_plan(struct mediator *m, struct error *err);

/*
 * Can no process of the container make a socket whose packets pass below the rules of the network,
 * as this run began and by the policy that holds now?
 */
bool privileges_refuse_packets(const struct mediator *m);

/* The launcher's word (view_hear()): takes the listener. Returns -LAUNCH_TAKEN or another -errno.
 */
int privileges_hear(void *context, pid_t pid, const char *number);

/* The real program runs: whoever has not listened until now never will. */
void privileges_settle(struct mediator *m);

#endif
