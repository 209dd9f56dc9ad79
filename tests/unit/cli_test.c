/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The command line: options, tables, bundles, hook definitions, event lines, the choice of mounts.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/json.h"
#include "base/text.h"
#include "cli/bundle.h"
#include "cli/cli.h"
#include "cli/event_text.h"
#include "cli/hook_files.h"
#include "cli/host.h"
#include "cli/local.h"
#include "cli/options.h"
#include "cli/place.h"
#include "cli/process.h"
#include "cli/runtime.h"
#include "cli/table.h"

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))
#define WORDS_MAX 8

/* ---- options ---- */

struct values {
	bool flag;
	const char *text;
	struct cli_list list;
};

static int parse(const char *const *words, bool stop_early, struct values *v, char **operands,
		 int *ret_operands, const char **ret_config, struct error *err)
{
	const struct cli_option options[] = {
		{"flag", 'f', CLI_FLAG, &v->flag, NULL, "a flag"},
		{"text", 't', CLI_TEXT, &v->text, "TEXT", "a text"},
		{"list", 'l', CLI_LIST, &v->list, "ITEM", "a list"},
		{0},
	};
	const struct cli_syntax syntax = {
		.usage = "test [OPTION]... WORD",
		.about = "Tests.",
		.options = options,
		.operands_min = 1,
		.operands_max = stop_early ? -1 : 2,
		.stop_early = stop_early,
	};
	struct cli cli = {0};
	int argc = 1, r;

	operands[0] = (char *)(uintptr_t) "test";
	for (; words[argc - 1]; argc++)
		operands[argc] = (char *)(uintptr_t)words[argc - 1];
	r = cli_parse(&cli, &syntax, argc, operands, ret_operands, err);
	*ret_config = cli.settings_path;
	return r;
}

static void options_are_read(void **state)
{
	static const struct {
		const char *words[WORDS_MAX];
		bool stop_early;
		bool flag;
		const char *text, *item, *config, *first;
		int operands;
	} rows[] = {
		{{"a"}, false, false, NULL, NULL, NULL, "a", 1},
		{{"-f", "a"}, false, true, NULL, NULL, NULL, "a", 1},
		{{"a", "--flag"}, false, true, NULL, NULL, NULL, "a", 1},
		{{"a", "--flag"}, true, false, NULL, NULL, NULL, "a", 2},
		{{"--text", "x", "a"}, false, false, "x", NULL, NULL, "a", 1},
		{{"--text=x", "a"}, false, false, "x", NULL, NULL, "a", 1},
		{{"--text=", "a"}, false, false, "", NULL, NULL, "a", 1},
		{{"-tx", "a"}, false, false, "x", NULL, NULL, "a", 1},
		{{"-ft", "x", "a"}, false, true, "x", NULL, NULL, "a", 1},
		{{"-l", "i", "a"}, false, false, NULL, "i", NULL, "a", 1},
		{{"--config", "c", "a", "b"}, false, false, NULL, NULL, "c", "a", 2},
		{{"--", "-f"}, false, false, NULL, NULL, NULL, "-f", 1},
		{{"--", "--", "a"}, true, false, NULL, NULL, NULL, "--", 2},
		{{"a", "--", "-f"}, true, false, NULL, NULL, NULL, "a", 3},
		{{"-"}, false, false, NULL, NULL, NULL, "-", 1},
	};

	for (size_t i = 0; i < LENGTH(rows); i++) {
		struct values v = {0};
		struct error err = ERROR_INIT;
		char *operands[WORDS_MAX + 1];
		const char *config = NULL;
		int n = 0;

		assert_int_equal(
			parse(rows[i].words, rows[i].stop_early, &v, operands, &n, &config, &err),
			0);
		assert_int_equal(v.flag, rows[i].flag);
		assert_int_equal(n, rows[i].operands);
		assert_string_equal(operands[0], rows[i].first);
		assert_string_equal(v.text ? v.text : "-", rows[i].text ? rows[i].text : "-");
		assert_string_equal(config ? config : "-", rows[i].config ? rows[i].config : "-");
		assert_int_equal(v.list.n, rows[i].item ? 1 : 0);
		if (rows[i].item)
			assert_string_equal(v.list.items[0], rows[i].item);
		cli_list_release(&v.list);
	}
}

static void wrong_options_are_told(void **state)
{
	static const struct {
		const char *words[WORDS_MAX];
		const char *what;
	} rows[] = {
		{{"--nothing", "a"}, "unknown option '--nothing'"},
		{{"--fla", "a"}, "unknown option '--fla'"},
		{{"-x", "a"}, "unknown option '-x'"},
		{{"--flag=1", "a"}, "option '--flag' takes no value"},
		{{"a", "--text"}, "option '--text' needs a value"},
		{{"a", "-t"}, "option '-t' needs a value"},
		{{"-f"}, "an operand is missing: husk test [OPTION]... WORD"},
		{{"a", "b", "c"}, "one operand too many: 'c'"},
	};

	for (size_t i = 0; i < LENGTH(rows); i++) {
		struct values v = {0};
		struct error err = ERROR_INIT;
		char *operands[WORDS_MAX + 1];
		const char *config;
		int n = 0;

		assert_int_equal(parse(rows[i].words, false, &v, operands, &n, &config, &err),
				 EX_USAGE);
		assert_string_equal(err.what, rows[i].what);
		assert_string_equal(err.hint, "see 'husk test --help'");
		cli_list_release(&v.list);
	}
}

static void help_names_every_option(void **state)
{
	bool flag;
	const struct cli_option options[] = {
		{"flag", 'f', CLI_FLAG, &flag, NULL, "a flag"},
		{"an-option-that-is-long", 0, CLI_FLAG, &flag, NULL, "on the next line"},
		{0},
	};
	const struct cli_syntax syntax = {.usage = "x", .about = "About.", .options = options};
	cleanup_buf struct buf out = BUF_INIT;

	cli_help(&syntax, &out);
	assert_string_equal(out.bytes,
			    "Usage: husk x\n\nAbout.\n\nOptions:\n"
			    "  -f, --flag                a flag\n"
			    "      --an-option-that-is-long\n"
			    "                            on the next line\n"
			    "      --config FILE         read FILE instead of the default "
			    "husk.conf\n"
			    "  -h, --help                print this help\n");
}

/* ---- tables, names, modes ---- */

static void tables_are_aligned_and_tame(void **state)
{
	static const char *const headings[] = {"A", "NAME", "LAST"};
	static const char *const rows[][3] = {
		{"1", "x\x1b[31m\n", "end"},
		{"long", "\xc3\xa9", NULL},
	};
	cleanup_table struct table table = {0};
	cleanup_buf struct buf out = BUF_INIT;

	table_begin(&table, 3, headings);
	for (size_t i = 0; i < LENGTH(rows); i++)
		table_row(&table, rows[i]);
	assert_int_equal(table_print(&table, &out), 0);
	assert_string_equal(out.bytes, "A     NAME           LAST\n"
				       "1     x\\x1b[31m\\x0a  end\n"
				       "long  \xc3\xa9              -\n");
}

static void revisions_are_shortened(void **state)
{
	static const char *const rows[][2] = {
		{"v1", "v1"},
		{"sha256:0123456789abcdef0123", "0123456789ab"},
		{"0123456789abcdef", "0123456789ab"},
		{"0123456789ab", "0123456789ab"},
		{"a-name-that-is-rather-long-indeed", "a-name-that-is-rather-lo"},
	};
	char out[32];

	for (size_t i = 0; i < LENGTH(rows); i++) {
		cli_short_revision(rows[i][0], out, sizeof(out));
		assert_string_equal(out, rows[i][1]);
	}
}

static void modes_are_told_where_there_are_some(void **state)
{
	enum mode modes[DOMAINS] = {MODE_UNAVAILABLE};
	char out[64];

	cli_modes_text(modes, out, sizeof(out));
	assert_string_equal(out, "unavailable");
	modes[DOMAIN_FS] = MODE_ENFORCE;
	modes[DOMAIN_EXEC] = MODE_LEARN;
	cli_modes_text(modes, out, sizeof(out));
	assert_string_equal(out, "fs:enforce exec:learn");
}

static void function_names_are_read_from_their_text_form(void **state)
{
	struct error err = ERROR_INIT;
	char out[CLI_NAME_ROOM], longer[300];

	assert_int_equal(cli_function_name("odd\\x0aname", out, &err), 0);
	assert_string_equal(out, "odd\nname");
	assert_int_equal(cli_function_name("", out, &err), -EINVAL);
	assert_int_equal(cli_function_name("\\x", out, &err), -EINVAL);
	memset(longer, 'a', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	assert_int_equal(cli_function_name(longer, out, &err), -EINVAL);
}

/* ---- bundles ---- */

static bool is_py(const char *path)
{
	size_t len = strlen(path);

	return len > 3 && strcmp(path + len - 3, ".py") == 0;
}

static void a_function_is_named_after_its_program(void **state)
{
	static const struct {
		const char *args[5];
		const char *name;
	} rows[] = {
		{{"/usr/bin/thumb"}, "thumb"},
		{{"./thumb.bin", "x.py"}, "thumb"},
		{{"python3", "app.py"}, "app"},
		{{"/usr/bin/python3.11", "-u", "src/app.py", "other.py"}, "app"},
		{{"python3", "-c", "print()"}, "python3"},
		{{"python3.11", "-c", "print()"}, "python3.11"},
		{{"cat", "app.py"}, "cat"},
		{{"pythonic", "app.py"}, "pythonic"},
		{{"sh", "-c", "true"}, "sh"},
		{{"./a b:c"}, "a-b-c"},
		{{".hidden"}, ".hidden"},
		{{"/"}, "function"},
	};
	char out[64];

	for (size_t i = 0; i < LENGTH(rows); i++) {
		size_t n = 0;

		while (rows[i].args[n])
			n++;
		bundle_function_name(rows[i].args, n, is_py, out, sizeof(out));
		assert_string_equal(out, rows[i].name);
	}
}

static struct json *parsed(const struct buf *text)
{
	struct json *root = NULL;

	assert_int_equal(json_parse("test", text->bytes, text->len, &root, NULL), 0);
	return root;
}

static const struct json *member(const struct json *value, const char *a, const char *b)
{
	return b ? json_get(json_get(value, a), b) : json_get(value, a);
}

static const struct json *hook_args(const struct json *root, const char *stage, size_t i)
{
	return json_get(json_at(member(root, "hooks", stage), i), "args");
}

static void a_bundle_is_made_whole(void **state)
{
	static const char *const args[] = {"prog", "a"};
	static const char *const env[] = {"A=b"};
	static const char *const hidden[] = {"/var/lib/husk"};
	static const struct bundle_mount mounts[] = {
		{"/usr", "/usr", true, false, true},
		{"/w", "/w", false, true, false},
	};
	const struct bundle_plan plan = {
		.hooks = {"/l/husk-hook", "/l/husk-merge", "/etc/h.conf"},
		.function = "f",
		.revision = "r1",
		.trusted = true,
		.root = "/b/rootfs",
		.args = args,
		.n_args = 2,
		.env = env,
		.n_env = 1,
		.cwd = "/w",
		.uid = 5,
		.gid = 6,
		.network_none = true,
		.private_run = true,
		.mounts = mounts,
		.n_mounts = 2,
		.masked = hidden,
		.n_masked = 1,
	};
	cleanup_buf struct buf out = BUF_INIT;
	cleanup_json struct json *root = NULL;
	const struct json *list, *process;

	assert_int_equal(bundle_make(&plan, &out, NULL), 0);
	root = parsed(&out);
	assert_string_equal(json_string(member(root, "annotations", "husk.function")), "f");
	assert_string_equal(json_string(member(root, "annotations", "husk.trusted")), "true");
	assert_string_equal(json_string(member(root, "annotations", "husk.revision")), "r1");
	assert_true(json_bool(member(root, "root", "readonly"), false));
	process = json_get(root, "process");
	assert_true(json_bool(json_get(process, "noNewPrivileges"), false));
	assert_int_equal(json_count(member(process, "capabilities", "effective")), 0);
	assert_int_equal(json_count(member(process, "capabilities", "bounding")), 11);
	list = json_get(root, "mounts");
	assert_string_equal(
		json_string(json_get(json_at(list, json_count(list) - 3), "destination")), "/run");
	assert_string_equal(json_string(json_get(json_at(list, json_count(list) - 1), "source")),
			    "/w");
	list = member(root, "linux", "maskedPaths");
	assert_string_equal(json_string(json_at(list, json_count(list) - 1)), hidden[0]);
	assert_null(member(root, "linux", "resources"));
	assert_int_equal(json_count(member(root, "linux", "namespaces")), 5);
	list = hook_args(root, "createRuntime", 0);
	assert_int_equal(json_count(list), 4);
	assert_string_equal(json_string(json_at(list, 0)), "husk-hook");
	assert_string_equal(json_string(json_at(list, 2)), "/etc/h.conf");
	assert_string_equal(json_string(json_at(list, 3)), "createRuntime");
	list = hook_args(root, "poststop", 0);
	assert_string_equal(json_string(json_at(list, 0)), "husk-merge");
	assert_string_equal(json_string(json_at(list, 3)), "poststop");
	assert_null(member(root, "hooks", "createContainer"));
}

static void a_bundle_of_the_users_keeps_what_is_theirs(void **state)
{
	static const char theirs[] =
		"{\"ociVersion\":\"1.0\",\"root\":{\"path\":\"rootfs\"},\"x\":[1.50,null],"
		"\"process\":{\"terminal\":true,\"args\":[\"a\"]},"
		"\"mounts\":[{\"type\":\"bind\",\"source\":\"data\",\"destination\":\"/d\"},"
		"{\"type\":\"tmpfs\",\"source\":\"tmpfs\",\"destination\":\"/t\"},"
		"{\"source\":\"s\",\"destination\":\"/s\",\"options\":[\"rbind\"]}],"
		"\"hooks\":{\"prestart\":[{\"path\":\"/p\"}],\"createRuntime\":[{\"path\":\"/"
		"c\"}]},"
		"\"annotations\":{\"husk.function\":\"theirs\",\"k\":\"v\"}}";
	static const struct {
		const char *name, *function;
		bool terminal;
	} rows[] = {{NULL, "theirs", false}, {"ours", "ours", true}};

	for (size_t i = 0; i < LENGTH(rows); i++) {
		const struct bundle_plan plan = {.hooks = {"/l/husk-hook", "/l/husk-merge", NULL},
						 .function = rows[i].name,
						 .terminal = rows[i].terminal};
		cleanup_buf struct buf out = BUF_INIT;
		cleanup_json struct json *before = NULL, *root = NULL;
		const struct json *mounts;

		assert_int_equal(json_parse("t", theirs, strlen(theirs), &before, NULL), 0);
		assert_int_equal(bundle_adapt(&plan, "/b", before, &out, NULL), 0);
		root = parsed(&out);
		mounts = json_get(root, "mounts");
		assert_string_equal(json_string(member(root, "root", "path")), "/b/rootfs");
		assert_string_equal(json_string(json_get(json_at(mounts, 0), "source")), "/b/data");
		assert_string_equal(json_string(json_get(json_at(mounts, 1), "source")), "tmpfs");
		assert_string_equal(json_string(json_get(json_at(mounts, 2), "source")), "/b/s");
		assert_string_equal(json_string(member(root, "annotations", "husk.function")),
				    rows[i].function);
		assert_string_equal(json_string(member(root, "annotations", "k")), "v");
		assert_int_equal(json_count(member(root, "hooks", "prestart")), 1);
		assert_int_equal(json_count(member(root, "hooks", "createRuntime")), 2);
		assert_string_equal(json_string(json_at(hook_args(root, "createRuntime", 1), 1)),
				    "createRuntime");
		assert_int_equal(json_bool(member(root, "process", "terminal"), false),
				 rows[i].terminal);
		assert_non_null(strstr(out.bytes, "1.50"));
	}
}

static void a_config_that_is_no_object_is_refused(void **state)
{
	const struct bundle_plan plan = {.hooks = {"/l/husk-hook", "/l/husk-merge", NULL}};
	cleanup_buf struct buf out = BUF_INIT;
	cleanup_json struct json *list = NULL;
	struct error err = ERROR_INIT;

	assert_int_equal(json_parse("t", "[]", 2, &list, NULL), 0);
	assert_int_equal(bundle_adapt(&plan, "/b", list, &out, &err), -EINVAL);
	assert_string_equal(err.what, "config.json is not a JSON object");
}

static void names_of_functions_are_checked(void **state)
{
	assert_true(local_name_is_good("thumb nail/\xc3\xa9"));
	assert_false(local_name_is_good(""));
	assert_false(local_name_is_good("a\nb"));
	assert_false(local_name_is_good("a\x7f"));
	assert_false(local_name_is_good("\xff"));
}

/* ---- hook definitions ---- */

static void hook_files_are_recognised(void **state)
{
	static const struct {
		const char *text;
		int result;
		bool present, ours, there;
	} rows[] = {
		{NULL, 0, false, false, false},
		{"{\"hook\":{\"path\":\"/nowhere/husk-hook\"}}", 0, true, true, false},
		{"{\"hook\":{\"path\":\"/nowhere/husk-merge\"}}", 0, true, true, false},
		{"{\"hook\":{\"path\":\"/bin/sh\"}}", 0, true, false, true},
		{"{\"hook\":{\"path\":\"husk-hook\"}}", 0, true, false, false},
		{"{}", 0, true, false, false},
		{"{", -EINVAL, false, false, false},
	};
	char directory[] = "/tmp/husk-unit-cli-XXXXXX";
	cleanup_close int dir_fd = -1;

	assert_non_null(mkdtemp(directory));
	dir_fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (size_t i = 0; i < LENGTH(rows); i++) {
		struct error err = ERROR_INIT;
		struct hook_file file;

		if (rows[i].text)
			assert_int_equal(atomic_file_write(dir_fd, "husk-poststop.json",
							   rows[i].text, strlen(rows[i].text), 0600,
							   NULL),
					 0);
		assert_int_equal(hook_file_look(dir_fd, HOOK_POSTSTOP, &file, &err),
				 rows[i].result);
		assert_int_equal(file.present, rows[i].present);
		assert_int_equal(file.ours, rows[i].ours);
		assert_int_equal(file.program_there, rows[i].there);
		assert_int_equal(err.code, -rows[i].result);
	}
	assert_int_equal(unlinkat(dir_fd, "husk-poststop.json", 0), 0);
	assert_int_equal(rmdir(directory), 0);
}

static void hook_files_name_when_and_stage(void **state)
{
	const struct hook_plan plan = {"/l/husk-hook", "/l/husk-merge", NULL};

	for (int stage = 0; stage < HOOK_STAGES; stage++) {
		for (int only = 0; only < 2; only++) {
			cleanup_buf struct buf out = BUF_INIT;
			cleanup_json struct json *root = NULL;
			const struct json *when, *stages;

			assert_int_equal(
				hook_file_make(&plan, (enum hook_stage)stage, only == 1, &out), 0);
			root = parsed(&out);
			when = json_get(root, "when");
			stages = json_get(root, "stages");
			assert_string_equal(json_string(json_get(root, "version")), "1.0.0");
			assert_int_equal(json_bool(json_get(when, "always"), false), only == 0);
			assert_int_equal(json_is_object(json_get(when, "annotations")), only == 1);
			assert_string_equal(json_string(json_at(stages, 0)),
					    hook_stage_name((enum hook_stage)stage));
		}
	}
}

/* ---- events ---- */

static void events_are_shown_on_one_tame_line(void **state)
{
	static const struct {
		const char *line, *text;
	} rows[] = {
		{"{\"time\":\"2026-01-31T12:00:00.000Z\",\"event\":\"denied\",\"function\":\"f\","
		 "\"domain\":\"fs\",\"operation\":\"read\",\"key\":\"/a\",\"program\":\"/p\"}",
		 "2026-01-31 12:00:00  denied      f  fs read /a by /p\n"},
		{"{\"time\":\"2026-01-31T12:00:00.000Z\",\"event\":\"denied\",\"domain\":\"exec\","
		 "\"operation\":\"exec\",\"key\":\"/a\"}",
		 "2026-01-31 12:00:00  denied      exec /a\n"},
		{"{\"time\":\"2026-01-31T12:00:00.000Z\",\"event\":\"run\",\"modes\":{\"fs\":"
		 "\"learn\","
		 "\"exec\":\"shadow\",\"net\":\"unavailable\"},\"detail\":\"new\"}",
		 "2026-01-31 12:00:00  run         fs:learn exec:shadow  - new\n"},
		{"{\"time\":\"2026-01-31T12:00:00.000Z\",\"event\":\"degraded\",\"container\":"
		 "\"c1\",\"detail\":\"not wrapped\"}",
		 "2026-01-31 12:00:00  degraded    container c1  - not wrapped\n"},
		{"{\"time\":\"x\\u001b[1m\",\"event\":\"a\\nb\",\"count\":3}",
		 "x?[1m  a?b         (3)\n"},
		{"{\"event\":\"denied\"}", ""},
		{"nothing", ""},
		{"", ""},
	};

	for (size_t i = 0; i < LENGTH(rows); i++) {
		cleanup_buf struct buf out = BUF_INIT;

		assert_int_equal(event_line_text(rows[i].line, strlen(rows[i].line), &out), 0);
		assert_string_equal(out.bytes ? out.bytes : "", rows[i].text);
	}
}

static void events_are_chosen_by_function(void **state)
{
	static const char of_f[] = "{\"function\":\"f\"}", of_none[] = "{}", broken[] = "{";

	assert_true(event_line_is_of(of_f, strlen(of_f), "f"));
	assert_true(event_line_is_of(of_f, strlen(of_f), NULL));
	assert_false(event_line_is_of(of_f, strlen(of_f), "g"));
	assert_false(event_line_is_of(of_none, strlen(of_none), "f"));
	assert_true(event_line_is_of(of_none, strlen(of_none), NULL));
	assert_false(event_line_is_of(broken, strlen(broken), NULL));
}

/* ---- places, users, environment, host ---- */

static void paths_are_compared_by_components(void **state)
{
	assert_true(place_is_below("/a", "/a"));
	assert_true(place_is_below("/a/b", "/a"));
	assert_true(place_is_below("/a/b", "/a/"));
	assert_true(place_is_below("/a", "/"));
	assert_false(place_is_below("/ab", "/a"));
	assert_false(place_is_below("/", "/a"));
}

static void paths_are_cleaned(void **state)
{
	static const char *const rows[][2] = {
		{"/", "/"},
		{"//", "/"},
		{"/a", "/a"},
		{"/a//b/", "/a/b"},
		{"/./a/.", "/a"},
		{"/a/../b", "/b"},
		{"/a/b/../../..", "/"},
		{"/../a", "/a"},
		{"/.a/..b/...", "/.a/..b/..."},
		{"/tmp/../tmp/{rand}.txt", "/tmp/{rand}.txt"},
	};

	for (size_t i = 0; i < LENGTH(rows); i++) {
		char path[64];

		assert_true(text_copy(path, sizeof(path), rows[i][0]));
		place_clean(path);
		assert_string_equal(path, rows[i][1]);
	}
}

static int nothing_to_prepare(void *context)
{
	return 0;
}

static void ignored_signals_stay_ignored(void **state)
{
	static const char *const argv[] = {"/bin/sh", "-c", "kill -HUP $PPID; exit 3", NULL};
	const struct runtime_job job = {
		.argv = argv, .pid_file = "/nonexistent", .prepare = nothing_to_prepare};
	struct error err = ERROR_INIT;
	sigset_t before;
	int status = 0;

	assert_int_equal(sigprocmask(SIG_BLOCK, NULL, &before), 0);
	assert_true(signal(SIGHUP, SIG_IGN) != SIG_ERR);
	/* Ignored too, it must not take the status away. */
	assert_true(signal(SIGCHLD, SIG_IGN) != SIG_ERR);
	assert_int_equal(runtime_run(&job, &status, &err), 0);
	assert_int_equal(status, 3);
	assert_true(signal(SIGHUP, SIG_DFL) == SIG_IGN);
	assert_int_equal(sigprocmask(SIG_SETMASK, &before, NULL), 0);
}

static void data_mounts_are_chosen(void **state)
{
	static const struct mountinfo_entry entries[] = {
		{.point = "/", .type = "ext4"},
		{.point = "/proc", .type = "proc"},
		{.point = "/dev/shm", .type = "tmpfs"},
		{.point = "/usr", .type = "ext4"},
		{.point = "/usr", .type = "ext4"},
		{.point = "/run", .type = "tmpfs"},
		{.point = "/home", .type = "xfs"},
		{.point = "/home/me/work/deep", .type = "xfs"},
		{.point = "/etc/hosts", .type = "ext4"},
		{.point = "/var/lib/docker/overlay2/x/merged", .type = "overlay"},
		{.point = "/mnt/cloud", .type = "fuse.sshfs"},
		{.point = "/var/lib/husk/x", .type = "ext4"},
		{.point = "/media", .type = "autofs"},
	};
	static const char *const expected[] = {"/usr", "/home", "/etc/hosts"};
	static const char *const hidden[] = {"/var/lib/husk"};
	struct mountinfo info = {.n_entries = LENGTH(entries)};
	struct bundle_mount mounts[PLACE_MOUNTS_MAX];
	struct mountinfo_entry copy[LENGTH(entries)];
	size_t left_out = 1, n;

	memcpy(copy, entries, sizeof(entries));
	info.entries = copy;
	n = place_choose(&info, "/home/me/work", hidden, 1, mounts, &left_out);
	assert_int_equal(n, LENGTH(expected));
	assert_int_equal(left_out, 0);
	for (size_t i = 0; i < n; i++) {
		assert_string_equal(mounts[i].destination, expected[i]);
		assert_true(mounts[i].read_only);
	}
}

static void users_are_read(void **state)
{
	static const struct {
		const char *text;
		bool names;
		int result;
		uint32_t uid, gid;
	} rows[] = {
		{"0", true, 0, 0, 0},
		{"1000", false, 0, 1000, 0},
		{"1000:100", false, 0, 1000, 100},
		{"root", true, 0, 0, 0},
		{"root:7", true, 0, 0, 7},
		{"root", false, -EINVAL, 0, 0},
		{"4294967295", true, -EINVAL, 0, 0},
		{"no such user", true, -EINVAL, 0, 0},
		{"0:no such group", true, -EINVAL, 0, 0},
		{"", true, -EINVAL, 0, 0},
	};

	for (size_t i = 0; i < LENGTH(rows); i++) {
		struct process_user user = {0};
		struct error err = ERROR_INIT;

		assert_int_equal(process_user_parse(rows[i].text, rows[i].names, &user, &err),
				 rows[i].result);
		assert_int_equal(user.uid, rows[i].uid);
		assert_int_equal(user.gid, rows[i].gid);
	}
}

static void the_last_value_of_a_variable_wins(void **state)
{
	cleanup_process_env struct process_env env = {0};
	struct error err = ERROR_INIT;

	assert_int_equal(setenv("HUSK_UNIT", "passed", 1), 0);
	assert_int_equal(process_env_set(&env, "A", "1"), 0);
	assert_int_equal(process_env_parse(&env, "AB=x=y", &err), 0);
	assert_int_equal(process_env_parse(&env, "A=2", &err), 0);
	assert_int_equal(process_env_parse(&env, "HUSK_UNIT", &err), 0);
	assert_int_equal(process_env_parse(&env, "HUSK_UNIT_ABSENT", &err), 0);
	assert_int_equal(process_env_parse(&env, "=x", &err), -EINVAL);
	assert_int_equal(env.n, 3);
	assert_string_equal(env.items[0], "A=2");
	assert_string_equal(env.items[1], "AB=x=y");
	assert_string_equal(env.items[2], "HUSK_UNIT=passed");
}

static void versions_are_compared(void **state)
{
	assert_true(host_version_at_least("6.9.0-1-amd64", 6, 9));
	assert_true(host_version_at_least("6.10", 6, 9));
	assert_true(host_version_at_least("7.0", 6, 9));
	assert_false(host_version_at_least("6.1.0-28", 6, 9));
	assert_false(host_version_at_least("5.19", 6, 9));
	assert_false(host_version_at_least("linux", 0, 0));
}

static void a_host_can_wrap_unless_something_is_missing(void **state)
{
	struct host_report report = {0};

	host_add(&report, "a", HOST_OK, "fine");
	host_add(&report, "b", HOST_DEGRADED, "less");
	assert_true(host_can_wrap(&report));
	host_add(&report, "c", HOST_MISSING, "gone %d", 1);
	assert_false(host_can_wrap(&report));
	assert_string_equal(report.items[2].detail, "gone 1");
}

static void the_runtimes_last_error_is_found(void **state)
{
	static const char log[] = "{\"level\":\"error\",\"msg\":\"first\"}\n"
				  "not json\n"
				  "{\"level\":\"error\",\"msg\":\"second\\u001b\"}\n"
				  "{\"level\":\"warning\",\"msg\":\"third\"}\n";
	char path[] = "/tmp/husk-unit-cli-XXXXXX", out[64] = "";
	cleanup_close int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_false(runtime_last_error(path, out, sizeof(out)));
	assert_int_equal(write_all(fd, log, strlen(log)), 0);
	assert_true(runtime_last_error(path, out, sizeof(out)));
	assert_string_equal(out, "second\\x1b");
	assert_int_equal(unlink(path), 0);
	assert_false(runtime_last_error(path, out, sizeof(out)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(options_are_read),
		cmocka_unit_test(wrong_options_are_told),
		cmocka_unit_test(help_names_every_option),
		cmocka_unit_test(tables_are_aligned_and_tame),
		cmocka_unit_test(revisions_are_shortened),
		cmocka_unit_test(modes_are_told_where_there_are_some),
		cmocka_unit_test(function_names_are_read_from_their_text_form),
		cmocka_unit_test(a_function_is_named_after_its_program),
		cmocka_unit_test(a_bundle_is_made_whole),
		cmocka_unit_test(a_bundle_of_the_users_keeps_what_is_theirs),
		cmocka_unit_test(a_config_that_is_no_object_is_refused),
		cmocka_unit_test(names_of_functions_are_checked),
		cmocka_unit_test(hook_files_are_recognised),
		cmocka_unit_test(hook_files_name_when_and_stage),
		cmocka_unit_test(events_are_shown_on_one_tame_line),
		cmocka_unit_test(events_are_chosen_by_function),
		cmocka_unit_test(paths_are_compared_by_components),
		cmocka_unit_test(paths_are_cleaned),
		cmocka_unit_test(ignored_signals_stay_ignored),
		cmocka_unit_test(data_mounts_are_chosen),
		cmocka_unit_test(users_are_read),
		cmocka_unit_test(the_last_value_of_a_variable_wins),
		cmocka_unit_test(versions_are_compared),
		cmocka_unit_test(a_host_can_wrap_unless_something_is_missing),
		cmocka_unit_test(the_runtimes_last_error_is_found),
	};

	if (setenv("TZ", "UTC", 1) < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
