/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The decision over one behaviour. */
#include "policy/decide.h"

#include "policy/guard.h"

bool behaviour_is_inert(const struct behaviour *b)
{
	const char *reason;

	return b->flags & BEHAVIOUR_IMAGE &&
	       (b->access == ACCESS_READ || b->access == ACCESS_LIST ||
		b->access == ACCESS_INTERPRET) &&
	       guard_of(b, &reason) == GUARD_NONE;
}

/* An enforced exec domain stands for something only if what it does not know cannot act either, in
 * any domain: a program can come in by ways that no exec is seen of. */
static bool acts_through_stranger(const struct policy_image *image, const enum mode modes[DOMAINS],
				  const struct behaviour *b)
{
	bool told = *b->program || b->domain == DOMAIN_FS || b->domain == DOMAIN_EXEC;

	return told && modes[DOMAIN_EXEC] == MODE_ENFORCE &&
	       !(image && policy_image_has_program(image, b->program));
}

static enum verdict verdict_on_novelty(enum mode mode)
{
	switch (mode) {
	case MODE_UNAVAILABLE:
		return VERDICT_ALLOWED;
	case MODE_LEARN:
		return VERDICT_NOVEL;
	case MODE_SHADOW:
		return VERDICT_WOULD_DENY;
	case MODE_ENFORCE:
	case MODES:
	default:
		return VERDICT_DENIED;
	}
}

struct decision policy_decide(const struct policy_image *image, const enum mode modes[DOMAINS],
			      const struct behaviour *b)
{
	enum policy_match match;
	enum mode mode;

	if ((unsigned int)b->domain >= DOMAINS)
		return (struct decision){VERDICT_DENIED, true};
	mode = modes[b->domain];
	match = image ? policy_image_find(image, b) : POLICY_ABSENT;
	if (match == POLICY_ALLOWED)
		return (struct decision){VERDICT_ALLOWED, false};
	if (match == POLICY_DENIED)
		return (struct decision){
			mode == MODE_UNAVAILABLE ? VERDICT_ALLOWED : VERDICT_DENIED, false};
	if (mode != MODE_UNAVAILABLE && acts_through_stranger(image, modes, b))
		return (struct decision){VERDICT_DENIED, true};
	if (behaviour_is_inert(b))
		return (struct decision){VERDICT_ALLOWED, true};
	return (struct decision){verdict_on_novelty(mode), true};
}
