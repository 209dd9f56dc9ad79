/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The container part: what engines write, and what somebody hostile would. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/mount.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "base/sha256.h"
#include "container/bundle.h"
#include "container/definition-internal.h"
#include "container/entry.h"
#include "container/identity.h"
#include "container/mountinfo.h"
#include "container/spec.h"
#include "container/state.h"
#include "policy/calls.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static const char *test_directory; /* tests/unit */

/* ---- state ---- */

static void test_state(void **unused)
{
	static const struct {
		const char *text;
		int result;
		const char *error;
		pid_t pid;
	} cases[] = {
		{"{\"ociVersion\":\"1.0\",\"id\":\"a\",\"bundle\":\"/b\",\"pid\":12,\"root\":\"/"
		 "r\"}",
		 0, "", 12},
		{"{\"id\":\"a\",\"bundle\":\"/b\",\"status\":\"creating\"}", 0, "", 0},
		{"{\"id\":\"a\",\"bundle\":\"/b\",\"pid\":null}", 0, "", 0},
		{"", -EINVAL, "state is not JSON", 0},
		{"{\"id\":\"a\",\"bundle\":\"/b\"", -EINVAL, "state is not JSON", 0},
		{"[]", -EINVAL, "state is no JSON object", 0},
		{"null", -EINVAL, "state is no JSON object", 0},
		{"{\"bundle\":\"/b\"}", -EINVAL, "state: 'id' is missing", 0},
		{"{\"id\":7,\"bundle\":\"/b\"}", -EINVAL, "state: 'id' is no string", 0},
		{"{\"id\":\"\",\"bundle\":\"/b\"}", -EINVAL, "state: 'id' is empty", 0},
		{"{\"id\":\"../x\",\"bundle\":\"/b\"}", -EINVAL, "state: 'id' is no file name", 0},
		{"{\"id\":\"..\",\"bundle\":\"/b\"}", -EINVAL, "state: 'id' is no file name", 0},
		{"{\"id\":\"a\\nb\",\"bundle\":\"/b\"}", -EINVAL, "state: 'id' is no file name", 0},
		{"{\"id\":\"a\\u0000b\",\"bundle\":\"/b\"}", -EINVAL, "state holds a NUL", 0},
		{"{\"id\":\"a\"}", -EINVAL, "state: 'bundle' is missing", 0},
		{"{\"id\":\"a\",\"bundle\":\"b\"}", -EINVAL, "state: 'bundle' is no absolute", 0},
		{"{\"id\":\"a\",\"bundle\":\"/b\",\"pid\":\"1\"}", -EINVAL, "'pid' is no integer",
		 0},
		{"{\"id\":\"a\",\"bundle\":\"/b\",\"pid\":-1}", -EINVAL, "'pid' is out of range",
		 0},
		{"{\"id\":\"a\",\"bundle\":\"/b\",\"pid\":2147483648}", -EINVAL, "'pid' is out", 0},
		{"{\"id\":\"a\",\"bundle\":\"/b\",\"status\":[]}", -EINVAL, "'status' is no", 0},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		cleanup_oci_state struct oci_state state = {0};
		struct error err = ERROR_INIT;
		int r = oci_state_parse(cases[i].text, strlen(cases[i].text), &state, &err);

		assert_int_equal(r, cases[i].result);
		assert_non_null(strstr(err.what, cases[i].error));
		if (r == 0)
			assert_int_equal(state.pid, cases[i].pid);
	}
}

static void test_state_limits(void **unused)
{
	cleanup_buf struct buf text = BUF_INIT;
	struct oci_state state;
	struct error err = ERROR_INIT;

	buf_add_text(&text, "{\"bundle\":\"/b\",\"id\":\"");
	for (int i = 0; i < 1025; i++)
		buf_add_text(&text, "x");
	buf_add_text(&text, "\"}");
	assert_int_equal(oci_state_parse(text.bytes, text.len, &state, &err), -EINVAL);
	buf_release(&text);
	for (int i = 0; i < 100000; i++)
		buf_add_text(&text, "{\"a\":");
	assert_int_equal(oci_state_parse(text.bytes, text.len, &state, &err), -EFBIG);
	assert_int_equal(oci_state_parse("{\"id\":\"a\0\"}", 11, &state, &err), -EINVAL);
}

/* ---- config.json ---- */

#define ROOT "\"root\":{\"path\":\"rootfs\"}"

#define ALLOWS(names) "{\"names\":[" names "],\"action\":\"SCMP_ACT_ALLOW\"}"
#define LAUNCHER "\"prctl\",\"seccomp\",\"faccessat\",\"capget\",\"capset\""
#define TERMINALS "\"statx\",\"fcntl\",\"openat\",\"dup3\",\"close\""

static void test_spec_seccomp(void **unused)
{
	static const struct {
		const char *profile;
		bool closed, listener, stays, blind;
	} table[] = {
		{"null", false, false},
		{"{\"defaultAction\":\"SCMP_ACT_ALLOW\"}", false, false},
		{"{\"defaultAction\":\"SCMP_ACT_LOG\",\"listenerPath\":\"/s\"}", false, true},
		{"{\"defaultAction\":\"SCMP_ACT_ERRNO\"}", true, false, true, true},
		{"{}", true, false, true, true},
		{"{\"defaultAction\":\"SCMP_ACT_NOTIFY\"}", true, false, false, true},
		{"{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"chdir\"],"
		 "\"action\":\"SCMP_ACT_ERRNO\"}]}",
		 false, false, true, false},
		{"{\"defaultAction\":\"SCMP_ACT_KILL\",\"syscalls\":[" ALLOWS(
			 LAUNCHER "," TERMINALS ",\"chdir\"") "]}",
		 false, false, false, false},
		{"{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"syscalls\":[" ALLOWS(LAUNCHER) "]}",
		 false, false, true, true},
		{"{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"syscalls\":[" ALLOWS(
			 "\"prctl\",\"seccomp\"") "," ALLOWS("\"read\"") "]}",
		 true, false, true, true},
		/* refused by name, or let through with some arguments only */
		{"{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"seccomp\"],"
		 "\"action\":\"SCMP_ACT_ERRNO\"}]}",
		 true, false},
		{"{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"prctl\"],"
		 "\"action\":\"SCMP_ACT_ALLOW\",\"args\":[{\"index\":0}]}]}",
		 true, false},
		{"{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"seccomp\",7],"
		 "\"action\":\"SCMP_ACT_ALLOW\",\"args\":[]}]}",
		 false, false},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		cleanup_oci_spec struct oci_spec spec = {0};
		char text[1024];

		snprintf(text, sizeof(text), "{" ROOT ",\"linux\":{\"seccomp\":%s}}",
			 table[i].profile);
		assert_int_equal(oci_spec_parse("c", text, strlen(text), &spec, NULL), 0);
		assert_int_equal(spec.seccomp_closed, table[i].closed);
		assert_int_equal(spec.seccomp_listener, table[i].listener);
		assert_int_equal(spec.seccomp_stays, table[i].stays);
		assert_int_equal(spec.seccomp_blind, table[i].blind);
	}
}

#define REFUSES(names) "{\"names\":[" names "],\"action\":\"SCMP_ACT_ERRNO\"}"

static void test_spec_calls(void **unused)
{
	static const char *const names[] = {"chdir", "clone", "openat", "read", "write"};
	static const struct {
		const char *profile;
		uint32_t calls;
	} table[] = {
		{"null", CALLS_ALL},
		{"{\"defaultAction\":\"SCMP_ACT_ALLOW\"}", 5},
		{"{\"defaultAction\":\"SCMP_ACT_LOG\"}", 5},
		{"{\"defaultAction\":\"SCMP_ACT_NOTIFY\"}", 0},
		{"{}", 0},
		{"{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[" REFUSES(
			 "\"openat\",\"clone\",\"fstatat64\"") "," REFUSES("\"openat\"") "]}",
		 3},
		/* one of them by two rules, one that the machine does not have, and no name */
		{"{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"syscalls\":[" ALLOWS(
			 "\"read\",\"write\",\"_llseek\",7") "," ALLOWS("\"read\"") ",7]}",
		 2},
		{"{\"defaultAction\":\"SCMP_ACT_KILL\",\"syscalls\":[{\"names\":[\"read\"],"
		 "\"action\":\"SCMP_ACT_LOG\"},{\"names\":[\"write\"],\"action\":"
		 "\"SCMP_ACT_NOTIFY\"}]}",
		 1},
		/* with some arguments only, by itself and beside a rule for all of them */
		{"{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"syscalls\":[{\"names\":[\"clone\","
		 "\"read\"],"
		 "\"action\":\"SCMP_ACT_ALLOW\",\"args\":[{\"index\":0}]}," ALLOWS("\"read\"") "]}",
		 1},
		{"{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[" ALLOWS(
			 "\"read\"") ",{\"names\":[\"clone\",\"read\"],"
				     "\"action\":\"SCMP_ACT_ERRNO\",\"args\":[{\"index\":0}]}]}",
		 4},
	};
	cleanup_oci_spec struct oci_spec bare = {0};

	for (size_t i = 0; i < COUNT(table); i++) {
		cleanup_oci_spec struct oci_spec spec = {0};
		char text[1024];

		snprintf(text, sizeof(text), "{" ROOT ",\"linux\":{\"seccomp\":%s}}",
			 table[i].profile);
		assert_int_equal(oci_spec_parse("c", text, strlen(text), &spec, NULL), 0);
		if (oci_spec_calls(&spec, names, COUNT(names)) != table[i].calls)
			fail_msg("%s: %u", table[i].profile,
				 oci_spec_calls(&spec, names, COUNT(names)));
	}
	assert_int_equal(oci_spec_parse("c", "{" ROOT "}", strlen("{" ROOT "}"), &bare, NULL), 0);
	assert_int_equal(oci_spec_calls(&bare, names, COUNT(names)), CALLS_ALL);
}

static void test_spec_members(void **unused)
{
	static const char text[] =
		"{\"ociVersion\":\"1.0\",\"unknown\":[1,{}]," ROOT
		",\"process\":{\"terminal\":true,\"capabilities\":{\"bounding\":"
		"[\"CAP_CHOWN\",\"CAP_BPF\",\"CAP_OF_TOMORROW\"],\"effective\":[\"CAP_KILL\"]},"
		"\"user\":{\"uid\":1000,\"gid\":100},\"args\":[\"/bin/sh\",\"-c\",\"\"],\"cwd\":\"/"
		"w\","
		"\"env\":[\"A=1\",\"AB=2\",\"A=3\",\"B=\",\"C=1\",\"C\"]},"
		"\"mounts\":[{\"destination\":\"/proc\",\"type\":\"proc\",\"source\":\"proc\"},"
		"{\"destination\":\"data\"}],\"annotations\":{\"k\":\"v\"},"
		"\"linux\":{\"cgroupsPath\":\"/c\",\"namespaces\":[{\"type\":\"mount\"},"
		"{\"type\":\"user\",\"path\":\"/proc/1/ns/user\"}]}}";
	cleanup_oci_spec struct oci_spec spec = {0};

	assert_int_equal(oci_spec_parse("c", text, strlen(text), &spec, NULL), 0);
	assert_string_equal(spec.root_path, "rootfs");
	assert_int_equal(spec.n_args, 3);
	assert_string_equal(spec.args[0], "/bin/sh");
	assert_null(spec.args[3]);
	assert_null(spec.env[spec.n_env]);
	assert_int_equal(spec.uid, 1000);
	assert_int_equal(spec.gid, 100);
	assert_true(spec.terminal);
	assert_true(spec.bounding == (UINT64_C(1) | UINT64_C(1) << 39));
	assert_false(spec.root_readonly);
	assert_string_equal(spec.cwd, "/w");
	assert_int_equal(spec.n_mounts, 2);
	assert_string_equal(spec.mounts[1].destination, "data");
	assert_null(spec.mounts[1].type);
	assert_true(spec.mount_namespace && spec.mount_namespace_new && spec.user_namespace);
	assert_string_equal(spec.cgroups_path, "/c");
	assert_string_equal(oci_spec_annotation(&spec, "k"), "v");
	assert_null(oci_spec_annotation(&spec, "x"));
	assert_string_equal(oci_spec_env(&spec, "A"), "3");
	assert_string_equal(oci_spec_env(&spec, "B"), "");
	assert_null(oci_spec_env(&spec, "C"));
	assert_null(oci_spec_env(&spec, "D"));
}

static void test_spec_mount_at(void **unused)
{
	static const char text[] =
		"{" ROOT ",\"linux\":{\"rootfsPropagation\":\"rshared\"},\"mounts\":["
		"{\"destination\":\"/v\",\"options\":[\"rbind\",\"rslave\"]},"
		"{\"destination\":\"v//in/\","
		"\"options\":[\"shared\",\"noexec\",\"ro\",\"private\"]},"
		"{\"destination\":\"/v\","
		"\"options\":[\"noexec\",\"private\",\"slave\",7,\"exec\"]},"
		"{\"destination\":\"/\",\"options\":[\"rshared\",\"rprivate\"]},"
		"{\"destination\":\"/w\",\"options\":null},{\"destination\":\"/w/x\"}]}";
	static const struct {
		const char *point;
		int mount; /* -1: none */
		bool propagates, noexec;
	} cases[] = {
		{"/v", 2, true, false},	      {"/v/other/deep", 2, true, false},
		{"/v/in", 1, false, true},    {"/v/in/x", 1, false, true},
		{"/v/inner", 2, true, false}, {"/vv", -1, false, false},
		{"/w", 4, false, false},      {"/w/x", 5, false, false},
		{"/", -1, false, false},
	};
	cleanup_oci_spec struct oci_spec spec = {0};

	assert_int_equal(oci_spec_parse("c", text, strlen(text), &spec, NULL), 0);
	assert_true(spec.root_shared);
	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct oci_mount *mount = oci_spec_mount_at(&spec, cases[i].point);

		if (cases[i].mount < 0) {
			assert_null(mount);
			continue;
		}
		assert_ptr_equal(mount, &spec.mounts[cases[i].mount]);
		assert_int_equal(mount->propagates, cases[i].propagates);
		assert_int_equal(mount->noexec, cases[i].noexec);
	}
}

static void test_spec_inner_hooks(void **unused)
{
	static const struct {
		const char *hooks;
		bool inner;
	} table[] = {
		{"null", false},
		{"{}", false},
		{"{\"createRuntime\":[{\"path\":\"/h\"}],\"startContainer\":[]}", false},
		{"{\"startContainer\":[{\"path\":\"/h\"}]}", true},
		{"{\"createContainer\":[{\"path\":\"/h\"}]}", true},
	};

	for (size_t i = 0; i < COUNT(table); i++) {
		cleanup_oci_spec struct oci_spec spec = {0};
		char text[256];

		snprintf(text, sizeof(text), "{" ROOT ",\"hooks\":%s}", table[i].hooks);
		assert_int_equal(oci_spec_parse("c", text, strlen(text), &spec, NULL), 0);
		assert_int_equal(spec.has_inner_hooks, table[i].inner);
	}
}

static void test_spec_least(void **unused)
{
	static const char text[] =
		"{" ROOT ",\"process\":null,\"annotations\":null,\"mounts\":null}";
	cleanup_oci_spec struct oci_spec spec = {0};

	assert_int_equal(oci_spec_parse("c", text, strlen(text), &spec, NULL), 0);
	assert_int_equal(spec.n_args, 0);
	assert_null(spec.args[0]);
	assert_null(spec.env[0]);
	assert_string_equal(spec.cwd, "/");
	assert_false(spec.mount_namespace || spec.user_namespace);
	assert_null(oci_spec_annotation(&spec, "k"));
}

static void test_spec_errors_name_the_member(void **unused)
{
	static const struct {
		const char *text, *error;
	} cases[] = {
		{"{}", "config.json: 'root.path' is missing"},
		{"{\"root\":{}}", "config.json: 'root.path' is missing"},
		{"{\"root\":[]}", "config.json: 'root' is no object"},
		{"{\"root\":{\"path\":\"\"}}", "config.json: 'root.path' is missing"},
		{"{\"root\":{\"path\":\"r\",\"readonly\":1}}", "'root.readonly' is neither true"},
		{"{" ROOT ",\"process\":\"\"}", "config.json: 'process' is no object"},
		{"{" ROOT ",\"process\":{\"args\":{}}}", "config.json: 'process.args' is no array"},
		{"{" ROOT ",\"process\":{\"args\":[\"a\",\"b\",7]}}",
		 "config.json: 'process.args[2]' is no string"},
		{"{" ROOT ",\"process\":{\"env\":[null]}}",
		 "config.json: 'process.env[0]' is no string"},
		{"{" ROOT ",\"process\":{\"args\":[\"a\\u0000b\"]}}", "holds a NUL character"},
		{"{" ROOT ",\"process\":{\"args\":[\"a\\\\\\u0000\"]}}", "holds a NUL character"},
		{"{" ROOT ",\"process\":{\"cwd\":\"w\"}}", "'process.cwd' is no absolute path"},
		{"{" ROOT ",\"process\":{\"user\":{\"uid\":4294967295}}}",
		 "'process.user.uid' is out"},
		{"{" ROOT ",\"process\":{\"user\":{\"gid\":1.5}}}", "'process.user.gid' is no int"},
		{"{" ROOT ",\"process\":{\"user\":{\"uid\":99999999999999999999}}}",
		 "'process.user.uid' is no integer"},
		{"{" ROOT ",\"process\":{\"terminal\":\"yes\"}}", "'process.terminal' is neither"},
		{"{" ROOT ",\"process\":{\"capabilities\":{\"bounding\":[1]}}}",
		 "'process.capabilities.bounding' holds what is no string"},
		{"{" ROOT ",\"process\":{\"capabilities\":[]}}",
		 "'process.capabilities' is no object"},
		{"{" ROOT ",\"mounts\":[7]}", "'mounts[0]' is no object"},
		{"{" ROOT ",\"mounts\":[{}]}", "'mounts[0].destination' is missing"},
		{"{" ROOT ",\"mounts\":[{\"destination\":\"/\",\"type\":1}]}",
		 "'mounts[0].type' is no"},
		{"{" ROOT ",\"mounts\":[{\"destination\":\"/\",\"options\":\"ro\"}]}",
		 "'mounts[0].options' is no"},
		{"{" ROOT ",\"linux\":{\"rootfsPropagation\":1}}",
		 "'linux.rootfsPropagation' is no string"},
		{"{" ROOT ",\"linux\":{\"namespaces\":[{}]}}", "'linux.namespaces[0].type' is mis"},
		{"{" ROOT ",\"linux\":{\"namespaces\":[7]}}", "'linux.namespaces[0].type' is mis"},
		{"{" ROOT ",\"linux\":{\"cgroupsPath\":1}}", "'linux.cgroupsPath' is no string"},
		{"{" ROOT ",\"annotations\":{\"a.b\":1}}", "'annotations.a.b' is no string"},
		{"{" ROOT ",\"annotations\":[]}", "'annotations' is no object"},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct oci_spec spec = {0};
		struct error err = ERROR_INIT;

		assert_int_equal(oci_spec_parse("config.json", cases[i].text, strlen(cases[i].text),
						&spec, &err),
				 -EINVAL);
		if (!strstr(err.what, cases[i].error))
			fail_msg("'%s' gave '%s'", cases[i].text, err.what);
		assert_null(spec.json);
	}
}

static void test_spec_truncated(void **unused)
{
	static const char text[] =
		"{" ROOT ",\"process\":{\"args\":[\"a\"],\"env\":[\"A=\\u00e4\"]},"
		"\"mounts\":[{\"destination\":\"/proc\"}],\"annotations\":{\"k\":\"v\"}}";

	for (size_t len = 0; len < strlen(text); len++) {
		cleanup_free char *exact = strndup(text, len);
		struct oci_spec spec;

		assert_int_equal(oci_spec_parse("c", exact, len, &spec, NULL), -EINVAL);
	}
}

static void test_spec_escaped_backslash_is_no_nul(void **unused)
{
	static const char text[] = "{" ROOT ",\"annotations\":{\"k\":\"\\\\u0000\"}}";
	cleanup_oci_spec struct oci_spec spec = {0};

	assert_int_equal(oci_spec_parse("c", text, strlen(text), &spec, NULL), 0);
	assert_string_equal(oci_spec_annotation(&spec, "k"), "\\u0000");
}

static void test_spec_read(void **unused)
{
	char directory[] = "/tmp/husk-unit-container-XXXXXX";
	struct oci_spec spec;
	struct error err = ERROR_INIT;

	assert_non_null(mkdtemp(directory));
	assert_int_equal(oci_spec_read(directory, "config.json", &spec, &err), -ENOENT);
	assert_non_null(strstr(err.what, "config.json"));
	assert_int_equal(rmdir(directory), 0);
}

static void test_config_argument(void **unused)
{
	static const struct {
		const char *words;
		size_t len;
		const char *config;
	} cases[] = {
#define WORDS(text) text, sizeof(text)
		{WORDS("crun\0run\0c"), NULL},
		{WORDS("crun\0run\0--config\0a/b\0c"), "a/b"},
		{WORDS("crun\0run\0-f\0a\0c"), "a"},
		{WORDS("crun\0create\0--config=a\0--config=/b\0c"), "/b"},
		{WORDS("crun\0run\0--config"), NULL},
		{WORDS("crun\0run\0--config\0-f\0x"), "-f"},
		{WORDS("crun\0run\0--config="), ""},
		{"", 0, NULL},
#undef WORDS
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *found = bundle_config_argument(cases[i].words, cases[i].len);

		if (cases[i].config)
			assert_string_equal(found, cases[i].config);
		else
			assert_null(found);
	}
}

static void test_bundle_read(void **unused)
{
	static const char text[] = "{" ROOT "}";
	char directory[] = "/tmp/husk-unit-container-XXXXXX", path[64];
	cleanup_close int before = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct oci_state state = {.bundle = strdup("/proc/self"), .pid = getpid()};
	cleanup_oci_spec struct oci_spec spec = {0};
	struct error err = ERROR_INIT;
	int fd;

	assert_non_null(mkdtemp(directory));
	assert_int_equal(chdir(directory), 0);
	/* nowhere: the error is about where it should be */
	assert_int_equal(bundle_read(&state, getpid(), &spec, &err), -ENOENT);
	assert_non_null(strstr(err.what, "/proc/self/config.json"));
	assert_string_equal(state.bundle, "/proc/self");
	/* in the working directory of the container's first process, and broken there */
	snprintf(path, sizeof(path), "%s/config.json", directory);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(bundle_read(&state, getpid(), &spec, &err), -EINVAL);
	assert_int_equal(write_all(fd, text, strlen(text)), 0);
	close(fd);
	assert_int_equal(bundle_read(&state, getpid(), &spec, &err), 0);
	assert_string_equal(state.bundle, directory);
	assert_int_equal(fchdir(before), 0);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(directory), 0);
	oci_state_release(&state);
}

/* ---- entry point ---- */

struct tree {
	char path[64];
	int fd;
};

static void make_file(const struct tree *tree, const char *name, mode_t mode)
{
	int fd = openat(tree->fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write_all(fd, name, strlen(name)), 0);
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

static int make_tree(void **state)
{
	static const char *const directories[] = {"a",	       "b",   "work",	 "work/sub", "dirs",
						  "dirs/prog", "usr", "usr/bin", "noexec"};
	static const char *const programs[] = {"a/prog",    "b/prog", "work/sub/prog",
					       "work/only", "top",    "usr/bin/tool",
					       "a/rootish"};
	static struct tree tree;

	snprintf(tree.path, sizeof(tree.path), "/tmp/husk-unit-container-XXXXXX");
	if (!mkdtemp(tree.path))
		return -1;
	tree.fd = open(tree.path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	for (size_t i = 0; i < COUNT(directories); i++)
		assert_int_equal(mkdirat(tree.fd, directories[i], 0755), 0);
	for (size_t i = 0; i < COUNT(programs); i++)
		make_file(&tree, programs[i], 0755);
	make_file(&tree, "noexec/prog", 0644);
	make_file(&tree, "work/.hidden", 0755);
	make_file(&tree, "a/.hidden", 0755);
	assert_int_equal(symlinkat("usr/bin", tree.fd, "bin"), 0);
	assert_int_equal(symlinkat("/b/prog", tree.fd, "absolute"), 0);
	assert_int_equal(symlinkat("../../../../../../a/prog", tree.fd, "above"), 0);
	assert_int_equal(symlinkat("loop", tree.fd, "loop"), 0);
	assert_int_equal(symlinkat("/nowhere", tree.fd, "dangling"), 0);
	assert_int_equal(mkfifoat(tree.fd, "noexec/pipe", 0755), 0);
	*state = &tree;
	return 0;
}

static int remove_tree(void **state)
{
	struct tree *tree = *state;

	close(tree->fd);
	return remove_tree_at(AT_FDCWD, tree->path);
}

/* Every case was tried with crun 1.8.1 and runc 1.1.5 on a live container. */
static void test_entry(void **state)
{
	static const struct {
		const char *arg, *cwd, *path; /* path: of process.env, NULL for none */
		int result;
		const char *file; /* what its content, its own name, has to be */
	} cases[] = {
		{"prog", "/", "/a:/b", 0, "a/prog"},
		{"prog", "/", "/nope:/b", 0, "b/prog"},
		{"prog", "/", "/noexec:/b", 0, "b/prog"},
		{"prog", "/", "/dirs:/b", 0, "b/prog"},
		{"prog", "/", "/a/prog:/b", 0, "b/prog"},
		{"prog", "/", "/loopless:/nope", 1, NULL},
		{"prog", "/", NULL, 1, NULL},
		{"prog", "/", "", 1, NULL},
		{"prog", "/work", "sub:/a", 0, "work/sub/prog"},
		{"prog", "/work", "./sub:/a", 0, "work/sub/prog"},
		{"only", "/work", ":/b", 0, "work/only"},
		{"only", "/work", "/b:", 0, "work/only"},
		{"only", "/work", "", 0, "work/only"},
		{"top", "/work", "/nope::/a", 0, "top"},
		{"top", "/", ":/a", 0, "top"},
		{"tool", "/", "/bin", 0, "usr/bin/tool"},
		{".hidden", "/", "/a", 0, "a/.hidden"},
		{".hidden", "/work", "/a", -ENOTSUP, NULL},
		{"prog", "/work/sub", ":/a", -ENOTSUP, NULL}, /* cwd, or (older crun) /a */
		{"sub/prog", "/work", "/a", 0, "work/sub/prog"},
		{"./sub/prog", "/work", "/a", 0, "work/sub/prog"},
		{"../a/prog", "/work", "/b", 0, "a/prog"},
		{"../../../../a/prog", "/work", NULL, 0, "a/prog"},
		{"sub/prog", "/", "/work", 1, NULL},
		{"/a/prog", "/", NULL, 0, "a/prog"},
		{"//a//prog", "/", NULL, 0, "a/prog"},
		{"/bin/tool", "/", NULL, 0, "usr/bin/tool"},
		{"/absolute", "/", NULL, 0, "b/prog"},
		{"/above", "/", NULL, 0, "a/prog"},
		{"/top", "/", NULL, 0, "top"},
		{"/dangling", "/", NULL, 1, NULL},
		{"/dirs/prog", "/", NULL, 1, NULL},
		{"/noexec/prog", "/", NULL, 1, NULL},
		{"/noexec/pipe", "/", NULL, 1, NULL},
		{"/a/prog/x", "/", NULL, 1, NULL},
		{"/nope", "/", NULL, 1, NULL},
		{"/loop", "/", NULL, -ELOOP, NULL},
		{"", "/", "/a", 1, NULL},
	};
	const struct tree *tree = *state;

	for (size_t i = 0; i < COUNT(cases); i++) {
		const char *args[] = {cases[i].arg, NULL};
		char variable[64];
		const char *env[] = {variable, NULL};
		struct oci_spec spec = {.args = args, .n_args = 1, .cwd = cases[i].cwd, .env = env};
		struct error err = ERROR_INIT;
		cleanup_close int fd = -1;
		int r;

		snprintf(variable, sizeof(variable), "PATH=%s", cases[i].path ? cases[i].path : "");
		spec.n_env = cases[i].path ? 1 : 0;
		r = entry_resolve(tree->fd, &spec, &fd, &err);
		if (r != cases[i].result)
			fail_msg("case %zu '%s': %d (%s)", i, cases[i].arg, r, err.what);
		if (r < 0)
			assert_true(err.what[0]);
		if (r == 0) {
			cleanup_free char *content = NULL;
			char link[64];
			size_t len;

			snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
			assert_int_equal(read_file_at(AT_FDCWD, link, 4096, &content, &len, NULL),
					 0);
			assert_string_equal(content, cases[i].file);
			assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
		} else {
			assert_int_equal(fd, -1);
		}
	}
}

static void test_entry_long_names(void **state)
{
	const struct tree *tree = *state;
	cleanup_free char *name = malloc((size_t)2 * PATH_MAX);
	const char *args[] = {name, NULL};
	const char *env[] = {"PATH=/a:/b", NULL};
	struct oci_spec spec = {.args = args, .n_args = 1, .cwd = "/", .env = env, .n_env = 1};
	struct error err = ERROR_INIT;
	int fd = -1;

	memset(name, 'x', (size_t)2 * PATH_MAX);
	name[2 * PATH_MAX - 1] = '\0';
	assert_int_equal(entry_resolve(tree->fd, &spec, &fd, &err), 1);
	name[0] = '/';
	assert_int_equal(entry_resolve(tree->fd, &spec, &fd, &err), 1);
	name[300] = '\0';
	assert_int_equal(entry_resolve(tree->fd, &spec, &fd, &err), 1);
	spec.n_args = 0;
	assert_int_equal(entry_resolve(tree->fd, &spec, &fd, &err), 1);
}

/* ---- mountinfo ---- */

static const char mounts[] =
	"22 1 0:21 / / rw,relatime shared:1 - ext4 /dev/root rw\n"
	"23 22 0:5 / /proc rw,nosuid,nodev,noexec,relatime - proc proc rw\n"
	"24 22 0:6 /sub\\040dir /data\\040x\\134\\012 ro,noatime,nodiratime shared:2 master:3"
	" propagate_from:4 - xfs /dev/sdb ro,attr2\n"
	"25 22 0:7 / /tmp rw unbindable - tmpfs  rw,size=1k\n"
	"26 22 0:8 / /devices rw,nosymfollow master:9 - fuse.husk husk rw\n"
	"27 22 0:8 / /dev/shm rw,relatime - tmpfs shm rw\n";

static void test_mountinfo(void **unused)
{
	static const struct {
		int id;
		const char *root, *point, *type, *options;
		uint64_t attributes, propagation;
		bool native;
	} cases[] = {
		{22, "/", "/", "ext4", "rw", 0, MS_SHARED, false},
		{23, "/", "/proc", "proc", "rw",
		 MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC, MS_PRIVATE, true},
		{24, "/sub dir", "/data x\\\n", "xfs", "ro,attr2",
		 MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOATIME | MOUNT_ATTR_NODIRATIME,
		 MS_SHARED | MS_SLAVE, false},
		{25, "/", "/tmp", "tmpfs", "rw,size=1k", MOUNT_ATTR_STRICTATIME, MS_UNBINDABLE,
		 false},
		{26, "/", "/devices", "fuse.husk", "rw",
		 MOUNT_ATTR_STRICTATIME | MOUNT_ATTR_NOSYMFOLLOW, MS_SLAVE, false},
		{27, "/", "/dev/shm", "tmpfs", "rw", 0, MS_PRIVATE, true},
	};
	cleanup_mountinfo struct mountinfo info = {0};

	assert_int_equal(mountinfo_parse(mounts, strlen(mounts), &info, NULL), 0);
	assert_int_equal(info.n_entries, COUNT(cases));
	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct mountinfo_entry *entry = &info.entries[i];

		assert_int_equal(entry->id, cases[i].id);
		assert_string_equal(entry->root, cases[i].root);
		assert_string_equal(entry->point, cases[i].point);
		assert_string_equal(entry->type, cases[i].type);
		assert_string_equal(entry->super_options, cases[i].options);
		assert_int_equal(entry->attributes, cases[i].attributes);
		assert_int_equal(entry->propagation, cases[i].propagation);
		assert_int_equal(mountinfo_is_native(entry), cases[i].native);
	}
}

static void test_mountinfo_find(void **unused)
{
	cleanup_mountinfo struct mountinfo info = {0};
	struct mountinfo none = {0};

	assert_int_equal(mountinfo_find(mounts, strlen(mounts), 25, &info, NULL), 0);
	assert_int_equal(info.n_entries, 1);
	assert_string_equal(info.entries[0].point, "/tmp");
	assert_int_equal(mountinfo_find(mounts, strlen(mounts), 2, &none, NULL), 1);
	assert_int_equal(mountinfo_find("", 0, 2, &none, NULL), 1);
}

static void test_mountinfo_broken(void **unused)
{
	static const char *const cases[] = {
		"\n",
		"22",
		"22 1 0:21 / /\n",
		"22 1 0:21 / / rw shared:1\n",
		"22 1 0:21 / / rw - ext4\n",
		"22 1 0:21 / / rw -  none rw\n",
		"x 1 0:21 / / rw - ext4 none rw\n",
		"99999999999 1 0:21 / / rw - ext4 none rw\n",
		"22 1 0:21 / / rw - ext4 none rw\n\n",
	};
	struct mountinfo info;

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct error err = ERROR_INIT;

		assert_int_equal(mountinfo_parse(cases[i], strlen(cases[i]), &info, &err), -EPROTO);
		assert_non_null(strstr(err.what, "mountinfo: line"));
	}
	assert_int_equal(mountinfo_parse("22 1\0", 5, &info, NULL), -EPROTO);
}

static void test_mountinfo_of_this_process(void **unused)
{
	cleanup_mountinfo struct mountinfo info = {0};
	cleanup_free char *bytes = NULL;
	size_t len = 0;

	assert_int_equal(
		read_file_at(AT_FDCWD, "/proc/self/mountinfo", 1 << 26, &bytes, &len, NULL), 0);
	assert_int_equal(mountinfo_parse(bytes, len, &info, NULL), 0);
	assert_true(info.n_entries > 0);
}

/* ---- identity ---- */

struct identity_case {
	const char *bundle, *id;
	const char *args, *env, *annotations; /* insides of JSON arrays and of an object */
	const char *cgroup;
	unsigned int flags; /* of identity_find() */
};

static void parse_case(const struct identity_case *c, struct oci_state *state,
		       struct oci_spec *spec)
{
	char text[4096];

	snprintf(text, sizeof(text), "{\"id\":\"%s\",\"bundle\":\"%s\"}", c->id ? c->id : "c1",
		 c->bundle ? c->bundle : "/bundle");
	assert_int_equal(oci_state_parse(text, strlen(text), state, NULL), 0);
	snprintf(text, sizeof(text),
		 "{\"root\":{\"path\":\"/nowhere\"},\"process\":{\"args\":[%s],\"env\":[%s]},"
		 "\"annotations\":{%s},\"linux\":{\"cgroupsPath\":\"%s\"}}",
		 c->args ? c->args : "\"/app\"", c->env ? c->env : "",
		 c->annotations ? c->annotations : "", c->cgroup ? c->cgroup : "");
	assert_int_equal(oci_spec_parse("config.json", text, strlen(text), spec, NULL), 0);
}

static int find(const struct identity_case *c, const char *table, size_t len, struct identity *ret,
		struct error *err)
{
	cleanup_oci_state struct oci_state state = {0};
	cleanup_oci_spec struct oci_spec spec = {0};

	parse_case(c, &state, &spec);
	return identity_find_in(&state, &spec, "detectors", table, len, c->flags, ret, err);
}

static char *read_table(size_t *ret_len)
{
	char path[PATH_MAX];
	char *bytes = NULL;
	struct error err = ERROR_INIT;

	snprintf(path, sizeof(path), "%s/../../config/detectors", test_directory);
	if (read_file_at(AT_FDCWD, path, 1 << 20, &bytes, ret_len, &err) < 0)
		fail_msg("%s", err.what);
	return bytes;
}

#define SHA1 "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define CRI(pod, container)                                   \
	"\"io.kubernetes.cri.sandbox-namespace\":\"ns\","     \
	"\"io.kubernetes.cri.sandbox-name\":\"" pod "\","     \
	"\"io.kubernetes.cri.container-type\":\"container\"," \
	"\"io.kubernetes.cri.container-name\":\"" container "\""
#define CRIO(pod, container)                      \
	"\"io.kubernetes.pod.namespace\":\"ns\"," \
	"\"io.kubernetes.pod.name\":\"" pod "\"," \
	"\"io.kubernetes.container.name\":\"" container "\""

/* The shipped table, platform by platform. revision: "+" for NAME+sha-..., "-" for sha-... */
static void test_platforms(void **unused)
{
	static const struct {
		struct identity_case given;
		const char *function, *revision, *by;
	} cases[] = {
		{{.env = "\"K_SERVICE=hello\",\"K_REVISION=hello-00001\""},
		 "hello",
		 "hello-00001+",
		 "detector knative"},
		{{.env = "\"K_SERVICE=hello\"", .annotations = CRI("p", "user-container")},
		 "ns/hello",
		 "-",
		 "detector knative"},
		{{.env = "\"K_SERVICE=s\",\"FUNCTION_TARGET=t\""},
		 "s/t",
		 "-",
		 "detector functions-framework"},
		{{.args = "\"node\",\"/app/node_modules/.bin/functions-framework\","
			  "\"--target=hello\""},
		 "hello",
		 "-",
		 "detector functions-framework-option"},
		{{.args = "\"functions-framework\",\"--target\",\"hi\"", .env = "\"K_REVISION=r\""},
		 "hi",
		 "r+",
		 "detector functions-framework-option"},
		{{.args = "\"rsync\",\"--target\",\"hi\""}, "", "", ""},
		{{.args = "\"functions-framework\",\"--target\""}, "", "", ""},
		{{.bundle = "/run/containerd/io.containerd.runtime.v2.task/openfaas-fn/figlet",
		  .id = "figlet"},
		 "openfaas-fn/figlet",
		 "-",
		 "detector faasd"},
		{{.bundle = "/run/openfaas-fn-x/figlet", .id = "figlet"}, "", "", ""},
		{{.annotations = "\"io.kubernetes.cri.sandbox-namespace\":\"openfaas-fn\","
				 "\"io.kubernetes.cri.image-name\":\"r/x@" SHA1 "\","
				 "\"io.kubernetes.cri.container-name\":\"nodeinfo\""},
		 "openfaas-fn/nodeinfo",
		 SHA1,
		 "detector openfaas"},
		{{.annotations = CRI("newdeploy-hello-default-6f7c8d9b4-x2x4z", "env")},
		 "ns/newdeploy-hello-default",
		 "-",
		 "detector fission-newdeploy"},
		{{.annotations = CRI("poolmgr-python-default-123-6f7c8d9b4-x2x4z", "python")},
		 "ns/poolmgr-python-default-123",
		 "-",
		 "pool fission-poolmgr"},
		{{.env = "\"NUCLIO_FUNCTION_NAME=n\",\"NUCLIO_FUNCTION_VERSION=latest\""},
		 "n",
		 "latest+",
		 "detector nuclio"},
		{{.annotations = CRI("wskowdev-invoker-00-12-guest-hello", "user-action")},
		 "openwhisk/guest-hello",
		 "-",
		 "detector openwhisk"},
		{{.annotations = CRIO("wskowdev-invoker-00-3-prewarm-nodejs14", "user-action")},
		 "openwhisk/prewarm-nodejs14",
		 "-",
		 "pool openwhisk-prewarm-cri-o"},
		{{.env = "\"FN_APP_ID=app\",\"FN_FN_ID=fn\""}, "app/fn", "-", "detector fn"},
		{{.env = "\"AWS_LAMBDA_FUNCTION_NAME=f\",\"AWS_LAMBDA_FUNCTION_VERSION=7\""},
		 "f",
		 "7+",
		 "detector lambda"},
		{{.env = "\"LAMBDA_TASK_ROOT=/var/task\"",
		  .args = "\"/lambda-entrypoint.sh\",\"app.handler\""},
		 "app.handler@/var/task",
		 "-",
		 "detector lambda-handler"},
		{{.env = "\"LAMBDA_TASK_ROOT=/var/task\""}, "", "", ""},
		{{.env = "\"WEBSITE_SITE_NAME=a\",\"AzureWebJobsScriptRoot=/home\""},
		 "a",
		 "-",
		 "detector azure-functions"},
		{{.annotations = CRI("web-6f7c8d9b4-x2x4z",
				     "main") ","
					     "\"io.kubernetes.cri.image-name\":\"r/x:latest\""},
		 "ns/web/main",
		 "-",
		 "detector cri"},
		{{.annotations =
			  CRIO("web-6f7c8d9b4-x2x4z",
			       "main") ","
				       "\"io.kubernetes.cri-o.ImageRepoDigests\":\"r/x@" SHA1 "\""},
		 "ns/web/main",
		 SHA1,
		 "detector cri-o"},
		{{.annotations = CRI("app-sleep", "main")},
		 "ns/app-sleep/main",
		 "-",
		 "detector cri"},
		{{.env = "\"fprocess=python3 index.py\""},
		 "watchdog/python3 index.py",
		 "-",
		 "detector watchdog"},
		{{.env = "\"fprocess=x\"", .annotations = "\"husk.function\":\"mine\""},
		 "mine",
		 "-",
		 "annotation"},
		{{.env = "\"K_SERVICE=x\"",
		  .annotations = "\"husk.function\":\"mine\","
				 "\"husk.revision\":\"v1\""},
		 "mine",
		 "v1",
		 "annotation"},
		{{.env = "\"K_SERVICE=x\"", .annotations = "\"husk.revision\":\"v1\""},
		 "x",
		 "v1+",
		 "detector knative"},
		{{.annotations = "\"io.container.manager\":\"libpod\","
				 "\"io.kubernetes.cri-o.ImageRef\":\"" SHA1 "\"," CRIO("p", "c")},
		 "ns/p/c",
		 "-",
		 "detector cri-o"},
		{{.annotations = "\"husk.revision\":\"v1\""}, "", "", ""},
		{{0}, "", "", ""},
	};
	size_t len;
	cleanup_free char *table = read_table(&len);

	for (size_t i = 0; i < COUNT(cases); i++) {
		const char *revision = cases[i].revision;
		struct error err = ERROR_INIT;
		struct identity identity;
		size_t prefix = strlen(revision);

		if (find(&cases[i].given, table, len, &identity, &err) < 0)
			fail_msg("case %zu: %s", i, err.what);
		assert_string_equal(identity.function, cases[i].function);
		assert_string_equal(identity.identified_by, cases[i].by);
		assert_false(identity.ignored);
		if (strcmp(revision, "-") == 0) {
			assert_int_equal(strncmp(identity.revision, "sha-", 4), 0);
			assert_int_equal(strlen(identity.revision), 36);
		} else if (prefix > 0 && revision[prefix - 1] == '+') {
			assert_int_equal(strncmp(identity.revision, revision, prefix), 0);
			assert_int_equal(strlen(identity.revision), prefix + 36);
		} else {
			assert_string_equal(identity.revision, revision);
		}
		assert_int_equal(identity.mode_at_most,
				 *cases[i].function && strncmp(cases[i].by, "pool", 4) != 0
					 ? MODE_ENFORCE
					 : MODE_SHADOW);
	}
}

static void test_ignored(void **unused)
{
	static const struct {
		struct identity_case given;
		bool ignored;
	} cases[] = {
		{{.annotations = "\"io.kubernetes.cri.container-type\":\"sandbox\","
				 "\"husk.function\":\"mine\""},
		 true},
		{{.annotations = "\"io.kubernetes.cri-o.ContainerType\":\"sandbox\""}, true},
		{{.annotations = CRI("hello", "queue-proxy"), .env = "\"K_SERVICE=x\""}, true},
		{{.annotations = CRIO("hello", "queue-proxy")}, true},
		{{.annotations = CRI("poolmgr-x", "fetcher")}, true},
		{{.annotations = CRI("mine", "fetcher")}, false},
		{{.id = "buildah-buildah3344"}, true},
		/* an image of Podman could have said so itself */
		{{.annotations = "\"io.kubernetes.cri-o.ContainerType\":\"sandbox\","
				 "\"io.container.manager\":\"libpod\""},
		 false},
	};
	size_t len;
	cleanup_free char *table = read_table(&len);

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct identity identity;

		assert_int_equal(find(&cases[i].given, table, len, &identity, NULL), 0);
		if (identity.ignored != cases[i].ignored)
			fail_msg("case %zu", i);
		if (identity.ignored)
			assert_string_equal(identity.function, "");
	}
}

static void test_annotations(void **unused)
{
	static const struct {
		const char *annotations;
		int result;
		const char *error;
		enum mode mode;
		bool off, trusted;
	} cases[] = {
		{"\"husk.function\":\"f\",\"husk.mode\":\"learn\"", 0, "", MODE_LEARN, false,
		 false},
		{"\"husk.function\":\"f\",\"husk.mode\":\"enforce\"", 0, "", MODE_ENFORCE, false,
		 false},
		{"\"husk.mode\":\"enforce\"", 0, "", MODE_SHADOW, false, false},
		{"\"husk.mode\":\"off\"", 0, "", MODE_ENFORCE, true, false},
		{"\"husk.function\":\"f\",\"husk.trusted\":\"true\"", 0, "", MODE_ENFORCE, false,
		 true},
		{"\"husk.trusted\":\"false\"", 0, "", MODE_SHADOW, false, false},
		{"\"husk.mode\":\"Learn\"", -EINVAL, "husk.mode: 'Learn' is no mode", 0, false,
		 false},
		{"\"husk.trusted\":\"yes\"", -EINVAL, "husk.trusted: 'yes'", 0, false, false},
		{"\"husk.function\":\"\"", -EINVAL, "annotation husk.function is no name", 0, false,
		 false},
		{"\"husk.function\":\"a\\nb\"", -EINVAL, "control character", 0, false, false},
		{"\"husk.function\":\"a\\u0085b\"", -EINVAL, "control character", 0, false, false},
		{"\"husk.function\":\"f\",\"husk.revision\":\"\\u001b\"", -EINVAL,
		 "annotation husk.revision is no name", 0, false, false},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct identity_case given = {.annotations = cases[i].annotations};
		struct error err = ERROR_INIT;
		struct identity identity;

		assert_int_equal(find(&given, "", 0, &identity, &err), cases[i].result);
		if (!strstr(err.what, cases[i].error))
			fail_msg("case %zu: '%s'", i, err.what);
		if (cases[i].result < 0)
			continue;
		assert_int_equal(identity.mode_at_most, cases[i].mode);
		assert_int_equal(identity.opted_out, cases[i].off);
		assert_int_equal(identity.trusted, cases[i].trusted);
	}
}

static void test_names_of_255_bytes(void **unused)
{
	static const char plain[] = "rule r\nfunction {env N}\n";
	static const char revised[] = "rule r\nfunction {env N}\nrevision {env R}\n";
	char annotations[512], name[IDENTITY_NAME_MAX + 2];
	struct identity_case given = {.annotations = annotations};
	struct error err = ERROR_INIT;
	struct identity identity;

	memset(name, 'n', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	snprintf(annotations, sizeof(annotations), "\"husk.function\":\"%s\"", name);
	assert_int_equal(find(&given, "", 0, &identity, &err), -EINVAL);
	assert_non_null(strstr(err.what, "annotation husk.function is no name: it has 256 bytes"));
	name[IDENTITY_NAME_MAX] = '\0';
	snprintf(annotations, sizeof(annotations), "\"husk.function\":\"%s\"", name);
	assert_int_equal(find(&given, "", 0, &identity, &err), 0);
	assert_string_equal(identity.function, name);

	given = (struct identity_case){.env = annotations};
	snprintf(annotations, sizeof(annotations), "\"N=%sx\"", name);
	assert_int_equal(find(&given, plain, strlen(plain), &identity, &err), -EINVAL);
	assert_non_null(strstr(err.what, "detectors:2: the name that rule 'r' gives is longer"));
	snprintf(annotations, sizeof(annotations), "\"N=f\",\"R=%s\"", name);
	assert_int_equal(find(&given, revised, strlen(revised), &identity, &err), -EINVAL);
	assert_non_null(strstr(err.what, "the revision of 'f' is longer"));
	snprintf(annotations, sizeof(annotations), "\"N=a\\nb\"");
	assert_int_equal(find(&given, plain, strlen(plain), &identity, &err), -EINVAL);
	assert_non_null(strstr(err.what, "detectors:2: what rule 'r' gives is no name"));
}

static void test_broken_tables(void **unused)
{
	static const struct {
		const char *table, *error;
	} cases[] = {
		{"when id\n", "detectors:1: expected 'rule NAME'"},
		{"rule\n", "detectors:1: 'rule' takes a name"},
		{"rule a b\n", "detectors:1: 'rule' takes a name"},
		{"rule a\nwhen id\n", "detectors:2: the rule before this line has no 'function'"},
		{"rule a\nwhen id\nrule b\nignore\n", "detectors:3: the rule before this line"},
		{"rule a\nfunction\n", "detectors:2: a name is missing"},
		{"rule a\nfunction {id\n", "detectors:2: a '{' has no '}'"},
		{"rule a\nfunction {}\n", "detectors:2: no source between"},
		{"rule a\nfunction {what}\n", "detectors:2: no source between"},
		{"rule a\nfunction {env}\n", "detectors:2: no source between"},
		{"rule a\nfunction {id x}\n", "detectors:2: no source between"},
		{"rule a\nfunction {id|upper}\n", "detectors:2: no source between"},
		{"rule a\nfunction {id|digest|digest}\n", "detectors:2: no source between"},
		{"rule a\nwhen what\nignore\n", "detectors:2: no source that is known"},
		{"rule a\nwhen id like x\nignore\n", "detectors:2: expected 'is'"},
		{"rule a\nwhen id is\nignore\n", "detectors:2: nothing to compare with"},
		{"rule a\nignore now\n", "detectors:2: there is more on the line"},
		{"rule a\nfunktion x\n", "detectors:2: "},
		{"rule a\nsockets\n", "detectors:2: 'sockets' takes the path"},
		{"rule a\nsockets run\n", "detectors:2: 'sockets' takes the path"},
		{"rule a\nsockets /\n", "detectors:2: 'sockets' takes the path"},
		{"rule a\nsockets /run/\n", "detectors:2: 'sockets' takes the path"},
		{"rule a\nsockets /run\nsockets /tmp\n", "detectors:3: the rule has 'sockets'"},
		/* an image would choose what is not watched */
		{"rule a\nsockets {env X}\n", "detectors:2: 'sockets' takes the path"},
		{"image\n", "detectors:1: 'image' takes a source"},
		/* also where an earlier rule fits */
		{"rule a\nfunction x\nrule b\nfunction {\n", "detectors:4: "},
	};
	struct identity_case given = {0};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct error err = ERROR_INIT;
		struct identity identity;

		assert_int_equal(
			find(&given, cases[i].table, strlen(cases[i].table), &identity, &err),
			-EINVAL);
		if (!strstr(err.what, cases[i].error))
			fail_msg("'%s' gave '%s'", cases[i].table, err.what);
	}
	{
		struct identity identity;
		char line[2048];

		memset(line, '#', sizeof(line));
		assert_int_equal(find(&given, line, sizeof(line), &identity, NULL), -EINVAL);
		assert_int_equal(find(&given, "#\0\n", 3, &identity, NULL), -EINVAL);
	}
}

/* An image cannot make husk leave its container alone. */
static void test_ignore_needs_more_than_an_image(void **unused)
{
	static const char table[] = "rule a\nwhen env PAUSE\nignore\n";
	struct identity_case given = {.env = "\"PAUSE=1\""};
	struct identity identity;

	assert_int_equal(find(&given, table, strlen(table), &identity, NULL), 0);
	assert_false(identity.ignored);
}

/* Whatever names the function; and of a rule that does not fit, nothing. */
static void test_sockets_of_the_table(void **unused)
{
	static const struct {
		struct identity_case given;
		const char *sockets;
	} cases[] = {
		{{.env = "\"FN_FN_ID=f\",\"FN_LISTENER=unix:/data/s\""}, "/tmp/iofs"},
		{{.env = "\"FN_FN_ID=f\"", .annotations = "\"husk.function\":\"g\""}, "/tmp/iofs"},
		{{.env = "\"FN_LISTENER=unix:/tmp/iofs/lsnr.sock\""}, ""},
		{{.env = "\"FN_FN_ID=f\",\"K_SERVICE=s\""}, ""},
		{{.env = "\"FN_FN_ID=f\"", .annotations = "\"husk.mode\":\"off\""}, ""},
	};
	cleanup_free char *table = NULL;
	size_t len;

	table = read_table(&len);
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct identity identity;

		assert_int_equal(find(&cases[i].given, table, len, &identity, NULL), 0);
		assert_string_equal(identity.sockets, cases[i].sockets);
	}
}

/* Podman copies the annotations of an image, which then must not lower the guard. */
static void test_annotations_of_images(void **unused)
{
#define LIBPOD "\"io.container.manager\":\"libpod\","
#define NAMED "\"husk.function\":\"f\",\"husk.revision\":\"r\""
	static const struct {
		struct identity_case given;
		bool taken;
		const char *revision; /* as in test_platforms() */
		const char *ignored;
	} cases[] = {
		{{.annotations = LIBPOD NAMED ",\"husk.mode\":\"off\""}, false, "r+", "husk.mode"},
		{{.annotations = LIBPOD NAMED ",\"husk.mode\":\"learn\""},
		 false,
		 "r+",
		 "husk.mode"},
		{{.annotations = LIBPOD NAMED ",\"husk.mode\":\"nonsense\""},
		 false,
		 "r+",
		 "husk.mode"},
		{{.annotations = LIBPOD NAMED ",\"husk.trusted\":\"true\""},
		 false,
		 "r+",
		 "husk.trusted"},
		{{.annotations =
			  LIBPOD NAMED ",\"husk.trusted\":\"true\",\"husk.mode\":\"shadow\""},
		 false,
		 "r+",
		 "husk.mode and husk.trusted"},
		{{.annotations = LIBPOD NAMED}, false, "r+", NULL},
		{{.annotations = LIBPOD "\"husk.function\":\"f\""}, false, "", NULL},
		/* an image may say that another one manages the container */
		{{.annotations = "\"io.container.manager\":\"x\"," NAMED ",\"husk.mode\":\"off\"",
		  .cgroup = "machine.slice:libpod:c1"},
		 false,
		 "r+",
		 "husk.mode"},
		{{.annotations = NAMED ",\"husk.trusted\":\"true\"",
		  .cgroup = "/libpod_parent/libpod-c1"},
		 false,
		 "r+",
		 "husk.trusted"},
		/* the operator trusts images, or the engine copies nothing */
		{{.annotations = LIBPOD NAMED ",\"husk.trusted\":\"true\",\"husk.mode\":\"learn\"",
		  .flags = IDENTITY_TRUST_IMAGES},
		 true,
		 "r",
		 NULL},
		{{.annotations = NAMED ",\"husk.trusted\":\"true\",\"husk.mode\":\"learn\"",
		  .cgroup = "kubepods.slice:crio:c1"},
		 true,
		 "r",
		 NULL},
	};
	size_t len;
	cleanup_free char *table = read_table(&len);

	for (size_t i = 0; i < COUNT(cases); i++) {
		const char *revision = cases[i].revision;
		size_t prefix = strlen(revision);
		struct error err = ERROR_INIT;
		struct identity identity;

		if (find(&cases[i].given, table, len, &identity, &err) < 0)
			fail_msg("case %zu: %s", i, err.what);
		assert_string_equal(identity.function, "f");
		assert_false(identity.opted_out);
		assert_int_equal(identity.trusted, cases[i].taken);
		assert_int_equal(identity.mode_at_most, cases[i].taken ? MODE_LEARN : MODE_ENFORCE);
		assert_int_equal(strncmp(identity.revision, revision, prefix), 0);
		if (!cases[i].taken)
			assert_int_equal(strncmp(identity.revision + prefix, "sha-", 4), 0);
		else
			assert_int_equal(identity.revision[prefix], '\0');
		if (cases[i].ignored)
			assert_string_equal(identity.ignored_annotation, cases[i].ignored);
		else
			assert_null(identity.ignored_annotation);
	}
#undef LIBPOD
#undef NAMED
}

static void test_missing_table(void **unused)
{
	struct identity_case given = {.annotations = "\"husk.function\":\"f\""};
	cleanup_oci_state struct oci_state state = {0};
	cleanup_oci_spec struct oci_spec spec = {0};
	struct identity identity;

	parse_case(&given, &state, &spec);
	assert_int_equal(identity_find(&state, &spec, "/nowhere/detectors", 0, &identity, NULL), 0);
	assert_string_equal(identity.function, "f");
	assert_int_equal(identity_find(&state, &spec, "/", 0, &identity, NULL), -EISDIR);
}

/* ---- the digest ---- */

static void digest_of(const struct identity_case *c, const char *image, char out[DEFINITION_ROOM])
{
	cleanup_oci_state struct oci_state state = {0};
	cleanup_oci_spec struct oci_spec spec = {0};

	parse_case(c, &state, &spec);
	assert_int_equal(definition_digest(&state, &spec, image, out, NULL), 0);
}

static void test_digest(void **unused)
{
	static const struct {
		struct identity_case one, other;
		const char *image, *other_image;
		bool same;
	} cases[] = {
		{{.env = "\"A=1\",\"B=2\""}, {.env = "\"B=9\",\"A=8\",\"A=3\""}, "", "", true},
		{{.env = "\"A=1\""}, {.env = "\"B=1\""}, "", "", false},
		{{.env = "\"A=1\""},
		 {.env = "\"A=1\",\"X_SERVICE_HOST=h\",\"X_PORT_80_TCP=t\",\"X_PORT=1\","
			 "\"X_SERVICE_PORT_HTTP=1\""},
		 "",
		 "",
		 true},
		{{.args = "\"a\",\"b\""}, {.args = "\"ab\""}, "", "", false},
		{{.args = "\"a\",\"b\""}, {.args = "\"a b\""}, "", "", false},
		{{.id = "one"}, {.id = "other"}, "", "", true},
		{{.id = "one"}, {.id = "one"}, SHA1, "", false},
		{{.id = "one", .bundle = "/x"}, {.id = "other", .bundle = "/y"}, SHA1, SHA1, true},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		char one[DEFINITION_ROOM], other[DEFINITION_ROOM];

		digest_of(&cases[i].one, cases[i].image, one);
		digest_of(&cases[i].other, cases[i].other_image, other);
		if ((strcmp(one, other) == 0) != cases[i].same)
			fail_msg("case %zu", i);
		assert_int_equal(strlen(one), 36);
	}
}

/* Two containers of one image have overlays of their own with the same lower directories. */
static void test_digest_of_overlays(void **state)
{
	const struct tree *tree = *state;
	char options[512], root[3][128], digests[3][DEFINITION_ROOM];

	for (int i = 0; i < 3; i++) {
		static const char *const lower[] = {"a", "a", "b"};
		struct oci_state container = {.id = (char[]){"c"}, .bundle = root[i]};
		const char *args[] = {"x", NULL};
		struct oci_spec spec = {.root_path = "merged",
					.args = args,
					.n_args = 1,
					.env = args + 1,
					.cwd = "/"};

		snprintf(root[i], sizeof(root[i]), "%s/work/c%d", tree->path, i);
		assert_int_equal(mkdir(root[i], 0755), 0);
		if (i == 0 && mount("tmpfs", root[0], "tmpfs", 0, NULL) < 0)
			skip();
		if (i > 0)
			assert_int_equal(mount("tmpfs", root[i], "tmpfs", 0, NULL), 0);
		for (size_t d = 0; d < 3; d++) {
			static const char *const made[] = {"upper", "work", "merged"};
			char path[160];

			snprintf(path, sizeof(path), "%s/%s", root[i], made[d]);
			assert_int_equal(mkdir(path, 0755), 0);
		}
		snprintf(options, sizeof(options),
			 "lowerdir=%s/%s:%s/usr,upperdir=%s/upper,workdir=%s/work", tree->path,
			 lower[i], tree->path, root[i], root[i]);
		{
			char merged[160];

			snprintf(merged, sizeof(merged), "%s/merged", root[i]);
			assert_int_equal(mount("overlay", merged, "overlay", 0, options), 0);
			assert_int_equal(definition_digest(&container, &spec, "", digests[i], NULL),
					 0);
			assert_int_equal(umount2(merged, MNT_DETACH), 0);
		}
		assert_int_equal(umount2(root[i], MNT_DETACH), 0);
	}
	assert_string_equal(digests[0], digests[1]);
	assert_string_not_equal(digests[0], digests[2]);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_state),
		cmocka_unit_test(test_state_limits),
		cmocka_unit_test(test_spec_seccomp),
		cmocka_unit_test(test_spec_calls),
		cmocka_unit_test(test_spec_inner_hooks),
		cmocka_unit_test(test_spec_members),
		cmocka_unit_test(test_spec_mount_at),
		cmocka_unit_test(test_spec_least),
		cmocka_unit_test(test_spec_errors_name_the_member),
		cmocka_unit_test(test_spec_truncated),
		cmocka_unit_test(test_spec_escaped_backslash_is_no_nul),
		cmocka_unit_test(test_spec_read),
		cmocka_unit_test(test_config_argument),
		cmocka_unit_test(test_bundle_read),
		cmocka_unit_test_setup_teardown(test_entry, make_tree, remove_tree),
		cmocka_unit_test_setup_teardown(test_entry_long_names, make_tree, remove_tree),
		cmocka_unit_test(test_mountinfo),
		cmocka_unit_test(test_mountinfo_find),
		cmocka_unit_test(test_mountinfo_broken),
		cmocka_unit_test(test_mountinfo_of_this_process),
		cmocka_unit_test(test_platforms),
		cmocka_unit_test(test_ignored),
		cmocka_unit_test(test_annotations),
		cmocka_unit_test(test_names_of_255_bytes),
		cmocka_unit_test(test_broken_tables),
		cmocka_unit_test(test_ignore_needs_more_than_an_image),
		cmocka_unit_test(test_sockets_of_the_table),
		cmocka_unit_test(test_annotations_of_images),
		cmocka_unit_test(test_missing_table),
		cmocka_unit_test(test_digest),
		cmocka_unit_test_setup_teardown(test_digest_of_overlays, make_tree, remove_tree),
	};

	test_directory = argc > 1 ? argv[1] : ".";
	return cmocka_run_group_tests_name("container", tests, NULL, NULL);
}
