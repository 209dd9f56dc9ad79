/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUSK_MEDIATOR_WATCH_H
#define HUSK_MEDIATOR_WATCH_H

#include <stdbool.h>
#include <sys/types.h>

#include "event/event.h"
#include "journal/journal.h"
#include "policy/decide.h"
#include "policy/image.h"
#include "view/view.h"

/*
 * Watching: the judge of a view. Finds out which program asks, widens the key, asks the policy,
 * records in the journal what is new in this run, tells events, and answers. On the request path:
 * bounded tables, no allocation after watch_new() but for tables that grow to their limit.
 */
enum watch_limits {
	WATCH_CACHE_SLOTS = 4096,  /* answers remembered, one a slot */
	WATCH_PROGRAMS_MAX = 1024, /* programs with answers of their own in the cache */
};

/* The acting program of what the runtime itself executes: the entry point. No path looks like it.
 */
#define WATCH_RUNTIME "{runtime}"

struct watch_options {
	int proc_fd;		   /* the host's /proc; borrowed */
	pid_t init;		   /* the container's first process */
	bool leads_namespace;	   /* it is the first of a pid namespace, too */
	dev_t view;		   /* the view's device: programs elsewhere were never judged */
	bool judge_entered;	   /* judge what an engine executes into the container */
	struct journal *journal;   /* borrowed; NULL: nothing is recorded */
	struct event_sink *events; /* borrowed */
	const char *function, *revision, *run, *container; /* borrowed */
};

struct watch;

int watch_new(const struct watch_options *options, struct watch **ret);

/* Tells how many repetitions of denials had no event of their own, and frees. Takes NULL. */
void watch_free(struct watch *watch);

/* From now on this policy (borrowed; NULL: nothing learned) and these modes hold. */
void watch_use(struct watch *watch, const struct policy_image *policy,
	       const enum mode modes[DOMAINS]);

/* Has anything been asked that only happens once the container's first process has done what
 * husk-launch does? What engines execute into the container may ask earlier. */
bool watch_started(const struct watch *watch);

/* Answers a question as a view_judge does. */
int watch_judge(struct watch *watch, const struct view_question *question);

/*
 * Judges what was seen in any other way than by a question of the view, for watch_observe(). Of the
 * domains net and dns the program is told, and no part of what is judged: the kernel's rules and
 * the proxy know none.
 */
struct decision watch_decide(const struct watch *watch, const struct behaviour *b);

/* Would this decision be told in an event of its own? For who has to find out what else that is to
 * say. */
bool watch_tells(const struct watch *watch, const struct behaviour *b, struct decision decision);

/*
 * Records and tells what was decided. b: its strings are copied where they are kept; program ""
 * where nobody could tell it. pid: in the host's pid namespace, 0 if unknown. detail: goes into the
 * event; NULL for none. What an engine's own process does is let pass unless such are judged, and
 * never learned; names are judged whoever asks.
 */
enum verdict watch_observe(struct watch *watch, const struct behaviour *b, struct decision decision,
			   pid_t pid, const char *detail);

/*
 * Records and tells what has been done already, or was refused already, by whatever the policy
 * says: what was done is never told as denied. pid: as above, of a process that is not foreign.
 * detail: goes into the event.
 */
void watch_happened(struct watch *watch, const struct behaviour *b, bool refused, pid_t pid,
		    const char *detail);

/* The device of the view, as watch_new() was told. */
dev_t watch_view(const struct watch *watch);

/* An open for execution has ended (view_exec_closed). */
void watch_exec_closed(struct watch *watch, uint32_t opening);

#endif
