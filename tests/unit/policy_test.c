/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The part policy: names, widening, images good and bad, decisions, files. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/hash.h"
#include "policy/behaviour.h"
#include "policy/capability.h"
#include "policy/decide.h"
#include "policy/file.h"
#include "policy/image.h"
#include "policy/native.h"
#include "policy/peer.h"
#include "policy/shape-host.h"
#include "policy/shape.h"
#include "policy/suffix.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static void names_are_read_back(void **state)
{
	enum domain domain;
	enum access access;
	enum mark mark;
	enum outcome outcome;
	enum mode mode = MODE_SHADOW;

	for (unsigned int i = 0; i < DOMAINS; i++) {
		assert_int_equal(domain_parse(domain_name((enum domain)i), &domain), 0);
		assert_int_equal(domain, i);
	}
	for (unsigned int i = 0; i < ACCESSES; i++) {
		assert_int_equal(access_parse(access_name((enum access)i), &access), 0);
		assert_int_equal(access, i);
	}
	for (unsigned int i = 0; i < MARKS; i++) {
		assert_int_equal(mark_parse(mark_name((enum mark)i), &mark), 0);
		assert_int_equal(mark, i);
	}
	for (unsigned int i = 0; i < OUTCOMES; i++) {
		assert_int_equal(outcome_parse(outcome_name((enum outcome)i), &outcome), 0);
		assert_int_equal(outcome, i);
	}
	assert_int_equal(mode_parse("enforce", &mode), 0);
	assert_int_equal(mode, MODE_ENFORCE);
	assert_int_equal(mode_parse("unavailable", &mode), -EINVAL);
	assert_int_equal(mode_parse("Learn", &mode), -EINVAL);
	assert_int_equal(mode_parse("", &mode), -EINVAL);
	assert_int_equal(mode, MODE_ENFORCE);
	assert_string_equal(mode_name(MODE_UNAVAILABLE), "unavailable");
	assert_string_equal(verdict_name(VERDICT_WOULD_DENY), "would-deny");
	assert_string_equal(domain_name(DOMAINS), "?");
	assert_string_equal(access_name((enum access) - 1), "?");
}

static void capabilities_have_the_names_of_the_kernel(void **state)
{
	for (unsigned int i = 0; i < CAPABILITIES; i++)
		assert_int_equal(capability_parse(capability_name(i)), i);
	assert_int_equal(capability_parse("CAP_NET_BIND_SERVICE"), 10);
	assert_int_equal(capability_parse("CAP_SYS_ADMIN"), 21);
	assert_int_equal(capability_parse("CAP_CHECKPOINT_RESTORE"), 40);
	assert_int_equal(capability_parse("cap_chown"), -EINVAL);
	assert_int_equal(capability_parse("CHOWN"), -EINVAL);
	assert_int_equal(capability_parse(""), -EINVAL);
	assert_string_equal(capability_name(CAPABILITIES), "?");
}

static void paths_become_keys(void **state)
{
	static const struct {
		const char *path, *key;
		uint32_t flags;
	} table[] = {
		{"/", "/", 0},
		{"", "", 0},
		{"/app/main.py", "/app/main.py", 0},
		{"/app/", "/app/", 0},
		/* uuid */
		{"/data/550e8400-e29b-41d4-a716-446655440000", "/data/{uuid}", 0},
		{"/data/550E8400-E29B-41D4-A716-446655440000.jpg", "/data/{uuid}.jpg", 0},
		{"/data/up-550e8400-e29b-41d4-a716-446655440000-x/y", "/data/up-{uuid}-x/y", 0},
		{"/data/550e8400-e29b-41d4-a716-44665544000", "/data/550e8400-e29b-41d4-a716-{num}",
		 0},
		{"/data/550e8400-e29b-41d4-a716-44665544000g",
		 "/data/550e8400-e29b-41d4-a716-{num}g", 0},
		{"/data/abcdefab-abcd-abcd-abcd-abcdefabcdef",
		 "/data/abcdefab-abcd-abcd-abcd-abcdefabcdef", 0},
		/* hex */
		{"/d/d41d8cd98f00b204e9800998ecf8427e.json", "/d/{hex}.json", 0},
		{"/d/0123456789abcdef", "/d/{hex}", 0},
		{"/d/012345a789abcde", "/d/{num}a789abcde", 0},
		{"/d/0123a56789bcdef", "/d/0123a56789bcdef", 0},
		{"/d/abcdefabcdefabcdef", "/d/abcdefabcdefabcdef", 0},
		{"/d/0123456789012345", "/d/{num}", 0},
		{"/d/0123456789abcdefg", "/d/{num}abcdefg", 0},
		/* num */
		{"/d/part-000123.csv", "/d/part-{num}.csv", 0},
		{"/d/part000123.csv", "/d/part{num}.csv", 0},
		{"/d/part-00012.csv", "/d/part-00012.csv", 0},
		{"/d/1234567/x/7654321", "/d/{num}/x/{num}", 0},
		{"/d/123456-1234567890123456789012345678901234567890", "/d/{num}-{num}", 0},
		/* ulid */
		{"/d/01ARZ3NDEKTSV4RRFFQ69G5FAV.json", "/d/{ulid}.json", 0},
		{"/d/ev-01arz3ndektsv4rrffq69g5fav", "/d/ev-{ulid}", 0},
		{"/tmp/01ARZ3NDEKTSV4RRFFQ69G5FAV", "/tmp/{ulid}", 0},
		{"/d/01ARZ3NDEKTSV4RRFFQ69G5FAv", "/d/01ARZ3NDEKTSV4RRFFQ69G5FAv", 0},
		{"/d/01ARZ3NDEKTSV4RRFFQ69G5FAL", "/d/01ARZ3NDEKTSV4RRFFQ69G5FAL", 0},
		{"/d/81ARZ3NDEKTSV4RRFFQ69G5FAV", "/d/81ARZ3NDEKTSV4RRFFQ69G5FAV", 0},
		{"/d/01ARZ3NDEKTSV4RRFFQ69G5FAVX", "/d/01ARZ3NDEKTSV4RRFFQ69G5FAVX", 0},
		{"/d/01234567890123456789012345", "/d/{num}", 0},
		/* dates */
		{"/logs/app-2026-11-28.log", "/logs/app-{date}.log", 0},
		{"/logs/app.log.2026_11_28", "/logs/app.log.{date}", 0},
		{"/logs/2026.1.5", "/logs/{date}", 0},
		{"/logs/28.11.2026.csv", "/logs/{date}.csv", 0},
		{"/logs/11-28-2026", "/logs/{date}", 0},
		{"/logs/2026-11.csv", "/logs/{date}.csv", 0},
		{"/logs/app-2026-11-28.3.log", "/logs/app-{date}.3.log", 0},
		{"/logs/2026-11-28T04:05:06Z.json", "/logs/{date}Z.json", 0},
		{"/logs/2026-11-28T04:05:06.789012Z", "/logs/{date}Z", 0},
		{"/logs/2026-11-28T04_05_06_789Z-debug-0.log", "/logs/{date}Z-debug-0.log", 0},
		{"/logs/2026-11-28T04:05:06.1234567890Z", "/logs/{date}.{num}Z", 0},
		{"/logs/2026-11-28T04:05:067", "/logs/{date}:067", 0},
		{"/logs/2026-11-28T04:05:06.", "/logs/{date}.", 0},
		{"/logs/2026-11-28_04-05.789", "/logs/{date}.789", 0},
		{"/logs/2026-11-28T040506", "/logs/{date}", 0},
		{"/logs/2026-11-28_04-05.log", "/logs/{date}.log", 0},
		{"/logs/2026-11-28-04.log", "/logs/{date}.log", 0},
		{"/logs/2026-11-28 23", "/logs/{date}", 0},
		{"/logs/2026-11-28-0405067", "/logs/{date}-{num}", 0},
		{"/logs/2026-11-28-24.log", "/logs/{date}-24.log", 0},
		{"/logs/2026-11-28-041.log", "/logs/{date}-041.log", 0},
		{"/logs/2026-11-28-", "/logs/{date}-", 0},
		{"/logs/2026-11-281", "/logs/2026-11-281", 0},
		{"/logs/2026-13-28", "/logs/2026-13-28", 0},
		{"/logs/2126-11-28", "/logs/2126-11-28", 0},
		{"/logs/2026-11_28", "/logs/{date}_28", 0},
		{"/logs/2026-00-28", "/logs/2026-00-28", 0},
		{"/logs/2026-11-28{x}", "/logs/2026-11-28{{x}}", 0},
		{"/logs/v2.12.2026", "/logs/v2.12.2026", 0},
		{"/tmp/2026-11-28/a", "/tmp/{date}/a", 0},
		{"/etc/2026-11-28", "/etc/2026-11-28", 0},
		{"/app/2026-11-28", "/app/2026-11-28", BEHAVIOUR_IMAGE},
		{"/logs/2026", "/logs/{year}", 0},
		{"/logs/2026/", "/logs/{year}/", 0},
		{"/logs/2026/11/28/04/x", "/logs/{year}/{month}/{day}/{hour}/x", 0},
		{"/logs/2026/1/5/app-12.log", "/logs/{year}/{month}/{day}/app-12.log", 0},
		{"/logs/2026/11/28.log", "/logs/{year}/{month}/{day}.log", 0},
		{"/logs/2026/11/28-123456.log", "/logs/{year}/{month}/{day}-{num}.log", 0},
		{"/logs/2026/11/28/04/05", "/logs/{year}/{month}/{day}/{hour}/05", 0},
		{"/logs/2026/11/28/24", "/logs/{year}/{month}/{day}/24", 0},
		{"/logs/2026/13/28", "/logs/{year}/13/28", 0},
		{"/logs/2026/11a/28", "/logs/{year}/11a/28", 0},
		{"/logs/2026/x/11", "/logs/{year}/x/11", 0},
		{"/logs/2026/2027/11", "/logs/{year}/{year}/{month}", 0},
		{"/logs/2026/11{/28", "/logs/{year}/11{{/28", 0},
		{"/logs/2026a/11", "/logs/2026a/11", 0},
		{"/logs/1899/11", "/logs/1899/11", 0},
		{"/home/u/2026/11", "/home/u/2026/11", 0},
		/* rand, where it belongs */
		{"/tmp/tmpab12cd_x", "/tmp/tmp{rand}", 0},
		{"/data/.git/objects/d3/86d1c0fe61f2d7a84ea4b8e0a30b8ac9a1b2c3",
		 "/data/.git/objects/{hex}/{hex}", 0},
		{"/data/.git/objects/ad", "/data/.git/objects/{hex}", 0},
		{"/data/.git/objects/12/tmp_obj_abcdef", "/data/.git/objects/{hex}/tmp_obj_{rand}",
		 0},
		{"/data/.git/objects/pack/tmp_pack_Xy3abC",
		 "/data/.git/objects/pack/tmp_pack_{rand}", 0},
		{"/data/.git/objects/AD", "/data/.git/objects/AD", 0},
		{"/data/.git/objects/add", "/data/.git/objects/add", 0},
		{"/data/.git/objects/pack/ad", "/data/.git/objects/pack/ad", 0},
		{"/data/.git/ad", "/data/.git/ad", 0},
		{"/data/tmp_obj_abcdef", "/data/tmp_obj_abcdef", 0},
		{"/data/objectstore/ad", "/data/objectstore/ad", 0},
		{"/data/.git/objects/ad", "/data/.git/objects/ad", BEHAVIOUR_IMAGE},
		{"/home/x/.git/objects/ad", "/home/x/.git/objects/ad", 0},
		{"/tmp/r/.git/objects/ad/tmp_obj_AbC12d",
		 "/tmp/r/.git/objects/{hex}/tmp_obj_{rand}", 0},
		{"/tmp/550e8400-e29b-41d4-a716-446655440000.json", "/tmp/{uuid}.json", 0},
		{"/tmp/up_550e8400-e29b-41d4-a716-446655440000/x", "/tmp/up_{uuid}/x", 0},
		{"/tmp/tmpabcdefgh", "/tmp/tmp{rand}", 0},
		{"/tmp/tmp________.json", "/tmp/tmp{rand}.json", 0},
		{"/tmp/tmpab12cd_x/inner.txt", "/tmp/tmp{rand}/inner.txt", 0},
		{"/tmp/tmpab12cd_x/tmpzz12cd_x.tar.gz", "/tmp/tmp{rand}/tmp{rand}.tar.gz", 0},
		{"/tmp/tmp.aB3dE9XyZ0", "/tmp/tmp.{rand}", 0},
		{"/tmp/tmp.aBcdefghij", "/tmp/tmp.{rand}", 0},
		{"/tmp/tmp.aB3dE9XyZ0.txt", "/tmp/tmp.{rand}.txt", 0},
		{"/var/tmp/tmp.aB3dE9XyZ0", "/var/tmp/tmp.{rand}", 0},
		{"/dev/shm/pym-123-aB3dE9", "/dev/shm/pym-123-{rand}", 0},
		{"/tmp/app-Xy3abC.json", "/tmp/app-{rand}.json", 0},
		{"/tmp/app.Xy3abC", "/tmp/app.{rand}", 0},
		{"/tmp/Xy3abC", "/tmp/{rand}", 0},
		{"/tmp/upload_a1b2c3d4.png", "/tmp/upload_{rand}.png", 0},
		{"/tmp/upload_ab_c12dx.png", "/tmp/upload_{rand}.png", 0},
		{"/tmp/go-build1234567890", "/tmp/go-build{num}", 0},
		/* and where a person named the file */
		{"/tmp", "/tmp", 0},
		{"/tmp/result", "/tmp/result", 0},
		{"/tmp/Result2.txt", "/tmp/Result2.txt", 0},
		{"/tmp/RESULT01", "/tmp/RESULT01", 0},
		{"/tmp/config.json", "/tmp/config.json", 0},
		{"/tmp/resultFile", "/tmp/resultFile", 0},
		{"/tmp/new_file", "/tmp/{rand}", 0},
		{"/tmp/v1_final.csv", "/tmp/{rand}.csv", 0},
		{"/tmp/yzsestwh", "/tmp/{rand}", 0},
		{"/tmp/upload_yzsestwh.png", "/tmp/upload_{rand}.png", 0},
		{"/tmp/new_files", "/tmp/new_files", 0},
		{"/tmp/data.sqlite3", "/tmp/data.sqlite3", 0},
		{"/tmp/passwd", "/tmp/passwd", 0},
		{"/tmp/tmpfiles", "/tmp/{rand}", 0},
		{"/tmp/tmpdirectory", "/tmp/tmpdirectory", 0},
		{"/tmp/2024-01-15", "/tmp/{date}", 0},
		/* not a temporary directory */
		{"/srv/tmpab12cd_x", "/srv/tmpab12cd_x", 0},
		{"/tmpx/app-Xy3abC", "/tmpx/app-Xy3abC", 0},
		{"/srv/tmp/app-Xy3abC", "/srv/tmp/app-Xy3abC", 0},
		/* /proc */
		{"/proc/self", "/proc/{self}", 0},
		{"/proc/self/status", "/proc/{self}/status", 0},
		{"/proc/thread-self/attr/current", "/proc/{self}/attr/current", 0},
		{"/proc/1/environ", "/proc/{other}/environ", 0},
		{"/proc/1234567/mem", "/proc/{other}/mem", 0},
		{"/proc/self/task/12/comm", "/proc/{self}/task/{other}/comm", 0},
		{"/proc/self/task", "/proc/{self}/task", 0},
		{"/proc/self/task/", "/proc/{self}/task/", 0},
		{"/proc/sys/kernel/pid_max", "/proc/sys/kernel/pid_max", 0},
		{"/proc/selfish", "/proc/selfish", 0},
		{"/proc/12x", "/proc/12x", 0},
		{"/proc", "/proc", 0},
		/* names that would pose as patterns */
		{"/d/{num}", "/d/{{num}}", 0},
		{"/d/{num}/1234567", "/d/{{num}}/{num}", 0},
		{"/d/a}1234567", "/d/a}}1234567", 0},
		{"/proc/{self}", "/proc/{{self}}", 0},
		{"/etc/{num}", "/etc/{{num}}", 0},
		{"/d/{", "/d/{{", BEHAVIOUR_IMAGE},
		/* bytes */
		{"/d/a\nb-1234567", "/d/a\nb-{num}", 0},
		{"/d/\xff\xfe\x80-1234567", "/d/\xff\xfe\x80-{num}", 0},
		{"/tmp/\xc3\xa4-Xy3abC", "/tmp/\xc3\xa4-{rand}", 0},
		/* literal places */
		{"/app/1234567", "/app/1234567", BEHAVIOUR_IMAGE},
		{"/app/1234567", "/app/{num}", BEHAVIOUR_PERSISTENT | BEHAVIOUR_FOREIGN},
		{"/tmp/tmpab12cd_x", "/tmp/tmpab12cd_x", BEHAVIOUR_IMAGE},
		{"/proc/1/x", "/proc/1/x", BEHAVIOUR_IMAGE},
		{"/etc/1234567", "/etc/1234567", 0},
		{"/home/u/1234567", "/home/u/1234567", 0},
		{"/root/0123456789abcdef", "/root/0123456789abcdef", 0},
		{"/boot/1234567", "/boot/1234567", 0},
		{"/etcetera/1234567", "/etcetera/{num}", 0},
	};
	char out[SHAPE_KEY_MAX];

	for (size_t i = 0; i < COUNT(table); i++) {
		int len = shape_key(table[i].path, table[i].flags, out);

		assert_string_equal(out, table[i].key);
		assert_int_equal(len, strlen(out));
	}
}

static void a_plain_name_has_kin(void **state)
{
	static const struct {
		const char *path;
		uint32_t flags;
		const char *kin[4];
	} table[] = {
		{"/tmp/x-mhppjt", 0, {"/tmp/x-{rand}"}},
		{"/tmp/x-mhppjt/a", 0, {"/tmp/x-{rand}/a"}},
		{"/tmp/x-mhppjt/result.json",
		 0,
		 {"/tmp/x-{rand}/result.json", "/tmp/x-mhppjt/{rand}.json"}},
		{"/var/tmp/Mhppjt/RESULT/files12",
		 0,
		 {"/var/tmp/{rand}/RESULT/files12", "/var/tmp/Mhppjt/{rand}/files12",
		  "/var/tmp/Mhppjt/RESULT/{rand}"}},
		{"/tmp/x-Xy3abC/mhppjt", 0, {"/tmp/x-{rand}/{rand}"}},
		{"/tmp/fooabcdefgh1", 0, {"/tmp/{rand}"}},
		/* none */
		{"/tmp/x-Xy3abC", 0, {NULL}},
		{"/tmp/short/toolongtobeone", 0, {NULL}},
		{"/tmp/{mhppjt}", 0, {NULL}},
		{"/data/x-mhppjt", 0, {NULL}},
		{"/etc/mhppjt", 0, {NULL}},
		{"/tmp/x-mhppjt", BEHAVIOUR_IMAGE, {NULL}},
	};
	char out[SHAPE_KEY_MAX];

	for (size_t i = 0; i < COUNT(table); i++) {
		unsigned int n = 0;

		for (int len; (len = shape_kin(table[i].path, table[i].flags, n, out)) > 0; n++) {
			assert_true(n < COUNT(table[i].kin) && table[i].kin[n]);
			assert_string_equal(out, table[i].kin[n]);
			assert_int_equal(len, strlen(out));
		}
		assert_null(table[i].kin[n]);
	}
}

/* A path of `len` bytes: "/tmp/" and then components of 255 times `fill`. */
static char *long_path(size_t len, char fill)
{
	char *path = malloc(len + 1);

	assert_non_null(path);
	memset(path, fill, len);
	path[len] = '\0';
	memcpy(path, "/tmp/", 5);
	for (size_t i = 5 + 255; i + 1 < len; i += 256)
		path[i] = '/';
	return path;
}

static void long_paths_stay_within_the_room(void **state)
{
	static const struct {
		size_t len;
		char fill;
		bool cut;
	} table[] = {
		{260, 'x', false},
		{260, '{', false},
		{PATH_MAX - 1, 'x', false},
		{PATH_MAX - 1, '-', false},
		{PATH_MAX - 1, '\xff', false},
		{PATH_MAX - 1, '1', false},
		{PATH_MAX - 1, '{', true},
		{SHAPE_KEY_MAX - 1, 'x', true},
		{SHAPE_KEY_MAX, 'x', true},
		{100000, 'x', true},
		{100000, '}', true},
		{100000, '/', true},
		{1000000, '1', true},
	};

	for (size_t i = 0; i < COUNT(table); i++) {
		cleanup_free char *path = long_path(table[i].len, table[i].fill);
		cleanup_free char *out = malloc(SHAPE_KEY_MAX);
		char other[SHAPE_KEY_MAX];
		int len;

		assert_non_null(out);
		len = shape_key(path, 0, out);
		assert_true(len < SHAPE_KEY_MAX);
		assert_int_equal(len, strlen(out));
		assert_int_equal(strstr(out, "{long:") != NULL, table[i].cut);
		path[table[i].len - 1] = path[table[i].len - 1] == 'q' ? 'r' : 'q';
		shape_key(path, 0, other);
		assert_string_not_equal(out, other);
	}
}

static void executables_stay_literal(void **state)
{
	static const char *const table[] = {
		"", "/", "/bin/ls", "/tmp/tmpab12cd_x", "/d/{num}/1234567", "relative", "/a//b/"};
	static const size_t lengths[] = {PATH_MAX - 1, SHAPE_KEY_MAX - 1, SHAPE_KEY_MAX, 65535};
	char out[SHAPE_KEY_MAX], other[SHAPE_KEY_MAX];

	for (size_t i = 0; i < COUNT(table); i++) {
		assert_int_equal(shape_literal(table[i], out), strlen(table[i]));
		assert_string_equal(out, table[i]);
	}
	for (size_t i = 0; i < COUNT(lengths); i++) {
		cleanup_free char *path = long_path(lengths[i], 'x');
		int len = shape_literal(path, out);

		assert_true(len < SHAPE_KEY_MAX);
		assert_int_equal(len, strlen(out));
		assert_int_equal(strcmp(out, path) == 0, lengths[i] < PATH_MAX);
		path[lengths[i] - 1] = 'q';
		shape_literal(path, other);
		assert_string_not_equal(out, other);
	}
}

/* ---- images ---- */

struct entry {
	enum domain domain;
	enum access access;
	const char *program, *key;
	enum policy_match match;
};

static const struct entry entries[] = {
	{DOMAIN_FS, ACCESS_READ, "/usr/bin/python3", "/app/data.json", POLICY_ALLOWED},
	{DOMAIN_FS, ACCESS_WRITE, "", "/tmp/tmp{rand}", POLICY_ALLOWED},
	{DOMAIN_FS, ACCESS_READ, "", "/app/secret", POLICY_DENIED},
	{DOMAIN_FS, ACCESS_READ, "/bin/cat", "/app/secret", POLICY_ALLOWED},
	{DOMAIN_FS, ACCESS_READ, "/bin/cat", "/app/\xff\n", POLICY_ALLOWED},
	{DOMAIN_EXEC, ACCESS_EXEC, "", "/usr/bin/python3", POLICY_ALLOWED},
	{DOMAIN_EXEC, ACCESS_EXEC, "/usr/bin/python3", "/bin/cat", POLICY_ALLOWED},
	{DOMAIN_EXEC, ACCESS_EXEC, "/bin/cat", "/bin/ls", POLICY_DENIED},
	{DOMAIN_EXEC, ACCESS_INTERPRET, "/bin/cat", "/lib64/ld.so", POLICY_ALLOWED},
	{DOMAIN_EXEC, ACCESS_EXEC, "", "/bin/sh", POLICY_DENIED},
	{DOMAIN_EXEC, ACCESS_EXEC, "/bin/cat", "/bin/sh", POLICY_ALLOWED},
	{DOMAIN_NET, ACCESS_NONE, "", "tcp:example.org:443", POLICY_ALLOWED},
	/* a second and a third time: a denial stays */
	{DOMAIN_FS, ACCESS_LIST, "", "/d", POLICY_ALLOWED},
	{DOMAIN_FS, ACCESS_LIST, "", "/d", POLICY_DENIED},
	{DOMAIN_FS, ACCESS_LIST, "", "/d", POLICY_ALLOWED},
	{DOMAIN_FS, ACCESS_CREATE, "", "/nothing", POLICY_ABSENT},
};

enum { DISTINCT_ENTRIES = 13 };

static const struct policy_info info = {
	.function = "thumbnail",
	.revision = "sha256:00ff",
	.serial = 7,
	.modes = {MODE_ENFORCE, MODE_SHADOW, MODE_UNAVAILABLE, MODE_LEARN, MODE_LEARN, MODE_LEARN},
};

static void add(struct policy_builder *builder, const struct entry *e)
{
	struct behaviour b = {e->domain, e->access, e->program, e->key, 0};

	assert_int_equal(policy_builder_add(builder, &b, e->match), 0);
}

/* The image of `entries`, added from `first` on in steps of `step`. Freed by the caller. */
static void *build(const struct policy_info *of, size_t first, size_t step, size_t *ret_len)
{
	struct policy_builder *builder = policy_builder_new();
	void *bytes = NULL;

	assert_non_null(builder);
	assert_int_equal(policy_builder_attach(builder, POLICY_LAUNCH, "old", 3), 0);
	assert_int_equal(policy_builder_attach(builder, POLICY_LAUNCH, "twelve bytes", 12), 0);
	for (size_t i = 0; i < COUNT(entries); i++)
		add(builder, &entries[(first + i * step) % COUNT(entries)]);
	assert_int_equal(policy_builder_finish(builder, of, &bytes, ret_len), 0);
	policy_builder_free(builder);
	return bytes;
}

static void attachments_are_read_back(void **state)
{
	size_t len, attached;
	cleanup_free void *bytes = build(&info, 0, 1, &len);
	cleanup_policy_image struct policy_image *image = NULL;
	struct policy_builder *builder;

	assert_int_equal(policy_image_check(bytes, len, &image, NULL), 0);
	assert_memory_equal(policy_image_attachment(image, POLICY_LAUNCH, &attached),
			    "twelve bytes", 12);
	assert_int_equal(attached, 12);
	policy_image_attachment(image, POLICY_NATIVE, &attached);
	assert_int_equal(attached, 0);
	builder = policy_builder_new();
	assert_int_equal(policy_builder_attach(builder, POLICY_ATTACHMENTS, "x", 1), -EINVAL);
	assert_int_equal(policy_builder_attach(builder, POLICY_NATIVE, "x", POLICY_BYTES_MAX + 1),
			 -EFBIG);
	policy_builder_free(builder);
}

static enum policy_match find(const struct policy_image *image, enum domain domain,
			      enum access access, const char *program, const char *key)
{
	struct behaviour b = {domain, access, program, key, 0};

	return policy_image_find(image, &b);
}

static void an_image_holds_what_was_added(void **state)
{
	static const struct entry expected[] = {
		{DOMAIN_FS, ACCESS_READ, "/usr/bin/python3", "/app/data.json", POLICY_ALLOWED},
		{DOMAIN_FS, ACCESS_WRITE, "/usr/bin/python3", "/app/data.json", POLICY_ABSENT},
		{DOMAIN_EXEC, ACCESS_READ, "/usr/bin/python3", "/app/data.json", POLICY_ABSENT},
		{DOMAIN_FS, ACCESS_READ, "/bin/cat", "/app/data.json", POLICY_ABSENT},
		{DOMAIN_FS, ACCESS_READ, "", "/app/data.json", POLICY_ABSENT},
		{DOMAIN_FS, ACCESS_WRITE, "/any", "/tmp/tmp{rand}", POLICY_ALLOWED},
		{DOMAIN_FS, ACCESS_WRITE, "", "/tmp/tmp{rand}", POLICY_ALLOWED},
		{DOMAIN_FS, ACCESS_READ, "/bin/cat", "/app/secret", POLICY_DENIED},
		{DOMAIN_FS, ACCESS_READ, "/bin/cat", "/app/\xff\n", POLICY_ALLOWED},
		{DOMAIN_FS, ACCESS_READ, "/bin/cat", "/app/\xff", POLICY_ABSENT},
		{DOMAIN_EXEC, ACCESS_EXEC, "/bin/cat", "/bin/ls", POLICY_DENIED},
		{DOMAIN_EXEC, ACCESS_EXEC, "/bin/sh", "/bin/ls", POLICY_ABSENT},
		{DOMAIN_NET, ACCESS_NONE, "/x", "tcp:example.org:443", POLICY_ALLOWED},
		{DOMAIN_FS, ACCESS_LIST, "", "/d", POLICY_DENIED},
		{DOMAIN_FS, ACCESS_CREATE, "", "/nothing", POLICY_ABSENT},
		{DOMAIN_FS, ACCESS_READ, "", "", POLICY_ABSENT},
	};
	size_t len;
	cleanup_free void *bytes = build(&info, 0, 1, &len);
	cleanup_policy_image struct policy_image *image = NULL;
	struct policy_info got;

	assert_int_equal(policy_image_check(bytes, len, &image, NULL), 0);
	got = policy_image_info(image);
	assert_string_equal(got.function, info.function);
	assert_string_equal(got.revision, info.revision);
	assert_int_equal(got.serial, info.serial);
	assert_memory_equal(got.modes, info.modes, sizeof(got.modes));
	assert_int_equal(got.entries, DISTINCT_ENTRIES);
	for (size_t i = 0; i < COUNT(expected); i++)
		assert_int_equal(find(image, expected[i].domain, expected[i].access,
				      expected[i].program, expected[i].key),
				 expected[i].match);
	assert_true(policy_image_has_program(image, "/usr/bin/python3"));
	assert_true(policy_image_has_program(image, "/bin/cat"));
	assert_false(policy_image_has_program(image, "/bin/ls"));
	assert_false(policy_image_has_program(image, "/lib64/ld.so"));
	assert_false(policy_image_has_program(image, "/bin/sh"));
	assert_false(policy_image_has_program(image, "/app/data.json"));
	assert_false(policy_image_has_program(image, ""));
}

_Static_assert(COUNT(entries) == 16, "the steps below have no divisor with it");

static int count_entry(void *context, const struct behaviour *b, enum policy_match match)
{
	size_t *count = context;

	assert_int_equal(b->domain, DOMAIN_NET);
	for (size_t i = 0; i < COUNT(entries); i++) {
		if (entries[i].domain == DOMAIN_NET && strcmp(entries[i].key, b->key) == 0 &&
		    strcmp(entries[i].program, b->program) == 0)
			assert_int_equal(entries[i].match, match);
	}
	++*count;
	return *count < 100 ? 0 : -E2BIG;
}

static void the_entries_of_a_domain_can_be_gone_through(void **state)
{
	size_t len, count = 0, expected = 0;
	cleanup_free void *bytes = build(&info, 0, 1, &len);
	cleanup_policy_image struct policy_image *image = NULL;

	for (size_t i = 0; i < COUNT(entries); i++)
		expected += entries[i].domain == DOMAIN_NET;
	assert_true(expected > 0);
	assert_int_equal(policy_image_check(bytes, len, &image, NULL), 0);
	assert_int_equal(policy_image_each(image, DOMAIN_NET, count_entry, &count), 0);
	assert_int_equal(count, expected);
	count = 99;
	assert_int_equal(policy_image_each(image, DOMAIN_NET, count_entry, &count), -E2BIG);
}

static void the_order_of_adding_does_not_matter(void **state)
{
	size_t len;
	cleanup_free void *bytes = build(&info, 0, 1, &len);

	for (size_t first = 0; first < COUNT(entries); first++) {
		/* steps without a common divisor with the count visit each */
		for (size_t step = 1; step < COUNT(entries); step++) {
			cleanup_free void *other = NULL;
			size_t other_len;

			if (step % 2 == 0)
				continue;
			other = build(&info, first, step, &other_len);
			assert_int_equal(other_len, len);
			assert_memory_equal(other, bytes, len);
		}
	}
}

static void a_builder_can_be_finished_twice(void **state)
{
	struct policy_builder *builder = policy_builder_new();
	void *a = NULL, *b = NULL;
	size_t a_len, b_len;

	add(builder, &entries[0]);
	add(builder, &entries[1]);
	assert_int_equal(policy_builder_finish(builder, &info, &a, &a_len), 0);
	assert_int_equal(policy_builder_finish(builder, &info, &b, &b_len), 0);
	assert_int_equal(a_len, b_len);
	assert_memory_equal(a, b, a_len);
	policy_builder_free(builder);
	free(a);
	free(b);
}

static void many_entries_are_all_found(void **state)
{
	enum { MANY = 20000 };
	struct policy_builder *builder = policy_builder_new();
	cleanup_policy_image struct policy_image *image = NULL;
	cleanup_free void *bytes = NULL;
	char key[64];
	size_t len;

	for (int i = 0; i < MANY; i++) {
		snprintf(key, sizeof(key), "/data/%d/name", i);
		add(builder, &(struct entry){DOMAIN_FS, ACCESS_READ, i % 2 ? "/bin/a" : "", key,
					     i % 7 ? POLICY_ALLOWED : POLICY_DENIED});
	}
	assert_int_equal(policy_builder_finish(builder, &info, &bytes, &len), 0);
	policy_builder_free(builder);
	assert_int_equal(policy_image_check(bytes, len, &image, NULL), 0);
	for (int i = 0; i < 2 * MANY; i++) {
		enum policy_match expected = i % 7 ? POLICY_ALLOWED : POLICY_DENIED;

		snprintf(key, sizeof(key), "/data/%d/name", i);
		assert_int_equal(find(image, DOMAIN_FS, ACCESS_READ, "/bin/a", key),
				 i < MANY ? expected : POLICY_ABSENT);
	}
}

static void the_empty_image_and_bad_names(void **state)
{
	struct policy_builder *builder = policy_builder_new();
	cleanup_policy_image struct policy_image *image = NULL;
	char long_name[70000];
	struct behaviour b = {DOMAIN_FS, ACCESS_READ, "", long_name, 0};
	struct policy_info bad = info;
	cleanup_free void *bytes = NULL;
	size_t len;

	assert_int_equal(policy_builder_finish(builder, &info, &bytes, &len), 0);
	assert_int_equal(policy_image_check(bytes, len, &image, NULL), 0);
	assert_int_equal(policy_image_info(image).entries, 0);
	assert_int_equal(find(image, DOMAIN_FS, ACCESS_READ, "", "/"), POLICY_ABSENT);
	memset(long_name, 'x', sizeof(long_name) - 1);
	long_name[sizeof(long_name) - 1] = '\0';
	assert_int_equal(policy_builder_add(builder, &b, POLICY_ALLOWED), -EFBIG);
	b.key = "/x";
	b.domain = DOMAINS;
	assert_int_equal(policy_builder_add(builder, &b, POLICY_ALLOWED), -EINVAL);
	long_name[POLICY_NAME_MAX + 1] = '\0';
	bad.function = long_name;
	assert_int_equal(policy_builder_finish(builder, &bad, &bytes, &len), -EINVAL);
	bad = info;
	bad.modes[2] = MODES;
	assert_int_equal(policy_builder_finish(builder, &bad, &bytes, &len), -EINVAL);
	policy_builder_free(builder);
}

static void a_damaged_image_is_none(void **state)
{
	size_t len;
	cleanup_free char *bytes = build(&info, 0, 1, &len);
	struct policy_image *image = NULL;

	for (size_t cut = 0; cut < len; cut++) {
		/* in memory of its own size, so that a sanitizer sees each step too far */
		cleanup_free char *part = malloc(cut ? cut : 1);

		memcpy(part, bytes, cut);
		assert_int_equal(policy_image_check(part, cut, &image, NULL), -EPROTO);
	}
	for (size_t bit = 0; bit < 8 * len; bit++) {
		bytes[bit / 8] = (char)(bytes[bit / 8] ^ 1 << bit % 8);
		assert_int_equal(policy_image_check(bytes, len, &image, NULL), -EPROTO);
		bytes[bit / 8] = (char)(bytes[bit / 8] ^ 1 << bit % 8);
	}
	assert_null(image);
}

/* Reads every byte of every attachment. */
static void touch(const struct policy_image *image)
{
	for (unsigned int kind = 0; kind < POLICY_ATTACHMENTS; kind++) {
		size_t len;
		const void *at = policy_image_attachment(image, (enum policy_attachment)kind, &len);
		cleanup_free void *copy = malloc(len + 1);

		memcpy(copy, at, len);
	}
}

/* A forged image with a right checksum must still be safe: every byte of it set to every extreme.
 */
static void a_forged_image_is_safe(void **state)
{
	static const unsigned char values[] = {0, 1, 0x7f, 0x80, 0xff};
	size_t len;
	cleanup_free unsigned char *bytes = build(&info, 0, 1, &len);

	for (size_t at = 16; at < len; at++) {
		unsigned char saved = bytes[at];

		for (size_t v = 0; v < COUNT(values); v++) {
			cleanup_policy_image struct policy_image *image = NULL;
			uint32_t crc;

			bytes[at] = values[v];
			crc = crc32c(0, bytes + 16, len - 16);
			memcpy(bytes + 12, &crc, sizeof(crc));
			if (policy_image_check(bytes, len, &image, NULL) < 0)
				continue;
			for (size_t i = 0; i < COUNT(entries); i++)
				find(image, entries[i].domain, entries[i].access,
				     entries[i].program, entries[i].key);
			policy_image_has_program(image, "/bin/cat");
			touch(image);
			assert_true(strlen(policy_image_info(image).function) <= POLICY_NAME_MAX);
		}
		bytes[at] = saved;
	}
}

/* ---- decisions ---- */

static void decisions(void **state)
{
	enum { N = MODE_UNAVAILABLE, L = MODE_LEARN, S = MODE_SHADOW, E = MODE_ENFORCE };
	static const char known[] = "/usr/bin/python3";
	static const struct {
		bool image;
		int fs, exec; /* modes */
		enum domain domain;
		enum access access;
		const char *program, *key;
		uint32_t flags;
		enum verdict verdict;
		bool novel;
	} table[] = {
		/* known */
		{1, L, L, DOMAIN_FS, ACCESS_READ, known, "/app/data.json", 0, VERDICT_ALLOWED, 0},
		{1, E, E, DOMAIN_FS, ACCESS_READ, known, "/app/data.json", 0, VERDICT_ALLOWED, 0},
		/* novel */
		{1, N, L, DOMAIN_FS, ACCESS_READ, known, "/x", 0, VERDICT_ALLOWED, 1},
		{1, L, L, DOMAIN_FS, ACCESS_READ, known, "/x", 0, VERDICT_NOVEL, 1},
		{1, S, L, DOMAIN_FS, ACCESS_READ, known, "/x", 0, VERDICT_WOULD_DENY, 1},
		{1, E, L, DOMAIN_FS, ACCESS_READ, known, "/x", 0, VERDICT_DENIED, 1},
		{0, L, L, DOMAIN_FS, ACCESS_READ, known, "/app/data.json", 0, VERDICT_NOVEL, 1},
		{0, E, L, DOMAIN_FS, ACCESS_READ, known, "/app/data.json", 0, VERDICT_DENIED, 1},
		/* marked "deny" */
		{1, N, L, DOMAIN_FS, ACCESS_READ, known, "/app/secret", 0, VERDICT_ALLOWED, 0},
		{1, L, L, DOMAIN_FS, ACCESS_READ, known, "/app/secret", 0, VERDICT_DENIED, 0},
		{1, S, L, DOMAIN_FS, ACCESS_READ, known, "/app/secret", 0, VERDICT_DENIED, 0},
		{1, L, L, DOMAIN_FS, ACCESS_READ, known, "/app/secret", BEHAVIOUR_IMAGE,
		 VERDICT_DENIED, 0},
		/* inert */
		{1, L, L, DOMAIN_FS, ACCESS_READ, known, "/x", BEHAVIOUR_IMAGE, VERDICT_ALLOWED, 1},
		{1, E, L, DOMAIN_FS, ACCESS_LIST, "/new", "/x", BEHAVIOUR_IMAGE, VERDICT_ALLOWED,
		 1},
		{1, E, E, DOMAIN_FS, ACCESS_READ, known, "/x", BEHAVIOUR_IMAGE, VERDICT_ALLOWED, 1},
		{0, E, S, DOMAIN_FS, ACCESS_READ, known, "/x", BEHAVIOUR_IMAGE, VERDICT_ALLOWED, 1},
		/* never, whatever it lies in: keys */
		{1, E, E, DOMAIN_FS, ACCESS_READ, known, "/root/.ssh/id_rsa", BEHAVIOUR_IMAGE,
		 VERDICT_DENIED, 1},
		{1, E, E, DOMAIN_FS, ACCESS_READ, known, "/etc/shadow", BEHAVIOUR_IMAGE,
		 VERDICT_DENIED, 1},
		{1, L, L, DOMAIN_FS, ACCESS_READ, known, "/etc/shadow", BEHAVIOUR_IMAGE,
		 VERDICT_NOVEL, 1},
		/* no longer, through a stranger */
		{1, E, E, DOMAIN_FS, ACCESS_READ, "/new", "/x", BEHAVIOUR_IMAGE, VERDICT_DENIED, 1},
		{1, L, E, DOMAIN_FS, ACCESS_READ, "/new", "/x", BEHAVIOUR_IMAGE, VERDICT_DENIED, 1},
		{1, L, E, DOMAIN_FS, ACCESS_WRITE, "/new", "/x", 0, VERDICT_DENIED, 1},
		{1, L, E, DOMAIN_FS, ACCESS_WRITE, known, "/x", 0, VERDICT_NOVEL, 1},
		{1, E, E, DOMAIN_FS, ACCESS_READ, "", "/x", BEHAVIOUR_IMAGE, VERDICT_DENIED, 1},
		{0, E, E, DOMAIN_FS, ACCESS_READ, known, "/x", BEHAVIOUR_IMAGE, VERDICT_DENIED, 1},
		{1, L, E, DOMAIN_CAP, ACCESS_NONE, "/new", "CAP_KILL", 0, VERDICT_DENIED, 1},
		/* nobody could tell which program */
		{1, L, E, DOMAIN_CAP, ACCESS_NONE, "", "CAP_KILL", 0, VERDICT_NOVEL, 1},
		/* not inert: changes, other domains */
		{1, E, L, DOMAIN_FS, ACCESS_WRITE, known, "/x", BEHAVIOUR_IMAGE, VERDICT_DENIED, 1},
		{1, E, S, DOMAIN_EXEC, ACCESS_EXEC, known, "/x", BEHAVIOUR_IMAGE,
		 VERDICT_WOULD_DENY, 1},
		{1, E, S, DOMAIN_EXEC, ACCESS_EXEC, known, "/bin/cat", 0, VERDICT_ALLOWED, 0},
		{1, E, E, DOMAINS, ACCESS_EXEC, known, "/bin/cat", 0, VERDICT_DENIED, 1},
	};
	size_t len;
	cleanup_free void *bytes = build(&info, 0, 1, &len);
	cleanup_policy_image struct policy_image *image = NULL;

	assert_int_equal(policy_image_check(bytes, len, &image, NULL), 0);
	for (size_t i = 0; i < COUNT(table); i++) {
		enum mode modes[DOMAINS] = {[DOMAIN_FS] = (enum mode)table[i].fs,
					    [DOMAIN_EXEC] = (enum mode)table[i].exec,
					    [DOMAIN_CAP] = MODE_LEARN};
		struct behaviour b = {table[i].domain, table[i].access, table[i].program,
				      table[i].key, table[i].flags};
		struct decision d = policy_decide(table[i].image ? image : NULL, modes, &b);

		if (d.verdict != table[i].verdict || d.novel != table[i].novel)
			fail_msg("row %zu: %s, novel %d", i, verdict_name(d.verdict), d.novel);
	}
}

/* ---- files ---- */

static int make_directory(void **state)
{
	char path[] = "/tmp/husk-policy-test-XXXXXX";

	*state = mkdtemp(path) ? strdup(path) : NULL;
	return *state ? 0 : -1;
}

static int remove_directory(void **state)
{
	int r = remove_tree_at(AT_FDCWD, *state);

	free(*state);
	return r;
}

static void file_names_are_harmless(void **state)
{
	static const struct {
		const char *function, *shown;
	} table[] = {
		{"thumbnail", "thumbnail-"},
		{"../../etc/passwd", "_._.._etc_passwd-"},
		{"ns/name:tag", "ns_name_tag-"},
		{".hidden", "_hidden-"},
		{"", "-"},
		{"a\nb\xff", "a_b_-"},
	};
	char name[NAME_MAX + 1], other[NAME_MAX + 1], long_name[300];

	for (size_t i = 0; i < COUNT(table); i++) {
		policy_file_name(table[i].function, "r1", name);
		assert_memory_equal(name, table[i].shown, strlen(table[i].shown));
		assert_int_equal(strlen(name), strlen(table[i].shown) + 16 + strlen(".policy"));
		policy_file_name(table[i].function, "r2", other);
		assert_string_not_equal(name, other);
	}
	policy_file_name("a", "bc", name);
	policy_file_name("ab", "c", other);
	assert_string_not_equal(name + 1, other + 2);
	memset(long_name, 'x', sizeof(long_name) - 1);
	long_name[sizeof(long_name) - 1] = '\0';
	policy_file_name(long_name, "r", name);
	assert_int_equal(strlen(name), 64 + 1 + 16 + strlen(".policy"));
}

static void flip_byte(int fd, const char *name, off_t at)
{
	cleanup_close int file = openat(fd, name, O_RDWR | O_CLOEXEC);
	char c;

	assert_true(file >= 0);
	assert_int_equal(pread(file, &c, 1, at), 1);
	c = (char)~c;
	assert_int_equal(pwrite(file, &c, 1, at), 1);
}

static void a_file_is_replaced_and_has_a_copy(void **state)
{
	cleanup_close int fd = open(*state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char name[NAME_MAX + 1], path[PATH_MAX], copy[PATH_MAX];
	struct policy_info second = info;
	struct error err = ERROR_INIT;
	struct policy_image *image = NULL;
	bool damaged = true;
	size_t len, second_len;
	cleanup_free void *bytes = build(&info, 0, 1, &len), *second_bytes = NULL;

	second.serial = 8;
	second_bytes = build(&second, 0, 1, &second_len);
	policy_file_name("thumbnail", "sha256:00ff", name);
	snprintf(path, sizeof(path), "policies/%s", name);
	snprintf(copy, sizeof(copy), "policies/%.*s.copy", (int)strlen(name) - 7, name);

	assert_int_equal(policy_file_open(fd, "thumbnail", "sha256:00ff", &image, &damaged, &err),
			 -ENOENT);
	assert_int_equal(policy_file_write(fd, "thumbnail", "other", bytes, len, &err), -EINVAL);
	assert_int_equal(policy_file_write(fd, "thumbnail", "sha256:00ff", bytes, len - 1, &err),
			 -EPROTO);
	assert_int_equal(policy_file_write(fd, "thumbnail", "sha256:00ff", bytes, len, &err), 0);
	assert_int_equal(policy_file_open(fd, "thumbnail", "other", &image, &damaged, &err),
			 -ENOENT);
	assert_int_equal(policy_file_open(fd, "thumbnail", "sha256:00ff", &image, &damaged, &err),
			 0);
	assert_false(damaged);
	assert_int_equal(policy_image_info(image).serial, 7);
	policy_image_free(image);

	assert_int_equal(
		policy_file_write(fd, "thumbnail", "sha256:00ff", second_bytes, second_len, &err),
		0);
	assert_int_equal(policy_file_open(fd, "thumbnail", "sha256:00ff", &image, &damaged, &err),
			 0);
	assert_int_equal(policy_image_info(image).serial, 8);
	policy_image_free(image);

	/* never the one before: its modes may deny nothing */
	flip_byte(fd, path, 100);
	assert_int_equal(policy_file_open(fd, "thumbnail", "sha256:00ff", &image, &damaged, &err),
			 0);
	assert_true(damaged);
	assert_int_equal(policy_image_info(image).serial, 8);
	policy_image_free(image);

	/* what is damaged is whole again */
	flip_byte(fd, copy, 100);
	assert_int_equal(policy_file_open(fd, "thumbnail", "sha256:00ff", &image, &damaged, &err),
			 -EPROTO);
	assert_int_equal(
		policy_file_write(fd, "thumbnail", "sha256:00ff", second_bytes, second_len, &err),
		0);
	flip_byte(fd, path, 100);
	assert_int_equal(policy_file_open(fd, "thumbnail", "sha256:00ff", &image, &damaged, &err),
			 0);
	policy_image_free(image);

	flip_byte(fd, copy, 100);
	assert_int_equal(unlinkat(fd, path, 0), 0);
	assert_int_equal(policy_file_open(fd, "thumbnail", "sha256:00ff", &image, &damaged, &err),
			 -EPROTO);
}

static void what_is_no_image_is_refused(void **state)
{
	cleanup_close int fd = open(*state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct policy_image *image = NULL;
	bool damaged;
	size_t len;
	cleanup_free void *bytes = build(&info, 0, 1, &len);
	char name[NAME_MAX + 1], path[PATH_MAX];

	assert_int_equal(mkdirat(fd, "d", 0700), 0);
	assert_int_equal(mkfifoat(fd, "fifo", 0600), 0);
	assert_int_equal(atomic_file_write(fd, "empty", "", 0, 0600, NULL), 0);
	assert_int_equal(atomic_file_write(fd, "image", bytes, len, 0600, NULL), 0);
	assert_int_equal(symlinkat("image", fd, "link"), 0);
	assert_int_equal(policy_image_open(fd, "none", &image, NULL), -ENOENT);
	assert_int_equal(policy_image_open(fd, "d", &image, NULL), -EPROTO);
	assert_int_equal(policy_image_open(fd, "fifo", &image, NULL), -EPROTO);
	assert_int_equal(policy_image_open(fd, "empty", &image, NULL), -EPROTO);
	assert_int_equal(policy_image_open(fd, "link", &image, NULL), -ELOOP);
	assert_int_equal(policy_image_open(fd, "image", &image, NULL), 0);
	policy_image_free(image);
	policy_image_free(NULL);

	/* another's image under our name: a collision of hashes must never be followed */
	policy_file_name("other", "r", name);
	snprintf(path, sizeof(path), "policies/%s", name);
	assert_true(mkdirat(fd, "policies", 0700) == 0 || errno == EEXIST);
	assert_int_equal(atomic_file_write(fd, "image", bytes, len, 0600, NULL), 0);
	assert_int_equal(renameat(fd, "image", fd, path), 0);
	assert_int_equal(policy_file_open(fd, "other", "r", &image, &damaged, NULL), -EPROTO);
}

static void natives_are_read_back_and_forged_ones_refused(void **state)
{
	static const struct native_entry natives[] = {
		{NATIVE_DENIED, 0, "/usr/lib/x"},
		{NATIVE_IMAGE, 134, "/usr/lib"},
		{NATIVE_PRIVATE, UINT32_MAX, "/tmp"},
		{NATIVE_SOCKETS, 0, "/data/{num}"},
	};
	static const char *const wrong[] = {"",	      "usr",	     "/",	   "/usr/",
					    "//usr",  "/usr/../etc", "/..",	   "/usr/./lib",
					    "/usr//", "/usr/.",	     "/usr/lib/.."};
	cleanup_buf struct buf bytes = BUF_INIT;
	struct native_entry entry;
	size_t at = 0;

	for (size_t i = 0; i < COUNT(natives); i++)
		native_put(&bytes, &natives[i]);
	for (size_t i = 0; i < COUNT(natives); i++) {
		assert_int_equal(native_next(bytes.bytes, bytes.len, &at, &entry), 1);
		assert_int_equal(entry.kind, natives[i].kind);
		assert_int_equal(entry.uses, natives[i].uses);
		assert_string_equal(entry.path, natives[i].path);
	}
	assert_int_equal(native_next(bytes.bytes, bytes.len, &at, &entry), 0);
	for (size_t len = 1; len < 18; len++) {
		at = 0;
		assert_int_equal(native_next(bytes.bytes, len, &at, &entry), -EPROTO);
	}
	bytes.bytes[0] = 9;
	at = 0;
	assert_int_equal(native_next(bytes.bytes, bytes.len, &at, &entry), -EPROTO);
	for (size_t i = 0; i < COUNT(wrong); i++) {
		cleanup_buf struct buf one = BUF_INIT;

		native_put(&one, &(struct native_entry){NATIVE_IMAGE, 1, wrong[i]});
		at = 0;
		assert_int_equal(native_next(one.bytes, one.len, &at, &entry), -EPROTO);
	}
}

/* ---- peers ---- */

static const struct {
	enum access access;
	const char *key;
	enum peer_way way;
	uint8_t protocol;
	uint16_t port;
	bool ephemeral;
	const char *address, *name; /* of PEER_OUT */
} peer_keys[] = {
	{ACCESS_CONNECT, "tcp example.org:443", PEER_OUT, 6, 443, false, NULL, "example.org"},
	{ACCESS_CONNECT, "tcp *.example.org:443", PEER_OUT, 6, 443, false, NULL, "*.example.org"},
	{ACCESS_CONNECT, "tcp 192.0.2.1:443", PEER_OUT, 6, 443, false, "192.0.2.1", NULL},
	{ACCESS_CONNECT, "udp [2001:db8::1]:53", PEER_OUT, 17, 53, false, "2001:db8::1", NULL},
	{ACCESS_CONNECT, "icmp 192.0.2.1", PEER_OUT, 1, 0, false, "192.0.2.1", NULL},
	{ACCESS_CONNECT, "icmpv6 2001:db8::1", PEER_OUT, 58, 0, false, "2001:db8::1", NULL},
	{ACCESS_CONNECT, "icmp example.org", PEER_OUT, 1, 0, false, NULL, "example.org"},
	{ACCESS_CONNECT, "protocol-200 192.0.2.1", PEER_OUT, 200, 0, false, "192.0.2.1", NULL},
	{ACCESS_CONNECT, "sctp 192.0.2.1:1", PEER_OUT, 132, 1, false, "192.0.2.1", NULL},
	{ACCESS_CONNECT, "tcp loopback:9001", PEER_LOCAL, 6, 9001, false, NULL, NULL},
	{ACCESS_CONNECT, "tcp loopback:*", PEER_LOCAL, 6, 0, true, NULL, NULL},
	{ACCESS_CONNECT, "icmp loopback", PEER_LOCAL, 1, 0, false, NULL, NULL},
	{ACCESS_CONNECT, "tcp forwarded", PEER_THROUGH, 6, 0, false, NULL, NULL},
	{ACCESS_CONNECT, "icmp forwarded", PEER_THROUGH, 1, 0, false, NULL, NULL},
	{ACCESS_SERVE, "tcp :8080", PEER_IN, 6, 8080, false, NULL, NULL},
	{ACCESS_SERVE, "udp :*", PEER_IN, 17, 0, true, NULL, NULL},
	{ACCESS_SERVE, "gre :*", PEER_IN, 47, 0, false, NULL, NULL},
};

static void keys_say_what_a_peer_is(void **state)
{
	for (size_t i = 0; i < COUNT(peer_keys); i++) {
		struct peer peer = {
			.way = peer_keys[i].way,
			.protocol = peer_keys[i].protocol,
			.port = peer_keys[i].port,
			.ephemeral = peer_keys[i].ephemeral,
			.name = peer_keys[i].name,
		};
		char text[PEER_KEY_ROOM], name[PEER_KEY_ROOM];
		struct peer read;

		if (peer_keys[i].address)
			assert_int_equal(address_parse(peer_keys[i].address, &peer.address), 0);
		assert_int_equal(peer_format(&peer, text), peer_keys[i].access);
		assert_string_equal(text, peer_keys[i].key);
		assert_int_equal(peer_parse(peer_keys[i].access, peer_keys[i].key, name, &read), 0);
		assert_int_equal(read.way, peer.way);
		assert_int_equal(read.protocol, peer.protocol);
		assert_int_equal(read.port, peer.port);
		assert_int_equal(read.ephemeral, peer.ephemeral);
		assert_true(address_equal(&read.address, &peer.address));
		if (peer.name)
			assert_string_equal(read.name, peer.name);
		else
			assert_null(read.name);
	}
}

static const struct {
	enum access access;
	const char *key;
} no_peers[] = {
	{ACCESS_READ, "tcp 192.0.2.1:443"},
	{ACCESS_CONNECT, ""},
	{ACCESS_CONNECT, "tcp"},
	{ACCESS_CONNECT, "tcp "},
	{ACCESS_CONNECT, "tcp :443"},
	{ACCESS_CONNECT, "tcp 192.0.2.1"},
	{ACCESS_CONNECT, "tcp 192.0.2.1:"},
	{ACCESS_CONNECT, "tcp 192.0.2.1:65536"},
	{ACCESS_CONNECT, "tcp 192.0.2.1:0443"},
	{ACCESS_CONNECT, "tcp 192.0.2.1:*"},
	{ACCESS_CONNECT, "tcp 192.0.2.1:443 "},
	{ACCESS_CONNECT, "tcp 2001:db8::1:443"},
	{ACCESS_CONNECT, "tcp [2001:DB8::1]:443"},
	{ACCESS_CONNECT, "tcp [192.0.2.1]:443"},
	{ACCESS_CONNECT, "tcp [example.org]:443"},
	{ACCESS_CONNECT, "tcp 192.0.2.01:443"},
	{ACCESS_CONNECT, "icmp [2001:db8::1]"},
	{ACCESS_CONNECT, "protocol-6 192.0.2.1"},
	{ACCESS_CONNECT, "protocol-256 192.0.2.1"},
	{ACCESS_CONNECT, "TCP 192.0.2.1:443"},
	{ACCESS_CONNECT, "icmp loopback:1"},
	{ACCESS_CONNECT, "tcp forwarded:1"},
	{ACCESS_CONNECT, "tcp forwarded:*"},
	{ACCESS_CONNECT, "tcpp forwarded"},
	{ACCESS_SERVE, "tcp forwarded"},
	{ACCESS_SERVE, "tcp 8080"},
	{ACCESS_SERVE, "tcp 192.0.2.1:8080"},
	{ACCESS_SERVE, "gre"},
	{ACCESS_SERVE, "gre :0"},
};

static void what_is_no_key_is_refused(void **state)
{
	for (size_t i = 0; i < COUNT(no_peers); i++) {
		char name[PEER_KEY_ROOM];
		struct peer peer;

		if (peer_parse(no_peers[i].access, no_peers[i].key, name, &peer) != -EINVAL)
			fail_msg("'%s'", no_peers[i].key);
	}
}

static void a_name_that_means_something_else_is_left_out(void **state)
{
	static const char *const names[] = {"loopback", "192.0.2.9", "2001:db8::9", "a b", "a:1",
					    "[a]",	""};
	char text[PEER_KEY_ROOM], longest[300];

	for (size_t i = 0; i < COUNT(names); i++) {
		struct peer peer = {.protocol = 6, .port = 443, .name = names[i]};

		assert_int_equal(address_parse("192.0.2.1", &peer.address), 0);
		assert_false(peer_is_name(names[i]));
		peer_format(&peer, text);
		assert_string_equal(text, "tcp 192.0.2.1:443");
	}
	memset(longest, 'a', sizeof(longest));
	longest[254] = '\0';
	assert_false(peer_is_name(longest));
	longest[253] = '\0';
	assert_true(peer_is_name(longest));
}

/* ---- host names ---- */

static void public_suffixes_are_known(void **state)
{
	static const struct {
		const char *name, *suffix;
	} table[] = {
		{"www.example.com", "com"},
		{"example.co.uk", "co.uk"},
		{"com", "com"},
		{"bucket.s3.amazonaws.com", "s3.amazonaws.com"},
		{"d1.cloudfront.net", "cloudfront.net"},
		{"a.b.c.ck", "c.ck"},			 /* "*.ck" */
		{"www.ck", "www.ck"},			 /* "!www.ck" is left out on purpose */
		{"redis.ns.svc.cluster.local", "local"}, /* in no entry */
		{"host", "host"},
		{"a.xn--55qx5d.cn", "xn--55qx5d.cn"}, /* an entry that is not ASCII */
		{"", ""},
	};

	for (size_t i = 0; i < COUNT(table); i++) {
		size_t len = suffix_len(table[i].name);

		assert_int_equal(len, strlen(table[i].suffix));
		assert_string_equal(table[i].name + strlen(table[i].name) - len, table[i].suffix);
	}
}

static void host_names_are_widened_below_their_owner(void **state)
{
	static const struct {
		const char *name, *key;
	} table[] = {
		{"api.example.org", "api.example.org"},
		{"web12.example.org", "web{n}.example.org"},
		{"node-3.pool.example.org", "node-{n}.pool.example.org"},
		{"ip-10-0-1-5.ec2.internal", "ip-{n}-{n}-{n}-{n}.ec2.internal"},
		{"redis-0.redis.ns.svc.cluster.local", "redis-{n}.redis.ns.svc.cluster.local"},
		{"s3.example.org", "s3.example.org"},
		{"x7k2p.example.org", "x7k2p.example.org"},
		{"12.example.org", "12.example.org"},
		{"1234.example.org", "{n}.example.org"},
		/* Whose the name is stays. */
		{"example123.org", "example123.org"},
		{"tenant-17.cloudfront.net", "tenant-17.cloudfront.net"},
		{"a.tenant-17.s3.amazonaws.com", "a.tenant-17.s3.amazonaws.com"},
		{"part-2.tenant-17.s3.amazonaws.com", "part-{n}.tenant-17.s3.amazonaws.com"},
		{"host1234", "host1234"},
		/* Regions. */
		{"sqs.eu-west-1.amazonaws.com", "sqs.{region}.amazonaws.com"},
		{"sqs.us-gov-east-1.amazonaws.com", "sqs.{region}.amazonaws.com"},
		{"x-europe-west12.run.example.org", "x-{region}.run.example.org"},
		{"eu-west-1-a.example.org", "{region}-a.example.org"},
		{"my-east-wing-100.example.org", "my-east-wing-{n}.example.org"},
		{"u-east-1.example.org", "u-east-{n}.example.org"},
		/* Shapes. */
		{"123e4567-e89b-12d3-a456-426614174000.example.org", "{uuid}.example.org"},
		{"0123456789abcdef.example.org", "{hex}.example.org"},
		{"x-0123456789abcdef.example.org", "x-{hex}.example.org"},
		{"0123456789abcdeg.example.org", "0123456789abcdeg.example.org"},
		/* Reverse names. */
		{"5.2.0.192.in-addr.arpa", "{host}.2.0.192.in-addr.arpa"},
		{"b._dns-sd._udp.0.2.0.192.in-addr.arpa", "b._dns-sd._udp.0.2.0.192.in-addr.arpa"},
		{"1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.4.3.2.1.8.b.d.0.1.0.0.2.f.e.d.c.ip6.arpa",
		 "{host}.4.3.2.1.8.b.d.0.1.0.0.2.f.e.d.c.ip6.arpa"},
		{"2.0.192.in-addr.arpa", "2.0.192.in-addr.arpa"},
		/* What cannot be a name of a pattern's own making. */
		{"\\123n\\125.example.org", "\\123n\\125.example.org"},
		{".", "."},
		{"", ""},
	};
	char key[SHAPE_HOST_MAX];

	for (size_t i = 0; i < COUNT(table); i++) {
		shape_host(table[i].name, key);
		assert_string_equal(key, table[i].key);
	}
}

static const char *test_directory;

/* Else the fuzzer would begin with what is refused at once. */
static void the_seeds_of_the_fuzzer_are_of_this_version(void **state)
{
	cleanup_free char *bytes = NULL;
	cleanup_policy_image struct policy_image *image = NULL;
	char path[PATH_MAX];
	size_t len;

	snprintf(path, sizeof(path), "%s/../fuzz/corpus/policy/small-image", test_directory);
	assert_int_equal(read_file_at(AT_FDCWD, path, 1 << 20, &bytes, &len, NULL), 0);
	assert_int_equal(policy_image_check(bytes, len, &image, NULL), 0);
	assert_int_equal(policy_image_info(image).entries, 4);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(public_suffixes_are_known),
		cmocka_unit_test(host_names_are_widened_below_their_owner),
		cmocka_unit_test(keys_say_what_a_peer_is),
		cmocka_unit_test(what_is_no_key_is_refused),
		cmocka_unit_test(a_name_that_means_something_else_is_left_out),
		cmocka_unit_test(names_are_read_back),
		cmocka_unit_test(capabilities_have_the_names_of_the_kernel),
		cmocka_unit_test(paths_become_keys),
		cmocka_unit_test(a_plain_name_has_kin),
		cmocka_unit_test(long_paths_stay_within_the_room),
		cmocka_unit_test(executables_stay_literal),
		cmocka_unit_test(an_image_holds_what_was_added),
		cmocka_unit_test(attachments_are_read_back),
		cmocka_unit_test(the_entries_of_a_domain_can_be_gone_through),
		cmocka_unit_test(the_order_of_adding_does_not_matter),
		cmocka_unit_test(a_builder_can_be_finished_twice),
		cmocka_unit_test(many_entries_are_all_found),
		cmocka_unit_test(the_empty_image_and_bad_names),
		cmocka_unit_test(a_damaged_image_is_none),
		cmocka_unit_test(a_forged_image_is_safe),
		cmocka_unit_test(decisions),
		cmocka_unit_test(natives_are_read_back_and_forged_ones_refused),
		cmocka_unit_test(file_names_are_harmless),
		cmocka_unit_test_setup_teardown(a_file_is_replaced_and_has_a_copy, make_directory,
						remove_directory),
		cmocka_unit_test_setup_teardown(what_is_no_image_is_refused, make_directory,
						remove_directory),
		cmocka_unit_test(the_seeds_of_the_fuzzer_are_of_this_version),
	};

	test_directory = argc > 1 ? argv[1] : ".";
	return cmocka_run_group_tests(tests, NULL, NULL);
}
