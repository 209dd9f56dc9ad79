/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUSK_BASE_NAMESPACE_H
#define HUSK_BASE_NAMESPACE_H

/*
 * Enters the network namespace `namespace_fd` (setns(2); takes CAP_SYS_ADMIN there and here).
 * Returns a descriptor of the one that the calling thread was in, for namespace_leave(), or -errno.
 */
int namespace_enter(int namespace_fd);

/* Goes back, and closes `own`. Should that fail, the process ends, since nothing that it did
 * afterwards would happen where it is meant to. */
void namespace_leave(int own);

/*
 * socket(2) in the network namespace `namespace_fd`, to which the socket belongs from then on: the
 * calling thread enters it and comes back. -1: the namespace of the caller. Returns a descriptor,
 * O_CLOEXEC and not blocking, or -errno.
 */
int namespace_socket(int namespace_fd, int family, int type, int protocol);

#endif
