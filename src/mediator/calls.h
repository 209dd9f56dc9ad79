/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUSK_MEDIATOR_CALLS_H
#define HUSK_MEDIATOR_CALLS_H

#include <linux/seccomp.h>
#include <stdbool.h>
#include <sys/types.h>

#include "mediator/loop.h"
#include "mediator/watch.h"

/*
 * The observer of system calls: answers what the filter of a container notifies of
 * (seccomp_unotify(2)). A call is judged by its number alone, never by what its arguments point
 * to, so nothing can be exchanged between the judging and the call. What is allowed continues in
 * the kernel as if nobody had been asked; what is denied fails with the errno of policy/calls.h.
 */
struct calls;

/* watch and loop are borrowed. Returns NULL: out of memory. */
struct calls *calls_new(struct watch *watch, struct loop *loop);
void calls_free(struct calls *calls); /* takes NULL */

/*
 * Takes the listener that the process of `pidfd` has as the descriptor that `number` tells: five
 * decimal digits, as husk-launch writes them. From then on its notifications are answered. Returns
 * 0; -EINVAL for what is no number, or no listener; -EBUSY where there is one already; other -errno
 * of pidfd_getfd(2).
 */
int calls_take(struct calls *calls, int pidfd, const char *number);

/* Has the listener been taken? */
bool calls_are_watched(const struct calls *calls);

/*
 * Whether bind(2) or connect(2), which is about to be let through, is to wait. `listener`: who
 * notified of it; borrowed until it goes on, as `notif` is. Nobody else's calls are answered
 * before.
 */
typedef bool calls_meet(void *context, int listener, const struct seccomp_notif *notif);

/* From now on `meet` is asked of those that the filter notifies of. */
void calls_set_meet(struct calls *calls, calls_meet *meet, void *context);

/* Lets the call that waits go on. */
void calls_go_on(struct calls *calls);

/* The policy has been replaced: what was decided before is decided again. */
void calls_decide_again(struct calls *calls);

/*
 * The key of a call, as policy/calls.h describes it, in `out` of CALLS_NAME_ROOM bytes. For
 * whatever numbers a container makes up.
 */
void calls_key(const struct seccomp_data *call, char *out);

#endif
