/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUSK_CLI_LOCAL_H
#define HUSK_CLI_LOCAL_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/settings.h"
#include "cli/bundle.h"
#include "cli/options.h"

/* What `husk run` was asked for, and config.json made of it. */
struct local_request {
	const char *rootfs;   /* absolute; NULL: the host's file system */
	const char *bundle;   /* absolute; NULL: make one */
	const char *name;     /* NULL: made of the program's */
	const char *revision; /* NULL: the hook makes one */
	const char *user;     /* NULL: root */
	const char *workdir;  /* absolute; NULL: the working directory, or "/" with a rootfs */
	const char *network;  /* "host" or "none" */
	struct cli_list volumes;
	struct cli_list env;
	const char *const *args;
	size_t n_args;
	bool trusted;
	bool terminal;
	const char *pid_namespace; /* its path; not with a bundle */
	struct hook_plan hooks;
};

/*
 * Appends the config.json for `request` to `out`. `root` is where the host's file system will be
 * bound, used where neither rootfs nor bundle is given. What is done without is said on standard
 * error, one line each. Returns 0 or -errno.
 */
int local_config(const struct local_request *request, const struct settings *settings,
		 const char *root, struct buf *out, struct error *err);

/* Is the name one that an annotation may carry: 1 to 255 bytes of UTF-8, no control characters? */
bool local_name_is_good(const char *name);

#endif
