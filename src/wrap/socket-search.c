/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Breadth first: what belongs to daemons lies near the top, and what is passed over lies deep. */
#include "wrap/socket-search.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"

struct search {
	int top_fd;
	struct waiting {
		char *path; /* below the top */
		int depth;
	} waiting[SOCKET_SEARCH_DIRECTORIES_MAX];
	size_t waiting_count;
	int names;
	_Alignas(struct dirent64) char read[32768];
};

/* Others may change the volume meanwhile, so no component is taken for what it was. */
static int open_below(int top_fd, const char *path)
{
	const struct open_how how = {
		.flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV,
	};

	return (int)syscall(SYS_openat2, top_fd, path, &how, sizeof(how));
}

static unsigned char type_of(int fd, const struct dirent64 *entry)
{
	struct stat st;

	if (entry->d_type != DT_UNKNOWN)
		return entry->d_type;
	return fstatat(fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 ? IFTODT(st.st_mode)
									 : DT_UNKNOWN;
}

static void wait_for(struct search *search, const char *path, const char *name, int depth)
{
	struct waiting *place = &search->waiting[search->waiting_count];
	char below[PATH_MAX];
	int n = snprintf(below, sizeof(below), "%s/%s", path, name);

	if (depth > SOCKET_SEARCH_DEPTH_MAX || n < 0 || (size_t)n >= sizeof(below) ||
	    search->waiting_count == SOCKET_SEARCH_DIRECTORIES_MAX)
		return;
	*place = (struct waiting){.path = strdup(below), .depth = depth};
	search->waiting_count += place->path != NULL;
}

/* Looks at one name of a directory. */
static bool is_socket(struct search *search, const struct waiting *where, int fd,
		      const struct dirent64 *entry)
{
	unsigned char type;

	if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
		return false;
	search->names++;
	type = type_of(fd, entry);
	if (type == DT_DIR)
		wait_for(search, where->path, entry->d_name, where->depth + 1);
	return type == DT_SOCK || type == DT_FIFO;
}

static bool holds_socket(struct search *search, const struct waiting *where)
{
	cleanup_close int fd = open_below(search->top_fd, where->path);
	ssize_t len = fd < 0 ? -1 : 1;

	while (len > 0 && search->names < SOCKET_SEARCH_NAMES_MAX) {
		len = getdents64(fd, search->read, sizeof(search->read));
		for (ssize_t at = 0; at < len;) {
			const struct dirent64 *entry =
				(const struct dirent64 *)(const void *)(search->read + at);

			if (is_socket(search, where, fd, entry))
				return true;
			at += entry->d_reclen;
		}
	}
	return false;
}

bool socket_search(const char *top)
{
	cleanup_close int top_fd = open(top, O_PATH | O_DIRECTORY | O_CLOEXEC);
	char self[] = ".";
	struct search search;
	bool found;

	search.top_fd = top_fd;
	search.waiting_count = 0;
	search.names = 0;
	found = top_fd >= 0 && holds_socket(&search, &(struct waiting){.path = self});
	for (size_t i = 0; i < search.waiting_count; i++) {
		found = found || holds_socket(&search, &search.waiting[i]);
		free(search.waiting[i].path);
	}
	return found;
}
