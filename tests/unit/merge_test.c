/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What follows a run: journals in, promotion, policy files out, and what is kept when that fails.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <sched.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "compile/compile.h"
#include "journal/run-file.h"
#include "merge/merge.h"
#include "merge/poststop.h"
#include "policy/file.h"
#include "policy/image.h"
#include "run-fixture.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

struct place {
	struct test_dir dir;
	int journals;
	struct settings settings;
	struct event_sink *events;
};

static int set_up(void **state)
{
	struct place *place = calloc(1, sizeof(*place));
	struct error err = ERROR_INIT;
	char text[256];

	test_dir_make(&place->dir);
	snprintf(text, sizeof(text),
		 "state_directory = %s\nruntime_directory = %s\nshadow_after_runs = 3\n"
		 "enforce_after_runs = 4\npoststop_wait_ms = 40\n",
		 place->dir.path, place->dir.path);
	assert_int_equal(settings_parse("test", text, strlen(text), &place->settings, &err), 0);
	assert_int_equal(mkdirat(place->dir.fd, "journals", 0700), 0);
	place->journals = merge_open_journals(&place->settings, &err);
	assert_true(place->journals >= 0);
	assert_int_equal(event_sink_open(place->settings.event_file, 0, &place->events, &err), 0);
	*state = place;
	return 0;
}

static int tear_down(void **state)
{
	struct place *place = *state;

	event_sink_free(place->events);
	settings_release(&place->settings);
	close(place->journals);
	test_dir_remove(&place->dir);
	free(place);
	return 0;
}

static int merge(struct place *place, const struct test_run *run, struct error *err)
{
	char name[64];

	snprintf(name, sizeof(name), "%d.journal", run->id);
	test_journal(place->journals, name, run);
	return merge_journal(place->journals, name, &place->settings, place->events, err);
}

static void merge_ok(struct place *place, const struct test_run *run)
{
	struct error err = ERROR_INIT;
	char name[64];

	if (merge(place, run, &err) != 0)
		fail_msg("%s", err.what);
	snprintf(name, sizeof(name), "%d.journal", run->id);
	assert_int_equal(faccessat(place->journals, name, F_OK, 0), -1);
}

static struct policy_image *policy_of(struct place *place, const char *revision)
{
	struct policy_image *image = NULL;
	struct error err = ERROR_INIT;
	bool damaged;

	if (policy_file_open(place->dir.fd, "thumbnail", revision, &image, &damaged, &err) < 0)
		fail_msg("%s", err.what);
	assert_false(damaged);
	return image;
}

static struct policy_info info_of(struct place *place)
{
	cleanup_policy_image struct policy_image *image = policy_of(place, "r1");
	struct policy_info info = policy_image_info(image);

	info.function = info.revision = NULL;
	return info;
}

static bool was_told(struct place *place, const char *what)
{
	cleanup_free char *text = NULL;
	size_t len;

	assert_int_equal(
		read_file_at(AT_FDCWD, place->settings.event_file, 1 << 20, &text, &len, NULL), 0);
	return strstr(text, what) != NULL;
}

/* ---- the way from learn to enforce ---- */

static const struct journal_behaviour first_seen[] = {
	READ_IMAGE("/usr/lib/os.py"),
	FS(ACCESS_CREATE, "/tmp/{rand}", 0, VERDICT_NOVEL),
	FS(ACCESS_READ, "/var/run/docker.sock", 0, VERDICT_DENIED),
	EXEC("/usr/bin/convert", BEHAVIOUR_IMAGE, VERDICT_NOVEL),
};

static void a_first_run_makes_a_policy(void **state)
{
	struct place *place = *state;
	cleanup_policy_image struct policy_image *image = NULL;

	merge_ok(place,
		 &(struct test_run){.id = 1, .seen = first_seen, .count = COUNT(first_seen)});
	image = policy_of(place, "r1");
	assert_int_equal(policy_image_info(image).serial, 1);
	assert_int_equal(policy_image_info(image).modes[DOMAIN_FS], MODE_LEARN);
	assert_int_equal(policy_image_info(image).modes[DOMAIN_DNS], MODE_LEARN);
	assert_int_equal(policy_image_find(image, &first_seen[0].behaviour), POLICY_ALLOWED);
	assert_int_equal(policy_image_find(image, &first_seen[1].behaviour), POLICY_ALLOWED);
	assert_int_equal(policy_image_find(image, &first_seen[2].behaviour), POLICY_ABSENT);
	assert_int_equal(policy_image_find(image, &first_seen[3].behaviour), POLICY_ALLOWED);
	assert_true(policy_image_has_program(image, "/usr/bin/convert"));
}

static void clean_runs_lead_to_enforcement(void **state)
{
	struct place *place = *state;
	/* promotion is dated now, and runs count from then on */
	int64_t later = 900000000;
	int id = 1;

	merge_ok(place,
		 &(struct test_run){.id = id++, .seen = first_seen, .count = COUNT(first_seen)});
	for (int i = 0; i < 2; i++)
		merge_ok(place, &(struct test_run){.id = id++});
	assert_int_equal(info_of(place).modes[DOMAIN_FS], MODE_LEARN);
	assert_int_equal(info_of(place).serial, 1);
	merge_ok(place, &(struct test_run){.id = id++});
	assert_int_equal(info_of(place).modes[DOMAIN_FS], MODE_SHADOW);
	assert_int_equal(info_of(place).modes[DOMAIN_EXEC], MODE_SHADOW);
	assert_int_equal(info_of(place).serial, 2);
	assert_true(was_told(place, "\"mode\":\"shadow\""));
	for (int i = 0; i < 6; i++) /* not yet in shadow: they do not count */
		merge_ok(place, &(struct test_run){.id = id++, .at_s = later++});
	assert_int_equal(info_of(place).modes[DOMAIN_FS], MODE_SHADOW);
	for (int i = 0; i < 3; i++)
		merge_ok(place,
			 &(struct test_run){.id = id++, .at_s = later++, .mode = MODE_SHADOW});
	assert_int_equal(info_of(place).modes[DOMAIN_FS], MODE_SHADOW);
	assert_int_equal(info_of(place).serial, 2);
	merge_ok(place, &(struct test_run){.id = id++, .at_s = later++, .mode = MODE_SHADOW});
	assert_int_equal(info_of(place).modes[DOMAIN_FS], MODE_ENFORCE);
	assert_int_equal(info_of(place).modes[DOMAIN_EXEC], MODE_ENFORCE);
	assert_true(was_told(place, "\"mode\":\"enforce\""));
}

static void a_policy_file_that_is_gone_is_made_again(void **state)
{
	struct place *place = *state;
	char name[NAME_MAX + 1], path[NAME_MAX + 32];

	merge_ok(place, &(struct test_run){.id = 1});
	policy_file_name("thumbnail", "r1", name);
	snprintf(path, sizeof(path), POLICY_DIRECTORY "/%s", name);
	assert_int_equal(unlinkat(place->dir.fd, path, 0), 0);
	merge_ok(place, &(struct test_run){.id = 2});
	assert_int_equal(info_of(place).serial, 2);
}

static void a_persons_word_reaches_the_policy(void **state)
{
	struct place *place = *state;
	cleanup_policy_image struct policy_image *image = NULL;
	cleanup_store struct store *store = NULL;
	struct error err = ERROR_INIT;

	merge_ok(place,
		 &(struct test_run){.id = 1, .seen = first_seen, .count = COUNT(first_seen)});
	assert_int_equal(store_open(place->dir.path, 100, &store, &err), 0);
	assert_int_equal(store_set_mark(store, "thumbnail", "r1", &first_seen[2].behaviour,
					MARK_ALLOW, "ann", &err),
			 0);
	assert_int_equal(store_set_mark(store, "thumbnail", "r1", &first_seen[3].behaviour,
					MARK_DENY, "ann", &err),
			 0);
	assert_int_equal(
		store_set_mode(store, "thumbnail", "r1", DOMAIN_FS, MODE_ENFORCE, true, &err), 0);
	assert_int_equal(
		merge_refresh(store, &place->settings, "thumbnail", NULL, place->events, &err), 0);
	image = policy_of(place, "r1");
	assert_int_equal(policy_image_info(image).serial, 2);
	assert_int_equal(policy_image_info(image).modes[DOMAIN_FS], MODE_ENFORCE);
	assert_int_equal(policy_image_find(image, &first_seen[2].behaviour), POLICY_ALLOWED);
	assert_int_equal(policy_image_find(image, &first_seen[3].behaviour), POLICY_DENIED);
	/* withdrawn again: the bytes are others, and the serial grows */
	assert_int_equal(store_set_mark(store, "thumbnail", "r1", &first_seen[3].behaviour,
					MARK_NONE, "ann", &err),
			 0);
	assert_int_equal(
		merge_refresh(store, &place->settings, "thumbnail", "r1", place->events, &err), 0);
	assert_int_equal(info_of(place).serial, 3);
	/* what changes nothing writes nothing */
	assert_int_equal(store_set_mark(store, "thumbnail", "r1", &first_seen[3].behaviour,
					MARK_NONE, "bob", &err),
			 0);
	assert_int_equal(
		merge_refresh(store, &place->settings, "thumbnail", "r1", place->events, &err), 0);
	assert_int_equal(info_of(place).serial, 3);
	assert_int_equal(
		merge_refresh(store, &place->settings, "nobody", "r1", place->events, &err),
		-ENOENT);
}

/* ---- journals that are not as they should be ---- */

static void a_dead_mediators_journal_is_merged_and_told(void **state)
{
	struct place *place = *state;

	merge_ok(place, &(struct test_run){.id = 1,
					   .outcome = OUTCOME_LOST,
					   .seen = first_seen,
					   .count = COUNT(first_seen)});
	assert_true(was_told(place, "\"recovered\""));
	assert_int_equal(info_of(place).entries, 3);
}

static void a_damaged_journal_is_put_aside(void **state)
{
	struct place *place = *state;
	int fd = openat(place->journals, "x.journal", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	struct error err = ERROR_INIT;

	assert_int_equal(write_all(fd, "no journal", 10), 0);
	close(fd);
	assert_int_equal(
		merge_journal(place->journals, "x.journal", &place->settings, place->events, &err),
		0);
	assert_int_equal(err.code, 0);
	assert_int_equal(faccessat(place->journals, "x.journal", F_OK, 0), -1);
	assert_int_equal(faccessat(place->journals, "x.journal.damaged", F_OK, 0), 0);
	assert_true(was_told(place, "x.journal.damaged"));
	assert_int_equal(
		merge_journal(place->journals, "x.journal", &place->settings, place->events, &err),
		-ENOENT);
}

/* Merging it would fail for ever. */
static void a_journal_that_the_store_refuses_is_put_aside(void **state)
{
	struct place *place = *state;
	struct error err = ERROR_INIT;
	char function[POLICY_NAME_MAX + 2];

	memset(function, 'f', sizeof(function));
	function[sizeof(function) - 1] = '\0';
	assert_int_equal(merge(place, &(struct test_run){.id = 1, .function = function}, &err), 0);
	assert_int_equal(err.code, 0);
	assert_int_equal(faccessat(place->journals, "1.journal", F_OK, 0), -1);
	assert_int_equal(faccessat(place->journals, "1.journal.damaged", F_OK, 0), 0);
	assert_true(was_told(place, "longer than 255 bytes"));
}

/* Else every later end of a container would try it again. */
static void a_merged_journal_goes_though_the_policy_cannot_be_written(void **state)
{
	struct place *place = *state;
	cleanup_policy_image struct policy_image *image = NULL;
	struct error err = ERROR_INIT;
	int fd = openat(place->dir.fd, POLICY_DIRECTORY, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	close(fd);
	assert_true(
		merge(place,
		      &(struct test_run){.id = 1, .seen = first_seen, .count = COUNT(first_seen)},
		      &err) < 0);
	assert_true(err.code != 0);
	assert_int_equal(faccessat(place->journals, "1.journal", F_OK, 0), -1);
	assert_true(was_told(place, "the run is merged, but its policy is not up to date"));
	assert_int_equal(unlinkat(place->dir.fd, POLICY_DIRECTORY, 0), 0);
	/* the next run has nothing new, and brings the policy up to date */
	merge_ok(place, &(struct test_run){.id = 2});
	image = policy_of(place, "r1");
	assert_int_equal(policy_image_find(image, &first_seen[3].behaviour), POLICY_ALLOWED);
}

static void a_profile_that_is_full_is_told_and_compiles(void **state)
{
	struct place *place = *state;
	size_t count = STORE_BEHAVIOURS_MAX + 10;
	cleanup_free struct journal_behaviour *seen = calloc(count, sizeof(*seen));
	cleanup_free char *keys = calloc(count, 32);

	assert_non_null(seen);
	assert_non_null(keys);
	for (size_t i = 0; i < count; i++) {
		snprintf(keys + 32 * i, 32, "/data/%zu", i);
		seen[i] =
			(struct journal_behaviour)FS(ACCESS_WRITE, keys + 32 * i, 0, VERDICT_NOVEL);
	}
	merge_ok(place, &(struct test_run){.id = 1, .seen = seen, .count = count});
	assert_true(was_told(place, "the profile is full"));
	assert_int_equal(info_of(place).entries, STORE_BEHAVIOURS_MAX);
}

static void a_run_of_no_function_is_dropped(void **state)
{
	struct place *place = *state;

	merge_ok(place, &(struct test_run){.id = 1, .function = ""});
	assert_int_equal(faccessat(place->dir.fd, "husk.db", F_OK, 0), -1);
}

/* ---- what fails is kept for later ---- */

static void make_old(struct place *place, const char *name)
{
	const struct timespec times[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};

	assert_int_equal(utimensat(place->journals, name, times, 0), 0);
}

static bool is_there(struct place *place, const char *name)
{
	return faccessat(place->journals, name, F_OK, 0) == 0;
}

static void a_locked_store_keeps_the_journal(void **state)
{
	struct place *place = *state;
	struct error err = ERROR_INIT;
	char path[128];
	sqlite3 *other;

	merge_ok(place, &(struct test_run){.id = 1});
	snprintf(path, sizeof(path), "%s/husk.db", place->dir.path);
	assert_int_equal(sqlite3_open(path, &other), SQLITE_OK);
	assert_int_equal(sqlite3_exec(other, "BEGIN EXCLUSIVE", NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(merge(place, &(struct test_run){.id = 2}, &err), -EBUSY);
	assert_true(is_there(place, "2.journal"));
	assert_true(was_told(place, "\"degraded\""));
	make_old(place, "2.journal");
	assert_int_equal(
		merge_left_over(place->journals, NULL, &place->settings, place->events, &err),
		-EBUSY);
	sqlite3_close(other);
	err = ERROR_INIT;
	assert_int_equal(
		merge_left_over(place->journals, NULL, &place->settings, place->events, &err), 0);
	assert_false(is_there(place, "2.journal"));
}

/* Who stands by for the end of a run has opened the store before. */
static void with_a_store_that_is_open_nobody_is_waited_for(void **state)
{
	struct place *place = *state;
	cleanup_store struct store *ready = NULL;
	struct error err = ERROR_INIT;
	char path[128];
	sqlite3 *other;
	int live;

	assert_int_equal(store_open_ready(place->dir.path, 0, &ready, &err), 0);
	test_journal(place->journals, "1.journal", &(struct test_run){.id = 1});
	assert_int_equal(
		merge_run(place->journals, "1", ready, &place->settings, place->events, &err), 0);
	assert_false(is_there(place, "1.journal"));
	/* neither who writes to the store nor who merges the journal */
	test_journal(place->journals, "2.journal", &(struct test_run){.id = 2});
	snprintf(path, sizeof(path), "%s/husk.db", place->dir.path);
	assert_int_equal(sqlite3_open(path, &other), SQLITE_OK);
	assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(
		merge_run(place->journals, "2", ready, &place->settings, place->events, &err),
		-EBUSY);
	sqlite3_close(other);
	live = openat(place->journals, "2.journal", O_RDONLY | O_CLOEXEC);
	assert_int_equal(flock(live, LOCK_EX), 0);
	assert_int_equal(
		merge_run(place->journals, "2", ready, &place->settings, place->events, &err),
		-EBUSY);
	close(live);
	assert_true(is_there(place, "2.journal"));
	assert_false(was_told(place, "\"degraded\""));
	err = ERROR_INIT;
	assert_int_equal(
		merge_run(place->journals, "2", ready, &place->settings, place->events, &err), 0);
	assert_false(is_there(place, "2.journal"));
}

static void only_what_nobody_holds_is_left_over(void **state)
{
	struct place *place = *state;
	struct error err = ERROR_INIT;
	int live;

	for (int i = 1; i <= 4; i++) {
		char name[64];

		snprintf(name, sizeof(name), "%d.journal", i);
		test_journal(place->journals, name, &(struct test_run){.id = i});
		if (i != 3) /* this one's writer may not have come to its lock yet */
			make_old(place, name);
	}
	live = openat(place->journals, "2.journal", O_RDONLY | O_CLOEXEC);
	assert_int_equal(flock(live, LOCK_EX), 0);
	assert_int_equal(
		merge_left_over(place->journals, NULL, &place->settings, place->events, &err), 0);
	assert_false(is_there(place, "1.journal"));
	assert_true(is_there(place, "2.journal"));
	assert_true(is_there(place, "3.journal"));
	assert_false(is_there(place, "4.journal"));
	close(live);
	assert_int_equal(
		merge_left_over(place->journals, NULL, &place->settings, place->events, &err), 0);
	assert_false(is_there(place, "2.journal"));
}

static void left_over_journals_are_taken_in_portions(void **state)
{
	struct place *place = *state;
	struct error err = ERROR_INIT;
	int left = 0;

	for (int i = 1; i <= 40; i++) {
		char name[64];

		snprintf(name, sizeof(name), "%d.journal", i);
		test_journal(place->journals, name, &(struct test_run){.id = i});
		make_old(place, name);
	}
	assert_int_equal(
		merge_left_over(place->journals, NULL, &place->settings, place->events, &err), 0);
	for (int i = 1; i <= 40; i++) {
		char name[64];

		snprintf(name, sizeof(name), "%d.journal", i);
		left += is_there(place, name);
	}
	assert_int_equal(left, 8);
}

/* A container that has ended: its mediator is gone, and its poststop is still to come. */
static void end_container(struct place *place, const char *id, int run)
{
	const struct timespec old[2] = {{.tv_sec = time(NULL) - 5}, {.tv_sec = time(NULL) - 5}};
	char run_id[JOURNAL_ID_ROOM], name[JOURNAL_ID_ROOM + sizeof(JOURNAL_SUFFIX)],
		key[RUN_KEY_ROOM];
	struct error err = ERROR_INIT;
	int fd;

	snprintf(run_id, sizeof(run_id), "%032x", (unsigned int)run);
	snprintf(name, sizeof(name), "%s" JOURNAL_SUFFIX, run_id);
	test_journal(place->journals, name, &(struct test_run){.id = run});
	run_key(id, "/bundle", key);
	fd = run_file_claim(place->dir.fd, key, run_id, &err);
	assert_true(fd >= 0);
	assert_int_equal(futimens(fd, old), 0);
	close(fd);
}

static bool has_run_file(struct place *place, const char *id)
{
	char key[RUN_KEY_ROOM];

	run_key(id, "/bundle", key);
	return faccessat(place->dir.fd, key, F_OK, 0) == 0;
}

static void poststop(struct place *place, const char *id)
{
	struct error err = ERROR_INIT;
	int ends[2];

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	assert_true(dprintf(ends[1],
			    "{\"ociVersion\":\"1.0.2\",\"id\":\"%s\",\"status\":\"stopped\","
			    "\"bundle\":\"/bundle\"}",
			    id) > 0);
	close(ends[1]);
	if (merge_poststop(ends[0], &place->settings, place->events, &err) != 0)
		fail_msg("%s", err.what);
	close(ends[0]);
}

static void a_poststop_finds_its_run_whoever_sweeps(void **state)
{
	struct place *place = *state;

	end_container(place, "first", 1);
	end_container(place, "second", 2);
	end_container(place, "without", 3);
	assert_int_equal(unlinkat(place->journals, "00000000000000000000000000000003.journal", 0),
			 0);
	poststop(place, "first");
	assert_false(has_run_file(place, "first"));
	assert_true(has_run_file(place, "second"));
	assert_false(has_run_file(place, "without"));
	assert_true(is_there(place, "00000000000000000000000000000002.journal"));
	poststop(place, "second");
	assert_false(has_run_file(place, "second"));
	assert_false(is_there(place, "00000000000000000000000000000002.journal"));
}

static void a_full_disk_keeps_the_journal(void **state)
{
	static struct journal_behaviour seen[3000];
	static char keys[3000][128];
	struct place *place = *state;
	struct error err = ERROR_INIT;
	char small[128];
	int r;

	snprintf(small, sizeof(small), "%s/small", place->dir.path);
	assert_int_equal(mkdir(small, 0700), 0);
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("tmpfs", small, "tmpfs", 0, "size=400k") < 0)
		skip();
	place->settings.state_directory = small;
	for (size_t i = 0; i < COUNT(seen); i++) {
		snprintf(keys[i], sizeof(keys[i]), "/data/%zu/%0100d", i, 0);
		seen[i] = (struct journal_behaviour)FS(ACCESS_WRITE, keys[i], 0, VERDICT_NOVEL);
	}
	r = merge(place, &(struct test_run){.id = 1, .seen = seen, .count = COUNT(seen)}, &err);
	assert_int_equal(r, -ENOSPC);
	assert_true(is_there(place, "1.journal"));
	assert_true(was_told(place, "not merged yet"));
	assert_int_equal(mount(NULL, small, NULL, MS_REMOUNT, "size=64m"), 0);
	err = ERROR_INIT;
	assert_int_equal(
		merge_journal(place->journals, "1.journal", &place->settings, place->events, &err),
		0);
	assert_false(is_there(place, "1.journal"));
	assert_int_equal(umount2(small, MNT_DETACH), 0);
}

static void a_journal_that_somebody_has_is_left_alone(void **state)
{
	const struct journal_behaviour seen[] = {FS(ACCESS_READ, "/data/a", 0, VERDICT_NOVEL)};
	const struct test_run run = {.id = 1, .seen = seen, .count = COUNT(seen)};
	struct place *place = *state;
	struct error err = ERROR_INIT;
	int writer;

	test_journal(place->journals, "1.journal", &run);
	writer = openat(place->journals, "1.journal", O_RDONLY | O_CLOEXEC);
	assert_int_equal(flock(writer, LOCK_EX), 0);
	assert_int_equal(
		merge_journal(place->journals, "1.journal", &place->settings, place->events, &err),
		-EBUSY);
	assert_true(is_there(place, "1.journal"));
	close(writer);
	err = ERROR_INIT;
	assert_int_equal(
		merge_journal(place->journals, "1.journal", &place->settings, place->events, &err),
		0);
	assert_false(is_there(place, "1.journal"));
}

static void a_damaged_store_keeps_the_journal(void **state)
{
	static const char garbage[8192] = "this is no database, and long enough to be one";
	struct place *place = *state;
	struct error err = ERROR_INIT;
	int fd = openat(place->dir.fd, "husk.db", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	assert_int_equal(write_all(fd, garbage, sizeof(garbage)), 0);
	close(fd);
	assert_int_equal(merge(place, &(struct test_run){.id = 1}, &err), -EBADMSG);
	assert_true(is_there(place, "1.journal"));
	assert_int_equal(unlinkat(place->dir.fd, "husk.db", 0), 0);
	make_old(place, "1.journal");
	err = ERROR_INIT;
	assert_int_equal(
		merge_left_over(place->journals, NULL, &place->settings, place->events, &err), 0);
	assert_false(is_there(place, "1.journal"));
}

static void the_log_is_cut_when_it_is_long(void **state)
{
	struct place *place = *state;
	struct error err = ERROR_INIT;
	struct stat st;

	assert_int_equal(store_tidy(place->dir.path, &err), 0); /* there is none yet */
	for (int i = 1; i <= 60; i++)
		merge_ok(place, &(struct test_run){.id = i});
	assert_int_equal(fstatat(place->dir.fd, "husk.db-wal", &st, 0), 0);
	assert_true(st.st_size > 48 * 4096);
	assert_int_equal(store_tidy(place->dir.path, &err), 0);
	assert_int_equal(fstatat(place->dir.fd, "husk.db-wal", &st, 0), 0);
	assert_int_equal(st.st_size, 0);
	assert_int_equal(merge(place, &(struct test_run){.id = 60}, &err), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(a_first_run_makes_a_policy),
		TEST(clean_runs_lead_to_enforcement),
		TEST(a_policy_file_that_is_gone_is_made_again),
		TEST(a_persons_word_reaches_the_policy),
		TEST(a_dead_mediators_journal_is_merged_and_told),
		TEST(a_damaged_journal_is_put_aside),
		TEST(a_journal_that_somebody_has_is_left_alone),
		TEST(a_journal_that_the_store_refuses_is_put_aside),
		TEST(a_merged_journal_goes_though_the_policy_cannot_be_written),
		TEST(a_profile_that_is_full_is_told_and_compiles),
		TEST(a_run_of_no_function_is_dropped),
		TEST(a_locked_store_keeps_the_journal),
		TEST(with_a_store_that_is_open_nobody_is_waited_for),
		TEST(only_what_nobody_holds_is_left_over),
		TEST(left_over_journals_are_taken_in_portions),
		TEST(a_poststop_finds_its_run_whoever_sweeps),
		TEST(a_full_disk_keeps_the_journal),
		TEST(a_damaged_store_keeps_the_journal),
		TEST(the_log_is_cut_when_it_is_long),
	};

	return cmocka_run_group_tests_name("merge", tests, NULL, NULL);
}
