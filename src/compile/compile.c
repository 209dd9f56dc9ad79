/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which behaviours become entries of a policy image, and of which kind. */
#include "compile/compile.h"

#include <errno.h>
#include <stdlib.h>

struct compile {
	struct policy_builder *builder;
};

struct compile *compile_new(void)
{
	struct compile *compile = calloc(1, sizeof(*compile));

	if (!compile)
		return NULL;
	compile->builder = policy_builder_new();
	if (!compile->builder) {
		free(compile);
		return NULL;
	}
	return compile;
}

void compile_free(struct compile *compile)
{
	if (!compile)
		return;
	policy_builder_free(compile->builder);
	free(compile);
}

void compile_free_p(struct compile **compile)
{
	int saved = errno;

	compile_free(*compile);
	*compile = NULL;
	errno = saved;
}

int compile_add(struct compile *compile, const struct behaviour *b, bool admitted, enum mark mark,
		struct error *err)
{
	int r;

	if (mark == MARK_DENY)
		r = policy_builder_add(compile->builder, b, POLICY_DENIED);
	else if (mark == MARK_ALLOW || admitted)
		r = policy_builder_add(compile->builder, b, POLICY_ALLOWED);
	else
		return 0;
	return r < 0 ? error_set(err, -r, "cannot add %s '%s' to the policy",
				 access_name(b->access), b->key)
		     : 0;
}

int compile_finish(struct compile *compile, const struct policy_info *info, void **ret_bytes,
		   size_t *ret_len, struct error *err)
{
	int r = policy_builder_finish(compile->builder, info, ret_bytes, ret_len);

	return r < 0 ? error_set(err, -r, "cannot compile the policy of '%s', revision '%s'",
				 info->function, info->revision)
		     : 0;
}
