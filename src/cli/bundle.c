/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * config.json of a local run. Whatever is on by default in a Podman container is on here: its
 * capabilities, its masked and read-only paths; no_new_privs is on, which Podman leaves to the
 * caller.
 */
#include "cli/bundle.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/text.h"
#include "husk-paths.h"

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

/* Podman's default set. Source: containers-common, containers.conf(5), default_capabilities. */
static const char *const capabilities[] = {
	"CAP_CHOWN",   "CAP_DAC_OVERRIDE",     "CAP_FOWNER",	 "CAP_FSETID",
	"CAP_KILL",    "CAP_NET_BIND_SERVICE", "CAP_SETFCAP",	 "CAP_SETGID",
	"CAP_SETPCAP", "CAP_SETUID",	       "CAP_SYS_CHROOT",
};

/* Source: runtime-tools and containers-common, the default of all engines. */
static const char *const masked[] = {
	"/proc/acpi",	       "/proc/asound",	   "/proc/kcore",	"/proc/keys",
	"/proc/latency_stats", "/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug",
	"/proc/scsi",	       "/sys/firmware",	   "/sys/fs/selinux",	"/sys/dev/block",
};

static const char *const read_only[] = {
	"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger",
};

#define OPTIONS_MAX 8

struct fixed_mount {
	const char *destination, *type, *source;
	const char *options[OPTIONS_MAX];
};

/* Source: OCI runtime-spec, config-linux.md, default filesystems; options as the engines give them.
 */
static const struct fixed_mount fixed[] = {
	{"/proc", "proc", "proc", {"nosuid", "noexec", "nodev"}},
	{"/dev", "tmpfs", "tmpfs", {"nosuid", "strictatime", "mode=755", "size=65536k"}},
	{"/dev/pts",
	 "devpts",
	 "devpts",
	 {"nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"}},
	{"/dev/shm", "tmpfs", "shm", {"nosuid", "noexec", "nodev", "mode=1777", "size=65536k"}},
	{"/dev/mqueue", "mqueue", "mqueue", {"nosuid", "noexec", "nodev"}},
	{"/sys", "sysfs", "sysfs", {"nosuid", "noexec", "nodev", "ro"}},
	{"/tmp", "tmpfs", "tmpfs", {"nosuid", "nodev", "mode=1777"}},
};

/* The host's /run holds the sockets of its services, which a read-only mount would not close. */
static const struct fixed_mount private_run = {
	"/run", "tmpfs", "tmpfs", {"nosuid", "nodev", "mode=755"}};

const char *hook_stage_name(enum hook_stage stage)
{
	return stage == HOOK_CREATE_RUNTIME ? "createRuntime" : "poststop";
}

/* Longer than every bounded wait of husk-hook, so that the runtime never ends it half-way. */
#define HOOK_TIMEOUT_S 30

void hook_put_entry(struct json_writer *w, const struct hook_plan *hooks, enum hook_stage stage)
{
	bool starts = stage == HOOK_CREATE_RUNTIME;

	json_object_begin(w);
	json_member_string(w, "path", starts ? hooks->program : hooks->merge_program);
	json_key(w, "args");
	json_array_begin(w);
	json_put_string(w, starts ? "husk-hook" : "husk-merge");
	if (hooks->settings_path) {
		json_put_string(w, "--config");
		json_put_string(w, hooks->settings_path);
	}
	if (!starts && hooks->runtime_directory &&
	    strcmp(hooks->runtime_directory, HUSK_RUNTIME_DIR) != 0) {
		json_put_string(w, "--runtime-directory");
		json_put_string(w, hooks->runtime_directory);
	}
	json_put_string(w, hook_stage_name(stage));
	json_array_end(w);
	json_member_integer(w, "timeout", HOOK_TIMEOUT_S);
	json_object_end(w);
}

void hook_put_object(struct json_writer *w, const struct hook_plan *hooks,
		     const struct json *theirs)
{
	json_object_begin(w);
	for (size_t i = 0; i < json_count(theirs); i++) {
		const char *key = json_key_at(theirs, i);

		if (!key || strcmp(key, hook_stage_name(HOOK_CREATE_RUNTIME)) == 0 ||
		    strcmp(key, hook_stage_name(HOOK_POSTSTOP)) == 0)
			continue;
		json_key(w, key);
		json_put_value(w, json_at(theirs, i));
	}
	for (int stage = 0; stage < HOOK_STAGES; stage++) {
		const char *name = hook_stage_name((enum hook_stage)stage);
		const struct json *list = json_get(theirs, name);

		json_key(w, name);
		json_array_begin(w);
		for (size_t i = 0; json_is_array(list) && i < json_count(list); i++)
			json_put_value(w, json_at(list, i));
		hook_put_entry(w, hooks, (enum hook_stage)stage);
		json_array_end(w);
	}
	json_object_end(w);
}

static void put_strings(struct json_writer *w, const char *key, const char *const *texts, size_t n)
{
	json_key(w, key);
	json_array_begin(w);
	for (size_t i = 0; i < n; i++)
		json_put_string(w, texts[i]);
	json_array_end(w);
}

static void put_annotations(struct json_writer *w, const struct bundle_plan *plan,
			    const struct json *theirs)
{
	json_object_begin(w);
	for (size_t i = 0; i < json_count(theirs); i++) {
		const char *key = json_key_at(theirs, i);

		if (!key || (plan->function && strcmp(key, "husk.function") == 0) ||
		    (plan->revision && strcmp(key, "husk.revision") == 0) ||
		    (plan->trusted && strcmp(key, "husk.trusted") == 0))
			continue;
		json_key(w, key);
		json_put_value(w, json_at(theirs, i));
	}
	if (plan->function)
		json_member_string(w, "husk.function", plan->function);
	if (plan->revision)
		json_member_string(w, "husk.revision", plan->revision);
	if (plan->trusted)
		json_member_string(w, "husk.trusted", "true");
	json_object_end(w);
}

static void put_process(struct json_writer *w, const struct bundle_plan *plan)
{
	static const char *const sets[] = {"bounding", "effective", "permitted"};

	json_object_begin(w);
	json_member_bool(w, "terminal", plan->terminal);
	if (plan->terminal && plan->rows > 0 && plan->columns > 0) {
		json_key(w, "consoleSize");
		json_object_begin(w);
		json_member_integer(w, "height", plan->rows);
		json_member_integer(w, "width", plan->columns);
		json_object_end(w);
	}
	json_key(w, "user");
	json_object_begin(w);
	json_member_integer(w, "uid", plan->uid);
	json_member_integer(w, "gid", plan->gid);
	if (plan->n_groups > 0) {
		json_key(w, "additionalGids");
		json_array_begin(w);
		for (size_t i = 0; i < plan->n_groups; i++)
			json_put_integer(w, plan->groups[i]);
		json_array_end(w);
	}
	json_object_end(w);
	put_strings(w, "args", plan->args, plan->n_args);
	put_strings(w, "env", plan->env, plan->n_env);
	json_member_string(w, "cwd", plan->cwd);
	json_key(w, "capabilities");
	json_object_begin(w);
	for (size_t i = 0; i < LENGTH(sets); i++) {
		/* A user that is not root holds none: the runtime would hand them over. */
		bool held = plan->uid == 0 || i == 0;

		put_strings(w, sets[i], capabilities, held ? LENGTH(capabilities) : 0);
	}
	json_object_end(w);
	json_member_bool(w, "noNewPrivileges", true);
	json_object_end(w);
}

static void put_fixed_mount(struct json_writer *w, const struct fixed_mount *m)
{
	json_object_begin(w);
	json_member_string(w, "destination", m->destination);
	json_member_string(w, "type", m->type);
	json_member_string(w, "source", m->source);
	json_key(w, "options");
	json_array_begin(w);
	for (size_t i = 0; i < OPTIONS_MAX && m->options[i]; i++)
		json_put_string(w, m->options[i]);
	json_array_end(w);
	json_object_end(w);
}

static void put_mounts(struct json_writer *w, const struct bundle_plan *plan)
{
	json_array_begin(w);
	for (size_t i = 0; i < LENGTH(fixed); i++)
		put_fixed_mount(w, &fixed[i]);
	if (plan->private_run)
		put_fixed_mount(w, &private_run);
	for (size_t i = 0; i < plan->n_mounts; i++) {
		const struct bundle_mount *m = &plan->mounts[i];

		json_object_begin(w);
		json_member_string(w, "destination", m->destination);
		json_member_string(w, "type", "bind");
		json_member_string(w, "source", m->source);
		json_key(w, "options");
		json_array_begin(w);
		json_put_string(w, m->recursive ? "rbind" : "bind");
		json_put_string(w, "rprivate");
		json_put_string(w, m->read_only ? "ro" : "rw");
		json_put_string(w, "nosuid");
		json_put_string(w, "nodev");
		if (m->no_exec)
			json_put_string(w, "noexec");
		json_array_end(w);
		json_object_end(w);
	}
	json_array_end(w);
}

static void put_linux(struct json_writer *w, const struct bundle_plan *plan)
{
	static const char *const namespaces[] = {"pid", "mount", "ipc", "uts"};

	json_object_begin(w);
	json_key(w, "namespaces");
	json_array_begin(w);
	for (size_t i = 0; i < LENGTH(namespaces); i++) {
		json_object_begin(w);
		json_member_string(w, "type", namespaces[i]);
		if (plan->pid_namespace && strcmp(namespaces[i], "pid") == 0)
			json_member_string(w, "path", plan->pid_namespace);
		json_object_end(w);
	}
	if (plan->network_none) {
		json_object_begin(w);
		json_member_string(w, "type", "network");
		json_object_end(w);
	}
	if (plan->cgroup_namespace) {
		json_object_begin(w);
		json_member_string(w, "type", "cgroup");
		json_object_end(w);
	}
	json_array_end(w);
	json_key(w, "maskedPaths");
	json_array_begin(w);
	for (size_t i = 0; i < LENGTH(masked); i++)
		json_put_string(w, masked[i]);
	for (size_t i = 0; i < plan->n_masked; i++)
		json_put_string(w, plan->masked[i]);
	json_array_end(w);
	put_strings(w, "readonlyPaths", read_only, LENGTH(read_only));
	json_object_end(w);
}

static int finish(struct json_writer *w, struct buf *out, struct error *err)
{
	int r = json_writer_end(w, out);

	return r < 0 ? error_set(err, -r, "cannot write config.json") : 0;
}

int bundle_make(const struct bundle_plan *plan, struct buf *out, struct error *err)
{
	cleanup_json_writer struct json_writer *w = json_writer_new(true);

	if (!w)
		return error_set(err, ENOMEM, "cannot write config.json");
	json_object_begin(w);
	/* crun before 1.20 and runc before 1.0 refuse what is newer than they are. */
	json_member_string(w, "ociVersion", "1.0.0");
	json_key(w, "process");
	put_process(w, plan);
	json_key(w, "root");
	json_object_begin(w);
	json_member_string(w, "path", plan->root);
	json_member_bool(w, "readonly", true);
	json_object_end(w);
	json_key(w, "mounts");
	put_mounts(w, plan);
	json_key(w, "hooks");
	hook_put_object(w, &plan->hooks, NULL);
	json_key(w, "annotations");
	put_annotations(w, plan, NULL);
	json_key(w, "linux");
	put_linux(w, plan);
	json_object_end(w);
	return finish(w, out, err);
}

/* Writes the string `path`, made absolute below `directory` where it is relative. */
static void put_absolute(struct json_writer *w, const char *directory, const char *path)
{
	cleanup_buf struct buf whole = BUF_INIT;

	if (path[0] == '/') {
		json_put_string(w, path);
		return;
	}
	buf_format(&whole, "%s/%s", directory, path);
	json_put_string(w, whole.error ? path : whole.bytes);
}

/* Writes an object with the path in member `key` made absolute. */
static void put_with_absolute(struct json_writer *w, const struct json *object, const char *key,
			      const char *directory)
{
	json_object_begin(w);
	for (size_t i = 0; i < json_count(object); i++) {
		const char *name = json_key_at(object, i);
		const char *text = json_string(json_at(object, i));

		json_key(w, name);
		if (text && strcmp(name, key) == 0)
			put_absolute(w, directory, text);
		else
			json_put_value(w, json_at(object, i));
	}
	json_object_end(w);
}

/* Is the source a path? Of anything but a bind it is only a word. */
static bool is_bind(const struct json *mount)
{
	const struct json *options = json_get(mount, "options");
	const char *type = json_string(json_get(mount, "type"));

	if (type && strcmp(type, "bind") == 0)
		return true;
	for (size_t i = 0; json_is_array(options) && i < json_count(options); i++) {
		const char *option = json_string(json_at(options, i));

		if (option && (strcmp(option, "bind") == 0 || strcmp(option, "rbind") == 0))
			return true;
	}
	return false;
}

static void adapt_mounts(struct json_writer *w, const struct json *mounts, const char *directory)
{
	json_array_begin(w);
	for (size_t i = 0; i < json_count(mounts); i++) {
		const struct json *mount = json_at(mounts, i);

		if (json_is_object(mount) && is_bind(mount))
			put_with_absolute(w, mount, "source", directory);
		else
			json_put_value(w, mount);
	}
	json_array_end(w);
}

static void adapt_process(struct json_writer *w, const struct json *process, bool terminal)
{
	json_object_begin(w);
	for (size_t i = 0; i < json_count(process); i++) {
		const char *key = json_key_at(process, i);

		json_key(w, key);
		if (strcmp(key, "terminal") == 0)
			json_put_bool(w, terminal && json_bool(json_at(process, i), false));
		else
			json_put_value(w, json_at(process, i));
	}
	json_object_end(w);
}

int bundle_adapt(const struct bundle_plan *plan, const char *directory, const struct json *theirs,
		 struct buf *out, struct error *err)
{
	cleanup_json_writer struct json_writer *w = json_writer_new(true);

	if (!w)
		return error_set(err, ENOMEM, "cannot write config.json");
	if (!json_is_object(theirs))
		return error_say(err, EINVAL, "config.json is not a JSON object");
	json_object_begin(w);
	for (size_t i = 0; i < json_count(theirs); i++) {
		const char *key = json_key_at(theirs, i);
		const struct json *value = json_at(theirs, i);

		if (strcmp(key, "hooks") == 0 || strcmp(key, "annotations") == 0)
			continue;
		json_key(w, key);
		if (strcmp(key, "root") == 0 && json_is_object(value))
			put_with_absolute(w, value, "path", directory);
		else if (strcmp(key, "mounts") == 0 && json_is_array(value))
			adapt_mounts(w, value, directory);
		else if (strcmp(key, "process") == 0 && json_is_object(value))
			adapt_process(w, value, plan->terminal);
		else
			json_put_value(w, value);
	}
	json_key(w, "hooks");
	hook_put_object(w, &plan->hooks, json_get(theirs, "hooks"));
	json_key(w, "annotations");
	put_annotations(w, plan, json_get(theirs, "annotations"));
	json_object_end(w);
	return finish(w, out, err);
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* Programs whose first file argument says what runs. A name may go on with a version. */
static bool is_interpreter(const char *name)
{
	static const char *const known[] = {
		"python", "pypy", "node", "nodejs",  "deno",  "bun",   "ruby",
		"perl",	  "php",  "lua",  "sh",	     "bash",  "dash",  "zsh",
		"ksh",	  "ash",  "java", "Rscript", "tclsh", "guile",
	};

	for (size_t i = 0; i < LENGTH(known); i++) {
		size_t len = strlen(known[i]);

		if (strncmp(name, known[i], len) == 0 &&
		    name[len + strspn(name + len, "0123456789.")] == '\0')
			return true;
	}
	return false;
}

void bundle_function_name(const char *const *args, size_t n_args, bool (*is_file)(const char *path),
			  char *out, size_t room)
{
	const char *name = base_name(args[0]);
	bool interpreted = is_interpreter(name);
	char *dot;

	for (size_t i = 1; interpreted && i < n_args; i++) {
		if (args[i][0] == '-' || !is_file(args[i]))
			continue;
		name = base_name(args[i]);
		interpreted = false;
	}
	text_copy(out, room, name);
	dot = strrchr(out, '.');
	if (dot && dot != out && !interpreted)
		*dot = '\0';
	for (char *c = out; *c; c++) {
		if (*c == '/' || *c == ':' || *c == '@' || *c == '+' ||
		    !text_is_name((char[]){*c, '\0'}, 1))
			*c = '-';
	}
	if (*out == '\0')
		text_copy(out, room, "function");
}
