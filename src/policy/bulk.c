/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What may be known by the directory alone in which it lies. */
#include "policy/bulk.h"

#include <string.h>

#include "policy/guard.h"

/* What a program loads as code or obeys, and keys, wherever they lie. */
static const char *const never[] = {
	"*.so",
	"*.so.*",
	"*.node",
	"*.jnilib",
	"*.pem",
	"*.key",
	"*/site-packages/*",
	"*/node_modules/*",
	"*/.bashrc",
	"*/.bash_profile",
	"*/.profile",
	"*/.zshrc",
};

bool bulk_covers(const struct behaviour *b)
{
	const char *reason;

	if (b->domain != DOMAIN_FS || b->flags & (BEHAVIOUR_PERSISTENT | BEHAVIOUR_IMAGE) ||
	    guard_of(b, &reason) != GUARD_NONE)
		return false;
	for (size_t i = 0; i < sizeof(never) / sizeof(never[0]); i++) {
		if (guard_matches(never[i], b->key))
			return false;
	}
	return true;
}

bool bulk_is(const char *key)
{
	size_t len = strlen(key), suffix = sizeof(BULK_SUFFIX) - 1;

	return len > suffix && strcmp(key + len - suffix, BULK_SUFFIX) == 0;
}

bool bulk_lies_below(const char *path, const char *dir)
{
	size_t len = strlen(dir);

	return strncmp(path, dir, len) == 0 && path[len] == '/' && path[len + 1];
}
