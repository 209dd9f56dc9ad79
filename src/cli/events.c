/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * husk events: the event file, of all functions or one, as it is or for people; -f stays and shows
 * what comes. The file is read in blocks and by whole lines, so its size does not matter; one that
 * was replaced (log rotation) is followed by its name.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/event_text.h"
#include "cli/options.h"

#define BLOCK 65536
/* A writer keeps its lines far below this; what is longer is no event and is passed over. */
#define LINE_MAX_BYTES ((size_t)1024 * 1024)
#define FOLLOW_POLL_MS 1000

struct following {
	const char *path;
	const char *function; /* text form, or NULL */
	bool json;
	bool shown;	 /* at least one event */
	int fd;		 /* -1: not there yet */
	struct buf line; /* the part of a line that has come */
	bool too_long;
};

static int show_line(struct following *f, struct buf *out)
{
	struct buf *line = &f->line;

	if (line->error)
		return line->error;
	if (!f->too_long && line->len > 0 &&
	    event_line_is_of(line->bytes, line->len, f->function)) {
		f->shown = true;
		if (f->json) {
			buf_add(out, line->bytes, line->len);
			buf_add(out, "\n", 1);
		} else if (event_line_text(line->bytes, line->len, out) < 0) {
			return -ENOMEM;
		}
	}
	line->len = 0;
	f->too_long = false;
	return out->error;
}

/* Shows the whole lines of one block. */
static int show_block(struct following *f, const char *bytes, size_t len, struct error *err)
{
	cleanup_buf struct buf out = BUF_INIT;
	int r = 0;

	while (len > 0 && r == 0) {
		const char *end = memchr(bytes, '\n', len);
		size_t part = end ? (size_t)(end - bytes) : len;

		if (f->line.len + part > LINE_MAX_BYTES)
			f->too_long = true;
		else
			buf_add(&f->line, bytes, part);
		if (end)
			r = show_line(f, &out);
		part += end ? 1 : 0;
		bytes += part;
		len -= part;
	}
	if (r < 0)
		return error_set(err, -r, "cannot show the events");
	return out.len > 0 ? cli_print(&out, err) : 0;
}

static int show_rest(struct following *f, struct error *err)
{
	char block[BLOCK];

	while (f->fd >= 0) {
		ssize_t n = read(f->fd, block, sizeof(block));
		int r;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_set(err, errno, "cannot read '%s'", f->path);
		if (n == 0)
			return 0;
		r = show_block(f, block, (size_t)n, err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int open_events(struct following *f, struct error *err)
{
	f->fd = open(f->path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (f->fd >= 0 || errno == ENOENT)
		return 0;
	error_set(err, errno, "cannot open the event file '%s'", f->path);
	if (errno == EACCES && geteuid() != 0)
		error_hint(err, "husk's state belongs to root: try again with sudo");
	return -err->code;
}

/* Was the file replaced, or cut? */
static bool is_another(const struct following *f)
{
	struct stat there, have;

	if (stat(f->path, &there) < 0)
		return false;
	return f->fd < 0 || fstat(f->fd, &have) < 0 || there.st_ino != have.st_ino ||
	       there.st_dev != have.st_dev || have.st_size < lseek(f->fd, 0, SEEK_CUR);
}

/* Sets *watch, or leaves it where the directory is not there yet: the first run makes it. */
static int watch_directory(const char *path, int *watch, struct error *err)
{
	cleanup_close int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	char directory[PATH_MAX];
	char *slash;

	if (fd < 0)
		return error_set(err, errno, "cannot watch files");
	text_copy(directory, sizeof(directory), path);
	slash = strrchr(directory, '/');
	if (slash)
		slash[slash == directory] = '\0';
	if (inotify_add_watch(fd, directory, IN_MODIFY | IN_CREATE | IN_MOVED_TO) >= 0)
		*watch = steal_fd(&fd);
	else if (errno != ENOENT)
		return error_set(err, errno, "cannot watch the directory '%s'", directory);
	return 0;
}

static int follow(struct following *f, int *watch, struct error *err)
{
	int r = 0;

	while (r == 0) {
		/* Standard output is polled too, so that a closed pipe ends the waiting. */
		struct pollfd fds[] = {{.fd = *watch, .events = POLLIN}, {.fd = STDOUT_FILENO}};
		char notes[4096];

		if (poll(fds, 2, FOLLOW_POLL_MS) < 0 && errno != EINTR)
			return error_set(err, errno, "cannot wait for events");
		if (fds[1].revents & (POLLERR | POLLHUP))
			return 0;
		while (*watch >= 0 && read(*watch, notes, sizeof(notes)) > 0)
			;
		if (*watch < 0)
			r = watch_directory(f->path, watch, err);
		if (r == 0)
			r = show_rest(f, err);
		if (r == 0 && is_another(f)) {
			if (f->fd >= 0)
				close(f->fd);
			f->line.len = 0;
			r = open_events(f, err);
			if (r == 0)
				r = show_rest(f, err);
		}
	}
	return r;
}

/* A function without events is one that the store knows, or a mistake. */
static int check_known(struct cli *cli, const char *name, bool stay, struct error *err)
{
	cleanup_store struct store *store = NULL;
	struct cli_revision newest;
	int r = cli_store(cli, &store, err);

	if (r == 0)
		r = cli_find_revision(store, name, NULL, &newest, err);
	if (r != -ENOENT || !stay)
		return r;
	error_hint(err, "waiting for it");
	error_print("husk", err);
	*err = ERROR_INIT;
	return 0;
}

/* `name`: of the function, or NULL. */
static int show_events(struct cli *cli, struct following *f, const char *name, bool stay,
		       struct error *err)
{
	cleanup_close int watch = -1;
	/* Watched before the first look, so that nothing falls between. */
	int r = stay ? watch_directory(f->path, &watch, err) : 0;

	if (r == 0)
		r = open_events(f, err);
	if (r == 0)
		r = show_rest(f, err);
	if (r == 0 && name && !f->shown)
		r = check_known(cli, name, stay, err);
	if (r == 0 && stay)
		r = follow(f, &watch, err);
	if (f->fd >= 0)
		close(f->fd);
	buf_release(&f->line);
	return r;
}

int cli_events(struct cli *cli, int argc, char **argv, struct error *err)
{
	bool stay = false, json = false;
	const struct cli_option options[] = {
		{"follow", 'f', CLI_FLAG, &stay, NULL, "stay and show what comes"},
		{"json", 'j', CLI_FLAG, &json, NULL, "print the events as they are, JSON lines"},
		{0},
	};
	const struct cli_syntax syntax = {
		.usage = "events [OPTION]... [FUNCTION]",
		.about = "Shows what happened: denials, novelties, promotions and what could not "
			 "be\n"
			 "set up, oldest first.",
		.options = options,
		.operands_max = 1,
	};
	const struct settings *settings;
	char name[CLI_NAME_ROOM], function[TEXT_ESCAPED_MAX(CLI_NAME_ROOM)];
	struct following f = {.fd = -1};
	int n = 0;
	int r = cli_parse(cli, &syntax, argc, argv, &n, err);

	if (r == 0)
		r = cli_settings(cli, &settings, err);
	if (r != 0)
		return r;
	f.path = settings->event_file;
	f.json = json;
	if (n > 0) {
		r = cli_function_name(argv[0], name, err);
		if (r < 0)
			return r;
		/* Read and written again, so that every spelling of a name finds it. */
		text_escape(name, function, sizeof(function));
		f.function = function;
	}
	return show_events(cli, &f, f.function ? name : NULL, stay, err);
}
