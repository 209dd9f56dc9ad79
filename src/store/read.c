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

/* for_promotion: only what promotion goes by, which spares the path of a container's end the rest.
 */
static int call_revision(struct store *store, const struct row_revision *row,
			 struct store_revision v, bool for_promotion, store_revision_fn *call,
			 void *context, struct error *err)
{
	struct row_domain domains[DOMAINS];
	int r = 0;

	v.first_run_ns = row->first_ns;
	v.last_run_ns = row->last_ns;
	v.runs = row->runs;
	v.runs_lossy = row->lossy;
	v.runs_failed = row->failed;
	v.serial = row->serial;
	v.stale = row->stale;
	v.capabilities_given = row->given;
	v.calls_given = row->calls;
	if (!for_promotion)
		r = add_other_nodes(store, row->id, &v, err);
	if (r == 0)
		r = row_domains_read(store, row->id, domains, err);
	if (r == 0)
		r = row_clean_runs(store, row->id, domains, for_promotion, v.clean_runs, err);
	if (r < 0)
		return r;
	for (int d = 0; d < DOMAINS; d++) {
		v.modes[d] = domains[d].mode.mode;
		v.modes_by_hand[d] = domains[d].mode.by_hand;
	}
	return call(context, &v);
}

int store_each_revision(struct store *store, const char *function, store_revision_fn *call,
			void *context, struct error *err)
{
	cleanup_walk sqlite3_stmt *stmt = NULL;
	int r = function ? store_query(store, SQL_REVISIONS_OF, &stmt, err, "t", function)
			 : store_query(store, SQL_REVISIONS, &stmt, err, "");

	if (r < 0)
		return r;
	while ((r = store_step(store, stmt, err)) == 1) {
		struct store_revision v = {.function = column_text(stmt, REVISION_FUNCTION),
					   .name = column_text(stmt, REVISION_NAME)};
		struct row_revision row;

		r = row_revision_columns(store, stmt, &row, err);
		if (r == 0)
			r = call_revision(store, &row, v, false, call, context, err);
		if (r != 0)
			return r;
	}
	return r;
}

int store_one_revision(struct store *store, const char *function, const char *revision,
		       store_revision_fn *call, void *context, struct error *err)
{
	struct row_revision row;
	int r = row_revision(store, function, revision, &row, err);

	if (r <= 0)
		return r;
	return call_revision(store, &row, (struct store_revision){function, revision}, true, call,
			     context, err);
}

int store_watched(struct store *store, const char *function, const char *revision, bool *ret,
		  struct error *err)
{
	cleanup_walk sqlite3_stmt *row = NULL;
	struct row_revision of;
	int r = row_revision(store, function, revision, &of, err);

	memset(ret, 0, DOMAINS * sizeof(*ret));
	if (r == 1)
		r = store_query(store, SQL_RUNS_NEWEST, &row, err, "ii", of.id,
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
	int r = store_query(store, SQL_DOMAINS, &row, err, "i", revision);

	if (r < 0)
		return r;
	while ((r = store_step(store, row, err)) == 1) {
		int64_t domain = sqlite3_column_int64(row, 0);

		if (domain >= 0 && domain < DOMAINS)
			snprintf(ret->lowered[domain], sizeof(ret->lowered[domain]), "%s",
				 column_text(row, DOMAIN_WHY));
	}
	return r;
}

int store_last_run(struct store *store, const char *function, const char *revision,
		   struct store_last *ret, struct error *err)
{
	cleanup_walk sqlite3_stmt *row = NULL;
	struct store_last last = {0};
	struct row_revision of;
	int r = row_revision(store, function, revision, &of, err);

	if (r == 1)
		r = store_query(store, SQL_RUNS_NEWEST, &row, err, "ii", of.id, INT64_C(1));
	if (r < 0 || !row)
		return r;
	r = store_step(store, row, err);
	if (r <= 0)
		return r;
	for (int d = 0; d < DOMAINS; d++)
		last.modes[d] =
			promotion_mode((uint32_t)sqlite3_column_int64(row, 2), (enum domain)d);
	r = read_lowered(store, of.id, &last, err);
	if (r < 0)
		return r;
	*ret = last;
	return 1;
}

static int call_behaviour(struct store *store, sqlite3_stmt *row, const struct sketch *all,
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
	b.runs = sketch_runs(&known.seen, all, all_runs);
	b.denied = sketch_runs(&known.denied, all, all_runs);
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
	struct row_revision of;
	struct store_revision all = {0};
	int r = row_revision(store, function, revision, &of, err);

	if (r <= 0)
		return r;
	r = add_other_nodes(store, of.id, &all, err);
	if (r == 0)
		r = store_query(store, SQL_BEHAVIOURS, &row, err, "i", of.id);
	if (r < 0)
		return r;
	all.runs += of.runs;
	while ((r = store_step(store, row, err)) == 1) {
		r = call_behaviour(store, row, &of.sketch, all.runs, call, context, err);
		if (r != 0)
			return r;
	}
	return r;
}
