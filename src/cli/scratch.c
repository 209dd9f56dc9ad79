/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Temporary directories of local runs. Nothing here ever descends into a mount: the root is bound
 * in the mount namespace of a run, and at a place that is not removed.
 */
#include "cli/scratch.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"

#define OPEN_TRIES_MAX 100

/* Has the runtime kill and delete the container `id`, whose --root is `path`/state. */
static void delete_container(const char *runtime, const char *path, const char *id)
{
	char state[PATH_MAX];
	pid_t child;
	int status;

	snprintf(state, sizeof(state), "%.4000s/state", path);
	child = fork();
	if (child == 0) {
		int null = open("/dev/null", O_RDWR | O_CLOEXEC);

		for (int fd = 0; null >= 0 && fd <= 2; fd++)
			dup2(null, fd);
		execl(runtime, runtime, "--root", state, "delete", "--force", id, (char *)NULL);
		_exit(127);
	}
	while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
}

static bool has_container(int dir_fd, const char *id)
{
	char name[64];
	struct stat st;

	snprintf(name, sizeof(name), "state/%s", id);
	return fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

static void remove_one(int parent_fd, const char *parent_path, const char *id)
{
	cleanup_close int dir_fd = openat(parent_fd, id, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cleanup_free char *runtime = NULL;
	char path[PATH_MAX];
	size_t len;

	if (dir_fd < 0)
		return;
	snprintf(path, sizeof(path), "%s/%s", parent_path, id);
	if (has_container(dir_fd, id) &&
	    read_file_at(dir_fd, "runtime", PATH_MAX, &runtime, &len, NULL) == 0)
		delete_container(runtime, path, id);
	remove_tree_at(parent_fd, id);
}

/* The lock of a directory that lives is held; RUNTIME/local itself is locked by the caller, so that
 * none is between its mkdir(2) and its lock. */
static void remove_stale(int parent_fd, const char *parent_path)
{
	cleanup_dir DIR *dir = NULL;
	struct dirent *entry;
	int fd = openat(parent_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	dir = fd >= 0 ? fdopendir(fd) : NULL;
	while (dir && (entry = readdir(dir))) {
		char name[NAME_MAX + 8];
		cleanup_close int lock = -1;

		if (strncmp(entry->d_name, "husk-", 5) != 0)
			continue;
		snprintf(name, sizeof(name), "%s/lock", entry->d_name);
		lock = openat(parent_fd, name, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
		if (lock < 0 || flock(lock, LOCK_EX | LOCK_NB) < 0)
			continue;
		remove_one(parent_fd, parent_path, entry->d_name);
	}
	if (!dir && fd >= 0)
		close(fd);
}

static int fill(struct scratch *s, const char *runtime, struct error *err)
{
	static const char *const names[] = {"state", "bundle"};
	cleanup_close int dir_fd = -1;

	if (mkdirat(s->parent_fd, "rootfs", 0755) < 0 && errno != EEXIST)
		return error_set(err, errno, "cannot create the directory '%s'", s->rootfs);
	if (mkdirat(s->parent_fd, s->id, 0700) < 0)
		return error_set(err, errno, "cannot create the directory '%s'", s->path);
	dir_fd = openat(s->parent_fd, s->id, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir_fd < 0)
		return error_set(err, errno, "cannot open the directory '%s'", s->path);
	s->lock_fd = openat(dir_fd, "lock", O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (s->lock_fd < 0 || flock(s->lock_fd, LOCK_EX | LOCK_NB) < 0)
		return error_set(err, errno, "cannot lock '%s/lock'", s->path);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (mkdirat(dir_fd, names[i], 0700) < 0)
			return error_set(err, errno, "cannot create '%s/%s'", s->path, names[i]);
	}
	return atomic_file_write(dir_fd, "runtime", runtime, strlen(runtime), 0600, err);
}

/* Opens RUNTIME/local and locks it. The last run removes it: one that is gone by then will not do.
 */
static int open_parent(const char *path, struct error *err)
{
	for (int tries = 0; tries < OPEN_TRIES_MAX; tries++) {
		cleanup_close int fd = open_dir_made(path, 0700, err);
		struct stat st;

		if (fd < 0)
			return fd;
		if (flock(fd, LOCK_EX) < 0 || fstat(fd, &st) < 0)
			return error_set(err, errno, "cannot lock '%s'", path);
		if (st.st_nlink > 0)
			return steal_fd(&fd);
	}
	return error_say(err, EBUSY, "'%s' is removed again and again", path);
}

/*
 * Removes what all runs share, where this was the last: nobody is between making and locking a
 * directory of his own as long as the lock is held. Removing the place where a root is bound would
 * unmount it in every mount namespace.
 */
static void remove_shared(int parent_fd, const char *parent_path)
{
	cleanup_dir DIR *dir = NULL;
	struct dirent *entry;
	bool last = true;
	int fd;

	if (flock(parent_fd, LOCK_EX | LOCK_NB) < 0)
		return;
	fd = openat(parent_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	dir = fd >= 0 ? fdopendir(fd) : NULL;
	if (!dir && fd >= 0)
		close(fd);
	while (dir && (entry = readdir(dir)))
		last = last && strncmp(entry->d_name, "husk-", 5) != 0;
	if (dir && last && unlinkat(parent_fd, "rootfs", AT_REMOVEDIR) == 0)
		(void)rmdir(parent_path);
	flock(parent_fd, LOCK_UN);
}

int scratch_make(const char *runtime_directory, const char *runtime, struct scratch *ret,
		 struct error *err)
{
	cleanup_scratch struct scratch s = SCRATCH_INIT;
	char parent[PATH_MAX];
	uint64_t random;
	int r;

	if (strlen(runtime_directory) > sizeof(s.path) - 64)
		return error_say(err, ENAMETOOLONG, "the path '%.80s...' is too long",
				 runtime_directory);
	snprintf(parent, sizeof(parent), "%s/local", runtime_directory);
	r = open_parent(parent, err);
	if (r < 0)
		return r;
	s.parent_fd = r;
	remove_stale(s.parent_fd, parent);
	if (getrandom(&random, sizeof(random), 0) != (ssize_t)sizeof(random))
		return error_set(err, errno, "cannot make an id");
	snprintf(s.id, sizeof(s.id), "husk-%016" PRIx64, random);
	snprintf(s.path, sizeof(s.path), "%.*s/%s", (int)sizeof(s.path) - 32, parent, s.id);
	snprintf(s.rootfs, sizeof(s.rootfs), "%.*s/rootfs", (int)sizeof(s.rootfs) - 32, parent);
	r = fill(&s, runtime, err);
	flock(s.parent_fd, LOCK_UN);
	if (r < 0)
		return r;
	*ret = s;
	s = SCRATCH_INIT;
	return 0;
}

void scratch_remove(struct scratch *scratch)
{
	int saved = errno;
	char parent[PATH_MAX];
	char *slash;

	if (scratch->id[0] && text_copy(parent, sizeof(parent), scratch->path)) {
		slash = strrchr(parent, '/');
		if (slash)
			*slash = '\0';
		remove_one(scratch->parent_fd, parent, scratch->id);
		remove_shared(scratch->parent_fd, parent);
	}
	if (scratch->lock_fd >= 0)
		close(scratch->lock_fd);
	if (scratch->parent_fd >= 0)
		close(scratch->parent_fd);
	*scratch = SCRATCH_INIT;
	errno = saved;
}
