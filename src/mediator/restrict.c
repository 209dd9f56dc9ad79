/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The plan of what a function loses before it starts. */
#include "mediator/restrict.h"

#include <errno.h>
#include <linux/capability.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <stddef.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "mediator/call-tables.h"
#include "policy/calls.h"

_Static_assert((int)LAUNCH_FILTER_MAX == (int)RESTRICTION_FILTER_MAX, "any filter fits the slot");

/* What husk-launch holds once it is executed: capabilities(7), without no_new_privs. */
static bool will_hold(const struct oci_spec *spec, unsigned int capability)
{
	uint64_t set = spec->uid == 0 ? spec->bounding : spec->ambient;

	return set >> capability & 1;
}

/*
 * Does no_new_privs go before programs that were seen to gain privileges? Where a domain is
 * enforced that holds by it alone: else one run that executes a setuid program would be enough to
 * have nothing enforced in the next. A function whose calls were watched has worked without such
 * programs.
 */
static bool goes_before_gains(const struct restrict_question *q)
{
	const struct restriction *r = q->restriction;

	if (!r || !(r->flags & RESTRICTION_GAINS_LEARNED) || r->enforce.count == 0)
		return false;
	return (q->modes[DOMAIN_SYSCALL] == MODE_ENFORCE && !will_hold(q->spec, CAP_SYS_ADMIN)) ||
	       (q->modes[DOMAIN_CAP] == MODE_ENFORCE && !will_hold(q->spec, CAP_SETPCAP));
}

/* May no_new_privs be set? Where the engine does it, nothing can be lost by it. */
static bool without_new_privs(const struct restrict_question *q)
{
	return q->spec->no_new_privileges ||
	       (q->restriction && q->restriction->flags & RESTRICTION_NO_NEW_PRIVS) ||
	       goes_before_gains(q);
}

static const char without_capset[] =
	"the engine's filter of system calls does not let husk-launch drop capabilities";

static void plan_capabilities(const struct restrict_question *q, struct launch_policy *policy,
			      struct restrict_answer *ret)
{
	ret->cap = q->modes[DOMAIN_CAP];
	if (ret->cap == MODE_SHADOW && q->spec->seccomp_closed) {
		/* else it would be enforced one day, and no container would start any more */
		ret->cap = MODE_LEARN;
		ret->why_cap = without_capset;
	}
	if (ret->cap != MODE_ENFORCE)
		return;
	if (!(q->restriction && q->restriction->flags & RESTRICTION_CAPABILITIES)) {
		ret->cap = MODE_LEARN;
		ret->why_cap = "in no run it was seen yet what the function needs, so nothing is "
			       "taken away";
		return;
	}
	if (q->spec->seccomp_closed) {
		ret->refused = DOMAIN_CAP;
		ret->cap = MODE_UNAVAILABLE;
		ret->why_cap = without_capset;
		return;
	}
	if (!without_new_privs(q) && !will_hold(q->spec, CAP_SETPCAP)) {
		ret->cap = MODE_UNAVAILABLE;
		ret->why_cap = "without CAP_SETPCAP and with programs that may gain privileges, "
			       "what is dropped would come back";
		return;
	}
	policy->flags |= LAUNCH_CAPABILITIES;
	policy->keep = q->restriction->keep;
}

/* Why there can be no filter, or NULL. *ret_mendable: something about the host could change it. */
static const char *no_filter(const struct restrict_question *q, bool *ret_mendable)
{
	*ret_mendable = true;
	if (q->cannot_notify)
		return q->cannot_notify;
	if (q->spec->seccomp_listener)
		return "the engine has a listener for system calls of its own, and there can be "
		       "only one";
	if (q->spec->seccomp_closed)
		return "the engine's filter of system calls does not let husk-launch install one";
	*ret_mendable = false;
	if (!without_new_privs(q) && !will_hold(q->spec, CAP_SYS_ADMIN))
		return q->restriction && q->modes[DOMAIN_EXEC] >= MODE_SHADOW
			       ? "a filter takes no_new_privs, and the function executes programs "
				 "that gain privileges"
			       : "a filter takes no_new_privs, which is set once the programs of "
				 "the function are known (exec in shadow), or by the engine";
	return NULL;
}

static void put_filter(struct launch_policy *policy, const struct sock_filter *code, uint32_t count)
{
	policy->filter_count = count;
	memcpy(policy->filter, code, count * sizeof(*code));
}

/*
 * bind(2) and connect(2) notify, whatever the filter says of them. Not connect(2) with an address
 * as long as those of IP are, or longer than a path's can be, as struct sockaddr_storage: a signal
 * that comes before the notification is read would end it before it has begun, which programs do
 * not expect of a connection that takes its time.
 */
static void ask_of_meetings(struct launch_policy *policy)
{
	const struct sock_filter head[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, restriction_architecture(), 0, 8),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_bind, 5, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_connect, 0, 5),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, calls_argument_at(2)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, sizeof(struct sockaddr_in), 3, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, sizeof(struct sockaddr_in6), 2, 0),
		BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, sizeof(struct sockaddr_un), 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
	};
	const uint32_t count = sizeof(head) / sizeof(head[0]);

	if (policy->filter_count + count > LAUNCH_FILTER_MAX)
		return;
	memmove(policy->filter + count, policy->filter,
		policy->filter_count * sizeof(policy->filter[0]));
	memcpy(policy->filter, head, sizeof(head));
	policy->filter_count += count;
}

static void plan_filter(const struct restrict_question *q, struct launch_policy *policy,
			struct restrict_answer *ret)
{
	const struct restriction *r = q->restriction;
	bool mendable = false;

	ret->syscall = q->modes[DOMAIN_SYSCALL];
	if (ret->syscall == MODE_UNAVAILABLE)
		return;
	ret->why_syscall = no_filter(q, &mendable);
	if (ret->why_syscall) {
		if (ret->syscall == MODE_ENFORCE && mendable)
			ret->refused = DOMAIN_SYSCALL;
		ret->syscall = MODE_UNAVAILABLE;
		return;
	}
	if (ret->syscall == MODE_ENFORCE && !(r && r->enforce.count)) {
		ret->syscall = MODE_LEARN;
		ret->why_syscall =
			"no run's calls have been watched yet, so this one's are learned";
	}
	policy->flags |= LAUNCH_LISTENER;
	if (ret->syscall == MODE_ENFORCE) {
		put_filter(policy, r->enforce.code, r->enforce.count);
		return;
	}
	policy->flags |= LAUNCH_FILTER_OPTIONAL;
	if (r && r->watch.count)
		put_filter(policy, r->watch.code, r->watch.count);
	else
		put_filter(policy, call_base_filter, call_base_count);
	if (q->meets)
		ask_of_meetings(policy);
}

void restrict_plan(const struct restrict_question *question, struct launch_policy *ret_policy,
		   struct restrict_answer *ret)
{
	*ret = (struct restrict_answer){.refused = DOMAINS};
	/* the room of the filter is large, and nothing is read beyond its count */
	memset(ret_policy, 0, offsetof(struct launch_policy, filter));
	plan_capabilities(question, ret_policy, ret);
	plan_filter(question, ret_policy, ret);
	if ((ret_policy->flags || ret_policy->filter_count) && without_new_privs(question))
		ret_policy->flags |= LAUNCH_NO_NEW_PRIVS;
	if (ret_policy->flags & LAUNCH_NO_NEW_PRIVS && !question->spec->no_new_privileges &&
	    goes_before_gains(question))
		ret->why_exec = "programs that gain privileges gain none, since an enforced domain "
				"holds by that; 'husk allow' settles it";
	if (question->spec->seccomp_stays)
		ret_policy->flags |= LAUNCH_STAYS;
	if (question->spec->seccomp_blind)
		ret_policy->flags |= LAUNCH_NO_TERMINALS;
}

const char *restrict_cannot_notify(int pidfd)
{
	uint32_t action = SECCOMP_RET_USER_NOTIF;
	int fd;

	if (syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) < 0)
		return "the kernel notifies nobody of system calls (Linux 5.5 does)";
	fd = (int)syscall(SYS_pidfd_getfd, pidfd, 0, 0);
	if (fd >= 0)
		close(fd);
	else if (errno == ENOSYS)
		return "the kernel has no pidfd_getfd(2) (Linux 5.6)";
	else if (errno == EPERM)
		return "descriptors of the container's processes may not be copied: "
		       "kernel.yama.ptrace_scope is 3, or a security module is in the way";
	return NULL;
}
