/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The mounts of the view, in the places and with the flags and propagation that the container's own
 * had. They are made in the order of mountinfo, since recent kernels list mounts by age.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "wrap/mount.h"
#include "wrap/wrap-internal.h"

#define ROOT_NAMES_BYTES 8192 /* room for some fifty names with their attributes */

/* Marks what may be attached in the order of mountinfo. */
static void mark_early(const struct wrap *wrap, bool *placed)
{
	for (size_t i = 0; i < wrap->mounts.n_entries; i++) {
		const struct mountinfo_entry *on =
			wrap_entry(wrap, (uint64_t)wrap->mounts.entries[i].parent);
		size_t parent = on ? (size_t)(on - wrap->mounts.entries) : i;

		placed[i] = parent == i || wrap->treatments[parent] == TREAT_SKIP ||
			    (parent < i && placed[parent]);
	}
}

int wrap_order(struct wrap *wrap)
{
	size_t count = wrap->mounts.n_entries, n = 0, before;
	cleanup_free bool *placed = calloc(count + 1, sizeof(*placed));

	wrap->order = calloc(count + 1, sizeof(*wrap->order));
	if (!placed || !wrap->order)
		return error_set(&wrap->helper->err, ENOMEM, "cannot plan the view's mounts");
	mark_early(wrap, placed);
	for (size_t i = 0; i < count; i++) {
		if (placed[i])
			wrap->order[n++] = i;
	}
	wrap->n_early = n;
	do {
		before = n;
		for (size_t i = 0; i < count; i++) {
			const struct mountinfo_entry *on =
				wrap_entry(wrap, (uint64_t)wrap->mounts.entries[i].parent);

			if (placed[i] || !placed[on - wrap->mounts.entries])
				continue;
			placed[i] = true;
			wrap->order[n++] = i;
		}
	} while (n > before);
	return n == count ? 0
			  : error_say(&wrap->helper->err, EPROTO,
				      "the container's mounts lie on each other");
}

/* Clones what the view has at a path of the container, also before the view is anywhere. */
static int clone_of_view(const struct wrap *wrap, const char *point)
{
	char path[PATH_MAX];
	int n;

	if (wrap->view_root >= 0)
		return mount_clone(wrap->view_root, point + 1);
	n = snprintf(path, sizeof(path), VIEW_ROOT "%s", point);
	if (n < 0 || (size_t)n >= sizeof(path))
		return -ENAMETOOLONG;
	return mount_clone(wrap->helper->mount_fd, path);
}

/* The successor of one mount, to be placed in the view. Returns its descriptor or -errno. */
static int make(const struct wrap *wrap, size_t i)
{
	const struct mountinfo_entry *entry = &wrap->mounts.entries[i];
	enum treatment treatment = wrap->treatments[i];
	bool stands_in = treatment == TREAT_COVERED;
	bool native = treatment == TREAT_NATIVE || treatment == TREAT_PRIVATE ||
		      (stands_in && mountinfo_is_native(entry));
	uint64_t more = treatment == TREAT_PRIVATE ? MOUNT_ATTR_NOEXEC : 0;
	cleanup_close int fd = native ? mount_clone(wrap->old_root, entry->point + 1)
				      : clone_of_view(wrap, entry->point);
	int r = fd < 0 ? fd : 0;

	if (r == 0 && treatment != TREAT_NATIVE)
		r = mount_set_attributes(fd, entry->attributes | more);
	if (r == 0 && (stands_in || (entry->propagation & MS_SHARED)))
		r = mount_set_propagation(fd, MS_PRIVATE, 0);
	return r < 0 ? r : steal_fd(&fd);
}

/*
 * Puts it in its place. One that is to be shared stays private until all are in their places: what
 * is mounted in a shared mount becomes shared, and would appear in all of its peers, the host's
 * among them.
 */
static int place(struct wrap *wrap, size_t i)
{
	const struct mountinfo_entry *entry = &wrap->mounts.entries[i];
	cleanup_close int fd = steal_fd(&wrap->held[i]);
	int r = mount_attach(fd, AT_FDCWD, entry->point + 1);

	if (r == 0 && (entry->propagation & MS_UNBINDABLE))
		r = mount_set_propagation(fd, MS_UNBINDABLE, 0);
	if (r == 0 && (entry->propagation & MS_SHARED))
		wrap->held[i] = steal_fd(&fd);
	return r;
}

/* A native mount joins the peers and the master that it had; the view's can only be among itself.
 */
static int share(const struct wrap *wrap, size_t i)
{
	cleanup_close int old = -1;

	if (wrap->treatments[i] != TREAT_NATIVE)
		return mount_set_propagation(wrap->held[i], MS_SHARED, 0);
	old = openat(wrap->old_root, wrap->mounts.entries[i].point + 1,
		     O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (old < 0)
		return -errno;
	return mount_join_group(wrap->held[i], old);
}

/*
 * Where nothing is writable, the view's superblock need not be either: then the kernel keeps access
 * times and with them all attributes cached (fuse_invalidate_atime() of fs/fuse/dir.c).
 */
static int make_readonly(struct wrap *wrap)
{
	for (size_t i = 0; i < wrap->mounts.n_entries; i++) {
		enum treatment treatment = wrap->treatments[i];

		if (treatment != TREAT_SKIP && treatment != TREAT_NATIVE &&
		    treatment != TREAT_PRIVATE &&
		    !(wrap->mounts.entries[i].attributes & MOUNT_ATTR_RDONLY))
			return 0;
	}
	return mount_make_superblock_readonly(wrap->helper->mount_fd);
}

/*
 * One listing, with attributes, tells the kernel all names that lie in the root, which is the
 * working directory: those that the mounts below are attached at, and those that most paths begin
 * with. It would ask for each of them else. Not all of a root with more names than usual.
 */
static void list_root(void)
{
	cleanup_close int fd = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char names[ROOT_NAMES_BYTES];

	if (fd >= 0)
		(void)!syscall(SYS_getdents64, fd, names, sizeof(names));
}

static int attach_root(struct wrap *wrap)
{
	int r = make_readonly(wrap);

	if (r == 0) {
		wrap->view_root = mount_clone_within(wrap->helper->mount_fd, VIEW_ROOT);
		r = wrap->view_root < 0 ? wrap->view_root : 0;
	}
	if (r == 0)
		r = mount_set_attributes(wrap->view_root, wrap->root->attributes);
	if (r == 0)
		r = mount_attach(wrap->view_root, AT_FDCWD, "/");
	if (r == 0 && fchdir(wrap->view_root) < 0)
		r = -errno;
	if (r < 0)
		return error_set(&wrap->helper->err, -r, "cannot mount the view over the root");
	list_root();
	return 0;
}

static bool is_attached(const struct wrap *wrap, size_t i)
{
	return wrap->treatments[i] != TREAT_SKIP && wrap->treatments[i] != TREAT_ROOT;
}

/*
 * What is older than the root is made before it. Kernels that cannot clone a part of a mount that
 * is nowhere (before Linux 6.15) get it later, and so in another order.
 */
static int make_older(struct wrap *wrap)
{
	size_t root = (size_t)(wrap->root - wrap->mounts.entries);

	for (size_t i = 0; i < root; i++) {
		int fd = is_attached(wrap, i) ? make(wrap, i) : -EINVAL;

		if (fd < 0 && fd != -EINVAL)
			return error_set(&wrap->helper->err, -fd, "cannot mount '%s' in the view",
					 wrap->mounts.entries[i].point);
		wrap->held[i] = fd < 0 ? -1 : fd;
	}
	return 0;
}

/* All are made in the order of mountinfo; what cannot be placed then waits for what it lies on. */
static int attach_mounts(struct wrap *wrap)
{
	size_t early = 0, i = 0;
	int r = 0;

	for (i = 0; i < wrap->mounts.n_entries; i++) {
		bool waits = early == wrap->n_early || wrap->order[early] != i;

		if (!waits)
			early++;
		if (!is_attached(wrap, i))
			continue;
		if (wrap->held[i] < 0)
			wrap->held[i] = make(wrap, i);
		r = wrap->held[i] < 0 ? wrap->held[i] : 0;
		if (r == 0 && !waits)
			r = place(wrap, i);
		if (r < 0)
			break;
	}
	for (size_t n = wrap->n_early; n < wrap->mounts.n_entries && r == 0; n++) {
		i = wrap->order[n];
		r = is_attached(wrap, i) ? place(wrap, i) : 0;
	}
	if (r < 0)
		return error_set(&wrap->helper->err, -r, "cannot mount '%s' in the view",
				 wrap->mounts.entries[i].point);
	return 0;
}

int wrap_attach(struct wrap *wrap)
{
	struct helper *helper = wrap->helper;
	int r = make_older(wrap);

	if (r == 0)
		r = attach_root(wrap);
	if (r < 0)
		return r;
	r = native_attach(&helper->plan, wrap->old_root);
	if (r < 0)
		return error_set(&helper->err, -r, "cannot attach a directory natively");
	r = attach_mounts(wrap);
	if (r < 0)
		return r;
	for (size_t i = 0; i < wrap->mounts.n_entries; i++) {
		r = wrap->held[i] < 0 ? 0 : share(wrap, i);
		if (r < 0)
			return error_set(&helper->err, -r, "cannot share '%s' as it was",
					 wrap->mounts.entries[i].point);
	}
	return 0;
}
