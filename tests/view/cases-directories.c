/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Listing. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "compare.h"

enum { MANY = 2000 };

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The names of the rest of `dir`, sorted, with types. */
static void say_entries(DIR *dir, size_t show)
{
	char **names = calloc(MANY + 100, sizeof(*names));
	const struct dirent *entry;
	size_t count = 0;

	while (count < MANY + 100 && (entry = readdir(dir))) {
		char text[300];

		(void)snprintf(text, sizeof(text), "%s %d", entry->d_name, entry->d_type);
		names[count++] = strdup(text);
	}
	qsort(names, count, sizeof(*names), by_name);
	say("%zu entries", count);
	for (size_t i = 0; i < count && i < show; i++)
		say("  %s", names[i]);
	for (size_t i = 0; i < count; i++)
		free(names[i]);
	free(names);
}

static void list_small(void)
{
	DIR *dir;

	put("file", "x");
	mkdir("dir", 0755);
	symlink("x", "link");
	mkfifo("fifo", 0600);
	put(".hidden", "x");
	dir = opendir(".");
	say_entries(dir, 20);
	put("later", "x");
	unlink("file");
	rewinddir(dir);
	say_entries(dir, 20);
	closedir(dir);
	dir = opendir("dir");
	say_entries(dir, 20);
	rmdir("dir");
	rewinddir(dir);
	say_entries(dir, 20);
	said_ok("not a directory", opendir("later") ? 0 : -1);
	said_ok("missing", opendir("none") ? 0 : -1);
}

static void make_many(void)
{
	char name[32];

	for (int i = 0; i < MANY; i++) {
		(void)snprintf(name, sizeof(name), "entry-%05d", i);
		close(open(name, O_CREAT | O_WRONLY, 0644));
	}
}

static void list_large(void)
{
	DIR *dir;
	long place = 0;
	char kept[300] = "";
	const struct dirent *entry;

	make_many();
	dir = opendir(".");
	say_entries(dir, 3);
	rewinddir(dir);
	for (int i = 0; i < MANY / 2; i++) {
		place = telldir(dir);
		entry = readdir(dir);
		(void)snprintf(kept, sizeof(kept), "%s", entry ? entry->d_name : "");
	}
	while (readdir(dir))
		;
	seekdir(dir, place);
	entry = readdir(dir);
	say("found again %d", entry && strcmp(entry->d_name, kept) == 0);
	say_entries(dir, 0);
	closedir(dir);
}

static void remove_while_listing(void)
{
	DIR *dir;
	const struct dirent *entry;
	int removed = 0;

	make_many();
	dir = opendir(".");
	while ((entry = readdir(dir))) {
		if (entry->d_name[0] != '.' && unlink(entry->d_name) == 0)
			removed++;
	}
	closedir(dir);
	said("removed", removed);
	dir = opendir(".");
	say_entries(dir, 10);
	closedir(dir);
}

static void agree_on_numbers(void)
{
	const struct dirent *entry;
	int wrong = 0, count = 0;
	DIR *dir;

	for (int i = 0; i < 100; i++) {
		char name[32];

		(void)snprintf(name, sizeof(name), "n%d", i);
		put(name, "");
	}
	dir = opendir(".");
	while ((entry = readdir(dir))) {
		struct stat st;

		if (entry->d_name[0] == '.')
			continue;
		count++;
		if (lstat(entry->d_name, &st) < 0 || st.st_ino != entry->d_ino)
			wrong++;
	}
	closedir(dir);
	say("%d entries, %d wrong", count, wrong);
}

static void see_own_changes(void)
{
	struct stat st;

	for (int i = 0; i < 5; i++) {
		DIR *dir = opendir(".");

		say_entries(dir, 20);
		closedir(dir);
		stat(".", &st);
		said("links", (long)st.st_nlink);
		switch (i) {
		case 0:
			mkdir("a", 0755);
			break;
		case 1:
			rename("a", "b");
			break;
		case 2:
			symlink("b", "c");
			break;
		default:
			rmdir("b");
			break;
		}
	}
}

const struct compare_case cases_directories[] = {
	{"small directories are listed", list_small},
	{"large directories are listed and sought in", list_large},
	{"entries are removed while listed", remove_while_listing},
	{"numbers of entries and files agree", agree_on_numbers},
	{"lists follow changes", see_own_changes},
	{NULL, NULL},
};
