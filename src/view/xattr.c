/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Extended attributes, POSIX ACLs among them. The kernel checks who may use which class of names;
 * what is left to do here is to hide "trusted." names in lists, which the lower file system shows
 * us.
 */
#include <errno.h>
#include <linux/capability.h>
#include <linux/xattr.h>
#include <stdio.h>
#include <string.h>
#include <sys/xattr.h>

#include "view/view-internal.h"

#define ACL_PREFIX "system.posix_acl_" /* include/uapi/linux/xattr.h */

enum { XATTR_PATH_MAX = 64 };

static int xattr_path(struct view *view, struct inode *inode, char out[XATTR_PATH_MAX])
{
	int fd = view->lower_count && inode != view->gate.inode ? descriptor_of(view, inode)
								: -EOPNOTSUPP;

	if (fd < 0)
		return fd;
	(void)snprintf(out, XATTR_PATH_MAX, "/proc/self/fd/%d", fd);
	return 0;
}

static int set_attribute(fuse_req_t req, struct inode *inode, const char *name, const char *value,
			 size_t size, int flags, bool kill_sgid)
{
	struct view *view = view_of(req);
	char path[XATTR_PATH_MAX];
	struct statx stx;
	int rc = xattr_path(view, inode, path);

	if (rc == 0)
		rc = descriptor_stat(view, inode, &stx);
	if (rc == 0)
		rc = judge_file(view, req, ACCESS_WRITE, inode, &stx);
	if (rc == 0 && setxattr(path, name, value, size, flags) < 0)
		rc = -errno;
	if (rc == 0 && kill_sgid) {
		char number[DESCRIPTOR_NAME_MAX];

		descriptor_name(inode->fd, number);
		rc = descriptor_stat(view, inode, &stx);
		if (rc == 0 && stx.stx_mode & S_ISGID &&
		    fchmodat(view->proc_fd, number, stx.stx_mode & 07777 & ~S_ISGID, 0) < 0)
			rc = -errno;
	}
	if (rc == 0 && lower_of(view, inode)->overlay)
		rc = descriptor_stat(view, inode, &stx);
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
	struct view *view = view_of(req);
	char path[XATTR_PATH_MAX];
	struct statx stx;
	int rc = xattr_path(view, inode, path);

	if (rc == 0)
		rc = descriptor_stat(view, inode, &stx);
	if (rc == 0)
		rc = judge_file(view, req, ACCESS_WRITE, inode, &stx);
	if (rc == 0 && removexattr(path, name) < 0)
		rc = -errno;
	if (rc == 0 && lower_of(view, inode)->overlay)
		rc = descriptor_stat(view, inode, &stx);
	return rc;
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

void op_getxattr(fuse_req_t req, fuse_ino_t node, const char *name, size_t size)
{
	struct view *view = view_of(req);
	char path[XATTR_PATH_MAX];
	ssize_t len = xattr_path(view, node_of(view, node), path);

	if (len == 0) {
		len = getxattr(path, name, size ? view->data : NULL,
			       size < VIEW_WRITE_MAX ? size : VIEW_WRITE_MAX);
		len = len < 0 ? -errno : len;
	}
	/* "Not supported" of an ACL would fail every check of permissions; without ACLs there is
	 * none. */
	if (len == -EOPNOTSUPP && strncmp(name, ACL_PREFIX, sizeof(ACL_PREFIX) - 1) == 0)
		len = -ENODATA;
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

void op_listxattr(fuse_req_t req, fuse_ino_t node, size_t size)
{
	struct view *view = view_of(req);
	char path[XATTR_PATH_MAX];
	ssize_t len = xattr_path(view, node_of(view, node), path);

	if (len == 0) {
		len = listxattr(path, view->data, VIEW_WRITE_MAX);
		len = len < 0 ? -errno : len;
	}
	if (len > 0 &&
	    memmem(view->data, (size_t)len, XATTR_TRUSTED_PREFIX, XATTR_TRUSTED_PREFIX_LEN) &&
	    !credentials_capable(req, CAP_SYS_ADMIN))
		len = (ssize_t)hide_trusted(view->data, (size_t)len);
	reply_xattr(req, len, size);
}
