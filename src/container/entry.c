/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The file that the runtime will execute. The runtimes agree on nearly everything; where they do
 * not, and where that would make a difference here, the answer is an error: a launcher that is
 * bound over one file while the runtime executes another would leave the function unwrapped.
 *
 * Read: find_executable() of crun 1.8.1 and of its main branch of August 2026, Go's
 * os/exec.LookPath that runc 1.1.5 and 1.5.1 use. Tried on live containers: crun 1.8.1, runc 1.1.5.
 *   - A name with a '/' is relative to process.cwd, never looked up in PATH.
 *   - Without PATH nothing is found.
 *   - An element of PATH that is empty is "/" for crun 1.8.1 and process.cwd for later ones; runc
 *     refuses to execute what a relative element gave.
 *   - A name that begins with '.' and has no '/' is relative to process.cwd for crun 1.8.1.
 *   - Directories, and files that nobody may execute or that lie on a noexec mount, are passed
 * over.
 */
#include "container/entry.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "base/cleanup.h"
#include "base/file.h"

#define RETRIES 32

enum dialect { DIALECT_OLD, DIALECT_NEW };

/* RESOLVE_IN_ROOT answers EAGAIN when something was renamed or mounted meanwhile: openat2(2). */
static int open_path(int root_fd, const char *path)
{
	int fd = -EAGAIN;

	for (int i = 0; i < RETRIES && fd == -EAGAIN; i++)
		fd = open_in_root(root_fd, path, O_PATH, 0);
	return fd;
}

static uint64_t mount_id_of(int fd)
{
	struct statx st = {0};

	if (statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_MNT_ID, &st) < 0)
		return 0;
	return st.stx_mnt_id;
}

/*
 * Does config.json make the mount that `fd` lies on noexec? crun sets the flags of a bind that is
 * read-only as the last thing before it enters the root, so while hooks run the mount has none. Of
 * mounts at one place the last is what is there, under whatever name.
 */
static bool will_be_noexec(int root_fd, const struct oci_spec *spec, int fd)
{
	uint64_t id = mount_id_of(fd);

	if (id == 0 || id == mount_id_of(root_fd))
		return false;
	for (size_t i = spec->n_mounts; i > 0; i--) {
		cleanup_close int point = open_path(root_fd, spec->mounts[i - 1].destination);

		if (point >= 0 && mount_id_of(point) == id)
			return spec->mounts[i - 1].noexec;
	}
	return false;
}

/*
 * Opens `path` if it can be executed at all: 0 with *ret_fd, 1 where it is not there or not
 * executable, -errno for what leaves that open. The bits of everybody count, not those of the
 * caller: crun looks with all capabilities, and runc as root too unless the user is another.
 */
static int try_path(int root_fd, const struct oci_spec *spec, const char *path, int *ret_fd,
		    struct error *err)
{
	cleanup_close int fd = open_path(root_fd, path);
	struct statvfs file_system;
	struct stat st;

	if (fd == -ENOENT || fd == -ENOTDIR || fd == -EACCES || fd == -ENAMETOOLONG)
		return 1;
	if (fd < 0)
		return error_set(err, -fd, "cannot look up '%.200s' in the container's root", path);
	if (fstat(fd, &st) < 0 || fstatvfs(fd, &file_system) < 0)
		return error_set(err, errno, "cannot look at '%.200s' in the container's root",
				 path);
	if (!S_ISREG(st.st_mode) || !(st.st_mode & 0111) || (file_system.f_flag & ST_NOEXEC) ||
	    will_be_noexec(root_fd, spec, fd))
		return 1;
	*ret_fd = steal_fd(&fd);
	return 0;
}

/* Writes DIRECTORY/NAME, DIRECTORY itself relative to cwd. Longer than a path can be is
 * -ENAMETOOLONG. */
static int join(const char *cwd, const char *directory, size_t directory_len, const char *name,
		char out[PATH_MAX])
{
	bool absolute = directory_len > 0 && directory[0] == '/';
	int n = snprintf(out, PATH_MAX, "%s/%.*s/%s", absolute ? "" : cwd, (int)directory_len,
			 directory, name);

	return n < 0 || n >= PATH_MAX ? -ENAMETOOLONG : 0;
}

static int search(int root_fd, const struct oci_spec *spec, enum dialect dialect, int *ret_fd,
		  struct error *err)
{
	const char *name = spec->args[0];
	const char *at = oci_spec_env(spec, "PATH");
	char path[PATH_MAX];

	if (dialect == DIALECT_OLD && name[0] == '.')
		return join(spec->cwd, "", 0, name, path) < 0
			       ? 1
			       : try_path(root_fd, spec, path, ret_fd, err);
	while (at) {
		size_t len = strcspn(at, ":");
		bool is_root = len == 0 && dialect == DIALECT_OLD;
		int r = 1;

		/* what does not fit into a path is nothing that a runtime could execute */
		if (join(spec->cwd, is_root ? "/" : at, is_root ? 1 : len, name, path) == 0)
			r = try_path(root_fd, spec, path, ret_fd, err);
		if (r <= 0)
			return r;
		at = at[len] ? at + len + 1 : NULL;
	}
	return 1;
}

static bool has_empty_element(const char *path)
{
	size_t len = path ? strlen(path) : 1;

	return len == 0 || (path && (path[0] == ':' || path[len - 1] == ':' || strstr(path, "::")));
}

static bool is_same_file(int one, int other)
{
	struct stat a, b;

	return fstat(one, &a) == 0 && fstat(other, &b) == 0 && a.st_dev == b.st_dev &&
	       a.st_ino == b.st_ino;
}

static int resolve_by_path(int root_fd, const struct oci_spec *spec, int *ret_fd, struct error *err)
{
	cleanup_close int fd = -1, other = -1;
	int r = search(root_fd, spec, DIALECT_NEW, &fd, err);

	if (r < 0)
		return r;
	if (spec->args[0][0] == '.' || has_empty_element(oci_spec_env(spec, "PATH"))) {
		r = search(root_fd, spec, DIALECT_OLD, &other, err);
		if (r < 0)
			return r;
	}
	if (fd >= 0 && other >= 0 && !is_same_file(fd, other)) {
		error_say(err, ENOTSUP, "runtimes disagree on which file '%.200s' is",
			  spec->args[0]);
		error_hint(err, "give the program with its directory");
		return -ENOTSUP;
	}
	if (fd < 0 && other < 0)
		return 1;
	*ret_fd = steal_fd(fd >= 0 ? &fd : &other);
	return 0;
}

int entry_resolve(int root_fd, const struct oci_spec *spec, int *ret_fd, struct error *err)
{
	char path[PATH_MAX];
	const char *name;
	size_t len;
	int r;

	if (spec->n_args == 0 || spec->args[0][0] == '\0')
		return 1;
	name = spec->args[0];
	len = strcspn(name, "/");
	if (name[len] == '\0')
		return resolve_by_path(root_fd, spec, ret_fd, err);
	if (name[0] == '/')
		return try_path(root_fd, spec, name, ret_fd, err);
	/* runc enters cwd first, so that its limit counts for the name alone */
	r = join(spec->cwd, name, len, name + len + 1, path);
	if (r < 0)
		return error_set(err, -r, "cannot look up '%.200s' in the container's root", name);
	return try_path(root_fd, spec, path, ret_fd, err);
}
