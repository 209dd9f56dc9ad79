/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/limits.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/cleanup.h"

#define OOM_FILE "/proc/self/oom_score_adj"

/* What a process of husk's may come to need; the stack's is fixed when a program begins. */
static const struct {
	int resource;
	rlim_t least;
} needs[] = {
	{RLIMIT_CPU, RLIM_INFINITY}, {RLIMIT_FSIZE, RLIM_INFINITY}, {RLIMIT_DATA, RLIM_INFINITY},
	{RLIMIT_AS, RLIM_INFINITY},  {RLIMIT_NOFILE, 65536},
};

static void lift(int resource, rlim_t least)
{
	struct rlimit limit, more;

	if (getrlimit(resource, &limit) < 0 || limit.rlim_cur >= least)
		return;
	more = (struct rlimit){least, limit.rlim_max > least ? limit.rlim_max : least};
	if (setrlimit(resource, &more) == 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	(void)setrlimit(resource, &limit);
}

/* A score below 0 protects, and stays. */
static void lower_score(void)
{
	cleanup_close int fd = open(OOM_FILE, O_RDWR | O_CLOEXEC);
	char text[16] = "";

	if (fd < 0 || read(fd, text, sizeof(text) - 1) <= 0 || strtol(text, NULL, 10) <= 0)
		return;
	if (write(fd, "0", 1) < 0)
		return;
}

void limits_lift(void)
{
	for (size_t i = 0; i < sizeof(needs) / sizeof(needs[0]); i++)
		lift(needs[i].resource, needs[i].least);
	signal(SIGXFSZ, SIG_IGN);
	lower_score();
}
