/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names to files. One statx(2) in the lower file system for each LOOKUP. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "view/view-internal.h"

double keep_time(struct view *view, const struct inode *inode)
{
	if (inode->own)
		return VIEW_KEEP_S;
	if (inode->searchable)
		return 0;
	return lower_of(view, inode)->persistent ? VIEW_KEEP_PERSISTENT_S : VIEW_KEEP_S;
}

double keep_time_of_attributes(struct view *view, const struct inode *inode)
{
	return inode->mappable ? 0 : keep_time(view, inode);
}

/* The file that the attributes in *stx belong to, found or made, and placed at (dir, name). */
static int adopt_found(struct view *view, struct inode *dir, const char *name,
		       const struct statx *stx, struct inode **ret)
{
	struct inode *inode;
	struct inode_key key;
	int rc;

	statx_key(stx, dir->key.lower, &key);
	inode = inode_find(&view->inodes, &key);
	if (inode && inode->type != (stx->stx_mode & S_IFMT)) {
		inode_hide(&view->inodes, inode);
		inode = NULL;
	}
	if (inode && inode->fixed) {
		/* the root of a lower file system keeps its place */
		rc = inode == view->root ? -ELOOP : 0;
	} else if (inode) {
		if (stx->stx_nlink > 1 && !inode_is_at(inode, dir, name))
			inode_keep_place(inode);
		rc = inode_place(&view->inodes, inode, dir, name);
	} else {
		rc = inode_make(&view->inodes, &key, stx->stx_mode, dir, name, &inode);
		if (rc == -ENFILE)
			view->statistics.names_lost++;
	}
	if (rc == 0)
		*ret = inode;
	return rc;
}

int lookup_inode(struct view *view, struct inode *dir, const char *name, struct inode **ret,
		 struct statx *ret_stx)
{
	struct inode *crossing = lower_crossing(view, dir, name);
	int fd;

	if (crossing) {
		int rc = descriptor_stat(view, crossing, ret_stx);

		if (rc == 0)
			*ret = crossing;
		return rc;
	}
	fd = descriptor_of(view, dir);
	if (fd < 0)
		return fd;
	if (statx(fd, name, AT_SYMLINK_NOFOLLOW, DESCRIPTOR_STATX, ret_stx) < 0)
		return -errno;
	return adopt_found(view, dir, name, ret_stx, ret);
}

void lookup_entry(struct view *view, struct inode *inode, const struct statx *stx,
		  struct fuse_entry_param *ret)
{
	inode->lookups++;
	inode->fresh = true;
	*ret = (struct fuse_entry_param){
		.ino = node_number(view, inode),
		.attr_timeout = keep_time_of_attributes(view, inode),
		.entry_timeout = keep_time(view, inode),
	};
	attributes_fill(view, inode, stx, &ret->attr);
}

int lookup_made(struct view *view, struct inode *dir, const char *name,
		struct fuse_entry_param *ret)
{
	struct inode *inode;
	struct statx stx;
	int rc = lookup_inode(view, dir, name, &inode, &stx);

	if (rc < 0)
		return rc;
	lookup_entry(view, inode, &stx, ret);
	return 0;
}

void reply_entry(fuse_req_t req, int rc, const struct fuse_entry_param *entry)
{
	struct view *view = view_of(req);
	fuse_ino_t node = rc == 0 ? entry->ino : 0;

	if (rc < 0) {
		(void)fuse_reply_err(req, -rc);
		return;
	}
	if (fuse_reply_entry(req, entry) < 0 && node)
		inode_forget(&view->inodes, node_of(view, node), 1);
}

static int look_up(struct view *view, struct inode *dir, const char *name,
		   struct fuse_entry_param *ret)
{
	int rc;

	if (dir->own)
		return gate_lookup(view, name, ret);
	rc = lookup_made(view, dir, name, ret);
	if (rc == -ENOENT && !lower_of(view, dir)->persistent) {
		/* node number 0: the kernel remembers that there is no such name */
		*ret = (struct fuse_entry_param){.entry_timeout = VIEW_KEEP_S};
		return 0;
	}
	return rc;
}

void view_hear(struct view *view, const char *prefix, view_word_heard *heard, void *context)
{
	view->word = (struct word){prefix, heard, context};
}

static bool is_word(const struct view *view, const struct inode *dir, const char *name)
{
	const char *prefix = view->word.prefix;

	return prefix && dir == view->root && strncmp(name, prefix, strlen(prefix)) == 0;
}

void op_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct view *view = view_of(req);
	struct fuse_entry_param entry = {0};

	if (is_word(view, node_of(view, parent), name)) {
		const struct word *word = &view->word;

		reply_entry(req,
			    word->heard(word->context, fuse_req_ctx(req)->pid,
					name + strlen(word->prefix)),
			    &entry);
		return;
	}
	reply_entry(req, look_up(view, node_of(view, parent), name, &entry), &entry);
}

static void forget(struct view *view, fuse_ino_t node, uint64_t lookups)
{
	if (node != FUSE_ROOT_ID)
		inode_forget(&view->inodes, node_of(view, node), lookups);
}

void op_forget(fuse_req_t req, fuse_ino_t node, uint64_t lookups)
{
	forget(view_of(req), node, lookups);
	fuse_reply_none(req);
}

void op_forget_multi(fuse_req_t req, size_t count, struct fuse_forget_data *forgets)
{
	for (size_t i = 0; i < count; i++)
		forget(view_of(req), forgets[i].ino, forgets[i].nlookup);
	fuse_reply_none(req);
}

void op_readlink(fuse_req_t req, fuse_ino_t node)
{
	struct view *view = view_of(req);
	struct inode *inode = node_of(view, node);
	struct statx stx;
	ssize_t len = 0;
	int rc = descriptor_stat(view, inode, &stx);

	if (rc == 0) {
		len = inode->fd >= 0 ? readlinkat(inode->fd, "", view->data, VIEW_WRITE_MAX - 1)
				     : readlinkat(inode->parent->fd, inode->name, view->data,
						  VIEW_WRITE_MAX - 1);
		rc = len < 0 ? -errno : 0;
	}
	if (rc < 0) {
		(void)fuse_reply_err(req, -rc);
		return;
	}
	view->data[len] = '\0';
	(void)fuse_reply_readlink(req, view->data);
}

static int stat_fs(struct view *view, struct inode *inode, struct statvfs *ret)
{
	if (inode->own) {
		*ret = (struct statvfs){.f_bsize = 4096, .f_frsize = 4096, .f_namemax = 255};
		return 0;
	}
	return fstatvfs(lower_of(view, inode)->root->fd, ret) < 0 ? -errno : 0;
}

void op_statfs(fuse_req_t req, fuse_ino_t node)
{
	struct view *view = view_of(req);
	struct statvfs fs;
	int rc = stat_fs(view, node_of(view, node), &fs);

	if (rc < 0)
		(void)fuse_reply_err(req, -rc);
	else
		(void)fuse_reply_statfs(req, &fs);
}
