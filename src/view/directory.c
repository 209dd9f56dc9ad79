/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Listing. The positions that the kernel sees are those of the lower file system, so telldir(3) and
 * seekdir(3) work. A handle is a descriptor, or none where they are short: a position needs no
 * more. What one getdents64(2) brought and a reply did not take is read again.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "view/view-internal.h"

/* struct linux_dirent64, getdents(2). */
struct record {
	uint64_t ino;
	int64_t next;
	uint16_t len;
	uint8_t type;
	char name[];
};

/* The upper half of view->data takes the records, the lower one the reply. */
enum { DIRECTORY_HALF = VIEW_WRITE_MAX / 2, RECORDS_MIN = 1024 };

static int open_lower(struct view *view, struct inode *inode, int flags)
{
	int fd = descriptor_of(view, inode);

	if (fd < 0)
		return fd;
	fd = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC | flags);
	return fd < 0 ? -errno : fd;
}

/* The handle's descriptor, or one for a single request. */
static int borrow_directory(struct view *view, struct inode *inode, uint64_t handle,
			    struct borrowed *ret)
{
	int fd = handle_fd(handle);

	*ret = (struct borrowed){.fd = fd};
	if (fd < 0) {
		fd = open_lower(view, inode, 0);
		if (fd < 0)
			return fd;
		*ret = (struct borrowed){.fd = fd, .own = true};
	}
	return 0;
}

static int open_directory(fuse_req_t req, struct inode *inode, struct fuse_file_info *fi)
{
	struct view *view = view_of(req);
	struct statx stx;
	int fd = inode->own ? -EACCES : descriptor_with_stat(view, inode, &stx);
	int rc = fd < 0 ? fd : judge_file(view, req, ACCESS_LIST, inode, &stx);

	if (rc < 0)
		return rc;
	fd = open_lower(view, inode, fi->flags & O_NOATIME);
	if (fd < 0)
		return fd;
	if (descriptors_short(view)) {
		close(fd);
		fd = -1;
	} else {
		view->descriptors++;
	}
	fi->fh = fd < 0 ? 0 : handle_of(fd);
	if (!lower_of(view, inode)->persistent) {
		fi->cache_readdir = 1;
		fi->keep_cache = 1;
	}
	return 0;
}

void op_opendir(fuse_req_t req, fuse_ino_t node, struct fuse_file_info *fi)
{
	struct view *view = view_of(req);
	int rc = open_directory(req, node_of(view, node), fi);

	if (rc < 0)
		(void)fuse_reply_err(req, -rc);
	else if (fuse_reply_open(req, fi) < 0)
		descriptor_close(view, handle_fd(fi->fh));
}

/* Adds one entry to the reply. Returns its size, more than `room` where it does not fit. */
static size_t add_plain(fuse_req_t req, struct inode *dir, const struct record *record, char *out,
			size_t room)
{
	struct view *view = view_of(req);
	struct stat attr = {
		.st_ino = lower_number(view, dir->key.dev, record->ino),
		.st_mode = DTTOIF(record->type),
	};

	return fuse_add_direntry(req, out, room, record->name, &attr, record->next);
}

static size_t add_with_attributes(fuse_req_t req, struct inode *dir, const struct record *record,
				  char *out, size_t room)
{
	struct view *view = view_of(req);
	struct fuse_entry_param entry = {0};
	bool dots = strcmp(record->name, ".") == 0 || strcmp(record->name, "..") == 0;
	size_t size;

	/* a table that is nearly full is kept for what programs ask for by name */
	if (!dots && view->inodes.count < view->prune_at)
		(void)lookup_made(view, dir, record->name, &entry);
	if (!entry.ino) {
		entry.attr.st_ino = lower_number(view, dir->key.dev, record->ino);
		entry.attr.st_mode = DTTOIF(record->type);
	}
	size = fuse_add_direntry_plus(req, out, room, record->name, &entry, record->next);
	if (size > room && entry.ino)
		inode_forget(&view->inodes, node_of(view, entry.ino), 1);
	return size;
}

typedef size_t add_entry(fuse_req_t req, struct inode *dir, const struct record *record, char *out,
			 size_t room);

/* Fills the reply from position `offset` on. Returns its size or -errno. */
static ssize_t read_directory(fuse_req_t req, struct inode *dir, int fd, size_t room, off_t offset,
			      add_entry *add, size_t ask)
{
	struct view *view = view_of(req);
	char *records = view->data + DIRECTORY_HALF;
	size_t used = 0;

	if (lseek(fd, offset, SEEK_SET) < 0)
		return -errno;
	for (;;) {
		long got = syscall(SYS_getdents64, fd, records, ask);

		if (got < 0)
			return used ? (ssize_t)used : -errno;
		if (got == 0)
			return (ssize_t)used;
		for (long at = 0; at < got;) {
			const struct record *record = (const void *)(records + at);
			size_t size = add(req, dir, record, view->data + used, room - used);

			if (size > room - used)
				return (ssize_t)used;
			used += size;
			at += record->len;
		}
	}
}

static void reply_directory(fuse_req_t req, fuse_ino_t node, uint64_t handle, size_t size,
			    off_t offset, add_entry *add, size_t share)
{
	size_t room = size < DIRECTORY_HALF ? size : DIRECTORY_HALF;
	size_t ask = room / share > RECORDS_MIN ? room / share : RECORDS_MIN;
	struct inode *inode = node_of(view_of(req), node);
	struct borrowed dir;
	ssize_t used = borrow_directory(view_of(req), inode, handle, &dir);

	if (used == 0) {
		used = read_directory(req, inode, dir.fd, room, offset, add, ask);
		handle_return(&dir);
	}
	if (used < 0)
		(void)fuse_reply_err(req, (int)-used);
	else
		(void)fuse_reply_buf(req, view_of(req)->data, (size_t)used);
}

void op_readdir(fuse_req_t req, fuse_ino_t node, size_t size, off_t offset,
		struct fuse_file_info *fi)
{
	/* a record of the reply is at most a quarter larger than one of getdents64(2) */
	reply_directory(req, node, fi->fh, size, offset, add_plain, 1);
}

void op_readdirplus(fuse_req_t req, fuse_ino_t node, size_t size, off_t offset,
		    struct fuse_file_info *fi)
{
	/* here one is some five times as large, and each costs a statx(2) */
	reply_directory(req, node, fi->fh, size, offset, add_with_attributes, 5);
}

void op_releasedir(fuse_req_t req, fuse_ino_t node, struct fuse_file_info *fi)
{
	descriptor_close(view_of(req), handle_fd(fi->fh));
	(void)fuse_reply_err(req, 0);
}

void op_fsyncdir(fuse_req_t req, fuse_ino_t node, int datasync, struct fuse_file_info *fi)
{
	struct view *view = view_of(req);
	struct borrowed dir;
	int rc = borrow_directory(view, node_of(view, node), fi->fh, &dir);

	if (rc == 0) {
		rc = (datasync ? fdatasync(dir.fd) : fsync(dir.fd)) < 0 ? -errno : 0;
		handle_return(&dir);
	}
	(void)fuse_reply_err(req, -rc);
}
