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
 * hypervisor and keeps its idle processors looking for work anyway, for a moment (the idle driver
 * haltpoll), and no longer than LATENCY_AUTO_NS in all, which is for the start. Sources:
 * Documentation/power/pm_qos_interface.rst, /dev/cpu_dma_latency;
 * Documentation/virt/guest-halt-polling.rst.
 */
struct latency {
	int fd; /* -1: not wanted, or not to be had */
	bool held;
	int64_t until_ns; /* CLOCK_MONOTONIC: not held from then on */
};

#define LATENCY_IDLE_MS 2	   /* without a request for so long, the hold is given up */
#define LATENCY_AUTO_NS 1000000000 /* after latency_open() */

void latency_open(struct latency *latency, enum hold hold);
void latency_hold(struct latency *latency);    /* a request has come */
void latency_release(struct latency *latency); /* none has for LATENCY_IDLE_MS */

#endif
