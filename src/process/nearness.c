/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where the asker is, is looked at from time to time: it costs as much as a request. Where the
 * kernel moves one of the two away again, because they share a cache with a processor that is idle
 * or because there is work for both, following is in vain, and the pauses grow.
 */
#include "process/nearness.h"

#include <sys/syscall.h>
#include <unistd.h>

#include "base/clock.h"
#include "process/process.h"

enum { PAUSE_MIN_NS = 500 * 1000, PAUSE_MAX_NS = 64 * 1000 * 1000, SLICE_NS = 100 * 1000 * 1000 };

void nearness_open(struct nearness *nearness, int proc_fd)
{
	*nearness = (struct nearness){.proc_fd = proc_fd, .pause_ns = PAUSE_MIN_NS};
	/* EINVAL: more processors than a cpu_set_t has */
	if (sched_getaffinity(0, sizeof(nearness->allowed), &nearness->allowed) < 0)
		nearness->proc_fd = -1;
}

void nearness_stay_free(struct nearness *nearness)
{
	/* what it may be on has changed meanwhile, by a cpuset: it stays where it is */
	if (nearness->proc_fd >= 0 &&
	    sched_setaffinity(0, sizeof(nearness->allowed), &nearness->allowed) < 0)
		nearness->proc_fd = -1;
}

static void bind_to(struct nearness *nearness, pthread_t thread, int processor)
{
	cpu_set_t there;

	if (processor < 0 || processor >= CPU_SETSIZE || !CPU_ISSET(processor, &nearness->allowed))
		return;
	CPU_ZERO(&there);
	CPU_SET(processor, &there);
	(void)pthread_setaffinity_np(thread, sizeof(there), &there);
}

void nearness_call(struct nearness *nearness, pthread_t thread)
{
	if (nearness->proc_fd >= 0)
		bind_to(nearness, thread, sched_getcpu());
}

/* The part of struct sched_attr, of linux/sched/types.h, that each kernel since 3.14 knows. */
struct attributes {
	uint32_t size, policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t runtime, deadline, period;
};

/*
 * Since Linux 6.12 `runtime` is, for ordinary processes, how long one goes on when others want the
 * processor: who wakes up with a shorter one goes first. Before that it is ignored. 0: as usual.
 */
static void set_slice(uint64_t slice_ns)
{
	struct attributes attributes;

	if (syscall(SYS_sched_getattr, 0, &attributes, sizeof(attributes), 0) < 0 ||
	    attributes.policy != SCHED_OTHER)
		return;
	attributes.runtime = slice_ns;
	(void)syscall(SYS_sched_setattr, 0, &attributes, 0);
}

void nearness_give_way(void)
{
	set_slice(SLICE_NS);
}

void nearness_take_part(void)
{
	set_slice(0);
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
	if (processor >= 0 && processor != sched_getcpu()) {
		bind_to(nearness, pthread_self(), processor);
		nearness_stay_free(nearness);
		if (nearness->pause_ns < PAUSE_MAX_NS)
			nearness->pause_ns *= 2;
	} else if (nearness->pause_ns > PAUSE_MIN_NS) {
		nearness->pause_ns /= 2;
	}
	nearness->look_at_ns = now_ns + nearness->pause_ns;
}
