/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What people and promotion say: modes, marks, what was compiled, forgetting. */
#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "store/store-internal.h"

static int find(struct store *store, const char *function, const char *revision, int64_t *ret,
		struct error *err)
{
	struct row_revision row;
	int r = row_revision(store, function, revision, &row, err);

	if (r == 0)
		return error_say(err, ENOENT, "nothing is known of revision '%s' of '%s'", revision,
				 function);
	if (r < 0)
		return r;
	*ret = row.id;
	return 0;
}

static int change_mode(struct store *store, int64_t revision, enum domain domain,
		       const struct known_mode *mode, struct error *err)
{
	struct row_domain domains[DOMAINS];
	int r = row_domains_read(store, revision, domains, err);

	if (r < 0)
		return r;
	domains[domain].mode = *mode;
	r = row_domain_write(store, revision, domain, &domains[domain], err);
	return r < 0 ? r : row_stale(store, revision, err);
}

int store_set_mode(struct store *store, const char *function, const char *revision,
		   enum domain domain, enum mode mode, bool by_hand, struct error *err)
{
	int64_t id = 0, now_ns = clock_wall_ns();
	struct known_mode set = {
		.mode = mode, .by_hand = by_hand, .set_ns = now_ns, .since_ns = now_ns};
	bool outer;
	int r;

	r = store_enter(store, &outer, err);
	if (r < 0)
		return r;
	r = find(store, function, revision, &id, err);
	if (r == 0)
		r = change_mode(store, id, domain, &set, err);
	return store_leave(store, outer, r, err);
}

int store_promote(struct store *store, const char *function, const char *revision,
		  enum domain domain, enum mode mode, struct error *err)
{
	struct row_domain domains[DOMAINS];
	struct known_mode next;
	int64_t id = 0;
	bool outer;
	int r = store_enter(store, &outer, err);

	if (r < 0)
		return r;
	r = find(store, function, revision, &id, err);
	if (r == 0)
		r = row_domains_read(store, id, domains, err);
	if (r == 0) {
		next = domains[domain].mode;
		next.mode = mode;
		next.since_ns = clock_wall_ns();
		r = change_mode(store, id, domain, &next, err);
	}
	return store_leave(store, outer, r, err);
}

int store_set_compiled(struct store *store, const char *function, const char *revision,
		       uint64_t serial, struct error *err)
{
	int64_t id = 0;
	int r = find(store, function, revision, &id, err);

	return r < 0 ? r
		     : store_change(store, SQL_REVISION_COMPILED, err, "ii", id, (int64_t)serial);
}

int store_set_mark(struct store *store, const char *function, const char *revision,
		   const struct behaviour *b, enum mark mark, const char *author, struct error *err)
{
	int64_t id = 0, at_ns = clock_wall_ns();
	struct known known = KNOWN_INIT;
	bool outer;
	int r = store_enter(store, &outer, err);

	if (r < 0)
		return r;
	r = find(store, function, revision, &id, err);
	if (r == 0)
		r = row_known_read(store, id, b, &known, err);
	if (r >= 0) {
		/* A clock that was set back must not make this word older than the last one. */
		if (at_ns <= known.mark_ns)
			at_ns = known.mark_ns + 1;
		known_say(&known, mark, author, at_ns);
		r = row_known_write(store, id, b, &known, err);
	}
	if (r == 0)
		r = row_stale(store, id, err);
	return store_leave(store, outer, r, err);
}

static int forget(struct store *store, const char *function, struct error *err)
{
	static const enum sql deletions[] = {SQL_FORGET_RUNS, SQL_FORGET_DOMAINS,
					     SQL_FORGET_ACTIVITY, SQL_FORGET_BEHAVIOURS,
					     SQL_FORGET_REVISIONS};
	cleanup_walk sqlite3_stmt *row = NULL;
	int r = store_query(store, SQL_FUNCTION_EXISTS, &row, err, "t", function);

	if (r == 0)
		r = store_step(store, row, err);
	if (r == 0)
		return error_say(err, ENOENT, "nothing is known of function '%s'", function);
	for (size_t i = 0; i < sizeof(deletions) / sizeof(deletions[0]) && r >= 0; i++)
		r = store_change(store, deletions[i], err, "t", function);
	return r;
}

int store_forget(struct store *store, const char *function, struct error *err)
{
	bool outer;
	int r = store_enter(store, &outer, err);

	return r < 0 ? r : store_leave(store, outer, forget(store, function, err), err);
}
