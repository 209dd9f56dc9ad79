/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Capabilities and system calls of one run: the plan, the handing over, and what came of it. */
#include "mediator/privileges.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "mediator/launcher.h"
#include "mediator/policy-watch.h"
#include "mediator/restrict.h"

static void lower(struct mediator *m, enum domain domain, enum mode mode, const char *why)
{
	if (!why)
		return;
	m->at_most[domain] = mode;
	m->why_lowered[domain] = why;
}

/* What is enforced and cannot be had is told apart: it is less than was promised. */
static void tell_lowered(struct mediator *m, const enum mode wanted[DOMAINS], enum domain domain)
{
	struct event event = mediator_event(m, EVENT_DEGRADED);

	if (wanted[domain] != MODE_ENFORCE || !m->why_lowered[domain])
		return;
	event.domain = (int)domain;
	event.mode = (int)m->at_most[domain];
	event.detail = m->why_lowered[domain];
	event_emit(m->events, &event);
}

/* The restriction of the policy, or NULL. One of another version is as good as none: the policy is
 * compiled again at the end of the run. */
static const struct restriction *restriction_of(const struct mediator *m, struct restriction *room)
{
	const void *bytes;
	size_t len;

	if (!m->policy)
		return NULL;
	bytes = policy_image_attachment(m->policy, POLICY_LAUNCH, &len);
	return restriction_read(bytes, len, room) == 0 ? room : NULL;
}

int privileges_plan(struct mediator *m, struct error *err)
{
	const struct mediator_setup *setup = m->setup;
	cleanup_free struct launch_policy *policy = malloc(sizeof(*policy));
	struct restriction room;
	enum mode wanted[DOMAINS];
	struct restrict_question question = {
		.spec = setup->spec,
		.restriction = restriction_of(m, &room),
		.modes = wanted,
		.cannot_notify = restrict_cannot_notify(m->init_fd),
		.meets = m->meeting,
	};
	struct restrict_answer answer;

	if (!policy)
		return error_set(err, ENOMEM, "cannot set up the mediator");
	/* pivot_root(2) takes a process along whose working directory is the root, and no other */
	if (setup->spec->seccomp_stays && strcmp(setup->spec->cwd, "/") != 0)
		return error_say(err, EOPNOTSUPP,
				 "the engine's filter of system calls does not let husk-launch "
				 "enter process.cwd '%.200s'",
				 setup->spec->cwd);
	mediator_modes(m->policy, setup->identity, wanted);
	if (m->capabilities.why_not[0])
		m->why_lowered[DOMAIN_CAP] = m->capabilities.why_not;
	restrict_plan(&question, policy, &answer);
	if (answer.refused != DOMAINS && !setup->settings->degrade)
		return error_say(err, EOPNOTSUPP, "the domain '%s' cannot be enforced: %s",
				 domain_name(answer.refused),
				 answer.refused == DOMAIN_CAP ? answer.why_cap
							      : answer.why_syscall);
	m->holdable = setup->spec->bounding;
	if (policy->flags & LAUNCH_CAPABILITIES)
		m->holdable &= policy->keep;
	m->why_lowered[DOMAIN_EXEC] = answer.why_exec;
	lower(m, DOMAIN_CAP, answer.cap, answer.why_cap);
	lower(m, DOMAIN_SYSCALL, answer.syscall, answer.why_syscall);
	tell_lowered(m, wanted, DOMAIN_CAP);
	tell_lowered(m, wanted, DOMAIN_SYSCALL);
	m->listens = policy->flags & LAUNCH_LISTENER;
	m->refuses_packets = answer.syscall == MODE_ENFORCE && question.restriction &&
			     question.restriction->flags & RESTRICTION_NO_PACKETS;
	return launcher_make(setup->settings->launch_program, setup->spec->cwd, policy,
			     &m->launcher, &m->launcher_len, err);
}

/* The filter stays; what it asks the mediator about is answered by the policy that holds now. */
bool privileges_refuse_packets(const struct mediator *m)
{
	const struct restriction *restriction;
	enum mode wanted[DOMAINS];
	struct restriction room;

	if (!m->refuses_packets)
		return false;
	restriction = restriction_of(m, &room);
	mediator_modes(m->policy, m->setup->identity, wanted);
	return wanted[DOMAIN_SYSCALL] == MODE_ENFORCE && restriction &&
	       restriction->flags & RESTRICTION_NO_PACKETS;
}

/* Only the container's first process can be the launcher. */
int privileges_hear(void *context, pid_t pid, const char *number)
{
	struct mediator *m = context;
	int r = pid == m->setup->state->pid ? calls_take(m->calls, m->init_fd, number) : -ENOENT;

	if (r < 0)
		return r;
	view_hear(m->view, NULL, NULL, NULL);
	return -LAUNCH_TAKEN;
}

void privileges_settle(struct mediator *m)
{
	enum mode modes[DOMAINS];

	view_hear(m->view, NULL, NULL, NULL);
	if (!m->listens || calls_are_watched(m->calls))
		return;
	/* Another listener, that of a container around this one, or the engine's filter has refused
	 * the launcher's. */
	mediator_modes_now(m, modes);
	lower(m, DOMAIN_SYSCALL, MODE_UNAVAILABLE,
	      modes[DOMAIN_SYSCALL] == MODE_ENFORCE
		      ? "somebody else listens to system calls already: what is not in the policy "
			"is "
			"refused unseen"
		      : "the kernel or the engine's filter gave no listener for system calls");
	tell_lowered(m, (const enum mode[DOMAINS]){[DOMAIN_SYSCALL] = MODE_ENFORCE},
		     DOMAIN_SYSCALL);
	journal_lose(m->journal, DOMAIN_SYSCALL, 1);
	policy_use(m);
}
