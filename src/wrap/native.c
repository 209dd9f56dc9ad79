/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which of a policy's proposals fit this container, and their mounts. */
#include "wrap/native.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "policy/native.h"
#include "policy/shape.h"
#include "wrap/mount.h"

static void tell(struct native_plan *plan, const char *path, const char *how)
{
	char text[TEXT_ESCAPED_MAX(256)];

	text_escape(path, text, sizeof(text));
	buf_format(&plan->told, "%s'%s' %s", plan->told.len ? "; " : "", text, how);
}

static void refuse(struct native_plan *plan, const char *path, const char *why)
{
	if (plan->refused_count < NATIVE_SCANS_MAX)
		plan->refused[plan->refused_count++] = (struct native_refusal){path, why};
}

/*
 * The directories of a tree come before it, since they cost less to look through: it is worth a
 * look where those that were taken save less than seven eighths of what it would. Then it stands
 * for them.
 */
static bool is_served(uint32_t saved_in_it, const struct native_entry *entry)
{
	return 8 * (uint64_t)saved_in_it >= 7 * (uint64_t)entry->uses;
}

static uint32_t saved_in(const struct native_plan *plan, const char *path)
{
	uint32_t uses = 0;

	for (size_t i = 0; i < plan->count; i++) {
		if (path_lies_in(plan->trees[i].path, path))
			uses += plan->trees[i].uses;
	}
	return uses;
}

static void release_tree(struct native_tree *tree)
{
	native_holes_release(&tree->holes);
	free(tree->path);
	free(tree->hole_fds);
}

static void drop_in(struct native_plan *plan, const char *path)
{
	size_t kept = 0;

	for (size_t i = 0; i < plan->count; i++) {
		if (path_lies_in(plan->trees[i].path, path))
			release_tree(&plan->trees[i]);
		else
			plan->trees[kept++] = plan->trees[i];
	}
	plan->count = kept;
}

/* Each path that a person denied is a hole, and in no tree that lies within what was denied. */
static int keep_denied(const struct native_wish *wish, const char *path, struct native_holes *holes,
		       const char **ret_why)
{
	struct native_entry entry;
	size_t at = 0;

	while (native_next(wish->bytes, wish->len, &at, &entry) > 0) {
		int r = 0;

		if (entry.kind != NATIVE_DENIED)
			continue;
		if (path_lies_in(path, entry.path) ||
		    (strchr(entry.path, '{') && path_lies_in(entry.path, path))) {
			*ret_why = "something was denied there by hand";
			return -EACCES;
		}
		if (path_lies_in(entry.path, path))
			r = native_holes_add(holes, entry.path);
		if (r < 0) {
			*ret_why = "too much was denied there by hand";
			return r;
		}
	}
	return 0;
}

bool native_volume_is_denied(const struct native_wish *wish, const char *mount_point)
{
	char point[SHAPE_KEY_MAX];
	struct native_entry entry;
	size_t at = 0;

	shape_key(mount_point, 0, point);
	while (native_next(wish->volumes, wish->volumes_len, &at, &entry) > 0) {
		if (entry.kind == NATIVE_DENIED &&
		    (path_lies_in(entry.path, point) || path_lies_in(entry.path, mount_point)))
			return true;
	}
	return false;
}

/* A hole is made only where there is something to bind over. */
static void drop_missing(int root_fd, struct native_holes *holes)
{
	size_t kept = 0;

	for (size_t i = 0; i < holes->count; i++) {
		if (faccessat(root_fd, holes->paths[i] + 1, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
			holes->paths[kept++] = holes->paths[i];
		else
			free(holes->paths[i]);
	}
	holes->count = kept;
}

static int mount_of(int fd, uint64_t *ret_id)
{
	struct statx root;

	if (statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_MNT_ID, &root) < 0)
		return -errno;
	*ret_id = root.stx_mnt_id;
	return root.stx_mask & STATX_MNT_ID ? 0 : -EOPNOTSUPP;
}

/* As saved_in(). */
static uint32_t saved_by_scans(const struct native_scans *scans, const char *path)
{
	uint32_t uses = 0;

	for (size_t i = 0; i < scans->count; i++) {
		if (path_lies_in(scans->results[i].path, path))
			uses += scans->results[i].saved;
	}
	return uses;
}

/* How many of those that were looked through so far would be attached. */
static size_t count_worthy(const struct native_scans *scans)
{
	size_t count = 0;

	for (size_t i = 0; i < scans->count; i++) {
		bool stands = scans->results[i].result == 0;

		for (size_t later = i + 1; later < scans->count && stands; later++)
			stands = scans->results[later].result < 0 ||
				 !path_lies_in(scans->results[i].path, scans->results[later].path);
		count += stands;
	}
	return count;
}

void native_scans_make(struct native_scans *scans, const struct native_wish *wish, int root_fd)
{
	struct native_entry entry;
	size_t at = 0;

	if (mount_of(root_fd, &scans->mount_id) < 0)
		return;
	while (scans->count < NATIVE_SCANS_MAX &&
	       native_next(wish->bytes, wish->len, &at, &entry) > 0) {
		struct native_scan_result *result = &scans->results[scans->count];
		uint32_t saved = saved_by_scans(scans, entry.path);

		if (entry.kind != NATIVE_IMAGE || is_served(saved, &entry) ||
		    (saved == 0 && count_worthy(scans) >= NATIVE_TREES_MAX))
			continue;
		*result = (struct native_scan_result){.path = entry.path, .uses = entry.uses};
		if (!native_known_find(&scans->known, root_fd, &wish->rule, result)) {
			result->result = native_scan(root_fd, entry.path, entry.uses, &wish->rule,
						     &result->holes, &result->seen, &result->why);
			scans->fresh = true;
		}
		if (result->result == 0)
			result->saved = entry.uses - saved;
		scans->count++;
	}
}

void native_scans_release(struct native_scans *scans)
{
	for (size_t i = 0; i < scans->count; i++) {
		native_holes_release(&scans->results[i].holes);
		buf_release(&scans->results[i].seen);
	}
	native_known_release(&scans->known);
	*scans = (struct native_scans){0};
}

/* As native_scan(), but what was found out before is not found out again. */
static int scan(const struct native_wish *wish, int root_fd, const struct native_entry *entry,
		struct native_holes *holes, const char **ret_why)
{
	struct native_scans *scans = wish->scans;
	cleanup_buf struct buf seen = BUF_INIT;
	uint64_t id = 0;

	if (scans && mount_of(root_fd, &id) == 0 && id == scans->mount_id) {
		for (size_t i = 0; i < scans->count; i++) {
			struct native_scan_result *result = &scans->results[i];

			if (strcmp(result->path, entry->path) != 0 ||
			    !native_scan_holds(root_fd, entry->path, &wish->rule, &result->seen))
				continue;
			*holes = result->holes;
			result->holes = (struct native_holes){0};
			*ret_why = result->why;
			return result->result;
		}
	}
	return native_scan(root_fd, entry->path, entry->uses, &wish->rule, holes, &seen, ret_why);
}

static int take_tree(struct native_plan *plan, const struct native_wish *wish, int root_fd,
		     const struct native_entry *entry)
{
	const char *path = entry->path;
	struct native_tree tree = {.fd = -1, .uses = entry->uses};
	const char *why = "";
	int r;

	r = scan(wish, root_fd, entry, &tree.holes, &why);
	if (r == 0)
		r = keep_denied(wish, path, &tree.holes, &why);
	if (r == 0)
		drop_missing(root_fd, &tree.holes);
	if (r < 0) {
		native_holes_release(&tree.holes);
		refuse(plan, path, why);
		return r == -ENOMEM ? r : 0;
	}
	tree.path = strdup(path);
	tree.hole_fds = calloc(tree.holes.count + 1, sizeof(*tree.hole_fds));
	if (!tree.path || !tree.hole_fds) {
		release_tree(&tree);
		return -ENOMEM;
	}
	for (size_t i = 0; i < tree.holes.count; i++)
		tree.hole_fds[i] = -1;
	drop_in(plan, path);
	plan->trees[plan->count++] = tree;
	return 0;
}

static bool is_attached(const struct native_plan *plan, const char *path)
{
	for (size_t i = 0; i < plan->count; i++) {
		if (path_lies_in(path, plan->trees[i].path))
			return true;
	}
	return false;
}

/* What was refused before the tree that it lies in was taken is no news. */
static void tell_trees(struct native_plan *plan)
{
	char how[128];

	for (size_t i = 0; i < plan->refused_count; i++) {
		if (is_attached(plan, plan->refused[i].path))
			continue;
		snprintf(how, sizeof(how), "stays mediated: %s", plan->refused[i].why);
		tell(plan, plan->refused[i].path, how);
	}
	plan->refused_count = 0;
	for (size_t i = 0; i < plan->count; i++) {
		snprintf(how, sizeof(how),
			 "is attached natively, %zu of its programs and keys are not",
			 plan->trees[i].holes.count);
		tell(plan, plan->trees[i].path, how);
	}
}

/* The mounts of a container come after the trees, as parts of the view: none may lie in a tree. */
static bool holds_mount(const struct native_mount *mounts, size_t count, const char *path)
{
	for (size_t i = 0; i < count; i++) {
		if (path_lies_in(mounts[i].point, path))
			return true;
	}
	return false;
}

static int take_image(struct native_plan *plan, const struct native_wish *wish, int root_fd,
		      const struct native_mount *mounts, size_t mount_count,
		      const struct native_entry *entry)
{
	const char *path = entry->path;
	uint32_t saved = saved_in(plan, path);

	if (is_served(saved, entry) || (plan->count == NATIVE_TREES_MAX && saved == 0))
		return 0;
	if (holds_mount(mounts, mount_count, path)) {
		refuse(plan, path, "something is mounted in it");
		return 0;
	}
	return take_tree(plan, wish, root_fd, entry);
}

static bool holds_other(const struct native_mount *mounts, size_t count, size_t own)
{
	for (size_t i = 0; i < count; i++) {
		if (i != own && path_lies_in(mounts[i].point, mounts[own].point))
			return true;
	}
	return false;
}

/* One is enough: a function with two directories that it fills in bulk has the other mediated. */
static int take_private(struct native_plan *plan, const struct native_mount *mounts,
			size_t mount_count, const char *path)
{
	for (size_t i = 0; i < mount_count && !plan->private_path; i++) {
		if (!mounts[i].is_private || strcmp(mounts[i].point, path) != 0 ||
		    holds_other(mounts, mount_count, i))
			continue;
		plan->private_path = strdup(path);
		if (!plan->private_path)
			return -ENOMEM;
		tell(plan, path, "is attached natively, and nothing in it can be run");
	}
	return 0;
}

#define CAPABILITIES_AGAINST (UINT64_C(1) << CAP_SYS_ADMIN | UINT64_C(1) << CAP_DAC_READ_SEARCH)

int native_plan(struct native_plan *plan, const struct native_wish *wish, int root_fd,
		uint64_t capabilities, const struct native_mount *mounts, size_t mount_count)
{
	struct native_entry entry;
	size_t at = 0;
	int r = 0;

	if (wish->len > 0 && capabilities & CAPABILITIES_AGAINST) {
		buf_add_text(&plan->told, "nothing, since the container has CAP_SYS_ADMIN or "
					  "CAP_DAC_READ_SEARCH");
		return 0;
	}
	while (r == 0 && native_next(wish->bytes, wish->len, &at, &entry) > 0) {
		if (entry.kind == NATIVE_IMAGE && wish->rule.writer != 0)
			r = take_image(plan, wish, root_fd, mounts, mount_count, &entry);
		else if (entry.kind == NATIVE_PRIVATE && wish->enforced)
			r = take_private(plan, mounts, mount_count, entry.path);
	}
	tell_trees(plan);
	return r;
}

/* The holes are cloned from the view before the tree hides it. */
static int attach_tree(struct native_tree *tree, int root_fd)
{
	int r = 0;

	for (size_t i = 0; i < tree->holes.count && r == 0; i++) {
		tree->hole_fds[i] = mount_clone(AT_FDCWD, tree->holes.paths[i] + 1);
		r = tree->hole_fds[i] < 0 ? tree->hole_fds[i] : 0;
	}
	if (r == 0) {
		tree->fd = mount_clone(root_fd, tree->path + 1);
		r = tree->fd < 0 ? tree->fd : mount_set_propagation(tree->fd, MS_PRIVATE, 0);
	}
	if (r == 0)
		r = mount_make_readonly(tree->fd);
	if (r == 0)
		r = mount_attach(tree->fd, AT_FDCWD, tree->path + 1);
	for (size_t i = 0; i < tree->holes.count && r == 0; i++)
		r = mount_attach(tree->hole_fds[i], AT_FDCWD, tree->holes.paths[i] + 1);
	tree->holes_made = tree->holes.count;
	return r;
}

int native_attach(struct native_plan *plan, int root_fd)
{
	int r = 0;

	for (size_t i = 0; i < plan->count && r == 0; i++)
		r = attach_tree(&plan->trees[i], root_fd);
	return r;
}

void native_plan_close(struct native_plan *plan)
{
	for (size_t i = 0; i < plan->count; i++) {
		struct native_tree *tree = &plan->trees[i];

		for (size_t n = 0; tree->hole_fds && n < tree->holes.count; n++) {
			if (tree->hole_fds[n] >= 0)
				close(tree->hole_fds[n]);
		}
		free(tree->hole_fds); /* later there may be more holes */
		tree->hole_fds = NULL;
		if (tree->fd >= 0)
			close(tree->fd);
		tree->fd = -1;
	}
}

void native_plan_release(struct native_plan *plan)
{
	native_plan_close(plan);
	for (size_t i = 0; i < plan->count; i++)
		release_tree(&plan->trees[i]);
	free(plan->private_path);
	buf_release(&plan->told);
	*plan = (struct native_plan){0};
}
