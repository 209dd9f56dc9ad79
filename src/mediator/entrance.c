/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From the report to husk-hook until the function begins: the gate, the rest of the set-up while
 * the runtime goes on, and the wrap. Nothing of the function runs before the gate is opened. From
 * then on a failure ends the container's exec, never husk's promise.
 */
#include "mediator/entrance.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "mediator/cgroup.h"
#include "mediator/confine.h"
#include "mediator/filter.h"
#include "mediator/meeting.h"
#include "mediator/native-review.h"
#include "mediator/network.h"
#include "mediator/policy-watch.h"
#include "mediator/resolution.h"
#include "process/process.h"
#include "wrap/helper.h"

#define HOOK_END_NS 1000000000 /* with hooks whose program has not quite ended */
/* Between looks at a gate that nobody opens: most containers are started at once. */
#define GUARD_SOON_MS 5
#define GUARD_LATER_MS 100
#define GUARD_SOON_NS 1000000000

/* ---- the wrap ---- */

static bool is_enforced(const struct mediator *m)
{
	enum mode modes[DOMAINS];

	mediator_modes_now(m, modes);
	return modes[DOMAIN_FS] == MODE_ENFORCE || modes[DOMAIN_EXEC] == MODE_ENFORCE;
}

static int take_lowers(struct mediator *m, struct error *err)
{
	size_t count;
	struct view_lower *lowers = helper_lowers(m->helper, &count);

	for (size_t i = 0; i < count; i++) {
		struct view_lower lower = lowers[i];
		int r;

		lowers[i].fd = -1;
		r = view_add_lower(m->view, &lower, err);
		if (r < 0)
			return r;
		meeting_add(m, &lower);
	}
	view_open_way(m->view, m->setup->spec->cwd);
	return 0;
}

static void tell_natives(struct mediator *m, struct helper_native *natives, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		char detail[PATH_MAX + 128];

		snprintf(detail, sizeof(detail), "the volume '%s' is not mediated: %s",
			 natives[i].point, natives[i].why);
		mediator_tell(m, EVENT_DEGRADED, detail);
	}
	helper_free_natives(natives, count);
}

/* The main thread serves nothing of the container while it may do everything. */
static int shut_in(struct mediator *m, struct error *err)
{
	unsigned int needs = (m->wish.len > 0 || m->meeting ? FILTER_ENTERS : 0) |
			     (m->leads_namespace ? 0 : FILTER_MERGES) |
			     (m->network ? FILTER_NETWORK : 0);

	return confine(m->empty_fd, needs, err);
}

static void finish_wrap(struct mediator *m)
{
	size_t n_natives, resolvers_len;
	struct helper_native *natives = helper_take_natives(m->helper, &n_natives);
	const char *resolvers = helper_resolvers(m->helper, &resolvers_len);
	struct error err = ERROR_INIT;
	int r;

	m->attached = helper_take_plan(m->helper);
	if (m->attached.told.len && !m->attached.told.error)
		mediator_tell(m, EVENT_NATIVE, m->attached.told.bytes);
	buf_release(&m->attached.told);
	resolution_use(m, resolvers, resolvers_len);
	native_scans_release(&m->scans);
	r = mediator_end_helper(m, &m->helper, &err);
	capabilities_begin(m);
	m->wrapped = r == 0;
	if (r < 0 && err.code) /* what failed on this side of the talk has been told */
		mediator_tell(m, EVENT_REFUSED, err.what);
	if (m->members_fd >= 0)
		close(m->members_fd);
	m->members_fd = -1;
	view_gate_answer(m->view, r == 0 ? 0 : -EIO);
	close(m->mount_fd); /* the view's end could not be seen while this is open */
	m->mount_fd = -1;
	tell_natives(m, natives, n_natives);
}

static void hear_wrap(void *context)
{
	struct mediator *m = context;
	struct error err = ERROR_INIT;

	switch (helper_hear(m->helper)) {
	case HELPER_LOWERS:
		helper_go_on(m->helper, take_lowers(m, &err));
		if (err.code)
			mediator_tell(m, EVENT_REFUSED, err.what);
		break;
	case HELPER_DONE:
	default:
		finish_wrap(m);
		break;
	}
}

/* ---- what is told with husk-hook (talk.h) ---- */

static void hear_bound(void *context)
{
	struct mediator *m = context;
	struct talk_bound bound;
	int mount_fd;

	m->bound_result = talk_receive(m->talk_fd, &bound, sizeof(bound), &mount_fd);
	if (m->bound_result == 0)
		m->bound_result = bound.result;
	loop_remove(m->loop, m->talk_fd);
	close(m->talk_fd);
	m->talk_fd = -1;
	if (mount_fd < 0)
		return;
	close(m->mount_fd);
	m->mount_fd = mount_fd;
}

/* Of each domain that is not as it is wanted, why. */
static void describe_lowered(const struct mediator *m, char *out, size_t room)
{
	size_t at = 0;

	out[0] = '\0';
	for (int d = 0; d < DOMAINS && at < room; d++) {
		const char *why = m->why_lowered[d];
		int len;

		if (!why)
			continue;
		len = snprintf(out + at, room - at, "%s%s: %s", at > 0 ? "; " : "",
			       domain_name((enum domain)d), why);
		if (len < 0)
			return;
		at += (size_t)len;
	}
}

static void tell_start(struct mediator *m)
{
	struct event event = mediator_event(m, EVENT_RUN);
	enum mode modes[DOMAINS];
	char detail[1024];

	mediator_modes_now(m, modes);
	describe_lowered(m, detail, sizeof(detail));
	event.modes = modes;
	event.detail = detail;
	event_emit(m->events, &event);
}

/* The rest of the set-up, and the end of this thread's privileges. */
static int set_up_rest(struct mediator *m, struct error *err)
{
	pid_t pid = m->setup->state->pid;
	enum mode modes[DOMAINS];
	int r = network_start(m, err);

	if (r < 0)
		return r;
	policy_use(m);
	mediator_modes_now(m, modes);
	journal_set_modes(m->journal, modes);
	mediator_journal_lowered(m);
	m->memory_fd = cgroup_memory_open(m->proc_fd, pid);
	m->members_fd = cgroup_members_open(m->proc_fd, pid);
	native_decide(m);
	native_look(m);
	nearness_take_part();
	r = helper_prepare(&m->nearness, &m->ready);
	if (r < 0)
		return error_set(err, -r, "cannot start a thread");
	return shut_in(m, err);
}

void entrance_complete(struct mediator *m)
{
	struct error err = ERROR_INIT;

	if (m->complete)
		return;
	m->complete = true;
	m->guard_soon_ns = clock_monotonic_ns() + GUARD_SOON_NS;
	nearness_give_way();
	if (set_up_rest(m, &err) < 0) {
		mediator_tell(m, EVENT_REFUSED, err.what);
		m->exec_result = -EIO;
	}
	tell_start(m);
}

/* ---- the guard ---- */

static bool may_be_bypassed(const struct mediator *m)
{
	return !m->wrapped && !m->helper && m->entrant == 0 && !m->init_gone && !m->bypassed;
}

int entrance_wait_ms(const struct mediator *m)
{
	if (!may_be_bypassed(m))
		return -1;
	return clock_monotonic_ns() < m->guard_soon_ns ? GUARD_SOON_MS : GUARD_LATER_MS;
}

static bool may_go_on(const struct mediator *m)
{
	enum mode modes[DOMAINS];

	mediator_modes_now(m, modes);
	return m->setup->settings->degrade || !modes_enforce(modes);
}

/* Where the set-up failed this thread may still do it, and there may be no other. */
static int end_first(struct mediator *m, struct error *err)
{
	int r;

	if (!m->ready)
		return (int)syscall(SYS_pidfd_send_signal, m->init_fd, SIGKILL, NULL, 0);
	r = helper_kill(m->ready, m->init_fd);
	return r < 0 ? r : mediator_end_helper(m, &m->ready, err);
}

void entrance_guard(struct mediator *m)
{
	struct error err = ERROR_INIT;
	struct stat now;

	/* of a process that is about to end there is no program any more */
	if (!may_be_bypassed(m) || fstatat(m->init_dir_fd, "exe", &now, 0) < 0 ||
	    (now.st_dev == m->runtime.st_dev && now.st_ino == m->runtime.st_ino))
		return;
	m->bypassed = true;
	if (may_go_on(m)) {
		mediator_tell(m, EVENT_DEGRADED,
			      "the program was replaced before it was executed: this run is not "
			      "wrapped");
		return;
	}
	if (end_first(m, &err) < 0)
		mediator_tell(m, EVENT_DEGRADED,
			      "the program was replaced before it was executed: this run is not "
			      "wrapped, and cannot be ended");
	else
		mediator_tell(m, EVENT_REFUSED,
			      "the program was replaced before it was executed: the container was "
			      "ended");
}

/* ---- the gate ---- */

static void tell_entered(struct mediator *m)
{
	mediator_tell(m, EVENT_ENTERED, "a process entered before the container was started");
}

/* The first process goes through. Whoever entered before by another program is told of, and where
 * the function is enforced, refused in the only way that is left. */
static void let_in(struct mediator *m, pid_t pid)
{
	int r = 0;

	if (cgroup_has_others(m->members_fd, m->proc_fd, m->setup->state->pid)) {
		tell_entered(m);
		r = is_enforced(m) ? -EACCES : 0;
	}
	if (r == 0 && !m->ready)
		r = -EBUSY;
	if (r == 0)
		r = loop_add(m->loop, helper_fd(m->ready), hear_wrap, m);
	if (r == 0) {
		r = helper_wrap(m->ready, m->proc_fd, pid, m->mount_fd, m->setup->spec, &m->wish);
		if (r == 0) {
			m->helper = steal_ptr(&m->ready);
			/* while the helper works, the first process's processor has nothing to do
			 */
			mediator_tell_standby(m);
		} else
			loop_remove(m->loop, helper_fd(m->ready));
	}
	if (r < 0)
		view_gate_answer(m->view, r);
}

void entrance_look(struct mediator *m)
{
	pid_t pid = m->entrant;
	bool used = view_gate_is_used(m->view);

	if (pid == 0 || (used && clock_monotonic_ns() < m->hook_ends_ns))
		return;
	m->entrant = 0;
	if (!used) {
		let_in(m, pid);
		return;
	}
	mediator_tell(m, EVENT_REFUSED, "what a hook left behind executes the entry point's file");
	view_gate_answer(m->view, -ETXTBSY);
}

/*
 * Only the container's first process may go through: another, of an engine's exec, would run
 * outside of the view. What hooks run in the container, as its children, is the engine's wish and
 * is over before the function begins.
 */
static void on_gate_opened(void *context, pid_t pid)
{
	struct mediator *m = context;
	pid_t first = m->setup->state->pid;
	bool strict;

	/* Where the runtime was faster than this process: what was said before comes first. */
	if (m->talk_fd >= 0)
		hear_bound(m);
	entrance_complete(m);
	/* what it executed before may have kept something for what it executes now */
	strict = !may_go_on(m);
	if (strict)
		entrance_guard(m);
	if (process_thread_group(m->proc_fd, pid) == first && m->exec_result == 0 &&
	    !(strict && m->bypassed)) {
		m->entrant = pid;
		m->hook_ends_ns = clock_monotonic_ns() + HOOK_END_NS;
		entrance_look(m);
		return;
	}
	if (process_thread_group(m->proc_fd, pid) != first) {
		if (process_descends(m->proc_fd, pid, first) && view_gate_pass(m->view) == 0)
			return;
		tell_entered(m);
	}
	view_gate_answer(m->view, m->exec_result < 0 ? m->exec_result : -EACCES);
}

int entrance_open(struct mediator *m, struct talk_report *report)
{
	struct talk_entry entry;
	cleanup_close int shown = -1;
	int r = talk_receive(m->talk_fd, &entry, sizeof(entry), &shown);

	if (r < 0 || entry.result != 0)
		return r < 0 ? r : entry.result;
	m->exec_result = entry.exec_result;
	report->result = view_set_gate(m->view, m->launcher, m->launcher_len, &entry.attr,
				       on_gate_opened, m);
	if (report->result < 0)
		error_set(&report->err, -report->result, "cannot set the gate up");
	m->launcher = NULL;
	view_gate_show(m->view, steal_fd(&shown));
	if (report->result == 0 && loop_add(m->loop, m->talk_fd, hear_bound, m) < 0)
		report->result = error_set(&report->err, ENOSPC, "cannot set up the mediator");
	r = talk_send(m->talk_fd, report, sizeof(*report), m->mount_fd);
	if (r < 0 || report->result < 0)
		return r < 0 ? r : report->result;
	while (m->talk_fd >= 0)
		loop_wait(m->loop, -1);
	return m->bound_result;
}
