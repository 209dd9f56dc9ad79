/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Command lines by table. getopt_long(3) is not used because help comes from the same table. */
#include "cli/options.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "base/cleanup.h"

#define HELP_COLUMN 28

void cli_list_release(struct cli_list *list)
{
	free(list->items);
	*list = (struct cli_list){0};
}

static int list_add(struct cli_list *list, const char *item)
{
	const char **grown = realloc(list->items, (list->n + 1) * sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	grown[list->n++] = item;
	list->items = grown;
	return 0;
}

int cli_usage(struct error *err, const struct cli_syntax *syntax, const char *format, ...)
{
	int command = (int)strcspn(syntax->usage, " ");
	char text[400];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	error_say(err, EINVAL, "%s", text);
	if (command > 0 && syntax->usage[0] != '[')
		error_hint(err, "see 'husk %.*s --help'", command, syntax->usage);
	else
		error_hint(err, "see 'husk --help'");
	return EX_USAGE;
}

static void help_line(struct buf *out, const struct cli_option *o)
{
	size_t before = out->len;

	if (o->letter)
		buf_format(out, "  -%c, --%s", o->letter, o->name);
	else
		buf_format(out, "      --%s", o->name);
	if (o->argument)
		buf_format(out, " %s", o->argument);
	if (out->len - before >= HELP_COLUMN) {
		buf_add_text(out, "\n");
		before = out->len;
	}
	buf_format(out, "%*s%s\n", (int)(HELP_COLUMN - (out->len - before)), "", o->help);
}

void cli_help(const struct cli_syntax *syntax, struct buf *out)
{
	static const struct cli_option common[] = {
		{"config", 0, CLI_TEXT, NULL, "FILE", "read FILE instead of the default husk.conf"},
		{"help", 'h', CLI_FLAG, NULL, NULL, "print this help"},
	};

	buf_format(out, "Usage: husk %s\n\n%s\n\nOptions:\n", syntax->usage, syntax->about);
	for (const struct cli_option *o = syntax->options; o && o->name; o++)
		help_line(out, o);
	for (size_t i = 0; i < sizeof(common) / sizeof(common[0]); i++)
		help_line(out, &common[i]);
}

static const struct cli_option *find_long(const struct cli_option *options, const char *name,
					  size_t len)
{
	for (const struct cli_option *o = options; o && o->name; o++) {
		if (strlen(o->name) == len && memcmp(o->name, name, len) == 0)
			return o;
	}
	return NULL;
}

static const struct cli_option *find_short(const struct cli_option *options, char letter)
{
	for (const struct cli_option *o = options; o && o->name; o++) {
		if (o->letter && o->letter == letter)
			return o;
	}
	return NULL;
}

struct parser {
	const struct cli_syntax *syntax;
	const struct cli_option *common;
	int argc;
	char **argv;
	int at;
};

static int store_value(const struct cli_option *o, const char *value, struct error *err)
{
	switch (o->kind) {
	case CLI_FLAG:
		*(bool *)o->target = true;
		return 0;
	case CLI_LIST:
		if (list_add(o->target, value) < 0)
			return error_set(err, ENOMEM, "cannot read the options");
		return 0;
	case CLI_TEXT:
	default:
		*(const char **)o->target = value;
		return 0;
	}
}

static int parse_long(struct parser *p, struct error *err)
{
	const char *name = p->argv[p->at] + 2;
	const char *equals = strchr(name, '=');
	size_t len = equals ? (size_t)(equals - name) : strlen(name);
	const struct cli_option *o = find_long(p->syntax->options, name, len);
	const char *value = equals ? equals + 1 : NULL;

	if (!o)
		o = find_long(p->common, name, len);
	if (!o)
		return cli_usage(err, p->syntax, "unknown option '--%.*s'", (int)len, name);
	if (o->kind == CLI_FLAG && value)
		return cli_usage(err, p->syntax, "option '--%s' takes no value", o->name);
	if (o->kind != CLI_FLAG && !value) {
		if (p->at + 1 >= p->argc)
			return cli_usage(err, p->syntax, "option '--%s' needs a value", o->name);
		value = p->argv[++p->at];
	}
	return store_value(o, value, err);
}

static int parse_short(struct parser *p, struct error *err)
{
	for (const char *c = p->argv[p->at] + 1; *c; c++) {
		const struct cli_option *o = find_short(p->syntax->options, *c);
		const char *value = NULL;
		int r;

		if (!o)
			o = find_short(p->common, *c);
		if (!o)
			return cli_usage(err, p->syntax, "unknown option '-%c'", *c);
		if (o->kind != CLI_FLAG) {
			value = c[1] ? c + 1 : NULL;
			if (!value && p->at + 1 >= p->argc)
				return cli_usage(err, p->syntax, "option '-%c' needs a value", *c);
			if (!value)
				value = p->argv[++p->at];
		}
		r = store_value(o, value, err);
		if (r != 0 || value)
			return r;
	}
	return 0;
}

static int check_operands(const struct cli_syntax *syntax, int n, char **argv, struct error *err)
{
	if (n < syntax->operands_min)
		return cli_usage(err, syntax, "an operand is missing: husk %s", syntax->usage);
	if (syntax->operands_max >= 0 && n > syntax->operands_max)
		return cli_usage(err, syntax, "one operand too many: '%.200s'",
				 argv[syntax->operands_max]);
	return 0;
}

int cli_parse(struct cli *cli, const struct cli_syntax *syntax, int argc, char **argv,
	      int *ret_operands, struct error *err)
{
	bool help = false;
	const struct cli_option common[] = {
		{"config", 0, CLI_TEXT, &cli->settings_path, "FILE", ""},
		{"help", 'h', CLI_FLAG, &help, NULL, ""},
		{0},
	};
	struct parser p = {syntax, common, argc, argv, 1};
	bool ended = false;
	int operands = 0;

	for (; p.at < argc; p.at++) {
		const char *word = argv[p.at];
		int r = 0;

		if (ended || word[0] != '-' || word[1] == '\0') {
			ended |= syntax->stop_early;
			argv[operands++] = argv[p.at];
		} else if (strcmp(word, "--") == 0) {
			ended = true;
		} else if (word[1] == '-') {
			r = parse_long(&p, err);
		} else {
			r = parse_short(&p, err);
		}
		if (r != 0)
			return r;
	}
	if (help) {
		cleanup_buf struct buf out = BUF_INIT;
		int r;

		cli_help(syntax, &out);
		r = cli_print(&out, err);
		return r < 0 ? r : -ECANCELED;
	}
	*ret_operands = operands;
	return check_operands(syntax, operands, argv, err);
}
