/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The mediator's own privileges and reach: less of them while a function can talk to it.
 *
 * landlock(7) is no help. A process that restricted itself by it may look at no process outside of
 * its own domain (hook_ptrace_access_check() of security/landlock/task.c, whatever capabilities it
 * has), so /proc/PID/exe, by which a program is known, would be refused; and it may mount nothing.
 */
#include "mediator/confine.h"

#include <errno.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "mediator/filter.h"

#ifdef __SANITIZE_ADDRESS__
#define SANITIZED 1
#else
#define SANITIZED 0
#endif

static const struct kept {
	cap_value_t capability;
	const char *why;
} kept[] = {
	{CAP_CHOWN, "chown(2) for a container's root"},
	{CAP_DAC_OVERRIDE, "files are opened for whoever the kernel let through"},
	{CAP_DAC_READ_SEARCH, "the same, and handles of files whose descriptors were closed"},
	{CAP_FOWNER, "chmod(2), utimensat(2) and sticky directories for their owners"},
	{CAP_FSETID, "set-group-ID bits that the caller may keep"},
	{CAP_SETUID, "files are created with the caller's user id"},
	{CAP_SETGID, "and group ids"},
	{CAP_SETFCAP, "security.capability of files"},
	{CAP_MKNOD, "devices, where the container may make them"},
	{CAP_LEASE, "leases on files of others"},
	{CAP_LINUX_IMMUTABLE, "inode flags"},
	{CAP_SYS_RESOURCE, "blocks that are reserved for root, for a container's root"},
	{CAP_SYS_ADMIN, "FUSE passthrough, trusted. and security. attributes"},
	{CAP_SYS_PTRACE, "/proc/PID/exe: which program asks"},
};

static bool is_kept(cap_value_t capability, unsigned int needs)
{
	if (capability == CAP_NET_ADMIN)
		return needs & FILTER_NETWORK;
	/* setns(2) into a mount namespace */
	if (capability == CAP_SYS_CHROOT)
		return needs & (FILTER_ENTERS | FILTER_MERGES);
	for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++) {
		if (kept[i].capability == capability)
			return true;
	}
	return false;
}

/* What the process had: a mediator in a container of its own may lack some of the table. */
static int shrink(cap_t set, unsigned int needs)
{
	cap_flag_value_t present;

	for (cap_value_t capability = 0; capability < cap_max_bits(); capability++) {
		if (cap_get_flag(set, capability, CAP_PERMITTED, &present) < 0)
			return -errno;
		if (!is_kept(capability, needs) && present == CAP_SET &&
		    (cap_set_flag(set, CAP_PERMITTED, 1, &capability, CAP_CLEAR) < 0 ||
		     cap_set_flag(set, CAP_EFFECTIVE, 1, &capability, CAP_CLEAR) < 0))
			return -errno;
	}
	return cap_clear_flag(set, CAP_INHERITABLE) < 0 || cap_set_proc(set) < 0 ? -errno : 0;
}

static int drop_capabilities(unsigned int needs)
{
	cap_t set = cap_get_proc();
	int r = set ? shrink(set, needs) : -errno;

	cap_free(set);
	if (r == 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		r = -errno;
	return r;
}

int confine(int empty_fd, unsigned int needs, struct error *err)
{
	char path[32];
	int r;

	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", empty_fd);
	/* a helper that waits keeps the host's root */
	if (unshare(CLONE_FS) < 0 || (!SANITIZED && chroot(path) < 0))
		return error_set(err, errno, "cannot leave the host's file system");
	r = drop_capabilities(needs);
	if (r < 0)
		return error_set(err, -r, "cannot give up the mediator's capabilities");
	r = SANITIZED ? 0 : filter_install(needs);
	if (r < 0)
		return error_set(err, -r, "cannot install the mediator's system-call filter");
	return 0;
}
