/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUSK_EVENT_EVENT_H
#define HUSK_EVENT_EVENT_H

#include <stdint.h>

#include "base/error.h"
#include "policy/behaviour.h"

/*
 * Events: one JSON object a line, appended to the event file by a single write(2) each, so that the
 * lines of several writers never mix. Beyond `limit` events of one kind in one domain a sink only
 * counts, and event_sink_free() writes one "suppressed" event with the numbers: rate-limited, never
 * lost silently, and many of one kind drown no other. Kinds about the run itself (run, promoted,
 * degraded, refused, entered, recovered, marked) are written at least EVENT_RUN_LIMIT_MIN times.
 *
 * Members of a line, in this order, each left out where there is nothing to say: time (RFC 3339,
 * UTC), event, function, revision, run, container, domain, operation (the access), program, key,
 * pid, mode, verdict (of the kinds that are one), detail, count, modes (an object, domain to mode).
 */
enum event_kind {
	EVENT_RUN, /* a run started: modes of all domains, and why */
	EVENT_DENIED,
	EVENT_WOULD_DENY,
	EVENT_NOVELTY,
	EVENT_PROMOTED,	  /* a domain of a revision moved to another mode */
	EVENT_DEGRADED,	  /* a domain, or the whole wrap, could not be set up or was lowered */
	EVENT_REFUSED,	  /* a container was not started */
	EVENT_ENTERED,	  /* a process came in before the wrap, or from the engine */
	EVENT_RECOVERED,  /* the journal of a dead mediator was merged */
	EVENT_MARKED,	  /* a person allowed or denied a behaviour, or set a mode */
	EVENT_NATIVE,	  /* what a run has natively, past the view, and what not and why */
	EVENT_REQUESTS,	  /* what the view was asked in a run, by operation */
	EVENT_SUPPRESSED, /* so many events of a run were only counted */
	EVENT_KINDS,
};

enum event_limits {
	EVENT_RUN_LIMIT_MIN = 50, /* far more than a run has of them, unless something is wrong */
};

/* One event; members that are NULL, "", negative or zero where noted are left out of the line. */
struct event {
	enum event_kind kind;
	const char *function;
	const char *revision;
	const char *run;
	const char *container;
	const struct behaviour *behaviour; /* NULL: about no behaviour */
	int mode;			   /* enum mode, -1: left out */
	int domain;			   /* enum domain, -1: that of the behaviour, or none */
	int32_t pid;			   /* 0: left out */
	const char *detail;		   /* a sentence for people: what happened, and why */
	uint64_t count;			   /* 0: left out */
	const enum mode *modes;		   /* DOMAINS of them, for EVENT_RUN; NULL: left out */
};

#define EVENT(kind_) ((struct event){.kind = (kind_), .mode = -1, .domain = -1})

const char *event_kind_name(enum event_kind kind); /* "run", "denied", "would-deny", ... */

struct event_sink;

/* Opens (creating, mode 0600) the event file. limit 0: no limit. -errno with *err set. */
int event_sink_open(const char *path, uint64_t limit, struct event_sink **ret, struct error *err);

/* The same on a descriptor that the sink owns from now on, also on failure. */
int event_sink_on(int fd, uint64_t limit, struct event_sink **ret);

/* Writes one event, with the wall clock's time. A NULL sink drops it. Failures are counted and told
 * with the suppressed ones; a line that a full disk cut short is ended before the next one. Names
 * are written in their text form (base/text.h). */
void event_emit(struct event_sink *sink, const struct event *event);

/* Writes the count of what was suppressed, for the function and run of the last of those, closes,
 * frees. Takes NULL. */
void event_sink_free(struct event_sink *sink);

#endif
