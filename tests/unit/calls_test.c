/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The mediator's side of system calls: what is planned, how calls are named, and a live listener.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "launch/apply.h"
#include "mediator/call-tables.h"
#include "mediator/calls.h"
#include "mediator/restrict.h"
#include "policy/calls.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

/* ---- the plan ---- */

static const struct sock_filter watching[] = {BPF_STMT(BPF_RET | BPF_K, 1)};
static const struct sock_filter enforcing[] = {BPF_STMT(BPF_RET | BPF_K, 2)};

enum { U = MODE_UNAVAILABLE, L = MODE_LEARN, S = MODE_SHADOW, E = MODE_ENFORCE };
enum {
	NNP = LAUNCH_NO_NEW_PRIVS,
	CAPS = LAUNCH_CAPABILITIES,
	LISTEN = LAUNCH_LISTENER,
	OPT = LAUNCH_FILTER_OPTIONAL
};
enum facts {
	SPEC_NNP = 1,
	POLICY_NNP = 2,
	POLICY = 4,
	BASE_DENIED = 8,
	LEARNED = 16,
	DEAF = 32,
	ENGINE_LISTENS = 64,
	USER = 128,
	CLOSED = 1024,
	ADMIN = 256,
	SETPCAP = 512,
	STAYS = 2048,
	BLIND = 4096,
	GAINS = 8192,
};
enum filter_kind { NO_FILTER, BASE_FILTER, WATCH_FILTER, ENFORCE_FILTER };

static const struct {
	unsigned int facts;
	int cap, syscall; /* enum mode, as wanted */
	int ret_cap, ret_syscall;
	uint32_t flags;
	enum filter_kind filter;
	bool refuse; /* for want of the domain that is enforced; of syscall where both are */
} plans[] = {
	/* nothing known, nothing set: only what costs the function nothing */
	{0, U, L, U, U, 0, NO_FILTER, false},
	{SPEC_NNP, U, L, U, L, NNP | LISTEN | OPT, BASE_FILTER, false},
	{SPEC_NNP | USER, U, L, U, L, NNP | LISTEN | OPT, BASE_FILTER, false},
	{ADMIN, U, L, U, L, LISTEN | OPT, BASE_FILTER, false},
	{ADMIN | USER, U, L, U, U, 0, NO_FILTER, false},
	/* known */
	{POLICY, U, S, U, U, 0, NO_FILTER, false},
	{POLICY | POLICY_NNP, U, S, U, S, NNP | LISTEN | OPT, BASE_FILTER, false},
	{POLICY | POLICY_NNP | BASE_DENIED, U, S, U, S, NNP | LISTEN | OPT, WATCH_FILTER, false},
	{POLICY | POLICY_NNP | LEARNED, L, E, L, E, NNP | LISTEN, ENFORCE_FILTER, false},
	{POLICY | POLICY_NNP | LEARNED, E, E, E, E, CAPS | NNP | LISTEN, ENFORCE_FILTER, false},
	{POLICY | LEARNED | ADMIN | SETPCAP, E, E, E, E, CAPS | LISTEN, ENFORCE_FILTER, false},
	/* by hand, before any run was watched */
	{POLICY | POLICY_NNP, U, E, U, L, NNP | LISTEN | OPT, BASE_FILTER, false},
	{POLICY | POLICY_NNP, E, E, L, L, NNP | LISTEN | OPT, BASE_FILTER, false},
	{SPEC_NNP, E, U, L, U, 0, NO_FILTER, false},
	{0, U, E, U, U, 0, NO_FILTER, false},
	/* programs that gain privileges */
	{POLICY | LEARNED, U, E, U, U, 0, NO_FILTER, false},
	{POLICY | LEARNED, E, U, U, U, 0, NO_FILTER, false},
	{POLICY | LEARNED | SETPCAP, E, U, E, U, CAPS, NO_FILTER, false},
	{POLICY | LEARNED | SETPCAP | USER, E, U, U, U, 0, NO_FILTER, false},
	/* ... which were learned when something was enforced already that holds without them */
	{POLICY | LEARNED | GAINS, U, E, U, E, NNP | LISTEN, ENFORCE_FILTER, false},
	{POLICY | LEARNED | GAINS, E, S, E, S, CAPS | NNP | LISTEN | OPT, BASE_FILTER, false},
	{POLICY | LEARNED | GAINS, L, S, L, U, 0, NO_FILTER, false},
	{POLICY | LEARNED | GAINS | SETPCAP, E, S, E, U, CAPS, NO_FILTER, false},
	{POLICY | LEARNED | GAINS | ADMIN | SETPCAP, E, E, E, E, CAPS | LISTEN, ENFORCE_FILTER,
	 false},
	{POLICY | GAINS, U, E, U, U, 0, NO_FILTER, false},
	/* what the host or the engine lack */
	{SPEC_NNP | DEAF, U, L, U, U, 0, NO_FILTER, false},
	{SPEC_NNP | ENGINE_LISTENS, U, L, U, U, 0, NO_FILTER, false},
	{SPEC_NNP | DEAF | POLICY | LEARNED, U, E, U, U, 0, NO_FILTER, true},
	{SPEC_NNP | ENGINE_LISTENS | POLICY | LEARNED, E, E, E, U, CAPS | NNP, NO_FILTER, true},
	{SPEC_NNP, U, U, U, U, 0, NO_FILTER, false},
	{SPEC_NNP | CLOSED, U, L, U, U, 0, NO_FILTER, false},
	{SPEC_NNP | CLOSED | POLICY | LEARNED, E, E, U, U, 0, NO_FILTER, true},
	{SPEC_NNP | CLOSED | POLICY | LEARNED, E, L, U, U, 0, NO_FILTER, true},
	{SPEC_NNP | CLOSED, E, U, L, U, 0, NO_FILTER, false},
	{SPEC_NNP | CLOSED | POLICY | LEARNED, S, U, L, U, 0, NO_FILTER, false},
	{SPEC_NNP | CLOSED | POLICY | LEARNED, L, U, L, U, 0, NO_FILTER, false},
	{SPEC_NNP | STAYS | CLOSED, U, L, U, U, LAUNCH_STAYS, NO_FILTER, false},
	{SPEC_NNP | BLIND | CLOSED, U, L, U, U, LAUNCH_NO_TERMINALS, NO_FILTER, false},
};

static enum filter_kind kind_of(const struct launch_policy *policy)
{
	if (policy->filter_count == 0)
		return NO_FILTER;
	if (policy->filter_count != 1)
		return BASE_FILTER;
	return policy->filter[0].k == 1 ? WATCH_FILTER : ENFORCE_FILTER;
}

static void each_run_loses_what_it_can_do_without(void **state)
{
	cleanup_free struct launch_policy *policy = malloc(sizeof(*policy));

	assert_non_null(policy);
	for (size_t i = 0; i < COUNT(plans); i++) {
		const unsigned int facts = plans[i].facts;
		const uint64_t held = (facts & ADMIN ? UINT64_C(1) << CAP_SYS_ADMIN : 0) |
				      (facts & SETPCAP ? UINT64_C(1) << CAP_SETPCAP : 0);
		const struct oci_spec spec = {
			.no_new_privileges = facts & SPEC_NNP,
			.seccomp_listener = facts & ENGINE_LISTENS,
			.seccomp_closed = facts & CLOSED,
			.seccomp_stays = facts & STAYS,
			.seccomp_blind = facts & BLIND,
			.uid = facts & USER ? 1000 : 0,
			.bounding = held, /* of no use to a user that is not root */
		};
		const struct restriction restriction = {
			.keep = 1 << CAP_CHOWN,
			.flags = (facts & POLICY_NNP ? RESTRICTION_NO_NEW_PRIVS : 0) |
				 (facts & LEARNED ? RESTRICTION_CAPABILITIES : 0) |
				 (facts & GAINS ? RESTRICTION_GAINS_LEARNED : 0),
			.watch = {watching, facts & BASE_DENIED ? 1 : 0},
			.enforce = {enforcing, facts & LEARNED ? 1 : 0},
		};
		const enum mode modes[DOMAINS] = {
			[DOMAIN_EXEC] = MODE_SHADOW,
			[DOMAIN_CAP] = (enum mode)plans[i].cap,
			[DOMAIN_SYSCALL] = (enum mode)plans[i].syscall,
		};
		const struct restrict_question question = {
			.spec = &spec,
			.restriction = facts & POLICY ? &restriction : NULL,
			.modes = modes,
			.cannot_notify = facts & DEAF ? "deaf" : NULL,
		};
		const enum domain refused = !plans[i].refuse	    ? DOMAINS
					    : plans[i].syscall == E ? DOMAIN_SYSCALL
								    : DOMAIN_CAP;
		struct restrict_answer answer;

		restrict_plan(&question, policy, &answer);
		if ((int)answer.cap != plans[i].ret_cap ||
		    (int)answer.syscall != plans[i].ret_syscall ||
		    policy->flags != plans[i].flags || kind_of(policy) != plans[i].filter ||
		    answer.refused != refused)
			fail_msg("plan %zu: cap %d, syscall %d, flags %#x, filter %d, refuse %d", i,
				 answer.cap, answer.syscall, policy->flags, kind_of(policy),
				 answer.refused);
		assert_true(launch_policy_is_sound(policy));
		assert_int_equal(answer.why_exec != NULL, facts & GAINS && policy->flags & NNP);
		assert_int_equal(answer.why_cap != NULL, (int)answer.cap != plans[i].cap);
		assert_int_equal(answer.why_syscall != NULL,
				 (int)answer.syscall != plans[i].syscall);
		assert_int_equal(policy->keep, policy->flags & CAPS ? 1 << CAP_CHOWN : 0);
	}
}

/* ---- names ---- */

static void each_call_has_one_key(void **state)
{
	const uint32_t own = restriction_architecture();
	const struct {
		struct seccomp_data call;
		const char *key;
	} table[] = {
		{{.nr = SYS_socket, .arch = own}, "socket"},
		{{.nr = SYS_socket, .arch = own, .args = {AF_INET, SOCK_RAW}}, "socket"},
		{{.nr = SYS_socket, .arch = own, .args = {AF_PACKET, SOCK_DGRAM}}, "socket:packet"},
		{{.nr = SYS_socket, .arch = own, .args = {44, SOCK_RAW}}, "socket:packet"},
		{{.nr = SYS_socket, .arch = own, .args = {AF_PPPOX, SOCK_STREAM}}, "socket:packet"},
		{{.nr = SYS_socket, .arch = own, .args = {AF_INET, SOCK_PACKET}}, "socket:packet"},
		{{.nr = SYS_clone, .arch = own}, "clone"},
		{{.nr = SYS_clone, .arch = own, .args = {SIGCHLD}}, "clone"},
		{{.nr = SYS_clone, .arch = own, .args = {CLONE_NEWUSER}}, "unshare"},
		{{.nr = SYS_unshare, .arch = own, .args = {0}}, "unshare"},
		{{.nr = 1000, .arch = own}, "call:1000"},
		{{.nr = 0x3fffffff, .arch = own}, "call:beyond"},
		{{.nr = SYS_socket | 0x40000000, .arch = own}, "abi:x32"},
		{{.nr = -1, .arch = own}, "abi:other"},
		{{.nr = 11, .arch = AUDIT_ARCH_I386}, "abi:i386"},
		{{.nr = 11, .arch = 0}, "abi:other"},
	};

	for (size_t i = 0; i < COUNT(table); i++) {
		char key[CALLS_NAME_ROOM];

		calls_key(&table[i].call, key);
		assert_string_equal(key, table[i].key);
	}
}

static void what_is_denied_fails_as_programs_expect(void **state)
{
	assert_int_equal(calls_denied_errno("socket"), EPERM);
	assert_int_equal(calls_denied_errno("io_uring_setup"), ENOSYS);
	assert_int_equal(calls_denied_errno("clone3"), ENOSYS);
	assert_int_equal(calls_denied_errno("abi:i386"), EPERM);
	assert_true(calls_is_base("openat"));
	assert_false(calls_is_base("socket"));
	assert_false(calls_is_base("mount"));
}

/* ---- a live listener ---- */

static int to_parent = -1, from_parent = -1;

/* The launcher's calls, but for the lookup: there is no view here. */
static long launcher_call(long number, long a, long b, long c, long d, long e)
{
	long r;
	char ack;

	if (number == SYS_faccessat) {
		const char *digits = (const char *)b + sizeof("/" LAUNCH_WORD) - 1;

		if (write(to_parent, digits, 5) != 5 || read(from_parent, &ack, 1) != 1)
			return -EIO;
		return -LAUNCH_TAKEN;
	}
	r = syscall(number, a, b, c, d, e);
	return r < 0 ? -errno : r;
}

static void nothing(int signal)
{
}

/* What a function might do. Exits with what came of it. */
static _Noreturn void be_function(void)
{
	static struct launch_policy policy = {.flags = LAUNCH_NO_NEW_PRIVS | LAUNCH_LISTENER |
						       LAUNCH_FILTER_OPTIONAL};
	const char *what;
	int fd, result = 0;

	memcpy(policy.filter, call_base_filter, call_base_count * sizeof(policy.filter[0]));
	policy.filter_count = call_base_count;
	if (launch_apply(&policy, launcher_call, &what) < 0)
		_exit(99);
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	if (fd < 0 && errno == EPERM)
		result |= 1;
	for (int i = 0; i < 100 && socket(AF_UNIX, SOCK_STREAM, 0) >= 0; i++)
		;
	if (syscall(SYS_io_uring_setup, 0, NULL) < 0 && errno == ENOSYS)
		result |= 2;
	signal(SIGUSR1, nothing);
	if (kill(getpid(), SIGUSR1) < 0)
		result |= 4;
	_exit(result);
}

/* The plan of a function that is to meet the host, with an address of each kind. Exits with how
 * many calls failed with what they fail with here. */
static _Noreturn void be_met(void)
{
	static struct launch_policy policy;
	const struct oci_spec spec = {.no_new_privileges = true};
	const enum mode modes[DOMAINS] = {[DOMAIN_SYSCALL] = MODE_LEARN};
	const struct restrict_question question = {.spec = &spec, .modes = modes, .meets = true};
	const union {
		struct sockaddr_un path;
		struct sockaddr_storage any;
	} address = {.path = {.sun_family = AF_UNIX, .sun_path = "/none/none"}};
	const socklen_t lengths[] = {3, 12, 16, 28, 110, sizeof(struct sockaddr_storage)};
	struct restrict_answer answer;
	const char *what;
	int fd, failed = 0;

	restrict_plan(&question, &policy, &answer);
	if (launch_apply(&policy, launcher_call, &what) < 0)
		_exit(99);
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	for (size_t i = 0; i < COUNT(lengths); i++) {
		const struct sockaddr *to = (const struct sockaddr *)&address;

		failed += connect(fd, to, lengths[i]) < 0 &&
			  (errno == ENOENT || errno == ECONNREFUSED);
		failed += bind(fd, to, lengths[i]) < 0 && (errno == ENOENT || errno == EADDRINUSE);
	}
	_exit(failed);
}

struct run {
	struct loop *loop;
	struct watch *watch;
	struct calls *calls;
	pid_t pid;
	int pidfd;
	bool gone;
	unsigned int binds, connects; /* that were asked about */
	bool waits;
};

/* Every second call waits for a turn of the loop. */
static bool meet(void *context, int listener, const struct seccomp_notif *notif)
{
	struct run *run = context;

	assert_false(run->waits);
	assert_int_equal(ioctl(listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &notif->id), 0);
	*(notif->data.nr == SYS_bind ? &run->binds : &run->connects) += 1;
	run->waits = (run->binds + run->connects) % 2 == 0;
	return run->waits;
}

static void see_end(void *context)
{
	struct run *run = context;

	run->gone = true;
	loop_remove(run->loop, run->pidfd);
}

/* Runs the function in this mode, without any policy. Returns its exit status. */
static int run_function(enum mode mode, void (*function)(void), struct run *ret_run)
{
	const enum mode modes[DOMAINS] = {[DOMAIN_SYSCALL] = mode};
	struct watch_options options = {
		.proc_fd = -1, .function = "f", .revision = "1", .run = "r", .container = "c"};
	struct run run = {.loop = loop_new()};
	char digits[6] = "";
	int up[2], down[2], status;

	assert_int_equal(pipe(up), 0);
	assert_int_equal(pipe(down), 0);
	run.pid = fork();
	if (run.pid == 0) {
		to_parent = up[1];
		from_parent = down[0];
		function();
	}
	run.pidfd = (int)syscall(SYS_pidfd_open, run.pid, 0);
	assert_int_equal(watch_new(&options, &run.watch), 0);
	watch_use(run.watch, NULL, modes);
	run.calls = calls_new(run.watch, run.loop);
	assert_non_null(run.calls);
	assert_int_equal(read(up[0], digits, 5), 5);
	/* what is no listener is not taken for one */
	assert_int_equal(calls_take(run.calls, run.pidfd, "00000"), -EINVAL);
	assert_int_equal(calls_take(run.calls, run.pidfd, "65535"), -EBADF);
	assert_int_equal(calls_take(run.calls, run.pidfd, "65536"), -EINVAL);
	assert_int_equal(calls_take(run.calls, run.pidfd, "7"), -EINVAL);
	assert_int_equal(calls_take(run.calls, run.pidfd, "0000x"), -EINVAL);
	assert_int_equal(calls_take(run.calls, run.pidfd, "000000"), -EINVAL);
	assert_false(calls_are_watched(run.calls));
	assert_int_equal(calls_take(run.calls, run.pidfd, digits), 0);
	assert_true(calls_are_watched(run.calls));
	if (ret_run)
		calls_set_meet(run.calls, meet, &run);
	assert_int_equal(calls_take(run.calls, run.pidfd, digits), -EBUSY);
	assert_int_equal(loop_add(run.loop, run.pidfd, see_end, &run), 0);
	assert_int_equal(write(down[1], "", 1), 1);
	while (!run.gone) {
		assert_true(loop_wait(run.loop, 10000));
		if (!run.waits)
			continue;
		/* nobody else is heard meanwhile */
		assert_false(loop_wait(run.loop, 20));
		run.waits = false;
		calls_go_on(run.calls);
	}
	assert_int_equal(waitpid(run.pid, &status, 0), run.pid);
	assert_true(WIFEXITED(status));
	/* the last one under the filter has gone: the listener says so and is closed */
	while (loop_wait(run.loop, 100))
		;
	calls_free(run.calls);
	watch_free(run.watch);
	loop_free(run.loop);
	close(run.pidfd);
	for (int i = 0; i < 2; i++) {
		close(up[i]);
		close(down[i]);
	}
	if (ret_run)
		*ret_run = run;
	return WEXITSTATUS(status);
}

static void calls_go_on_while_they_are_learned(void **state)
{
	/* 2 where the kernel has no rings itself */
	assert_int_equal(run_function(MODE_LEARN, be_function, NULL) & ~2, 0);
	assert_int_equal(run_function(MODE_SHADOW, be_function, NULL) & ~2, 0);
}

static void calls_fail_where_they_are_denied(void **state)
{
	assert_int_equal(run_function(MODE_ENFORCE, be_function, NULL), 1 | 2 | 4);
}

static void who_may_meet_the_host_waits_and_goes_on(void **state)
{
	struct run run;

	assert_int_equal(run_function(MODE_LEARN, be_met, &run), 10);
	assert_int_equal(run.binds, 6);
	assert_int_equal(run.connects, 3); /* not with the lengths of IP's addresses */
}

static void each_name_of_the_machine_is_there_once_in_order(void **state)
{
	uint32_t named = 0;

	for (uint32_t i = 0; i < call_names_count; i++)
		named += call_names[i] != NULL;
	assert_in_range(named, 200, CALLS_NUMBERS);
	assert_int_equal(call_names_sorted_count, named);
	for (uint32_t i = 1; i < call_names_sorted_count; i++)
		assert_true(strcmp(call_names_sorted[i - 1], call_names_sorted[i]) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_run_loses_what_it_can_do_without),
		cmocka_unit_test(each_call_has_one_key),
		cmocka_unit_test(each_name_of_the_machine_is_there_once_in_order),
		cmocka_unit_test(what_is_denied_fails_as_programs_expect),
		cmocka_unit_test(calls_go_on_while_they_are_learned),
		cmocka_unit_test(calls_fail_where_they_are_denied),
		cmocka_unit_test(who_may_meet_the_host_waits_and_goes_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
