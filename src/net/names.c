/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Names of addresses: entries in the order of their age in a ring, and a table of chains that leads
 * from an address to its latest entry. A name that leads to the same address again moves no entry:
 * its time is prolonged.
 */
#include "net/names.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"

#define NOTHING UINT32_MAX
#define FIRST_ROOM 64

struct entry {
	struct address address;
	char *name; /* NULL: empty */
	int64_t until_ns;
	uint32_t hash; /* of the name: hundreds may lead to one address */
	uint32_t next; /* of the same chain, older */
};

struct names {
	struct entry *entries; /* `room` of them; a ring once there are `max` */
	uint32_t *chains;      /* `room`, a power of two */
	uint32_t count, room, max, oldest;
};

static uint32_t chain_of(const struct names *names, const struct address *address)
{
	uint64_t hash = hash64_add(HASH64_INIT, address->bytes, sizeof(address->bytes));

	return (uint32_t)hash64_mix(hash) & (names->room - 1);
}

static void link_entry(struct names *names, uint32_t i)
{
	uint32_t *chain = &names->chains[chain_of(names, &names->entries[i].address)];

	names->entries[i].next = *chain;
	*chain = i;
}

static void unlink_entry(struct names *names, uint32_t i)
{
	uint32_t *at = &names->chains[chain_of(names, &names->entries[i].address)];

	while (*at != i)
		at = &names->entries[*at].next;
	*at = names->entries[i].next;
}

static int set_room(struct names *names, uint32_t room)
{
	struct entry *entries = realloc(names->entries, room * sizeof(*entries));
	uint32_t *chains;

	if (!entries)
		return -ENOMEM;
	names->entries = entries;
	chains = realloc(names->chains, room * sizeof(*chains));
	if (!chains)
		return -ENOMEM;
	names->chains = chains;
	names->room = room;
	memset(chains, 0xff, room * sizeof(*chains));
	for (uint32_t i = 0; i < names->count; i++)
		link_entry(names, i);
	return 0;
}

struct names *names_new(size_t max)
{
	struct names *names = calloc(1, sizeof(*names));

	if (!names)
		return NULL;
	names->max = FIRST_ROOM;
	while (names->max < max)
		names->max *= 2;
	if (set_room(names, FIRST_ROOM) < 0) {
		names_free(names);
		return NULL;
	}
	return names;
}

void names_free(struct names *names)
{
	if (!names)
		return;
	for (uint32_t i = 0; i < names->count; i++)
		free(names->entries[i].name);
	free(names->entries);
	free(names->chains);
	free(names);
}

static uint32_t hash_name(const char *name)
{
	return (uint32_t)hash64_text(name);
}

static struct entry *find(const struct names *names, const struct address *address,
			  const char *name, uint32_t hash)
{
	for (uint32_t i = names->chains[chain_of(names, address)]; i != NOTHING;
	     i = names->entries[i].next) {
		struct entry *entry = &names->entries[i];

		if (entry->hash == hash && address_equal(&entry->address, address) &&
		    strcmp(entry->name, name) == 0)
			return entry;
	}
	return NULL;
}

const char *names_oldest(const struct names *names, const struct address **ret_address)
{
	const struct entry *entry = &names->entries[names->oldest];

	if (names->count < names->max)
		return NULL;
	*ret_address = &entry->address;
	return entry->name;
}

/* A place for one more: a new one, or that of the oldest. */
static uint32_t take_place(struct names *names)
{
	uint32_t i;

	if (names->count < names->room)
		return names->count++;
	if (names->room < names->max && set_room(names, names->room * 2) == 0)
		return names->count++;
	i = names->oldest;
	names->oldest = (names->oldest + 1) % names->room;
	unlink_entry(names, i);
	free(names->entries[i].name);
	return i;
}

int names_put(struct names *names, const struct address *address, const char *name,
	      int64_t until_ns)
{
	uint32_t hash = hash_name(name);
	struct entry *entry = find(names, address, name, hash);
	char *copy;
	uint32_t i;

	if (entry) {
		if (until_ns > entry->until_ns)
			entry->until_ns = until_ns;
		return 0;
	}
	copy = strdup(name);
	if (!copy)
		return -ENOMEM;
	i = take_place(names);
	names->entries[i] = (struct entry){
		.address = *address, .name = copy, .until_ns = until_ns, .hash = hash};
	link_entry(names, i);
	return 0;
}

int64_t names_until(const struct names *names, const struct address *address, const char *name)
{
	const struct entry *entry = find(names, address, name, hash_name(name));

	return entry ? entry->until_ns : 0;
}

static int visit(const struct entry *entry, int64_t now_ns, names_each *each, void *context)
{
	if (entry->until_ns <= now_ns)
		return 0;
	return each(context, &entry->address, entry->name, entry->until_ns);
}

int names_find(const struct names *names, const struct address *address, int64_t now_ns,
	       names_each *each, void *context)
{
	int r = 0;

	for (uint32_t i = 0; !address && i < names->count && r == 0; i++)
		r = visit(&names->entries[i], now_ns, each, context);
	if (!address)
		return r;
	for (uint32_t i = names->chains[chain_of(names, address)]; i != NOTHING && r == 0;
	     i = names->entries[i].next) {
		if (address_equal(&names->entries[i].address, address))
			r = visit(&names->entries[i], now_ns, each, context);
	}
	return r;
}
