/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUSK_MEDIATOR_CONFINE_H
#define HUSK_MEDIATOR_CONFINE_H

#include <stdbool.h>

#include "base/error.h"

/*
 * What the mediator may still do once the container is wrapped, and a function talks to it. The
 * table of capabilities, each with what it is for, stands in confine.c. What is not in it leaves
 * the permitted, effective and inheritable sets, and no_new_privs is set, so that no exec brings it
 * back (with it the kernel intersects what an exec would give with what there was, also for root).
 * Sources: capabilities(7), prctl(2), cap_bprm_creds_from_file() of security/commoncap.c.
 *
 * `detaches`: this run has directories that are attached natively, and that it may have to detach.
 * For the calling thread, which must be the only one. Returns 0 or -errno; then it must not serve.
 */
int confine(bool detaches, struct error *err);

#endif
