/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The helper thread: its life, and its talk with the main thread. The work stands in wrap.c,
 * mediate.c and meet.c. */
#include "wrap/helper.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "wrap/helper-internal.h"

/* Enough for mount work with paths of PATH_MAX and errors; the default of 8 MiB would be reserved.
 */
#define HELPER_STACK_BYTES ((size_t)256 * 1024)

struct message {
	enum helper_news news;
	int result;
};

int helper_open_proc(struct helper *helper, const char *name, int flags)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "%d/%s", (int)helper->pid, name);
	fd = openat(helper->proc_fd, path, flags | O_CLOEXEC);
	if (fd < 0)
		return error_set(&helper->err, errno, "cannot open /proc/%s", path);
	return fd;
}

int helper_enter(struct helper *helper)
{
	cleanup_close int ns = helper_open_proc(helper, "ns/mnt", O_RDONLY);

	if (ns < 0)
		return ns;
	if (unshare(CLONE_FS) < 0)
		return error_set(&helper->err, errno, "cannot leave the shared fs state");
	if (setns(ns, CLONE_NEWNS) < 0)
		return error_set(&helper->err, errno,
				 "cannot enter the mount namespace of process %d", helper->pid);
	return 0;
}

int helper_read_mounts(struct helper *helper, struct mountinfo *ret)
{
	cleanup_close int fd = helper_open_proc(helper, "mountinfo", O_RDONLY);
	cleanup_free char *bytes = NULL;
	size_t len;
	int r;

	if (fd < 0)
		return fd;
	r = read_to_end(fd, MOUNTINFO_BYTES_MAX, &bytes, &len);
	if (r < 0)
		return error_set(&helper->err, -r, "cannot read the container's mounts");
	return mountinfo_parse(bytes, len, ret, &helper->err);
}

int helper_consult(struct helper *helper)
{
	struct message message = {.news = HELPER_LOWERS};

	if (send(helper->own_fd, &message, sizeof(message), MSG_NOSIGNAL) < 0 ||
	    recv(helper->own_fd, &message, sizeof(message), 0) != sizeof(message))
		return error_set(&helper->err, EPIPE, "cannot hand over to the main thread");
	return message.result;
}

/* Waits for the first message. Returns 0 or -errno with the error set. */
static int wait_for_work(struct helper *helper)
{
	struct message message;
	ssize_t n;

	do
		n = recv(helper->own_fd, &message, sizeof(message), 0);
	while (n < 0 && errno == EINTR);
	return n == sizeof(message) ? 0
				    : error_set(&helper->err, EPIPE, "cannot hear the main thread");
}

static void *run(void *argument)
{
	struct helper *helper = argument;
	struct message message = {.news = HELPER_DONE};

	helper->result = helper->waits ? wait_for_work(helper) : 0;
	if (helper->waits)
		nearness_stay_free(&helper->nearness);
	if (helper->result == 0)
		helper->result = helper->work(helper);
	/* The main thread is there as long as the process is: it joins this thread next. */
	(void)!write(helper->own_fd, &message, sizeof(message));
	return NULL;
}

/* Runs plan->work in a thread. */
static int start(const struct helper *plan, struct helper **ret)
{
	struct helper *helper = malloc(sizeof(*helper));
	pthread_attr_t attributes;
	int pair[2];
	int r;

	if (!helper)
		return -ENOMEM;
	*helper = *plan;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) {
		r = -errno;
		free(helper);
		return r;
	}
	helper->main_fd = pair[0];
	helper->own_fd = pair[1];
	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, HELPER_STACK_BYTES);
	r = pthread_create(&helper->thread, &attributes, run, helper);
	pthread_attr_destroy(&attributes);
	if (r != 0) {
		close(pair[0]);
		close(pair[1]);
		free(helper);
		return -r;
	}
	*ret = helper;
	return 0;
}

int helper_prepare(const struct nearness *nearness, struct helper **ret)
{
	const struct helper plan = {.waits = true, .nearness = *nearness};

	return start(&plan, ret);
}

int helper_wrap(struct helper *helper, int proc_fd, pid_t pid, int mount_fd,
		const struct oci_spec *spec, const struct native_wish *wish)
{
	struct message message = {0};

	helper->work = wrap_work;
	helper->proc_fd = proc_fd;
	helper->pid = pid;
	helper->mount_fd = mount_fd;
	helper->spec = spec;
	helper->wish = *wish;
	nearness_call(&helper->nearness, helper->thread);
	return send(helper->main_fd, &message, sizeof(message), MSG_NOSIGNAL) < 0 ? -errno : 0;
}

static int kill_work(struct helper *helper)
{
	if (syscall(SYS_pidfd_send_signal, helper->pidfd, SIGKILL, NULL, 0) < 0 && errno != ESRCH)
		return error_set(&helper->err, errno, "cannot end the container");
	return 0;
}

int helper_kill(struct helper *helper, int pidfd)
{
	struct message message = {0};

	helper->work = kill_work;
	helper->pidfd = pidfd;
	return send(helper->main_fd, &message, sizeof(message), MSG_NOSIGNAL) < 0 ? -errno : 0;
}

int helper_fd(const struct helper *helper)
{
	return helper->main_fd;
}

enum helper_news helper_hear(struct helper *helper)
{
	struct message message;

	if (recv(helper->main_fd, &message, sizeof(message), 0) != sizeof(message))
		return HELPER_DONE;
	return message.news;
}

struct view_lower *helper_lowers(struct helper *helper, size_t *ret_count)
{
	*ret_count = helper->n_lowers;
	return helper->lowers;
}

void helper_tell_native(struct helper *helper, const char *point, const char *why)
{
	struct helper_native *grown =
		reallocarray(helper->natives, helper->n_natives + 1, sizeof(*helper->natives));
	char *copy = strdup(point);

	if (grown)
		helper->natives = grown;
	if (grown && copy)
		grown[helper->n_natives++] = (struct helper_native){.point = copy, .why = why};
	else
		free(copy);
}

struct helper_native *helper_take_natives(struct helper *helper, size_t *ret_count)
{
	struct helper_native *natives = helper->natives;

	*ret_count = helper->n_natives;
	helper->natives = NULL;
	helper->n_natives = 0;
	return natives;
}

void helper_free_natives(struct helper_native *natives, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free(natives[i].point);
	free(natives);
}

struct native_plan helper_take_plan(struct helper *helper)
{
	struct native_plan plan = helper->plan;

	native_plan_close(&plan);
	helper->plan = (struct native_plan){0};
	return plan;
}

int helper_mediate(int proc_fd, pid_t pid, struct native_plan *attached, struct helper **ret)
{
	const struct helper plan = {
		.work = native_mediate_work,
		.proc_fd = proc_fd,
		.pid = pid,
		.attached = attached,
	};

	return start(&plan, ret);
}

int helper_meet(int proc_fd, pid_t pid, struct meeting_question *question, struct helper **ret)
{
	const struct helper plan = {
		.work = meeting_work,
		.proc_fd = proc_fd,
		.pid = pid,
		.meeting = question,
	};

	return start(&plan, ret);
}

const char *helper_resolvers(const struct helper *helper, size_t *ret_len)
{
	*ret_len = helper->resolvers_len;
	return helper->resolvers;
}

void helper_go_on(struct helper *helper, int result)
{
	struct message message = {.result = result};

	(void)!write(helper->main_fd, &message, sizeof(message));
}

int helper_finish(struct helper *helper, struct error *err)
{
	int result;

	pthread_join(helper->thread, NULL);
	result = helper->result;
	if (result < 0 && err)
		*err = helper->err;
	for (size_t i = 0; i < helper->n_lowers; i++) {
		if (helper->lowers[i].fd >= 0)
			close(helper->lowers[i].fd);
		free(helper->lower_paths[i]);
	}
	helper_free_natives(helper->natives, helper->n_natives);
	native_plan_release(&helper->plan);
	free(helper->resolvers);
	free(helper->lowers);
	free(helper->lower_paths);
	close(helper->main_fd);
	close(helper->own_fd);
	free(helper);
	return result;
}
