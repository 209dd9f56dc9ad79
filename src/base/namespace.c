/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sockets of another network namespace. */
#include "base/namespace.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"

int namespace_enter(int namespace_fd)
{
	cleanup_close int own = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);

	if (own < 0 || setns(namespace_fd, CLONE_NEWNET) < 0)
		return -errno;
	return steal_fd(&own);
}

void namespace_leave(int own)
{
	if (setns(own, CLONE_NEWNET) < 0)
		_exit(1);
	close(own);
}

int namespace_socket(int namespace_fd, int family, int type, int protocol)
{
	int own = namespace_fd < 0 ? -1 : namespace_enter(namespace_fd);
	int fd;

	if (namespace_fd >= 0 && own < 0)
		return own;
	fd = socket(family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol);
	if (fd < 0)
		fd = -errno;
	if (own >= 0)
		namespace_leave(own);
	return fd;
}
