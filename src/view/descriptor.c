/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The O_PATH descriptors of inodes. Most files need none: a file is reached by its directory's
 * descriptor and its name, which only the view changes. Directories get one when something in them
 * is asked for, files when they are opened or changed. Those that can be had again are closed,
 * oldest first, when there are too many: by name where only the view changes that, else by a
 * handle. A file whose name is gone, and which nothing but its descriptor holds, keeps that until
 * it is forgotten.
 *
 * Whatever is opened again is compared with what the kernel knows (device, number, time of birth).
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "view/view-internal.h"

enum {
	DESCRIPTORS_RESERVE = 64,    /* for the rest of the process */
	DESCRIPTORS_IDLE_MAX = 4096, /* each costs the kernel some 300 bytes */
	CLIMB_MAX = 64,
	LOOK_MAX = 16, /* how many are looked at where nothing is short yet */
};

/*
 * The soft limit becomes the hard one. Then the table of descriptors is made as large as the idle
 * ones need, at once: a table that grows while the process has threads waits for an RCU grace
 * period, tens of milliseconds (expand_fdtable() in the kernel's fs/file.c).
 */
void descriptors_init(struct view *view)
{
	struct rlimit limit = {0};
	size_t max = 1024;
	int last;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &limit);
		if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
			max = limit.rlim_cur > 1 << 20 ? 1 << 20 : (size_t)limit.rlim_cur;
	}
	view->descriptors_max = max / 2;
	if (max / 2 > DESCRIPTORS_RESERVE)
		view->descriptors_max = max - DESCRIPTORS_RESERVE;
	view->idle_max = view->descriptors_max / 2;
	if (view->idle_max > DESCRIPTORS_IDLE_MAX)
		view->idle_max = DESCRIPTORS_IDLE_MAX;
	last = fcntl(view->fd, F_DUPFD_CLOEXEC, (int)view->idle_max);
	if (last >= 0)
		close(last);
}

static void list_remove(struct view *view, struct inode *inode)
{
	if (inode->older)
		inode->older->newer = inode->newer;
	else if (view->oldest == inode)
		view->oldest = inode->newer;
	else
		return; /* not in the list */
	if (inode->newer)
		inode->newer->older = inode->older;
	else
		view->newest = inode->older;
	inode->older = NULL;
	inode->newer = NULL;
	view->idle--;
}

static void list_append(struct view *view, struct inode *inode)
{
	inode->older = view->newest;
	inode->newer = NULL;
	if (view->newest)
		view->newest->newer = inode;
	else
		view->oldest = inode;
	view->newest = inode;
	view->idle++;
}

static void close_descriptor(struct view *view, struct inode *inode)
{
	/* an id for passthrough outlives the descriptor that it was made from where open files use
	 * it, or where it is all that keeps the file */
	if (inode->mode != INODE_PASSED && !inode->unlinked)
		passthrough_close(view, inode);
	close(inode->fd);
	inode->fd = -1;
	view->descriptors--;
}

/*
 * Not one of this request. One without a name needs somebody else that keeps the file: the kernel
 * does, by the id for passthrough. A name in a volume is enough only for files that are not open,
 * or where there is no other way (`by_name`).
 */
static bool may_close(struct view *view, struct inode *inode, bool by_name)
{
	if (inode->used == view->tick)
		return false;
	if (inode->unlinked)
		return inode->backing && file_handle_take(view, inode) == 0;
	if (!lower_of(view, inode)->persistent)
		return true;
	return file_handle_take(view, inode) == 0 || !inode->opens || by_name;
}

/*
 * Closes the descriptor that was idle for longest, of `count` that are looked at. Returns false
 * where none of those may be closed.
 */
static bool close_oldest(struct view *view, size_t count, bool by_name)
{
	struct inode *inode = view->oldest;

	for (; inode && count > 0; count--) {
		struct inode *next = inode->newer;

		list_remove(view, inode);
		if (may_close(view, inode, by_name)) {
			close_descriptor(view, inode);
			return true;
		}
		list_append(view, inode);
		inode = next;
	}
	return false;
}

static bool close_any(struct view *view)
{
	return close_oldest(view, view->idle, false) || close_oldest(view, view->idle, true);
}

int descriptor_charge(struct view *view)
{
	while (view->descriptors >= view->descriptors_max) {
		if (!close_any(view)) {
			view->statistics.names_lost++;
			return -ENFILE;
		}
	}
	view->descriptors++;
	return 0;
}

bool descriptors_short(const struct view *view)
{
	return view->descriptors > view->descriptors_max / 2;
}

void descriptor_close(struct view *view, int fd)
{
	if (fd < 0)
		return;
	close(fd);
	view->descriptors--;
}

void descriptor_adopt(struct view *view, struct inode *inode, int fd)
{
	if (inode->fd >= 0) {
		close(fd);
		return;
	}
	if (descriptor_charge(view) < 0) {
		close(fd);
		return;
	}
	inode->fd = fd;
	inode->used = view->tick;
	if (inode->fixed)
		return;
	list_append(view, inode);
	if (view->idle > view->idle_max)
		(void)close_oldest(view, LOOK_MAX, false);
}

void descriptor_drop(void *context, struct inode *inode)
{
	struct view *view = context;

	passthrough_close(view, inode);
	if (inode->fd < 0)
		return;
	list_remove(view, inode);
	close_descriptor(view, inode);
}

static int open_by_name(struct view *view, struct inode *inode)
{
	int flags = O_PATH | O_NOFOLLOW | O_CLOEXEC;
	int fd;

	if (inode->unlinked || !inode->parent)
		return -ESTALE;
	fd = openat(inode->parent->fd, inode->name, flags);
	if (fd < 0 && (errno == EMFILE || errno == ENFILE) && close_any(view))
		fd = openat(inode->parent->fd, inode->name, flags);
	if (fd < 0)
		return errno == ENOENT || errno == ENOTDIR ? -ESTALE : -errno;
	return fd;
}

/* By its handle, or else by its name in the parent, which is open then. */
static int open_again(struct view *view, struct inode *inode, struct statx *ret)
{
	int fd = inode->handle ? file_handle_open(view, inode) : open_by_name(view, inode);
	struct inode_key key;
	int rc = 0;

	if (fd < 0)
		return fd;
	if (statx(fd, "", AT_EMPTY_PATH, DESCRIPTOR_STATX, ret) < 0)
		rc = -errno;
	statx_key(ret, inode->key.lower, &key);
	if (rc == 0 && (key.ino != inode->key.ino || key.dev != inode->key.dev ||
			key.birth != inode->key.birth))
		rc = -ESTALE;
	if (rc < 0) {
		close(fd);
		return rc;
	}
	descriptor_adopt(view, inode, fd);
	return inode->fd < 0 ? -ENFILE : 0;
}

/*
 * Opens the directories that are closed on the way to a name, from the top, or from one that has a
 * handle; a bounded number of them a round.
 */
static int open_parents(struct view *view, struct inode *inode)
{
	if (inode->handle)
		return 0;
	while (inode->parent && inode->parent->fd < 0) {
		struct inode *way[CLIMB_MAX];
		size_t count = 0;
		struct inode *dir = inode->parent;

		for (; dir && dir->fd < 0; dir = dir->parent) {
			way[count++ % CLIMB_MAX] = dir;
			if (dir->handle)
				break;
		}
		for (size_t i = 0; i < count && i < CLIMB_MAX; i++) {
			struct statx stx;
			int rc = open_again(view, way[(count - 1 - i) % CLIMB_MAX], &stx);

			if (rc < 0)
				return rc;
		}
	}
	if (inode->parent)
		inode->parent->used = view->tick;
	return 0;
}

static void touch(struct view *view, struct inode *inode)
{
	inode->used = view->tick;
	if (inode->newer) {
		list_remove(view, inode);
		list_append(view, inode);
	}
}

int descriptor_of(struct view *view, struct inode *inode)
{
	struct statx stx;
	int rc;

	touch(view, inode);
	if (inode->fd >= 0)
		return inode->fd;
	rc = open_parents(view, inode);
	if (rc == 0)
		rc = open_again(view, inode, &stx);
	return rc < 0 ? rc : inode->fd;
}

int descriptor_with_stat(struct view *view, struct inode *inode, struct statx *ret)
{
	int rc;

	touch(view, inode);
	if (inode->fd >= 0) {
		rc = descriptor_stat(view, inode, ret);
	} else {
		rc = open_parents(view, inode);
		if (rc == 0)
			rc = open_again(view, inode, ret);
	}
	return rc < 0 ? rc : inode->fd;
}

int descriptor_stat(struct view *view, struct inode *inode, struct statx *ret)
{
	struct inode_key key;
	int rc;

	if (inode->fd >= 0) {
		if (statx(inode->fd, "", AT_EMPTY_PATH, DESCRIPTOR_STATX, ret) < 0)
			return -errno;
		attributes_follow(view, inode, ret);
		return 0;
	}
	if (inode->handle) {
		rc = descriptor_with_stat(view, inode, ret);
		return rc < 0 ? rc : 0;
	}
	if (inode->unlinked || !inode->parent)
		return -ESTALE;
	rc = descriptor_of(view, inode->parent);
	if (rc < 0)
		return rc;
	if (statx(rc, inode->name, AT_SYMLINK_NOFOLLOW, DESCRIPTOR_STATX, ret) < 0)
		return errno == ENOENT || errno == ENOTDIR ? -ESTALE : -errno;
	statx_key(ret, inode->key.lower, &key);
	if (key.ino != inode->key.ino || key.dev != inode->key.dev || key.birth != inode->key.birth)
		return -ESTALE;
	return 0;
}

void descriptor_name(int fd, char out[DESCRIPTOR_NAME_MAX])
{
	(void)snprintf(out, DESCRIPTOR_NAME_MAX, "%d", fd);
}

int descriptor_reopen(struct view *view, struct inode *inode, int flags)
{
	char name[DESCRIPTOR_NAME_MAX];
	int fd = descriptor_of(view, inode);

	if (fd < 0)
		return fd;
	descriptor_name(fd, name);
	/* O_NOFOLLOW would refuse the link of /proc itself; what it leads to is the file, never a
	 * name */
	fd = openat(view->proc_fd, name, (flags & ~(O_NOFOLLOW | O_CREAT | O_EXCL)) | O_CLOEXEC);
	if (fd < 0 && (errno == EMFILE || errno == ENFILE) && close_any(view))
		fd = openat(view->proc_fd, name,
			    (flags & ~(O_NOFOLLOW | O_CREAT | O_EXCL)) | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}
