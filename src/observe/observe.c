/* SPDX-License-Identifier: GPL-2.0-or-later */
/* bpf(2) by hand: this part links into husk-hook, which libbpf would make four times as large. */
#include "observe/observe.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/magic.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "observe/pin.h"

/* Why husk-observe could not, in the runtime directory. */
#define FAILURE_FILE "observe.failed"

#define FAILURE_BYTES_MAX 4096

static int call(enum bpf_cmd command, union bpf_attr *attr)
{
	long r = syscall(SYS_bpf, command, attr, sizeof(*attr));

	return r < 0 ? -errno : (int)r;
}

static uint64_t pointer(const void *p)
{
	return (uint64_t)(uintptr_t)p;
}

/* A map of another layout would write over what does not belong to it. */
static bool is_ours(int map_fd)
{
	struct bpf_map_info info = {0};
	union bpf_attr attr = {0};

	attr.info.bpf_fd = (uint32_t)map_fd;
	attr.info.info_len = sizeof(info);
	attr.info.info = pointer(&info);
	return call(BPF_OBJ_GET_INFO_BY_FD, &attr) >= 0 && info.key_size == sizeof(uint32_t) &&
	       info.value_size == sizeof(struct observe_record);
}

static int open_pin(const char *path)
{
	union bpf_attr attr = {0};

	attr.pathname = pointer(path);
	return call(BPF_OBJ_GET, &attr);
}

/* A map alone is filled by nobody, and would say that nothing is needed. */
static int open_pins(struct observer *ret)
{
	cleanup_close int map_fd = open_pin(OBSERVE_MAP_PIN);
	int link_fd;

	if (map_fd < 0)
		return map_fd;
	if (!is_ours(map_fd))
		return -EPROTO;
	link_fd = open_pin(OBSERVE_LINK_PIN);
	if (link_fd < 0)
		return link_fd;
	ret->map_fd = steal_fd(&map_fd);
	ret->link_fd = link_fd;
	return 0;
}

static int run(const char *program, int error_fd)
{
	char *const arguments[] = {(char *)(uintptr_t)program, NULL};
	char *const environment[] = {NULL};
	posix_spawn_file_actions_t actions;
	int status = 0, r;
	pid_t pid;

	r = posix_spawn_file_actions_init(&actions);
	if (r != 0)
		return -r;
	r = posix_spawn_file_actions_adddup2(&actions, error_fd, STDERR_FILENO);
	if (r == 0)
		r = posix_spawn(&pid, program, &actions, NULL, arguments, environment);
	posix_spawn_file_actions_destroy(&actions);
	if (r != 0)
		return -r;
	if (waitpid(pid, &status, 0) < 0)
		return -errno;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -EOPNOTSUPP;
}

/* Reads the one line that says why it failed. */
static int say_failure(int fd, struct error *err)
{
	cleanup_free char *text = NULL;
	size_t len;

	if (read_to_end(fd, FAILURE_BYTES_MAX, &text, &len) < 0 || len == 0)
		return error_say(err, EOPNOTSUPP, "husk-observe failed and did not say why");
	text[strcspn(text, "\n")] = '\0';
	return error_say(err, EOPNOTSUPP, "%s", text);
}

/* So that the next container does not try in vain; where that cannot be kept, it does. */
static void keep_failure(int runtime_fd, const char *what)
{
	cleanup_close int fd =
		openat(runtime_fd, FAILURE_FILE, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd >= 0)
		write_all(fd, what, strlen(what));
}

/* Executes husk-observe, once a boot where it fails. */
static int make_pins(const char *program, int runtime_fd, struct error *err)
{
	cleanup_close int failure = openat(runtime_fd, FAILURE_FILE, O_RDONLY | O_CLOEXEC);
	cleanup_close int mine = -1, theirs = -1;
	struct statfs fs;
	int fds[2], r;

	if (failure >= 0)
		return say_failure(failure, err);
	if (statfs(OBSERVE_BPFFS, &fs) < 0 || fs.f_type != BPF_FS_MAGIC)
		return error_say(err, ENOENT, "no BPF file system is mounted at " OBSERVE_BPFFS);
	/* husk may be built without it, and a process that cannot be executed costs half a start */
	if (access(program, X_OK) < 0)
		return error_set(err, errno, "cannot execute '%s'", program);
	if (pipe2(fds, O_CLOEXEC) < 0)
		return error_set(err, errno, "cannot create a pipe");
	mine = fds[0];
	theirs = fds[1];
	r = run(program, theirs);
	close(steal_fd(&theirs));
	if (r == -EOPNOTSUPP) {
		say_failure(mine, err);
		keep_failure(runtime_fd, err->what);
		return r;
	}
	return r < 0 ? error_set(err, -r, "cannot execute '%s'", program) : 0;
}

int observe_open(const char *program, int runtime_fd, struct observer *ret, struct error *err)
{
	int r = open_pins(ret);

	if (r == -ENOENT) {
		r = make_pins(program, runtime_fd, err);
		if (r < 0)
			return r;
		r = open_pins(ret);
	}
	if (r == -EPROTO)
		return error_say(err, EPROTO,
				 "'%s' is none of this version's; 'husk-observe --remove' takes it "
				 "away",
				 OBSERVE_MAP_PIN);
	return r < 0 ? error_set(err, -r, "cannot use '%s'", OBSERVE_MAP_PIN) : 0;
}

/* PROC_PID_INIT_INO of include/linux/proc_ns.h: since Linux 3.8, and never another's */
#define INITIAL_PID_NAMESPACE UINT32_C(0xEFFFFFFC)

static int namespace_number(int proc_fd, pid_t pid, const char *kind, uint32_t *ret)
{
	char name[32];
	struct stat file;

	snprintf(name, sizeof(name), "%d/ns/%s", (int)pid, kind);
	if (fstatat(proc_fd, name, &file, 0) < 0)
		return -errno;
	*ret = (uint32_t)file.st_ino;
	return 0;
}

int observe_identify(int proc_fd, pid_t pid, bool leads_namespace, struct observe_container *ret)
{
	uint32_t own = 0;
	int r = namespace_number(proc_fd, pid, leads_namespace ? "pid" : "mnt", &ret->key);

	if (r == 0)
		r = namespace_number(proc_fd, pid, "user", &ret->user_namespace);
	if (r == 0)
		r = namespace_number(proc_fd, getpid(), "pid", &own);
	ret->first = pid;
	ret->counts_alike = own == INITIAL_PID_NAMESPACE;
	return r;
}

int observe_begin(int map_fd, const struct observe_container *container, dev_t view,
		  uint64_t watched)
{
	const struct observe_record record = {
		.watched = watched,
		.user_namespace = container->user_namespace,
		.view_device = major(view) << 20 | minor(view),
		.mediator = getpid(),
		.first = container->counts_alike ? container->first : 0,
	};
	union bpf_attr attr = {0};

	attr.map_fd = (uint32_t)map_fd;
	attr.key = pointer(&container->key);
	attr.value = pointer(&record);
	return call(BPF_MAP_UPDATE_ELEM, &attr);
}

int observe_read(int map_fd, uint32_t key, struct observe_record *ret)
{
	struct observe_record record = {0};
	union bpf_attr attr = {0};
	int r;

	attr.map_fd = (uint32_t)map_fd;
	attr.key = pointer(&key);
	attr.value = pointer(&record);
	r = call(BPF_MAP_LOOKUP_ELEM, &attr);
	if (r < 0)
		return r;
	if (record.mediator != getpid())
		return -ENOENT;
	*ret = record;
	return 0;
}

void observe_end(int map_fd, uint32_t key)
{
	struct observe_record record = {0};
	union bpf_attr attr = {0};

	if (observe_read(map_fd, key, &record) < 0)
		return;
	attr.map_fd = (uint32_t)map_fd;
	attr.key = pointer(&key);
	call(BPF_MAP_DELETE_ELEM, &attr);
}
