/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Listening to system calls. Each number is judged when it is met first, and again when the policy
 * changes; in between its verdict is remembered, so that a call that is made often costs one
 * receive and one answer. One notification a turn of the loop: the view has its turn in between.
 */
#include "mediator/calls.h"

#include <errno.h>
#include <linux/audit.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "launch/slot.h"
#include "mediator/call-tables.h"
#include "policy/calls.h"
#include "policy/restriction.h"

enum {
	NUMBER_DIGITS = 5,
	X32_BIT = 0x40000000, /* __X32_SYSCALL_BIT of asm/unistd.h */
	NOTIF_ROOM = 512,     /* for both structures as a later kernel may have them */
};

/* SECCOMP_IOCTL_NOTIF_SET_FLAGS and its flag, Linux 6.6: who notifies and who answers take turns on
 * one processor. */
#define NOTIF_SET_FLAGS _IOW('!', 4, uint64_t)
#define NOTIF_SYNC_WAKE_UP UINT64_C(1)

struct calls {
	struct watch *watch;
	struct loop *loop;
	int fd;	    /* the listener, -1: none */
	bool taken; /* there was one */
	bool waits; /* a call does, and so do the notifications behind it */
	calls_meet *meet;
	void *meet_context;
	/* enum verdict + 1 of the machine's own calls, 0: not judged */
	uint8_t verdicts[CALLS_NUMBERS];
	union {
		struct seccomp_notif notif;
		unsigned char room[NOTIF_ROOM];
	} request;
	union {
		struct seccomp_notif_resp answer;
		unsigned char room[NOTIF_ROOM];
	} response;
};

struct calls *calls_new(struct watch *watch, struct loop *loop)
{
	struct calls *calls = calloc(1, sizeof(*calls));

	if (!calls)
		return NULL;
	calls->watch = watch;
	calls->loop = loop;
	calls->fd = -1;
	return calls;
}

void calls_set_meet(struct calls *calls, calls_meet *meet, void *context)
{
	calls->meet = meet;
	calls->meet_context = context;
}

static void stop(struct calls *calls)
{
	if (calls->fd < 0)
		return;
	if (!calls->waits)
		loop_remove(calls->loop, calls->fd);
	close(calls->fd);
	calls->fd = -1;
}

void calls_free(struct calls *calls)
{
	if (!calls)
		return;
	stop(calls);
	free(calls);
}

bool calls_are_watched(const struct calls *calls)
{
	return calls->taken;
}

void calls_decide_again(struct calls *calls)
{
	memset(calls->verdicts, 0, sizeof(calls->verdicts));
}

/* ---- what was called ---- */

static bool makes_namespace(const struct seccomp_data *call)
{
	return call->nr == SYS_clone && call->args[0] & CALLS_NAMESPACE_FLAGS;
}

static bool makes_packets(const struct seccomp_data *call)
{
	return call->nr == SYS_socket && calls_makes_packets(call->args[0], call->args[1]);
}

static bool is_own(const struct seccomp_data *call)
{
	return call->arch == restriction_architecture() && !(call->nr & X32_BIT);
}

static bool is_meeting(const struct seccomp_data *call)
{
	return is_own(call) && (call->nr == SYS_bind || call->nr == SYS_connect);
}

static const char *abi_of(const struct seccomp_data *call)
{
	if (call->arch == restriction_architecture())
		return call->nr < 0 ? "other" : "x32";
	return call->arch == AUDIT_ARCH_I386 ? "i386" : "other";
}

void calls_key(const struct seccomp_data *call, char *out)
{
	const char *name = NULL;

	if (!is_own(call)) {
		snprintf(out, CALLS_NAME_ROOM, CALLS_ABI_PREFIX "%s", abi_of(call));
		return;
	}
	if (makes_namespace(call))
		name = CALLS_NAMESPACES;
	else if (makes_packets(call))
		name = CALLS_PACKETS;
	else if (call->nr >= 0 && (uint32_t)call->nr < call_names_count)
		name = call_names[call->nr];
	if (name)
		snprintf(out, CALLS_NAME_ROOM, "%s", name);
	else if ((uint32_t)call->nr >= CALLS_NUMBERS)
		snprintf(out, CALLS_NAME_ROOM, "%s", CALLS_BEYOND);
	else
		snprintf(out, CALLS_NAME_ROOM, CALLS_NUMBER_PREFIX "%u", (unsigned int)call->nr);
}

/* ---- judging ---- */

static enum verdict observe(struct calls *calls, const char *key, pid_t pid)
{
	const struct behaviour b = {
		.domain = DOMAIN_SYSCALL, .access = ACCESS_NONE, .program = "", .key = key};

	return watch_observe(calls->watch, &b, watch_decide(calls->watch, &b), pid, NULL);
}

/*
 * A verdict is kept for the machine's own calls only; the others are few, or an attack's. What is
 * denied again is still counted.
 */
static enum verdict judge(struct calls *calls, const struct seccomp_data *call, pid_t pid,
			  const char *key)
{
	uint8_t *known = NULL;
	enum verdict verdict;

	if (is_own(call) && call->nr >= 0 && call->nr < CALLS_NUMBERS && !makes_namespace(call) &&
	    !makes_packets(call))
		known = &calls->verdicts[call->nr];
	if (known && *known && *known - 1 < VERDICT_WOULD_DENY)
		return (enum verdict)(*known - 1);
	verdict = observe(calls, key, pid);
	if (known)
		*known = (uint8_t)(verdict + 1);
	return verdict;
}

/* ---- the listener ---- */

static void send_answer(struct calls *calls)
{
	/* ENOENT: the caller was killed meanwhile, or a signal interrupted it and it calls again */
	(void)ioctl(calls->fd, SECCOMP_IOCTL_NOTIF_SEND, &calls->response.answer);
}

static void answer(struct calls *calls, const struct seccomp_notif *notif)
{
	struct seccomp_notif_resp *answer = &calls->response.answer;
	bool meets = calls->meet && is_meeting(&notif->data);
	char key[CALLS_NAME_ROOM];

	calls_key(&notif->data, key);
	memset(answer, 0, sizeof(*answer));
	answer->id = notif->id;
	/* of the base only what is asked about for a meeting comes here */
	if (!(meets && calls_is_base(key)) &&
	    judge(calls, &notif->data, (pid_t)notif->pid, key) == VERDICT_DENIED)
		answer->error = -calls_denied_errno(key);
	else
		answer->flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
	if (meets && !answer->error && calls->meet(calls->meet_context, calls->fd, notif)) {
		calls->waits = true;
		loop_remove(calls->loop, calls->fd);
		return;
	}
	send_answer(calls);
}

/* The last process under the filter has gone. */
static bool is_over(int fd)
{
	struct pollfd state = {.fd = fd};

	return poll(&state, 1, 0) > 0 && state.revents & (POLLHUP | POLLERR);
}

static void ready(void *context)
{
	struct calls *calls = context;

	memset(&calls->request, 0, sizeof(calls->request));
	if (ioctl(calls->fd, SECCOMP_IOCTL_NOTIF_RECV, &calls->request.notif) == 0)
		answer(calls, &calls->request.notif);
	else if (is_over(calls->fd))
		stop(calls);
}

void calls_go_on(struct calls *calls)
{
	calls->waits = false;
	send_answer(calls);
	/* the place that it had is free */
	(void)loop_add(calls->loop, calls->fd, ready, calls);
}

/* Five digits and nothing else. */
static int read_number(const char *number)
{
	int value = 0;

	for (int i = 0; i < NUMBER_DIGITS; i++) {
		if (number[i] < '0' || number[i] > '9')
			return -EINVAL;
		value = value * 10 + (number[i] - '0');
	}
	return number[NUMBER_DIGITS] == '\0' && value <= LAUNCH_LISTENER_MAX ? value : -EINVAL;
}

/* Only a listener knows this request; of a notification that nobody sent it says ENOENT. */
static bool is_listener(int fd)
{
	uint64_t none = UINT64_MAX;

	return ioctl(fd, SECCOMP_IOCTL_NOTIF_ID_VALID, &none) == 0 || errno == ENOENT;
}

int calls_take(struct calls *calls, int pidfd, const char *number)
{
	int remote = read_number(number);
	int fd, r;

	if (remote < 0)
		return remote;
	if (calls->taken)
		return -EBUSY;
	fd = (int)syscall(SYS_pidfd_getfd, pidfd, remote, 0);
	if (fd < 0)
		return -errno;
	r = is_listener(fd) ? loop_add(calls->loop, fd, ready, calls) : -EINVAL;
	if (r < 0) {
		close(fd);
		return r;
	}
	(void)ioctl(fd, NOTIF_SET_FLAGS, NOTIF_SYNC_WAKE_UP); /* else it is only slower */
	calls->fd = fd;
	calls->taken = true;
	return 0;
}
