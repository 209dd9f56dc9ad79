/* SPDX-License-Identifier: GPL-2.0-or-later */
/* poll(2) over the sources: they are few, and most of the time one of them is ready. */
#include "mediator/loop.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>

struct source {
	void (*ready)(void *context);
	void *context;
};

struct loop {
	int count;
	struct pollfd fds[LOOP_SOURCES_MAX]; /* fd -1: removed while its turn could still come */
	struct source sources[LOOP_SOURCES_MAX];
};

struct loop *loop_new(void)
{
	return calloc(1, sizeof(struct loop));
}

void loop_free(struct loop *loop)
{
	free(loop);
}

int loop_add(struct loop *loop, int fd, void (*ready)(void *context), void *context)
{
	if (loop->count == LOOP_SOURCES_MAX)
		return -ENOSPC;
	loop->fds[loop->count] = (struct pollfd){.fd = fd, .events = POLLIN};
	loop->sources[loop->count++] = (struct source){ready, context};
	return 0;
}

void loop_remove(struct loop *loop, int fd)
{
	for (int i = 0; i < loop->count; i++) {
		if (loop->fds[i].fd == fd)
			loop->fds[i] = (struct pollfd){.fd = -1};
	}
}

static void close_gaps(struct loop *loop)
{
	int kept = 0;

	for (int i = 0; i < loop->count; i++) {
		if (loop->fds[i].fd < 0)
			continue;
		loop->fds[kept] = loop->fds[i];
		loop->sources[kept++] = loop->sources[i];
	}
	loop->count = kept;
}

bool loop_wait(struct loop *loop, int timeout_ms)
{
	int count;

	close_gaps(loop);
	count = loop->count; /* what is added meanwhile was not asked about */
	if (poll(loop->fds, (nfds_t)count, timeout_ms) <= 0)
		return false;
	for (int i = 0; i < count; i++) {
		if (loop->fds[i].revents)
			loop->sources[i].ready(loop->sources[i].context);
	}
	return true;
}
