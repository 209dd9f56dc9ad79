/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An engine's own profile of system calls: what husk-launch may do under it, and how much it lets
 * through. */
#include "container/profile-internal.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "policy/calls.h"

static const char *const needed[][6] = {
	[PROFILE_RESTRICT] = {"prctl", "seccomp", "faccessat", "capget", "capset"},
	[PROFILE_ENTER] = {"chdir"},
	[PROFILE_TERMINALS] = {"statx", "fcntl", "openat", "dup3", "close"},
};

static bool lets_through(const struct json *action, enum profile_work work)
{
	const char *name = json_string(action);

	if (!name)
		return false;
	return strcmp(name, "SCMP_ACT_ALLOW") == 0 || strcmp(name, "SCMP_ACT_LOG") == 0 ||
	       (work == PROFILE_ENTER && strcmp(name, "SCMP_ACT_NOTIFY") == 0);
}

static bool names(const struct json *rule, const char *call)
{
	const struct json *list = json_get(rule, "names");

	for (size_t i = 0; i < json_count(list); i++) {
		const char *name = json_string(json_at(list, i));

		if (name && strcmp(name, call) == 0)
			return true;
	}
	return false;
}

/* A rule about arguments says nothing of the call as a whole, but that the default is not it. */
static bool lets_call(const struct json *profile, enum profile_work work, const char *call)
{
	const struct json *rules = json_get(profile, "syscalls");
	bool named = false;

	for (size_t i = 0; i < json_count(rules); i++) {
		const struct json *rule = json_at(rules, i);

		if (!names(rule, call))
			continue;
		named = true;
		if (json_count(json_get(rule, "args")) == 0 &&
		    lets_through(json_get(rule, "action"), work))
			return true;
	}
	return !named && lets_through(json_get(profile, "defaultAction"), work);
}

bool profile_lets(const struct json *profile, enum profile_work work)
{
	for (const char *const *call = needed[work]; profile && *call; call++) {
		if (!lets_call(profile, work, *call))
			return false;
	}
	return true;
}

/* ---- how much is let through ---- */

/* What the rules say of one call; the larger holds. */
enum said { SAID_NOTHING, SAID_SOMETHING, SAID_LET };

static int compare(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void note_rule(const struct json *rule, const char *const *names, uint32_t count,
		      uint8_t *said)
{
	const struct json *list = json_get(rule, "names");
	bool lets = json_count(json_get(rule, "args")) == 0 &&
		    lets_through(json_get(rule, "action"), PROFILE_RESTRICT);

	for (size_t i = 0; i < json_count(list); i++) {
		const char *name = json_string(json_at(list, i));
		const char *const *found =
			name ? bsearch(&name, names, count, sizeof(*names), compare) : NULL;

		if (found && said[found - names] != SAID_LET)
			said[found - names] = lets ? SAID_LET : SAID_SOMETHING;
	}
}

uint32_t profile_count(const struct json *profile, const char *const *names, uint32_t count)
{
	const struct json *rules = json_get(profile, "syscalls");
	bool rest = lets_through(json_get(profile, "defaultAction"), PROFILE_RESTRICT);
	uint8_t said[CALLS_NUMBERS] = {SAID_NOTHING};
	uint32_t lets = 0;

	for (size_t i = 0; i < json_count(rules); i++)
		note_rule(json_at(rules, i), names, count, said);
	for (uint32_t i = 0; i < count; i++)
		lets += said[i] == SAID_LET || (said[i] == SAID_NOTHING && rest);
	return lets;
}
