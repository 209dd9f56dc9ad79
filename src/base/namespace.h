/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUSK_BASE_NAMESPACE_H
#define HUSK_BASE_NAMESPACE_H

/*
 * Enters the network namespace `namespace_fd` (setns(2); takes CAP_SYS_ADMIN there and here). The
 * first call of a process notes which is its own. Who is inside may enter the same one again, which
 * is only counted. Returns 0 or -errno.
 */
int namespace_enter(int namespace_fd);

/* Goes back to the process's own, once for each time that it was entered. Should that fail, the
 * process ends, since nothing that it did afterwards would happen where it is meant to. */
void namespace_leave(void);

/*
 * socket(2) in the network namespace `namespace_fd`, to which the socket belongs from then on: the
 * calling thread enters it and comes back. -1: the namespace of the caller. Returns a descriptor,
 * O_CLOEXEC and not blocking, or -errno.
 */
int namespace_socket(int namespace_fd, int family, int type, int protocol);

#endif
