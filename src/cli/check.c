/* SPDX-License-Identifier: GPL-2.0-or-later */
/* husk check: what this host can do, and the command that mends what is missing. */
#include <errno.h>
#include <stdlib.h>
#include <sysexits.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "cli/cli.h"
#include "cli/hook_files.h"
#include "cli/host.h"
#include "cli/options.h"
#include "cli/table.h"
#include "husk-paths.h"

static int check_json(const struct host_report *report, struct buf *out, struct error *err)
{
	cleanup_json_writer struct json_writer *w = json_writer_new(true);

	if (!w)
		return error_set(err, ENOMEM, "cannot print");
	json_object_begin(w);
	json_member_bool(w, "can_wrap", host_can_wrap(report));
	json_key(w, "items");
	json_array_begin(w);
	for (size_t i = 0; i < report->n_items; i++) {
		const struct host_item *item = &report->items[i];

		json_object_begin(w);
		json_member_string(w, "name", item->name);
		json_member_string(w, "state", host_state_name(item->state));
		json_member_string(w, "detail", item->detail);
		json_member_string(w, "mend", item->mend[0] ? item->mend : NULL);
		json_object_end(w);
	}
	json_array_end(w);
	json_object_end(w);
	return json_writer_end(w, out);
}

static int check_text(const struct host_report *report, struct buf *out)
{
	static const char *const headings[] = {"ITEM", "STATE", "DETAIL"};
	cleanup_table struct table table = {0};
	bool title = false;
	int r;

	table_begin(&table, 3, headings);
	for (size_t i = 0; i < report->n_items; i++) {
		const struct host_item *item = &report->items[i];
		const char *const cells[] = {item->name, host_state_name(item->state),
					     item->detail};

		table_row(&table, cells);
	}
	r = table_print(&table, out);
	for (size_t i = 0; i < report->n_items; i++) {
		if (!report->items[i].mend[0])
			continue;
		buf_add_text(out, title ? "" : "\nWhat would mend it:\n");
		title = true;
		buf_format(out, "  %s: %s\n", report->items[i].name, report->items[i].mend);
	}
	buf_format(out, "\n%s\n",
		   host_can_wrap(report) ? "Containers can be wrapped on this host."
					 : "Nothing can be wrapped on this host yet.");
	return r;
}

int cli_check(struct cli *cli, int argc, char **argv, struct error *err)
{
	struct host_question question = {.hook_program = HUSK_LIBEXEC_DIR "/husk-hook",
					 .hook_directory = HOOK_DIRECTORY};
	bool json = false;
	const struct cli_option options[] = {
		{"hook-program", 0, CLI_TEXT, &question.hook_program, "PATH",
		 "look for this husk-hook"},
		{"directory", 'd', CLI_TEXT, &question.hook_directory, "DIR",
		 "where hook definitions lie"},
		{"json", 'j', CLI_FLAG, &json, NULL, "print JSON"},
		{0},
	};
	const struct cli_syntax syntax = {
		.usage = "check [OPTION]...",
		.about = "Tells what this host can do, and what would mend the rest. The exit "
			 "status\n"
			 "is 0 where containers can be wrapped, 69 where they cannot.",
		.options = options,
	};
	cleanup_free struct host_report *report = calloc(1, sizeof(*report));
	cleanup_buf struct buf out = BUF_INIT;
	int n = 0, r;

	if (!report)
		return error_set(err, ENOMEM, "cannot check");
	r = cli_parse(cli, &syntax, argc, argv, &n, err);
	if (r == 0)
		r = cli_settings(cli, &question.settings, err);
	if (r != 0)
		return r;
	host_look(&question, report);
	r = json ? check_json(report, &out, err) : check_text(report, &out);
	if (r == 0)
		r = cli_print(&out, err);
	if (r < 0)
		return r;
	return host_can_wrap(report) ? EX_OK : EX_UNAVAILABLE;
}
