/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUSK_CONTAINER_MOUNTINFO_H
#define HUSK_CONTAINER_MOUNTINFO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* Mounts as /proc/PID/mountinfo tells them, in its order. Source: proc_pid_mountinfo(5). */
struct mountinfo_entry {
	int id, parent;
	const char *root;  /* unescaped: what of the file system is mounted, "/" for all of it */
	const char *point; /* unescaped absolute path as seen from that process's root */
	const char *type;  /* file system type, "fuse.husk" and the like as they stand */
	const char *super_options;
	uint64_t attributes;  /* MOUNT_ATTR_* of mount_setattr(2): RDONLY, NOSUID, NODEV, NOEXEC,
				 atime, ... */
	uint64_t propagation; /* MS_SHARED, MS_SLAVE, both, MS_UNBINDABLE, or MS_PRIVATE */
};

/* What is read of such a file at most: 100,000 mounts of some 300 bytes, and room. */
#define MOUNTINFO_BYTES_MAX ((size_t)64 * 1024 * 1024)

struct mountinfo {
	char *bytes; /* what the strings point into */
	struct mountinfo_entry *entries;
	size_t n_entries;
};

/* Parses `len` bytes, which are copied. Lines that are not of the documented form are an error
 * (-EPROTO). At most 100,000 entries (the kernel's fs.mount-max). */
int mountinfo_parse(const char *bytes, size_t len, struct mountinfo *ret, struct error *err);
void mountinfo_release(struct mountinfo *info);

#define cleanup_mountinfo __attribute__((cleanup(mountinfo_release)))

/*
 * Finds the mount `id` in `len` bytes of mountinfo and copies only its line: ret->entries[0].
 * Returns 0 with *ret owned by the caller, 1 where there is no such mount, -errno as
 * mountinfo_parse().
 */
int mountinfo_find(const char *bytes, size_t len, int id, struct mountinfo *ret, struct error *err);

/*
 * Does this mount stay the kernel's own: proc, sysfs, cgroup, cgroup2, mqueue, devpts, securityfs
 * and the like by type, and any mount at or below /dev, /proc or /sys by place (masked paths, shm)?
 * Everything else holds data and is served by the view.
 */
bool mountinfo_is_native(const struct mountinfo_entry *entry);

#endif
