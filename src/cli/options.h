/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUSK_CLI_OPTIONS_H
#define HUSK_CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/error.h"
#include "cli/cli.h"

/* Command lines: one table a command, from which both parsing and --help come. */
struct cli_list {
	const char **items; /* what argv holds; the array is owned */
	size_t n;
};

#define cleanup_cli_list __attribute__((cleanup(cli_list_release)))
void cli_list_release(struct cli_list *list);

enum cli_kind { CLI_FLAG, CLI_TEXT, CLI_LIST };

struct cli_option {
	const char *name; /* without the dashes; NULL ends the table */
	char letter;	  /* 0: no short form */
	enum cli_kind kind;
	void *target;	      /* bool, const char *, struct cli_list */
	const char *argument; /* what --help calls the value; NULL for a flag */
	const char *help;
};

struct cli_syntax {
	const char *usage; /* behind "husk ": "show [OPTION]... FUNCTION" */
	const char *about; /* one or more lines of prose */
	const struct cli_option *options;
	int operands_min, operands_max; /* max -1: any number */
	bool stop_early; /* the first operand ends the options: what follows belongs to a program */
};

/*
 * Reads argv[1] to argv[argc - 1]: "--name value", "--name=value", "-n value", "-nvalue", "--", and
 * in every command --help and --config FILE. The operands are moved to the front of argv,
 * *ret_operands of them, order kept.
 *
 * Returns 0; EX_USAGE with *err set; -ECANCELED after --help was printed; other -errno. A caller
 * returns anything but 0 as it is.
 */
int cli_parse(struct cli *cli, const struct cli_syntax *syntax, int argc, char **argv,
	      int *ret_operands, struct error *err);

/* What --help prints. */
void cli_help(const struct cli_syntax *syntax, struct buf *out);

/* Records a mistake of usage and where help is to be found. Returns EX_USAGE. */
int cli_usage(struct error *err, const struct cli_syntax *syntax, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#endif
