/* SPDX-License-Identifier: GPL-2.0-or-later */
/* poststop is husk-merge's: this is for whoever has registered husk-hook for it. */
#include <errno.h>
#include <stdint.h>
#include <unistd.h>

#include "hook/hook.h"

int hook_poststop(const char *config_path, struct error *err)
{
	const char *arguments[7] = {"husk-merge"};
	char *environment[1] = {NULL};
	struct settings settings;
	int n = 1;
	int r = settings_read(config_path, &settings, err);

	if (r < 0)
		return r;
	if (config_path) {
		arguments[n++] = "--config";
		arguments[n++] = config_path;
	}
	arguments[n++] = "--runtime-directory";
	arguments[n++] = settings.runtime_directory;
	arguments[n] = "poststop";
	execve(settings.merge_program, (char *const *)(uintptr_t)arguments, environment);
	return error_set(err, errno, "cannot execute '%s'", settings.merge_program);
}
