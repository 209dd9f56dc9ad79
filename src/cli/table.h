/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUSK_CLI_TABLE_H
#define HUSK_CLI_TABLE_H

#include <stddef.h>

#include "base/buf.h"

/*
 * Text in aligned columns for people. Every cell is shown in its text form (base/text.h), so that
 * nothing a container named can move a terminal's cursor. Width is counted in characters.
 */
enum table_limits { TABLE_COLUMNS_MAX = 10 };

struct table {
	size_t columns;
	char **cells; /* n_cells owned strings, row by row, the heading first */
	size_t n_cells, room;
	int error; /* 0 or -ENOMEM: then table_print() does nothing but tell */
};

#define cleanup_table __attribute__((cleanup(table_release)))

/* Starts a table of `columns` (at most TABLE_COLUMNS_MAX) columns with these headings. */
void table_begin(struct table *table, size_t columns, const char *const *headings);

/* Adds one row of as many cells; NULL is shown as "-". */
void table_row(struct table *table, const char *const *cells);

/* Appends the lines to `out`, each cell but a row's last padded. Returns 0 or -ENOMEM. */
int table_print(const struct table *table, struct buf *out);

void table_release(struct table *table);

#endif
