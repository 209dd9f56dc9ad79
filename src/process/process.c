/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What /proc and pidfds say of processes. On the request path: a few system calls, no allocation.
 */
#include "process/process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"

/* A process tree deeper than this is no engine's: the walk ends and the process counts as inside.
 */
#define ANCESTORS_MAX 256

/* include/uapi/linux/pidfd.h of Linux 6.15; the headers of older systems lack it. */
struct pidfd_info_v0 {
	uint64_t mask;
	uint64_t cgroupid;
	uint32_t ids[11];
	int32_t exit_code;
};
#define PIDFD_GET_INFO_V0 _IOWR(0xFF, 11, struct pidfd_info_v0)
#define PIDFD_INFO_EXIT_BIT (UINT64_C(1) << 3)

#define PF_EXITING 0x4 /* include/linux/sched.h */

void process_program(int proc_fd, pid_t pid, dev_t view, char *out)
{
	size_t at = 0;
	struct statx file;
	char name[32];
	ssize_t len;

	snprintf(name, sizeof(name), "%d/exe", (int)pid);
	/* Of a file of the view this asks nothing of the view: what the kernel knows will do. */
	if (statx(proc_fd, name, AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT, 0, &file) < 0 ||
	    makedev(file.stx_dev_major, file.stx_dev_minor) != view) {
		at = sizeof(PROCESS_OUTSIDE) - 1;
		memcpy(out, PROCESS_OUTSIDE, at);
	}
	len = readlinkat(proc_fd, name, out + at, PATH_MAX - 1 - at);
	if (len <= 0)
		memcpy(out, PROCESS_UNKNOWN, sizeof(PROCESS_UNKNOWN));
	else
		out[at + (size_t)len] = '\0';
}

/* The number behind `field` ("PPid:\t") in the text of /proc/PID/status, or -1. */
static long status_field(const char *status, const char *field)
{
	const char *at = strstr(status, field);

	return at ? strtol(at + strlen(field), NULL, 10) : -1;
}

static int read_status(int proc_fd, pid_t pid, char *out, size_t room)
{
	cleanup_close int fd = -1;
	char name[32];
	ssize_t len;

	snprintf(name, sizeof(name), "%d/status", (int)pid);
	fd = openat(proc_fd, name, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	len = read(fd, out, room - 1);
	if (len <= 0)
		return -ESRCH;
	out[len] = '\0';
	return 0;
}

pid_t process_thread_group(int proc_fd, pid_t pid)
{
	char status[2048];

	if (read_status(proc_fd, pid, status, sizeof(status)) < 0)
		return -1;
	return (pid_t)status_field(status, "\nTgid:\t");
}

/* Fields of /proc/PID/stat, by their numbers in proc_pid_stat(5). */
enum stat_field {
	STAT_NAME = 2,
	STAT_FLAGS = 9,
	STAT_THREADS = 20,
	STAT_MEMORY = 23,
	STAT_PROCESSOR = 39,
	STAT_EXIT_CODE = 52,
};

struct stat_text {
	char text[2048];
};

static bool read_stat(int dir_fd, const char *name, struct stat_text *ret)
{
	cleanup_close int fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC);
	ssize_t len = fd < 0 ? -1 : read(fd, ret->text, sizeof(ret->text) - 1);

	if (len <= 0)
		return false;
	ret->text[len] = '\0';
	return true;
}

/* -1 where there is no such field. */
static long stat_number(const struct stat_text *stat, enum stat_field field)
{
	const char *at = strrchr(stat->text, ')'); /* a name may hold anything */

	for (int i = STAT_NAME; at && i < (int)field; i++)
		at = strchr(at + 1, ' ');
	return at ? strtol(at, NULL, 10) : -1;
}

int process_processor(int proc_fd, pid_t pid)
{
	struct stat_text stat;
	char name[32];

	snprintf(name, sizeof(name), "%d/stat", (int)pid);
	return read_stat(proc_fd, name, &stat) ? (int)stat_number(&stat, STAT_PROCESSOR) : -1;
}

uint64_t process_capabilities(int proc_fd, pid_t pid)
{
	static const char *const fields[] = {"\nCapInh:\t", "\nCapPrm:\t", "\nCapEff:\t",
					     "\nCapBnd:\t", "\nCapAmb:\t"};
	uint64_t all = 0;
	char status[4096];

	if (read_status(proc_fd, pid, status, sizeof(status)) < 0)
		return UINT64_MAX;
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		const char *at = strstr(status, fields[i]);

		if (!at)
			return UINT64_MAX;
		all |= strtoull(at + strlen(fields[i]), NULL, 16);
	}
	return all;
}

enum lives { LIVES_UNKNOWN, LIVES_HERE, LIVES_ELSEWHERE };

/* In which pid namespace, as seen from this process's own. A zombie's is unknown. */
static enum lives where_lives(int proc_fd, pid_t pid)
{
	struct stat own, other;
	char name[32];

	snprintf(name, sizeof(name), "%d/ns/pid", (int)pid);
	if (fstatat(proc_fd, "self/ns/pid", &own, 0) < 0 || fstatat(proc_fd, name, &other, 0) < 0)
		return LIVES_UNKNOWN;
	return own.st_ino == other.st_ino && own.st_dev == other.st_dev ? LIVES_HERE
									: LIVES_ELSEWHERE;
}

bool process_leads_namespace(int proc_fd, pid_t pid)
{
	char status[2048];
	const char *numbers;
	size_t len;

	if (where_lives(proc_fd, pid) != LIVES_ELSEWHERE ||
	    read_status(proc_fd, pid, status, sizeof(status)) < 0)
		return false;
	numbers = strstr(status, "\nNSpid:\t");
	if (!numbers)
		return false;
	numbers++;
	len = strcspn(numbers, "\n");
	return len > 2 && numbers[len - 2] == '\t' && numbers[len - 1] == '1';
}

/*
 * One step up. Only an answer that cannot have been raced counts: a process keeps its parent's
 * number as long as that parent lives, so what was seen of the parent is true if the number is the
 * same afterwards.
 */
static bool is_child_of_engine(int proc_fd, pid_t pid, pid_t init, pid_t *ret_parent)
{
	char status[2048];
	enum lives parent_lives;
	long parent;

	*ret_parent = 0;
	if (read_status(proc_fd, pid, status, sizeof(status)) < 0 ||
	    status_field(status, "\nTgid:\t") == init)
		return false;
	parent = status_field(status, "\nPPid:\t");
	if (parent <= 0 || parent == init || status_field(status, "\nTracerPid:\t") != 0)
		return false;
	parent_lives = where_lives(proc_fd, (pid_t)parent);
	if (parent_lives == LIVES_UNKNOWN ||
	    read_status(proc_fd, pid, status, sizeof(status)) < 0 ||
	    status_field(status, "\nPPid:\t") != parent)
		return false;
	*ret_parent = (pid_t)parent;
	return parent_lives == LIVES_HERE;
}

bool process_is_foreign(int proc_fd, pid_t pid, pid_t init)
{
	for (int depth = 0; depth < ANCESTORS_MAX && pid > 0; depth++) {
		pid_t parent;

		if (is_child_of_engine(proc_fd, pid, init, &parent))
			return true;
		pid = parent;
	}
	return false;
}

bool process_descends(int proc_fd, pid_t pid, pid_t ancestor)
{
	char status[2048];

	for (int depth = 0; depth < ANCESTORS_MAX && pid > 0; depth++) {
		if (read_status(proc_fd, pid, status, sizeof(status)) < 0)
			return false;
		if (status_field(status, "\nTgid:\t") == ancestor)
			return true;
		pid = (pid_t)status_field(status, "\nPPid:\t");
	}
	return false;
}

static void tell_end(struct journal_end *end, int code)
{
	bool killed = WIFSIGNALED(code);

	end->outcome = killed ? OUTCOME_KILLED : OUTCOME_EXITED;
	end->status = killed ? WTERMSIG(code) : WEXITSTATUS(code);
}

/* Else the kernel tells 0 for a status. */
static bool may_read_status(int dir_fd)
{
	cleanup_close int fd = openat(dir_fd, "io", O_RDONLY | O_CLOEXEC);
	char byte;

	return fd >= 0 && read(fd, &byte, sizeof(byte)) == sizeof(byte);
}

/* Without memory, its status has been set. */
static bool is_ending(const struct stat_text *stat)
{
	return (stat_number(stat, STAT_FLAGS) & PF_EXITING) != 0 &&
	       stat_number(stat, STAT_THREADS) == 1 && stat_number(stat, STAT_MEMORY) == 0;
}

struct journal_end process_ending(int dir_fd)
{
	struct journal_end end = {.outcome = OUTCOME_UNKNOWN, .ended_ns = clock_wall_ns()};
	struct stat_text stat;

	/* read again, since the status is looked at before the memory */
	if (read_stat(dir_fd, "stat", &stat) && is_ending(&stat) && may_read_status(dir_fd) &&
	    read_stat(dir_fd, "stat", &stat) && is_ending(&stat) &&
	    stat_number(&stat, STAT_EXIT_CODE) >= 0)
		tell_end(&end, (int)stat_number(&stat, STAT_EXIT_CODE));
	return end;
}

struct journal_end process_end(int pidfd, int wait_ms)
{
	struct journal_end end = {.outcome = OUTCOME_UNKNOWN, .ended_ns = clock_wall_ns()};
	struct pidfd_info_v0 info = {.mask = PIDFD_INFO_EXIT_BIT};
	struct pollfd reaped = {.fd = pidfd};

	if (poll(&reaped, 1, wait_ms) > 0 && ioctl(pidfd, PIDFD_GET_INFO_V0, &info) == 0 &&
	    info.mask & PIDFD_INFO_EXIT_BIT)
		tell_end(&end, info.exit_code);
	return end;
}
