/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who waits for a volume to be attached, and what is remembered and told of it. */
#include "mediator/meeting.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "mediator/volumes.h"
#include "policy/shape.h"
#include "process/process.h"
#include "wrap/helper.h"
#include "wrap/meeting.h"

enum meeting_limits { VOLUMES_MAX = 16 };

struct meeting {
	struct meeting_volume volumes[VOLUMES_MAX];
	size_t n_volumes;
	struct helper *helper; /* NULL while none runs */
	struct meeting_question question;
};

/* What is native is neither denied nor kept from being executed. */
static bool is_learned(const struct mediator *m)
{
	enum mode modes[DOMAINS];

	mediator_modes_now(m, modes);
	return (modes[DOMAIN_FS] == MODE_LEARN || modes[DOMAIN_FS] == MODE_SHADOW) &&
	       modes[DOMAIN_EXEC] != MODE_ENFORCE;
}

int meeting_prepare(struct mediator *m, struct error *err)
{
	if (!is_learned(m) || !volumes_are_shared(m->setup->spec, m->setup->state->bundle))
		return 0;
	m->meeting = calloc(1, sizeof(*m->meeting));
	return m->meeting ? 0 : error_set(err, ENOMEM, "cannot set up the mediator");
}

void meeting_add(struct mediator *m, const struct view_lower *lower)
{
	struct meeting *meeting = m->meeting;
	struct stat st;
	char *point;

	if (!meeting || !lower->persistent || meeting->n_volumes == VOLUMES_MAX ||
	    fstat(lower->fd, &st) < 0 || !S_ISDIR(st.st_mode))
		return;
	point = strdup(lower->path);
	if (point)
		meeting->volumes[meeting->n_volumes++] =
			(struct meeting_volume){.fd = lower->fd, .point = point};
}

void meeting_keep(struct mediator *m, const char *path)
{
	struct meeting_volume *deepest = NULL;

	for (size_t i = 0; m->meeting && i < m->meeting->n_volumes; i++) {
		struct meeting_volume *volume = &m->meeting->volumes[i];

		if (path_lies_in(path, volume->point) &&
		    (!deepest || path_lies_in(volume->point, deepest->point)))
			deepest = volume;
	}
	if (deepest)
		deepest->kept = true;
}

const char *meeting_deny(struct mediator *m, const char *path)
{
	for (size_t i = 0; m->meeting && i < m->meeting->n_volumes; i++) {
		struct meeting_volume *volume = &m->meeting->volumes[i];

		if (volume->native && !volume->denied && path_lies_in(path, volume->point)) {
			volume->denied = true;
			return volume->point;
		}
	}
	return NULL;
}

/* ---- what came of it ---- */

/* So that the volume is native from the start of the next run. */
static void learn(struct mediator *m, const struct meeting_question *question)
{
	char program[PATH_MAX], key[SHAPE_KEY_MAX];
	const struct behaviour b = {
		.domain = DOMAIN_FS,
		.access = question->connects ? ACCESS_WRITE : ACCESS_CREATE,
		.program = program,
		.key = key,
		.flags = BEHAVIOUR_PERSISTENT | BEHAVIOUR_SOCKET,
	};

	shape_key(question->key, b.flags, key);
	process_program(m->proc_fd, question->thread, watch_view(m->watch), program);
	watch_observe(m->watch, &b, watch_decide(m->watch, &b), question->thread, NULL);
}

static void tell_attached(struct mediator *m, const struct meeting_question *question)
{
	char detail[TEXT_ESCAPED_MAX(256) + 128], text[TEXT_ESCAPED_MAX(256)];

	text_escape(question->volumes[question->found].point, text, sizeof(text));
	snprintf(detail, sizeof(detail),
		 "the volume '%s' is not mediated from now on: the function %s", text,
		 question->connects ? "connects to a socket of the host's in it"
				    : "makes a socket in it, which the host is to reach");
	mediator_tell(m, EVENT_DEGRADED, detail);
}

static void tell_unreached(struct mediator *m, const struct meeting_question *question)
{
	char detail[TEXT_ESCAPED_MAX(256) + 192], text[TEXT_ESCAPED_MAX(256)];

	text_escape(question->key, text, sizeof(text));
	snprintf(detail, sizeof(detail),
		 "the function cannot reach '%s', a socket of the host's in a volume, in this run; "
		 "later ones have that volume natively, unless something in it is denied by hand",
		 text);
	mediator_tell(m, EVENT_DEGRADED, detail);
}

/* Of what is made in the view the view asks, and it is learned then. */
static void remember(struct mediator *m, const struct meeting_question *question)
{
	struct meeting_volume *volume = &m->meeting->volumes[question->found];

	if (question->attached)
		tell_attached(m, question);
	else if (question->connects && !volume->told)
		tell_unreached(m, question);
	volume->native = question->attached;
	volume->told |= question->connects;
	/* an enforced function teaches nothing */
	if ((question->attached || question->connects) && is_learned(m))
		learn(m, question);
}

static void hear(void *context)
{
	struct mediator *m = context;
	struct meeting *meeting = m->meeting;
	struct meeting_question *question = &meeting->question;
	struct error err = ERROR_INIT;

	if (helper_hear(meeting->helper) != HELPER_DONE)
		return;
	if (mediator_end_helper(m, &meeting->helper, &err) < 0) {
		mediator_tell(m, EVENT_DEGRADED, err.what);
		if (question->found >= 0) /* once is enough */
			meeting->volumes[question->found].kept = true;
	} else if (question->found >= 0) {
		remember(m, question);
	}
	calls_go_on(m->calls);
}

/* Only by its length: whoever reads of the function's memory may have to wait for the view. */
static bool may_be_path(const struct seccomp_notif *notif)
{
	size_t len = (uint32_t)notif->data.args[2];

	/* the kernel refuses a longer one, too */
	return len > offsetof(struct sockaddr_un, sun_path) && len <= sizeof(struct sockaddr_un);
}

/* By the policy as it is now, which the helper does not know. */
static bool may_attach_some(struct mediator *m)
{
	bool some = false;

	for (size_t i = 0; i < m->meeting->n_volumes; i++) {
		struct meeting_volume *volume = &m->meeting->volumes[i];

		volume->denied = native_volume_is_denied(&m->wish, volume->point);
		some |= meeting_may_attach(volume);
	}
	return some;
}

bool meeting_begin(void *context, int listener, const struct seccomp_notif *notif)
{
	struct mediator *m = context;
	struct meeting *meeting = m->meeting;
	struct meeting_question *question = &meeting->question;

	if (!m->wrapped || m->init_gone || !is_learned(m) || !may_be_path(notif) ||
	    !may_attach_some(m))
		return false;
	question->listener = listener;
	question->notif = notif;
	question->thread = (pid_t)notif->pid;
	question->connects = notif->data.nr == SYS_connect;
	question->view = watch_view(m->watch);
	question->volumes = meeting->volumes;
	question->n_volumes = meeting->n_volumes;
	question->found = -1;
	question->attached = false;
	if (helper_meet(m->proc_fd, m->setup->state->pid, question, &meeting->helper) < 0)
		return false;
	if (loop_add(m->loop, helper_fd(meeting->helper), hear, m) == 0)
		return true;
	/* it has its end of the talk, and no other descriptor is polled for */
	(void)helper_finish(steal_ptr(&meeting->helper), NULL);
	return false;
}

bool meeting_is_asked(const struct mediator *m)
{
	return m->meeting && m->meeting->helper;
}
