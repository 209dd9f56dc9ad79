/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What husk needs of config.json. The parsed tree stays alive and the strings point into it: the
 * only allocations besides it are one array for args and env and one for the mounts.
 */
#include "container/spec.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/json.h"
#include "container/document-internal.h"
#include "container/profile-internal.h"
#include "policy/calls.h"
#include "policy/capability.h"

#define ID_MAX (UINT32_MAX - 1) /* (uid_t)-1 means "no id" to the kernel */

static int read_user(const char *name, const struct json *process, struct oci_spec *spec,
		     struct error *err)
{
	const struct json *user = NULL;
	int64_t uid = 0, gid = 0;
	int r = document_object(name, process, "user", "process.user", &user, err);

	if (r == 0)
		r = document_integer(name, user, "uid", "process.user.uid", ID_MAX, &uid, err);
	if (r == 0)
		r = document_integer(name, user, "gid", "process.user.gid", ID_MAX, &gid, err);
	spec->uid = (uint32_t)uid;
	spec->gid = (uint32_t)gid;
	return r;
}

static int read_strings(const char *name, const struct json *process, struct oci_spec *spec,
			struct error *err)
{
	const struct json *args = NULL, *env = NULL;
	const char **strings;
	int r = document_array(name, process, "args", "process.args", &args, err);

	if (r == 0)
		r = document_array(name, process, "env", "process.env", &env, err);
	if (r < 0)
		return r;
	spec->n_args = json_count(args);
	spec->n_env = json_count(env);
	strings = calloc(spec->n_args + spec->n_env + 2, sizeof(*strings));
	if (!strings)
		return error_set(err, ENOMEM, "cannot read %s", name);
	spec->args = strings;
	spec->env = strings + spec->n_args + 1;
	r = document_strings(name, args, "process.args", strings, err);
	if (r == 0)
		r = document_strings(name, env, "process.env", strings + spec->n_args + 1, err);
	return r;
}

/* A set of capabilities. Runtimes pass over names that they do not know, with a warning. */
static int read_set(const char *name, const struct json *sets, const char *which, uint64_t *ret,
		    struct error *err)
{
	const struct json *set = NULL;
	char path[64];
	int r;

	snprintf(path, sizeof(path), "process.capabilities.%s", which);
	r = document_array(name, sets, which, path, &set, err);
	for (size_t i = 0; r == 0 && i < json_count(set); i++) {
		const char *capability = json_string(json_at(set, i));
		int number = capability ? capability_parse(capability) : -EINVAL;

		if (!capability)
			r = document_error(name, path, "holds what is no string", err);
		else if (number >= 0)
			*ret |= UINT64_C(1) << number;
	}
	return r;
}

static int read_privileges(const char *name, const struct json *process, struct oci_spec *spec,
			   struct error *err)
{
	const struct json *sets = NULL;
	int r = document_bool(name, process, "noNewPrivileges", "process.noNewPrivileges",
			      &spec->no_new_privileges, err);

	if (r == 0)
		r = document_object(name, process, "capabilities", "process.capabilities", &sets,
				    err);
	if (r == 0)
		r = read_set(name, sets, "bounding", &spec->bounding, err);
	if (r == 0)
		r = read_set(name, sets, "ambient", &spec->ambient, err);
	return r;
}

static int read_process(const char *name, const struct json *root, struct oci_spec *spec,
			struct error *err)
{
	const struct json *process = NULL;
	int r = document_object(name, root, "process", "process", &process, err);

	spec->cwd = "/";
	if (r == 0)
		r = document_string(name, process, "cwd", "process.cwd", &spec->cwd, err);
	if (r == 0 && spec->cwd[0] != '/')
		r = document_error(name, "process.cwd", "is no absolute path", err);
	if (r == 0)
		r = document_bool(name, process, "terminal", "process.terminal", &spec->terminal,
				  err);
	if (r == 0)
		r = read_user(name, process, spec, err);
	if (r == 0)
		r = read_strings(name, process, spec, err);
	if (r == 0)
		r = read_privileges(name, process, spec, err);
	return r;
}

static int read_root(const char *name, const struct json *json, struct oci_spec *spec,
		     struct error *err)
{
	const struct json *root = NULL;
	int r = document_object(name, json, "root", "root", &root, err);

	if (r == 0)
		r = document_string(name, root, "path", "root.path", &spec->root_path, err);
	if (r == 0)
		r = document_bool(name, root, "readonly", "root.readonly", &spec->root_readonly,
				  err);
	if (r < 0)
		return r;
	if (!spec->root_path || !*spec->root_path)
		return document_error(name, "root.path", "is missing", err);
	if (strlen(spec->root_path) >= PATH_MAX)
		return document_error(name, "root.path", "is longer than a path can be", err);
	return 0;
}

/* Of options that contradict each other the last holds. Source: mount(8), and the runtimes. */
static void read_option(const char *option, struct oci_mount *ret)
{
	static const struct {
		const char *option;
		bool propagates;
	} table[] = {
		{"shared", true},      {"rshared", true},      {"slave", true},
		{"rslave", true},      {"private", false},     {"rprivate", false},
		{"unbindable", false}, {"runbindable", false},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		if (strcmp(option, table[i].option) == 0)
			ret->propagates = table[i].propagates;
	}
	if (strcmp(option, "noexec") == 0)
		ret->noexec = true;
	else if (strcmp(option, "exec") == 0 || strcmp(option, "rexec") == 0)
		ret->noexec = false;
}

static int read_options(const char *name, const struct json *mount, const char *path,
			struct oci_mount *ret, struct error *err)
{
	const struct json *options = NULL;
	int r = document_array(name, mount, "options", path, &options, err);

	for (size_t i = 0; r == 0 && i < json_count(options); i++) {
		const char *option = json_string(json_at(options, i));

		if (option)
			read_option(option, ret);
	}
	return r;
}

static int read_mount(const char *name, const struct json *mount, size_t i, struct oci_mount *ret,
		      struct error *err)
{
	char path[64];
	int r;

	snprintf(path, sizeof(path), "mounts[%zu]", i);
	if (!json_is_object(mount))
		return document_error(name, path, "is no object", err);
	snprintf(path, sizeof(path), "mounts[%zu].destination", i);
	r = document_string(name, mount, "destination", path, &ret->destination, err);
	if (r == 0 && (!ret->destination || !*ret->destination))
		r = document_error(name, path, "is missing", err);
	snprintf(path, sizeof(path), "mounts[%zu].type", i);
	if (r == 0)
		r = document_string(name, mount, "type", path, &ret->type, err);
	snprintf(path, sizeof(path), "mounts[%zu].source", i);
	if (r == 0)
		r = document_string(name, mount, "source", path, &ret->source, err);
	snprintf(path, sizeof(path), "mounts[%zu].options", i);
	if (r == 0)
		r = read_options(name, mount, path, ret, err);
	return r;
}

static int read_mounts(const char *name, const struct json *json, struct oci_spec *spec,
		       struct error *err)
{
	const struct json *mounts = NULL;
	size_t count;
	int r = document_array(name, json, "mounts", "mounts", &mounts, err);

	count = json_count(mounts);
	if (r < 0 || count == 0)
		return r;
	spec->mounts = calloc(count, sizeof(*spec->mounts));
	if (!spec->mounts)
		return error_set(err, ENOMEM, "cannot read %s", name);
	for (; r == 0 && spec->n_mounts < count; spec->n_mounts++)
		r = read_mount(name, json_at(mounts, spec->n_mounts), spec->n_mounts,
			       &spec->mounts[spec->n_mounts], err);
	return r;
}

static int read_namespace(const char *name, const struct json *entry, size_t i,
			  struct oci_spec *spec, struct error *err)
{
	const char *type = NULL, *path = NULL;
	char member[64];
	int r;

	snprintf(member, sizeof(member), "linux.namespaces[%zu].type", i);
	r = document_string(name, entry, "type", member, &type, err);
	if (r == 0 && !type)
		r = document_error(name, member, "is missing", err);
	snprintf(member, sizeof(member), "linux.namespaces[%zu].path", i);
	if (r == 0)
		r = document_string(name, entry, "path", member, &path, err);
	if (r < 0)
		return r;
	if (strcmp(type, "mount") == 0) {
		spec->mount_namespace = true;
		spec->mount_namespace_new = !path || !*path;
	} else if (strcmp(type, "network") == 0) {
		spec->network_namespace_new = !path || !*path;
	} else if (strcmp(type, "user") == 0) {
		spec->user_namespace = true;
	}
	return 0;
}

static int read_seccomp(const char *name, const struct json *section, struct oci_spec *spec,
			struct error *err)
{
	const struct json *seccomp = NULL;
	const char *listener = NULL;
	int r = document_object(name, section, "seccomp", "linux.seccomp", &seccomp, err);

	if (r == 0)
		r = document_string(name, seccomp, "listenerPath", "linux.seccomp.listenerPath",
				    &listener, err);
	spec->seccomp_listener = listener && *listener;
	spec->seccomp_closed = !profile_lets(seccomp, PROFILE_RESTRICT);
	spec->seccomp_stays = !profile_lets(seccomp, PROFILE_ENTER);
	spec->seccomp_blind = !profile_lets(seccomp, PROFILE_TERMINALS);
	return r;
}

static int read_hooks(const char *name, const struct json *json, struct oci_spec *spec,
		      struct error *err)
{
	const struct json *hooks = NULL;
	int r = document_object(name, json, "hooks", "hooks", &hooks, err);

	if (r == 0)
		spec->has_inner_hooks = json_count(json_get(hooks, "createContainer")) > 0 ||
					json_count(json_get(hooks, "startContainer")) > 0;
	return r;
}

static int read_linux(const char *name, const struct json *json, struct oci_spec *spec,
		      struct error *err)
{
	const struct json *section = NULL, *namespaces = NULL;
	const char *propagation = NULL;
	int r = document_object(name, json, "linux", "linux", &section, err);

	if (r == 0)
		r = document_string(name, section, "cgroupsPath", "linux.cgroupsPath",
				    &spec->cgroups_path, err);
	if (r == 0)
		r = document_string(name, section, "rootfsPropagation", "linux.rootfsPropagation",
				    &propagation, err);
	spec->root_shared = propagation && (strcmp(propagation, "shared") == 0 ||
					    strcmp(propagation, "rshared") == 0);
	if (r == 0)
		r = document_array(name, section, "namespaces", "linux.namespaces", &namespaces,
				   err);
	for (size_t i = 0; r == 0 && i < json_count(namespaces); i++)
		r = read_namespace(name, json_at(namespaces, i), i, spec, err);
	return r == 0 ? read_seccomp(name, section, spec, err) : r;
}

/* Keys go into the error only as far as they are short: error_print() makes them harmless. */
static int check_annotations(const char *name, const struct json *json, struct error *err)
{
	const struct json *annotations = NULL;
	int r = document_object(name, json, "annotations", "annotations", &annotations, err);

	for (size_t i = 0; r == 0 && i < json_count(annotations); i++) {
		char path[160];

		if (json_string(json_at(annotations, i)))
			continue;
		snprintf(path, sizeof(path), "annotations.%.128s", json_key_at(annotations, i));
		r = document_error(name, path, "is no string", err);
	}
	return r;
}

int oci_spec_parse(const char *name, const char *bytes, size_t len, struct oci_spec *ret,
		   struct error *err)
{
	struct oci_spec spec = {0};
	int r = document_parse(name, bytes, len, &spec.json, err);

	if (r == 0)
		r = read_root(name, spec.json, &spec, err);
	if (r == 0)
		r = read_process(name, spec.json, &spec, err);
	if (r == 0)
		r = read_mounts(name, spec.json, &spec, err);
	if (r == 0)
		r = read_linux(name, spec.json, &spec, err);
	if (r == 0)
		r = read_hooks(name, spec.json, &spec, err);
	if (r == 0)
		r = check_annotations(name, spec.json, err);
	if (r < 0) {
		oci_spec_release(&spec);
		return r;
	}
	*ret = spec;
	return 0;
}

int oci_spec_read(const char *bundle, const char *name, struct oci_spec *ret, struct error *err)
{
	cleanup_free char *bytes = NULL;
	char path[PATH_MAX];
	size_t len = 0;
	int r = snprintf(path, sizeof(path), "%s%s%s", *name == '/' ? "" : bundle,
			 *name == '/' ? "" : "/", name);

	if (r < 0 || (size_t)r >= sizeof(path))
		return error_set(err, ENAMETOOLONG, "cannot open config.json in '%.200s'", bundle);
	r = read_file_at(AT_FDCWD, path, JSON_BYTES_MAX, &bytes, &len, err);
	if (r < 0)
		return r;
	r = oci_spec_parse("config.json", bytes, len, ret, err);
	if (r < 0)
		error_wrap(err, "bundle '%.200s'", bundle);
	return r;
}

void oci_spec_release(struct oci_spec *spec)
{
	int saved = errno;

	free((void *)(uintptr_t)spec->args); /* env lies in the same allocation */
	free(spec->mounts);
	json_free(spec->json);
	*spec = (struct oci_spec){0};
	errno = saved;
}

const char *oci_spec_annotation(const struct oci_spec *spec, const char *key)
{
	return json_string(json_get(json_get(spec->json, "annotations"), key));
}

const char *oci_spec_env(const struct oci_spec *spec, const char *name)
{
	size_t len = strlen(name);

	for (size_t i = spec->n_env; i > 0; i--) {
		const char *entry = spec->env[i - 1];

		if (strncmp(entry, name, len) != 0)
			continue;
		if (entry[len] == '=')
			return entry + len + 1;
		/* crun hands it to putenv(3), which removes the variable; runc refuses it */
		if (entry[len] == '\0')
			return NULL;
	}
	return NULL;
}

uint32_t oci_spec_calls(const struct oci_spec *spec, const char *const *names, uint32_t count)
{
	const struct json *profile = json_get(json_get(spec->json, "linux"), "seccomp");

	return json_is_object(profile) ? profile_count(profile, names, count) : CALLS_ALL;
}

/* Is `point` what `destination` names, or does it lie below? Returns the length of what they share
 * and 0 where it does not. Destinations may lack the first '/' and have more of them than needed.
 */
static size_t shared_length(const char *destination, const char *point)
{
	size_t len = 0;

	while (*destination) {
		size_t part;

		destination += strspn(destination, "/");
		part = strcspn(destination, "/");
		if (part == 0)
			break;
		if (point[len] != '/' || strncmp(point + len + 1, destination, part) != 0)
			return 0;
		len += part + 1;
		destination += part;
	}
	return point[len] == '/' || point[len] == '\0' ? len : 0;
}

const struct oci_mount *oci_spec_mount_at(const struct oci_spec *spec, const char *point)
{
	const struct oci_mount *found = NULL;
	size_t longest = 1;

	for (size_t i = 0; i < spec->n_mounts; i++) {
		size_t len = shared_length(spec->mounts[i].destination, point);

		if (len < longest)
			continue;
		longest = len;
		found = &spec->mounts[i];
	}
	return found;
}
