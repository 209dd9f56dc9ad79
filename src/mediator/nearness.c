/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where the asker is, is looked at from time to time: it costs as much as a request. Where the
 * kernel moves one of the two away again, because they share a cache with a processor that is idle
 * or because there is work for both, following is in vain, and the pauses grow.
 */
#include "mediator/nearness.h"

#include "base/clock.h"
#include "mediator/process.h"

enum { PAUSE_MIN_NS = 500 * 1000, PAUSE_MAX_NS = 64 * 1000 * 1000 };

void nearness_open(struct nearness *nearness, int proc_fd)
{
	*nearness = (struct nearness){.proc_fd = proc_fd, .pause_ns = PAUSE_MIN_NS};
	/* EINVAL: more processors than a cpu_set_t has */
	if (sched_getaffinity(0, sizeof(nearness->allowed), &nearness->allowed) < 0)
		nearness->proc_fd = -1;
}

static void go_to(struct nearness *nearness, int processor)
{
	cpu_set_t there;

	CPU_ZERO(&there);
	CPU_SET(processor, &there);
	if (sched_setaffinity(0, sizeof(there), &there) < 0)
		return;
	/* what it may be on has changed meanwhile, by a cpuset: it stays where it is */
	if (sched_setaffinity(0, sizeof(nearness->allowed), &nearness->allowed) < 0)
		nearness->proc_fd = -1;
}

void nearness_follow(struct nearness *nearness, pid_t caller)
{
	int64_t now_ns;
	int processor;

	if (nearness->proc_fd < 0 || caller <= 0)
		return;
	now_ns = clock_monotonic_ns();
	if (now_ns < nearness->look_at_ns)
		return;
	processor = process_processor(nearness->proc_fd, caller);
	if (processor >= 0 && processor < CPU_SETSIZE && processor != sched_getcpu()) {
		if (CPU_ISSET(processor, &nearness->allowed))
			go_to(nearness, processor);
		if (nearness->pause_ns < PAUSE_MAX_NS)
			nearness->pause_ns *= 2;
	} else if (nearness->pause_ns > PAUSE_MIN_NS) {
		nearness->pause_ns /= 2;
	}
	nearness->look_at_ns = now_ns + nearness->pause_ns;
}
