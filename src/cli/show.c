/* SPDX-License-Identifier: GPL-2.0-or-later */
/* husk show: what is known of one revision of a function; what waits for a person comes first. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/options.h"
#include "cli/table.h"
#include "compile/filter.h"
#include "compile/natives.h"
#include "policy/calls.h"
#include "policy/capability.h"
#include "profile/class.h"

struct showing {
	struct store *store;
	const struct settings *settings;
	const char *function;
	const char *revision;  /* full name of the one that is shown */
	int domain;	       /* -1: all */
	bool held;	       /* this walk shows what is not admitted */
	bool all;	       /* inert ones too */
	int64_t inert;	       /* how many were passed over */
	uint64_t given;	       /* capabilities, by the engine */
	uint64_t needed;       /* capabilities, in any run */
	uint32_t calls_given;  /* by the engine: of struct store_revision */
	int calls;	       /* made in any run, outside of the base */
	bool watched[DOMAINS]; /* in some run */
	struct store_last last;
	bool has_last;
	struct buf *out;
	struct table *table;
	struct json_writer *w;
	struct error *err;
	int64_t others;
};

static const char *behaviour_state(const struct store_behaviour *b)
{
	if (b->mark == MARK_DENY)
		return "denied by hand";
	if (b->mark == MARK_ALLOW)
		return "allowed by hand";
	return b->admitted ? "learned" : "held";
}

static bool is_held(const struct store_behaviour *b)
{
	return !b->admitted && b->mark == MARK_NONE;
}

/* What 'husk allow' takes before the key. */
static const char *operation_word(const struct behaviour *b)
{
	return b->access == ACCESS_NONE ? domain_name(b->domain) : access_name(b->access);
}

static int behaviour_row(void *context, const struct store_behaviour *b)
{
	struct showing *s = context;
	char runs[24], denied[24], first[20], last[20];
	const char *const cells[] = {
		domain_name(b->behaviour.domain),
		operation_word(&b->behaviour),
		b->behaviour.key,
		b->behaviour.program[0] ? b->behaviour.program : "any",
		runs,
		denied,
		class_name(class_of(&b->behaviour)),
		behaviour_state(b),
		first,
		last,
	};

	if (b->behaviour.domain == DOMAIN_CAP && b->runs > 0 &&
	    capability_parse(b->behaviour.key) >= 0)
		s->needed |= UINT64_C(1) << capability_parse(b->behaviour.key);
	if (is_held(b) != s->held || (s->domain >= 0 && (int)b->behaviour.domain != s->domain))
		return 0;
	s->calls += b->behaviour.domain == DOMAIN_SYSCALL && b->runs > 0;
	if (!s->all && !is_held(b) && b->mark == MARK_NONE &&
	    class_of(&b->behaviour) == CLASS_INERT) {
		s->inert++;
		return 0;
	}
	snprintf(runs, sizeof(runs), "%" PRId64, b->runs);
	snprintf(denied, sizeof(denied), "%" PRId64, b->denied);
	cli_time_text(b->first_ns, first, sizeof(first));
	first[strcspn(first, " ")] = '\0'; /* the day */
	cli_time_text(b->last_ns, last, sizeof(last));
	table_row(s->table, cells);
	return 0;
}

static int behaviour_member(void *context, const struct store_behaviour *b)
{
	struct showing *s = context;

	if (s->domain >= 0 && (int)b->behaviour.domain != s->domain)
		return 0;
	json_object_begin(s->w);
	json_member_string(s->w, "domain", domain_name(b->behaviour.domain));
	json_member_string(s->w, "access", access_name(b->behaviour.access));
	json_member_name(s->w, "key", b->behaviour.key);
	json_member_name(s->w, "program", b->behaviour.program);
	json_member_string(s->w, "class", class_name(class_of(&b->behaviour)));
	json_member_string(s->w, "class_reason", class_reason(&b->behaviour));
	json_member_integer(s->w, "runs", b->runs);
	json_member_integer(s->w, "denied", b->denied);
	json_member_bool(s->w, "admitted", b->admitted);
	json_member_string(s->w, "mark", mark_name(b->mark));
	json_member_string(s->w, "mark_author", b->mark_author);
	cli_time_json(s->w, "marked", b->mark_ns);
	cli_time_json(s->w, "first_seen", b->first_ns);
	cli_time_json(s->w, "last_seen", b->last_ns);
	json_object_end(s->w);
	return 0;
}

/* What the next step of promotion waits for, as a sentence. */
static void promotion_text(const struct showing *s, const struct store_revision *r, int d,
			   char *out, size_t room)
{
	if (r->modes_by_hand[d])
		snprintf(out, room, "set by hand; 'husk mode %.64s auto' gives it back",
			 s->function);
	else if (r->modes[d] == MODE_LEARN)
		snprintf(out, room, "%" PRId64 " of %lu clean runs to shadow", r->clean_runs[d],
			 s->settings->shadow_after_runs);
	else if (r->modes[d] == MODE_SHADOW)
		snprintf(out, room, "%" PRId64 " of %lu clean runs to enforce", r->clean_runs[d],
			 s->settings->enforce_after_runs);
	else
		snprintf(out, room, "%" PRId64 " clean run%s", r->clean_runs[d],
			 r->clean_runs[d] == 1 ? "" : "s");
}

static void domain_text(const struct showing *s, const struct store_revision *r, int d, char *out,
			size_t room)
{
	char promotion[160] = "not watched here", was[32] = "";
	const char *why = s->has_last ? s->last.lowered[d] : "";
	bool had = r->modes[d] != MODE_UNAVAILABLE;

	if (had)
		promotion_text(s, r, d, promotion, sizeof(promotion));
	if (had && s->has_last && s->last.modes[d] == MODE_UNAVAILABLE)
		snprintf(was, sizeof(was), "unavailable ");
	else if (*why && s->last.modes[d] < r->modes[d])
		snprintf(was, sizeof(was), "only %s ", mode_name(s->last.modes[d]));
	snprintf(out, room, "%s%s%s%s%s%s", promotion, *was || *why ? "; " : "", was,
		 *was || *why ? "in the last run" : "", *why ? ": " : "", why);
}

static int revision_text(void *context, const struct store_revision *r)
{
	static const char *const headings[] = {"DOMAIN", "MODE", "PROMOTION"};
	cleanup_table struct table table = {0};
	struct showing *s = context;
	char first[20], last[20], name[TEXT_ESCAPED_MAX(256)];

	if (strcmp(r->name, s->revision) != 0) {
		s->others++;
		return 0;
	}
	s->given = r->capabilities_given;
	s->calls_given = r->calls_given;
	cli_time_text(r->first_run_ns, first, sizeof(first));
	cli_time_text(r->last_run_ns, last, sizeof(last));
	text_escape(r->function, name, sizeof(name));
	buf_format(s->out, "function  %s\n", name);
	text_escape(r->name, name, sizeof(name));
	buf_format(s->out, "revision  %s\n", name);
	buf_format(s->out,
		   "runs      %" PRId64 " (%" PRId64 " failed, %" PRId64 " lossy), %s to %s\n\n",
		   r->runs, r->runs_failed, r->runs_lossy, first, last);
	table_begin(&table, 3, headings);
	for (int d = 0; d < DOMAINS; d++) {
		char promotion[224 + STORE_LOWERED_ROOM];
		const char *const cells[] = {domain_name((enum domain)d), mode_name(r->modes[d]),
					     promotion};

		domain_text(s, r, d, promotion, sizeof(promotion));
		table_row(&table, cells);
	}
	return table_print(&table, s->out);
}

/* What the engine gave, and what of it nobody needed: what is to be gained, or was. */
static void capabilities_text(const struct showing *s)
{
	uint64_t spare = s->given & ~s->needed;

	if (!s->given || (!s->needed && !s->watched[DOMAIN_CAP]) ||
	    (s->domain >= 0 && s->domain != DOMAIN_CAP))
		return;
	buf_format(s->out, "\nCapabilities: the engine gives %d; ", __builtin_popcountll(s->given));
	if (!spare)
		buf_add_text(s->out, "runs have needed all of them\n");
	else
		buf_format(s->out, "no run has needed %d of them:\n", __builtin_popcountll(spare));
	for (unsigned int i = 0; i < CAPABILITIES; i++) {
		if (spare >> i & 1)
			buf_format(s->out, "  %s\n", capability_name(i));
	}
}

/* How many calls the engine lets through, beside those that were made. */
static void calls_text(const struct showing *s)
{
	char lets[16] = "all", made[16] = "none";
	size_t n_base, base = 0;
	const char *const *names = calls_base(&n_base);

	if (!s->calls_given || (!s->calls && !s->watched[DOMAIN_SYSCALL]) ||
	    (s->domain >= 0 && s->domain != DOMAIN_SYSCALL))
		return;
	for (size_t i = 0; i < n_base; i++)
		base += filter_knows(names[i]);
	if (s->calls_given != CALLS_ALL)
		snprintf(lets, sizeof(lets), "%" PRIu32, s->calls_given);
	if (s->calls > 0)
		snprintf(made, sizeof(made), "%d", s->calls);
	buf_format(s->out,
		   "\nSystem calls: the engine lets %s through; runs have made %s outside of the "
		   "base of %zu (husk(7))\n",
		   lets, made, base);
}

static void calls_member(struct json_writer *w, uint32_t given)
{
	json_key(w, "calls_given");
	if (given == 0 || given == CALLS_ALL)
		json_put_string(w, given ? "all" : NULL);
	else
		json_put_integer(w, given);
}

static void last_run_members(struct json_writer *w, const struct store_last *last)
{
	cli_modes_json(w, "last_run_modes", last->modes);
	json_key(w, "last_run_lowered");
	json_object_begin(w);
	for (int d = 0; d < DOMAINS; d++) {
		if (last->lowered[d][0])
			json_member_string(w, domain_name((enum domain)d), last->lowered[d]);
	}
	json_object_end(w);
}

static int revision_member(void *context, const struct store_revision *r)
{
	struct showing *s = context;
	struct store_last last;
	int has_last = store_last_run(s->store, r->function, r->name, &last, s->err);

	if (has_last < 0)
		return has_last;
	json_object_begin(s->w);
	json_member_name(s->w, "revision", r->name);
	cli_modes_json(s->w, "modes", r->modes);
	if (has_last)
		last_run_members(s->w, &last);
	json_key(s->w, "set_by_hand");
	json_array_begin(s->w);
	for (int d = 0; d < DOMAINS; d++) {
		if (r->modes_by_hand[d])
			json_put_string(s->w, domain_name((enum domain)d));
	}
	json_array_end(s->w);
	json_key(s->w, "clean_runs");
	json_object_begin(s->w);
	for (int d = 0; d < DOMAINS; d++)
		json_member_integer(s->w, domain_name((enum domain)d), r->clean_runs[d]);
	json_object_end(s->w);
	json_member_integer(s->w, "runs", r->runs);
	json_member_integer(s->w, "runs_failed", r->runs_failed);
	json_member_integer(s->w, "runs_lossy", r->runs_lossy);
	cli_time_json(s->w, "first_run", r->first_run_ns);
	cli_time_json(s->w, "last_run", r->last_run_ns);
	json_member_integer(s->w, "policy_serial", (int64_t)r->serial);
	json_key(s->w, "capabilities_given");
	json_array_begin(s->w);
	for (unsigned int i = 0; i < CAPABILITIES; i++) {
		if (r->capabilities_given >> i & 1)
			json_put_string(s->w, capability_name(i));
	}
	json_array_end(s->w);
	calls_member(s->w, r->calls_given);
	json_object_end(s->w);
	return 0;
}

static int add_behaviours(struct showing *s, bool held, const char *title, struct error *err)
{
	static const char *const headings[] = {"DOMAIN", "ACCESS", "KEY",   "PROGRAM", "RUNS",
					       "DENIED", "CLASS",  "STATE", "SINCE",   "LAST SEEN"};
	cleanup_table struct table table = {0};
	int r;

	table_begin(&table, sizeof(headings) / sizeof(headings[0]), headings);
	/* the walk below is over before the table is */
	/* cppcheck-suppress autoVariables */
	s->table = &table;
	s->held = held;
	r = store_each_behaviour(s->store, s->function, s->revision, behaviour_row, s, err);
	if (r < 0 || table.n_cells <= table.columns)
		return r;
	buf_format(s->out, "\n%s\n", title);
	return table_print(&table, s->out);
}

/* ---- what may be attached natively ---- */

static int gather_native(void *context, const struct store_behaviour *b)
{
	return natives_add(context, &b->behaviour, b->admitted, b->mark);
}

/* The proposals that compile makes of this profile, in the form that a policy holds them. */
static int propose_natives(const struct showing *s, struct buf *ret, struct error *err)
{
	struct natives *natives = natives_new();
	int r = natives ? store_each_behaviour(s->store, s->function, s->revision, gather_native,
					       natives, err)
			: -ENOMEM;

	if (r == 0)
		natives_finish(natives, true, ret);
	natives_free(natives);
	if (r == 0)
		r = ret->error;
	return r == -ENOMEM ? error_set(err, ENOMEM, "cannot print") : r;
}

static int native_row(struct table *table, const struct native_entry *entry)
{
	cleanup_buf struct buf why = BUF_INIT;

	natives_reason(entry, &why);
	if (why.error)
		return why.error;
	table_row(table, (const char *const[]){entry->path, why.bytes});
	return 0;
}

static int add_natives(struct showing *s, struct error *err)
{
	static const char *const headings[] = {"DIRECTORY", "WHY"};
	cleanup_table struct table table = {0};
	cleanup_buf struct buf entries = BUF_INIT;
	struct native_entry entry;
	size_t at = 0;
	int r = propose_natives(s, &entries, err);

	table_begin(&table, sizeof(headings) / sizeof(headings[0]), headings);
	while (r == 0 && native_next(entries.bytes, entries.len, &at, &entry) > 0) {
		if (entry.kind != NATIVE_DENIED)
			r = native_row(&table, &entry);
	}
	if (r < 0 || table.n_cells <= table.columns)
		return r;
	buf_add_text(s->out, "\nAttached natively where the container is such that it may be "
			     "(husk(7)):\n");
	return table_print(&table, s->out);
}

static const char *native_kind_name(enum native_kind kind)
{
	if (kind == NATIVE_SOCKETS)
		return "sockets";
	return kind == NATIVE_IMAGE ? "image" : "private";
}

static int native_members(struct showing *s, struct error *err)
{
	cleanup_buf struct buf entries = BUF_INIT;
	struct native_entry entry;
	size_t at = 0;
	int r = propose_natives(s, &entries, err);

	while (r == 0 && native_next(entries.bytes, entries.len, &at, &entry) > 0) {
		cleanup_buf struct buf why = BUF_INIT;

		if (entry.kind == NATIVE_DENIED)
			continue;
		natives_reason(&entry, &why);
		json_object_begin(s->w);
		json_member_name(s->w, "path", entry.path);
		json_member_string(s->w, "kind", native_kind_name(entry.kind));
		json_member_integer(s->w, "uses", entry.uses);
		json_member_string(s->w, "reason", why.bytes ? why.bytes : "");
		json_object_end(s->w);
	}
	return r;
}

/* How the domains were watched, beside how they should be. */
static int find_watching(struct showing *s, struct error *err)
{
	int r = store_watched(s->store, s->function, s->revision, s->watched, err);

	if (r < 0)
		return r;
	r = store_last_run(s->store, s->function, s->revision, &s->last, err);
	s->has_last = r == 1;
	return r < 0 ? r : 0;
}

static int show_text(struct showing *s, struct error *err)
{
	int r = find_watching(s, err);

	if (r == 0)
		r = store_each_revision(s->store, s->function, revision_text, s, err);
	if (r == 0)
		r = add_behaviours(s, true,
				   "Not part of the policy ('husk allow' or 'husk deny' "
				   "settles one):",
				   err);
	if (r == 0)
		r = add_behaviours(s, false, "Part of the policy, or settled by hand:", err);
	if (r == 0 && s->domain < 0)
		r = add_natives(s, err);
	if (r == 0) {
		capabilities_text(s);
		calls_text(s);
	}
	if (r == 0 && s->inert > 0)
		buf_format(s->out,
			   "\n%" PRId64 " inert behaviours (reading and listing image content) are "
			   "not listed: --all\n",
			   s->inert);
	if (r == 0 && s->others > 0)
		buf_format(s->out,
			   "\n%" PRId64 " other revision%s: --json lists them, --revision "
			   "shows one\n",
			   s->others, s->others > 1 ? "s" : "");
	return r;
}

static int show_json(struct showing *s, struct error *err)
{
	cleanup_json_writer struct json_writer *w = json_writer_new(true);
	int r;

	if (!w)
		return error_set(err, ENOMEM, "cannot print");
	s->w = w;
	s->err = err;
	json_object_begin(w);
	json_member_name(w, "function", s->function);
	json_member_name(w, "revision", s->revision);
	json_key(w, "revisions");
	json_array_begin(w);
	r = store_each_revision(s->store, s->function, revision_member, s, err);
	json_array_end(w);
	json_key(w, "behaviours");
	json_array_begin(w);
	if (r == 0)
		r = store_each_behaviour(s->store, s->function, s->revision, behaviour_member, s,
					 err);
	json_array_end(w);
	json_key(w, "native");
	json_array_begin(w);
	if (r == 0)
		r = native_members(s, err);
	json_array_end(w);
	json_object_end(w);
	return r < 0 ? r : json_writer_end(w, s->out);
}

int cli_show(struct cli *cli, int argc, char **argv, struct error *err)
{
	const char *revision = NULL, *domain = NULL;
	struct showing s = {.domain = -1};
	bool json = false;
	const struct cli_option options[] = {
		{"revision", 'r', CLI_TEXT, &revision, "REVISION",
		 "another one than the newest; its beginning does"},
		{"domain", 'd', CLI_TEXT, &domain, "DOMAIN", "behaviours of this domain only"},
		{"all", 'a', CLI_FLAG, &s.all, NULL, "list inert behaviours too"},
		{"json", 'j', CLI_FLAG, &json, NULL, "print JSON"},
		{0},
	};
	const struct cli_syntax syntax = {
		.usage = "show [OPTION]... FUNCTION",
		.about = "Shows what is known of a function: modes, and every behaviour seen.",
		.options = options,
		.operands_min = 1,
		.operands_max = 1,
	};
	cleanup_store struct store *store = NULL;
	cleanup_buf struct buf out = BUF_INIT;
	char function[CLI_NAME_ROOM];
	struct cli_revision found;
	enum domain only;
	int n = 0;
	int r = cli_parse(cli, &syntax, argc, argv, &n, err);

	if (r != 0)
		return r;
	if (domain && domain_parse(domain, &only) < 0)
		return cli_usage(err, &syntax, "there is no domain '%.60s'", domain);
	s.out = &out;
	s.domain = domain ? (int)only : -1;
	s.function = function;
	r = cli_function_name(argv[0], function, err);
	if (r == 0)
		r = cli_settings(cli, &s.settings, err);
	if (r == 0)
		r = cli_store(cli, &store, err);
	if (r == 0)
		r = cli_find_revision(store, s.function, revision, &found, err);
	if (r < 0)
		return r;
	s.store = store;
	s.revision = found.name;
	r = json ? show_json(&s, err) : show_text(&s, err);
	return r != 0 ? r : cli_print(&out, err);
}
