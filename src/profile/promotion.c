/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The first simple rule of admission and promotion; promotion.h says it in words. */
#include "profile/promotion.h"

enum facts_layout {
	FACTS_MODES_AT = DOMAINS,
	FACTS_TRUSTED_AT = FACTS_MODES_AT + 2 * DOMAINS,
};

_Static_assert(MODES <= 4, "a mode fits into two bits");
_Static_assert(FACTS_TRUSTED_AT == 18, "the layout is stored");

bool promotion_is_lossy(const struct promotion_run *run)
{
	if (run->outcome == OUTCOME_LOST)
		return true;
	for (int d = 0; d < DOMAINS; d++) {
		if (run->lost[d] && d != DOMAIN_CAP)
			return true;
	}
	return false;
}

bool promotion_is_failed(const struct promotion_run *run)
{
	return run->outcome == OUTCOME_KILLED || run->outcome == OUTCOME_OOM ||
	       (run->outcome == OUTCOME_EXITED && run->status != 0);
}

bool promotion_is_clean(const struct promotion_run *run, enum domain domain)
{
	bool ended_well = (run->outcome == OUTCOME_EXITED && run->status == 0) ||
			  (run->outcome == OUTCOME_UNKNOWN && !promotion_is_lossy(run));

	return ended_well && run->modes[domain] != MODE_UNAVAILABLE && !run->lost[domain] &&
	       !run->novel[domain];
}

uint32_t promotion_facts(const struct promotion_run *run)
{
	uint32_t facts = run->trusted ? UINT32_C(1) << FACTS_TRUSTED_AT : 0;

	for (unsigned int d = 0; d < DOMAINS; d++) {
		facts |= (uint32_t)run->modes[d] << (FACTS_MODES_AT + 2 * d);
		if (promotion_is_clean(run, (enum domain)d))
			facts |= UINT32_C(1) << d;
	}
	return facts;
}

enum mode promotion_mode(uint32_t facts, enum domain domain)
{
	return (enum mode)(facts >> (FACTS_MODES_AT + 2 * (unsigned int)domain) & 3U);
}

bool promotion_counts(uint32_t facts, enum domain domain, enum mode mode)
{
	return (facts >> (unsigned int)domain & 1U) && promotion_mode(facts, domain) >= mode;
}

bool promotion_is_novelty(enum behaviour_class c)
{
	return c == CLASS_ORDINARY || c == CLASS_DANGEROUS;
}

enum mode promotion_next(const struct promotion_rule *rule, enum mode mode, bool by_hand,
			 int64_t clean_runs)
{
	if (by_hand || clean_runs < 0)
		return mode;
	if (mode == MODE_LEARN && (uint64_t)clean_runs >= rule->shadow_after_runs)
		return MODE_SHADOW;
	if (mode == MODE_SHADOW && (uint64_t)clean_runs >= rule->enforce_after_runs)
		return MODE_ENFORCE;
	return mode;
}

bool promotion_admits(enum domain domain, enum behaviour_class c, int64_t seen_runs)
{
	bool alone = c != CLASS_DANGEROUS || domain == DOMAIN_FS || domain == DOMAIN_EXEC;

	return c != CLASS_GUARDED && seen_runs >= (alone ? 1 : PROMOTION_DANGEROUS_RUNS);
}
