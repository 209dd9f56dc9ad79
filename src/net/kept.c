/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "net/kept-internal.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

void kept_release(struct kept *kept)
{
	free(kept->named);
	free(kept->bytes);
	free(kept->keys);
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(((const struct peer *)a)->name, ((const struct peer *)b)->name);
}

static int compare_keys(const void *a, const void *b)
{
	return memcmp(((const struct key *)a)->bytes, ((const struct key *)b)->bytes,
		      RULES_KEY_BYTES);
}

bool key_equal(const struct key *a, const struct key *b)
{
	return compare_keys(a, b) == 0 && a->denied == b->denied;
}

const struct peer *kept_named(const struct kept *kept, const char *name, size_t *ret_count)
{
	struct peer key = {.name = name};
	const struct peer *found = NULL, *end = kept->named + kept->named_count;
	size_t count = 0;

	if (kept->named_count > 0)
		found = bsearch(&key, kept->named, kept->named_count, sizeof(key), compare_names);
	while (found && found > kept->named && strcmp(found[-1].name, name) == 0)
		found--;
	while (found && found + count < end && strcmp(found[count].name, name) == 0)
		count++;
	*ret_count = count;
	return found;
}

bool kept_has(const struct kept *kept, const struct key *key)
{
	const struct key *found = NULL;

	if (kept->keys_count > 0)
		found = bsearch(key, kept->keys, kept->keys_count, sizeof(*key), compare_keys);
	return found && found->denied == key->denied;
}

struct key key_of(const struct peer *peer, const struct address *address)
{
	struct key key = {.denied = peer->denied};

	rules_key(peer, address, key.bytes);
	return key;
}

int kept_make(const struct peer *peers, size_t count, bool enforce, struct kept *ret)
{
	size_t room = 0, named = 0;
	rules_kinds known = 0, denied = 0, others = 0;
	bool passing = false;
	char *at;

	for (size_t i = 0; i < count; i++) {
		named += peers[i].name != NULL;
		passing |= peers[i].name && peers[i].protocol != IPPROTO_TCP;
		*(peers[i].denied ? &denied : &known) |= rules_kinds_of(&peers[i]);
		if (!peers[i].denied && peers[i].protocol != IPPROTO_TCP)
			others |= rules_kinds_of(&peers[i]);
		room += peers[i].name ? strlen(peers[i].name) + 1 : 0;
	}
	*ret = (struct kept){
		.named = calloc(named + 1, sizeof(*ret->named)),
		.bytes = malloc(room + 1),
		.keys = calloc(count - named + 1, sizeof(*ret->keys)),
		.known = known,
		.denied = denied,
		.others = others,
		.enforce = enforce,
		.passing = passing,
	};
	if (!ret->named || !ret->bytes || !ret->keys) {
		kept_release(ret);
		return -ENOMEM;
	}
	at = ret->bytes;
	for (size_t i = 0; i < count; i++) {
		if (!peers[i].name) {
			ret->keys[ret->keys_count++] = key_of(&peers[i], &peers[i].address);
			continue;
		}
		ret->named[ret->named_count] = peers[i];
		ret->named[ret->named_count++].name = at;
		at = stpcpy(at, peers[i].name) + 1;
	}
	qsort(ret->named, ret->named_count, sizeof(*ret->named), compare_names);
	qsort(ret->keys, ret->keys_count, sizeof(*ret->keys), compare_keys);
	return 0;
}

void kept_swap(struct kept *a, struct kept *b)
{
	struct kept other = *a;

	*a = *b;
	*b = other;
}
