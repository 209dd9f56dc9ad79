/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is known of a behaviour and of a domain's mode, and how two such records join. */
#include "profile/known.h"

#include <string.h>

#include "base/text.h"

#define NS_PER_HOUR INT64_C(3600000000000)

/* Joins a first sighting by its minimum over (time, run); 0 is no sighting. */
static bool join_first(struct known *into, int64_t at_ns, uint64_t run)
{
	bool earlier = into->first_ns == 0 || at_ns < into->first_ns ||
		       (at_ns == into->first_ns && run < into->first_run);

	if (at_ns == 0 || !earlier)
		return false;
	into->first_ns = at_ns;
	into->first_run = run;
	return true;
}

static bool join_denied_first(struct known *into, int64_t at_ns)
{
	if (at_ns == 0 || (into->denied_ns != 0 && into->denied_ns <= at_ns))
		return false;
	into->denied_ns = at_ns;
	return true;
}

static bool join_last(struct known *into, int64_t hour)
{
	if (hour <= into->last_hour)
		return false;
	into->last_hour = hour;
	return true;
}

/* An image file that was once seen written is content that changes, so that flag joins by "and". */
static bool join_flags(struct known *into, uint32_t flags)
{
	uint32_t joined = ((into->flags & flags) & BEHAVIOUR_IMAGE) |
			  ((into->flags | flags) & ~(uint32_t)BEHAVIOUR_IMAGE);
	bool changed = joined != into->flags;

	into->flags = joined;
	return changed;
}

bool known_see(struct known *known, uint32_t flags, uint64_t run, int64_t at_ns, bool denied)
{
	struct known sighting = {
		.flags = flags & ~(uint32_t)BEHAVIOUR_FOREIGN,
		.last_hour = at_ns / NS_PER_HOUR,
	};

	if (denied) {
		sighting.denied_ns = at_ns;
		sketch_add(&sighting.denied, run);
	} else {
		sighting.first_ns = at_ns;
		sighting.first_run = run;
		sketch_add(&sighting.seen, run);
	}
	return known_join(known, &sighting);
}

static bool join_mark(struct known *into, enum mark mark, const char *author, int64_t at_ns)
{
	if (at_ns != into->mark_ns) {
		if (at_ns < into->mark_ns)
			return false;
	} else if (mark != into->mark) {
		if (mark < into->mark)
			return false;
	} else if (strcmp(author, into->mark_author) <= 0) {
		return false;
	}
	into->mark = mark;
	into->mark_ns = at_ns;
	text_copy(into->mark_author, sizeof(into->mark_author), author);
	return true;
}

bool known_say(struct known *known, enum mark mark, const char *author, int64_t at_ns)
{
	char cut[KNOWN_AUTHOR_ROOM];

	text_copy(cut, sizeof(cut), author);
	return join_mark(known, mark, cut, at_ns);
}

bool known_join(struct known *into, const struct known *from)
{
	bool changed = join_flags(into, from->flags);

	changed = join_first(into, from->first_ns, from->first_run) || changed;
	changed = join_denied_first(into, from->denied_ns) || changed;
	changed = join_last(into, from->last_hour) || changed;
	changed = sketch_join(&into->seen, &from->seen) || changed;
	changed = sketch_join(&into->denied, &from->denied) || changed;
	return join_mark(into, from->mark, from->mark_author, from->mark_ns) || changed;
}

bool known_is_seen(const struct known *known)
{
	return known->seen.count > 0 || known->denied.count > 0;
}

int64_t known_first_ns(const struct known *known)
{
	if (known->first_ns == 0)
		return known->denied_ns;
	if (known->denied_ns == 0 || known->first_ns < known->denied_ns)
		return known->first_ns;
	return known->denied_ns;
}

int64_t known_last_ns(const struct known *known)
{
	int64_t last_ns = known->last_hour * NS_PER_HOUR;

	if (last_ns < known->first_ns)
		last_ns = known->first_ns;
	return last_ns < known->denied_ns ? known->denied_ns : last_ns;
}

bool known_mode_join(struct known_mode *into, const struct known_mode *from)
{
	bool later;

	if (from->set_ns != into->set_ns)
		later = from->set_ns > into->set_ns;
	else if (from->by_hand != into->by_hand)
		later = from->by_hand;
	else if (from->mode != into->mode)
		later = from->mode > into->mode;
	else
		later = from->since_ns < into->since_ns;
	if (later)
		*into = *from;
	return later;
}
