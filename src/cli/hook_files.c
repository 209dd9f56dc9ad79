/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Hook definitions: writing and recognising them. */
#include "cli/hook_files.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/json.h"
#include "base/text.h"

#define HOOK_FILE_BYTES_MAX 65536

const char *hook_file_name(enum hook_stage stage)
{
	return stage == HOOK_CREATE_RUNTIME ? "husk-createRuntime.json" : "husk-poststop.json";
}

int hook_file_make(const struct hook_plan *hooks, enum hook_stage stage, bool annotated_only,
		   struct buf *out)
{
	cleanup_json_writer struct json_writer *w = json_writer_new(true);

	if (!w)
		return -ENOMEM;
	json_object_begin(w);
	json_member_string(w, "version", "1.0.0");
	json_key(w, "hook");
	hook_put_entry(w, hooks, stage);
	json_key(w, "when");
	json_object_begin(w);
	if (annotated_only) {
		json_key(w, "annotations");
		json_object_begin(w);
		json_member_string(w, "^husk\\.function$", ".+");
		json_object_end(w);
	} else {
		json_member_bool(w, "always", true);
	}
	json_object_end(w);
	json_key(w, "stages");
	json_array_begin(w);
	json_put_string(w, hook_stage_name(stage));
	json_array_end(w);
	json_object_end(w);
	return json_writer_end(w, out);
}

int hook_file_look(int dir_fd, enum hook_stage stage, struct hook_file *ret, struct error *err)
{
	const char *name = hook_file_name(stage);
	cleanup_json struct json *document = NULL;
	cleanup_free char *bytes = NULL;
	const char *program, *slash;
	size_t len;
	int r;

	*ret = (struct hook_file){0};
	r = read_file_at(dir_fd, name, HOOK_FILE_BYTES_MAX, &bytes, &len, err);
	if (r == -ENOENT) {
		if (err)
			*err = ERROR_INIT;
		return 0;
	}
	if (r == 0)
		r = json_parse(name, bytes, len, &document, err);
	if (r < 0)
		return r;
	ret->present = true;
	program = json_string(json_get(json_get(document, "hook"), "path"));
	if (!program || !text_copy(ret->program, sizeof(ret->program), program))
		return 0;
	slash = strrchr(program, '/');
	ret->ours = slash &&
		    (strcmp(slash + 1, "husk-hook") == 0 || strcmp(slash + 1, "husk-merge") == 0);
	ret->program_there = access(program, X_OK) == 0;
	return 0;
}
