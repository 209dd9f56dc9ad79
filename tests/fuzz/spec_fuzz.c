/* SPDX-License-Identifier: GPL-2.0-or-later */
/* config.json, and what is made of it: the identity by annotations, rules and digest. */
#include <string.h>

#include "container/identity.h"
#include "container/spec.h"
#include "fuzz.h"
#include "policy/calls.h"

static const char table[] = "image annotation image|digest\n"
			    "rule a\nwhen annotation s is sandbox\nignore\n"
			    "rule b\nfunction {annotation n}/{annotation p|workload}\n"
			    "rule c\nfunction {env N}\nrevision {option --r}\n"
			    "rule d\nfunction {last-argument}@{argument 0}\n";
static const char *const calls[] = {"clone", "read", "seccomp"};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	char id[] = "id", bundle[] = "/nowhere";
	struct oci_state state = {.id = id, .bundle = bundle};
	struct error err = ERROR_INIT;
	struct identity identity;
	struct oci_spec spec;
	uint32_t given;

	if (oci_spec_parse("config.json", (const char *)data, len, &spec, &err) < 0) {
		FUZZ_ASSERT(err.what[0]);
		return 0;
	}
	FUZZ_ASSERT(spec.root_path && spec.cwd[0] == '/');
	given = oci_spec_calls(&spec, calls, 3);
	FUZZ_ASSERT(given <= 3 || given == CALLS_ALL);
	FUZZ_ASSERT(!spec.args[spec.n_args] && !spec.env[spec.n_env]);
	if (identity_find_in(&state, &spec, "table", table, strlen(table), 0, &identity, &err) < 0)
		FUZZ_ASSERT(err.what[0]);
	else if (!identity.ignored && !identity.opted_out)
		FUZZ_ASSERT(!identity.function[0] == !identity.revision[0]);
	oci_spec_release(&spec);
	return 0;
}
