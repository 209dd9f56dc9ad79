/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * husk-merge: what follows a run. Executed by the mediator in its place, with the run's locked
 * files still open: poststop waits for those locks, which the end of this process frees.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/settings.h"
#include "event/event.h"
#include "husk-paths.h"
#include "merge/merge.h"

struct options {
	const char *config; /* NULL: the default path */
	const char *journal;
	const char *run_key; /* NULL: none */
};

static const char usage[] =
	"Usage: husk-merge [--config FILE] JOURNAL-NAME [RUN-KEY]\n"
	"\n"
	"Merges a finished run's journal into the store, and what earlier runs left behind.\n"
	"husk starts this program by itself at the end of every container.\n"
	"\n"
	"  JOURNAL-NAME     a file in the directory 'journals' of the state directory\n"
	"  RUN-KEY          a file in the runtime directory, removed at the end\n"
	"  --config FILE    read FILE instead of the default configuration\n"
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
		if (strcmp(argv[i], "--config") != 0)
			return bad_usage("unknown option");
		if (++i == argc)
			return bad_usage("--config needs a file");
		ret->config = argv[i];
	}
	if (i == argc || argc - i > 2)
		return bad_usage("expected a journal and at most one run key");
	ret->journal = argv[i];
	ret->run_key = i + 1 < argc ? argv[i + 1] : NULL;
	if (!is_file_name(ret->journal) || (ret->run_key && !is_file_name(ret->run_key)))
		return bad_usage("a journal or run key is a file name");
	return -1;
}

static int merge(const struct options *options, const struct settings *settings,
		 struct event_sink *events, struct error *err)
{
	cleanup_close int journals = merge_open_journals(settings, err);
	int r;

	if (journals < 0)
		return journals;
	r = merge_journal(journals, options->journal, settings, events, err);
	return r < 0 ? r : merge_left_over(settings, events, err);
}

/* The container is gone, whatever became of its journal. */
static int remove_run_key(const struct options *options, const struct settings *settings,
			  struct error *err)
{
	cleanup_close int dirfd = -1;

	if (!options->run_key)
		return 0;
	dirfd = open(settings->runtime_directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dirfd < 0 || unlinkat(dirfd, options->run_key, 0) < 0)
		return errno == ENOENT ? 0
				       : error_set(err, errno, "cannot remove '%s' in '%s'",
						   options->run_key, settings->runtime_directory);
	return 0;
}

int main(int argc, char **argv)
{
	struct options options = {0};
	struct settings settings;
	struct event_sink *events = NULL;
	struct error err = ERROR_INIT, of_key = ERROR_INIT, of_events = ERROR_INIT;
	int code = read_options(argc, argv, &options);

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
	remove_run_key(&options, &settings, &of_key);
	close_range(3, ~0U, 0);
	/* From here on nobody waits for this process. */
	if (err.code == 0)
		err = of_events.code != 0 ? of_events : of_key;
	if (err.code == 0)
		store_tidy(settings.state_directory, &err);
	if (err.code == 0)
		return EX_OK;
	error_print("husk-merge", &err);
	return error_exit_code(&err);
}
