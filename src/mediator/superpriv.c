/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Counting tasks, and reading their marks. All of it is one reading of /proc for each end. */
#include "mediator/superpriv.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/prctl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "policy/restriction.h"

#define MARK 0x100UL /* PF_SUPERPRIV */

/* Calls that are notified of whatever their arguments are. */
static const int calls[] = {
	SYS_exit,   SYS_exit_group,	SYS_clone, SYS_clone3,
#ifdef SYS_fork
	SYS_fork,   SYS_vfork,
#endif
	SYS_capset, SYS_io_uring_setup,
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

struct superpriv {
	int proc_fd;
	size_t begun, ended;
	pid_t tasks[SUPERPRIV_TASKS_MAX]; /* that have ended: a hash table by thread id */
	pid_t marked;			  /* the first one with the mark, 0: none */
	const char *why;		  /* there can be no proof: the first reason */
};

struct superpriv *superpriv_new(int proc_fd)
{
	struct superpriv *superpriv = calloc(1, sizeof(*superpriv));

	if (superpriv)
		superpriv->proc_fd = proc_fd;
	return superpriv;
}

void superpriv_free(struct superpriv *superpriv)
{
	free(superpriv);
}

/* ---- the filter ---- */

static uint32_t put(struct sock_filter *out, uint32_t at, uint16_t code, uint32_t k)
{
	out[at] = (struct sock_filter){.code = code, .k = k};
	return at + 1;
}

/* Jumps `over` instructions where the accumulator is not k. */
static uint32_t put_unless(struct sock_filter *out, uint32_t at, uint32_t k, uint8_t over)
{
	out[at] = (struct sock_filter){.code = BPF_JMP | BPF_JEQ | BPF_K, .jf = over, .k = k};
	return at + 1;
}

uint32_t superpriv_filter(struct sock_filter *out)
{
	static const uint32_t options[] = {PR_SET_SECUREBITS, PR_CAP_AMBIENT};
	const uint32_t first_argument = offsetof(struct seccomp_data, args)
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
					+ sizeof(uint32_t)
#endif
		;
	/* two before the list, each of it, three before the options, each of them, and the end */
	const uint32_t length = 3 + COUNT(calls) + 2 + COUNT(options) + 1;
	uint32_t at = 0;

	at = put(out, at, BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch));
	at = put_unless(out, at, restriction_architecture(), (uint8_t)(length - 2));
	at = put(out, at, BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
	for (size_t i = 0; i < COUNT(calls); i++) {
		at = put_unless(out, at, (uint32_t)calls[i], 0);
		out[at - 1].jt = (uint8_t)(length - 1 - at);
	}
	at = put_unless(out, at, SYS_prctl, (uint8_t)(length - 1 - at));
	at = put(out, at, BPF_LD | BPF_W | BPF_ABS, first_argument);
	for (size_t i = 0; i < COUNT(options); i++) {
		at = put_unless(out, at, options[i], i + 1 < COUNT(options) ? 0 : 1);
		out[at - 1].jt = (uint8_t)(length - 1 - at);
	}
	return put(out, at, BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF);
}

/* ---- the marks ---- */

static void give_up(struct superpriv *superpriv, const char *why)
{
	if (!superpriv->why)
		superpriv->why = why;
}

static void note_end(struct superpriv *superpriv, pid_t thread)
{
	size_t at = (size_t)thread % SUPERPRIV_TASKS_MAX;

	if (superpriv->ended >= SUPERPRIV_TASKS_MAX / 2) {
		give_up(superpriv, "it had too many processes and threads");
		return;
	}
	for (; superpriv->tasks[at]; at = (at + 1) % SUPERPRIV_TASKS_MAX) {
		if (superpriv->tasks[at] == thread)
			return;
	}
	superpriv->tasks[at] = thread;
	superpriv->ended++;
}

/* The ninth field of /proc/PID/stat: proc_pid_stat(5). Returns whether it could be read. */
static bool read_flags(int task_fd, const char *name, unsigned long *ret)
{
	char path[64], text[512];
	cleanup_close int fd = -1;
	const char *at;
	ssize_t len;

	snprintf(path, sizeof(path), "%.20s/stat", name);
	fd = openat(task_fd, path, O_RDONLY | O_CLOEXEC);
	len = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	if (len <= 0)
		return false;
	text[len] = '\0';
	/* the command is in parentheses, and may have some itself */
	at = strrchr(text, ')');
	for (int field = 2; field < 9 && at; field++)
		at = strchr(at + 1, ' ');
	if (!at)
		return false;
	*ret = strtoul(at + 1, NULL, 10);
	return true;
}

static void see_end(struct superpriv *superpriv, int task_fd, const char *name)
{
	pid_t thread = (pid_t)strtol(name, NULL, 10);
	unsigned long flags;

	if (!read_flags(task_fd, name, &flags))
		return; /* it has gone: a beginning without an end */
	if (flags & MARK && !superpriv->marked)
		superpriv->marked = thread;
	note_end(superpriv, thread);
}

/* exit_group(2) ends all threads. One that has ended by itself and was not waited for is there yet,
 * and known. */
static void see_group_end(struct superpriv *superpriv, int task_fd)
{
	DIR *tasks = fdopendir(task_fd);
	const struct dirent *entry;

	if (!tasks) {
		close(task_fd);
		return;
	}
	while ((entry = readdir(tasks))) {
		if (entry->d_name[0] != '.')
			see_end(superpriv, dirfd(tasks), entry->d_name);
	}
	closedir(tasks);
}

static void read_marks(struct superpriv *superpriv, pid_t thread, bool group)
{
	cleanup_close int task_fd = -1;
	char name[32];

	snprintf(name, sizeof(name), "%d/task", (int)thread);
	task_fd = openat(superpriv->proc_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (task_fd < 0)
		return;
	snprintf(name, sizeof(name), "%d", (int)thread);
	if (group)
		see_group_end(superpriv, steal_fd(&task_fd));
	else
		see_end(superpriv, task_fd, name);
}

bool superpriv_asks(const struct seccomp_data *call)
{
	for (size_t i = 0; i < COUNT(calls); i++) {
		if (call->nr == calls[i])
			return true;
	}
	return false;
}

static bool changes_privileges(const struct seccomp_data *call)
{
	uint32_t option = (uint32_t)call->args[0];

	return call->nr == SYS_capset ||
	       (call->nr == SYS_prctl && (option == PR_SET_SECUREBITS || option == PR_CAP_AMBIENT));
}

void superpriv_see(struct superpriv *superpriv, const struct seccomp_data *call, bool own,
		   pid_t thread)
{
	if (!own)
		give_up(superpriv, "it made system calls of another ABI");
	else if (changes_privileges(call))
		give_up(superpriv, "it changes its own capabilities");
	else if (call->nr == SYS_io_uring_setup)
		give_up(superpriv, "it uses a ring, where the kernel works for it");
	else if (call->nr == SYS_exit || call->nr == SYS_exit_group)
		read_marks(superpriv, thread, call->nr == SYS_exit_group);
	else if (superpriv_asks(call))
		superpriv->begun++;
}

enum superpriv_answer superpriv_end(const struct superpriv *superpriv, const char **ret_why,
				    pid_t *ret_pid)
{
	*ret_why = superpriv->why;
	*ret_pid = superpriv->marked;
	/* husk-launch begins the first task: else it is the runtime's mark that was read */
	if (!superpriv->why && superpriv->begun == 0)
		*ret_why = "the first process could not be made a new task";
	if (superpriv->marked && superpriv->begun > 0)
		return SUPERPRIV_SOME_USED;
	if (!*ret_why && superpriv->ended != superpriv->begun)
		*ret_why = "not every process and thread of it ended by itself";
	return *ret_why ? SUPERPRIV_UNKNOWN : SUPERPRIV_NONE_USED;
}
