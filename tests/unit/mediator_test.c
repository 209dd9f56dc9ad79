/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The mediator's logic that needs no container: run files, processes, the judge. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "journal/run-file.h"
#include "mediator/cgroup.h"
#include "mediator/end.h"
#include "mediator/filter.h"
#include "mediator/loop.h"
#include "mediator/talk.h"
#include "mediator/volumes.h"
#include "mediator/seen.h"
#include "mediator/watch.h"
#include "policy/native.h"
#include "process/nearness.h"
#include "process/process.h"
#include "wrap/native.h"
#include "wrap/socket-search.h"

static char scratch[] = "/tmp/husk-mediator-test-XXXXXX";
static int scratch_fd = -1;

static int make_scratch(void **state)
{
	(void)state;
	if (!mkdtemp(scratch))
		return -1;
	scratch_fd = open(scratch, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return scratch_fd < 0 ? -1 : 0;
}

static int remove_scratch(void **state)
{
	(void)state;
	close(scratch_fd);
	return remove_tree_at(AT_FDCWD, scratch);
}

/* ---- volumes ---- */

static void directories_of_the_host_are_shared(void **state)
{
	static const struct {
		struct oci_mount mount;
		bool shared;
	} cases[] = {
		{{"/data", "bind", "/tmp", false}, true},
		{{"/data", NULL, "/tmp", false}, true},
		{{"/data", "none", ".", false}, true},
		{{"/data", "bind", "dir", false}, true},
		{{"/data", "bind", "missing", false}, false},
		{{"/etc/hosts", "bind", "/etc/passwd", false}, false},
		{{"/data", "tmpfs", "/tmp", false}, false},
		{{"/dev/shm", "bind", "/tmp", false}, false},
		{{"/device", "bind", "/tmp", false}, true},
		{{"/proc", "proc", "proc", false}, false},
		{{"/data", "bind", NULL, false}, false},
	};

	(void)state;
	assert_int_equal(mkdirat(scratch_fd, "dir", 0700), 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct oci_mount mount = cases[i].mount;
		struct oci_spec spec = {.mounts = &mount, .n_mounts = 1};

		if (volumes_are_shared(&spec, scratch) != cases[i].shared)
			fail_msg("case %zu", i);
	}
	assert_false(volumes_are_shared(&(struct oci_spec){0}, scratch));
}

/* ---- sockets in volumes ---- */

static bool search_below(const char *name)
{
	char top[128];

	snprintf(top, sizeof(top), "%s/%.64s", scratch, name);
	return socket_search(top);
}

/* Makes the directory `path` and all above it. */
static void make_path(const char *path)
{
	char part[PATH_MAX];

	for (const char *at = strchr(path, '/');; at = strchr(at + 1, '/')) {
		snprintf(part, sizeof(part), "%.*s", at ? (int)(at - path) : PATH_MAX - 1, path);
		assert_true(mkdirat(scratch_fd, part, 0700) == 0 || errno == EEXIST);
		if (!at)
			break;
	}
}

static void a_socket_is_found_however_deep_within_limits(void **state)
{
	static const struct {
		const char *directory;
		mode_t type;
		bool found;
	} cases[] = {
		{"empty", 0, false},
		{"file", S_IFREG, false},
		{"top", S_IFSOCK, true},
		{"fifo", S_IFIFO, true},
		{"run/systemd/journal", S_IFSOCK, true},
		{"deep/1/2/3/4/5/6/7/8", S_IFSOCK, true},
		{"deeper/1/2/3/4/5/6/7/8/9", S_IFSOCK, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char path[128], top[64];

		make_path(cases[i].directory);
		snprintf(path, sizeof(path), "%s/x", cases[i].directory);
		if (cases[i].type)
			assert_int_equal(mknodat(scratch_fd, path, cases[i].type | 0600, 0), 0);
		snprintf(top, sizeof(top), "%.*s", (int)strcspn(cases[i].directory, "/"),
			 cases[i].directory);
		if (search_below(top) != cases[i].found)
			fail_msg("%s", cases[i].directory);
	}
	/* deeper than what the end of the tests removes */
	assert_int_equal(remove_tree_at(scratch_fd, "deep/1/2"), 0);
	assert_int_equal(remove_tree_at(scratch_fd, "deeper/1/2"), 0);
	assert_false(search_below("missing"));
	assert_int_equal(symlinkat("../run", scratch_fd, "empty/link"), 0);
	assert_false(search_below("empty"));
}

static void a_search_for_sockets_ends(void **state)
{
	(void)state;
	make_path("many/0/0");
	assert_int_equal(mknodat(scratch_fd, "many/0/0/x", S_IFSOCK | 0600, 0), 0);
	assert_true(search_below("many"));
	for (int i = 0; i < SOCKET_SEARCH_NAMES_MAX; i++) {
		char path[64];

		snprintf(path, sizeof(path), "many/f%d", i);
		assert_int_equal(mknodat(scratch_fd, path, S_IFREG | 0600, 0), 0);
	}
	assert_false(search_below("many"));
	for (int i = 0; i < SOCKET_SEARCH_NAMES_MAX; i++) {
		char path[64];

		snprintf(path, sizeof(path), "dirs/%d", i);
		make_path(path);
	}
	assert_false(search_below("dirs"));
}

/* ---- run files ---- */

static void run_keys_are_file_names_and_differ(void **state)
{
	char long_id[600];
	char first[RUN_KEY_ROOM], second[RUN_KEY_ROOM];

	(void)state;
	memset(long_id, 'x', sizeof(long_id) - 1);
	long_id[sizeof(long_id) - 1] = '\0';
	run_key("same", "/a", first);
	run_key("same", "/b", second);
	assert_string_not_equal(first, second);
	run_key("..", "/a", first);
	assert_int_not_equal(first[0], '.');
	run_key(long_id, "/a", first);
	assert_true(strlen(first) < RUN_KEY_ROOM);
	assert_null(strchr(first, '/'));
}

static void a_live_run_file_is_not_taken_a_stale_one_is(void **state)
{
	char id[JOURNAL_ID_ROOM], found[JOURNAL_ID_ROOM];
	struct error err = ERROR_INIT;
	int fd, other;

	(void)state;
	assert_int_equal(run_id_make(id), 0);
	assert_int_equal(strlen(id), JOURNAL_ID_ROOM - 1);
	fd = run_file_claim(scratch_fd, "claim", id, &err);
	assert_true(fd >= 0);
	assert_int_equal(run_file_claim(scratch_fd, "claim", id, &err), -EEXIST);
	assert_int_equal(run_file_wait(scratch_fd, "claim", 0, found), -ETIMEDOUT);
	assert_int_equal(run_file_wait(scratch_fd, "claim", 20, found), -ETIMEDOUT);
	close(fd);
	fd = run_file_wait(scratch_fd, "claim", 1000, found);
	assert_true(fd >= 0);
	close(fd);
	assert_string_equal(found, id);
	other = run_file_claim(scratch_fd, "claim", id, &err);
	assert_true(other >= 0);
	close(other);
	assert_int_equal(unlinkat(scratch_fd, "claim", 0), 0);
	assert_int_equal(run_file_wait(scratch_fd, "claim", 0, found), -ENOENT);
}

static void a_run_that_was_merged_is_waited_for_no_more(void **state)
{
	char id[JOURNAL_ID_ROOM], found[JOURNAL_ID_ROOM];
	struct error err = ERROR_INIT;
	int fd;

	(void)state;
	assert_int_equal(run_id_make(id), 0);
	fd = run_file_claim(scratch_fd, "merged", id, &err);
	assert_true(fd >= 0);
	assert_int_equal(run_file_mark_merged(fd), 0);
	assert_int_equal(run_file_wait(scratch_fd, "merged", 0, found), -ETIMEDOUT);
	close(fd);
	assert_int_equal(run_file_wait(scratch_fd, "merged", 0, found), -ENOENT);
	assert_int_equal(faccessat(scratch_fd, "merged", F_OK, 0), -1);
	/* a container of the same id begins */
	fd = run_file_claim(scratch_fd, "merged", id, &err);
	assert_true(fd >= 0);
	assert_int_equal(run_file_mark_merged(fd), 0);
	close(fd);
	fd = run_file_claim(scratch_fd, "merged", id, &err);
	assert_true(fd >= 0);
	close(fd);
	fd = run_file_wait(scratch_fd, "merged", 0, found);
	assert_true(fd >= 0);
	close(fd);
	assert_string_equal(found, id);
}

static void waiting_has_a_limit_where_signals_are_blocked(void **state)
{
	char id[JOURNAL_ID_ROOM], found[JOURNAL_ID_ROOM];
	struct error err = ERROR_INIT;
	sigset_t blocked, before, after;
	int fd, r;

	(void)state;
	assert_int_equal(run_id_make(id), 0);
	fd = run_file_claim(scratch_fd, "blocked", id, &err);
	assert_true(fd >= 0);
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGALRM);
	sigprocmask(SIG_BLOCK, &blocked, &before);
	r = run_file_wait(scratch_fd, "blocked", 20, found);
	sigprocmask(SIG_SETMASK, &before, &after);
	assert_int_equal(r, -ETIMEDOUT);
	assert_int_equal(sigismember(&after, SIGALRM), 1);
	close(fd);
	assert_int_equal(unlinkat(scratch_fd, "blocked", 0), 0);
}

static void a_run_file_that_is_about_to_be_free_is_taken(void **state)
{
	char id[JOURNAL_ID_ROOM], other[JOURNAL_ID_ROOM], found[JOURNAL_ID_ROOM];
	struct error err = ERROR_INIT;
	int fd, status;
	pid_t child;

	(void)state;
	assert_int_equal(run_id_make(id), 0);
	assert_int_equal(run_id_make(other), 0);
	fd = run_file_claim(scratch_fd, "about", id, &err);
	assert_true(fd >= 0);
	child = fork();
	if (child == 0) {
		struct timespec moment = {.tv_nsec = 20000000};

		/* who stands by, at the end of a run */
		nanosleep(&moment, NULL);
		run_file_mark_merged(fd);
		_exit(0);
	}
	close(fd);
	fd = run_file_claim(scratch_fd, "about", other, &err);
	assert_true(fd >= 0);
	close(fd);
	fd = run_file_wait(scratch_fd, "about", 0, found);
	assert_true(fd >= 0);
	close(fd);
	assert_string_equal(found, other);
	assert_int_equal(unlinkat(scratch_fd, "about", 0), 0);
	waitpid(child, &status, 0);
	assert_int_equal(status, 0);
}

static void word_that_cannot_be_left_leaves_the_run_to_poststop(void **state)
{
	struct rlimit limit, none;
	char id[JOURNAL_ID_ROOM], found[JOURNAL_ID_ROOM];
	struct error err = ERROR_INIT;
	int fd, r;

	(void)state;
	assert_int_equal(run_id_make(id), 0);
	fd = run_file_claim(scratch_fd, "no-room", id, &err);
	assert_true(fd >= 0);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	none = (struct rlimit){.rlim_cur = 0, .rlim_max = limit.rlim_max};
	signal(SIGXFSZ, SIG_IGN);
	setrlimit(RLIMIT_FSIZE, &none);
	r = run_file_mark_merged(fd);
	setrlimit(RLIMIT_FSIZE, &limit);
	signal(SIGXFSZ, SIG_DFL);
	assert_int_equal(r, -EFBIG);
	close(fd);
	fd = run_file_wait(scratch_fd, "no-room", 0, found);
	assert_true(fd >= 0);
	assert_string_equal(found, id);
	close(fd);
	assert_int_equal(unlinkat(scratch_fd, "no-room", 0), 0);
}

/* In the place of the C library's: between the opening of a run file and its lock, the file is
 * removed, and another container has its name. */
static const char *overtake_key;

int flock(int fd, int operation)
{
	const char *key = overtake_key;

	if (key) {
		overtake_key = NULL;
		unlinkat(scratch_fd, key, 0);
		close(openat(scratch_fd, key, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
	}
	return (int)syscall(SYS_flock, fd, operation);
}

static void a_run_file_of_another_run_is_not_removed_for_an_old_one(void **state)
{
	static const struct timespec old[2] = {{.tv_sec = 1}, {.tv_sec = 1}};
	cleanup_close int fd = openat(scratch_fd, "swept", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(futimens(fd, old), 0);
	overtake_key = "swept";
	run_file_sweep(scratch_fd, scratch_fd);
	assert_null(overtake_key);
	assert_int_equal(unlinkat(scratch_fd, "swept", 0), 0);
}

static void waiting_ends_when_the_holder_removes_the_file(void **state)
{
	char id[JOURNAL_ID_ROOM], found[JOURNAL_ID_ROOM];
	struct error err = ERROR_INIT;
	int fd, status;
	pid_t child;

	(void)state;
	assert_int_equal(run_id_make(id), 0);
	fd = run_file_claim(scratch_fd, "wait", id, &err);
	assert_true(fd >= 0);
	child = fork();
	if (child == 0) {
		struct timespec moment = {.tv_nsec = 50000000};

		nanosleep(&moment, NULL);
		unlinkat(scratch_fd, "wait", 0);
		_exit(0);
	}
	close(fd);
	assert_int_equal(run_file_wait(scratch_fd, "wait", 10000, found), -ENOENT);
	waitpid(child, &status, 0);
	assert_int_equal(status, 0);
}

/* ---- processes ---- */

static void a_program_is_found_by_its_process(void **state)
{
	cleanup_close int proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	char expected[PATH_MAX] = "", found[PATH_MAX];
	struct stat self;

	(void)state;
	assert_true(readlink("/proc/self/exe", expected, sizeof(expected) - 1) > 0);
	assert_int_equal(stat("/proc/self/exe", &self), 0);
	process_program(proc, getpid(), self.st_dev, found);
	assert_string_equal(found, expected);
	process_program(proc, getpid(), self.st_dev + 1, found);
	assert_int_equal(strncmp(found, PROCESS_OUTSIDE, strlen(PROCESS_OUTSIDE)), 0);
	assert_string_equal(found + strlen(PROCESS_OUTSIDE), expected);
	process_program(proc, INT_MAX, self.st_dev, found);
	assert_string_equal(found, PROCESS_UNKNOWN);
	assert_int_equal(process_thread_group(proc, getpid()), getpid());
	assert_int_equal(process_thread_group(proc, INT_MAX), -1);
	assert_false(process_leads_namespace(proc, getpid()));
	assert_false(process_leads_namespace(proc, 1));
	assert_false(process_is_foreign(proc, getpid(), getpid()));
	assert_false(process_is_foreign(proc, INT_MAX, getpid()));
	assert_true(process_descends(proc, getpid(), getpid()));
	assert_true(process_descends(proc, getpid(), getppid()));
	assert_false(process_descends(proc, getppid(), getpid()));
	assert_false(process_descends(proc, INT_MAX, getpid()));
}

/* On that processor alone, which is nobody else's business. */
static void go_to_processor(int processor)
{
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(processor, &one);
	assert_int_equal(sched_setaffinity(0, sizeof(one), &one), 0);
}

/* The first and the last processor that this process may be on: one, where there are no more. */
static void find_processors(const cpu_set_t *allowed, int *ret_first, int *ret_last)
{
	*ret_first = -1;
	for (int i = 0; i < CPU_SETSIZE; i++) {
		if (!CPU_ISSET(i, allowed))
			continue;
		if (*ret_first < 0)
			*ret_first = i;
		*ret_last = i;
	}
}

/* A child that stays on the processor, under a name that looks like what follows one. */
static pid_t start_on(int processor)
{
	int ready[2];
	pid_t child;
	char byte;

	assert_int_equal(pipe(ready), 0);
	child = fork();
	if (child == 0) {
		prctl(PR_SET_NAME, "a) R 1 2 (b");
		go_to_processor(processor);
		(void)!write(ready[1], "", 1);
		for (;;)
			pause();
	}
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	close(ready[1]);
	return child;
}

static void who_asks_is_followed_to_its_processor(void **state)
{
	cleanup_close int proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct nearness nearness;
	cpu_set_t allowed, after;
	int here = -1, there = -1;
	bool followed = false;
	pid_t child;

	(void)state;
	assert_int_equal(sched_getaffinity(0, sizeof(allowed), &allowed), 0);
	find_processors(&allowed, &here, &there);
	child = start_on(there);
	assert_int_equal(process_processor(proc, child), there);
	assert_int_equal(process_processor(proc, INT_MAX), -1);

	/* who may go nowhere stays, and may go nowhere afterwards */
	go_to_processor(here);
	nearness_open(&nearness, proc);
	nearness_follow(&nearness, child);
	assert_int_equal(sched_getcpu(), here);

	/* the kernel may move this process at any moment, so one of many times will do */
	for (int i = 0; i < 100 && !followed; i++) {
		go_to_processor(here);
		assert_int_equal(sched_setaffinity(0, sizeof(allowed), &allowed), 0);
		nearness_open(&nearness, proc);
		nearness_follow(&nearness, 0);
		assert_int_equal(nearness.look_at_ns, 0);
		nearness_follow(&nearness, child);
		followed = sched_getcpu() == there;
	}
	assert_true(followed);
	assert_int_equal(sched_getaffinity(0, sizeof(after), &after), 0);
	assert_true(CPU_EQUAL(&allowed, &after));
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
}

/* PIDFD_INFO_EXIT came with Linux 6.15. */
static bool kernel_tells_the_end(void)
{
	struct utsname name;
	unsigned int major = 0, minor = 0;

	assert_int_equal(uname(&name), 0);
	assert_int_equal(sscanf(name.release, "%u.%u", &major, &minor), 2);
	return major > 6 || (major == 6 && minor >= 15);
}

static const struct {
	int status, signal;
} ends[] = {{0, 0}, {7, 0}, {0, SIGKILL}, {0, SIGTERM}};

static void assert_end(const struct journal_end *end, int status, int sent)
{
	assert_int_equal(end->outcome, sent ? OUTCOME_KILLED : OUTCOME_EXITED);
	assert_int_equal(end->status, sent ? sent : status);
}

static void the_end_of_a_process_is_its_status_or_is_unknown(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		struct journal_end end;
		pid_t pid = fork();
		int pidfd;

		if (pid == 0) {
			if (ends[i].signal)
				kill(getpid(), ends[i].signal);
			_exit(ends[i].status);
		}
		pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
		waitpid(pid, NULL, 0);
		end = process_end(pidfd, 1000);
		close(pidfd);
		if (kernel_tells_the_end())
			assert_end(&end, ends[i].status, ends[i].signal);
		else
			assert_int_equal(end.outcome, OUTCOME_UNKNOWN);
	}
}

static int directory_of(pid_t pid)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d", (int)pid);
	fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	assert_true(fd >= 0);
	return fd;
}

static void the_end_is_certain_before_the_parent_knows(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		struct journal_end end;
		siginfo_t info;
		int go[2], dir;
		pid_t pid;
		char byte;

		assert_int_equal(pipe(go), 0);
		pid = fork();
		if (pid == 0) {
			close(go[1]);
			while (read(go[0], &byte, 1) > 0)
				;
			if (ends[i].signal)
				kill(getpid(), ends[i].signal);
			_exit(ends[i].status);
		}
		close(go[0]);
		dir = directory_of(pid);
		assert_int_equal(process_ending(dir).outcome, OUTCOME_UNKNOWN);
		close(go[1]);
		assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
		end = process_ending(dir);
		assert_end(&end, ends[i].status, ends[i].signal);
		waitpid(pid, NULL, 0);
		assert_int_equal(process_ending(dir).outcome, OUTCOME_UNKNOWN);
		close(dir);
	}
}

static void *linger(void *pipe_end)
{
	char byte;

	while (read(*(int *)pipe_end, &byte, 1) > 0)
		;
	return NULL;
}

/* Its status is that of the thread, and nothing says yet how the process will end. */
static void a_first_thread_that_ended_is_no_end(void **state)
{
	char byte;
	int go[2], tell[2], dir;
	pid_t pid;

	(void)state;
	assert_int_equal(pipe(go), 0);
	assert_int_equal(pipe(tell), 0);
	pid = fork();
	if (pid == 0) {
		pthread_t thread;

		close(go[1]);
		if (pthread_create(&thread, NULL, linger, &go[0]) != 0 ||
		    write(tell[1], "", 1) != 1)
			_exit(1);
		syscall(SYS_exit, 3);
	}
	close(go[0]);
	assert_int_equal(read(tell[0], &byte, 1), 1);
	dir = directory_of(pid);
	for (int i = 0; i < 100; i++) {
		assert_int_equal(process_ending(dir).outcome, OUTCOME_UNKNOWN);
		usleep(1000);
	}
	close(go[1]);
	waitpid(pid, NULL, 0);
	close(dir);
	close(tell[0]);
	close(tell[1]);
}

/* Who may not know the status is told 0 by the kernel. */
static void an_end_that_may_not_be_read_is_unknown(void **state)
{
	siginfo_t info;
	pid_t pid = fork(), reader;
	int dir, status;

	(void)state;
	if (pid == 0)
		_exit(7);
	dir = directory_of(pid);
	assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
	reader = fork();
	if (reader == 0) {
		if (setgid(65534) < 0 || setuid(65534) < 0)
			_exit(99);
		_exit((int)process_ending(dir).outcome);
	}
	waitpid(reader, &status, 0);
	assert_int_equal(WEXITSTATUS(status), OUTCOME_UNKNOWN);
	waitpid(pid, NULL, 0);
	close(dir);
}

static void an_unknown_end_before_the_program_began_is_no_success(void **state)
{
	static const struct {
		enum outcome known;
		bool started;
		enum outcome seen;
	} table[] = {
		{OUTCOME_UNKNOWN, true, OUTCOME_UNKNOWN},
		{OUTCOME_UNKNOWN, false, OUTCOME_NEVER_RAN},
		{OUTCOME_EXITED, false, OUTCOME_EXITED},
		{OUTCOME_KILLED, false, OUTCOME_KILLED},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct journal_end end = {.outcome = table[i].known, .status = 9, .ended_ns = 5};

		end = end_seen(end, table[i].started);
		assert_int_equal(end.outcome, table[i].seen);
		assert_true(end.status == 9 && end.ended_ns == 5);
	}
}

static void a_group_tells_that_it_was_out_of_memory(void **state)
{
	static const struct {
		const char *text;
		bool was_out;
	} table[] = {
		{"low 0\nhigh 0\nmax 7\noom 1\noom_kill 1\noom_group_kill 0\n", true},
		{"low 0\nhigh 0\nmax 7\noom 0\noom_kill 12\n", true},
		{"low 0\nhigh 0\nmax 7\noom 1\noom_kill 0\noom_group_kill 3\n", false},
		/* version 1 */
		{"oom_kill_disable 1\nunder_oom 1\noom_kill 0\n", false},
		{"oom_kill_disable 0\nunder_oom 0\noom_kill 2\n", true},
		{"oom_kill_disable 1\nunder_oom 1\n", false},
		{"", false},
		{"oom_kill", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		cleanup_close int fd = memfd_create("events", MFD_CLOEXEC);

		assert_true(fd >= 0);
		assert_int_equal(write(fd, table[i].text, strlen(table[i].text)),
				 strlen(table[i].text));
		assert_int_equal(cgroup_memory_was_out(fd), table[i].was_out);
		/* the same again: it is asked twice */
		assert_int_equal(cgroup_memory_was_out(fd), table[i].was_out);
	}
	assert_false(cgroup_memory_was_out(-1));
}

/* ---- the judge ---- */

struct court {
	struct watch *watch;
	struct journal *journal;
	struct event_sink *events;
	int proc;
};

static const enum mode learn[DOMAINS] = {MODE_LEARN, MODE_LEARN};
static const enum mode enforce[DOMAINS] = {MODE_ENFORCE, MODE_ENFORCE};

static void open_court(struct court *court, const char *name)
{
	struct journal_run run = {
		.function = "f", .revision = "r", .identified_by = "test", .container = "c"};
	struct watch_options options = {
		.init = 1, .function = "f", .revision = "r", .run = name, .container = "c"};
	struct error err = ERROR_INIT;
	char path[PATH_MAX];
	struct stat self;

	assert_int_equal(stat("/proc/self/exe", &self), 0);
	options.view = self.st_dev;
	assert_int_equal(run_id_make(run.id), 0);
	snprintf(path, sizeof(path), "%s/%s.events", scratch, name);
	assert_int_equal(journal_create(scratch_fd, name, &run, &court->journal, &err), 0);
	assert_int_equal(event_sink_open(path, 0, &court->events, &err), 0);
	court->proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	options.proc_fd = court->proc;
	options.journal = court->journal;
	options.events = court->events;
	assert_int_equal(watch_new(&options, &court->watch), 0);
}

/* Ends the run; returns how many behaviours its journal holds with that verdict. */
static int close_court(struct court *court, const char *name, enum verdict verdict)
{
	cleanup_journal_reader struct journal_reader *reader = NULL;
	struct journal_end end = {.outcome = OUTCOME_EXITED};
	struct journal_behaviour b;
	struct error err = ERROR_INIT;
	int count = 0;

	watch_free(court->watch);
	event_sink_free(court->events);
	close(court->proc);
	journal_close(court->journal, &end);
	assert_int_equal(journal_reader_open(scratch_fd, name, &reader, &err), 0);
	while (journal_reader_next(reader, &b) == 1)
		count += b.verdict == verdict;
	return count;
}

static int ask(struct court *court, enum access access, const char *path, uint64_t node)
{
	struct view_question question = {
		.access = access, .path = path, .pid = getpid(), .node = node};

	return watch_judge(court->watch, &question);
}

static void what_repeats_is_recorded_once(void **state)
{
	struct court court;

	(void)state;
	open_court(&court, "once");
	watch_use(court.watch, NULL, learn);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(ask(&court, ACCESS_READ, "/data/a", 5), 0);
		assert_int_equal(ask(&court, ACCESS_WRITE, "/data/a", 5), 0);
		/* one widened key */
		assert_int_equal(ask(&court, ACCESS_READ, "/data/part-000001", 6 + (uint64_t)i), 0);
		assert_int_equal(ask(&court, ACCESS_READ, "/data/part-000002", 9 + (uint64_t)i), 0);
	}
	assert_int_equal(close_court(&court, "once", VERDICT_NOVEL), 3);
}

/* What an engine executes into a container may ask first. */
static void only_the_containers_own_programs_show_that_it_has_started(void **state)
{
	struct view_question question = {
		.access = ACCESS_READ, .path = "/data/a", .pid = getpid(), .node = 5};
	struct watch_options options = {.init = getppid(), .function = "f"};
	cleanup_close int proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct watch *watch;

	(void)state;
	options.proc_fd = proc;
	assert_int_equal(watch_new(&options, &watch), 0);
	watch_use(watch, NULL, learn);
	question.pid = 1;
	assert_int_equal(watch_judge(watch, &question), 0);
	assert_false(watch_started(watch));
	question.pid = getpid(); /* a child of the first process */
	assert_int_equal(watch_judge(watch, &question), 0);
	assert_true(watch_started(watch));
	watch_free(watch);
}

static void a_path_longer_than_any_key_is_judged_all_the_same(void **state)
{
	size_t len = 60000;
	cleanup_free char *path = malloc(len + 1);
	struct court court;

	(void)state;
	memset(path, 'a', len);
	for (size_t i = 0; i < len; i += 200)
		path[i] = '/';
	path[len] = '\0';
	open_court(&court, "long");
	watch_use(court.watch, NULL, learn);
	assert_int_equal(ask(&court, ACCESS_EXEC, path, 5), 0);
	assert_int_equal(ask(&court, ACCESS_WRITE, path, 5), 0);
	assert_int_equal(close_court(&court, "long", VERDICT_NOVEL), 2);
}

/* A policy that allows these, and denies that one where it is not NULL. Its bytes are freed after
 * it. */
static struct policy_image *image_of(const struct behaviour *allowed, size_t count,
				     const struct behaviour *denied, void **ret_bytes)
{
	struct policy_info info = {.function = "f", .revision = "r", .serial = 1};
	struct policy_builder *builder = policy_builder_new();
	struct policy_image *image = NULL;
	struct error err = ERROR_INIT;
	size_t len;

	for (size_t i = 0; i < count; i++)
		assert_int_equal(policy_builder_add(builder, &allowed[i], POLICY_ALLOWED), 0);
	if (denied)
		assert_int_equal(policy_builder_add(builder, denied, POLICY_DENIED), 0);
	assert_int_equal(policy_builder_finish(builder, &info, ret_bytes, &len), 0);
	policy_builder_free(builder);
	assert_int_equal(policy_image_check(*ret_bytes, len, &image, &err), 0);
	return image;
}

static void a_name_that_changes_is_judged_again(void **state)
{
	cleanup_policy_image struct policy_image *image = NULL;
	char program[PATH_MAX] = "";
	struct behaviour allowed = {DOMAIN_FS, ACCESS_READ, program, "/data/a", 0};
	cleanup_free void *bytes = NULL;
	struct court court;

	(void)state;
	assert_true(readlink("/proc/self/exe", program, sizeof(program) - 1) > 0);
	image = image_of(&allowed, 1, NULL, &bytes);
	open_court(&court, "renamed");
	watch_use(court.watch, image, enforce);
	assert_int_equal(ask(&court, ACCESS_READ, "/data/a", 5), 0);
	assert_int_equal(ask(&court, ACCESS_READ, "/data/b", 5), -EACCES);
	assert_int_equal(ask(&court, ACCESS_READ, "/data/a", 5), 0);
	/* and another policy is asked again, whatever the cache holds */
	watch_use(court.watch, NULL, enforce);
	assert_int_equal(ask(&court, ACCESS_READ, "/data/a", 5), -EACCES);
	watch_use(court.watch, image, enforce);
	assert_int_equal(ask(&court, ACCESS_READ, "/data/a", 5), 0);
	assert_int_equal(close_court(&court, "renamed", VERDICT_DENIED), 2);
}

static void what_one_name_of_a_file_may_all_may(void **state)
{
	cleanup_policy_image struct policy_image *image = NULL;
	const char *const others[] = {"/data/x", "/data/a", NULL};
	const char *const strangers[] = {"/data/x", NULL};
	char program[PATH_MAX] = "";
	struct behaviour allowed = {DOMAIN_FS, ACCESS_READ, program, "/data/a", 0};
	struct view_question question = {
		.access = ACCESS_READ, .path = "/data/b", .pid = getpid(), .node = 7};
	cleanup_free void *bytes = NULL;
	struct court court;

	(void)state;
	assert_true(readlink("/proc/self/exe", program, sizeof(program) - 1) > 0);
	image = image_of(&allowed, 1, NULL, &bytes);
	open_court(&court, "names");
	watch_use(court.watch, image, enforce);
	question.others = strangers;
	assert_int_equal(watch_judge(court.watch, &question), -EACCES);
	question.node = 8;
	question.others = others;
	assert_int_equal(watch_judge(court.watch, &question), 0);
	question.access = ACCESS_WRITE;
	assert_int_equal(watch_judge(court.watch, &question), -EACCES);
	assert_int_equal(close_court(&court, "names", VERDICT_DENIED), 2);
}

static void a_generated_name_may_look_like_a_word(void **state)
{
	cleanup_policy_image struct policy_image *image = NULL;
	char own[PATH_MAX] = "";
	const struct behaviour learned[] = {
		{DOMAIN_FS, ACCESS_CREATE, own, "/tmp/x-{rand}", 0},
		{DOMAIN_FS, ACCESS_READ, own, "/tmp/x-{rand}/result", 0},
		{DOMAIN_FS, ACCESS_READ, own, "/tmp/{rand}/.ssh/id_rsa", 0},
	};
	const struct behaviour denied = {DOMAIN_FS, ACCESS_CREATE, own, "/tmp/x-secret", 0};
	cleanup_free void *bytes = NULL;
	struct court court;

	(void)state;
	assert_true(readlink("/proc/self/exe", own, sizeof(own) - 1) > 0);
	image = image_of(learned, sizeof(learned) / sizeof(learned[0]), &denied, &bytes);
	open_court(&court, "kin");
	watch_use(court.watch, image, enforce);
	assert_int_equal(ask(&court, ACCESS_CREATE, "/tmp/x-mhppjt", 5), 0);
	assert_int_equal(ask(&court, ACCESS_READ, "/tmp/x-mhppjt/result", 6), 0);
	/* not for another access, not past a denial by hand, and not where it stands for something
	 */
	assert_int_equal(ask(&court, ACCESS_LIST, "/tmp/x-mhppjt", 5), -EACCES);
	assert_int_equal(ask(&court, ACCESS_CREATE, "/tmp/x-secret", 7), -EACCES);
	assert_int_equal(ask(&court, ACCESS_READ, "/tmp/mhppjt/.ssh/id_rsa", 8), -EACCES);
	assert_int_equal(close_court(&court, "kin", VERDICT_DENIED), 3);
}

static void a_denial_of_one_kin_is_stronger(void **state)
{
	cleanup_policy_image struct policy_image *image = NULL;
	char own[PATH_MAX] = "";
	const struct behaviour allowed = {DOMAIN_FS, ACCESS_CREATE, own, "/tmp/mhppjt/{rand}", 0};
	const struct behaviour denied = {DOMAIN_FS, ACCESS_CREATE, own, "/tmp/{rand}/result", 0};
	cleanup_free void *bytes = NULL;
	struct court court;

	(void)state;
	assert_true(readlink("/proc/self/exe", own, sizeof(own) - 1) > 0);
	image = image_of(&allowed, 1, &denied, &bytes);
	open_court(&court, "denied-kin");
	watch_use(court.watch, image, enforce);
	assert_int_equal(ask(&court, ACCESS_CREATE, "/tmp/mhppjt/result", 5), -EACCES);
	assert_int_equal(ask(&court, ACCESS_CREATE, "/tmp/mhppjt/others", 6), 0);
	assert_int_equal(close_court(&court, "denied-kin", VERDICT_DENIED), 1);
}

static int ask_exec(struct court *court, const char *path, enum view_executable executable,
		    uint32_t opening)
{
	struct view_question question = {
		.access = ACCESS_EXEC,
		.path = path,
		.pid = getpid(),
		.executable = executable,
		.opening = opening,
	};

	return watch_judge(court->watch, &question);
}

static void an_interpreter_belongs_to_the_file_that_is_executed(void **state)
{
	char own[PATH_MAX] = "";
	const struct behaviour learned[] = {
		{DOMAIN_EXEC, ACCESS_EXEC, own, "/app/run", 0},
		{DOMAIN_EXEC, ACCESS_EXEC, "/app/run", "/usr/bin/dash", 0},
		{DOMAIN_EXEC, ACCESS_INTERPRET, "/usr/bin/dash", "/lib/ld.so", 0},
	};
	cleanup_policy_image struct policy_image *image = NULL;
	cleanup_free void *bytes = NULL;
	struct court court;

	(void)state;
	assert_true(readlink("/proc/self/exe", own, sizeof(own) - 1) > 0);
	image = image_of(learned, sizeof(learned) / sizeof(learned[0]), NULL, &bytes);
	open_court(&court, "interpreter");
	watch_use(court.watch, image, enforce);
	/* as the kernel does it */
	assert_int_equal(ask_exec(&court, "/app/run", VIEW_SCRIPT, 1), 0);
	assert_int_equal(ask_exec(&court, "/usr/bin/dash", VIEW_DYNAMIC, 2), 0);
	assert_int_equal(ask_exec(&court, "/lib/ld.so", VIEW_WHOLE, 3), 0);
	/* directly */
	assert_int_equal(ask_exec(&court, "/usr/bin/dash", VIEW_DYNAMIC, 4), -EACCES);
	assert_int_equal(ask_exec(&court, "/lib/ld.so", VIEW_WHOLE, 5), -EACCES);
	/* after an execve(2) that failed, such as with E2BIG, and closed its file */
	assert_int_equal(ask_exec(&court, "/app/run", VIEW_SCRIPT, 6), 0);
	watch_exec_closed(court.watch, 6);
	assert_int_equal(ask_exec(&court, "/usr/bin/dash", VIEW_DYNAMIC, 7), -EACCES);
	/* and after one whose thread went on to do something else */
	assert_int_equal(ask_exec(&court, "/app/run", VIEW_SCRIPT, 8), 0);
	ask(&court, ACCESS_READ, "/data/a", 5);
	assert_int_equal(ask_exec(&court, "/usr/bin/dash", VIEW_DYNAMIC, 9), -EACCES);
	assert_int_equal(close_court(&court, "interpreter", VERDICT_DENIED), 3);
}

static void a_flood_of_names_is_bounded_and_counted(void **state)
{
	cleanup_journal_reader struct journal_reader *reader = NULL;
	struct error err = ERROR_INIT;
	struct court court;
	char path[64];

	(void)state;
	open_court(&court, "flood");
	watch_use(court.watch, NULL, learn);
	for (unsigned int i = 0; i < SEEN_MAX + 100; i++) {
		snprintf(path, sizeof(path), "/data/x%uy", i % 100000);
		assert_int_equal(ask(&court, ACCESS_CREATE, path, i), 0);
	}
	assert_int_equal(close_court(&court, "flood", VERDICT_NOVEL), SEEN_MAX);
	assert_int_equal(journal_reader_open(scratch_fd, "flood", &reader, &err), 0);
	assert_int_equal(journal_reader_lost(reader, DOMAIN_FS), 100);
}

static void what_no_question_asked_is_judged_and_recorded(void **state)
{
	static const enum mode modes[DOMAINS] = {[DOMAIN_EXEC] = MODE_ENFORCE,
						 [DOMAIN_CAP] = MODE_LEARN,
						 [DOMAIN_NET] = MODE_ENFORCE};
	struct behaviour cap = {DOMAIN_CAP, ACCESS_NONE, "", "CAP_KILL", 0};
	struct behaviour net = {DOMAIN_NET, ACCESS_NONE, "", "tcp 192.0.2.1:80", 0};
	struct decision of_cap, of_net;
	struct court court;

	open_court(&court, "observed");
	watch_use(court.watch, NULL, modes);
	of_cap = watch_decide(court.watch, &cap);
	of_net = watch_decide(court.watch, &net);
	assert_true(of_cap.novel);
	assert_false(watch_tells(court.watch, &cap, of_cap)); /* nothing is known: all is new */
	assert_true(watch_tells(court.watch, &net, of_net));
	assert_int_equal(watch_observe(court.watch, &cap, of_cap, 0, NULL), VERDICT_NOVEL);
	assert_int_equal(watch_observe(court.watch, &cap, of_cap, 0, NULL), VERDICT_NOVEL);
	assert_int_equal(watch_observe(court.watch, &net, of_net, 0, NULL), VERDICT_DENIED);
	assert_false(watch_tells(court.watch, &net, of_net));
	assert_int_equal(close_court(&court, "observed", VERDICT_NOVEL), 1);
}

static void what_was_done_is_never_told_as_denied(void **state)
{
	static const enum mode enforced[DOMAINS] = {[DOMAIN_CAP] = MODE_ENFORCE};
	static const enum mode learned[DOMAINS] = {[DOMAIN_CAP] = MODE_LEARN};
	struct behaviour used = {DOMAIN_CAP, ACCESS_NONE, "", "CAP_KILL", 0};
	struct behaviour refused = {DOMAIN_CAP, ACCESS_NONE, "", "CAP_MKNOD", 0};
	struct court court;

	open_court(&court, "done");
	watch_use(court.watch, NULL, enforced);
	watch_happened(court.watch, &used, false, 0, "by 'x'");
	watch_happened(court.watch, &used, false, 0, "by 'y'");
	assert_int_equal(close_court(&court, "done", VERDICT_WOULD_DENY), 1);

	open_court(&court, "undone");
	watch_use(court.watch, NULL, learned);
	watch_happened(court.watch, &refused, true, 0, "by 'x'");
	watch_happened(court.watch, &used, false, 0, "by 'x'");
	assert_int_equal(close_court(&court, "undone", VERDICT_DENIED), 1);
}

/* ---- the loop ---- */

struct waiter {
	struct loop *loop;
	int fd;
	int calls;
	int other; /* a descriptor to remove when called, -1 for none */
};

static void count_call(void *context)
{
	struct waiter *w = context;
	char byte;

	assert_int_equal(read(w->fd, &byte, 1), 1);
	w->calls++;
	if (w->other >= 0) {
		loop_remove(w->loop, w->other);
		assert_int_equal(loop_add(w->loop, w->other, count_call, w), 0);
	}
}

static void each_source_is_called_when_it_is_ready(void **state)
{
	struct loop *loop = loop_new();
	struct waiter waiters[2];
	int write_fds[2];

	assert_non_null(loop);
	assert_false(loop_wait(loop, 0));
	for (int i = 0; i < 2; i++) {
		int fds[2];

		assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
		waiters[i] = (struct waiter){.loop = loop, .fd = fds[0], .other = -1};
		write_fds[i] = fds[1];
		assert_int_equal(loop_add(loop, fds[0], count_call, &waiters[i]), 0);
	}
	assert_false(loop_wait(loop, 0));
	assert_int_equal(write(write_fds[1], "a", 1), 1);
	assert_true(loop_wait(loop, -1));
	assert_int_equal(waiters[0].calls, 0);
	assert_int_equal(waiters[1].calls, 1);
	loop_remove(loop, waiters[1].fd);
	assert_int_equal(write(write_fds[1], "a", 1), 1);
	assert_false(loop_wait(loop, 0));
	loop_remove(loop, -2);
	for (int i = 0; i < 2; i++) {
		close(waiters[i].fd);
		close(write_fds[i]);
	}
	loop_free(loop);
}

/* One that is removed and added again while it is ready is called in the next turn, once. */
static void a_source_may_change_the_others(void **state)
{
	struct loop *loop = loop_new();
	struct waiter first = {.loop = loop};
	int first_fds[2], second_fds[2];

	assert_int_equal(pipe2(first_fds, O_CLOEXEC), 0);
	assert_int_equal(pipe2(second_fds, O_CLOEXEC), 0);
	first.fd = first_fds[0];
	first.other = second_fds[0];
	assert_int_equal(loop_add(loop, first_fds[0], count_call, &first), 0);
	assert_int_equal(loop_add(loop, second_fds[0], count_call, &first), 0);
	assert_int_equal(write(first_fds[1], "ab", 2), 2);
	assert_int_equal(write(second_fds[1], "c", 1), 1);
	assert_true(loop_wait(loop, -1));
	assert_int_equal(first.calls, 1);
	first.other = -1;
	loop_remove(loop, second_fds[0]);
	assert_true(loop_wait(loop, -1));
	assert_int_equal(first.calls, 2);
	assert_false(loop_wait(loop, 0));
	for (int fd = 0; fd < LOOP_SOURCES_MAX - 1; fd++)
		assert_int_equal(loop_add(loop, 0, count_call, &first), 0);
	assert_int_equal(loop_add(loop, 0, count_call, &first), -ENOSPC);
	loop_free(loop);
	for (int i = 0; i < 2; i++) {
		close(first_fds[i]);
		close(second_fds[i]);
	}
}

/* ---- native directories ---- */

static void make_file(const char *path, mode_t mode)
{
	int fd = openat(scratch_fd, path, O_WRONLY | O_CREAT | O_CLOEXEC, mode);

	assert_true(fd >= 0);
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

static void make_tree(void)
{
	static const char *const directories[] = {"lib", "lib/a", "lib/many", "lib/many/deep",
						  "lib/.azure"};
	char name[32];

	for (size_t i = 0; i < sizeof(directories) / sizeof(directories[0]); i++)
		assert_int_equal(mkdirat(scratch_fd, directories[i], 0755), 0);
	make_file("lib/plain", 0644);
	make_file("lib/a/program", 0755);
	make_file("lib/a/for-one", 0100);
	make_file("lib/a/.npmrc", 0644);
	make_file("lib/.azure/token", 0600);
	make_file("lib/many/deep/program", 0755);
	for (int i = 0; i <= NATIVE_PROGRAMS_MAX; i++) {
		snprintf(name, sizeof(name), "lib/many/program%d", i);
		make_file(name, 0755);
	}
	assert_int_equal(symlinkat("/lib/a/program", scratch_fd, "lib/link"), 0);
	assert_int_equal(mkfifoat(scratch_fd, "lib/fifo", 0644), 0);
}

static bool is_hole(const struct native_holes *holes, const char *path)
{
	for (size_t i = 0; i < holes->count; i++) {
		if (strcmp(holes->paths[i], path) == 0)
			return true;
	}
	return false;
}

static void a_scan_finds_what_must_stay_mediated(void **state)
{
	const struct native_rule any = {INT64_MAX, NATIVE_READONLY}, old = {1, NATIVE_READONLY};
	const struct native_rule owner = {INT64_MAX, getuid()}, other = {INT64_MAX, 54321};
	struct native_holes holes = {0};
	cleanup_buf struct buf seen = BUF_INIT;
	const char *why = "";
	int r;

	make_tree();
	r = native_scan(scratch_fd, "/lib", 100, &any, &holes, &seen, &why);
	assert_string_equal(why, "");
	assert_int_equal(r, 0);
	assert_true(is_hole(&holes, "/lib/a/program"));
	assert_true(is_hole(&holes, "/lib/a/for-one"));
	assert_true(is_hole(&holes, "/lib/a/.npmrc"));
	assert_true(is_hole(&holes, "/lib/.azure/token"));
	assert_true(is_hole(&holes, "/lib/many"));
	assert_true(is_hole(&holes, "/lib/fifo"));
	assert_int_equal(holes.count, 6);
	native_holes_release(&holes);
	assert_true(native_scan_holds(scratch_fd, "/lib", &any, &seen));
	assert_int_equal(mkdirat(scratch_fd, "lib/a/new", 0755), 0);
	assert_false(native_scan_holds(scratch_fd, "/lib", &any, &seen));
	assert_int_equal(unlinkat(scratch_fd, "lib/a/new", AT_REMOVEDIR), 0);
	assert_false(native_scan_holds(scratch_fd, "/lib", &any, &seen));

	/* changed since the start, too many programs, a link, what is missing */
	assert_int_equal(native_scan(scratch_fd, "/lib", 100, &old, &holes, &seen, &why), -EBUSY);
	native_holes_release(&holes);
	assert_int_equal(native_scan(scratch_fd, "/lib/many", 100, &any, &holes, &seen, &why),
			 -E2BIG);
	native_holes_release(&holes);
	assert_int_equal(native_scan(scratch_fd, "/lib/link", 100, &any, &holes, &seen, &why),
			 -ELOOP);
	assert_int_equal(native_scan(scratch_fd, "/none", 100, &any, &holes, &seen, &why), -ENOENT);
	assert_int_equal(holes.count, 0);
	/* three holes and some names cost more than one use saves, and less than two */
	assert_int_equal(native_scan(scratch_fd, "/lib/a", 1, &any, &holes, &seen, &why), -EDOM);
	assert_string_equal(why, "to look through it costs more than it saves");
	native_holes_release(&holes);
	assert_int_equal(native_scan(scratch_fd, "/lib/a", 2, &any, &holes, &seen, &why), 0);
	native_holes_release(&holes);

	/* where the root is writable: whoever may change nothing */
	assert_int_equal(native_scan(scratch_fd, "/lib/a", 100, &owner, &holes, &seen, &why),
			 -EROFS);
	native_holes_release(&holes);
	assert_int_equal(native_scan(scratch_fd, "/lib/a", 100, &other, &holes, &seen, &why), 0);
	native_holes_release(&holes);
	make_file("lib/a/for-all", 0666);
	assert_int_equal(native_scan(scratch_fd, "/lib/a", 100, &other, &holes, &seen, &why),
			 -EROFS);
	native_holes_release(&holes);
	assert_int_equal(unlinkat(scratch_fd, "lib/a/for-all", 0), 0);
	/* ... nor above it */
	assert_int_equal(fchmodat(scratch_fd, "lib", 0777, 0), 0);
	assert_int_equal(native_scan(scratch_fd, "/lib/a", 100, &other, &holes, &seen, &why),
			 -EROFS);
	assert_string_equal(why, "the function may change a directory above it");
	assert_int_equal(native_scan(scratch_fd, "/lib/a", 100, &any, &holes, &seen, &why), 0);
	native_holes_release(&holes);
	assert_int_equal(fchmodat(scratch_fd, "lib", 0755, 0), 0);
}

static void only_a_container_that_cannot_undo_it_has_natives(void **state)
{
	const struct native_mount volume = {.point = "/lib/a"}, tmp = {"/tmp", true};
	const struct native_mount nested[] = {{"/tmp", true}, {"/tmp/in", false}};
	cleanup_buf struct buf bytes = BUF_INIT;
	struct native_wish wish = {.rule = {INT64_MAX, NATIVE_READONLY}, .enforced = true};
	struct native_plan plan = {0};

	native_put(&bytes, &(struct native_entry){NATIVE_DENIED, 0, "/lib/plain"});
	native_put(&bytes, &(struct native_entry){NATIVE_DENIED, 0, "/lib/missing"});
	native_put(&bytes, &(struct native_entry){NATIVE_IMAGE, 5, "/lib/a"});
	native_put(&bytes, &(struct native_entry){NATIVE_IMAGE, 20, "/lib"});
	native_put(&bytes, &(struct native_entry){NATIVE_PRIVATE, 300, "/tmp"});
	wish.bytes = bytes.bytes;
	wish.len = bytes.len;

	assert_int_equal(native_plan(&plan, &wish, scratch_fd, 0, &tmp, 1), 0);
	assert_int_equal(plan.count, 1);
	assert_string_equal(plan.trees[0].path, "/lib");
	assert_true(is_hole(&plan.trees[0].holes, "/lib/plain"));
	assert_false(is_hole(&plan.trees[0].holes, "/lib/missing"));
	assert_string_equal(plan.private_path, "/tmp");
	native_plan_release(&plan);

	/* of a directory that was refused in a tree that is taken nothing is told */
	buf_release(&bytes);
	native_put(&bytes, &(struct native_entry){NATIVE_IMAGE, 1, "/lib/a"});
	native_put(&bytes, &(struct native_entry){NATIVE_IMAGE, 20, "/lib"});
	native_put(&bytes, &(struct native_entry){NATIVE_PRIVATE, 300, "/tmp"});
	wish.bytes = bytes.bytes;
	wish.len = bytes.len;
	assert_int_equal(native_plan(&plan, &wish, scratch_fd, 0, &tmp, 1), 0);
	assert_int_equal(plan.count, 1);
	assert_null(strstr(plan.told.bytes, "stays mediated"));
	assert_non_null(strstr(plan.told.bytes, "'/lib' is attached natively"));
	native_plan_release(&plan);
	/* what is filled is to be seen until it is enforced */
	wish.enforced = false;
	assert_int_equal(native_plan(&plan, &wish, scratch_fd, 0, &tmp, 1), 0);
	assert_int_equal(plan.count, 1);
	assert_null(plan.private_path);
	native_plan_release(&plan);
	wish.enforced = true;

	/* the tree in it saves nearly as much, or it costs too much to look through */
	for (int costly = 0; costly < 2; costly++) {
		buf_release(&bytes);
		native_put(&bytes, &(struct native_entry){NATIVE_IMAGE, costly ? 2 : 8, "/lib/a"});
		native_put(&bytes, &(struct native_entry){NATIVE_IMAGE, costly ? 4 : 9, "/lib"});
		wish.bytes = bytes.bytes;
		wish.len = bytes.len;
		assert_int_equal(native_plan(&plan, &wish, scratch_fd, 0, NULL, 0), 0);
		assert_int_equal(plan.count, 1);
		assert_string_equal(plan.trees[0].path, "/lib/a");
		assert_int_equal(strstr(plan.told.bytes, "'/lib' stays mediated") != NULL, costly);
		native_plan_release(&plan);
	}
	native_put(&bytes, &(struct native_entry){NATIVE_PRIVATE, 300, "/tmp"});
	wish.bytes = bytes.bytes;
	wish.len = bytes.len;

	/* a mount in it: the tree below would do, but for the mount there */
	assert_int_equal(native_plan(&plan, &wish, scratch_fd, 0, &volume, 1), 0);
	assert_int_equal(plan.count, 0);
	native_plan_release(&plan);
	/* root with a writable root file system; a mount in the directory that is filled */
	wish.rule.writer = 0;
	assert_int_equal(native_plan(&plan, &wish, scratch_fd, 0, nested, 2), 0);
	wish.rule.writer = NATIVE_READONLY;
	assert_int_equal(plan.count, 0);
	assert_null(plan.private_path);
	native_plan_release(&plan);
	/* CAP_SYS_ADMIN, CAP_DAC_READ_SEARCH */
	for (int i = 0; i < 2; i++) {
		uint64_t capabilities = UINT64_C(1) << (i ? 21 : 2);

		assert_int_equal(native_plan(&plan, &wish, scratch_fd, capabilities, &tmp, 1), 0);
		assert_int_equal(plan.count, 0);
		assert_null(plan.private_path);
		native_plan_release(&plan);
	}
}

/* ---- what the hook and the mediator say ---- */

static void a_message_arrives_with_its_descriptor(void **state)
{
	struct talk_report sent = {.result = -5}, got = {0};
	struct talk_bound bound = {0};
	struct stat a, b;
	int pair[2], pipe_fds[2], fd = 7;

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	assert_int_equal(pipe2(pipe_fds, O_CLOEXEC), 0);
	assert_int_equal(talk_send(pair[0], &sent, sizeof(sent), pipe_fds[0]), 0);
	assert_int_equal(talk_receive(pair[1], &got, sizeof(got), &fd), 0);
	assert_int_equal(got.result, -5);
	assert_int_equal(fstat(pipe_fds[0], &a), 0);
	assert_int_equal(fstat(fd, &b), 0);
	assert_true(a.st_ino == b.st_ino && a.st_dev == b.st_dev);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	close(fd);
	assert_int_equal(talk_send(pair[0], &bound, sizeof(bound), -1), 0);
	assert_int_equal(talk_receive(pair[1], &bound, sizeof(bound), &fd), 0);
	assert_int_equal(fd, -1);
	/* another message than the one that is due */
	assert_int_equal(talk_send(pair[0], &bound, sizeof(bound), -1), 0);
	assert_int_equal(talk_receive(pair[1], &got, sizeof(got), NULL), -EPROTO);
	/* what was said before an end is heard, then the end */
	assert_int_equal(talk_send(pair[0], &sent, sizeof(sent), -1), 0);
	close(pair[0]);
	assert_int_equal(talk_receive(pair[1], &got, sizeof(got), NULL), 0);
	assert_int_equal(talk_receive(pair[1], &got, sizeof(got), NULL), -EPIPE);
	assert_int_equal(talk_send(pair[1], &bound, sizeof(bound), -1), -EPIPE);
	close(pair[1]);
	close(pipe_fds[0]);
	close(pipe_fds[1]);
}

static void what_was_looked_through_before_is_not_again(void **state)
{
	cleanup_buf struct buf bytes = BUF_INIT;
	struct native_scans scans = {0};
	struct native_wish wish = {.rule = {INT64_MAX, NATIVE_READONLY}, .scans = &scans};
	struct native_plan plan = {0};

	native_put(&bytes, &(struct native_entry){NATIVE_IMAGE, 5, "/lib/a"});
	native_put(&bytes, &(struct native_entry){NATIVE_IMAGE, 20, "/lib"});
	wish.bytes = bytes.bytes;
	wish.len = bytes.len;
	native_scans_make(&scans, &wish, scratch_fd);
	assert_int_equal(scans.count, 2);
	assert_string_equal(scans.results[1].path, "/lib");

	/* seen by nobody, since nobody looks again; but on another mount */
	assert_int_equal(fchmodat(scratch_fd, "lib/plain", 0755, 0), 0);
	assert_int_equal(native_plan(&plan, &wish, scratch_fd, 0, NULL, 0), 0);
	assert_int_equal(plan.count, 1);
	assert_false(is_hole(&plan.trees[0].holes, "/lib/plain"));
	assert_true(is_hole(&plan.trees[0].holes, "/lib/a/program"));
	native_plan_release(&plan);
	scans.mount_id++;
	assert_int_equal(native_plan(&plan, &wish, scratch_fd, 0, NULL, 0), 0);
	assert_true(is_hole(&plan.trees[0].holes, "/lib/plain"));
	native_plan_release(&plan);
	native_scans_release(&scans);

	/* what has come since is always seen */
	native_scans_make(&scans, &wish, scratch_fd);
	make_file("lib/a/later", 0755);
	assert_int_equal(native_plan(&plan, &wish, scratch_fd, 0, NULL, 0), 0);
	assert_true(is_hole(&plan.trees[0].holes, "/lib/a/later"));
	native_plan_release(&plan);
	native_scans_release(&scans);
	assert_int_equal(unlinkat(scratch_fd, "lib/a/later", 0), 0);
	assert_int_equal(fchmodat(scratch_fd, "lib/plain", 0644, 0), 0);
}

/* As one start after the other does. Returns whether something was looked through anew. */
static bool start_with(struct native_scans *scans, const struct native_wish *wish)
{
	bool fresh;

	native_known_read(&scans->known, scratch_fd, "f", "1");
	native_scans_make(scans, wish, scratch_fd);
	fresh = scans->fresh;
	if (fresh)
		native_known_write(scans, &wish->rule, scratch_fd, "f", "1");
	return fresh;
}

static void another_start_knows_what_one_has_found(void **state)
{
	cleanup_buf struct buf bytes = BUF_INIT;
	struct native_scans scans = {0};
	struct native_wish wish = {.rule = {INT64_MAX, NATIVE_READONLY}, .scans = &scans};
	struct native_wish other = wish;

	native_put(&bytes, &(struct native_entry){NATIVE_IMAGE, 1, "/lib/a"});
	native_put(&bytes, &(struct native_entry){NATIVE_IMAGE, 20, "/lib"});
	other.bytes = wish.bytes = bytes.bytes;
	other.len = wish.len = bytes.len;
	other.rule.writer = 54321;
	assert_int_equal(mkdirat(scratch_fd, POLICY_DIRECTORY, 0700), 0);
	assert_true(start_with(&scans, &wish));
	native_scans_release(&scans);
	assert_false(start_with(&scans, &wish));
	assert_int_equal(scans.count, 2);
	assert_int_equal(scans.results[0].result, -EDOM);
	assert_string_equal(scans.results[0].why, "to look through it costs more than it saves");
	assert_int_equal(scans.results[1].result, 0);
	assert_int_equal(scans.results[1].holes.count, 6);
	assert_true(is_hole(&scans.results[1].holes, "/lib/many"));
	native_scans_release(&scans);

	/* something came, in a directory of it; somebody else may write to it; it is used otherwise
	 */
	make_file("lib/a/later", 0755);
	assert_true(start_with(&scans, &wish));
	assert_true(is_hole(&scans.results[1].holes, "/lib/a/later"));
	native_scans_release(&scans);
	assert_false(start_with(&scans, &wish));
	native_scans_release(&scans);
	assert_true(start_with(&scans, &other));
	native_scans_release(&scans);
	assert_true(start_with(&scans, &wish));
	native_scans_release(&scans);
	bytes.len = 0;
	native_put(&bytes, &(struct native_entry){NATIVE_IMAGE, 1, "/lib/a"});
	native_put(&bytes, &(struct native_entry){NATIVE_IMAGE, 21, "/lib"});
	assert_true(start_with(&scans, &wish));
	native_scans_release(&scans);
	assert_false(start_with(&scans, &wish));
	native_scans_release(&scans);

	/* it became a link to what is alike */
	assert_int_equal(renameat(scratch_fd, "lib", scratch_fd, "lib2"), 0);
	assert_int_equal(symlinkat("lib2", scratch_fd, "lib"), 0);
	assert_true(start_with(&scans, &wish));
	assert_int_equal(scans.results[1].result, -ELOOP);
	native_scans_release(&scans);
	assert_int_equal(unlinkat(scratch_fd, "lib", 0), 0);
	assert_int_equal(renameat(scratch_fd, "lib2", scratch_fd, "lib"), 0);
	assert_int_equal(unlinkat(scratch_fd, "lib/a/later", 0), 0);
}

/* Many directories of a tree leave room for the tree itself, which stands for them. */
static void a_tree_of_many_is_looked_through_before(void **state)
{
	cleanup_buf struct buf bytes = BUF_INIT;
	struct native_scans scans = {0};
	struct native_wish wish = {.rule = {INT64_MAX, NATIVE_READONLY}, .scans = &scans};
	struct native_plan plan = {0};

	mkdirat(scratch_fd, "modules", 0755);
	for (int i = 0; i < 2 * NATIVE_SCANS_MAX; i++) {
		char path[32];

		snprintf(path, sizeof(path), "/modules/m%02d", i);
		mkdirat(scratch_fd, path + 1, 0755);
		native_put(&bytes, &(struct native_entry){NATIVE_IMAGE, 20, path});
	}
	native_put(&bytes, &(struct native_entry){NATIVE_IMAGE, 40 * NATIVE_SCANS_MAX, "/modules"});
	wish.bytes = bytes.bytes;
	wish.len = bytes.len;
	native_scans_make(&scans, &wish, scratch_fd);
	assert_int_equal(scans.count, NATIVE_TREES_MAX + 1);
	assert_string_equal(scans.results[NATIVE_TREES_MAX].path, "/modules");
	assert_int_equal(native_plan(&plan, &wish, scratch_fd, 0, NULL, 0), 0);
	assert_int_equal(plan.count, 1);
	assert_string_equal(plan.trees[0].path, "/modules");
	native_plan_release(&plan);
	native_scans_release(&scans);
}

/* What the kernel makes of a program, as far as ours go. Source: seccomp(2). */
static uint32_t simulate(const struct sock_filter *program, size_t len, uint32_t arch, uint32_t nr)
{
	uint32_t accumulator = 0;

	for (size_t at = 0; at < len; at++) {
		const struct sock_filter *f = &program[at];

		switch (f->code) {
		case BPF_LD | BPF_W | BPF_ABS:
			accumulator = f->k == offsetof(struct seccomp_data, nr) ? nr : arch;
			break;
		case BPF_JMP | BPF_JEQ | BPF_K:
			at += accumulator == f->k ? f->jt : f->jf;
			break;
		case BPF_JMP | BPF_JGE | BPF_K:
			at += accumulator >= f->k ? f->jt : f->jf;
			break;
		case BPF_RET | BPF_K:
			return f->k;
		default:
			fail();
		}
	}
	fail();
	return 0;
}

static void the_filter_lets_through_what_serving_takes(void **state)
{
	static const struct {
		int call;
		unsigned int needs; /* one of these flags; ~0: never; 0: always */
	} cases[] = {
		{SYS_read, 0},
		{SYS_openat, 0},
		{SYS_ioctl, 0},
		{SYS_lsetxattr, 0},
		{SYS_setfsuid, 0},
		{SYS_exit_group, 0},
		{SYS_sched_setaffinity, 0},
		{SYS_umount2, FILTER_ENTERS},
		{SYS_chroot, FILTER_ENTERS},
		{SYS_setns, FILTER_ENTERS | FILTER_MERGES | FILTER_NETWORK},
		{SYS_execve, FILTER_MERGES},
		{SYS_execveat, ~0U},
		{SYS_ptrace, ~0U},
		{SYS_mount, ~0U},
		{SYS_move_mount, FILTER_ENTERS},
		{SYS_fsmount, ~0U},
		{SYS_init_module, ~0U},
		{SYS_kexec_load, ~0U},
		{SYS_process_vm_writev, ~0U},
		{SYS_kill, ~0U},
		{SYS_reboot, ~0U},
		{SYS_pivot_root, ~0U},
		{SYS_userfaultfd, ~0U},
		{SYS_io_uring_setup, ~0U},
		{511, ~0U},
		{512, ~0U},
		{0x40000000 | SYS_read, ~0U},
	};
	struct sock_filter program[FILTER_LENGTH_MAX];

	for (unsigned int flags = 0; flags <= (FILTER_ENTERS | FILTER_MERGES | FILTER_NETWORK);
	     flags++) {
		size_t len = filter_build(flags, program);

		assert_in_range(len, 10, FILTER_LENGTH_MAX);
		for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
			bool allowed = cases[i].needs == 0 ||
				       (cases[i].needs != ~0U && cases[i].needs & flags);

			assert_int_equal(simulate(program, len, FILTER_ARCHITECTURE,
						  (uint32_t)cases[i].call),
					 allowed ? SECCOMP_RET_ALLOW : SECCOMP_RET_TRAP);
			assert_int_equal(
				simulate(program, len, AUDIT_ARCH_I386, (uint32_t)cases[i].call),
				SECCOMP_RET_TRAP);
		}
	}
}

/* In a child: 0 if all is as it should be, else which check failed. */
static int try_filter(void)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || filter_install(0) < 0)
		return 1;
	if (filter_refused() != -1 || getpid() <= 0 || filter_refused() != -1)
		return 2;
	errno = 0;
	if (syscall(SYS_ptrace, 0, 0, 0, 0) != -1 || errno != EPERM)
		return 3;
	if (filter_refused() != SYS_ptrace)
		return 4;
	return filter_refused() == -1 ? 0 : 5;
}

static void a_refused_call_fails_and_is_known(void **state)
{
	pid_t child = fork();
	int status;

	if (child == 0)
		_exit(try_filter());
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_filter_lets_through_what_serving_takes),
		cmocka_unit_test(a_refused_call_fails_and_is_known),
		cmocka_unit_test(run_keys_are_file_names_and_differ),
		cmocka_unit_test(a_live_run_file_is_not_taken_a_stale_one_is),
		cmocka_unit_test(a_run_that_was_merged_is_waited_for_no_more),
		cmocka_unit_test(waiting_has_a_limit_where_signals_are_blocked),
		cmocka_unit_test(a_run_file_that_is_about_to_be_free_is_taken),
		cmocka_unit_test(word_that_cannot_be_left_leaves_the_run_to_poststop),
		cmocka_unit_test(a_run_file_of_another_run_is_not_removed_for_an_old_one),
		cmocka_unit_test(waiting_ends_when_the_holder_removes_the_file),
		cmocka_unit_test(a_program_is_found_by_its_process),
		cmocka_unit_test(who_asks_is_followed_to_its_processor),
		cmocka_unit_test(the_end_of_a_process_is_its_status_or_is_unknown),
		cmocka_unit_test(the_end_is_certain_before_the_parent_knows),
		cmocka_unit_test(a_first_thread_that_ended_is_no_end),
		cmocka_unit_test(an_end_that_may_not_be_read_is_unknown),
		cmocka_unit_test(an_unknown_end_before_the_program_began_is_no_success),
		cmocka_unit_test(a_group_tells_that_it_was_out_of_memory),
		cmocka_unit_test(what_repeats_is_recorded_once),
		cmocka_unit_test(only_the_containers_own_programs_show_that_it_has_started),
		cmocka_unit_test(a_path_longer_than_any_key_is_judged_all_the_same),
		cmocka_unit_test(a_name_that_changes_is_judged_again),
		cmocka_unit_test(what_one_name_of_a_file_may_all_may),
		cmocka_unit_test(a_generated_name_may_look_like_a_word),
		cmocka_unit_test(a_denial_of_one_kin_is_stronger),
		cmocka_unit_test(an_interpreter_belongs_to_the_file_that_is_executed),
		cmocka_unit_test(a_flood_of_names_is_bounded_and_counted),
		cmocka_unit_test(what_no_question_asked_is_judged_and_recorded),
		cmocka_unit_test(what_was_done_is_never_told_as_denied),
		cmocka_unit_test(a_message_arrives_with_its_descriptor),
		cmocka_unit_test(each_source_is_called_when_it_is_ready),
		cmocka_unit_test(a_scan_finds_what_must_stay_mediated),
		cmocka_unit_test(only_a_container_that_cannot_undo_it_has_natives),
		cmocka_unit_test(what_was_looked_through_before_is_not_again),
		cmocka_unit_test(another_start_knows_what_one_has_found),
		cmocka_unit_test(a_tree_of_many_is_looked_through_before),
		cmocka_unit_test(directories_of_the_host_are_shared),
		cmocka_unit_test(a_socket_is_found_however_deep_within_limits),
		cmocka_unit_test(a_search_for_sockets_ends),
		cmocka_unit_test(a_source_may_change_the_others),
	};

	return cmocka_run_group_tests(tests, make_scratch, remove_scratch);
}
