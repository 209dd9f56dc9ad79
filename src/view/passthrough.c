/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Passthrough: the kernel reads, writes and maps an open file in the lower file system by itself.
 * The kernel wants all files that are open on one inode at a time to be served in one way, and
 * through one backing id; anything else fails with EIO (fs/fuse/iomode.c). So the id belongs to the
 * inode, is kept while its descriptor is, and the first open decides how the ones beside it are
 * served.
 */
#include <errno.h>

#include "view/view-internal.h"

static int backing_open(struct view *view, int fd)
{
	struct protocol_backing_map map = {.fd = fd};

	return ioctl(view->fd, PROTOCOL_BACKING_OPEN, &map);
}

enum inode_mode passthrough_open(struct view *view, struct inode *inode, int fd, bool avoid)
{
	if (inode->mode == INODE_CLOSED) {
		inode->mode = INODE_CACHED;
		if (view->passes && !avoid) {
			if (!inode->backing) {
				int id = backing_open(view, fd);

				inode->backing = id > 0 ? id : 0;
			}
			if (inode->backing)
				inode->mode = INODE_PASSED;
		}
	}
	inode->opens++;
	if (inode->mode == INODE_PASSED)
		view->statistics.passthrough_opens++;
	return (enum inode_mode)inode->mode;
}

void passthrough_release(struct view *view, struct inode *inode)
{
	if (!inode->opens || --inode->opens)
		return;
	inode->mode = INODE_CLOSED;
	/* of a file without a name, the id is what keeps it */
	if (inode->fd < 0 && !inode->unlinked)
		passthrough_close(view, inode);
}

void passthrough_close(struct view *view, struct inode *inode)
{
	uint32_t id = (uint32_t)inode->backing;

	if (!id)
		return;
	(void)ioctl(view->fd, PROTOCOL_BACKING_CLOSE, &id);
	inode->backing = 0;
}
