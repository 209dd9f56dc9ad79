/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From what a person asked for to a bundle. Without an image the host's file system is the root,
 * and what must not be seen of it is hidden: husk's own directories, and /run with the host's
 * sockets.
 */
#include "cli/local.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/json.h"
#include "base/text.h"
#include "cli/place.h"
#include "cli/process.h"

#define DEFAULT_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
#define MASKED_MAX 3
#define VOLUMES_MAX 64

/* What a plan's pointers point into while a bundle is made. */
struct making {
	struct process_user user;
	struct process_env env;
	struct mountinfo info;
	struct bundle_mount mounts[PLACE_MOUNTS_MAX + VOLUMES_MAX + 2];
	size_t n_mounts;
	char *sources[VOLUMES_MAX + 2]; /* owned texts of mounts */
	size_t n_sources;
	const char *masked[MASKED_MAX];
	char workdir[PATH_MAX];
	char name[256];
};

static void making_free_p(struct making **m)
{
	if (!*m)
		return;
	process_env_release(&(*m)->env);
	mountinfo_release(&(*m)->info);
	for (size_t i = 0; i < (*m)->n_sources; i++)
		free((*m)->sources[i]);
	free(*m);
}

static bool is_utf8(const char *text)
{
	size_t len = strlen(text);

	for (size_t i = 0; i < len;) {
		size_t step = utf8_sequence(text + i, len - i);

		if (step == 0)
			return false;
		i += step;
	}
	return true;
}

bool local_name_is_good(const char *name)
{
	size_t len = strlen(name);

	for (const char *c = name; *c; c++) {
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			return false;
	}
	return len > 0 && len <= 255 && is_utf8(name);
}

static int check_texts(const char *const *texts, size_t n, struct error *err)
{
	for (size_t i = 0; i < n; i++) {
		if (!is_utf8(texts[i]))
			return error_say(
				err, EINVAL,
				"'%s' is not UTF-8, and config.json can carry nothing else",
				texts[i]);
	}
	return 0;
}

static bool is_file(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

/* Places that the container makes empty for itself, so that a mount point in them can be made. */
static bool is_private(const char *path)
{
	return place_is_below(path, "/tmp") || place_is_below(path, "/run");
}

static int add_volume(struct making *m, const char *text, bool host_root, struct error *err)
{
	struct bundle_mount *mount = &m->mounts[m->n_mounts];
	cleanup_free char *copy = strdup(text);
	char *destination = copy ? strchr(copy, ':') : NULL;
	char *mode = destination ? strchr(destination + 1, ':') : NULL;
	char *source;

	if (!copy)
		return error_set(err, ENOMEM, "cannot read the volumes");
	if (mode)
		*mode++ = '\0';
	if (destination)
		*destination++ = '\0';
	if (!destination || *copy == '\0' || *destination != '/' ||
	    (mode && strcmp(mode, "ro") != 0 && strcmp(mode, "rw") != 0)) {
		error_say(err, EINVAL, "'%s' is no volume", text);
		error_hint(err, "write SOURCE:/DESTINATION or SOURCE:/DESTINATION:ro");
		return -EINVAL;
	}
	if (m->n_sources + 2 > VOLUMES_MAX)
		return error_say(err, EINVAL, "more than %d volumes", VOLUMES_MAX / 2);
	source = realpath(copy, NULL);
	if (!source)
		return error_set(err, errno, "cannot use the volume's source '%s'", copy);
	m->sources[m->n_sources++] = source;
	if (host_root && !is_private(destination) && access(destination, F_OK) < 0) {
		error_say(err, EINVAL, "the volume's destination '%s' is not there", destination);
		error_hint(err, "the root is the host's, read-only: name a directory that exists, "
				"or one below /tmp");
		return -EINVAL;
	}
	*mount = (struct bundle_mount){.source = source, .recursive = true};
	mount->read_only = mode && strcmp(mode, "ro") == 0;
	destination = strdup(destination);
	if (!destination)
		return error_set(err, ENOMEM, "cannot read the volumes");
	m->sources[m->n_sources++] = destination;
	mount->destination = destination;
	m->n_mounts++;
	return 0;
}

/* A resolver's file often lies in /run, which is hidden; names would not resolve without it. */
static void add_resolver(struct making *m)
{
	char *target = realpath("/etc/resolv.conf", NULL);

	if (!target || !place_is_below(target, "/run")) {
		free(target);
		return;
	}
	m->sources[m->n_sources++] = target;
	m->mounts[m->n_mounts++] = (struct bundle_mount){
		.source = target, .destination = target, .read_only = true, .no_exec = true};
}

/* What is mounted where a directory above was covered later is listed, but cannot be reached. */
static size_t drop_covered(struct bundle_mount *mounts, size_t n)
{
	size_t kept = 0;
	struct stat st;

	for (size_t i = 0; i < n; i++) {
		if (lstat(mounts[i].source, &st) == 0)
			mounts[kept++] = mounts[i];
	}
	return kept;
}

static int add_host_mounts(struct making *m, const struct settings *settings, struct error *err)
{
	const char *const hidden[] = {settings->state_directory, settings->runtime_directory};
	cleanup_free char *bytes = NULL;
	size_t len, left_out = 0;
	int r;

	r = read_file_at(AT_FDCWD, "/proc/self/mountinfo", MOUNTINFO_BYTES_MAX, &bytes, &len, err);
	if (r == 0)
		r = mountinfo_parse(bytes, len, &m->info, err);
	if (r < 0)
		return r;
	m->n_mounts = place_choose(&m->info, m->workdir, hidden, 2, m->mounts, &left_out);
	m->n_mounts = drop_covered(m->mounts, m->n_mounts);
	if (left_out > 0)
		fprintf(stderr,
			"husk: %zu mounts of the host beyond %d are not shown to the program\n",
			left_out, PLACE_MOUNTS_MAX);
	return 0;
}

static int find_workdir(struct making *m, const struct local_request *q,
			const struct settings *settings, struct error *err)
{
	const char *const own[] = {settings->state_directory, settings->runtime_directory};
	struct stat st;

	if (q->rootfs) {
		if (!text_copy(m->workdir, sizeof(m->workdir), q->workdir ? q->workdir : "/"))
			return error_say(err, ENAMETOOLONG, "the working directory is too long");
		return 0;
	}
	if (!realpath(q->workdir ? q->workdir : ".", m->workdir))
		return error_set(err, errno, "cannot use the working directory '%s'",
				 q->workdir ? q->workdir : ".");
	if (stat(m->workdir, &st) == 0 && !S_ISDIR(st.st_mode))
		return error_set(err, ENOTDIR, "cannot use the working directory '%s'", q->workdir);
	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++) {
		if (place_is_below(m->workdir, own[i]))
			return error_say(err, EINVAL, "'%s' is husk's own: run from elsewhere",
					 m->workdir);
	}
	return 0;
}

/* The working directory, writable, unless it is the whole root or the kernel's. */
static void add_workdir(struct making *m)
{
	const char *dir = m->workdir;

	if (strcmp(dir, "/") == 0 || place_is_below(dir, "/proc") || place_is_below(dir, "/sys"))
		return;
	if (place_is_below(dir, "/dev")) {
		if (!place_is_below(dir, "/dev/shm") || strlen(dir) <= strlen("/dev/shm/"))
			return;
		fprintf(stderr, "husk: what is done in '%s' is not watched: it lies below /dev\n",
			dir);
	}
	m->mounts[m->n_mounts++] =
		(struct bundle_mount){.source = dir, .destination = dir, .recursive = true};
}

static int make_env(struct making *m, const struct local_request *q, struct error *err)
{
	static const char *const passed[] = {"LANG", "LC_ALL", "LC_CTYPE", "TZ"};
	const char *path = q->rootfs ? NULL : getenv("PATH");
	const char *home = m->user.home;
	const char *term = getenv("TERM");
	int r;

	if (!q->user && !q->rootfs && getenv("HOME"))
		home = getenv("HOME");
	r = process_env_set(&m->env, "PATH", path && *path ? path : DEFAULT_PATH);
	if (r == 0)
		r = process_env_set(&m->env, "HOME", *home ? home : "/");
	if (r == 0 && term)
		r = process_env_set(&m->env, "TERM", term);
	for (size_t i = 0; r == 0 && i < sizeof(passed) / sizeof(passed[0]); i++) {
		if (getenv(passed[i]))
			r = process_env_set(&m->env, passed[i], getenv(passed[i]));
	}
	if (r < 0)
		return error_set(err, -r, "cannot make the environment");
	for (size_t i = 0; r == 0 && i < q->env.n; i++)
		r = process_env_parse(&m->env, q->env.items[i], err);
	return r;
}

static int make_parts(struct making *m, const struct local_request *q,
		      const struct settings *settings, struct error *err)
{
	int r = 0;

	if (q->user)
		r = process_user_parse(q->user, !q->rootfs, &m->user, err);
	if (r == 0)
		r = make_env(m, q, err);
	if (r == 0)
		r = find_workdir(m, q, settings, err);
	if (r == 0 && !q->rootfs) {
		r = add_host_mounts(m, settings, err);
		if (r == 0 && strcmp(q->network, "none") != 0)
			add_resolver(m);
		add_workdir(m);
	}
	for (size_t i = 0; r == 0 && i < q->volumes.n; i++)
		r = add_volume(m, q->volumes.items[i], !q->rootfs, err);
	if (r == 0)
		r = check_texts(q->args, q->n_args, err);
	if (r == 0)
		r = check_texts((const char *const *)m->env.items, m->env.n, err);
	for (size_t i = 0; r == 0 && i < m->n_mounts; i++)
		r = check_texts(
			(const char *const[]){m->mounts[i].source, m->mounts[i].destination}, 2,
			err);
	return r;
}

static int make(const struct local_request *q, const struct settings *settings, const char *root,
		struct buf *out, struct error *err)
{
	__attribute__((cleanup(making_free_p))) struct making *m = calloc(1, sizeof(*m));
	struct bundle_plan plan;
	struct winsize size = {0}; /* stays so without a terminal */
	int r;

	if (!m)
		return error_set(err, ENOMEM, "cannot make a bundle");
	(void)ioctl(STDIN_FILENO, TIOCGWINSZ, &size);
	r = make_parts(m, q, settings, err);
	if (r < 0)
		return r;
	m->masked[0] = settings->state_directory;
	m->masked[1] = settings->runtime_directory;
	m->masked[2] = settings->event_file;
	bundle_function_name(q->args, q->n_args, is_file, m->name, sizeof(m->name));
	plan = (struct bundle_plan){
		.hooks = q->hooks,
		.function = q->name ? q->name : m->name,
		.revision = q->revision,
		.trusted = q->trusted,
		.root = q->rootfs ? q->rootfs : root,
		.args = q->args,
		.n_args = q->n_args,
		.env = (const char *const *)m->env.items,
		.n_env = m->env.n,
		.cwd = m->workdir,
		.uid = m->user.uid,
		.gid = m->user.gid,
		.groups = m->user.groups,
		.n_groups = m->user.n_groups,
		.terminal = q->terminal,
		.rows = size.ws_row,
		.columns = size.ws_col,
		.pid_namespace = q->pid_namespace,
		.network_none = strcmp(q->network, "none") == 0,
		.cgroup_namespace = access("/proc/self/ns/cgroup", F_OK) == 0,
		.private_run = !q->rootfs,
		.mounts = m->mounts,
		.n_mounts = m->n_mounts,
		.masked = m->masked,
		.n_masked = q->rootfs ? 0 : MASKED_MAX,
	};
	return bundle_make(&plan, out, err);
}

static int adapt(const struct local_request *q, struct buf *out, struct error *err)
{
	const struct bundle_plan plan = {
		.hooks = q->hooks,
		.function = q->name,
		.revision = q->revision,
		.trusted = q->trusted,
		.terminal = q->terminal,
	};
	cleanup_json struct json *theirs = NULL;
	cleanup_free char *bytes = NULL;
	char path[PATH_MAX];
	size_t len;
	int r;

	if (snprintf(path, sizeof(path), "%s/config.json", q->bundle) >= (int)sizeof(path))
		return error_say(err, ENAMETOOLONG, "the bundle's path is too long");
	r = read_file_at(AT_FDCWD, path, JSON_BYTES_MAX, &bytes, &len, err);
	if (r == 0)
		r = json_parse(path, bytes, len, &theirs, err);
	if (r < 0)
		return r;
	return bundle_adapt(&plan, q->bundle, theirs, out, err);
}

int local_config(const struct local_request *request, const struct settings *settings,
		 const char *root, struct buf *out, struct error *err)
{
	if (request->bundle)
		return adapt(request, out, err);
	return make(request, settings, root, out, err);
}
