/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The state that a runtime hands to a hook. What the bytes say is not trusted: the id becomes part
 * of file names and messages, so only what is harmless in both passes.
 */
#include "container/state.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "base/cleanup.h"
#include "container/document-internal.h"

#define NAME "state"
#define ID_BYTES_MAX 1024

static bool has_control(const char *text)
{
	for (const char *t = text; *t; t++) {
		if ((unsigned char)*t < 0x20 || *t == 0x7f)
			return true;
	}
	return false;
}

static int check_id(const char *id, struct error *err)
{
	if (!id)
		return document_error(NAME, "id", "is missing", err);
	if (*id == '\0' || strlen(id) > ID_BYTES_MAX)
		return document_error(NAME, "id", "is empty or longer than 1024 bytes", err);
	if (strchr(id, '/') || has_control(id) || strcmp(id, ".") == 0 || strcmp(id, "..") == 0)
		return document_error(NAME, "id", "is no file name", err);
	return 0;
}

static int check_bundle(const char *bundle, struct error *err)
{
	if (!bundle)
		return document_error(NAME, "bundle", "is missing", err);
	if (*bundle != '/')
		return document_error(NAME, "bundle", "is no absolute path", err);
	if (strlen(bundle) >= PATH_MAX)
		return document_error(NAME, "bundle", "is longer than a path can be", err);
	return 0;
}

static int copy_members(const char *id, const char *bundle, const char *status, int64_t pid,
			struct oci_state *ret, struct error *err)
{
	struct oci_state state = {
		.id = strdup(id),
		.bundle = strdup(bundle),
		.status = status ? strdup(status) : NULL,
		.pid = (pid_t)pid,
	};

	if (!state.id || !state.bundle || (status && !state.status)) {
		oci_state_release(&state);
		return error_set(err, ENOMEM, "cannot read the state");
	}
	*ret = state;
	return 0;
}

int oci_state_parse(const char *bytes, size_t len, struct oci_state *ret, struct error *err)
{
	cleanup_json struct json *json = NULL;
	const char *id = NULL, *bundle = NULL, *status = NULL;
	int64_t pid = 0;
	int r = document_parse(NAME, bytes, len, &json, err);

	if (r == 0)
		r = document_string(NAME, json, "id", "id", &id, err);
	if (r == 0)
		r = document_string(NAME, json, "bundle", "bundle", &bundle, err);
	if (r == 0)
		r = document_string(NAME, json, "status", "status", &status, err);
	if (r == 0)
		r = document_integer(NAME, json, "pid", "pid", INT_MAX, &pid, err);
	if (r == 0)
		r = check_id(id, err);
	if (r == 0)
		r = check_bundle(bundle, err);
	if (r < 0)
		return r;
	return copy_members(id, bundle, status, pid, ret, err);
}

void oci_state_release(struct oci_state *state)
{
	int saved = errno;

	free(state->id);
	free(state->bundle);
	free(state->status);
	*state = (struct oci_state){0};
	errno = saved;
}
