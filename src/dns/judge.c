/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rulings, and the steps of searches that wait to be told from names that are meant. */
#include "dns/judge.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "policy/shape-host.h"

/* A name that ends like an entry of the search list and that does not exist. */
struct step {
	int64_t at_ns; /* CLOCK_MONOTONIC; 0: an empty place */
	char name[RESOLV_DOMAIN_ROOM];
	struct dns_asker asker;
};

struct dns_judge {
	struct dns_judge_options options;
	struct resolv resolv;
	size_t steps_next;  /* the place that is filled next: so the oldest is the first to go */
	struct step *steps; /* JUDGE_STEPS_MAX; NULL: there was none yet */
};

int dns_judge_new(const struct dns_judge_options *options, struct dns_judge **ret)
{
	struct dns_judge *judge = calloc(1, sizeof(*judge));

	if (!judge)
		return -ENOMEM;
	judge->options = *options;
	*ret = judge;
	return 0;
}

void dns_judge_use(struct dns_judge *judge, const struct resolv *resolv)
{
	judge->resolv = *resolv;
}

static struct behaviour behaviour_of(enum access access, const char *key)
{
	return (struct behaviour){
		.domain = DOMAIN_DNS,
		.access = access,
		.program = "",
		.key = key,
	};
}

/* key, text: room for what it is recorded as. */
static struct behaviour asking_for(const char *name, char key[SHAPE_HOST_MAX])
{
	shape_host(name, key);
	return behaviour_of(ACCESS_RESOLVE, key);
}

static struct behaviour consulting(const struct address *resolver, char text[ADDRESS_TEXT_ROOM])
{
	address_text(resolver, text);
	return behaviour_of(ACCESS_CONSULT, text);
}

/* Is the name, as it would be recorded, part of the policy? */
static bool is_known(const struct dns_judge *judge, const char *name)
{
	char key[SHAPE_HOST_MAX];
	struct behaviour b = asking_for(name, key);

	return judge->options.peek(judge->options.context, &b) == VERDICT_ALLOWED;
}

static enum verdict observe_name(struct dns_judge *judge, const char *name,
				 const struct dns_asker *asker)
{
	char key[SHAPE_HOST_MAX];
	struct behaviour b = asking_for(name, key);

	return judge->options.observe(judge->options.context, &b, asker);
}

/* Is `name` a step on the way to a known name: the shorter name itself, or that with another
 * entry of the search list behind it? */
static bool leads_to_known(const struct dns_judge *judge, const char *name)
{
	size_t len;

	for (size_t i = 0; (i = resolv_expanded(&judge->resolv, name, i, &len)) > 0;) {
		char other[DNS_NAME_ROOM + RESOLV_DOMAIN_ROOM];

		memcpy(other, name, len);
		other[len] = '\0';
		if (is_known(judge, other))
			return true;
		other[len] = '.';
		for (size_t j = 0; j < judge->resolv.search_count; j++) {
			const char *domain = judge->resolv.search[j];

			memcpy(other + len + 1, domain, strlen(domain) + 1);
			if (j != i - 1 && is_known(judge, other))
				return true;
		}
	}
	return false;
}

static bool is_search_domain(const struct resolv *resolv, const char *name)
{
	for (size_t i = 0; i < resolv->search_count; i++) {
		if (strcmp(resolv->search[i], name) == 0)
			return true;
	}
	return false;
}

/* Were `step` and `name` made of one shorter name? */
static bool belong_together(const struct resolv *resolv, const char *step, const char *name)
{
	size_t len;

	for (size_t i = 0; (i = resolv_expanded(resolv, step, i, &len)) > 0;) {
		if (strncmp(step, name, len) != 0)
			continue;
		if (name[len] == '\0' ||
		    (name[len] == '.' && is_search_domain(resolv, name + len + 1)))
			return true;
	}
	return false;
}

static void settle_step(struct dns_judge *judge, struct step *step)
{
	if (step->at_ns != 0)
		observe_name(judge, step->name, &step->asker);
	step->at_ns = 0;
}

/* This name was asked for next: what was a step on the way to it was no more than that. */
static void forget_steps_to(struct dns_judge *judge, const char *name)
{
	for (size_t i = 0; judge->steps && i < JUDGE_STEPS_MAX; i++) {
		struct step *step = &judge->steps[i];

		if (step->at_ns != 0 && strcmp(step->name, name) != 0 &&
		    belong_together(&judge->resolv, step->name, name))
			step->at_ns = 0;
	}
}

static void remember_step(struct dns_judge *judge, const char *name, const struct dns_asker *asker)
{
	int64_t now_ns = clock_monotonic_ns();
	struct step *place;

	if (!judge->steps)
		judge->steps = calloc(JUDGE_STEPS_MAX, sizeof(*judge->steps));
	if (!judge->steps || strlen(name) >= sizeof(place->name)) {
		observe_name(judge, name, asker);
		return;
	}
	for (size_t i = 0; i < JUDGE_STEPS_MAX; i++) {
		struct step *step = &judge->steps[i];

		if (step->at_ns != 0 && strcmp(step->name, name) == 0)
			return;
		if (step->at_ns != 0 &&
		    now_ns - step->at_ns > JUDGE_STEP_WAIT_S * INT64_C(1000000000))
			settle_step(judge, step);
	}
	place = &judge->steps[judge->steps_next];
	settle_step(judge, place);
	memcpy(place->name, name, strlen(name) + 1);
	place->at_ns = now_ns;
	place->asker = *asker;
	judge->steps_next = (judge->steps_next + 1) % JUDGE_STEPS_MAX;
}

void dns_judge_free(struct dns_judge *judge)
{
	if (!judge)
		return;
	for (size_t i = 0; judge->steps && i < JUDGE_STEPS_MAX; i++)
		settle_step(judge, &judge->steps[i]);
	free(judge->steps);
	free(judge);
}

static enum dns_ruling ruling_of(enum verdict verdict)
{
	return verdict == VERDICT_DENIED ? DNS_REFUSE : DNS_PASS;
}

/* A name that ends like an entry of the search list and that the policy does not hold. */
static enum dns_ruling judge_step(struct dns_judge *judge, const char *name,
				  const struct dns_asker *asker)
{
	char key[SHAPE_HOST_MAX];
	struct behaviour b = asking_for(name, key);

	if (leads_to_known(judge, name) ||
	    judge->options.peek(judge->options.context, &b) != VERDICT_DENIED)
		return DNS_PASS_STEP;
	return ruling_of(judge->options.observe(judge->options.context, &b, asker));
}

enum dns_ruling dns_judge_query(struct dns_judge *judge, const struct dns_question *question,
				int result, const struct dns_asker *asker)
{
	size_t len;

	if (!resolv_has_server(&judge->resolv, &asker->resolver)) {
		char text[ADDRESS_TEXT_ROOM];
		struct behaviour b = consulting(&asker->resolver, text);

		if (judge->options.observe(judge->options.context, &b, asker) == VERDICT_DENIED)
			return DNS_REFUSE;
	}
	if (result < 0) {
		struct behaviour b = behaviour_of(ACCESS_RESOLVE, JUDGE_UNREADABLE);

		return ruling_of(judge->options.observe(judge->options.context, &b, asker));
	}
	forget_steps_to(judge, question->name);
	if (resolv_expanded(&judge->resolv, question->name, 0, &len) > 0 &&
	    !is_known(judge, question->name))
		return judge_step(judge, question->name, asker);
	return ruling_of(observe_name(judge, question->name, asker));
}

static bool is_resolver_known(const struct dns_judge *judge, const struct address *resolver)
{
	char text[ADDRESS_TEXT_ROOM];
	struct behaviour b = consulting(resolver, text);

	return resolv_has_server(&judge->resolv, resolver) ||
	       judge->options.peek(judge->options.context, &b) == VERDICT_ALLOWED;
}

static int lead(struct dns_judge *judge, const struct dns_question *question,
		const struct dns_answer *answer, const struct dns_asker *asker)
{
	bool known = is_resolver_known(judge, &asker->resolver);
	char key[SHAPE_HOST_MAX];
	int r = 0;

	shape_host(question->name, key);
	for (size_t i = 0; i < answer->count && r == 0; i++)
		r = judge->options.lead(judge->options.context, key, &answer->found[i].address,
					answer->found[i].ttl_s, known);
	return r;
}

enum dns_ruling dns_judge_answer(struct dns_judge *judge, const struct dns_question *question,
				 enum dns_ruling ruling, const struct dns_answer *answer,
				 const struct dns_asker *asker)
{
	if (ruling == DNS_PASS_STEP && answer->positive) {
		if (observe_name(judge, question->name, asker) == VERDICT_DENIED)
			return DNS_REFUSE;
	} else if (ruling == DNS_PASS_STEP && !leads_to_known(judge, question->name)) {
		remember_step(judge, question->name, asker);
	}
	if (answer->count > 0 && lead(judge, question, answer, asker) < 0)
		return DNS_FAIL;
	return DNS_PASS;
}
