/* SPDX-License-Identifier: GPL-2.0-or-later */
/* husk forget: a function, its profile and its policy files. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/options.h"
#include "policy/file.h"

/* Notes the names of its policy files, each with its NUL. */
static int note_policy(void *context, const struct store_revision *revision)
{
	static const char *const suffixes[] = {".policy", POLICY_COPY, POLICY_TREES};
	struct buf *names = context;
	char name[NAME_MAX + 1];

	for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
		policy_file_beside(revision->function, revision->name, suffixes[i], name);
		buf_add(names, name, strlen(name) + 1);
	}
	return names->error;
}

static int remove_policies(struct cli *cli, const struct buf *names, struct error *err)
{
	const struct settings *settings;
	cleanup_close int fd = -1;
	char path[PATH_MAX];
	int r = cli_settings(cli, &settings, err);

	if (r < 0)
		return r;
	snprintf(path, sizeof(path), "%.4000s/" POLICY_DIRECTORY, settings->state_directory);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0)
		return error_set(err, errno, "cannot open the directory '%s'", path);
	for (size_t at = 0; at < names->len; at += strlen(names->bytes + at) + 1) {
		if (unlinkat(fd, names->bytes + at, 0) < 0 && errno != ENOENT)
			r = error_set(err, errno, "cannot remove '%s/%s'", path, names->bytes + at);
	}
	return r;
}

static int tell(const char *function, struct error *err)
{
	cleanup_json_writer struct json_writer *w = json_writer_new(true);
	cleanup_buf struct buf out = BUF_INIT;
	int r;

	if (!w)
		return error_set(err, ENOMEM, "cannot print");
	json_object_begin(w);
	json_member_name(w, "function", function);
	json_object_end(w);
	r = json_writer_end(w, &out);
	return r < 0 ? r : cli_print(&out, err);
}

int cli_forget(struct cli *cli, int argc, char **argv, struct error *err)
{
	bool json = false;
	const struct cli_option options[] = {
		{"json", 'j', CLI_FLAG, &json, NULL, "print JSON"},
		{0},
	};
	const struct cli_syntax syntax = {
		.usage = "forget [OPTION]... FUNCTION",
		.about = "Forgets a function and all that is known of it, policies included.",
		.options = options,
		.operands_min = 1,
		.operands_max = 1,
	};
	cleanup_store struct store *store = NULL;
	cleanup_buf struct buf policies = BUF_INIT;
	struct event event = EVENT(EVENT_MARKED);
	struct event_sink *events = NULL;
	char function[CLI_NAME_ROOM], author[128], detail[160];
	int n = 0;
	int r = cli_parse(cli, &syntax, argc, argv, &n, err);

	if (r == 0)
		r = cli_function_name(argv[0], function, err);
	if (r == 0)
		r = cli_store(cli, &store, err);
	if (r == 0)
		r = cli_event_sink(cli, &events, err);
	/* The store first, which may have no room for it: of a function that stays known the policy
	 * has to stay too. */
	if (r == 0)
		r = store_each_revision(store, function, note_policy, &policies, err);
	if (r == 0)
		r = store_forget(store, function, err);
	if (r == 0)
		r = remove_policies(cli, &policies, err);
	if (r == 0) {
		cli_author(author, sizeof(author));
		snprintf(detail, sizeof(detail), "forgotten by %s", author);
		event.function = function;
		event.detail = detail;
		event_emit(events, &event);
	}
	event_sink_free(events);
	return r < 0 || !json ? r : tell(function, err);
}
