/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The gate: the one file that the view has before it has lower file systems, beside the place where
 * their root appears. Its bytes go to the kernel's cache while the open for execution waits, so
 * that the execution itself needs no requests.
 *
 * Where it shows the file that it stands in for, the kernel's cache may hold that one's bytes. They
 * are replaced before the exec is answered, and nobody may have the gate open then: whoever
 * executes it would go on in the other's bytes, and a page that is being read is locked, so that to
 * replace it would be to wait for oneself.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "view/view-internal.h"

/* What an open file is, fi->fh. */
enum { GATE_ENTRANCE, GATE_USER };

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
	if (view->gate.shown_fd >= 0)
		return;
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

static int store_bytes(struct view *view)
{
	struct fuse_bufvec bytes = FUSE_BUFVEC_INIT(view->gate.len);

	bytes.buf[0].mem = view->gate.bytes;
	return fuse_lowlevel_notify_store(view->session, node_number(view, view->gate.inode), 0,
					  &bytes, 0);
}

/* Nothing comes of a request that was given up meanwhile, no release either. */
static void admit(struct gate *gate, fuse_req_t req)
{
	struct fuse_file_info fi = {.keep_cache = 1, .fh = GATE_USER};

	if (fuse_reply_open(req, &fi) == 0)
		gate->users++;
}

void gate_close(struct view *view, const struct fuse_file_info *fi)
{
	if (fi->fh == GATE_USER && view->gate.users > 0)
		view->gate.users--;
}

void view_gate_show(struct view *view, int fd)
{
	view->gate.shown_fd = fd;
}

int view_gate_pass(struct view *view)
{
	struct gate *gate = &view->gate;
	fuse_req_t req = gate->waiting;

	if (!req || gate->shown_fd < 0)
		return -EACCES;
	gate->waiting = NULL;
	gate->asked = false;
	admit(gate, req);
	return 0;
}

bool view_gate_is_used(const struct view *view)
{
	return view->gate.shown_fd >= 0 && view->gate.users > 0;
}

static void hide(struct gate *gate)
{
	if (gate->shown_fd >= 0)
		close(gate->shown_fd);
	gate->shown_fd = -1;
}

void gate_open(fuse_req_t req, struct fuse_file_info *fi)
{
	struct gate *gate = &view_of(req)->gate;

	if ((fi->flags & O_ACCMODE) != O_RDONLY) {
		(void)fuse_reply_err(req, EROFS);
		return;
	}
	if (!(fi->flags & PROTOCOL_FMODE_EXEC)) {
		if (gate->waiting && gate->shown_fd >= 0)
			(void)fuse_reply_err(req, EACCES);
		else
			admit(gate, req);
		return;
	}
	/* One exec goes through the gate: another would run what nobody has wrapped. */
	if (gate->asked) {
		(void)fuse_reply_err(req, EACCES);
		return;
	}
	gate->asked = true;
	gate->waiting = req;
	gate->opened(gate->context, fuse_req_ctx(req)->pid);
}

/* From here on it is husk-launch's bytes that are executed. */
static int let_through(struct view *view)
{
	struct gate *gate = &view->gate;
	bool shown = gate->shown_fd >= 0;
	int rc;

	if (shown && gate->users > 0)
		return -ETXTBSY;
	hide(gate);
	/* others that look at it read the same bytes, and the kernel may be at it */
	if (gate->users > 0)
		return 0;
	rc = store_bytes(view);
	return shown && rc < 0 ? rc : 0; /* else the kernel asks for what it lacks */
}

void view_gate_answer(struct view *view, int result)
{
	struct fuse_file_info fi = {.keep_cache = 1, .fh = GATE_ENTRANCE};
	fuse_req_t req = view->gate.waiting;

	view->gate.waiting = NULL;
	if (!req)
		return;
	view->gate.asked = result >= 0;
	if (result < 0) {
		(void)fuse_reply_err(req, -result);
		return;
	}
	result = let_through(view);
	if (result < 0)
		(void)fuse_reply_err(req, -result);
	else
		(void)fuse_reply_open(req, &fi);
}

static void read_shown(fuse_req_t req, size_t size, off_t offset)
{
	struct view *view = view_of(req);
	ssize_t got;

	if (size > VIEW_WRITE_MAX)
		size = VIEW_WRITE_MAX;
	got = pread(view->gate.shown_fd, view->data, size, offset);
	if (got < 0)
		(void)fuse_reply_err(req, errno);
	else
		(void)fuse_reply_buf(req, view->data, (size_t)got);
}

void gate_read(fuse_req_t req, size_t size, off_t offset)
{
	const struct gate *gate = &view_of(req)->gate;

	if (gate->shown_fd >= 0) {
		read_shown(req, size, offset);
		return;
	}
	if (offset < 0 || (size_t)offset >= gate->len)
		size = 0;
	else if (size > gate->len - (size_t)offset)
		size = gate->len - (size_t)offset;
	(void)fuse_reply_buf(req, size ? gate->bytes + offset : NULL, size);
}

void gate_release(struct view *view)
{
	view_gate_answer(view, -EIO);
	hide(&view->gate);
	free(view->gate.bytes);
	view->gate.bytes = NULL;
}
