/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The detector table, against a container that has something for every kind of source. */
#include <string.h>

#include "container/identity.h"
#include "container/spec.h"
#include "fuzz.h"

static const char config[] =
	"{\"root\":{\"path\":\"rootfs\"},\"process\":{\"args\":[\"functions-framework\",\"--target="
	"t\"],"
	"\"env\":[\"K_SERVICE=s\",\"fprocess=python3 x\",\"E=\",\"BAD=a\\nb\"]},\"annotations\":{"
	"\"n\":\"wsk0_12_guest_hello\",\"io.kubernetes.cri.sandbox-name\":\"web-6f7c8d9b4-x2x4z\","
	"\"d\":\"r@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\"}}";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	char id[] = "id", bundle[] = "/run/openfaas-fn/id";
	struct oci_state state = {.id = id, .bundle = bundle};
	struct error err = ERROR_INIT;
	struct identity identity;
	struct oci_spec spec;

	FUZZ_ASSERT(oci_spec_parse("config.json", config, strlen(config), &spec, &err) == 0);
	if (identity_find_in(&state, &spec, "table", (const char *)data, len, 0, &identity, &err) <
	    0)
		FUZZ_ASSERT(err.what[0]);
	else if (!identity.ignored)
		FUZZ_ASSERT(!identity.function[0] == !identity.revision[0]);
	oci_spec_release(&spec);
	return 0;
}
