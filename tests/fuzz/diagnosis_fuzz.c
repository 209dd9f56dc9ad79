/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the kernel answers about sockets, sock_diag(7), and to the rules. The calls that would ask
 * it are this program's own: each recv() gives the next of the datagrams that the input consists
 * of, each behind its length in two bytes.
 */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "fuzz.h"
#include "net/netlink.h"
#include "net/socket.h"

static const uint8_t *input;
static size_t left;

ssize_t sendto(int fd, const void *bytes, size_t len, int flags, const struct sockaddr *to,
	       socklen_t to_len)
{
	(void)fd;
	(void)bytes;
	(void)flags;
	(void)to;
	(void)to_len;
	return (ssize_t)len;
}

ssize_t recv(int fd, void *bytes, size_t room, int flags)
{
	size_t len;

	(void)fd;
	(void)flags;
	if (left < 2) {
		errno = EAGAIN;
		return -1;
	}
	len = (size_t)input[0] << 8 | input[1];
	input += 2;
	left -= 2;
	if (len > left)
		len = left;
	if (len < room)
		room = len;
	memcpy(bytes, input, room);
	input += len;
	left -= len;
	return (ssize_t)room;
}

static bool stays(void *context, const struct net_flow *flow)
{
	size_t *looked_at = context;

	FUZZ_ASSERT(flow->peer.protocol == IPPROTO_TCP);
	return (*looked_at)++ % 2 == 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct net_flow flow = {.peer = {.way = PEER_OUT, .protocol = IPPROTO_UDP}};
	cleanup_buf struct buf request = BUF_INIT;
	size_t looked_at = 0;
	uint32_t inode = 0;

	input = data;
	left = len;
	FUZZ_ASSERT(socket_find(-1, &flow, &inode) != 0 || inode != 0);
	input = data;
	left = len;
	FUZZ_ASSERT(socket_end_others(-1, len % 2, stays, &looked_at) <= (int)looked_at);
	input = data;
	left = len;
	buf_add(&request, "", 1);
	FUZZ_ASSERT(netlink_ask(-1, &request) <= 0);
	return 0;
}
