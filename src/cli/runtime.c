/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Finding an OCI runtime, and reading what it says of itself. */
#include "cli/runtime.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/json.h"
#include "base/text.h"

/* A warning a container start is kilobytes; more is not worth reading. */
#define LOG_BYTES_MAX ((size_t)1024 * 1024)
#define VERSION_BYTES_MAX 65536

/* sudo(8) and cron(8) give short paths; runtimes may be installed in any of these. */
#define SEARCH_TOO "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

static bool is_program(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0;
}

static int search(const char *list, const char *name, char *out)
{
	while (list) {
		const char *end = strchr(list, ':');
		int len = end ? (int)(end - list) : (int)strlen(list);
		int n = snprintf(out, PATH_MAX, "%.*s/%s", len, list, name);

		/* A relative element would let the working directory choose what root runs. */
		if (list[0] == '/' && n > 0 && n < PATH_MAX && is_program(out))
			return 0;
		list = end ? end + 1 : NULL;
	}
	return -ENOENT;
}

int program_find(const char *name, char *out)
{
	char found[PATH_MAX];

	if (strchr(name, '/')) {
		if (!realpath(name, found) || !is_program(found))
			return -ENOENT;
		memcpy(out, found, PATH_MAX);
		return 0;
	}
	if (search(getenv("PATH"), name, found) < 0 && search(SEARCH_TOO, name, found) < 0)
		return -ENOENT;
	memcpy(out, found, PATH_MAX);
	return 0;
}

int runtime_find(const char *wanted, struct runtime *ret, struct error *err)
{
	const char *base;

	if (wanted && program_find(wanted, ret->path) < 0) {
		error_say(err, ENOENT, "there is no runtime '%s'", wanted);
		error_hint(err, "name crun, runc, or a path");
		return -ENOENT;
	}
	if (!wanted && program_find("crun", ret->path) < 0 && program_find("runc", ret->path) < 0) {
		error_say(err, ENOENT, "neither crun nor runc is installed");
		error_hint(err, "install one of them, for example with 'apt-get install crun'");
		return -ENOENT;
	}
	base = strrchr(ret->path, '/');
	ret->kind = base && strstr(base, "crun") ? RUNTIME_CRUN : RUNTIME_OTHER;
	return 0;
}

int program_version(const char *program, char *out, size_t room)
{
	cleanup_free char *bytes = NULL;
	cleanup_close int reader = -1;
	size_t len = 0;
	int pipe_fds[2], status, r;
	pid_t child;

	if (pipe2(pipe_fds, O_CLOEXEC) < 0)
		return -errno;
	reader = pipe_fds[0];
	child = fork();
	if (child == 0) {
		int null = open("/dev/null", O_RDWR | O_CLOEXEC);

		dup2(null, 0);
		dup2(pipe_fds[1], 1);
		dup2(null, 2);
		execl(program, program, "--version", (char *)NULL);
		_exit(127);
	}
	r = child < 0 ? -errno : 0;
	close(pipe_fds[1]);
	if (r < 0)
		return r;
	r = read_to_end(reader, VERSION_BYTES_MAX, &bytes, &len);
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	if (r < 0)
		return r;
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0 || len == 0)
		return -ENOEXEC;
	bytes[strcspn(bytes, "\n")] = '\0';
	text_escape(bytes, out, room);
	return 0;
}

bool runtime_last_error(const char *path, char *out, size_t room)
{
	cleanup_free char *bytes = NULL;
	size_t len = 0;
	bool found = false;

	if (read_file_at(AT_FDCWD, path, LOG_BYTES_MAX, &bytes, &len, NULL) < 0)
		return false;
	for (char *line = bytes; line && *line;) {
		char *end = strchr(line, '\n');
		size_t line_len = end ? (size_t)(end - line) : strlen(line);
		cleanup_json struct json *entry = NULL;
		const char *level, *text;

		line[line_len] = '\0';
		if (json_parse("log", line, line_len, &entry, NULL) == 0) {
			level = json_string(json_get(entry, "level"));
			text = json_string(json_get(entry, "msg"));
			if (level && text &&
			    (strcmp(level, "error") == 0 || strcmp(level, "fatal") == 0)) {
				text_escape(text, out, room);
				found = true;
			}
		}
		line = end ? end + 1 : NULL;
	}
	return found;
}
