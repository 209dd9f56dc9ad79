/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where a container's configuration lies. The search costs nothing where it is in its place. */
#include "container/bundle.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"

#define ARGUMENTS_BYTES_MAX ((size_t)1 << 20)

const char *bundle_config_argument(const char *words, size_t len)
{
	static const char with_value[] = "--config=";
	const char *found = NULL, *end = words + len;

	for (const char *word = words; word < end; word += strlen(word) + 1) {
		const char *next = word + strlen(word) + 1;

		if (strncmp(word, with_value, strlen(with_value)) == 0)
			found = word + strlen(with_value);
		else if ((strcmp(word, "-f") == 0 || strcmp(word, "--config") == 0) && next < end)
			found = word = next;
	}
	return found;
}

/* Copies the name of the configuration's file; "config.json" where the runtime was told none. */
static void name_config(pid_t runtime, char *out, size_t room)
{
	cleanup_free char *words = NULL;
	const char *name = NULL;
	char path[32];
	size_t len = 0;

	(void)snprintf(path, sizeof(path), "/proc/%d/cmdline", (int)runtime);
	if (read_file_at(AT_FDCWD, path, ARGUMENTS_BYTES_MAX, &words, &len, NULL) == 0)
		name = bundle_config_argument(words, len);
	(void)snprintf(out, room, "%s", name ? name : "config.json");
}

/* Where the first process of the container is: no longer than PATH_MAX, or -errno. */
static int find_directory(pid_t pid, char *out)
{
	char link[32];
	ssize_t len;

	(void)snprintf(link, sizeof(link), "/proc/%d/cwd", (int)pid);
	len = readlink(link, out, PATH_MAX);
	if (len < 0)
		return -errno;
	if (len == PATH_MAX)
		return -ENAMETOOLONG;
	out[len] = '\0';
	return *out == '/' ? 0 : -ENOENT;
}

static int search(struct oci_state *state, pid_t runtime, struct oci_spec *ret, struct error *err)
{
	char directory[PATH_MAX], name[PATH_MAX];
	cleanup_free char *bundle = NULL;
	int r = find_directory(state->pid, directory);

	if (r < 0)
		return r;
	name_config(runtime, name, sizeof(name));
	bundle = strdup(directory);
	if (!bundle)
		return error_set(err, ENOMEM, "cannot read the configuration");
	r = oci_spec_read(directory, name, ret, err);
	if (r < 0)
		return r;
	free(state->bundle);
	state->bundle = steal_ptr(&bundle);
	return 0;
}

int bundle_read(struct oci_state *state, pid_t runtime, struct oci_spec *ret, struct error *err)
{
	struct error elsewhere = ERROR_INIT;
	int r = oci_spec_read(state->bundle, "config.json", ret, err), found;

	if (r != -ENOENT || state->pid <= 0)
		return r;
	found = search(state, runtime, ret, &elsewhere);
	if (found < 0 && !elsewhere.code)
		return r;
	if (found != -ENOENT) {
		*err = elsewhere;
		return found;
	}
	return r;
}
