/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Memory that runs out: each piece of work is done again and again, while its first allocation
 * fails, then its second, and so on until all succeed. Each time it must say so, and leave nothing
 * that a sanitizer would find. The linker gives every allocation of husk's own to this file
 * (--wrap), and SQLite asks it for its memory. yajl does not look at what its lexer is given, so
 * that part of it always gets memory.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <sqlite3.h>
#include <yajl/yajl_common.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "base/settings.h"
#include "compile/compile.h"
#include "container/identity.h"
#include "container/mountinfo.h"
#include "container/spec.h"
#include "container/state.h"
#include "run-fixture.h"
#include "policy/image.h"
#include "store/store.h"

#define ALLOCATIONS_MAX 100000 /* no piece of work here takes more */

/* How many more succeed; negative: all. */
static long left = -1;
static bool failed;

static bool may_allocate(void)
{
	if (left < 0)
		return true;
	if (left-- > 0)
		return true;
	/* One fails and those after it succeed: so the way back is walked too, not only up to
	 * there. */
	left = -1;
	failed = true;
	errno = ENOMEM;
	return false;
}

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *old, size_t size);
void *__real_reallocarray(void *old, size_t n, size_t size);
char *__real_strdup(const char *text);
char *__real_strndup(const char *text, size_t len);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *old, size_t size);
void *__wrap_reallocarray(void *old, size_t n, size_t size);
char *__wrap_strdup(const char *text);
char *__wrap_strndup(const char *text, size_t len);

void *__wrap_malloc(size_t size)
{
	return may_allocate() ? __real_malloc(size) : NULL;
}

void *__wrap_calloc(size_t n, size_t size)
{
	return may_allocate() ? __real_calloc(n, size) : NULL;
}

void *__wrap_realloc(void *old, size_t size)
{
	return may_allocate() ? __real_realloc(old, size) : NULL;
}

void *__wrap_reallocarray(void *old, size_t n, size_t size)
{
	return may_allocate() ? __real_reallocarray(old, n, size) : NULL;
}

char *__wrap_strdup(const char *text)
{
	return may_allocate() ? __real_strdup(text) : NULL;
}

char *__wrap_strndup(const char *text, size_t len)
{
	return may_allocate() ? __real_strndup(text, len) : NULL;
}

static void *yajl_malloc(void *context, size_t size)
{
	return __real_malloc(size);
}

static void *yajl_realloc(void *context, void *old, size_t size)
{
	return __real_realloc(old, size);
}

static void yajl_free_memory(void *context, void *old)
{
	free(old);
}

void __wrap_yajl_set_default_alloc_funcs(yajl_alloc_funcs *ret);

void __wrap_yajl_set_default_alloc_funcs(yajl_alloc_funcs *ret)
{
	*ret = (yajl_alloc_funcs){yajl_malloc, yajl_realloc, yajl_free_memory, NULL};
}

/* Thousands of stores are made here, and no power will be lost. */
int fdatasync(int fd)
{
	return 0;
}

int fsync(int fd)
{
	return 0;
}

static sqlite3_mem_methods sqlite_methods;

static void *sqlite_malloc(int size)
{
	return may_allocate() ? sqlite_methods.xMalloc(size) : NULL;
}

static void *sqlite_realloc(void *old, int size)
{
	return may_allocate() ? sqlite_methods.xRealloc(old, size) : NULL;
}

static int take_sqlite(void **state)
{
	sqlite3_mem_methods ours;

	(void)state;
	if (sqlite3_config(SQLITE_CONFIG_GETMALLOC, &sqlite_methods) != SQLITE_OK)
		return -1;
	ours = sqlite_methods;
	ours.xMalloc = sqlite_malloc;
	ours.xRealloc = sqlite_realloc;
	/* Memory that it sets aside in advance would hide what fails. */
	return sqlite3_config(SQLITE_CONFIG_MALLOC, &ours) == SQLITE_OK &&
			       sqlite3_config(SQLITE_CONFIG_LOOKASIDE, 0, 0) == SQLITE_OK
		       ? 0
		       : -1;
}

/*
 * Does `work` with its allocations failing in turn, every `step`-th of them. `prepare` and `clean`
 * (may be NULL) go around it with all the memory there is. SQLite makes thousands, and does without
 * some: with a step over 1 the work may succeed all the same.
 */
static void run_out(int (*work)(void *context), void (*prepare)(void *context),
		    void (*clean)(void *context), long step, void *context)
{
	long n = 0;

	do {
		int r;

		assert_in_range(n, 0, ALLOCATIONS_MAX);
		if (prepare)
			prepare(context);
		failed = false;
		left = n;
		n += step;
		r = work(context);
		left = -1;
		if (clean)
			clean(context);
		if (failed && r >= 0 && step == 1)
			fail_msg("allocation %ld failed, and the result was %d", n, r);
		if (!failed)
			assert_int_equal(r, 0);
	} while (failed);
	/* Else nothing was tried. */
	assert_true(n > step);
}

static const char config[] = "{\"ociVersion\":\"1.0\",\"root\":{\"path\":\"rootfs\"},\"process\":{"
			     "\"args\":[\"/bin/python3\",\"a\"],"
			     "\"env\":[\"PATH=/bin\",\"K_SERVICE=orders\"],\"cwd\":\"/"
			     "\"},\"mounts\":[{\"destination\":\"/proc\","
			     "\"type\":\"proc\",\"options\":[\"rslave\"]}],\"annotations\":{\"husk."
			     "function\":\"orders\"},"
			     "\"linux\":{\"namespaces\":[{\"type\":\"mount\"}]}}";
static const char state_text[] = "{\"id\":\"c1\",\"pid\":7,\"bundle\":\"/"
				 "b\",\"status\":\"created\",\"annotations\":{\"a\":\"b\"}}";
static const char mounts[] = "22 1 0:20 / / rw,relatime shared:1 - ext4 /dev/a rw\n"
			     "23 22 0:21 / /proc rw,nosuid - proc proc rw\n";

static int parse_spec(void *context)
{
	cleanup_oci_spec struct oci_spec spec = {0};

	return oci_spec_parse("config.json", config, strlen(config), &spec, NULL);
}

static int parse_state(void *context)
{
	struct oci_state oci = {0};
	int r = oci_state_parse(state_text, strlen(state_text), &oci, NULL);

	if (r == 0)
		oci_state_release(&oci);
	return r;
}

static int parse_mounts(void *context)
{
	cleanup_mountinfo struct mountinfo info = {0};

	return mountinfo_parse(mounts, strlen(mounts), &info, NULL);
}

static void parsers_of_what_a_container_is(void **state)
{
	run_out(parse_spec, NULL, NULL, 1, NULL);
	run_out(parse_state, NULL, NULL, 1, NULL);
	run_out(parse_mounts, NULL, NULL, 1, NULL);
}

static int write_json(void *context)
{
	cleanup_buf struct buf out = BUF_INIT;
	cleanup_json struct json *json = NULL;
	int r = json_parse("text", config, strlen(config), &json, NULL);

	if (r == 0)
		buf_format(&out, "%s of %d", "some text that is not short", 7);
	for (int i = 0; r == 0 && i < 1000; i++)
		buf_add_text(&out, "and more of it, so that it grows; ");
	return r < 0 ? r : out.error;
}

static void json_and_text(void **state)
{
	run_out(write_json, NULL, NULL, 1, NULL);
}

static const struct journal_behaviour seen[] = {
	READ_IMAGE("/usr/lib/a.py"),
	FS(ACCESS_WRITE, "/tmp/b", 0, VERDICT_NOVEL),
	EXEC("/usr/bin/id", BEHAVIOUR_IMAGE, VERDICT_ALLOWED),
};

static int build_policy(void *context)
{
	struct policy_info info = {.function = "thumbnail", .revision = "r1", .serial = 7};
	struct policy_image *image = NULL;
	struct compile *compile = compile_new();
	cleanup_free void *bytes = NULL;
	size_t len = 0;
	int r = compile ? 0 : -ENOMEM;

	for (size_t i = 0; i < 200 && r == 0; i++) {
		char key[64];
		struct behaviour b = seen[i % 3].behaviour;

		snprintf(key, sizeof(key), "/usr/lib/python3/file%zu", i);
		b.key = key;
		r = compile_add(compile, &b, true, MARK_NONE, NULL);
	}
	if (r == 0)
		r = compile_finish(compile, &info, &bytes, &len, NULL);
	compile_free(compile);
	if (r == 0)
		r = policy_image_check(bytes, len, &image, NULL);
	policy_image_free(image);
	return r;
}

static void policies(void **state)
{
	run_out(build_policy, NULL, NULL, 1, NULL);
}

struct place {
	struct test_dir dir;
	struct json *document;
};

static void make_place(void *context)
{
	struct place *place = context;
	const struct test_run run = {.id = 1, .seen = seen, .count = 3};

	test_dir_make(&place->dir);
	test_journal(place->dir.fd, "run.journal", &run);
}

static void remove_place(void *context)
{
	struct place *place = context;

	test_dir_remove(&place->dir);
}

/* From a journal to a document, and back. */
static int keep_run(void *context)
{
	const struct place *place = context;
	cleanup_journal_reader struct journal_reader *reader = NULL;
	cleanup_buf struct buf out = BUF_INIT;
	cleanup_store struct store *store = NULL;
	cleanup_json struct json *document = NULL;
	int r = journal_reader_open(place->dir.fd, "run.journal", &reader, NULL);

	if (r == 0)
		r = store_open(place->dir.path, 1000, &store, NULL);
	if (r == 0)
		r = store_merge_run(store, reader, NULL);
	if (r == 0)
		r = store_set_mark(store, "thumbnail", "r1", &seen[1].behaviour, MARK_DENY, "ann",
				   NULL);
	if (r == 0)
		r = store_export(store, "thumbnail", &out, NULL);
	if (r == 0)
		r = json_parse("document", out.bytes, out.len, &document, NULL);
	if (r == 0)
		r = store_import(store, document, NULL, NULL);
	return r;
}

static void the_store(void **state)
{
	struct place place = {0};

	run_out(keep_run, make_place, remove_place, 11, &place);
}

/* Whatever failed: what was merged before is there, whole, and goes on from there. */
static int merge_again(void *context)
{
	const struct place *place = context;
	cleanup_journal_reader struct journal_reader *reader = NULL;
	cleanup_store struct store *store = NULL;
	int r = journal_reader_open(place->dir.fd, "run.journal", &reader, NULL);

	if (r == 0)
		r = store_open(place->dir.path, 1000, &store, NULL);
	return r == 0 ? store_merge_run(store, reader, NULL) : r;
}

static int count_runs(void *context, const struct store_revision *revision)
{
	*(uint64_t *)context = (uint64_t)revision->runs;
	return 0;
}

static void check_place(void *context)
{
	struct place *place = context;
	cleanup_store struct store *store = NULL;
	uint64_t runs = 0;

	assert_in_range(merge_again(place), 0, 1);
	assert_int_equal(store_open(place->dir.path, 1000, &store, NULL), 0);
	assert_int_equal(store_each_revision(store, "thumbnail", count_runs, &runs, NULL), 0);
	assert_int_equal(runs, 1);
	store_free(steal_ptr(&store));
	remove_place(place);
}

static void a_merge_that_failed_is_done_again(void **state)
{
	struct place place = {0};

	run_out(merge_again, make_place, check_place, 11, &place);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parsers_of_what_a_container_is),
		cmocka_unit_test(json_and_text),
		cmocka_unit_test(policies),
		cmocka_unit_test(the_store),
		cmocka_unit_test(a_merge_that_failed_is_done_again),
	};

	return cmocka_run_group_tests(tests, take_sqlite, NULL);
}
