/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUSK_STORE_INTERNAL_H
#define HUSK_STORE_INTERNAL_H

#include <limits.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "profile/class.h"
#include "profile/known.h"
#include "profile/promotion.h"
#include "store/store.h"

/*
 * The statements of the store; their text stands in sql.c. Each is prepared at its first use and
 * kept, so a statement must not be used again while its rows are being walked.
 */
enum sql {
	SQL_BEGIN,
	SQL_COMMIT,
	SQL_ROLLBACK,
	SQL_NODE,
	SQL_REVISION,
	SQL_REVISION_ADD,
	SQL_REVISION_SET,
	SQL_REVISION_STALE,
	SQL_REVISION_COMPILED,
	SQL_REVISIONS,
	SQL_REVISIONS_OF,
	SQL_REVISIONS_BY_NAME,
	SQL_FUNCTIONS,
	SQL_NEWEST,
	SQL_RUN_ADD,
	SQL_RUN_JOIN,
	SQL_RUN_TRIM,
	SQL_RUNS_NEWEST,
	SQL_DOMAINS,
	SQL_DOMAIN_SET,
	SQL_DOMAIN_LOWERED,
	SQL_DOMAIN_NOVEL,
	SQL_DOMAIN_SET_NOVEL,
	SQL_ACTIVITY,
	SQL_ACTIVITY_JOIN,
	SQL_KNOWN,
	SQL_KNOWN_SET,
	SQL_BEHAVIOURS,
	SQL_BEHAVIOURS_COUNT,
	SQL_BEHAVIOURS_SIZE,
	SQL_FUNCTION_EXISTS,
	SQL_FORGET_RUNS,
	SQL_FORGET_DOMAINS,
	SQL_FORGET_ACTIVITY,
	SQL_FORGET_BEHAVIOURS,
	SQL_FORGET_REVISIONS,
	SQLS,
};

struct store {
	sqlite3 *db;
	sqlite3_stmt *statements[SQLS];
	bool in_transaction;
	char path[PATH_MAX];
};

extern const char *const store_sql_texts[SQLS];

enum store_constants {
	STORE_SCHEMA = 4,	     /* PRAGMA user_version */
	STORE_RUNS_KEPT = 512,	     /* newest runs of a revision that promotion can count */
	STORE_TRIM_EVERY = 64,	     /* runs between two removals of older ones */
	STORE_LOG_BYTES = 48 * 4120, /* of the write-ahead log: 48 pages and their headers */
};

/* Columns of statements that more than one place reads. */
enum store_columns {
	REVISION_FUNCTION = 11, /* of SQL_REVISIONS and its kin */
	REVISION_NAME = 12,
	DOMAIN_WHY = 6, /* of SQL_DOMAINS: why it was lowered */
};

/* Makes the tables of an empty database: one script, run in one transaction. */
extern const char store_schema[];
/* What makes a store of version i, from 1 up, one of version i + 1. */
extern const char *const store_steps[STORE_SCHEMA];

/* Records what SQLite says of its last failure, `rc`, as "cannot WHAT the store 'PATH': ...".
 * Returns -errno. */
int store_fail(struct store *store, int rc, const char *what, struct error *err);

/*
 * Makes a statement ready: resets it and binds parameters 1 and up, one for each character of
 * `types`: 'i' an int64_t, 't' a string, 'b' a pointer and a size_t (both borrowed until the next
 * reset). *ret is the store's. Returns 0 or -errno.
 */
int store_query(struct store *store, enum sql which, sqlite3_stmt **ret, struct error *err,
		const char *types, ...);

/* The next row: 1 with its columns readable, 0 at the end, -errno; reset unless there was a row. */
int store_step(struct store *store, sqlite3_stmt *stmt, struct error *err);

/* store_query() and all steps, for statements without rows. Returns 0 or -errno. */
int store_change(struct store *store, enum sql which, struct error *err, const char *types, ...);

/* Ends the walk of a statement's rows early. */
#define cleanup_walk __attribute__((cleanup(store_walk_end)))
void store_walk_end(sqlite3_stmt **stmt);

/*
 * A transaction, unless one is open: store_enter() tells in *ret_outer whether it began one, and
 * store_leave() then commits where result >= 0, else rolls back. Returns `result`, or -errno of the
 * commit.
 */
int store_enter(struct store *store, bool *ret_outer, struct error *err);
int store_leave(struct store *store, bool outer, int result, struct error *err);

/* ---- rows ---- */

/* One revision. */
struct row_revision {
	int64_t id;		     /* which rows of other tables name */
	int64_t runs, lossy, failed; /* counted by this node */
	int64_t first_ns, last_ns;   /* of runs, of all nodes; 0: none */
	struct sketch sketch;	     /* runs of all nodes */
	uint64_t given;		     /* capabilities that the engine gave to the last run here */
	uint32_t calls;		     /* ... and how many calls: store_revision.calls_given */
	uint64_t serial;	     /* of its policy image */
	bool stale;		     /* ... which is older than what is known */
};

/* Returns 1 with *ret set, 0 where there is none, -errno. */
int row_revision(struct store *store, const char *function, const char *name,
		 struct row_revision *ret, struct error *err);
/* The same, made where it is missing, with its domains in their first modes. Returns 0 or -errno.
 */
int row_revision_made(struct store *store, const char *function, const char *name,
		      struct row_revision *ret, struct error *err);
/* Writes what was counted: all but serial and stale. */
int row_revision_write(struct store *store, const struct row_revision *row, struct error *err);
/* Takes one row of SQL_REVISION, SQL_REVISIONS or their kin apart. */
int row_revision_columns(struct store *store, sqlite3_stmt *stmt, struct row_revision *ret,
			 struct error *err);

/* This node's own id, drawn when the store was made. Returns 0 or -errno. */
int row_node(struct store *store, uint64_t *ret, struct error *err);

/* One domain: what travels, and when its last novelty came, which follows from the behaviours. */
struct row_domain {
	struct known_mode mode;
	int64_t novel_ns;
};

int row_domains_read(struct store *store, int64_t revision, struct row_domain ret[DOMAINS],
		     struct error *err);
int row_domain_write(struct store *store, int64_t revision, enum domain domain,
		     const struct row_domain *row, struct error *err);
/* Works novel_ns out again from all behaviours. */
int row_domains_refresh(struct store *store, int64_t revision, struct error *err);

/* Runs that count toward leaving the present mode of each domain; only_movable: 0 where promotion
 * has no say, which spares the path of a container's end from reading all runs. */
int row_clean_runs(struct store *store, int64_t revision, const struct row_domain domains[DOMAINS],
		   bool only_movable, int64_t ret[DOMAINS], struct error *err);

/* What is known of one behaviour, KNOWN_INIT where nothing is. Returns 1 (there was a row), 0,
 * -errno. */
int row_known_read(struct store *store, int64_t revision, const struct behaviour *b,
		   struct known *ret, struct error *err);
int row_known_write(struct store *store, int64_t revision, const struct behaviour *b,
		    const struct known *known, struct error *err);

/* Takes one row of SQL_BEHAVIOURS apart; the strings live until the next step. */
int row_behaviour(struct store *store, sqlite3_stmt *stmt, struct behaviour *ret,
		  struct known *ret_known, struct error *err);

/* Notes that the policy image of a revision is older than what is known. */
int row_stale(struct store *store, int64_t revision, struct error *err);

#endif
