/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The part base: text, hashes, errors, buffers, JSON, settings, files. */
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
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/address.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/patience.h"
#include "base/settings.h"
#include "base/text.h"
#include "husk-paths.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

/* ---- addresses ---- */

static void addresses_have_kinds(void **state)
{
	static const struct {
		const char *text;
		enum address_kind kind;
	} table[] = {
		{"93.184.216.34", ADDRESS_PUBLIC},
		{"2606:2800:220:1::1", ADDRESS_PUBLIC},
		{"10.0.0.1", ADDRESS_PRIVATE},
		{"172.15.255.255", ADDRESS_PUBLIC},
		{"172.16.0.0", ADDRESS_PRIVATE},
		{"172.31.255.255", ADDRESS_PRIVATE},
		{"172.32.0.0", ADDRESS_PUBLIC},
		{"192.168.255.1", ADDRESS_PRIVATE},
		{"100.64.0.1", ADDRESS_PRIVATE},
		{"100.63.255.255", ADDRESS_PUBLIC},
		{"100.128.0.0", ADDRESS_PUBLIC},
		{"fdab::1", ADDRESS_PRIVATE},
		{"fc00::1", ADDRESS_PRIVATE},
		{"fec0::1", ADDRESS_PRIVATE},
		{"0.0.0.0", ADDRESS_LOOPBACK},
		{"127.8.9.10", ADDRESS_LOOPBACK},
		{"::", ADDRESS_LOOPBACK},
		{"::1", ADDRESS_LOOPBACK},
		{"::2", ADDRESS_PUBLIC},
		{"169.254.1.1", ADDRESS_LINK_LOCAL},
		{"fe80::1", ADDRESS_LINK_LOCAL},
		{"169.254.169.254", ADDRESS_METADATA},
		{"169.254.170.2", ADDRESS_METADATA},
		{"169.254.170.23", ADDRESS_METADATA},
		{"100.100.100.200", ADDRESS_METADATA},
		{"168.63.129.16", ADDRESS_METADATA},
		{"192.0.0.192", ADDRESS_METADATA},
		{"fd00:ec2::254", ADDRESS_METADATA},
		{"fd00:ec2::23", ADDRESS_METADATA},
		{"fd20:ce::254", ADDRESS_METADATA},
		{"224.0.0.251", ADDRESS_LINK_LOCAL},
		{"224.0.1.1", ADDRESS_SPECIAL},
		{"255.255.255.255", ADDRESS_LINK_LOCAL},
		{"255.255.255.254", ADDRESS_SPECIAL},
		{"198.51.100.7", ADDRESS_SPECIAL},
		{"2001:db8::1", ADDRESS_SPECIAL},
		{"ff02::fb", ADDRESS_LINK_LOCAL},
		{"ff12::1", ADDRESS_LINK_LOCAL},
		{"ff01::1", ADDRESS_LINK_LOCAL},
		{"ff05::2", ADDRESS_SPECIAL},
		{"100::1", ADDRESS_SPECIAL},
		/* IPv4 in disguise */
		{"::ffff:169.254.169.254", ADDRESS_METADATA},
		{"::ffff:93.184.216.34", ADDRESS_PUBLIC},
		{"64:ff9b::10.0.0.1", ADDRESS_PRIVATE},
		{"64:ff9b:1::127.0.0.1", ADDRESS_LOOPBACK},
		{"2002:a9fe:a9fe::1", ADDRESS_METADATA},
	};

	for (size_t i = 0; i < COUNT(table); i++) {
		struct address address;

		assert_int_equal(address_parse(table[i].text, &address), 0);
		if (address_kind(&address) != table[i].kind)
			fail_msg("%s is %s", table[i].text,
				 address_kind_name(address_kind(&address)));
	}
}

static void addresses_go_to_sockets_and_back(void **state)
{
	static const char *const table[] = {"192.0.2.1", "2001:db8::1"};
	static const char *const bad[] = {"",	 "1.2.3",	 "1.2.3.4.5",
					  "::g", "fe80::1%eth0", "1.2.3.4 "};
	struct sockaddr_in6 mapped = {.sin6_family = AF_INET6};
	struct sockaddr_storage socket;
	struct address address, back;
	char text[ADDRESS_TEXT_ROOM];
	uint16_t port;

	for (size_t i = 0; i < COUNT(table); i++) {
		assert_int_equal(address_parse(table[i], &address), 0);
		address_to_socket(&address, 5353, &socket);
		assert_int_equal(address_of_socket((struct sockaddr *)&socket, &back, &port), 0);
		assert_true(address_equal(&address, &back));
		assert_int_equal(port, 5353);
		address_text(&back, text);
		assert_string_equal(text, table[i]);
	}
	assert_int_equal(address_parse("::ffff:192.0.2.1", &address), 0);
	memcpy(&mapped.sin6_addr, address.bytes, 16);
	assert_int_equal(address_of_socket((struct sockaddr *)&mapped, &back, NULL), 0);
	address_text(&back, text);
	assert_string_equal(text, "192.0.2.1");
	socket.ss_family = AF_UNIX;
	assert_int_equal(address_of_socket((struct sockaddr *)&socket, &back, NULL), -EAFNOSUPPORT);
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_int_equal(address_parse(bad[i], &address), -EINVAL);
	assert_string_equal(address_kind_name(ADDRESS_KINDS), "?");
}

/* ---- text ---- */

static void names_have_a_text_form_and_come_back(void **state)
{
	static const struct {
		const char *bytes, *text;
	} table[] = {
		{"", ""},
		{"/plain name", "/plain name"},
		{"a\\b", "a\\\\b"},
		{"a\nb\x7f", "a\\x0ab\\x7f"},
		{"\xc3\xa4", "\xc3\xa4"},
		{"\xc2\x9b", "\\xc2\\x9b"},	     /* C1 control */
		{"\xc0\xaf", "\\xc0\\xaf"},	     /* overlong */
		{"\xed\xa0\x80", "\\xed\\xa0\\x80"}, /* surrogate */
		{"\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80"},
		{"\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80"}, /* beyond U+10FFFF */
		{"\xff\xc3", "\\xff\\xc3"},
	};
	char text[64], back[64];

	for (size_t i = 0; i < COUNT(table); i++) {
		assert_int_equal(text_escape(table[i].bytes, text, sizeof(text)),
				 strlen(table[i].text));
		assert_string_equal(text, table[i].text);
		assert_int_equal(text_unescape(text, back, sizeof(back)), strlen(table[i].bytes));
		assert_string_equal(back, table[i].bytes);
	}
	/* cut at a whole character, and nothing written where there is no room */
	assert_int_equal(text_escape("ab\n", text, 6), 2);
	assert_string_equal(text, "ab");
	assert_int_equal(text_escape("\xc3\xa4", text, 2), 0);
	text[0] = 'q';
	assert_int_equal(text_escape("x", text, 0), 0);
	assert_int_equal(text[0], 'q');
}

static void broken_escapes_are_refused(void **state)
{
	static const struct {
		const char *text;
		int r;
	} table[] = {
		{"\\", -EINVAL},
		{"\\x", -EINVAL},
		{"\\x4", -EINVAL},
		{"\\xg0", -EINVAL},
		{"\\x00", -EINVAL},
		{"\\n", -EINVAL},
		{"12345678", -ENAMETOOLONG},
		{"1234567", 7},
		{"\\x41\\x42", 2},
	};
	char out[8];

	for (size_t i = 0; i < COUNT(table); i++)
		assert_int_equal(text_unescape(table[i].text, out, sizeof(out)), table[i].r);
	assert_int_equal(text_unescape("", out, 0), -ENAMETOOLONG);
}

static void copies_names_and_numbers(void **state)
{
	unsigned long n = 7;
	char out[4];

	assert_true(text_copy(out, sizeof(out), "abc"));
	assert_false(text_copy(out, sizeof(out), "abcd"));
	assert_string_equal(out, "abc");
	assert_true(text_is_name("a.b_c-d/e:f@g+1", 20));
	assert_false(text_is_name("", 20));
	assert_false(text_is_name("abc", 2));
	assert_false(text_is_name("a b", 20));
	assert_int_equal(text_number("0", 10, &n), 0);
	assert_int_equal(n, 0);
	assert_int_equal(text_number("11", 10, &n), -ERANGE);
	assert_int_equal(text_number("99999999999999999999999", ULONG_MAX, &n), -ERANGE);
	assert_int_equal(text_number("-1", 10, &n), -EINVAL);
	assert_int_equal(text_number(" 1", 10, &n), -EINVAL);
	assert_int_equal(text_number("1x", 10, &n), -EINVAL);
	assert_int_equal(text_number("", 10, &n), -EINVAL);
	assert_int_equal(n, 0);
}

/* ---- hashes, clock, errors, buffers ---- */

/* CRC-32C bit by bit, as its definition has it. */
static uint32_t slow_crc32c(const unsigned char *bytes, size_t len)
{
	uint32_t crc = ~UINT32_C(0);

	for (size_t i = 0; i < 8 * len; i++) {
		crc ^= bytes[i / 8] >> i % 8 & 1U;
		crc = crc >> 1 ^ (crc & 1U ? UINT32_C(0x82f63b78) : 0);
	}
	return ~crc;
}

static void checksums_of_every_length_and_place(void **state)
{
	unsigned char bytes[64];

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (unsigned char)(i * 37 + 11);
	for (size_t start = 0; start < 9; start++) {
		for (size_t len = 0; start + len <= sizeof(bytes); len++) {
			uint32_t half = crc32c(0, bytes + start, len / 2);

			assert_int_equal(crc32c(0, bytes + start, len),
					 slow_crc32c(bytes + start, len));
			assert_int_equal(crc32c(half, bytes + start + len / 2, len - len / 2),
					 slow_crc32c(bytes + start, len));
		}
	}
}

static void hashes_and_checksums(void **state)
{
	unsigned char zeros[32] = {0}, ones[32];

	/* RFC 3720, appendix B.4 */
	memset(ones, 0xff, sizeof(ones));
	assert_int_equal(crc32c(0, "123456789", 9), 0xe3069283);
	assert_int_equal(crc32c(0, zeros, sizeof(zeros)), 0x8a9136aa);
	assert_int_equal(crc32c(0, ones, sizeof(ones)), 0x62a8ab43);
	assert_int_equal(crc32c(crc32c(0, "1234", 4), "56789", 5), 0xe3069283);
	assert_int_equal(crc32c(0, "", 0), 0);
	/* FNV-1a, 64 bit, of "a": the authors' test vector */
	assert_true(hash64_add(HASH64_INIT, "a", 1) == UINT64_C(0xaf63dc4c8601ec8c));
	assert_true(hash64_text("a") != hash64_text("b"));
	assert_true(hash64_text("") != hash64_text("a"));
}

static void times_as_text(void **state)
{
	char out[CLOCK_TEXT_ROOM];

	clock_text(0, out, sizeof(out));
	assert_string_equal(out, "1970-01-01T00:00:00.000Z");
	clock_text(INT64_C(951782399999999999), out, sizeof(out));
	assert_string_equal(out, "2000-02-28T23:59:59.999Z");
	assert_true(clock_monotonic_ns() > 0);
	assert_true(clock_wall_ns() > INT64_C(1600000000000000000));
}

static void errors_gather_context(void **state)
{
	struct error err = ERROR_INIT;
	char long_name[2000];

	error_wrap(&err, "nothing");
	assert_string_equal(err.what, "");
	assert_int_equal(error_exit_code(&err), EX_OK);
	assert_int_equal(error_set(&err, ENOENT, "cannot open '%s'", "/x"), -ENOENT);
	error_wrap(&err, "while testing");
	error_hint(&err, "run '%s'", "husk check");
	assert_string_equal(err.what, "while testing: cannot open '/x': No such file or directory");
	assert_string_equal(err.hint, "run 'husk check'");
	assert_int_equal(error_exit_code(&err), EX_NOINPUT);
	assert_int_equal(error_say(&err, EPERM, "not yours"), -EPERM);
	assert_string_equal(err.what, "not yours");
	assert_string_equal(err.hint, "");
	assert_int_equal(error_exit_code(&err), EX_NOPERM);
	assert_int_equal(error_set(NULL, EIO, "x"), -EIO);
	memset(long_name, 'x', sizeof(long_name) - 1);
	long_name[sizeof(long_name) - 1] = '\0';
	for (int i = 0; i < 3; i++) {
		error_set(&err, EIO, "cannot read '%s'", long_name);
		error_wrap(&err, "%s", long_name);
		error_hint(&err, "%s", long_name);
	}
	assert_true(strlen(err.what) < sizeof(err.what));
	assert_true(strlen(err.hint) < sizeof(err.hint));
}

static void a_printed_error_is_one_line(void **state)
{
	struct error err = ERROR_INIT;
	int ends[2], saved = dup(STDERR_FILENO);
	char line[256] = "";

	error_say(&err, EINVAL, "bad name 'a\nb\x7f\x1b'");
	error_hint(&err, "see husk(1)");
	assert_int_equal(pipe(ends), 0);
	dup2(ends[1], STDERR_FILENO);
	error_print("husk", &err);
	dup2(saved, STDERR_FILENO);
	close(ends[1]);
	assert_true(read(ends[0], line, sizeof(line) - 1) > 0);
	close(ends[0]);
	close(saved);
	assert_string_equal(line, "husk: bad name 'a?b?\?'; see husk(1)\n");
}

static void buffers_grow_and_stay_failed(void **state)
{
	struct buf buf = BUF_INIT;
	char piece[100];

	memset(piece, 'x', sizeof(piece));
	for (int i = 0; i < 1000; i++)
		buf_add(&buf, piece, sizeof(piece));
	buf_format(&buf, "%s-%d", "y", 42);
	buf_add_text(&buf, "z");
	buf_add_zeros(&buf, 3);
	assert_int_equal(buf.error, 0);
	assert_int_equal(buf.len, 100000 + 5 + 3);
	assert_memory_equal(buf.bytes + 99999, "xy-42z\0\0\0\0", 9);
	buf.error = -ENOMEM;
	buf_add_text(&buf, "more");
	assert_int_equal(buf.len, 100008);
	buf_release(&buf);
	assert_null(buf.bytes);
	assert_int_equal(buf.error, 0);
	buf_release(&buf);
}

/* ---- JSON ---- */

static int parse(const char *text, struct json **ret)
{
	size_t len = strlen(text);
	cleanup_free char *bytes = malloc(len + 1);

	/* no NUL behind it: a sanitizer sees a step too far */
	memcpy(bytes, text, len);
	bytes[len] = '}';
	return json_parse("test", bytes, len, ret, NULL);
}

static void json_is_read(void **state)
{
	cleanup_json struct json *root = NULL;
	const struct json *list;
	int64_t n = 0;

	assert_int_equal(parse("{\"s\":\"\\u00e4\",\"n\":-5,\"f\":1.5,\"t\":true,\"z\":null,"
			       "\"a\":[1,{\"x\":2}],\"big\":99999999999999999999}",
			       &root),
			 0);
	assert_true(json_is_object(root));
	assert_int_equal(json_count(root), 7);
	assert_string_equal(json_string(json_get(root, "s")), "\xc3\xa4");
	assert_true(json_integer(json_get(root, "n"), &n));
	assert_int_equal(n, -5);
	assert_false(json_integer(json_get(root, "f"), &n));
	assert_false(json_integer(json_get(root, "s"), &n));
	assert_false(json_integer(json_get(root, "big"), &n));
	assert_true(json_bool(json_get(root, "t"), false));
	assert_true(json_bool(json_get(root, "s"), true));
	assert_null(json_string(json_get(root, "z")));
	assert_null(json_get(root, "missing"));
	assert_null(json_get(NULL, "x"));
	assert_null(json_get(json_get(root, "s"), "x"));
	list = json_get(root, "a");
	assert_true(json_is_array(list));
	assert_int_equal(json_count(list), 2);
	assert_true(json_integer(json_get(json_at(list, 1), "x"), &n));
	assert_int_equal(n, 2);
	assert_null(json_at(list, 2));
	assert_null(json_key_at(list, 0));
	assert_string_equal(json_key_at(root, 1), "n");
}

static void bad_json_is_refused(void **state)
{
	static const char *const table[] = {
		"",	      " ",	  "{",	    "}",     "[1,",	"{\"a\"}",
		"{\"a\":1}}", "\"",	  "\"\\",   "nul",   "{'a':1}", "[1] [2]",
		"\"\xff\"",   "{\"a\":1", "[\x01]", "1.5.5", "-",
	};
	struct json *root = NULL;
	char deep[200];

	for (size_t i = 0; i < COUNT(table); i++) {
		if (parse(table[i], &root) != -EINVAL)
			fail_msg("accepted: %s", table[i]);
	}
	assert_int_equal(json_parse("test", "[1]\0", 4, &root, NULL), -EINVAL);
	memset(deep, '[', JSON_DEPTH_MAX);
	memset(deep + JSON_DEPTH_MAX, ']', JSON_DEPTH_MAX);
	deep[2 * (size_t)JSON_DEPTH_MAX] = '\0';
	assert_int_equal(parse(deep, &root), 0);
	json_free(root);
	memset(deep, '[', JSON_DEPTH_MAX + 1);
	assert_int_equal(parse(deep, &root), -EFBIG);
}

static void json_is_written(void **state)
{
	cleanup_json_writer struct json_writer *w = json_writer_new(false);
	cleanup_json struct json *root = NULL;
	cleanup_buf struct buf out = BUF_INIT;

	assert_int_equal(parse("{\"k\":[1.25,true,null,\"s\",{}]}", &root), 0);
	json_object_begin(w);
	json_member_string(w, "s", "a\"b\\\n\xff\xc3\xa4");
	json_member_string(w, "null", NULL);
	json_member_name(w, "name", "a\n\xff");
	json_member_integer(w, "i", INT64_MIN);
	json_member_bool(w, "b", true);
	json_key(w, "a");
	json_array_begin(w);
	json_array_end(w);
	json_key(w, "v");
	json_put_value(w, root);
	json_object_end(w);
	assert_int_equal(json_writer_end(w, &out), 0);
	assert_string_equal(out.bytes,
			    "{\"s\":\"a\\\"b\\\\\\n\xef\xbf\xbd\xc3\xa4\",\"null\":null,"
			    "\"name\":\"a\\\\x0a\\\\xff\",\"i\":-9223372036854775808,"
			    "\"b\":true,\"a\":[],\"v\":{\"k\":[1.25,true,null,\"s\",{}]}}\n");
}

static void unbalanced_json_is_an_error(void **state)
{
	/* '{' and '[' open, '}' and ']' close */
	static const struct {
		const char *calls;
		int r;
	} table[] = {
		{"[]", 0},	{"[[{}]]", 0},	  {"[", -EINVAL},
		{"{", -EINVAL}, {"[}", -EINVAL},  {"{]", -EINVAL},
		{"]", -EINVAL}, {"[]]", -EINVAL}, {"[{]}", -EINVAL},
	};

	for (size_t i = 0; i < COUNT(table); i++) {
		cleanup_json_writer struct json_writer *w = json_writer_new(true);
		cleanup_buf struct buf out = BUF_INIT;

		for (const char *c = table[i].calls; *c; c++) {
			if (*c == '{')
				json_object_begin(w);
			else if (*c == '[')
				json_array_begin(w);
			else if (*c == '}')
				json_object_end(w);
			else
				json_array_end(w);
		}
		if (json_writer_end(w, &out) != table[i].r)
			fail_msg("%s", table[i].calls);
	}
	json_writer_free(NULL);
}

/* ---- settings ---- */

static int settings_of(const char *text, struct settings *ret, struct error *err)
{
	return settings_parse("test.conf", text, strlen(text), ret, err);
}

static void settings_are_read(void **state)
{
	struct settings s, defaults;

	assert_int_equal(settings_of("", &defaults, NULL), 0);
	assert_true(defaults.state_directory[0] == '/');
	assert_int_equal(settings_of("# comment\n\n  state_directory = /srv/husk \r\n"
				     "shadow_after_runs=3\npassthrough = no\ndegrade=yes\n"
				     "trust_podman_annotations = yes\nhold_cpu_latency = no",
				     &s, NULL),
			 0);
	assert_string_equal(s.state_directory, "/srv/husk");
	assert_string_equal(s.event_file, "/srv/husk/events.jsonl");
	assert_int_equal(s.shadow_after_runs, 3);
	assert_false(s.passthrough);
	assert_true(s.degrade);
	assert_true(s.trust_podman_annotations);
	assert_false(defaults.trust_podman_annotations);
	assert_int_equal(s.hold_cpu_latency, HOLD_NO);
	assert_int_equal(defaults.hold_cpu_latency, HOLD_AUTO);
	assert_int_equal(s.enforce_after_runs, defaults.enforce_after_runs);
	settings_release(&s);
	settings_release(&defaults);
	/* The default file of events is what it is called, also elsewhere. */
	assert_int_equal(settings_of("state_directory = /srv/husk\n"
				     "event_file = " HUSK_STATE_DIR "/events.jsonl",
				     &s, NULL),
			 0);
	assert_string_equal(s.event_file, HUSK_STATE_DIR "/events.jsonl");
	settings_release(&s);
}

static void bad_settings_are_named_and_leave_the_defaults(void **state)
{
	static const struct {
		const char *text, *says;
	} table[] = {
		{"nonsense", "test.conf:1:"},
		{"\nunknown = 1", "test.conf:2: unknown key 'unknown'"},
		{"degrade = yes\ndegrade = yes", "test.conf:2: 'degrade' is set a second time"},
		{"degrade = maybe", "'degrade' takes 'yes' or 'no'"},
		{"hold_cpu_latency = on", "'hold_cpu_latency' takes 'auto', 'yes' or 'no'"},
		{"state_directory = relative", "'state_directory' takes an absolute path"},
		{"shadow_after_runs = 0", "'shadow_after_runs' takes a number"},
		{"shadow_after_runs = -1", "'shadow_after_runs' takes a number"},
		{"shadow_after_runs = 99999999999999999999", "'shadow_after_runs' takes a number"},
		{"shadow_after_runs =", "'shadow_after_runs' takes a number"},
		{"= 3", "unknown key ''"},
	};
	struct settings s, defaults;
	cleanup_free char *long_line = calloc(1, 10001);

	assert_int_equal(settings_of("", &defaults, NULL), 0);
	for (size_t i = 0; i < COUNT(table); i++) {
		struct error err = ERROR_INIT;

		assert_int_equal(settings_of(table[i].text, &s, &err), -EINVAL);
		if (!strstr(err.what, table[i].says))
			fail_msg("'%s' says '%s'", table[i].text, err.what);
		assert_string_equal(s.state_directory, defaults.state_directory);
		assert_int_equal(s.degrade, defaults.degrade);
	}
	memset(long_line, '/', 10000);
	assert_int_equal(settings_of(long_line, &s, NULL), -EINVAL);
	assert_int_equal(settings_parse("n", "degrade\0= yes", 13, &s, NULL), -EINVAL);
	assert_int_equal(settings_parse("n", "degrade = yes\0", 14, &s, NULL), -EINVAL);
	assert_int_equal(settings_read("/nonexistent.conf", &s, NULL), -ENOENT);
	memset(long_line, ' ', 10000);
	memcpy(long_line, "event_file = /", 14);
	memset(long_line + 14, 'x', 4096);
	long_line[14 + 4096] = '\0';
	assert_int_equal(settings_of(long_line, &s, NULL), -EINVAL);
	settings_release(&defaults);
}

/* ---- files ---- */

struct fixture {
	char path[64];
	int fd;
};

static int make_directory(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	if (!f)
		return -1;
	snprintf(f->path, sizeof(f->path), "/tmp/husk-base-test-XXXXXX");
	if (!mkdtemp(f->path))
		return -1;
	f->fd = open(f->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	*state = f;
	return f->fd < 0 ? -1 : 0;
}

static int remove_directory(void **state)
{
	struct fixture *f = *state;
	int r;

	close(f->fd);
	r = remove_tree_at(AT_FDCWD, f->path);
	free(f);
	return r;
}

static void only_a_file_of_the_right_size_is_mapped(void **state)
{
	const struct fixture *f = *state;
	const void *mapped;
	size_t mapped_len;

	assert_int_equal(atomic_file_write(f->fd, "a", "content", 7, 0600, NULL), 0);
	assert_int_equal(map_file_at(f->fd, "a", 7, 7, &mapped, &mapped_len), 0);
	assert_int_equal(mapped_len, 7);
	assert_memory_equal(mapped, "content", 7);
	assert_int_equal(munmap((void *)(uintptr_t)mapped, mapped_len), 0);
	assert_int_equal(map_file_at(f->fd, "a", 1, 6, &mapped, &mapped_len), -EPROTO);
	assert_int_equal(map_file_at(f->fd, "a", 8, 20, &mapped, &mapped_len), -EPROTO);
	assert_int_equal(map_file_at(f->fd, ".", 1, 20, &mapped, &mapped_len), -EPROTO);
	assert_int_equal(map_file_at(f->fd, "none", 1, 10, &mapped, &mapped_len), -ENOENT);
	assert_int_equal(mkfifoat(f->fd, "fifo", 0600), 0);
	assert_int_equal(map_file_at(f->fd, "fifo", 1, 10, &mapped, &mapped_len), -EPROTO);
	assert_int_equal(symlinkat("a", f->fd, "link"), 0);
	assert_int_equal(map_file_at(f->fd, "link", 1, 20, &mapped, &mapped_len), -ELOOP);
}

static void a_file_is_replaced_whole(void **state)
{
	const struct fixture *f = *state;
	cleanup_free char *large = calloc(1, 100000);
	cleanup_free char *bytes = NULL;
	struct stat st;
	size_t len;

	assert_int_equal(atomic_file_write(f->fd, "a", "one", 3, 0640, NULL), 0);
	assert_int_equal(atomic_file_write(f->fd, "a", large, 100000, 0640, NULL), 0);
	assert_int_equal(fstatat(f->fd, "a", &st, 0), 0);
	assert_int_equal(st.st_size, 100000);
	assert_int_equal(read_file_at(f->fd, "a", 99999, &bytes, &len, NULL), -EFBIG);
	assert_int_equal(read_file_at(f->fd, "a", 100000, &bytes, &len, NULL), 0);
	assert_int_equal(len, 100000);
	assert_int_equal(read_file_at(f->fd, "none", 10, &bytes, &len, NULL), -ENOENT);
	assert_int_equal(mkdirat(f->fd, "d", 0700), 0);
	assert_int_equal(atomic_file_write(f->fd, "d", "x", 1, 0600, NULL), -EISDIR);
	assert_int_equal(unlinkat(f->fd, "a", 0), 0);
	assert_int_equal(unlinkat(f->fd, "d", AT_REMOVEDIR), 0);
	/* no temporary file is left */
	assert_int_equal(rmdir(f->path), 0);
	assert_int_equal(mkdir(f->path, 0700), 0);
}

static void nothing_leads_out_of_a_root(void **state)
{
	const struct fixture *f = *state;
	char path[PATH_MAX];
	int fd;

	assert_int_equal(mkdirat(f->fd, "root", 0700), 0);
	assert_int_equal(atomic_file_write(f->fd, "outside", "x", 1, 0600, NULL), 0);
	snprintf(path, sizeof(path), "%s/outside", f->path);
	assert_int_equal(symlinkat(path, f->fd, "root/absolute"), 0);
	assert_int_equal(symlinkat("../outside", f->fd, "root/relative"), 0);
	assert_int_equal(symlinkat("/proc/self/root", f->fd, "root/magic"), 0);
	cleanup_close int root = openat(f->fd, "root", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	fd = open_in_root(root, "../outside", O_RDONLY, 0);
	if (fd == -ENOSYS || fd == -EPERM)
		skip();
	assert_int_equal(fd, -ENOENT);
	assert_int_equal(open_in_root(root, "absolute", O_RDONLY, 0), -ENOENT);
	assert_int_equal(open_in_root(root, "relative", O_RDONLY, 0), -ENOENT);
	assert_int_equal(open_in_root(root, "magic/etc", O_RDONLY, 0), -ENOENT);
	fd = open_in_root(root, "/new", O_RDWR | O_CREAT, 0600);
	assert_true(fd >= 0);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	close(fd);
	assert_int_equal(faccessat(f->fd, "root/new", F_OK, 0), 0);
}

static void a_tree_is_removed_but_not_through_links(void **state)
{
	const struct fixture *f = *state;
	char name[64] = "t";

	assert_int_equal(mkdirat(f->fd, "keep", 0700), 0);
	assert_int_equal(mkfifoat(f->fd, "keep/file", 0600), 0);
	assert_int_equal(mkdirat(f->fd, "t", 0700), 0);
	assert_int_equal(symlinkat("../keep", f->fd, "t/link"), 0);
	assert_int_equal(mkfifoat(f->fd, "t/fifo", 0600), 0);
	assert_int_equal(mkdirat(f->fd, "t/d", 0700), 0);
	assert_int_equal(remove_tree_at(f->fd, "t"), 0);
	assert_int_equal(remove_tree_at(f->fd, "t"), 0);
	assert_int_equal(faccessat(f->fd, "keep/file", F_OK, 0), 0);
	for (size_t len = 1; len < 2 * 12; len += 2) {
		assert_int_equal(mkdirat(f->fd, name, 0700), 0);
		memcpy(name + len, "/d", 3);
	}
	assert_int_equal(remove_tree_at(f->fd, "t"), -ELOOP);
	/* what is left is shallow enough from further down */
	assert_int_equal(remove_tree_at(f->fd, "t/d/d/d/d/d"), 0);
}

static void a_directory_is_made_with_its_parents(void **state)
{
	const struct fixture *f = *state;
	struct error err = ERROR_INIT;
	char path[PATH_MAX];
	struct stat st;

	snprintf(path, sizeof(path), "%s/a/b/c", f->path);
	for (int i = 0; i < 2; i++) {
		cleanup_close int fd = open_dir_made(path, 0700, &err);

		assert_true(fd >= 0);
		assert_int_equal(fstat(fd, &st), 0);
		assert_int_equal(st.st_mode & 07777, 0700);
		assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	}
	assert_int_equal(atomic_file_write(f->fd, "file", "", 0, 0600, NULL), 0);
	snprintf(path, sizeof(path), "%s/file/x", f->path);
	assert_int_equal(open_dir_made(path, 0700, &err), -ENOTDIR);
}

#define WITH_DIRECTORY(test) cmocka_unit_test_setup_teardown(test, make_directory, remove_directory)

/* ---- limits ---- */

static bool put_score(const char *score)
{
	cleanup_close int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	return fd >= 0 && write_all(fd, score, strlen(score)) == 0;
}

static int score_now(void)
{
	cleanup_free char *text = NULL;
	size_t len;

	return read_file_at(AT_FDCWD, "/proc/self/oom_score_adj", 16, &text, &len, NULL) < 0
		       ? -1
		       : (int)strtol(text, NULL, 10);
}

/* Exits with 0, or with the number of what is wrong. */
static _Noreturn void lift_in_child(void)
{
	static const int resources[] = {RLIMIT_CPU, RLIMIT_FSIZE, RLIMIT_DATA, RLIMIT_AS};
	struct rlimit limit;

	for (size_t i = 0; i < COUNT(resources); i++) {
		if (getrlimit(resources[i], &limit) < 0)
			_exit(1);
		limit.rlim_cur = 1 << 30;
		if (setrlimit(resources[i], &limit) < 0)
			_exit(2);
	}
	if (!put_score("900"))
		_exit(3);
	limits_lift();
	for (size_t i = 0; i < COUNT(resources); i++) {
		if (getrlimit(resources[i], &limit) < 0 || limit.rlim_cur != limit.rlim_max)
			_exit(4);
	}
	_exit(score_now() == 0 ? 0 : 5);
}

static void what_a_container_is_limited_to_is_lifted(void **state)
{
	pid_t pid = fork();
	int status;

	if (pid == 0)
		lift_in_child();
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void patience_ends_where_nothing_comes(void **state)
{
	struct patience patience = {0};
	unsigned int answers = 0, tried = 0;

	/* as long as requests come, it is tried each time */
	for (int i = 0; i < 100; i++) {
		assert_true(patience_is_due(&patience));
		patience_learn(&patience, true);
	}
	for (; answers < 10000; answers++) {
		if (!patience_is_due(&patience))
			continue;
		patience_learn(&patience, false);
		tried++;
	}
	assert_in_range(tried, 10000 / PATIENCE_PAUSE_MAX, 10000 / PATIENCE_PAUSE_MAX + 10);
	/* one that comes makes up for all */
	while (!patience_is_due(&patience))
		answers++;
	patience_learn(&patience, true);
	assert_true(patience_is_due(&patience));
	patience.alone = true;
	assert_false(patience_is_due(&patience));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_have_kinds),
		cmocka_unit_test(addresses_go_to_sockets_and_back),
		cmocka_unit_test(names_have_a_text_form_and_come_back),
		cmocka_unit_test(broken_escapes_are_refused),
		cmocka_unit_test(copies_names_and_numbers),
		cmocka_unit_test(hashes_and_checksums),
		cmocka_unit_test(checksums_of_every_length_and_place),
		cmocka_unit_test(times_as_text),
		cmocka_unit_test(errors_gather_context),
		cmocka_unit_test(a_printed_error_is_one_line),
		cmocka_unit_test(buffers_grow_and_stay_failed),
		cmocka_unit_test(json_is_read),
		cmocka_unit_test(bad_json_is_refused),
		cmocka_unit_test(json_is_written),
		cmocka_unit_test(unbalanced_json_is_an_error),
		cmocka_unit_test(settings_are_read),
		cmocka_unit_test(bad_settings_are_named_and_leave_the_defaults),
		WITH_DIRECTORY(only_a_file_of_the_right_size_is_mapped),
		WITH_DIRECTORY(a_file_is_replaced_whole),
		WITH_DIRECTORY(nothing_leads_out_of_a_root),
		WITH_DIRECTORY(a_tree_is_removed_but_not_through_links),
		WITH_DIRECTORY(a_directory_is_made_with_its_parents),
		cmocka_unit_test(what_a_container_is_limited_to_is_lifted),
		cmocka_unit_test(patience_ends_where_nothing_comes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
