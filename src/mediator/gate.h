/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUSK_MEDIATOR_GATE_H
#define HUSK_MEDIATOR_GATE_H

#include "base/error.h"
#include "container/spec.h"
#include "container/state.h"
#include "mediator/talk.h"

/*
 * Binding the gate over the entry point, at createRuntime: all mounts of the container are there,
 * and the runtime has not pivoted yet (tried on crun 1.8 and runc 1.1). What is resolved here is
 * resolved as the runtime will. It happens in husk-hook, which has nothing else to do meanwhile,
 * and while the mediator serves the requests that this very work causes.
 */
struct gate_work {
	int proc_fd;	     /* the host's /proc; borrowed */
	int own_fd;	     /* the caller's mount namespace as it was */
	int root_fd;	     /* the container's root */
	int entry_fd;	     /* the entry point, O_PATH */
	int shown_fd;	     /* the same to read, where hooks run before it; else -1 */
	uint64_t attributes; /* of the mount that it lies on */
};

#define GATE_WORK_INIT \
	((struct gate_work){.own_fd = -1, .root_fd = -1, .entry_fd = -1, .shown_fd = -1})

/*
 * Enters the container's mount namespace and finds the entry point. work->proc_fd is set. Returns 0
 * with *ret filled but for its result, 1 where there is nothing to bind over, -errno.
 */
int gate_find(struct gate_work *work, const struct oci_state *state, const struct oci_spec *spec,
	      struct talk_entry *ret, struct error *err);

/*
 * Binds the gate of the view whose detached mount is `view_fd` over it. Before Linux 6.15 the mount
 * behind `view_fd` may become another one of the same view. Returns 0 or -errno.
 */
int gate_bind(const struct gate_work *work, const struct oci_spec *spec, int view_fd,
	      struct error *err);

/* Goes back to the caller's own mount namespace, working directory "/", and closes all. */
void gate_leave(struct gate_work *work);

#endif
