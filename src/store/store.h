/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUSK_STORE_STORE_H
#define HUSK_STORE_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "journal/journal.h"
#include "policy/behaviour.h"

struct json;

/*
 * The store: SQLite (WAL) in STATE/husk.db. It holds what is known of every function: revisions,
 * their modes, runs, behaviours with in how many runs each was seen, marks of people. It decides
 * nothing. Timestamps are nanoseconds since the epoch.
 */
struct store;

#define cleanup_store __attribute__((cleanup(store_free_p)))

/* Opens, creating database and tables where they are missing. Waits up to `wait_ms` for a lock.
 * -EBUSY locked, -EPROTO of a later version, -EBADMSG damaged (hint says the way out), -errno else.
 */
int store_open(const char *state_directory, unsigned int wait_ms, struct store **ret,
	       struct error *err);

/* The same for who closes it at once: until then nobody else can open it, unless somebody has. */
int store_open_alone(const char *state_directory, unsigned int wait_ms, struct store **ret,
		     struct error *err);

/* The same as store_open() for who merges a run later and is not to take long then: what that needs
 * of SQLite is done already. */
int store_open_ready(const char *state_directory, unsigned int wait_ms, struct store **ret,
		     struct error *err);

/* Locks are waited for so long from here on, in milliseconds. */
void store_set_wait(struct store *store, unsigned int wait_ms);

/*
 * Has each transaction from here on wait until it is on the disk, as the words of people must. What
 * runs show need not: without this, a power loss takes back the last transactions, each as a whole.
 */
int store_make_durable(struct store *store, struct error *err);
void store_free(struct store *store);
void store_free_p(struct store **store);

/*
 * Writes the log back into the database and cuts it, where it has become long. Costs some fsyncs,
 * so it is called where nobody waits for a merge. Does nothing while somebody is merging.
 * Returns 0 or -errno.
 */
int store_tidy(const char *state_directory, struct error *err);

/* ---- merging ---- */

/*
 * How much runs can make the store keep of one revision. Whoever drives a function by events
 * chooses the names that it touches, and everything that is kept is read again by every
 * compilation, on the path of a container's end. What people import or mark is not limited.
 */
enum store_limits {
	/* Functions have some thousands of behaviours, most of them files of their image. This many
	 * are compiled in a fraction of a second. */
	STORE_BEHAVIOURS_MAX = 20000,
	/* Of programs and keys together: 400 bytes for each of them, far from the 64 MiB beyond
	 * which there is no policy image (policy/image.h). */
	STORE_NAME_BYTES_MAX = 8 * 1024 * 1024,
	/* Of those that were only ever denied: they are there for people to read, no policy needs
	 * them, and an attack against an enforced function makes them at will. */
	STORE_DENIED_MAX = 1000,
	STORE_LOWERED_ROOM = 640, /* of a reason that a run gave, and a NUL */
};

/* Outcomes of store_merge_run(). */
enum store_merged {
	STORE_MERGED = 0,
	STORE_MERGED_BEFORE = 1, /* the run is known already: nothing changed */
	STORE_MERGED_FULL = 2,	 /* merged, but for new behaviours that a limit left no room for */
};

/*
 * Takes in one run, in one transaction keyed by the run's id. Returns an enum store_merged or
 * -errno. In the domain of an allowed behaviour that there was no room for, the run counts as one
 * that lost observations, and the count of clean runs starts again. A run without function name, or
 * with a name that no policy can carry, is refused with -EINVAL.
 */
int store_merge_run(struct store *store, struct journal_reader *journal, struct error *err);

/* ---- reading; the strings handed to a callback live for that call; a callback that returns
 * non-zero ends the walk, which returns that value. A callback must not use the store. ---- */

struct store_function {
	const char *name;
	int64_t revisions, runs;
	int64_t behaviours; /* of the newest revision, the one that ran last */
	int64_t last_run_ns;
	const char *newest_revision;
	enum mode modes[DOMAINS]; /* of the newest revision */
};

typedef int store_function_fn(void *context, const struct store_function *f);
int store_each_function(struct store *store, store_function_fn *call, void *context,
			struct error *err);

struct store_revision {
	const char *function, *name;
	int64_t first_run_ns, last_run_ns;
	int64_t runs; /* merged runs */
	int64_t runs_lossy, runs_failed;
	enum mode modes[DOMAINS];
	bool modes_by_hand[DOMAINS]; /* `husk mode` set it; promotion leaves it alone */
	/* Since the last novelty and in the present mode; of the newest 512 runs of a revision. */
	int64_t clean_runs[DOMAINS];
	uint64_t serial;
	uint64_t capabilities_given; /* by the engine, to the last run on this node; bits of
					policy/capability.h */
	/* ... and how many system calls, whatever their arguments: CALLS_ALL (policy/calls.h)
	 * where it had no filter, 0 where that is not known. */
	uint32_t calls_given;
	bool stale; /* something changed since the policy image was compiled */
};

typedef int store_revision_fn(void *context, const struct store_revision *r);
/* function NULL: of all functions. The one that ran last comes first within a function. */
int store_each_revision(struct store *store, const char *function, store_revision_fn *call,
			void *context, struct error *err);
/* The same for one revision, with what its promotion goes by: without the runs of other nodes, and
 * clean runs only where promotion has a say. There is no call where it is not known. */
int store_one_revision(struct store *store, const char *function, const char *revision,
		       store_revision_fn *call, void *context, struct error *err);

/*
 * Was a domain ever watched, with nothing new to be seen in it? Of the runs that are kept, those
 * count that were clean for it. ret: DOMAINS of them. Returns 0 or -errno; nothing is watched of a
 * revision that is not known.
 */
int store_watched(struct store *store, const char *function, const char *revision, bool *ret,
		  struct error *err);

/* The newest run. */
struct store_last {
	enum mode modes[DOMAINS]; /* which may be below the revision's */
	/* Why a domain was not watched or enforced as it should be, or what that cost; "": it was.
	 * Of runs on this node alone. */
	char lowered[DOMAINS][STORE_LOWERED_ROOM];
};

/* Returns 1, or 0: there is no run, or -errno. */
int store_last_run(struct store *store, const char *function, const char *revision,
		   struct store_last *ret, struct error *err);

struct store_behaviour {
	struct behaviour behaviour;
	int64_t runs; /* in how many runs it was allowed: exact up to 7, and where it was in
			 every run; else an estimate (profile/sketch.h) */
	int64_t first_ns, last_ns; /* the last one to the hour */
	int64_t denied;		   /* in how many runs it was denied */
	bool admitted;		   /* part of the policy by what was learned */
	enum mark mark;		   /* what a person said */
	const char *mark_author;
	int64_t mark_ns;
};

typedef int store_behaviour_fn(void *context, const struct store_behaviour *b);
/* Sorted by domain, program, key, access. */
int store_each_behaviour(struct store *store, const char *function, const char *revision,
			 store_behaviour_fn *call, void *context, struct error *err);

/* ---- writing ---- */

/* Sets the mode of one domain by hand, or gives it back to promotion (`by_hand` false).
 * -ENOENT: no such function or revision. Each of these is one transaction of its own, unless
 * store_begin() began one. */
int store_set_mode(struct store *store, const char *function, const char *revision,
		   enum domain domain, enum mode mode, bool by_hand, struct error *err);

/* Marks one behaviour; MARK_NONE withdraws. It need not have been seen. */
int store_set_mark(struct store *store, const char *function, const char *revision,
		   const struct behaviour *b, enum mark mark, const char *author,
		   struct error *err);

/* Moves a domain to another mode by the rules of promotion. -ENOENT. */
int store_promote(struct store *store, const char *function, const char *revision,
		  enum domain domain, enum mode mode, struct error *err);

/* Notes that the policy image with this serial holds all that is known. -ENOENT. */
int store_set_compiled(struct store *store, const char *function, const char *revision,
		       uint64_t serial, struct error *err);

/*
 * One transaction over several calls: nobody else writes until store_end(), which commits where
 * result >= 0 and takes everything back otherwise. Returns `result`, or -errno of the commit.
 */
int store_begin(struct store *store, struct error *err);
int store_end(struct store *store, int result, struct error *err);

/* Forgets a function and all that is known of it. -ENOENT. */
int store_forget(struct store *store, const char *function, struct error *err);

/* ---- travelling ---- */

/* Appends the canonical JSON document of a function: sorted, schema "husk.profile/1", the same
 * bytes again after an import into an empty store. */
int store_export(struct store *store, const char *function, struct buf *out, struct error *err);

/* Joins a document: commutative, associative, idempotent. *ret_function (may be NULL) is malloc'd.
 * -EINVAL with the member's place for a document that is no profile; nothing changes then. */
int store_import(struct store *store, const struct json *document, char **ret_function,
		 struct error *err);

#endif
