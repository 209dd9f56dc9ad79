/* SPDX-License-Identifier: GPL-2.0-or-later */
/* In the container's mount namespace: the view comes back over what was attached natively. */
#include <errno.h>
#include <fcntl.h>
#include <sys/mount.h>

#include "base/cleanup.h"
#include "wrap/helper-internal.h"
#include "wrap/mount.h"

/* A clone of the view's own `path`, whatever is mounted there or above. */
static int clone_from_view(const char *path)
{
	cleanup_close int view = mount_clone(AT_FDCWD, "/");
	int r = view < 0 ? view : mount_set_propagation(view, MS_PRIVATE, 0);

	return r < 0 ? r : mount_clone_within(view, path + 1);
}

static int mediate(const char *path)
{
	cleanup_close int fd = clone_from_view(path);

	return fd < 0 ? fd : mount_attach(fd, AT_FDCWD, path);
}

/* A hole for what does not exist is not made, and nothing comes to lie in a tree. */
static int make_holes(struct native_tree *tree)
{
	int r = 0;

	for (; tree->holes_made < tree->holes.count && r == 0; tree->holes_made++) {
		r = mediate(tree->holes.paths[tree->holes_made]);
		if (r == -ENOENT || r == -ENOTDIR)
			r = 0;
	}
	return r;
}

/* In the container's mount namespace, whose root the helper has entered. */
int native_mediate_work(struct helper *helper)
{
	struct native_plan *plan = helper->attached;
	int r = helper_enter(helper);

	for (size_t i = 0; i < plan->count && r == 0; i++) {
		struct native_tree *tree = &plan->trees[i];

		if (tree->covered || (make_holes(tree) == 0 && !tree->to_cover))
			continue;
		r = mediate(tree->path);
		if (r < 0)
			r = error_set(&helper->err, -r, "cannot mediate '%s'", tree->path);
		tree->covered = r == 0;
	}
	return r;
}
