/* SPDX-License-Identifier: GPL-2.0-or-later */
/* husk mode: sets by hand how much is done in a domain, or gives it back to promotion. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/options.h"
#include "merge/merge.h"

struct mode_request {
	const char *function;
	const char *mode_text;
	int domain; /* -1: all that are available */
	bool automatic;
	enum mode mode;
	bool json;
};

static void tell_event(struct event_sink *events, const struct mode_request *q,
		       const struct cli_revision *revision, enum domain domain)
{
	char author[128], detail[256];
	struct event event = EVENT(EVENT_MARKED);

	cli_author(author, sizeof(author));
	snprintf(detail, sizeof(detail), "mode set to %s by %s", q->mode_text, author);
	event.function = q->function;
	event.revision = revision->name;
	event.domain = (int)domain;
	event.mode = q->automatic ? -1 : (int)q->mode;
	event.detail = detail;
	event_emit(events, &event);
}

static int set_modes(struct store *store, struct event_sink *events, const struct mode_request *q,
		     const struct cli_revision *revision, struct error *err)
{
	for (int d = 0; d < DOMAINS; d++) {
		enum mode mode = q->automatic ? revision->modes[d] : q->mode;
		int r;

		if (q->domain >= 0 && d != q->domain)
			continue;
		r = store_set_mode(store, q->function, revision->name, (enum domain)d, mode,
				   !q->automatic, err);
		if (r < 0)
			return r;
		tell_event(events, q, revision, (enum domain)d);
	}
	return 0;
}

static int tell(const struct mode_request *q, const struct cli_revision *revision,
		struct error *err)
{
	cleanup_json_writer struct json_writer *w = NULL;
	cleanup_buf struct buf out = BUF_INIT;
	int r;

	if (!q->json)
		return 0;
	w = json_writer_new(true);
	if (!w)
		return error_set(err, ENOMEM, "cannot print");
	json_object_begin(w);
	json_member_name(w, "function", q->function);
	json_member_name(w, "revision", revision->name);
	json_key(w, "domains");
	json_array_begin(w);
	for (int d = 0; d < DOMAINS; d++) {
		if (q->domain < 0 || d == q->domain)
			json_put_string(w, domain_name((enum domain)d));
	}
	json_array_end(w);
	json_member_string(w, "mode", q->mode_text);
	json_object_end(w);
	r = json_writer_end(w, &out);
	return r < 0 ? r : cli_print(&out, err);
}

static int read_mode(const struct cli_syntax *syntax, const char *domain, struct mode_request *q,
		     struct error *err)
{
	enum domain only;

	q->automatic = strcmp(q->mode_text, "auto") == 0;
	if (!q->automatic && mode_parse(q->mode_text, &q->mode) < 0)
		return cli_usage(err, syntax,
				 "there is no mode '%.60s': learn, shadow, enforce, auto",
				 q->mode_text);
	if (domain && domain_parse(domain, &only) < 0)
		return cli_usage(err, syntax, "there is no domain '%.60s'", domain);
	q->domain = domain ? (int)only : -1;
	return 0;
}

int cli_mode(struct cli *cli, int argc, char **argv, struct error *err)
{
	const char *wanted = NULL, *domain = NULL;
	struct mode_request q = {0};
	const struct cli_option options[] = {
		{"revision", 'r', CLI_TEXT, &wanted, "REVISION",
		 "another one than the newest; its beginning does"},
		{"domain", 'd', CLI_TEXT, &domain, "DOMAIN", "only this domain"},
		{"json", 'j', CLI_FLAG, &q.json, NULL, "print JSON"},
		{0},
	};
	const struct cli_syntax syntax = {
		.usage = "mode [OPTION]... FUNCTION learn|shadow|enforce|auto",
		.about = "Sets by hand how much is done. 'auto' gives the mode back to promotion.",
		.options = options,
		.operands_min = 2,
		.operands_max = 2,
	};
	cleanup_store struct store *store = NULL;
	const struct settings *settings;
	struct event_sink *events = NULL;
	char function[CLI_NAME_ROOM];
	struct cli_revision revision;
	int n = 0;
	int r = cli_parse(cli, &syntax, argc, argv, &n, err);

	if (r != 0)
		return r;
	q.function = function;
	q.mode_text = argv[1];
	r = read_mode(&syntax, domain, &q, err);
	if (r != 0)
		return r;
	r = cli_function_name(argv[0], function, err);
	if (r == 0)
		r = cli_settings(cli, &settings, err);
	if (r == 0)
		r = cli_store(cli, &store, err);
	if (r == 0)
		r = cli_find_revision(store, q.function, wanted, &revision, err);
	if (r == 0)
		r = cli_event_sink(cli, &events, err);
	if (r == 0)
		r = set_modes(store, events, &q, &revision, err);
	if (r == 0)
		r = merge_refresh(store, settings, q.function, revision.name, events, err);
	event_sink_free(events);
	return r < 0 ? r : tell(&q, &revision, err);
}
