/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * husk hooks: puts the hook definitions where Podman looks for them, takes them away, or prints the
 * `hooks` object for a config.json. An engine skips a hook whose program is missing without a word,
 * so that is looked at before anything is written.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/json.h"
#include "cli/cli.h"
#include "cli/hook_files.h"
#include "cli/options.h"
#include "cli/runtime.h"
#include "husk-paths.h"

struct hooks_options {
	const char *directory;
	const char *hook_program;
	bool annotated_only;
	bool json;
	bool made; /* the directory was missing */
};

static const char *const about =
	"install podman  writes the hook definitions, for Podman and CRI-O\n"
	"remove podman   deletes them\n"
	"print           prints the 'hooks' object for a bundle's config.json";

static int find_program(const struct hooks_options *o, char *out, struct error *err)
{
	if (program_find(o->hook_program, out) == 0)
		return 0;
	error_say(err, ENOENT, "there is no program '%s'", o->hook_program);
	error_hint(err, "install husk, or name its husk-hook with --hook-program");
	return -ENOENT;
}

static int install(struct hooks_options *o, const struct hook_plan *plan, struct error *err)
{
	bool missing = access(o->directory, F_OK) < 0 && errno == ENOENT;
	cleanup_close int dir_fd = -1;
	int r = open_dir_made(o->directory, 0755, err);

	o->made = r >= 0 && missing;
	if (r < 0)
		return r;
	dir_fd = r;
	for (int stage = 0; stage < HOOK_STAGES; stage++) {
		cleanup_buf struct buf text = BUF_INIT;
		struct hook_file present;

		r = hook_file_look(dir_fd, (enum hook_stage)stage, &present, NULL);
		if (r == 0 && present.present && !present.ours)
			return error_say(err, EEXIST, "'%s/%s' is there and not husk's",
					 o->directory, hook_file_name((enum hook_stage)stage));
		r = hook_file_make(plan, (enum hook_stage)stage, o->annotated_only, &text);
		if (r < 0)
			return error_set(err, -r, "cannot make a hook definition");
		r = atomic_file_write(dir_fd, hook_file_name((enum hook_stage)stage), text.bytes,
				      text.len, 0644, err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int take_away(const struct hooks_options *o, int *ret_removed, struct error *err)
{
	cleanup_close int dir_fd = open(o->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (dir_fd < 0 && errno == ENOENT)
		return 0;
	if (dir_fd < 0)
		return error_set(err, errno, "cannot open the directory '%s'", o->directory);
	for (int stage = 0; stage < HOOK_STAGES; stage++) {
		const char *name = hook_file_name((enum hook_stage)stage);
		struct hook_file present;
		int r = hook_file_look(dir_fd, (enum hook_stage)stage, &present, err);

		if (r < 0)
			return r;
		if (!present.present)
			continue;
		if (!present.ours)
			return error_say(err, EEXIST, "'%s/%s' is not husk's", o->directory, name);
		if (unlinkat(dir_fd, name, 0) < 0)
			return error_set(err, errno, "cannot remove '%s/%s'", o->directory, name);
		++*ret_removed;
	}
	return 0;
}

static int tell(const struct hooks_options *o, const char *did, int count, struct error *err)
{
	cleanup_buf struct buf out = BUF_INIT;

	if (!o->json) {
		if (count > 0)
			buf_format(&out, "%s in %s%s:\n", did, o->directory,
				   o->made ? ", which was made" : "");
		else
			buf_format(&out, "nothing of husk's was in %s\n", o->directory);
		for (int stage = 0; count > 0 && stage < HOOK_STAGES; stage++)
			buf_format(&out, "  %s\n", hook_file_name((enum hook_stage)stage));
	} else {
		cleanup_json_writer struct json_writer *w = json_writer_new(true);

		if (!w)
			return error_set(err, ENOMEM, "cannot print");
		json_object_begin(w);
		json_member_string(w, "directory", o->directory);
		json_member_bool(w, "directory_made", o->made);
		json_key(w, did);
		json_array_begin(w);
		for (int stage = 0; count > 0 && stage < HOOK_STAGES; stage++)
			json_put_string(w, hook_file_name((enum hook_stage)stage));
		json_array_end(w);
		json_object_end(w);
		json_writer_end(w, &out);
	}
	return cli_print(&out, err);
}

static int print_object(const struct hook_plan *plan, struct error *err)
{
	cleanup_json_writer struct json_writer *w = json_writer_new(true);
	cleanup_buf struct buf out = BUF_INIT;

	if (!w)
		return error_set(err, ENOMEM, "cannot print");
	hook_put_object(w, plan, NULL);
	json_writer_end(w, &out);
	return cli_print(&out, err);
}

static int act(const struct cli_syntax *syntax, struct hooks_options *o, struct cli *cli, int n,
	       char **words, struct error *err)
{
	char program[PATH_MAX], settings_path[PATH_MAX];
	struct hook_plan plan = {.program = program};
	const struct settings *settings;
	bool remove = strcmp(words[0], "remove") == 0;
	int removed = 0, r;

	if (!remove && strcmp(words[0], "install") != 0 && strcmp(words[0], "print") != 0)
		return cli_usage(err, syntax, "unknown action '%.100s'", words[0]);
	if (strcmp(words[0], "print") == 0 && n > 1)
		return cli_usage(err, syntax, "'print' takes no engine");
	if (strcmp(words[0], "print") != 0 && (n != 2 || strcmp(words[1], "podman") != 0))
		return cli_usage(err, syntax,
				 "the engine is missing or unknown: only 'podman' reads "
				 "hook definitions");
	if (remove) {
		r = take_away(o, &removed, err);
		return r < 0 ? r : tell(o, "removed", removed, err);
	}
	r = find_program(o, program, err);
	if (r == 0)
		r = cli_settings(cli, &settings, err);
	if (r == 0)
		r = cli_merge_program(settings, &plan.merge_program, err);
	if (r < 0)
		return r;
	plan.runtime_directory = settings->runtime_directory;
	if (cli->settings_path) {
		if (!realpath(cli->settings_path, settings_path))
			return error_set(err, errno, "cannot use the configuration '%s'",
					 cli->settings_path);
		plan.settings_path = settings_path;
	}
	if (n == 1)
		return print_object(&plan, err);
	r = install(o, &plan, err);
	return r < 0 ? r : tell(o, "installed", HOOK_STAGES, err);
}

int cli_hooks(struct cli *cli, int argc, char **argv, struct error *err)
{
	struct hooks_options o = {
		.directory = HOOK_DIRECTORY,
		.hook_program = HUSK_LIBEXEC_DIR "/husk-hook",
	};
	const struct cli_option options[] = {
		{"directory", 'd', CLI_TEXT, &o.directory, "DIR", "instead of " HOOK_DIRECTORY},
		{"annotated-only", 0, CLI_FLAG, &o.annotated_only, NULL,
		 "only containers with annotation husk.function"},
		{"hook-program", 0, CLI_TEXT, &o.hook_program, "PATH", "use this husk-hook"},
		{"json", 'j', CLI_FLAG, &o.json, NULL, "print JSON"},
		{0},
	};
	const struct cli_syntax syntax = {
		.usage = "hooks [OPTION]... install|remove podman | print",
		.about = about,
		.options = options,
		.operands_min = 1,
		.operands_max = 2,
	};
	int n = 0;
	int r = cli_parse(cli, &syntax, argc, argv, &n, err);

	return r != 0 ? r : act(&syntax, &o, cli, n, argv, err);
}
