/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUSK_MEDIATOR_POLICY_WATCH_H
#define HUSK_MEDIATOR_POLICY_WATCH_H

#include "mediator/mediator-internal.h"

enum policy_watch_constants {
	POLICY_CHECK_MS = 50, /* how late a replaced policy may be noticed */
	POLICY_LOOK_MS =
		1000, /* ... where nobody is asked for anything and the kernel cannot tell */
};

/* Has the kernel tell when a policy is replaced. Where it cannot, or there is no policy on this
 * host yet, whoever does not want to wait for the next question looks from time to time. */
void policy_watch(struct mediator *m);

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
