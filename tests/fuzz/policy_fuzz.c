/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The bytes as a policy image, once as they are and once with the length and checksum set right, so
 * that what lies behind those two checks is reached as well.
 */
#include <string.h>

#include "base/hash.h"
#include "fuzz.h"
#include "policy/decide.h"
#include "policy/image.h"
#include "policy/native.h"

enum {
	CRC_AT = 12, /* src/policy/image-internal.h */
	BYTES_AT = 16,
	BYTES_END = 24,
};

static void use(const struct policy_image *image)
{
	static const char *const names[] = {"", "/bin/cat", "/app/secret", "/usr/bin/python3"};
	struct policy_info info = policy_image_info(image);

	FUZZ_ASSERT(strlen(info.function) <= POLICY_NAME_MAX);
	FUZZ_ASSERT(strlen(info.revision) <= POLICY_NAME_MAX);
	for (size_t i = 0; i < DOMAINS; i++)
		FUZZ_ASSERT(info.modes[i] < MODES);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct behaviour b = {DOMAIN_FS, ACCESS_READ, names[i], "/app/secret",
				      BEHAVIOUR_IMAGE};

		FUZZ_ASSERT(policy_image_find(image, &b) <= POLICY_DENIED);
		FUZZ_ASSERT(policy_decide(image, info.modes, &b).verdict < VERDICTS);
		policy_image_has_program(image, names[i]);
	}
}

static void use_natives(const void *bytes, size_t len)
{
	struct native_entry entry;
	size_t at = 0;

	while (native_next(bytes, len, &at, &entry) > 0) {
		FUZZ_ASSERT(at <= len);
		FUZZ_ASSERT(entry.path[0] == '/' && strlen(entry.path) <= UINT16_MAX);
		FUZZ_ASSERT(!strstr(entry.path, "/../"));
	}
}

static void check(const uint8_t *data, size_t len)
{
	struct policy_image *image = NULL;
	size_t natives_len = 0;

	if (policy_image_check(data, len, &image, NULL) == 0) {
		const void *natives = policy_image_attachment(image, POLICY_NATIVE, &natives_len);

		use(image);
		use_natives(natives, natives_len);
	}
	use_natives(data, len);
	policy_image_free(image);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	uint8_t *copy;

	check(data, len);
	if (len < BYTES_END)
		return 0;
	copy = malloc(len);
	if (!copy)
		return 0;
	memcpy(copy, data, len);
	for (size_t i = 0; i < BYTES_END - BYTES_AT; i++)
		copy[BYTES_AT + i] = (uint8_t)((uint64_t)len >> (8 * i));
	for (size_t i = 0; i < 4; i++)
		copy[CRC_AT + i] = (uint8_t)(crc32c(0, copy + BYTES_AT, len - BYTES_AT) >> (8 * i));
	check(copy, len);
	free(copy);
	return 0;
}
