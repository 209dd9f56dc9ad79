/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The processors' wake-up latency, as /dev/cpu_dma_latency takes it: microseconds in 32 bits. */
#include "mediator/latency.h"

#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"

#define ANY_LATENCY_US 2000000000 /* PM_QOS_CPU_LATENCY_DEFAULT_VALUE of linux/pm_qos.h */

static void ask_for(struct latency *latency, int32_t latency_us)
{
	if (write(latency->fd, &latency_us, sizeof(latency_us)) == sizeof(latency_us))
		return;
	/* without it everything works, only slower */
	close(latency->fd);
	latency->fd = -1;
}

/* Where another idle driver is, waking up is cheap, or lasting sleep is worth more. */
static bool is_worth_it(void)
{
	cleanup_close int fd = open("/sys/devices/system/cpu/cpuidle/current_driver",
				    O_RDONLY | O_NOCTTY | O_CLOEXEC);
	static const char wanted[] = "haltpoll\n";
	char driver[sizeof(wanted)];

	return fd >= 0 && read(fd, driver, sizeof(driver)) == sizeof(wanted) - 1 &&
	       memcmp(driver, wanted, sizeof(wanted) - 1) == 0;
}

void latency_open(struct latency *latency, enum hold hold)
{
	*latency = (struct latency){.fd = -1, .bounded = hold == HOLD_AUTO};
	if (hold == HOLD_NO || (hold == HOLD_AUTO && !is_worth_it()))
		return;
	latency->budget_ns = LATENCY_BUDGET_NS;
	latency->fd = open("/dev/cpu_dma_latency", O_WRONLY | O_CLOEXEC);
	/* opening asks for 0 at once */
	if (latency->fd >= 0)
		ask_for(latency, ANY_LATENCY_US);
}

void latency_hold(struct latency *latency)
{
	if (latency->fd < 0 || latency->held ||
	    (latency->bounded && latency->budget_ns < INT64_C(1000000) * LATENCY_IDLE_MS))
		return;
	latency->held = true;
	latency->held_since_ns = clock_monotonic_ns();
	ask_for(latency, 0);
}

void latency_earn(struct latency *latency, int requests)
{
	if (latency->fd < 0 || !latency->bounded)
		return;
	latency->budget_ns += (int64_t)requests * LATENCY_EARNED_NS;
	if (latency->budget_ns > LATENCY_BUDGET_NS)
		latency->budget_ns = LATENCY_BUDGET_NS;
	if (latency->held && clock_monotonic_ns() - latency->held_since_ns > latency->budget_ns)
		latency_release(latency);
}

void latency_release(struct latency *latency)
{
	if (latency->fd < 0 || !latency->held)
		return;
	latency->held = false;
	latency->budget_ns -= clock_monotonic_ns() - latency->held_since_ns;
	ask_for(latency, ANY_LATENCY_US);
}
