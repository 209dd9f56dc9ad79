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

/* The kernel enters with the stack pointer at argc: handed to launch_main() as it is. */
#if defined(__x86_64__)
__asm__(".text\n.globl _start\n_start:\n\txor %ebp, %ebp\n\tmov %rsp, %rdi\n"
	"\tand $-16, %rsp\n\tcall launch_main\n\thlt\n");
#elif defined(__aarch64__)
__asm__(".text\n.globl _start\n_start:\n\tmov x29, xzr\n\tmov x0, sp\n"
	"\tand sp, x0, #-16\n\tbl launch_main\n\tbrk #0\n");
#endif

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
static void fail(const char *what, const char *subject, long result)
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

void launch_main(const long *stack)
{
	const char *const *arguments = (const char *const *)(stack + 1);
	const char *const *environment = arguments + stack[0] + 1;
	const char *path = executed_path(environment);
	const char *cwd = (const char *)slot.cwd;
	const char *what;
	long result;

	/* An empty slot is an image that no mediator served: executing again would never end. */
	if (!cwd[0])
		fail("start without husk", path, -EINVAL);
	result = slot.policy.flags & LAUNCH_STAYS ? 0 : call(SYS_chdir, (long)cwd, 0, 0, 0, 0);
	if (result < 0)
		fail("enter", cwd, result);
	if (!(slot.policy.flags & LAUNCH_NO_TERMINALS))
		terminal_reopen(call);
	/* From here on what is lost is lost, and only the real program may follow. */
	result = launch_apply((struct launch_policy *)&slot.policy, call, &what);
	if (result < 0)
		fail(what, 0, result);
	result = call(SYS_execve, (long)path, (long)arguments, (long)environment, 0, 0);
	fail("execute", path, result);
}
