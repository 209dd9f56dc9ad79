/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The bytes as husk.conf. Every path is absolute and every number in range afterwards, also on
 * failure. */
#include <limits.h>
#include <string.h>

#include "base/settings.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static struct settings s;
	struct error err = ERROR_INIT;
	int r = settings_parse("husk.conf", (const char *)data, len, &s, &err);

	FUZZ_ASSERT(r == 0 || err.code == -r);
	FUZZ_ASSERT(strlen(s.state_directory) < PATH_MAX);
	FUZZ_ASSERT(s.state_directory[0] == '/' && s.launch_program[0] == '/');
	FUZZ_ASSERT(s.shadow_after_runs >= 1 && s.enforce_after_runs >= 1);
	FUZZ_ASSERT(s.event_file[0] == '/');
	settings_release(&s);
	return 0;
}
