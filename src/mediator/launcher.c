/* SPDX-License-Identifier: GPL-2.0-or-later */
/* husk-launch as the gate serves it: one image for one run. */
#include "mediator/launcher.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"

#define LAUNCHER_BYTES_MAX 65536

static char *find_slot(char *bytes, size_t len)
{
	static const char magic[] = LAUNCH_MAGIC_HEAD LAUNCH_MAGIC_TAIL;
	char *at = memmem(bytes, len, magic, sizeof(magic) - 1);

	if (!at || len - (size_t)(at - bytes) < sizeof(struct launch_slot))
		return NULL;
	return at;
}

int launcher_make(const char *program, const char *cwd, const struct launch_policy *policy,
		  char **ret, size_t *ret_len, struct error *err)
{
	cleanup_free char *bytes = NULL;
	char *slot;
	size_t len;
	int r = read_file_at(AT_FDCWD, program, LAUNCHER_BYTES_MAX, &bytes, &len, err);

	if (r < 0)
		return r;
	slot = find_slot(bytes, len);
	if (!slot)
		return error_say(err, EINVAL, "'%s' is not husk-launch", program);
	if (!text_copy(slot + offsetof(struct launch_slot, cwd), LAUNCH_CWD_ROOM, cwd))
		return error_say(err, ENAMETOOLONG, "process.cwd is longer than %d bytes",
				 LAUNCH_CWD_ROOM - 1);
	memcpy(slot + offsetof(struct launch_slot, policy), policy, sizeof(*policy));
	*ret = steal_ptr(&bytes);
	*ret_len = len;
	return 0;
}
