/* SPDX-License-Identifier: GPL-2.0-or-later */
/* husk import: joins profiles. Joining twice changes nothing more, so a repeat is harmless. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/json.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/options.h"
#include "merge/merge.h"

struct importing {
	struct store *store;
	const struct settings *settings;
	struct event_sink *events;
	struct json_writer *w; /* NULL: text */
	struct buf *out;
};

static int read_document(const char *path, struct json **ret, struct error *err)
{
	bool standard = strcmp(path, "-") == 0;
	const char *name = standard ? "standard input" : path;
	cleanup_free char *bytes = NULL;
	size_t len = 0;
	int r;

	if (standard) {
		r = read_to_end(STDIN_FILENO, JSON_BYTES_MAX, &bytes, &len);
		if (r < 0)
			return error_set(err, -r, "cannot read standard input");
	} else {
		r = read_file_at(AT_FDCWD, path, JSON_BYTES_MAX, &bytes, &len, err);
		if (r == -EISDIR)
			return error_say(err, ENOENT, "'%s' is a directory, and no file", path);
		if (r < 0)
			return r;
	}
	return json_parse(name, bytes, len, ret, err);
}

static int import_one(struct importing *i, const char *path, struct error *err)
{
	cleanup_json struct json *document = NULL;
	cleanup_free char *function = NULL;
	struct event event = EVENT(EVENT_MARKED);
	char author[128];
	cleanup_buf struct buf detail = BUF_INIT;
	int r = read_document(path, &document, err);

	if (r < 0)
		return r;
	r = store_import(i->store, document, &function, err);
	if (r < 0) {
		error_wrap(err, "%s", path);
		return r;
	}
	cli_author(author, sizeof(author));
	buf_format(&detail, "profile imported by %s", author);
	event.function = function;
	event.detail = detail.bytes;
	event_emit(i->events, &event);
	r = merge_refresh(i->store, i->settings, function, NULL, i->events, err);
	if (r < 0)
		return r;
	if (i->w) {
		json_member_name(i->w, "function", function);
	} else {
		size_t room = TEXT_ESCAPED_MAX(strlen(function));
		cleanup_free char *text = malloc(room);

		if (text)
			text_escape(function, text, room);
		buf_format(i->out, "imported %s\n", text ? text : "");
	}
	return 0;
}

static int import_all(struct importing *i, int n, char **paths, struct error *err)
{
	int r = 0;

	if (i->w)
		json_array_begin(i->w);
	for (int at = 0; r == 0 && at < (n > 0 ? n : 1); at++) {
		if (i->w)
			json_object_begin(i->w);
		r = import_one(i, n > 0 ? paths[at] : "-", err);
		if (i->w)
			json_object_end(i->w);
	}
	if (i->w)
		json_array_end(i->w);
	if (r == 0 && i->w)
		r = json_writer_end(i->w, i->out);
	return r;
}

int cli_import(struct cli *cli, int argc, char **argv, struct error *err)
{
	bool json = false;
	const struct cli_option options[] = {
		{"json", 'j', CLI_FLAG, &json, NULL, "print JSON"},
		{0},
	};
	const struct cli_syntax syntax = {
		.usage = "import [OPTION]... [FILE]...",
		.about = "Joins profiles that 'husk export' wrote to what is known here. Without "
			 "FILE,\n"
			 "or for '-', standard input is read.",
		.options = options,
		.operands_max = -1,
	};
	cleanup_json_writer struct json_writer *w = NULL;
	cleanup_store struct store *store = NULL;
	cleanup_buf struct buf out = BUF_INIT;
	struct importing i = {.out = &out};
	int n = 0;
	int r = cli_parse(cli, &syntax, argc, argv, &n, err);

	if (r != 0)
		return r;
	if (json) {
		w = json_writer_new(true);
		if (!w)
			return error_set(err, ENOMEM, "cannot print");
	}
	r = cli_settings(cli, &i.settings, err);
	if (r == 0)
		r = cli_store(cli, &store, err);
	if (r == 0)
		r = cli_event_sink(cli, &i.events, err);
	if (r < 0)
		return r;
	i.store = store;
	i.w = w;
	r = import_all(&i, n, argv, err);
	event_sink_free(i.events);
	return r != 0 ? r : cli_print(&out, err);
}
