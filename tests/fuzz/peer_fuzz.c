/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Keys of the domain net, which profiles from elsewhere bring in. */
#include <string.h>

#include "fuzz.h"
#include "policy/peer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static const enum access accesses[] = {ACCESS_CONNECT, ACCESS_SERVE};
	char key[512], name[PEER_KEY_ROOM], again[PEER_KEY_ROOM];
	struct peer peer;

	if (len >= sizeof(key))
		return 0;
	memcpy(key, data, len);
	key[len] = '\0';
	for (size_t i = 0; i < 2; i++) {
		if (peer_parse(accesses[i], key, name, &peer) < 0)
			continue;
		FUZZ_ASSERT(peer_format(&peer, again) == accesses[i]);
		FUZZ_ASSERT(strcmp(again, key) == 0);
	}
	return 0;
}
