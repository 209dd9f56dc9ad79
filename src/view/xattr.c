/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Extended attributes, POSIX ACLs among them. The kernel checks who may use which class of names;
 * what is left to do here is to hide "trusted." names in lists, which the lower file system shows
 * us.
 */
#include <errno.h>
#include <linux/capability.h>
#include <limits.h>
#include <linux/xattr.h>
#include <stdio.h>
#include <string.h>
#include <sys/xattr.h>

#include "view/view-internal.h"

#define ACL_PREFIX "system.posix_acl_" /* include/uapi/linux/xattr.h */

enum { XATTR_PATH_MAX = 64 + NAME_MAX };

static bool has_attributes(const struct view *view, const struct inode *inode)
{
	return !inode->own;
}

/*
 * A path to the file, from /proc (view_new()), for the calls on extended attributes, which
 * take no O_PATH descriptor. To read
 * them the directory's descriptor and the name do: a program that is not root asks for the ACL of
 * each file that it looks up, and most of those are never opened. Returns 0 where the path ends in
 * a link of /proc that is to be followed, 1 where it ends in the name, which is not.
 */
static int path_to_read(struct view *view, struct inode *inode, char out[XATTR_PATH_MAX])
{
	bool named = inode->fd < 0 && !inode->unlinked && !inode->handle && inode->parent;
	int fd;

	if (!has_attributes(view, inode))
		return -EOPNOTSUPP;
	fd = descriptor_of(view, named ? inode->parent : inode);
	if (fd < 0)
		return fd;
	if (named)
		(void)snprintf(out, XATTR_PATH_MAX, "self/fd/%d/%s", fd, inode->name);
	else
		(void)snprintf(out, XATTR_PATH_MAX, "self/fd/%d", fd);
	return named;
}

/* The path by which attributes are changed, once the judge was asked. */
static int path_to_change(fuse_req_t req, struct inode *inode, char out[XATTR_PATH_MAX])
{
	struct view *view = view_of(req);
	struct statx stx;
	int fd =
		has_attributes(view, inode) ? descriptor_with_stat(view, inode, &stx) : -EOPNOTSUPP;
	int rc = fd < 0 ? fd : judge_file(view, req, ACCESS_WRITE, inode, &stx);

	(void)snprintf(out, XATTR_PATH_MAX, "self/fd/%d", fd);
	return rc;
}

/* After the change: an overlay copied the file up, and its number is another now. */
static void changed(struct view *view, struct inode *inode)
{
	struct statx stx;

	if (lower_of(view, inode)->overlay)
		(void)descriptor_stat(view, inode, &stx);
}

static int drop_set_group_id(struct view *view, struct inode *inode)
{
	char name[DESCRIPTOR_NAME_MAX];
	struct statx stx;
	int rc = descriptor_stat(view, inode, &stx);

	if (rc < 0 || !(stx.stx_mode & S_ISGID))
		return rc;
	descriptor_name(inode->fd, name);
	return fchmodat(view->proc_fd, name, stx.stx_mode & 07777 & ~S_ISGID, 0) < 0 ? -errno : 0;
}

static int set_attribute(fuse_req_t req, struct inode *inode, const char *name, const char *value,
			 size_t size, int flags, bool kill_sgid)
{
	struct view *view = view_of(req);
	char path[XATTR_PATH_MAX];
	int rc = path_to_change(req, inode, path);

	if (rc < 0)
		return rc;
	if (setxattr(path, name, value, size, flags) < 0)
		return -errno;
	if (kill_sgid)
		rc = drop_set_group_id(view, inode);
	changed(view, inode);
	return rc;
}

/*
 * libfuse knows only the shorter arguments of older kernels, so the name and the value are found
 * here.
 */
void op_setxattr(fuse_req_t req, fuse_ino_t node, const char *short_name, const char *short_value,
		 size_t size, int flags)
{
	struct view *view = view_of(req);
	const struct fuse_setxattr_in *in = request_arguments(view);
	const char *name = (const char *)in + FUSE_COMPAT_SETXATTR_IN_SIZE;
	bool kill_sgid = false;
	int rc;

	if (view->long_setxattr) {
		name = (const char *)(in + 1);
		kill_sgid = in->setxattr_flags & FUSE_SETXATTR_ACL_KILL_SGID;
	}
	rc = set_attribute(req, node_of(view, node), name, name + strlen(name) + 1, size, flags,
			   kill_sgid);
	(void)fuse_reply_err(req, -rc);
}

static int remove_attribute(fuse_req_t req, struct inode *inode, const char *name)
{
	char path[XATTR_PATH_MAX];
	int rc = path_to_change(req, inode, path);

	if (rc < 0)
		return rc;
	if (removexattr(path, name) < 0)
		return -errno;
	changed(view_of(req), inode);
	return 0;
}

void op_removexattr(fuse_req_t req, fuse_ino_t node, const char *name)
{
	(void)fuse_reply_err(req, -remove_attribute(req, node_of(view_of(req), node), name));
}

/* Replies with `len` bytes of view->data, or, where the kernel asks with size 0, with their number.
 */
static void reply_xattr(fuse_req_t req, ssize_t len, size_t size)
{
	if (len < 0)
		(void)fuse_reply_err(req, (int)-len);
	else if (size == 0)
		(void)fuse_reply_xattr(req, (size_t)len);
	else if ((size_t)len > size)
		(void)fuse_reply_err(req, ERANGE);
	else
		(void)fuse_reply_buf(req, view_of(req)->data, (size_t)len);
}

static ssize_t get_attribute(struct view *view, struct inode *inode, const char *name, size_t size)
{
	size_t room = size < VIEW_WRITE_MAX ? size : VIEW_WRITE_MAX;
	char path[XATTR_PATH_MAX];
	int named = path_to_read(view, inode, path);
	ssize_t len;

	if (named < 0)
		return named;
	len = named ? lgetxattr(path, name, view->data, room)
		    : getxattr(path, name, view->data, room);
	return len < 0 ? -errno : len;
}

void op_getxattr(fuse_req_t req, fuse_ino_t node, const char *name, size_t size)
{
	struct view *view = view_of(req);
	ssize_t len = get_attribute(view, node_of(view, node), name, size);

	if (strncmp(name, ACL_PREFIX, sizeof(ACL_PREFIX) - 1) == 0) {
		/* "not supported" of an ACL would fail every check of permissions: there is none */
		if (len == -EOPNOTSUPP)
			len = -ENODATA;
		view->statistics.acls += len > 0;
	}
	reply_xattr(req, len, size);
}

/* Takes the names that only an administrator sees out of a list. Returns the length that is left.
 */
static size_t hide_trusted(char *list, size_t len)
{
	size_t kept = 0;

	for (size_t at = 0; at < len;) {
		size_t one = strnlen(list + at, len - at) + 1;

		if (one > len - at)
			break;
		if (strncmp(list + at, XATTR_TRUSTED_PREFIX, XATTR_TRUSTED_PREFIX_LEN) != 0) {
			memmove(list + kept, list + at, one);
			kept += one;
		}
		at += one;
	}
	return kept;
}

static ssize_t list_attributes(struct view *view, struct inode *inode)
{
	char path[XATTR_PATH_MAX];
	int named = path_to_read(view, inode, path);
	ssize_t len;

	if (named < 0)
		return named;
	len = named ? llistxattr(path, view->data, VIEW_WRITE_MAX)
		    : listxattr(path, view->data, VIEW_WRITE_MAX);
	return len < 0 ? -errno : len;
}

void op_listxattr(fuse_req_t req, fuse_ino_t node, size_t size)
{
	struct view *view = view_of(req);
	ssize_t len = list_attributes(view, node_of(view, node));

	if (len > 0 &&
	    memmem(view->data, (size_t)len, XATTR_TRUSTED_PREFIX, XATTR_TRUSTED_PREFIX_LEN) &&
	    !credentials_capable(req, CAP_SYS_ADMIN))
		len = (ssize_t)hide_trusted(view->data, (size_t)len);
	reply_xattr(req, len, size);
}
