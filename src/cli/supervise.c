/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The runtime as a child: signals to it, its status back. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
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
#define LOOK_FOR_PROGRAM_MS 20 /* until the runtime has written whose pid it is */

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

static _Noreturn void run_child(const struct runtime_job *job, const sigset_t *mask)
{
	struct error err = ERROR_INIT;
	int r;

	sigprocmask(SIG_SETMASK, mask, NULL);
	r = job->prepare(job->context);
	if (r != 0)
		_exit(r);
	execv(job->argv[0], (char *const *)(uintptr_t)job->argv);
	error_set(&err, errno, "cannot execute '%s'", job->argv[0]);
	error_print("husk", &err);
	_exit(EX_UNAVAILABLE);
}

/*
 * The program's end is the end of its namespace: the runtime would wait for the mediator, that for
 * the last process to leave the view, and the first process of the namespace for husk. There is
 * nothing that tells when the runtime has written its pid file, so it is looked for now and then.
 */
static void watch_program(const struct init *init, const char *pid_file, struct pollfd *program)
{
	pid_t pid;

	if (program->revents) {
		kill(init->pid, SIGKILL);
		close(program->fd);
		*program = (struct pollfd){.fd = -1};
		return;
	}
	if (program->fd >= 0 || program->events || (pid = read_pid(pid_file)) == 0)
		return;
	program->events = POLLIN;
	program->fd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (program->fd < 0)
		kill(init->pid, SIGKILL); /* it has ended already */
}

/* Handles the signals that came. Returns the child's status once it has ended, else -1. */
static int take_signals(int signal_fd, pid_t child, const char *pid_file, int *ended_by)
{
	struct signalfd_siginfo info;
	int status;

	while (read(signal_fd, &info, sizeof(info)) == sizeof(info)) {
		int signal = (int)info.ssi_signo;

		if (signal == SIGCHLD && waitpid(child, &status, WNOHANG) == child) {
			int r = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);

			return *ended_by && r == 128 + SIGKILL ? 128 + *ended_by : r;
		}
		if (signal == SIGCHLD)
			continue;
		if (info.ssi_code != SI_KERNEL)
			kill(child, signal);
		if (!*ended_by && end_first(pid_file, signal))
			*ended_by = signal;
	}
	return -1;
}

static int wait_for(pid_t child, const sigset_t *set, const struct runtime_job *job,
		    struct error *err)
{
	cleanup_close int signal_fd = signalfd(-1, set, SFD_CLOEXEC | SFD_NONBLOCK);
	struct pollfd fds[2] = {{.fd = signal_fd, .events = POLLIN}, {.fd = -1}};
	int ended_by = 0, status = -1;

	if (signal_fd < 0)
		return error_set(err, errno, "cannot wait for signals");
	while (status < 0) {
		bool look = job->init && fds[1].fd < 0 && !fds[1].events;

		if (poll(fds, 2, look ? LOOK_FOR_PROGRAM_MS : -1) < 0 && errno != EINTR)
			return error_set(err, errno, "cannot wait for signals");
		if (job->init)
			watch_program(job->init, job->pid_file, &fds[1]);
		status = take_signals(signal_fd, child, job->pid_file, &ended_by);
	}
	if (fds[1].fd >= 0)
		close(fds[1].fd);
	return status;
}

int runtime_run(const struct runtime_job *job, int *ret_status, struct error *err)
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
		run_child(job, &before);
	r = wait_for(child, &set, job, err);
	/* The signals stay blocked: removing what is temporary must not be interrupted. */
	if (r < 0)
		return r;
	*ret_status = r;
	return 0;
}
