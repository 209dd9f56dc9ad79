/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUSK_BASE_FILE_H
#define HUSK_BASE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"

/* Writes all of `len` bytes, going on after short writes and EINTR. Returns 0 or -errno. */
int write_all(int fd, const void *bytes, size_t len);

/*
 * Reads `fd` to its end into memory of its own, with a NUL after the last byte.
 * ret_bytes: malloc'd, the caller frees. ret_len: without the NUL. max: more is -EFBIG.
 * Returns 0 or -errno.
 */
int read_to_end(int fd, size_t max, char **ret_bytes, size_t *ret_len);

/* Opens `name` below `dirfd` (AT_FDCWD for a path) read-only and reads it as read_to_end() does. */
int read_file_at(int dirfd, const char *name, size_t max, char **ret_bytes, size_t *ret_len,
		 struct error *err);

/*
 * Maps the regular file `name` below `dirfd` for reading, all of it, populated. A link is not
 * followed, and nothing that is no file is waited for or touched by the opening.
 * ret_bytes: the caller gives them to munmap(2) with *ret_len. min: at least 1.
 * Returns 0; -EPROTO where it is no regular file of `min` to `max` bytes; other -errno.
 */
int map_file_at(int dirfd, const char *name, size_t min, size_t max, const void **ret_bytes,
		size_t *ret_len);

/*
 * Replaces the file `name` in directory `dirfd` so that every reader, and every reader after a
 * crash, sees the old content or the new: temporary file, fsync, rename, fsync of the directory.
 * Returns 0 or -errno with *err set; then nothing has changed and no temporary file is left.
 */
int atomic_file_write(int dirfd, const char *name, const void *bytes, size_t len, mode_t mode,
		      struct error *err);

/*
 * Opens the directory `path`, made with `mode` (and its parents with 0755) where it is missing.
 * Returns an O_PATH-free, O_CLOEXEC directory descriptor that the caller closes, or -errno.
 */
int open_dir_made(const char *path, mode_t mode, struct error *err);

/*
 * openat2(2) below `dirfd` as if it were "/": no link and no ".." leads out of it.
 * flags as open(2), O_CLOEXEC added. Returns a descriptor or -errno. Kernel 5.6; on a kernel
 * without openat2, or where a filter refuses it, -ENOSYS or -EPERM.
 */
int open_in_root(int dirfd, const char *path, int flags, mode_t mode);

/*
 * Removes `name` below `dirfd` and, where it is a directory, what is in it, never following a link
 * and to a depth of 8. What is missing already is no error. Returns 0 or -errno of the first
 * failure.
 */
int remove_tree_at(int dirfd, const char *name);

/*
 * Opens /dev/null on each of the descriptors 0, 1 and 2 that is closed, so that no file that is
 * opened later becomes a standard stream. The first thing that a program does.
 */
void open_standard_streams(void);

/* Can nothing be written to the file system of `fd` (O_PATH will do), by that mount or at all?
 * False where that cannot be known. Source: statvfs(3), ST_RDONLY. */
bool file_system_is_readonly(int fd);

/* Has the file system of `fd` less than `bytes` of room for root, or none for another file? False
 * where that cannot be known. Source: statvfs(3); sizes of 0 are of file systems without any. */
bool file_system_is_full(int fd, uint64_t bytes);

#endif
