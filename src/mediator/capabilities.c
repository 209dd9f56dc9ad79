/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The domain cap of one run. The observer in the kernel records; this asks it, while the container
 * runs whenever the mediator is awake anyway, and at the end.
 */
#include "mediator/capabilities.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"
#include "mediator/mediator-internal.h"
#include "policy/capability.h"
#include "policy/decide.h"

/* The BPF program knows the launcher by the name that its file has in the view. */
_Static_assert(sizeof(OBSERVE_GATE) == sizeof(VIEW_GATE) &&
		       __builtin_memcmp(OBSERVE_GATE, VIEW_GATE, sizeof(VIEW_GATE)) == 0,
	       "the gate has one name");

#define LOOK_EVERY_NS INT64_C(1000000000)

void capabilities_open(struct mediator *m)
{
	const struct settings *settings = m->setup->settings;
	struct capabilities *c = &m->capabilities;
	struct error err = ERROR_INIT;
	int r;

	r = observe_open(settings->observe_program, m->setup->runtime_fd, &c->observer, &err);
	if (r == 0) {
		r = observe_identify(m->proc_fd, m->setup->state->pid, m->leads_namespace,
				     &c->container);
		if (r == 0)
			return;
		error_set(&err, -r, "cannot find out the container's namespaces");
		close(c->observer.map_fd);
		close(c->observer.link_fd);
		c->observer = (struct observer){-1, -1};
	}
	text_copy(c->why_not, sizeof(c->why_not), err.what);
}

static struct behaviour behaviour_of(unsigned int capability)
{
	return (struct behaviour){
		.domain = DOMAIN_CAP,
		.access = ACCESS_NONE,
		.program = "",
		.key = capability_name(capability),
	};
}

/* What husk takes away of what the engine gave: whose refusal is a denial of husk's. */
static uint64_t taken_away(const struct mediator *m)
{
	enum mode modes[DOMAINS];
	uint64_t taken = 0;

	mediator_modes_now(m, modes);
	for (unsigned int i = 0; i < CAPABILITIES; i++) {
		const struct behaviour b = behaviour_of(i);

		if (policy_decide(m->policy, modes, &b).verdict == VERDICT_DENIED)
			taken |= UINT64_C(1) << i;
	}
	return taken & m->setup->spec->bounding;
}

void capabilities_begin(struct mediator *m)
{
	struct capabilities *c = &m->capabilities;
	int r;

	if (c->observer.map_fd < 0)
		return;
	r = observe_begin(c->observer.map_fd, &c->container, watch_view(m->watch), taken_away(m));
	c->recording = r == 0;
	if (r < 0)
		snprintf(c->why_not, sizeof(c->why_not), "the observer cannot record: %s",
			 strerror(-r));
}

static void tell(struct mediator *m, unsigned int capability, const struct observe_asker *asker,
		 bool refused)
{
	const struct behaviour b = behaviour_of(capability);
	char detail[OBSERVE_COMMAND_ROOM + 16];

	snprintf(detail, sizeof(detail), "by '%.*s'", OBSERVE_COMMAND_ROOM, asker->command);
	watch_happened(m->watch, &b, refused,
		       m->capabilities.container.counts_alike ? asker->pid : 0, detail);
}

static void tell_all(struct mediator *m, uint64_t set, const struct observe_asker *askers,
		     bool refused)
{
	for (unsigned int i = 0; i < CAPABILITIES; i++) {
		if (set >> i & 1)
			tell(m, i, &askers[i], refused);
	}
}

/* Returns whether there is still a record of this container. */
static bool look(struct mediator *m)
{
	struct capabilities *c = &m->capabilities;
	struct observe_record record;

	if (observe_read(c->observer.map_fd, c->container.key, &record) < 0)
		return false;
	tell_all(m, record.used & ~c->told_used, record.used_by, false);
	tell_all(m, record.refused & ~c->told_refused, record.refused_by, true);
	c->told_used |= record.used;
	c->told_refused |= record.refused;
	return true;
}

void capabilities_look(struct mediator *m)
{
	struct capabilities *c = &m->capabilities;
	int64_t now = c->recording ? clock_monotonic_ns() : 0;

	if (!c->recording || now - c->looked_ns < LOOK_EVERY_NS)
		return;
	c->looked_ns = now;
	look(m);
}

void capabilities_end(struct mediator *m)
{
	struct capabilities *c = &m->capabilities;

	if (!c->recording || !look(m)) {
		journal_lose(m->journal, DOMAIN_CAP, 1);
		return;
	}
	observe_end(c->observer.map_fd, c->container.key);
}
