/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * File flags (lsattr(1), chattr(1), project ids): the few ioctls on files that the kernel knows the
 * arguments of, so that they can be handed down. It checks the caller's right to set them. Every
 * other one, such as asking whether a file is a terminal, is ENOTTY, as in the lower file system.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "view/view-internal.h"

enum { ARGUMENT_MAX = 64 };

static int open_for_flags(struct view *view, struct inode *inode)
{
	int flags = O_RDONLY | O_NONBLOCK;

	if (inode->own)
		return -ENOTTY;
	if (inode->type != S_IFREG && inode->type != S_IFDIR)
		return -ENOTTY;
	return descriptor_reopen(view, inode, flags);
}

static int hand_down(fuse_req_t req, struct inode *inode, unsigned int command, bool sets,
		     char *argument)
{
	struct view *view = view_of(req);
	struct statx stx;
	int fd;
	int rc = 0;

	if (sets && !inode->own) {
		rc = descriptor_stat(view, inode, &stx);
		if (rc == 0)
			rc = judge_file(view, req, ACCESS_WRITE, inode, &stx);
		if (rc < 0)
			return rc;
	}
	fd = open_for_flags(view, inode);
	if (fd < 0)
		return fd;
	rc = ioctl(fd, command, argument) < 0 ? -errno : 0;
	close(fd);
	return rc;
}

void op_ioctl(fuse_req_t req, fuse_ino_t node, unsigned int command, void *argument,
	      struct fuse_file_info *fi, unsigned int flags, const void *in, size_t in_size,
	      size_t out_size)
{
	char bytes[ARGUMENT_MAX] = {0};
	bool sets = command == FS_IOC_SETFLAGS || command == FS_IOC_FSSETXATTR;
	bool reads = command == FS_IOC_GETFLAGS || command == FS_IOC_FSGETXATTR ||
		     command == FS_IOC_GETVERSION;
	int rc = -ENOTTY;

	if ((sets || reads) && in_size <= sizeof(bytes) && out_size <= sizeof(bytes)) {
		if (in_size)
			memcpy(bytes, in, in_size);
		rc = hand_down(req, node_of(view_of(req), node), command, sets, bytes);
	}
	if (rc < 0)
		(void)fuse_reply_err(req, -rc);
	else
		(void)fuse_reply_ioctl(req, 0, bytes, out_size);
}
