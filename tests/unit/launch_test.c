/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The part launch: what husk-launch takes away, in which order, and what it does about failures. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/prctl.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "launch/apply.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

enum { CALLS_MAX = 256, LISTENER = 7 };

/* A kernel of the test's own: it writes down what it is asked, and fails what the test says. */
static struct kernel {
	char told[CALLS_MAX * 24];
	int calls;
	int fail_call; /* counted from 1; 0: none */
	long fail_with;
	long fails[6];	  /* by enum kind: what every call of the kind returns, 0: success */
	uint32_t dropped; /* capabilities that were asked to leave the bounding set */
	uint32_t left;	  /* permitted capabilities after capset(2), below 32 */
	struct sock_filter installed[4];
	long word; /* what looking the word up gives */
} kernel;

enum kind { READ_BOUNDING, DROP_BOUNDING, NO_NEW_PRIVS, LISTENING, FILTERING, SETTING };

static void tell(const char *what)
{
	size_t at = strlen(kernel.told);

	snprintf(kernel.told + at, sizeof(kernel.told) - at, "%s%s", at ? " " : "", what);
}

static long result_of(enum kind kind)
{
	kernel.calls++;
	if (kernel.calls == kernel.fail_call)
		return kernel.fail_with;
	return kernel.fails[kind];
}

static long call_prctl(long option, long argument)
{
	long r;

	switch (option) {
	case PR_CAPBSET_READ:
		r = result_of(READ_BOUNDING);
		if (r < 0)
			return r;
		return argument > CAP_LAST_CAP ? -EINVAL : 1;
	case PR_CAPBSET_DROP:
		if (kernel.dropped == 0)
			tell("bounding");
		kernel.dropped++;
		return result_of(DROP_BOUNDING);
	case PR_SET_NO_NEW_PRIVS:
		assert_int_equal(argument, 1);
		tell("no_new_privs");
		return result_of(NO_NEW_PRIVS);
	default:
		fail_msg("prctl(%ld)", option);
		return -EINVAL;
	}
}

static long call_seccomp(long operation, unsigned long flags, const struct sock_fprog *program)
{
	bool listens = flags & SECCOMP_FILTER_FLAG_NEW_LISTENER;
	long r = result_of(listens ? LISTENING : FILTERING);

	assert_int_equal(operation, SECCOMP_SET_MODE_FILTER);
	assert_true(flags & SECCOMP_FILTER_FLAG_SPEC_ALLOW);
	tell(listens ? "listener" : "filter");
	if (r < 0)
		return r;
	memcpy(kernel.installed, program->filter, program->len * sizeof(kernel.installed[0]));
	return listens ? LISTENER : 0;
}

static long call_capset(const struct __user_cap_data_struct *sets)
{
	tell("capset");
	kernel.left = sets[0].permitted;
	assert_int_equal(sets[0].effective, sets[0].permitted);
	assert_int_equal(sets[0].inheritable, sets[0].permitted);
	return result_of(SETTING);
}

static long ask_kernel(long number, long a, long b, long c, long d, long e)
{
	struct __user_cap_data_struct all = {UINT32_MAX, UINT32_MAX, UINT32_MAX};

	switch (number) {
	case SYS_prctl:
		assert_true(c == 0 && d == 0 && e == 0);
		return call_prctl(a, b);
	case SYS_seccomp:
		return call_seccomp(a, (unsigned long)b, (const struct sock_fprog *)c);
	case SYS_faccessat:
		assert_string_equal((const char *)b, "/" LAUNCH_WORD "00007");
		tell("word");
		kernel.calls++;
		return kernel.calls == kernel.fail_call ? kernel.fail_with : kernel.word;
	case SYS_capget:
		((struct __user_cap_data_struct *)b)[0] = all;
		((struct __user_cap_data_struct *)b)[1] = all;
		return 0;
	case SYS_capset:
		return call_capset((const struct __user_cap_data_struct *)b);
	default:
		fail_msg("system call %ld", number);
		return -ENOSYS;
	}
}

static void new_kernel(void)
{
	kernel = (struct kernel){.word = -LAUNCH_TAKEN};
}

static struct launch_policy a_policy(uint32_t flags)
{
	return (struct launch_policy){
		.keep = 1U << CAP_NET_BIND_SERVICE,
		.flags = flags,
		.filter_count = 2,
		.filter = {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0),
			   BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF)},
	};
}

enum { ALL = LAUNCH_CAPABILITIES | LAUNCH_NO_NEW_PRIVS | LAUNCH_LISTENER };

static void what_is_taken_away_goes_in_the_one_order_that_works(void **state)
{
	static const struct {
		uint32_t flags;
		bool filter;
		const char *told;
	} table[] = {
		{0, false, ""},
		{0, true, "filter"},
		{LAUNCH_NO_NEW_PRIVS, true, "no_new_privs filter"},
		{LAUNCH_CAPABILITIES, false, "bounding capset"},
		{LAUNCH_CAPABILITIES | LAUNCH_NO_NEW_PRIVS, false, "bounding no_new_privs capset"},
		{LAUNCH_LISTENER | LAUNCH_FILTER_OPTIONAL, true, "listener word"},
		{ALL, true, "bounding no_new_privs listener word capset"},
	};

	for (size_t i = 0; i < COUNT(table); i++) {
		struct launch_policy policy = a_policy(table[i].flags);
		const char *what;

		new_kernel();
		policy.filter_count = table[i].filter ? 2 : 0;
		assert_int_equal(launch_apply(&policy, ask_kernel, &what), 0);
		assert_string_equal(kernel.told, table[i].told);
		if (!(table[i].flags & LAUNCH_CAPABILITIES))
			continue;
		assert_int_equal(kernel.dropped, CAP_LAST_CAP); /* all but one */
		assert_int_equal(kernel.left, 1U << CAP_NET_BIND_SERVICE);
	}
}

static void whatever_fails_ends_it(void **state)
{
	struct launch_policy policy = a_policy(ALL);
	const char *what;
	int calls;

	new_kernel();
	assert_int_equal(launch_apply(&policy, ask_kernel, &what), 0);
	calls = kernel.calls;
	for (int i = 1; i <= calls; i++) {
		policy = a_policy(ALL);
		new_kernel();
		kernel.fail_call = i;
		kernel.fail_with = -EACCES;
		assert_int_equal(launch_apply(&policy, ask_kernel, &what), -EACCES);
		assert_int_equal(kernel.calls, i);
		assert_true(what[0]);
	}
}

static void the_bounding_set_may_stay_only_with_no_new_privs(void **state)
{
	struct launch_policy policy = a_policy(ALL);
	const char *what;

	new_kernel();
	kernel.fails[DROP_BOUNDING] = -EPERM;
	assert_int_equal(launch_apply(&policy, ask_kernel, &what), 0);
	assert_int_equal(kernel.dropped, 1);
	policy = a_policy(LAUNCH_CAPABILITIES);
	new_kernel();
	kernel.fails[DROP_BOUNDING] = -EPERM;
	assert_int_equal(launch_apply(&policy, ask_kernel, &what), -EPERM);
	assert_string_equal(what, "lower the bounding set");
	assert_string_equal(kernel.told, "bounding");
}

static void another_listener_is_made_room_for(void **state)
{
	struct launch_policy policy = a_policy(LAUNCH_LISTENER | LAUNCH_FILTER_OPTIONAL);
	const char *what;

	new_kernel();
	kernel.fails[LISTENING] = -EBUSY;
	assert_int_equal(launch_apply(&policy, ask_kernel, &what), 0);
	assert_string_equal(kernel.told, "listener");

	policy = a_policy(ALL);
	new_kernel();
	kernel.fails[LISTENING] = -EBUSY;
	assert_int_equal(launch_apply(&policy, ask_kernel, &what), 0);
	assert_string_equal(kernel.told, "bounding no_new_privs listener filter capset");
	assert_int_equal(kernel.installed[1].k, SECCOMP_RET_ERRNO | EPERM);

	policy = a_policy(ALL);
	new_kernel();
	kernel.fails[LISTENING] = -EACCES;
	assert_int_equal(launch_apply(&policy, ask_kernel, &what), -EACCES);
}

static void a_kernel_without_killable_waiting_gives_a_listener_too(void **state)
{
	struct launch_policy policy = a_policy(LAUNCH_LISTENER);
	const char *what;

	new_kernel();
	kernel.fail_call = 1;
	kernel.fail_with = -EINVAL;
	assert_int_equal(launch_apply(&policy, ask_kernel, &what), 0);
	assert_string_equal(kernel.told, "listener listener word");
}

static void a_listener_that_nobody_takes_ends_it(void **state)
{
	static const long answers[] = {0, -ENOENT, -EACCES, -EIO};

	for (size_t i = 0; i < COUNT(answers); i++) {
		struct launch_policy policy = a_policy(LAUNCH_LISTENER | LAUNCH_FILTER_OPTIONAL);
		const char *what;

		new_kernel();
		kernel.word = answers[i];
		assert_int_equal(launch_apply(&policy, ask_kernel, &what),
				 answers[i] < 0 ? answers[i] : -EPROTO);
	}
}

static void a_policy_that_does_not_hold_together_does_nothing(void **state)
{
	struct launch_policy policy;
	const char *what;

	for (int i = 0; i < 4; i++) {
		policy = a_policy(ALL);
		if (i == 0)
			policy.flags |= 1U << 20;
		if (i == 1)
			policy.filter_count = LAUNCH_FILTER_MAX + 1;
		if (i == 2)
			policy.filter_count = 0; /* a listener to no filter */
		if (i == 3)
			policy = (struct launch_policy){.flags = LAUNCH_FILTER_OPTIONAL};
		new_kernel();
		assert_int_equal(launch_apply(&policy, ask_kernel, &what), -EINVAL);
		assert_int_equal(kernel.calls, 0);
	}
}

/* ---- the same on this machine's kernel ---- */

static long ask_for_real(long number, long a, long b, long c, long d, long e)
{
	long r = syscall(number, a, b, c, d, e);

	return r < 0 ? -errno : r;
}

static int capabilities_left(uint64_t *ret)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3];

	if (syscall(SYS_capget, &header, sets) < 0)
		return -1;
	*ret = (uint64_t)sets[1].permitted << 32 | sets[0].permitted;
	return 0;
}

/* Exits with 0 if everything is gone, else with the number of what is not. */
static _Noreturn void lose_everything(void)
{
	struct launch_policy policy = {
		.flags = LAUNCH_CAPABILITIES | LAUNCH_NO_NEW_PRIVS,
		.filter_count = 4,
		.filter = {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0),
			   BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getppid, 0, 1),
			   BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | 77),
			   BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)},
	};
	bool was_root = prctl(PR_CAPBSET_DROP, CAP_AUDIT_READ) == 0;
	uint64_t left = 1;
	const char *what;

	if (launch_apply(&policy, ask_for_real, &what) < 0)
		_exit(1);
	if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1)
		_exit(2);
	if (syscall(SYS_getppid) != -1 || errno != 77)
		_exit(3);
	if (capabilities_left(&left) < 0 || left != 0)
		_exit(4);
	for (unsigned long i = 0; was_root && i <= CAP_LAST_CAP; i++) {
		if (prctl(PR_CAPBSET_READ, i) == 1)
			_exit(5);
	}
	_exit(0);
}

static void a_real_process_loses_what_the_policy_says(void **state)
{
	pid_t pid = fork();
	int status;

	if (pid == 0)
		lose_everything();
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_taken_away_goes_in_the_one_order_that_works),
		cmocka_unit_test(whatever_fails_ends_it),
		cmocka_unit_test(the_bounding_set_may_stay_only_with_no_new_privs),
		cmocka_unit_test(another_listener_is_made_room_for),
		cmocka_unit_test(a_kernel_without_killable_waiting_gives_a_listener_too),
		cmocka_unit_test(a_listener_that_nobody_takes_ends_it),
		cmocka_unit_test(a_policy_that_does_not_hold_together_does_nothing),
		cmocka_unit_test(a_real_process_loses_what_the_policy_says),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
