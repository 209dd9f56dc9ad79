/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One directory after the other, from a list of those that wait, so that depth costs no stack. The
 * tree does not change meanwhile: it lies on a mount that is read-only in the container, whose
 * first process waits.
 */
#include "wrap/native-scan.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/hash.h"
#include "base/text.h"
#include "policy/guard.h"

/* Linux 5.8; include/uapi/linux/stat.h. */
#ifndef STATX_ATTR_MOUNT_ROOT
#define STATX_ATTR_MOUNT_ROOT 0x00002000
#endif

struct scan {
	int root_fd;
	const struct native_rule *rule;
	struct native_holes *holes;
	struct buf *seen;
	char **waiting; /* directories to look through */
	size_t waiting_count, waiting_room;
	size_t names;
	uint32_t uses;
	const char *why;
};

void native_holes_release(struct native_holes *holes)
{
	for (size_t i = 0; i < holes->count; i++)
		free(holes->paths[i]);
	free(holes->paths);
	*holes = (struct native_holes){0};
}

int native_holes_add(struct native_holes *holes, const char *path)
{
	for (size_t i = 0; i < holes->count; i++) {
		if (path_lies_in(path, holes->paths[i]))
			return 0;
	}
	if (holes->count == NATIVE_HOLES_MAX)
		return -E2BIG;
	if (!holes->paths)
		holes->paths = calloc(NATIVE_HOLES_MAX, sizeof(*holes->paths));
	if (!holes->paths)
		return -ENOMEM;
	holes->paths[holes->count] = strdup(path);
	return holes->paths[holes->count] ? (holes->count++, 0) : -ENOMEM;
}

static int refuse(struct scan *scan, int result, const char *why)
{
	scan->why = why;
	return result;
}

static int add_hole(struct scan *scan, const char *path)
{
	int r = native_holes_add(scan->holes, path);

	return r < 0 ? refuse(scan, r, r == -E2BIG ? "too many programs in it" : "out of memory")
		     : 0;
}

static int wait_for(struct scan *scan, const char *path)
{
	if (scan->waiting_count == scan->waiting_room) {
		size_t room = scan->waiting_room ? scan->waiting_room * 2 : 64;
		char **grown = reallocarray(scan->waiting, room, sizeof(*grown));

		if (!grown)
			return refuse(scan, -ENOMEM, "out of memory");
		scan->waiting = grown;
		scan->waiting_room = room;
	}
	scan->waiting[scan->waiting_count] = strdup(path);
	if (!scan->waiting[scan->waiting_count])
		return refuse(scan, -ENOMEM, "out of memory");
	scan->waiting_count++;
	return 0;
}

static bool is_guarded(const char *path, enum access access)
{
	const struct behaviour b = {
		.domain = DOMAIN_FS,
		.access = access,
		.program = "",
		.key = path,
		.flags = BEHAVIOUR_IMAGE,
	};
	const char *reason;

	return guard_of(&b, &reason) != GUARD_NONE;
}

static int64_t changed_ns(const struct statx *stx)
{
	return stx->stx_ctime.tv_sec * INT64_C(1000000000) + stx->stx_ctime.tv_nsec;
}

/* The group's bits also say what an access control list gives at most, acl(5). */
static bool can_change(const struct native_rule *rule, const struct statx *stx)
{
	return rule->writer != NATIVE_READONLY &&
	       (stx->stx_uid == rule->writer || stx->stx_mode & 022);
}

/* *ret_program: this is a program in the directory `fd`. */
static int look_at(struct scan *scan, int fd, const char *path, const char *name, bool *ret_program)
{
	struct statx stx;

	*ret_program = false;
	if (statx(fd, name, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT,
		  STATX_TYPE | STATX_MODE | STATX_UID | STATX_CTIME, &stx) < 0)
		return refuse(scan, -errno, "it cannot be looked through");
	if (changed_ns(&stx) >= scan->rule->started_ns)
		return refuse(scan, -EBUSY, "it was changed while the container was started");
	if (S_ISLNK(stx.stx_mode))
		return 0;
	if (can_change(scan->rule, &stx))
		return refuse(scan, -EROFS, "the function may change something in it");
	/* a mount here is the gate, over the entry point, or one that somebody else looks after */
	if (stx.stx_attributes & STATX_ATTR_MOUNT_ROOT)
		return add_hole(scan, path);
	if (S_ISDIR(stx.stx_mode))
		return is_guarded(path, ACCESS_LIST) ? add_hole(scan, path) : wait_for(scan, path);
	if (!S_ISREG(stx.stx_mode) || is_guarded(path, ACCESS_READ))
		return add_hole(scan, path);
	*ret_program = stx.stx_mode & 0111;
	return 0;
}

/* Takes back what was found in a directory: it is a hole as a whole. */
static int close_directory(struct scan *scan, const char *path, size_t holes, size_t waiting)
{
	while (scan->waiting_count > waiting)
		free(scan->waiting[--scan->waiting_count]);
	while (scan->holes->count > holes)
		free(scan->holes->paths[--scan->holes->count]);
	return add_hole(scan, path);
}

static int open_directory(int root_fd, const char *path)
{
	struct open_how how = {
		.flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV,
	};
	long fd = syscall(SYS_openat2, root_fd, path + 1, &how, sizeof(how));

	return fd < 0 ? -errno : (int)fd;
}

static const char *why_not_opened(int error)
{
	return error == -EXDEV ? "something is mounted on the way to it or in it"
	       : error == -ELOOP || error == -ENOTDIR || error == -ENOENT
		       ? "it is no directory of the image"
		       : "it cannot be looked through";
}

#define LIKENESS_ROOM 17

/* What tells a directory from itself as it was. Inode numbers do not: an overlay has others each
 * time that it is mounted. */
static int describe(int dir_fd, const char *name, char out[LIKENESS_ROOM], struct statx *ret)
{
	const unsigned int mask = STATX_TYPE | STATX_MODE | STATX_UID | STATX_NLINK | STATX_SIZE |
				  STATX_CTIME | STATX_MTIME;
	uint64_t parts[8];

	if (statx(dir_fd, name, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, mask, ret) <
	    0)
		return -errno;
	parts[0] = ret->stx_mode;
	parts[1] = ret->stx_uid;
	parts[2] = ret->stx_nlink;
	parts[3] = ret->stx_size;
	parts[4] = (uint64_t)ret->stx_ctime.tv_sec;
	parts[5] = ret->stx_ctime.tv_nsec;
	parts[6] = (uint64_t)ret->stx_mtime.tv_sec;
	parts[7] = ret->stx_mtime.tv_nsec;
	snprintf(out, LIKENESS_ROOM, "%016llx",
		 (unsigned long long)hash64_mix(hash64_add(HASH64_INIT, parts, sizeof(parts))));
	return 0;
}

static int note_seen(struct scan *scan, int dir_fd, const char *path)
{
	char likeness[LIKENESS_ROOM];
	struct statx stx;
	int r = describe(dir_fd, "", likeness, &stx);

	if (r < 0)
		return refuse(scan, r, "it cannot be looked through");
	if (changed_ns(&stx) >= scan->rule->started_ns)
		return refuse(scan, -EBUSY, "it was changed while the container was started");
	buf_add(scan->seen, path, strlen(path) + 1);
	buf_add(scan->seen, likeness, sizeof(likeness));
	return 0;
}

static int look_through(struct scan *scan, const char *path, bool is_tree)
{
	int dir_fd = open_directory(scan->root_fd, path);
	cleanup_dir DIR *dir = dir_fd < 0 ? NULL : fdopendir(dir_fd);
	size_t holes = scan->holes->count, waiting = scan->waiting_count, programs = 0;
	const struct dirent *entry;
	char child[PATH_MAX];
	int r;

	if (dir_fd < 0)
		return refuse(scan, dir_fd, why_not_opened(dir_fd));
	if (!dir) {
		close(dir_fd);
		return refuse(scan, -ENOMEM, "out of memory");
	}
	r = note_seen(scan, dir_fd, path);
	if (r < 0)
		return r;
	while ((entry = readdir(dir))) {
		bool program;

		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		if (entry->d_type == DT_LNK)
			continue; /* what it leads to is looked at where it lies */
		if (++scan->names > NATIVE_NAMES_MAX)
			return refuse(scan, -E2BIG, "it is too large to be looked through");
		if (snprintf(child, sizeof(child), "%s/%s", path, entry->d_name) >= PATH_MAX)
			return refuse(scan, -ENAMETOOLONG, "a path in it is too long");
		r = look_at(scan, dir_fd, child, entry->d_name, &program);
		if (r == 0 && program && ++programs > NATIVE_PROGRAMS_MAX)
			return is_tree ? refuse(scan, -E2BIG, "too many programs in it")
				       : close_directory(scan, path, holes, waiting);
		if (r == 0 && program)
			r = add_hole(scan, child);
		if (r < 0)
			return r;
	}
	return 0;
}

static int stay_worth_it(struct scan *scan)
{
	uint64_t cost = (uint64_t)scan->names * NATIVE_COST_NAME +
			(uint64_t)scan->holes->count * NATIVE_COST_HOLE;

	return cost < (uint64_t)scan->uses * NATIVE_SAVED_BY_USE
		       ? 0
		       : refuse(scan, -EDOM, "to look through it costs more than it saves");
}

/* Who may rename a directory above a tree leads a later denial in it elsewhere: it goes by path. */
static int look_above(int root_fd, const struct native_rule *rule, const char *path,
		      const char **ret_why)
{
	char above[PATH_MAX];

	for (const char *end = path; end; end = strchr(end + 1, '/')) {
		struct statx stx;

		(void)snprintf(above, sizeof(above), ".%.*s", (int)(end - path), path);
		if (statx(root_fd, above, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT,
			  STATX_MODE | STATX_UID, &stx) < 0) {
			*ret_why = "it is no directory of the image";
			return -errno;
		}
		if (can_change(rule, &stx)) {
			*ret_why = "the function may change a directory above it";
			return -EROFS;
		}
	}
	return 0;
}

bool native_scan_holds(int root_fd, const char *path, const struct native_rule *rule,
		       const struct buf *seen)
{
	cleanup_close int fd = open_directory(root_fd, path);
	const char *why, *at = seen->bytes, *end = at + seen->len;
	size_t len = strlen(path);

	if (fd < 0 || look_above(root_fd, rule, path, &why) < 0)
		return false;
	while (at < end) {
		const char *likeness = at + strlen(at) + 1, *in_it = at + len;
		char now[LIKENESS_ROOM];
		struct statx stx;

		if (describe(fd, *in_it ? in_it + 1 : in_it, now, &stx) < 0 ||
		    !S_ISDIR(stx.stx_mode) || strcmp(now, likeness) != 0 ||
		    (*in_it && stx.stx_attributes & STATX_ATTR_MOUNT_ROOT))
			return false;
		at = likeness + strlen(likeness) + 1;
	}
	return true;
}

int native_scan(int root_fd, const char *path, uint32_t uses, const struct native_rule *rule,
		struct native_holes *holes, struct buf *seen, const char **ret_why)
{
	struct scan scan = {
		.root_fd = root_fd,
		.uses = uses,
		.rule = rule,
		.holes = holes,
		.seen = seen,
	};
	int r = look_above(root_fd, rule, path, &scan.why);

	if (r == 0)
		r = look_through(&scan, path, true);
	if (r == 0)
		r = stay_worth_it(&scan);
	while (r == 0 && scan.waiting_count > 0) {
		char *next = scan.waiting[--scan.waiting_count];

		r = look_through(&scan, next, false);
		free(next);
		if (r == 0)
			r = stay_worth_it(&scan);
	}
	while (scan.waiting_count > 0)
		free(scan.waiting[--scan.waiting_count]);
	free(scan.waiting);
	if (r == 0 && seen->error)
		r = refuse(&scan, -ENOMEM, "out of memory");
	if (r < 0)
		*ret_why = scan.why;
	return r;
}
