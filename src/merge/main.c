/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * husk-merge: what follows a run. It is the poststop hook itself, so that the end of a container
 * costs one program and no more, and it can be called by hand for what was left behind.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/settings.h"
#include "event/event.h"
#include "husk-paths.h"
#include "merge/merge.h"
#include "merge/poststop.h"

struct options {
	const char *config;  /* NULL: the default path */
	const char *journal; /* NULL: poststop, the state of the container is on standard input */
};

static const char usage[] =
	"Usage: husk-merge [OPTION]... poststop\n"
	"       husk-merge [OPTION]... JOURNAL-NAME\n"
	"\n"
	"Merges a finished run's journal into the store, and what earlier runs left behind.\n"
	"\n"
	"  poststop         as an OCI hook: the container's state is on standard input\n"
	"  JOURNAL-NAME     a file in the directory 'journals' of the state directory\n"
	"  --config FILE    read FILE instead of the default configuration\n"
	"  --runtime-directory DIR\n"
	"                   look in DIR for word that the run is merged already, before anything\n"
	"                   is read (default: " HUSK_RUNTIME_DIR ")\n"
	"  --help           print this text\n"
	"  --version        print the version\n";

/* A name of a file in a directory that is given elsewhere, never a path. */
static bool is_file_name(const char *name)
{
	return name[0] != '\0' && name[0] != '.' && !strchr(name, '/');
}

static int bad_usage(const char *what)
{
	fprintf(stderr, "husk-merge: %s; see husk-merge --help\n", what);
	return EX_USAGE;
}

/* Returns -1 to go on, or the exit code. */
static int read_options(int argc, char **argv, struct options *ret)
{
	int i = 1;

	for (; i < argc && argv[i][0] == '-'; i++) {
		if (strcmp(argv[i], "--help") == 0)
			return fputs(usage, stdout) < 0 ? EX_IOERR : EX_OK;
		if (strcmp(argv[i], "--version") == 0)
			return puts("husk-merge " HUSK_VERSION) < 0 ? EX_IOERR : EX_OK;
		if (strcmp(argv[i], "--config") == 0 && i + 1 < argc)
			ret->config = argv[++i];
		else if (strcmp(argv[i], "--runtime-directory") == 0 && i + 1 < argc)
			i++; /* early.c has looked there */
		else
			return bad_usage("an option is unknown or incomplete");
	}
	if (argc - i != 1)
		return bad_usage("expected 'poststop' or a journal");
	ret->journal = strcmp(argv[i], "poststop") == 0 ? NULL : argv[i];
	if (ret->journal && !is_file_name(ret->journal))
		return bad_usage("a journal is a file name");
	return -1;
}

static int merge(const struct options *options, const struct settings *settings,
		 struct event_sink *events, struct error *err)
{
	cleanup_close int journals = -1;
	int r;

	if (!options->journal)
		return merge_poststop(STDIN_FILENO, settings, events, err);
	journals = merge_open_journals(settings, err);
	if (journals < 0)
		return journals;
	r = merge_journal(journals, options->journal, settings, events, err);
	return r < 0 ? r : merge_left_over(journals, NULL, settings, events, err);
}

/* Where no container got as far as the hook there is nothing to tell, and no place for it. */
static bool is_first(const struct settings *settings)
{
	return access(settings->state_directory, F_OK) < 0 && errno == ENOENT;
}

int main(int argc, char **argv)
{
	struct options options = {0};
	struct settings settings;
	struct event_sink *events = NULL;
	struct error err = ERROR_INIT, of_events = ERROR_INIT;
	int code;

	open_standard_streams();
	/* Engines leave descriptors open, and this process may outlive their patience by an fsync.
	 */
	close_range(3, ~0U, 0);
	umask(077);
	limits_lift();
	code = read_options(argc, argv, &options);
	if (code >= 0)
		return code;
	if (settings_read(options.config, &settings, &err) < 0) {
		error_print("husk-merge", &err);
		return error_exit_code(&err);
	}
	/* A run that nothing can be told of is merged all the same. */
	event_sink_open(settings.event_file, settings.events_per_run, &events, &of_events);
	merge(&options, &settings, events, &err);
	event_sink_free(events);
	close_range(3, ~0U, 0);
	/* From here on no other merge waits for this process. */
	if (err.code == 0 && of_events.code == ENOENT && is_first(&settings))
		return EX_OK;
	if (err.code == 0)
		err = of_events;
	if (err.code == 0)
		store_tidy(settings.state_directory, &err);
	settings_release(&settings);
	if (err.code == 0)
		return EX_OK;
	error_print("husk-merge", &err);
	return error_exit_code(&err);
}
