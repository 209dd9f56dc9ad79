/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What native.c has to know of a container, gathered from its mounts and its first process. */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>

#include "base/cleanup.h"
#include "process/process.h"
#include "wrap/wrap-internal.h"

bool wrap_made_for_container(const struct wrap *wrap, const struct mountinfo_entry *entry)
{
	const struct oci_spec *spec = wrap->helper->spec;

	for (size_t i = 0; i < spec->n_mounts; i++) {
		const struct oci_mount *mount = &spec->mounts[i];

		if (mount->type && strcmp(mount->type, "tmpfs") == 0 &&
		    strcmp(mount->destination, entry->point) == 0)
			return true;
	}
	return false;
}

static bool is_empty(const char *point)
{
	cleanup_dir DIR *dir = opendir(point);
	const struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			return false;
	}
	return dir;
}

static bool is_private(const struct wrap *wrap, const struct mountinfo_entry *entry)
{
	return strcmp(entry->type, "tmpfs") == 0 && !(entry->attributes & MOUNT_ATTR_RDONLY) &&
	       wrap_made_for_container(wrap, entry) && is_empty(entry->point);
}

int wrap_plan_natives(struct wrap *wrap)
{
	struct helper *helper = wrap->helper;
	bool readonly = wrap->root->attributes & MOUNT_ATTR_RDONLY;
	uint64_t capabilities = process_capabilities(helper->proc_fd, helper->pid);
	cleanup_free struct native_mount *mounts = NULL;
	size_t count = 0;
	int r;

	if (helper->wish.len == 0)
		return 0;
	/* what config.json says and what the mount is may differ */
	if (helper->wish.rule.writer == NATIVE_READONLY && !readonly)
		helper->wish.rule.writer = 0;
	mounts = calloc(wrap->mounts.n_entries, sizeof(*mounts));
	if (!mounts)
		return error_set(&helper->err, ENOMEM, "cannot plan the view's mounts");
	for (size_t i = 0; i < wrap->mounts.n_entries; i++) {
		const struct mountinfo_entry *entry = &wrap->mounts.entries[i];
		enum treatment treatment = wrap->treatments[i];

		if (treatment != TREAT_SKIP && treatment != TREAT_ROOT)
			mounts[count++] = (struct native_mount){
				.point = entry->point,
				.is_private = treatment == TREAT_DATA && is_private(wrap, entry),
			};
	}
	r = native_plan(&helper->plan, &helper->wish, wrap->old_root, capabilities, mounts, count);
	if (r < 0)
		return error_set(&helper->err, -r, "cannot plan the view's mounts");
	for (size_t i = 0; i < wrap->mounts.n_entries && helper->plan.private_path; i++) {
		if (wrap->treatments[i] == TREAT_DATA &&
		    strcmp(wrap->mounts.entries[i].point, helper->plan.private_path) == 0)
			wrap->treatments[i] = TREAT_PRIVATE;
	}
	return 0;
}
