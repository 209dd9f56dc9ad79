/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Opening the store, statements, transactions, and what SQLite's failures mean.
 *
 * The store is opened for the end of every container, by a process that does little else. So an
 * existing database is opened without a look at its tables, and neither a commit nor closing
 * writes the log back, which costs several fsyncs: that is store_tidy(), off the path. Where nobody
 * else has the database open, each opening reads the whole log, which therefore is kept short; and
 * a log that was written back, but not cut, would be read and written back again and again, so it
 * is cut.
 *
 * Who has the database alone needs no index of the log in memory that others can read, and that
 * would be made anew each time: a tenth of what SQLite costs there. Who stands by for the end of a
 * run pays for that beforehand, and has the tables and its statements read by then.
 */
#include "store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "store/store-internal.h"

#define STORE_NAME "husk.db"

enum { RETRY_MS = 5 };

static int errno_of(sqlite3 *db, int rc)
{
	int system_errno = db ? sqlite3_system_errno(db) : 0;

	switch (rc & 0xff) {
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
	case SQLITE_PROTOCOL:
		return EBUSY;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
	case SQLITE_MISMATCH:
	case SQLITE_ERROR: /* the tables are not what this program made */
		return EBADMSG;
	case SQLITE_FULL:
		return ENOSPC;
	case SQLITE_NOMEM:
		return ENOMEM;
	case SQLITE_READONLY:
		return EROFS;
	case SQLITE_PERM:
	case SQLITE_AUTH:
		return EACCES;
	case SQLITE_CANTOPEN:
		return system_errno ? system_errno : EACCES;
	case SQLITE_IOERR:
		return system_errno ? system_errno : EIO;
	case SQLITE_TOOBIG:
		return EFBIG;
	default:
		return EIO;
	}
}

int store_fail(struct store *store, int rc, const char *what, struct error *err)
{
	int code = errno_of(store->db, rc);
	const char *why = store->db ? sqlite3_errmsg(store->db) : sqlite3_errstr(rc);

	error_say(err, code, "cannot %s the store '%s': %s", what, store->path, why);
	if (code == EBADMSG)
		error_hint(err,
			   "move '%s' and its -wal file away; a new one is made, and 'husk import'"
			   " joins what was exported",
			   store->path);
	else if (code == EBUSY)
		error_hint(err, "another process holds it; try again");
	else if (code == ENOSPC || code == EDQUOT)
		error_hint(err, "make room; what runs recorded is kept until then");
	return -code;
}

/* Unless it was before. */
static int prepare_statement(struct store *store, enum sql which, struct error *err)
{
	int rc = SQLITE_OK;

	if (!store->statements[which])
		rc = sqlite3_prepare_v3(store->db, store_sql_texts[which], -1, 0,
					&store->statements[which], NULL);
	return rc == SQLITE_OK ? 0 : store_fail(store, rc, "use", err);
}

static int run_script(struct store *store, const char *script, const char *what, struct error *err)
{
	int rc = sqlite3_exec(store->db, script, NULL, NULL, NULL);

	return rc == SQLITE_OK ? 0 : store_fail(store, rc, what, err);
}

static int read_version(struct store *store, int *ret, struct error *err)
{
	sqlite3_stmt *stmt = NULL;
	int rc = sqlite3_prepare_v2(store->db, "PRAGMA user_version", -1, &stmt, NULL);

	if (rc == SQLITE_OK)
		rc = sqlite3_step(stmt);
	if (rc == SQLITE_ROW)
		*ret = sqlite3_column_int(stmt, 0);
	sqlite3_finalize(stmt);
	return rc == SQLITE_ROW ? 0 : store_fail(store, rc, "read", err);
}

static int take_over(struct store *store, int version, struct error *err)
{
	int r = 0;

	for (; r == 0 && version < STORE_SCHEMA; version++)
		r = run_script(store, store_steps[version], "set up", err);
	return r;
}

/* Two processes may come here at once: whoever gets the lock second finds the work done. */
static int make_tables(struct store *store, struct error *err)
{
	bool outer = false;
	int version = 0;
	char script[64];
	int r;

	r = run_script(store, "PRAGMA journal_mode = WAL", "set up", err);
	if (r < 0)
		return r;
	r = store_enter(store, &outer, err);
	if (r < 0)
		return r;
	r = read_version(store, &version, err);
	if (r == 0 && version < STORE_SCHEMA) {
		snprintf(script, sizeof(script), "PRAGMA user_version = %d", STORE_SCHEMA);
		r = version == 0 ? run_script(store, store_schema, "set up", err)
				 : take_over(store, version, err);
		if (r == 0)
			r = run_script(store, script, "set up", err);
	}
	return store_leave(store, outer, r, err);
}

/* SQLite would make the file readable for everybody. */
static int make_file(struct store *store, const char *state_directory, struct error *err)
{
	cleanup_close int dirfd = open_dir_made(state_directory, 0700, err);
	cleanup_close int fd = -1;

	if (dirfd < 0)
		return dirfd;
	fd = openat(dirfd, STORE_NAME, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0 && errno != EEXIST)
		return error_set(err, errno, "cannot create the store '%s'", store->path);
	return 0;
}

static int open_database(struct store *store, const char *state_directory, struct error *err)
{
	struct stat st;
	int rc, r;

	if (stat(store->path, &st) < 0) {
		r = make_file(store, state_directory, err);
		if (r < 0)
			return r;
	}
	rc = sqlite3_open_v2(store->path, &store->db,
			     SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE,
			     NULL);
	return rc == SQLITE_OK ? 0 : store_fail(store, rc, "open", err);
}

static bool find_log(const char *state_directory, struct stat *ret)
{
	char path[PATH_MAX];
	int len = snprintf(path, sizeof(path), "%s/" STORE_NAME "-wal", state_directory);

	return len >= 0 && (size_t)len < sizeof(path) && stat(path, ret) == 0;
}

/*
 * While another process makes the database, SQLite says "locked" at once instead of waiting, since
 * in general two that wait for each other would not end. Here trying again does.
 */
static int prepare_for_use(struct store *store, int *ret_version, struct error *err)
{
	int r = run_script(store, "PRAGMA synchronous = NORMAL", "read", err);

	if (r == 0)
		r = read_version(store, ret_version, err);
	return r == 0 && *ret_version >= 0 && *ret_version < STORE_SCHEMA ? make_tables(store, err)
									  : r;
}

static int prepare_patiently(struct store *store, unsigned int wait_ms, int *ret_version,
			     struct error *err)
{
	const struct timespec pause = {.tv_nsec = RETRY_MS * 1000000L};
	int64_t deadline_ns = clock_monotonic_ns() + wait_ms * INT64_C(1000000);
	struct error last = ERROR_INIT;
	int r = prepare_for_use(store, ret_version, &last);

	while (r == -EBUSY && clock_monotonic_ns() < deadline_ns) {
		nanosleep(&pause, NULL);
		last = ERROR_INIT;
		r = prepare_for_use(store, ret_version, &last);
	}
	if (r < 0 && err)
		*err = last;
	return r;
}

void store_set_wait(struct store *store, unsigned int wait_ms)
{
	sqlite3_busy_timeout(store->db, wait_ms > INT_MAX ? INT_MAX : (int)wait_ms);
}

/*
 * Where others have it open, it is shared with them. Without a log, SQLite would take what is alone
 * for what reads until it writes, and two such would wait for each other.
 */
static int prepare(struct store *store, const char *state_directory, unsigned int wait_ms,
		   bool alone, int *ret_version, struct error *err)
{
	struct stat log;
	int r;

	if (alone && find_log(state_directory, &log)) {
		r = run_script(store, "PRAGMA locking_mode = EXCLUSIVE", "read", err);
		if (r < 0 || prepare_for_use(store, ret_version, NULL) == 0)
			return r;
		r = run_script(store, "PRAGMA locking_mode = NORMAL", "read", err);
		if (r < 0)
			return r;
	}
	store_set_wait(store, wait_ms);
	return prepare_patiently(store, wait_ms, ret_version, err);
}

static int open_store(const char *state_directory, unsigned int wait_ms, bool alone,
		      struct store **ret, struct error *err)
{
	cleanup_store struct store *store = calloc(1, sizeof(*store));
	int version = 0;
	int r;

	if (!store)
		return error_set(err, ENOMEM, "cannot open the store");
	/* No program of husk uses the store in threads; both are refused after the first opening.
	 */
	sqlite3_config(SQLITE_CONFIG_SINGLETHREAD);
	sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
	/* Pages of the cache are made as they are needed, and not twenty at once: few are. */
	sqlite3_config(SQLITE_CONFIG_PAGECACHE, NULL, 0, 0);
	r = snprintf(store->path, sizeof(store->path), "%s/%s", state_directory, STORE_NAME);
	if (r < 0 || (size_t)r >= sizeof(store->path))
		return error_set(err, ENAMETOOLONG, "cannot open the store in '%s'",
				 state_directory);
	r = open_database(store, state_directory, err);
	if (r < 0)
		return r;
	sqlite3_db_config(store->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	sqlite3_wal_autocheckpoint(store->db, 0);
	r = prepare(store, state_directory, wait_ms, alone, &version, err);
	if (r < 0)
		return r;
	if (version < 0 || version > STORE_SCHEMA) {
		error_say(err, EPROTO, "the store '%s' is of version %d, this husk reads %d",
			  store->path, version, STORE_SCHEMA);
		error_hint(err, "install the later husk, or move the file away");
		return -EPROTO;
	}
	*ret = steal_ptr(&store);
	return 0;
}

int store_open(const char *state_directory, unsigned int wait_ms, struct store **ret,
	       struct error *err)
{
	return open_store(state_directory, wait_ms, false, ret, err);
}

int store_open_alone(const char *state_directory, unsigned int wait_ms, struct store **ret,
		     struct error *err)
{
	return open_store(state_directory, wait_ms, true, ret, err);
}

int store_open_ready(const char *state_directory, unsigned int wait_ms, struct store **ret,
		     struct error *err)
{
	/* of a run that brings nothing new */
	static const enum sql usual[] = {
		SQL_BEGIN,   SQL_REVISION,    SQL_RUN_ADD, SQL_REVISION_SET,
		SQL_DOMAINS, SQL_RUNS_NEWEST, SQL_COMMIT,
	};
	cleanup_store struct store *store = NULL;
	int r = open_store(state_directory, wait_ms, false, &store, err);

	for (size_t i = 0; r == 0 && i < sizeof(usual) / sizeof(usual[0]); i++)
		r = prepare_statement(store, usual[i], err);
	if (r == 0)
		*ret = steal_ptr(&store);
	return r;
}

int store_tidy(const char *state_directory, struct error *err)
{
	cleanup_store struct store *store = NULL;
	struct error of_open = ERROR_INIT;
	struct stat log;
	int rc, r;

	if (!find_log(state_directory, &log) || log.st_size < STORE_LOG_BYTES)
		return 0;
	/* Whoever has it alone is merging: the next run has it tidied up. */
	r = store_open(state_directory, 0, &store, &of_open);
	if (r < 0) {
		if (r != -EBUSY && err)
			*err = of_open;
		return r == -EBUSY ? 0 : r;
	}
	rc = sqlite3_wal_checkpoint_v2(store->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
	if (rc == SQLITE_OK || (rc & 0xff) == SQLITE_BUSY)
		return 0;
	return store_fail(store, rc, "write back", err);
}

void store_free(struct store *store)
{
	if (!store)
		return;
	for (int i = 0; i < SQLS; i++)
		sqlite3_finalize(store->statements[i]);
	sqlite3_close(store->db);
	free(store);
}

void store_free_p(struct store **store)
{
	int saved = errno;

	store_free(*store);
	*store = NULL;
	errno = saved;
}

/* ---- statements ---- */

static int bind_all(sqlite3_stmt *stmt, const char *types, va_list args)
{
	int rc = SQLITE_OK;

	for (int i = 1; *types && rc == SQLITE_OK; types++, i++) {
		const char *bytes;

		switch (*types) {
		case 'i':
			rc = sqlite3_bind_int64(stmt, i, va_arg(args, int64_t));
			break;
		case 't':
			rc = sqlite3_bind_text(stmt, i, va_arg(args, const char *), -1,
					       SQLITE_STATIC);
			break;
		case 'b':
			bytes = va_arg(args, const char *);
			rc = sqlite3_bind_blob64(stmt, i, bytes, va_arg(args, size_t),
						 SQLITE_STATIC);
			break;
		default:
			rc = SQLITE_MISUSE;
		}
	}
	return rc;
}

static int query(struct store *store, enum sql which, sqlite3_stmt **ret, struct error *err,
		 const char *types, va_list args)
{
	int r = prepare_statement(store, which, err);
	sqlite3_stmt *stmt = store->statements[which];
	int rc;

	if (r < 0)
		return r;
	sqlite3_reset(stmt);
	rc = bind_all(stmt, types, args);
	if (rc != SQLITE_OK)
		return store_fail(store, rc, "use", err);
	*ret = stmt;
	return 0;
}

int store_query(struct store *store, enum sql which, sqlite3_stmt **ret, struct error *err,
		const char *types, ...)
{
	va_list args;
	int r;

	va_start(args, types);
	r = query(store, which, ret, err, types, args);
	va_end(args);
	return r;
}

int store_step(struct store *store, sqlite3_stmt *stmt, struct error *err)
{
	int rc = sqlite3_step(stmt);
	int r;

	if (rc == SQLITE_ROW)
		return 1;
	r = rc == SQLITE_DONE ? 0 : store_fail(store, rc, "use", err);
	sqlite3_reset(stmt);
	return r;
}

int store_change(struct store *store, enum sql which, struct error *err, const char *types, ...)
{
	sqlite3_stmt *stmt;
	va_list args;
	int r;

	va_start(args, types);
	r = query(store, which, &stmt, err, types, args);
	va_end(args);
	return r < 0 ? r : store_step(store, stmt, err);
}

void store_walk_end(sqlite3_stmt **stmt)
{
	if (*stmt)
		sqlite3_reset(*stmt);
}

/* ---- transactions ---- */

int store_enter(struct store *store, bool *ret_outer, struct error *err)
{
	int r = 0;

	*ret_outer = !store->in_transaction;
	if (*ret_outer)
		r = store_change(store, SQL_BEGIN, err, "");
	if (r == 0)
		store->in_transaction = true;
	return r;
}

int store_leave(struct store *store, bool outer, int result, struct error *err)
{
	int r;

	if (!outer)
		return result;
	store->in_transaction = false;
	r = result < 0 ? result : store_change(store, SQL_COMMIT, err, "");
	/* Some failures, a full disk among them, have rolled back already. */
	if (r < 0 && !sqlite3_get_autocommit(store->db))
		store_change(store, SQL_ROLLBACK, NULL, "");
	return r < 0 ? r : result;
}

int store_make_durable(struct store *store, struct error *err)
{
	return run_script(store, "PRAGMA synchronous = FULL", "write", err);
}

int store_begin(struct store *store, struct error *err)
{
	bool outer;

	return store_enter(store, &outer, err);
}

int store_end(struct store *store, int result, struct error *err)
{
	return store_leave(store, true, result, err);
}
