/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Attributes: shown, changed, and what a change by the caller does to privileges. */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/xattr.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "view/view-internal.h"

static mode_t shown_mode(const struct inode *inode, mode_t mode)
{
	return inode->searchable ? mode | S_IXUSR | S_IXGRP | S_IXOTH : mode;
}

static struct timespec time_of(struct statx_timestamp time)
{
	return (struct timespec){.tv_sec = time.tv_sec, .tv_nsec = time.tv_nsec};
}

void attributes_fill(struct view *view, const struct inode *inode, const struct statx *stx,
		     struct stat *ret)
{
	*ret = (struct stat){
		.st_ino = lower_number(view, statx_device(stx), stx->stx_ino),
		.st_mode = shown_mode(inode, stx->stx_mode),
		.st_nlink = stx->stx_nlink,
		.st_uid = stx->stx_uid,
		.st_gid = stx->stx_gid,
		.st_rdev = makedev(stx->stx_rdev_major, stx->stx_rdev_minor),
		.st_size = (off_t)stx->stx_size,
		.st_blksize = (blksize_t)stx->stx_blksize,
		.st_blocks = (blkcnt_t)stx->stx_blocks,
		.st_atim = time_of(stx->stx_atime),
		.st_mtim = time_of(stx->stx_mtime),
		.st_ctim = time_of(stx->stx_ctime),
	};
}

/* An overlay gives a file another number, and another time of birth, when it is copied up. */
void attributes_follow(struct view *view, struct inode *inode, const struct statx *stx)
{
	struct inode_key key;

	statx_key(stx, inode->key.lower, &key);
	if (key.ino == inode->key.ino && key.dev == inode->key.dev && key.birth == inode->key.birth)
		return;
	inode_rekey(&view->inodes, inode, &key);
}

/* Changes the mode of a file that only an O_PATH descriptor leads to. */
static int change_mode(struct view *view, int fd, mode_t mode)
{
	char name[DESCRIPTOR_NAME_MAX];

	descriptor_name(fd, name);
	return fchmodat(view->proc_fd, name, mode & 07777, 0) < 0 ? -errno : 0;
}

int attributes_kill_privileges(fuse_req_t req, struct inode *inode)
{
	struct view *view = view_of(req);
	int fd = descriptor_of(view, inode);
	struct stat st;
	mode_t mode;

	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return 0;
	mode = st.st_mode & ~S_ISUID;
	if (mode & S_ISGID && (mode & S_IXGRP || !credentials_in_group(req, st.st_gid)))
		mode &= ~S_ISGID;
	return mode == st.st_mode ? 0 : change_mode(view, fd, mode);
}

static void reply_attributes(fuse_req_t req, struct inode *inode, int rc, const struct stat *attr)
{
	if (rc < 0)
		(void)fuse_reply_err(req, -rc);
	else
		(void)fuse_reply_attr(req, attr, keep_time_of_attributes(view_of(req), inode));
}

static int get_attributes(struct view *view, struct inode *inode, struct stat *ret)
{
	struct statx stx;
	int rc;

	if (inode->own) {
		*ret = (struct stat){
			.st_mode = S_IFDIR | 0755, .st_nlink = 2, .st_ino = FUSE_ROOT_ID};
		if (inode == view->gate.inode)
			gate_stat(view, ret);
		return 0;
	}
	rc = descriptor_stat(view, inode, &stx);
	if (rc == 0)
		attributes_fill(view, inode, &stx, ret);
	return rc;
}

static struct protocol_time protocol_time(struct statx_timestamp time)
{
	return (struct protocol_time){.tv_sec = time.tv_sec, .tv_nsec = time.tv_nsec};
}

/* statx(2) of a program that wants the time of birth. */
static void reply_statx(fuse_req_t req, struct inode *inode)
{
	struct view *view = view_of(req);
	struct protocol_statx_out out = {0};
	struct statx stx;
	int rc = -ENOSYS;

	if (!inode->own)
		rc = descriptor_stat(view, inode, &stx);
	if (rc < 0) {
		(void)fuse_reply_err(req, -rc);
		return;
	}
	out.attr_valid = (uint64_t)keep_time_of_attributes(view, inode);
	out.stat = (struct protocol_statx){
		.mask = stx.stx_mask & DESCRIPTOR_STATX,
		.blksize = stx.stx_blksize,
		.attributes = stx.stx_attributes,
		.nlink = stx.stx_nlink,
		.uid = stx.stx_uid,
		.gid = stx.stx_gid,
		.mode = (uint16_t)shown_mode(inode, stx.stx_mode),
		.ino = lower_number(view, statx_device(&stx), stx.stx_ino),
		.size = stx.stx_size,
		.blocks = stx.stx_blocks,
		.attributes_mask = stx.stx_attributes_mask,
		.atime = protocol_time(stx.stx_atime),
		.btime = protocol_time(stx.stx_btime),
		.ctime = protocol_time(stx.stx_ctime),
		.mtime = protocol_time(stx.stx_mtime),
		.rdev_major = stx.stx_rdev_major,
		.rdev_minor = stx.stx_rdev_minor,
	};
	(void)fuse_reply_buf(req, (const char *)&out, sizeof(out));
}

void op_getattr(fuse_req_t req, fuse_ino_t node, struct fuse_file_info *fi)
{
	struct view *view = view_of(req);
	struct inode *inode = node_of(view, node);
	struct stat attr = {0};
	int rc;

	if (view->opcode == PROTOCOL_STATX) {
		reply_statx(req, inode);
		return;
	}
	rc = get_attributes(view, inode, &attr);
	reply_attributes(req, inode, rc, &attr);
}

static int set_size(struct view *view, struct inode *inode, off_t size,
		    const struct fuse_file_info *fi)
{
	struct borrowed file;
	int rc = handle_borrow(view, inode, fi ? fi->fh : 0, O_WRONLY | O_NONBLOCK, &file);

	if (rc < 0)
		return rc;
	if (ftruncate(file.fd, size) < 0)
		rc = -errno;
	handle_return(&file);
	return rc;
}

static int set_times(int fd, const struct stat *attr, int valid)
{
	struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_nsec = UTIME_OMIT}};

	if (valid & FUSE_SET_ATTR_ATIME_NOW)
		times[0].tv_nsec = UTIME_NOW;
	else if (valid & FUSE_SET_ATTR_ATIME)
		times[0] = attr->st_atim;
	if (valid & FUSE_SET_ATTR_MTIME_NOW)
		times[1].tv_nsec = UTIME_NOW;
	else if (valid & FUSE_SET_ATTR_MTIME)
		times[1] = attr->st_mtim;
	return utimensat(fd, "", times, AT_EMPTY_PATH) < 0 ? -errno : 0;
}

static int set_owner(int fd, const struct stat *attr, int valid)
{
	uid_t uid = valid & FUSE_SET_ATTR_UID ? attr->st_uid : (uid_t)-1;
	gid_t gid = valid & FUSE_SET_ATTR_GID ? attr->st_gid : (gid_t)-1;

	return fchownat(fd, "", uid, gid, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW) < 0 ? -errno : 0;
}

/*
 * Nothing to set. So says the kernel, with FUSE_HANDLE_KILLPRIV_V2, that a change which it does not
 * send (a write that is passed through, fallocate) takes privileges away; and so comes chown(2) of
 * neither owner nor group, which does the same and shows in the time of change. For who has
 * CAP_FSETID, the first is of file capabilities alone, and leaves the mode as it is.
 */
static int touch_attributes(fuse_req_t req, struct inode *inode, int fd)
{
	struct view *view = view_of(req);
	char path[64];
	int rc;

	if (!credentials_capable(req, CAP_FSETID)) {
		rc = attributes_kill_privileges(req, inode);
		if (rc < 0)
			return rc;
	} else {
		(void)snprintf(path, sizeof(path), "self/fd/%d", fd);
		if (getxattr(path, XATTR_NAME_CAPS, view->data, VIEW_WRITE_MAX) >= 0)
			return 0;
	}
	return fchownat(fd, "", (uid_t)-1, (gid_t)-1, AT_EMPTY_PATH) < 0 ? -errno : 0;
}

static int set_attributes(fuse_req_t req, struct inode *inode, const struct stat *attr, int valid,
			  const struct fuse_file_info *fi)
{
	const int times = FUSE_SET_ATTR_ATIME | FUSE_SET_ATTR_MTIME | FUSE_SET_ATTR_ATIME_NOW |
			  FUSE_SET_ATTR_MTIME_NOW;
	struct view *view = view_of(req);
	const struct fuse_setattr_in *in = request_arguments(view);
	int fd = descriptor_of(view, inode);
	int rc = 0;

	if (fd < 0)
		return fd;
	if (valid & FUSE_SET_ATTR_MODE)
		rc = change_mode(view, fd, attr->st_mode);
	if (rc == 0 && valid & (FUSE_SET_ATTR_UID | FUSE_SET_ATTR_GID))
		rc = set_owner(fd, attr, valid);
	if (rc == 0 && valid & FUSE_SET_ATTR_SIZE)
		rc = set_size(view, inode, attr->st_size, fi);
	if (rc == 0 && valid & times)
		rc = set_times(fd, attr, valid);
	/* chowning drops privileges in the lower file system already, whoever does it */
	if (rc == 0 && in->valid & FATTR_SIZE && in->valid & FATTR_KILL_SUIDGID)
		rc = attributes_kill_privileges(req, inode);
	if (rc == 0 && !(in->valid & ~(unsigned int)(FATTR_KILL_SUIDGID | FATTR_CTIME)))
		rc = touch_attributes(req, inode, fd);
	return rc;
}

void op_setattr(fuse_req_t req, fuse_ino_t node, struct stat *attr, int valid,
		struct fuse_file_info *fi)
{
	struct view *view = view_of(req);
	struct inode *inode = node_of(view, node);
	struct stat after = {0};
	struct statx stx;
	int rc = -EROFS;

	if (!inode->own)
		rc = descriptor_with_stat(view, inode, &stx);
	if (rc >= 0)
		rc = judge_file(view, req, ACCESS_WRITE, inode, &stx);
	if (rc == 0)
		rc = set_attributes(req, inode, attr, valid, fi);
	if (rc == 0)
		rc = get_attributes(view, inode, &after);
	reply_attributes(req, inode, rc, &after);
}
