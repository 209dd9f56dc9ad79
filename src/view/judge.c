/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Questions to the judge. The path is built for each, since what lies above may have been renamed.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/file.h"
#include "view/executable.h"
#include "view/view-internal.h"

static int64_t nanoseconds(struct statx_timestamp time)
{
	return time.tv_sec * INT64_C(1000000000) + time.tv_nsec;
}

bool judge_is_image(const struct view *view, const struct inode *inode, const struct statx *stx)
{
	return inode->key.lower == 0 && !view->lowers[0].persistent &&
	       (inode->type == S_IFREG || inode->type == S_IFDIR) &&
	       nanoseconds(stx->stx_ctime) < view->options.started_ns;
}

/* The paths of the other names of a file. Their memory is one block, which the caller frees. */
static const char *const *other_paths(const struct inode *inode)
{
	struct {
		const char *paths[INODE_ALIASES_MAX + 1];
		char room[INODE_ALIASES_MAX][PATH_MAX];
	} *block = malloc(sizeof(*block));
	size_t count = 0;

	if (!block)
		return NULL;
	for (const struct alias *alias = inode->aliases; alias; alias = alias->next) {
		const char *path =
			inode_path(alias->parent, alias->name, block->room[count], PATH_MAX);

		if (path)
			block->paths[count++] = path;
	}
	block->paths[count] = NULL;
	return block->paths;
}

static int ask(struct view *view, fuse_req_t req, struct view_question *question,
	       const struct inode *inode, const char *name)
{
	int rc;

	if (view->lowers[inode->key.lower].persistent)
		question->flags |= BEHAVIOUR_PERSISTENT;
	question->pid = fuse_req_ctx(req)->pid;
	question->path = inode_path(inode, name, view->path, VIEW_PATH_MAX);
	if (!question->path)
		return -ENAMETOOLONG;
	if (name || !inode->aliases)
		return view->options.judge(view->options.context, question);
	question->others = other_paths(inode);
	rc = view->options.judge(view->options.context, question);
	free((void *)(uintptr_t)question->others);
	return rc;
}

int judge_file(struct view *view, fuse_req_t req, enum access access, const struct inode *inode,
	       const struct statx *stx)
{
	struct view_question question = {
		.access = access,
		.node = inode_identity(&view->inodes, inode),
	};

	if ((access == ACCESS_READ || access == ACCESS_LIST) && judge_is_image(view, inode, stx))
		question.flags |= BEHAVIOUR_IMAGE;
	return ask(view, req, &question, inode, NULL);
}

/*
 * Does the file give its caller other ids, or capabilities? Root of the host has all that an exec
 * could give already. What a mount takes away again (nosuid) is not looked at.
 */
static bool is_privileged(fuse_req_t req, const struct statx *stx, int fd)
{
	const struct fuse_ctx *caller = fuse_req_ctx(req);
	char capabilities[64];

	if (stx->stx_mode & S_ISUID && stx->stx_uid != caller->uid)
		return true;
	if (stx->stx_mode & S_ISGID && stx->stx_mode & S_IXGRP && stx->stx_gid != caller->gid)
		return true;
	return caller->uid != 0 &&
	       fgetxattr(fd, "security.capability", capabilities, sizeof(capabilities)) > 0;
}

int judge_exec(struct view *view, fuse_req_t req, struct inode *inode, const struct statx *stx)
{
	struct view_question question = {
		.access = ACCESS_EXEC,
		.node = inode_identity(&view->inodes, inode),
		.flags = judge_is_image(view, inode, stx) ? BEHAVIOUR_IMAGE : 0,
	};
	int fd = descriptor_reopen(view, inode, O_RDONLY);

	if (fd < 0)
		return fd;
	question.executable = executable_look(fd);
	if (is_privileged(req, stx, fd))
		question.flags |= BEHAVIOUR_PRIVILEGED;
	close(fd);
	if (++view->openings == HANDLE_NUMBERED)
		view->openings = 1;
	question.opening = view->openings;
	return ask(view, req, &question, inode, NULL);
}

int judge_name(struct view *view, fuse_req_t req, enum access access, const struct inode *dir,
	       const char *name)
{
	struct view_question question = {.access = access};

	/* a file without a name is asked for as one that no program can name by chance */
	return ask(view, req, &question, dir, name ? name : "#tmpfile");
}

int judge_special(struct view *view, fuse_req_t req, mode_t mode, const struct inode *dir,
		  const char *name)
{
	struct view_question question = {.access = ACCESS_CREATE};
	const struct lower *lower = &view->lowers[dir->key.lower];

	/* what cannot be made is no reason to have a volume natively from then on */
	if ((S_ISSOCK(mode) || S_ISFIFO(mode)) && lower->persistent &&
	    !file_system_is_readonly(lower->root->fd))
		question.flags |= BEHAVIOUR_SOCKET;
	return ask(view, req, &question, dir, name);
}
