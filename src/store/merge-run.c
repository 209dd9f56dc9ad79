/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Taking in one run. This is on the path of every container's end, so a run that brings nothing new
 * costs two changed pages: its own row, and the counts of its revision. What it saw is joined into
 * what is known, and most joins change nothing (profile/known.h), which then is not written.
 *
 * Inert behaviour is most of what a run does, and nothing is ever decided by how often it was seen.
 * So where the policy knows it already it is only looked at in runs that enter the sketch of the
 * whole revision: the first 8, then one in n/8. That keeps the sketch of what every run does right,
 * and undercounts what is inert and rare.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "policy/decide.h"
#include "policy/image.h"
#include "store/store-internal.h"

struct run {
	const struct journal_run *head;
	const char *lowered[DOMAINS]; /* why, or "" */
	struct promotion_run facts;
	uint64_t hash;
	int64_t at_ns; /* when it ended, as far as that is known: what it brought is dated so */
	struct journal_behaviour *seen;
	size_t count, room;
};

static void run_release(struct run *run)
{
	free(run->seen);
}

static int run_keep(struct run *run, const struct journal_behaviour *b)
{
	if (run->count == run->room) {
		size_t room = run->room ? 2 * run->room : 256;
		struct journal_behaviour *seen = realloc(run->seen, room * sizeof(*seen));

		if (!seen)
			return -ENOMEM;
		run->seen = seen;
		run->room = room;
	}
	run->seen[run->count++] = *b;
	return 0;
}

/* Reads the whole journal: how the run ended, and what it lost, stand behind the behaviours. */
static int run_read(struct run *run, struct journal_reader *journal, struct error *err)
{
	struct journal_behaviour b;
	struct journal_end end;

	run->head = journal_reader_run(journal);
	run->facts.trusted = run->head->trusted;
	memcpy(run->facts.modes, run->head->modes, sizeof(run->facts.modes));
	while (journal_reader_next(journal, &b) == 1) {
		bool allowed = b.verdict == VERDICT_NOVEL || b.verdict == VERDICT_WOULD_DENY;

		/* What an engine executed into the container is not the function's doing. */
		if (b.behaviour.flags & BEHAVIOUR_FOREIGN)
			continue;
		if (allowed && class_of(&b.behaviour) != CLASS_INERT)
			run->facts.novel[b.behaviour.domain] = true;
		if (run_keep(run, &b) < 0)
			return error_set(err, ENOMEM, "cannot take in run '%s'", run->head->id);
	}
	end = journal_reader_end(journal);
	run->facts.outcome = end.outcome;
	run->facts.status = end.status;
	for (int d = 0; d < DOMAINS; d++) {
		const char *why = journal_reader_lowered(journal, (enum domain)d);

		run->facts.lost[d] = journal_reader_lost(journal, (enum domain)d) > 0;
		run->lowered[d] = why ? why : "";
	}
	run->hash = sketch_hash(run->head->id);
	run->at_ns = end.ended_ns > run->head->started_ns ? end.ended_ns : run->head->started_ns;
	if (run->at_ns < 1)
		run->at_ns = 1; /* 0 means "never" */
	return 0;
}

/* Mostly it is as it was in the run before. */
static int keep_lowered(struct store *store, int64_t revision, const struct run *run,
			struct error *err)
{
	cleanup_walk sqlite3_stmt *row = NULL;
	int r = store_query(store, SQL_DOMAINS, &row, err, "i", revision);

	if (r < 0)
		return r;
	while ((r = store_step(store, row, err)) == 1) {
		int64_t domain = sqlite3_column_int64(row, 0);
		const char *before = (const char *)sqlite3_column_text(row, DOMAIN_WHY);

		if (domain < 0 || domain >= DOMAINS ||
		    (before && strcmp(before, run->lowered[domain]) == 0))
			continue;
		r = store_change(store, SQL_DOMAIN_LOWERED, err, "iit", revision, domain,
				 run->lowered[domain]);
		if (r < 0)
			return r;
	}
	return r;
}

static int count_run(struct store *store, const struct run *run, struct row_revision *row,
		     struct error *err)
{
	bool newest = run->at_ns >= row->last_ns;
	int r;

	row->runs++;
	row->lossy += promotion_is_lossy(&run->facts);
	row->failed += promotion_is_failed(&run->facts);
	row->given = run->head->capabilities;
	row->calls = run->head->calls;
	if (row->first_ns == 0 || run->at_ns < row->first_ns)
		row->first_ns = run->at_ns;
	if (newest)
		row->last_ns = run->at_ns;
	r = row_revision_write(store, row, err);
	if (r == 0 && newest)
		r = keep_lowered(store, row->id, run, err);
	if (r == 0 && row->runs % STORE_TRIM_EVERY == 0)
		r = store_change(store, SQL_RUN_TRIM, err, "ii", row->id, (int64_t)STORE_RUNS_KEPT);
	return r;
}

/* How much is kept of the revision. Asked for only where a run brings something new. */
struct size {
	bool known;
	int64_t rows, bytes, only_denied;
};

static int size_read(struct store *store, int64_t revision, struct size *size, struct error *err)
{
	cleanup_walk sqlite3_stmt *row = NULL;
	int r;

	if (size->known)
		return 0;
	r = store_query(store, SQL_BEHAVIOURS_SIZE, &row, err, "i", revision);
	if (r == 0)
		r = store_step(store, row, err);
	if (r < 0)
		return r;
	size->rows = sqlite3_column_int64(row, 0);
	size->bytes = sqlite3_column_int64(row, 1);
	size->only_denied = sqlite3_column_int64(row, 2);
	size->known = true;
	return 0;
}

/* Takes the room of one more behaviour, where there is some. */
static bool size_take(struct size *size, const struct behaviour *b, bool denied)
{
	int64_t bytes = (int64_t)(strlen(b->program) + strlen(b->key));

	if (size->rows >= STORE_BEHAVIOURS_MAX || bytes > STORE_NAME_BYTES_MAX - size->bytes ||
	    (denied && size->only_denied >= STORE_DENIED_MAX))
		return false;
	size->rows++;
	size->bytes += bytes;
	size->only_denied += denied;
	return true;
}

/* What a run's behaviours changed. */
struct news {
	struct size size;
	bool full;	    /* there was no room for some */
	bool lost[DOMAINS]; /* ... among them what was allowed */
	int64_t novel_ns[DOMAINS];
	bool stale;   /* the policy image */
	bool earlier; /* a first sighting moved back in time: the last novelty may have, too */
};

static void note_novelty(struct news *news, const struct run *run, const struct behaviour *b)
{
	if (promotion_is_novelty(class_of(b)) && run->at_ns > news->novel_ns[b->domain])
		news->novel_ns[b->domain] = run->at_ns;
}

/* Is there room for a behaviour that is not kept yet? Returns 1, 0 or -errno. */
static int make_room(struct store *store, int64_t revision, const struct run *run,
		     const struct behaviour *b, bool denied, struct news *news, struct error *err)
{
	int r = size_read(store, revision, &news->size, err);

	if (r < 0 || size_take(&news->size, b, denied))
		return r < 0 ? r : 1;
	news->full = true;
	if (!denied) {
		news->lost[b->domain] = true;
		note_novelty(news, run, b);
	}
	return 0;
}

static bool is_admitted(const struct behaviour *b, const struct known *known)
{
	return promotion_admits(b->domain, class_of(b), known->seen.count);
}

static int see(struct store *store, int64_t revision, const struct run *run,
	       const struct journal_behaviour *b, struct news *news, struct error *err)
{
	bool denied = b->verdict == VERDICT_DENIED;
	struct known known, before;
	int r = row_known_read(store, revision, &b->behaviour, &known, err);

	if (r == 0) {
		r = make_room(store, revision, run, &b->behaviour, denied, news, err);
		if (r == 0)
			return 0;
	}
	if (r < 0)
		return r;
	before = known;
	if (!known_see(&known, b->behaviour.flags, run->hash, run->at_ns, denied))
		return 0;
	if (before.first_ns == 0 && known.first_ns != 0) {
		news->stale = true;
		note_novelty(news, run, &b->behaviour);
	}
	/* The class, and with it what is a novelty, follows from the flags. */
	if (before.first_ns != 0 &&
	    (known.first_ns != before.first_ns || known.flags != before.flags))
		news->earlier = true;
	if (before.first_ns != 0 && known.flags != before.flags)
		news->stale = true;
	if (is_admitted(&b->behaviour, &known) != is_admitted(&b->behaviour, &before))
		news->stale = true;
	return row_known_write(store, revision, &b->behaviour, &known, err);
}

/* Returns 0, STORE_MERGED_FULL or -errno. */
static int see_all(struct store *store, int64_t revision, struct run *run, bool sampled,
		   struct error *err)
{
	struct news news = {0};
	int r = 0;

	for (size_t i = 0; i < run->count && r == 0; i++) {
		const struct journal_behaviour *b = &run->seen[i];

		if (sampled || b->novel || !behaviour_is_inert(&b->behaviour))
			r = see(store, revision, run, b, &news, err);
	}
	for (int d = 0; d < DOMAINS && r == 0; d++) {
		run->facts.lost[d] = run->facts.lost[d] || news.lost[d];
		if (news.novel_ns[d] > 0)
			r = store_change(store, SQL_DOMAIN_NOVEL, err, "iii", revision, (int64_t)d,
					 news.novel_ns[d]);
	}
	if (r == 0 && news.earlier)
		r = row_domains_refresh(store, revision, err);
	if (r == 0 && news.stale)
		r = row_stale(store, revision, err);
	return r == 0 && news.full ? STORE_MERGED_FULL : r;
}

static int merge(struct store *store, struct run *run, struct error *err)
{
	const struct journal_run *head = run->head;
	struct row_revision row;
	bool sampled;
	int r, seen;

	r = row_revision_made(store, head->function, head->revision, &row, err);
	if (r < 0)
		return r;
	r = store_change(store, SQL_RUN_ADD, err, "iiii", row.id, run->at_ns, (int64_t)run->hash,
			 (int64_t)promotion_facts(&run->facts));
	if (r < 0)
		return r;
	if (sqlite3_changes(store->db) == 0)
		return STORE_MERGED_BEFORE;
	/* Is it one of the runs whose inert behaviour is looked at? */
	sampled = sketch_add(&row.sketch, run->hash);
	seen = see_all(store, row.id, run, sampled, err);
	if (seen < 0)
		return seen;
	/* With what was lost on the way, the run may be clean for fewer domains. */
	if (seen == STORE_MERGED_FULL)
		r = store_change(store, SQL_RUN_JOIN, err, "iiii", row.id, run->at_ns,
				 (int64_t)run->hash, (int64_t)promotion_facts(&run->facts));
	if (r == 0)
		r = count_run(store, run, &row, err);
	return r < 0 ? r : seen;
}

int store_merge_run(struct store *store, struct journal_reader *journal, struct error *err)
{
	__attribute__((cleanup(run_release))) struct run run = {0};
	const struct journal_run *head = journal_reader_run(journal);
	bool outer;
	int r;

	if (head->function[0] == '\0')
		return error_say(err, EINVAL, "run '%s' is of no known function", head->id);
	if (strlen(head->function) > POLICY_NAME_MAX || strlen(head->revision) > POLICY_NAME_MAX)
		return error_say(err, EINVAL,
				 "run '%s' is of a function or revision whose name is longer than"
				 " %d bytes",
				 head->id, POLICY_NAME_MAX);
	r = run_read(&run, journal, err);
	if (r < 0)
		return r;
	r = store_enter(store, &outer, err);
	if (r < 0)
		return r;
	return store_leave(store, outer, merge(store, &run, err), err);
}
