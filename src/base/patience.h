/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUSK_BASE_PATIENCE_H
#define HUSK_BASE_PATIENCE_H

#include <stdbool.h>

/*
 * Whether to look for the next request for a moment, after one was answered, before going to sleep.
 * A program that has just been started asks again and again, a few microseconds after each answer.
 * Where it runs on another processor, each of its questions would wake this process there: in a
 * virtual machine, where that takes an interrupt between processors, some 50 us, half of what a
 * request costs. So it is looked for not much longer than that: twice as long saved little more
 * time and took more of the processor's. Where it did not come, because the asker has other things
 * to do or cannot run as long as this process does, the pauses in which it is not even tried grow.
 */
struct patience {
	bool alone; /* one processor: whoever asks runs after this process */
	unsigned int failed, pause;
};

enum patience_constants {
	PATIENCE_NS = 80000,	  /* of the view's */
	PATIENCE_PAUSE_MAX = 256, /* answers */
};

void patience_open(struct patience *patience);

/* Is it to be tried after this answer? */
bool patience_is_due(struct patience *patience);

/* Whether the next request came in time. */
void patience_learn(struct patience *patience, bool came);

#endif
