/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The policy of a run, and what it has natively: the wish, and what a newer policy makes of it. */
#include "mediator/native-review.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "mediator/meeting.h"
#include "policy/native.h"
#include "process/family.h"
#include "wrap/helper.h"

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

static bool is_enforced(const struct mediator *m)
{
	enum mode modes[DOMAINS];

	mediator_modes(m->policy, m->setup->identity, modes);
	return modes[DOMAIN_FS] == MODE_ENFORCE && modes[DOMAIN_EXEC] == MODE_ENFORCE;
}

/* Where not everything is enforced a write is to succeed as it would natively, however the function
 * came to be able to: so nothing becomes read-only that was not. */
static bool is_wished(const struct mediator *m)
{
	uint64_t chance = 0;

	if (!m->policy || !(m->wish.enforced || m->wish.rule.writer == NATIVE_READONLY))
		return false;
	return getrandom(&chance, sizeof(chance), GRND_NONBLOCK) == sizeof(chance) &&
	       chance % m->setup->settings->mediate_one_in != 0;
}

void native_open_root(struct mediator *m)
{
	const struct mediator_setup *setup = m->setup;
	const char *root = setup->spec->root_path, *bundle = setup->state->bundle;
	char path[PATH_MAX];
	size_t len = 0;
	int n;

	if (m->policy)
		policy_image_attachment(m->policy, POLICY_NATIVE, &len);
	if (len == 0)
		return;
	if (root[0] == '/')
		n = snprintf(path, sizeof(path), "%d/root%s", setup->state->pid, root);
	else
		n = snprintf(path, sizeof(path), "%d/root%s/%s", setup->state->pid, bundle, root);
	if (n > 0 && n < PATH_MAX)
		m->root_fd = openat(m->proc_fd, path, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

static void take_volumes(struct mediator *m)
{
	m->wish.volumes = NULL;
	m->wish.volumes_len = 0;
	if (m->policy)
		m->wish.volumes =
			policy_image_attachment(m->policy, POLICY_NATIVE, &m->wish.volumes_len);
}

void native_decide(struct mediator *m)
{
	const struct oci_spec *spec = m->setup->spec;

	m->wish = (struct native_wish){
		.rule = {.started_ns = m->started_ns, .writer = NATIVE_READONLY},
		.scans = &m->scans,
		.sockets = m->setup->identity->sockets,
	};
	/* in a user namespace the numbers of users are others; there only what nobody can change */
	if (!spec->root_readonly)
		m->wish.rule.writer = spec->user_namespace ? 0 : spec->uid;
	take_volumes(m);
	m->wish.enforced = is_enforced(m);
	if (is_wished(m))
		m->wish.bytes = policy_image_attachment(m->policy, POLICY_NATIVE, &m->wish.len);
}

void native_decide_again(struct mediator *m)
{
	if (m->wrapped) {
		m->wish.bytes = NULL;
		m->wish.len = 0;
	}
	/* what was not wished for at first, the mediator's filter has no calls for */
	if (m->wish.len == 0) {
		take_volumes(m);
		return;
	}
	native_scans_release(&m->scans);
	native_decide(m);
}

void native_look(struct mediator *m)
{
	const struct identity *identity = m->setup->identity;
	cleanup_close int root_fd = m->root_fd;
	int state_fd = m->setup->state_fd;

	m->root_fd = -1;
	if (m->wish.len == 0 || m->wish.rule.writer == 0 || root_fd < 0)
		return;
	native_known_read(&m->scans.known, state_fd, identity->function, identity->revision);
	native_scans_make(&m->scans, &m->wish, root_fd);
	if (m->scans.fresh)
		native_known_write(&m->scans, &m->wish.rule, state_fd, identity->function,
				   identity->revision);
}

/* Does the view decide about `path` already, or is there no more to be done? */
static bool is_settled(const struct native_tree *tree, const char *path)
{
	if (tree->covered || !(path_lies_in(path, tree->path) || path_lies_in(tree->path, path)))
		return true;
	for (size_t i = 0; i < tree->holes.count; i++) {
		if (path_lies_in(path, tree->holes.paths[i]))
			return true;
	}
	return false;
}

static void hear_mediated(void *context)
{
	struct mediator *m = context;
	struct error err = ERROR_INIT;

	if (helper_hear(m->helper) != HELPER_DONE)
		return;
	if (mediator_end_helper(m, &m->helper, &err) < 0)
		mediator_tell(m, EVENT_DEGRADED, err.what);
}

/* Returns whether something is to be done about the tree. */
static bool deny_in(struct mediator *m, struct native_tree *tree, const char *path)
{
	bool fits = strcmp(path, tree->path) != 0 && path_lies_in(path, tree->path) &&
		    !strchr(path, '{');

	if (tree->to_cover || is_settled(tree, path))
		return false;
	if (fits && native_holes_add(&tree->holes, path) == 0) {
		tell(m, EVENT_NATIVE, "is mediated from now on: denied by hand in", path,
		     tree->path);
		return true;
	}
	tree->to_cover = true;
	tell(m, EVENT_NATIVE, "is mediated from now on: denied by hand was", tree->path, path);
	return true;
}

void native_review(struct mediator *m)
{
	static const char stays[] = "stays native in this run, although denied by hand was";
	struct native_plan *plan = &m->attached;
	struct native_entry entry;
	const char *volume;
	size_t len, at = 0;
	const void *bytes = policy_image_attachment(m->policy, POLICY_NATIVE, &len);
	bool some = false;
	int r;

	while (native_next(bytes, len, &at, &entry) > 0) {
		if (entry.kind != NATIVE_DENIED)
			continue;
		volume = meeting_deny(m, entry.path);
		if (volume)
			tell(m, EVENT_DEGRADED, stays, volume, entry.path);
		for (size_t i = 0; i < plan->count; i++)
			some |= deny_in(m, &plan->trees[i], entry.path);
		if (plan->private_path && path_lies_in(entry.path, plan->private_path))
			tell(m, EVENT_DEGRADED, stays, plan->private_path, entry.path);
	}
	if (!some)
		return;
	if (process_family_parts_mounts(m->proc_fd, m->setup->state->pid))
		mediator_tell(
			m, EVENT_DEGRADED,
			"a process of the container made a mount namespace of its own before: it "
			"may keep there what was denied by hand in a native directory");
	r = helper_mediate(m->proc_fd, m->setup->state->pid, plan, &m->helper);
	if (r == 0)
		r = loop_add(m->loop, helper_fd(m->helper), hear_mediated, m);
	if (r < 0)
		mediator_tell(m, EVENT_DEGRADED, "cannot mediate what was attached natively");
}

void native_tell_socket(struct mediator *m, const char *path, bool refused)
{
	char detail[DETAIL_ROOM], text[TEXT_ESCAPED_MAX(256)];

	if (m->told_socket)
		return;
	m->told_socket = true;
	text_escape(path, text, sizeof(text));
	if (refused)
		snprintf(detail, sizeof(detail),
			 "'%s' is a socket or FIFO in a volume where none was learned: where it is "
			 "to be made, set fs back to learn for a run",
			 text);
	else
		snprintf(
			detail, sizeof(detail),
			"the host cannot reach '%s', a socket or FIFO that the function makes in a "
			"volume, in this run; later ones have that volume natively, unless "
			"something in it is denied by hand",
			text);
	mediator_tell(m, EVENT_DEGRADED, detail);
}
