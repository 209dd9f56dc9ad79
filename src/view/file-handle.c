/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Files that no name leads to for sure: one that was removed while it is open, or one of a volume,
 * which the host may rename. A handle (name_to_handle_at(2)) is taken of them before their
 * descriptor is closed, so that they can have one again. Not every file system has handles: an
 * overlay has none by default.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "view/view-internal.h"

int file_handle_take(struct view *view, struct inode *inode)
{
	struct {
		struct file_handle handle;
		unsigned char bytes[MAX_HANDLE_SZ];
	} room = {.handle.handle_bytes = MAX_HANDLE_SZ};
	struct lower *lower = lower_of(view, inode);
	int mount_id;
	size_t size;

	if (inode->handle)
		return 0;
	if (lower->handles_not)
		return -EOPNOTSUPP;
	if (name_to_handle_at(inode->fd, "", &room.handle, &mount_id, AT_EMPTY_PATH) < 0) {
		lower->handles_not = true;
		return -errno;
	}
	size = sizeof(room.handle) + room.handle.handle_bytes;
	inode->handle = malloc(size);
	if (!inode->handle)
		return -ENOMEM;
	memcpy(inode->handle, &room.handle, size);
	return 0;
}

/* open_by_handle_at(2) wants any file of the file system, and takes no O_PATH descriptor for it. */
static int mount_fd(struct view *view, struct lower *lower)
{
	if (lower->mount_fd < 0 && descriptor_charge(view) == 0) {
		lower->mount_fd = openat(lower->root->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (lower->mount_fd < 0)
			view->descriptors--;
	}
	return lower->mount_fd;
}

int file_handle_open(struct view *view, struct inode *inode)
{
	int fd = mount_fd(view, lower_of(view, inode));

	if (fd < 0)
		return -ENFILE;
	fd = open_by_handle_at(fd, inode->handle, O_PATH | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}
