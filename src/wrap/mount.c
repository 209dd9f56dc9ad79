/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Mount calls by descriptor. */
#include "wrap/mount.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mount.h>
#include <unistd.h>

#include "base/cleanup.h"

/* All flags that a mount of a container can have; the access-time field is cleared as a whole. */
#define ATTRIBUTES_ALL                                                                             \
	((uint64_t)(MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC | \
		    MOUNT_ATTR__ATIME | MOUNT_ATTR_NODIRATIME | MOUNT_ATTR_NOSYMFOLLOW))

#ifndef MOVE_MOUNT_SET_GROUP
#define MOVE_MOUNT_SET_GROUP 0x00000100 /* linux/mount.h of Linux 5.15 */
#endif

int mount_clone(int dirfd, const char *path)
{
	int fd = open_tree(dirfd, path,
			   OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_SYMLINK_NOFOLLOW |
				   AT_NO_AUTOMOUNT | (*path ? 0 : AT_EMPTY_PATH));

	return fd < 0 ? -errno : fd;
}

int mount_clone_within(int mount_fd, const char *path)
{
	int clone = mount_clone(mount_fd, path);
	int r;

	if (clone != -EINVAL)
		return clone;
	r = mount_attach(mount_fd, AT_FDCWD, "/");
	if (r < 0)
		return r;
	clone = mount_clone(mount_fd, path);
	if (fchdir(mount_fd) == 0 && umount2(".", MNT_DETACH | UMOUNT_NOFOLLOW) == 0)
		return clone;
	r = -errno;
	if (clone >= 0)
		close(clone);
	return r;
}

int mount_attach(int mount_fd, int dirfd, const char *path)
{
	unsigned int flags = MOVE_MOUNT_F_EMPTY_PATH | (*path ? 0 : MOVE_MOUNT_T_EMPTY_PATH);

	return move_mount(mount_fd, "", dirfd, path, flags) < 0 ? -errno : 0;
}

int mount_set_attributes(int mount_fd, uint64_t attributes)
{
	struct mount_attr attr = {.attr_set = attributes, .attr_clr = ATTRIBUTES_ALL};

	return mount_setattr(mount_fd, "", AT_EMPTY_PATH, &attr, sizeof(attr)) < 0 ? -errno : 0;
}

int mount_make_readonly(int mount_fd)
{
	struct mount_attr attr = {.attr_set = MOUNT_ATTR_RDONLY};

	return mount_setattr(mount_fd, "", AT_EMPTY_PATH, &attr, sizeof(attr)) < 0 ? -errno : 0;
}

int mount_set_propagation(int mount_fd, uint64_t propagation, int tree)
{
	struct mount_attr attr = {.propagation = propagation};
	unsigned int flags = AT_EMPTY_PATH | (tree ? AT_RECURSIVE : 0);

	return mount_setattr(mount_fd, "", flags, &attr, sizeof(attr)) < 0 ? -errno : 0;
}

int mount_join_group(int mount_fd, int like_fd)
{
	unsigned int flags =
		MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH | MOVE_MOUNT_SET_GROUP;

	return move_mount(like_fd, "", mount_fd, "", flags) < 0 ? -errno : 0;
}

int mount_make_superblock_readonly(int mount_fd)
{
	cleanup_close int fs = fspick(mount_fd, "", FSPICK_EMPTY_PATH | FSPICK_CLOEXEC);

	if (fs < 0 || fsconfig(fs, FSCONFIG_SET_FLAG, "ro", NULL, 0) < 0 ||
	    fsconfig(fs, FSCONFIG_CMD_RECONFIGURE, NULL, NULL, 0) < 0)
		return -errno;
	return 0;
}
