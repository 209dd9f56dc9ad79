/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The part event: lines as documented, limits, whole lines beside other writers. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/json.h"
#include "event/event.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

enum { FILE_MAX = 64 * 1024 * 1024 };

static int make_file(void **state)
{
	char path[] = "/tmp/husk-event-test-XXXXXX";
	int fd = mkstemp(path);

	if (fd < 0)
		return -1;
	close(fd);
	unlink(path);
	*state = strdup(path);
	return *state ? 0 : -1;
}

static int remove_file(void **state)
{
	unlink(*state);
	free(*state);
	return 0;
}

static struct event_sink *open_sink(const char *path, uint64_t limit)
{
	struct event_sink *sink = NULL;

	assert_int_equal(event_sink_open(path, limit, &sink, NULL), 0);
	return sink;
}

/* The file's bytes, NUL-terminated, in *ret; the caller frees. */
static void read_content(const char *path, char **ret)
{
	size_t len;

	assert_int_equal(read_file_at(AT_FDCWD, path, FILE_MAX, ret, &len, NULL), 0);
}

/* Takes the first line off *text, as parsed JSON; NULL at the end. */
static struct json *next_line(char **text)
{
	char *line = *text, *end = strchr(line, '\n');
	struct json *json = NULL;

	if (!*line)
		return NULL;
	assert_non_null(end);
	*end = '\0';
	*text = end + 1;
	assert_int_equal(json_parse("line", line, strlen(line), &json, NULL), 0);
	return json;
}

static void a_line_has_its_members_in_order(void **state)
{
	static const enum mode modes[DOMAINS] = {MODE_ENFORCE, MODE_SHADOW, MODE_LEARN};
	static const struct behaviour write_file = {DOMAIN_FS, ACCESS_WRITE, "/usr/bin/python3",
						    "/tmp/tmp{rand}", 0};
	static const struct behaviour call = {DOMAIN_CAP, ACCESS_NONE, "", "CAP_\xff\n", 0};
	static const struct {
		struct event event;
		const char *line; /* behind the time */
	} table[] = {
		{{.kind = EVENT_DENIED,
		  .function = "f",
		  .revision = "r",
		  .run = "id",
		  .container = "c",
		  .behaviour = &write_file,
		  .mode = MODE_ENFORCE,
		  .domain = -1,
		  .pid = 12,
		  .detail = "why",
		  .count = 3},
		 "\"event\":\"denied\",\"function\":\"f\",\"revision\":\"r\",\"run\":\"id\","
		 "\"container\":\"c\",\"domain\":\"fs\",\"operation\":\"write\","
		 "\"program\":\"/usr/bin/python3\",\"key\":\"/tmp/tmp{rand}\",\"pid\":12,"
		 "\"mode\":\"enforce\",\"verdict\":\"denied\",\"detail\":\"why\",\"count\":3}\n"},
		{{.kind = EVENT_WOULD_DENY,
		  .function = "",
		  .behaviour = &call,
		  .mode = -1,
		  .domain = -1},
		 "\"event\":\"would-deny\",\"domain\":\"cap\",\"key\":\"CAP_\\\\xff\\\\x0a\","
		 "\"verdict\":\"would-deny\"}\n"},
		{{.kind = EVENT_NOVELTY, .mode = MODE_UNAVAILABLE, .domain = -1},
		 "\"event\":\"novelty\",\"mode\":\"unavailable\",\"verdict\":\"novel\"}\n"},
		{{.kind = EVENT_PROMOTED,
		  .mode = MODE_SHADOW,
		  .domain = DOMAIN_EXEC,
		  .count = UINT64_MAX},
		 "\"event\":\"promoted\",\"domain\":\"exec\",\"mode\":\"shadow\","
		 "\"count\":9223372036854775807}\n"},
		{{.kind = EVENT_RUN, .mode = -1, .domain = -1, .modes = modes, .detail = "a\n\"b"},
		 "\"event\":\"run\",\"detail\":\"a\\n\\\"b\",\"modes\":{\"fs\":\"enforce\","
		 "\"exec\":\"shadow\",\"net\":\"learn\",\"dns\":\"unavailable\","
		 "\"cap\":\"unavailable\",\"syscall\":\"unavailable\"}}\n"},
	};
	const char *path = *state;

	for (size_t i = 0; i < COUNT(table); i++) {
		struct event_sink *sink = open_sink(path, 0);
		cleanup_free char *text = NULL;

		event_emit(sink, &table[i].event);
		event_sink_free(sink);
		read_content(path, &text);
		assert_memory_equal(text, "{\"time\":\"20", 11);
		assert_string_equal(strchr(text, ',') + 1, table[i].line);
		assert_int_equal(truncate(path, 0), 0);
	}
	assert_string_equal(event_kind_name(EVENT_SUPPRESSED), "suppressed");
	assert_string_equal(event_kind_name(EVENT_KINDS), "?");
	for (unsigned int i = 0; i < EVENT_KINDS; i++)
		assert_non_null(event_kind_name((enum event_kind)i));
}

static void the_file_is_private_and_appended_to(void **state)
{
	const char *path = *state;
	struct event event = EVENT(EVENT_RUN);
	cleanup_free char *text = NULL;
	struct event_sink *sink = NULL;
	struct error err = ERROR_INIT;
	struct stat st;
	char *at;

	for (int i = 0; i < 3; i++) {
		sink = open_sink(path, 0);
		event_emit(sink, &event);
		event_sink_free(sink);
	}
	event_emit(NULL, &event);
	event_sink_free(NULL);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	read_content(path, &text);
	at = text;
	for (int i = 0; i < 3; i++) {
		cleanup_json struct json *line = next_line(&at);

		assert_string_equal(json_string(json_get(line, "event")), "run");
	}
	assert_null(next_line(&at));
	assert_int_equal(event_sink_open("/nonexistent/events", 0, &sink, &err), -ENOENT);
	assert_non_null(strstr(err.what, "/nonexistent/events"));
}

static void beyond_the_limit_events_are_counted(void **state)
{
	const char *path = *state;
	struct event_sink *sink = open_sink(path, 5);
	struct event event = EVENT(EVENT_DENIED);
	cleanup_free char *text = NULL;
	cleanup_json struct json *last = NULL;
	int64_t count = 0;
	char *at;

	event.function = "f";
	event.run = "id";
	for (int i = 0; i < 1005; i++)
		event_emit(sink, &event);
	event_sink_free(sink);
	read_content(path, &text);
	at = text;
	for (int i = 0; i < 5; i++) {
		cleanup_json struct json *line = next_line(&at);

		assert_string_equal(json_string(json_get(line, "event")), "denied");
	}
	last = next_line(&at);
	assert_string_equal(json_string(json_get(last, "event")), "suppressed");
	assert_string_equal(json_string(json_get(last, "function")), "f");
	assert_string_equal(json_string(json_get(last, "run")), "id");
	assert_true(json_integer(json_get(last, "count"), &count));
	assert_int_equal(count, 1000);
	assert_null(next_line(&at));
}

/* Whoever makes many cheap denials must not hide what comes after them. */
static void many_of_a_kind_drown_no_other(void **state)
{
	static const struct behaviour read_file = {DOMAIN_FS, ACCESS_READ, "", "/x", 0};
	static const struct behaviour start = {DOMAIN_EXEC, ACCESS_EXEC, "", "/bin/sh", 0};
	static const struct {
		enum event_kind kind;
		const struct behaviour *behaviour;
		int emitted, written;
	} table[] = {
		{EVENT_DENIED, &read_file, 1005, 5},
		{EVENT_DENIED, &start, 6, 5},
		{EVENT_WOULD_DENY, &read_file, 2, 2},
		{EVENT_NOVELTY, NULL, 5, 5},
		{EVENT_RUN, NULL, 50, 50},
		{EVENT_ENTERED, NULL, 50, 50},
		{EVENT_REFUSED, NULL, 50, 50},
		{EVENT_DEGRADED, NULL, 60, 50},
		{EVENT_RECOVERED, NULL, 50, 50},
		{EVENT_PROMOTED, NULL, 50, 50},
		{EVENT_MARKED, NULL, 50, 50},
	};
	const char *path = *state;
	struct event_sink *sink = open_sink(path, 5);
	cleanup_free char *text = NULL;
	cleanup_json struct json *last = NULL;
	int64_t count = 0;
	char *at;

	for (size_t i = 0; i < COUNT(table); i++) {
		struct event event = EVENT(table[i].kind);

		event.behaviour = table[i].behaviour;
		for (int n = 0; n < table[i].emitted; n++)
			event_emit(sink, &event);
	}
	event_sink_free(sink);
	read_content(path, &text);
	at = text;
	for (size_t i = 0; i < COUNT(table); i++) {
		for (int n = 0; n < table[i].written; n++) {
			cleanup_json struct json *line = next_line(&at);

			assert_string_equal(json_string(json_get(line, "event")),
					    event_kind_name(table[i].kind));
		}
	}
	last = next_line(&at);
	assert_string_equal(json_string(json_get(last, "event")), "suppressed");
	assert_string_equal(json_string(json_get(last, "detail")),
			    "beyond 5 of a kind in a domain only counted: "
			    "1000 denied in fs, 1 denied in exec, 10 degraded");
	assert_true(json_integer(json_get(last, "count"), &count));
	assert_int_equal(count, 1011);
	assert_null(next_line(&at));
}

static void long_lines_of_several_writers_never_mix(void **state)
{
	enum { WRITERS = 4, LINES = 200, KEY = 20000 };
	const char *path = *state;
	cleanup_free char *text = NULL;
	pid_t pids[WRITERS];
	int status, lines = 0;
	char *at;

	for (int i = 0; i < WRITERS; i++) {
		pids[i] = fork();
		assert_true(pids[i] >= 0);
		if (pids[i] == 0) {
			char *key = calloc(1, KEY);
			struct behaviour b = {DOMAIN_FS, ACCESS_READ, "", key, 0};
			struct event event = EVENT(EVENT_NOVELTY);
			struct event_sink *sink = NULL;

			if (!key || event_sink_open(path, 0, &sink, NULL) < 0)
				_exit(1);
			memset(key, 'a' + i, KEY - 1);
			event.behaviour = &b;
			for (int n = 0; n < LINES; n++)
				event_emit(sink, &event);
			event_sink_free(sink);
			_exit(0);
		}
	}
	for (int i = 0; i < WRITERS; i++) {
		assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
		assert_int_equal(status, 0);
	}
	read_content(path, &text);
	at = text;
	for (;; lines++) {
		cleanup_json struct json *line = next_line(&at);
		const char *key;

		if (!line)
			break;
		key = json_string(json_get(line, "key"));
		assert_int_equal(strlen(key), KEY - 1);
		assert_int_equal(strspn(key, (char[]){key[0], '\0'}), KEY - 1);
	}
	assert_int_equal(lines, WRITERS * LINES);
}

/* A limit on the file's size is a full disk that needs no privilege. */
static void a_full_disk_costs_lines_and_is_told(void **state)
{
	const char *path = *state;
	struct event_sink *sink = open_sink(path, 0);
	struct event event = EVENT(EVENT_DENIED);
	struct rlimit before, small = {1000, RLIM_INFINITY};
	cleanup_free char *text = NULL;
	cleanup_json struct json *last = NULL;
	int whole = 0, broken = 0;
	int64_t count = 0;

	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	small.rlim_max = before.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	event.detail = "twenty bytes of text";
	for (int i = 0; i < 100; i++)
		event_emit(sink, &event);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	event_sink_free(sink);
	read_content(path, &text);
	for (char *at = text, *end; *at; at = end + 1) {
		struct json *line = NULL;

		end = strchr(at, '\n');
		assert_non_null(end);
		if (json_parse("line", at, (size_t)(end - at), &line, NULL) < 0) {
			broken++;
			continue;
		}
		whole++;
		json_free(last);
		last = line;
	}
	assert_int_equal(broken, 1);
	assert_true(whole > 3);
	assert_string_equal(json_string(json_get(last, "event")), "suppressed");
	assert_true(json_integer(json_get(last, "count"), &count));
	assert_int_equal(count, 100 - (whole - 1));
}

#define WITH_FILE(test) cmocka_unit_test_setup_teardown(test, make_file, remove_file)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_FILE(a_line_has_its_members_in_order),
		WITH_FILE(the_file_is_private_and_appended_to),
		WITH_FILE(beyond_the_limit_events_are_counted),
		WITH_FILE(many_of_a_kind_drown_no_other),
		WITH_FILE(long_lines_of_several_writers_never_mix),
		WITH_FILE(a_full_disk_costs_lines_and_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
