/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names of the shared numbers: one table an enum, read in both directions. */
#include "policy/behaviour.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

static const char *const domain_names[DOMAINS] = {"fs", "exec", "net", "dns", "cap", "syscall"};
static const char *const mode_names[MODES] = {"unavailable", "learn", "shadow", "enforce"};
static const char *const access_names[ACCESSES] = {"none",  "read",    "write",	    "create",
						   "list",  "exec",    "interpret", "connect",
						   "serve", "resolve", "consult"};
static const char *const verdict_names[VERDICTS] = {"allowed", "novel", "would-deny", "denied"};
static const char *const mark_names[MARKS] = {"none", "allow", "deny"};
static const char *const outcome_names[OUTCOMES] = {"unknown", "exited",    "killed",
						    "oom",     "never-ran", "lost"};

static const char *name_of(const char *const *names, size_t count, unsigned int number)
{
	return number < count ? names[number] : "?";
}

/* Index of `name` in names[first..count), or -EINVAL. */
static int number_of(const char *const *names, size_t first, size_t count, const char *name)
{
	for (size_t i = first; i < count; i++) {
		if (strcmp(names[i], name) == 0)
			return (int)i;
	}
	return -EINVAL;
}

const char *domain_name(enum domain domain)
{
	return name_of(domain_names, DOMAINS, domain);
}

const char *mode_name(enum mode mode)
{
	return name_of(mode_names, MODES, mode);
}

const char *access_name(enum access access)
{
	return name_of(access_names, ACCESSES, access);
}

const char *verdict_name(enum verdict verdict)
{
	return name_of(verdict_names, VERDICTS, verdict);
}

const char *mark_name(enum mark mark)
{
	return name_of(mark_names, MARKS, mark);
}

const char *outcome_name(enum outcome outcome)
{
	return name_of(outcome_names, OUTCOMES, outcome);
}

int domain_parse(const char *name, enum domain *ret)
{
	int number = number_of(domain_names, 0, DOMAINS, name);

	if (number < 0)
		return number;
	*ret = (enum domain)number;
	return 0;
}

bool modes_enforce(const enum mode modes[DOMAINS])
{
	for (int i = 0; i < DOMAINS; i++) {
		if (modes[i] == MODE_ENFORCE)
			return true;
	}
	return false;
}

int mode_parse(const char *name, enum mode *ret)
{
	int number = number_of(mode_names, MODE_LEARN, MODES, name);

	if (number < 0)
		return number;
	*ret = (enum mode)number;
	return 0;
}

int access_parse(const char *name, enum access *ret)
{
	int number = number_of(access_names, 0, ACCESSES, name);

	if (number < 0)
		return number;
	*ret = (enum access)number;
	return 0;
}

int mark_parse(const char *name, enum mark *ret)
{
	int number = number_of(mark_names, 0, MARKS, name);

	if (number < 0)
		return number;
	*ret = (enum mark)number;
	return 0;
}

int outcome_parse(const char *name, enum outcome *ret)
{
	int number = number_of(outcome_names, 0, OUTCOMES, name);

	if (number < 0)
		return number;
	*ret = (enum outcome)number;
	return 0;
}
