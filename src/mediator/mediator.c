/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One container's mediator: its set-up, its loop, its end. Everything happens on one thread but the
 * mount work of helper.h. What fails while husk-hook waits is said by it, and leaves nothing. The
 * rest of the set-up goes on while the runtime does: nothing of the function runs before the gate
 * is opened. From then on a failure ends the container's exec, never husk's promise.
 */
#include "mediator/mediator.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "launch/slot.h"
#include "mediator/cgroup.h"
#include "mediator/confine.h"
#include "mediator/end.h"
#include "mediator/filter.h"
#include "mediator/helper.h"
#include "mediator/mediator-internal.h"
#include "mediator/native-review.h"
#include "mediator/network.h"
#include "mediator/policy-watch.h"
#include "mediator/privileges.h"
#include "mediator/process.h"
#include "mediator/resolution.h"
#include "mediator/talk.h"
#include "mediator/volumes.h"
#include "journal/run-file.h"
#include "policy/file.h"

#define REQUESTS_AT_ONCE 64
#define EMPTY_DIRECTORY "empty" /* below the runtime directory, shared by all */
#define TABLE_BYTES 65536
#define HOOK_END_NS 1000000000 /* with hooks whose program has not quite ended */
#define HOOK_END_LOOK_MS 2
#define AFTER_INIT_NS 500000000 /* what the last requests of a container may take */

struct event mediator_event(const struct mediator *m, enum event_kind kind)
{
	struct event event = EVENT(kind);

	event.function = m->setup->identity->function;
	event.revision = m->setup->identity->revision;
	event.run = m->setup->run_id;
	event.container = m->setup->state->id;
	return event;
}

void mediator_tell(struct mediator *m, enum event_kind kind, const char *detail)
{
	struct event event = mediator_event(m, kind);

	event.detail = detail;
	event_emit(m->events, &event);
}

/* ---- set-up ---- */

static int open_journal(struct mediator *m, struct error *err)
{
	const struct mediator_setup *setup = m->setup;
	struct journal_run run = {
		.function = setup->identity->function,
		.revision = setup->identity->revision,
		.identified_by = setup->identity->identified_by,
		.container = setup->state->id,
		.started_ns = clock_wall_ns(),
		.policy_serial = m->policy ? policy_image_info(m->policy).serial : 0,
		.trusted = setup->identity->trusted,
		.capabilities = setup->spec->bounding,
	};
	cleanup_close int dir = -1;
	int r;

	memcpy(run.id, setup->run_id, sizeof(run.id));
	mediator_modes_now(m, run.modes);
	if (mkdirat(setup->state_fd, JOURNAL_DIRECTORY, 0700) < 0 && errno != EEXIST)
		return error_set(err, errno, "cannot create the directory '%s'", JOURNAL_DIRECTORY);
	dir = openat(setup->state_fd, JOURNAL_DIRECTORY, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return error_set(err, errno, "cannot open the directory '%s'", JOURNAL_DIRECTORY);
	r = journal_create(dir, m->journal_name, &run, &m->journal, err);
	if (r < 0)
		return r;
	/* The lock tells a later merge that this journal still has a writer. */
	m->journal_fd = openat(dir, m->journal_name, O_RDONLY | O_CLOEXEC);
	if (m->journal_fd < 0 || flock(m->journal_fd, LOCK_EX | LOCK_NB) < 0)
		return error_set(err, errno, "cannot lock the journal '%s'", m->journal_name);
	return 0;
}

static int judge(void *context, const struct view_question *question)
{
	struct mediator *m = context;

	/* a helper of this process prepares the view, and is nobody to be judged */
	if (m->helper && process_thread_group(m->proc_fd, question->pid) == getpid())
		return 0;
	policy_refresh(m);
	return watch_judge(m->watch, question);
}

static void exec_closed(void *context, uint32_t opening)
{
	struct mediator *m = context;

	watch_exec_closed(m->watch, opening);
}

static int start_watching(struct mediator *m, struct error *err)
{
	const struct identity *identity = m->setup->identity;
	struct watch_options options = {
		.proc_fd = m->proc_fd,
		.init = m->setup->state->pid,
		.leads_namespace = m->leads_namespace,
		.journal = m->journal,
		.events = m->events,
		.function = identity->function,
		.revision = identity->revision,
		.run = m->setup->run_id,
		.container = m->setup->state->id,
		.judge_entered = m->setup->settings->judge_entered,
	};
	struct statx mount;
	int r;

	if (statx(m->mount_fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, 0, &mount) < 0)
		return error_set(err, errno, "cannot examine the view");
	options.view = makedev(mount.stx_dev_major, mount.stx_dev_minor);
	r = watch_new(&options, &m->watch);
	if (r < 0)
		return error_set(err, -r, "cannot set up the watch");
	m->calls = calls_new(m->watch, m->loop);
	if (!m->calls)
		return error_set(err, ENOMEM, "cannot set up the watch");
	return 0;
}

static int await_request(struct mediator *m)
{
	int64_t until_ns = clock_monotonic_ns() + PATIENCE_NS;
	int served;

	do
		served = view_serve(m->view, REQUESTS_AT_ONCE);
	while (served == 0 && clock_monotonic_ns() < until_ns);
	patience_learn(&m->patience, served > 0);
	return served;
}

static void serve_view(void *context)
{
	struct mediator *m = context;
	int served, total = 0;

	m->flowed = true;
	latency_hold(&m->latency);
	served = view_serve(m->view, REQUESTS_AT_ONCE);
	while (served > 0 && (total += served) < REQUESTS_AT_ONCE && patience_is_due(&m->patience))
		served = await_request(m);
	if (served < 0)
		m->view_result = served;
	if (m->patience.failed > 0)
		nearness_follow(&m->nearness, view_caller(m->view));
}

static int start_view(struct mediator *m, struct error *err)
{
	const struct settings *settings = m->setup->settings;
	struct view_options options = {
		.names_max = settings->view_names_max,
		.passthrough = settings->passthrough,
		.share_locks = volumes_are_shared(m->setup->spec, m->setup->state->bundle),
		.started_ns = m->started_ns,
		.judge = judge,
		.exec_closed = exec_closed,
		.context = m,
	};
	int fuse_fd = -1;
	int r = view_mount(&fuse_fd, &m->mount_fd, err);

	if (r < 0)
		return r;
	r = view_new(fuse_fd, &options, &m->view, err);
	if (r < 0)
		return r;
	if (m->listens)
		view_hear(m->view, LAUNCH_WORD, privileges_hear, m);
	loop_add(m->loop, view_fd(m->view), serve_view, m); /* the first source: there is room */
	return 0;
}

/* ---- the gate and the wrap ---- */

static bool is_enforced(const struct mediator *m)
{
	enum mode modes[DOMAINS];

	mediator_modes_now(m, modes);
	return modes[DOMAIN_FS] == MODE_ENFORCE || modes[DOMAIN_EXEC] == MODE_ENFORCE;
}

static int end_helper(struct mediator *m, struct error *err)
{
	struct helper *helper = m->helper;

	m->helper = NULL;
	loop_remove(m->loop, helper_fd(helper));
	return helper_finish(helper, err);
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
	unsigned int needs = (m->wish.len > 0 ? FILTER_ENTERS : 0) |
			     (m->leads_namespace ? 0 : FILTER_MERGES) |
			     (m->dns ? FILTER_NAMES : 0) | (m->network ? FILTER_RULES : 0);

	return confine(m->empty_fd, needs, err);
}

/* A call that the filter lacks is a defect, and would otherwise look like a file's error. */
static void tell_refused_call(struct mediator *m)
{
	int call = filter_refused();
	char detail[96];

	if (call < 0)
		return;
	snprintf(detail, sizeof(detail),
		 "the mediator's own filter refused it system call %d: please report", call);
	mediator_tell(m, EVENT_DEGRADED, detail);
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
	r = end_helper(m, &err);
	close(m->mount_fd); /* the view's end could not be seen while this is open */
	m->mount_fd = -1;
	capabilities_begin(m);
	m->wrapped = r == 0;
	if (r < 0 && err.code) /* what failed on this side of the talk has been told */
		mediator_tell(m, EVENT_REFUSED, err.what);
	if (m->members_fd >= 0)
		close(m->members_fd);
	m->members_fd = -1;
	view_gate_answer(m->view, r == 0 ? 0 : -EIO);
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

/* ---- the start, together with husk-hook (talk.h) ---- */

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
	m->memory_fd = cgroup_memory_open(m->proc_fd, pid);
	m->members_fd = cgroup_members_open(m->proc_fd, pid);
	native_decide(m);
	native_look(m);
	r = helper_prepare(&m->ready);
	if (r < 0)
		return error_set(err, -r, "cannot start a thread");
	return shut_in(m, err);
}

/* What fails here ends the container's exec. */
static void complete(struct mediator *m)
{
	struct error err = ERROR_INIT;

	if (m->complete)
		return;
	m->complete = true;
	if (set_up_rest(m, &err) < 0) {
		mediator_tell(m, EVENT_REFUSED, err.what);
		m->exec_result = -EIO;
	}
	tell_start(m);
}

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
		if (r == 0)
			m->helper = steal_ptr(&m->ready);
		else
			loop_remove(m->loop, helper_fd(m->ready));
	}
	if (r < 0)
		view_gate_answer(m->view, r);
}

/* The kernel tells of the end of a hook's program a little later than the runtime. */
static void look_after_entrant(struct mediator *m)
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

	/* Where the runtime was faster than this process: what was said before comes first. */
	if (m->talk_fd >= 0)
		hear_bound(m);
	complete(m);
	if (process_thread_group(m->proc_fd, pid) == first && m->exec_result == 0) {
		m->entrant = pid;
		m->hook_ends_ns = clock_monotonic_ns() + HOOK_END_NS;
		look_after_entrant(m);
		return;
	}
	if (process_thread_group(m->proc_fd, pid) != first) {
		if (process_descends(m->proc_fd, pid, first) && view_gate_pass(m->view) == 0)
			return;
		tell_entered(m);
	}
	view_gate_answer(m->view, m->exec_result < 0 ? m->exec_result : -EACCES);
}

/* Gives the gate the attributes of the file that it stands in for, and serves it until it is bound.
 * Returns 0, or what the hook knows already. *report is sent. */
static int open_gate(struct mediator *m, struct talk_report *report)
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

/* ---- the loop ---- */

/* Milliseconds until the view is given up, once the first process has ended; -1 before, and where
 * it is not. */
static int until_overdue_ms(const struct mediator *m)
{
	int64_t left_ns = m->ends_ns - clock_monotonic_ns();

	if (m->ends_ns == 0 || m->on_its_own)
		return -1;
	return left_ns > 0 ? (int)(left_ns / 1000000) + 1 : 0;
}

/* Does a newer policy change something that nobody asks this process about, and the kernel cannot
 * tell of it? */
static bool looks_by_itself(const struct mediator *m)
{
	return m->policy_signal_fd < 0 && (m->attached.count > 0 || m->network);
}

/* How long to wait for what comes next. */
static int wait_ms(const struct mediator *m)
{
	int overdue_ms = until_overdue_ms(m);

	if (m->latency.held)
		return LATENCY_IDLE_MS;
	if (m->entrant)
		return HOOK_END_LOOK_MS;
	if (m->policy_news)
		return POLICY_CHECK_MS;
	if (view_wait_ms(m->view) >= 0)
		return view_wait_ms(m->view);
	return overdue_ms < 0 && looks_by_itself(m) ? POLICY_LOOK_MS : overdue_ms;
}

/*
 * With the first process of a pid namespace the kernel ends all others, and with them, in a moment,
 * the view. What keeps it longer is a descriptor that was sent out of the container: the engine
 * does not wait for that. Without such a namespace others may go on for as long as they like; the
 * engine is then told that there is no run to wait for. Returns whether to end.
 */
static bool outlive_init(struct mediator *m)
{
	if (m->ends_ns == 0 || m->on_its_own || clock_monotonic_ns() < m->ends_ns)
		return false;
	if (m->leads_namespace)
		return true;
	m->on_its_own = true;
	unlinkat(m->setup->runtime_fd, m->setup->run_key, 0);
	close(m->setup->run_fd); /* frees the lock */
	return false;
}

static void see_init_end(void *context)
{
	struct mediator *m = context;

	loop_remove(m->loop, m->init_fd);
	m->init_gone = true;
	m->out_of_memory = cgroup_memory_was_out(m->memory_fd);
	m->ends_ns = clock_monotonic_ns() + AFTER_INIT_NS;
}

static void serve(struct mediator *m)
{
	bool settled = false;

	while (m->view_result == 0) {
		m->flowed = false;
		loop_wait(m->loop, wait_ms(m));
		tell_refused_call(m);
		/* elsewhere a newer policy is looked for when something is asked */
		if (m->policy_news || (!m->flowed && looks_by_itself(m)))
			policy_refresh(m);
		if (!m->flowed)
			latency_release(&m->latency);
		if (!m->flowed && view_wait_ms(m->view) >= 0)
			m->view_result = view_serve(m->view, 0);
		look_after_entrant(m);
		capabilities_look(m);
		if (!settled && watch_started(m->watch)) {
			view_settle(m->view);
			privileges_settle(m);
			settled = true;
		}
		/* Created and never started, or failed in the wrap: the gate is all there was. */
		if (m->init_gone && !m->wrapped && !m->helper)
			break;
		if (outlive_init(m))
			break;
	}
}

/* ---- the process ---- */

static void detach_from_engine(void)
{
	cleanup_close int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	setsid();
	for (int fd = 0; fd < 3 && null >= 0; fd++)
		dup2(null, fd);
	if (chdir("/") < 0)
		return; /* a working directory that stays busy is no reason to fail */
	prctl(PR_SET_NAME, "husk-mediator");
	signal(SIGPIPE, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	mallopt(M_ARENA_MAX, 1); /* a helper's few allocations are not worth an arena of its own */
	/* what is as large stays untouched memory where nothing is put into it */
	mallopt(M_MMAP_THRESHOLD, TABLE_BYTES);
}

static int set_up(struct mediator *m, struct error *err)
{
	const struct mediator_setup *setup = m->setup;
	int r = 0;

	m->leads_namespace = process_leads_namespace(m->proc_fd, setup->state->pid);
	if (!m->leads_namespace)
		m->mounts_fd = openat(m->proc_fd, "self/ns/mnt", O_RDONLY | O_CLOEXEC);
	if (mkdirat(setup->runtime_fd, EMPTY_DIRECTORY, 0500) < 0 && errno != EEXIST)
		return error_set(err, errno, "cannot create the directory '%s'", EMPTY_DIRECTORY);
	m->empty_fd = openat(setup->runtime_fd, EMPTY_DIRECTORY,
			     O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (m->empty_fd < 0)
		return error_set(err, errno, "cannot open the directory '%s'", EMPTY_DIRECTORY);
	nearness_open(&m->nearness, m->proc_fd);
	patience_open(&m->patience);
	if (setup->settings->hold_cpu_latency)
		latency_open(&m->latency);
	m->init_fd = (int)syscall(SYS_pidfd_open, setup->state->pid, 0);
	if (m->init_fd < 0)
		return error_set(err, errno, "cannot watch the container's process %d",
				 setup->state->pid);
	m->loop = loop_new();
	if (!m->loop)
		return error_set(err, ENOMEM, "cannot set up the mediator");
	policy_watch(m);
	native_open_root(m);
	r = event_sink_open(setup->settings->event_file, setup->settings->events_per_run,
			    &m->events, err);
	if (r == 0) {
		capabilities_open(m);
		r = privileges_plan(m, err);
	}
	if (r == 0)
		r = open_journal(m, err);
	if (r == 0)
		r = start_view(m, err);
	if (r == 0)
		r = start_watching(m, err);
	return r;
}

_Noreturn void mediator_run(const struct mediator_setup *setup, int proc_fd, int talk_fd)
{
	struct mediator m = {
		.setup = setup,
		.started_ns = clock_wall_ns(),
		.policy = setup->policy,
		.latency = {.fd = -1},
		.nearness = {.proc_fd = -1},
		.capabilities = {.map_fd = -1},
		.proc_fd = proc_fd,
		.talk_fd = talk_fd,
		.mount_fd = -1,
		.init_fd = -1,
		.empty_fd = -1,
		.mounts_fd = -1,
		.memory_fd = -1,
		.members_fd = -1,
		.root_fd = -1,
		.journal_fd = -1,
		.policy_signal_fd = -1,
	};
	struct talk_report report = {0};
	char name[NAME_MAX + 1];
	int r;

	detach_from_engine();
	policy_file_name(setup->identity->function, setup->identity->revision, name);
	snprintf(m.policy_path, sizeof(m.policy_path), POLICY_DIRECTORY "/%s", name);
	m.policy_stamp = policy_stamp(&m);
	snprintf(m.journal_name, sizeof(m.journal_name), "%s" JOURNAL_SUFFIX, setup->run_id);
	for (int d = 0; d < DOMAINS; d++)
		m.at_most[d] = MODE_ENFORCE;
	report.result = set_up(&m, &report.err);
	if (report.result < 0) {
		(void)talk_send(talk_fd, &report, sizeof(report), -1);
		r = report.result;
	} else {
		r = open_gate(&m, &report);
	}
	if (r != 0) {
		network_end(&m);
		journal_abandon(m.journal);
		end_without_run(&m);
		_exit(1);
	}
	/* From here on the container runs with husk, or its exec fails. */
	loop_add(m.loop, m.init_fd, see_init_end, &m);
	complete(&m);
	serve(&m);
	end_run(&m);
}
