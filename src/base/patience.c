/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/patience.h"

#include <sched.h>

void patience_open(struct patience *patience)
{
	cpu_set_t allowed;

	/* EINVAL: more processors than a cpu_set_t has */
	*patience = (struct patience){
		.alone = sched_getaffinity(0, sizeof(allowed), &allowed) == 0 &&
			 CPU_COUNT(&allowed) == 1,
	};
}

bool patience_is_due(struct patience *patience)
{
	if (patience->alone)
		return false;
	if (patience->pause == 0)
		return true;
	patience->pause--;
	return false;
}

void patience_learn(struct patience *patience, bool came)
{
	if (came) {
		patience->failed = 0;
		return;
	}
	if (1U << patience->failed < PATIENCE_PAUSE_MAX)
		patience->failed++;
	patience->pause = (1U << patience->failed) - 1;
}
