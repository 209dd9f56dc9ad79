/* SPDX-License-Identifier: GPL-2.0-or-later */
/* husk: a table of commands. Each stands in a file of its own; only this file prints errors. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "base/file.h"
#include "cli/cli.h"
#include "cli/options.h"
#include "husk-paths.h"

static const struct command {
	const char *name;
	int (*run)(struct cli *cli, int argc, char **argv, struct error *err);
	const char *summary;
} commands[] = {
	{"run", cli_run, "run a program as a function, wrapped"},
	{"list", cli_list, "list the functions that are known"},
	{"show", cli_show, "show what is known of a function"},
	{"events", cli_events, "show what happened"},
	{"mode", cli_mode, "set how much is done: learn, shadow, enforce, auto"},
	{"allow", cli_allow, "allow one behaviour of a function"},
	{"deny", cli_deny, "deny one behaviour of a function"},
	{"export", cli_export, "write a function's profile as JSON"},
	{"import", cli_import, "join profiles that were exported"},
	{"check", cli_check, "tell what this host can do"},
	{"hooks", cli_hooks, "install, remove or print the OCI hooks"},
	{"forget", cli_forget, "forget a function"},
};

#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

static void add_commands(struct buf *out)
{
	buf_add_text(out, "\nCommands:\n");
	for (size_t i = 0; i < COMMANDS; i++)
		buf_format(out, "  %-26s%s\n", commands[i].name, commands[i].summary);
	buf_add_text(out, "\n'husk COMMAND --help' tells more; so does husk(1).\n");
}

/* The global options. Returns as a command does, or 0 with *ret_at the command's place in argv. */
static int read_globals(struct cli *cli, int argc, char **argv, int *ret_at, struct error *err)
{
	bool version = false, help = false;
	/* Help is asked for here and not by cli_parse(), because the commands belong to it. */
	const struct cli_option options[] = {
		{"help", 'h', CLI_FLAG, &help, NULL, ""},
		{"version", 'V', CLI_FLAG, &version, NULL, "print the version"},
		{0},
	};
	struct cli_syntax syntax = {
		.usage = "[OPTION]... COMMAND [ARGUMENT]...",
		.about = "Wraps each serverless function container in a shell that fits what the\n"
			 "function really does.",
		.options = options,
		.operands_max = -1,
		.stop_early = true,
	};
	cleanup_buf struct buf out = BUF_INIT;
	int operands = 0, r;

	r = cli_parse(cli, &syntax, argc, argv, &operands, err);
	if (r != 0)
		return r;
	if (help || argc < 2) {
		syntax.options = options + 1; /* cli_help() adds its own */
		cli_help(&syntax, &out);
		add_commands(&out);
		r = cli_print(&out, err);
		if (r == 0 && argc < 2)
			return EX_USAGE;
		return r < 0 ? r : -ECANCELED;
	}
	if (version) {
		buf_add_text(&out, "husk " HUSK_VERSION "\n");
		r = cli_print(&out, err);
		return r < 0 ? r : -ECANCELED;
	}
	if (operands == 0)
		return cli_usage(err, &syntax, "a command is missing");
	*ret_at = operands;
	return 0;
}

static int dispatch(struct cli *cli, int argc, char **argv, struct error *err)
{
	int operands = 0;
	int r = read_globals(cli, argc, argv, &operands, err);

	if (r != 0)
		return r;
	/* cli_parse() moved the command and what follows it to the front. */
	for (size_t i = 0; i < COMMANDS; i++) {
		if (strcmp(commands[i].name, argv[0]) == 0)
			return commands[i].run(cli, operands, argv, err);
	}
	error_say(err, EINVAL, "unknown command '%.200s'", argv[0]);
	error_hint(err, "see 'husk --help'");
	return EX_USAGE;
}

int main(int argc, char **argv)
{
	struct cli cli = {0};
	struct error err = ERROR_INIT;
	int r;

	open_standard_streams();
	r = dispatch(&cli, argc, argv, &err);
	settings_release(&cli.settings);
	if (err.code)
		error_print("husk", &err);
	if (r >= 0)
		return r;
	return err.code ? error_exit_code(&err) : EX_OK;
}
