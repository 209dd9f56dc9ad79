/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The state as husk-merge reads it before it is a C program, against the reader that it stands for.
 */
#include <string.h>

#include "container/state.h"
#include "fuzz.h"
#include "merge/early-scan.h"

static bool is(const struct early_text *text, const char *word)
{
	return strlen(word) == text->len && memcmp(text->bytes, word, text->len) == 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct error err = ERROR_INIT;
	struct early_text id, bundle;
	struct oci_state state;

	if (!early_scan((const char *)data, len, &id, &bundle) ||
	    oci_state_parse((const char *)data, len, &state, &err) < 0)
		return 0;
	FUZZ_ASSERT(is(&id, state.id) && is(&bundle, state.bundle));
	oci_state_release(&state);
	return 0;
}
