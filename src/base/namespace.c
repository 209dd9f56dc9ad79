/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sockets of another network namespace. */
#include "base/namespace.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

/* The process's own, looked up once: later it may see no /proc. */
static int own_fd = -1;
static unsigned int entered; /* so many times, and not left */

int namespace_enter(int namespace_fd)
{
	if (entered > 0) {
		entered++;
		return 0;
	}
	/* the way that others went before is half the way */
	if (own_fd < 0)
		own_fd = open(gettid() == getpid() ? "/proc/self/ns/net"
						   : "/proc/thread-self/ns/net",
			      O_RDONLY | O_CLOEXEC);
	if (own_fd < 0 || setns(namespace_fd, CLONE_NEWNET) < 0)
		return -errno;
	entered = 1;
	return 0;
}

void namespace_leave(void)
{
	if (--entered > 0)
		return;
	if (setns(own_fd, CLONE_NEWNET) < 0)
		_exit(1);
}

int namespace_socket(int namespace_fd, int family, int type, int protocol)
{
	int r = namespace_fd < 0 ? 0 : namespace_enter(namespace_fd);
	int fd;

	if (r < 0)
		return r;
	fd = socket(family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol);
	if (fd < 0)
		fd = -errno;
	if (namespace_fd >= 0)
		namespace_leave();
	return fd;
}
