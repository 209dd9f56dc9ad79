/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the observer of capabilities says of single deeds: observe-live PROGRAM. Each is done by a
 * process in a mount namespace of its own, which is what the observer knows it by; PROGRAM is
 * husk-observe, executed where nothing is pinned yet. Exit status 0: as expected; 1: not, and a
 * line for each; 2: there is no observer, and a line that says why.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "observe/observe.h"

#define BIT(capability) (UINT64_C(1) << (capability))
#define SOCKET_RCVBUFFORCE 33 /* asm-generic/socket.h */

static int read_file(const char *path)
{
	char bytes[4096];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t len = fd < 0 ? -1 : read(fd, bytes, sizeof(bytes));

	if (fd >= 0)
		close(fd);
	return len < 0 ? -1 : 0;
}

static int nothing(void)
{
	return read_file("/proc/self/status");
}

static int memory(void)
{
	void *at = mmap(NULL, 1 << 24, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return at == MAP_FAILED ? -1 : munmap(at, 1 << 24);
}

static int peek(void)
{
	return read_file("/proc/1/stat") | read_file("/proc/sys/net/core/somaxconn");
}

static int stay(void)
{
	return setuid(0) | setgid(0);
}

static int chown_file(void)
{
	return chown("file", 1000, 1000) | chown("file", 0, 0);
}

static int chmod_file(void)
{
	return chmod("others", 0644);
}

static int chmod_group_id(void)
{
	return chmod("others", 02755);
}

static int make_pipe(void)
{
	int ends[2];

	return pipe2(ends, O_CLOEXEC);
}

static int read_others(void)
{
	return read_file("secret");
}

static int listen_low(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(80)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int r = fd < 0 ? -1 : bind(fd, (struct sockaddr *)&address, sizeof(address));

	close(fd);
	return r;
}

static int raw_socket(void)
{
	return close(socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, 1));
}

static int force_buffer(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), size = 4096;
	int r = setsockopt(fd, SOL_SOCKET, SOCKET_RCVBUFFORCE, &size, sizeof(size));

	close(fd);
	return r;
}

static int mark_socket(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), mark = 1;
	int r = setsockopt(fd, SOL_SOCKET, SO_MARK, &mark, sizeof(mark));

	close(fd);
	return r;
}

static int make_device(void)
{
	return mknod("device", S_IFCHR | 0600, makedev(1, 3)) | unlink("device");
}

static int set_groups(void)
{
	gid_t group = 1000;

	return setgroups(1, &group);
}

static int become_user(void)
{
	return setuid(1000);
}

static int enter_root(void)
{
	return chroot("/");
}

/* A process that is another user's. */
static int kill_other(void)
{
	int ready[2], r;
	char byte;
	pid_t pid;

	if (pipe2(ready, O_CLOEXEC) < 0)
		return -1;
	pid = fork();
	if (pid == 0) {
		if (setuid(1000) < 0 || write(ready[1], "", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	r = pid < 0 || read(ready[0], &byte, 1) != 1 ? -1 : kill(pid, SIGKILL);
	if (pid > 0)
		waitpid(pid, NULL, 0);
	close(ready[0]);
	close(ready[1]);
	return r;
}

static const struct deed {
	const char *name;
	int (*act)(void);
	uint64_t needs;
} deeds[] = {
	{"nothing", nothing, 0},
	{"memory", memory, 0},
	{"files of /proc that show more to some", peek, 0},
	{"the ids that it has", stay, 0},
	{"a pipe beyond what a user's may have", make_pipe, 0},
	{"chown(2)", chown_file, BIT(CAP_CHOWN)},
	{"chmod(2) of a file of another group", chmod_file, 0},
	{"chmod(2) that sets its set-group-ID bit", chmod_group_id, BIT(CAP_FSETID)},
	{"reading what nobody may", read_others, BIT(CAP_DAC_OVERRIDE)},
	{"a port below 1024", listen_low, BIT(CAP_NET_BIND_SERVICE)},
	{"a raw socket", raw_socket, BIT(CAP_NET_RAW)},
	{"a buffer beyond the limit", force_buffer, 0},
	{"a mark on a socket", mark_socket, BIT(CAP_NET_ADMIN)},
	{"a device", make_device, BIT(CAP_MKNOD)},
	{"groups", set_groups, BIT(CAP_SETGID)},
	{"another user's process", kill_other, BIT(CAP_KILL) | BIT(CAP_SETUID)},
	{"another user", become_user, BIT(CAP_SETUID)},
	{"another root directory", enter_root, BIT(CAP_SYS_CHROOT)},
};

/* One process that does it, once it is told to. */
struct actor {
	pid_t pid;
	int ready[2], go[2];
};

static _Noreturn void be_actor(const struct actor *actor, const struct deed *deed)
{
	char byte;

	if (unshare(CLONE_NEWNS) < 0 || write(actor->ready[1], "", 1) != 1 ||
	    read(actor->go[0], &byte, 1) != 1)
		_exit(2);
	_exit(deed->act() == 0 ? 0 : 1);
}

static int start(struct actor *actor, const struct deed *deed)
{
	char byte;

	if (pipe2(actor->ready, O_CLOEXEC) < 0 || pipe2(actor->go, O_CLOEXEC) < 0)
		return -1;
	actor->pid = fork();
	if (actor->pid == 0)
		be_actor(actor, deed);
	return actor->pid < 0 || read(actor->ready[0], &byte, 1) != 1 ? -1 : 0;
}

/* Returns its exit status, or -1. */
static int finish(const struct actor *actor)
{
	int status, r = write(actor->go[1], "", 1) == 1 ? 0 : -1;

	if (waitpid(actor->pid, &status, 0) != actor->pid || !WIFEXITED(status))
		r = -1;
	for (int i = 0; i < 2; i++) {
		close(actor->ready[i]);
		close(actor->go[i]);
	}
	return r < 0 ? r : WEXITSTATUS(status);
}

/* More pages than the user may have without a capability: fs.pipe-user-pages-soft, 16384. */
static int make_pipes(void)
{
	for (int i = 0; i < 65; i++) {
		int ends[2];

		if (pipe2(ends, O_CLOEXEC) < 0 || fcntl(ends[1], F_SETPIPE_SZ, 1 << 20) < 0)
			return -1;
	}
	return 0;
}

static int make_files(void)
{
	int fd;

	if (mount("none", "/mnt", "tmpfs", 0, NULL) < 0 || chdir("/mnt") < 0)
		return -1;
	fd = open("file", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	close(fd);
	fd = open("others", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	close(fd);
	fd = open("secret", O_WRONLY | O_CREAT | O_CLOEXEC, 0);
	close(fd);
	return fd < 0 ? -1 : chown("others", 0, 1000) | chown("secret", 1000, 1000);
}

/* What was used where one of two would do: the one that is asked for first, where it is there. */
static uint64_t expected(uint64_t needs, uint64_t used)
{
	if (needs & BIT(CAP_DAC_OVERRIDE) && used & BIT(CAP_DAC_READ_SEARCH))
		return needs ^ (BIT(CAP_DAC_OVERRIDE) | BIT(CAP_DAC_READ_SEARCH));
	if (needs & BIT(CAP_NET_ADMIN) && used & BIT(CAP_NET_RAW)) /* since Linux 5.17 */
		return needs ^ (BIT(CAP_NET_ADMIN) | BIT(CAP_NET_RAW));
	return needs;
}

/* Continues as a program in a file system whose device stat(2) and the kernel agree about. */
static int enter_memory(char **argv)
{
	static char name[] = "memory";

	int from = open("/proc/self/exe", O_RDONLY | O_CLOEXEC), to;
	struct stat st;

	if (strcmp(argv[0], name) == 0)
		return 0;
	to = memfd_create("observe-live", MFD_CLOEXEC);
	if (from < 0 || to < 0 || fstat(from, &st) < 0 ||
	    sendfile(to, from, NULL, (size_t)st.st_size) != st.st_size)
		return -1;
	argv[0] = name;
	return fexecve(to, argv, environ);
}

static dev_t own_device(void)
{
	struct stat st = {0};

	(void)!stat("/proc/self/exe", &st);
	return st.st_dev;
}

/* Returns whether it went as expected. */
static bool try(const struct deed *deed, int map_fd, int proc_fd)
{
	struct observe_record record = {0};
	struct observe_container seen;
	struct actor actor;
	int failed, r;

	if (start(&actor, deed) < 0)
		return false;
	r = observe_identify(proc_fd, actor.pid, false, &seen);
	if (r == 0)
		r = observe_begin(map_fd, &seen, own_device(), 0);
	failed = finish(&actor);
	if (r == 0)
		r = observe_read(map_fd, seen.key, &record);
	observe_end(map_fd, seen.key);
	if (r == 0 && failed == 0 && record.used == expected(deed->needs, record.used))
		return true;
	printf("%s: exit status %d, result %d, uses %#llx and not %#llx\n", deed->name, failed, r,
	       (unsigned long long)record.used, (unsigned long long)deed->needs);
	return false;
}

int main(int argc, char **argv)
{
	int proc_fd = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct error err = ERROR_INIT;
	struct observer observer;
	int runtime_fd;
	bool right = true;

	if (argc != 2 || enter_memory(argv) < 0 || unshare(CLONE_NEWNS) < 0 ||
	    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 || make_files() < 0 ||
	    make_pipes() < 0) {
		perror("observe-live");
		return 1;
	}
	runtime_fd = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (observe_open(argv[1], runtime_fd, &observer, &err) < 0) {
		error_print("observe-live", &err);
		return 2;
	}
	for (size_t i = 0; i < sizeof(deeds) / sizeof(deeds[0]); i++)
		right = try(&deeds[i], observer.map_fd, proc_fd) && right;
	return right ? 0 : 1;
}
