/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUSK_MEDIATOR_LATENCY_H
#define HUSK_MEDIATOR_LATENCY_H

#include <stdbool.h>

/*
 * Holding the processors awake while requests flow: each request to the view costs two wake-ups,
 * and on virtual machines waking an idle processor is the dearest part of it. Costs the host
 * energy, so it is a setting. Source: Documentation/power/pm_qos_interface.rst,
 * /dev/cpu_dma_latency.
 */
struct latency {
	int fd; /* -1: not wanted, or not to be had */
	bool held;
};

#define LATENCY_IDLE_MS 2 /* without a request for so long, the hold is given up */

void latency_open(struct latency *latency);
void latency_hold(struct latency *latency);    /* a request has come */
void latency_release(struct latency *latency); /* none has for LATENCY_IDLE_MS */

#endif
