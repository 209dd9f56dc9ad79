/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The gate: the one file that the view has before it has lower file systems, beside the place where
 * their root appears. Its bytes go to the
 * kernel's cache while the open for execution waits, so that the execution itself needs no
 * requests.
 */
#include <errno.h>
#include <string.h>

#include "view/view-internal.h"

int view_set_gate(struct view *view, void *bytes, size_t len, const struct stat *like,
		  view_gate_opened *opened, void *context)
{
	struct gate *gate = &view->gate;
	const struct inode_key key = {.ino = like->st_ino, .lower = UINT32_MAX};
	int rc = -EBUSY;

	if (!gate->inode)
		rc = inode_make(&view->inodes, &key, S_IFREG, view->top, VIEW_GATE, &gate->inode);
	if (rc < 0) {
		free(bytes);
		return rc;
	}
	gate->bytes = bytes;
	gate->inode->fixed = true;
	gate->inode->own = true;
	gate->len = len;
	gate->stat = *like;
	gate->opened = opened;
	gate->context = context;
	return 0;
}

void gate_stat(const struct view *view, struct stat *ret)
{
	*ret = view->gate.stat;
	ret->st_mode = S_IFREG | (view->gate.stat.st_mode & 07777);
	ret->st_nlink = 1;
	ret->st_size = (off_t)view->gate.len;
	ret->st_blocks = (blkcnt_t)((view->gate.len + 511) / 512);
}

int gate_lookup(struct view *view, const char *name, struct fuse_entry_param *ret)
{
	struct inode *inode = view->gate.inode;
	struct statx stx;
	int rc;

	if (view->lower_count && strcmp(name, VIEW_ROOT) == 0) {
		rc = descriptor_stat(view, view->root, &stx);
		if (rc == 0)
			lookup_entry(view, view->root, &stx, ret);
		return rc;
	}
	if (!inode || strcmp(name, VIEW_GATE) != 0)
		return -ENOENT;
	inode->lookups++;
	/* the attributes stay; the name is bound over the entry point, and not asked for again */
	*ret = (struct fuse_entry_param){
		.ino = node_number(view, inode),
		.attr_timeout = VIEW_KEEP_S,
	};
	gate_stat(view, &ret->attr);
	return 0;
}

static void store_bytes(struct view *view)
{
	struct fuse_bufvec bytes = FUSE_BUFVEC_INIT(view->gate.len);

	bytes.buf[0].mem = view->gate.bytes;
	(void)fuse_lowlevel_notify_store(view->session, node_number(view, view->gate.inode), 0,
					 &bytes, 0);
}

void gate_open(fuse_req_t req, struct fuse_file_info *fi)
{
	struct gate *gate = &view_of(req)->gate;

	if ((fi->flags & O_ACCMODE) != O_RDONLY) {
		(void)fuse_reply_err(req, EROFS);
		return;
	}
	if (!(fi->flags & PROTOCOL_FMODE_EXEC)) {
		fi->keep_cache = 1;
		(void)fuse_reply_open(req, fi);
		return;
	}
	/* One exec goes through the gate: another would run what nobody has wrapped. */
	if (gate->asked) {
		(void)fuse_reply_err(req, EACCES);
		return;
	}
	gate->asked = true;
	gate->waiting = req;
	store_bytes(view_of(req));
	gate->opened(gate->context, fuse_req_ctx(req)->pid);
}

void view_gate_answer(struct view *view, int result)
{
	struct fuse_file_info fi = {.keep_cache = 1};
	fuse_req_t req = view->gate.waiting;

	view->gate.waiting = NULL;
	if (!req)
		return;
	view->gate.asked = result >= 0;
	if (result < 0)
		(void)fuse_reply_err(req, -result);
	else
		(void)fuse_reply_open(req, &fi);
}

void gate_read(fuse_req_t req, size_t size, off_t offset)
{
	const struct gate *gate = &view_of(req)->gate;

	if (offset < 0 || (size_t)offset >= gate->len)
		size = 0;
	else if (size > gate->len - (size_t)offset)
		size = gate->len - (size_t)offset;
	(void)fuse_reply_buf(req, size ? gate->bytes + offset : NULL, size);
}

void gate_release(struct view *view)
{
	view_gate_answer(view, -EIO);
	free(view->gate.bytes);
	view->gate.bytes = NULL;
}
