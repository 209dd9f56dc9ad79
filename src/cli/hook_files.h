/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUSK_CLI_HOOK_FILES_H
#define HUSK_CLI_HOOK_FILES_H

#include <limits.h>
#include <stdbool.h>

#include "base/buf.h"
#include "base/error.h"
#include "cli/bundle.h"

/*
 * Hook definitions for a hooks.d directory. Source: containers-common, oci-hooks(5), schema 1.0.0.
 * Two files, because the stage is an argument of the hook and a file has one set of arguments.
 */

/* Where Podman and CRI-O look unless their configuration says otherwise. Podman 4 reads a directory
 * in /etc only when containers.conf names it. */
#define HOOK_DIRECTORY "/usr/share/containers/oci/hooks.d"

/* "husk-createRuntime.json", "husk-poststop.json" */
const char *hook_file_name(enum hook_stage stage);

/* Appends the definition. annotated_only: for containers with an annotation husk.function alone,
 * else for every container. Returns 0 or -ENOMEM. */
int hook_file_make(const struct hook_plan *hooks, enum hook_stage stage, bool annotated_only,
		   struct buf *out);

struct hook_file {
	bool present;
	bool ours;	    /* its program is called husk-hook */
	bool program_there; /* and may be executed */
	char program[PATH_MAX];
};

/* Looks at one definition in the directory `dir_fd`. Returns 0, also where it is absent; -errno for
 * one that cannot be read or is no JSON. */
int hook_file_look(int dir_fd, enum hook_stage stage, struct hook_file *ret, struct error *err);

#endif
