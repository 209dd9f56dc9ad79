/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of inodes: identity, places, paths, and what is let go of when. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <elf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "view/executable.h"
#include "view/inode.h"
#include "view/view.h"

enum { TABLE_MAX = 2000 };

struct fixture {
	struct inode_table table;
	struct inode *root;
	size_t dropped;
};

static void count_drop(void *context, struct inode *inode)
{
	struct fixture *f = context;

	f->dropped++;
}

static struct inode_key key_of(uint64_t ino)
{
	return (struct inode_key){.dev = 1, .ino = ino};
}

static struct inode *make(struct fixture *f, uint64_t ino, mode_t type, struct inode *parent,
			  const char *name)
{
	const struct inode_key key = key_of(ino);
	struct inode *inode = NULL;

	assert_int_equal(inode_make(&f->table, &key, type, parent, name, &inode), 0);
	return inode;
}

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	if (!f || inode_table_init(&f->table, TABLE_MAX, count_drop, f) < 0)
		return -1;
	f->root = make(f, 1, S_IFDIR, NULL, "");
	f->root->fixed = true;
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	inode_table_release(&f->table);
	free(f);
	return 0;
}

static void assert_path(const struct inode *inode, const char *name, const char *expected)
{
	char room[256];
	const char *path = inode_path(inode, name, room, sizeof(room));

	assert_non_null(path);
	assert_string_equal(path, expected);
}

static void builds_paths(void **state)
{
	struct fixture *f = *state;
	struct inode *dir = make(f, 2, S_IFDIR, f->root, "usr");
	struct inode *file = make(f, 3, S_IFREG, dir, "file");

	assert_path(f->root, NULL, "/");
	assert_path(f->root, "new", "/new");
	assert_path(dir, NULL, "/usr");
	assert_path(dir, "new", "/usr/new");
	assert_path(file, NULL, "/usr/file");
}

static void refuses_a_path_without_room(void **state)
{
	struct fixture *f = *state;
	struct inode *dir = make(f, 2, S_IFDIR, f->root, "usr");
	static const struct {
		size_t room;
		const char *name;
		bool fits;
	} cases[] = {
		{0, NULL, false}, {4, NULL, false}, {5, NULL, true},
		{6, "x", false},  {7, "x", true},   {2, "xyz", false},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char room[16];
		bool fits = inode_path(dir, cases[i].name, room, cases[i].room) != NULL;

		assert_int_equal(fits, cases[i].fits);
	}
}

static void finds_by_key(void **state)
{
	struct fixture *f = *state;
	struct inode *file = make(f, 7, S_IFREG, f->root, "f");
	struct inode_key key = key_of(7);

	assert_ptr_equal(inode_find(&f->table, &key), file);
	key.birth = 5;
	assert_null(inode_find(&f->table, &key));
	inode_rekey(&f->table, file, &key);
	assert_ptr_equal(inode_find(&f->table, &key), file);
	key = key_of(7);
	assert_null(inode_find(&f->table, &key));
	key.lower = 1;
	assert_null(inode_find(&f->table, &key));
}

static void hides_what_another_file_replaced(void **state)
{
	struct fixture *f = *state;
	struct inode *old = make(f, 7, S_IFREG, f->root, "f");
	const struct inode_key key = key_of(7);
	struct inode *new;

	old->lookups = 1;
	inode_hide(&f->table, old);
	assert_null(inode_find(&f->table, &key));
	new = make(f, 7, S_IFDIR, f->root, "f");
	assert_ptr_equal(inode_find(&f->table, &key), new);
	inode_forget(&f->table, old, 1);
	assert_ptr_equal(inode_find(&f->table, &key), new);
	assert_int_equal(f->dropped, 1);
}

static void grows_and_finds_all(void **state)
{
	struct fixture *f = *state;
	char name[16];

	for (uint64_t i = 2; i < TABLE_MAX + 1; i++) {
		(void)snprintf(name, sizeof(name), "n%u", (unsigned int)i);
		make(f, i, S_IFREG, f->root, name);
	}
	for (uint64_t i = 2; i < TABLE_MAX + 1; i++) {
		const struct inode_key key = key_of(i);

		assert_non_null(inode_find(&f->table, &key));
	}
}

static void refuses_beyond_its_maximum(void **state)
{
	struct fixture *f = *state;
	struct inode_key key = key_of(9999);
	struct inode *inode = NULL;

	f->table.max = f->table.count;
	assert_int_equal(inode_make(&f->table, &key, S_IFREG, f->root, "x", &inode), -ENFILE);
	assert_null(inode);
	assert_int_equal(f->root->refs, 0);
}

static void frees_what_nothing_holds(void **state)
{
	struct fixture *f = *state;
	struct inode *a = make(f, 2, S_IFDIR, f->root, "a");
	struct inode *b = make(f, 3, S_IFDIR, a, "b");
	struct inode *c = make(f, 4, S_IFREG, b, "c");

	a->lookups = 1;
	b->lookups = 1;
	c->lookups = 3;
	/* the kernel gives back in any order */
	inode_forget(&f->table, a, 1);
	inode_forget(&f->table, c, 2);
	assert_int_equal(f->dropped, 0);
	inode_forget(&f->table, b, 1);
	assert_int_equal(f->dropped, 0);
	inode_forget(&f->table, c, 1);
	assert_int_equal(f->dropped, 3);
	assert_int_equal(f->table.count, 1);
	assert_int_equal(f->root->refs, 0);
}

static void bears_more_given_back_than_taken(void **state)
{
	struct fixture *f = *state;
	struct inode *a = make(f, 2, S_IFREG, f->root, "a");

	a->lookups = 1;
	inode_forget(&f->table, a, UINT64_MAX);
	assert_int_equal(f->dropped, 1);
}

static void follows_a_rename(void **state)
{
	struct fixture *f = *state;
	struct inode *from = make(f, 2, S_IFDIR, f->root, "from");
	struct inode *to = make(f, 3, S_IFDIR, f->root, "to");
	struct inode *dir = make(f, 4, S_IFDIR, from, "dir");
	struct inode *file = make(f, 5, S_IFREG, dir, "file");
	uint64_t file_before = inode_identity(&f->table, file);
	uint64_t dir_before = inode_identity(&f->table, dir);

	from->lookups = to->lookups = dir->lookups = file->lookups = 1;
	assert_int_equal(inode_place(&f->table, dir, to, "moved"), 0);
	assert_path(file, NULL, "/to/moved/file");
	assert_int_not_equal(inode_identity(&f->table, file), file_before);
	assert_int_not_equal(inode_identity(&f->table, dir), dir_before);
	assert_int_equal(from->refs, 0);
	assert_int_equal(to->refs, 1);
	assert_true(inode_is_at(dir, to, "moved"));
	assert_false(inode_is_at(dir, from, "dir"));
}

static void keeps_the_same_identity_at_the_same_place(void **state)
{
	struct fixture *f = *state;
	struct inode *file = make(f, 2, S_IFREG, f->root, "file");
	uint64_t before = inode_identity(&f->table, file);

	assert_int_equal(inode_place(&f->table, file, f->root, "file"), 0);
	assert_int_equal(inode_identity(&f->table, file), before);
	assert_int_not_equal(before, 0);
}

static void remembers_the_link_that_was_used_last(void **state)
{
	struct fixture *f = *state;
	struct inode *a = make(f, 2, S_IFDIR, f->root, "a");
	struct inode *b = make(f, 3, S_IFDIR, f->root, "b");
	struct inode *file = make(f, 4, S_IFREG, a, "one");

	a->lookups = b->lookups = file->lookups = 1;
	assert_int_equal(inode_place(&f->table, file, b, "two"), 0);
	assert_path(file, NULL, "/b/two");
	inode_unlink(&f->table, file);
	assert_false(inode_is_at(file, b, "two"));
	/* the path of what has no name is the last one it had */
	assert_path(file, NULL, "/b/two");
	assert_int_equal(inode_place(&f->table, file, b, "two"), 0);
	assert_true(inode_is_at(file, b, "two"));
}

static void lets_go_of_a_parent_that_was_only_held_by_a_child(void **state)
{
	struct fixture *f = *state;
	struct inode *old = make(f, 2, S_IFDIR, f->root, "old");
	struct inode *file = make(f, 3, S_IFREG, old, "file");

	file->lookups = 1;
	assert_int_equal(inode_place(&f->table, file, f->root, "file"), 0);
	assert_int_equal(f->dropped, 1);
	assert_int_equal(f->table.count, 2);
}

static void keeps_other_names_up_to_a_limit(void **state)
{
	struct fixture *f = *state;
	struct inode *dir = make(f, 2, S_IFDIR, f->root, "d");
	struct inode *file = make(f, 3, S_IFREG, dir, "first");
	size_t count = 0;
	char name[16];

	dir->lookups = 1;
	file->lookups = 1;
	inode_keep_place(file);
	inode_keep_place(file);
	for (int i = 0; i < INODE_ALIASES_MAX + 4; i++) {
		snprintf(name, sizeof(name), "name%d", i);
		assert_int_equal(inode_place(&f->table, file, f->root, name), 0);
		inode_keep_place(file);
	}
	for (const struct alias *alias = file->aliases; alias; alias = alias->next)
		count++;
	assert_int_equal(count, INODE_ALIASES_MAX);
	/* the directory is held by the name that was kept in it, and goes with the file */
	inode_forget(&f->table, dir, 1);
	assert_int_equal(f->dropped, 0);
	inode_forget(&f->table, file, 1);
	assert_int_equal(f->dropped, 2);
}

static enum view_executable look_at(const void *bytes, size_t len)
{
	char name[] = "/tmp/husk-view-test-XXXXXX";
	int fd = mkstemp(name);
	enum view_executable found;

	assert_true(fd >= 0);
	unlink(name);
	assert_int_equal(write(fd, bytes, len), (ssize_t)len);
	found = executable_look(fd);
	close(fd);
	return found;
}

static void tells_what_an_executable_loads(void **state)
{
	struct {
		Elf64_Ehdr head;
		Elf64_Phdr segments[20];
	} elf = {.head = {.e_ident = ELFMAG, .e_phoff = sizeof(Elf64_Ehdr)}};

	elf.head.e_ident[EI_CLASS] = ELFCLASS64;
	elf.head.e_phentsize = sizeof(Elf64_Phdr);
	elf.head.e_phnum = 20;
	assert_int_equal(look_at("", 0), VIEW_WHOLE);
	assert_int_equal(look_at("#", 1), VIEW_WHOLE);
	assert_int_equal(look_at("#!/bin/sh\n", 10), VIEW_SCRIPT);
	assert_int_equal(look_at("hello", 5), VIEW_WHOLE);
	assert_int_equal(look_at(&elf, sizeof(elf)), VIEW_WHOLE);
	elf.segments[19].p_type = PT_INTERP;
	assert_int_equal(look_at(&elf, sizeof(elf)), VIEW_DYNAMIC);
	/* cut short, or with numbers that lead nowhere */
	assert_int_equal(look_at(&elf, sizeof(elf) - 1), VIEW_WHOLE);
	assert_int_equal(look_at(&elf, sizeof(elf.head) - 1), VIEW_WHOLE);
	elf.head.e_phoff = UINT64_MAX;
	assert_int_equal(look_at(&elf, sizeof(elf)), VIEW_WHOLE);
	elf.head.e_phoff = sizeof(Elf64_Ehdr);
	elf.head.e_phnum = UINT16_MAX;
	assert_int_equal(look_at(&elf, sizeof(elf)), VIEW_WHOLE);
	elf.head.e_phnum = 20;
	elf.head.e_phentsize = 0;
	assert_int_equal(look_at(&elf, sizeof(elf)), VIEW_WHOLE);
}

static void makes_no_loops(void **state)
{
	struct fixture *f = *state;
	struct inode *a = make(f, 2, S_IFDIR, f->root, "a");
	struct inode *b = make(f, 3, S_IFDIR, a, "b");
	struct inode *c = make(f, 4, S_IFDIR, b, "c");

	a->lookups = b->lookups = c->lookups = 1;
	assert_int_equal(inode_place(&f->table, a, c, "x"), -ESTALE);
	assert_int_equal(inode_place(&f->table, a, a, "x"), -ESTALE);
	assert_path(c, NULL, "/a/b/c");
	assert_int_equal(inode_place(&f->table, c, f->root, "c"), 0);
	assert_int_equal(inode_place(&f->table, a, c, "x"), 0);
	assert_path(b, NULL, "/c/x/b");
}

static void names_the_requests_that_were_counted(void **state)
{
	/* by enum fuse_opcode of linux/fuse.h: LOOKUP 1, OPEN 14, STATX 52 */
	const struct view_statistics statistics = {
		.operations = {[0] = 1, [1] = 384, [14] = 143, [52] = 2},
	};
	cleanup_buf struct buf text = BUF_INIT;

	view_statistics_text(&statistics, &text);
	assert_string_equal(text.bytes, "OTHER 1, LOOKUP 384, OPEN 143, STATX 2");
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(builds_paths),
		TEST(refuses_a_path_without_room),
		TEST(finds_by_key),
		TEST(hides_what_another_file_replaced),
		TEST(grows_and_finds_all),
		TEST(refuses_beyond_its_maximum),
		TEST(frees_what_nothing_holds),
		TEST(bears_more_given_back_than_taken),
		TEST(follows_a_rename),
		TEST(keeps_the_same_identity_at_the_same_place),
		TEST(remembers_the_link_that_was_used_last),
		TEST(lets_go_of_a_parent_that_was_only_held_by_a_child),
		TEST(makes_no_loops),
		TEST(keeps_other_names_up_to_a_limit),
		TEST(tells_what_an_executable_loads),
		TEST(names_the_requests_that_were_counted),
	};

	return cmocka_run_group_tests_name("view", tests, NULL, NULL);
}
