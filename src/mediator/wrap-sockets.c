/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which volumes are shared with the host by sockets or FIFOs. */
#include <dirent.h>
#include <string.h>

#include "base/cleanup.h"
#include "mediator/wrap-internal.h"

#define VOLUME_NAMES_MAX 4096 /* looked at in one volume */

static bool holds_socket(const char *point)
{
	cleanup_dir DIR *dir = opendir(point);
	const struct dirent *entry;

	for (int i = 0; dir && i < VOLUME_NAMES_MAX && (entry = readdir(dir)); i++) {
		if (entry->d_type == DT_SOCK || entry->d_type == DT_FIFO)
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
	if (holds_socket(entry->point))
		return "it holds a socket or a FIFO of the host's";
	return NULL;
}
