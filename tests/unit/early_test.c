/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What husk-merge reads before it is a C program. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "merge/early-scan.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static void is(const struct early_text *text, const char *word)
{
	assert_int_equal(text->len, strlen(word));
	assert_memory_equal(text->bytes, word, text->len);
}

static void what_runtimes_write_is_found(void **state)
{
	/* crun 1.8, runc 1.1, and what either may become */
	static const char *const texts[] = {
		"{\"ociVersion\":\"1.0\",\"id\":\"a-1\",\"pid\":0,\"root\":\"/r\",\"bundle\":\"/"
		"b\","
		"\"created\":\"2026\",\"status\":\"stopped\",\"annotations\":{\"id\":\"x\"}}",
		"{\"ociVersion\":\"1.0.2-dev\",\"id\":\"a-1\",\"status\":\"stopped\",\"bundle\":\"/"
		"b\"}\n",
		" { \"bundle\" : \"/b\" , \"list\" : [ { \"id\" : \"x\" }, \"id\" ] , "
		"\"id\"\t:\n\"a-1\" } ",
		"{\"id\":\"a-1\",\"annotations\":{\"a\":\"\\\"}\\\\\"},\"bundle\":\"/"
		"b\",\"status\":\"id\"}",
	};
	struct early_text id, bundle;

	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++) {
		assert_true(early_scan(texts[i], strlen(texts[i]), &id, &bundle));
		is(&id, "a-1");
		is(&bundle, "/b");
	}
}

static void what_takes_a_reader_of_json_is_left_to_one(void **state)
{
	static const char *const texts[] = {
		"",
		"[]",
		"{",
		"{}",
		"{\"id\":\"a\"}",
		"{\"id\":\"a\",\"bundle\":\"/b\"",
		"{\"id\":\"a\",\"bundle\":\"/b",
		"{\"id\":\"a\",\"bundle\":\"/b\"} {}",
		"{\"id\":\"a\",\"bundle\":\"/b\",\"id\":\"a\"}",
		"{\"id\":\"\\u0061\",\"bundle\":\"/b\"}",
		"{\"id\":\"a\\n\",\"bundle\":\"/b\"}",
		"{\"\\u0069d\":\"c\",\"id\":\"a\",\"bundle\":\"/b\"}",
		"{\"id\":1,\"bundle\":\"/b\"}",
		"{\"id\":{\"id\":\"a\"},\"bundle\":\"/b\"}",
		"{\"x\":{\"id\":\"a\",\"bundle\":\"/b\"}}",
		"{\"id\":\"a\tb\",\"bundle\":\"/b\"}",
	};
	static const char nul[] = "{\"id\":\"a\0b\",\"bundle\":\"/b\"}";
	struct early_text id, bundle;

	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++)
		assert_false(early_scan(texts[i], strlen(texts[i]), &id, &bundle));
	assert_false(early_scan(nul, sizeof(nul) - 1, &id, &bundle));
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_runtimes_write_is_found),
		cmocka_unit_test(what_takes_a_reader_of_json_is_left_to_one),
	};

	(void)argc;
	(void)argv;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
