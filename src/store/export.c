/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The document of a function, schema "husk.profile/1": everything that joins, and nothing that is
 * this node's own. Members have one order, lists are sorted, what is empty or 0 is left out, hashes
 * are 16 hexadecimal digits, times are nanoseconds since the epoch, names are in their text form
 * (base/text.h). So the same knowledge is always the same bytes.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "store/document-internal.h"
#include "store/store-internal.h"

static void put_hash(struct json_writer *w, uint64_t hash)
{
	char text[DOCUMENT_HASH_ROOM];

	snprintf(text, sizeof(text), "%016" PRIx64, hash);
	json_put_string(w, text);
}

static void put_sketch(struct json_writer *w, const char *key, const struct sketch *sketch)
{
	if (sketch->count == 0)
		return;
	json_key(w, key);
	json_array_begin(w);
	for (uint32_t i = 0; i < sketch->count; i++)
		put_hash(w, sketch->hashes[i]);
	json_array_end(w);
}

static void put_time(struct json_writer *w, const char *key, int64_t value)
{
	if (value != 0)
		json_member_integer(w, key, value);
}

static int put_domains(struct store *store, struct json_writer *w, int64_t revision,
		       struct error *err)
{
	struct row_domain domains[DOMAINS];
	int r = row_domains_read(store, revision, domains, err);

	if (r < 0)
		return r;
	json_key(w, "domains");
	json_object_begin(w);
	for (int d = 0; d < DOMAINS; d++) {
		const struct known_mode *mode = &domains[d].mode;

		if (mode->mode == MODE_UNAVAILABLE)
			continue;
		json_key(w, domain_name((enum domain)d));
		json_object_begin(w);
		json_member_string(w, "mode", mode_name(mode->mode));
		if (mode->by_hand)
			json_member_bool(w, "by_hand", true);
		put_time(w, "set", mode->set_ns);
		put_time(w, "since", mode->since_ns);
		json_object_end(w);
	}
	json_object_end(w);
	return 0;
}

static void put_activity(struct json_writer *w, const struct document_activity *a)
{
	if (a->runs == 0)
		return;
	json_object_begin(w);
	json_key(w, "node");
	put_hash(w, a->node);
	json_member_integer(w, "runs", a->runs);
	put_time(w, "lossy", a->lossy);
	put_time(w, "failed", a->failed);
	json_object_end(w);
}

/* This node's counts stand in the revision, those of others in rows sorted by node. */
static int put_activities(struct store *store, struct json_writer *w,
			  const struct row_revision *revision, struct error *err)
{
	cleanup_walk sqlite3_stmt *row = NULL;
	struct document_activity own = {
		.runs = revision->runs, .lossy = revision->lossy, .failed = revision->failed};
	bool put = false;
	int r = row_node(store, &own.node, err);

	if (r == 0)
		r = store_query(store, SQL_ACTIVITY, &row, err, "i", revision->id);
	if (r < 0)
		return r;
	json_key(w, "activity");
	json_array_begin(w);
	while ((r = store_step(store, row, err)) == 1) {
		struct document_activity other = {
			.node = (uint64_t)sqlite3_column_int64(row, 0),
			.runs = sqlite3_column_int64(row, 1),
			.lossy = sqlite3_column_int64(row, 2),
			.failed = sqlite3_column_int64(row, 3),
		};

		/* As signed numbers: that is how the rows are sorted. */
		if (!put && (int64_t)own.node < (int64_t)other.node) {
			put_activity(w, &own);
			put = true;
		}
		put_activity(w, &other);
	}
	if (!put)
		put_activity(w, &own);
	json_array_end(w);
	return r;
}

static int put_runs(struct store *store, struct json_writer *w, int64_t revision, struct error *err)
{
	cleanup_walk sqlite3_stmt *row = NULL;
	int r = store_query(store, SQL_RUNS_NEWEST, &row, err, "ii", revision,
			    (int64_t)STORE_RUNS_KEPT);

	if (r < 0)
		return r;
	json_key(w, "runs");
	json_array_begin(w);
	while ((r = store_step(store, row, err)) == 1) {
		json_object_begin(w);
		json_member_integer(w, "at", sqlite3_column_int64(row, 0));
		json_key(w, "run");
		put_hash(w, (uint64_t)sqlite3_column_int64(row, 1));
		json_member_integer(w, "facts", sqlite3_column_int64(row, 2));
		json_object_end(w);
	}
	json_array_end(w);
	return r;
}

static void put_mark(struct json_writer *w, const struct known *known)
{
	if (known->mark_ns == 0)
		return;
	json_key(w, "mark");
	json_object_begin(w);
	json_member_string(w, "mark", mark_name(known->mark));
	json_member_integer(w, "at", known->mark_ns);
	json_member_name(w, "author", known->mark_author);
	json_object_end(w);
}

static void put_behaviour(struct json_writer *w, const struct behaviour *b,
			  const struct known *known)
{
	json_object_begin(w);
	json_member_string(w, "domain", domain_name(b->domain));
	json_member_name(w, "program", b->program);
	json_member_name(w, "key", b->key);
	json_member_string(w, "access", access_name(b->access));
	/* The neutral element of the join, "image", is what a mark alone has. */
	for (size_t i = 0; i < DOCUMENT_FLAGS; i++) {
		if (b->flags & document_flags[i].flag)
			json_member_bool(w, document_flags[i].member, true);
	}
	if (known->first_ns != 0) {
		json_key(w, "first");
		json_object_begin(w);
		json_member_integer(w, "at", known->first_ns);
		json_key(w, "run");
		put_hash(w, known->first_run);
		json_object_end(w);
	}
	put_time(w, "first_denied", known->denied_ns);
	put_time(w, "last_hour", known->last_hour);
	put_sketch(w, "seen", &known->seen);
	put_sketch(w, "denied", &known->denied);
	put_mark(w, known);
	json_object_end(w);
}

static int put_behaviours(struct store *store, struct json_writer *w, int64_t revision,
			  struct error *err)
{
	cleanup_walk sqlite3_stmt *row = NULL;
	struct behaviour b;
	struct known known;
	int r = store_query(store, SQL_BEHAVIOURS, &row, err, "i", revision);

	if (r < 0)
		return r;
	json_key(w, "behaviours");
	json_array_begin(w);
	while ((r = store_step(store, row, err)) == 1) {
		r = row_behaviour(store, row, &b, &known, err);
		if (r < 0)
			return r;
		put_behaviour(w, &b, &known);
	}
	json_array_end(w);
	return r;
}

static int put_revision(struct store *store, struct json_writer *w, sqlite3_stmt *stmt,
			struct error *err)
{
	struct row_revision row;
	int r = row_revision_columns(store, stmt, &row, err);

	if (r < 0)
		return r;
	json_object_begin(w);
	json_member_name(w, "revision", (const char *)sqlite3_column_text(stmt, REVISION_NAME));
	put_time(w, "first", row.first_ns);
	put_time(w, "last", row.last_ns);
	put_sketch(w, "sample", &row.sketch);
	r = put_domains(store, w, row.id, err);
	if (r == 0)
		r = put_activities(store, w, &row, err);
	if (r == 0)
		r = put_runs(store, w, row.id, err);
	if (r == 0)
		r = put_behaviours(store, w, row.id, err);
	json_object_end(w);
	return r;
}

int store_export(struct store *store, const char *function, struct buf *out, struct error *err)
{
	cleanup_walk sqlite3_stmt *row = NULL;
	cleanup_json_writer struct json_writer *w = json_writer_new(true);
	int r, revisions = 0;

	if (!w)
		return error_set(err, ENOMEM, "cannot export '%s'", function);
	r = store_query(store, SQL_REVISIONS_BY_NAME, &row, err, "t", function);
	if (r < 0)
		return r;
	json_object_begin(w);
	json_member_string(w, "schema", DOCUMENT_SCHEMA);
	json_member_name(w, "function", function);
	json_key(w, "revisions");
	json_array_begin(w);
	while ((r = store_step(store, row, err)) == 1) {
		r = put_revision(store, w, row, err);
		if (r < 0)
			return r;
		revisions++;
	}
	if (r < 0)
		return r;
	if (revisions == 0)
		return error_say(err, ENOENT, "nothing is known of function '%s'", function);
	json_array_end(w);
	json_object_end(w);
	r = json_writer_end(w, out);
	return r < 0 ? error_set(err, -r, "cannot export '%s'", function) : 0;
}
