/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Operations by chance, the same ones on both sides: whatever combination nobody thought of. The
 * seeds are fixed, so that a difference is found again.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "compare.h"

enum { FILE_MAX = 512 * 1024, PIECE_MAX = 40000, HANDLES = 6 };

static uint64_t state;

/* splitmix64, by Sebastiano Vigna, public domain: the same numbers everywhere. */
static uint32_t chance(uint32_t below)
{
	uint64_t z = (state += UINT64_C(0x9e3779b97f4a7c15));

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return (uint32_t)((z ^ (z >> 31)) >> 32) % below;
}

static uint32_t sum_of(const char *bytes, size_t len)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < len; i++)
		sum = sum * 33 + (unsigned char)bytes[i];
	return sum;
}

/* ---- content ---- */

struct content {
	int fds[HANDLES];
	char *map;
	char *piece;
};

static const char *const content_names[] = {"a", "b"};

static void open_content(struct content *c, size_t i)
{
	static const int flags[] = {O_RDWR, O_RDWR, O_RDWR | O_APPEND, O_RDWR | O_SYNC};
	int how = flags[chance(COUNT(flags))] | (chance(8) ? 0 : O_TRUNC);

	if (c->fds[i] >= 0)
		close(c->fds[i]);
	c->fds[i] = open(content_names[i % COUNT(content_names)], how | O_CREAT, 0644);
	said_ok("open", c->fds[i]);
}

static off_t size_of(int fd)
{
	struct stat st = {0};

	return fstat(fd, &st) < 0 ? -1 : st.st_size;
}

static void use_map(struct content *c, off_t at, size_t len, bool writes)
{
	off_t size = size_of(c->fds[0]);

	if (at + (off_t)len > size)
		return;
	if (writes)
		memset(c->map + at, (int)chance(256), len);
	say("map %u", sum_of(c->map + at, len));
}

static void change_content(struct content *c)
{
	static const int modes[] = {
		0, FALLOC_FL_KEEP_SIZE, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
		FALLOC_FL_ZERO_RANGE, FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE};
	size_t i = chance(HANDLES);
	int fd = c->fds[i];
	size_t len = chance(PIECE_MAX) + 1;
	off_t at = chance(FILE_MAX - PIECE_MAX);
	off_t to = chance(FILE_MAX - PIECE_MAX);
	ssize_t got;

	switch (chance(12)) {
	case 0:
	case 1:
	case 2:
		memset(c->piece, (int)chance(256), len);
		said("write", pwrite(fd, c->piece, len, size_of(fd) > FILE_MAX ? 0 : at));
		break;
	case 3:
	case 4:
	case 5:
		got = said("read", pread(fd, c->piece, len, at));
		say("sum %u", sum_of(c->piece, got > 0 ? (size_t)got : 0));
		break;
	case 6:
		said_ok("truncate", ftruncate(fd, chance(FILE_MAX)));
		break;
	case 7:
		said_ok("fallocate", fallocate(fd, modes[chance(COUNT(modes))], at, (off_t)len));
		break;
	case 8:
		said("copy", copy_file_range(fd, &at, c->fds[chance(HANDLES)], &to, len, 0) >= 0);
		break;
	case 9:
		use_map(c, at, len, true);
		break;
	case 10:
		use_map(c, at, len, false);
		break;
	default:
		if (chance(4))
			said_ok("sync", chance(2) ? fsync(fd) : msync(c->map, FILE_MAX, MS_SYNC));
		else
			open_content(c, i);
		break;
	}
	said("size", size_of(fd));
}

static void change_content_by_chance(void)
{
	for (uint64_t seed = 1; seed <= 4; seed++) {
		struct content c = {.fds = {-1, -1, -1, -1, -1, -1}};

		state = seed;
		c.piece = malloc(PIECE_MAX + 1);
		for (size_t i = 0; i < HANDLES; i++)
			open_content(&c, i);
		c.map = mmap(NULL, FILE_MAX, PROT_READ | PROT_WRITE, MAP_SHARED, c.fds[0], 0);
		if (!c.piece || c.map == MAP_FAILED)
			return;
		for (int i = 0; i < 500; i++)
			change_content(&c);
		munmap(c.map, FILE_MAX);
		for (size_t i = 0; i < HANDLES; i++)
			close(c.fds[i]);
		free(c.piece);
		say_content("a");
		unlink("a");
		unlink("b");
	}
}

/* ---- names ---- */

static const char *any_path(void)
{
	static char paths[4][32];
	static unsigned int next;
	char *path = paths[next++ % COUNT(paths)];
	size_t len = 0;

	for (uint32_t depth = chance(3) + 1; depth > 0; depth--) {
		path[len++] = (char)('a' + chance(4));
		path[len++] = depth > 1 ? '/' : '\0';
	}
	return path;
}

static void list(const char *path)
{
	DIR *dir = opendir(path);
	const struct dirent *entry;
	uint32_t sum = 0;

	said_ok("opendir", dir ? 0 : -1);
	while (dir && (entry = readdir(dir)))
		sum += sum_of(entry->d_name, strlen(entry->d_name)) * (entry->d_type + 1U);
	if (dir) {
		closedir(dir);
		say("entries %u", sum);
	}
}

static void use_handle(int *fd)
{
	char bytes[64] = "";
	struct stat st;

	if (*fd < 0 || !chance(4)) {
		if (*fd >= 0)
			close(*fd);
		*fd = open(any_path(), (chance(2) ? O_RDWR | O_CREAT : O_RDONLY) | O_NONBLOCK,
			   0666);
		said_ok("hold", *fd);
		return;
	}
	switch (chance(5)) {
	case 0:
		said("read", pread(*fd, bytes, sizeof(bytes) - 1, 0));
		say("%s", bytes);
		break;
	case 1:
		said("write", pwrite(*fd, "held", 4, chance(8)));
		break;
	case 2:
		said_ok("fchmod", fchmod(*fd, chance(01000)));
		break;
	case 3:
		said_ok("link", linkat(*fd, "", AT_FDCWD, any_path(), AT_EMPTY_PATH));
		break;
	default:
		said_ok("fstat", fstat(*fd, &st));
		say("mode %o links %lu", st.st_mode, (unsigned long)st.st_nlink);
		break;
	}
}

static void make_something(const char *path)
{
	static const mode_t modes[] = {0777, 0755, 0700, 01777, 02775};
	mode_t mode = modes[chance(COUNT(modes))];
	int fd;

	switch (chance(6)) {
	case 0:
		said_ok("symlink", symlink(any_path(), path));
		break;
	case 1:
		said_ok("fifo", mkfifo(path, mode));
		break;
	case 2:
		fd = (int)said_ok("create", open(path, O_CREAT | O_WRONLY | O_NONBLOCK, mode));
		said("write", write(fd, path, strlen(path)));
		close(fd);
		break;
	default:
		said_ok("mkdir", mkdir(path, mode));
		break;
	}
}

static void change_something(const char *path)
{
	switch (chance(6)) {
	case 0:
		said_ok("chmod", chmod(path, chance(010000)));
		break;
	case 1:
		said_ok("chown", lchown(path, 1000 + chance(2), 1000 + chance(2)));
		break;
	case 2:
		said_ok("xattr", setxattr(path, "user.x", path, strlen(path), (int)chance(3)));
		break;
	case 3:
		said_ok("truncate", truncate(path, chance(100)));
		break;
	case 4:
		said_ok("times", utimensat(AT_FDCWD, path, NULL, AT_SYMLINK_NOFOLLOW));
		break;
	default:
		said_ok("access", access(path, (int)chance(8)));
		break;
	}
}

static void do_something(int *fd)
{
	static const unsigned int flags[] = {0, 0, 0, 1, 2};
	const char *path = any_path();

	switch (chance(11)) {
	case 0:
	case 1:
	case 2:
		make_something(path);
		break;
	case 3:
	case 4:
		said_ok("rename", syscall(SYS_renameat2, AT_FDCWD, path, AT_FDCWD, any_path(),
					  flags[chance(COUNT(flags))]));
		break;
	case 5:
		said_ok("unlink", unlink(path));
		break;
	case 6:
		said_ok("link", link(path, any_path()));
		break;
	case 7:
		said_ok("rmdir", rmdir(path));
		break;
	case 8:
		list(path);
		break;
	case 9:
		change_something(path);
		break;
	default:
		use_handle(fd);
		break;
	}
	say_stat(path);
}

static void change_names_by_chance(void)
{
	static const uid_t users[] = {0, 0, 1000, 1001};

	for (uint64_t seed = 1; seed <= 6; seed++) {
		int fds[HANDLES] = {-1, -1, -1, -1, -1, -1};

		state = seed;
		for (int i = 0; i < 800; i++) {
			uid_t user = users[chance(COUNT(users))];

			umask(chance(2) ? 022 : chance(0100));
			said_ok("as", setresgid(-1, user, -1) + setresuid(-1, user, -1));
			do_something(&fds[chance(HANDLES)]);
			if (setresuid(-1, 0, -1) < 0 || setresgid(-1, 0, -1) < 0)
				said_ok("root again", -1);
		}
		for (size_t i = 0; i < HANDLES; i++)
			close(fds[i]);
	}
}

const struct compare_case cases_random[] = {
	{"content changed by chance is the same", change_content_by_chance},
	{"names changed by chance are the same", change_names_by_chance},
	{NULL, NULL},
};
