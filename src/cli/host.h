/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUSK_CLI_HOST_H
#define HUSK_CLI_HOST_H

#include <stdbool.h>
#include <stddef.h>

#include "base/settings.h"

/* What this host can do: one item a fact, each with the way to mend it. */
enum host_state {
	HOST_OK,
	HOST_DEGRADED, /* husk works, with less */
	HOST_MISSING,  /* nothing can be wrapped without it */
};

struct host_item {
	const char *name;
	enum host_state state;
	char detail[320];
	char mend[240]; /* "" where there is nothing to mend */
};

enum host_limits { HOST_ITEMS_MAX = 40 };

struct host_report {
	struct host_item items[HOST_ITEMS_MAX];
	size_t n_items;
};

struct host_question {
	const struct settings *settings;
	const char *hook_program;   /* husk-hook */
	const char *hook_directory; /* where Podman looks for definitions */
};

/* Looks at kernel, privileges, runtimes, and what is installed. Changes nothing. */
void host_look(const struct host_question *question, struct host_report *ret);

const char *host_state_name(enum host_state state); /* "ok", "degraded", "missing" */

/* Is nothing missing that a wrap needs? */
bool host_can_wrap(const struct host_report *report);

/* Is the capability CAP_... in the effective set of this process? */
bool host_has_capability(int number);

/* "6.9" is at least (6, 9)? A text that begins with no version is not. */
bool host_version_at_least(const char *text, unsigned int major, unsigned int minor);

struct host_item *host_add(struct host_report *report, const char *name, enum host_state state,
			   const char *format, ...) __attribute__((format(printf, 4, 5)));

/* The parts of host_look(). */
void host_look_kernel(const struct host_question *question, struct host_report *report);
void host_look_network(struct host_report *report);
void host_look_installed(const struct host_question *question, struct host_report *report);

#endif
