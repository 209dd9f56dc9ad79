/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * createRuntime. What goes wrong here is judged by one rule: a function that is
 * enforced does not start without husk; any other one does, and an event says so.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/json.h"
#include "container/bundle.h"
#include "container/identity.h"
#include "event/event.h"
#include "hook/hook.h"
#include "mediator/mediator.h"
#include "merge/standby.h"
#include "journal/run-file.h"
#include "policy/file.h"

/* What is known so far; each member is released at the end, whatever happened. */
struct start {
	const char *config_path;
	struct settings settings;
	struct oci_state state;
	struct oci_spec spec;
	struct identity identity;
	struct policy_image *policy;
	char run_key[RUN_KEY_ROOM]; /* by the bundle that the state names, as at poststop */
	char run_id[JOURNAL_ID_ROOM];
	struct standby standby;
	int state_fd, runtime_fd, run_fd;
	bool unknown;  /* there may be a policy, and it cannot be read */
	bool mediated; /* there is a mediator */
	bool damaged;  /* the policy file was; its copy is used */
};

static void tell(const struct start *start, enum event_kind kind, const char *detail)
{
	struct event event = EVENT(kind);
	struct event_sink *sink = NULL;
	/* The first event of a host may come before anything else made the directory. */
	int made = open_dir_made(start->settings.state_directory, 0700, NULL);

	if (made >= 0)
		close(made);
	if (event_sink_open(start->settings.event_file, 0, &sink, NULL) < 0)
		return;
	event.function = start->identity.function[0] ? start->identity.function : NULL;
	event.revision = start->identity.revision[0] ? start->identity.revision : NULL;
	event.container = start->state.id;
	event.detail = detail;
	event_emit(sink, &event);
	event_sink_free(sink);
}

static bool is_enforced(const struct start *start)
{
	enum mode modes[DOMAINS];

	mediator_modes(start->policy, &start->identity, modes);
	return modes_enforce(modes);
}

static int open_policy(struct start *start, struct error *err)
{
	const struct identity *identity = &start->identity;
	int r;

	start->state_fd = open_dir_made(start->settings.state_directory, 0700, err);
	if (start->state_fd < 0)
		return start->state_fd;
	r = policy_file_open(start->state_fd, identity->function, identity->revision,
			     &start->policy, &start->damaged, err);
	if (r == -ENOENT) {
		*err = ERROR_INIT;
		return 0;
	}
	start->unknown = r < 0;
	if (r == 0 && start->damaged)
		tell(start, EVENT_DEGRADED, "the policy file is damaged: its copy is used");
	return r;
}

static void stand_by(void *context)
{
	struct start *start = context;

	standby_start(&start->standby, &start->settings, start->runtime_fd, start->run_fd,
		      start->run_id);
}

static int start_mediator(struct start *start, struct error *err)
{
	struct mediator_setup setup = {
		.settings = &start->settings,
		.config_path = start->config_path,
		.state = &start->state,
		.spec = &start->spec,
		.identity = &start->identity,
		.run_id = start->run_id,
		.run_key = start->run_key,
		.state_fd = start->state_fd,
		.policy = start->policy,
		.meanwhile = stand_by,
		.context = start,
	};
	int r;

	if (start->state.pid <= 0)
		return error_say(err, EINVAL, "the state names no process of the container");
	if (!start->spec.mount_namespace_new)
		return error_say(err, EOPNOTSUPP,
				 "the container has no mount namespace of its own");
	start->runtime_fd = open_dir_made(start->settings.runtime_directory, 0700, err);
	if (start->runtime_fd < 0)
		return start->runtime_fd;
	setup.runtime_fd = start->runtime_fd;
	if (run_id_make(start->run_id) < 0)
		return error_set(err, EIO, "cannot make a run id");
	start->run_fd = run_file_claim(start->runtime_fd, start->run_key, start->run_id, err);
	if (start->run_fd < 0)
		return start->run_fd;
	setup.run_fd = start->run_fd;
	standby_open(&start->standby);
	setup.word_fd = start->standby.word_fd;
	setup.end_fd = start->standby.end_fd;
	setup.not_ours_fd = start->standby.wait_fd;
	r = mediator_start(&setup, err);
	standby_close(&start->standby);
	start->mediated = r == 0;
	return r;
}

/* A function that is not enforced starts all the same: what failed becomes an event. */
static int without_husk(struct start *start, int result, struct error *err)
{
	bool enforced = is_enforced(start);

	if (enforced && !start->settings.degrade) {
		tell(start, EVENT_REFUSED, err->what);
		error_wrap(err, "'%s' is enforced and cannot be wrapped", start->identity.function);
		if (!err->hint[0])
			error_hint(err, "run 'husk check'");
		return result;
	}
	tell(start, EVENT_DEGRADED, err->what);
	error_wrap(err, "the container starts without husk");
	error_print("husk-hook", err);
	return 0;
}

/* The runtime says so itself, and better. But were the program to appear before it is executed, by
 * another hook or on a volume, it would run unwrapped. */
static int without_program(struct start *start, struct error *err)
{
	error_say(err, ENOENT, "there is no program '%.200s' to wrap",
		  start->spec.n_args > 0 ? start->spec.args[0] : "");
	return without_husk(start, -ENOENT, err);
}

/* Always to the end: a runtime that writes into a closed pipe fails. */
static int read_state(struct start *start, struct error *err)
{
	cleanup_free char *bytes = NULL;
	size_t len;
	int r = read_to_end(STDIN_FILENO, JSON_BYTES_MAX, &bytes, &len);

	if (r < 0)
		return error_set(err, -r, "cannot read the container's state from standard input");
	return oci_state_parse(bytes, len, &start->state, err);
}

static void tell_not_taken(const struct start *start)
{
	char detail[256];

	if (start->identity.ignored || !start->identity.ignored_annotation)
		return;
	snprintf(detail, sizeof(detail),
		 "annotation %s: not taken, since with this engine an image can set it;"
		 " trust_podman_annotations in husk.conf takes it",
		 start->identity.ignored_annotation);
	tell(start, EVENT_DEGRADED, detail);
}

/* Reads who the container is. Without all of that nobody knows whether it is enforced, so it is not
 * started; what a hook prints many engines show nobody. */
static int read_identity(struct start *start, struct error *err)
{
	int r = bundle_read(&start->state, getppid(), &start->spec, err);

	if (r == 0)
		r = identity_find(&start->state, &start->spec, start->settings.detector_file,
				  start->settings.trust_podman_annotations ? IDENTITY_TRUST_IMAGES
									   : 0,
				  &start->identity, err);
	if (r < 0)
		tell(start, EVENT_REFUSED, err->what);
	return r;
}

static int create_runtime(struct start *start, struct error *err)
{
	int r = read_state(start, err);

	if (r == 0)
		run_key(start->state.id, start->state.bundle, start->run_key);
	if (r == 0)
		r = settings_read(start->config_path, &start->settings, err);
	if (r == 0)
		r = read_identity(start, err);
	if (r < 0)
		return r;
	tell_not_taken(start);
	if (start->identity.opted_out)
		tell(start, EVENT_DEGRADED, "the annotation husk.mode says off: not wrapped");
	if (start->identity.ignored || start->identity.opted_out)
		return 0;
	if (!start->identity.function[0]) {
		tell(start, EVENT_DEGRADED, "no rule says which function this is: not wrapped");
		return 0;
	}
	r = open_policy(start, err);
	/* It may be an enforced one. */
	if (start->unknown && !start->settings.degrade) {
		tell(start, EVENT_REFUSED, err->what);
		return r;
	}
	if (r == 0)
		r = start_mediator(start, err);
	if (r > 0)
		return without_program(start, err);
	return r < 0 ? without_husk(start, r, err) : 0;
}

int hook_create_container(const char *config_path, struct error *err)
{
	struct start start = {.config_path = config_path};
	int r = read_state(&start, err);

	oci_state_release(&start.state);
	return r;
}

int hook_create_runtime(const char *config_path, struct error *err)
{
	struct start start = {.config_path = config_path,
			      .state_fd = -1,
			      .runtime_fd = -1,
			      .run_fd = -1,
			      .standby = STANDBY_INIT};
	int r = create_runtime(&start, err);

	/* What was known before the fork is shared with the mediator: to free it is to copy it. */
	if (start.mediated)
		_exit(EX_OK);
	settings_release(&start.settings);
	policy_image_free(start.policy);
	oci_spec_release(&start.spec);
	oci_state_release(&start.state);
	if (start.run_fd >= 0)
		close(start.run_fd);
	if (start.runtime_fd >= 0)
		close(start.runtime_fd);
	if (start.state_fd >= 0)
		close(start.state_fd);
	return r;
}
