/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * husk run: a program as a function, by crun or runc, with husk's hooks. Order of the work: look at
 * everything that can be wrong, make the temporary directory, write the bundle, start the runtime
 * in a mount namespace of its own, wait, tell what the runtime said, remove what is temporary.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/json.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/host.h"
#include "cli/init.h"
#include "cli/local.h"
#include "cli/options.h"
#include "cli/place.h"
#include "cli/runtime.h"
#include "cli/scratch.h"
#include "husk-paths.h"
#include "journal/journal.h"

struct run_options {
	struct local_request request;
	const char *runtime;
	const char *hook_program;
	char rootfs[PATH_MAX], bundle[PATH_MAX], settings_path[PATH_MAX], hook_path[PATH_MAX];
};

static int take_path(const char **path, char *room, const char *what, struct error *err)
{
	if (!*path)
		return 0;
	if (!realpath(*path, room))
		return error_set(err, errno, "cannot use the %s '%s'", what, *path);
	*path = room;
	return 0;
}

/* The runtime would only say what it does not find in it. */
static int take_directory(const char **path, char *room, const char *what, struct error *err)
{
	int r = take_path(path, room, what, err);
	struct stat st;

	if (r == 0 && *path && stat(*path, &st) == 0 && !S_ISDIR(st.st_mode))
		r = error_set(err, ENOTDIR, "cannot use the %s '%s'", what, *path);
	return r;
}

static int check_usage(const struct cli_syntax *syntax, const struct run_options *o,
		       struct error *err)
{
	const struct local_request *q = &o->request;
	bool own = q->rootfs || q->user || q->workdir || q->volumes.n > 0 || q->env.n > 0 ||
		   q->network;

	if (!q->bundle && q->n_args == 0)
		return cli_usage(err, syntax, "the program is missing");
	if (q->bundle && q->n_args > 0)
		return cli_usage(err, syntax, "--bundle brings its own program");
	if (q->bundle && own)
		return cli_usage(err, syntax,
				 "--bundle goes only with --name, --revision, --trusted and "
				 "--runtime");
	if (q->network && strcmp(q->network, "host") != 0 && strcmp(q->network, "none") != 0)
		return cli_usage(err, syntax, "--network takes 'host' or 'none'");
	if (q->workdir && q->workdir[0] != '/')
		return cli_usage(err, syntax, "--workdir takes an absolute path");
	if ((q->name && !local_name_is_good(q->name)) ||
	    (q->revision && !local_name_is_good(q->revision)))
		return cli_usage(
			err, syntax,
			"--name and --revision take 1 to 255 bytes of UTF-8 without control "
			"characters");
	return 0;
}

static int check_root(struct error *err)
{
	if (geteuid() == 0)
		return 0;
	error_say(err, EPERM,
		  "husk run must be run as root: mounts, namespaces and the view need "
		  "CAP_SYS_ADMIN");
	error_hint(err, "try again with sudo");
	return -EPERM;
}

static int resolve_paths(struct run_options *o, struct cli *cli, struct error *err)
{
	struct local_request *q = &o->request;
	const char *settings_path = cli->settings_path;
	const struct settings *settings;
	int r = take_directory(&q->rootfs, o->rootfs, "root file system", err);

	if (r == 0 && q->rootfs && strcmp(q->rootfs, "/") == 0) {
		r = error_say(err, EINVAL, "the host's own root is no root file system to run in");
		error_hint(err, "without --rootfs the program sees the host's files, read-only");
	}
	if (r == 0)
		r = take_directory(&q->bundle, o->bundle, "bundle", err);
	if (r == 0)
		r = take_path(&settings_path, o->settings_path, "configuration", err);
	if (r < 0)
		return r;
	if (program_find(o->hook_program, o->hook_path) < 0) {
		error_say(err, ENOENT, "there is no program '%s'", o->hook_program);
		error_hint(err, "install husk, or name its husk-hook with --hook-program");
		return -ENOENT;
	}
	q->hooks = (struct hook_plan){.program = o->hook_path, .settings_path = settings_path};
	r = cli_settings(cli, &settings, err);
	if (r == 0)
		r = cli_merge_program(settings, &q->hooks.merge_program, err);
	if (r < 0)
		return r;
	q->hooks.runtime_directory = settings->runtime_directory;
	if (!q->network)
		q->network = "host";
	q->terminal = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
	return 0;
}

/* Tries in a child whether the place can be made: cheaper than half a run. */
static bool place_works(const struct place *place)
{
	pid_t child = fork();
	int status = 0;

	if (child == 0)
		_exit(place_enter(place, NULL) < 0);
	while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	return child > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/*
 * crun works with cgroup2 alone; on hosts with version 1 or both it gets a cgroup2 mount that only
 * it sees, and where that is impossible runc, which takes both, does the work.
 */
static int choose_runtime(const struct run_options *o, struct runtime *runtime, struct place *place,
			  struct error *err)
{
	const struct place cgroup2 = {.private_cgroup2 = true};
	int r = runtime_find(o->runtime, runtime, err);

	if (r < 0 || runtime->kind != RUNTIME_CRUN || place_cgroup_layout() == PLACE_CGROUP_V2)
		return r;
	place->private_cgroup2 = place_works(&cgroup2);
	if (place->private_cgroup2 || o->runtime)
		return 0;
	fputs("husk: crun needs cgroup2, which cannot be mounted here: using runc\n", stderr);
	r = runtime_find("runc", runtime, err);
	if (r < 0)
		error_hint(err, "install runc, for example with 'apt-get install runc'");
	return r;
}

static int write_config(const struct run_options *o, const struct settings *settings,
			const struct scratch *scratch, struct error *err)
{
	cleanup_buf struct buf config = BUF_INIT;
	cleanup_close int dir_fd = -1;
	char path[PATH_MAX];
	int r;

	r = local_config(&o->request, settings, scratch->rootfs, &config, err);
	if (r < 0)
		return r;
	snprintf(path, sizeof(path), "%s/bundle", scratch->path);
	dir_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir_fd < 0)
		return error_set(err, errno, "cannot open '%s'", path);
	return atomic_file_write(dir_fd, "config.json", config.bytes, config.len, 0600, err);
}

static int prepare(void *context)
{
	struct error err = ERROR_INIT;

	if (place_enter(context, &err) == 0)
		return 0;
	error_print("husk", &err);
	return error_exit_code(&err);
}

/* Where the hook told more than the runtime shows. */
static void hint_events(const char *bundle, struct error *err)
{
	char path[PATH_MAX], text[TEXT_ESCAPED_MAX(CLI_NAME_ROOM)];
	cleanup_json struct json *config = NULL;
	cleanup_free char *bytes = NULL;
	const char *name = NULL;
	size_t len;

	snprintf(path, sizeof(path), "%.4000s/config.json", bundle);
	if (read_file_at(AT_FDCWD, path, JSON_BYTES_MAX, &bytes, &len, NULL) == 0 &&
	    json_parse(path, bytes, len, &config, NULL) == 0)
		name = json_string(json_get(json_get(config, "annotations"), "husk.function"));
	text_escape(name ? name : "", text, sizeof(text));
	error_hint(err, "see 'husk events%s%s'", name ? " " : "", text);
}

/*
 * Both runtimes exit with 1 when they fail, as a program may too. One that never got a first
 * process failed; one that did may still have failed to execute the program in it.
 */
static int judge(const struct runtime *runtime, int status, const char *pid_file, const char *log,
		 const char *bundle, struct error *err)
{
	const char *name = strrchr(runtime->path, '/') + 1;
	bool started = access(pid_file, F_OK) == 0;
	char text[512];

	if (status == 0 && started)
		return 0;
	if (!runtime_last_error(log, text, sizeof(text))) {
		/* beyond, it is by a signal, or says what it is */
		if (started || status >= 64)
			return status;
		error_say(err, EIO, "%s started nothing and ended with status %d", name, status);
		error_hint(err, "run 'husk check'");
		return EX_UNAVAILABLE;
	}
	if (started && !((status == 1 || status >= 126) && strstr(text, "exec")))
		return status;
	error_say(err, EIO, "%s could not run the program: %s", name, text);
	if (strstr(text, "hook"))
		hint_events(bundle, err);
	else if (strstr(text, "executable file"))
		return EX_UNAVAILABLE; /* it was not found, which says it all */
	else if (strstr(text, "open executable: ") || strstr(text, "exec: "))
		error_hint(err, "name an executable file, or an interpreter before a script");
	else
		error_hint(err, "run 'husk check'");
	return EX_UNAVAILABLE;
}

/*
 * A bundle of husk's own asks for no limits, so crun needs no control group for it. For device
 * rules crun raises RLIMIT_MEMLOCK, and fails where it may not.
 */
static bool does_without_cgroup(const struct runtime *runtime, const struct run_options *o)
{
	if (runtime->kind != RUNTIME_CRUN)
		return false;
	if (!o->request.bundle)
		return true;
	if (host_has_capability(CAP_SYS_RESOURCE))
		return false;
	fputs("husk: without CAP_SYS_RESOURCE crun sets no resource limits\n", stderr);
	return true;
}

static int run_bundle(const struct runtime *runtime, const struct run_options *o,
		      struct place *place, const struct scratch *scratch, const struct init *init,
		      struct error *err)
{
	char state[PATH_MAX], bundle[PATH_MAX], log[PATH_MAX], pid[PATH_MAX];
	const char *argv[16];
	const struct runtime_job job = {
		.argv = argv,
		.pid_file = pid,
		.prepare = prepare,
		.context = place,
		.init = init->pid > 0 ? init : NULL,
	};
	size_t n = 0;
	int status = 0, r;

	snprintf(state, sizeof(state), "%s/state", scratch->path);
	snprintf(bundle, sizeof(bundle), "%s/bundle", scratch->path);
	snprintf(log, sizeof(log), "%s/log", scratch->path);
	snprintf(pid, sizeof(pid), "%s/pid", scratch->path);
	if (!o->request.bundle && !o->request.rootfs)
		place->host_root = scratch->rootfs;
	argv[n++] = runtime->path;
	argv[n++] = "--root";
	argv[n++] = state;
	argv[n++] = "--log";
	argv[n++] = log;
	argv[n++] = "--log-format";
	argv[n++] = "json";
	if (does_without_cgroup(runtime, o))
		argv[n++] = "--cgroup-manager=disabled";
	argv[n++] = "run";
	argv[n++] = "--bundle";
	argv[n++] = bundle;
	argv[n++] = "--pid-file";
	argv[n++] = pid;
	argv[n++] = scratch->id;
	argv[n] = NULL;
	r = runtime_run(&job, &status, err);
	if (r == 0)
		r = judge(runtime, status, pid, log, bundle, err);
	/* crun does not say what it could not open */
	if (err->code && !o->request.bundle && !strstr(err->what, o->request.args[0]))
		error_wrap(err, "cannot run '%s'", o->request.args[0]);
	return r;
}

static void tell_not_wrapped(const struct error *err)
{
	struct error told = *err;

	error_wrap(&told, "this run is not wrapped");
	error_print("husk", &told);
}

/* The hook starts what it cannot wrap, unless it is enforced, and its own words get lost in the
 * runtime: whoever sits here is told. */
static void look_wrappable(const struct settings *settings)
{
	const char *const directories[] = {settings->state_directory, settings->runtime_directory};
	struct error err = ERROR_INIT;

	for (size_t i = 0; i < sizeof(directories) / sizeof(directories[0]); i++) {
		cleanup_close int fd = open_dir_made(directories[i], 0700, &err);

		if (fd >= 0 && faccessat(fd, ".", W_OK | X_OK, 0) < 0)
			error_set(&err, errno, "cannot write to '%s'", directories[i]);
		else if (fd >= 0 && file_system_is_full(fd, JOURNAL_STEP_BYTES))
			error_set(&err, ENOSPC, "cannot write to '%s'", directories[i]);
		if (err.code) {
			tell_not_wrapped(&err);
			return;
		}
	}
	if (access(settings->launch_program, X_OK) < 0) {
		error_set(&err, errno, "cannot use '%s'", settings->launch_program);
		tell_not_wrapped(&err);
	}
}

static int run(struct cli *cli, struct run_options *o, struct error *err)
{
	cleanup_scratch struct scratch scratch = SCRATCH_INIT;
	cleanup_init struct init init = INIT_NONE;
	const struct settings *settings;
	struct runtime runtime = {0};
	struct place place = {0};
	char pid_namespace[64];
	int r = check_root(err);

	if (r == 0)
		r = cli_settings(cli, &settings, err);
	if (r == 0)
		r = resolve_paths(o, cli, err);
	if (r == 0)
		r = choose_runtime(o, &runtime, &place, err);
	if (r == 0)
		look_wrappable(settings);
	if (r == 0)
		r = scratch_make(settings->runtime_directory, runtime.path, &scratch, err);
	if (r == 0 && !o->request.bundle) {
		r = init_start(&init, err);
		snprintf(pid_namespace, sizeof(pid_namespace), "/proc/%ld/ns/pid", (long)init.pid);
		o->request.pid_namespace = pid_namespace;
	}
	if (r == 0)
		r = write_config(o, settings, &scratch, err);
	if (r < 0)
		return r;
	return run_bundle(&runtime, o, &place, &scratch, &init, err);
}

static void run_options_release(struct run_options **o)
{
	if (*o) {
		cli_list_release(&(*o)->request.volumes);
		cli_list_release(&(*o)->request.env);
	}
	free(*o);
}

int cli_run(struct cli *cli, int argc, char **argv, struct error *err)
{
	__attribute__((cleanup(run_options_release))) struct run_options *o = calloc(1, sizeof(*o));
	struct local_request *q = o ? &o->request : NULL;
	int n = 0, r;

	if (!o)
		return error_set(err, ENOMEM, "cannot run");
	o->hook_program = HUSK_LIBEXEC_DIR "/husk-hook";
	const struct cli_option options[] = {
		{"name", 'n', CLI_TEXT, &q->name, "NAME", "the function's name"},
		{"revision", 0, CLI_TEXT, &q->revision, "REVISION", "its revision"},
		{"trusted", 't', CLI_FLAG, &q->trusted, NULL,
		 "a run of your own: what it does is right"},
		{"rootfs", 0, CLI_TEXT, &q->rootfs, "DIR", "use DIR as the root"},
		{"bundle", 'b', CLI_TEXT, &q->bundle, "DIR", "run the OCI bundle in DIR"},
		{"volume", 'v', CLI_LIST, &q->volumes, "SRC:DST[:ro]", "bind SRC at DST"},
		{"env", 'e', CLI_LIST, &q->env, "NAME[=VALUE]", "set or pass on a variable"},
		{"user", 'u', CLI_TEXT, &q->user, "USER[:GROUP]", "run as this user"},
		{"workdir", 'w', CLI_TEXT, &q->workdir, "DIR", "start in DIR"},
		{"network", 0, CLI_TEXT, &q->network, "host|none", "the network (default host)"},
		{"runtime", 'r', CLI_TEXT, &o->runtime, "RUNTIME", "crun, runc or a path"},
		{"hook-program", 0, CLI_TEXT, &o->hook_program, "PATH", "use this husk-hook"},
		{0},
	};
	const struct cli_syntax syntax = {
		.usage = "run [OPTION]... [--] PROGRAM [ARGUMENT]...",
		.about = "Runs PROGRAM as a function, wrapped, by crun or runc. Without --rootfs "
			 "or\n"
			 "--bundle its root is the host's file system, read-only, with a private "
			 "/tmp\n"
			 "and the working directory writable.",
		.options = options,
		.operands_max = -1,
		.stop_early = true,
	};

	r = cli_parse(cli, &syntax, argc, argv, &n, err);
	if (r != 0)
		return r;
	q->args = (const char *const *)argv;
	q->n_args = (size_t)n;
	r = check_usage(&syntax, o, err);
	return r != 0 ? r : run(cli, o, err);
}
