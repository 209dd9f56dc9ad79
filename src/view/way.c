/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The way to the working directory: the directories that a launcher with the function's ids passes
 * where the runtime passed as root. They show search permission for everybody, uncached, until it
 * has settled. What may be opened, listed or changed is not wider for that.
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "view/view-internal.h"

enum { WAY_LINKS_MAX = 40 }; /* as the kernel follows, path_resolution(7) */

static void invalidate(struct view *view, struct inode *inode)
{
	(void)fuse_lowlevel_notify_inval_inode(view->session, node_number(view, inode), -1, 0);
}

/* What everybody may search stays as it is, and cached: each step of a path through it is for free.
 */
static void mark(struct view *view, struct inode *inode, const struct statx *stx)
{
	if (inode->searchable || inode->type != S_IFDIR || (stx->stx_mode & 0111) == 0111)
		return;
	inode->searchable = true;
	inode->refs++;
	invalidate(view, inode);
}

/* The target of a link, followed by `rest`, allocated. */
static char *follow_link(struct view *view, struct inode *link, const char *rest)
{
	int fd = descriptor_of(view, link);
	ssize_t len = fd < 0 ? -1 : readlinkat(fd, "", view->data, PATH_MAX);
	char *joined;
	size_t room;

	if (len < 0)
		return NULL;
	room = (size_t)len + strlen(rest) + 2;
	joined = malloc(room);
	if (joined)
		(void)snprintf(joined, room, "%.*s/%s", (int)len, view->data, rest);
	return joined;
}

void view_open_way(struct view *view, const char *cwd)
{
	char *path = strdup(cwd);
	char *rest = path;
	struct inode *dir = view->root;
	struct statx root;
	int links = 0;

	view->tick++;
	if (view->lower_count && descriptor_stat(view, dir, &root) == 0)
		mark(view, dir, &root);
	while (rest && *rest && view->lower_count) {
		char *part = strsep(&rest, "/");
		struct inode *next;
		struct statx stx;

		if (!*part || strcmp(part, ".") == 0)
			continue;
		if (strcmp(part, "..") == 0) {
			dir = dir->parent ? dir->parent : dir;
			continue;
		}
		if (lookup_inode(view, dir, part, &next, &stx) < 0)
			break;
		if (next->type == S_IFLNK && links++ < WAY_LINKS_MAX) {
			char *joined = follow_link(view, next, rest ? rest : "");

			inode_forget(&view->inodes, next, 0);
			free(path);
			path = joined;
			rest = joined;
			if (rest && *rest == '/')
				dir = view->root;
			continue;
		}
		mark(view, next, &stx);
		if (next->type != S_IFDIR) {
			inode_forget(&view->inodes, next, 0);
			break;
		}
		dir = next;
	}
	free(path);
}

void view_settle(struct view *view)
{
	struct inode_table *table = &view->inodes;

	for (size_t i = 0; i < table->bucket_count; i++) {
		struct inode *inode = table->buckets[i];

		while (inode) {
			struct inode *next = inode->chain;

			if (inode->searchable) {
				inode->searchable = false;
				invalidate(view, inode);
				inode->refs--;
				/* forgetting may free the next one, a parent: begin this bucket
				 * again */
				inode_forget(table, inode, 0);
				next = table->buckets[i];
			}
			inode = next;
		}
	}
}
