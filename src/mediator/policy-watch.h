/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUSK_MEDIATOR_POLICY_WATCH_H
#define HUSK_MEDIATOR_POLICY_WATCH_H

#include "mediator/mediator-internal.h"

/* Which file the policy of this run lies in now. */
struct policy_stamp policy_stamp(const struct mediator *m);

/* From now on m->policy holds. */
void policy_use(struct mediator *m);

/*
 * Has the policy been replaced? Then the new one holds from now on; one that cannot be read is told
 * of, and the present one goes on to hold. Looks at most once in 50 ms, so it may be called for
 * each question.
 */
void policy_refresh(struct mediator *m);

#endif
