/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The host's kernel and privileges, tried rather than guessed where trying has no effect. */
#include "cli/host.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <linux/magic.h>
#include <linux/seccomp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "cli/place.h"
#include "cli/runtime.h"

#define STATUS_BYTES_MAX 65536

const char *host_state_name(enum host_state state)
{
	switch (state) {
	case HOST_OK:
		return "ok";
	case HOST_DEGRADED:
		return "degraded";
	case HOST_MISSING:
	default:
		return "missing";
	}
}

bool host_can_wrap(const struct host_report *report)
{
	for (size_t i = 0; i < report->n_items; i++) {
		if (report->items[i].state == HOST_MISSING)
			return false;
	}
	return true;
}

bool host_version_at_least(const char *text, unsigned int major, unsigned int minor)
{
	char *end;
	unsigned long have_major = strtoul(text, &end, 10);
	unsigned long have_minor;

	if (end == text || *end != '.')
		return false;
	have_minor = strtoul(end + 1, NULL, 10);
	return have_major > major || (have_major == major && have_minor >= minor);
}

struct host_item *host_add(struct host_report *report, const char *name, enum host_state state,
			   const char *format, ...)
{
	size_t at = report->n_items < HOST_ITEMS_MAX ? report->n_items++ : HOST_ITEMS_MAX - 1;
	struct host_item *item = &report->items[at];
	va_list args;

	*item = (struct host_item){.name = name, .state = state};
	va_start(args, format);
	vsnprintf(item->detail, sizeof(item->detail), format, args);
	va_end(args);
	return item;
}

static void mend(struct host_item *item, const char *text)
{
	snprintf(item->mend, sizeof(item->mend), "%s", text);
}

static void look_user(struct host_report *report)
{
	if (geteuid() == 0)
		host_add(report, "root", HOST_OK, "running as root");
	else
		mend(host_add(report, "root", HOST_MISSING, "running as user %u",
			      (unsigned int)geteuid()),
		     "sudo husk check");
}

bool host_has_capability(int number)
{
	cleanup_free char *status = NULL;
	const char *at = NULL;
	size_t len;

	if (read_file_at(AT_FDCWD, "/proc/self/status", STATUS_BYTES_MAX, &status, &len, NULL) == 0)
		at = strstr(status, "\nCapEff:");
	return at && (strtoull(at + strlen("\nCapEff:"), NULL, 16) >> number & 1);
}

static void look_capability(struct host_report *report, const char *name, int number,
			    enum host_state without, const char *why)
{
	if (host_has_capability(number)) {
		host_add(report, name, HOST_OK, "held");
		return;
	}
	mend(host_add(report, name, without, "not held: %s", why),
	     "in a container, start it with --privileged");
}

static void look_release(struct host_report *report)
{
	struct utsname name;

	if (uname(&name) < 0)
		return;
	if (!host_version_at_least(name.release, 5, 12)) {
		mend(host_add(report, "kernel", HOST_MISSING, "Linux %s: 5.12 is needed",
			      name.release),
		     "install a newer kernel");
		return;
	}
	host_add(report, "kernel", HOST_OK, "Linux %s", name.release);
	if (host_version_at_least(name.release, 6, 9))
		host_add(report, "passthrough", HOST_OK,
			 "files are read and written at native speed");
	else
		mend(host_add(report, "passthrough", HOST_DEGRADED,
			      "Linux before 6.9: every read and write goes through husk"),
		     "install Linux 6.9 or later");
}

static void look_fuse(struct host_report *report)
{
	cleanup_close int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);

	if (fd >= 0)
		host_add(report, "/dev/fuse", HOST_OK, "opens");
	else
		mend(host_add(report, "/dev/fuse", HOST_MISSING, "%s", strerror(errno)),
		     errno == ENOENT || errno == ENODEV
			     ? "modprobe fuse; in a container, start it with --device /dev/fuse"
			     : "sudo husk check");
}

/*
 * Mount calls with a descriptor that cannot be: EBADF says that the call is there and allowed,
 * ENOSYS that it is not, EPERM that a filter or the lack of privilege refuses it.
 */
static void look_call(struct host_report *report, const char *name, long result)
{
	int code = errno;

	if (result >= 0 || (code != ENOSYS && code != EPERM))
		host_add(report, name, HOST_OK, "works");
	else
		mend(host_add(report, name, HOST_MISSING, "%s", strerror(code)),
		     code == ENOSYS ? "install a newer kernel"
				    : "run as root; in a container, start it with --privileged");
	if (result >= 0)
		close((int)result);
}

static void look_calls(struct host_report *report)
{
	int r = open_in_root(AT_FDCWD, ".", O_PATH | O_DIRECTORY, 0);

	errno = r < 0 ? -r : 0;
	look_call(report, "openat2", r);
	look_call(report, "open_tree", syscall(SYS_open_tree, -1, "x", O_CLOEXEC));
	look_call(report, "move_mount", syscall(SYS_move_mount, -1, "x", -1, "x", 0));
	look_call(report, "mount_setattr", syscall(SYS_mount_setattr, -1, "x", 0, NULL, 0));
	look_call(report, "fsopen", syscall(SYS_fsopen, "tmpfs", 1U));
}

/* Copying a descriptor is refused to everybody where ptrace(2) is. */
static bool may_copy_descriptors(void)
{
	cleanup_free char *scope = NULL;
	size_t len;

	if (syscall(SYS_pidfd_getfd, -1, 0, 0) < 0 && errno == ENOSYS)
		return false;
	return read_file_at(AT_FDCWD, "/proc/sys/kernel/yama/ptrace_scope", STATUS_BYTES_MAX,
			    &scope, &len, NULL) < 0 ||
	       strtol(scope, NULL, 10) < 3;
}

static void look_seccomp(struct host_report *report)
{
	uint32_t action = SECCOMP_RET_USER_NOTIF;

	if (syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) < 0)
		mend(host_add(report, "seccomp", HOST_DEGRADED,
			      "nobody can be notified of system calls: they are not watched"),
		     "install Linux 5.6 or later, with CONFIG_SECCOMP_FILTER");
	else if (!may_copy_descriptors())
		mend(host_add(report, "seccomp", HOST_DEGRADED,
			      "listeners cannot be taken over: system calls are not watched"),
		     "Linux 5.6 or later, with kernel.yama.ptrace_scope below 3 (it takes a "
		     "restart)");
	else
		host_add(report, "seccomp", HOST_OK, "system calls can be watched and refused");
}

static void look_cgroup(struct host_report *report)
{
	switch (place_cgroup_layout()) {
	case PLACE_CGROUP_V2:
		host_add(report, "cgroup", HOST_OK, "version 2");
		return;
	case PLACE_CGROUP_HYBRID:
		host_add(report, "cgroup", HOST_OK,
			 "hybrid: husk run gives crun a cgroup2 mount of its own");
		return;
	case PLACE_CGROUP_V1:
		host_add(report, "cgroup", HOST_OK,
			 "version 1: husk run gives crun a cgroup2 mount of its own");
		return;
	case PLACE_CGROUP_NONE:
	default:
		mend(host_add(report, "cgroup", HOST_DEGRADED,
			      "nothing is mounted at /sys/fs/cgroup: runc cannot run"),
		     "mount -t cgroup2 none /sys/fs/cgroup");
		return;
	}
}

/* Why husk-observe failed, for which nobody tries again (observe/observe.c). NULL: it did not. */
static char *observer_failure(const char *path)
{
	char *reason = NULL;
	size_t len;

	(void)read_file_at(AT_FDCWD, path, STATUS_BYTES_MAX, &reason, &len, NULL);
	return reason;
}

/* What the observer of capabilities needs of the kernel, and what came of loading it. */
static void look_observer(const struct settings *settings, struct host_report *report)
{
	cleanup_free char *reason = NULL;
	char path[PATH_MAX];
	struct statfs fs;

	snprintf(path, sizeof(path), "%s/observe.failed", settings->runtime_directory);
	reason = observer_failure(path);
	if (statfs("/sys/fs/bpf", &fs) < 0 || fs.f_type != BPF_FS_MAGIC)
		mend(host_add(report, "capabilities", HOST_DEGRADED,
			      "not observed: no BPF file system is mounted at /sys/fs/bpf"),
		     "mount -t bpf bpf /sys/fs/bpf");
	else if (access("/sys/kernel/btf/vmlinux", R_OK) < 0)
		mend(host_add(report, "capabilities", HOST_DEGRADED,
			      "not observed: the kernel does not describe its types (BTF)"),
		     "use a kernel with CONFIG_DEBUG_INFO_BTF");
	else if (!host_has_capability(CAP_BPF) && !host_has_capability(CAP_SYS_ADMIN))
		mend(host_add(report, "capabilities", HOST_DEGRADED,
			      "not observed: no BPF program may be loaded"),
		     "run as root; in a container, start it with --privileged");
	else if (reason)
		mend(host_add(report, "capabilities", HOST_DEGRADED,
			      "not observed since the boot: %s", reason),
		     "mend that, and remove observe.failed from the runtime directory");
	else
		host_add(report, "capabilities", HOST_OK,
			 "observed in the kernel; husk-observe loads the observer once a boot");
}

void host_look_kernel(const struct host_question *question, struct host_report *report)
{
	look_user(report);
	look_release(report);
	look_capability(report, "CAP_SYS_ADMIN", CAP_SYS_ADMIN, HOST_MISSING,
			"mounts and namespaces cannot be made");
	look_capability(report, "CAP_SYS_RESOURCE", CAP_SYS_RESOURCE, HOST_DEGRADED,
			"limits cannot be raised");
	look_fuse(report);
	look_calls(report);
	look_seccomp(report);
	look_cgroup(report);
	look_observer(question->settings, report);
}

void host_look(const struct host_question *question, struct host_report *ret)
{
	*ret = (struct host_report){0};
	host_look_kernel(question, ret);
	host_look_network(ret);
	host_look_installed(question, ret);
}
