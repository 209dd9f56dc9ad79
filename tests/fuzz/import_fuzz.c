/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Documents of others that are joined into the store: `husk import`. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "fuzz.h"
#include "store/store.h"

static char directory[] = "/tmp/husk-fuzz-XXXXXX";

static void remove_directory(void)
{
	static const char *const names[] = {"husk.db", "husk.db-wal", "husk.db-shm"};
	char path[64];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", directory, names[i]);
		unlink(path);
	}
	rmdir(directory);
}

static struct store *opened(void)
{
	static struct store *store;

	if (!store) {
		FUZZ_ASSERT(mkdtemp(directory));
		atexit(remove_directory);
		FUZZ_ASSERT(store_open(directory, 0, &store, NULL) == 0);
	}
	return store;
}

static int import(struct store *store, const char *bytes, size_t len, char **ret_function)
{
	cleanup_json struct json *document = NULL;
	struct error err = ERROR_INIT;
	int r = json_parse("document", bytes, len, &document, &err);

	return r < 0 ? r : store_import(store, document, ret_function, &err);
}

/* What was joined comes out as a document that joins again and then changes nothing. */
static void come_back(struct store *store, const char *function)
{
	cleanup_buf struct buf first = BUF_INIT, second = BUF_INIT;
	cleanup_free char *again = NULL;

	FUZZ_ASSERT(store_export(store, function, &first, NULL) == 0);
	FUZZ_ASSERT(import(store, first.bytes, first.len, &again) == 0);
	FUZZ_ASSERT(strcmp(function, again) == 0);
	FUZZ_ASSERT(store_export(store, function, &second, NULL) == 0);
	FUZZ_ASSERT(first.len == second.len && memcmp(first.bytes, second.bytes, first.len) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct store *store = opened();
	cleanup_free char *function = NULL;

	FUZZ_ASSERT(store_begin(store, NULL) == 0);
	if (import(store, (const char *)data, len, &function) == 0)
		come_back(store, function);
	FUZZ_ASSERT(store_end(store, -ECANCELED, NULL) == -ECANCELED);
	return 0;
}
