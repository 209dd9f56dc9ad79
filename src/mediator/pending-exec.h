/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUSK_MEDIATOR_PENDING_EXEC_H
#define HUSK_MEDIATOR_PENDING_EXEC_H

#include <stdint.h>
#include <sys/types.h>

#include "view/view.h"

/*
 * An execve(2) that was let through and whose file is still open: the kernel opens what interprets
 * the file next, by the same thread. That open belongs to the file and not to whoever called
 * execve(2), so a program that may run scripts may not therefore run their interpreter.
 */
struct pending_exec {
	pid_t thread; /* 0 for an empty place */
	uint32_t opening;
	enum view_executable executable;
	char *program; /* path of the file, shape_literal() */
};

enum pending_limits {
	PENDING_EXECS_MAX = 256, /* at a time */
};

struct pending_execs {
	struct pending_exec *places; /* PENDING_EXECS_MAX of them, zeroed; borrowed */
	uint32_t count;
	uint32_t next; /* which one a further one replaces */
};

void pending_release(struct pending_execs *execs);

/* The one of a thread, or NULL. */
struct pending_exec *pending_find(struct pending_execs *execs, pid_t thread);

void pending_drop(struct pending_execs *execs, struct pending_exec *exec);

/* Drops those whose file was opened as `opening`, which is closed. */
void pending_closed(struct pending_execs *execs, uint32_t opening);

/* The file of this question may be executed: what interprets it is opened next, if anything does.
 * program: the path that was judged; copied. Without memory it is the thread's own open. */
void pending_expect(struct pending_execs *execs, const struct view_question *question,
		    const char *program);

#endif
