/* SPDX-License-Identifier: GPL-2.0-or-later */
/* In the container's mount namespace: where a path leads, and the volume that is attached there. */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "wrap/meet-internal.h"
#include "wrap/mount.h"

/* One end of a path: what it is, and on which mount. */
struct place {
	int fd; /* O_PATH */
	uint64_t mount;
	dev_t device;
	mode_t mode;
	bool is_top; /* the root of that mount */
};

static int examine(struct place *place)
{
	struct statx at;

	if (statx(place->fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_TYPE | STATX_MNT_ID,
		  &at) < 0)
		return -errno;
	place->mount = at.stx_mnt_id;
	place->mode = at.stx_mode;
	place->device = makedev(at.stx_dev_major, at.stx_dev_minor);
	place->is_top = at.stx_attributes & STATX_ATTR_MOUNT_ROOT;
	return at.stx_mask & STATX_MNT_ID ? 0 : -EOPNOTSUPP;
}

/* Opens the directory of the thread's in /proc that `name` says. */
static int open_base(const struct helper *helper, const char *name, struct place *ret)
{
	char path[64];

	snprintf(path, sizeof(path), "%d/%s", (int)helper->meeting->thread, name);
	ret->fd = openat(helper->proc_fd, path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return ret->fd < 0 ? -errno : examine(ret);
}

/* Splits the path of a socket that is to be made; returns its name in `directory`, of as many bytes
 * as the path. */
static const char *split(const char *path, char *directory)
{
	const char *slash = strrchr(path, '/');
	size_t len = slash ? (size_t)(slash - path) : 0;

	memcpy(directory, path, len);
	memcpy(directory + len, slash ? "/" : ".", 2);
	return slash ? slash + 1 : path;
}

/* As the kernel will find it for the thread, but for links of /proc, which are the reader's. */
static int resolve(const struct place *base, const char *path, struct place *ret)
{
	struct open_how how = {
		.flags = O_PATH | O_CLOEXEC,
		.resolve = RESOLVE_NO_MAGICLINKS | (path[0] == '/' ? RESOLVE_IN_ROOT : 0),
	};

	ret->fd = (int)syscall(SYS_openat2, base->fd, path, &how, sizeof(how));
	return ret->fd < 0 ? -errno : examine(ret);
}

/* Writes the path of an open file in the container, whose root is this thread's. */
static int path_of(const struct helper *helper, int fd, const char *name, char *out)
{
	char link[64];
	ssize_t len;
	int more;

	snprintf(link, sizeof(link), "thread-self/fd/%d", fd);
	len = readlinkat(helper->proc_fd, link, out, PATH_MAX - 1);
	if (len <= 0)
		return -ENOENT;
	out[len] = '\0';
	if (!name)
		return 0;
	more = snprintf(out + len, (size_t)(PATH_MAX - len), "%s%s", out[len - 1] == '/' ? "" : "/",
			name);
	return more < 0 || more >= PATH_MAX - len ? -ENAMETOOLONG : 0;
}

/* Is it where the view put it? Names of a first process that entered a root of its own begin there;
 * what the view has does not. */
static bool is_in_place(const struct mountinfo_entry *entry, const struct meeting_volume *volume)
{
	return strcmp(entry->point, volume->point) == 0 && entry->root[0] == '/' &&
	       strncmp(entry->root + 1, VIEW_ROOT, sizeof(VIEW_ROOT) - 1) == 0 &&
	       strcmp(entry->root + sizeof(VIEW_ROOT), volume->point) == 0;
}

/* The volume whose mount by the view is `mount`, -1: none that may be attached, now or later.
 * *ret_holds: something is mounted in it. */
static ssize_t find_volume(struct helper *helper, uint64_t mount, bool *ret_holds)
{
	const struct meeting_question *question = helper->meeting;
	cleanup_mountinfo struct mountinfo mounts = {0};
	const struct mountinfo_entry *entry = NULL;

	*ret_holds = false;
	if (helper_read_mounts(helper, &mounts) < 0)
		return -1;
	for (size_t i = 0; i < mounts.n_entries; i++) {
		*ret_holds |= (uint64_t)mounts.entries[i].parent == mount;
		if ((uint64_t)mounts.entries[i].id == mount)
			entry = &mounts.entries[i];
	}
	for (size_t i = 0; i < question->n_volumes && entry; i++) {
		const struct meeting_volume *volume = &question->volumes[i];

		if (meeting_may_attach(volume) && is_in_place(entry, volume))
			return (ssize_t)i;
	}
	return -1;
}

/*
 * Attaches it over that mount of the view's and nowhere else: the names that lead there are the
 * function's to exchange. Returns 0, 1 where they lead elsewhere by now, or -errno with the error
 * set.
 */
static int attach(struct helper *helper, const struct meeting_volume *volume, uint64_t mount)
{
	struct open_how how = {.flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_NO_SYMLINKS};
	cleanup_close int point =
		(int)syscall(SYS_openat2, AT_FDCWD, volume->point, &how, sizeof(how));
	struct place at = {.fd = point};
	int r;

	if (point < 0 || examine(&at) < 0 || at.mount != mount || !at.is_top)
		return 1;
	r = mount_set_propagation(volume->fd, MS_PRIVATE, 0);
	if (r == 0)
		r = mount_attach(volume->fd, point, "");
	if (r < 0)
		return error_set(&helper->err, -r, "cannot attach the volume '%s' as it is",
				 volume->point);
	return 0;
}

/* By the rights that this thread has taken over. */
static bool may(const struct place *place, int mode)
{
	return syscall(SYS_faccessat2, place->fd, "", mode, AT_EMPTY_PATH | AT_EACCESS) == 0;
}

/* Is there no such name yet? */
static bool is_free(const struct place *directory, const char *name)
{
	struct stat st;

	return *name && fstatat(directory->fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0 &&
	       errno == ENOENT;
}

/*
 * Where the call leads, if it is to succeed: what fails is to make no volume native, now or in
 * later runs. ret_name: of the socket that is to be made there, `directory` is its room; NULL: it
 * is what is connected to.
 */
static bool find_place(const struct meeting_question *question, const struct place *base,
		       char *directory, struct place *ret, const char **ret_name)
{
	if (question->connects) {
		*ret_name = NULL;
		return resolve(base, question->path, ret) == 0 && S_ISSOCK(ret->mode) &&
		       may(ret, W_OK);
	}
	*ret_name = split(question->path, directory);
	return resolve(base, directory, ret) == 0 && S_ISDIR(ret->mode) && may(ret, W_OK | X_OK) &&
	       is_free(ret, *ret_name);
}

/* In both at once the function cannot work: rename(2) from one to the other fails. */
static bool is_busy(const struct helper *helper, const struct place *base,
		    const struct place *place)
{
	return place->mount == base->mount || meeting_is_worked_in(helper, place->mount);
}

/* What is to be done about a place that the call leads to. Returns 0 or -errno with the error set.
 */
static int meet(struct helper *helper, const struct place *base, const struct place *place,
		const char *name)
{
	struct meeting_question *question = helper->meeting;
	bool holds;
	ssize_t found = find_volume(helper, place->mount, &holds);
	int r = 0;

	/* what is too long for a path is too long for a key */
	if (found < 0 ||
	    (!question->connects && file_system_is_readonly(question->volumes[found].fd)) ||
	    path_of(helper, place->fd, name, question->key) < 0)
		return 0;
	if (!holds && !is_busy(helper, base, place)) {
		r = attach(helper, &question->volumes[found], place->mount);
		question->attached = r == 0;
	}
	if (r <= 0)
		question->found = found;
	return r < 0 ? r : 0;
}

/* Returns 0 with the answer, which may be that there is nothing to be done, or -errno with the
 * error set. */
static int answer(struct helper *helper, const struct place *base, struct place *place)
{
	struct meeting_question *question = helper->meeting;
	char directory[sizeof(question->path) + 1];
	struct meeting_rights own;
	const char *name;
	bool leads;
	int r;

	if (meeting_take_rights(helper, &own) < 0)
		return 0;
	leads = find_place(question, base, directory, place, &name);
	r = meeting_give_back_rights(&own);
	if (r < 0)
		return error_set(&helper->err, -r, "cannot take capabilities back");
	if (!leads || place->device != question->view ||
	    (question->path[0] == '/' && place->mount == base->mount) || !meeting_waits(question))
		return 0;
	return meet(helper, base, place, name);
}

/* In the host's /proc: what is found of the thread there is its own while it waits. */
static bool examine_call(const struct helper *helper, struct place *base)
{
	const struct meeting_question *question = helper->meeting;

	return meeting_read_path(helper) && meeting_shares_mounts(helper) &&
	       open_base(helper, question->path[0] == '/' ? "root" : "cwd", base) == 0 &&
	       meeting_waits(question);
}

static int enter(struct helper *helper)
{
	cleanup_close int root = helper_open_proc(helper, "root", O_PATH | O_DIRECTORY);
	int r = root < 0 ? root : helper_enter(helper);

	if (r == 0 && (fchdir(root) < 0 || chroot(".") < 0))
		r = error_set(&helper->err, errno, "cannot enter the container's root");
	return r;
}

int meeting_work(struct helper *helper)
{
	struct place base = {.fd = -1}, place = {.fd = -1};
	int r = 0;

	if (examine_call(helper, &base)) {
		r = enter(helper);
		if (r == 0)
			r = answer(helper, &base, &place);
		/* where the container has ended meanwhile that is all there is to it */
		if (r < 0 && !meeting_waits(helper->meeting))
			r = 0;
	}
	if (base.fd >= 0)
		close(base.fd);
	if (place.fd >= 0)
		close(place.fd);
	return r;
}
