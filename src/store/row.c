/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Single rows of the store as structs, and back; what follows from several rows of one revision. */
#include "store/store-internal.h"

#include <errno.h>
#include <string.h>

#include "base/text.h"

/* Hashes and node ids are unsigned, SQLite's integers are not; the bits are the same. */
static int64_t as_signed(uint64_t bits)
{
	int64_t value;

	memcpy(&value, &bits, sizeof(value));
	return value;
}

static int damaged(struct store *store, struct error *err)
{
	return store_fail(store, SQLITE_CORRUPT, "read", err);
}

static int column_sketch(struct store *store, sqlite3_stmt *stmt, int column, struct sketch *ret,
			 struct error *err)
{
	const void *bytes = sqlite3_column_blob(stmt, column);
	size_t len = (size_t)sqlite3_column_bytes(stmt, column);

	return sketch_decode(bytes, len, ret) < 0 ? damaged(store, err) : 0;
}

int row_revision_columns(struct store *store, sqlite3_stmt *stmt, struct row_revision *ret,
			 struct error *err)
{
	*ret = (struct row_revision){
		.id = sqlite3_column_int64(stmt, 0),
		.runs = sqlite3_column_int64(stmt, 1),
		.lossy = sqlite3_column_int64(stmt, 2),
		.failed = sqlite3_column_int64(stmt, 3),
		.first_ns = sqlite3_column_int64(stmt, 4),
		.last_ns = sqlite3_column_int64(stmt, 5),
		.given = (uint64_t)sqlite3_column_int64(stmt, 7),
		.calls = (uint32_t)sqlite3_column_int64(stmt, 8),
		.serial = (uint64_t)sqlite3_column_int64(stmt, 9),
		.stale = sqlite3_column_int(stmt, 10) != 0,
	};
	return column_sketch(store, stmt, 6, &ret->sketch, err);
}

int row_revision(struct store *store, const char *function, const char *name,
		 struct row_revision *ret, struct error *err)
{
	cleanup_walk sqlite3_stmt *stmt = NULL;
	int r = store_query(store, SQL_REVISION, &stmt, err, "tt", function, name);

	if (r == 0)
		r = store_step(store, stmt, err);
	if (r <= 0)
		return r;
	r = row_revision_columns(store, stmt, ret, err);
	return r < 0 ? r : 1;
}

int row_revision_made(struct store *store, const char *function, const char *name,
		      struct row_revision *ret, struct error *err)
{
	int r = row_revision(store, function, name, ret, err);

	if (r != 0)
		return r < 0 ? r : 0;
	r = store_change(store, SQL_REVISION_ADD, err, "tt", function, name);
	if (r < 0)
		return r;
	*ret = (struct row_revision){.id = sqlite3_last_insert_rowid(store->db), .stale = true};
	for (int d = 0; d < DOMAINS; d++) {
		struct row_domain row = {.mode.mode = MODE_LEARN};

		r = row_domain_write(store, ret->id, (enum domain)d, &row, err);
		if (r < 0)
			return r;
	}
	return 0;
}

int row_revision_write(struct store *store, const struct row_revision *row, struct error *err)
{
	unsigned char sketch[SKETCH_BYTES_MAX];
	size_t len = sketch_encode(&row->sketch, sketch);

	return store_change(store, SQL_REVISION_SET, err, "iiiiiibii", row->id, row->runs,
			    row->lossy, row->failed, row->first_ns, row->last_ns,
			    (const char *)sketch, len, (int64_t)row->given, (int64_t)row->calls);
}

int row_node(struct store *store, uint64_t *ret, struct error *err)
{
	cleanup_walk sqlite3_stmt *stmt = NULL;
	int r = store_query(store, SQL_NODE, &stmt, err, "");

	if (r == 0)
		r = store_step(store, stmt, err);
	if (r <= 0)
		return r < 0 ? r : damaged(store, err);
	*ret = (uint64_t)sqlite3_column_int64(stmt, 0);
	return 0;
}

int row_domains_read(struct store *store, int64_t revision, struct row_domain ret[DOMAINS],
		     struct error *err)
{
	cleanup_walk sqlite3_stmt *stmt = NULL;
	int r = store_query(store, SQL_DOMAINS, &stmt, err, "i", revision);

	/* A revision that was made by a version without the domain has no row of it. */
	for (int d = 0; d < DOMAINS; d++)
		ret[d] = (struct row_domain){.mode.mode = MODE_LEARN};
	if (r < 0)
		return r;
	while ((r = store_step(store, stmt, err)) == 1) {
		int64_t domain = sqlite3_column_int64(stmt, 0);
		int64_t mode = sqlite3_column_int64(stmt, 1);

		if (domain < 0 || domain >= DOMAINS || mode < 0 || mode >= MODES)
			return damaged(store, err);
		ret[domain] = (struct row_domain){
			.mode.mode = (enum mode)mode,
			.mode.by_hand = sqlite3_column_int(stmt, 2) != 0,
			.mode.set_ns = sqlite3_column_int64(stmt, 3),
			.mode.since_ns = sqlite3_column_int64(stmt, 4),
			.novel_ns = sqlite3_column_int64(stmt, 5),
		};
	}
	return r;
}

int row_domain_write(struct store *store, int64_t revision, enum domain domain,
		     const struct row_domain *row, struct error *err)
{
	return store_change(store, SQL_DOMAIN_SET, err, "iiiiiii", revision, (int64_t)domain,
			    (int64_t)row->mode.mode, (int64_t)row->mode.by_hand, row->mode.set_ns,
			    row->mode.since_ns, row->novel_ns);
}

int row_domains_refresh(struct store *store, int64_t revision, struct error *err)
{
	cleanup_walk sqlite3_stmt *stmt = NULL;
	int64_t novel_ns[DOMAINS] = {0};
	struct behaviour b;
	struct known known;
	int r = store_query(store, SQL_BEHAVIOURS, &stmt, err, "i", revision);

	if (r < 0)
		return r;
	while ((r = store_step(store, stmt, err)) == 1) {
		r = row_behaviour(store, stmt, &b, &known, err);
		if (r < 0)
			return r;
		if (known.first_ns > novel_ns[b.domain] && promotion_is_novelty(class_of(&b)))
			novel_ns[b.domain] = known.first_ns;
	}
	for (int d = 0; d < DOMAINS && r == 0; d++)
		r = store_change(store, SQL_DOMAIN_SET_NOVEL, err, "iii", revision, (int64_t)d,
				 novel_ns[d]);
	return r;
}

static bool is_counted(const struct row_domain *row, bool only_movable)
{
	if (!only_movable)
		return row->mode.mode != MODE_UNAVAILABLE;
	return (row->mode.mode == MODE_LEARN || row->mode.mode == MODE_SHADOW) &&
	       !row->mode.by_hand;
}

int row_clean_runs(struct store *store, int64_t revision, const struct row_domain domains[DOMAINS],
		   bool only_movable, int64_t ret[DOMAINS], struct error *err)
{
	cleanup_walk sqlite3_stmt *stmt = NULL;
	int64_t after_ns[DOMAINS], oldest_ns = INT64_MAX;
	int r;

	for (int d = 0; d < DOMAINS; d++) {
		const struct row_domain *row = &domains[d];

		ret[d] = 0;
		after_ns[d] =
			row->novel_ns > row->mode.since_ns ? row->novel_ns : row->mode.since_ns;
		if (is_counted(row, only_movable) && after_ns[d] < oldest_ns)
			oldest_ns = after_ns[d];
	}
	if (oldest_ns == INT64_MAX)
		return 0;
	r = store_query(store, SQL_RUNS_NEWEST, &stmt, err, "ii", revision,
			(int64_t)STORE_RUNS_KEPT);
	if (r < 0)
		return r;
	while ((r = store_step(store, stmt, err)) == 1) {
		int64_t at_ns = sqlite3_column_int64(stmt, 0);
		uint32_t facts = (uint32_t)sqlite3_column_int64(stmt, 2);

		if (at_ns <= oldest_ns)
			return 0;
		for (int d = 0; d < DOMAINS; d++) {
			if (is_counted(&domains[d], only_movable) && at_ns > after_ns[d] &&
			    promotion_counts(facts, (enum domain)d, domains[d].mode.mode))
				ret[d]++;
		}
	}
	return r;
}

/* The first ten columns of SQL_KNOWN and SQL_BEHAVIOURS. */
static int column_known(struct store *store, sqlite3_stmt *stmt, struct known *ret,
			struct error *err)
{
	const char *author = (const char *)sqlite3_column_text(stmt, 9);
	int64_t mark = sqlite3_column_int64(stmt, 7);
	int r;

	*ret = (struct known){
		.flags = (uint32_t)sqlite3_column_int64(stmt, 0),
		.first_ns = sqlite3_column_int64(stmt, 1),
		.first_run = (uint64_t)sqlite3_column_int64(stmt, 2),
		.denied_ns = sqlite3_column_int64(stmt, 3),
		.last_hour = sqlite3_column_int64(stmt, 4),
		.mark = (enum mark)mark,
		.mark_ns = sqlite3_column_int64(stmt, 8),
	};
	if (mark < 0 || mark >= MARKS || !author)
		return damaged(store, err);
	text_copy(ret->mark_author, sizeof(ret->mark_author), author);
	r = column_sketch(store, stmt, 5, &ret->seen, err);
	return r < 0 ? r : column_sketch(store, stmt, 6, &ret->denied, err);
}

int row_known_read(struct store *store, int64_t revision, const struct behaviour *b,
		   struct known *ret, struct error *err)
{
	cleanup_walk sqlite3_stmt *stmt = NULL;
	int r = store_query(store, SQL_KNOWN, &stmt, err, "iibbi", revision, (int64_t)b->domain,
			    b->program, strlen(b->program), b->key, strlen(b->key),
			    (int64_t)b->access);

	*ret = KNOWN_INIT;
	if (r == 0)
		r = store_step(store, stmt, err);
	if (r <= 0)
		return r;
	r = column_known(store, stmt, ret, err);
	return r < 0 ? r : 1;
}

int row_known_write(struct store *store, int64_t revision, const struct behaviour *b,
		    const struct known *known, struct error *err)
{
	unsigned char seen[SKETCH_BYTES_MAX], denied[SKETCH_BYTES_MAX];
	size_t seen_len = sketch_encode(&known->seen, seen);
	size_t denied_len = sketch_encode(&known->denied, denied);

	return store_change(store, SQL_KNOWN_SET, err, "iibbiiiiiibbiit", revision,
			    (int64_t)b->domain, b->program, strlen(b->program), b->key,
			    strlen(b->key), (int64_t)b->access, (int64_t)known->flags,
			    known->first_ns, as_signed(known->first_run), known->denied_ns,
			    known->last_hour, (const char *)seen, seen_len, (const char *)denied,
			    denied_len, (int64_t)known->mark, known->mark_ns, known->mark_author);
}

/* A blob column as a string: SQLite ends none with a NUL, but as text it does. */
static const char *column_name(sqlite3_stmt *stmt, int column)
{
	return (const char *)sqlite3_column_text(stmt, column);
}

int row_behaviour(struct store *store, sqlite3_stmt *stmt, struct behaviour *ret,
		  struct known *ret_known, struct error *err)
{
	int64_t domain = sqlite3_column_int64(stmt, 10);
	int64_t access = sqlite3_column_int64(stmt, 13);
	int r = column_known(store, stmt, ret_known, err);

	if (r < 0)
		return r;
	*ret = (struct behaviour){
		.domain = (enum domain)domain,
		.access = (enum access)access,
		.program = column_name(stmt, 11),
		.key = column_name(stmt, 12),
		.flags = known_is_seen(ret_known) ? ret_known->flags : 0,
	};
	if (domain < 0 || domain >= DOMAINS || access < 0 || access >= ACCESSES || !ret->program ||
	    !ret->key)
		return damaged(store, err);
	return 0;
}

int row_stale(struct store *store, int64_t revision, struct error *err)
{
	return store_change(store, SQL_REVISION_STALE, err, "i", revision);
}
