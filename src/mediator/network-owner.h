/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUSK_MEDIATOR_NETWORK_OWNER_H
#define HUSK_MEDIATOR_NETWORK_OWNER_H

#include <stdint.h>
#include <sys/types.h>

#define OWNER_DESCRIPTORS_MAX 4096

/*
 * Which process, of `init` and those that descend from it, has the socket `inode` open: the first
 * that is found, for a socket can be shared. Where none has, as with one that was refused and is
 * closed already, and with inode 0: `init` if all execute the same program. Looks at no more than
 * so many descriptors, of no more than PROCESS_FAMILY_MAX processes. Returns the process, or -1.
 */
pid_t network_owner(int proc_fd, pid_t init, uint32_t inode);

#endif
