/* SPDX-License-Identifier: GPL-2.0-or-later */
/* poststop: the run is over for the engine once it is merged. */
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "event/event.h"
#include "hook/hook.h"
#include "mediator/run-file.h"

/* The mediator died: what its journal holds is merged by a husk-merge of ours. */
static int recover(struct hook *hook, const char *key, const char *run_id, struct error *err)
{
	char journal[JOURNAL_ID_ROOM + sizeof(JOURNAL_SUFFIX)];
	const char *arguments[6] = {"husk-merge"};
	char *environment[1] = {NULL};
	struct event event = EVENT(EVENT_RECOVERED);
	struct event_sink *sink = NULL;
	int status, n = 1, r;
	pid_t pid;

	snprintf(journal, sizeof(journal), "%s" JOURNAL_SUFFIX, run_id);
	if (hook->config_path) {
		arguments[n++] = "--config";
		arguments[n++] = hook->config_path;
	}
	arguments[n++] = journal;
	arguments[n++] = key;
	r = posix_spawn(&pid, hook->settings.merge_program, NULL, NULL,
			(char *const *)(uintptr_t)arguments, environment);
	if (r != 0)
		return error_set(err, r, "cannot execute '%s'", hook->settings.merge_program);
	if (waitpid(pid, &status, 0) < 0 || !WIFEXITED(status) || WEXITSTATUS(status) != 0)
		return error_say(err, EIO, "the run of container '%s' was not merged",
				 hook->state.id);
	event.run = run_id;
	event.container = hook->state.id;
	event.detail = "the mediator ended before the run was merged";
	if (event_sink_open(hook->settings.event_file, 0, &sink, NULL) == 0)
		event_emit(sink, &event);
	event_sink_free(sink);
	return 0;
}

int hook_poststop(struct hook *hook, struct error *err)
{
	cleanup_close int runtime_fd =
		open(hook->settings.runtime_directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char key[RUN_KEY_ROOM], run_id[JOURNAL_ID_ROOM];
	int r;

	if (runtime_fd < 0 && errno == ENOENT)
		return 0;
	if (runtime_fd < 0)
		return error_set(err, errno, "cannot open '%s'", hook->settings.runtime_directory);
	run_key(&hook->state, key);
	r = run_file_wait(runtime_fd, key, hook->settings.poststop_wait_ms, run_id);
	if (r == -ETIMEDOUT)
		return error_say(err, ETIMEDOUT,
				 "the run of container '%s' is not merged after %lu ms",
				 hook->state.id, hook->settings.poststop_wait_ms);
	if (r < 0)
		return error_set(err, -r, "cannot wait for the run file '%s'", key);
	return r > 0 ? 0 : recover(hook, key, run_id, err);
}
