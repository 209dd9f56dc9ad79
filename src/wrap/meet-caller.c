/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who calls: with which path, and what it may. All of it is found in the host's /proc. */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "process/family.h"
#include "wrap/meet-internal.h"

/* Of /proc/PID/status: a process may have 65536 groups. */
#define STATUS_MAX ((size_t)1024 * 1024)

#define CAPABILITY_BIT(capability) (UINT32_C(1) << (capability))

bool meeting_waits(const struct meeting_question *question)
{
	return ioctl(question->listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &question->notif->id) == 0;
}

bool meeting_read_path(const struct helper *helper)
{
	struct meeting_question *question = helper->meeting;
	const struct seccomp_data *call = &question->notif->data;
	size_t len = (uint32_t)call->args[2];
	cleanup_close int memory = -1;
	struct sockaddr_un address;
	char name[32];

	snprintf(name, sizeof(name), "%d/mem", (int)question->thread);
	memory = openat(helper->proc_fd, name, O_RDONLY | O_CLOEXEC);
	if (memory < 0 || pread(memory, &address, len, (off_t)call->args[1]) != (ssize_t)len ||
	    address.sun_family != AF_UNIX || !address.sun_path[0])
		return false;
	len -= offsetof(struct sockaddr_un, sun_path);
	memcpy(question->path, address.sun_path, len);
	question->path[len] = '\0';
	return true;
}

/* Is that namespace of the thread's the container's first process's too? */
static bool shares(const struct helper *helper, const char *name)
{
	char path[64];
	struct stat own, its;

	snprintf(path, sizeof(path), "%d/ns/%s", (int)helper->meeting->thread, name);
	if (fstatat(helper->proc_fd, path, &its, 0) < 0)
		return false;
	snprintf(path, sizeof(path), "%d/ns/%s", (int)helper->pid, name);
	return fstatat(helper->proc_fd, path, &own, 0) == 0 && own.st_ino == its.st_ino &&
	       own.st_dev == its.st_dev;
}

bool meeting_shares_mounts(const struct helper *helper)
{
	return shares(helper, "mnt");
}

bool meeting_is_worked_in(const struct helper *helper, uint64_t mount)
{
	struct process_family family = PROCESS_FAMILY(helper->pid);
	struct statx at;
	char name[32];
	pid_t pid;

	while ((pid = process_family_next(helper->proc_fd, &family)) > 0) {
		snprintf(name, sizeof(name), "%d/cwd", (int)pid);
		if (statx(helper->proc_fd, name, AT_STATX_DONT_SYNC, STATX_MNT_ID, &at) == 0 &&
		    at.stx_mnt_id == mount)
			return true;
	}
	return false;
}

/* Behind that field of a status; NULL: it has none. */
static const char *find_field(const char *status, const char *field)
{
	const char *at = strstr(status, field);

	return at ? at + strlen(field) : NULL;
}

/* The last of four: proc_pid_status(5). */
static uint32_t file_system_id(const char *ids)
{
	char *at = (char *)(uintptr_t)ids;
	unsigned long id = 0;

	for (int i = 0; i < 4; i++)
		id = strtoul(at, &at, 10);
	return (uint32_t)id;
}

/* Takes the groups in that line over; the raw call changes this thread alone. */
static int take_groups(const char *line)
{
	const char *end = strchrnul(line, '\n');
	cleanup_free gid_t *groups = malloc(((size_t)(end - line) / 2 + 1) * sizeof(*groups));
	size_t count = 0;
	char *at;

	if (!groups)
		return -ENOMEM;
	while (line < end) {
		gid_t group = (gid_t)strtoul(line, &at, 10);

		if (at == line || at > end)
			break;
		groups[count++] = group;
		line = at;
	}
	return syscall(SYS_setgroups, count, groups) < 0 ? -errno : 0;
}

static int change_capabilities(const struct meeting_rights *rights, uint32_t but)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3];

	memcpy(sets, rights->sets, sizeof(sets));
	sets[0].effective &= ~but;
	return syscall(SYS_capset, &header, sets) < 0 ? -errno : 0;
}

int meeting_take_rights(const struct helper *helper, struct meeting_rights *ret)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	const uint32_t over_files =
		CAPABILITY_BIT(CAP_DAC_OVERRIDE) | CAPABILITY_BIT(CAP_DAC_READ_SEARCH);
	const char *users, *own_groups, *groups, *capabilities;
	cleanup_free char *status = NULL;
	uint64_t held;
	char name[32];
	size_t len;
	int r;

	snprintf(name, sizeof(name), "%d/status", (int)helper->meeting->thread);
	r = read_file_at(helper->proc_fd, name, STATUS_MAX, &status, &len, NULL);
	if (r < 0)
		return r;
	users = find_field(status, "\nUid:\t");
	own_groups = find_field(status, "\nGid:\t");
	groups = find_field(status, "\nGroups:\t");
	capabilities = find_field(status, "\nCapEff:\t");
	if (!users || !own_groups || !groups || !capabilities)
		return -EPROTO;
	if (syscall(SYS_capget, &header, ret->sets) < 0)
		return -errno;
	/* in a user namespace that it made it has all of them, and they are good for nothing here
	 */
	held = shares(helper, "user") ? strtoull(capabilities, NULL, 16) : 0;
	r = take_groups(groups);
	if (r < 0)
		return r;
	setfsgid(file_system_id(own_groups));
	setfsuid(file_system_id(users));
	return change_capabilities(ret, over_files & ~(uint32_t)held);
}

int meeting_give_back_rights(const struct meeting_rights *rights)
{
	setfsuid(0);
	setfsgid(0);
	return change_capabilities(rights, 0);
}
