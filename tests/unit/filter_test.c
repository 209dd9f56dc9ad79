/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Filters of system calls, in a simulation and on the kernel, over all numbers;
 * and what of a profile becomes the restriction of a policy.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "compile/compile.h"
#include "compile/filter.h"
#include "compile/simulate.h"
#include "policy/calls.h"
#include "policy/restriction.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

enum { NUMBERS = 1024, X32_BIT = 0x40000000 };

static const char *const few[] = {"socket", "kill"};
static const char *const fewer[] = {"openat"};
static const char *const threads[] = {"clone3"};
static const char *const sandboxes[] = {"unshare"};
static const char *const foolish[] = {"execve", "capset", "faccessat", "no_such_call"};

struct filter {
	struct sock_filter code[RESTRICTION_FILTER_MAX];
	uint32_t count;
};

static struct filter filter;

static void make(const struct filter_wish *wish)
{
	struct error err = ERROR_INIT;

	if (filter_make(wish, filter.code, &filter.count, &err) < 0)
		fail_msg("%s", err.what);
}

static uint32_t action_for(long number, uint32_t arch, uint64_t first)
{
	const struct seccomp_data call = {.nr = (int)number, .arch = arch, .args = {first}};
	uint32_t action = 0;

	assert_int_equal(simulate(filter.code, filter.count, &call, &action), 0);
	return action;
}

static uint32_t action_of(long number)
{
	return action_for(number, restriction_architecture(), 0);
}

enum { ALLOW = SECCOMP_RET_ALLOW, NOTIFY = SECCOMP_RET_USER_NOTIF };

static void each_wish_becomes_its_filter(void **state)
{
	static const struct {
		struct filter_wish wish;
		long number;
		uint32_t action;
	} table[] = {
		{{0}, SYS_read, ALLOW},
		{{0}, SYS_openat, ALLOW},
		{{0}, SYS_clone3, ALLOW},
		{{0}, SYS_socket, NOTIFY},
		{{0}, SYS_mount, NOTIFY},
		{{0}, SYS_ptrace, NOTIFY},
		{{0}, NUMBERS - 1, NOTIFY},
		{{.extra = few, .n_extra = 2}, SYS_socket, ALLOW},
		{{.extra = few, .n_extra = 2}, SYS_kill, ALLOW},
		{{.extra = few, .n_extra = 2}, SYS_bind, NOTIFY},
		{{.denied = fewer, .n_denied = 1}, SYS_openat, NOTIFY},
		{{.extra = few, .n_extra = 2, .denied = few, .n_denied = 1}, SYS_socket, NOTIFY},
		{{.extra = few, .n_extra = 2, .denied = few, .n_denied = 1}, SYS_kill, ALLOW},
		{{.enforce = true}, SYS_clone3, SECCOMP_RET_ERRNO | ENOSYS},
		{{.enforce = true, .extra = threads, .n_extra = 1}, SYS_clone3, ALLOW},
		{{.enforce = true}, SYS_unshare, NOTIFY},
		{{.denied = foolish, .n_denied = 4}, SYS_execve, ALLOW},
		{{.denied = foolish, .n_denied = 4}, SYS_capset, ALLOW},
		{{.denied = foolish, .n_denied = 4}, SYS_faccessat, ALLOW},
	};

	for (size_t i = 0; i < COUNT(table); i++) {
		make(&table[i].wish);
		assert_int_equal(action_of(table[i].number), table[i].action);
	}
}

static void clone_makes_no_namespace_unasked(void **state)
{
	const uint32_t own = restriction_architecture();
	static const uint64_t flags[] = {CLONE_NEWNS,	CLONE_NEWCGROUP, CLONE_NEWUTS, CLONE_NEWIPC,
					 CLONE_NEWUSER, CLONE_NEWPID,	 CLONE_NEWNET};
	const struct filter_wish plain = {.enforce = true};
	const struct filter_wish sandbox = {.enforce = true, .extra = sandboxes, .n_extra = 1};

	make(&plain);
	assert_int_equal(action_for(SYS_clone, own, SIGCHLD | CLONE_VM | CLONE_VFORK), ALLOW);
	for (size_t i = 0; i < COUNT(flags); i++)
		assert_int_equal(action_for(SYS_clone, own, flags[i] | SIGCHLD), NOTIFY);
	/* the upper half is ignored by the kernel, and must not hide the lower one */
	assert_int_equal(action_for(SYS_clone, own, UINT64_C(1) << 40 | CLONE_NEWUSER), NOTIFY);
	make(&sandbox);
	for (size_t i = 0; i < COUNT(flags); i++)
		assert_int_equal(action_for(SYS_clone, own, flags[i] | SIGCHLD), ALLOW);
}

static uint32_t action_of_socket(uint64_t family, uint64_t type)
{
	const struct seccomp_data call = {
		.nr = SYS_socket, .arch = restriction_architecture(), .args = {family, type}};
	uint32_t action = 0;

	assert_int_equal(simulate(filter.code, filter.count, &call, &action), 0);
	return action;
}

static void no_socket_sends_below_the_rules_unasked(void **state)
{
	static const char *const both[] = {"socket", CALLS_PACKETS};
	static const char *const packets[] = {CALLS_PACKETS};
	static const struct {
		struct filter_wish wish;
		uint32_t plain, packets;
	} table[] = {
		{{.enforce = true}, NOTIFY, NOTIFY},
		{{.enforce = true, .extra = few, .n_extra = 2}, ALLOW, NOTIFY},
		{{.enforce = true, .extra = both, .n_extra = 2}, ALLOW, ALLOW},
		{{.enforce = true, .extra = packets, .n_extra = 1}, NOTIFY, NOTIFY},
		{{.enforce = true, .extra = both, .n_extra = 2, .denied = packets, .n_denied = 1},
		 ALLOW,
		 NOTIFY},
	};
	const uint64_t half = UINT64_C(1) << 32;

	for (size_t i = 0; i < COUNT(table); i++) {
		make(&table[i].wish);
		assert_int_equal(action_of_socket(AF_INET, SOCK_STREAM), table[i].plain);
		assert_int_equal(action_of_socket(AF_INET6, SOCK_RAW | SOCK_CLOEXEC),
				 table[i].plain);
		assert_int_equal(action_of_socket(AF_UNIX, SOCK_DGRAM), table[i].plain);
		assert_int_equal(action_of_socket(AF_PACKET, SOCK_RAW), table[i].packets);
		assert_int_equal(action_of_socket(AF_PACKET, SOCK_DGRAM | SOCK_NONBLOCK),
				 table[i].packets);
		assert_int_equal(action_of_socket(AF_PPPOX, SOCK_STREAM), table[i].packets);
		assert_int_equal(action_of_socket(44, SOCK_RAW), table[i].packets); /* AF_XDP */
		assert_int_equal(action_of_socket(AF_INET, SOCK_PACKET | SOCK_CLOEXEC),
				 table[i].packets);
		/* the kernel does not look at the upper halves, nor may they hide the lower ones */
		assert_int_equal(action_of_socket(half | AF_PACKET, SOCK_RAW), table[i].packets);
		assert_int_equal(action_of_socket(AF_INET, half | SOCK_PACKET), table[i].packets);
	}
}

static void other_abis_are_never_let_through(void **state)
{
	static const uint32_t others[] = {AUDIT_ARCH_I386, AUDIT_ARCH_ARM, AUDIT_ARCH_MIPS, 0};
	const uint32_t own = restriction_architecture();
	const struct filter_wish wishes[] = {{0}, {.enforce = true, .extra = few, .n_extra = 2}};

	for (size_t w = 0; w < COUNT(wishes); w++) {
		make(&wishes[w]);
		for (long number = 0; number < NUMBERS; number++) {
			for (size_t i = 0; i < COUNT(others); i++)
				assert_int_equal(action_for(number, others[i], 0), NOTIFY);
			assert_int_equal(action_for(number | X32_BIT, own, 0), NOTIFY);
		}
		assert_int_equal(action_for(-1, own, 0), NOTIFY);
		assert_int_equal(action_for(INT32_MIN, own, 0), NOTIFY);
	}
}

static void the_same_names_in_any_order_give_the_same_filter(void **state)
{
	static const char *const forth[] = {"socket", "kill", "bind", "mkdirat", "setsid"};
	static const char *const back[] = {"setsid", "mkdirat", "bind", "kill", "socket", "socket"};
	const struct filter_wish first = {.extra = forth, .n_extra = COUNT(forth)};
	const struct filter_wish second = {.extra = back, .n_extra = COUNT(back)};
	cleanup_free struct filter *kept = malloc(sizeof(*kept));

	assert_non_null(kept);
	make(&first);
	*kept = filter;
	make(&second);
	assert_int_equal(kept->count, filter.count);
	assert_memory_equal(kept->code, filter.code, filter.count * sizeof(filter.code[0]));
}

static void a_filter_that_was_tampered_with_is_found_out(void **state)
{
	const struct filter_wish wish = {.enforce = true, .extra = few, .n_extra = 2};
	uint32_t ends = 0;

	make(&wish);
	assert_int_equal(filter_verify(&wish, filter.code, filter.count, NULL), 0);
	for (uint32_t i = 0; i < filter.count; i++) {
		struct sock_filter *at = &filter.code[i];
		const struct sock_filter kept = *at;

		if (at->code != (BPF_RET | BPF_K))
			continue;
		ends++;
		at->k = at->k == ALLOW ? NOTIFY : ALLOW;
		assert_int_equal(filter_verify(&wish, filter.code, filter.count, NULL), -EPROTO);
		*at = kept;
	}
	assert_true(ends >= 3);
	assert_int_equal(filter_verify(&wish, filter.code, filter.count - 1, NULL), -EPROTO);
}

static void the_simulation_knows_a_program_that_is_none(void **state)
{
	static const struct {
		struct sock_filter code[2];
		size_t count;
	} table[] = {
		{{BPF_STMT(BPF_RET | BPF_K, ALLOW)}, 0},
		{{BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0)}, 1},  /* no end */
		{{BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 2)}, 1},  /* not aligned */
		{{BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 64)}, 1}, /* past the data */
		{{BPF_STMT(BPF_LD | BPF_W | BPF_IND, 0)}, 1},  /* not for seccomp */
		{{BPF_STMT(BPF_JMP | BPF_JA, 1)}, 1},	       /* out of it */
		{{BPF_STMT(BPF_JMP | BPF_JA, UINT32_MAX)}, 1}, /* far out of it */
		{{BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 9, 9)}, 1},
	};
	const struct seccomp_data call = {0};
	uint32_t action = 5;

	for (size_t i = 0; i < COUNT(table); i++)
		assert_int_equal(simulate(table[i].code, table[i].count, &call, &action), -EINVAL);
	assert_int_equal(action, 5);
}

/* ---- on the kernel ---- */

enum { CODE_ALLOW = 101, CODE_NOTIFY = 102 };

/* uretprobe(2) and uprobe(2): only the kernel's own trampolines make them, so it passes them by all
 * filters (Linux 6.14), and whoever else does is killed by SIGILL. */
static bool is_passed_by(long number)
{
#if defined(__x86_64__)
	return number == 335 || number == 336;
#else
	return false;
#endif
}

/*
 * Makes every call of this process fail with the number of what the filter decided, so that all of
 * them can be tried for real.
 */
static int install_as_errors(void)
{
	struct sock_fprog program = {.len = (unsigned short)filter.count, .filter = filter.code};

	for (uint32_t i = 0; i < filter.count; i++) {
		struct sock_filter *at = &filter.code[i];

		if (at->code != (BPF_RET | BPF_K))
			continue;
		if (at->k == ALLOW)
			at->k = SECCOMP_RET_ERRNO | CODE_ALLOW;
		else if (at->k == NOTIFY)
			at->k = SECCOMP_RET_ERRNO | CODE_NOTIFY;
	}
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -errno;
	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) < 0 ? -errno : 0;
}

/* No call works any more, not even exit_group(2): the child ends by a trap, which cmocka would
 * handle. */
static _Noreturn void try_all_calls(int *results)
{
	signal(SIGILL, SIG_DFL);
	if (install_as_errors() < 0)
		_exit(1);
	for (long number = 0; number < NUMBERS; number++) {
		if (is_passed_by(number))
			continue;
		errno = 0;
		results[number] = syscall(number, 0, 0, 0, 0, 0, 0) == -1 ? errno : 0;
	}
	__builtin_trap();
}

static int code_of(uint32_t action)
{
	if (action == ALLOW)
		return CODE_ALLOW;
	return action == NOTIFY ? CODE_NOTIFY : (int)(action & SECCOMP_RET_DATA);
}

static void the_kernel_decides_as_the_simulation_does(void **state)
{
	static const struct filter_wish wishes[] = {
		{0}, {.enforce = true, .extra = few, .n_extra = 2, .denied = fewer, .n_denied = 1}};
	int *results = mmap(NULL, NUMBERS * sizeof(int), PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	assert_true(results != MAP_FAILED);
	for (size_t w = 0; w < COUNT(wishes); w++) {
		pid_t pid;
		int status;

		make(&wishes[w]);
		pid = fork();
		if (pid == 0)
			try_all_calls(results);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFSIGNALED(status));
		for (long number = 0; number < NUMBERS; number++) {
			if (!is_passed_by(number) && results[number] != code_of(action_of(number)))
				fail_msg("call %ld: %d, not %d", number, results[number],
					 code_of(action_of(number)));
		}
	}
	munmap(results, NUMBERS * sizeof(int));
}

/* ---- from a profile ---- */

static struct policy_info info_with(enum mode exec)
{
	return (struct policy_info){
		.function = "f", .revision = "1", .modes = {[DOMAIN_EXEC] = exec}};
}

static void add(struct compile *compile, enum domain domain, const char *key, uint32_t flags,
		enum mark mark)
{
	const struct behaviour b = {.domain = domain,
				    .access = domain == DOMAIN_EXEC ? ACCESS_EXEC : ACCESS_NONE,
				    .program = "",
				    .key = key,
				    .flags = flags};

	assert_int_equal(compile_add(compile, &b, mark == MARK_NONE, mark, NULL), 0);
}

/* *ret_image keeps what *ret points into. */
static void finish(struct compile *compile, enum mode exec, struct policy_image **ret_image,
		   void **ret_bytes, struct restriction *ret)
{
	const struct policy_info info = info_with(exec);
	struct error err = ERROR_INIT;
	const void *attached;
	size_t len;

	if (compile_finish(compile, &info, ret_bytes, &len, &err) < 0)
		fail_msg("%s", err.what);
	assert_int_equal(policy_image_check(*ret_bytes, len, ret_image, NULL), 0);
	attached = policy_image_attachment(*ret_image, POLICY_LAUNCH, &len);
	assert_int_equal(restriction_read(attached, len, ret), 0);
}

static void what_is_admitted_becomes_the_restriction(void **state)
{
	cleanup_compile struct compile *compile = compile_new();
	cleanup_policy_image struct policy_image *image = NULL;
	cleanup_free void *bytes = NULL;
	struct restriction restriction;

	assert_non_null(compile);
	compile_watched(compile, DOMAIN_SYSCALL);
	compile_watched(compile, DOMAIN_CAP);
	add(compile, DOMAIN_SYSCALL, "socket", 0, MARK_NONE);
	add(compile, DOMAIN_SYSCALL, "mount", 0, MARK_ALLOW);
	add(compile, DOMAIN_SYSCALL, "kill", 0, MARK_DENY);
	add(compile, DOMAIN_SYSCALL, "abi:i386", 0, MARK_ALLOW);
	add(compile, DOMAIN_CAP, "CAP_NET_BIND_SERVICE", 0, MARK_NONE);
	add(compile, DOMAIN_CAP, "CAP_CHOWN", 0, MARK_NONE);
	add(compile, DOMAIN_CAP, "CAP_KILL", 0, MARK_DENY);
	add(compile, DOMAIN_CAP, "CAP_OF_TOMORROW", 0, MARK_NONE);
	add(compile, DOMAIN_EXEC, "/bin/true", BEHAVIOUR_IMAGE, MARK_NONE);
	finish(compile, MODE_SHADOW, &image, &bytes, &restriction);
	assert_int_equal(restriction.keep, 1 << 10 | 1 << 0);
	assert_int_equal(restriction.flags, RESTRICTION_NO_NEW_PRIVS | RESTRICTION_CAPABILITIES);
	assert_int_equal(restriction.watch.count, 0); /* nothing of the base is denied */
	filter.count = restriction.enforce.count;
	memcpy(filter.code, restriction.enforce.code, filter.count * sizeof(filter.code[0]));
	assert_int_equal(action_of(SYS_socket), ALLOW);
	assert_int_equal(action_of(SYS_mount), ALLOW);
	assert_int_equal(action_of(SYS_kill), NOTIFY);
	assert_int_equal(action_of(SYS_bind), NOTIFY);
	assert_int_equal(action_for(0, AUDIT_ARCH_I386, 0), NOTIFY);
}

static void nothing_is_taken_away_that_nobody_watched(void **state)
{
	for (int watched = 0; watched < 2; watched++) {
		cleanup_compile struct compile *compile = compile_new();
		cleanup_policy_image struct policy_image *image = NULL;
		cleanup_free void *bytes = NULL;
		struct restriction restriction;

		assert_non_null(compile);
		add(compile, DOMAIN_SYSCALL, "socket", 0, MARK_ALLOW);
		add(compile, DOMAIN_CAP, "CAP_CHOWN", 0, MARK_ALLOW);
		if (watched) {
			compile_watched(compile, DOMAIN_SYSCALL);
			compile_watched(compile, DOMAIN_CAP);
		}
		finish(compile, MODE_LEARN, &image, &bytes, &restriction);
		assert_int_equal(restriction.enforce.count > 0, watched);
		assert_int_equal(restriction.flags,
				 watched ? RESTRICTION_CAPABILITIES | RESTRICTION_NO_PACKETS : 0);
		assert_int_equal(restriction.keep, 1);
	}
}

static void what_hides_sockets_is_told(void **state)
{
	static const struct {
		const char *key;
		enum mark mark;
		bool kept_out;
	} table[] = {
		{"bind", MARK_NONE, true},
		{CALLS_PACKETS, MARK_NONE, false},
		{CALLS_PACKETS, MARK_DENY, true},
		{"io_uring_setup", MARK_NONE, false},
		{"io_uring_setup", MARK_DENY, true},
		{"bpf", MARK_ALLOW, false},
		{"abi:i386", MARK_ALLOW, false},
		{"call:999", MARK_NONE, false},
		{"io_uring_enter", MARK_ALLOW, true},
	};

	for (size_t i = 0; i < COUNT(table); i++) {
		cleanup_compile struct compile *compile = compile_new();
		cleanup_policy_image struct policy_image *image = NULL;
		cleanup_free void *bytes = NULL;
		struct restriction restriction;

		assert_non_null(compile);
		compile_watched(compile, DOMAIN_SYSCALL);
		add(compile, DOMAIN_SYSCALL, "socket", 0, MARK_NONE);
		add(compile, DOMAIN_SYSCALL, table[i].key, 0, table[i].mark);
		finish(compile, MODE_LEARN, &image, &bytes, &restriction);
		assert_int_equal(restriction.flags, table[i].kept_out ? RESTRICTION_NO_PACKETS : 0);
	}
}

static void a_denied_call_of_the_base_is_watched_too(void **state)
{
	cleanup_compile struct compile *compile = compile_new();
	cleanup_policy_image struct policy_image *image = NULL;
	cleanup_free void *bytes = NULL;
	struct restriction restriction;

	assert_non_null(compile);
	add(compile, DOMAIN_SYSCALL, "connect", 0, MARK_DENY);
	finish(compile, MODE_LEARN, &image, &bytes, &restriction);
	assert_int_equal(restriction.enforce.count, 0); /* no run was watched */
	filter.count = restriction.watch.count;
	memcpy(filter.code, restriction.watch.code, filter.count * sizeof(filter.code[0]));
	assert_int_equal(action_of(SYS_connect), NOTIFY);
	assert_int_equal(action_of(SYS_accept4), ALLOW);
}

static void new_privileges_stay_possible_where_they_may_be_needed(void **state)
{
	static const struct {
		enum mode exec;
		uint32_t flags;
		enum mark mark;
		uint32_t wanted;
	} table[] = {
		{MODE_LEARN, BEHAVIOUR_IMAGE, MARK_NONE, 0},
		{MODE_SHADOW, BEHAVIOUR_IMAGE, MARK_NONE, RESTRICTION_NO_NEW_PRIVS},
		{MODE_ENFORCE, BEHAVIOUR_IMAGE, MARK_NONE, RESTRICTION_NO_NEW_PRIVS},
		{MODE_LEARN, BEHAVIOUR_PRIVILEGED, MARK_NONE, 0},
		{MODE_SHADOW, BEHAVIOUR_PRIVILEGED, MARK_NONE, RESTRICTION_GAINS_LEARNED},
		{MODE_ENFORCE, BEHAVIOUR_PRIVILEGED, MARK_NONE, RESTRICTION_GAINS_LEARNED},
		{MODE_ENFORCE, BEHAVIOUR_PRIVILEGED, MARK_ALLOW, 0},
		{MODE_ENFORCE, BEHAVIOUR_PRIVILEGED, MARK_DENY, RESTRICTION_NO_NEW_PRIVS},
	};

	for (size_t i = 0; i < COUNT(table); i++) {
		cleanup_compile struct compile *compile = compile_new();
		cleanup_policy_image struct policy_image *image = NULL;
		cleanup_free void *bytes = NULL;
		struct restriction restriction;

		assert_non_null(compile);
		add(compile, DOMAIN_EXEC, "/usr/bin/newgrp", table[i].flags, table[i].mark);
		finish(compile, table[i].exec, &image, &bytes, &restriction);
		assert_int_equal(restriction.flags, table[i].wanted);
	}
}

static void only_a_person_s_word_for_such_a_program_counts(void **state)
{
	static const struct {
		const char *allowed;
		uint32_t wanted;
	} table[] = {{"/usr/bin/newgrp", 0}, {"/usr/bin/id", RESTRICTION_GAINS_LEARNED}};

	for (size_t i = 0; i < COUNT(table); i++) {
		cleanup_compile struct compile *compile = compile_new();
		cleanup_policy_image struct policy_image *image = NULL;
		cleanup_free void *bytes = NULL;
		struct restriction restriction;

		assert_non_null(compile);
		/* of what it gains a word says nothing */
		add(compile, DOMAIN_EXEC, table[i].allowed, 0, MARK_ALLOW);
		add(compile, DOMAIN_EXEC, "/usr/bin/newgrp", BEHAVIOUR_PRIVILEGED | BEHAVIOUR_IMAGE,
		    MARK_NONE);
		finish(compile, MODE_SHADOW, &image, &bytes, &restriction);
		assert_int_equal(restriction.flags, table[i].wanted);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_wish_becomes_its_filter),
		cmocka_unit_test(clone_makes_no_namespace_unasked),
		cmocka_unit_test(no_socket_sends_below_the_rules_unasked),
		cmocka_unit_test(other_abis_are_never_let_through),
		cmocka_unit_test(the_same_names_in_any_order_give_the_same_filter),
		cmocka_unit_test(a_filter_that_was_tampered_with_is_found_out),
		cmocka_unit_test(the_simulation_knows_a_program_that_is_none),
		cmocka_unit_test(the_kernel_decides_as_the_simulation_does),
		cmocka_unit_test(what_is_admitted_becomes_the_restriction),
		cmocka_unit_test(nothing_is_taken_away_that_nobody_watched),
		cmocka_unit_test(what_hides_sockets_is_told),
		cmocka_unit_test(a_denied_call_of_the_base_is_watched_too),
		cmocka_unit_test(new_privileges_stay_possible_where_they_may_be_needed),
		cmocka_unit_test(only_a_person_s_word_for_such_a_program_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
