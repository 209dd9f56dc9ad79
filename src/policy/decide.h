/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUSK_POLICY_DECIDE_H
#define HUSK_POLICY_DECIDE_H

#include <stdbool.h>

#include "policy/behaviour.h"
#include "policy/image.h"

/*
 * The decision, in one place. Plain: no allocation, no system call, no state. `modes` are those of
 * this run (identity, the host and `husk.mode` may have lowered what the image says); `image` is
 * NULL where nothing was learned yet.
 *
 * An entry marked "deny" is refused in every mode but unavailable. While the exec domain is
 * enforced, whatever the image does not hold is refused to a program that it does not know, in
 * every domain. A file is always asked for by some program, so "" (which could not be told) is such
 * a one there; in the other domains it only says that nobody could tell. Otherwise inert behaviour
 * (reading, listing and loading image content) is allowed in every mode. A
 * novelty is what the image does not hold.
 */
struct decision {
	enum verdict verdict;
	bool novel; /* the profile does not hold it: recorded as such, also where it is inert */
};

struct decision policy_decide(const struct policy_image *image, const enum mode modes[DOMAINS],
			      const struct behaviour *b);

/* Reading or listing image content, and loading it to run a program: the program was judged, and
 * names its loader itself. But nothing that policy/guard.h names. */
bool behaviour_is_inert(const struct behaviour *b);

#endif
