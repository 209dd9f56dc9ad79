/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUSK_NET_NETLINK_H
#define HUSK_NET_NETLINK_H

#include <stddef.h>

#include "base/buf.h"

/*
 * Opens a socket of the netlink `protocol` in the network namespace `namespace_fd` as
 * namespace_socket() does. `receive_bytes` 0: the system's default. Returns a descriptor or -errno.
 */
int netlink_open(int namespace_fd, int protocol, int receive_bytes);

/*
 * Sends requests, of which one at least asks for an answer (NLM_F_ACK), and takes the answers: the
 * kernel has given them when send returns. Returns 0, or the first -errno that it answered.
 */
int netlink_ask(int fd, const struct buf *requests);

#endif
