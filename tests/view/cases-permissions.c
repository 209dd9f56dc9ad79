/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who may do what: several users, groups, sticky and set-group-ID directories. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "compare.h"

static void try_everything(void)
{
	said_ok("read", open("d/f", O_RDONLY));
	said_ok("write", open("d/f", O_WRONLY));
	said_ok("both", open("d/f", O_RDWR));
	said_ok("access r", access("d/f", R_OK));
	said_ok("access w", access("d/f", W_OK));
	said_ok("access x", access("d/f", X_OK));
	said_ok("access directory", access("d", W_OK | X_OK));
	said_ok("list", open("d", O_RDONLY | O_DIRECTORY));
	said_ok("create", open("d/new", O_CREAT | O_EXCL | O_WRONLY, 0666));
	said_ok("mkdir", mkdir("d/sub", 0777));
	said_ok("symlink", symlink("x", "d/sym"));
	said_ok("tmpfile", open("d", O_TMPFILE | O_WRONLY, 0600));
	said_ok("chmod", chmod("d/f", 0777));
	said_ok("chown", chown("d/f", 1001, -1));
	said_ok("chown group", chown("d/f", -1, 2000));
	said_ok("times", utimensat(AT_FDCWD, "d/f", NULL, 0));
	said_ok("truncate", truncate("d/f", 1));
	said_ok("rename", rename("d/f", "d/g"));
	said_ok("rename back", rename("d/g", "d/f"));
	said_ok("link", link("d/f", "d/h"));
	said_ok("xattr", setxattr("d/f", "user.x", "x", 1, 0));
	said_ok("trusted", setxattr("d/f", "trusted.x", "x", 1, 0));
	say_stat("d/new");
	say_stat("d/sub");
	say_stat("d/f");
	said_ok("unlink", unlink("d/f"));
	said_ok("rmdir", rmdir("d/sub"));
	unlink("d/new");
	unlink("d/sym");
	unlink("d/h");
}

static void ask_modes(void)
{
	static const mode_t directories[] = {0700, 0755, 0777, 01777, 02775, 0770, 0711, 0733};
	static const mode_t files[] = {0600, 0644, 0666, 0060, 0007, 0755};
	static const struct {
		uid_t uid;
		gid_t gid;
		gid_t groups[2];
	} users[] = {
		{1000, 1000, {0}},	 {1001, 1001, {0}}, {1001, 2000, {0}},
		{1001, 1001, {2000, 0}}, {0, 0, {0}},
	};

	for (size_t d = 0; d < COUNT(directories); d++) {
		for (size_t f = 0; f < COUNT(files); f++) {
			for (size_t u = 0; u < COUNT(users); u++) {
				mkdir("d", 0755);
				put("d/f", "content");
				chown("d/f", 1000, 2000);
				chmod("d/f", files[f]);
				chown("d", 1000, 2000);
				chmod("d", directories[d]);
				say("directory %o file %o user %u:%u", directories[d], files[f],
				    users[u].uid, users[u].gid);
				as_user(users[u].uid, users[u].gid, users[u].groups,
					try_everything);
				unlink("d/f");
				rmdir("d");
			}
		}
	}
}

static void make_in_group_directory(void)
{
	said_ok("file", open("d/file", O_CREAT | O_WRONLY, 02777));
	said_ok("mkdir", mkdir("d/dir", 0777));
	said_ok("fifo", mkfifo("d/fifo", 0666));
	said_ok("symlink", symlink("x", "d/sym"));
	said_ok("tmpfile", open("d", O_TMPFILE | O_WRONLY, 02777));
	say_stat("d/file");
	say_stat("d/dir");
	say_stat("d/fifo");
	say_stat("d/sym");
	unlink("d/file");
	rmdir("d/dir");
	unlink("d/fifo");
	unlink("d/sym");
}

static void inherit_groups(void)
{
	static const gid_t member[] = {2000, 0};

	mkdir("d", 0755);
	chown("d", 1000, 2000);
	chmod("d", 02777);
	umask(0);
	make_in_group_directory();
	as_user(1000, 1000, NULL, make_in_group_directory);
	as_user(1001, 1001, NULL, make_in_group_directory);
	as_user(1001, 1001, member, make_in_group_directory);
	as_user(1001, 2000, NULL, make_in_group_directory);
}

static void try_sticky(void)
{
	said_ok("unlink", unlink("d/theirs"));
	said_ok("rename", rename("d/theirs", "d/mine"));
	said_ok("replace", rename("d/own", "d/theirs"));
	said_ok("own", unlink("d/own"));
	said_ok("rmdir", rmdir("d/sub"));
}

static void respect_sticky_directories(void)
{
	static const uid_t owners[] = {0, 1000, 1001};

	for (size_t i = 0; i < COUNT(owners); i++) {
		mkdir("d", 0755);
		put("d/theirs", "x");
		put("d/own", "y");
		mkdir("d/sub", 0777);
		chown("d/own", 1000, 1000);
		chown("d/theirs", 1002, 1002);
		chown("d", owners[i], 0);
		chmod("d", 01777);
		as_user(1000, 1000, NULL, try_sticky);
		say_stat("d/theirs");
		say_stat("d/own");
		unlink("d/theirs");
		unlink("d/own");
		rmdir("d/sub");
		rmdir("d");
	}
}

static void change_own_file(void)
{
	said_ok("chmod", chmod("own", 06755));
	say_stat("own");
	said_ok("give away", chown("own", 1001, -1));
	said_ok("group of mine", chown("own", -1, 2000));
	say_stat("own");
	said_ok("another group", chown("own", -1, 3000));
	said_ok("sgid of a foreign group", chmod("foreign", 02755));
	say_stat("foreign");
	said_ok("O_NOATIME of mine", open("own", O_RDONLY | O_NOATIME));
	said_ok("O_NOATIME of another's", open("theirs", O_RDONLY | O_NOATIME));
	said_ok("times now", utimensat(AT_FDCWD, "theirs", NULL, 0));
	said_ok("times then",
		utimensat(AT_FDCWD, "theirs", (struct timespec[2]){{1, 0}, {1, 0}}, 0));
	said_ok("device", mknod("dev", S_IFCHR | 0600, 0x103));
	said_ok("link to another's", link("theirs", "hard"));
	said_ok("chmod of another's", chmod("theirs", 0777));
}

static void change_as_owner(void)
{
	static const gid_t groups[] = {2000, 0};

	put("own", "x");
	chown("own", 1000, 1000);
	put("foreign", "x");
	chown("foreign", 1000, 3000);
	put("theirs", "x");
	chown("theirs", 1001, 1001);
	chmod("theirs", 0666);
	as_user(1000, 1000, groups, change_own_file);
}

static void pass_through(void)
{
	said_ok("known name", open("closed/open/f", O_RDONLY));
	said_ok("stat", access("closed/open/f", F_OK));
	said_ok("list", open("closed", O_RDONLY));
	said_ok("missing", access("closed/none", F_OK));
	said_ok("search only", open("search/f", O_RDONLY));
	said_ok("search missing", open("search/none", O_RDONLY));
	said_ok("list search only", open("search", O_RDONLY));
}

static void need_search_permission(void)
{
	mkdir("closed", 0700);
	mkdir("closed/open", 0777);
	put("closed/open/f", "x");
	mkdir("search", 0711);
	put("search/f", "x");
	said_ok("root", open("closed/open/f", O_RDONLY));
	as_user(1000, 1000, NULL, pass_through);
	chmod("closed", 0755);
	as_user(1000, 1000, NULL, pass_through);
	chmod("closed", 0700);
	as_user(1000, 1000, NULL, pass_through);
}

const struct compare_case cases_permissions[] = {
	{"modes decide for every user", ask_modes},
	{"set-group-ID directories pass their group on", inherit_groups},
	{"sticky directories protect", respect_sticky_directories},
	{"owners change what is theirs", change_as_owner},
	{"directories must be searched", need_search_permission},
	{NULL, NULL},
};
