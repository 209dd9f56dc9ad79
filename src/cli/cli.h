/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUSK_CLI_CLI_H
#define HUSK_CLI_CLI_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/settings.h"
#include "event/event.h"
#include "policy/behaviour.h"
#include "store/store.h"

/*
 * What the commands share. A command is one function in one file, listed in main.c:
 *
 *   int cli_NAME(struct cli *cli, int argc, char **argv, struct error *err);
 *
 * argv[0] is the command's name. The result is an exit status (0 to 255; where *err is set too,
 * main prints it), or -errno with *err set, which main turns into a sysexits(3) code; -ECANCELED
 * with *err unset means that help was printed.
 */
struct cli {
	const char *settings_path; /* --config; NULL: the default file */
	bool settings_known;
	struct settings settings;
};

int cli_run(struct cli *cli, int argc, char **argv, struct error *err);
int cli_list(struct cli *cli, int argc, char **argv, struct error *err);
int cli_show(struct cli *cli, int argc, char **argv, struct error *err);
int cli_events(struct cli *cli, int argc, char **argv, struct error *err);
int cli_mode(struct cli *cli, int argc, char **argv, struct error *err);
int cli_allow(struct cli *cli, int argc, char **argv, struct error *err);
int cli_deny(struct cli *cli, int argc, char **argv, struct error *err);
int cli_export(struct cli *cli, int argc, char **argv, struct error *err);
int cli_import(struct cli *cli, int argc, char **argv, struct error *err);
int cli_check(struct cli *cli, int argc, char **argv, struct error *err);
int cli_hooks(struct cli *cli, int argc, char **argv, struct error *err);
int cli_forget(struct cli *cli, int argc, char **argv, struct error *err);

/* The settings, read at the first call. Returns 0 with *ret set, or -errno. */
int cli_settings(struct cli *cli, const struct settings **ret, struct error *err);

/* The husk-merge that `settings` name, which engines call at poststop: they skip a hook whose
 * program is missing, some in silence, so its absence is an error (-ENOENT). */
int cli_merge_program(const struct settings *settings, const char **ret, struct error *err);

/* Opens the store of the settings. The caller frees. */
int cli_store(struct cli *cli, struct store **ret, struct error *err);

/* Opens the event file of the settings without a limit. The caller frees. */
int cli_event_sink(struct cli *cli, struct event_sink **ret, struct error *err);

/* Writes `out` to standard output. Returns 0 or -errno; -ENOMEM where `out` could not be built. */
int cli_print(const struct buf *out, struct error *err);

/* Who acts: the user behind sudo(8), else the user's name, else the number. In `out` of `room`
 * bytes. */
void cli_author(char *out, size_t room);

enum cli_limits { CLI_NAME_ROOM = 256 };

/*
 * Reads a function's name in its text form, as every command prints it, into `out` of CLI_NAME_ROOM
 * bytes. -EINVAL.
 */
int cli_function_name(const char *text, char *out, struct error *err);

/* A revision, found by what a person wrote. */
struct cli_revision {
	char name[CLI_NAME_ROOM];
	enum mode modes[DOMAINS];
};

/*
 * Finds the revision of `function` whose name is, or uniquely begins with, `wanted` (an algorithm's
 * prefix such as "sha256:" may be left out); the newest for NULL. -ENOENT: no such function or
 * revision, -EINVAL: several begin so.
 */
int cli_find_revision(struct store *store, const char *function, const char *wanted,
		      struct cli_revision *ret, struct error *err);

/* The short form in which tables show a revision: 12 characters of a digest, else at most 24. */
void cli_short_revision(const char *revision, char *out, size_t room);

/* "fs:enforce exec:learn", without the domains that are unavailable; in `out` of `room` bytes. */
void cli_modes_text(const enum mode modes[DOMAINS], char *out, size_t room);

struct json_writer;

/* {"fs": "learn", ...} of all domains as the value of `key`. */
void cli_modes_json(struct json_writer *w, const char *key, const enum mode modes[DOMAINS]);

/* `wall_ns` in local time as "2026-01-31 12:00:00", "-" for 0; in `out` of `room` (20) bytes. */
void cli_time_text(int64_t wall_ns, char *out, size_t room);

/* RFC 3339 as the value of `key`, null for 0. */
void cli_time_json(struct json_writer *w, const char *key, int64_t wall_ns);

#endif
