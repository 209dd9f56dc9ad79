/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * view-compare LOWER VIEW [TITLE]: runs every case in a new directory of LOWER and in one of VIEW,
 * which shows the same file system, and compares what both saw. TAP on standard output.
 */
#include "compare.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

enum { SAID_MAX = 1 << 20, CASE_LIMIT_S = 60 };

/* Shared with children, so that what they say arrives too. */
struct said {
	size_t len;
	char text[SAID_MAX];
};

static struct said *present;

void say(const char *format, ...)
{
	va_list args;
	int len;

	va_start(args, format);
	len = vsnprintf(present->text + present->len, SAID_MAX - present->len, format, args);
	va_end(args);
	if (len < 0 || present->len + (size_t)len + 2 > SAID_MAX)
		errx(EX_SOFTWARE, "a case says too much");
	present->len += (size_t)len;
	present->text[present->len++] = '\n';
	present->text[present->len] = '\0';
}

static const char *outcome(long result)
{
	return result < 0 ? strerrorname_np(errno) : "ok";
}

long said(const char *label, long result)
{
	if (result < 0)
		say("%s: %s", label, outcome(result));
	else
		say("%s: %ld", label, result);
	return result;
}

long said_ok(const char *label, long result)
{
	say("%s: %s", label, outcome(result));
	return result;
}

void say_stat(const char *path)
{
	struct stat st;

	if (lstat(path, &st) < 0) {
		say("stat %s: %s", path, strerrorname_np(errno));
		return;
	}
	say("stat %s: %06o %u:%u links %lu size %lld blocks %lld rdev %lu", path, st.st_mode,
	    st.st_uid, st.st_gid, (unsigned long)st.st_nlink,
	    S_ISDIR(st.st_mode) ? 0 : (long long)st.st_size, (long long)st.st_blocks,
	    (unsigned long)st.st_rdev);
}

void put(const char *path, const char *content)
{
	int fd = open(path, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0644);

	if (fd < 0 || write(fd, content, strlen(content)) < 0)
		say("put %s: %s", path, strerrorname_np(errno));
	if (fd >= 0)
		close(fd);
}

void say_content(const char *path)
{
	char bytes[4096];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t len = fd < 0 ? -1 : read(fd, bytes, sizeof(bytes) - 1);

	if (len < 0) {
		say("content %s: %s", path, strerrorname_np(errno));
	} else {
		bytes[len] = '\0';
		say("content %s: '%s'", path, bytes);
	}
	if (fd >= 0)
		close(fd);
}

void as_user(uid_t uid, gid_t gid, const gid_t *groups, void (*function)(void))
{
	size_t count = 0;
	pid_t pid = fork();
	int status = 0;

	if (pid == 0) {
		while (groups && groups[count])
			count++;
		if (setgroups(count, groups) < 0 || setresgid(gid, gid, gid) < 0 ||
		    setresuid(uid, uid, uid) < 0)
			say("cannot become %u:%u", uid, gid);
		else
			function();
		_exit(0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0 || status)
		say("child: %d", status);
}

/* Runs the case in a new directory below `root`; says into *result. */
static void run_case(const struct compare_case *c, const char *root, struct said *result)
{
	char dir[4096];
	int status = 0;
	pid_t pid;

	result->len = 0;
	result->text[0] = '\0';
	present = result;
	(void)snprintf(dir, sizeof(dir), "%s/case-XXXXXX", root);
	if (!mkdtemp(dir) || chmod(dir, 0777) < 0)
		err(EX_CANTCREAT, "cannot make '%s'", dir);
	pid = fork();
	if (pid == 0) {
		(void)alarm(CASE_LIMIT_S);
		umask(022);
		if (chdir(dir) < 0)
			err(EX_OSERR, "cannot enter '%s'", dir);
		c->run();
		_exit(0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		err(EX_OSERR, "cannot run a case");
	if (status)
		say("the case ended with status %#x", status);
	pid = fork();
	if (pid == 0) {
		execlp("rm", "rm", "-rf", "--one-file-system", dir, (char *)NULL);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0 || status)
		say("the directory cannot be removed");
}

/* Prints the first lines that differ, as TAP comments. */
static void show_difference(const struct said *lower, const struct said *view)
{
	const char *a = lower->text, *b = view->text;
	int shown = 0;

	while ((*a || *b) && shown < 12) {
		size_t a_len = strcspn(a, "\n"), b_len = strcspn(b, "\n");

		if (a_len != b_len || memcmp(a, b, a_len) != 0) {
			printf("#   lower: %.*s\n#   view:  %.*s\n", (int)a_len, a, (int)b_len, b);
			shown++;
		}
		a += a_len + (a[a_len] == '\n');
		b += b_len + (b[b_len] == '\n');
	}
}

static struct said *map_said(void)
{
	struct said *said_here = mmap(NULL, sizeof(struct said), PROT_READ | PROT_WRITE,
				      MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (said_here == MAP_FAILED)
		err(EX_OSERR, "cannot map memory");
	return said_here;
}

int main(int argc, char **argv)
{
	static const struct compare_case *const tables[] = {
		cases_names,	   cases_data,	      cases_metadata,
		cases_permissions, cases_directories, cases_descriptors,
		cases_locks,	   cases_namespaces,  cases_random,
	};
	struct said *lower = map_said(), *view = map_said();
	const char *only = NULL, *without = NULL;
	unsigned int number = 0, failed = 0;
	int option;

	while ((option = getopt(argc, argv, "t:x:")) != -1) {
		if (option == 't')
			only = optarg;
		else if (option == 'x')
			without = optarg;
		else
			errx(EX_USAGE, "usage: view-compare [-t TITLE] [-x TITLE] LOWER VIEW");
	}
	argv += optind;
	if (argc - optind != 2)
		errx(EX_USAGE, "usage: view-compare [-t TITLE] [-x TITLE] LOWER VIEW");
	(void)setvbuf(stdout, NULL, _IOLBF, 0);
	for (size_t t = 0; t < COUNT(tables); t++) {
		for (const struct compare_case *c = tables[t]; c->title; c++) {
			if ((only && strcmp(c->title, only) != 0) ||
			    (without && strcmp(c->title, without) == 0))
				continue;
			run_case(c, argv[0], lower);
			run_case(c, argv[1], view);
			number++;
			if (strcmp(lower->text, view->text) == 0) {
				printf("ok %u - %s\n", number, c->title);
				if (only)
					printf("%s", lower->text);
				continue;
			}
			failed++;
			printf("not ok %u - %s\n", number, c->title);
			show_difference(lower, view);
		}
	}
	printf("1..%u\n", number);
	return failed ? 1 : 0;
}
