/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUSK_PROFILE_PROMOTION_H
#define HUSK_PROFILE_PROMOTION_H

#include <stdbool.h>
#include <stdint.h>

#include "policy/behaviour.h"
#include "profile/class.h"

/*
 * The rules by which what was observed becomes policy; everything that may change when they do is
 * behind these few functions. The present rule counts:
 *
 * - A run is clean for a domain when it ended well (exit status 0, or an unknown end while nothing
 * at all was lost), nothing was lost in that domain, the domain was watched, and nothing of a class
 *   other than inert was new. A run that failed, was killed, ran out of memory or lost its mediator
 *   teaches, but does not count. What a person has marked "deny" is settled and does not spoil a
 * run.
 * - learn -> shadow after so many clean runs since the last novelty; shadow -> enforce after so
 * many more that were watched in shadow at least. A novelty starts the count again.
 * - What learn and shadow saw is admitted at once, but for the guarded class: that takes a person;
 *   and dangerous peers, names, resolvers, capabilities and system calls are not admitted by one
 *   run alone, but once PROMOTION_DANGEROUS_RUNS runs had them. What was denied is never admitted.
 */
enum promotion_limits { PROMOTION_DANGEROUS_RUNS = 3 };

struct promotion_rule {
	unsigned long shadow_after_runs;
	unsigned long enforce_after_runs;
};

/* What the rules want to know of one run; how it ended, and of each domain. */
struct promotion_run {
	enum outcome outcome;
	int32_t status; /* exit status or signal */
	bool trusted;
	enum mode modes[DOMAINS]; /* as this run had them, which may be below the revision's */
	bool lost[DOMAINS];	  /* behaviours of that domain were lost */
	bool novel[DOMAINS];	  /* one that is not inert was not in the policy, but allowed */
};

/* Is this run clean for that domain? */
bool promotion_is_clean(const struct promotion_run *run, enum domain domain);

/* Did it fail by itself; did it lose observations? For counting. Capabilities that the host cannot
 * show are no loss that tells of trouble: such a run is only not clean for that domain. */
bool promotion_is_failed(const struct promotion_run *run);
bool promotion_is_lossy(const struct promotion_run *run);

/*
 * What is kept of a run: bit d is set when it was clean for domain d, bits 6 + 2d and 7 + 2d hold
 * its mode, bit 18 is set when it was trusted. Stored and exported: never renumber.
 */
uint32_t promotion_facts(const struct promotion_run *run);

/* The mode that a run with these facts had. */
enum mode promotion_mode(uint32_t facts, enum domain domain);

/* Does a run with these facts count toward leaving `mode` in that domain? */
bool promotion_counts(uint32_t facts, enum domain domain, enum mode mode);

/* Does the first sighting of this class start the count again? */
bool promotion_is_novelty(enum behaviour_class c);

/* The mode after so many counting runs since the last novelty and since the domain is in `mode`;
 * the same mode where nothing is due, or a person set it. Never more than one step. */
enum mode promotion_next(const struct promotion_rule *rule, enum mode mode, bool by_hand,
			 int64_t clean_runs);

/* Is a behaviour part of the policy by what was learned, having been allowed in `seen_runs` runs?
 */
bool promotion_admits(enum domain domain, enum behaviour_class c, int64_t seen_runs);

#endif
