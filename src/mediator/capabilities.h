/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUSK_MEDIATOR_CAPABILITIES_H
#define HUSK_MEDIATOR_CAPABILITIES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "observe/observe.h"

struct mediator;

/* How one run's capabilities are watched. */
struct capabilities {
	struct observer observer; /* map_fd is -1 where there is none; open until the end */
	struct observe_container container;
	bool recording;
	uint64_t told_used, told_refused;		 /* what the watch has been told of */
	int64_t looked_ns;				 /* CLOCK_MONOTONIC */
	char why_not[sizeof(((struct error *)0)->what)]; /* without a map: the reason */
};

/* Finds the observer. Never fails: what it cannot do is why_not. Before the container starts. */
void capabilities_open(struct mediator *m);

/* From now on what the container's processes need is recorded. Before husk-launch is executed, once
 * the view has its device. */
void capabilities_begin(struct mediator *m);

/* Tells the watch what is new, at most once a second, since some of the answer is for people. */
void capabilities_look(struct mediator *m);

/* Tells the watch the rest, and the journal what nobody could see. After the last process. */
void capabilities_end(struct mediator *m);

#endif
