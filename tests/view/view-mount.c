/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * view-mount [OPTION...] DIR PLACE [PATH=DIR...]: shows DIR at PLACE through a view, with each
 * further DIR at PATH in it, and serves until PLACE is unmounted. Uses the view by its header
 * alone.
 *
 *   -c       without passthrough            -n N       at most N inodes
 *   -p       the root is a volume           -l FILE    writes each question to FILE
 *   -d ACCESS:PATH                          answers EACCES to that question (may be repeated)
 *   -g FILE  serves FILE as the gate at PLACE/husk-gate and adds DIR when that is executed
 *   -w DIR   opens the way to DIR           -f         stays in the foreground
 *   -s FILE  writes counters to FILE at the end
 *   -k       shares locks with whoever uses DIR
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "view/view.h"

enum { DENIED_MAX = 16, GATE_MAX = 16 * 1024 * 1024 };

struct harness {
	const char *denied[DENIED_MAX];
	size_t denied_count;
	FILE *log;
	struct view *view;
	char **lowers; /* DIR PLACE PATH=DIR ... */
	bool persistent;
};

static int judge(void *context, const struct view_question *question)
{
	const struct harness *harness = context;
	char text[4096];

	(void)snprintf(text, sizeof(text), "%s:%s", access_name(question->access), question->path);
	if (harness->log) {
		(void)fprintf(harness->log, "%s %u\n", text, question->flags);
		(void)fflush(harness->log);
	}
	for (size_t i = 0; i < harness->denied_count; i++) {
		if (strcmp(harness->denied[i], text) == 0)
			return -EACCES;
	}
	return 0;
}

static int clone_tree(const char *path)
{
	int fd = open_tree(AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);

	if (fd < 0)
		err(EX_OSERR, "cannot clone the mount at '%s'", path);
	return fd;
}

static void add(const struct harness *harness, const char *path, const char *dir, bool persistent)
{
	const struct view_lower lower = {
		.fd = clone_tree(dir),
		.path = path,
		.persistent = persistent,
	};
	struct error error = ERROR_INIT;

	if (view_add_lower(harness->view, &lower, &error) < 0)
		errx(EX_SOFTWARE, "%s", error.what);
}

static void add_lowers(const struct harness *harness)
{
	add(harness, "/", harness->lowers[0], harness->persistent);
	for (char **extra = harness->lowers + 2; *extra; extra++) {
		char *dir = strchr(*extra, '=');

		if (!dir)
			errx(EX_USAGE, "'%s' is not PATH=DIR", *extra);
		*dir++ = '\0';
		add(harness, *extra, dir, true);
	}
}

static void gate_opened(void *context, pid_t pid)
{
	const struct harness *harness = context;

	add_lowers(harness);
	view_gate_answer(harness->view, 0);
}

static void set_gate(struct harness *harness, const char *path)
{
	char *bytes = NULL;
	size_t len = 0;
	struct stat st;
	struct error error = ERROR_INIT;

	if (stat(path, &st) < 0)
		err(EX_NOINPUT, "cannot read '%s'", path);
	if (read_file_at(AT_FDCWD, path, GATE_MAX, &bytes, &len, &error) < 0)
		errx(EX_NOINPUT, "%s", error.what);
	if (view_set_gate(harness->view, bytes, len, &st, gate_opened, harness) < 0)
		errx(EX_OSERR, "cannot set the gate");
}

static int serve(struct view *view)
{
	struct pollfd device = {.fd = view_fd(view), .events = POLLIN};
	int rc = 0;

	while (rc >= 0) {
		if (poll(&device, 1, view_wait_ms(view)) < 0 && errno != EINTR)
			return -errno;
		rc = view_serve(view, 64);
	}
	return rc;
}

static void write_counters(const struct view *view, const char *path)
{
	struct view_statistics statistics = view_statistics(view);
	FILE *file = fopen(path, "we");

	if (!file)
		err(EX_CANTCREAT, "cannot write '%s'", path);
	(void)fprintf(file, "requests %llu\nnames %llu\nnames_lost %llu\npassthrough_opens %llu\n",
		      (unsigned long long)statistics.requests, (unsigned long long)statistics.names,
		      (unsigned long long)statistics.names_lost,
		      (unsigned long long)statistics.passthrough_opens);
	for (size_t i = 0; i < sizeof(statistics.operations) / sizeof(statistics.operations[0]);
	     i++) {
		if (statistics.operations[i])
			(void)fprintf(file, "operation-%zu %llu\n", i,
				      (unsigned long long)statistics.operations[i]);
	}
	(void)fclose(file);
}

/*
 * The rest is done in a child; the parent leaves once the mount is there, so that a script can go
 * on. Returns the descriptor that the child closes then.
 */
static int leave_foreground(void)
{
	int pipes[2];
	char byte;
	pid_t pid;

	if (pipe2(pipes, O_CLOEXEC) < 0)
		err(EX_OSERR, "cannot make a pipe");
	pid = fork();
	if (pid < 0)
		err(EX_OSERR, "cannot fork");
	if (pid > 0) {
		close(pipes[1]);
		_exit(read(pipes[0], &byte, 1) == 1 ? 0 : EX_OSERR);
	}
	close(pipes[0]);
	(void)setsid();
	return pipes[1];
}

/* What the helper of a mediator does: it asks the view, so it is a thread of its own. */
struct placing {
	const char *place;
	bool root; /* VIEW_ROOT alone, not the top with the gate */
	int mount_fd;
	int ready; /* to be told, or -1 */
};

static int clone_root(const struct placing *placing)
{
	unsigned int flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC;
	int fd = open_tree(placing->mount_fd, VIEW_ROOT, flags);

	if (fd >= 0 || errno != EINVAL)
		return fd;
	/* before Linux 6.15 only of an attached mount something can be cloned */
	if (move_mount(placing->mount_fd, "", AT_FDCWD, placing->place, MOVE_MOUNT_F_EMPTY_PATH) <
	    0)
		return -1;
	fd = open_tree(placing->mount_fd, VIEW_ROOT, flags);
	return umount2(placing->place, MNT_DETACH) < 0 ? -1 : fd;
}

static void *place(void *argument)
{
	const struct placing *placing = argument;
	int fd = placing->root ? clone_root(placing) : placing->mount_fd;

	if (fd < 0 || move_mount(fd, "", AT_FDCWD, placing->place, MOVE_MOUNT_F_EMPTY_PATH) < 0)
		err(EX_OSERR, "cannot mount at '%s'", placing->place);
	close(fd);
	if (placing->root)
		close(placing->mount_fd);
	if (placing->ready >= 0) {
		(void)write_all(placing->ready, "", 1);
		close(placing->ready);
	}
	return NULL;
}

int main(int argc, char **argv)
{
	struct harness harness = {0};
	struct placing placing = {.ready = -1};
	pthread_t placer;
	struct view_options options = {
		.names_max = 200000,
		.passthrough = true,
		.started_ns = clock_wall_ns(),
		.judge = judge,
		.context = &harness,
	};
	const char *gate = NULL, *way = NULL, *counters = NULL;
	bool foreground = false;
	struct error error = ERROR_INIT;
	int fuse_fd, option, rc;

	while ((option = getopt(argc, argv, "cpkn:l:d:g:w:fs:")) != -1) {
		switch (option) {
		case 'c':
			options.passthrough = false;
			break;
		case 'p':
			harness.persistent = true;
			break;
		case 'k':
			options.share_locks = true;
			break;
		case 'n':
			options.names_max = strtoul(optarg, NULL, 10);
			break;
		case 'l':
			harness.log = fopen(optarg, "we");
			break;
		case 'd':
			if (harness.denied_count == DENIED_MAX)
				errx(EX_USAGE, "too many -d");
			harness.denied[harness.denied_count++] = optarg;
			break;
		case 'g':
			gate = optarg;
			break;
		case 'w':
			way = optarg;
			break;
		case 's':
			counters = optarg;
			break;
		case 'f':
			foreground = true;
			break;
		default:
			errx(EX_USAGE, "usage: view-mount [OPTION...] DIR PLACE [PATH=DIR...]");
		}
	}
	if (argc - optind < 2)
		errx(EX_USAGE, "usage: view-mount [OPTION...] DIR PLACE [PATH=DIR...]");
	harness.lowers = argv + optind;
	if (!foreground)
		placing.ready = leave_foreground();
	if (view_mount(&fuse_fd, &placing.mount_fd, &error) < 0)
		errx(EX_UNAVAILABLE, "%s; %s", error.what, error.hint);
	if (view_new(fuse_fd, &options, &harness.view, &error) < 0)
		errx(EX_SOFTWARE, "%s", error.what);
	if (gate)
		set_gate(&harness, gate);
	else
		add_lowers(&harness);
	if (way)
		view_open_way(harness.view, way);
	placing.place = harness.lowers[1];
	placing.root = !gate;
	rc = pthread_create(&placer, NULL, place, &placing);
	if (rc != 0)
		errx(EX_OSERR, "cannot start a thread");
	rc = serve(harness.view);
	(void)pthread_join(placer, NULL);
	if (counters)
		write_counters(harness.view, counters);
	view_free(harness.view);
	return rc == -ENODEV ? 0 : EX_SOFTWARE;
}
