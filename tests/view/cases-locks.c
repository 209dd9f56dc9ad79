/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Locks of every kind, between processes. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "compare.h"

static long lock(int fd, int command, short type, off_t start, off_t len)
{
	struct flock range = {.l_type = type, .l_whence = SEEK_SET, .l_start = start, .l_len = len};

	return fcntl(fd, command, &range);
}

/* Which lock, of whom, is in the way. */
static void say_holder(int fd, int command, short type, off_t start, off_t len, pid_t known)
{
	struct flock range = {.l_type = type, .l_whence = SEEK_SET, .l_start = start, .l_len = len};

	if (fcntl(fd, command, &range) < 0)
		said_ok("holder", -1);
	else if (range.l_type == F_UNLCK)
		say("nobody");
	else
		say("type %d start %ld len %ld pid %s", range.l_type, (long)range.l_start,
		    (long)range.l_len,
		    range.l_pid == known ? "known"
		    : range.l_pid == -1	 ? "-1"
					 : "other");
}

/* Runs `function` in a child and waits for it. */
static void in_child(void (*function)(void))
{
	pid_t pid = fork();

	if (pid == 0) {
		function();
		_exit(0);
	}
	waitpid(pid, NULL, 0);
}

static void meet_ranges(void)
{
	int fd = open("f", O_RDWR);
	pid_t parent = getppid();

	say_holder(fd, F_GETLK, F_WRLCK, 0, 0, parent);
	say_holder(fd, F_GETLK, F_RDLCK, 0, 0, parent);
	say_holder(fd, F_GETLK, F_WRLCK, 25, 5, parent);
	say_holder(fd, F_GETLK, F_WRLCK, 100, 0, parent);
	said_ok("write in a hole", lock(fd, F_SETLK, F_WRLCK, 20, 10));
	said_ok("write over a reader", lock(fd, F_SETLK, F_WRLCK, 30, 1));
	said_ok("read over a reader", lock(fd, F_SETLK, F_RDLCK, 30, 1));
	said_ok("read over a writer", lock(fd, F_SETLK, F_RDLCK, 10, 1));
	said_ok("beyond", lock(fd, F_SETLK, F_WRLCK, 1000, 0));
}

static void split_and_join(void)
{
	int fd;

	put("f", "x");
	fd = open("f", O_RDWR);
	said_ok("write lock", lock(fd, F_SETLK, F_WRLCK, 10, 10));
	said_ok("read lock", lock(fd, F_SETLK, F_RDLCK, 30, 10));
	in_child(meet_ranges);
	said_ok("split", lock(fd, F_SETLK, F_UNLCK, 14, 2));
	in_child(meet_ranges);
	said_ok("join", lock(fd, F_SETLK, F_WRLCK, 0, 100));
	in_child(meet_ranges);
	said_ok("lower", lock(fd, F_SETLK, F_RDLCK, 0, 100));
	in_child(meet_ranges);
	said_ok("none", lock(fd, F_SETLK, F_UNLCK, 0, 0));
	in_child(meet_ranges);
	said_ok("of a reader", lock(open("f", O_RDONLY), F_SETLK, F_WRLCK, 0, 1));
	said_ok("of a writer", lock(open("f", O_WRONLY), F_SETLK, F_RDLCK, 0, 1));
	said_ok("negative", lock(fd, F_SETLK, F_WRLCK, -1, 1));
	said_ok("negative length", lock(fd, F_SETLK, F_WRLCK, 10, -5));
	in_child(meet_ranges);
}

static void meet_kept(void)
{
	int fd = open("f", O_RDWR);
	pid_t parent = getppid();

	for (off_t at = 0; at < 80; at += 10)
		say_holder(fd, F_GETLK, F_WRLCK, at, 10, parent);
	say_holder(fd, F_GETLK, F_RDLCK, 0, 0, parent);
	say_holder(fd, F_GETLK, F_WRLCK, 1000, 0, parent);
}

static void meet_a_reader(void)
{
	said_ok("write over two readers", lock(open("f", O_RDWR), F_SETLK, F_WRLCK, 0, 10));
}

/* What is locked to read stays so when something is locked to write for the first time, as SQLite
 * does. */
static void keep_what_is_read(void)
{
	int pipes[2];
	char byte;
	int fd;
	pid_t pid;

	put("f", "x");
	fd = open("f", O_RDONLY);
	said_ok("first", lock(fd, F_SETLK, F_RDLCK, 0, 10));
	said_ok("second", lock(fd, F_SETLK, F_RDLCK, 20, 10));
	said_ok("a part", lock(fd, F_SETLK, F_UNLCK, 25, 1));
	said_ok("to the end", lock(fd, F_SETLK, F_RDLCK, 1000, 0));
	in_child(meet_kept);
	(void)pipe(pipes);
	pid = fork();
	if (pid == 0) {
		int own = open("f", O_RDWR);

		said_ok("another reader", lock(own, F_SETLK, F_RDLCK, 0, 10));
		said_ok("who cannot write", lock(own, F_SETLK, F_WRLCK, 0, 5));
		(void)write(pipes[1], "x", 1);
		pause();
	}
	(void)read(pipes[0], &byte, 1);
	fd = open("f", O_RDWR);
	said_ok("to write what another reads", lock(fd, F_SETLK, F_WRLCK, 0, 10));
	in_child(meet_a_reader);
	said_ok("to write what nobody reads", lock(fd, F_SETLK, F_WRLCK, 40, 10));
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	in_child(meet_kept);
	said_ok("to write what it reads", lock(fd, F_SETLK, F_WRLCK, 0, 10));
	in_child(meet_kept);
}

static void meet_lock(void)
{
	said_ok("another process", lock(open("f", O_RDWR), F_SETLK, F_WRLCK, 0, 0));
}

static void drop_with_close(void)
{
	int fd, second;

	put("f", "x");
	fd = open("f", O_RDWR);
	second = dup(open("f", O_RDWR));
	said_ok("lock", lock(fd, F_SETLK, F_WRLCK, 0, 0));
	in_child(meet_lock);
	close(second);
	in_child(meet_lock);
	said_ok("lock", lock(fd, F_SETLK, F_WRLCK, 0, 0));
	close(fd);
	in_child(meet_lock);
	fd = open("f", O_RDWR);
	said_ok("description lock", lock(fd, F_OFD_SETLK, F_WRLCK, 0, 0));
	close(open("f", O_RDWR));
	in_child(meet_lock);
	second = dup(fd);
	close(fd);
	in_child(meet_lock);
	close(second);
	in_child(meet_lock);
}

/* With one of those that have the file open, whatever it is open for. */
static void drop_with_one_close(void)
{
	static const int modes[] = {O_RDONLY, O_RDWR};

	put("f", "x");
	for (size_t i = 0; i < COUNT(modes); i++) {
		int first = open("f", modes[i]);
		int second = open("f", modes[i]);

		said_ok("first", flock(first, LOCK_EX | LOCK_NB));
		said_ok("second", flock(second, LOCK_EX | LOCK_NB));
		close(first);
		said_ok("second then", flock(second, LOCK_EX | LOCK_NB));
		first = open("f", modes[i]);
		said_ok("description", lock(first, F_OFD_SETLK, F_RDLCK, 0, 0));
		in_child(meet_lock);
		close(first);
		in_child(meet_lock);
		close(second);
	}
}

static void lock_and_end(void)
{
	said_ok("child", lock(open("f", O_RDWR), F_SETLK, F_WRLCK, 0, 0));
	said_ok("child", flock(open("g", O_RDWR), LOCK_EX | LOCK_NB));
}

static void drop_with_the_process(void)
{
	int f, g;

	put("f", "x");
	put("g", "x");
	f = open("f", O_RDWR);
	g = open("g", O_RDWR);
	in_child(lock_and_end);
	said_ok("after it", lock(f, F_SETLK, F_WRLCK, 0, 0));
	said_ok("after it", flock(g, LOCK_EX | LOCK_NB));
}

static void inherit(void)
{
	int fd, other;
	pid_t pid;

	put("f", "x");
	fd = open("f", O_RDWR);
	said_ok("flock", flock(fd, LOCK_EX));
	pid = fork();
	if (pid == 0) {
		said_ok("the same description", flock(fd, LOCK_EX | LOCK_NB));
		other = open("f", O_RDWR);
		said_ok("another", flock(other, LOCK_SH | LOCK_NB));
		said_ok("unlock for both", flock(fd, LOCK_UN));
		said_ok("another", flock(other, LOCK_SH | LOCK_NB));
		_exit(0);
	}
	waitpid(pid, NULL, 0);
	said_ok("again", flock(fd, LOCK_EX | LOCK_NB));
	said_ok("POSIX beside flock", lock(fd, F_SETLK, F_WRLCK, 0, 0));
	said_ok("description lock beside", lock(fd, F_OFD_SETLK, F_WRLCK, 0, 0));
	said_ok("OFD with a pid",
		fcntl(fd, F_OFD_SETLK, &(struct flock){.l_type = F_WRLCK, .l_pid = 1}));
}

/* Apart, for a lock that is shared beyond the view has no process for the kernel. */
static void tell_descriptions(void)
{
	int fd, other;

	put("f", "x");
	fd = open("f", O_RDWR);
	other = open("f", O_RDWR);
	said_ok("lock", lock(fd, F_SETLK, F_WRLCK, 0, 0));
	say_holder(other, F_OFD_GETLK, F_WRLCK, 0, 0, getpid());
}

static void nothing(int signal)
{
}

/* Whoever waits for a lock gets it when it is free, or EINTR. */
static void wait_for_locks(void)
{
	static const struct timespec moment = {0, 50000000};
	int fd, pipes[2];
	char byte = 0;
	pid_t pid;

	put("f", "x");
	fd = open("f", O_RDWR);
	if (pipe2(pipes, O_CLOEXEC) < 0)
		return;
	said_ok("lock", lock(fd, F_SETLK, F_WRLCK, 0, 0));
	said_ok("flock", flock(fd, LOCK_EX));
	pid = fork();
	if (pid == 0) {
		int own = open("f", O_RDWR);
		struct sigaction action = {.sa_handler = nothing};

		(void)sigaction(SIGALRM, &action, NULL);
		(void)ualarm(50000, 0);
		said_ok("interrupted", lock(own, F_SETLKW, F_WRLCK, 0, 0));
		(void)ualarm(50000, 0);
		said_ok("flock interrupted", flock(own, LOCK_EX));
		(void)write(pipes[1], "x", 1);
		said_ok("waited", lock(own, F_SETLKW, F_WRLCK, 0, 0));
		said_ok("waited for flock", flock(own, LOCK_EX));
		_exit(0);
	}
	(void)read(pipes[0], &byte, 1);
	nanosleep(&moment, NULL);
	(void)lock(fd, F_SETLK, F_UNLCK, 0, 0);
	nanosleep(&moment, NULL);
	(void)flock(fd, LOCK_UN);
	waitpid(pid, NULL, 0);
}

static void count_under_lock(void)
{
	int fd = open("n", O_RDWR);
	char text[16] = "";

	for (int i = 0; i < 50; i++) {
		(void)lock(fd, F_SETLKW, F_WRLCK, 0, 0);
		(void)pread(fd, text, sizeof(text) - 1, 0);
		(void)snprintf(text, sizeof(text), "%06d", (int)strtol(text, NULL, 10) + 1);
		(void)pwrite(fd, text, 6, 0);
		(void)lock(fd, F_SETLK, F_UNLCK, 0, 0);
	}
}

static void exclude_each_other(void)
{
	pid_t pids[4];

	put("n", "000000");
	for (size_t i = 0; i < COUNT(pids); i++) {
		pids[i] = fork();
		if (pids[i] == 0) {
			count_under_lock();
			_exit(0);
		}
	}
	for (size_t i = 0; i < COUNT(pids); i++)
		waitpid(pids[i], NULL, 0);
	say_content("n");
}

const struct compare_case cases_locks[] = {
	{"ranges of locks are split and joined", split_and_join},
	{"what is locked to read stays so with a lock to write", keep_what_is_read},
	{"locks end with a close as their kind does", drop_with_close},
	{"locks end with the close of one of two open files", drop_with_one_close},
	{"locks end with the process", drop_with_the_process},
	{"kinds of locks do not meet", inherit},
	{"open files are told who holds a lock", tell_descriptions},
	{"locks are waited for", wait_for_locks},
	{"processes exclude each other", exclude_each_other},
	{NULL, NULL},
};
