/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is done with open files, where the kernel does not do it alone. */
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "view/view-internal.h"

#define COPY_AT_ONCE ((size_t)1024 * 1024)

void op_read(fuse_req_t req, fuse_ino_t node, size_t size, off_t offset, struct fuse_file_info *fi)
{
	struct view *view = view_of(req);
	struct inode *inode = node_of(view, node);
	struct borrowed file;
	ssize_t got;
	int rc;

	if (inode == view->gate.inode) {
		gate_read(req, size, offset);
		return;
	}
	if (size > VIEW_WRITE_MAX)
		size = VIEW_WRITE_MAX;
	rc = handle_borrow(view, inode, fi->fh, O_RDONLY, &file);
	if (rc < 0) {
		(void)fuse_reply_err(req, -rc);
		return;
	}
	got = pread(file.fd, view->data, size, offset);
	rc = errno;
	handle_return(&file);
	if (got < 0)
		(void)fuse_reply_err(req, rc);
	else
		(void)fuse_reply_buf(req, view->data, (size_t)got);
}

static ssize_t write_file(fuse_req_t req, struct inode *inode, const char *bytes, size_t size,
			  off_t offset, const struct fuse_file_info *fi)
{
	struct view *view = view_of(req);
	const struct fuse_write_in *in = request_arguments(view);
	struct borrowed file;
	ssize_t done;
	int rc = handle_borrow(view, inode, fi->fh, O_WRONLY | O_NONBLOCK, &file);

	if (rc < 0)
		return rc;
	done = pwrite(file.fd, bytes, size, offset);
	if (done < 0)
		done = -errno;
	else if (in->write_flags & FUSE_WRITE_KILL_SUIDGID)
		(void)attributes_kill_privileges(req, inode);
	handle_return(&file);
	return done;
}

void op_write(fuse_req_t req, fuse_ino_t node, const char *bytes, size_t size, off_t offset,
	      struct fuse_file_info *fi)
{
	struct view *view = view_of(req);
	ssize_t done = write_file(req, node_of(view, node), bytes, size, offset, fi);

	if (done < 0)
		(void)fuse_reply_err(req, (int)-done);
	else
		(void)fuse_reply_write(req, (size_t)done);
}

void op_fsync(fuse_req_t req, fuse_ino_t node, int datasync, struct fuse_file_info *fi)
{
	struct view *view = view_of(req);
	struct borrowed file;
	int rc = handle_borrow(view, node_of(view, node), fi->fh, O_RDONLY, &file);

	if (rc == 0) {
		rc = (datasync ? fdatasync(file.fd) : fsync(file.fd)) < 0 ? -errno : 0;
		handle_return(&file);
	}
	(void)fuse_reply_err(req, -rc);
}

void op_fallocate(fuse_req_t req, fuse_ino_t node, int mode, off_t offset, off_t length,
		  struct fuse_file_info *fi)
{
	struct view *view = view_of(req);
	struct borrowed file;
	int rc = handle_borrow(view, node_of(view, node), fi->fh, O_WRONLY | O_NONBLOCK, &file);

	if (rc == 0) {
		rc = fallocate(file.fd, mode, offset, length) < 0 ? -errno : 0;
		handle_return(&file);
	}
	(void)fuse_reply_err(req, -rc);
}

void op_lseek(fuse_req_t req, fuse_ino_t node, off_t offset, int whence, struct fuse_file_info *fi)
{
	struct view *view = view_of(req);
	struct borrowed file;
	off_t at = 0;
	int rc = handle_borrow(view, node_of(view, node), fi->fh, O_RDONLY, &file);

	if (rc == 0) {
		at = lseek(file.fd, offset, whence);
		rc = at < 0 ? -errno : 0;
		handle_return(&file);
	}
	if (rc < 0)
		(void)fuse_reply_err(req, -rc);
	else
		(void)fuse_reply_lseek(req, at);
}

static ssize_t copy_range(struct view *view, struct inode *from, uint64_t from_handle,
			  off_t from_at, struct inode *to, uint64_t to_handle, off_t to_at,
			  size_t len)
{
	struct borrowed in, out;
	ssize_t done;
	int rc = handle_borrow(view, from, from_handle, O_RDONLY, &in);

	if (rc < 0)
		return rc;
	rc = handle_borrow(view, to, to_handle, O_WRONLY | O_NONBLOCK, &out);
	if (rc < 0) {
		handle_return(&in);
		return rc;
	}
	/* one request must not hold up the others: the kernel takes a short copy and goes on */
	if (len > COPY_AT_ONCE)
		len = COPY_AT_ONCE;
	done = copy_file_range(in.fd, &from_at, out.fd, &to_at, len, 0);
	if (done < 0)
		done = -errno;
	handle_return(&in);
	handle_return(&out);
	return done;
}

void op_copy_file_range(fuse_req_t req, fuse_ino_t node_in, off_t offset_in,
			struct fuse_file_info *fi_in, fuse_ino_t node_out, off_t offset_out,
			struct fuse_file_info *fi_out, size_t len, int flags)
{
	struct view *view = view_of(req);
	ssize_t done = copy_range(view, node_of(view, node_in), fi_in->fh, offset_in,
				  node_of(view, node_out), fi_out->fh, offset_out, len);

	if (done < 0)
		(void)fuse_reply_err(req, (int)-done);
	else
		(void)fuse_reply_write(req, (size_t)done);
}
