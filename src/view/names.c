/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Making, removing, linking and renaming. Each looks at what lies at the names first, so that the
 * table of inodes follows, and so that a file that loses its name keeps a descriptor while somebody
 * uses it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "view/view-internal.h"

/* The descriptor of a directory in which something is to be changed. */
static int directory_fd(struct view *view, struct inode *dir)
{
	return dir->own ? -EROFS : descriptor_of(view, dir);
}

static int make_special(fuse_req_t req, struct inode *dir, const char *name, mode_t mode,
			dev_t device, struct fuse_entry_param *ret)
{
	struct view *view = view_of(req);
	struct credentials credentials;
	int fd = directory_fd(view, dir);
	int rc = fd < 0 ? fd : judge_special(view, req, mode, dir, name);

	if (rc < 0)
		return rc;
	credentials_enter(req, fuse_req_ctx(req)->umask, &credentials);
	rc = mknodat(fd, name, mode, device) < 0 ? -errno : 0;
	credentials_leave(&credentials);
	return rc < 0 ? rc : lookup_made(view, dir, name, ret);
}

void op_mknod(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, dev_t device)
{
	struct fuse_entry_param entry;

	reply_entry(req,
		    make_special(req, node_of(view_of(req), parent), name, mode, device, &entry),
		    &entry);
}

static int make_directory(fuse_req_t req, struct inode *dir, const char *name, mode_t mode,
			  struct fuse_entry_param *ret)
{
	struct view *view = view_of(req);
	struct credentials credentials;
	int fd = directory_fd(view, dir);
	int rc = fd < 0 ? fd : judge_name(view, req, ACCESS_CREATE, dir, name);

	if (rc < 0)
		return rc;
	credentials_enter(req, fuse_req_ctx(req)->umask, &credentials);
	rc = mkdirat(fd, name, mode) < 0 ? -errno : 0;
	credentials_leave(&credentials);
	return rc < 0 ? rc : lookup_made(view, dir, name, ret);
}

void op_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode)
{
	struct fuse_entry_param entry;

	reply_entry(req, make_directory(req, node_of(view_of(req), parent), name, mode, &entry),
		    &entry);
}

static int make_symlink(fuse_req_t req, const char *target, struct inode *dir, const char *name,
			struct fuse_entry_param *ret)
{
	struct view *view = view_of(req);
	struct credentials credentials;
	int fd = directory_fd(view, dir);
	int rc = fd < 0 ? fd : judge_name(view, req, ACCESS_CREATE, dir, name);

	if (rc < 0)
		return rc;
	credentials_enter(req, 0, &credentials);
	rc = symlinkat(target, fd, name) < 0 ? -errno : 0;
	credentials_leave(&credentials);
	return rc < 0 ? rc : lookup_made(view, dir, name, ret);
}

void op_symlink(fuse_req_t req, const char *target, fuse_ino_t parent, const char *name)
{
	struct fuse_entry_param entry;

	reply_entry(req, make_symlink(req, target, node_of(view_of(req), parent), name, &entry),
		    &entry);
}

static int make_link(fuse_req_t req, struct inode *inode, struct inode *dir, const char *name,
		     struct fuse_entry_param *ret)
{
	struct view *view = view_of(req);
	struct statx stx;
	int dir_fd = directory_fd(view, dir);
	int fd = dir_fd < 0 ? dir_fd : descriptor_with_stat(view, inode, &stx);
	int rc = fd < 0 ? fd : 0;

	if (rc == 0 && inode->key.lower != dir->key.lower)
		rc = -EXDEV;
	if (rc == 0)
		rc = judge_file(view, req, ACCESS_READ, inode, &stx);
	if (rc == 0)
		rc = judge_file(view, req, ACCESS_WRITE, inode, &stx);
	if (rc == 0)
		rc = judge_name(view, req, ACCESS_CREATE, dir, name);
	if (rc < 0)
		return rc;
	if (linkat(fd, "", dir_fd, name, AT_EMPTY_PATH) < 0)
		return -errno;
	/* an overlay copies the file up: its number is another now */
	rc = descriptor_stat(view, inode, &stx);
	if (rc < 0)
		return rc;
	rc = inode_place(&view->inodes, inode, dir, name);
	if (rc < 0)
		return rc;
	lookup_entry(view, inode, &stx, ret);
	return 0;
}

void op_link(fuse_req_t req, fuse_ino_t node, fuse_ino_t parent, const char *name)
{
	struct view *view = view_of(req);
	struct fuse_entry_param entry;

	reply_entry(req, make_link(req, node_of(view, node), node_of(view, parent), name, &entry),
		    &entry);
}

/*
 * What is known of (dir, name): its attributes, and its inode where the kernel may hold that and it
 * is remembered there, else NULL. -EBUSY for a mount point.
 */
static int find_known(struct view *view, struct inode *dir, int dir_fd, const char *name,
		      struct statx *stx, struct inode **ret)
{
	struct inode_key key;

	*ret = NULL;
	if (lower_crossing(view, dir, name))
		return -EBUSY;
	if (statx(dir_fd, name, AT_SYMLINK_NOFOLLOW, DESCRIPTOR_STATX, stx) < 0)
		return -errno;
	statx_key(stx, dir->key.lower, &key);
	*ret = inode_find(&view->inodes, &key);
	return 0;
}

/* The inode is about to lose (dir, name). Without a descriptor it could not be reached any more. */
static void before_removal(struct view *view, struct inode *inode, const struct inode *dir,
			   const char *name)
{
	if (inode && inode_is_at(inode, dir, name))
		(void)descriptor_of(view, inode);
}

static void after_removal(struct view *view, struct inode *inode, const struct inode *dir,
			  const char *name)
{
	if (!inode || !inode_is_at(inode, dir, name))
		return;
	inode_unlink(&view->inodes, inode);
}

static int remove_name(fuse_req_t req, struct inode *dir, const char *name, int flags)
{
	struct view *view = view_of(req);
	struct inode *inode;
	struct statx stx;
	int fd = directory_fd(view, dir);
	int rc = fd < 0 ? fd : find_known(view, dir, fd, name, &stx, &inode);

	if (rc == 0)
		rc = judge_name(view, req, ACCESS_WRITE, dir, name);
	if (rc < 0)
		return rc;
	before_removal(view, inode, dir, name);
	if (unlinkat(fd, name, flags) < 0)
		return -errno;
	after_removal(view, inode, dir, name);
	return 0;
}

void op_unlink(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	(void)fuse_reply_err(req, -remove_name(req, node_of(view_of(req), parent), name, 0));
}

void op_rmdir(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	(void)fuse_reply_err(req,
			     -remove_name(req, node_of(view_of(req), parent), name, AT_REMOVEDIR));
}

struct renaming {
	struct inode *dir, *new_dir;
	const char *name, *new_name;
	struct inode *inode, *replaced; /* what lay there before; NULL: unknown to the kernel */
	bool replaces;
	unsigned int flags;
};

static int judge_rename(struct view *view, fuse_req_t req, const struct renaming *r)
{
	/* What it holds can be read at the new place, so it must be readable here, as for a link.
	 */
	int rc = judge_name(view, req, ACCESS_READ, r->dir, r->name);

	if (rc == 0)
		rc = judge_name(view, req, ACCESS_WRITE, r->dir, r->name);
	if (rc == 0)
		rc = judge_name(view, req, ACCESS_CREATE, r->new_dir, r->new_name);
	if (rc == 0 && r->replaces)
		rc = judge_name(view, req, ACCESS_WRITE, r->new_dir, r->new_name);
	if (rc < 0 || !(r->flags & RENAME_EXCHANGE))
		return rc;
	rc = judge_name(view, req, ACCESS_READ, r->new_dir, r->new_name);
	return rc < 0 ? rc : judge_name(view, req, ACCESS_CREATE, r->dir, r->name);
}

/* The inodes follow to their new places; with EXCHANGE each to the other's. */
static void move_inodes(struct view *view, const struct renaming *r)
{
	bool was_here = r->inode && inode_is_at(r->inode, r->dir, r->name);
	bool exchange = r->flags & RENAME_EXCHANGE;
	struct statx stx;

	if (r->replaced && !exchange && r->replaced != r->inode)
		after_removal(view, r->replaced, r->new_dir, r->new_name);
	if (r->replaced && exchange && inode_is_at(r->replaced, r->new_dir, r->new_name))
		(void)inode_place(&view->inodes, r->replaced, r->dir, r->name);
	if (was_here)
		(void)inode_place(&view->inodes, r->inode, r->new_dir, r->new_name);
	/* an overlay copies up what is renamed: its number is another now */
	if (r->inode && lower_of(view, r->inode)->overlay && r->inode->fd >= 0)
		(void)descriptor_stat(view, r->inode, &stx);
}

static int rename_name(fuse_req_t req, struct renaming *r)
{
	struct view *view = view_of(req);
	struct statx stx;
	int fd = directory_fd(view, r->dir);
	int new_fd = fd < 0 ? fd : directory_fd(view, r->new_dir);
	int rc;

	if (new_fd < 0)
		return new_fd;
	if (r->dir->key.lower != r->new_dir->key.lower)
		return -EXDEV;
	rc = find_known(view, r->dir, fd, r->name, &stx, &r->inode);
	if (rc < 0)
		return rc;
	rc = find_known(view, r->new_dir, new_fd, r->new_name, &stx, &r->replaced);
	if (rc < 0 && rc != -ENOENT)
		return rc;
	r->replaces = rc == 0;
	rc = judge_rename(view, req, r);
	if (rc < 0)
		return rc;
	if (r->inode && lower_of(view, r->dir)->overlay)
		(void)descriptor_of(view, r->inode);
	before_removal(view, r->replaced, r->new_dir, r->new_name);
	if (syscall(SYS_renameat2, fd, r->name, new_fd, r->new_name, r->flags) < 0)
		return -errno;
	move_inodes(view, r);
	return 0;
}

void op_rename(fuse_req_t req, fuse_ino_t parent, const char *name, fuse_ino_t new_parent,
	       const char *new_name, unsigned int flags)
{
	struct view *view = view_of(req);
	struct renaming renaming = {
		.dir = node_of(view, parent),
		.new_dir = node_of(view, new_parent),
		.name = name,
		.new_name = new_name,
		.flags = flags,
	};

	(void)fuse_reply_err(req, -rename_name(req, &renaming));
}
