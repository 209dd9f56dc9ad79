/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The names that were made are sorted so that those below one directory follow it, then one walk
 * finds the directories, and one search for each behaviour its own.
 */
#include "profile/fold.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/bulk.h"
#include "profile/class.h"

struct directory {
	const char *path; /* the key of its making */
	char *key;
};

/* Like strcmp(3), but '/' comes before any other byte: what lies below a directory follows it. */
static int compare_keys(const char *a, const char *b)
{
	const unsigned char *x = (const unsigned char *)a, *y = (const unsigned char *)b;

	while (*x && *x == *y) {
		x++;
		y++;
	}
	if (*x == *y)
		return 0;
	if (!*x || !*y)
		return *x ? 1 : -1;
	if (*x == '/' || *y == '/')
		return *x == '/' ? -1 : 1;
	return *x < *y ? -1 : 1;
}

static int compare(const void *a, const void *b)
{
	const struct behaviour *x = *(const struct behaviour *const *)a;
	const struct behaviour *y = *(const struct behaviour *const *)b;
	int r = strcmp(x->program, y->program);

	return r ? r : compare_keys(x->key, y->key);
}

static bool is_made(const struct behaviour *b)
{
	return b->access == ACCESS_CREATE && bulk_covers(b) && class_of(b) == CLASS_ORDINARY;
}

/* The directory among `made`, from `at` on, that is filled in bulk: sets *ret_next to behind what
 * lies below it. */
static bool is_bulk(struct behaviour *const *made, size_t count, size_t at, size_t *ret_next)
{
	const struct behaviour *dir = made[at];
	size_t names = 0, next = at + 1;

	while (next < count && strcmp(made[next]->program, dir->program) == 0 &&
	       (strcmp(made[next]->key, dir->key) == 0 ||
		bulk_lies_below(made[next]->key, dir->key))) {
		names += strcmp(made[next]->key, made[next - 1]->key) != 0;
		next++;
	}
	*ret_next = next;
	return names >= BULK_NAMES_MIN;
}

static int add(struct directory **directories, size_t *count, const char *path, struct fold *fold)
{
	struct directory *grown = reallocarray(*directories, *count + 1, sizeof(*grown));
	char **keys = reallocarray(fold->keys, fold->count + 1, sizeof(*keys));
	size_t room = strlen(path) + sizeof(BULK_SUFFIX);
	char *key = malloc(room);

	if (grown)
		*directories = grown;
	if (keys)
		fold->keys = keys;
	if (!grown || !keys || !key) {
		free(key);
		return -ENOMEM;
	}
	(void)snprintf(key, room, "%s" BULK_SUFFIX, path);
	keys[fold->count++] = key;
	grown[(*count)++] = (struct directory){path, key};
	return 0;
}

static void fold_in(struct behaviour *b, const struct directory *directories, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct behaviour folded = *b;

		folded.key = directories[i].key;
		if (!bulk_lies_below(b->key, directories[i].path) ||
		    class_of(&folded) != CLASS_ORDINARY)
			continue;
		b->key = folded.key;
		return;
	}
}

static int find(struct behaviour *const *made, size_t count, struct directory **directories,
		size_t *ret_count, struct fold *fold)
{
	int r = 0;

	for (size_t at = 0, next; at < count && r == 0; at = next) {
		if (is_bulk(made, count, at, &next))
			r = add(directories, ret_count, made[at]->key, fold);
	}
	return r;
}

int fold_bulk(struct behaviour *const *behaviours, size_t count, struct fold *ret)
{
	struct behaviour **made = calloc(count + 1, sizeof(struct behaviour *));
	struct directory *directories = NULL;
	size_t n_made = 0, n_directories = 0;
	struct fold fold = {0};
	int r = made ? 0 : -ENOMEM;

	for (size_t i = 0; i < count && made; i++) {
		if (is_made(behaviours[i]))
			made[n_made++] = behaviours[i];
	}
	if (n_made > BULK_NAMES_MIN) {
		qsort(made, n_made, sizeof(struct behaviour *), compare);
		r = find(made, n_made, &directories, &n_directories, &fold);
	}
	for (size_t i = 0; i < count && n_directories && r == 0; i++) {
		if (bulk_covers(behaviours[i]) && class_of(behaviours[i]) == CLASS_ORDINARY)
			fold_in(behaviours[i], directories, n_directories);
	}
	free(directories);
	free(made);
	if (r < 0)
		fold_release(&fold);
	else
		*ret = fold;
	return r;
}

void fold_release(struct fold *fold)
{
	for (size_t i = 0; i < fold->count; i++)
		free(fold->keys[i]);
	free(fold->keys);
	*fold = (struct fold){0};
}
