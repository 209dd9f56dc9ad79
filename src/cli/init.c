/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The first process of a local run's pid namespace: see init.h. */
#include "cli/init.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"

#define COMMAND_LINE_MAX ((size_t)8 * 1024 * 1024) /* more than execve(2) takes */

/*
 * An empty directory that is mounted nowhere becomes the root, so that /proc/1/root leads there and
 * no further, not even by "..": a chroot(2) into one of the host's would.
 */
static int enter_empty_root(void)
{
	cleanup_close int fs = fsopen("tmpfs", FSOPEN_CLOEXEC), root = -1;

	if (fs < 0 || fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return -errno;
	root = fsmount(fs, FSMOUNT_CLOEXEC, MOUNT_ATTR_RDONLY);
	if (root < 0 || fchdir(root) < 0 || chroot(".") < 0)
		return -errno;
	return 0;
}

static int give_up_rights(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {0};

	if (syscall(SYS_capset, &header, none) < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return -errno;
	return 0;
}

/* Nothing that it inherits would be read or waited for by anybody: all but the pipe is closed. */
static int close_all_but(int fd)
{
	if (dup3(fd, 0, 0) < 0 || syscall(SYS_close_range, 1U, ~0U, 0) < 0)
		return -errno;
	return 0;
}

/* What ps(1) shows: not the command line of husk, which names places of the host. The arguments lie
 * in one piece of memory, the first of them first. */
static void take_name(void)
{
	static const char name[] = "husk-init";
	cleanup_free char *bytes = NULL;
	size_t len;

	(void)prctl(PR_SET_NAME, name, 0, 0, 0);
	if (read_file_at(AT_FDCWD, "/proc/self/cmdline", COMMAND_LINE_MAX, &bytes, &len, NULL) <
		    0 ||
	    len < sizeof(name))
		return;
	memset(program_invocation_name, 0, len);
	memcpy(program_invocation_name, name, sizeof(name));
}

static _Noreturn void be_first(int pipe_fd, int report_fd)
{
	char byte = 0;
	int r;

	setsid();		  /* the terminal's signals are not for it */
	signal(SIGCHLD, SIG_IGN); /* the kernel buries what it inherits: sigaction(2) */
	take_name();
	r = enter_empty_root();
	if (r == 0)
		r = give_up_rights();
	if (r == 0 && write(report_fd, &byte, 1) == 1)
		r = close_all_but(pipe_fd);
	while (r == 0 && read(0, &byte, 1) < 0 && errno == EINTR)
		;
	_exit(0);
}

int init_start(struct init *ret, struct error *err)
{
	cleanup_init struct init init = INIT_NONE;
	int life[2], report[2];
	cleanup_close int life_fd = -1, report_fd = -1;
	char byte;

	if (pipe2(life, O_CLOEXEC) < 0)
		return error_set(err, errno, "cannot create a pipe");
	life_fd = life[0];
	init.pipe_fd = life[1];
	if (pipe2(report, O_CLOEXEC) < 0)
		return error_set(err, errno, "cannot create a pipe");
	report_fd = report[0];
	/* fork(2) in a namespace of its own: unshare(2) would take all later children there too */
	init.pid = (pid_t)syscall(SYS_clone, CLONE_NEWPID | SIGCHLD, 0, 0, 0, 0);
	if (init.pid == 0) {
		close(init.pipe_fd);
		be_first(life_fd, report[1]);
	}
	close(report[1]);
	if (init.pid < 0) {
		error_set(err, errno, "cannot make a pid namespace");
		error_hint(err, "husk run needs CAP_SYS_ADMIN; run 'husk check'");
		return -err->code;
	}
	if (read(report_fd, &byte, 1) != 1)
		return error_say(err, EIO, "cannot start the first process of a pid namespace");
	*ret = init;
	init = INIT_NONE;
	return 0;
}

void init_end(struct init *init)
{
	int saved = errno;

	if (init->pipe_fd >= 0)
		close(init->pipe_fd);
	if (init->pid > 0) {
		kill(init->pid, SIGKILL);
		while (waitpid(init->pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	*init = INIT_NONE;
	errno = saved;
}
