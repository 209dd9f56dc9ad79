/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUSK_OBSERVE_SITES_H
#define HUSK_OBSERVE_SITES_H

#include <stdbool.h>
#include <stddef.h>

#include "observe/record.h"

/*
 * Which functions of the kernel ask for a capability that nobody needs, and where they are on this
 * kernel: a table of names, resolved by the lines of /proc/kallsyms. Pure: takes lines, makes the
 * table that the BPF program reads.
 *
 * All lines are given twice, since those of modules are in no order: first each one to
 * sites_find(), then each one to sites_bound(); then sites_finish().
 */
enum sites_limits { SITES_FOUND_MAX = 128 };

struct sites {
	struct observe_site (*lines)[OBSERVE_SITES_MAX]; /* OBSERVE_CAPABILITIES of them */
	struct observe_site *found[SITES_FOUND_MAX];
	size_t count;
	bool pipes_are_limited;
	bool hidden; /* the kernel shows zeros: kernel.kptr_restrict */
};

/* `lines`: OBSERVE_CAPABILITIES lines, all zero; borrowed. pipes_are_limited: a user may not have
 * more than so many pages in pipes (fs.pipe-user-pages-hard, 0 unless somebody sets it), so that
 * who makes one may need a capability. */
void sites_init(struct sites *sites, struct observe_site (*lines)[OBSERVE_SITES_MAX],
		bool pipes_are_limited);

/*
 * Takes a line of /proc/kallsyms (proc_kallsyms(5)), "ADDRESS TYPE NAME [MODULE]", with or without
 * its newline. What is left of a function behind a '.' (".isra.0", ".cold") is the function too.
 */
void sites_find(struct sites *sites, const char *line);

/* A function ends where the next symbol begins. */
void sites_bound(struct sites *sites, const char *line);

/* Drops what has no end. Returns how many there are. */
size_t sites_finish(struct sites *sites);

#endif
