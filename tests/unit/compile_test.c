/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which directories a profile proposes to attach natively. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "compile/natives.h"

static void add(struct natives *natives, enum access access, uint32_t flags, const char *format,
		int count)
{
	for (int i = 0; i < count; i++) {
		char key[128];
		struct behaviour b = {
			.domain = access == ACCESS_EXEC ? DOMAIN_EXEC : DOMAIN_FS,
			.access = access,
			.program = i % 2 ? "/bin/a" : "/bin/b",
			.key = key,
			.flags = flags,
		};

/* the formats are those of the tests below */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		snprintf(key, sizeof(key), format, i);
#pragma GCC diagnostic pop
		assert_int_equal(natives_add(natives, &b, true, MARK_NONE), 0);
		assert_int_equal(natives_add(natives, &b, true, MARK_NONE), 0);
	}
}

static void mark(struct natives *natives, enum access access, const char *key, enum mark mark)
{
	const struct behaviour b = {DOMAIN_FS, access, "", key, 0};

	assert_int_equal(natives_add(natives, &b, false, mark), 0);
}

/* Finishes, and compares with lines of "KIND USES PATH". Frees. */
static void expect(struct natives *natives, bool proposes, const char *wanted)
{
	cleanup_buf struct buf bytes = BUF_INIT, text = BUF_INIT;
	struct native_entry entry;
	size_t at = 0;

	natives_finish(natives, proposes, &bytes);
	buf_add_text(&text, "");
	while (native_next(bytes.bytes, bytes.len, &at, &entry) > 0)
		buf_format(&text, "%d %u %s\n", (int)entry.kind, entry.uses, entry.path);
	assert_int_equal(at, bytes.len);
	assert_string_equal(text.len ? text.bytes : "", wanted);
	natives_free(natives);
}

static void trees_that_are_used_are_proposed_after_those_in_them(void **state)
{
	struct natives *natives = natives_new();

	add(natives, ACCESS_READ, BEHAVIOUR_IMAGE, "/usr/lib/python3/file%d", 20);
	add(natives, ACCESS_READ, BEHAVIOUR_IMAGE, "/usr/lib-x/file%d", 3);
	add(natives, ACCESS_READ, BEHAVIOUR_IMAGE, "/usr/share/file%d", 15);
	add(natives, ACCESS_LIST, BEHAVIOUR_IMAGE, "/usr/lib", 1);
	add(natives, ACCESS_READ, BEHAVIOUR_IMAGE, "/usr/lib/one", 1);
	/* no image content, no code of others, or no single directory */
	add(natives, ACCESS_READ, 0, "/opt/data/file%d", 20);
	add(natives, ACCESS_READ, BEHAVIOUR_IMAGE, "/etc/many/file%d", 20);
	add(natives, ACCESS_READ, BEHAVIOUR_IMAGE, "/usr/bin/file%d", 20);
	add(natives, ACCESS_READ, BEHAVIOUR_IMAGE, "/app/{rand}/file%d", 20);
	add(natives, ACCESS_READ, BEHAVIOUR_IMAGE, "/top%d", 20);
	/* changed */
	add(natives, ACCESS_READ, BEHAVIOUR_IMAGE, "/opt/app/file%d", 20);
	add(natives, ACCESS_WRITE, 0, "/opt/app/state", 1);
	expect(natives, true, "1 20 /usr/lib/python3\n1 22 /usr/lib\n");
}

static void what_was_denied_is_told(void **state)
{
	struct natives *natives = natives_new();

	add(natives, ACCESS_READ, BEHAVIOUR_IMAGE, "/usr/lib/file%d", 16);
	mark(natives, ACCESS_READ, "/usr/lib/secret", MARK_DENY);
	mark(natives, ACCESS_READ, "/usr/lib/else", MARK_ALLOW);
	expect(natives, false, "3 0 /usr/lib/secret\n1 16 /usr/lib\n");
}

static void a_directory_is_proposed_that_is_filled_and_holds_nothing_else(void **state)
{
	static const struct {
		enum access access;
		uint32_t flags;
		const char *key;
		const char *wanted;
	} table[] = {
		{ACCESS_READ, 0, "/work/out/file1", "2 256 /work\n2 256 /work/out\n"},
		{ACCESS_EXEC, 0, "/work/out/program", ""},
		{ACCESS_READ, 0, "/work/out/libx.so.1", ""},
		{ACCESS_READ, 0, "/work/addon.node", "2 256 /work/out\n"},
		{ACCESS_READ, 0, "/work/.npmrc", "2 256 /work/out\n"},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct natives *natives = natives_new();

		add(natives, ACCESS_CREATE, 0, "/work/out/file%d", 256);
		add(natives, ACCESS_CREATE, BEHAVIOUR_PERSISTENT, "/volume/file%d", 300);
		add(natives, table[i].access, table[i].flags, table[i].key, 1);
		expect(natives, true, table[i].wanted);
	}
}

static void a_directory_is_not_proposed_while_it_teaches(void **state)
{
	struct natives *natives = natives_new();

	add(natives, ACCESS_CREATE, 0, "/work/out/file%d", 256);
	expect(natives, false, "");
}

static void directories_of_sockets_are_told_once_and_always(void **state)
{
	struct natives *natives = natives_new();
	cleanup_buf struct buf first = BUF_INIT, second = BUF_INIT;
	const uint32_t flags = BEHAVIOUR_PERSISTENT | BEHAVIOUR_SOCKET;

	add(natives, ACCESS_CREATE, flags, "/data/run/s%d", 2);
	add(natives, ACCESS_CREATE, flags, "/data/run/below/s", 1);
	add(natives, ACCESS_CREATE, flags, "/volume/{num}", 1);
	add(natives, ACCESS_WRITE, flags, "/met/s", 1);
	add(natives, ACCESS_CREATE, BEHAVIOUR_PERSISTENT, "/plain/s", 1);
	assert_int_equal(
		natives_add(natives,
			    &(struct behaviour){DOMAIN_FS, ACCESS_CREATE, "", "/not/s", flags},
			    false, MARK_NONE),
		0);
	assert_int_equal(
		natives_add(natives,
			    &(struct behaviour){DOMAIN_FS, ACCESS_CREATE, "", "/denied/s", flags},
			    true, MARK_DENY),
		0);
	/* a policy is compiled twice where it changes */
	natives_finish(natives, true, &first);
	natives_finish(natives, true, &second);
	assert_int_equal(first.len, second.len);
	assert_memory_equal(first.bytes, second.bytes, first.len);
	expect(natives, false, "3 0 /denied/s\n4 0 /data/run\n4 0 /met\n4 0 /volume\n");
}

static void not_more_directories_of_sockets_are_told_than_a_start_compares(void **state)
{
	struct natives *natives = natives_new();
	cleanup_buf struct buf bytes = BUF_INIT;
	struct native_entry entry;
	size_t at = 0, count = 0;

	add(natives, ACCESS_CREATE, BEHAVIOUR_SOCKET, "/data/d%d/s", NATIVES_SOCKETS_MAX + 9);
	natives_finish(natives, false, &bytes);
	while (native_next(bytes.bytes, bytes.len, &at, &entry) > 0)
		count++;
	assert_int_equal(count, NATIVES_SOCKETS_MAX);
	natives_free(natives);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(trees_that_are_used_are_proposed_after_those_in_them),
		cmocka_unit_test(what_was_denied_is_told),
		cmocka_unit_test(a_directory_is_proposed_that_is_filled_and_holds_nothing_else),
		cmocka_unit_test(a_directory_is_not_proposed_while_it_teaches),
		cmocka_unit_test(directories_of_sockets_are_told_once_and_always),
		cmocka_unit_test(not_more_directories_of_sockets_are_told_than_a_start_compares),
	};

	return cmocka_run_group_tests_name("compile", tests, NULL, NULL);
}
