/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Makes the FUSE mount by descriptors, without a place and without a helper program. The process
 * that mounts is in the first user namespace, so the ids in requests are those of the host.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mount.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "view/view-internal.h"

static int set_options(int fs_fd, int fuse_fd)
{
	char number[16];

	(void)snprintf(number, sizeof(number), "%d", fuse_fd);
	const struct {
		const char *key, *value;
	} texts[] = {
		{"source", "husk"},    {"subtype", "husk"}, {"fd", number},
		{"rootmode", "40000"}, {"user_id", "0"},    {"group_id", "0"},
	};
	static const char *const flags[] = {"allow_other", "default_permissions"};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		if (fsconfig(fs_fd, FSCONFIG_SET_STRING, texts[i].key, texts[i].value, 0) < 0)
			return -errno;
	}
	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		if (fsconfig(fs_fd, FSCONFIG_SET_FLAG, flags[i], NULL, 0) < 0)
			return -errno;
	}
	return fsconfig(fs_fd, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0 ? -errno : 0;
}

int view_mount(int *ret_fuse_fd, int *ret_mount_fd, struct error *err)
{
	cleanup_close int fuse_fd = open("/dev/fuse", O_RDWR | O_CLOEXEC | O_NONBLOCK);
	cleanup_close int fs_fd = -1;
	int mount_fd;
	int rc;

	if (fuse_fd < 0) {
		rc = error_set(err, errno, "cannot open '/dev/fuse'");
		error_hint(err,
			   "load the kernel's fuse module, or pass the device into this machine");
		return rc;
	}
	fs_fd = fsopen("fuse", FSOPEN_CLOEXEC);
	if (fs_fd < 0) {
		rc = error_set(err, errno, "cannot prepare a FUSE mount");
		error_hint(err, "husk needs Linux 5.2 with FUSE, and to run as root");
		return rc;
	}
	rc = set_options(fs_fd, fuse_fd);
	if (rc < 0)
		return error_set(err, -rc, "cannot set up a FUSE file system");
	mount_fd = fsmount(fs_fd, FSMOUNT_CLOEXEC, 0);
	if (mount_fd < 0)
		return error_set(err, errno, "cannot mount a FUSE file system");
	*ret_fuse_fd = steal_fd(&fuse_fd);
	*ret_mount_fd = mount_fd;
	return 0;
}
