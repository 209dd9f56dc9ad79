/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The digest of what defines a function. It must be the same for every container of one image and
 * configuration, although engines give each container a root of its own and list environment
 * variables in random order, and it must differ whenever anything of it does: SHA-256 over fields
 * with their lengths, so that nobody can make up a second definition with the same digest.
 */
#include "container/definition-internal.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/sha256.h"
#include "base/text.h"
#include "container/mountinfo.h"

#define VERSION "husk definition 1"

static void add_text(struct sha256 *sha, const char *text)
{
	sha256_add_field(sha, text, strlen(text));
}

static bool has_suffix(const char *name, size_t len, const char *suffix)
{
	size_t suffix_len = strlen(suffix);

	return len > suffix_len && memcmp(name + len - suffix_len, suffix, suffix_len) == 0;
}

int definition_is_service_variable(const char *name, size_t len)
{
	static const char service[] = "_SERVICE_PORT_", port[] = "_PORT_";
	const char *number = memmem(name, len, port, sizeof(port) - 1);

	if (has_suffix(name, len, "_SERVICE_HOST") || has_suffix(name, len, "_SERVICE_PORT") ||
	    has_suffix(name, len, "_PORT") || memmem(name, len, service, sizeof(service) - 1))
		return 1;
	if (!number)
		return 0;
	number += sizeof(port) - 1;
	return number < name + len && *number >= '0' && *number <= '9';
}

struct name {
	const char *text;
	size_t len;
};

static int compare_names(const void *a, const void *b)
{
	const struct name *one = a, *other = b;
	size_t len = one->len < other->len ? one->len : other->len;
	int order = memcmp(one->text, other->text, len);

	if (order != 0)
		return order;
	return one->len < other->len ? -1 : one->len > other->len;
}

static int add_environment(struct sha256 *sha, const struct oci_spec *spec)
{
	cleanup_free struct name *names = calloc(spec->n_env + 1, sizeof(*names));
	size_t count = 0;

	if (!names)
		return -ENOMEM;
	for (size_t i = 0; i < spec->n_env; i++) {
		size_t len = strcspn(spec->env[i], "=");

		if (!definition_is_service_variable(spec->env[i], len))
			names[count++] = (struct name){spec->env[i], len};
	}
	qsort(names, count, sizeof(*names), compare_names);
	for (size_t i = 0; i < count; i++) {
		if (i == 0 || compare_names(&names[i - 1], &names[i]) != 0)
			sha256_add_field(sha, names[i].text, names[i].len);
	}
	return 0;
}

/*
 * Docker puts a layer of the container's own, with its /etc/hosts and the like, above those of the
 * image: overlay2/l/SHORT, which is a link to ../ID-init/diff. Short names are relative to overlay2
 * where there are many, and the root is overlay2/ID/merged. Source: moby,
 * daemon/graphdriver/overlay2/overlay.go.
 */
static bool is_init_layer(const char *root, const char *layer, size_t len)
{
	static const char suffix[] = "-init/diff";
	char path[2 * PATH_MAX], target[PATH_MAX];
	ssize_t n;

	if (len == 0 || len >= PATH_MAX)
		return false;
	snprintf(path, sizeof(path), "%s%s%.*s", *layer == '/' ? "" : root,
		 *layer == '/' ? "" : "/../../", (int)len, layer);
	n = readlink(path, target, sizeof(target));
	return n > (ssize_t)sizeof(suffix) && (size_t)n < sizeof(target) &&
	       memcmp(target + n - (sizeof(suffix) - 1), suffix, sizeof(suffix) - 1) == 0;
}

/* The options of an overlay that name what lies below: "lowerdir=", and "lowerdir+=" and
 * "datadir+=" of the new mount interface. */
static void add_lower(struct sha256 *sha, const char *root, const char *options)
{
	bool first = true;

	while (*options) {
		size_t len = strcspn(options, ",");
		const char *value = options + strcspn(options, "=,");

		/* a comma within a directory's name is escaped with a backslash */
		while (len > 0 && options[len] && options[len - 1] == '\\')
			len += 1 + strcspn(options + len + 1, ",");
		if (strncmp(options, "lowerdir", 8) == 0 || strncmp(options, "datadir", 7) == 0) {
			size_t rest = len - (size_t)(value - options);
			size_t layer = strcspn(value, ":,");

			if (first && layer > 1 && is_init_layer(root, value + 1, layer - 1)) {
				value += layer;
				rest -= layer;
			}
			sha256_add_field(sha, value, rest);
			first = false;
		}
		options += len + (options[len] ? 1 : 0);
	}
}

/* Adds the lower directories of the overlay that is mounted at `path`. Returns false for another
 * root. */
static bool add_overlay(struct sha256 *sha, const char *path)
{
	cleanup_mountinfo struct mountinfo mount = {0};
	cleanup_free char *bytes = NULL;
	struct statx stx;
	size_t len = 0;

	if (statx(AT_FDCWD, path, AT_NO_AUTOMOUNT, STATX_MNT_ID, &stx) < 0)
		return false;
	if (!(stx.stx_mask & STATX_MNT_ID) || !(stx.stx_attributes & STATX_ATTR_MOUNT_ROOT))
		return false;
	if (read_file_at(AT_FDCWD, "/proc/self/mountinfo", MOUNTINFO_BYTES_MAX, &bytes, &len,
			 NULL) < 0 ||
	    mountinfo_find(bytes, len, (int)stx.stx_mnt_id, &mount, NULL) != 0)
		return false;
	if (strcmp(mount.entries[0].type, "overlay") != 0 ||
	    strcmp(mount.entries[0].root, "/") != 0)
		return false;
	add_text(sha, "overlay");
	add_lower(sha, path, mount.entries[0].super_options);
	return true;
}

static int add_root(struct sha256 *sha, const struct oci_state *state, const struct oci_spec *spec)
{
	bool absolute = spec->root_path[0] == '/';
	char path[PATH_MAX];
	int n = snprintf(path, sizeof(path), "%s%s%s", absolute ? "" : state->bundle,
			 absolute ? "" : "/", spec->root_path);

	if (n < 0 || (size_t)n >= sizeof(path))
		return -ENAMETOOLONG;
	if (add_overlay(sha, path))
		return 0;
	add_text(sha, "path");
	add_text(sha, path);
	return 0;
}

int definition_digest(const struct oci_state *state, const struct oci_spec *spec, const char *image,
		      char out[DEFINITION_ROOM], struct error *err)
{
	unsigned char digest[SHA256_BYTES];
	uint64_t numbers[] = {spec->n_args, spec->uid, spec->gid};
	struct sha256 sha;
	int r = 0;

	sha256_init(&sha);
	add_text(&sha, VERSION);
	add_text(&sha, image);
	if (!*image)
		r = add_root(&sha, state, spec);
	sha256_add_field(&sha, numbers, sizeof(numbers));
	for (size_t i = 0; i < spec->n_args; i++)
		add_text(&sha, spec->args[i]);
	add_text(&sha, spec->cwd);
	if (r == 0)
		r = add_environment(&sha, spec);
	if (r < 0)
		return error_set(err, -r, "cannot tell the function's revision");
	sha256_finish(&sha, digest);
	text_copy(out, DEFINITION_ROOM, "sha-");
	for (size_t i = 0, at = 4; i < 16; i++, at += 2)
		snprintf(out + at, 3, "%02x", digest[i]);
	return 0;
}
