/* SPDX-License-Identifier: GPL-2.0-or-later */
/* execve(2) and what it makes the kernel open. */
#include "mediator/pending-exec.h"

#include <stdlib.h>
#include <string.h>

struct pending_exec *pending_find(struct pending_execs *execs, pid_t thread)
{
	for (size_t i = 0; execs->count > 0 && i < PENDING_EXECS_MAX; i++) {
		if (execs->places[i].thread == thread)
			return &execs->places[i];
	}
	return NULL;
}

void pending_drop(struct pending_execs *execs, struct pending_exec *exec)
{
	execs->count -= exec->thread != 0;
	free(exec->program);
	*exec = (struct pending_exec){0};
}

void pending_closed(struct pending_execs *execs, uint32_t opening)
{
	for (size_t i = 0; execs->count > 0 && i < PENDING_EXECS_MAX; i++) {
		if (execs->places[i].thread && execs->places[i].opening == opening)
			pending_drop(execs, &execs->places[i]);
	}
}

void pending_expect(struct pending_execs *execs, const struct view_question *question,
		    const char *program)
{
	struct pending_exec *place = pending_find(execs, question->pid);

	if (place)
		pending_drop(execs, place);
	if (question->executable == VIEW_WHOLE)
		return;
	if (!place)
		place = &execs->places[execs->next++ % PENDING_EXECS_MAX];
	pending_drop(execs, place);
	place->program = strdup(program);
	if (!place->program)
		return;
	place->thread = question->pid;
	place->opening = question->opening;
	place->executable = question->executable;
	execs->count++;
}

void pending_release(struct pending_execs *execs)
{
	for (size_t i = 0; execs->count > 0 && i < PENDING_EXECS_MAX; i++)
		pending_drop(execs, &execs->places[i]);
}
