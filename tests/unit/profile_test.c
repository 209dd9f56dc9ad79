/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Classes, sketches, joining, promotion. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "profile/class.h"
#include "profile/known.h"
#include "profile/promotion.h"
#include "profile/sketch.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* A small generator with a known start: the same cases in every run of the tests. */
static uint64_t next_random(uint64_t *state)
{
	*state += UINT64_C(0x9e3779b97f4a7c15);
	return hash64_mix(*state);
}

/* ---- classes ---- */

static const struct {
	enum domain domain;
	enum access access;
	uint32_t flags;
	const char *key;
	enum behaviour_class expected;
} class_cases[] = {
	{DOMAIN_FS, ACCESS_READ, BEHAVIOUR_IMAGE, "/usr/lib/python3/os.py", CLASS_INERT},
	{DOMAIN_FS, ACCESS_LIST, BEHAVIOUR_IMAGE, "/app", CLASS_INERT},
	{DOMAIN_FS, ACCESS_READ, 0, "/usr/lib/python3/os.py", CLASS_ORDINARY},
	{DOMAIN_FS, ACCESS_READ, 0, "/data/in.csv", CLASS_ORDINARY},
	{DOMAIN_FS, ACCESS_CREATE, 0, "/tmp/{rand}", CLASS_ORDINARY},
	{DOMAIN_FS, ACCESS_WRITE, 0, "/tmp/out", CLASS_ORDINARY},
	{DOMAIN_EXEC, ACCESS_EXEC, BEHAVIOUR_IMAGE, "/usr/bin/convert", CLASS_ORDINARY},
	{DOMAIN_EXEC, ACCESS_EXEC, 0, "/data/convert", CLASS_DANGEROUS},
	{DOMAIN_EXEC, ACCESS_EXEC, BEHAVIOUR_IMAGE, "/bin/sh", CLASS_DANGEROUS},
	{DOMAIN_EXEC, ACCESS_EXEC, BEHAVIOUR_IMAGE, "/usr/bin/python3.11", CLASS_DANGEROUS},
	{DOMAIN_EXEC, ACCESS_EXEC, BEHAVIOUR_IMAGE, "/usr/bin/shred", CLASS_ORDINARY},
	{DOMAIN_EXEC, ACCESS_EXEC, BEHAVIOUR_IMAGE, "/usr/bin/curl", CLASS_DANGEROUS},
	{DOMAIN_EXEC, ACCESS_EXEC, BEHAVIOUR_IMAGE, "/tmp/x", CLASS_DANGEROUS},
	{DOMAIN_EXEC, ACCESS_EXEC, BEHAVIOUR_IMAGE, "/lib64/ld-linux-x86-64.so.2", CLASS_DANGEROUS},
	{DOMAIN_FS, ACCESS_WRITE, 0, "/etc/ld.so.preload", CLASS_DANGEROUS},
	{DOMAIN_FS, ACCESS_CREATE, 0, "/usr/lib/python3/dist-packages/x.pth", CLASS_DANGEROUS},
	{DOMAIN_FS, ACCESS_WRITE, 0, "/root/.bashrc", CLASS_DANGEROUS},
	{DOMAIN_FS, ACCESS_READ, 0, "/run/secrets/token", CLASS_DANGEROUS},
	{DOMAIN_FS, ACCESS_READ, 0, "/proc/{other}/environ", CLASS_DANGEROUS},
	{DOMAIN_FS, ACCESS_READ, 0, "/var/run/docker.sock", CLASS_GUARDED},
	{DOMAIN_FS, ACCESS_READ, BEHAVIOUR_IMAGE, "/home/me/.ssh/id_ed25519", CLASS_GUARDED},
	{DOMAIN_FS, ACCESS_WRITE, 0, "/proc/sys/kernel/core_pattern", CLASS_GUARDED},
	{DOMAIN_FS, ACCESS_READ, 0, "/proc/sys/kernel/osrelease", CLASS_ORDINARY},
	{DOMAIN_NET, ACCESS_CONNECT, 0, "tcp example.org:443", CLASS_ORDINARY},
	{DOMAIN_NET, ACCESS_CONNECT, 0, "tcp loopback:9001", CLASS_ORDINARY},
	{DOMAIN_NET, ACCESS_CONNECT, 0, "tcp example.org:22", CLASS_DANGEROUS},
	{DOMAIN_NET, ACCESS_CONNECT, 0, "tcp 10.0.0.1:80", CLASS_DANGEROUS},
	{DOMAIN_NET, ACCESS_CONNECT, 0, "tcp [fd00::1]:80", CLASS_DANGEROUS},
	{DOMAIN_NET, ACCESS_CONNECT, 0, "tcp 8.8.8.8:443", CLASS_DANGEROUS},
	{DOMAIN_NET, ACCESS_CONNECT, 0, "tcp 169.254.1.1:80", CLASS_DANGEROUS},
	{DOMAIN_NET, ACCESS_CONNECT, 0, "tcp 169.254.169.254:80", CLASS_GUARDED},
	{DOMAIN_NET, ACCESS_CONNECT, 0, "icmp 169.254.170.2", CLASS_GUARDED},
	{DOMAIN_NET, ACCESS_CONNECT, 0, "tcp [fd00:ec2::254]:80", CLASS_GUARDED},
	{DOMAIN_NET, ACCESS_CONNECT, 0, "tcp [::ffff:169.254.169.254]:80", CLASS_GUARDED},
	{DOMAIN_NET, ACCESS_SERVE, 0, "tcp :8080", CLASS_DANGEROUS},
	{DOMAIN_NET, ACCESS_CONNECT, 0, "tcp forwarded", CLASS_GUARDED},
	{DOMAIN_NET, ACCESS_CONNECT, 0, "of another version", CLASS_DANGEROUS},
	{DOMAIN_FS, ACCESS_READ, 0, "", CLASS_ORDINARY},
	{DOMAIN_CAP, ACCESS_NONE, 0, "CAP_NET_BIND_SERVICE", CLASS_ORDINARY},
	{DOMAIN_CAP, ACCESS_NONE, 0, "CAP_SETUID", CLASS_ORDINARY},
	{DOMAIN_CAP, ACCESS_NONE, 0, "CAP_MKNOD", CLASS_DANGEROUS},
	{DOMAIN_CAP, ACCESS_NONE, 0, "CAP_WAKE_ALARM", CLASS_DANGEROUS},
	{DOMAIN_CAP, ACCESS_NONE, 0, "CAP_SYS_ADMIN", CLASS_GUARDED},
	{DOMAIN_CAP, ACCESS_NONE, 0, "CAP_OF_TOMORROW", CLASS_DANGEROUS},
	{DOMAIN_SYSCALL, ACCESS_NONE, 0, "socket", CLASS_ORDINARY},
	{DOMAIN_SYSCALL, ACCESS_NONE, 0, "io_uring_setup", CLASS_DANGEROUS},
	{DOMAIN_SYSCALL, ACCESS_NONE, 0, "userfaultfd", CLASS_DANGEROUS},
	{DOMAIN_SYSCALL, ACCESS_NONE, 0, "keyctl", CLASS_DANGEROUS},
	{DOMAIN_SYSCALL, ACCESS_NONE, 0, "perf_event_open", CLASS_DANGEROUS},
	{DOMAIN_SYSCALL, ACCESS_NONE, 0, "name_to_handle_at", CLASS_DANGEROUS},
	{DOMAIN_SYSCALL, ACCESS_NONE, 0, "bpf", CLASS_GUARDED},
	{DOMAIN_SYSCALL, ACCESS_NONE, 0, "socket:packet", CLASS_DANGEROUS},
	{DOMAIN_SYSCALL, ACCESS_NONE, 0, "call:999", CLASS_DANGEROUS},
	{DOMAIN_SYSCALL, ACCESS_NONE, 0, "mount", CLASS_GUARDED},
	{DOMAIN_SYSCALL, ACCESS_NONE, 0, "abi:i386", CLASS_GUARDED},
	{DOMAIN_EXEC, ACCESS_EXEC, BEHAVIOUR_IMAGE | BEHAVIOUR_PRIVILEGED, "/usr/bin/newgrp",
	 CLASS_DANGEROUS},
};

static void every_behaviour_has_the_class_of_the_table(void **state)
{
	for (size_t i = 0; i < COUNT(class_cases); i++) {
		struct behaviour b = {.domain = class_cases[i].domain,
				      .access = class_cases[i].access,
				      .program = "/bin/x",
				      .key = class_cases[i].key,
				      .flags = class_cases[i].flags};

		if (class_of(&b) != class_cases[i].expected)
			fail_msg("%s is %s, expected %s", b.key, class_name(class_of(&b)),
				 class_name(class_cases[i].expected));
		if (class_of(&b) >= CLASS_DANGEROUS)
			assert_string_not_equal(class_reason(&b), "");
	}
	assert_string_equal(class_name((enum behaviour_class)9), "?");
}

/* ---- sketches ---- */

static bool same_sketch(const struct sketch *a, const struct sketch *b)
{
	return a->count == b->count &&
	       memcmp(a->hashes, b->hashes, a->count * sizeof(a->hashes[0])) == 0;
}

static void a_sketch_counts_exactly_below_eight(void **state)
{
	struct sketch sketch = {0}, all = {0};
	char id[16];

	for (int i = 0; i < 7; i++) {
		snprintf(id, sizeof(id), "run %d", i);
		assert_true(sketch_add(&sketch, sketch_hash(id)));
		assert_false(sketch_add(&sketch, sketch_hash(id)));
		assert_int_equal(sketch_runs(&sketch, &all, 0), i + 1);
	}
}

static void a_sketch_estimates_beyond(void **state)
{
	uint64_t random = 1;
	struct sketch all = {0}, every = {0}, half = {0};
	double sum = 0;

	for (int round = 0; round < 200; round++) {
		all = every = half = (struct sketch){0};
		for (int i = 0; i < 1000; i++) {
			uint64_t hash = next_random(&random);

			sketch_add(&all, hash);
			sketch_add(&every, hash);
			if (i % 2)
				sketch_add(&half, hash);
		}
		assert_int_equal(sketch_runs(&every, &all, 1000), 1000);
		assert_true(sketch_runs(&half, &all, 1000) <= 1000);
		assert_true(sketch_runs(&half, &all, 1000) >= 8);
		sum += (double)sketch_runs(&half, &all, 1000);
	}
	assert_true(sum / 200 > 400 && sum / 200 < 650);
	/* without a known total it is still of the right order */
	assert_true(sketch_runs(&every, &(struct sketch){0}, 0) > 200);
	assert_true(sketch_runs(&every, &(struct sketch){0}, 0) < 5000);
}

static void a_sketch_survives_its_bytes(void **state)
{
	unsigned char bytes[SKETCH_BYTES_MAX];
	struct sketch sketch = {0}, back;
	uint64_t random = 7;
	size_t len;

	for (int i = 0; i <= 20; i++) {
		len = sketch_encode(&sketch, bytes);
		assert_int_equal(sketch_decode(bytes, len, &back), 0);
		assert_true(same_sketch(&back, &sketch));
		sketch_add(&sketch, next_random(&random));
	}
	assert_int_equal(sketch_decode(bytes, 63, &back), -EINVAL);
	assert_int_equal(sketch_decode(bytes, 72, &back), -EINVAL);
	memcpy(bytes + 8, bytes, 8); /* twice the same */
	assert_int_equal(sketch_decode(bytes, 16, &back), -EINVAL);
}

/* ---- joining ---- */

static struct known random_known(uint64_t *random)
{
	static const uint32_t flags[] = {0, BEHAVIOUR_IMAGE, BEHAVIOUR_PERSISTENT,
					 BEHAVIOUR_IMAGE | BEHAVIOUR_PERSISTENT};
	struct known known = KNOWN_INIT;
	uint64_t sightings = next_random(random) % 12;

	for (uint64_t i = 0; i < sightings; i++) {
		uint64_t run = next_random(random) % 16;

		/* few runs and times, so that ties happen */
		known_see(&known, flags[next_random(random) % 4], hash64_mix(run + 1),
			  (int64_t)(run / 2 + 1) * INT64_C(3600000000000),
			  next_random(random) % 4 == 0);
	}
	if (next_random(random) % 2)
		known_say(&known, (enum mark)(next_random(random) % MARKS),
			  next_random(random) % 2 ? "ann" : "bob",
			  (int64_t)(next_random(random) % 3 + 1));
	return known;
}

/* By members: the bytes between them are nobody's. */
static bool same_known(const struct known *a, const struct known *b)
{
	return a->flags == b->flags && a->first_ns == b->first_ns && a->first_run == b->first_run &&
	       a->denied_ns == b->denied_ns && a->last_hour == b->last_hour &&
	       same_sketch(&a->seen, &b->seen) && same_sketch(&a->denied, &b->denied) &&
	       a->mark == b->mark && a->mark_ns == b->mark_ns &&
	       strcmp(a->mark_author, b->mark_author) == 0;
}

static bool same_mode(const struct known_mode *a, const struct known_mode *b)
{
	return a->mode == b->mode && a->by_hand == b->by_hand && a->set_ns == b->set_ns &&
	       a->since_ns == b->since_ns;
}

static struct known joined(const struct known *a, const struct known *b)
{
	struct known known = *a;
	bool changed = known_join(&known, b);

	assert_int_equal(changed, !same_known(&known, a));
	return known;
}

static void joining_is_commutative_associative_and_idempotent(void **state)
{
	const struct known nothing = KNOWN_INIT;
	uint64_t random = 3;

	for (int i = 0; i < 5000; i++) {
		struct known a = random_known(&random), b = random_known(&random),
			     c = random_known(&random);
		struct known ab = joined(&a, &b), ba = joined(&b, &a), bc = joined(&b, &c);
		struct known left = joined(&ab, &c), right = joined(&a, &bc),
			     twice = joined(&ab, &b), same = joined(&a, &nothing);

		assert_true(same_known(&ab, &ba));
		assert_true(same_known(&left, &right));
		assert_true(same_known(&twice, &ab));
		assert_true(same_known(&same, &a));
	}
}

static void modes_join_as_well(void **state)
{
	uint64_t random = 5;

	for (int i = 0; i < 5000; i++) {
		struct known_mode m[3];
		struct known_mode left, right, swapped;

		for (int j = 0; j < 3; j++)
			m[j] = (struct known_mode){
				.mode = (enum mode)(next_random(&random) % MODES),
				.by_hand = next_random(&random) % 2,
				.set_ns = (int64_t)(next_random(&random) % 3),
				.since_ns = (int64_t)(next_random(&random) % 3),
			};
		left = m[0];
		known_mode_join(&left, &m[1]);
		swapped = m[1];
		known_mode_join(&swapped, &m[0]);
		assert_true(same_mode(&left, &swapped));
		known_mode_join(&left, &m[2]);
		right = m[1];
		known_mode_join(&right, &m[2]);
		known_mode_join(&right, &m[0]);
		assert_true(same_mode(&left, &right));
		assert_false(known_mode_join(&left, &m[1]));
	}
}

static void a_later_word_counts_and_deny_wins_a_tie(void **state)
{
	struct known known = KNOWN_INIT;

	assert_true(known_say(&known, MARK_ALLOW, "ann", 5));
	assert_true(known_say(&known, MARK_DENY, "ann", 5));
	assert_false(known_say(&known, MARK_ALLOW, "bob", 5));
	assert_int_equal(known.mark, MARK_DENY);
	assert_false(known_say(&known, MARK_ALLOW, "bob", 4));
	assert_true(known_say(&known, MARK_NONE, "bob", 6));
	assert_int_equal(known.mark, MARK_NONE);
	assert_false(known_is_seen(&known));
}

static void an_image_file_that_was_written_is_none_any_more(void **state)
{
	struct known known = KNOWN_INIT;

	known_see(&known, BEHAVIOUR_IMAGE | BEHAVIOUR_FOREIGN, 1, 10, false);
	assert_int_equal(known.flags, BEHAVIOUR_IMAGE);
	known_see(&known, BEHAVIOUR_PERSISTENT, 2, 20, false);
	assert_int_equal(known.flags, BEHAVIOUR_PERSISTENT);
	known_see(&known, BEHAVIOUR_IMAGE, 3, 5, true);
	assert_int_equal(known.flags, BEHAVIOUR_PERSISTENT);
	assert_int_equal(known_first_ns(&known), 5);
	assert_int_equal(known.first_ns, 10);
	assert_int_equal(known_last_ns(&known), 10);
}

/* ---- promotion ---- */

static const struct {
	const char *what;
	struct promotion_run run;
	bool clean_fs, clean_exec, lossy, failed;
} run_cases[] = {
	{"exit 0",
	 {.outcome = OUTCOME_EXITED, .modes = {MODE_LEARN, MODE_LEARN}},
	 true,
	 true,
	 false,
	 false},
	{"exit 1",
	 {.outcome = OUTCOME_EXITED, .status = 1, .modes = {MODE_LEARN, MODE_LEARN}},
	 false,
	 false,
	 false,
	 true},
	{"killed",
	 {.outcome = OUTCOME_KILLED, .status = 9, .modes = {MODE_LEARN, MODE_LEARN}},
	 false,
	 false,
	 false,
	 true},
	{"out of memory",
	 {.outcome = OUTCOME_OOM, .status = 9, .modes = {MODE_LEARN, MODE_LEARN}},
	 false,
	 false,
	 false,
	 true},
	{"never ran",
	 {.outcome = OUTCOME_NEVER_RAN, .modes = {MODE_LEARN, MODE_LEARN}},
	 false,
	 false,
	 false,
	 false},
	{"mediator died",
	 {.outcome = OUTCOME_LOST, .modes = {MODE_LEARN, MODE_LEARN}},
	 false,
	 false,
	 true,
	 false},
	{"unknown end",
	 {.outcome = OUTCOME_UNKNOWN, .modes = {MODE_LEARN, MODE_LEARN}},
	 true,
	 true,
	 false,
	 false},
	{"unknown end, something lost",
	 {.outcome = OUTCOME_UNKNOWN, .modes = {MODE_LEARN, MODE_LEARN}, .lost = {true, false}},
	 false,
	 false,
	 true,
	 false},
	{"exit 0, file behaviour lost",
	 {.outcome = OUTCOME_EXITED, .modes = {MODE_LEARN, MODE_LEARN}, .lost = {true, false}},
	 false,
	 true,
	 true,
	 false},
	{"unknown end, capabilities not observed",
	 {.outcome = OUTCOME_UNKNOWN,
	  .modes = {MODE_LEARN, MODE_LEARN},
	  .lost = {[DOMAIN_CAP] = true}},
	 true,
	 true,
	 false,
	 false},
	{"exit 0, a new program",
	 {.outcome = OUTCOME_EXITED, .modes = {MODE_LEARN, MODE_LEARN}, .novel = {false, true}},
	 true,
	 false,
	 false,
	 false},
	{"exec not watched",
	 {.outcome = OUTCOME_EXITED, .modes = {MODE_LEARN, MODE_UNAVAILABLE}},
	 true,
	 false,
	 false,
	 false},
};

static void a_run_is_clean_by_the_rule(void **state)
{
	for (size_t i = 0; i < COUNT(run_cases); i++) {
		const struct promotion_run *run = &run_cases[i].run;
		uint32_t facts = promotion_facts(run);

		print_message("# %s\n", run_cases[i].what);
		assert_int_equal(promotion_is_clean(run, DOMAIN_FS), run_cases[i].clean_fs);
		assert_int_equal(promotion_is_clean(run, DOMAIN_EXEC), run_cases[i].clean_exec);
		if (run->lost[DOMAIN_CAP])
			assert_false(promotion_is_clean(run, DOMAIN_CAP));
		assert_int_equal(promotion_is_lossy(run), run_cases[i].lossy);
		assert_int_equal(promotion_is_failed(run), run_cases[i].failed);
		assert_int_equal(promotion_counts(facts, DOMAIN_FS, MODE_LEARN),
				 run_cases[i].clean_fs);
		assert_false(promotion_counts(facts, DOMAIN_FS, MODE_SHADOW));
		assert_false(promotion_counts(facts, DOMAIN_NET, MODE_LEARN));
	}
}

static void only_shadow_runs_count_toward_enforcement(void **state)
{
	struct promotion_run run = {
		.outcome = OUTCOME_EXITED, .modes = {MODE_SHADOW, MODE_LEARN}, .trusted = true};
	uint32_t facts = promotion_facts(&run);

	assert_true(promotion_counts(facts, DOMAIN_FS, MODE_SHADOW));
	assert_false(promotion_counts(facts, DOMAIN_EXEC, MODE_SHADOW));
	assert_true(promotion_counts(facts, DOMAIN_EXEC, MODE_LEARN));
	assert_int_equal(facts, 1U << 18 | 1U << 8 | 2U << 6 | 3U);
}

static void promotion_takes_one_step_at_a_time(void **state)
{
	const struct promotion_rule rule = {3, 5};
	static const struct {
		enum mode mode;
		bool by_hand;
		int64_t clean;
		enum mode next;
	} cases[] = {
		{MODE_LEARN, false, 2, MODE_LEARN},
		{MODE_LEARN, false, 3, MODE_SHADOW},
		{MODE_LEARN, false, 99, MODE_SHADOW},
		{MODE_LEARN, true, 99, MODE_LEARN},
		{MODE_SHADOW, false, 4, MODE_SHADOW},
		{MODE_SHADOW, false, 5, MODE_ENFORCE},
		{MODE_SHADOW, true, 99, MODE_SHADOW},
		{MODE_ENFORCE, false, 99, MODE_ENFORCE},
		{MODE_UNAVAILABLE, false, 99, MODE_UNAVAILABLE},
	};

	for (size_t i = 0; i < COUNT(cases); i++)
		assert_int_equal(
			promotion_next(&rule, cases[i].mode, cases[i].by_hand, cases[i].clean),
			cases[i].next);
}

static void dangerous_behaviour_is_held_until_three_runs_had_it(void **state)
{
	static const bool waits[DOMAINS] = {
		[DOMAIN_NET] = true,
		[DOMAIN_DNS] = true,
		[DOMAIN_CAP] = true,
		[DOMAIN_SYSCALL] = true,
	};

	for (int i = 0; i < DOMAINS; i++) {
		enum domain d = (enum domain)i;

		assert_false(promotion_admits(d, CLASS_ORDINARY, 0));
		assert_true(promotion_admits(d, CLASS_ORDINARY, 1));
		assert_int_equal(promotion_admits(d, CLASS_DANGEROUS, 1), !waits[d]);
		assert_int_equal(promotion_admits(d, CLASS_DANGEROUS, PROMOTION_DANGEROUS_RUNS - 1),
				 !waits[d]);
		assert_true(promotion_admits(d, CLASS_DANGEROUS, PROMOTION_DANGEROUS_RUNS));
		assert_false(promotion_admits(d, CLASS_GUARDED, 100));
	}
}

static void names_have_classes(void **state)
{
	static const struct {
		enum access access;
		const char *key;
		enum behaviour_class class;
	} table[] = {
		{ACCESS_RESOLVE, "api.example.org", CLASS_ORDINARY},
		{ACCESS_RESOLVE, "redis-{n}.redis.ns.svc.cluster.local", CLASS_ORDINARY},
		{ACCESS_RESOLVE, "d111111abcdef8.cloudfront.net", CLASS_ORDINARY},
		{ACCESS_RESOLVE, "my-quite-long-service-name-2.example.org", CLASS_ORDINARY},
		{ACCESS_RESOLVE, "{host}.2.0.192.in-addr.arpa", CLASS_ORDINARY},
		{ACCESS_RESOLVE, "metadata.google.internal", CLASS_GUARDED},
		{ACCESS_RESOLVE, "dns.google", CLASS_DANGEROUS},
		{ACCESS_RESOLVE, "chrome.cloudflare-dns.com", CLASS_DANGEROUS},
		{ACCESS_RESOLVE, "xmr-eu.nanopool.org", CLASS_DANGEROUS},
		{ACCESS_RESOLVE, "a1b2.oast.fun", CLASS_DANGEROUS},
		{ACCESS_RESOLVE, "mzxw6ytboi2dqmrugm3a.evil.example", CLASS_DANGEROUS},
		{ACCESS_RESOLVE, "thisisonelabelofthirtytwobytesok.evil.example", CLASS_DANGEROUS},
		{ACCESS_RESOLVE, "{unreadable}", CLASS_DANGEROUS},
		{ACCESS_CONSULT, "8.8.8.8", CLASS_DANGEROUS},
	};

	for (size_t i = 0; i < COUNT(table); i++) {
		struct behaviour b = {
			.domain = DOMAIN_DNS,
			.access = table[i].access,
			.program = "",
			.key = table[i].key,
		};

		if (class_of(&b) != table[i].class)
			fail_msg("%s is %s", b.key, class_name(class_of(&b)));
		assert_true((class_reason(&b)[0] == '\0') == (table[i].class == CLASS_ORDINARY));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_have_classes),
		cmocka_unit_test(every_behaviour_has_the_class_of_the_table),
		cmocka_unit_test(a_sketch_counts_exactly_below_eight),
		cmocka_unit_test(a_sketch_estimates_beyond),
		cmocka_unit_test(a_sketch_survives_its_bytes),
		cmocka_unit_test(joining_is_commutative_associative_and_idempotent),
		cmocka_unit_test(modes_join_as_well),
		cmocka_unit_test(a_later_word_counts_and_deny_wins_a_tie),
		cmocka_unit_test(an_image_file_that_was_written_is_none_any_more),
		cmocka_unit_test(a_run_is_clean_by_the_rule),
		cmocka_unit_test(only_shadow_runs_count_toward_enforcement),
		cmocka_unit_test(promotion_takes_one_step_at_a_time),
		cmocka_unit_test(dangerous_behaviour_is_held_until_three_runs_had_it),
	};

	return cmocka_run_group_tests_name("profile", tests, NULL, NULL);
}
