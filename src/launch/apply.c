/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the function loses before it starts. Without a C library: see main.c. */
#include "launch/apply.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/prctl.h>
#include <linux/seccomp.h>
#include <sys/syscall.h>

enum {
	CAPABILITIES_ROOM = 64,	     /* bits of `keep`; Linux 6.18 has 41 */
	WAIT_KILLABLE_RECV = 1 << 5, /* linux/seccomp.h since 5.19 */
	LISTENER_DIGITS = 5,
};

int launch_policy_is_sound(const struct launch_policy *policy)
{
	const uint32_t known = LAUNCH_CAPABILITIES | LAUNCH_NO_NEW_PRIVS | LAUNCH_LISTENER |
			       LAUNCH_FILTER_OPTIONAL | LAUNCH_STAYS | LAUNCH_NO_TERMINALS;

	if (policy->flags & ~known || policy->filter_count > LAUNCH_FILTER_MAX)
		return 0;
	return policy->filter_count ||
	       !(policy->flags & (LAUNCH_LISTENER | LAUNCH_FILTER_OPTIONAL));
}

/*
 * Without CAP_SETPCAP the bounding set stays, and with no_new_privs that gives nothing back: no
 * exec gets more than the permitted set holds.
 */
static long lower_bounding(const struct launch_policy *policy, launch_call *call)
{
	for (long capability = 0; capability < CAPABILITIES_ROOM; capability++) {
		long r = call(SYS_prctl, PR_CAPBSET_READ, capability, 0, 0, 0);

		if (r == -EINVAL)
			return 0; /* past the last one that this kernel knows */
		if (r < 0)
			return r;
		if (r == 0 || policy->keep >> capability & 1)
			continue;
		r = call(SYS_prctl, PR_CAPBSET_DROP, capability, 0, 0, 0);
		if (r == -EPERM && policy->flags & LAUNCH_NO_NEW_PRIVS)
			return 0;
		if (r < 0)
			return r;
	}
	return 0;
}

/* The ambient set follows by itself: it never holds what permitted and inheritable do not. */
static long lower_sets(const struct launch_policy *policy, launch_call *call)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3];
	long r = call(SYS_capget, (long)&header, (long)sets, 0, 0, 0);

	if (r < 0)
		return r;
	for (int i = 0; i < _LINUX_CAPABILITY_U32S_3; i++) {
		uint32_t keep = (uint32_t)(policy->keep >> (32 * i));

		sets[i].permitted &= keep;
		sets[i].effective &= keep;
		sets[i].inheritable &= keep;
	}
	return call(SYS_capset, (long)&header, (long)sets, 0, 0, 0);
}

static void refuse_instead(struct launch_policy *policy)
{
	for (uint32_t i = 0; i < policy->filter_count; i++) {
		struct sock_filter *at = &policy->filter[i];

		if (at->code == (BPF_RET | BPF_K) && at->k == SECCOMP_RET_USER_NOTIF)
			at->k = SECCOMP_RET_ERRNO | EPERM;
	}
}

/*
 * SPEC_ALLOW: else kernels before 5.16 slow the whole function down for a mitigation that it would
 * not have without husk. WAIT_KILLABLE_RECV: a call whose notification was received waits for its
 * answer as uninterruptibly as it would have run.
 */
static long set_filter(const struct launch_policy *policy, unsigned long flags, launch_call *call)
{
	struct sock_fprog program = {.len = (unsigned short)policy->filter_count,
				     .filter = (struct sock_filter *)(uintptr_t)policy->filter};

	return call(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
		    (long)(flags | SECCOMP_FILTER_FLAG_SPEC_ALLOW), (long)&program, 0, 0);
}

static long set_filter_with_listener(const struct launch_policy *policy, launch_call *call)
{
	long r = set_filter(policy, SECCOMP_FILTER_FLAG_NEW_LISTENER | WAIT_KILLABLE_RECV, call);

	return r == -EINVAL ? set_filter(policy, SECCOMP_FILTER_FLAG_NEW_LISTENER, call) : r;
}

/* Returns only once the mediator has its copy: nobody else could answer from then on. */
static long hand_over(long listener, launch_call *call)
{
	char word[1 + sizeof(LAUNCH_WORD) + LISTENER_DIGITS] = "/" LAUNCH_WORD;
	char *at = word + sizeof(LAUNCH_WORD);
	long divisor = 10000, r;

	if (listener > LAUNCH_LISTENER_MAX)
		return -EMFILE;
	for (; divisor > 0; divisor /= 10)
		*at++ = (char)('0' + listener / divisor % 10);
	*at = '\0';
	r = call(SYS_faccessat, AT_FDCWD, (long)word, 0, 0, 0);
	if (r == -LAUNCH_TAKEN)
		return 0;
	return r < 0 ? r : -EPROTO;
}

static long install(struct launch_policy *policy, launch_call *call)
{
	long listener;

	if (!(policy->flags & LAUNCH_LISTENER))
		return set_filter(policy, 0, call);
	listener = set_filter_with_listener(policy, call);
	if (listener >= 0)
		return hand_over(listener, call);
	if (policy->flags & LAUNCH_FILTER_OPTIONAL)
		return 0;
	if (listener != -EBUSY)
		return listener;
	refuse_instead(policy);
	return set_filter(policy, 0, call);
}

long launch_apply(struct launch_policy *policy, launch_call *call, const char **ret_what)
{
	long r = 0;

	*ret_what = "read the policy";
	if (!launch_policy_is_sound(policy))
		return -EINVAL;
	if (policy->flags & LAUNCH_CAPABILITIES) {
		*ret_what = "lower the bounding set";
		r = lower_bounding(policy, call);
	}
	if (r >= 0 && policy->flags & LAUNCH_NO_NEW_PRIVS) {
		*ret_what = "set no_new_privs";
		r = call(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	}
	if (r >= 0 && policy->filter_count) {
		*ret_what = "install the system call filter";
		r = install(policy, call);
	}
	if (r >= 0 && policy->flags & LAUNCH_CAPABILITIES) {
		*ret_what = "lower the capabilities";
		r = lower_sets(policy, call);
	}
	return r < 0 ? r : 0;
}
