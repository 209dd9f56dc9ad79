/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The bytes as husk.conf. Every path is absolute and every number in range afterwards, also on
 * failure. */
#include <string.h>

#include "base/settings.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static struct settings s;
	struct error err = ERROR_INIT;
	int r = settings_parse("husk.conf", (const char *)data, len, &s, &err);

	FUZZ_ASSERT(r == 0 || err.code == -r);
	FUZZ_ASSERT(memchr(s.state_directory, '\0', sizeof(s.state_directory)));
	FUZZ_ASSERT(s.state_directory[0] == '/' && s.launch_program[0] == '/');
	FUZZ_ASSERT(s.shadow_after_runs >= 1 && s.enforce_after_runs >= 1);
	FUZZ_ASSERT(r < 0 || s.event_file[0] == '/');
	return 0;
}
