/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The start, seen from husk-hook's side. The mediator is forked as soon as it is known what it is
 * for; while it sets itself up, this process finds the entry point, and then binds the gate over it
 * while the other serves. So neither needs a thread, and the container waits for the longer of the
 * two instead of for both.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "mediator/gate.h"
#include "mediator/mediator-internal.h"
#include "mediator/talk.h"

static int bind_gate(const struct mediator_setup *setup, struct gate_work *work, int talk_fd,
		     struct error *err)
{
	struct talk_entry entry = {0};
	struct talk_report report;
	struct talk_bound bound;
	cleanup_close int view = -1;
	int r;

	entry.result = gate_find(work, setup->state, setup->spec, &entry, err);
	/* a mediator that is gone has said why */
	(void)talk_send(talk_fd, &entry, sizeof(entry), work->shown_fd);
	if (entry.result != 0)
		return entry.result;
	if (talk_receive(talk_fd, &report, sizeof(report), &view) < 0)
		return error_say(err, EIO, "the mediator died before it was ready");
	if (report.result < 0) {
		*err = report.err;
		return report.result;
	}
	bound.result = gate_bind(work, setup->spec, view, err);
	r = talk_send(talk_fd, &bound, sizeof(bound), view);
	if (bound.result == 0 && r < 0)
		return error_say(err, EIO, "the mediator died as it became ready");
	return bound.result;
}

int mediator_start(const struct mediator_setup *setup, struct error *err)
{
	struct gate_work work = GATE_WORK_INIT;
	cleanup_close int proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	cleanup_close int mine = -1, theirs = -1;
	int pair[2];
	pid_t pid;
	int r;

	if (proc < 0)
		return error_set(err, errno, "cannot open /proc");
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return error_set(err, errno, "cannot create a socket");
	mine = pair[0];
	theirs = pair[1];
	pid = fork();
	if (pid < 0)
		return error_set(err, errno, "cannot start the mediator");
	if (pid == 0) {
		close(steal_fd(&mine));
		mediator_run(setup, steal_fd(&proc), steal_fd(&theirs));
	}
	close(steal_fd(&theirs));
	if (setup->meanwhile)
		setup->meanwhile(setup->context);
	work.proc_fd = proc;
	r = bind_gate(setup, &work, mine, err);
	gate_leave(&work);
	close(steal_fd(&mine)); /* without a word of success the mediator ends */
	if (r != 0)
		waitpid(pid, NULL, 0);
	return r;
}
