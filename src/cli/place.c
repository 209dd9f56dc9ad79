/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The host as a root: see place.h. Everything is done in a mount namespace that dies with the run.
 */
#include "cli/place.h"

#include <errno.h>
#include <linux/magic.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>

#include <linux/mount.h>

#define CGROUP_DIRECTORY "/sys/fs/cgroup"

bool place_is_below(const char *path, const char *below)
{
	size_t len = strlen(below);

	while (len > 0 && below[len - 1] == '/')
		len--;
	return strncmp(path, below, len) == 0 && (path[len] == '\0' || path[len] == '/');
}

static bool is_foreign(const struct mountinfo_entry *e)
{
	static const char *const types[] = {"autofs",	   "nsfs",	"ramfs",
					    "rpc_pipefs",  "fusectl",	"configfs",
					    "binfmt_misc", "hugetlbfs", "tracefs"};

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		if (strcmp(e->type, types[i]) == 0)
			return true;
	}
	if (strcmp(e->type, "fuse") == 0 || strncmp(e->type, "fuse.", 5) == 0)
		return true;
	/* Where engines and kubelets keep the roots and secrets of containers. */
	return place_is_below(e->point, "/var/lib") &&
	       (strcmp(e->type, "overlay") == 0 || strcmp(e->type, "tmpfs") == 0);
}

static bool is_hidden(const char *point, const char *const *hidden, size_t n_hidden)
{
	static const char *const own[] = {"/proc", "/sys", "/dev", "/run", "/tmp"};

	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++) {
		if (place_is_below(point, own[i]))
			return true;
	}
	for (size_t i = 0; i < n_hidden; i++) {
		if (place_is_below(point, hidden[i]))
			return true;
	}
	return false;
}

static bool has(const struct bundle_mount *mounts, size_t n, const char *point)
{
	for (size_t i = 0; i < n; i++) {
		if (strcmp(mounts[i].destination, point) == 0)
			return true;
	}
	return false;
}

size_t place_choose(const struct mountinfo *info, const char *workdir, const char *const *hidden,
		    size_t n_hidden, struct bundle_mount *ret, size_t *ret_left_out)
{
	size_t n = 0;

	*ret_left_out = 0;
	for (size_t i = 0; i < info->n_entries; i++) {
		const struct mountinfo_entry *e = &info->entries[i];

		if (strcmp(e->point, "/") == 0 || mountinfo_is_native(e) || is_foreign(e) ||
		    is_hidden(e->point, hidden, n_hidden) || has(ret, n, e->point))
			continue;
		if (workdir && place_is_below(e->point, workdir))
			continue;
		if (n == PLACE_MOUNTS_MAX) {
			++*ret_left_out;
			continue;
		}
		ret[n++] = (struct bundle_mount){
			.source = e->point,
			.destination = e->point,
			.read_only = true,
			.no_exec = (e->attributes & MOUNT_ATTR_NOEXEC) != 0,
		};
	}
	return n;
}

void place_clean(char *path)
{
	char *to = path;

	for (const char *at = path; *at;) {
		size_t len;

		at += strspn(at, "/");
		len = strcspn(at, "/");
		if (len == 2 && memcmp(at, "..", 2) == 0) {
			while (to > path && *--to != '/')
				;
		} else if (len > 0 && !(len == 1 && *at == '.')) {
			*to++ = '/';
			memmove(to, at, len);
			to += len;
		}
		at += len;
	}
	if (to == path)
		*to++ = '/';
	*to = '\0';
}

static bool is_type(const char *path, long type)
{
	struct statfs st;

	return statfs(path, &st) == 0 && (long)st.f_type == type;
}

enum place_cgroup place_cgroup_layout(void)
{
	if (is_type(CGROUP_DIRECTORY, CGROUP2_SUPER_MAGIC))
		return PLACE_CGROUP_V2;
	if (is_type(CGROUP_DIRECTORY "/unified", CGROUP2_SUPER_MAGIC))
		return PLACE_CGROUP_HYBRID;
	if (is_type(CGROUP_DIRECTORY, TMPFS_MAGIC))
		return PLACE_CGROUP_V1;
	return PLACE_CGROUP_NONE;
}

/* A remount that names fewer flags than the mount has would drop them. */
static unsigned long present_flags(const char *path)
{
	static const struct {
		unsigned long have, keep;
	} map[] = {
		{ST_NOSUID, MS_NOSUID},		{ST_NODEV, MS_NODEV},
		{ST_NOEXEC, MS_NOEXEC},		{ST_NOATIME, MS_NOATIME},
		{ST_NODIRATIME, MS_NODIRATIME}, {ST_RELATIME, MS_RELATIME},
	};
	unsigned long flags = 0;
	struct statvfs st;

	if (statvfs(path, &st) < 0)
		return 0;
	for (size_t i = 0; i < sizeof(map) / sizeof(map[0]); i++) {
		if (st.f_flag & map[i].have)
			flags |= map[i].keep;
	}
	return flags;
}

/*
 * Read-only before the runtime sees it: a runtime makes missing mount points itself, and here that
 * would be on the host.
 */
static int bind_host(const char *to, struct error *err)
{
	unsigned long flags = present_flags("/");

	if (mount("/", to, NULL, MS_BIND, NULL) < 0)
		return error_set(err, errno, "cannot bind the host's root at '%s'", to);
	if (mount(NULL, to, NULL, MS_PRIVATE, NULL) < 0 ||
	    mount(NULL, to, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | flags, NULL) < 0)
		return error_set(err, errno, "cannot make '%s' read-only", to);
	return 0;
}

int place_enter(const struct place *place, struct error *err)
{
	if (unshare(CLONE_NEWNS) < 0) {
		error_set(err, errno, "cannot make a mount namespace");
		error_hint(err, "husk run needs CAP_SYS_ADMIN; run 'husk check'");
		return -err->code;
	}
	/* Slave, so that what the host unmounts meanwhile is not held here. */
	if (mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0)
		return error_set(err, errno, "cannot detach the mounts from the host's");
	if (place->private_cgroup2 && mount("none", CGROUP_DIRECTORY, "cgroup2", 0, NULL) < 0)
		return error_set(err, errno, "cannot mount cgroup2 for the runtime");
	return place->host_root ? bind_host(place->host_root, err) : 0;
}
