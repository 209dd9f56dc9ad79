/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Making, removing, linking, renaming, and odd names. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <unistd.h>

#include "compare.h"

static void make_and_remove(void)
{
	int fd = (int)said_ok("create", open("f", O_CREAT | O_EXCL | O_RDWR, 0666));

	close(fd);
	said_ok("exclusive again", open("f", O_CREAT | O_EXCL | O_RDWR, 0666));
	said_ok("mkdir", mkdir("d", 0777));
	said_ok("mkdir again", mkdir("d", 0777));
	said_ok("mkdir over a file", mkdir("f", 0777));
	said_ok("below a file", open("f/x", O_CREAT | O_RDWR, 0666));
	said_ok("below nothing", open("no/x", O_CREAT | O_RDWR, 0666));
	said_ok("open directory for writing", open("d", O_RDWR));
	said_ok("O_DIRECTORY on a file", open("f", O_RDONLY | O_DIRECTORY));
	said_ok("create over a directory", open("d", O_CREAT | O_RDWR, 0666));
	put("d/y", "y");
	said_ok("rmdir full", rmdir("d"));
	said_ok("rmdir file", rmdir("f"));
	said_ok("unlink directory", unlink("d"));
	said_ok("unlink nothing", unlink("no"));
	said_ok("unlink", unlink("f"));
	say_stat("f");
	said_ok("unlink", unlink("d/y"));
	say_stat("d");
	said_ok("rmdir", rmdir("d"));
	say_stat("d");
	said_ok("rmdir .", rmdir("."));
	said_ok("unlink ..", unlink(".."));
}

static void link_files(void)
{
	struct stat a, b;

	put("a", "one");
	mkdir("d", 0755);
	said_ok("link", link("a", "d/b"));
	say_stat("a");
	say_stat("d/b");
	lstat("a", &a);
	lstat("d/b", &b);
	say("same: %d", a.st_ino == b.st_ino && a.st_dev == b.st_dev);
	put("d/b", "two, longer");
	say_content("a");
	said_ok("link over", link("a", "d/b"));
	said_ok("link directory", link("d", "e"));
	said_ok("link nothing", link("no", "e"));
	said_ok("unlink", unlink("a"));
	say_content("d/b");
	say_stat("d/b");
	said_ok("back", link("d/b", "a"));
	said_ok("unlink", unlink("d/b"));
	say_content("a");
	said_ok("symlink", symlink("a", "s"));
	said_ok("link symlink", link("s", "t"));
	say_stat("t");
	said_ok("linkat follow", linkat(AT_FDCWD, "s", AT_FDCWD, "u", AT_SYMLINK_FOLLOW));
	say_stat("u");
}

static void use_symlinks(void)
{
	char target[PATH_MAX];
	char longest[PATH_MAX];
	ssize_t len;

	said_ok("symlink", symlink("nowhere", "s"));
	say_stat("s");
	len = readlink("s", target, sizeof(target));
	say("readlink %.*s", (int)len, target);
	said("short", readlink("s", target, 3));
	said_ok("open dangling", open("s", O_RDONLY));
	said_ok("create through dangling", open("s", O_CREAT | O_WRONLY, 0600));
	say_stat("nowhere");
	said_ok("exclusive through link", open("s", O_CREAT | O_EXCL | O_WRONLY, 0600));
	said_ok("O_NOFOLLOW", open("s", O_RDONLY | O_NOFOLLOW));
	said_ok("loop", symlink("loop", "loop"));
	said_ok("open loop", open("loop", O_RDONLY));
	said_ok("empty target", symlink("", "e"));
	memset(longest, 'x', sizeof(longest));
	longest[PATH_MAX - 1] = '\0';
	said_ok("long target", symlink(longest, "l"));
	say_stat("l");
	said("readlink long", readlink("l", target, sizeof(target)));
	said("readlink of a file", readlink("nowhere", target, sizeof(target)));
	said_ok("over", symlink("x", "s"));
	said_ok("chmod of a link", fchmodat(AT_FDCWD, "s", 0600, AT_SYMLINK_NOFOLLOW));
	said_ok("chown of a link", lchown("s", 5, 6));
	say_stat("s");
}

static long rename_flags(const char *from, const char *to, unsigned int flags)
{
	return syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, flags);
}

static void rename_files(void)
{
	int fd;

	put("a", "a");
	put("b", "b");
	mkdir("d", 0755);
	mkdir("e", 0755);
	put("e/x", "x");
	said_ok("over a file", rename("a", "b"));
	say_content("b");
	say_stat("a");
	said_ok("file over directory", rename("b", "d"));
	said_ok("directory over file", rename("d", "b"));
	said_ok("directory over full directory", rename("d", "e"));
	said_ok("directory over empty directory", rename("e", "d"));
	say_content("d/x");
	said_ok("into itself", rename("d", "d/y"));
	said_ok("nothing", rename("no", "x"));
	said_ok("to itself", rename("b", "b"));
	said_ok("into a directory", rename("b", "d/b"));
	say_content("d/b");
	fd = open("d/b", O_RDWR);
	said_ok("while open", rename("d/b", "c"));
	said("write", write(fd, "new", 3));
	say_content("c");
	said_ok("directory", rename("d", "dd"));
	say_content("dd/x");
	said_ok("parent replaced while below", chdir("dd"));
	said_ok("rename of the own directory", rename("../dd", "../d3"));
	say_content("x");
	said_ok("..", rename("..", "q"));
	put("here", "here");
	say_content("../d3/here");
}

static void rename_with_flags(void)
{
	put("a", "a");
	put("b", "b");
	mkdir("d", 0755);
	put("d/x", "x");
	said_ok("NOREPLACE on a name", rename_flags("a", "b", RENAME_NOREPLACE));
	said_ok("NOREPLACE", rename_flags("a", "c", RENAME_NOREPLACE));
	said_ok("EXCHANGE", rename_flags("c", "b", RENAME_EXCHANGE));
	say_content("b");
	say_content("c");
	said_ok("EXCHANGE of file and directory", rename_flags("c", "d", RENAME_EXCHANGE));
	say_content("d");
	say_content("c/x");
	said_ok("EXCHANGE with nothing", rename_flags("c", "no", RENAME_EXCHANGE));
	said_ok("both flags", rename_flags("c", "no", RENAME_EXCHANGE | RENAME_NOREPLACE));
	said_ok("WHITEOUT", rename_flags("b", "w", RENAME_WHITEOUT));
	say_stat("b");
	say_content("w");
	said_ok("unknown flag", rename_flags("w", "v", 1 << 10));
	put("h", "h");
	link("h", "i");
	said_ok("between links of one file", rename("h", "i"));
	say_stat("h");
	say_stat("i");
}

static void make_special_files(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "sock"};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	int client = socket(AF_UNIX, SOCK_STREAM, 0);
	char byte = 0;
	int reader, writer;

	said_ok("mkfifo", mkfifo("fifo", 0640));
	say_stat("fifo");
	said_ok("write without reader", open("fifo", O_WRONLY | O_NONBLOCK));
	reader = open("fifo", O_RDONLY | O_NONBLOCK);
	writer = open("fifo", O_WRONLY | O_NONBLOCK);
	said("write", write(writer, "z", 1));
	said("read", read(reader, &byte, 1));
	said_ok("device", mknod("null", S_IFCHR | 0666, makedev(1, 3)));
	say_stat("null");
	said_ok("block device", mknod("blk", S_IFBLK | 0600, makedev(250, 300)));
	say_stat("blk");
	said("write to a device", write(open("null", O_WRONLY), "x", 1));
	said_ok("regular by mknod", mknod("reg", S_IFREG | 0644, 0));
	say_stat("reg");
	said_ok("bind", bind(fd, (struct sockaddr *)&address, sizeof(address)));
	say_stat("sock");
	said_ok("listen", listen(fd, 1));
	said_ok("connect", connect(client, (struct sockaddr *)&address, sizeof(address)));
	said_ok("open socket", open("sock", O_RDONLY));
	said_ok("bind again", bind(client, (struct sockaddr *)&address, sizeof(address)));
	said_ok("unlink socket", unlink("sock"));
}

static void use_odd_names(void)
{
	char name[300];
	static const char *const names[] = {
		"\xff\xfe\x80", "new\nline", " ",	 "-",  "a b",
		"\x01\x7f",	"...",	     "\xc3\xa4", "\\", "*",
	};

	memset(name, 'n', sizeof(name));
	name[255] = '\0';
	put(name, "longest");
	say_content(name);
	said_ok("unlink", unlink(name));
	name[255] = 'n';
	name[256] = '\0';
	said_ok("too long", open(name, O_CREAT | O_RDWR, 0600));
	said_ok("look too long up", access(name, F_OK));
	said_ok("rename to too long", rename("x", name));
	for (size_t i = 0; i < COUNT(names); i++) {
		put(names[i], names[i]);
		say_content(names[i]);
	}
}

static void nest_deeper_than_a_path(void)
{
	char name[200];
	char cwd[PATH_MAX];

	memset(name, 'd', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	for (int i = 0; i < 40; i++) {
		if (mkdir(name, 0755) < 0 || chdir(name) < 0) {
			said_ok("nest", -1);
			return;
		}
	}
	put("leaf", "leaf");
	say_content("leaf");
	said_ok("rename", rename("leaf", "leaf2"));
	say_content("leaf2");
	said_ok("getcwd", getcwd(cwd, sizeof(cwd)) ? 0 : -1);
	said_ok("unlink", unlink("leaf2"));
}

static void use_files_without_name(void)
{
	char bytes[16] = "";
	struct stat st;
	int fd, path;

	put("f", "content");
	fd = open("f", O_RDWR);
	said_ok("unlink", unlink("f"));
	fstat(fd, &st);
	said("links", (long)st.st_nlink);
	said("read", pread(fd, bytes, 15, 0));
	said("write", pwrite(fd, "CONT", 4, 0));
	said("read", pread(fd, bytes, 15, 0));
	say("'%s'", bytes);
	said_ok("truncate", ftruncate(fd, 2));
	said_ok("chmod", fchmod(fd, 0600));
	said_ok("open again", open("/proc/self/fd/3", O_RDONLY));
	fstat(fd, &st);
	say("size %ld mode %o", (long)st.st_size, st.st_mode);
	put("f", "another");
	said("read", pread(fd, bytes, 15, 0));
	said_ok("link back", linkat(fd, "", AT_FDCWD, "g", AT_EMPTY_PATH));
	close(fd);
	say_content("f");
	put("p", "by path");
	path = open("p", O_PATH);
	said_ok("unlink", unlink("p"));
	said_ok("stat", fstat(path, &st));
	said("links", (long)st.st_nlink);
	(void)snprintf(bytes, sizeof(bytes), "/proc/self/fd/");
	mkdir("d", 0755);
	path = open("d", O_DIRECTORY | O_RDONLY);
	said_ok("rmdir", rmdir("d"));
	said_ok("create in removed", openat(path, "x", O_CREAT | O_WRONLY, 0600));
	said_ok("stat removed", fstat(path, &st));
	said("links", (long)st.st_nlink);
}

static void replace_open_files(void)
{
	char bytes[8] = "";
	int fd;

	put("a", "old");
	put("b", "new");
	fd = open("a", O_RDONLY);
	said_ok("rename", rename("b", "a"));
	said("read", read(fd, bytes, 7));
	say("'%s'", bytes);
	say_content("a");
	put("b", "newer");
	said_ok("rename", rename("b", "a"));
	say_content("a");
	lseek(fd, 0, SEEK_SET);
	said("read", read(fd, bytes, 7));
	say("'%s'", bytes);
}

static void make_nameless_files(void)
{
	char link[64];
	int fd = (int)said_ok("O_TMPFILE", open(".", O_TMPFILE | O_RDWR, 0640));
	struct stat st;

	said("write", write(fd, "tmp", 3));
	fstat(fd, &st);
	say("mode %o links %lu size %ld", st.st_mode, (unsigned long)st.st_nlink, (long)st.st_size);
	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	said_ok("link", linkat(AT_FDCWD, link, AT_FDCWD, "named", AT_SYMLINK_FOLLOW));
	say_content("named");
	say_stat("named");
	said("write", write(fd, "more", 4));
	say_content("named");
	fd = (int)said_ok("O_EXCL", open(".", O_TMPFILE | O_EXCL | O_RDWR, 0600));
	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	said_ok("link refused", linkat(AT_FDCWD, link, AT_FDCWD, "no", AT_SYMLINK_FOLLOW));
	said_ok("read only", open(".", O_TMPFILE | O_RDONLY, 0600));
}

static void watch_names(void)
{
	char events[4096];
	int fd = inotify_init1(IN_NONBLOCK);
	ssize_t len;

	said_ok("watch", inotify_add_watch(fd, ".", IN_ALL_EVENTS));
	put("a", "a");
	rename("a", "b");
	mkdir("d", 0755);
	unlink("b");
	len = read(fd, events, sizeof(events));
	for (ssize_t at = 0; at < len;) {
		const struct inotify_event *event = (const void *)(events + at);

		say("event %x '%s'", event->mask, event->len ? event->name : "");
		at += (ssize_t)sizeof(*event) + event->len;
	}
}

static void see_negative_names_appear(void)
{
	for (int i = 0; i < 3; i++) {
		said_ok("before", access("late", F_OK));
		put("late", "late");
		said_ok("after", access("late", F_OK));
		unlink("late");
	}
	said_ok("link", access("late", F_OK));
	symlink("x", "late");
	say_stat("late");
	unlink("late");
	mkdir("late", 0700);
	say_stat("late");
}

const struct compare_case cases_names[] = {
	{"names are made and removed", make_and_remove},
	{"hard links share a file", link_files},
	{"symbolic links lead where they say", use_symlinks},
	{"renaming moves and replaces", rename_files},
	{"renaming heeds its flags", rename_with_flags},
	{"special files, FIFOs and sockets work", make_special_files},
	{"any bytes may be a name", use_odd_names},
	{"directories nest deeper than a path", nest_deeper_than_a_path},
	{"files live on without a name", use_files_without_name},
	{"a replaced file is still read by who has it open", replace_open_files},
	{"nameless files are made and named", make_nameless_files},
	{"inotify sees what happens", watch_names},
	{"names that were missing appear", see_negative_names_appear},
	{NULL, NULL},
};
