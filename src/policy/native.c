/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The records of the attachment POLICY_NATIVE. */
#include "policy/native.h"

#include <endian.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "base/text.h"

enum { HEAD_BYTES = 1 + sizeof(uint32_t) + sizeof(uint16_t) };

void native_put(struct buf *to, const struct native_entry *entry)
{
	uint8_t kind = (uint8_t)entry->kind;
	uint32_t uses = htole32(entry->uses);
	size_t path_len = strlen(entry->path);
	uint16_t len = htole16((uint16_t)path_len);

	if (path_len > UINT16_MAX)
		return;
	buf_add(to, &kind, sizeof(kind));
	buf_add(to, &uses, sizeof(uses));
	buf_add(to, &len, sizeof(len));
	buf_add(to, entry->path, path_len + 1);
}

/* One way to write a path, so that names are compared as they are: no empty, "." or ".." component.
 */
static bool is_canonical(const char *path)
{
	while (*path == '/') {
		size_t len = strcspn(path + 1, "/");

		if (len == 0 || (len == 1 && path[1] == '.') ||
		    (len == 2 && path[1] == '.' && path[2] == '.'))
			return false;
		path += 1 + len;
	}
	return *path == '\0';
}

int native_next(const void *bytes, size_t len, size_t *at, struct native_entry *ret)
{
	const char *record = (const char *)bytes + *at;
	size_t left = len - *at;
	uint32_t uses;
	uint16_t path_len;

	if (left == 0)
		return 0;
	if (left < HEAD_BYTES + 1)
		return -EPROTO;
	memcpy(&uses, record + 1, sizeof(uses));
	memcpy(&path_len, record + 1 + sizeof(uses), sizeof(path_len));
	path_len = le16toh(path_len);
	if (left - HEAD_BYTES <= path_len ||
	    strnlen(record + HEAD_BYTES, left - HEAD_BYTES) != path_len)
		return -EPROTO;
	if (record[HEAD_BYTES] != '/' || !is_canonical(record + HEAD_BYTES))
		return -EPROTO;
	if (record[0] < NATIVE_IMAGE || record[0] > NATIVE_SOCKETS)
		return -EPROTO;
	*ret = (struct native_entry){
		.kind = (enum native_kind)record[0],
		.uses = le32toh(uses),
		.path = record + HEAD_BYTES,
	};
	*at += HEAD_BYTES + path_len + 1U;
	return 1;
}

bool native_has_sockets(const void *bytes, size_t len, const char *path)
{
	struct native_entry entry;
	size_t at = 0;

	while (native_next(bytes, len, &at, &entry) > 0) {
		if (entry.kind == NATIVE_SOCKETS && path_lies_in(path, entry.path))
			return true;
	}
	return false;
}
