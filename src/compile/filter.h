/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUSK_COMPILE_FILTER_H
#define HUSK_COMPILE_FILTER_H

#include <linux/filter.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "policy/restriction.h"

/*
 * Filters of system calls for the machine's own architecture, by libseccomp. What a filter lets
 * through are whole calls, by number; everything else, other ABIs (i386, x32) included, becomes a
 * notification, whose answer the mediator gives. Arguments are looked at of two calls, by
 * instructions of husk's own in front of libseccomp's: whether clone(2) makes a namespace, and
 * whether socket(2) makes a socket that sends below the rules of the network.
 */
struct filter_wish {
	const char *const *extra; /* calls that are let through besides the base, by name */
	size_t n_extra;
	const char *const *denied; /* calls that are not, whatever else holds */
	size_t n_denied;
	bool enforce; /* clone3(2) fails with ENOSYS, where `extra` does not have it */
};

/* Does the machine have a call of this name? Or is it CALLS_PACKETS, which socket(2) may be? */
bool filter_knows(const char *name);

/*
 * Makes the filter, and runs it over all numbers of calls, over other architectures and over
 * clone's flags: only a filter that does in each case what was wished for is returned. The same
 * names in any order give the same filter. A name that this machine does not have is passed over,
 * and husk-launch's own calls (policy/calls.h) are let through whatever is wished.
 *
 * code: of RESTRICTION_FILTER_MAX instructions. Returns 0; -EPROTO: the filter does not do what
 * was wished for; -EFBIG; other -errno.
 */
int filter_make(const struct filter_wish *wish, struct sock_filter *code, uint32_t *ret_count,
		struct error *err);

/* The second half of the above, for a filter from anywhere. Returns 0, or -EPROTO with *err. */
int filter_verify(const struct filter_wish *wish, const struct sock_filter *code, uint32_t count,
		  struct error *err);

#endif
