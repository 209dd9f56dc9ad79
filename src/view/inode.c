/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The table of inodes: find, place, forget, and the path of a file. A chained hash that doubles, so
 * that a small container costs little; the number of inodes is bounded by the caller's maximum.
 */
#include "view/inode.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"

enum { BUCKETS_MIN = 256 };

int inode_table_init(struct inode_table *table, size_t max,
		     void (*drop)(void *context, struct inode *inode), void *context)
{
	struct inode **buckets = calloc(BUCKETS_MIN, sizeof(struct inode *));

	if (!buckets)
		return -ENOMEM;
	*table = (struct inode_table){
		.buckets = buckets,
		.bucket_count = BUCKETS_MIN,
		.max = max,
		.drop = drop,
		.context = context,
	};
	return 0;
}

/* Takes the other names of `inode` out; their parents are held until release_unheld(). */
static struct alias *take_aliases(struct inode *inode)
{
	struct alias *aliases = inode->aliases;

	inode->aliases = NULL;
	return aliases;
}

static void free_inode(struct inode *inode)
{
	struct alias *next = take_aliases(inode);

	while (next) {
		struct alias *alias = next;

		next = alias->next;
		free(alias);
	}
	free(inode->name);
	free(inode->handle);
	free(inode);
}

void inode_table_release(struct inode_table *table)
{
	for (size_t i = 0; i < table->bucket_count; i++) {
		struct inode *inode = table->buckets[i];

		while (inode) {
			struct inode *next = inode->chain;

			table->drop(table->context, inode);
			free_inode(inode);
			inode = next;
		}
	}
	free(table->buckets);
	*table = (struct inode_table){0};
}

static struct inode **bucket_of(const struct inode_table *table, const struct inode_key *key)
{
	uint64_t hash =
		hash64_mix(key->ino ^ ((uint64_t)key->lower << 56) ^ ((uint64_t)key->dev << 40));

	return &table->buckets[hash & (table->bucket_count - 1)];
}

static bool same_key(const struct inode_key *a, const struct inode_key *b)
{
	return a->ino == b->ino && a->dev == b->dev && a->lower == b->lower && a->birth == b->birth;
}

struct inode *inode_find(const struct inode_table *table, const struct inode_key *key)
{
	for (struct inode *inode = *bucket_of(table, key); inode; inode = inode->chain) {
		if (inode->hashed && same_key(&inode->key, key))
			return inode;
	}
	return NULL;
}

static void link_in(struct inode_table *table, struct inode *inode)
{
	struct inode **bucket = bucket_of(table, &inode->key);

	inode->chain = *bucket;
	*bucket = inode;
}

static void link_out(struct inode_table *table, struct inode *inode)
{
	struct inode **at = bucket_of(table, &inode->key);

	while (*at && *at != inode)
		at = &(*at)->chain;
	if (*at)
		*at = inode->chain;
}

/* Failing to grow only makes chains longer. */
static void grow(struct inode_table *table)
{
	struct inode_table bigger = {.bucket_count = table->bucket_count * 2};

	bigger.buckets = calloc(bigger.bucket_count, sizeof(struct inode *));
	if (!bigger.buckets)
		return;
	for (size_t i = 0; i < table->bucket_count; i++) {
		while (table->buckets[i]) {
			struct inode *inode = table->buckets[i];

			table->buckets[i] = inode->chain;
			link_in(&bigger, inode);
		}
	}
	free(table->buckets);
	table->buckets = bigger.buckets;
	table->bucket_count = bigger.bucket_count;
	table->cursor = 0;
}

int inode_make(struct inode_table *table, const struct inode_key *key, mode_t type,
	       struct inode *parent, const char *name, struct inode **ret)
{
	struct inode *inode;

	if (table->count >= table->max)
		return -ENFILE;
	inode = calloc(1, sizeof(*inode));
	if (!inode)
		return -ENOMEM;
	inode->name = strdup(name);
	if (!inode->name) {
		free(inode);
		return -ENOMEM;
	}
	inode->fd = -1;
	inode->key = *key;
	inode->type = type & S_IFMT;
	inode->parent = parent;
	inode->serial = ++table->serial;
	inode->hashed = true;
	if (parent)
		parent->refs++;
	if (table->count >= table->bucket_count)
		grow(table);
	link_in(table, inode);
	table->count++;
	*ret = inode;
	return 0;
}

void inode_rekey(struct inode_table *table, struct inode *inode, const struct inode_key *key)
{
	link_out(table, inode);
	inode->key = *key;
	link_in(table, inode);
}

void inode_hide(struct inode_table *table, struct inode *inode)
{
	inode->hashed = false;
}

bool inode_is_at(const struct inode *inode, const struct inode *parent, const char *name)
{
	return inode->parent == parent && !inode->unlinked && strcmp(inode->name, name) == 0;
}

/* The serial tells caches that a path is another now; below a directory, all are. */
static void path_changed(struct inode_table *table, struct inode *inode)
{
	inode->serial = ++table->serial;
	if (inode->type == S_IFDIR && inode->refs)
		table->epoch++;
}

static void release_unheld(struct inode_table *table, struct inode *inode);

/* Directories have one name, so this calls itself once at most. */
static void release_aliases(struct inode_table *table, struct inode *inode)
{
	struct alias *next = take_aliases(inode);

	while (next) {
		struct alias *alias = next;

		next = alias->next;
		alias->parent->refs--;
		release_unheld(table, alias->parent);
		free(alias);
	}
}

static void release_unheld(struct inode_table *table, struct inode *inode)
{
	while (inode && !inode->lookups && !inode->refs && !inode->fixed) {
		struct inode *parent = inode->parent;

		table->drop(table->context, inode);
		link_out(table, inode);
		table->count--;
		release_aliases(table, inode);
		free_inode(inode);
		inode = parent;
		if (inode)
			inode->refs--;
	}
}

/* Parents never form a loop, because this is asked before a directory gets another one. */
static bool lies_below(const struct inode *inode, const struct inode *top)
{
	for (; inode; inode = inode->parent) {
		if (inode == top)
			return true;
	}
	return false;
}

int inode_place(struct inode_table *table, struct inode *inode, struct inode *parent,
		const char *name)
{
	struct inode *old = inode->parent;
	char *copy;

	if (inode_is_at(inode, parent, name))
		return 0;
	if (inode->type == S_IFDIR && lies_below(parent, inode))
		return -ESTALE;
	copy = strdup(name);
	if (!copy)
		return -ENOMEM;
	free(inode->name);
	inode->name = copy;
	inode->unlinked = false;
	inode->parent = parent;
	parent->refs++;
	path_changed(table, inode);
	if (old) {
		old->refs--;
		release_unheld(table, old);
	}
	return 0;
}

void inode_keep_place(struct inode *inode)
{
	struct alias *alias;
	size_t len, count = 0;

	if (!inode->parent || inode->unlinked || inode->type == S_IFDIR)
		return;
	for (alias = inode->aliases; alias; alias = alias->next, count++) {
		if (alias->parent == inode->parent && strcmp(alias->name, inode->name) == 0)
			return;
	}
	if (count >= INODE_ALIASES_MAX)
		return;
	len = strlen(inode->name) + 1;
	alias = malloc(sizeof(*alias) + len);
	if (!alias)
		return;
	memcpy(alias->name, inode->name, len);
	alias->parent = inode->parent;
	alias->parent->refs++;
	alias->next = inode->aliases;
	inode->aliases = alias;
}

void inode_unlink(struct inode_table *table, struct inode *inode)
{
	inode->unlinked = true;
	inode->serial = ++table->serial;
}

void inode_forget(struct inode_table *table, struct inode *inode, uint64_t lookups)
{
	inode->lookups -= lookups < inode->lookups ? lookups : inode->lookups;
	release_unheld(table, inode);
}

char *inode_path(const struct inode *inode, const char *name, char *out, size_t room)
{
	size_t at = room;

	if (!at)
		return NULL;
	out[--at] = '\0';
	if (name) {
		size_t len = strlen(name);

		if (len + 1 > at)
			return NULL;
		at -= len;
		memcpy(out + at, name, len);
		out[--at] = '/';
	}
	for (; inode->parent; inode = inode->parent) {
		size_t len = strlen(inode->name);

		if (len + 1 > at)
			return NULL;
		at -= len;
		memcpy(out + at, inode->name, len);
		out[--at] = '/';
	}
	if (!out[at]) {
		if (!at)
			return NULL;
		out[--at] = '/';
	}
	return out + at;
}

uint64_t inode_identity(const struct inode_table *table, const struct inode *inode)
{
	return inode->serial | ((uint64_t)table->epoch << 40);
}
