/* SPDX-License-Identifier: GPL-2.0-or-later */
/* husk list: one line a function. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/json.h"
#include "cli/cli.h"
#include "cli/options.h"
#include "cli/table.h"

static int list_row(void *context, const struct store_function *f)
{
	char revisions[24], runs[24], behaviours[24], last[20], modes[128], newest[32];
	const char *const cells[] = {f->name, modes, runs, behaviours, revisions, newest, last};

	snprintf(revisions, sizeof(revisions), "%" PRId64, f->revisions);
	snprintf(runs, sizeof(runs), "%" PRId64, f->runs);
	snprintf(behaviours, sizeof(behaviours), "%" PRId64, f->behaviours);
	cli_time_text(f->last_run_ns, last, sizeof(last));
	cli_modes_text(f->modes, modes, sizeof(modes));
	cli_short_revision(f->newest_revision ? f->newest_revision : "", newest, sizeof(newest));
	table_row(context, cells);
	return 0;
}

static int list_member(void *context, const struct store_function *f)
{
	struct json_writer *w = context;

	json_object_begin(w);
	json_member_name(w, "function", f->name);
	json_member_integer(w, "revisions", f->revisions);
	json_member_string(w, "newest_revision", f->newest_revision);
	json_member_integer(w, "runs", f->runs);
	json_member_integer(w, "behaviours", f->behaviours);
	cli_time_json(w, "last_run", f->last_run_ns);
	cli_modes_json(w, "modes", f->modes);
	json_object_end(w);
	return 0;
}

static int list_json(struct store *store, struct buf *out, struct error *err)
{
	cleanup_json_writer struct json_writer *w = json_writer_new(true);
	int r;

	if (!w)
		return error_set(err, ENOMEM, "cannot print");
	json_array_begin(w);
	r = store_each_function(store, list_member, w, err);
	json_array_end(w);
	return r < 0 ? r : json_writer_end(w, out);
}

static int list_table(struct store *store, struct buf *out, struct error *err)
{
	static const char *const headings[] = {"FUNCTION",  "MODES",  "RUNS",	 "BEHAVIOURS",
					       "REVISIONS", "NEWEST", "LAST RUN"};
	cleanup_table struct table table = {0};
	int r;

	table_begin(&table, sizeof(headings) / sizeof(headings[0]), headings);
	r = store_each_function(store, list_row, &table, err);
	return r < 0 ? r : table_print(&table, out);
}

int cli_list(struct cli *cli, int argc, char **argv, struct error *err)
{
	bool json = false;
	const struct cli_option options[] = {
		{"json", 'j', CLI_FLAG, &json, NULL, "print JSON"},
		{0},
	};
	const struct cli_syntax syntax = {
		.usage = "list [OPTION]...",
		.about = "Lists the functions that are known.",
		.options = options,
	};
	cleanup_store struct store *store = NULL;
	cleanup_buf struct buf out = BUF_INIT;
	int n = 0;
	int r = cli_parse(cli, &syntax, argc, argv, &n, err);

	if (r == 0)
		r = cli_store(cli, &store, err);
	if (r == 0)
		r = json ? list_json(store, &out, err) : list_table(store, &out, err);
	return r != 0 ? r : cli_print(&out, err);
}
