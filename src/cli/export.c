/* SPDX-License-Identifier: GPL-2.0-or-later */
/* husk export: a function's profile as one canonical JSON document. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/options.h"

/* Whole or not at all, whatever happens: a half-written profile could be carried on. */
static int replace_file(const char *path, const struct buf *text, struct error *err)
{
	cleanup_close int dir_fd = -1;
	const char *slash = strrchr(path, '/');
	char directory[PATH_MAX] = ".";

	if (slash && !text_copy(directory, sizeof(directory), path))
		return error_say(err, ENAMETOOLONG, "the path '%.80s...' is too long", path);
	if (slash)
		directory[slash == path ? 1 : slash - path] = '\0';
	dir_fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir_fd < 0)
		return error_set(err, errno, "cannot open the directory '%s'", directory);
	return atomic_file_write(dir_fd, slash ? slash + 1 : path, text->bytes, text->len, 0644,
				 err);
}

/* A device or a pipe is written to: a file in its place would be the host's loss. */
static int write_file(const char *path, const struct buf *text, struct error *err)
{
	cleanup_close int fd = -1;
	struct stat st;
	int r;

	if (stat(path, &st) < 0 || S_ISREG(st.st_mode))
		return replace_file(path, text, err);
	fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
	r = fd < 0 ? -errno : write_all(fd, text->bytes, text->len);
	return r < 0 ? error_set(err, -r, "cannot write to '%s'", path) : 0;
}

int cli_export(struct cli *cli, int argc, char **argv, struct error *err)
{
	const char *path = NULL;
	const struct cli_option options[] = {
		{"output", 'o', CLI_TEXT, &path, "FILE",
		 "write to FILE instead of standard output"},
		{0},
	};
	const struct cli_syntax syntax = {
		.usage = "export [OPTION]... FUNCTION",
		.about = "Writes what is known of a function as one JSON document, which\n"
			 "'husk import' joins on another host.",
		.options = options,
		.operands_min = 1,
		.operands_max = 1,
	};
	cleanup_store struct store *store = NULL;
	cleanup_buf struct buf out = BUF_INIT;
	char function[CLI_NAME_ROOM];
	int n = 0;
	int r = cli_parse(cli, &syntax, argc, argv, &n, err);

	if (r == 0)
		r = cli_function_name(argv[0], function, err);
	if (r == 0)
		r = cli_store(cli, &store, err);
	if (r == 0)
		r = store_export(store, function, &out, err);
	if (r == 0 && out.error)
		r = error_set(err, -out.error, "cannot export '%s'", argv[0]);
	if (r != 0)
		return r;
	return path ? write_file(path, &out, err) : cli_print(&out, err);
}
