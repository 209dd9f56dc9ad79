/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The runtime as a child: signals to it, its status back. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"
#include "cli/runtime.h"

static const int forwarded[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGWINCH};

#define FORWARDED (sizeof(forwarded) / sizeof(forwarded[0]))
#define STATUS_BYTES_MAX 65536
#define PID_MAX 4194304UL

static pid_t read_pid(const char *pid_file)
{
	cleanup_free char *bytes = NULL;
	unsigned long pid;
	size_t len;

	if (read_file_at(AT_FDCWD, pid_file, 64, &bytes, &len, NULL) < 0)
		return 0;
	bytes[strcspn(bytes, "\n")] = '\0';
	return text_number(bytes, PID_MAX, &pid) == 0 ? (pid_t)pid : 0;
}

/* The hexadecimal mask behind `name` in a /proc/PID/status. */
static uint64_t read_mask(const char *status, const char *name)
{
	const char *at = strstr(status, name);

	return at ? strtoull(at + strlen(name), NULL, 16) : 0;
}

/* Is the process the first of a pid namespace below ours (its last number in NSpid is 1)? */
static bool is_first(const char *status)
{
	const char *at = strstr(status, "\nNSpid:");
	size_t len;

	if (!at)
		return false;
	at += strlen("\nNSpid:");
	len = strcspn(at, "\n");
	return len > 2 && at[len - 1] == '1' && at[len - 2] == '\t' &&
	       memchr(at + 1, '\t', len - 1);
}

/*
 * Kills the program if `signal` would have ended it, were it not the first of its pid namespace.
 * Returns true if it did. The descriptor is opened first, so that a number given to another process
 * meanwhile is never killed: that process would not be the first of a namespace whose pid stands in
 * our own file, which only an exited runtime leaves behind, and that ends the loop.
 */
static bool end_first(const char *pid_file, int signal)
{
	cleanup_free char *status = NULL;
	cleanup_close int pidfd = -1;
	pid_t pid = read_pid(pid_file);
	uint64_t bit = UINT64_C(1) << (signal - 1);
	char path[64];
	size_t len;

	if (pid <= 0 || signal == SIGWINCH)
		return false;
	pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	snprintf(path, sizeof(path), "/proc/%ld/status", (long)pid);
	if (pidfd < 0 || read_file_at(AT_FDCWD, path, STATUS_BYTES_MAX, &status, &len, NULL) < 0)
		return false;
	if (!is_first(status) || ((read_mask(status, "\nSigCgt:") | read_mask(status, "\nSigIgn:") |
				   read_mask(status, "\nSigBlk:")) &
				  bit))
		return false;
	return syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0) == 0;
}

static _Noreturn void run_child(const char *const *argv, int (*prepare)(void *context),
				void *context, const sigset_t *mask)
{
	struct error err = ERROR_INIT;
	int r;

	sigprocmask(SIG_SETMASK, mask, NULL);
	r = prepare(context);
	if (r != 0)
		_exit(r);
	execv(argv[0], (char *const *)(uintptr_t)argv);
	error_set(&err, errno, "cannot execute '%s'", argv[0]);
	error_print("husk", &err);
	_exit(EX_UNAVAILABLE);
}

static int wait_for(pid_t child, const sigset_t *set, const char *pid_file, struct error *err)
{
	int ended_by = 0;

	for (;;) {
		siginfo_t info = {0};
		int status;

		if (sigwaitinfo(set, &info) < 0) {
			if (errno == EINTR)
				continue;
			return error_set(err, errno, "cannot wait for signals");
		}
		if (waitpid(child, &status, WNOHANG) == child) {
			int r = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);

			return ended_by && r == 128 + SIGKILL ? 128 + ended_by : r;
		}
		if (info.si_signo == SIGCHLD)
			continue;
		if (info.si_code != SI_KERNEL)
			kill(child, info.si_signo);
		if (!ended_by && end_first(pid_file, info.si_signo))
			ended_by = info.si_signo;
	}
}

int runtime_run(const char *const *argv, const char *pid_file, int (*prepare)(void *context),
		void *context, int *ret_status, struct error *err)
{
	struct sigaction inherited;
	sigset_t set, before;
	pid_t child;
	int r;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	for (size_t i = 0; i < FORWARDED; i++) {
		/* Once blocked, an ignored signal would be reported all the same: see nohup(1). */
		if (sigaction(forwarded[i], NULL, &inherited) < 0 ||
		    inherited.sa_handler != SIG_IGN)
			sigaddset(&set, forwarded[i]);
	}
	/* Ignored, it would take the child's status away. */
	signal(SIGCHLD, SIG_DFL);
	if (sigprocmask(SIG_BLOCK, &set, &before) < 0)
		return error_set(err, errno, "cannot block signals");
	child = fork();
	if (child < 0)
		return error_set(err, errno, "cannot start a process");
	if (child == 0)
		run_child(argv, prepare, context, &before);
	r = wait_for(child, &set, pid_file, err);
	/* The signals stay blocked: removing what is temporary must not be interrupted. */
	if (r < 0)
		return r;
	*ret_status = r;
	return 0;
}
