/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The container's resolv.conf, and names taken apart by what it says. */
#include <string.h>

#include "dns/resolv.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct resolv resolv;

	resolv_parse((const char *)data, len, &resolv);
	FUZZ_ASSERT(resolv.servers_count > 0 && resolv.servers_count <= RESOLV_SERVERS_MAX);
	FUZZ_ASSERT(resolv.search_count <= RESOLV_SEARCH_MAX);
	for (size_t i = 0; i < resolv.servers_count; i++)
		FUZZ_ASSERT(resolv_has_server(&resolv, &resolv.servers[i]));
	for (size_t i = 0; i < resolv.search_count; i++) {
		char name[RESOLV_DOMAIN_ROOM + 2] = "x.";
		size_t name_len;

		FUZZ_ASSERT(resolv.search[i][0] && resolv.search[i][0] != '.');
		memcpy(name + 2, resolv.search[i], strlen(resolv.search[i]) + 1);
		FUZZ_ASSERT(resolv_expanded(&resolv, name, i, &name_len) == i + 1);
		FUZZ_ASSERT(name_len == 1);
	}
	return 0;
}
