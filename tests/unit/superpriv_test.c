/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The proof that no capability was used: what the filter notifies of, and what follows from it. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <linux/audit.h>
#include <linux/prctl.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "compile/simulate.h"
#include "mediator/superpriv.h"
#include "policy/restriction.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const int asked[] = {
	SYS_exit,   SYS_exit_group,	SYS_clone, SYS_clone3,
#ifdef SYS_fork
	SYS_fork,   SYS_vfork,
#endif
	SYS_capset, SYS_io_uring_setup,
};

static bool is_asked(int number)
{
	for (size_t i = 0; i < COUNT(asked); i++) {
		if (asked[i] == number)
			return true;
	}
	return false;
}

static bool is_notified(const struct seccomp_data *call)
{
	struct sock_filter code[SUPERPRIV_FILTER + 1];
	uint32_t count = superpriv_filter(code), action;

	assert_true(count < SUPERPRIV_FILTER);
	code[count] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	assert_int_equal(simulate(code, count + 1, call, &action), 0);
	if (action != SECCOMP_RET_ALLOW)
		assert_int_equal(action, SECCOMP_RET_USER_NOTIF);
	return action != SECCOMP_RET_ALLOW;
}

static void the_filter_notifies_of_what_is_needed_alone(void **state)
{
	struct seccomp_data call = {.arch = restriction_architecture()};

	for (int number = -1; number < 1024; number++) {
		call.nr = number;
		assert_int_equal(is_notified(&call), is_asked(number));
		assert_int_equal(superpriv_asks(&call), is_asked(number));
	}
	call.nr = SYS_prctl;
	for (uint64_t option = 0; option < 80; option++) {
		call.args[0] = option | UINT64_C(1) << 32;
		assert_int_equal(is_notified(&call),
				 option == PR_SET_SECUREBITS || option == PR_CAP_AMBIENT);
	}
	/* the numbers of another ABI are other calls: the filter behind it judges them */
	call = (struct seccomp_data){.arch = AUDIT_ARCH_ARM};
	for (call.nr = 0; call.nr < 1024; call.nr++)
		assert_false(is_notified(&call));
}

/* ---- what follows ---- */

struct proof {
	struct superpriv *superpriv;
	int proc_fd;
};

static struct proof begin(void)
{
	struct proof proof = {.proc_fd = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC)};

	assert_true(proof.proc_fd >= 0);
	proof.superpriv = superpriv_new(proof.proc_fd);
	assert_non_null(proof.superpriv);
	return proof;
}

static void see(struct proof *proof, int number, uint64_t argument, pid_t thread)
{
	const struct seccomp_data call = {
		.nr = number, .arch = restriction_architecture(), .args = {argument}};

	superpriv_see(proof->superpriv, &call, true, thread);
}

static enum superpriv_answer finish(struct proof *proof, const char **ret_why)
{
	pid_t marked;
	enum superpriv_answer answer = superpriv_end(proof->superpriv, ret_why, &marked);

	assert_int_equal(answer == SUPERPRIV_UNKNOWN, *ret_why != NULL);
	superpriv_free(proof->superpriv);
	close(proof->proc_fd);
	return answer;
}

static void *wait_for_ever(void *context)
{
	for (;;)
		pause();
	return context;
}

/* A process with that many more threads, which waits. uses: it has used a capability, if it has
 * any. */
static pid_t make_process(int threads, bool uses)
{
	int ready[2];
	char byte;
	pid_t pid;

	assert_int_equal(pipe(ready), 0);
	pid = fork();
	if (pid == 0) {
		pthread_t thread;

		for (int i = 0; i < threads; i++)
			pthread_create(&thread, NULL, wait_for_ever, NULL);
		if (uses && (setgid(getgid() + 1) < 0 || fchown(ready[1], 1, 1) < 0))
			_exit(1);
		(void)!write(ready[1], "", 1);
		wait_for_ever(NULL);
	}
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	close(ready[1]);
	return pid;
}

static void end_process(pid_t pid)
{
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void tasks_that_all_end_without_the_mark_prove_it(void **state)
{
	struct proof proof = begin();
	pid_t first = make_process(2, false), second = make_process(0, false);
	const char *why;

	for (int i = 0; i < 3; i++)
		see(&proof, SYS_clone, 0, first);
	see(&proof, SYS_clone3, 0, first);
	/* one by itself, and told of twice: it was not answered yet when all were ended */
	see(&proof, SYS_exit, 0, first);
	see(&proof, SYS_exit_group, 0, first);
	see(&proof, SYS_exit_group, 0, second);
	see(&proof, SYS_prctl, PR_SET_NAME, first);
	assert_int_equal(finish(&proof, &why), SUPERPRIV_NONE_USED);
	end_process(first);
	end_process(second);
}

static void a_mark_says_that_some_were_used(void **state)
{
	struct proof proof = begin();
	bool root = geteuid() == 0;
	pid_t pid = make_process(1, root);
	const char *why;

	see(&proof, SYS_clone, 0, pid);
	see(&proof, SYS_clone, 0, pid);
	see(&proof, SYS_exit_group, 0, pid);
	assert_int_equal(finish(&proof, &why), root ? SUPERPRIV_SOME_USED : SUPERPRIV_NONE_USED);
	end_process(pid);
}

static void what_is_missing_or_in_the_way_leaves_no_proof(void **state)
{
	static const struct {
		int number;
		uint64_t argument;
		bool foreign;
	} table[] = {
		{SYS_clone, 0, false}, /* one more that never ended */
		{SYS_capset, 0, false},
		{SYS_prctl, PR_SET_SECUREBITS, false},
		{SYS_prctl, PR_CAP_AMBIENT, false},
		{SYS_io_uring_setup, 0, false},
		{SYS_getpid, 0, true},
	};
	pid_t pid = make_process(0, false);
	const char *why;
	struct proof proof;

	for (size_t i = 0; i < COUNT(table); i++) {
		const struct seccomp_data call = {.nr = table[i].number,
						  .args = {table[i].argument}};

		proof = begin();
		see(&proof, SYS_clone, 0, pid);
		superpriv_see(proof.superpriv, &call, !table[i].foreign, pid);
		see(&proof, SYS_exit_group, 0, pid);
		assert_int_equal(finish(&proof, &why), SUPERPRIV_UNKNOWN);
	}
	/* without a beginning: the runtime's own task, marked or not */
	proof = begin();
	see(&proof, SYS_exit_group, 0, pid);
	assert_int_equal(finish(&proof, &why), SUPERPRIV_UNKNOWN);
	/* one that is not there any more */
	proof = begin();
	see(&proof, SYS_clone, 0, pid);
	end_process(pid);
	see(&proof, SYS_exit_group, 0, pid);
	assert_int_equal(finish(&proof, &why), SUPERPRIV_UNKNOWN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_filter_notifies_of_what_is_needed_alone),
		cmocka_unit_test(tasks_that_all_end_without_the_mark_prove_it),
		cmocka_unit_test(a_mark_says_that_some_were_used),
		cmocka_unit_test(what_is_missing_or_in_the_way_leaves_no_proof),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
