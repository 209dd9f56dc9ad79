/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The store: merging, counting, marks, documents that join, and what can go wrong. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <sched.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/hash.h"
#include "base/json.h"
#include "run-fixture.h"
#include "store/store.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* SQLite's library calls these in place of the C library's. */
static unsigned int syncs;

int fdatasync(int fd)
{
	syncs++;
	return (int)syscall(SYS_fdatasync, fd);
}

int fsync(int fd)
{
	syncs++;
	return (int)syscall(SYS_fsync, fd);
}

static int set_up(void **state)
{
	struct test_dir *dir = malloc(sizeof(*dir));

	test_dir_make(dir);
	*state = dir;
	return 0;
}

static int tear_down(void **state)
{
	test_dir_remove(*state);
	free(*state);
	return 0;
}

static struct store *opened(const char *path)
{
	struct error err = ERROR_INIT;
	struct store *store = NULL;

	if (store_open(path, 1000, &store, &err) < 0)
		fail_msg("%s", err.what);
	return store;
}

static int merge_run(struct store *store, int dirfd, const struct test_run *run, struct error *err)
{
	cleanup_journal_reader struct journal_reader *reader = NULL;
	int r;

	unlinkat(dirfd, "run.journal", 0);
	test_journal(dirfd, "run.journal", run);
	assert_int_equal(journal_reader_open(dirfd, "run.journal", &reader, err), 0);
	r = store_merge_run(store, reader, err);
	assert_int_equal(unlinkat(dirfd, "run.journal", 0), 0);
	return r;
}

static void merge_ok(struct store *store, int dirfd, const struct test_run *run)
{
	struct error err = ERROR_INIT;

	if (merge_run(store, dirfd, run, &err) != 0)
		fail_msg("%s", err.what);
}

/* A copy of what a walk hands out. */
struct seen_revision {
	int calls;
	struct store_revision last;
};

static int keep_revision(void *context, const struct store_revision *revision)
{
	struct seen_revision *kept = context;

	kept->calls++;
	kept->last = *revision;
	return 0;
}

static int keep_r1(void *context, const struct store_revision *revision)
{
	return strcmp(revision->name, "r1") == 0 ? keep_revision(context, revision) : 0;
}

static struct store_revision revision_of(struct store *store)
{
	struct seen_revision kept = {0};

	assert_int_equal(store_each_revision(store, "thumbnail", keep_r1, &kept, NULL), 0);
	assert_int_equal(kept.calls, 1);
	return kept.last;
}

struct wanted {
	const char *key;
	int found;
	struct store_behaviour b;
};

static int look_for(void *context, const struct store_behaviour *b)
{
	struct wanted *wanted = context;

	if (strcmp(b->behaviour.key, wanted->key) == 0) {
		wanted->found++;
		wanted->b = *b;
	}
	return 0;
}

static struct store_behaviour behaviour_of(struct store *store, const char *key, int times)
{
	struct wanted wanted = {.key = key};

	assert_int_equal(store_each_behaviour(store, "thumbnail", "r1", look_for, &wanted, NULL),
			 0);
	assert_int_equal(wanted.found, times);
	return wanted.b;
}

/* ---- merging ---- */

static void only_a_clean_run_tells_that_a_domain_was_watched(void **state)
{
	struct test_dir *dir = *state;
	cleanup_store struct store *store = opened(dir->path);
	const struct test_run lossy = {.id = 1, .lost = 3};
	const struct test_run failed = {.id = 2, .status = 1};
	const struct test_run clean = {.id = 3};
	struct store_last last = {.modes = {MODE_ENFORCE}};
	bool watched[DOMAINS];

	assert_int_equal(store_watched(store, "thumbnail", "r1", watched, NULL), 0);
	assert_false(watched[DOMAIN_FS] || watched[DOMAIN_EXEC]);
	assert_int_equal(store_last_run(store, "thumbnail", "r1", &last, NULL), 0);
	assert_int_equal(last.modes[DOMAIN_FS], MODE_ENFORCE);
	merge_ok(store, dir->fd, &failed);
	merge_ok(store, dir->fd, &lossy);
	assert_int_equal(store_watched(store, "thumbnail", "r1", watched, NULL), 0);
	assert_false(watched[DOMAIN_FS]);
	assert_true(watched[DOMAIN_EXEC]);
	merge_ok(store, dir->fd, &clean);
	assert_int_equal(store_watched(store, "thumbnail", "r1", watched, NULL), 0);
	assert_true(watched[DOMAIN_FS]);
	assert_false(watched[DOMAIN_SYSCALL]); /* unavailable in these runs */
	assert_int_equal(store_last_run(store, "thumbnail", "r1", &last, NULL), 1);
	assert_int_equal(last.modes[DOMAIN_FS], MODE_LEARN);
	assert_int_equal(last.modes[DOMAIN_SYSCALL], MODE_UNAVAILABLE);
	assert_string_equal(last.lowered[DOMAIN_SYSCALL], "");
}

static const char *lowered_net(struct store *store)
{
	static struct store_last last;

	assert_int_equal(store_last_run(store, "thumbnail", "r1", &last, NULL), 1);
	assert_string_equal(last.lowered[DOMAIN_FS], "");
	return last.lowered[DOMAIN_NET];
}

static void why_a_domain_was_lowered_is_that_of_the_newest_run(void **state)
{
	struct test_dir *dir = *state;
	cleanup_store struct store *store = opened(dir->path);

	merge_ok(store, dir->fd, &(struct test_run){.id = 1, .at_s = 10, .lowered = "first"});
	assert_string_equal(lowered_net(store), "first");
	merge_ok(store, dir->fd, &(struct test_run){.id = 2, .at_s = 5, .lowered = "earlier"});
	assert_string_equal(lowered_net(store), "first");
	assert_int_equal(
		store_set_mode(store, "thumbnail", "r1", DOMAIN_NET, MODE_ENFORCE, true, NULL), 0);
	assert_string_equal(lowered_net(store), "first");
	merge_ok(store, dir->fd, &(struct test_run){.id = 3, .at_s = 20, .lowered = "second"});
	assert_string_equal(lowered_net(store), "second");
	merge_ok(store, dir->fd, &(struct test_run){.id = 4, .at_s = 30});
	assert_string_equal(lowered_net(store), "");
}

static void a_new_store_is_empty_and_private(void **state)
{
	struct test_dir *dir = *state;
	cleanup_store struct store *store = opened(dir->path);
	struct seen_revision kept = {0};
	struct stat st;

	assert_int_equal(store_each_revision(store, NULL, keep_revision, &kept, NULL), 0);
	assert_int_equal(kept.calls, 0);
	assert_int_equal(fstatat(dir->fd, "husk.db", &st, 0), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(fstatat(dir->fd, "husk.db-wal", &st, 0), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
}

static void a_run_counts_once(void **state)
{
	const struct journal_behaviour seen[] = {
		READ_IMAGE("/usr/lib/os.py"),
		FS(ACCESS_CREATE, "/tmp/{rand}", 0, VERDICT_NOVEL),
		FS(ACCESS_READ, "/var/run/docker.sock", 0, VERDICT_NOVEL),
		FS(ACCESS_READ, "/data/foreign", BEHAVIOUR_FOREIGN, VERDICT_NOVEL),
		EXEC("/bin/sh", BEHAVIOUR_IMAGE, VERDICT_NOVEL),
		EXEC("/bin/denied", BEHAVIOUR_IMAGE, VERDICT_DENIED),
	};
	const struct test_run run = {.id = 1, .seen = seen, .count = COUNT(seen)};
	struct test_dir *dir = *state;
	struct store *store = opened(dir->path);
	struct store_behaviour b;
	struct store_revision rev;

	merge_ok(store, dir->fd, &run);
	assert_int_equal(merge_run(store, dir->fd, &run, NULL), 1);
	store_free(store);
	store = opened(dir->path); /* it is on disk, too */
	assert_int_equal(merge_run(store, dir->fd, &run, NULL), 1);
	rev = revision_of(store);
	assert_int_equal(rev.runs, 1);
	assert_int_equal(rev.last_run_ns, START + SECOND);
	assert_int_equal(rev.modes[DOMAIN_FS], MODE_LEARN);
	assert_int_equal(rev.modes[DOMAIN_EXEC], MODE_LEARN);
	assert_int_equal(rev.modes[DOMAIN_DNS], MODE_LEARN);
	assert_true(rev.stale);

	b = behaviour_of(store, "/tmp/{rand}", 1);
	assert_int_equal(b.runs, 1);
	assert_int_equal(b.denied, 0);
	assert_true(b.admitted);
	assert_int_equal(b.first_ns, START + SECOND);
	assert_true(behaviour_of(store, "/bin/sh", 1).admitted);
	assert_true(behaviour_of(store, "/usr/lib/os.py", 1).admitted);
	assert_false(behaviour_of(store, "/var/run/docker.sock", 1).admitted);
	b = behaviour_of(store, "/bin/denied", 1);
	assert_false(b.admitted);
	assert_int_equal(b.runs, 0);
	assert_int_equal(b.denied, 1);
	behaviour_of(store, "/data/foreign", 0);
	store_free(store);
}

static void a_run_without_function_is_refused(void **state)
{
	struct test_dir *dir = *state;
	cleanup_store struct store *store = opened(dir->path);
	struct error err = ERROR_INIT;

	assert_int_equal(
		merge_run(store, dir->fd, &(struct test_run){.id = 1, .function = ""}, &err),
		-EINVAL);
}

static void a_novelty_starts_the_count_again(void **state)
{
	const struct journal_behaviour first[] = {FS(ACCESS_WRITE, "/tmp/a", 0, VERDICT_NOVEL)};
	const struct journal_behaviour inert[] = {READ_IMAGE("/usr/lib/new.py")};
	const struct journal_behaviour second[] = {
		FS(ACCESS_WRITE, "/tmp/b", 0, VERDICT_WOULD_DENY)};
	struct test_dir *dir = *state;
	cleanup_store struct store *store = opened(dir->path);

	merge_ok(store, dir->fd, &(struct test_run){.id = 1, .seen = first, .count = 1});
	assert_int_equal(revision_of(store).clean_runs[DOMAIN_FS], 0);
	assert_int_equal(revision_of(store).clean_runs[DOMAIN_EXEC], 1);
	merge_ok(store, dir->fd, &(struct test_run){.id = 2, .seen = inert, .count = 1});
	merge_ok(store, dir->fd, &(struct test_run){.id = 3});
	merge_ok(store, dir->fd, &(struct test_run){.id = 4, .status = 1});
	merge_ok(store, dir->fd, &(struct test_run){.id = 5, .lost = 3});
	assert_int_equal(revision_of(store).clean_runs[DOMAIN_FS], 2);
	assert_int_equal(revision_of(store).clean_runs[DOMAIN_EXEC], 4);
	assert_int_equal(revision_of(store).runs_failed, 1);
	assert_int_equal(revision_of(store).runs_lossy, 1);

	assert_int_equal(store_promote(store, "thumbnail", "r1", DOMAIN_FS, MODE_SHADOW, NULL), 0);
	assert_int_equal(revision_of(store).modes[DOMAIN_FS], MODE_SHADOW);
	/* `since` is now, and the runs of this test are of the past: set it back by a person's word
	 */
	assert_int_equal(revision_of(store).clean_runs[DOMAIN_FS], 0);
	merge_ok(store, dir->fd,
		 &(struct test_run){.id = 6, .at_s = 900000000, .mode = MODE_SHADOW});
	merge_ok(store, dir->fd, &(struct test_run){.id = 7, .at_s = 900000001});
	assert_int_equal(revision_of(store).clean_runs[DOMAIN_FS], 1); /* 7 was in learn only */
	merge_ok(store, dir->fd,
		 &(struct test_run){.id = 8,
				    .at_s = 900000002,
				    .mode = MODE_SHADOW,
				    .seen = second,
				    .count = 1});
	assert_int_equal(revision_of(store).clean_runs[DOMAIN_FS], 0);
	merge_ok(store, dir->fd,
		 &(struct test_run){.id = 9, .at_s = 900000003, .mode = MODE_SHADOW});
	assert_int_equal(revision_of(store).clean_runs[DOMAIN_FS], 1);
}

static void what_is_inert_and_known_is_counted_by_sample(void **state)
{
	struct journal_behaviour seen[] = {READ_IMAGE("/usr/lib/os.py"),
					   FS(ACCESS_WRITE, "/tmp/a", 0, VERDICT_NOVEL)};
	struct test_dir *dir = *state;
	cleanup_store struct store *store = opened(dir->path);

	for (int i = 1; i <= 100; i++) {
		merge_ok(store, dir->fd, &(struct test_run){.id = i, .seen = seen, .count = 2});
		seen[0].novel = seen[1].novel = false;
		seen[1].verdict = VERDICT_ALLOWED;
		if (i < 8) {
			assert_int_equal(behaviour_of(store, "/usr/lib/os.py", 1).runs, i);
			assert_int_equal(behaviour_of(store, "/tmp/a", 1).runs, i);
		}
	}
	/* both were in every run, which the sketches tell exactly */
	assert_int_equal(behaviour_of(store, "/usr/lib/os.py", 1).runs, 100);
	assert_int_equal(behaviour_of(store, "/tmp/a", 1).runs, 100);
}

static void a_run_that_ends_without_a_commit_changes_nothing(void **state)
{
	struct test_dir *dir = *state;
	struct store *store = opened(dir->path);
	pid_t child;
	int status;

	merge_ok(store, dir->fd, &(struct test_run){.id = 1});
	store_free(store);
	child = fork();
	if (child == 0) {
		store = opened(dir->path);
		if (store_begin(store, NULL) == 0)
			merge_run(store, dir->fd, &(struct test_run){.id = 2}, NULL);
		_exit(0); /* as a kill would */
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	store = opened(dir->path);
	assert_int_equal(revision_of(store).runs, 1);
	merge_ok(store, dir->fd, &(struct test_run){.id = 2});
	assert_int_equal(revision_of(store).runs, 2);
	store_free(store);
}

static void several_processes_may_make_the_store_at_once(void **state)
{
	enum { CHILDREN = 8 };
	struct test_dir *dir = *state;
	pid_t children[CHILDREN];
	struct store *store;
	int status;

	for (int i = 0; i < CHILDREN; i++) {
		char name[32];

		snprintf(name, sizeof(name), "%d.journal", i);
		test_journal(dir->fd, name, &(struct test_run){.id = i + 1});
		children[i] = fork();
		if (children[i] == 0) {
			cleanup_journal_reader struct journal_reader *reader = NULL;
			struct error err = ERROR_INIT;
			int r = i % 3 == 0   ? store_open(dir->path, 20000, &store, &err)
				: i % 3 == 1 ? store_open_ready(dir->path, 20000, &store, &err)
					     : store_open_alone(dir->path, 20000, &store, &err);

			if (r == 0)
				r = journal_reader_open(dir->fd, name, &reader, &err);
			if (r == 0)
				r = store_merge_run(store, reader, &err);
			if (r < 0)
				error_print("child", &err);
			_exit(r < 0);
		}
	}
	for (int i = 0; i < CHILDREN; i++) {
		assert_int_equal(waitpid(children[i], &status, 0), children[i]);
		assert_int_equal(status, 0);
	}
	store = opened(dir->path);
	assert_int_equal(revision_of(store).runs, CHILDREN);
	store_free(store);
}

/* ---- what people say ---- */

static void a_mark_needs_no_sighting_and_can_be_withdrawn(void **state)
{
	const struct behaviour b = {.domain = DOMAIN_FS,
				    .access = ACCESS_READ,
				    .program = "",
				    .key = "/etc/\xff\nshadow"};
	struct test_dir *dir = *state;
	cleanup_store struct store *store = opened(dir->path);
	struct store_behaviour marked;

	assert_int_equal(store_set_mark(store, "thumbnail", "r1", &b, MARK_DENY, "ann", NULL),
			 -ENOENT);
	merge_ok(store, dir->fd, &(struct test_run){.id = 1});
	assert_int_equal(store_set_mark(store, "thumbnail", "r1", &b, MARK_DENY, "ann", NULL), 0);
	marked = behaviour_of(store, b.key, 1);
	assert_int_equal(marked.mark, MARK_DENY);
	assert_int_equal(marked.runs, 0);
	assert_false(marked.admitted);
	assert_int_equal(store_set_mark(store, "thumbnail", "r1", &b, MARK_ALLOW, "bob", NULL), 0);
	assert_int_equal(behaviour_of(store, b.key, 1).mark, MARK_ALLOW);
	assert_int_equal(store_set_mark(store, "thumbnail", "r1", &b, MARK_NONE, "bob", NULL), 0);
	behaviour_of(store, b.key, 0);
}

static void a_mode_by_hand_is_not_counted_for(void **state)
{
	struct test_dir *dir = *state;
	cleanup_store struct store *store = opened(dir->path);

	assert_int_equal(
		store_set_mode(store, "thumbnail", "r1", DOMAIN_FS, MODE_ENFORCE, true, NULL),
		-ENOENT);
	merge_ok(store, dir->fd, &(struct test_run){.id = 1});
	assert_int_equal(store_set_compiled(store, "thumbnail", "r1", 4, NULL), 0);
	assert_false(revision_of(store).stale);
	assert_int_equal(
		store_set_mode(store, "thumbnail", "r1", DOMAIN_FS, MODE_SHADOW, true, NULL), 0);
	assert_true(revision_of(store).stale);
	assert_int_equal(revision_of(store).serial, 4);
	assert_true(revision_of(store).modes_by_hand[DOMAIN_FS]);
	assert_false(revision_of(store).modes_by_hand[DOMAIN_EXEC]);
	assert_int_equal(revision_of(store).modes[DOMAIN_FS], MODE_SHADOW);
	merge_ok(store, dir->fd, &(struct test_run){.id = 2, .mode = MODE_SHADOW});
	assert_int_equal(revision_of(store).clean_runs[DOMAIN_FS], 0);
	assert_int_equal(revision_of(store).clean_runs[DOMAIN_EXEC], 2);
	assert_int_equal(
		store_set_mode(store, "thumbnail", "r1", DOMAIN_FS, MODE_LEARN, false, NULL), 0);
	assert_false(revision_of(store).modes_by_hand[DOMAIN_FS]);
}

static int count_functions(void *context, const struct store_function *f)
{
	int *calls = context;

	(*calls)++;
	if (strcmp(f->name, "thumbnail") == 0) {
		assert_int_equal(f->revisions, 2);
		assert_int_equal(f->runs, 3);
		assert_string_equal(f->newest_revision, "r2");
		assert_int_equal(f->last_run_ns, START + 3 * SECOND);
		assert_int_equal(f->modes[DOMAIN_FS], MODE_LEARN);
		assert_int_equal(f->behaviours, 0);
	}
	return 0;
}

static void functions_are_listed_and_forgotten(void **state)
{
	struct test_dir *dir = *state;
	cleanup_store struct store *store = opened(dir->path);
	struct seen_revision kept = {0};
	int calls = 0;

	merge_ok(store, dir->fd, &(struct test_run){.id = 1});
	merge_ok(store, dir->fd, &(struct test_run){.id = 2});
	merge_ok(store, dir->fd, &(struct test_run){.id = 3, .revision = "r2"});
	merge_ok(store, dir->fd, &(struct test_run){.id = 4, .function = "other"});
	assert_int_equal(store_each_function(store, count_functions, &calls, NULL), 0);
	assert_int_equal(calls, 2);
	assert_int_equal(store_each_revision(store, "thumbnail", keep_revision, &kept, NULL), 0);
	assert_int_equal(kept.calls, 2);
	assert_int_equal(store_forget(store, "nobody", NULL), -ENOENT);
	assert_int_equal(store_forget(store, "thumbnail", NULL), 0);
	kept.calls = 0;
	assert_int_equal(store_each_revision(store, NULL, keep_revision, &kept, NULL), 0);
	assert_int_equal(kept.calls, 1);
}

/* ---- documents ---- */

static char *exported(struct store *store)
{
	struct buf out = BUF_INIT;
	struct error err = ERROR_INIT;

	if (store_export(store, "thumbnail", &out, &err) < 0)
		fail_msg("%s", err.what);
	return out.bytes;
}

static int import_text(struct store *store, const char *text, struct error *err)
{
	cleanup_json struct json *document = NULL;

	assert_int_equal(json_parse("document", text, strlen(text), &document, err), 0);
	return store_import(store, document, NULL, err);
}

static void import_ok(struct store *store, const char *text)
{
	struct error err = ERROR_INIT;

	if (import_text(store, text, &err) != 0)
		fail_msg("%s", err.what);
}

/* Takes out who counted what: two nodes have two names, whatever they know. */
static void without_activity(char *text)
{
	char *begin, *end;

	while ((begin = strstr(text, "\"activity\""))) {
		end = strchr(begin, ']');
		assert_non_null(end);
		memmove(begin, end + 1, strlen(end + 1) + 1);
	}
}

/* A store in a directory of its own below the test's. */
static struct store *store_below(const struct test_dir *dir, const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", dir->path, name);
	return opened(path);
}

static void a_document_is_the_same_after_a_round_trip(void **state)
{
	const struct journal_behaviour seen[] = {
		READ_IMAGE("/usr/lib/os.py"),
		FS(ACCESS_WRITE, "/data/\xff\\\n\"x", BEHAVIOUR_PERSISTENT, VERDICT_NOVEL),
		EXEC("/bin/sh", BEHAVIOUR_IMAGE, VERDICT_DENIED),
		EXEC("/bin/su", BEHAVIOUR_IMAGE | BEHAVIOUR_PRIVILEGED, VERDICT_NOVEL),
		FS(ACCESS_CREATE, "/data/s", BEHAVIOUR_PERSISTENT | BEHAVIOUR_SOCKET,
		   VERDICT_NOVEL),
	};
	struct test_dir *dir = *state;
	cleanup_store struct store *a = store_below(dir, "a");
	cleanup_store struct store *b = store_below(dir, "b");
	cleanup_free char *first = NULL;
	cleanup_free char *second = NULL;
	cleanup_free char *function = NULL;
	cleanup_json struct json *document = NULL;

	for (int i = 1; i <= 20; i++)
		merge_ok(a, dir->fd,
			 &(struct test_run){.id = i, .seen = seen, .count = COUNT(seen)});
	merge_ok(a, dir->fd, &(struct test_run){.id = 30, .revision = "r2", .status = 3});
	assert_int_equal(store_set_mark(a, "thumbnail", "r1", &seen[1].behaviour, MARK_ALLOW,
					"ann \xfe", NULL),
			 0);
	assert_int_equal(
		store_set_mode(a, "thumbnail", "r1", DOMAIN_EXEC, MODE_ENFORCE, true, NULL), 0);
	first = exported(a);
	assert_int_equal(json_parse("document", first, strlen(first), &document, NULL), 0);
	assert_int_equal(store_import(b, document, &function, NULL), 0);
	assert_string_equal(function, "thumbnail");
	second = exported(b);
	assert_string_equal(first, second);
	import_ok(a, first); /* what it knows already changes nothing */
	free(steal_ptr(&second));
	second = exported(a);
	assert_string_equal(first, second);
	assert_int_equal(revision_of(b).clean_runs[DOMAIN_FS],
			 revision_of(a).clean_runs[DOMAIN_FS]);
	assert_int_equal(revision_of(b).runs, 20);
	assert_true(revision_of(b).modes_by_hand[DOMAIN_EXEC]);
	assert_int_equal(behaviour_of(b, seen[1].behaviour.key, 1).mark, MARK_ALLOW);
	assert_int_equal(behaviour_of(b, seen[1].behaviour.key, 1).runs, 20);
	assert_int_equal(behaviour_of(b, "/bin/su", 1).behaviour.flags,
			 BEHAVIOUR_IMAGE | BEHAVIOUR_PRIVILEGED);
	assert_int_equal(behaviour_of(b, "/data/s", 1).behaviour.flags,
			 BEHAVIOUR_PERSISTENT | BEHAVIOUR_SOCKET);
}

static uint64_t next_random(uint64_t *random)
{
	*random += UINT64_C(0x9e3779b97f4a7c15);
	return hash64_mix(*random);
}

enum { SPLITS = 6, NODES = 3, RUNS = 40, KEYS = 12 };

/* Each run goes to one node at least, some to several, and to one that sees all. */
static void split(struct store *nodes[NODES], struct store *all, int dirfd, uint64_t *random)
{
	for (int i = 1; i <= RUNS; i++) {
		struct journal_behaviour seen[KEYS];
		char keys[KEYS][32];
		struct test_run run = {.id = i, .seen = seen};
		uint64_t to = next_random(random) % ((1 << NODES) - 1) + 1;

		run.at_s = (int64_t)(next_random(random) % 100 + 1) * 1000;
		run.status = next_random(random) % 5 == 0;
		run.mode = next_random(random) % 2 ? MODE_LEARN : MODE_SHADOW;
		for (size_t k = 0; k < KEYS; k++) {
			if (next_random(random) % (k + 1) != 0)
				continue;
			snprintf(keys[k], sizeof(keys[k]), "/data/%zu", k);
			seen[run.count++] = (struct journal_behaviour)FS(
				k % 2 ? ACCESS_READ : ACCESS_WRITE, keys[k],
				next_random(random) % 2 ? BEHAVIOUR_IMAGE : 0,
				next_random(random) % 6 ? VERDICT_NOVEL : VERDICT_DENIED);
		}
		for (int n = 0; n < NODES; n++) {
			if (to >> n & 1)
				merge_ok(nodes[n], dirfd, &run);
		}
		merge_ok(all, dirfd, &run);
	}
}

static char *join_in_order(const struct test_dir *dir, char *const documents[NODES],
			   const int order[], int count, int number)
{
	cleanup_store struct store *joined = NULL;
	char name[32];

	snprintf(name, sizeof(name), "joined-%d", number);
	joined = store_below(dir, name);
	for (int i = 0; i < count; i++)
		import_ok(joined, documents[order[i]]);
	return exported(joined);
}

static void joining_is_the_same_in_any_order_and_with_repeats(void **state)
{
	static const int orders[][6] = {
		{0, 1, 2, 0, 1, 2}, {2, 1, 0, 0, 0, 1}, {1, 2, 0, 2, 2, 2}, {0, 2, 1, 1, 0, 2}};
	struct test_dir *dir = *state;
	uint64_t random = 11;

	for (int s = 0; s < SPLITS; s++) {
		struct store *nodes[NODES], *all;
		char *documents[NODES], *joined[COUNT(orders)], *whole;
		char name[32];

		for (int n = 0; n < NODES; n++) {
			snprintf(name, sizeof(name), "node-%d-%d", s, n);
			nodes[n] = store_below(dir, name);
		}
		snprintf(name, sizeof(name), "all-%d", s);
		all = store_below(dir, name);
		split(nodes, all, dir->fd, &random);
		for (int n = 0; n < NODES; n++)
			documents[n] = exported(nodes[n]);
		for (size_t o = 0; o < COUNT(orders); o++) {
			joined[o] = join_in_order(dir, documents, orders[o], o % 2 ? 6 : 3,
						  s * 10 + (int)o);
			assert_string_equal(joined[o], joined[0]);
		}
		/* (a + b) + (b + c), through a live node that also knows its own part */
		import_ok(nodes[0], documents[1]);
		import_ok(nodes[0], documents[2]);
		free(documents[0]);
		documents[0] = exported(nodes[0]);
		assert_string_equal(documents[0], joined[0]);
		/* and it is what one node would know that had seen everything */
		whole = exported(all);
		without_activity(whole);
		without_activity(joined[0]);
		assert_string_equal(whole, joined[0]);
		assert_int_equal(revision_of(all).clean_runs[DOMAIN_FS],
				 revision_of(nodes[0]).clean_runs[DOMAIN_FS]);
		free(whole);
		for (int n = 0; n < NODES; n++) {
			store_free(nodes[n]);
			free(documents[n]);
		}
		for (size_t o = 0; o < COUNT(orders); o++)
			free(joined[o]);
		store_free(all);
	}
}

static const struct {
	const char *text;
	const char *says; /* part of the error */
} bad_documents[] = {
	{"[]", "schema"},
	{"{}", "schema"},
	{"{\"schema\":\"husk.profile/2\",\"function\":\"f\",\"revisions\":[]}", "schema"},
	{"{\"schema\":\"husk.profile/1\",\"revisions\":[]}", "function"},
	{"{\"schema\":\"husk.profile/1\",\"function\":\"\",\"revisions\":[]}", "function"},
	{"{\"schema\":\"husk.profile/1\",\"function\":\"f\"}", "revisions"},
	{"{\"schema\":\"husk.profile/1\",\"function\":\"f\",\"revisions\":{}}", "revisions"},
	{"{\"schema\":\"husk.profile/1\",\"function\":\"f\",\"revisions\":[1]}",
	 "revisions[0].revision"},
#define BAD_REVISION(members)                                                                    \
	"{\"schema\":\"husk.profile/1\",\"function\":\"f\",\"revisions\":[{\"revision\":\"r\"}," \
	"{\"revision\":\"s\"," members "}]}"
	{BAD_REVISION("\"first\":-1"), "revisions[1].first"},
	{BAD_REVISION("\"sample\":[\"12\"]"), "revisions[1].sample"},
	{BAD_REVISION("\"domains\":{\"fs\":{\"mode\":\"unavailable\"}}"), "mode"},
	{BAD_REVISION("\"domains\":{\"moon\":{\"mode\":\"learn\"}}"), "domains"},
	{BAD_REVISION("\"activity\":[{\"node\":\"zz\"}]"), "revisions[1].activity[0].node"},
	{BAD_REVISION("\"runs\":[{\"at\":0,\"run\":\"0123456789abcdef\"}]"),
	 "revisions[1].runs[0].at"},
	{BAD_REVISION("\"behaviours\":[{\"domain\":\"fs\",\"access\":\"read\",\"program\":\"\","
		      "\"key\":\"/\\\\x00\"}]"),
	 "revisions[1].behaviours[0].key"},
	{BAD_REVISION("\"behaviours\":[{\"domain\":\"fs\",\"access\":\"read\",\"program\":\"\","
		      "\"key\":\"/a\",\"seen\":[\"0123456789abcdef\"]}]"),
	 "revisions[1].behaviours[0].first"},
	{BAD_REVISION("\"behaviours\":[{\"domain\":\"fs\",\"access\":\"fly\",\"program\":\"\","
		      "\"key\":\"/a\"}]"),
	 "revisions[1].behaviours[0].access"},
};

static void a_document_that_is_none_changes_nothing(void **state)
{
	struct test_dir *dir = *state;
	cleanup_store struct store *store = opened(dir->path);
	struct seen_revision kept = {0};

	for (size_t i = 0; i < COUNT(bad_documents); i++) {
		struct error err = ERROR_INIT;

		assert_int_equal(import_text(store, bad_documents[i].text, &err), -EINVAL);
		if (!strstr(err.what, bad_documents[i].says))
			fail_msg("'%s' does not name '%s'", err.what, bad_documents[i].says);
	}
	assert_int_equal(store_each_revision(store, NULL, keep_revision, &kept, NULL), 0);
	assert_int_equal(kept.calls, 0);
}

static void only_the_newest_runs_are_kept(void **state)
{
	struct test_dir *dir = *state;
	cleanup_store struct store *store = opened(dir->path);
	cleanup_free char *text = NULL;
	int facts = 0;

	assert_int_equal(store_begin(store, NULL), 0);
	for (int i = 1; i <= 700; i++)
		merge_ok(store, dir->fd, &(struct test_run){.id = i});
	assert_int_equal(store_end(store, 0, NULL), 0);
	assert_int_equal(revision_of(store).runs, 700);
	assert_int_equal(revision_of(store).clean_runs[DOMAIN_FS], 512);
	text = exported(store);
	for (const char *at = text; (at = strstr(at, "\"facts\"")); at++)
		facts++;
	assert_int_equal(facts, 512);
	/* an old one that comes back is no news */
	assert_int_equal(merge_run(store, dir->fd, &(struct test_run){.id = 690}, NULL), 1);
}

/* ---- what runs can make it keep ---- */

/* Behaviours with keys of `len` bytes that differ from those of another `salt`. */
struct many {
	struct journal_behaviour *seen;
	char *keys;
	size_t count;
};

static struct many many_make(size_t count, size_t len, enum verdict verdict, unsigned int salt)
{
	struct many many = {calloc(count, sizeof(*many.seen)), malloc(count * (len + 1)), count};

	assert_non_null(many.seen);
	assert_non_null(many.keys);
	for (size_t i = 0; i < count; i++) {
		char *key = many.keys + i * (len + 1);

		snprintf(key, len + 1, "/data/%u/%0*zu", salt, (int)len - 8, i);
		many.seen[i] = (struct journal_behaviour)FS(ACCESS_WRITE, key, 0, verdict);
	}
	return many;
}

static void many_release(struct many *many)
{
	free(many->seen);
	free(many->keys);
}

struct kept {
	int64_t rows, bytes;
};

static int count_kept(void *context, const struct store_behaviour *b)
{
	struct kept *kept = context;

	kept->rows++;
	kept->bytes += (int64_t)(strlen(b->behaviour.program) + strlen(b->behaviour.key));
	return 0;
}

static struct kept kept_of(struct store *store)
{
	struct kept kept = {0};

	assert_int_equal(store_each_behaviour(store, "thumbnail", "r1", count_kept, &kept, NULL),
			 0);
	return kept;
}

static void behaviours_of_a_revision_are_bounded(void **state)
{
	struct test_dir *dir = *state;
	cleanup_store struct store *store = opened(dir->path);
	struct error err = ERROR_INIT;
	struct many many = many_make(STORE_BEHAVIOURS_MAX + 1, 24, VERDICT_NOVEL, 1);
	struct many inert = many_make(1, 24, VERDICT_ALLOWED, 2);

	inert.seen[0].behaviour.access = ACCESS_READ;
	inert.seen[0].behaviour.flags = BEHAVIOUR_IMAGE;
	merge_ok(store, dir->fd, &(struct test_run){.id = 1, .seen = many.seen, .count = 20000});
	merge_ok(store, dir->fd, &(struct test_run){.id = 2});
	assert_int_equal(revision_of(store).clean_runs[DOMAIN_FS], 1);
	/* one more, and be it inert: the run lost something, in this domain */
	assert_int_equal(merge_run(store, dir->fd,
				   &(struct test_run){.id = 3, .seen = inert.seen, .count = 1},
				   &err),
			 STORE_MERGED_FULL);
	assert_int_equal(kept_of(store).rows, STORE_BEHAVIOURS_MAX);
	assert_int_equal(revision_of(store).runs_lossy, 1);
	assert_int_equal(revision_of(store).clean_runs[DOMAIN_FS], 1);
	assert_int_equal(revision_of(store).clean_runs[DOMAIN_EXEC], 3);
	/* a novelty that is not kept starts the count again all the same */
	assert_int_equal(
		merge_run(store, dir->fd,
			  &(struct test_run){.id = 4, .seen = many.seen + 20000, .count = 1}, &err),
		STORE_MERGED_FULL);
	assert_int_equal(revision_of(store).clean_runs[DOMAIN_FS], 0);
	assert_int_equal(merge_run(store, dir->fd, &(struct test_run){.id = 4}, &err),
			 STORE_MERGED_BEFORE);
	/* what is kept already is no matter of room */
	merge_ok(store, dir->fd, &(struct test_run){.id = 5, .seen = many.seen, .count = 20});
	assert_int_equal(kept_of(store).rows, STORE_BEHAVIOURS_MAX);
	assert_int_equal(revision_of(store).runs, 5);
	many_release(&many);
	many_release(&inert);
}

static void bytes_of_a_revision_are_bounded(void **state)
{
	struct test_dir *dir = *state;
	cleanup_store struct store *store = opened(dir->path);
	struct error err = ERROR_INIT;

	for (int i = 1; i <= 2; i++) {
		struct many many = many_make(120, 60000, VERDICT_NOVEL, (unsigned int)i);
		struct test_run run = {.id = i, .seen = many.seen, .count = many.count};

		assert_int_equal(merge_run(store, dir->fd, &run, &err),
				 i == 1 ? STORE_MERGED : STORE_MERGED_FULL);
		many_release(&many);
	}
	assert_in_range(kept_of(store).bytes, STORE_NAME_BYTES_MAX - 60100, STORE_NAME_BYTES_MAX);
	assert_int_equal(revision_of(store).runs_lossy, 1);
}

static void denied_behaviours_are_bounded_on_their_own(void **state)
{
	struct test_dir *dir = *state;
	cleanup_store struct store *store = opened(dir->path);
	struct error err = ERROR_INIT;
	struct many denied = many_make(STORE_DENIED_MAX + 100, 24, VERDICT_DENIED, 1);
	struct many allowed = many_make(10, 24, VERDICT_NOVEL, 2);

	assert_int_equal(
		merge_run(store, dir->fd,
			  &(struct test_run){.id = 1, .seen = denied.seen, .count = denied.count},
			  &err),
		STORE_MERGED_FULL);
	assert_int_equal(kept_of(store).rows, STORE_DENIED_MAX);
	/* nothing of the policy is missing */
	assert_int_equal(revision_of(store).runs_lossy, 0);
	merge_ok(store, dir->fd, &(struct test_run){.id = 2, .seen = allowed.seen, .count = 10});
	assert_int_equal(kept_of(store).rows, STORE_DENIED_MAX + 10);
	many_release(&denied);
	many_release(&allowed);
}

/* ---- what can go wrong ---- */

static void put_file(int dirfd, const char *name, const void *bytes, size_t len)
{
	cleanup_close int fd = openat(dirfd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write_all(fd, bytes, len), 0);
}

static void a_damaged_store_is_told_with_the_way_out(void **state)
{
	static const char garbage[8192] = "this is no database, and long enough to be one";
	struct test_dir *dir = *state;
	struct error err = ERROR_INIT;
	struct store *store = NULL;

	put_file(dir->fd, "husk.db", garbage, sizeof(garbage));
	assert_int_equal(store_open(dir->path, 0, &store, &err), -EBADMSG);
	assert_non_null(strstr(err.what, "husk.db"));
	assert_non_null(strstr(err.hint, "husk import"));
	assert_null(store);
}

static void damaged_pages_are_told_too(void **state)
{
	struct test_dir *dir = *state;
	struct store *store = opened(dir->path);
	struct error err = ERROR_INIT;
	char page[4096];
	struct stat st;
	sqlite3 *db;
	int fd, r;

	merge_ok(store, dir->fd, &(struct test_run){.id = 1});
	store_free(store);
	/* everything into the main file, then all pages but the first are overwritten */
	fd = openat(dir->fd, "husk.db", O_RDWR | O_CLOEXEC);
	assert_true(fd >= 0);
	{
		char path[128];

		snprintf(path, sizeof(path), "%s/husk.db", dir->path);
		assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
		assert_int_equal(
			sqlite3_exec(db, "PRAGMA wal_checkpoint(TRUNCATE)", NULL, NULL, NULL),
			SQLITE_OK);
		sqlite3_close(db);
	}
	assert_int_equal(fstat(fd, &st), 0);
	assert_true(st.st_size > (off_t)sizeof(page));
	memset(page, 0x5a, sizeof(page));
	for (off_t at = sizeof(page); at < st.st_size; at += (off_t)sizeof(page))
		assert_int_equal(pwrite(fd, page, sizeof(page), at), sizeof(page));
	close(fd);
	store = NULL;
	r = store_open(dir->path, 0, &store, &err);
	if (r == 0)
		r = merge_run(store, dir->fd, &(struct test_run){.id = 2}, &err);
	assert_int_equal(r, -EBADMSG);
	assert_non_null(strstr(err.hint, "away"));
	store_free(store);
}

static sqlite3 *raw(const struct test_dir *dir, const char *sql)
{
	char path[128];
	sqlite3 *db;

	snprintf(path, sizeof(path), "%s/husk.db", dir->path);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	return db;
}

static void a_later_version_is_refused(void **state)
{
	struct test_dir *dir = *state;
	struct error err = ERROR_INIT;
	struct store *store = opened(dir->path);

	store_free(store);
	sqlite3_close(raw(dir, "PRAGMA user_version = 99"));
	store = NULL;
	assert_int_equal(store_open(dir->path, 0, &store, &err), -EPROTO);
	assert_non_null(strstr(err.what, "99"));
}

static void what_the_engine_gives_is_what_it_gave_last(void **state)
{
	struct test_dir *dir = *state;
	cleanup_store struct store *store = opened(dir->path);

	merge_ok(store, dir->fd, &(struct test_run){.id = 1, .capabilities = 7, .calls = 300});
	assert_true(revision_of(store).capabilities_given == 7);
	assert_int_equal(revision_of(store).calls_given, 300);
	merge_ok(store, dir->fd,
		 &(struct test_run){
			 .id = 2, .capabilities = UINT64_C(1) << 63, .calls = UINT32_MAX});
	assert_true(revision_of(store).capabilities_given == UINT64_C(1) << 63);
	assert_int_equal(revision_of(store).calls_given, UINT32_MAX);
}

static void what_the_engine_gives_is_this_nodes_own(void **state)
{
	struct test_dir *dir = *state;
	cleanup_store struct store *store = opened(dir->path);
	cleanup_free char *before = NULL, *after = NULL;
	struct store_revision rev;

	merge_ok(store, dir->fd, &(struct test_run){.id = 1, .capabilities = 7, .calls = 300});
	before = exported(store);
	import_ok(store, before);
	rev = revision_of(store);
	assert_true(rev.capabilities_given == 7);
	assert_int_equal(rev.calls_given, 300);
	assert_int_equal(store_forget(store, "thumbnail", NULL), 0);
	import_ok(store, before);
	rev = revision_of(store);
	assert_true(rev.capabilities_given == 0);
	assert_int_equal(rev.calls_given, 0);
	after = exported(store);
	assert_string_equal(after, before);
}

static void earlier_versions_are_taken_over(void **state)
{
	static const struct {
		const char *made_earlier;
		uint64_t kept; /* of the capabilities */
		uint32_t calls_kept;
	} versions[] = {
		{"ALTER TABLE domain DROP COLUMN lowered; PRAGMA user_version = 3", 7, 300},
		{"ALTER TABLE domain DROP COLUMN lowered;"
		 "ALTER TABLE revision DROP COLUMN calls; PRAGMA user_version = 2",
		 7, 0},
		{"ALTER TABLE domain DROP COLUMN lowered;"
		 "ALTER TABLE revision DROP COLUMN calls;"
		 "ALTER TABLE revision DROP COLUMN given; PRAGMA user_version = 1",
		 0, 0},
	};
	struct test_dir *dir = *state;
	struct store_revision rev;
	int runs = 0;

	for (size_t i = 0; i < COUNT(versions); i++) {
		cleanup_store struct store *store = opened(dir->path);
		struct test_run run = {.capabilities = 7, .calls = 300, .lowered = "why"};

		run.id = ++runs;
		merge_ok(store, dir->fd, &run);
		store_free(steal_ptr(&store));
		sqlite3_close(raw(dir, versions[i].made_earlier));
		store = opened(dir->path);
		rev = revision_of(store);
		assert_int_equal(rev.runs, runs);
		assert_true(rev.capabilities_given == versions[i].kept);
		assert_int_equal(rev.calls_given, versions[i].calls_kept);
		assert_string_equal(lowered_net(store), "");
		run.id = ++runs;
		merge_ok(store, dir->fd, &run);
		rev = revision_of(store);
		assert_int_equal(rev.runs, runs);
		assert_true(rev.capabilities_given == 7);
		assert_int_equal(rev.calls_given, 300);
		assert_string_equal(lowered_net(store), "why");
	}
}

static void a_locked_store_is_busy_and_unharmed(void **state)
{
	struct test_dir *dir = *state;
	cleanup_store struct store *store = NULL;
	struct error err = ERROR_INIT;
	sqlite3 *other;

	store = opened(dir->path);
	merge_ok(store, dir->fd, &(struct test_run){.id = 1});
	store_free(steal_ptr(&store));
	other = raw(dir, "BEGIN EXCLUSIVE");
	assert_int_equal(store_open(dir->path, 20, &store, &err), 0);
	assert_int_equal(merge_run(store, dir->fd, &(struct test_run){.id = 2}, &err), -EBUSY);
	assert_int_equal(sqlite3_exec(other, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(other);
	merge_ok(store, dir->fd, &(struct test_run){.id = 2});
	assert_int_equal(revision_of(store).runs, 2);
}

static void who_is_alone_with_the_store_keeps_others_out_until_closed(void **state)
{
	struct test_dir *dir = *state;
	cleanup_store struct store *alone = NULL, *other = NULL;
	struct error err = ERROR_INIT;

	store_free(opened(dir->path));
	assert_int_equal(unlinkat(dir->fd, "husk.db-shm", 0), 0);
	assert_int_equal(store_open_alone(dir->path, 0, &alone, &err), 0);
	merge_ok(alone, dir->fd, &(struct test_run){.id = 1});
	assert_int_equal(faccessat(dir->fd, "husk.db-shm", F_OK, 0), -1);
	assert_int_equal(store_open(dir->path, 0, &other, &err), -EBUSY);
	store_free(steal_ptr(&alone));

	other = opened(dir->path);
	assert_int_equal(revision_of(other).runs, 1);
	merge_ok(other, dir->fd, &(struct test_run){.id = 2});
}

static void a_store_that_others_have_open_is_shared_with_them(void **state)
{
	struct test_dir *dir = *state;
	cleanup_store struct store *other = opened(dir->path), *store = NULL;
	struct error err = ERROR_INIT;

	merge_ok(other, dir->fd, &(struct test_run){.id = 1});
	assert_int_equal(store_open_alone(dir->path, 0, &store, &err), 0);
	merge_ok(store, dir->fd, &(struct test_run){.id = 2});
	assert_int_equal(revision_of(other).runs, 2);
	merge_ok(other, dir->fd, &(struct test_run){.id = 3});
	assert_int_equal(revision_of(store).runs, 3);
}

static void a_store_that_was_made_ready_knows_what_came_meanwhile(void **state)
{
	struct test_dir *dir = *state;
	cleanup_store struct store *ready = NULL, *store = NULL;
	struct error err = ERROR_INIT;
	pid_t child;
	int status;

	/* also the first that there ever is */
	assert_int_equal(store_open_ready(dir->path, 0, &ready, &err), 0);
	assert_int_equal(store_open_alone(dir->path, 0, &store, &err), 0);
	merge_ok(store, dir->fd, &(struct test_run){.id = 1});
	store_free(steal_ptr(&store));
	merge_ok(ready, dir->fd, &(struct test_run){.id = 2});
	assert_int_equal(merge_run(ready, dir->fd, &(struct test_run){.id = 1}, &err),
			 STORE_MERGED_BEFORE);
	assert_int_equal(revision_of(ready).runs, 2);
	/* who ends without closing it leaves it to others */
	child = fork();
	if (child == 0) {
		if (store_open_ready(dir->path, 0, &store, &err) < 0)
			_exit(1);
		_exit(merge_run(store, dir->fd, &(struct test_run){.id = 3}, &err) != 0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	store_free(steal_ptr(&ready));
	assert_int_equal(store_open_alone(dir->path, 0, &store, &err), 0);
	merge_ok(store, dir->fd, &(struct test_run){.id = 4});
	assert_int_equal(revision_of(store).runs, 4);
}

/* On a file system of its own, which goes with the test's mount namespace. */
static void a_full_disk_changes_nothing(void **state)
{
	struct journal_behaviour seen[400];
	char keys[400][256];
	struct test_dir *dir = *state;
	cleanup_store struct store *store = NULL;
	cleanup_close int scratch = -1;
	char small[128];
	struct error err = ERROR_INIT;
	int runs = 0, r = 0;

	snprintf(small, sizeof(small), "%s/small", dir->path);
	assert_int_equal(mkdir(small, 0700), 0);
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("tmpfs", small, "tmpfs", 0, "size=512k") < 0)
		skip();
	store = opened(small);
	while (r == 0 && runs < 100) {
		for (size_t i = 0; i < COUNT(seen); i++) {
			snprintf(keys[i], sizeof(keys[i]), "/data/%d/%zu/%0200d", runs, i, 0);
			seen[i] = (struct journal_behaviour)FS(ACCESS_WRITE, keys[i], 0,
							       VERDICT_NOVEL);
		}
		r = merge_run(store, dir->fd,
			      &(struct test_run){.id = ++runs, .seen = seen, .count = COUNT(seen)},
			      &err);
	}
	assert_int_equal(r, -ENOSPC);
	assert_non_null(strstr(err.hint, "room"));
	if (runs > 1)
		assert_int_equal(revision_of(store).runs, runs - 1);
	store_free(steal_ptr(&store));
	assert_int_equal(mount(NULL, small, NULL, MS_REMOUNT, "size=64m"), 0);
	store = opened(small);
	merge_ok(store, dir->fd,
		 &(struct test_run){.id = runs, .seen = seen, .count = COUNT(seen)});
	assert_int_equal(revision_of(store).runs, runs);
	store_free(steal_ptr(&store));
	assert_int_equal(umount(small), 0);
}

static void what_people_say_waits_for_the_disk(void **state)
{
	const struct test_dir *dir = *state;
	cleanup_store struct store *store = opened(dir->path);
	const struct journal_behaviour seen[] = {
		{.behaviour = {DOMAIN_FS, ACCESS_READ, "/bin/x", "/y", 0}}};
	unsigned int before;

	merge_ok(store, dir->fd, &(struct test_run){.id = 1, .seen = seen, .count = 1});
	before = syncs;
	assert_int_equal(
		store_set_mode(store, "thumbnail", "r1", DOMAIN_FS, MODE_SHADOW, true, NULL), 0);
	assert_int_equal(syncs, before);
	assert_int_equal(store_make_durable(store, NULL), 0);
	assert_int_equal(
		store_set_mode(store, "thumbnail", "r1", DOMAIN_FS, MODE_LEARN, true, NULL), 0);
	assert_true(syncs > before);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(only_a_clean_run_tells_that_a_domain_was_watched),
		TEST(what_people_say_waits_for_the_disk),
		TEST(a_new_store_is_empty_and_private),
		TEST(a_run_counts_once),
		TEST(a_run_without_function_is_refused),
		TEST(a_novelty_starts_the_count_again),
		TEST(what_is_inert_and_known_is_counted_by_sample),
		TEST(a_run_that_ends_without_a_commit_changes_nothing),
		TEST(several_processes_may_make_the_store_at_once),
		TEST(a_mark_needs_no_sighting_and_can_be_withdrawn),
		TEST(a_mode_by_hand_is_not_counted_for),
		TEST(functions_are_listed_and_forgotten),
		TEST(a_document_is_the_same_after_a_round_trip),
		TEST(joining_is_the_same_in_any_order_and_with_repeats),
		TEST(a_document_that_is_none_changes_nothing),
		TEST(only_the_newest_runs_are_kept),
		TEST(behaviours_of_a_revision_are_bounded),
		TEST(bytes_of_a_revision_are_bounded),
		TEST(denied_behaviours_are_bounded_on_their_own),
		TEST(a_damaged_store_is_told_with_the_way_out),
		TEST(damaged_pages_are_told_too),
		TEST(a_later_version_is_refused),
		TEST(earlier_versions_are_taken_over),
		TEST(why_a_domain_was_lowered_is_that_of_the_newest_run),
		TEST(what_the_engine_gives_is_what_it_gave_last),
		TEST(what_the_engine_gives_is_this_nodes_own),
		TEST(a_locked_store_is_busy_and_unharmed),
		TEST(who_is_alone_with_the_store_keeps_others_out_until_closed),
		TEST(a_store_that_others_have_open_is_shared_with_them),
		TEST(a_store_that_was_made_ready_knows_what_came_meanwhile),
		TEST(a_full_disk_changes_nothing),
	};

	return cmocka_run_group_tests_name("store", tests, NULL, NULL);
}
