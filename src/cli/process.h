/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUSK_CLI_PROCESS_H
#define HUSK_CLI_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* Who a program runs as, and its environment. */
enum process_limits { PROCESS_GROUPS_MAX = 64 };

struct process_user {
	uint32_t uid, gid;
	uint32_t groups[PROCESS_GROUPS_MAX];
	size_t n_groups;
	char home[256]; /* "" where it is not known */
};

/*
 * Reads "USER[:GROUP]". Numbers are taken as they are; names are looked up on this host, and only
 * where `names` says so, because in another root they mean something else. -EINVAL.
 */
int process_user_parse(const char *text, bool names, struct process_user *ret, struct error *err);

struct process_env {
	char **items; /* n owned strings "NAME=value" */
	size_t n;
};

#define cleanup_process_env __attribute__((cleanup(process_env_release)))

/* Sets NAME to `value`, replacing what it was. Returns 0 or -ENOMEM. */
int process_env_set(struct process_env *env, const char *name, const char *value);

/* Reads "NAME=value", or "NAME" for the caller's own value (nothing where it has none). -EINVAL. */
int process_env_parse(struct process_env *env, const char *text, struct error *err);

void process_env_release(struct process_env *env);

#endif
