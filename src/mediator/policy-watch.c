/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The policy of a live run: what holds, and whether a newer one has come. */
#include "mediator/policy-watch.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "mediator/mediator-internal.h"
#include "mediator/native-review.h"
#include "mediator/network.h"
#include "policy/file.h"

#define POLICY_CHECK_NS (POLICY_CHECK_MS * INT64_C(1000000))

void mediator_modes(const struct policy_image *policy, const struct identity *identity,
		    enum mode ret[DOMAINS])
{
	for (int i = 0; i < DOMAINS; i++) {
		ret[i] = policy ? policy_image_info(policy).modes[i] : MODE_LEARN;
		if (ret[i] > identity->mode_at_most)
			ret[i] = identity->mode_at_most;
	}
}

void mediator_modes_now(const struct mediator *m, enum mode ret[DOMAINS])
{
	mediator_modes(m->policy, m->setup->identity, ret);
	for (int i = 0; i < DOMAINS; i++) {
		if (ret[i] > m->at_most[i])
			ret[i] = m->at_most[i];
	}
}

void mediator_journal_lowered(const struct mediator *m)
{
	for (int d = 0; d < DOMAINS; d++) {
		if (m->why_lowered[d])
			journal_lower(m->journal, (enum domain)d, m->why_lowered[d]);
	}
}

void policy_use(struct mediator *m)
{
	enum mode modes[DOMAINS];

	network_limit(m);
	mediator_modes_now(m, modes);
	watch_use(m->watch, m->policy, modes);
	if (m->calls)
		calls_decide_again(m->calls);
}

/* The file that the policy was read from: another one has another inode or another time. */
struct policy_stamp policy_stamp(const struct mediator *m)
{
	struct policy_stamp stamp = {0};
	struct stat file;

	if (fstatat(m->setup->state_fd, m->policy_path, &file, AT_SYMLINK_NOFOLLOW) == 0)
		stamp = (struct policy_stamp){file.st_ino, file.st_ctim};
	return stamp;
}

static void reread_policy(struct mediator *m)
{
	const struct identity *identity = m->setup->identity;
	struct policy_image *old = m->policy, *fresh = NULL;
	struct error err = ERROR_INIT;
	bool damaged;

	if (policy_file_open(m->setup->state_fd, identity->function, identity->revision, &fresh,
			     &damaged, &err) < 0) {
		mediator_tell(m, EVENT_DEGRADED, err.what);
		return; /* the one that holds goes on to hold */
	}
	m->policy = fresh;
	policy_use(m);
	network_use(m);
	native_decide_again(m);
	policy_image_free(old);
	native_review(m);
}

static void hear_signal(void *context)
{
	struct mediator *m = context;
	struct signalfd_siginfo info;

	while (read(m->policy_signal_fd, &info, sizeof(info)) == sizeof(info))
		;
	m->policy_news = true;
}

/*
 * By F_NOTIFY of fcntl(2) and SIGIO: closing an inotify(7) descriptor makes the kernel wait some
 * 15 ms, which every run would pay at its end, while this takes some 20 us in all. Of signals that
 * come together one is kept, and one is enough.
 */
void policy_watch(struct mediator *m)
{
	cleanup_close int dir = openat(m->setup->state_fd, POLICY_DIRECTORY,
				       O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	cleanup_close int signals = -1;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGIO);
	/* before any thread, so that none gets it */
	if (dir < 0 || sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return;
	signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (signals < 0 || fcntl(dir, F_NOTIFY, DN_RENAME | DN_MULTISHOT) < 0 ||
	    loop_add(m->loop, signals, hear_signal, m) < 0)
		return;
	m->policy_signal_fd = steal_fd(&signals);
	steal_fd(&dir); /* stays open for as long as it is to be told of */
	/* one may have come before this */
	m->policy_news = true;
}

/*
 * Has the policy been replaced? Looked at when something is asked or the kernel said so, and not
 * too often. A helper works by the policy that holds, so a newer one waits until it has finished.
 */
void policy_refresh(struct mediator *m)
{
	int64_t now = clock_monotonic_ns();
	struct policy_stamp stamp;

	if (m->helper || now - m->policy_checked_ns < POLICY_CHECK_NS)
		return;
	m->policy_checked_ns = now;
	m->policy_news = false;
	stamp = policy_stamp(m);
	if (stamp.ino == m->policy_stamp.ino &&
	    stamp.changed.tv_sec == m->policy_stamp.changed.tv_sec &&
	    stamp.changed.tv_nsec == m->policy_stamp.changed.tv_nsec)
		return;
	m->policy_stamp = stamp;
	reread_policy(m);
}
