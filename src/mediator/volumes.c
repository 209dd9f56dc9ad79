/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the configuration tells of volumes before any is mounted. */
#include "mediator/volumes.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"

static bool is_bind(const struct oci_mount *mount)
{
	return !mount->type || strcmp(mount->type, "bind") == 0 || strcmp(mount->type, "none") == 0;
}

static bool lies_in(const char *path, const char *directory)
{
	size_t len = strlen(directory);

	return strncmp(path, directory, len) == 0 && (path[len] == '/' || !path[len]);
}

bool volumes_are_shared(const struct oci_spec *spec, const char *bundle)
{
	cleanup_close int dir = open(bundle, O_PATH | O_DIRECTORY | O_CLOEXEC);

	for (size_t i = 0; i < spec->n_mounts; i++) {
		const struct oci_mount *mount = &spec->mounts[i];
		struct stat st;

		if (!mount->source || !is_bind(mount) || lies_in(mount->destination, "/dev") ||
		    lies_in(mount->destination, "/proc") || lies_in(mount->destination, "/sys"))
			continue;
		if (fstatat(dir, mount->source, &st, 0) == 0 && S_ISDIR(st.st_mode))
			return true;
	}
	return false;
}
