/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The late wrap: while the execve(2) of the entry point waits in the gate, the container's root is
 * replaced by the view. Nothing of the function has run, the runtime has finished, and the process
 * that waits is the only one that matters.
 *
 * Order matters. The gate is found first, so that it is part of nothing that follows. Lowers are
 * cloned from the old tree before the view covers it. Mounts are made in the container's own order,
 * because recent kernels list mounts by age. The old tree becomes private before it is detached:
 * else unmounting would travel to the host. Every descriptor closes before the exec is answered,
 * since one that is left would keep the view alive after the container.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "container/mountinfo.h"
#include "wrap/mount.h"
#include "wrap/wrap-internal.h"

static int examine(const char *point, struct statx *ret)
{
	/* The view's own attributes come from the cache: asking it would not hurt, but cost. */
	return statx(AT_FDCWD, point, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_STATX_DONT_SYNC,
		     STATX_TYPE | STATX_MNT_ID, ret) < 0
		       ? -errno
		       : 0;
}

const struct mountinfo_entry *wrap_entry(const struct wrap *wrap, uint64_t id)
{
	for (size_t i = 0; i < wrap->mounts.n_entries; i++) {
		if ((uint64_t)wrap->mounts.entries[i].id == id)
			return &wrap->mounts.entries[i];
	}
	return NULL;
}

static bool point_is_listed(const struct wrap *wrap, size_t but, const char *point)
{
	for (size_t i = 0; i < wrap->mounts.n_entries; i++) {
		if (i != but && strcmp(wrap->mounts.entries[i].point, point) == 0)
			return true;
	}
	return false;
}

/*
 * Finds the gate, the mount of the view's own device, and has it left out. It goes with the old
 * tree and lives on in the exec that waits; only where it covers another mount it is detached at
 * once, since each unmount makes the kernel wait for all processors.
 */
static int pass_over_gate(struct wrap *wrap)
{
	struct helper *helper = wrap->helper;
	struct statx view, at;

	if (statx(helper->mount_fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_TYPE, &view) < 0)
		return error_set(&helper->err, errno, "cannot examine the view");
	for (size_t i = wrap->mounts.n_entries; i-- > 0;) {
		const struct mountinfo_entry *entry = &wrap->mounts.entries[i];

		if (strcmp(entry->type, "fuse.husk") != 0 || examine(entry->point, &at) < 0)
			continue;
		if (at.stx_dev_major != view.stx_dev_major ||
		    at.stx_dev_minor != view.stx_dev_minor)
			continue;
		wrap->gate = i;
		if (point_is_listed(wrap, i, entry->point) &&
		    umount2(entry->point, MNT_DETACH | UMOUNT_NOFOLLOW) < 0)
			return error_set(&helper->err, errno, "cannot detach the gate '%s'",
					 entry->point);
		return 0;
	}
	return error_say(&helper->err, ENOENT, "the gate is not among the container's mounts");
}

/*
 * Was it asked for that mounts pass between this volume and the host, and can they? The kernel lets
 * only mounts of one file system be peers or masters of each other (do_set_group() of
 * fs/namespace.c), so in the view's own mount of the volume nothing would ever arrive.
 */
static bool passes_mounts(const struct wrap *wrap, const struct mountinfo_entry *entry)
{
	const struct oci_mount *mount;

	if (!(entry->propagation & (MS_SHARED | MS_SLAVE)))
		return false;
	mount = oci_spec_mount_at(wrap->helper->spec, entry->point);
	return mount && mount->propagates;
}

/*
 * A mount that another one covers. At the same place a second mount of what covers it stands for
 * it, so that mountinfo has as many; it can be told from the real one only by unmounting the other.
 * Where a directory above was covered, or the two are not alike, it is left out.
 */
static enum treatment treat_covered(const struct wrap *wrap, const struct mountinfo_entry *entry,
				    uint64_t top_id)
{
	const struct mountinfo_entry *top = wrap_entry(wrap, top_id), *above = top;

	while (above && above != entry && strcmp(above->point, entry->point) == 0)
		above = wrap_entry(wrap, (uint64_t)above->parent);
	if (above != entry || strcmp(entry->point, "/") == 0 ||
	    mountinfo_is_native(entry) != mountinfo_is_native(top) ||
	    (mountinfo_is_native(entry) && strcmp(entry->type, top->type) != 0))
		return TREAT_SKIP;
	return TREAT_COVERED;
}

/*
 * What becomes of one mount. A mount of a device node, a socket or a FIFO (a masked file, an
 * engine's socket) stays native: the kernel finds such things by inode, not through FUSE.
 */
static enum treatment treat(const struct wrap *wrap, size_t i)
{
	const struct mountinfo_entry *entry = &wrap->mounts.entries[i];
	struct helper *helper = wrap->helper;
	const char *why;
	struct statx at;

	if (i == wrap->gate || examine(entry->point, &at) < 0 || !(at.stx_mask & STATX_MNT_ID))
		return TREAT_SKIP;
	if ((uint64_t)entry->id != at.stx_mnt_id)
		return treat_covered(wrap, entry, at.stx_mnt_id);
	if (strcmp(entry->point, "/") == 0)
		return TREAT_ROOT;
	if (mountinfo_is_native(entry) || !(S_ISREG(at.stx_mode) || S_ISDIR(at.stx_mode)))
		return TREAT_NATIVE;
	if (passes_mounts(wrap, entry)) {
		helper_tell_native(helper, entry->point,
				   "mounts are to pass between it and the host");
		return TREAT_NATIVE;
	}
	why = S_ISDIR(at.stx_mode) ? wrap_shares_sockets(wrap, entry) : NULL;
	if (!why)
		return TREAT_DATA;
	helper_tell_native(helper, entry->point, why);
	return TREAT_NATIVE;
}

/* The treatment of the mount that this one, treated as data, is mounted on, however far below. */
static bool lies_on_native(const struct wrap *wrap, const struct mountinfo_entry *entry)
{
	for (size_t steps = 0; entry && steps <= wrap->mounts.n_entries; steps++) {
		if (wrap->treatments[entry - wrap->mounts.entries] == TREAT_NATIVE)
			return true;
		entry = wrap_entry(wrap, (uint64_t)entry->parent);
	}
	return false;
}

/* What is mounted on a native mount cannot be found through the view, so it stays native too. */
static void follow_natives(struct wrap *wrap)
{
	for (size_t i = 0; i < wrap->mounts.n_entries; i++) {
		const struct mountinfo_entry *entry = &wrap->mounts.entries[i];

		if (wrap->treatments[i] != TREAT_DATA || !lies_on_native(wrap, entry))
			continue;
		helper_tell_native(wrap->helper, entry->point,
				   "it is mounted in another that is not");
		wrap->treatments[i] = TREAT_NATIVE;
	}
}

static int plan(struct wrap *wrap)
{
	struct helper *helper = wrap->helper;
	size_t count = wrap->mounts.n_entries;

	wrap->treatments = calloc(count + 1, sizeof(*wrap->treatments));
	wrap->held = malloc((count + 1) * sizeof(*wrap->held));
	helper->lowers = calloc(count + 1, sizeof(*helper->lowers));
	helper->lower_paths = calloc(count + 1, sizeof(*helper->lower_paths));
	if (!wrap->treatments || !wrap->held || !helper->lowers || !helper->lower_paths)
		return error_set(&helper->err, ENOMEM, "cannot plan the view's mounts");
	for (size_t i = 0; i < count; i++) {
		wrap->held[i] = -1;
		wrap->treatments[i] = treat(wrap, i);
		if (wrap->treatments[i] == TREAT_ROOT)
			wrap->root = &wrap->mounts.entries[i];
	}
	if (!wrap->root)
		return error_say(&helper->err, ENOENT, "the container's root is no mount point");
	follow_natives(wrap);
	return wrap_order(wrap);
}

/* An unbindable mount cannot be cloned; the one that takes its place becomes unbindable again. */
static int make_bindable(struct wrap *wrap)
{
	for (size_t i = 0; i < wrap->mounts.n_entries; i++) {
		const struct mountinfo_entry *entry = &wrap->mounts.entries[i];
		cleanup_close int fd = -1;
		int r;

		if (wrap->treatments[i] == TREAT_SKIP || wrap->treatments[i] == TREAT_COVERED ||
		    !(entry->propagation & MS_UNBINDABLE))
			continue;
		fd = open(entry->point, O_PATH | O_NOFOLLOW | O_CLOEXEC);
		r = fd < 0 ? -errno : mount_set_propagation(fd, MS_PRIVATE, 0);
		if (r < 0)
			return error_set(&wrap->helper->err, -r, "cannot make '%s' private",
					 entry->point);
	}
	return 0;
}

static int add_lower(struct wrap *wrap, const struct mountinfo_entry *entry)
{
	struct helper *helper = wrap->helper;
	size_t n = helper->n_lowers;
	cleanup_free char *path = strdup(entry->point);
	int fd;

	if (!path)
		return error_set(&helper->err, ENOMEM, "cannot plan the view's mounts");
	fd = mount_clone(AT_FDCWD, entry->point);
	if (fd < 0)
		return error_set(&helper->err, -fd, "cannot clone the mount '%s'", entry->point);
	helper->lower_paths[n] = steal_ptr(&path);
	helper->lowers[n] = (struct view_lower){
		.fd = fd,
		.path = helper->lower_paths[n],
		.persistent = entry != wrap->root && !wrap_made_for_container(wrap, entry),
	};
	helper->n_lowers++;
	return 0;
}

static int clone_lowers(struct wrap *wrap)
{
	int r = add_lower(wrap, wrap->root);

	for (size_t n = 0; n < wrap->mounts.n_entries && r == 0; n++) {
		size_t i = wrap->order[n];

		if (wrap->treatments[i] == TREAT_DATA)
			r = add_lower(wrap, &wrap->mounts.entries[i]);
	}
	return r;
}

/* pivot_root(".", ".") leaves the old root on top of the new one, where it is detached:
 * pivot_root(2). */
static int swap(struct wrap *wrap)
{
	uint64_t propagation = wrap->root->propagation & (MS_SHARED | MS_UNBINDABLE);
	struct helper *helper = wrap->helper;
	int r;

	if (syscall(SYS_pivot_root, ".", ".") < 0)
		return error_set(&helper->err, errno, "cannot make the view the root");
	r = mount_set_propagation(wrap->old_root, MS_PRIVATE, 1);
	if (r == 0 && umount2(".", MNT_DETACH) < 0)
		r = -errno;
	if (r < 0)
		return error_set(&helper->err, -r, "cannot detach the old root");
	/* not MS_SLAVE: the view has no master */
	r = propagation ? mount_set_propagation(wrap->view_root, propagation, 0) : 0;
	if (r < 0)
		return error_set(&helper->err, -r, "cannot restore the root's propagation");
	return 0;
}

/* Where the launcher cannot enter the view's root, is the process there already? */
static int check_followed(struct wrap *wrap)
{
	struct helper *helper = wrap->helper;
	cleanup_close int cwd = helper_open_proc(helper, "cwd", O_PATH | O_DIRECTORY);
	const unsigned int how = AT_EMPTY_PATH | AT_STATX_DONT_SYNC;
	struct statx at, root;

	if (cwd < 0)
		return cwd;
	if (statx(cwd, "", (int)how, STATX_INO | STATX_MNT_ID, &at) < 0 ||
	    statx(wrap->view_root, "", (int)how, STATX_INO | STATX_MNT_ID, &root) < 0)
		return error_set(&helper->err, errno, "cannot examine the working directory");
	if (at.stx_mnt_id != root.stx_mnt_id || at.stx_ino != root.stx_ino)
		return error_say(&helper->err, EOPNOTSUPP,
				 "the working directory is not the root, and the engine's filter "
				 "of system calls does not let husk-launch enter that");
	return 0;
}

/* pivot_root and cloning refuse a shared or unbindable root; what it was is kept in wrap->root. */
static int make_root_private(struct wrap *wrap)
{
	uint64_t propagation = wrap->root->propagation;
	int r = 0;

	if (propagation & (MS_SHARED | MS_UNBINDABLE))
		r = mount_set_propagation(wrap->old_root, MS_PRIVATE, 0);
	if (r < 0)
		return error_set(&wrap->helper->err, -r, "cannot make the root private");
	return 0;
}

static int work(struct wrap *wrap)
{
	struct helper *helper = wrap->helper;
	int r = helper_enter(helper);

	if (r < 0)
		return r;
	if (fchdir(wrap->old_root) < 0 || chroot(".") < 0)
		return error_set(&helper->err, errno, "cannot enter the container's root");
	helper_read_resolvers(helper);
	r = helper_read_mounts(helper, &wrap->mounts);
	if (r == 0)
		r = pass_over_gate(wrap);
	if (r == 0)
		r = plan(wrap);
	if (r == 0)
		r = wrap_plan_natives(wrap);
	if (r == 0)
		r = make_root_private(wrap);
	if (r == 0)
		r = make_bindable(wrap);
	if (r == 0)
		r = clone_lowers(wrap);
	if (r == 0)
		r = helper_consult(helper);
	if (r == 0)
		r = wrap_attach(wrap);
	if (r == 0)
		r = swap(wrap);
	if (r == 0 && helper->spec->seccomp_stays)
		r = check_followed(wrap);
	return r;
}

int wrap_work(struct helper *helper)
{
	struct wrap wrap = {.helper = helper, .view_root = -1};
	int r;

	wrap.old_root = helper_open_proc(helper, "root", O_PATH | O_DIRECTORY);
	if (wrap.old_root < 0)
		return wrap.old_root;
	r = work(&wrap);
	close(wrap.old_root);
	if (wrap.view_root >= 0)
		close(wrap.view_root);
	for (size_t i = 0; wrap.held && i < wrap.mounts.n_entries; i++) {
		if (wrap.held[i] >= 0)
			close(wrap.held[i]);
	}
	free(wrap.held);
	free(wrap.order);
	free(wrap.treatments);
	mountinfo_release(&wrap.mounts);
	return r;
}
