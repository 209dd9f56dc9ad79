/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The part observe: where the kernel's functions are found; what answers without an observer. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "observe/observe.h"
#include "observe/sites.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static struct observe_site table[OBSERVE_CAPABILITIES][OBSERVE_SITES_MAX];

static struct sites take_limited(const char *const *lines, size_t count, bool pipes_are_limited)
{
	struct sites sites;

	memset(table, 0, sizeof(table));
	sites_init(&sites, table, pipes_are_limited);
	for (size_t i = 0; i < count; i++)
		sites_find(&sites, lines[i]);
	for (size_t i = 0; i < count; i++)
		sites_bound(&sites, lines[i]);
	return sites;
}

static struct sites take(const char *const *lines, size_t count)
{
	return take_limited(lines, count, false);
}

static void functions_are_found_with_their_ends(void **state)
{
	static const char *const lines[] = {
		"ffffffff81000000 T _stext\n",
		"ffffffff81000100 T security_vm_enough_memory_mm\n",
		"ffffffff81000100 T an_alias_of_it\n",
		"ffffffff81000180 t security_vm_enough_memory\n",
		"ffffffff81000200 t sysctl_perm.isra.0\n",
		"ffffffff81000210 d setattr_prepare\n",
		"ffffffff81000220 T __sys_setuid",
		"ffffffff81000280 t next\n",
		"ffffffff81000300 t sysctl_perm.cold\n",
		"ffffffff81000308 t last\n",
		"ffffffffc0000200 t behind_it\t[fuse]\n",
		"ffffffffc0000100 t fuse_create_open\t[fuse]\n",
		"ffffffffc0000080 t before_it\t[fuse]\n",
		"ffffffffc0000180 t between\t[fuse]\n",
	};
	struct sites sites = take(lines, COUNT(lines));
	const struct observe_site *admin = table[CAP_SYS_ADMIN];

	/* one, sysctl_perm in two pieces for three capabilities, and two */
	assert_int_equal(sites_finish(&sites), 1 + 2 * 3 + 2);
	assert_false(sites.hidden);
	assert_int_equal(admin[0].begin, 0xffffffff81000100);
	assert_int_equal(admin[0].size, 0x80);
	assert_int_equal(admin[0].verdict, OBSERVE_IGNORE);
	assert_int_equal(admin[1].begin, 0xffffffff81000200);
	assert_int_equal(admin[1].size, 0x10);
	assert_int_equal(admin[2].begin, 0xffffffff81000300);
	assert_int_equal(admin[2].size, 0x8);
	assert_int_equal(admin[3].size, 0);
	assert_int_equal(table[CAP_NET_ADMIN][0].begin, 0xffffffff81000200);
	assert_int_equal(table[CAP_SETUID][0].begin, 0xffffffff81000220);
	assert_int_equal(table[CAP_SETUID][0].size, 0x60);
	assert_int_equal(table[CAP_SETUID][0].verdict, OBSERVE_IF_USER);
	/* data is no function; lines of modules are in no order */
	assert_int_equal(table[CAP_FSETID][0].begin, 0xffffffffc0000100);
	assert_int_equal(table[CAP_FSETID][0].size, 0x80);
	assert_int_equal(table[CAP_FSETID][1].size, 0);
}

static void a_function_without_an_end_covers_nothing(void **state)
{
	static const char *const lines[] = {"ffffffff81000100 T do_task_stat\n"};

	struct sites sites = take(lines, COUNT(lines));

	assert_int_equal(sites_finish(&sites), 0);
	assert_int_equal(table[CAP_SYS_PTRACE][0].size, 0);
}

static void pipes_need_nothing_where_they_have_no_limit(void **state)
{
	static const char *const lines[] = {
		"ffffffff81000100 T alloc_pipe_info\n",
		"ffffffff81000180 T next\n",
	};

	for (int limited = 0; limited < 2; limited++) {
		struct sites sites = take_limited(lines, COUNT(lines), limited);

		assert_int_equal(sites_finish(&sites), limited ? 0 : 2);
		assert_int_equal(table[CAP_SYS_RESOURCE][0].size, limited ? 0 : 0x80);
		assert_int_equal(table[CAP_SYS_ADMIN][0].size, limited ? 0 : 0x80);
	}
}

static void hidden_addresses_are_told_from_missing_ones(void **state)
{
	static const char *const zeros[] = {"0000000000000000 T security_vm_enough_memory_mm\n",
					    "0000000000000000 T next\n"};
	static const char *const nonsense[] = {"",   "\n",  "x",	 "ffffffff81000100",
					       "1 ", "1 T", "1 TT name", " 1 T do_task_stat"};
	struct sites sites = take(zeros, COUNT(zeros));

	assert_true(sites.hidden);
	assert_int_equal(sites_finish(&sites), 0);
	sites = take(nonsense, COUNT(nonsense));
	assert_false(sites.hidden);
	assert_int_equal(sites_finish(&sites), 0);
}

static void a_line_that_is_full_stays_as_it_is(void **state)
{
	char lines[OBSERVE_SITES_MAX + 2][64];
	const char *pointers[COUNT(lines)];

	for (size_t i = 0; i < COUNT(lines); i++) {
		snprintf(lines[i], sizeof(lines[i]), "%zx t kallsyms_show_value.part.%zu\n",
			 0x1000 + i * 16, i);
		pointers[i] = lines[i];
	}
	take(pointers, COUNT(lines));
	for (size_t i = 0; i < OBSERVE_SITES_MAX; i++) {
		assert_int_equal(table[CAP_SYSLOG][i].begin, 0x1000 + i * 16);
		assert_int_equal(table[CAP_SYSLOG][i].size, 16);
	}
	assert_int_equal(table[CAP_SYSLOG + 1][0].begin, 0);
}

static void a_container_is_known_by_its_namespaces(void **state)
{
	cleanup_close int proc_fd = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct observe_container own, led;
	char expected[64], link[64];
	ssize_t len;

	assert_int_equal(observe_identify(proc_fd, getpid(), false, &own), 0);
	assert_int_equal(observe_identify(proc_fd, getpid(), true, &led), 0);
	assert_int_equal(own.first, getpid());
	assert_int_equal(own.counts_alike, led.counts_alike);
	assert_int_equal(own.user_namespace, led.user_namespace);
	len = readlink("/proc/self/ns/mnt", link, sizeof(link) - 1);
	assert_true(len > 0);
	link[len] = '\0';
	snprintf(expected, sizeof(expected), "mnt:[%u]", own.key);
	assert_string_equal(link, expected);
	len = readlink("/proc/self/ns/pid", link, sizeof(link) - 1);
	assert_true(len > 0);
	link[len] = '\0';
	snprintf(expected, sizeof(expected), "pid:[%u]", led.key);
	assert_string_equal(link, expected);
	assert_int_equal(observe_identify(proc_fd, -1, true, &led), -ENOENT);
}

static void without_a_map_nothing_is_recorded(void **state)
{
	struct observe_container container = {.key = 1};
	struct observe_record record;

	assert_true(observe_begin(-1, &container, 0, 0) < 0);
	assert_true(observe_read(-1, 1, &record) < 0);
	observe_end(-1, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(functions_are_found_with_their_ends),
		cmocka_unit_test(a_function_without_an_end_covers_nothing),
		cmocka_unit_test(pipes_need_nothing_where_they_have_no_limit),
		cmocka_unit_test(hidden_addresses_are_told_from_missing_ones),
		cmocka_unit_test(a_line_that_is_full_stays_as_it_is),
		cmocka_unit_test(a_container_is_known_by_its_namespaces),
		cmocka_unit_test(without_a_map_nothing_is_recorded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
