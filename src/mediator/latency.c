/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The processors' wake-up latency, as /dev/cpu_dma_latency takes it: microseconds in 32 bits. */
#include "mediator/latency.h"

#include <fcntl.h>
#include <stdint.h>
#include <unistd.h>

#define ANY_LATENCY_US 2000000000 /* PM_QOS_CPU_LATENCY_DEFAULT_VALUE of linux/pm_qos.h */

static void ask_for(struct latency *latency, int32_t latency_us)
{
	if (write(latency->fd, &latency_us, sizeof(latency_us)) == sizeof(latency_us))
		return;
	/* without it everything works, only slower */
	close(latency->fd);
	latency->fd = -1;
}

void latency_open(struct latency *latency)
{
	*latency = (struct latency){.fd = open("/dev/cpu_dma_latency", O_WRONLY | O_CLOEXEC)};
	/* opening asks for 0 at once */
	if (latency->fd >= 0)
		ask_for(latency, ANY_LATENCY_US);
}

void latency_hold(struct latency *latency)
{
	if (latency->fd < 0 || latency->held)
		return;
	latency->held = true;
	ask_for(latency, 0);
}

void latency_release(struct latency *latency)
{
	if (latency->fd < 0 || !latency->held)
		return;
	latency->held = false;
	ask_for(latency, ANY_LATENCY_US);
}
