/* SPDX-License-Identifier: GPL-2.0-or-later */
/* poststop: the run is over for the engine once it is merged. */
#include "merge/poststop.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/json.h"
#include "container/state.h"
#include "journal/journal.h"
#include "journal/run-file.h"
#include "merge/merge.h"

static int read_state(int fd, struct oci_state *ret, struct error *err)
{
	cleanup_free char *bytes = NULL;
	size_t len;
	int r = read_to_end(fd, JSON_BYTES_MAX, &bytes, &len);

	if (r < 0)
		return error_set(err, -r, "cannot read the container's state from standard input");
	return oci_state_parse(bytes, len, ret, err);
}

static int merge_container(int runtime_fd, int journals, const struct oci_state *state,
			   const struct settings *settings, struct event_sink *events,
			   struct error *err)
{
	char key[RUN_KEY_ROOM], run_id[JOURNAL_ID_ROOM];
	cleanup_close int run_fd = -1;
	int r;

	run_key(state->id, state->bundle, key);
	run_fd = run_file_wait(runtime_fd, key, settings->poststop_wait_ms, run_id);
	if (run_fd == -ENOENT)
		return 0;
	if (run_fd == -ETIMEDOUT)
		return error_say(err, ETIMEDOUT,
				 "the mediator of container '%s' has not ended after %lu ms",
				 state->id, settings->poststop_wait_ms);
	if (run_fd < 0)
		return error_set(err, -run_fd, "cannot wait for the run file '%s'", key);
	r = merge_run(journals, run_id, NULL, settings, events, err);
	/* The container is gone, whatever became of its journal. */
	if (unlinkat(runtime_fd, key, 0) < 0 && r == 0)
		r = error_set(err, errno, "cannot remove the run file '%s'", key);
	return r;
}

int merge_poststop(int state_fd, const struct settings *settings, struct event_sink *events,
		   struct error *err)
{
	cleanup_oci_state struct oci_state state = {0};
	cleanup_close int runtime_fd = -1, journals = -1;
	int r = read_state(state_fd, &state, err);

	if (r < 0)
		return r;
	runtime_fd = open(settings->runtime_directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (runtime_fd < 0)
		return errno == ENOENT ? 0
				       : error_set(err, errno, "cannot open '%s'",
						   settings->runtime_directory);
	journals = merge_open_journals(settings, err);
	if (journals < 0)
		return journals;
	r = merge_container(runtime_fd, journals, &state, settings, events, err);
	if (r < 0)
		return r;
	run_file_sweep(runtime_fd, journals);
	return merge_left_over(journals, NULL, settings, events, err);
}
