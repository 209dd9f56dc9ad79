/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Locks on files that others lock too: the host, or another container with the same volume. Each
 * owner of locks (a process, or an open file) has a description of its own in the lower file
 * system, and its locks are that one's, of the kind that belongs to descriptions (F_OFD_SETLK in
 * fcntl(2)). So they exclude whatever the lower file system's other users hold.
 *
 * Who waits is answered later: with each lock that is given back here it is tried again, and, since
 * nobody tells when the host gives one back, every WAIT_MS.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "view/view-internal.h"

enum { WAIT_MS = 20, WAITERS_MAX = 1024, FDINFO_MAX = 4 * 1024 * 1024 };

enum lock_kind { LOCK_RANGES, LOCK_WHOLE }; /* fcntl(2), flock(2) */

struct lock_owner {
	struct lock_owner *next;
	struct inode *inode; /* open, so it stays */
	uint64_t owner;	     /* the kernel's number for it */
	uint64_t handle;     /* through which it locked last */
	pid_t pid;
	int fd;
	enum lock_kind kind;
};

struct lock_wish {
	struct inode *inode;
	uint64_t owner, handle;
	enum lock_kind kind;
	struct flock range; /* LOCK_RANGES; l_pid is whose wish it is */
	int operation;	    /* LOCK_WHOLE, without LOCK_NB */
};

struct lock_waiter {
	struct lock_waiter *next;
	fuse_req_t req;
	uint64_t unique; /* of the request */
	struct lock_wish wish;
};

static struct lock_owner **find_owner(struct view *view, const struct lock_wish *wish)
{
	struct lock_owner **at = &view->lock_owners;

	while (*at && ((*at)->inode != wish->inode || (*at)->owner != wish->owner ||
		       (*at)->kind != wish->kind))
		at = &(*at)->next;
	return at;
}

static void remove_owner(struct view *view, struct lock_owner **at)
{
	struct lock_owner *owner = *at;

	*at = owner->next;
	descriptor_close(view, owner->fd);
	free(owner);
}

/* Reading is enough for all but a write lock; an overlay would copy up what is opened to write. */
static int open_description(struct view *view, struct inode *inode, bool writes)
{
	int rc = descriptor_charge(view);
	int fd;

	if (rc < 0)
		return -ENOLCK;
	fd = descriptor_reopen(view, inode, (writes ? O_RDWR : O_RDONLY) | O_NONBLOCK);
	if (fd < 0)
		view->descriptors--;
	return fd;
}

static int make_owner(struct view *view, const struct lock_wish *wish, bool writes,
		      struct lock_owner **ret)
{
	struct lock_owner *owner = calloc(1, sizeof(*owner));
	int fd;

	if (!owner)
		return -ENOLCK;
	fd = open_description(view, wish->inode, writes);
	if (fd < 0) {
		free(owner);
		return fd;
	}
	*owner = (struct lock_owner){
		.next = view->lock_owners,
		.inode = wish->inode,
		.owner = wish->owner,
		.kind = wish->kind,
		.fd = fd,
	};
	view->lock_owners = owner;
	*ret = owner;
	return 0;
}

/*
 * The lock that a line of /proc/PID/fdinfo/FD tells of, which ends in its first and last byte:
 * "lock:  1: OFDLCK ADVISORY READ -1 fe:00:12 0 EOF". Returns false where it is another line.
 */
static bool parse_read_lock(char *line, struct flock *ret)
{
	char *last = strrchr(line, ' ');
	char *first;

	if (strncmp(line, "lock:", strlen("lock:")) != 0 || !strstr(line, " READ ") || !last)
		return false;
	*last++ = '\0';
	first = strrchr(line, ' ');
	if (!first)
		return false;
	*ret = (struct flock){.l_type = F_RDLCK, .l_start = strtoll(first, NULL, 10)};
	if (strcmp(last, "EOF") != 0)
		ret->l_len = strtoll(last, NULL, 10) - ret->l_start + 1;
	return true;
}

/*
 * Locks to read what `from` has locked, which is open to read alone, by `to` too. Nobody can be in
 * the way: a lock to write there would be in the way of the one that is held.
 */
static int take_over_locks(int from, int to)
{
	cleanup_free char *info = NULL;
	struct error error = ERROR_INIT;
	struct flock range;
	char path[32];
	char *next;
	size_t len;

	(void)snprintf(path, sizeof(path), "self/fdinfo/%d", from);
	if (read_file_at(AT_FDCWD, path, FDINFO_MAX, &info, &len, &error) < 0)
		return -ENOLCK;
	for (char *line = info; *line; line = next) {
		next = strchrnul(line, '\n');
		if (*next)
			*next++ = '\0';
		if (parse_read_lock(line, &range) && fcntl(to, F_OFD_SETLK, &range) < 0)
			return -errno;
	}
	return 0;
}

/* A description to lock for writing takes the place of one to read, with all its locks. */
static int open_to_write(struct view *view, struct lock_owner *owner)
{
	int fd;
	int rc;

	if ((fcntl(owner->fd, F_GETFL) & O_ACCMODE) == O_RDWR)
		return 0;
	fd = open_description(view, owner->inode, true);
	if (fd < 0)
		return fd;
	rc = take_over_locks(owner->fd, fd);
	if (rc < 0) {
		descriptor_close(view, fd);
		return rc;
	}
	descriptor_close(view, owner->fd);
	owner->fd = fd;
	return 0;
}

/*
 * Who gets a lock looks at what the one before has done: size and times that the kernel kept from
 * before are none.
 */
static void forget_attributes(struct view *view, struct inode *inode)
{
	if (lower_of(view, inode)->persistent)
		(void)fuse_lowlevel_notify_inval_inode(view->session, node_number(view, inode), -1,
						       0);
}

/* Tries to do what is wished. Returns 0, -EAGAIN where others are in the way, or other -errno. */
static int try_lock(struct view *view, const struct lock_wish *wish)
{
	bool unlock = wish->kind == LOCK_WHOLE ? wish->operation == LOCK_UN
					       : wish->range.l_type == F_UNLCK;
	bool writes = wish->kind == LOCK_RANGES && wish->range.l_type == F_WRLCK;
	struct lock_owner *owner = *find_owner(view, wish);
	struct flock range = wish->range;
	int rc = 0;

	if (!owner && unlock)
		return 0;
	if (!owner)
		rc = make_owner(view, wish, writes, &owner);
	else if (writes)
		rc = open_to_write(view, owner);
	if (rc < 0)
		return rc;
	owner->handle = wish->handle;
	if (!unlock) /* the kernel does not tell who unlocks */
		owner->pid = wish->range.l_pid;
	range.l_pid = 0;
	rc = wish->kind == LOCK_WHOLE ? flock(owner->fd, wish->operation | LOCK_NB)
				      : fcntl(owner->fd, F_OFD_SETLK, &range);
	if (rc < 0)
		return -errno;
	if (!unlock)
		forget_attributes(view, wish->inode);
	return 0;
}

static void retry(struct view *view)
{
	struct lock_waiter **at = &view->lock_waiters;

	while (*at) {
		struct lock_waiter *waiter = *at;
		int rc = try_lock(view, &waiter->wish);

		if (rc == -EAGAIN) {
			at = &waiter->next;
			continue;
		}
		*at = waiter->next;
		(void)fuse_reply_err(waiter->req, -rc);
		free(waiter);
	}
}

void locks_look(struct view *view)
{
	int64_t now_ns = clock_monotonic_ns();

	if (now_ns - view->lock_looked_ns < WAIT_MS * INT64_C(1000000))
		return;
	view->lock_looked_ns = now_ns;
	retry(view);
}

int view_wait_ms(const struct view *view)
{
	return view->lock_waiters ? WAIT_MS : -1;
}

bool locks_interrupt(struct view *view, uint64_t unique)
{
	for (struct lock_waiter **at = &view->lock_waiters; *at; at = &(*at)->next) {
		struct lock_waiter *waiter = *at;

		if (waiter->unique != unique)
			continue;
		*at = waiter->next;
		(void)fuse_reply_err(waiter->req, EINTR);
		free(waiter);
		return true;
	}
	return false;
}

static int wait_for(struct view *view, fuse_req_t req, const struct lock_wish *wish)
{
	const struct fuse_in_header *header = (const void *)view->request;
	struct lock_waiter **end = &view->lock_waiters;
	struct lock_waiter *waiter;
	size_t count = 0;

	for (; *end; end = &(*end)->next)
		count++;
	waiter = count < WAITERS_MAX ? calloc(1, sizeof(*waiter)) : NULL;
	if (!waiter)
		return -ENOLCK;
	*waiter = (struct lock_waiter){.req = req, .unique = header->unique, .wish = *wish};
	*end = waiter;
	return 0;
}

/* Answers now, or, where `waits`, once the lock is free. */
static void lock(fuse_req_t req, const struct lock_wish *wish, bool waits, bool frees)
{
	struct view *view = view_of(req);
	int rc = try_lock(view, wish);

	if (rc == -EAGAIN && waits) {
		rc = wait_for(view, req, wish);
		if (rc == 0)
			return;
	}
	(void)fuse_reply_err(req, -rc);
	if (frees)
		retry(view);
}

void op_setlk(fuse_req_t req, fuse_ino_t node, struct fuse_file_info *fi, struct flock *range,
	      int sleeps)
{
	const struct lock_wish wish = {
		.inode = node_of(view_of(req), node),
		.owner = fi->lock_owner,
		.handle = fi->fh,
		.kind = LOCK_RANGES,
		.range = *range,
	};

	lock(req, &wish, sleeps, range->l_type != F_WRLCK);
}

void op_flock(fuse_req_t req, fuse_ino_t node, struct fuse_file_info *fi, int operation)
{
	const struct lock_wish wish = {
		.inode = node_of(view_of(req), node),
		.owner = fi->lock_owner,
		.handle = fi->fh,
		.kind = LOCK_WHOLE,
		.operation = operation & ~LOCK_NB,
	};

	lock(req, &wish, !(operation & LOCK_NB), wish.operation != LOCK_EX);
}

/*
 * Whose lock is in the way, if it is one of this view's: who would not meet it. A process meets
 * none of its own, so what it meets of itself is a description's, which is no process's.
 */
static pid_t holder_of(fuse_req_t req, const struct lock_wish *wish, const struct flock *held)
{
	struct view *view = view_of(req);

	for (struct lock_owner *owner = view->lock_owners; owner; owner = owner->next) {
		struct flock met = {
			.l_type = F_WRLCK, .l_start = held->l_start, .l_len = held->l_len};

		if (owner->inode != wish->inode || owner->kind != LOCK_RANGES ||
		    owner->owner == wish->owner)
			continue;
		if (fcntl(owner->fd, F_OFD_GETLK, &met) == 0 &&
		    (met.l_type != held->l_type || met.l_start != held->l_start ||
		     met.l_len != held->l_len))
			return owner->pid == credentials_process(req) ? -1 : owner->pid;
	}
	return held->l_pid;
}

static int find_conflict(fuse_req_t req, const struct lock_wish *wish, struct flock *range)
{
	struct view *view = view_of(req);
	struct lock_owner *owner = *find_owner(view, wish);
	int fd = owner ? owner->fd : descriptor_reopen(view, wish->inode, O_RDONLY | O_NONBLOCK);
	int rc;

	if (fd < 0)
		return fd;
	range->l_pid = 0;
	rc = fcntl(fd, F_OFD_GETLK, range) < 0 ? -errno : 0;
	if (!owner)
		close(fd);
	if (rc == 0 && range->l_type != F_UNLCK)
		range->l_pid = holder_of(req, wish, range);
	return rc;
}

void op_getlk(fuse_req_t req, fuse_ino_t node, struct fuse_file_info *fi, struct flock *range)
{
	struct view *view = view_of(req);
	const struct lock_wish wish = {
		.inode = node_of(view, node),
		.owner = fi->lock_owner,
		.kind = LOCK_RANGES,
	};
	int rc = find_conflict(req, &wish, range);

	if (rc < 0)
		(void)fuse_reply_err(req, -rc);
	else
		(void)fuse_reply_lock(req, range);
}

/* A process closes the file: its locks on ranges end, whichever open file they came by. */
void op_flush(fuse_req_t req, fuse_ino_t node, struct fuse_file_info *fi)
{
	struct view *view = view_of(req);
	const struct lock_wish wish = {
		.inode = node_of(view, node),
		.owner = fi->lock_owner,
		.kind = LOCK_RANGES,
	};
	struct lock_owner **at = find_owner(view, &wish);

	if (!view->shares_locks) {
		(void)fuse_reply_err(req, ENOSYS);
		return;
	}
	if (*at)
		remove_owner(view, at);
	(void)fuse_reply_err(req, 0);
	retry(view);
}

void locks_release(struct view *view, struct inode *inode, uint64_t handle)
{
	struct lock_owner **at = &view->lock_owners;

	if (!*at)
		return;
	while (*at) {
		if ((*at)->inode == inode && (!inode->opens || (handle && (*at)->handle == handle)))
			remove_owner(view, at);
		else
			at = &(*at)->next;
	}
	retry(view);
}

void locks_end(struct view *view)
{
	while (view->lock_waiters)
		(void)locks_interrupt(view, view->lock_waiters->unique);
	while (view->lock_owners)
		remove_owner(view, &view->lock_owners);
}
