/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUSK_MEDIATOR_CONFINE_H
#define HUSK_MEDIATOR_CONFINE_H

#include "base/error.h"

/*
 * What the mediator may still do once the container is wrapped, and a function talks to it:
 *
 * - The directory `empty_fd` becomes its root, so that no path leads to a file of the host, one
 * from a symbolic link of the container included.
 * - Capabilities that are not in the table of confine.c, where each has its use, leave the
 * permitted, effective and inheritable sets, and no_new_privs is set, so that no exec brings them
 * back (with it the kernel intersects what an exec would give with what there was, also for root).
 * - A system-call filter lets through what filter.c lists.
 *
 * A build with sanitizers keeps root and calls, since their reports need both.
 * needs: what this run may still have to do, as flags of filter.h. For the calling thread, which
 * must be the only one. Returns 0 or -errno; then it must not serve. Sources: capabilities(7),
 * chroot(2), prctl(2), cap_bprm_creds_from_file() of security/commoncap.c.
 */
int confine(int empty_fd, unsigned int needs, struct error *err);

#endif
