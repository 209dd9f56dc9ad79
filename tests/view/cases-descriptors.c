/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a descriptor can do beyond reading and writing: O_PATH, flags, openat2(2), pipes. */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "compare.h"

static const char *self(int fd)
{
	static char path[64];

	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return path;
}

/* Where the link of /proc leads to, from the case's directory on. */
static void say_link(int fd)
{
	char cwd[4096], target[4096];
	ssize_t len = readlink(self(fd), target, sizeof(target) - 1);

	if (len < 0 || !getcwd(cwd, sizeof(cwd))) {
		said_ok("link", -1);
		return;
	}
	target[len] = '\0';
	say("link %s", strncmp(target, cwd, strlen(cwd)) == 0 ? target + strlen(cwd) : target);
}

static void use_o_path(void)
{
	char byte, value[8], target[16] = "";
	struct stat st;
	struct statfs fs;
	int fd, dir, link;

	put("f", "x");
	mkdir("d", 0755);
	put("d/g", "y");
	symlink("f", "s");
	fd = (int)said_ok("O_PATH", open("f", O_PATH));
	said_ok("read", read(fd, &byte, 1));
	said_ok("write", write(fd, "y", 1));
	said_ok("stat", fstat(fd, &st));
	said_ok("statfs", fstatfs(fd, &fs));
	said_ok("chmod", fchmod(fd, 0600));
	said_ok("chown", fchown(fd, 1, 1));
	said_ok("chown by name", fchownat(fd, "", 1, 1, AT_EMPTY_PATH));
	said_ok("chmod through /proc", chmod(self(fd), 0604));
	said_ok("times", utimensat(fd, "", NULL, AT_EMPTY_PATH));
	said_ok("fgetxattr", fgetxattr(fd, "user.a", value, sizeof(value)));
	said_ok("xattr through /proc", setxattr(self(fd), "user.a", "v", 1, 0));
	said_ok("fsync", fsync(fd));
	said("flags", fcntl(fd, F_GETFL) & O_PATH);
	say_stat("f");
	said_ok("open again", open(self(fd), O_RDWR));
	said_ok("link", linkat(fd, "", AT_FDCWD, "l", AT_EMPTY_PATH));
	said_ok("rename", rename("f", "renamed"));
	said_ok("stat", fstat(fd, &st));
	say_link(fd);
	said_ok("open renamed", open(self(fd), O_RDWR));
	unlink("renamed");
	unlink("l");
	said_ok("stat", fstat(fd, &st));
	said("links", (long)st.st_nlink);
	said_ok("open removed", open(self(fd), O_RDWR));
	said_ok("link removed", linkat(fd, "", AT_FDCWD, "l", AT_EMPTY_PATH));
	dir = (int)said_ok("directory", open("d", O_PATH | O_DIRECTORY));
	said_ok("openat", openat(dir, "g", O_RDONLY));
	said_ok("list", open(self(dir), O_RDONLY | O_DIRECTORY));
	said_ok("fchdir", fchdir(dir));
	say_content("g");
	link = (int)said_ok("link", open("../s", O_PATH | O_NOFOLLOW));
	said_ok("stat", fstat(link, &st));
	say("type %o", st.st_mode & S_IFMT);
	said("readlink", readlinkat(link, "", target, sizeof(target)));
	say("%s", target);
	said_ok("open a link", open(self(link), O_RDONLY));
}

static void execute_descriptors(void)
{
	static char name[] = "true";
	static char *const arguments[] = {name, NULL};
	static char *const environment[] = {NULL};
	int status = 0;
	int in = open("/bin/true", O_RDONLY), out = open("true", O_CREAT | O_WRONLY, 0755);

	while (sendfile(out, in, NULL, 1 << 20) > 0)
		;
	close(out);
	for (int i = 0; i < 3; i++) {
		int fd = open("true", (i ? O_RDONLY : O_PATH) | O_CLOEXEC);
		pid_t pid = fork();

		if (i == 2)
			unlink("true");
		if (pid == 0) {
			(void)syscall(SYS_execveat, fd, "", arguments, environment, AT_EMPTY_PATH);
			_exit(100);
		}
		waitpid(pid, &status, 0);
		say("status %d", WEXITSTATUS(status));
		close(fd);
	}
}

static void keep_running_programs(void)
{
	int in = open("/bin/sleep", O_RDONLY), out = open("sleep", O_CREAT | O_WRONLY, 0755);
	int pipes[2];
	char byte;
	pid_t pid;

	while (sendfile(out, in, NULL, 1 << 20) > 0)
		;
	close(out);
	if (pipe2(pipes, O_CLOEXEC) < 0)
		return;
	pid = fork();
	if (pid == 0) {
		execl("./sleep", "sleep", "30", (char *)NULL);
		_exit(1);
	}
	close(pipes[1]);
	(void)read(pipes[0], &byte, 1); /* ends with the exec */
	said_ok("write to it", open("sleep", O_WRONLY));
	said_ok("truncate", truncate("sleep", 0));
	said_ok("read it", open("sleep", O_RDONLY));
	said_ok("rename", rename("sleep", "awake"));
	said_ok("unlink", unlink("awake"));
	said_ok("kill", kill(pid, SIGKILL));
	waitpid(pid, NULL, 0);
}

static void tell_flags(void)
{
	static const int flags[] = {O_RDONLY,
				    O_WRONLY,
				    O_RDWR,
				    O_RDWR | O_APPEND,
				    O_RDONLY | O_NOATIME,
				    O_RDWR | O_SYNC,
				    O_RDWR | O_DSYNC,
				    O_RDWR | O_NONBLOCK,
				    O_RDONLY | O_ASYNC,
				    O_RDONLY | O_NOFOLLOW,
				    O_RDWR | O_TRUNC,
				    O_WRONLY | O_CREAT | O_EXCL,
				    O_ACCMODE};
	int fd;

	put("f", "x");
	for (size_t i = 0; i < COUNT(flags); i++) {
		fd = open("f", flags[i], 0600);
		say("open %o: %s", flags[i], fd < 0 ? strerrorname_np(errno) : "ok");
		if (fd >= 0)
			say("flags %o", fcntl(fd, F_GETFL));
		close(fd);
	}
	fd = open("f", O_RDWR);
	said_ok("set", fcntl(fd, F_SETFL, O_APPEND | O_NONBLOCK | O_NOATIME));
	say("flags %o", fcntl(fd, F_GETFL));
	said("write", write(fd, "appended", 8));
	say_content("f");
	said_ok("O_TMPFILE without writing", open(".", O_TMPFILE | O_RDONLY, 0600));
	said_ok("O_DIRECTORY and O_CREAT", open("new", O_DIRECTORY | O_CREAT | O_RDWR, 0600));
	said_ok("write hint", fcntl(fd, F_SET_RW_HINT, &(uint64_t){2}));
	said_ok("notify", fcntl(open(".", O_RDONLY), F_NOTIFY, 1));
	said_ok("owner", fcntl(fd, F_SETOWN, getpid()));
}

static void open_by(const char *label, const char *path, uint64_t resolve)
{
	struct open_how how = {.flags = O_RDONLY, .resolve = resolve};

	said_ok(label, syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof(how)));
}

static void resolve_paths(void)
{
	mkdir("d", 0755);
	put("d/f", "x");
	symlink("d/f", "s");
	symlink("/etc/passwd", "abs");
	symlink("../x", "d/up");
	open_by("plain", "d/f", 0);
	open_by("no links", "s", RESOLVE_NO_SYMLINKS);
	open_by("beneath", "d/f", RESOLVE_BENEATH);
	open_by("beneath by a link", "s", RESOLVE_BENEATH);
	open_by("out by an absolute link", "abs", RESOLVE_BENEATH);
	open_by("out", "..", RESOLVE_BENEATH);
	open_by("in root", "abs", RESOLVE_IN_ROOT);
	open_by("in root", "/d/f", RESOLVE_IN_ROOT);
	open_by("no mounts", "d/f", RESOLVE_NO_XDEV);
	open_by("cached", "d/f", RESOLVE_CACHED);
	open_by("..", "d/../d/f", 0);
	open_by("through a file", "d/f/../f", 0);
	open_by("trailing slash", "d/f/", 0);
}

static void ask_with_flags(void)
{
	struct statx stx;

	put("f", "content");
	symlink("f", "s");
	chmod("f", 0640);
	said_ok("no sync", statx(AT_FDCWD, "f", AT_STATX_DONT_SYNC, STATX_SIZE, &stx));
	said("size", (long)stx.stx_size);
	said_ok("force sync", statx(AT_FDCWD, "f", AT_STATX_FORCE_SYNC, STATX_BASIC_STATS, &stx));
	said("size", (long)stx.stx_size);
	said_ok("link", statx(AT_FDCWD, "s", AT_SYMLINK_NOFOLLOW, STATX_MODE, &stx));
	say("mode %o", stx.stx_mode);
	said_ok("by descriptor", statx(open("f", O_RDONLY), "", AT_EMPTY_PATH, STATX_ALL, &stx));
	say("size %llu links %u", (unsigned long long)stx.stx_size, stx.stx_nlink);
	said_ok("access", faccessat(AT_FDCWD, "f", R_OK, AT_EACCESS));
	said_ok("access of a link", faccessat(AT_FDCWD, "s", R_OK, AT_SYMLINK_NOFOLLOW));
	said_ok("chmod of a link", fchmodat(AT_FDCWD, "s", 0600, AT_SYMLINK_NOFOLLOW));
	said_ok("bad flag", fstatat(AT_FDCWD, "f", &(struct stat){0}, 0x40000000));
}

static void write_with_flags(void)
{
	char bytes[64] = "";
	struct iovec part = {bytes, 4};
	int fd = open("f", O_CREAT | O_RDWR, 0644);

	memcpy(bytes, "abcd", 4);
	said("plain", pwritev2(fd, &part, 1, 0, 0));
	said("append", pwritev2(fd, &part, 1, 0, RWF_APPEND));
	said("dsync", pwritev2(fd, &part, 1, 1, RWF_DSYNC));
	said("sync", pwritev2(fd, &part, 1, 2, RWF_SYNC));
	said("at the position", pwritev2(fd, &part, 1, -1, 0));
	said("high priority", preadv2(fd, &part, 1, 0, RWF_HIPRI));
	said("unknown", preadv2(fd, &part, 1, 0, 1 << 30));
	say_content("f");
	said("position", lseek(fd, 0, SEEK_CUR));
}

static void splice_files(void)
{
	char bytes[32] = "";
	off_t at = 2;
	int pipes[2], fd, out;

	put("f", "0123456789");
	fd = open("f", O_RDWR);
	out = open("out", O_CREAT | O_RDWR, 0600);
	if (pipe2(pipes, O_CLOEXEC) < 0)
		return;
	said("file to pipe", splice(fd, &at, pipes[1], NULL, 5, 0));
	said("position", (long)at);
	said("pipe to file", splice(pipes[0], NULL, out, NULL, 5, 0));
	say_content("out");
	said("vmsplice", vmsplice(pipes[1], &(struct iovec){(char[]){"vm"}, 2}, 1, 0));
	at = 1;
	said("pipe to place", splice(pipes[0], NULL, out, &at, 2, 0));
	say_content("out");
	said("sendfile to pipe", sendfile(pipes[1], fd, NULL, 4));
	said("read", read(pipes[0], bytes, sizeof(bytes)));
	say("%s", bytes);
	said("to an appending file",
	     splice(pipes[0], NULL, open("f", O_WRONLY | O_APPEND), NULL, 1, SPLICE_F_NONBLOCK));
	said_ok("advise", posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED));
	said_ok("readahead", readahead(fd, 0, 100));
}

static void keep_many_open(void)
{
	enum { FILES = 900 };
	static int fds[FILES];
	char name[16], bytes[16];
	long wrong = 0;

	for (int i = 0; i < FILES; i++) {
		(void)snprintf(name, sizeof(name), "n%d", i);
		put(name, name);
		fds[i] = open(name, i % 3 ? O_RDWR : O_RDONLY);
		if (fds[i] < 0 && wrong++ == 0)
			said_ok(name, -1);
		if (i % 5 == 0)
			unlink(name);
		if (i % 5 == 1)
			rename(name, "renamed");
	}
	for (int i = 0; i < FILES; i++) {
		struct stat st;
		ssize_t len = pread(fds[i], bytes, sizeof(bytes) - 1, 0);

		(void)snprintf(name, sizeof(name), "n%d", i);
		bytes[len < 0 ? 0 : len] = '\0';
		wrong += strcmp(bytes, name) != 0 || fstat(fds[i], &st) < 0 ||
			 st.st_nlink != (i % 5 > 1);
		if (i % 3)
			wrong += pwrite(fds[i], "w", 1, 0) != 1 || fchmod(fds[i], 0600) < 0;
	}
	said("wrong", wrong);
}

const struct compare_case cases_descriptors[] = {
	{"O_PATH descriptors lead to files", use_o_path},
	{"files are executed by descriptor", execute_descriptors},
	{"a running program is not written to", keep_running_programs},
	{"flags of open files are kept", tell_flags},
	{"openat2 resolves as it is told", resolve_paths},
	{"flags of questions are heeded", ask_with_flags},
	{"flags of single writes are heeded", write_with_flags},
	{"pipes are spliced with files", splice_files},
	{"many files are open at a time", keep_many_open},
	{NULL, NULL},
};
