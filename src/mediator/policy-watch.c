/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The policy of a live run: what holds, and whether a newer one has come. */
#include "mediator/policy-watch.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "mediator/mediator-internal.h"
#include "mediator/native-review.h"
#include "mediator/network.h"
#include "policy/file.h"

#define POLICY_CHECK_NS 50000000 /* how late a replaced policy may be noticed */

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

void policy_use(struct mediator *m)
{
	enum mode modes[DOMAINS];

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

/*
 * Has the policy been replaced? Looked at when something is asked, and not too often. There is no
 * inotify(7): closing it makes the kernel wait some 15 ms, which every run would pay at its end.
 * A helper works by the policy that holds, so a newer one waits until it has finished.
 */
void policy_refresh(struct mediator *m)
{
	int64_t now = clock_monotonic_ns();
	struct policy_stamp stamp;

	if (m->helper || now - m->policy_checked_ns < POLICY_CHECK_NS)
		return;
	m->policy_checked_ns = now;
	stamp = policy_stamp(m);
	if (stamp.ino == m->policy_stamp.ino &&
	    stamp.changed.tv_sec == m->policy_stamp.changed.tv_sec &&
	    stamp.changed.tv_nsec == m->policy_stamp.changed.tv_nsec)
		return;
	m->policy_stamp = stamp;
	reread_policy(m);
}
