/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is installed on the host: runtimes, husk's own programs and files, hook definitions. */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"
#include "cli/hook_files.h"
#include "cli/host.h"
#include "cli/runtime.h"
#include "container/identity.h"
#include "container/spec.h"
#include "container/state.h"
#include "journal/journal.h"
#include "policy/file.h"
#include "policy/image.h"

static void mend(struct host_item *item, const char *text)
{
	snprintf(item->mend, sizeof(item->mend), "%s", text);
}

static bool look_runtime(struct host_report *report, const char *name)
{
	char path[PATH_MAX], version[160];

	if (program_find(name, path) < 0)
		return false;
	if (program_version(path, version, sizeof(version)) < 0)
		text_copy(version, sizeof(version), "version unknown");
	host_add(report, name, HOST_OK, "%.140s (%s)", path, version);
	return true;
}

static void look_runtimes(struct host_report *report)
{
	bool crun = look_runtime(report, "crun");
	bool runc = look_runtime(report, "runc");

	if (!crun && !runc)
		mend(host_add(report, "runtime", HOST_MISSING,
			      "neither crun nor runc is installed"),
		     "apt-get install crun");
	look_runtime(report, "podman");
}

static void look_program(struct host_report *report, const char *name, const char *path,
			 enum host_state without, const char *way_out)
{
	if (access(path, X_OK) == 0)
		host_add(report, name, HOST_OK, "%s", path);
	else
		mend(host_add(report, name, without, "%.200s: %s", path, strerror(errno)), way_out);
}

/* Looks at the directory `path` or the nearest one above it that is there. 0 or -errno. */
static int look_writable(const char *path, bool *ret_there)
{
	char directory[PATH_MAX];
	cleanup_close int fd = -1;
	struct statfs fs;
	struct stat st;
	char *slash;

	if (!text_copy(directory, sizeof(directory), path))
		return -ENAMETOOLONG;
	*ret_there = true;
	/* lstat(2): a link that leads nowhere is there too, and nothing can be made at its place */
	while (lstat(directory, &st) < 0 && errno == ENOENT) {
		*ret_there = false;
		slash = strrchr(directory, '/');
		if (!slash || !slash[1])
			return -ENOENT;
		slash[slash == directory] = '\0';
	}
	if (stat(directory, &st) < 0)
		return -errno;
	if (!S_ISDIR(st.st_mode))
		return -ENOTDIR;
	if (access(directory, W_OK | X_OK) < 0 || statfs(directory, &fs) < 0)
		return -errno;
	/* Root has every permission there, and can still make nothing. */
	if (fs.f_type == PROC_SUPER_MAGIC || fs.f_type == SYSFS_MAGIC)
		return -EOPNOTSUPP;
	fd = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return file_system_is_full(fd, JOURNAL_STEP_BYTES) ? -ENOSPC : 0;
}

static void look_directory(struct host_report *report, const char *name, const char *path)
{
	bool there = false;
	int r = look_writable(path, &there);

	if (r == 0)
		host_add(report, name, HOST_OK, "%s%s", path,
			 there ? "" : ", made when it is needed");
	else if (r == -ENOSPC)
		mend(host_add(report, name, HOST_MISSING, "%.200s: %s", path, strerror(-r)),
		     "make room there, or name another in husk.conf(5)");
	else
		mend(host_add(report, name, HOST_MISSING, "%.200s: %s", path, strerror(-r)),
		     "make it writable for root, or name another in husk.conf(5)");
}

static void look_policies(const struct settings *settings, struct host_report *report)
{
	char path[PATH_MAX];
	cleanup_dir DIR *dir = NULL;
	struct dirent *entry;
	unsigned int whole = 0, damaged = 0;

	snprintf(path, sizeof(path), "%.4000s/" POLICY_DIRECTORY, settings->state_directory);
	dir = opendir(path);
	if (!dir) {
		if (errno == ENOENT)
			host_add(report, "policies", HOST_OK, "none yet");
		else
			mend(host_add(report, "policies", HOST_MISSING, "%.200s: %s", path,
				      strerror(errno)),
			     "run as root");
		return;
	}
	while ((entry = readdir(dir))) {
		cleanup_policy_image struct policy_image *image = NULL;
		size_t len = strlen(entry->d_name);

		if (len < strlen(".policy") ||
		    strcmp(entry->d_name + len - strlen(".policy"), ".policy") != 0)
			continue;
		if (policy_image_open(dirfd(dir), entry->d_name, &image, NULL) < 0)
			damaged++;
		else
			whole++;
	}
	if (damaged == 0)
		host_add(report, "policies", HOST_OK, "%u, all readable", whole);
	else
		mend(host_add(report, "policies", HOST_DEGRADED,
			      "%u of %u cannot be read: their copies are used", damaged,
			      damaged + whole),
		     "husk mode FUNCTION auto makes them again");
}

static void look_hooks(const struct host_question *question, struct host_report *report)
{
	cleanup_close int dir_fd =
		open(question->hook_directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	for (int stage = 0; stage < HOOK_STAGES; stage++) {
		const char *name = hook_file_name((enum hook_stage)stage);
		struct hook_file file = {0};
		struct error err = ERROR_INIT;
		int r = dir_fd < 0 ? 0
				   : hook_file_look(dir_fd, (enum hook_stage)stage, &file, &err);

		if (r < 0)
			mend(host_add(report, name, HOST_DEGRADED, "%.300s", err.what),
			     "husk hooks install podman");
		else if (!file.present)
			mend(host_add(report, name, HOST_DEGRADED,
				      "not in %.200s: Podman and CRI-O start containers unwrapped",
				      question->hook_directory),
			     "husk hooks install podman");
		else if (!file.ours || !file.program_there)
			mend(host_add(report, name, HOST_DEGRADED,
				      "its program '%.160s' is missing: Podman skips it in silence",
				      file.program),
			     "husk hooks install podman");
		else
			host_add(report, name, HOST_OK, "%.200s", question->hook_directory);
	}
}

/* Reads the table as it is read for a container: where it is none, nothing is started. */
static void look_detectors(const char *path, struct host_report *report)
{
	static const char config[] = "{\"process\":{\"args\":[\"/\"]},\"root\":{\"path\":\"/\"}}";
	char id[] = "check", bundle[] = "/";
	const struct oci_state state = {.id = id, .bundle = bundle};
	cleanup_oci_spec struct oci_spec spec = {0};
	struct error err = ERROR_INIT;
	struct identity identity;

	if (access(path, R_OK) < 0)
		mend(host_add(report, "detectors", HOST_DEGRADED,
			      "%.200s: %s: functions are known by annotation alone", path,
			      strerror(errno)),
		     "install husk whole, or set detector_file in husk.conf(5)");
	else if (oci_spec_parse("check", config, sizeof(config) - 1, &spec, &err) < 0 ||
		 identity_find(&state, &spec, path, 0, &identity, &err) < 0)
		mend(host_add(report, "detectors", HOST_MISSING, "%.300s", err.what),
		     "mend the table, or set detector_file in husk.conf(5)");
	else
		host_add(report, "detectors", HOST_OK, "%s", path);
}

/* One that lies in the state directory is made with it. */
static void look_event_file(const struct settings *settings, struct host_report *report)
{
	const char *path = settings->event_file, *slash = strrchr(path, '/');
	char directory[PATH_MAX];
	struct stat st;
	bool there;
	int r = 0;

	if (path_lies_in(path, settings->state_directory))
		return;
	if (stat(path, &st) == 0) {
		r = S_ISDIR(st.st_mode) ? -EISDIR : access(path, W_OK) < 0 ? -errno : 0;
	} else {
		snprintf(directory, sizeof(directory), "%.*s", (int)(slash - path + 1), path);
		r = look_writable(directory, &there);
		r = r == 0 && !there ? -ENOENT : r;
	}
	if (r == 0)
		host_add(report, "event file", HOST_OK, "%s", path);
	else
		mend(host_add(report, "event file", HOST_DEGRADED, "%.200s: %s: events get lost",
			      path, strerror(-r)),
		     "make its directory, or set event_file in husk.conf(5)");
}

void host_look_installed(const struct host_question *question, struct host_report *report)
{
	const struct settings *settings = question->settings;

	look_runtimes(report);
	look_program(report, "husk-hook", question->hook_program, HOST_MISSING,
		     "install husk whole, or name the program with --hook-program");
	look_program(report, "husk-launch", settings->launch_program, HOST_MISSING,
		     "install husk whole, or set launch_program in husk.conf(5)");
	look_program(report, "husk-merge", settings->merge_program, HOST_MISSING,
		     "install husk whole, or set merge_program in husk.conf(5)");
	look_program(report, "husk-observe", settings->observe_program, HOST_DEGRADED,
		     "build husk with clang, bpftool and libbpf, or set observe_program in "
		     "husk.conf(5)");
	look_detectors(settings->detector_file, report);
	look_directory(report, "state", settings->state_directory);
	look_directory(report, "runtime directory", settings->runtime_directory);
	look_event_file(settings, report);
	look_policies(settings, report);
	look_hooks(question, report);
}
