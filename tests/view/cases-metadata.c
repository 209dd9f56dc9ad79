/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Modes, owners, times, extended attributes, ACLs, file system data. */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/time.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#include "compare.h"

static void change_modes(void)
{
	put("f", "x");
	mkdir("d", 0755);
	said_ok("chmod", chmod("f", 0604));
	say_stat("f");
	said_ok("suid", chmod("f", 06755));
	say_stat("f");
	said_ok("sticky", chmod("d", 01777));
	say_stat("d");
	said_ok("chown", chown("f", 12, 34));
	say_stat("f");
	said_ok("fchmod", fchmod(open("f", O_RDONLY), 0700));
	said_ok("through a link", (symlink("f", "s"), chmod("s", 0640)));
	say_stat("f");
	said_ok("chown group alone", chown("f", -1, 99));
	say_stat("f");
	said_ok("chown directory", chown("d", 7, 8));
	say_stat("d");
	said_ok("O_PATH chmod", fchmod(open("f", O_PATH), 0600));
	said_ok("nothing", chmod("no", 0600));
}

static void apply_umask(void)
{
	umask(027);
	close(open("f", O_CREAT | O_WRONLY, 0666));
	mkdir("d", 0777);
	mkfifo("p", 0666);
	close(open("g", O_CREAT | O_WRONLY, 07777));
	umask(0);
	close(open("h", O_CREAT | O_WRONLY, 0666));
	mkdir("e", 01777);
	symlink("x", "s");
	say_stat("f");
	say_stat("d");
	say_stat("p");
	say_stat("g");
	say_stat("h");
	say_stat("e");
	say_stat("s");
}

static void say_times(const char *path)
{
	struct stat st;

	if (lstat(path, &st) < 0) {
		said_ok(path, -1);
		return;
	}
	say("%s atime %lld.%09ld mtime %lld.%09ld", path, (long long)st.st_atim.tv_sec,
	    st.st_atim.tv_nsec, (long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
}

static void set_times(void)
{
	struct timespec times[2] = {{1000000000, 123456789}, {1500000000, 987654321}};
	struct timespec omit[2] = {{0, UTIME_OMIT}, {1600000000, 5}};
	struct timespec old[2] = {{-1000, 0}, {-2000, 999999999}};

	put("f", "x");
	symlink("f", "s");
	said_ok("utimens", utimensat(AT_FDCWD, "f", times, 0));
	say_times("f");
	said_ok("omit", utimensat(AT_FDCWD, "f", omit, 0));
	say_times("f");
	said_ok("link", utimensat(AT_FDCWD, "s", times, AT_SYMLINK_NOFOLLOW));
	say_times("s");
	said_ok("futimens", futimens(open("f", O_RDONLY), times));
	say_times("f");
	said_ok("before the epoch", utimensat(AT_FDCWD, "f", old, 0));
	say_times("f");
	said_ok("nothing", utimensat(AT_FDCWD, "no", times, 0));
}

static struct stat stat_of(const char *path)
{
	struct stat st = {0};

	if (lstat(path, &st) < 0)
		said_ok(path, -1);
	return st;
}

static int later(struct timespec a, struct timespec b)
{
	return a.tv_sec > b.tv_sec || (a.tv_sec == b.tv_sec && a.tv_nsec > b.tv_nsec);
}

static void compare_times(const char *what, const char *path, const struct stat *before)
{
	struct stat now = stat_of(path);

	say("%s: atime %d mtime %d ctime %d", what, later(now.st_atim, before->st_atim),
	    later(now.st_mtim, before->st_mtim), later(now.st_ctim, before->st_ctim));
}

static void follow_times(void)
{
	struct timespec past[2] = {{1000000000, 0}, {1100000000, 0}};
	const struct timespec pause = {0, 20000000};
	struct stat before;
	char byte;
	int fd;

	put("f", "x");
	mkdir("d", 0755);
	utimensat(AT_FDCWD, "f", past, 0);
	before = stat_of("f");
	fd = open("f", O_RDWR);
	said("read", read(fd, &byte, 1));
	compare_times("read", "f", &before);
	before = stat_of("f");
	nanosleep(&pause, NULL);
	said("write", write(fd, "y", 1));
	compare_times("write", "f", &before);
	before = stat_of("f");
	nanosleep(&pause, NULL);
	chmod("f", 0600);
	compare_times("chmod", "f", &before);
	before = stat_of("f");
	nanosleep(&pause, NULL);
	link("f", "g");
	compare_times("link", "f", &before);
	before = stat_of("f");
	nanosleep(&pause, NULL);
	rename("g", "h");
	compare_times("rename", "f", &before);
	before = stat_of("f");
	nanosleep(&pause, NULL);
	unlink("h");
	compare_times("unlink", "f", &before);
	before = stat_of("d");
	nanosleep(&pause, NULL);
	put("d/x", "x");
	compare_times("create in", "d", &before);
	before = stat_of("d");
	nanosleep(&pause, NULL);
	unlink("d/x");
	compare_times("remove in", "d", &before);
	before = stat_of("f");
	nanosleep(&pause, NULL);
	truncate("f", 100);
	compare_times("truncate", "f", &before);
	before = stat_of("f");
	nanosleep(&pause, NULL);
	truncate("f", 100);
	compare_times("truncate to the same", "f", &before);
	before = stat_of("f");
	nanosleep(&pause, NULL);
	said_ok("chown to nobody", chown("f", -1, -1));
	compare_times("chown to nobody", "f", &before);
	chmod("f", 06755);
	said_ok("chown to nobody", chown("f", -1, -1));
	say_stat("f");
	before = stat_of("d");
	nanosleep(&pause, NULL);
	said_ok("chown of a directory", chown("d", -1, -1));
	compare_times("chown of a directory", "d", &before);
}

static void keep_time_of_birth(void)
{
	struct statx first, second;

	put("f", "x");
	said_ok("statx", statx(AT_FDCWD, "f", 0, STATX_BASIC_STATS | STATX_BTIME, &first));
	say("birth known %d", (first.stx_mask & STATX_BTIME) != 0);
	put("f", "changed");
	chmod("f", 0600);
	said_ok("statx", statx(AT_FDCWD, "f", 0, STATX_BASIC_STATS | STATX_BTIME, &second));
	say("same %d", first.stx_btime.tv_sec == second.stx_btime.tv_sec &&
			       first.stx_btime.tv_nsec == second.stx_btime.tv_nsec);
	say("size %llu", (unsigned long long)second.stx_size);
	said_ok("directory", statx(AT_FDCWD, ".", 0, STATX_BTIME, &second));
	say("birth known %d", (second.stx_mask & STATX_BTIME) != 0);
}

static void list_attributes(const char *path)
{
	char list[1024];
	ssize_t len = llistxattr(path, list, sizeof(list));

	said("list", len);
	for (ssize_t at = 0; at < len; at += (ssize_t)strlen(list + at) + 1)
		say("  %s", list + at);
}

static void use_attributes(void)
{
	char value[70000];

	put("f", "x");
	mkdir("d", 0755);
	symlink("f", "s");
	mkfifo("p", 0600);
	said_ok("set", setxattr("f", "user.a", "value", 5, 0));
	said("get", getxattr("f", "user.a", value, sizeof(value)));
	said("size", getxattr("f", "user.a", NULL, 0));
	said("too small", getxattr("f", "user.a", value, 2));
	said("missing", getxattr("f", "user.b", value, sizeof(value)));
	said_ok("create", setxattr("f", "user.a", "v", 1, XATTR_CREATE));
	said_ok("replace missing", setxattr("f", "user.b", "v", 1, XATTR_REPLACE));
	said_ok("empty", setxattr("f", "user.e", "", 0, 0));
	said("get empty", getxattr("f", "user.e", value, sizeof(value)));
	said_ok("directory", setxattr("d", "user.d", "v", 1, 0));
	said_ok("link", lsetxattr("s", "user.s", "v", 1, 0));
	said_ok("trusted on a link", lsetxattr("s", "trusted.s", "v", 1, 0));
	said_ok("fifo", setxattr("p", "user.p", "v", 1, 0));
	said_ok("trusted", setxattr("f", "trusted.t", "t", 1, 0));
	said_ok("security", setxattr("f", "security.other", "s", 1, 0));
	said_ok("no class", setxattr("f", "nothing", "s", 1, 0));
	said_ok("unknown system", setxattr("f", "system.nothing", "s", 1, 0));
	memset(value, 'v', sizeof(value));
	said_ok("large", setxattr("f", "user.large", value, 65000, 0));
	said_ok("too large", setxattr("f", "user.large", value, 65537, 0));
	list_attributes("f");
	list_attributes("d");
	list_attributes("s");
	said_ok("remove", removexattr("f", "user.a"));
	said_ok("remove again", removexattr("f", "user.a"));
	list_attributes("f");
	said_ok("fset", fsetxattr(open("f", O_RDONLY), "user.f", "v", 1, 0));
	list_attributes("f");
}

static void list_as_user(void)
{
	list_attributes("f");
}

static void hide_trusted_attributes(void)
{
	char value[8];

	put("f", "x");
	said_ok("trusted", setxattr("f", "trusted.t", "t", 1, 0));
	said_ok("user", setxattr("f", "user.u", "u", 1, 0));
	said("get", getxattr("f", "trusted.t", value, sizeof(value)));
	list_attributes("f");
	as_user(1000, 1000, NULL, list_as_user);
}

/* Version 2, no capability at all but the flag "effective": vfs_cap_data of linux/capability.h. */
static const unsigned char capability[20] = {1, 0, 0, 2, 0, 4};

static void write_as_user(void)
{
	int fd = open("f", O_WRONLY);

	said_ok("open", fd);
	said("write", write(fd, "y", 1));
}

static void drop_file_capabilities(void)
{
	char value[64];

	put("f", "x");
	said_ok("set", setxattr("f", "security.capability", capability, sizeof(capability), 0));
	said("get", getxattr("f", "security.capability", value, sizeof(value)));
	write_as_user();
	said("after a write", getxattr("f", "security.capability", value, sizeof(value)));
	setxattr("f", "security.capability", capability, sizeof(capability), 0);
	said_ok("truncate", truncate("f", 0));
	said("after truncation", getxattr("f", "security.capability", value, sizeof(value)));
	setxattr("f", "security.capability", capability, sizeof(capability), 0);
	said_ok("chown", chown("f", 1, 1));
	said("after chown", getxattr("f", "security.capability", value, sizeof(value)));
	setxattr("f", "security.capability", capability, sizeof(capability), 0);
	said_ok("chmod", chmod("f", 0777));
	said("after chmod", getxattr("f", "security.capability", value, sizeof(value)));
	as_user(1000, 1000, NULL, write_as_user);
	said("after a user's write", getxattr("f", "security.capability", value, sizeof(value)));
}

static void write_suid_file(void)
{
	int fd = open("f", O_WRONLY);

	said_ok("open", fd);
	said("write", write(fd, "y", 1));
	say_stat("f");
	said("write again", write(fd, "z", 1));
	say_stat("f");
}

static void truncate_suid_file(void)
{
	said_ok("truncate", truncate("f", 0));
	say_stat("f");
}

static void open_truncate_suid_file(void)
{
	said_ok("O_TRUNC", open("f", O_WRONLY | O_TRUNC));
	say_stat("f");
}

static void allocate_suid_file(void)
{
	said_ok("fallocate", fallocate(open("f", O_WRONLY), 0, 0, 1000));
	say_stat("f");
}

static void drop_privileges_of_files(void)
{
	static void (*const ways[])(void) = {write_suid_file, truncate_suid_file,
					     open_truncate_suid_file, allocate_suid_file};
	static const mode_t modes[] = {06777, 04777, 02777, 02767};

	put("f", "content");
	for (size_t i = 0; i < COUNT(ways); i++) {
		for (size_t m = 0; m < COUNT(modes); m++) {
			chmod("f", modes[m]);
			ways[i]();
			chmod("f", modes[m]);
			as_user(1000, 1000, NULL, ways[i]);
			chmod("f", modes[m]);
			as_user(1000, 0, NULL, ways[i]);
		}
	}
	chmod("f", 06777);
	said_ok("chown by root", chown("f", 1000, 1000));
	say_stat("f");
}

/* Two entries of an ACL beside the three of the mode: acl(5), posix_acl_xattr.h of the kernel. */
struct acl_entry {
	uint16_t tag, perm;
	uint32_t id;
} __attribute__((packed));

struct acl {
	uint32_t version;
	struct acl_entry entries[5];
} __attribute__((packed));

static struct acl acl_with(uint32_t user, uint16_t perm, uint16_t mask)
{
	return (struct acl){2,
			    {{0x01, 6, -1U},
			     {0x02, perm, user},
			     {0x04, 4, -1U},
			     {0x10, mask, -1U},
			     {0x20, 0, -1U}}};
}

static void try_file(void)
{
	said_ok("read", open("f", O_RDONLY));
	said_ok("write", open("f", O_WRONLY));
	said_ok("access", access("f", R_OK | W_OK));
}

static void use_acls(void)
{
	struct acl acl = acl_with(1000, 6, 6);
	char value[128];

	put("f", "x");
	chmod("f", 0640);
	as_user(1000, 1000, NULL, try_file);
	said_ok("set", setxattr("f", "system.posix_acl_access", &acl, sizeof(acl), 0));
	say_stat("f");
	as_user(1000, 1000, NULL, try_file);
	as_user(1001, 1000, NULL, try_file);
	said("get", getxattr("f", "system.posix_acl_access", value, sizeof(value)));
	said_ok("chmod lowers the mask", chmod("f", 0600));
	as_user(1000, 1000, NULL, try_file);
	said("get", getxattr("f", "system.posix_acl_access", value, sizeof(value)));
	say("mask %d", value[4 + 3 * 8 + 2]);
	list_attributes("f");
	said_ok("remove", removexattr("f", "system.posix_acl_access"));
	as_user(1000, 1000, NULL, try_file);
	say_stat("f");
	said_ok("broken", setxattr("f", "system.posix_acl_access", "xx", 2, 0));
	said_ok("default on a file",
		setxattr("f", "system.posix_acl_default", &acl, sizeof(acl), 0));
}

static void inherit_acls(void)
{
	struct acl acl = acl_with(1000, 7, 7);
	char value[128];

	mkdir("d", 0755);
	said_ok("default", setxattr("d", "system.posix_acl_default", &acl, sizeof(acl), 0));
	umask(077);
	close(open("d/f", O_CREAT | O_WRONLY, 0666));
	mkdir("d/e", 0777);
	mkfifo("d/p", 0666);
	close(open("d", O_TMPFILE | O_WRONLY, 0666));
	say_stat("d/f");
	say_stat("d/e");
	say_stat("d/p");
	said("file", getxattr("d/f", "system.posix_acl_access", value, sizeof(value)));
	said("directory", getxattr("d/e", "system.posix_acl_default", value, sizeof(value)));
	list_attributes("d/e");
	said_ok("remove", removexattr("d", "system.posix_acl_default"));
	close(open("d/g", O_CREAT | O_WRONLY, 0666));
	say_stat("d/g");
}

static void ask_file_system(void)
{
	struct statvfs fs;

	put("f", "x");
	said_ok("statvfs", statvfs("f", &fs));
	say("bsize %lu frsize %lu blocks %lu files %lu namemax %lu", fs.f_bsize, fs.f_frsize,
	    (unsigned long)fs.f_blocks, (unsigned long)fs.f_files, fs.f_namemax);
	said("PIPE_BUF", pathconf("f", _PC_PIPE_BUF));
	said("NAME_MAX", pathconf("f", _PC_NAME_MAX));
}

static void use_file_flags(void)
{
	int flags = 0;
	int fd;

	put("f", "x");
	fd = open("f", O_RDWR);
	said_ok("get", ioctl(fd, FS_IOC_GETFLAGS, &flags));
	flags |= FS_APPEND_FL;
	said_ok("append only", ioctl(fd, FS_IOC_SETFLAGS, &flags));
	said_ok("open", open("f", O_WRONLY));
	said_ok("open to append", open("f", O_WRONLY | O_APPEND));
	said_ok("truncate", truncate("f", 0));
	said_ok("unlink", unlink("f"));
	flags = (flags & ~FS_APPEND_FL) | FS_IMMUTABLE_FL;
	said_ok("immutable", ioctl(fd, FS_IOC_SETFLAGS, &flags));
	said_ok("open", open("f", O_WRONLY));
	said_ok("open to append", open("f", O_WRONLY | O_APPEND));
	said_ok("chmod", chmod("f", 0600));
	said_ok("rename", rename("f", "g"));
	said_ok("link", link("f", "g"));
	said_ok("unlink", unlink("f"));
	said_ok("xattr", setxattr("f", "user.a", "a", 1, 0));
	flags &= ~FS_IMMUTABLE_FL;
	said_ok("neither", ioctl(fd, FS_IOC_SETFLAGS, &flags));
	said_ok("unlink", unlink("f"));
}

const struct compare_case cases_metadata[] = {
	{"modes and owners change", change_modes},
	{"the umask applies", apply_umask},
	{"times are set", set_times},
	{"times follow what is done", follow_times},
	{"the time of birth stays", keep_time_of_birth},
	{"extended attributes are kept", use_attributes},
	{"trusted attributes are for the administrator", hide_trusted_attributes},
	{"file capabilities end with a change", drop_file_capabilities},
	{"set-user-ID ends with a change", drop_privileges_of_files},
	{"ACLs decide", use_acls},
	{"default ACLs are inherited", inherit_acls},
	{"the file system tells its size", ask_file_system},
	{"file flags bind", use_file_flags},
	{NULL, NULL},
};
