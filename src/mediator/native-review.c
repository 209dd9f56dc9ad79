/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The policy of a run, and what it has natively: the wish, and what a newer policy makes of it. */
#include "mediator/native-review.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/random.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "mediator/helper-internal.h"
#include "policy/native.h"

#define DETAIL_ROOM (TEXT_ESCAPED_MAX(256) * 2 + 128)

static void tell(struct mediator *m, enum event_kind kind, const char *format, const char *path,
		 const char *denied)
{
	char detail[DETAIL_ROOM], path_text[TEXT_ESCAPED_MAX(256)], denied_text[sizeof(path_text)];

	text_escape(path, path_text, sizeof(path_text));
	text_escape(denied, denied_text, sizeof(denied_text));
	snprintf(detail, sizeof(detail), "'%s' %s '%s'", path_text, format, denied_text);
	mediator_tell(m, kind, detail);
}

static bool is_wished(const struct mediator *m)
{
	enum mode modes[DOMAINS];
	uint64_t chance = 0;

	mediator_modes(m->policy, m->setup->identity, modes);
	if (!m->policy || modes[DOMAIN_FS] != MODE_ENFORCE || modes[DOMAIN_EXEC] != MODE_ENFORCE)
		return false;
	return getrandom(&chance, sizeof(chance), GRND_NONBLOCK) == sizeof(chance) &&
	       chance % m->setup->settings->mediate_one_in != 0;
}

/* The root as the runtime has mounted it in the container's namespace, before it pivots there. */
static int open_root(const struct mediator *m)
{
	const struct mediator_setup *setup = m->setup;
	const char *root = setup->spec->root_path, *bundle = setup->state->bundle;
	char path[PATH_MAX];
	int n;

	if (root[0] == '/')
		n = snprintf(path, sizeof(path), "%d/root%s", setup->state->pid, root);
	else
		n = snprintf(path, sizeof(path), "%d/root%s/%s", setup->state->pid, bundle, root);
	return n >= PATH_MAX ? -ENAMETOOLONG
			     : openat(m->proc_fd, path, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

void native_decide(struct mediator *m)
{
	const struct oci_spec *spec = m->setup->spec;

	m->wish = (struct native_wish){
		.rule = {.started_ns = m->started_ns, .writer = NATIVE_READONLY},
		.scans = &m->scans,
	};
	/* in a user namespace the numbers of users are others; there only what nobody can change */
	if (!spec->root_readonly)
		m->wish.rule.writer = spec->user_namespace ? 0 : spec->uid;
	if (is_wished(m))
		m->wish.bytes = policy_image_attachment(m->policy, POLICY_NATIVE, &m->wish.len);
}

void native_decide_again(struct mediator *m)
{
	if (m->wrapped)
		return;
	native_scans_release(&m->scans);
	native_decide(m);
}

void native_look(struct mediator *m)
{
	cleanup_close int root_fd = -1;

	if (m->wish.len == 0 || m->wish.rule.writer == 0 || m->helper || m->wrapped)
		return;
	root_fd = open_root(m);
	if (root_fd >= 0)
		native_scans_make(&m->scans, &m->wish, root_fd);
}

/* Does the view decide about `path` already, or is there no more to be done? */
static bool is_settled(const struct native_tree *tree, const char *path)
{
	if (tree->detached || !(path_lies_in(path, tree->path) || path_lies_in(tree->path, path)))
		return true;
	for (size_t i = 0; i < tree->holes.count; i++) {
		if (path_lies_in(path, tree->holes.paths[i]))
			return true;
	}
	return false;
}

/* In the container's mount namespace, whose root the helper has entered. */
int native_detach_work(struct helper *helper)
{
	struct native_plan *plan = helper->attached;
	int r = helper_enter(helper);

	for (size_t i = 0; i < plan->count && r == 0; i++) {
		if (plan->trees[i].leaves &&
		    umount2(plan->trees[i].path, MNT_DETACH | UMOUNT_NOFOLLOW) < 0)
			r = error_set(&helper->err, errno, "cannot detach '%s'",
				      plan->trees[i].path);
	}
	return r;
}

static void hear_detach(void *context)
{
	struct mediator *m = context;
	struct helper *helper = m->helper;
	struct error err = ERROR_INIT;
	int r;

	if (helper_hear(helper) != HELPER_DONE)
		return;
	m->helper = NULL;
	loop_remove(m->loop, helper_fd(helper));
	r = helper_finish(helper, &err);
	for (size_t i = 0; i < m->attached.count; i++) {
		struct native_tree *tree = &m->attached.trees[i];

		tree->detached |= tree->leaves && r == 0;
		tree->leaves = false;
	}
	if (r < 0)
		mediator_tell(m, EVENT_DEGRADED, err.what);
}

void native_review(struct mediator *m)
{
	struct native_plan *plan = &m->attached;
	struct native_entry entry;
	size_t len, at = 0;
	const void *bytes = policy_image_attachment(m->policy, POLICY_NATIVE, &len);
	bool some = false;
	int r;

	while (!m->helper && native_next(bytes, len, &at, &entry) > 0) {
		if (entry.kind != NATIVE_DENIED)
			continue;
		for (size_t i = 0; i < plan->count; i++) {
			if (plan->trees[i].leaves || is_settled(&plan->trees[i], entry.path))
				continue;
			plan->trees[i].leaves = true;
			some = true;
			tell(m, EVENT_NATIVE, "is mediated from now on: denied by hand was",
			     plan->trees[i].path, entry.path);
		}
		if (plan->private_path && path_lies_in(entry.path, plan->private_path))
			tell(m, EVENT_DEGRADED,
			     "stays native in this run, although denied by hand was",
			     plan->private_path, entry.path);
	}
	if (!some)
		return;
	r = helper_detach(m->proc_fd, m->setup->state->pid, plan, &m->helper);
	if (r == 0)
		r = loop_add(m->loop, helper_fd(m->helper), hear_detach, m);
	if (r < 0)
		mediator_tell(m, EVENT_DEGRADED, "cannot detach what was attached natively");
}
