/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who a program runs as, and its environment. */
#include "cli/process.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"

/* (uid_t)-1 means "unchanged" to chown(2) and setuid(2): it is nobody's number. */
#define ID_MAX 4294967294UL

static int parse_group(const char *text, bool names, uint32_t *ret)
{
	unsigned long number;
	const struct group *entry;

	if (text_number(text, ID_MAX, &number) == 0) {
		*ret = (uint32_t)number;
		return 0;
	}
	entry = names ? getgrnam(text) : NULL;
	if (!entry)
		return -EINVAL;
	*ret = entry->gr_gid;
	return 0;
}

static int take_entry(const struct passwd *entry, struct process_user *ret)
{
	gid_t groups[PROCESS_GROUPS_MAX];
	int n = PROCESS_GROUPS_MAX;

	ret->uid = entry->pw_uid;
	ret->gid = entry->pw_gid;
	if (!text_copy(ret->home, sizeof(ret->home), entry->pw_dir))
		ret->home[0] = '\0';
	if (getgrouplist(entry->pw_name, entry->pw_gid, groups, &n) < 0)
		return -E2BIG;
	for (int i = 0; i < n; i++) {
		if (groups[i] != entry->pw_gid)
			ret->groups[ret->n_groups++] = groups[i];
	}
	return 0;
}

int process_user_parse(const char *text, bool names, struct process_user *ret, struct error *err)
{
	const char *colon = strchr(text, ':');
	struct process_user user = {0};
	const struct passwd *entry;
	unsigned long number;
	char name[256];

	if (!text_copy(name, sizeof(name), text))
		return error_say(err, EINVAL, "the user '%.40s...' is too long", text);
	if (colon)
		name[colon - text] = '\0';
	if (text_number(name, ID_MAX, &number) == 0) {
		user.uid = (uint32_t)number;
		entry = NULL;
	} else {
		entry = names ? getpwnam(name) : NULL;
		if (!entry) {
			error_say(err, EINVAL, "there is no user '%s'", name);
			if (!names)
				error_hint(err, "with --rootfs give numbers, such as 1000:1000");
			return -EINVAL;
		}
	}
	if (entry && take_entry(entry, &user) < 0)
		return error_say(err, EINVAL, "user '%s' is in more than %d groups", name,
				 PROCESS_GROUPS_MAX);
	if (colon) {
		user.n_groups = 0;
		if (parse_group(colon + 1, names, &user.gid) < 0)
			return error_say(err, EINVAL, "there is no group '%s'", colon + 1);
	}
	*ret = user;
	return 0;
}

int process_env_set(struct process_env *env, const char *name, const char *value)
{
	size_t len = strlen(name);
	size_t room = len + strlen(value) + 2;
	cleanup_free char *item = malloc(room);
	char **grown;

	if (!item)
		return -ENOMEM;
	snprintf(item, room, "%s=%s", name, value);
	for (size_t i = 0; i < env->n; i++) {
		if (strncmp(env->items[i], name, len) != 0 || env->items[i][len] != '=')
			continue;
		free(env->items[i]);
		env->items[i] = steal_ptr(&item);
		return 0;
	}
	grown = realloc(env->items, (env->n + 1) * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	env->items = grown;
	env->items[env->n++] = steal_ptr(&item);
	return 0;
}

int process_env_parse(struct process_env *env, const char *text, struct error *err)
{
	cleanup_free char *name = strdup(text);
	char *equals = name ? strchr(name, '=') : NULL;
	const char *value;

	if (!name)
		return error_set(err, ENOMEM, "cannot read the environment");
	if (equals)
		*equals = '\0';
	if (*name == '\0')
		return error_say(err, EINVAL, "'%s' names no environment variable", text);
	value = equals ? equals + 1 : getenv(name);
	if (!value)
		return 0;
	if (process_env_set(env, name, value) < 0)
		return error_set(err, ENOMEM, "cannot read the environment");
	return 0;
}

void process_env_release(struct process_env *env)
{
	int saved = errno;

	for (size_t i = 0; i < env->n; i++)
		free(env->items[i]);
	free(env->items);
	*env = (struct process_env){0};
	errno = saved;
}
