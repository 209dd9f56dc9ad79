/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What husk-merge does before it is a C program. Most runs are short, and are merged already when
 * poststop comes (standby.h): to find that out takes some fifteen system calls, and the start of
 * the C library more than all of them, up to a millisecond in a virtual machine, where each
 * question of what the processor is costs 13 us.
 *
 * So the program begins here. Where the state that the runtime hands over names a run whose file
 * says that it is merged, the file is removed and the program ends; in any other case everything is
 * as it was, the bytes on standard input included, and the C library's own start follows. Nothing
 * of it is there before: this file and early-scan.c call no function of it, and are compiled so
 * that the compiler does not either.
 */
#include <fcntl.h>
#include <stdbool.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>

#include "husk-paths.h"
#include "journal/run-key.h"
#include "launch/syscall.h"
#include "merge/early-scan.h"

enum { STATE_ROOM = 16384 };

/* The kernel enters with the stack pointer at argc; what it finds there, and in rdx, is the C
 * library's (System V ABI, AMD64, 3.4.1). */
__asm__(".text\n.globl merge_begin\nmerge_begin:\n\tmov %rsp, %rbx\n\tmov %rdx, %r12\n"
	"\tmov %rsp, %rdi\n\tcall merge_early\n\tmov %rbx, %rsp\n\tmov %r12, %rdx\n\tjmp _start\n");

void merge_early(const long *stack);

static bool equal(const char *a, const char *b)
{
	while (*a && *a == *b) {
		a++;
		b++;
	}
	return *a == *b;
}

/* The directory of run files, if these are the arguments of a hook; else NULL. */
static const char *find_directory(int argc, const char *const *argv)
{
	const char *directory = HUSK_RUNTIME_DIR;
	int i = 1;

	for (; i + 2 < argc; i += 2) {
		if (equal(argv[i], "--runtime-directory"))
			directory = argv[i + 1];
		else if (!equal(argv[i], "--config"))
			return 0;
	}
	return i + 1 == argc && equal(argv[i], "poststop") ? directory : 0;
}

/* Copies what is in the pipe on standard input, and leaves it there. Returns its length or less. */
static long peek(char *bytes, long room)
{
	int pipe[2];
	long len, n;

	if (syscall5(SYS_pipe2, (long)pipe, O_CLOEXEC, 0, 0, 0) < 0)
		return -1;
	len = syscall5(SYS_tee, 0, pipe[1], room, 0, 0);
	n = len > 0 ? syscall5(SYS_read, pipe[0], (long)bytes, len, 0, 0) : -1;
	syscall5(SYS_close, pipe[0], 0, 0, 0, 0);
	syscall5(SYS_close, pipe[1], 0, 0, 0, 0);
	return n;
}

static bool says_merged(int fd)
{
	char bytes[sizeof(RUN_MERGED)];
	long len = syscall5(SYS_read, fd, (long)bytes, sizeof(bytes), 0, 0);

	if (len != sizeof(RUN_MERGED) - 1)
		return false;
	bytes[len] = '\0';
	return equal(bytes, RUN_MERGED);
}

/* A file that was removed before it was locked has left its name to another container's. */
static bool has_name(int fd)
{
	struct stat file;

	return syscall5(SYS_fstat, fd, (long)&file, 0, 0, 0) == 0 && file.st_nlink > 0;
}

/* Only who has the lock removes the file. */
static bool take_word(int directory, const char *key)
{
	long fd =
		syscall5(SYS_openat, directory, (long)key, O_RDONLY | O_NOFOLLOW | O_CLOEXEC, 0, 0);
	bool merged = fd >= 0 && syscall5(SYS_flock, fd, LOCK_EX | LOCK_NB, 0, 0, 0) == 0 &&
		      has_name((int)fd) && says_merged((int)fd) &&
		      syscall5(SYS_unlinkat, directory, (long)key, 0, 0, 0) == 0;

	if (fd >= 0)
		syscall5(SYS_close, fd, 0, 0, 0, 0);
	return merged;
}

static bool was_merged(const char *path, const struct early_text *id,
		       const struct early_text *bundle)
{
	char key[RUN_KEY_ROOM];
	long directory = syscall5(SYS_openat, AT_FDCWD, (long)path,
				  O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0, 0);
	bool merged;

	if (directory < 0)
		return false;
	run_key_write(id->bytes, id->len, bundle->bytes, bundle->len, key);
	merged = take_word((int)directory, key);
	syscall5(SYS_close, directory, 0, 0, 0, 0);
	return merged;
}

static bool has_slash(const struct early_text *text)
{
	for (size_t i = 0; i < text->len; i++) {
		if (text->bytes[i] == '/')
			return true;
	}
	return false;
}

/* Writes "/proc/PID/stat". */
static void name_stat(long pid, char path[32])
{
	static const char begin[] = "/proc/", end[] = "/stat";
	char digits[20];
	int count = 0, at = 0;

	for (; begin[at]; at++)
		path[at] = begin[at];
	do
		digits[count++] = (char)('0' + pid % 10);
	while ((pid /= 10) > 0);
	while (count > 0)
		path[at++] = digits[--count];
	for (int i = 0; i < (int)sizeof(end); i++)
		path[at++] = end[i];
}

/* The process that is to wait for this one; true where that cannot be known. Source: proc(5), the
 * third field of /proc/PID/stat, behind the name in parentheses. */
static bool is_parent_asleep(void)
{
	char path[32], text[512];
	long fd, len;

	name_stat(syscall5(SYS_getppid, 0, 0, 0, 0, 0), path);
	fd = syscall5(SYS_openat, AT_FDCWD, (long)path, O_RDONLY | O_CLOEXEC, 0, 0);
	if (fd < 0)
		return true;
	len = syscall5(SYS_read, fd, (long)text, sizeof(text), 0, 0);
	syscall5(SYS_close, fd, 0, 0, 0, 0);
	while (len > 0 && text[len - 1] != ')')
		len--;
	return len <= 0 || len + 1 >= (long)sizeof(text) || text[len + 1] == 'S';
}

/*
 * crun 1.8 waits for the signal of a hook's end, and goes by the one that it gets: a hook that is
 * gone before crun sleeps can be missed, since one of a process that was reaped before may still be
 * pending, and the kernel keeps no second one. Then crun waits until the hook's time is over.
 */
static void let_parent_sleep(void)
{
	const struct timespec pause = {.tv_nsec = 50000};

	for (int i = 0; i < 200 && !is_parent_asleep(); i++)
		syscall5(SYS_nanosleep, (long)&pause, 0, 0, 0, 0);
}

void merge_early(const long *stack)
{
	const char *directory = find_directory((int)stack[0], (const char *const *)(stack + 1));
	struct early_text id, bundle;
	char state[STATE_ROOM];
	long len;

	if (!directory)
		return;
	len = peek(state, sizeof(state));
	if (len <= 0 || !early_scan(state, (size_t)len, &id, &bundle) || has_slash(&id) ||
	    !was_merged(directory, &id, &bundle))
		return;
	/* A runtime that writes into a closed pipe fails. */
	while (syscall5(SYS_read, 0, (long)state, sizeof(state), 0, 0) > 0)
		;
	let_parent_sleep();
	syscall5(SYS_exit_group, 0, 0, 0, 0, 0);
}
