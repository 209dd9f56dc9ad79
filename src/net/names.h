/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUSK_NET_NAMES_H
#define HUSK_NET_NAMES_H

#include <stddef.h>
#include <stdint.h>

#include "base/address.h"

/* Which names led to an address, and for how long that holds. Bounded: the oldest makes room. */
struct names;

struct names *names_new(size_t max);  /* NULL: out of memory */
void names_free(struct names *names); /* takes NULL */

/* From now until `until_ns` at least, `name` leads to the address. Returns 0 or -ENOMEM. */
int names_put(struct names *names, const struct address *address, const char *name,
	      int64_t until_ns);

/* The name, and its address, that makes room for the next one; NULL: there is room. */
const char *names_oldest(const struct names *names, const struct address **ret_address);

/* Until when that holds; 0 where it does not stand here. */
int64_t names_until(const struct names *names, const struct address *address, const char *name);

/* Calls `each` for the names of an address (NULL: of all) whose time is not over, the latest first,
 * until it returns something else than 0, and returns that. */
typedef int names_each(void *context, const struct address *address, const char *name,
		       int64_t until_ns);
int names_find(const struct names *names, const struct address *address, int64_t now_ns,
	       names_each *each, void *context);

#endif
