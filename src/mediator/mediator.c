/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One container's mediator: its set-up, its loop, its end. Everything happens on one thread but the
 * mount work of helper.h. What fails while husk-hook waits is said by it, and leaves nothing. What
 * comes between is entrance.h's.
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
#include "journal/run-file.h"
#include "launch/slot.h"
#include "mediator/call-tables.h"
#include "mediator/cgroup.h"
#include "mediator/end.h"
#include "mediator/entrance.h"
#include "mediator/filter.h"
#include "mediator/mediator-internal.h"
#include "mediator/meeting.h"
#include "mediator/native-review.h"
#include "mediator/network.h"
#include "mediator/policy-watch.h"
#include "mediator/privileges.h"
#include "mediator/volumes.h"
#include "policy/file.h"
#include "process/process.h"
#include "wrap/helper.h"

#define REQUESTS_AT_ONCE 64
#define EMPTY_DIRECTORY "empty" /* below the runtime directory, shared by all */
#define TABLE_BYTES 65536
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

int mediator_end_helper(struct mediator *m, struct helper **helper, struct error *err)
{
	struct helper *ended = steal_ptr(helper);

	loop_remove(m->loop, helper_fd(ended));
	return helper_finish(ended, err);
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
		.calls = oci_spec_calls(setup->spec, call_names_sorted, call_names_sorted_count),
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
	int r;

	/* a helper of this process prepares the view, and is nobody to be judged */
	if ((m->helper || meeting_is_asked(m)) &&
	    process_thread_group(m->proc_fd, question->pid) == getpid())
		return 0;
	policy_refresh(m);
	r = watch_judge(m->watch, question);
	if (question->flags & BEHAVIOUR_SOCKET) {
		native_tell_socket(m, question->path, r < 0);
		if (r == 0)
			meeting_keep(m, question->path);
	}
	return r;
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
	if (m->meeting)
		calls_set_meet(m->calls, meeting_begin, m);
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
	/* before the function begins, who asks is husk-hook and the helper: soon gone, or near */
	while (m->wrapped && served > 0 && (total += served) < REQUESTS_AT_ONCE &&
	       patience_is_due(&m->patience))
		served = await_request(m);
	latency_earn(&m->latency, total);
	if (served < 0)
		m->view_result = served;
	else if (m->wrapped && m->patience.failed > 0 && !m->latency.held)
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

/* ---- the loop ---- */

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
	if (entrance_wait_ms(m) >= 0)
		return entrance_wait_ms(m);
	if (m->policy_news)
		return POLICY_CHECK_MS;
	if (view_wait_ms(m->view) >= 0)
		return view_wait_ms(m->view);
	return overdue_ms < 0 && looks_by_itself(m) ? POLICY_LOOK_MS : overdue_ms;
}

void mediator_tell_standby(const struct mediator *m)
{
	const uint64_t word = 1;

	if (m->setup->word_fd >= 0)
		(void)!write(m->setup->word_fd, &word, sizeof(word));
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
	close(m->setup->run_fd); /* frees the lock, once who stands by has gone */
	mediator_tell_standby(m);
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
		entrance_look(m);
		entrance_guard(m);
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
	char name[32];
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
	latency_open(&m->latency, setup->settings->hold_cpu_latency);
	m->init_fd = (int)syscall(SYS_pidfd_open, setup->state->pid, 0);
	snprintf(name, sizeof(name), "%d", setup->state->pid);
	if (m->init_fd >= 0)
		m->init_dir_fd = openat(m->proc_fd, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (m->init_dir_fd < 0 || fstatat(m->init_dir_fd, "exe", &m->runtime, 0) < 0)
		return error_set(err, errno, "cannot watch the container's process %d",
				 setup->state->pid);
	m->loop = loop_new();
	if (!m->loop)
		return error_set(err, ENOMEM, "cannot set up the mediator");
	policy_watch(m);
	native_open_root(m);
	r = event_sink_open(setup->settings->event_file, setup->settings->events_per_run,
			    &m->events, err);
	if (r == 0)
		r = meeting_prepare(m, err);
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
		.capabilities = {.observer = {-1, -1}},
		.proc_fd = proc_fd,
		.talk_fd = talk_fd,
		.mount_fd = -1,
		.init_fd = -1,
		.init_dir_fd = -1,
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

	if (setup->not_ours_fd >= 0)
		close(setup->not_ours_fd);
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
		r = entrance_open(&m, &report);
	}
	if (r != 0) {
		network_end(&m);
		journal_abandon(m.journal);
		end_without_run(&m);
		_exit(1);
	}
	/* From here on the container runs with husk, or its exec fails. */
	loop_add(m.loop, m.init_fd, see_init_end, &m);
	entrance_complete(&m);
	serve(&m);
	end_run(&m);
}
