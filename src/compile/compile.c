/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which behaviours become entries of a policy image, and of which kind. */
#include "compile/compile.h"

#include <errno.h>
#include <stdlib.h>

#include "compile/natives.h"
#include "compile/restricting.h"

struct compile {
	struct policy_builder *builder;
	struct natives *natives;
	struct restricting *restricting;
};

struct compile *compile_new(void)
{
	struct compile *compile = calloc(1, sizeof(*compile));

	if (!compile)
		return NULL;
	compile->builder = policy_builder_new();
	compile->natives = natives_new();
	compile->restricting = restricting_new();
	if (!compile->builder || !compile->natives || !compile->restricting) {
		compile_free(compile);
		return NULL;
	}
	return compile;
}

void compile_free(struct compile *compile)
{
	if (!compile)
		return;
	policy_builder_free(compile->builder);
	natives_free(compile->natives);
	restricting_free(compile->restricting);
	free(compile);
}

void compile_free_p(struct compile **compile)
{
	int saved = errno;

	compile_free(*compile);
	*compile = NULL;
	errno = saved;
}

void compile_watched(struct compile *compile, enum domain domain)
{
	restricting_watched(compile->restricting, domain);
}

int compile_add(struct compile *compile, const struct behaviour *b, bool admitted, enum mark mark,
		struct error *err)
{
	enum policy_match match = POLICY_ABSENT;
	int r = natives_add(compile->natives, b, admitted, mark);

	if (mark == MARK_DENY)
		match = POLICY_DENIED;
	else if (mark == MARK_ALLOW || admitted)
		match = POLICY_ALLOWED;
	if (r == 0)
		r = policy_builder_add(compile->builder, b, match);
	if (r == 0)
		r = restricting_add(compile->restricting, b, match, mark == MARK_ALLOW);
	return r < 0 ? error_set(err, -r, "cannot add %s '%s' to the policy",
				 access_name(b->access), b->key)
		     : 0;
}

static int attach_natives(struct compile *compile, const struct policy_info *info)
{
	cleanup_buf struct buf bytes = BUF_INIT;

	natives_finish(compile->natives,
		       info->modes[DOMAIN_FS] == MODE_ENFORCE &&
			       info->modes[DOMAIN_EXEC] == MODE_ENFORCE,
		       &bytes);
	return bytes.error ? bytes.error
			   : policy_builder_attach(compile->builder, POLICY_NATIVE,
						   bytes.len ? bytes.bytes : "", bytes.len);
}

int compile_finish(struct compile *compile, const struct policy_info *info, void **ret_bytes,
		   size_t *ret_len, struct error *err)
{
	int r = restricting_attach(compile->restricting, info, compile->builder, err);

	if (r < 0)
		return r;
	r = attach_natives(compile, info);
	if (r == 0)
		r = policy_builder_finish(compile->builder, info, ret_bytes, ret_len);
	return r < 0 ? error_set(err, -r, "cannot compile the policy of '%s', revision '%s'",
				 info->function, info->revision)
		     : 0;
}
