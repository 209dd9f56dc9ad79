/* SPDX-License-Identifier: GPL-2.0-or-later */
/* /proc/PID/mountinfo. */
#include <string.h>

#include "container/mountinfo.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	const char *bytes = (const char *)data;
	struct error err = ERROR_INIT;
	struct mountinfo info;

	if (mountinfo_find(bytes, len, 22, &info, &err) == 0)
		mountinfo_release(&info);
	if (mountinfo_parse(bytes, len, &info, &err) < 0) {
		FUZZ_ASSERT(err.what[0]);
		return 0;
	}
	for (size_t i = 0; i < info.n_entries; i++) {
		const struct mountinfo_entry *entry = &info.entries[i];

		FUZZ_ASSERT(strlen(entry->point) + strlen(entry->root) +
				    strlen(entry->super_options) <=
			    len);
		mountinfo_is_native(entry);
	}
	mountinfo_release(&info);
	return 0;
}
