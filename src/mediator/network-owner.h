/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUSK_MEDIATOR_NETWORK_OWNER_H
#define HUSK_MEDIATOR_NETWORK_OWNER_H

#include <stdint.h>
#include <sys/types.h>

/*
 * Which process of a network namespace has the socket `inode` open: the first that is found, for a
 * socket can be shared. Where none has, as with one that was refused and is closed already, and
 * with inode 0: one of them if all execute the same program. `namespace`: inode of the namespace.
 * Looks at OWNER_DESCRIPTORS_MAX descriptors at most. Returns the process, or -1.
 */
enum owner_limits { OWNER_PROCESSES_MAX = 4096, OWNER_DESCRIPTORS_MAX = 4096 };

pid_t network_owner(int proc_fd, ino_t namespace, uint32_t inode);

#endif
