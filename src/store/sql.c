/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The tables and all statements of the store.
 *
 * Everything that a document carries joins (profile/known.h); `serial`, `stale` and `novel_ns` are
 * this node's own, and follow from the rest; what is of the last run alone is its own, too. Runs
 * are kept as long as promotion can count them, and are clustered by revision and time, so that the
 * newest are read without sorting. Behaviours are clustered in the order in which they are listed,
 * which also saves an index.
 */
#include "store/store-internal.h"

const char store_schema[] =
	"CREATE TABLE node(id INTEGER NOT NULL);"
	"CREATE TABLE revision("
	" id INTEGER PRIMARY KEY, function TEXT NOT NULL, name TEXT NOT NULL,"
	" first_ns INTEGER NOT NULL, last_ns INTEGER NOT NULL,"
	" runs INTEGER NOT NULL, lossy INTEGER NOT NULL, failed INTEGER NOT NULL,"
	" sketch BLOB NOT NULL, serial INTEGER NOT NULL, stale INTEGER NOT NULL,"
	" given INTEGER NOT NULL, calls INTEGER NOT NULL,"
	" UNIQUE(function, name));"
	"CREATE TABLE domain("
	" revision INTEGER NOT NULL, domain INTEGER NOT NULL, mode INTEGER NOT NULL,"
	" by_hand INTEGER NOT NULL, set_ns INTEGER NOT NULL, since_ns INTEGER NOT NULL,"
	" novel_ns INTEGER NOT NULL, lowered TEXT NOT NULL DEFAULT '',"
	" PRIMARY KEY(revision, domain)) WITHOUT ROWID;"
	"CREATE TABLE activity("
	" revision INTEGER NOT NULL, node INTEGER NOT NULL, runs INTEGER NOT NULL,"
	" lossy INTEGER NOT NULL, failed INTEGER NOT NULL,"
	" PRIMARY KEY(revision, node)) WITHOUT ROWID;"
	"CREATE TABLE run("
	" revision INTEGER NOT NULL, at_ns INTEGER NOT NULL, id INTEGER NOT NULL,"
	" facts INTEGER NOT NULL, PRIMARY KEY(revision, at_ns, id)) WITHOUT ROWID;"
	"CREATE TABLE behaviour("
	" revision INTEGER NOT NULL, domain INTEGER NOT NULL, program BLOB NOT NULL,"
	" key BLOB NOT NULL, access INTEGER NOT NULL, flags INTEGER NOT NULL,"
	" first_ns INTEGER NOT NULL, first_run INTEGER NOT NULL, denied_ns INTEGER NOT NULL,"
	" last_hour INTEGER NOT NULL, seen BLOB NOT NULL, denied BLOB NOT NULL,"
	" mark INTEGER NOT NULL, mark_ns INTEGER NOT NULL, mark_author TEXT NOT NULL,"
	" PRIMARY KEY(revision, domain, program, key, access)) WITHOUT ROWID;"
	"INSERT INTO node(id) VALUES(random());";

const char *const store_steps[STORE_SCHEMA] = {
	[1] = "ALTER TABLE revision ADD COLUMN given INTEGER NOT NULL DEFAULT 0",
	[2] = "ALTER TABLE revision ADD COLUMN calls INTEGER NOT NULL DEFAULT 0",
	[3] = "ALTER TABLE domain ADD COLUMN lowered TEXT NOT NULL DEFAULT ''",
};

#define REVISION_COLUMNS \
	"id, runs, lossy, failed, first_ns, last_ns, sketch, given, calls, serial, stale"
#define REVISIONS "SELECT " REVISION_COLUMNS ", function, name FROM revision "
#define NEWEST_FIRST " ORDER BY function, last_ns DESC, first_ns DESC, name"
#define OF_FUNCTION " WHERE revision IN (SELECT id FROM revision WHERE function = ?1)"

const char *const store_sql_texts[SQLS] = {
	[SQL_BEGIN] = "BEGIN IMMEDIATE",
	[SQL_COMMIT] = "COMMIT",
	[SQL_ROLLBACK] = "ROLLBACK",
	[SQL_NODE] = "SELECT id FROM node",

	[SQL_REVISION] = "SELECT " REVISION_COLUMNS " FROM revision"
			 " WHERE function = ?1 AND name = ?2",
	[SQL_REVISION_ADD] = "INSERT INTO revision(function, name, first_ns, last_ns, runs, lossy,"
			     " failed, sketch, serial, stale, given, calls)"
			     " VALUES(?1, ?2, 0, 0, 0, 0, 0, x'', 0, 1, 0, 0)",
	[SQL_REVISION_SET] =
		"UPDATE revision SET runs = ?2, lossy = ?3, failed = ?4,"
		" first_ns = ?5, last_ns = ?6, sketch = ?7, given = ?8, calls = ?9 WHERE id = ?1",
	[SQL_REVISION_STALE] = "UPDATE revision SET stale = 1 WHERE id = ?1 AND stale = 0",
	[SQL_REVISION_COMPILED] = "UPDATE revision SET serial = ?2, stale = 0 WHERE id = ?1",
	[SQL_REVISIONS] = REVISIONS NEWEST_FIRST,
	[SQL_REVISIONS_OF] = REVISIONS "WHERE function = ?1" NEWEST_FIRST,
	[SQL_REVISIONS_BY_NAME] = REVISIONS "WHERE function = ?1 ORDER BY name",
	[SQL_FUNCTIONS] = "SELECT r.function, count(*), sum(r.runs) + coalesce((SELECT sum(a.runs)"
			  " FROM activity a JOIN revision o ON o.id = a.revision"
			  " WHERE o.function = r.function), 0), max(r.last_ns)"
			  " FROM revision r GROUP BY r.function ORDER BY r.function",
	[SQL_NEWEST] = "SELECT id, name FROM revision WHERE function = ?1" NEWEST_FIRST " LIMIT 1",

	[SQL_RUN_ADD] = "INSERT OR IGNORE INTO run(revision, at_ns, id, facts)"
			" VALUES(?1, ?2, ?3, ?4)",
	[SQL_RUN_JOIN] = "INSERT INTO run(revision, at_ns, id, facts) VALUES(?1, ?2, ?3, ?4)"
			 " ON CONFLICT DO UPDATE SET facts = min(facts, excluded.facts)",
	[SQL_RUN_TRIM] = "DELETE FROM run WHERE revision = ?1 AND (at_ns, id) <="
			 " (SELECT at_ns, id FROM run WHERE revision = ?1"
			 " ORDER BY at_ns DESC, id DESC LIMIT 1 OFFSET ?2)",
	[SQL_RUNS_NEWEST] = "SELECT at_ns, id, facts FROM run WHERE revision = ?1"
			    " ORDER BY at_ns DESC, id DESC LIMIT ?2",

	[SQL_DOMAINS] = "SELECT domain, mode, by_hand, set_ns, since_ns, novel_ns, lowered"
			" FROM domain WHERE revision = ?1",
	[SQL_DOMAIN_SET] = "INSERT INTO domain(revision, domain, mode, by_hand, set_ns,"
			   " since_ns, novel_ns) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)"
			   " ON CONFLICT DO UPDATE SET mode = excluded.mode,"
			   " by_hand = excluded.by_hand, set_ns = excluded.set_ns,"
			   " since_ns = excluded.since_ns, novel_ns = excluded.novel_ns",
	[SQL_DOMAIN_LOWERED] = "UPDATE domain SET lowered = ?3"
			       " WHERE revision = ?1 AND domain = ?2",
	[SQL_DOMAIN_NOVEL] = "UPDATE domain SET novel_ns = ?3"
			     " WHERE revision = ?1 AND domain = ?2 AND novel_ns < ?3",
	[SQL_DOMAIN_SET_NOVEL] = "UPDATE domain SET novel_ns = ?3"
				 " WHERE revision = ?1 AND domain = ?2 AND novel_ns <> ?3",

	[SQL_ACTIVITY] = "SELECT node, runs, lossy, failed FROM activity WHERE revision = ?1",
	[SQL_ACTIVITY_JOIN] = "INSERT INTO activity(revision, node, runs, lossy, failed)"
			      " VALUES(?1, ?2, ?3, ?4, ?5) ON CONFLICT DO UPDATE SET"
			      " runs = max(runs, excluded.runs),"
			      " lossy = max(lossy, excluded.lossy),"
			      " failed = max(failed, excluded.failed)",

	[SQL_KNOWN] = "SELECT flags, first_ns, first_run, denied_ns, last_hour, seen, denied, mark,"
		      " mark_ns, mark_author FROM behaviour WHERE revision = ?1 AND domain = ?2"
		      " AND program = ?3 AND key = ?4 AND access = ?5",
	[SQL_KNOWN_SET] = "INSERT OR REPLACE INTO behaviour(revision, domain, program, key, access,"
			  " flags, first_ns, first_run, denied_ns, last_hour, seen, denied, mark,"
			  " mark_ns, mark_author)"
			  " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14,"
			  " ?15)",
	[SQL_BEHAVIOURS] = "SELECT flags, first_ns, first_run, denied_ns, last_hour, seen, denied,"
			   " mark, mark_ns, mark_author, domain, program, key, access"
			   " FROM behaviour WHERE revision = ?1"
			   " ORDER BY domain, program, key, access",
	[SQL_BEHAVIOURS_COUNT] = "SELECT count(*) FROM behaviour WHERE revision = ?1",

	[SQL_BEHAVIOURS_SIZE] = "SELECT count(*), coalesce(sum(length(program) + length(key)), 0),"
				" coalesce(sum(first_ns = 0 AND denied_ns <> 0), 0)"
				" FROM behaviour WHERE revision = ?1",

	[SQL_FUNCTION_EXISTS] = "SELECT 1 FROM revision WHERE function = ?1 LIMIT 1",
	[SQL_FORGET_RUNS] = "DELETE FROM run" OF_FUNCTION,
	[SQL_FORGET_DOMAINS] = "DELETE FROM domain" OF_FUNCTION,
	[SQL_FORGET_ACTIVITY] = "DELETE FROM activity" OF_FUNCTION,
	[SQL_FORGET_BEHAVIOURS] = "DELETE FROM behaviour" OF_FUNCTION,
	[SQL_FORGET_REVISIONS] = "DELETE FROM revision WHERE function = ?1",
};
