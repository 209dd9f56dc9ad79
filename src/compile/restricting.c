/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From behaviours to capabilities that are kept, calls that are let through, and no_new_privs. */
#include "compile/restricting.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "compile/filter.h"
#include "policy/calls.h"
#include "policy/capability.h"
#include "policy/restriction.h"

/* Names of system calls, or paths of programs; each is owned. */
struct names {
	char **names;
	size_t count;
};

struct restricting {
	struct names allowed, denied;
	uint64_t keep, drop;  /* capabilities */
	struct names gaining; /* programs that gain privileges and that it executes */
	struct names by_hand; /* programs that a person has allowed */
	bool packets;	      /* it may send below the rules of the network */
	bool watched[DOMAINS];
	struct filters *filters; /* NULL until they are made, for the policy that was added */
};

struct filters {
	struct sock_filter watch[RESTRICTION_FILTER_MAX];
	struct sock_filter enforce[RESTRICTION_FILTER_MAX];
	uint32_t watch_count, enforce_count;
	unsigned char bytes[RESTRICTION_BYTES_MAX];
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
	names_free(&restricting->gaining);
	names_free(&restricting->by_hand);
	free(restricting->filters);
	free(restricting);
}

/* A person's word names a program, and what that gains is known from runs. */
static int add_program(struct restricting *restricting, const struct behaviour *b, bool by_hand)
{
	int r = 0;

	if (b->flags & BEHAVIOUR_PRIVILEGED)
		r = names_add(&restricting->gaining, b->key);
	return r == 0 && by_hand ? names_add(&restricting->by_hand, b->key) : r;
}

static bool gains_by_hand(const struct restricting *restricting)
{
	const struct names *by_hand = &restricting->by_hand;

	for (size_t i = 0; i < restricting->gaining.count; i++) {
		for (size_t j = 0; j < by_hand->count; j++) {
			if (strcmp(restricting->gaining.names[i], by_hand->names[j]) == 0)
				return true;
		}
	}
	return false;
}

int restricting_add(struct restricting *restricting, const struct behaviour *b,
		    enum policy_match match, bool by_hand)
{
	bool allowed = match == POLICY_ALLOWED;
	int capability;

	if (match == POLICY_ABSENT)
		return 0;
	free(restricting->filters);
	restricting->filters = NULL;
	switch (b->domain) {
	case DOMAIN_SYSCALL:
		restricting->packets |= allowed && calls_hides_sockets(b->key);
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
		return allowed ? add_program(restricting, b, by_hand) : 0;
	case DOMAIN_FS:
	case DOMAIN_NET:
	case DOMAIN_DNS:
	case DOMAINS:
	default:
		return 0;
	}
}

void restricting_watched(struct restricting *restricting, enum domain domain)
{
	restricting->watched[domain] = true;
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
		       struct sock_filter *code, uint32_t *ret_count, struct error *err)
{
	const struct filter_wish wish = {
		.extra = enforce ? (const char *const *)restricting->allowed.names : NULL,
		.n_extra = enforce ? restricting->allowed.count : 0,
		.denied = (const char *const *)restricting->denied.names,
		.n_denied = restricting->denied.count,
		.enforce = enforce,
	};

	return filter_make(&wish, code, ret_count, err);
}

/* Once: a policy is often emitted twice, with another serial. */
static int make_filters(struct restricting *restricting, struct error *err)
{
	struct filters *made = restricting->filters;
	int r = 0;

	if (made)
		return 0;
	made = calloc(1, sizeof(*made));
	if (!made)
		return error_set(err, ENOMEM, "cannot compile what husk-launch takes away");
	if (denies_of_base(restricting))
		r = make_filter(restricting, false, made->watch, &made->watch_count, err);
	if (r == 0 && restricting->watched[DOMAIN_SYSCALL])
		r = make_filter(restricting, true, made->enforce, &made->enforce_count, err);
	if (r < 0)
		free(made);
	else
		restricting->filters = made;
	return r;
}

int restricting_attach(struct restricting *restricting, const struct policy_info *info,
		       struct policy_builder *builder, struct error *err)
{
	struct restriction restriction = {.keep = restricting->keep & ~restricting->drop};
	int r = make_filters(restricting, err);
	struct filters *made = restricting->filters;

	if (r < 0)
		return r;
	if (info->modes[DOMAIN_EXEC] >= MODE_SHADOW && restricting->gaining.count == 0)
		restriction.flags |= RESTRICTION_NO_NEW_PRIVS;
	else if (info->modes[DOMAIN_EXEC] >= MODE_SHADOW && !gains_by_hand(restricting))
		restriction.flags |= RESTRICTION_GAINS_LEARNED;
	if (restricting->watched[DOMAIN_CAP])
		restriction.flags |= RESTRICTION_CAPABILITIES;
	if (made->enforce_count > 0 && !restricting->packets)
		restriction.flags |= RESTRICTION_NO_PACKETS;
	restriction.watch = (struct restriction_filter){made->watch, made->watch_count};
	restriction.enforce = (struct restriction_filter){made->enforce, made->enforce_count};
	r = policy_builder_attach(builder, POLICY_LAUNCH, made->bytes,
				  restriction_write(&restriction, made->bytes));
	return r < 0 ? error_set(err, -r, "cannot attach what husk-launch takes away") : 0;
}
