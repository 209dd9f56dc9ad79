/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which resolvers a container is set up for, read before the function can change it. */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "dns/resolv.h"
#include "wrap/helper-internal.h"

void helper_read_resolvers(struct helper *helper)
{
	cleanup_close int fd =
		open("/etc/resolv.conf", O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return;
	if (read_to_end(fd, RESOLV_BYTES_MAX, &helper->resolvers, &helper->resolvers_len) < 0)
		helper->resolvers = NULL;
}
