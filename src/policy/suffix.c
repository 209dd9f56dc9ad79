/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The public suffix list as a sorted table of hashes, made by the script public-suffixes. */
#include "policy/suffix.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/hash.h"

static const uint32_t table[] = {
#include "public-suffixes.h"
};

static bool is_listed(uint64_t hash)
{
	uint32_t wanted = (uint32_t)(hash ^ hash >> 32);
	size_t low = 0, high = sizeof(table) / sizeof(table[0]);

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (table[middle] == wanted)
			return true;
		if (table[middle] < wanted)
			low = middle + 1;
		else
			high = middle;
	}
	return false;
}

size_t suffix_len(const char *name)
{
	size_t len = strlen(name);
	const char *dot;

	for (const char *at = name;; at = dot + 1) {
		size_t rest = len - (size_t)(at - name);

		dot = memchr(at, '.', rest);
		if (!dot || is_listed(hash64_add(HASH64_INIT, at, rest)))
			return rest;
		/* "*.ck" makes a suffix of every name right below "ck". */
		if (is_listed(hash64_add(hash64_add(HASH64_INIT, "*", 1), dot,
					 len - (size_t)(dot - name))))
			return rest;
	}
}
