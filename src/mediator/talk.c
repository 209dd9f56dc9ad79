/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Messages between husk-hook and its mediator. */
#include "mediator/talk.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

int talk_send(int fd, const void *message, size_t len, int passed_fd)
{
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(int))];
	} control = {0};
	struct iovec part = {.iov_base = (void *)(uintptr_t)message, .iov_len = len};
	struct msghdr msg = {.msg_iov = &part, .msg_iovlen = 1};

	if (passed_fd >= 0) {
		msg.msg_control = &control;
		msg.msg_controllen = sizeof(control);
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SCM_RIGHTS;
		control.header.cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(&control.header), &passed_fd, sizeof(int));
	}
	return sendmsg(fd, &msg, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

int talk_receive(int fd, void *message, size_t len, int *ret_fd)
{
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(int))];
	} control = {0};
	struct iovec part = {.iov_base = message, .iov_len = len};
	struct msghdr msg = {.msg_iov = &part,
			     .msg_iovlen = 1,
			     .msg_control = &control,
			     .msg_controllen = sizeof(control)};
	const struct cmsghdr *header;
	ssize_t got;

	if (ret_fd)
		*ret_fd = -1;
	/* A peer that ended with a word to it unread is told of once, before what it has said
	 * itself. */
	do
		got = recvmsg(fd, &msg, MSG_CMSG_CLOEXEC);
	while (got < 0 && (errno == EINTR || errno == ECONNRESET));
	header = CMSG_FIRSTHDR(&msg);
	if (ret_fd && header && header->cmsg_type == SCM_RIGHTS)
		memcpy(ret_fd, CMSG_DATA(header), sizeof(int));
	if (got <= 0)
		return -EPIPE;
	return (size_t)got == len ? 0 : -EPROTO;
}
