/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which volumes are shared with the host by sockets or FIFOs. */
#include <string.h>

#include "base/text.h"
#include "policy/native.h"
#include "policy/shape.h"
#include "wrap/socket-search.h"
#include "wrap/wrap-internal.h"

/* Does the key `path` lie in a mount within `point`, a widened mount point? */
static bool lies_deeper(const struct wrap *wrap, const char *point, const char *path)
{
	char other[SHAPE_KEY_MAX];

	for (size_t i = 0; i < wrap->mounts.n_entries; i++) {
		shape_key(wrap->mounts.entries[i].point, 0, other);
		if (strcmp(other, point) != 0 && path_lies_in(other, point) &&
		    path_lies_in(path, other))
			return true;
	}
	return false;
}

/* Did an earlier run meet the host there by a socket? */
static bool made_sockets(const struct wrap *wrap, const char *mount_point)
{
	const struct native_wish *wish = &wrap->helper->wish;
	char point[SHAPE_KEY_MAX];
	struct native_entry entry;
	size_t at = 0;

	if (wish->volumes_len == 0 || native_volume_is_denied(wish, mount_point))
		return false;
	shape_key(mount_point, 0, point);
	while (native_next(wish->volumes, wish->volumes_len, &at, &entry) > 0) {
		if (entry.kind == NATIVE_SOCKETS && path_lies_in(entry.path, point) &&
		    !lies_deeper(wrap, point, entry.path))
			return true;
	}
	return false;
}

const char *wrap_shares_sockets(const struct wrap *wrap, const struct mountinfo_entry *entry)
{
	if (wrap_made_for_container(wrap, entry))
		return NULL;
	if (strcmp(wrap->helper->wish.sockets, entry->point) == 0)
		return "the detector table says that the host connects to sockets in it";
	if (made_sockets(wrap, entry->point))
		return "the function and the host meet by sockets or FIFOs in it";
	if (socket_search(entry->point))
		return "it holds a socket or a FIFO of the host's";
	return NULL;
}
