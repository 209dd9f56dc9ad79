/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUSK_CLI_BUNDLE_H
#define HUSK_CLI_BUNDLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"

struct json;
struct json_writer;

/*
 * config.json of a local run, and the `hooks` object that every way of registering husk shares.
 * Pure: bytes from a description. Source of the format: OCI runtime-spec, config.md and
 * config-linux.md.
 */

/* Which program the hooks execute and how. */
struct hook_plan {
	const char *program;	       /* husk-hook, an absolute path: createRuntime */
	const char *merge_program;     /* husk-merge, an absolute path: poststop */
	const char *settings_path;     /* absolute path for --config, or NULL */
	const char *runtime_directory; /* of the configuration; NULL: the usual one */
};

enum hook_stage { HOOK_CREATE_RUNTIME, HOOK_POSTSTOP, HOOK_STAGES };

const char *hook_stage_name(enum hook_stage stage); /* "createRuntime", "poststop" */

/* Writes one hook entry {path, args, timeout}. */
void hook_put_entry(struct json_writer *w, const struct hook_plan *hooks, enum hook_stage stage);

/* Writes the whole object; the entries of `theirs` (NULL: none) stay, ours follow them. */
void hook_put_object(struct json_writer *w, const struct hook_plan *hooks,
		     const struct json *theirs);

struct bundle_mount {
	const char *source; /* absolute path */
	const char *destination;
	bool read_only;
	bool recursive;
	bool no_exec;
};

struct bundle_plan {
	struct hook_plan hooks;
	const char *function; /* annotation husk.function; NULL: none */
	const char *revision; /* annotation husk.revision; NULL: none */
	bool trusted;	      /* annotation husk.trusted */

	/* of a bundle that is made, not of one that is adapted */
	const char *root;
	const char *const *args;
	size_t n_args;
	const char *const *env; /* "NAME=value" */
	size_t n_env;
	const char *cwd;
	uint32_t uid, gid;
	const uint32_t *groups;
	size_t n_groups;
	bool terminal;
	unsigned int rows, columns; /* of the terminal, 0: not known */
	bool network_none;
	bool cgroup_namespace;
	const char *pid_namespace;	   /* path of one to enter; NULL: a new one */
	bool private_run;		   /* a tmpfs over /run, as over /tmp */
	const struct bundle_mount *mounts; /* after the usual ones, in this order */
	size_t n_mounts;
	const char *const *masked; /* beside the usual ones */
	size_t n_masked;
};

/* Appends the config.json of a made bundle to `out`. Returns 0 or -errno. */
int bundle_make(const struct bundle_plan *plan, struct buf *out, struct error *err);

/*
 * Appends a copy of the bundle `directory`'s config.json (`theirs`): hooks and annotations are
 * added, its own `husk.function` stays unless the plan names one, relative root and mount sources
 * become absolute, since the copy lies elsewhere, and a terminal is asked for only where
 * plan->terminal is set. All else is kept. Returns 0; -EINVAL where it is no object.
 */
int bundle_adapt(const struct bundle_plan *plan, const char *directory, const struct json *theirs,
		 struct buf *out, struct error *err);

/*
 * The function's name where nobody gave one: base name of the program without extension, and for an
 * interpreter that of the first argument which is no option and which `is_file` says is a file;
 * where there is none, the interpreter's. Bytes that are no letter, digit or one of "._-" become
 * '-'. In `out` of `room` bytes.
 */
void bundle_function_name(const char *const *args, size_t n_args, bool (*is_file)(const char *path),
			  char *out, size_t room);

#endif
