/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The file that stands for one live container. */
#include "journal/run-file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"

#define SWEEP_AGE_S 2

/* Whoever looks whether a file is a stale one has its lock for a moment, and who merges the run of
 * a container that is gone has it for some milliseconds. */
#define CLAIM_WAIT_MS 100

int run_id_make(char *out)
{
	unsigned char random[(JOURNAL_ID_ROOM - 1) / 2];

	if (getrandom(random, sizeof(random), 0) != sizeof(random))
		return -errno;
	for (size_t i = 0; i < sizeof(random); i++)
		snprintf(out + 2 * i, 3, "%02x", random[i]);
	return 0;
}

void run_key(const char *id, const char *bundle, char *out)
{
	run_key_write(id, strlen(id), bundle, strlen(bundle), out);
}

/* Of a file that the caller has locked: where it was removed before, its name is another run's. */
static bool has_name(int fd)
{
	struct stat file;

	return fstat(fd, &file) == 0 && file.st_nlink > 0;
}

static int create_locked(int runtime_fd, const char *key, const char *run_id, struct error *err)
{
	cleanup_close int fd =
		openat(runtime_fd, key, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	int r;

	if (fd < 0)
		return -errno;
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		return error_set(err, errno, "cannot lock the run file '%s'", key);
	r = write_all(fd, run_id, JOURNAL_ID_ROOM - 1);
	if (r < 0) {
		unlinkat(runtime_fd, key, 0);
		return error_set(err, -r, "cannot write the run file '%s'", key);
	}
	return steal_fd(&fd);
}

static void on_alarm(int signal_number)
{
	(void)signal_number; /* its arrival interrupts flock(2): nothing else is wanted of it */
}

/* flock(2) with a limit of time: a repeating alarm, so that one that comes early cannot be missed.
 * crun executes hooks with its own mask, in which all signals are blocked. */
static int lock_within(int fd, unsigned long wait_ms)
{
	struct sigaction action = {.sa_handler = on_alarm}, before;
	struct itimerval timer = {.it_interval = {.tv_usec = 10000}}, off = {0};
	sigset_t alarm_only, mask;
	int r = 0;

	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		return 0;
	if (errno != EWOULDBLOCK || wait_ms == 0)
		return errno == EWOULDBLOCK ? -ETIMEDOUT : -errno;
	timer.it_value.tv_sec = (time_t)(wait_ms / 1000);
	timer.it_value.tv_usec = (suseconds_t)(wait_ms % 1000) * 1000;
	sigemptyset(&alarm_only);
	sigaddset(&alarm_only, SIGALRM);
	sigaction(SIGALRM, &action, &before);
	sigprocmask(SIG_UNBLOCK, &alarm_only, &mask);
	setitimer(ITIMER_REAL, &timer, NULL);
	if (flock(fd, LOCK_EX) < 0)
		r = errno == EINTR ? -ETIMEDOUT : -errno;
	setitimer(ITIMER_REAL, &off, NULL);
	sigprocmask(SIG_SETMASK, &mask, NULL);
	sigaction(SIGALRM, &before, NULL);
	return r;
}

int run_file_claim(int runtime_fd, const char *key, const char *run_id, struct error *err)
{
	for (int attempt = 0; attempt < 3; attempt++) {
		cleanup_close int old = -1;
		int fd = create_locked(runtime_fd, key, run_id, err);

		if (fd != -EEXIST)
			return fd >= 0 || err->code
				       ? fd
				       : error_set(err, -fd, "cannot create the run file '%s'",
						   key);
		old = openat(runtime_fd, key, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
		if (old < 0 && errno == ENOENT)
			continue;
		if (old < 0)
			return error_set(err, errno, "cannot open the run file '%s'", key);
		if (lock_within(old, CLAIM_WAIT_MS) < 0)
			break;
		if (has_name(old))
			unlinkat(runtime_fd, key, 0);
	}
	return error_say(err, EEXIST, "a container of this id and bundle is still running ('%s')",
			 key);
}

/* Returns 0; -ENOENT: the run is merged; -EPROTO or other -errno. */
static int read_run_id(int fd, char *ret_run_id)
{
	ssize_t n = pread(fd, ret_run_id, JOURNAL_ID_ROOM - 1, 0);

	if (n == sizeof(RUN_MERGED) - 1 && memcmp(ret_run_id, RUN_MERGED, (size_t)n) == 0)
		return -ENOENT;
	if (n != JOURNAL_ID_ROOM - 1)
		return n < 0 ? -errno : -EPROTO;
	ret_run_id[JOURNAL_ID_ROOM - 1] = '\0';
	return 0;
}

int run_file_mark_merged(int fd)
{
	ssize_t len = sizeof(RUN_MERGED) - 1;
	ssize_t n = pwrite(fd, RUN_MERGED, (size_t)len, 0);

	/* Cut last: that needs no room, and what is left in between names no run that there is. */
	if (n != len)
		return n < 0 ? -errno : -EIO;
	return ftruncate(fd, len) < 0 ? -errno : 0;
}

int run_file_wait(int runtime_fd, const char *key, unsigned long wait_ms, char *ret_run_id)
{
	cleanup_close int fd = openat(runtime_fd, key, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	int r;

	if (fd < 0)
		return -errno;
	r = lock_within(fd, wait_ms);
	if (r < 0)
		return r;
	if (!has_name(fd))
		return -ENOENT;
	r = read_run_id(fd, ret_run_id);
	if (r == -ENOENT)
		unlinkat(runtime_fd, key, 0);
	return r < 0 ? r : steal_fd(&fd);
}

/* Is there still something to merge of the run that this file names? Whoever waits for the file
 * comes for that, and is told by the file's absence that it was merged. */
static bool has_journal(int fd, int journals_fd)
{
	char run_id[JOURNAL_ID_ROOM], name[JOURNAL_ID_ROOM + sizeof(JOURNAL_SUFFIX)];

	if (read_run_id(fd, run_id) < 0)
		return false;
	snprintf(name, sizeof(name), "%s" JOURNAL_SUFFIX, run_id);
	return faccessat(journals_fd, name, F_OK, 0) == 0;
}

static void sweep_one(int runtime_fd, const char *name, int journals_fd)
{
	cleanup_close int fd =
		openat(runtime_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat file;

	if (fd < 0 || fstat(fd, &file) < 0 || !S_ISREG(file.st_mode))
		return;
	if (clock_wall_ns() / 1000000000 - file.st_mtim.tv_sec < SWEEP_AGE_S)
		return;
	if (flock(fd, LOCK_EX | LOCK_NB) == 0 && has_name(fd) && !has_journal(fd, journals_fd))
		unlinkat(runtime_fd, name, 0);
}

void run_file_sweep(int runtime_fd, int journals_fd)
{
	cleanup_dir DIR *dir = NULL;
	int copy = openat(runtime_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct dirent *entry;

	dir = copy < 0 ? NULL : fdopendir(copy);
	if (!dir) {
		if (copy >= 0)
			close(copy);
		return;
	}
	while ((entry = readdir(dir))) {
		if (entry->d_name[0] != '.' && entry->d_type != DT_DIR)
			sweep_one(runtime_fd, entry->d_name, journals_fd);
	}
}
