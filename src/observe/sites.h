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
 */
struct sites {
	struct observe_site (*lines)[OBSERVE_SITES_MAX]; /* OBSERVE_CAPABILITIES of them */
	unsigned int open; /* how many of `pending` wait for the symbol behind them */
	struct observe_site *pending[2 * OBSERVE_CAPABILITIES];
	unsigned long long last; /* address of the last symbol */
	size_t found;		 /* functions of the table that are in this kernel */
	bool hidden;		 /* the kernel shows zeros: kernel.kptr_restrict */
};

/* `lines`: OBSERVE_CAPABILITIES lines, all zero; borrowed. */
void sites_init(struct sites *sites, struct observe_site (*lines)[OBSERVE_SITES_MAX]);

/*
 * Takes the next line of /proc/kallsyms (proc_kallsyms(5)): "ADDRESS TYPE NAME", in the order of
 * addresses, with or without the newline. A function ends where the next symbol begins. What is
 * left of a function behind a '.' (".isra.0", ".cold") is the function too. Returns false once the
 * line is one of a module: none of the table's functions is in one.
 */
bool sites_take(struct sites *sites, const char *line);

#endif
