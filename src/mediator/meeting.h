/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUSK_MEDIATOR_MEETING_H
#define HUSK_MEDIATOR_MEETING_H

#include <linux/seccomp.h>

#include "mediator/mediator-internal.h"

/*
 * Where the function and the host meet by sockets while the container runs. The kernel finds a
 * socket by its inode, and those of the view are others than the host's. So while files are not
 * enforced and calls are watched, bind(2) and connect(2) on a path wait until the volume that the
 * path leads into is attached as it is, over the view's own mount of it; then they go on, and the
 * kernel finds the place by itself. A path that is exchanged meanwhile leads to a volume that is
 * native without need, or to one that is not, in a run in which nothing is denied.
 *
 * What has the view's mount open goes on to have it. So a volume that a process works in stays in
 * the view, since names of both mounts would not fit together; and so does one in which a socket
 * was made there. Only what succeeds makes a volume native, as far as that can be seen before.
 */

/* Before privileges_plan(): will there be such volumes, as far as it can be known by then? Sets
 * m->meeting. Returns 0 or -ENOMEM. */
int meeting_prepare(struct mediator *m, struct error *err);

/* One more file system that the view serves, in mount order; the descriptor is the view's. */
void meeting_add(struct mediator *m, const struct view_lower *lower);

/* In the view a socket or a FIFO was made at `path`: the volume stays there for the rest of the
 * run, since nobody would find it any more. */
void meeting_keep(struct mediator *m, const char *path);

/* The policy has been replaced by one in which `path` is denied by hand. Returns the mount point of
 * the volume that it lies in, where that was attached before; NULL: there is none, or it was
 * returned before. */
const char *meeting_deny(struct mediator *m, const char *path);

/* A calls_meet; context: the mediator. */
bool meeting_begin(void *context, int listener, const struct seccomp_notif *notif);

/* Is a helper at work for one? It knows no policy, so a newer one need not wait for it, however
 * long the function may have it wait. */
bool meeting_is_asked(const struct mediator *m);

#endif
