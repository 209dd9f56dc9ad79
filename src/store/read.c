/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Walking what the store holds, for people and for the compiler. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "store/store-internal.h"

static const char *column_text(sqlite3_stmt *stmt, int column)
{
	const char *text = (const char *)sqlite3_column_text(stmt, column);

	return text ? text : "";
}

static int call_function(struct store *store, sqlite3_stmt *row, store_function_fn *call,
			 void *context, struct error *err)
{
	cleanup_walk sqlite3_stmt *newest = NULL;
	cleanup_walk sqlite3_stmt *count = NULL;
	struct row_domain domains[DOMAINS];
	struct store_function f = {
		.name = column_text(row, 0),
		.revisions = sqlite3_column_int64(row, 1),
		.runs = sqlite3_column_int64(row, 2),
		.last_run_ns = sqlite3_column_int64(row, 3),
	};
	int64_t id;
	int r = store_query(store, SQL_NEWEST, &newest, err, "t", f.name);

	if (r == 0)
		r = store_step(store, newest, err);
	if (r <= 0)
		return r;
	id = sqlite3_column_int64(newest, 0);
	f.newest_revision = column_text(newest, 1);
	r = row_domains_read(store, id, domains, err);
	if (r == 0)
		r = store_query(store, SQL_BEHAVIOURS_COUNT, &count, err, "i", id);
	if (r == 0)
		r = store_step(store, count, err);
	if (r < 0)
		return r;
	f.behaviours = sqlite3_column_int64(count, 0);
	for (int d = 0; d < DOMAINS; d++)
		f.modes[d] = domains[d].mode.mode;
	return call(context, &f);
}

int store_each_function(struct store *store, store_function_fn *call, void *context,
			struct error *err)
{
	cleanup_walk sqlite3_stmt *row = NULL;
	int r = store_query(store, SQL_FUNCTIONS, &row, err, "");

	if (r < 0)
		return r;
	while ((r = store_step(store, row, err)) == 1) {
		r = call_function(store, row, call, context, err);
		if (r != 0)
			return r;
	}
	return r;
}

/* Adds what other nodes counted. */
static int add_other_nodes(struct store *store, int64_t revision, struct store_revision *v,
			   struct error *err)
{
	cleanup_walk sqlite3_stmt *row = NULL;
	int r = store_query(store, SQL_ACTIVITY, &row, err, "i", revision);

	if (r < 0)
		return r;
	while ((r = store_step(store, row, err)) == 1) {
		v->runs += sqlite3_column_int64(row, 1);
		v->runs_lossy += sqlite3_column_int64(row, 2);
		v->runs_failed += sqlite3_column_int64(row, 3);
	}
	return r;
}

static int call_revision(struct store *store, sqlite3_stmt *row, bool only_movable,
			 store_revision_fn *call, void *context, struct error *err)
{
	struct row_domain domains[DOMAINS];
	struct store_revision v = {
		.function = column_text(row, 1),
		.name = column_text(row, 2),
		.first_run_ns = sqlite3_column_int64(row, 3),
		.last_run_ns = sqlite3_column_int64(row, 4),
		.runs = sqlite3_column_int64(row, 5),
		.runs_lossy = sqlite3_column_int64(row, 6),
		.runs_failed = sqlite3_column_int64(row, 7),
		.serial = (uint64_t)sqlite3_column_int64(row, 8),
		.stale = sqlite3_column_int(row, 9) != 0,
		.capabilities_given = (uint64_t)sqlite3_column_int64(row, 10),
		.calls_given = (uint32_t)sqlite3_column_int64(row, 11),
	};
	int64_t id = sqlite3_column_int64(row, 0);
	int r = add_other_nodes(store, id, &v, err);

	if (r == 0)
		r = row_domains_read(store, id, domains, err);
	if (r == 0)
		r = row_clean_runs(store, id, domains, only_movable, v.clean_runs, err);
	if (r < 0)
		return r;
	for (int d = 0; d < DOMAINS; d++) {
		v.modes[d] = domains[d].mode.mode;
		v.modes_by_hand[d] = domains[d].mode.by_hand;
	}
	return call(context, &v);
}

static int walk_revisions(struct store *store, sqlite3_stmt *row, bool only_movable,
			  store_revision_fn *call, void *context, struct error *err)
{
	int r;

	while ((r = store_step(store, row, err)) == 1) {
		r = call_revision(store, row, only_movable, call, context, err);
		if (r != 0)
			return r;
	}
	return r;
}

int store_each_revision(struct store *store, const char *function, store_revision_fn *call,
			void *context, struct error *err)
{
	cleanup_walk sqlite3_stmt *row = NULL;
	int r = function ? store_query(store, SQL_REVISIONS_OF, &row, err, "t", function)
			 : store_query(store, SQL_REVISIONS, &row, err, "");

	return r < 0 ? r : walk_revisions(store, row, false, call, context, err);
}

int store_one_revision(struct store *store, const char *function, const char *revision,
		       store_revision_fn *call, void *context, struct error *err)
{
	cleanup_walk sqlite3_stmt *row = NULL;
	int r = store_query(store, SQL_REVISION_ONE, &row, err, "tt", function, revision);

	return r < 0 ? r : walk_revisions(store, row, true, call, context, err);
}

int store_watched(struct store *store, const char *function, const char *revision, bool *ret,
		  struct error *err)
{
	cleanup_walk sqlite3_stmt *row = NULL;
	int64_t id;
	int r = row_revision(store, function, revision, &id, err);

	memset(ret, 0, DOMAINS * sizeof(*ret));
	if (r == 1)
		r = store_query(store, SQL_RUNS_NEWEST, &row, err, "ii", id,
				(int64_t)STORE_RUNS_KEPT);
	if (r < 0 || !row)
		return r;
	while ((r = store_step(store, row, err)) == 1) {
		uint32_t facts = (uint32_t)sqlite3_column_int64(row, 2);

		for (int d = 0; d < DOMAINS; d++)
			ret[d] = ret[d] || promotion_counts(facts, (enum domain)d, MODE_LEARN);
	}
	return r;
}

static int read_lowered(struct store *store, int64_t revision, struct store_last *ret,
			struct error *err)
{
	cleanup_walk sqlite3_stmt *row = NULL;
	int r = store_query(store, SQL_DOMAINS_LOWERED, &row, err, "i", revision);

	if (r < 0)
		return r;
	while ((r = store_step(store, row, err)) == 1) {
		int64_t domain = sqlite3_column_int64(row, 0);

		if (domain >= 0 && domain < DOMAINS)
			snprintf(ret->lowered[domain], sizeof(ret->lowered[domain]), "%s",
				 column_text(row, 1));
	}
	return r;
}

int store_last_run(struct store *store, const char *function, const char *revision,
		   struct store_last *ret, struct error *err)
{
	cleanup_walk sqlite3_stmt *row = NULL;
	struct store_last last = {0};
	int64_t id;
	int r = row_revision(store, function, revision, &id, err);

	if (r == 1)
		r = store_query(store, SQL_RUNS_NEWEST, &row, err, "ii", id, INT64_C(1));
	if (r < 0 || !row)
		return r;
	r = store_step(store, row, err);
	if (r <= 0)
		return r;
	for (int d = 0; d < DOMAINS; d++)
		last.modes[d] =
			promotion_mode((uint32_t)sqlite3_column_int64(row, 2), (enum domain)d);
	r = read_lowered(store, id, &last, err);
	if (r < 0)
		return r;
	*ret = last;
	return 1;
}

static int call_behaviour(struct store *store, sqlite3_stmt *row, const struct row_counts *counts,
			  int64_t all_runs, store_behaviour_fn *call, void *context,
			  struct error *err)
{
	struct known known;
	struct store_behaviour b = {0};
	int r = row_behaviour(store, row, &b.behaviour, &known, err);

	if (r < 0)
		return r;
	/* A mark that was withdrawn stays as a row, so that the withdrawal can be joined. */
	if (!known_is_seen(&known) && known.mark == MARK_NONE)
		return 0;
	b.runs = sketch_runs(&known.seen, &counts->sketch, all_runs);
	b.denied = sketch_runs(&known.denied, &counts->sketch, all_runs);
	b.first_ns = known_first_ns(&known);
	b.last_ns = known_last_ns(&known);
	b.admitted = promotion_admits(b.behaviour.domain, class_of(&b.behaviour), known.seen.count);
	b.mark = known.mark;
	b.mark_author = known.mark_author;
	b.mark_ns = known.mark_ns;
	return call(context, &b);
}

int store_each_behaviour(struct store *store, const char *function, const char *revision,
			 store_behaviour_fn *call, void *context, struct error *err)
{
	cleanup_walk sqlite3_stmt *row = NULL;
	struct row_counts counts = {0};
	struct store_revision all = {0};
	int64_t id;
	int r = row_revision(store, function, revision, &id, err);

	if (r <= 0)
		return r;
	r = row_counts_read(store, id, &counts, err);
	if (r == 0)
		r = add_other_nodes(store, id, &all, err);
	if (r == 0)
		r = store_query(store, SQL_BEHAVIOURS, &row, err, "i", id);
	if (r < 0)
		return r;
	all.runs += counts.runs;
	while ((r = store_step(store, row, err)) == 1) {
		r = call_behaviour(store, row, &counts, all.runs, call, context, err);
		if (r != 0)
			return r;
	}
	return r;
}
