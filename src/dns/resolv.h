/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUSK_DNS_RESOLV_H
#define HUSK_DNS_RESOLV_H

#include <stdbool.h>
#include <stddef.h>

#include "base/address.h"

/*
 * What a resolv.conf says, as far as it decides what programs ask. Source: resolv.conf(5); glibc,
 * musl, c-ares and Go read the last of several "search" and "domain" lines, and take the loopback
 * address for a resolver where none is named.
 */
enum resolv_limits {
	RESOLV_SERVERS_MAX = 8, /* glibc and musl use 3, c-ares and Go more */
	RESOLV_SEARCH_MAX = 16, /* glibc before 2.26 used 6 */
	RESOLV_DOMAIN_ROOM = 256,
	RESOLV_BYTES_MAX = 64 * 1024,
};

struct resolv {
	size_t servers_count;
	struct address servers[RESOLV_SERVERS_MAX];
	bool assumed; /* none is named: these are what programs then ask */
	size_t search_count;
	char search[RESOLV_SEARCH_MAX][RESOLV_DOMAIN_ROOM]; /* lower case, no dot at either end */
};

/* Reads `len` bytes. Lines that nobody understands are passed over, as resolvers do; so there is no
 * error. What is beyond a limit is left out. */
void resolv_parse(const char *bytes, size_t len, struct resolv *ret);

bool resolv_has_server(const struct resolv *resolv, const struct address *address);

/*
 * Is `name` what a search list makes of a shorter name? Then *ret_len is the length of that shorter
 * name. `from`: the first entry of the list to look at; returns the entry's number plus one, to go
 * on with, or 0 where there is none. A name can be made in several ways: "a.b.c" by "c" and "b.c".
 */
size_t resolv_expanded(const struct resolv *resolv, const char *name, size_t from, size_t *ret_len);

#endif
