/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUSK_MEDIATOR_LATENCY_H
#define HUSK_MEDIATOR_LATENCY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/settings.h"

/*
 * Holding the processors awake while requests flow: each request to the view costs two wake-ups,
 * and on virtual machines waking an idle processor is the dearest part of it. Costs the host
 * energy, so it is a setting. By itself husk holds them only where the kernel is the guest of a
 * hypervisor and may keep its idle processors looking for work anyway (the idle driver haltpoll);
 * and after the first LATENCY_BUDGET_NS no longer than what requests earn, which lasts for who does
 * little else than asking. Sources: Documentation/power/pm_qos_interface.rst,
 * /dev/cpu_dma_latency; Documentation/virt/guest-halt-polling.rst.
 */
struct latency {
	int fd; /* -1: not wanted, or not to be had */
	bool held;
	bool bounded;
	int64_t budget_ns;     /* where bounded */
	int64_t held_since_ns; /* CLOCK_MONOTONIC */
};

#define LATENCY_IDLE_MS 2 /* without a request for so long, the hold is given up */
#define LATENCY_BUDGET_NS 1000000000
#define LATENCY_EARNED_NS 100000 /* by each request: a few times what one takes */

void latency_open(struct latency *latency, enum hold hold);
void latency_hold(struct latency *latency); /* requests have come */
void latency_earn(struct latency *latency, int requests);
void latency_release(struct latency *latency); /* none has for LATENCY_IDLE_MS */

#endif
