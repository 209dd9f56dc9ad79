/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Files: whole reads and writes, atomic replacement, opening below a root. */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"

#define READ_STEP 16384
#define REMOVE_DEPTH_MAX 8

int write_all(int fd, const void *bytes, size_t len)
{
	const char *next = bytes;

	while (len > 0) {
		ssize_t n = write(fd, next, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		next += n;
		len -= (size_t)n;
	}
	return 0;
}

/* Room for a whole file and the NUL, where its size is known; it may grow while it is read. */
static size_t first_room(int fd, size_t max)
{
	struct stat st;

	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size <= 0 ||
	    (uintmax_t)st.st_size > max)
		return READ_STEP;
	return (size_t)st.st_size + 2;
}

int read_to_end(int fd, size_t max, char **ret_bytes, size_t *ret_len)
{
	cleanup_free char *bytes = NULL;
	size_t len = 0, room = 0;

	for (;;) {
		ssize_t n;

		if (room - len < 2) {
			size_t more = room ? room * 2 : first_room(fd, max);
			char *grown = realloc(bytes, more);

			if (!grown)
				return -ENOMEM;
			bytes = grown;
			room = more;
		}
		n = read(fd, bytes + len, room - len - 1);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		len += (size_t)n;
		if (len > max)
			return -EFBIG;
	}
	bytes[len] = '\0';
	*ret_bytes = steal_ptr(&bytes);
	*ret_len = len;
	return 0;
}

int map_file_at(int dirfd, const char *name, size_t min, size_t max, const void **ret_bytes,
		size_t *ret_len)
{
	cleanup_close int fd =
		openat(dirfd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK);
	struct stat st;
	void *bytes;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || st.st_size < (off_t)min || st.st_size > (off_t)max)
		return -EPROTO;
	bytes = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED | MAP_POPULATE, fd, 0);
	if (bytes == MAP_FAILED)
		return -errno;
	*ret_bytes = bytes;
	*ret_len = (size_t)st.st_size;
	return 0;
}

int read_file_at(int dirfd, const char *name, size_t max, char **ret_bytes, size_t *ret_len,
		 struct error *err)
{
	cleanup_close int fd = openat(dirfd, name, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	int r;

	if (fd < 0)
		return error_set(err, errno, "cannot open '%s'", name);
	r = read_to_end(fd, max, ret_bytes, ret_len);
	if (r == -EFBIG)
		return error_say(err, EFBIG, "'%s' is larger than %zu bytes", name, max);
	if (r < 0)
		return error_set(err, -r, "cannot read '%s'", name);
	return 0;
}

static int write_synced(int fd, const void *bytes, size_t len)
{
	int r = write_all(fd, bytes, len);

	if (r < 0)
		return r;
	return fsync(fd) < 0 ? -errno : 0;
}

int atomic_file_write(int dirfd, const char *name, const void *bytes, size_t len, mode_t mode,
		      struct error *err)
{
	char temporary[NAME_MAX + 1];
	cleanup_close int fd = -1;
	int r;

	r = snprintf(temporary, sizeof(temporary), ".%.200s.%ld", name, (long)getpid());
	if (r < 0 || (size_t)r >= sizeof(temporary))
		return error_set(err, ENAMETOOLONG, "cannot replace '%s'", name);
	unlinkat(dirfd, temporary, 0);
	fd = openat(dirfd, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
	if (fd < 0)
		return error_set(err, errno, "cannot create a file beside '%s'", name);
	r = write_synced(fd, bytes, len);
	if (r == 0 && renameat(dirfd, temporary, dirfd, name) < 0)
		r = -errno;
	if (r < 0) {
		unlinkat(dirfd, temporary, 0);
		return error_set(err, -r, "cannot replace '%s'", name);
	}
	if (fsync(dirfd) < 0)
		return error_set(err, errno, "cannot sync the directory of '%s'", name);
	return 0;
}

static int make_parents(const char *path)
{
	cleanup_free char *copy = strdup(path);

	if (!copy)
		return -ENOMEM;
	for (char *slash = strchr(copy + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(copy, 0755) < 0 && errno != EEXIST)
			return -errno;
		*slash = '/';
	}
	return 0;
}

int open_dir_made(const char *path, mode_t mode, struct error *err)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r;

	if (fd >= 0)
		return fd;
	if (errno != ENOENT)
		return error_set(err, errno, "cannot open the directory '%s'", path);
	r = make_parents(path);
	if (r == 0 && mkdir(path, mode) < 0 && errno != EEXIST)
		r = -errno;
	if (r < 0)
		return error_set(err, -r, "cannot create the directory '%s'", path);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return error_set(err, errno, "cannot open the directory '%s'", path);
	return fd;
}

int open_in_root(int dirfd, const char *path, int flags, mode_t mode)
{
	struct open_how how = {
		.flags = (uint64_t)(unsigned int)flags | O_CLOEXEC,
		.mode = (flags & O_CREAT) ? mode : 0,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};
	long fd = syscall(SYS_openat2, dirfd, path, &how, sizeof(how));

	return fd < 0 ? -errno : (int)fd;
}

static int remove_tree_depth(int parent, const char *name, int depth)
{
	cleanup_dir DIR *dir = NULL;
	cleanup_close int fd = -1;
	struct dirent *entry;

	if (unlinkat(parent, name, 0) == 0 || errno == ENOENT)
		return 0;
	if (errno != EISDIR && errno != EPERM)
		return -errno;
	if (depth == 0)
		return -ELOOP;
	fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	dir = fdopendir(fd);
	if (!dir)
		return -errno;
	steal_fd(&fd);
	while ((entry = readdir(dir))) {
		int r;

		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		r = remove_tree_depth(dirfd(dir), entry->d_name, depth - 1);
		if (r < 0)
			return r;
	}
	if (unlinkat(parent, name, AT_REMOVEDIR) < 0 && errno != ENOENT)
		return -errno;
	return 0;
}

int remove_tree_at(int dirfd, const char *name)
{
	return remove_tree_depth(dirfd, name, REMOVE_DEPTH_MAX);
}

void open_standard_streams(void)
{
	int fd;

	/* the lowest closed descriptor is the one that is given out */
	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}

bool file_system_is_readonly(int fd)
{
	struct statvfs st;

	return fstatvfs(fd, &st) == 0 && st.f_flag & ST_RDONLY;
}

bool file_system_is_full(int fd, uint64_t bytes)
{
	struct statvfs st;

	if (fstatvfs(fd, &st) < 0)
		return false;
	return (st.f_blocks > 0 && (uint64_t)st.f_bfree * st.f_frsize < bytes) ||
	       (st.f_files > 0 && st.f_ffree == 0);
}
