/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * husk-launch: the first program inside the container. The runtime executes it in place of the
 * entry point. It enters process.cwd again, because its working directory lies in the tree that was
 * there before the view, opens its terminal again (terminal.c), takes away what the function was
 * never seen to need (apply.c), and executes the same path once more: the real program, through the
 * view.
 *
 * No library, no allocation, no configuration. It runs with the function's ids and inherits
 * everything (arguments, environment, descriptors, signals, terminal), so it must leave all else
 * as it is.
 */
#include <elf.h>
#include <errno.h>
#include <linux/futex.h>
#include <linux/prctl.h>
#include <sys/syscall.h>

#include "launch/apply.h"
#include "launch/slot.h"
#include "launch/syscall.h"
#include "launch/terminal.h"

enum { EXIT_CANNOT_EXECUTE = 126, EXIT_NOT_FOUND = 127 }; /* as a shell: POSIX, 2.8.2 */

__attribute__((used, section(".data.slot"))) static volatile struct launch_slot slot = {
	.magic = {'h', 'u', 's', 'k', '-', 'l', 'a', 'u', 'n', 'c', 'h', '-', 's', 'l', 'o', 't'},
};

void launch_main(const long *stack);

static unsigned long length(const char *text)
{
	unsigned long len = 0;

	while (text[len])
		len++;
	return len;
}

static void say(const char *text)
{
	syscall5(SYS_write, 2, (long)text, (long)length(text), 0, 0);
}

static void say_number(unsigned long number)
{
	char digits[24];
	char *at = digits + sizeof(digits) - 1;

	*at = '\0';
	do {
		*--at = (char)('0' + number % 10);
		number /= 10;
	} while (number > 0);
	say(at);
}

static long call(long number, long a, long b, long c, long d, long e)
{
	return syscall5(number, a, b, c, d, e);
}

/* subject: what stands in quotes, or NULL */
static _Noreturn void fail(const char *what, const char *subject, long result)
{
	int code = result == -ENOENT ? EXIT_NOT_FOUND : EXIT_CANNOT_EXECUTE;

	say("husk-launch: cannot ");
	say(what);
	if (subject) {
		say(" '");
		say(subject);
		say("'");
	}
	say(": ");
	switch (-result) {
	case EACCES:
		say("Permission denied");
		break;
	case EPERM:
		say("Operation not permitted");
		break;
	case ENOENT:
		say("No such file or directory");
		break;
	case ENOEXEC:
		say("Exec format error");
		break;
	default:
		say("errno ");
		say_number((unsigned long)-result);
	}
	say("\n");
	for (;;)
		syscall5(SYS_exit_group, code, 0, 0, 0, 0);
}

/* The path that the runtime executed. Source: getauxval(3), AT_EXECFN. */
static const char *executed_path(const char *const *environment)
{
	const Elf64_auxv_t *entry;

	while (*environment)
		environment++;
	for (entry = (const Elf64_auxv_t *)(environment + 1); entry->a_type != AT_NULL; entry++) {
		if (entry->a_type == AT_EXECFN)
			return (const char *)entry->a_un.a_val;
	}
	return "";
}

/* What is executed. */
struct program {
	const char *path;
	const char *const *arguments, *const *environment;
};

static _Noreturn void execute(const struct program *program)
{
	long result = call(SYS_execve, (long)program->path, (long)program->arguments,
			   (long)program->environment, 0, 0);

	fail("execute", program->path, result);
}

/* What the new thread needs to know. */
static struct program program_of_task;
static int signal_of_death;
static long task_stack[512] __attribute__((aligned(16)));

static _Noreturn void be_new_task(void)
{
	/* the one thing that a thread does not take over and an execve(2) would keep */
	if (signal_of_death)
		call(SYS_prctl, PR_SET_PDEATHSIG, signal_of_death, 0, 0, 0);
	execute(&program_of_task);
}

/*
 * The kernel marks a task that used a capability, for as long as it lives (PF_SUPERPRIV), and the
 * runtime has used some to set the container up. A new thread is a new task, and takes the process
 * over by executing a program (execve(2)): its id, its parent, all that it had.
 */
static void execute_in_new_task(const struct program *program)
{
	static const int forever;

	program_of_task = *program;
	if (start_thread(be_new_task, task_stack + sizeof(task_stack) / sizeof(task_stack[0])) < 0)
		return;
	for (;;)
		call(SYS_futex, (long)&forever, FUTEX_WAIT_PRIVATE, 0, 0, 0);
}

void launch_main(const long *stack)
{
	const char *const *arguments = (const char *const *)(stack + 1);
	const char *const *environment = arguments + stack[0] + 1;
	const struct program program = {executed_path(environment), arguments, environment};
	const char *cwd = (const char *)slot.cwd;
	const char *what;
	long result;

	/* An empty slot is an image that no mediator served: executing again would never end. */
	if (!cwd[0])
		fail("start without husk", program.path, -EINVAL);
	result = call(SYS_chdir, (long)cwd, 0, 0, 0, 0);
	if (result < 0)
		fail("enter", cwd, result);
	terminal_reopen(call);
	if (slot.policy.flags & LAUNCH_NEW_TASK)
		call(SYS_prctl, PR_GET_PDEATHSIG, (long)&signal_of_death, 0, 0, 0);
	/* From here on what is lost is lost, and only the real program may follow. */
	result = launch_apply((struct launch_policy *)&slot.policy, call, &what);
	if (result < 0)
		fail(what, 0, result);
	if (slot.policy.flags & LAUNCH_NEW_TASK)
		execute_in_new_task(&program);
	execute(&program);
}
