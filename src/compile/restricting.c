/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From behaviours to capabilities that are kept, calls that are let through, and no_new_privs. */
#include "compile/restricting.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "compile/filter.h"
#include "policy/calls.h"
#include "policy/capability.h"
#include "policy/restriction.h"

/* Names of system calls; each is owned. */
struct names {
	char **names;
	size_t count;
};

struct restricting {
	struct names allowed, denied;
	uint64_t keep, drop; /* capabilities */
	bool privileged;     /* it executes programs that gain privileges */
};

struct restricting *restricting_new(void)
{
	return calloc(1, sizeof(struct restricting));
}

static void names_free(struct names *names)
{
	for (size_t i = 0; i < names->count; i++)
		free(names->names[i]);
	free(names->names);
}

static int names_add(struct names *names, const char *name)
{
	char **grown = realloc(names->names, (names->count + 1) * sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	names->names = grown;
	grown[names->count] = strdup(name);
	if (!grown[names->count])
		return -ENOMEM;
	names->count++;
	return 0;
}

void restricting_free(struct restricting *restricting)
{
	if (!restricting)
		return;
	names_free(&restricting->allowed);
	names_free(&restricting->denied);
	free(restricting);
}

int restricting_add(struct restricting *restricting, const struct behaviour *b,
		    enum policy_match match)
{
	bool allowed = match == POLICY_ALLOWED;
	int capability;

	if (match == POLICY_ABSENT)
		return 0;
	switch (b->domain) {
	case DOMAIN_SYSCALL:
		if (!filter_knows(b->key))
			return 0;
		return names_add(allowed ? &restricting->allowed : &restricting->denied, b->key);
	case DOMAIN_CAP:
		capability = capability_parse(b->key);
		if (capability >= 0)
			*(allowed ? &restricting->keep : &restricting->drop) |= UINT64_C(1)
										<< capability;
		return 0;
	case DOMAIN_EXEC:
		restricting->privileged |= allowed && b->flags & BEHAVIOUR_PRIVILEGED;
		return 0;
	case DOMAIN_FS:
	case DOMAIN_NET:
	case DOMAIN_DNS:
	case DOMAINS:
	default:
		return 0;
	}
}

/* Each run whose calls are watched begins with this one. */
static bool was_watched(const struct restricting *restricting)
{
	for (size_t i = 0; i < restricting->allowed.count; i++) {
		if (strcmp(restricting->allowed.names[i], "execve") == 0)
			return true;
	}
	return false;
}

static bool denies_of_base(const struct restricting *restricting)
{
	for (size_t i = 0; i < restricting->denied.count; i++) {
		if (calls_is_base(restricting->denied.names[i]))
			return true;
	}
	return false;
}

static int make_filter(const struct restricting *restricting, bool enforce,
		       struct sock_filter *room, struct restriction_filter *ret, struct error *err)
{
	const struct filter_wish wish = {
		.extra = enforce ? (const char *const *)restricting->allowed.names : NULL,
		.n_extra = enforce ? restricting->allowed.count : 0,
		.denied = (const char *const *)restricting->denied.names,
		.n_denied = restricting->denied.count,
		.enforce = enforce,
	};

	ret->code = room;
	return filter_make(&wish, room, &ret->count, err);
}

int restricting_attach(const struct restricting *restricting, const struct policy_info *info,
		       struct policy_builder *builder, struct error *err)
{
	struct room {
		struct sock_filter watch[RESTRICTION_FILTER_MAX];
		struct sock_filter enforce[RESTRICTION_FILTER_MAX];
		unsigned char bytes[RESTRICTION_BYTES_MAX];
	};
	cleanup_free struct room *room = malloc(sizeof(*room));
	struct restriction restriction = {.keep = restricting->keep & ~restricting->drop};
	int r = 0;

	if (!room)
		return error_set(err, ENOMEM, "cannot compile what husk-launch takes away");
	if (info->modes[DOMAIN_EXEC] >= MODE_SHADOW && !restricting->privileged)
		restriction.flags |= RESTRICTION_NO_NEW_PRIVS;
	if (denies_of_base(restricting))
		r = make_filter(restricting, false, room->watch, &restriction.watch, err);
	if (r == 0 && was_watched(restricting))
		r = make_filter(restricting, true, room->enforce, &restriction.enforce, err);
	if (r < 0)
		return r;
	r = policy_builder_attach(builder, POLICY_LAUNCH, room->bytes,
				  restriction_write(&restriction, room->bytes));
	return r < 0 ? error_set(err, -r, "cannot attach what husk-launch takes away") : 0;
}
