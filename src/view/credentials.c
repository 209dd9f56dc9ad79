/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Files are made with the caller's ids, so that owner, group and quota are right from the first
 * moment. The kernel checked with the caller's groups and ACLs whether it may; here the
 * capabilities stay, so that the lower file system does not judge once more with less knowledge.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "view/view-internal.h"

#define STATUS_MAX ((size_t)64 * 1024) /* of /proc/PID/status; a process may have 65536 groups */

/*
 * setfsuid(2) away from 0 takes the capabilities over files out of the effective set
 * (credentials(7)); they are put back. The raw calls change this thread alone.
 */
static void change_ids(uid_t uid, gid_t gid)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct sets[2];
	bool known = syscall(SYS_capget, &header, sets) == 0;

	setfsgid(gid);
	setfsuid(uid);
	if (known && uid != 0)
		(void)syscall(SYS_capset, &header, sets);
}

void credentials_enter(fuse_req_t req, mode_t mask, struct credentials *ret)
{
	const struct fuse_ctx *ctx = fuse_req_ctx(req);

	*ret = (struct credentials){.uid = ctx->uid, .gid = ctx->gid};
	ret->changed = ctx->uid != 0 || ctx->gid != 0;
	if (ret->changed)
		change_ids(ctx->uid, ctx->gid);
	ret->umask = umask(mask);
}

void credentials_leave(const struct credentials *credentials)
{
	int saved = errno;

	umask(credentials->umask);
	if (credentials->changed) {
		setfsuid(0);
		setfsgid(0);
	}
	errno = saved;
}

static bool in_first_user_namespace(pid_t pid)
{
	char path[64];
	struct stat own, other;

	(void)snprintf(path, sizeof(path), "%d/ns/user", pid);
	return stat("self/ns/user", &own) == 0 && stat(path, &other) == 0 &&
	       own.st_ino == other.st_ino;
}

/* The line of /proc/PID/status that begins with `name`, behind it; *ret_text owns the memory. */
static const char *status_line(pid_t pid, const char *name, char **ret_text)
{
	char path[64];
	const char *line;
	size_t len;

	(void)snprintf(path, sizeof(path), "%d/status", pid);
	if (read_file_at(AT_FDCWD, path, STATUS_MAX, ret_text, &len, NULL) < 0)
		return NULL;
	line = strstr(*ret_text, name);
	return line ? line + strlen(name) : NULL;
}

bool credentials_capable(fuse_req_t req, int capability)
{
	pid_t pid = fuse_req_ctx(req)->pid;
	cleanup_free char *text = NULL;
	const char *line = status_line(pid, "\nCapEff:", &text);

	return line && (strtoull(line, NULL, 16) >> capability & 1) && in_first_user_namespace(pid);
}

pid_t credentials_process(fuse_req_t req)
{
	cleanup_free char *text = NULL;
	const char *line = status_line(fuse_req_ctx(req)->pid, "\nTgid:", &text);

	return line ? (pid_t)strtol(line, NULL, 10) : 0;
}

/* "Gid:" has the real, effective, saved and file system's one, proc_pid_status(5). */
static const char *last_field(const char *line)
{
	const char *last = line;

	for (; *line && *line != '\n'; line++) {
		if (*line == '\t')
			last = line + 1;
	}
	return last;
}

bool credentials_in_group(fuse_req_t req, gid_t gid)
{
	const struct fuse_ctx *ctx = fuse_req_ctx(req);
	cleanup_free char *text = NULL;
	const char *at;
	char *end;

	/* the request has ids only where it makes something (FUSE_ALLOW_IDMAP) */
	at = status_line(ctx->pid, "\nGid:", &text);
	if (at && strtoul(last_field(at), NULL, 10) == gid)
		return true;
	at = text ? strstr(text, "\nGroups:") : NULL;
	at = at ? at + sizeof("\nGroups:") - 1 : NULL;
	for (; at && *at && *at != '\n'; at = end) {
		unsigned long group = strtoul(at, &end, 10);

		if (end == at || *at == '\n')
			break;
		if (group == gid)
			return true;
		while (*end == ' ')
			end++;
	}
	return false;
}
