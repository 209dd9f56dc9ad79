/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The gate, seen from husk-hook's side. */
#include "mediator/gate.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "container/entry.h"
#include "container/mountinfo.h"
#include "mediator/exec-format.h"
#include "view/view.h"
#include "wrap/mount.h"

/* husk-hook has one thread, so its fs state is shared with nobody, as setns(2) demands. */
static int enter(struct gate_work *work, pid_t pid, struct error *err)
{
	cleanup_close int theirs = -1;
	char path[64];

	work->own_fd = openat(work->proc_fd, "self/ns/mnt", O_RDONLY | O_CLOEXEC);
	snprintf(path, sizeof(path), "%d/ns/mnt", (int)pid);
	theirs = openat(work->proc_fd, path, O_RDONLY | O_CLOEXEC);
	if (work->own_fd < 0 || theirs < 0)
		return error_set(err, errno, "cannot open the mount namespace of process %d", pid);
	if (setns(theirs, CLONE_NEWNS) < 0)
		return error_set(err, errno, "cannot enter the mount namespace of process %d", pid);
	return 0;
}

/* The container's root as the runtime mounted it: the topmost mount at that path of its namespace.
 */
static int open_rootfs(const char *bundle, const char *root, struct error *err)
{
	char path[PATH_MAX];
	int len, fd;

	if (root[0] == '/')
		len = snprintf(path, sizeof(path), "%s", root);
	else
		len = snprintf(path, sizeof(path), "%s/%s", bundle, root);
	if (len < 0 || (size_t)len >= sizeof(path))
		return error_say(err, ENAMETOOLONG, "the path of the rootfs is too long");
	fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return error_set(err, errno, "cannot open the rootfs '%s'", path);
	return fd;
}

/* The flags of the mount that a file lies on: an entry point on a noexec mount fails as natively.
 */
static int mount_flags_of(int fd, uint64_t *ret)
{
	struct statvfs flags;
	uint64_t attributes = 0;

	if (fstatvfs(fd, &flags) < 0)
		return -errno;
	if (flags.f_flag & ST_RDONLY)
		attributes |= MOUNT_ATTR_RDONLY;
	if (flags.f_flag & ST_NOSUID)
		attributes |= MOUNT_ATTR_NOSUID;
	if (flags.f_flag & ST_NODEV)
		attributes |= MOUNT_ATTR_NODEV;
	if (flags.f_flag & ST_NOEXEC)
		attributes |= MOUNT_ATTR_NOEXEC;
	*ret = attributes;
	return 0;
}

/*
 * A clone of the gate's own mount. Before Linux 6.15 a detached tree could not be cloned from
 * (open_tree gives EINVAL): there the view is attached over the rootfs for a moment.
 */
static int clone_gate(int view_fd, int root_fd)
{
	cleanup_close int view = -1;
	int gate = mount_clone(view_fd, VIEW_GATE);
	int r;

	if (gate != -EINVAL)
		return gate;
	r = mount_attach(view_fd, root_fd, "");
	if (r < 0)
		return r;
	gate = mount_clone(view_fd, VIEW_GATE);
	view = mount_clone(view_fd, "");
	if (fchdir(view_fd) < 0 || umount2(".", MNT_DETACH | UMOUNT_NOFOLLOW) < 0)
		r = -errno;
	else if (view < 0)
		r = view;
	else if (dup3(view, view_fd, O_CLOEXEC) < 0)
		r = -errno;
	if (r < 0 && gate >= 0)
		close(gate);
	return r < 0 ? r : gate;
}

/* Could the entry point's mount have peers that are not the container's? It is seldom asked for. */
static bool may_be_shared(const struct oci_spec *spec)
{
	for (size_t i = 0; i < spec->n_mounts; i++) {
		if (spec->mounts[i].propagates)
			return true;
	}
	return spec->root_shared;
}

/* Opens the root of the mount that `fd` lies on. Returns 1 where it is not shared. */
static int open_shared_mount(const struct gate_work *work, int *ret_fd, struct error *err)
{
	cleanup_close int info_fd = openat(work->proc_fd, "self/mountinfo", O_RDONLY | O_CLOEXEC);
	cleanup_close int mount = -1;
	cleanup_mountinfo struct mountinfo info = {0};
	cleanup_free char *bytes = NULL;
	struct statx at, root;
	size_t len = 0;
	int r = info_fd < 0 ? -errno : 0;

	if (r == 0)
		r = read_to_end(info_fd, MOUNTINFO_BYTES_MAX, &bytes, &len);
	if (r == 0 &&
	    statx(work->entry_fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_MNT_ID, &at) < 0)
		r = -errno;
	if (r == 0)
		r = mountinfo_find(bytes, len, (int)at.stx_mnt_id, &info, err);
	if (r != 0 || !(info.entries[0].propagation & MS_SHARED))
		return r < 0 ? r : 1;
	mount = open(info.entries[0].point, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (mount < 0 ||
	    statx(mount, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_MNT_ID, &root) < 0)
		return -errno;
	if (root.stx_mnt_id != at.stx_mnt_id)
		return -ESTALE;
	*ret_fd = steal_fd(&mount);
	return 0;
}

/*
 * Attaches the gate. What is mounted in a shared mount appears in all of its peers, and the gate
 * must not on the host: such a mount leaves its peers for the moment, and a clone keeps the place.
 */
static int attach_gate(const struct gate_work *work, const struct oci_spec *spec, int gate,
		       struct error *err)
{
	cleanup_close int shared = -1, peer = -1;
	int r = may_be_shared(spec) ? open_shared_mount(work, &shared, err) : 1;

	if (r != 0)
		return r < 0 ? r : mount_attach(gate, work->entry_fd, "");
	peer = mount_clone(shared, "");
	r = peer < 0 ? peer : mount_set_propagation(shared, MS_PRIVATE, 0);
	if (r == 0)
		r = mount_attach(gate, work->entry_fd, "");
	if (r == 0)
		r = mount_join_group(shared, peer);
	return r;
}

/* Where it cannot be read, hooks cannot execute it: nothing else is lost. */
static int open_again(int proc_fd, int fd)
{
	char path[64];

	snprintf(path, sizeof(path), "self/fd/%d", fd);
	return openat(proc_fd, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
}

int gate_find(struct gate_work *work, const struct oci_state *state, const struct oci_spec *spec,
	      struct talk_entry *ret, struct error *err)
{
	int r = enter(work, state->pid, err);

	if (r < 0)
		return r;
	work->root_fd = open_rootfs(state->bundle, spec->root_path, err);
	if (work->root_fd < 0)
		return work->root_fd;
	r = entry_resolve(work->root_fd, spec, &work->entry_fd, err);
	if (r != 0)
		return r;
	if (fstat(work->entry_fd, &ret->attr) < 0)
		return error_set(err, errno, "cannot examine the entry point");
	if (spec->has_inner_hooks)
		work->shown_fd = open_again(work->proc_fd, work->entry_fd);
	ret->exec_result = exec_format_check(work->root_fd, work->entry_fd, work->proc_fd);
	r = mount_flags_of(work->entry_fd, &work->attributes);
	return r < 0 ? error_set(err, -r, "cannot examine the entry point's mount") : 0;
}

int gate_bind(const struct gate_work *work, const struct oci_spec *spec, int view_fd,
	      struct error *err)
{
	cleanup_close int gate = clone_gate(view_fd, work->root_fd);
	int r;

	if (gate < 0)
		return error_set(err, -gate, "cannot clone the gate");
	r = mount_set_attributes(gate, work->attributes);
	if (r == 0)
		r = attach_gate(work, spec, gate, err);
	return r < 0 ? error_set(err, -r, "cannot bind the gate over the entry point") : 0;
}

void gate_leave(struct gate_work *work)
{
	if (work->own_fd >= 0 && setns(work->own_fd, CLONE_NEWNS) == 0)
		close(work->own_fd);
	if (work->root_fd >= 0)
		close(work->root_fd);
	if (work->entry_fd >= 0)
		close(work->entry_fd);
	if (work->shown_fd >= 0)
		close(work->shown_fd);
}
