/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUSK_MEDIATOR_LOOP_H
#define HUSK_MEDIATOR_LOOP_H

#include <stdbool.h>

/*
 * What the mediator's one thread waits for: a few descriptors, each with whom it is for. Who comes
 * first is served first. A source that is called may add and remove sources, itself too.
 */
enum loop_limits { LOOP_SOURCES_MAX = 64 };

struct loop;

/* Returns NULL: out of memory. */
struct loop *loop_new(void);

/* Frees; the descriptors stay their owners'. Takes NULL. */
void loop_free(struct loop *loop);

/*
 * From now on ready(context) is called whenever `fd` (borrowed until it is removed) can be read, or
 * has failed. Returns 0, or -ENOSPC: LOOP_SOURCES_MAX are there.
 */
int loop_add(struct loop *loop, int fd, void (*ready)(void *context), void *context);

/* Waits for it no longer. One that was never added is none's concern. */
void loop_remove(struct loop *loop, int fd);

/*
 * Waits, for at most `timeout_ms` (-1: for as long as it takes), and calls what is ready, once
 * each. Returns whether anything was.
 */
bool loop_wait(struct loop *loop, int timeout_ms);

#endif
