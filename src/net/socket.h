/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUSK_NET_SOCKET_H
#define HUSK_NET_SOCKET_H

#include <stdbool.h>
#include <stdint.h>

#include "net/net.h"

/* Opens what socket_find() asks with. Returns a descriptor or -errno. */
int socket_open_diagnosis(int namespace_fd);

/*
 * Which socket of the namespace a flow belongs to, for TCP and UDP: its inode, as /proc/PID/fd
 * shows it ("socket:[INODE]"). Returns 0 or -errno: -ENOENT where it has none (any more),
 * -EPROTONOSUPPORT. Source: sock_diag(7), net/ipv4/inet_diag.c and udp_diag.c.
 */
int socket_find(int fd, const struct net_flow *flow, uint32_t *ret_inode);

/* Does the policy let this flow live? */
typedef bool socket_may_stay(void *context, const struct net_flow *flow);

/*
 * Ends the connections of TCP in the namespace that may not stay: their programs get ECONNABORTED.
 * cgroup not 0: only those of sockets of this control group. Returns how many, or -errno: -E2BIG
 * where there are too many to look at, -EOPNOTSUPP where the kernel cannot
 * (CONFIG_INET_DIAG_DESTROY). Source: sock_diag(7), net/ipv4/inet_diag.c,
 * include/uapi/linux/sock_diag.h.
 */
int socket_end_others(int fd, uint64_t cgroup, socket_may_stay *may_stay, void *context);

#endif
