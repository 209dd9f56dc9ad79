/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The state that a runtime gives a hook. */
#include "container/state.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct error err = ERROR_INIT;
	struct oci_state state;

	if (oci_state_parse((const char *)data, len, &state, &err) < 0) {
		FUZZ_ASSERT(err.what[0]);
		return 0;
	}
	FUZZ_ASSERT(state.id && state.bundle && state.pid >= 0);
	oci_state_release(&state);
	return 0;
}
