/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The lower file systems and how one is entered from another: at a (directory, name) of the tree of
 * inodes, remembered as the place of the lower root. A later mount at the same place hides the
 * earlier.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>

#include "base/cleanup.h"
#include "view/view-internal.h"

dev_t statx_device(const struct statx *stx)
{
	return makedev(stx->stx_dev_major, stx->stx_dev_minor);
}

void statx_key(const struct statx *stx, uint32_t lower, struct inode_key *ret)
{
	*ret = (struct inode_key){
		.dev = statx_device(stx),
		.ino = stx->stx_ino,
		.lower = lower,
	};
	if (stx->stx_mask & STATX_BTIME)
		ret->birth = (uint32_t)stx->stx_btime.tv_sec ^ (stx->stx_btime.tv_nsec << 2);
}

/*
 * All lower file systems appear as one device, so numbers of all but the first device are moved out
 * of the range that file systems use in practice: their device's index goes into the top byte.
 */
uint64_t lower_number(struct view *view, dev_t dev, uint64_t ino)
{
	size_t i = 0;

	while (i < view->device_count && view->devices[i] != dev)
		i++;
	if (i == view->device_count && i < VIEW_DEVICES_MAX)
		view->devices[view->device_count++] = dev;
	if (i == VIEW_DEVICES_MAX)
		i += dev % (UINT8_MAX - VIEW_DEVICES_MAX);
	return ino ^ ((uint64_t)i << 56);
}

struct inode *lower_crossing(const struct view *view, const struct inode *dir, const char *name)
{
	for (size_t i = view->lower_count; dir->crossed && i-- > 0;) {
		struct inode *root = view->lowers[i].root;

		if (root->parent == dir && strcmp(root->name, name) == 0)
			return root;
	}
	return NULL;
}

/* Finds the directory that `path` lies in and its last component, making inodes on the way. */
static int find_place(struct view *view, char *path, struct inode **ret_dir, const char **ret_name)
{
	struct inode *dir = view->root;
	char *rest = path;
	char *name = NULL;

	for (char *part = strsep(&rest, "/"); part; part = strsep(&rest, "/")) {
		struct inode *next;
		struct statx stx;
		int rc;

		if (!*part)
			continue;
		if (!name) {
			name = part;
			continue;
		}
		rc = lookup_inode(view, dir, name, &next, &stx);
		if (rc == 0 && next->type != S_IFDIR)
			rc = -ENOTDIR;
		inode_forget(&view->inodes, dir, 0);
		if (rc < 0)
			return rc;
		dir = next;
		name = part;
	}
	if (!name)
		return -EBUSY;
	*ret_dir = dir;
	*ret_name = name;
	return 0;
}

static int add_root(struct view *view, const struct statx *stx)
{
	struct inode_key key;
	int rc;

	if ((stx->stx_mode & S_IFMT) != S_IFDIR)
		return -ENOTDIR;
	statx_key(stx, 0, &key);
	rc = inode_make(&view->inodes, &key, stx->stx_mode, NULL, "", &view->root);
	if (rc < 0)
		return rc;
	view->root->fixed = true;
	view->lowers[0].root = view->root;
	return 0;
}

static int add_below(struct view *view, const struct statx *stx, const char *path)
{
	cleanup_free char *copy = strdup(path);
	struct lower *lower = &view->lowers[view->lower_count];
	const char *name = NULL;
	struct inode_key key;
	struct inode *dir = NULL;
	int rc;

	if (!copy)
		return -ENOMEM;
	rc = find_place(view, copy, &dir, &name);
	if (rc < 0)
		return rc;
	statx_key(stx, (uint32_t)view->lower_count, &key);
	rc = inode_make(&view->inodes, &key, stx->stx_mode, dir, name, &lower->root);
	if (rc < 0) {
		inode_forget(&view->inodes, dir, 0);
		return rc;
	}
	lower->root->fixed = true;
	dir->crossed = true;
	return 0;
}

static int grow_lowers(struct view *view)
{
	struct lower *bigger;

	if (view->lower_count == VIEW_LOWERS_MAX)
		return -ENFILE;
	bigger = reallocarray(view->lowers, view->lower_count + 1, sizeof(*bigger));
	if (!bigger)
		return -ENOMEM;
	view->lowers = bigger;
	return 0;
}

int view_add_lower(struct view *view, const struct view_lower *lower, struct error *err)
{
	cleanup_close int fd = lower->fd;
	struct statfs fs;
	struct statx stx;
	struct lower *entry;
	int rc = grow_lowers(view);

	if (rc == 0 && statx(fd, "", AT_EMPTY_PATH, DESCRIPTOR_STATX, &stx) < 0)
		rc = -errno;
	if (rc == 0 && fstatfs(fd, &fs) < 0)
		rc = -errno;
	if (rc < 0)
		return error_set(err, -rc, "cannot use what is mounted at '%s'", lower->path);
	entry = &view->lowers[view->lower_count];
	*entry = (struct lower){
		.fd = -1,
		.persistent = lower->persistent,
		.overlay = fs.f_type == OVERLAYFS_SUPER_MAGIC,
		.mount_fd = -1,
	};
	(void)lower_number(view, statx_device(&stx), 0);
	view->tick++;
	if (view->lower_count == 0)
		rc = strcmp(lower->path, "/") == 0 ? add_root(view, &stx) : -EINVAL;
	else
		rc = add_below(view, &stx, lower->path);
	if (rc < 0)
		return error_set(err, -rc, "cannot find the mount point '%s'", lower->path);
	entry->fd = fd;
	view->lower_count++;
	descriptor_adopt(view, entry->root, steal_fd(&fd));
	return entry->root->fd < 0 ? error_set(err, ENFILE, "cannot serve '%s'", lower->path) : 0;
}
