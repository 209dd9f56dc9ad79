/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUSK_MEDIATOR_RESTRICT_H
#define HUSK_MEDIATOR_RESTRICT_H

#include <stdbool.h>

#include "container/spec.h"
#include "launch/slot.h"
#include "policy/behaviour.h"
#include "policy/restriction.h"

/*
 * What husk-launch is to take away in this run, from what is wanted (modes and policy), what the
 * container is given (its config.json) and what the host can do. Plain: no system call.
 */
struct restrict_question {
	const struct oci_spec *spec;
	const struct restriction *restriction; /* of the policy; NULL where nothing was learned */
	const enum mode *modes;		       /* DOMAINS of them, as wanted */
	const char *cannot_notify; /* why nobody can listen on this host; NULL: somebody can */
	bool meets; /* bind(2) and connect(2) on a path are to wait, where calls are watched */
};

/*
 * The answer, for the domains cap and syscall. A domain that cannot be had as wanted is lowered,
 * and `why` says so, in words that end a sentence about the domain.
 */
struct restrict_answer {
	enum mode cap, syscall;
	const char *why_cap, *why_syscall; /* NULL: as wanted */
	const char *why_exec; /* programs that would gain privileges do not; NULL: all do */
	/* What is enforced and cannot be had, for a reason that the host could mend; DOMAINS: all
	 * can. */
	enum domain refused;
};

/* ret_policy: what goes into the slot of husk-launch. */
void restrict_plan(const struct restrict_question *question, struct launch_policy *ret_policy,
		   struct restrict_answer *ret);

/*
 * Can this process take a listener from `pidfd`'s process and read it? Returns NULL, or why not, a
 * constant sentence. SECCOMP_GET_NOTIF_SIZES (Linux 5.0), continuing (5.5), pidfd_getfd(2) (5.6).
 */
const char *restrict_cannot_notify(int pidfd);

#endif
