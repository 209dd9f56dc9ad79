/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Aligned columns. */
#include "cli/table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"

static size_t width_of(const char *text)
{
	size_t width = 0;

	for (; *text; text++)
		width += ((unsigned char)*text & 0xc0U) != 0x80;
	return width;
}

static void add_cell(struct table *table, const char *bytes)
{
	size_t room = TEXT_ESCAPED_MAX(strlen(bytes));
	cleanup_free char *cell = malloc(room);

	if (table->n_cells == table->room) {
		size_t more = table->room ? table->room * 2 : 64;
		char **grown = realloc(table->cells, more * sizeof(*grown));

		if (!grown) {
			table->error = -ENOMEM;
			return;
		}
		table->cells = grown;
		table->room = more;
	}
	if (!cell) {
		table->error = -ENOMEM;
		return;
	}
	text_escape(bytes, cell, room);
	table->cells[table->n_cells++] = steal_ptr(&cell);
}

void table_row(struct table *table, const char *const *cells)
{
	for (size_t i = 0; i < table->columns && !table->error; i++)
		add_cell(table, cells[i] ? cells[i] : "-");
}

void table_begin(struct table *table, size_t columns, const char *const *headings)
{
	*table = (struct table){.columns = columns};
	table_row(table, headings);
}

int table_print(const struct table *table, struct buf *out)
{
	size_t widths[TABLE_COLUMNS_MAX] = {0};

	if (table->error)
		return table->error;
	for (size_t i = 0; i < table->n_cells; i++) {
		size_t width = width_of(table->cells[i]);

		if (width > widths[i % table->columns])
			widths[i % table->columns] = width;
	}
	for (size_t i = 0; i < table->n_cells; i++) {
		size_t column = i % table->columns;

		buf_add_text(out, table->cells[i]);
		if (column + 1 == table->columns)
			buf_add(out, "\n", 1);
		else
			buf_format(out, "%*s",
				   (int)(widths[column] - width_of(table->cells[i]) + 2), "");
	}
	return out->error;
}

void table_release(struct table *table)
{
	int saved = errno;

	for (size_t i = 0; i < table->n_cells; i++)
		free(table->cells[i]);
	free(table->cells);
	*table = (struct table){0};
	errno = saved;
}
