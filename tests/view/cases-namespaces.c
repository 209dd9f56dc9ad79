/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Processes of user namespaces, in which root is an ordinary user of the host's. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "compare.h"

enum { FIRST = 100000, IDS = 1000 };

static void write_map(pid_t pid, const char *name)
{
	char path[64], text[64];
	int fd;

	(void)snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	(void)snprintf(text, sizeof(text), "0 %d %d\n", FIRST, IDS);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		said_ok(name, -1);
	close(fd);
}

/*
 * Runs `function` as root of a user namespace whose ids are those of the host from FIRST on. NULL:
 * only makes the namespace. Returns a descriptor of it.
 */
static int in_namespace(void (*function)(void))
{
	char path[64];
	int namespace;
	int ready[2], go[2];
	char byte;
	pid_t pid;

	if (pipe2(ready, O_CLOEXEC) < 0 || pipe2(go, O_CLOEXEC) < 0)
		return -1;
	pid = fork();
	if (pid == 0) {
		if (unshare(CLONE_NEWUSER) < 0)
			said_ok("unshare", -1);
		(void)write(ready[1], "x", 1);
		(void)read(go[0], &byte, 1);
		if (setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0)
			said_ok("become root", -1);
		if (function)
			function();
		_exit(0);
	}
	(void)read(ready[0], &byte, 1);
	write_map(pid, "uid_map");
	write_map(pid, "gid_map");
	(void)snprintf(path, sizeof(path), "/proc/%d/ns/user", pid);
	namespace = open(path, O_RDONLY | O_CLOEXEC);
	(void)write(go[1], "x", 1);
	waitpid(pid, NULL, 0);
	for (int i = 0; i < 2; i++) {
		close(ready[i]);
		close(go[i]);
	}
	return namespace;
}

static void make_files(void)
{
	say_stat("own");
	say_stat("hosts");
	put("own/f", "x");
	said_ok("mkdir", mkdir("own/d", 02775));
	said_ok("symlink", symlink("x", "own/s"));
	said_ok("fifo", mkfifo("own/p", 0644));
	said_ok("device", mknod("own/dev", S_IFCHR | 0600, makedev(1, 3)));
	said_ok("whiteout", mknod("own/white", S_IFCHR | 0600, makedev(0, 0)));
	said_ok("tmpfile", open("own", O_TMPFILE | O_RDWR, 0600));
	said_ok("chown", chown("own/f", 5, 6));
	said_ok("chown to nobody's", chown("own/d", 5000, -1));
	said_ok("chown of another's", chown("hosts/f", 5, 6));
	said_ok("chmod", chmod("own/f", 06755));
	said_ok("chmod of another's", chmod("hosts/f", 0777));
	said_ok("read another's", open("hosts/secret", O_RDONLY));
	said_ok("read mine", open("own/f", O_RDONLY));
	said_ok("write another's", open("hosts/f", O_WRONLY));
	said_ok("create at another's", open("hosts/new", O_CREAT | O_WRONLY, 0600));
	said_ok("O_NOATIME", open("hosts/f", O_RDONLY | O_NOATIME));
	said_ok("trusted", setxattr("own/f", "trusted.t", "t", 1, 0));
	said_ok("user", setxattr("own/f", "user.u", "u", 1, 0));
	said_ok("security", setxattr("own/f", "security.s", "u", 1, 0));
	said_ok("times", utimensat(AT_FDCWD, "hosts/f", (struct timespec[2]){{1, 0}, {1, 0}}, 0));
	say_stat("own/f");
	say_stat("own/d");
	say_stat("own/s");
	say_stat("own/p");
	said_ok("rename", rename("own/f", "own/g"));
	said_ok("link", link("own/g", "own/h"));
	said_ok("unlink", unlink("own/h"));
}

static void own_files(void)
{
	mkdir("own", 0755);
	chown("own", FIRST, FIRST);
	mkdir("hosts", 0755);
	put("hosts/f", "x");
	put("hosts/secret", "x");
	chmod("hosts/secret", 0600);
	close(in_namespace(make_files));
	say_stat("own/g");
	say_stat("own/d");
	say_stat("own/s");
	say_stat("own/p");
}

static void set_capability(void)
{
	static const unsigned char value[20] = {1, 0, 0, 2, 0, 4};
	unsigned char got[32];

	said_ok("set", setxattr("f", "security.capability", value, sizeof(value), 0));
	said("get", getxattr("f", "security.capability", got, sizeof(got)));
}

static void keep_capabilities_of_namespaces(void)
{
	unsigned char got[32] = {0};

	put("f", "x");
	chown("f", FIRST, FIRST);
	close(in_namespace(set_capability));
	said("get", getxattr("f", "security.capability", got, sizeof(got)));
	say("version %u root %u", got[3], got[20] | got[21] << 8 | got[22] << 16);
}

static void set_acl(void)
{
	static const unsigned char acl[] = {
		2, 0, 0,    0,	  1,	0,    7,    0, 0xff, 0xff, 0xff, 0xff, 2,    0,	   7,
		0, 5, 0,    0,	  0,	4,    0,    5, 0,    0xff, 0xff, 0xff, 0xff, 0x10, 0,
		7, 0, 0xff, 0xff, 0xff, 0xff, 0x20, 0, 5,    0,	   0xff, 0xff, 0xff, 0xff};
	unsigned char got[128];

	said_ok("set", setxattr("d", "system.posix_acl_access", acl, sizeof(acl), 0));
	said("get", getxattr("d", "system.posix_acl_access", got, sizeof(got)));
	say("user %d", got[16]);
}

static void create_in_directory(void)
{
	said_ok("create", open("d/f", O_CREAT | O_WRONLY, 0600));
	say_stat("d/f");
}

static void map_acls(void)
{
	unsigned char got[128] = {0};

	mkdir("d", 0755);
	chown("d", FIRST, FIRST);
	close(in_namespace(set_acl));
	said("get", getxattr("d", "system.posix_acl_access", got, sizeof(got)));
	say("user %d", got[16] | got[17] << 8 | got[18] << 16);
	as_user(FIRST + 5, FIRST + 5, NULL, create_in_directory);
	as_user(FIRST + 6, FIRST + 6, NULL, create_in_directory);
}

static void work_in_mapped_mount(void)
{
	say_stat("f");
	say_stat("unmapped");
	said_ok("read", open("f", O_RDONLY));
	said_ok("write", open("f", O_RDWR));
	said_ok("unmapped", open("unmapped", O_RDONLY));
	said_ok("create", open("new", O_CREAT | O_WRONLY, 0644));
	said_ok("mkdir", mkdir("newdir", 02755));
	said_ok("symlink", symlink("x", "news"));
	said_ok("fifo", mkfifo("newp", 0600));
	said_ok("tmpfile", open(".", O_TMPFILE | O_WRONLY, 0600));
	said_ok("chmod", chmod("f", 04755));
	said_ok("chown", chown("f", FIRST + 7, FIRST + 7));
	said_ok("chown to the host's", chown("f", 7, -1));
	said_ok("xattr", setxattr("f", "user.u", "u", 1, 0));
	said_ok("times", utimensat(AT_FDCWD, "f", NULL, 0));
	said_ok("rename", rename("f", "g"));
	said_ok("rename back", rename("g", "f"));
	say_stat("f");
	say_stat("new");
	say_stat("newdir");
	said_ok("rmdir", rmdir("newdir"));
	said_ok("unlink", unlink("newp"));
}

static void map_mount(void)
{
	struct mount_attr attr = {.attr_set = MOUNT_ATTR_IDMAP};
	int mount;

	chown(".", 5, 5);
	put("f", "x");
	chown("f", 5, 5);
	put("unmapped", "x");
	chown("unmapped", IDS + 5, 5);
	attr.userns_fd = (uint64_t)in_namespace(NULL);
	mount = open_tree(AT_FDCWD, ".", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	said_ok("map", mount_setattr(mount, "", AT_EMPTY_PATH, &attr, sizeof(attr)));
	said_ok("enter", fchdir(mount));
	as_user(FIRST + 5, FIRST + 5, NULL, work_in_mapped_mount);
	as_user(5, 5, NULL, work_in_mapped_mount);
	work_in_mapped_mount();
	say_stat("f");
}

static void show_mapped_mount(void)
{
	pid_t pid = fork();

	/* in a child, which leaves the case's directory as it is */
	if (pid == 0) {
		map_mount();
		_exit(0);
	}
	waitpid(pid, NULL, 0);
	say_stat("f");
	say_stat("new");
	say_stat("news");
}

const struct compare_case cases_namespaces[] = {
	{"root of a user namespace has its own files", own_files},
	{"file capabilities belong to a user namespace", keep_capabilities_of_namespaces},
	{"ACLs are mapped", map_acls},
	{"an idmapped mount shows other owners", show_mapped_mount},
	{NULL, NULL},
};
