/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Opening, creating, closing. A file that is opened for reading and passed through needs no
 * descriptor here. One that is opened for writing is really opened once, so that the lower file
 * system can refuse (immutable, busy, append-only, read-only) or copy it up; that descriptor
 * becomes the handle.
 */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "view/view-internal.h"

int handle_borrow(struct view *view, struct inode *inode, uint64_t handle, int flags,
		  struct borrowed *ret)
{
	int fd = handle_fd(handle);

	if (fd < 0) {
		fd = descriptor_reopen(view, inode, flags);
		if (fd < 0)
			return fd;
		*ret = (struct borrowed){.fd = fd, .own = true};
		return 0;
	}
	*ret = (struct borrowed){.fd = fd};
	return 0;
}

void handle_return(struct borrowed *borrowed)
{
	if (borrowed->own)
		close(borrowed->fd);
	borrowed->own = false;
}

/* What is asked of the judge: execution alone, or what the access mode and O_TRUNC say. */
static int judge_open(struct view *view, fuse_req_t req, struct inode *inode,
		      const struct statx *stx, int flags)
{
	int access = flags & O_ACCMODE;
	int rc = 0;

	if (flags & PROTOCOL_FMODE_EXEC)
		return judge_exec(view, req, inode, stx);
	if (access != O_WRONLY)
		rc = judge_file(view, req, ACCESS_READ, inode, stx);
	if (rc == 0 && (access != O_RDONLY || flags & O_TRUNC))
		rc = judge_file(view, req, ACCESS_WRITE, inode, stx);
	return rc;
}

static bool writes(int flags)
{
	return (flags & O_ACCMODE) != O_RDONLY || flags & O_TRUNC;
}

static bool has_privileges(mode_t mode)
{
	return mode & (S_ISUID | S_ISGID);
}

/*
 * The descriptor for the handle, opened with the caller's flags, or -1 where none is needed yet.
 * O_NONBLOCK: a lease that somebody holds on the lower file must not stop the view.
 */
static int open_for_handle(fuse_req_t req, struct inode *inode, int flags, bool kill, int *ret)
{
	struct view *view = view_of(req);
	int own = (flags & (O_ACCMODE | O_TRUNC | O_APPEND | O_DIRECT | O_NOATIME | O_SYNC)) |
		  O_NONBLOCK;
	bool passing = view->passes && inode->mode != INODE_CACHED;
	int fd;
	int rc;

	if (passing && !writes(flags) && !(flags & O_DIRECT)) {
		*ret = -1;
		return 0;
	}
	fd = descriptor_reopen(view, inode, own);
	if (fd < 0)
		return fd;
	/*
	 * Were only for the lower file system to agree: the kernel says where an append goes, and
	 * the bytes of a request are not aligned as O_DIRECT wants them.
	 */
	(void)fcntl(fd, F_SETFL, 0);
	rc = kill && flags & O_TRUNC ? attributes_kill_privileges(req, inode) : 0;
	if (rc == 0)
		rc = descriptor_charge(view);
	if (rc < 0) {
		close(fd);
		return rc;
	}
	*ret = fd;
	return 0;
}

/*
 * Is each close of the file to be told, since a process may have locked it? Else locks end with the
 * last close of an open file. Not what nobody changes, nor what is made to be written once, as
 * tar(1) does: who locks such files opens them to read and write, or what is there.
 */
static bool is_for_locks(const struct view *view, const struct inode *inode, int flags,
			 const struct statx *stx)
{
	if (!writes(flags))
		return !judge_is_image(view, inode, stx);
	return (flags & (O_ACCMODE | O_EXCL)) != (O_WRONLY | O_EXCL);
}

/*
 * A file that is passed through and open to read and write may be mapped. What is written there the
 * kernel does not see happen to the view's file, nor does it tell when the mapping ends, which may
 * be long after the last close. So from now on it asks for attributes each time.
 */
static void expect_mapping(struct view *view, struct inode *inode)
{
	if (inode->mappable)
		return;
	inode->mappable = true;
	if (inode->lookups > 0)
		(void)fuse_lowlevel_notify_inval_inode(view->session, node_number(view, inode), -1,
						       0);
}

/* Where locks are shared, open files are told apart by their handle, so no two are the same. */
static uint64_t make_handle(struct view *view, int fd)
{
	if (fd >= 0)
		return handle_of(fd);
	if (!view->shares_locks)
		return 0;
	return (uint64_t)(HANDLE_NUMBERED | ++view->handles) << 32;
}

/* Chooses how the kernel serves the file that is open as `fd` (-1: only by its O_PATH descriptor).
 */
static int finish_open(struct view *view, struct inode *inode, int *fd, int flags,
		       const struct statx *stx, struct protocol_open_out *ret)
{
	bool avoid = writes(flags) && has_privileges(stx->stx_mode);
	int source = *fd >= 0 ? *fd : inode->fd;
	enum inode_mode how = passthrough_open(view, inode, source, avoid);

	*ret = (struct protocol_open_out){0};
	if (how == INODE_PASSED) {
		ret->open_flags = PROTOCOL_OPEN_PASSTHROUGH;
		ret->backing_id = inode->backing;
		if ((flags & O_ACCMODE) == O_RDWR)
			expect_mapping(view, inode);
	} else {
		if (*fd < 0) {
			*fd = descriptor_reopen(view, inode, O_RDONLY | (flags & O_NOATIME));
			if (*fd >= 0 && descriptor_charge(view) < 0) {
				close(*fd);
				*fd = -ENFILE;
			}
			if (*fd < 0) {
				passthrough_release(view, inode);
				return *fd;
			}
		}
		/* what the kernel cached is right unless it was written past the cache */
		if (!view->passes && !lower_of(view, inode)->persistent)
			ret->open_flags = FOPEN_KEEP_CACHE;
	}
	if (view->shares_locks && !is_for_locks(view, inode, flags, stx))
		ret->open_flags |= FOPEN_NOFLUSH;
	/* it saves opening the file for one request or all of them: not where they are short */
	if (descriptors_short(view)) {
		descriptor_close(view, *fd);
		*fd = -1;
	}
	ret->fh = make_handle(view, *fd);
	return 0;
}

/*
 * In a volume, the kernel believes in a name for a moment that the host may have given to another
 * file meanwhile. Then it is to look the name up again: -ESTALE. Where the file is opened by no
 * name but through /proc, it asks once more, and gets the file.
 */
static int check_name(struct view *view, struct inode *inode)
{
	struct inode_key key;
	struct statx stx;
	int fd;

	if (!lower_of(view, inode)->persistent || inode->unlinked || inode->fixed)
		return 0;
	fd = descriptor_of(view, inode->parent);
	if (fd < 0)
		return fd;
	if (statx(fd, inode->name, AT_SYMLINK_NOFOLLOW, DESCRIPTOR_STATX, &stx) == 0) {
		statx_key(&stx, inode->key.lower, &key);
		if (inode_find(&view->inodes, &key) == inode)
			return 0;
	}
	/* else nothing would lead there any more */
	if (descriptor_of(view, inode) >= 0)
		inode_unlink(&view->inodes, inode);
	return -ESTALE;
}

static int open_file(struct view *view, fuse_req_t req, struct inode *inode, int flags,
		     struct protocol_open_out *ret)
{
	const struct fuse_open_in *in = request_arguments(view);
	struct statx stx;
	int handle = -1;
	int fd = descriptor_with_stat(view, inode, &stx);
	int rc = fd < 0 ? fd : check_name(view, inode);

	if (rc == 0)
		rc = judge_open(view, req, inode, &stx, flags);

	if (rc == 0)
		rc = open_for_handle(req, inode, flags, in->open_flags & FUSE_OPEN_KILL_SUIDGID,
				     &handle);
	if (rc == 0 && writes(flags) && lower_of(view, inode)->overlay)
		rc = descriptor_stat(view, inode, &stx);
	if (rc == 0)
		rc = finish_open(view, inode, &handle, flags, &stx, ret);
	if (rc < 0)
		descriptor_close(view, handle);
	else if (flags & PROTOCOL_FMODE_EXEC)
		ret->fh = (uint32_t)ret->fh | (uint64_t)view->openings << 32;
	return rc;
}

static void release(struct view *view, struct inode *inode, uint64_t handle)
{
	if (handle_opening(handle) && view->options.exec_closed)
		view->options.exec_closed(view->options.context, handle_opening(handle));
	descriptor_close(view, handle_fd(handle));
	passthrough_release(view, inode);
	locks_release(view, inode, handle);
}

void op_open(fuse_req_t req, fuse_ino_t node, struct fuse_file_info *fi)
{
	struct view *view = view_of(req);
	struct inode *inode = node_of(view, node);
	struct protocol_open_out out;
	int rc;

	if (inode == view->gate.inode) {
		gate_open(req, fi);
		return;
	}
	rc = open_file(view, req, inode, fi->flags, &out);
	if (rc < 0)
		(void)fuse_reply_err(req, -rc);
	else if (fuse_reply_buf(req, (const char *)&out, sizeof(out)) < 0)
		release(view, inode, out.fh);
}

void op_release(fuse_req_t req, fuse_ino_t node, struct fuse_file_info *fi)
{
	struct view *view = view_of(req);
	struct inode *inode = node_of(view, node);

	if (inode == view->gate.inode)
		gate_close(view, fi);
	else
		release(view, inode, fi->fh);
	(void)fuse_reply_err(req, 0);
}

struct made {
	struct fuse_entry_out entry;
	struct protocol_open_out open;
};

/* As libfuse does for fuse_reply_create(), which knows no backing id. */
static void fill_entry(const struct fuse_entry_param *entry, struct fuse_entry_out *ret)
{
	const struct stat *attr = &entry->attr;

	*ret = (struct fuse_entry_out){
		.nodeid = entry->ino,
		.entry_valid = (uint64_t)entry->entry_timeout,
		.attr_valid = (uint64_t)entry->attr_timeout,
	};
	ret->attr = (struct fuse_attr){
		.ino = attr->st_ino,
		.size = (uint64_t)attr->st_size,
		.blocks = (uint64_t)attr->st_blocks,
		.atime = (uint64_t)attr->st_atim.tv_sec,
		.mtime = (uint64_t)attr->st_mtim.tv_sec,
		.ctime = (uint64_t)attr->st_ctim.tv_sec,
		.atimensec = (uint32_t)attr->st_atim.tv_nsec,
		.mtimensec = (uint32_t)attr->st_mtim.tv_nsec,
		.ctimensec = (uint32_t)attr->st_ctim.tv_nsec,
		.mode = attr->st_mode,
		.nlink = (uint32_t)attr->st_nlink,
		.uid = attr->st_uid,
		.gid = attr->st_gid,
		.rdev = (uint32_t)attr->st_rdev,
		.blksize = (uint32_t)attr->st_blksize,
	};
}

/*
 * The new file is open as `fd`, owned from now on. Where the name is NULL the file has none
 * (O_TMPFILE): then an O_PATH descriptor of it is the only way there.
 */
static int adopt_made(struct view *view, struct inode *dir, const char *name, int fd, int flags,
		      struct made *ret)
{
	struct fuse_entry_param entry;
	struct inode *inode = NULL;
	struct inode_key key;
	struct statx stx;
	int rc = descriptor_charge(view);

	if (rc < 0) {
		close(fd);
		return rc;
	}
	if (statx(fd, "", AT_EMPTY_PATH, DESCRIPTOR_STATX, &stx) < 0)
		rc = -errno;
	if (rc == 0) {
		statx_key(&stx, dir->key.lower, &key);
		inode = inode_find(&view->inodes, &key);
		if (inode) {
			/* the number of a file that somebody else removed */
			inode_hide(&view->inodes, inode);
			inode = NULL;
		}
		rc = inode_make(&view->inodes, &key, stx.stx_mode, dir, name ? name : "", &inode);
		if (rc == -ENFILE)
			view->statistics.names_lost++;
	}
	if (rc == 0 && !name) {
		inode_unlink(&view->inodes, inode);
		descriptor_adopt(view, inode, fcntl(fd, F_DUPFD_CLOEXEC, 0));
		rc = inode->fd < 0 ? -ENFILE : 0;
	}
	if (rc == 0)
		rc = finish_open(view, inode, &fd, flags, &stx, &ret->open);
	if (rc == 0 && fd >= 0 && flags & O_DIRECT)
		(void)fcntl(fd, F_SETFL, 0);
	if (rc < 0) {
		descriptor_close(view, fd);
		if (inode)
			inode_forget(&view->inodes, inode, 0);
		return rc;
	}
	lookup_entry(view, inode, &stx, &entry);
	fill_entry(&entry, &ret->entry);
	return 0;
}

static int create_file(struct view *view, fuse_req_t req, struct inode *dir, const char *name,
		       mode_t mode, int flags, struct made *ret)
{
	int own = flags & (O_ACCMODE | O_DIRECT | O_NOATIME | O_SYNC);
	struct credentials credentials;
	int dir_fd = dir->own ? -EROFS : descriptor_of(view, dir);
	int fd;
	int rc;

	if (dir_fd < 0)
		return dir_fd;
	rc = judge_name(view, req, ACCESS_CREATE, dir, name);
	if (rc < 0)
		return rc;
	credentials_enter(req, fuse_req_ctx(req)->umask, &credentials);
	if (name)
		fd = openat(dir_fd, name, own | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
	else
		fd = openat(dir_fd, ".", own | O_TMPFILE | (flags & O_EXCL) | O_CLOEXEC, mode);
	credentials_leave(&credentials);
	if (fd < 0) {
		/* made from outside meanwhile: the kernel looks again, then opens what is there */
		return errno == EEXIST && !(flags & O_EXCL) ? -ESTALE : -errno;
	}
	return adopt_made(view, dir, name, fd, flags, ret);
}

static void reply_made(fuse_req_t req, int rc, const struct made *made)
{
	struct view *view = view_of(req);

	if (rc < 0) {
		(void)fuse_reply_err(req, -rc);
	} else if (fuse_reply_buf(req, (const char *)made, sizeof(*made)) < 0) {
		struct inode *inode = node_of(view, made->entry.nodeid);

		release(view, inode, made->open.fh);
		inode_forget(&view->inodes, inode, 1);
	}
}

void op_create(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode,
	       struct fuse_file_info *fi)
{
	struct view *view = view_of(req);
	struct inode *dir = node_of(view, parent);
	struct made made;
	int rc;

	if (view->opcode == FUSE_TMPFILE)
		name = NULL;
	rc = create_file(view, req, dir, name, mode, fi->flags, &made);
	reply_made(req, rc, &made);
}
