/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the commands share: settings, store, output, revisions and times as people write them. */
#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "base/text.h"
#include "cli/cli.h"

/* A merge takes the store for milliseconds; a person can wait for several. */
#define STORE_WAIT_MS 10000

int cli_settings(struct cli *cli, const struct settings **ret, struct error *err)
{
	if (!cli->settings_known) {
		int r = settings_read(cli->settings_path, &cli->settings, err);

		if (r < 0)
			return r;
		cli->settings_known = true;
	}
	*ret = &cli->settings;
	return 0;
}

int cli_merge_program(const struct settings *settings, const char **ret, struct error *err)
{
	if (access(settings->merge_program, X_OK) < 0) {
		error_set(err, errno, "cannot use '%s' for poststop", settings->merge_program);
		error_hint(err, "install husk, or set merge_program in husk.conf(5)");
		return -errno;
	}
	*ret = settings->merge_program;
	return 0;
}

int cli_store(struct cli *cli, struct store **ret, struct error *err)
{
	const struct settings *settings;
	int r = cli_settings(cli, &settings, err);

	if (r < 0)
		return r;
	r = store_open(settings->state_directory, STORE_WAIT_MS, ret, err);
	if (r == 0)
		r = store_make_durable(*ret, err);
	if ((r == -EACCES || r == -EPERM) && geteuid() != 0)
		error_hint(err, "husk's state belongs to root: try again with sudo");
	return r;
}

int cli_event_sink(struct cli *cli, struct event_sink **ret, struct error *err)
{
	const struct settings *settings;
	int r = cli_settings(cli, &settings, err);

	if (r < 0)
		return r;
	return event_sink_open(settings->event_file, 0, ret, err);
}

int cli_print(const struct buf *out, struct error *err)
{
	int r = out->error;

	if (r == 0)
		r = write_all(STDOUT_FILENO, out->bytes, out->len);
	if (r < 0)
		return error_set(err, -r, "cannot write to standard output");
	return 0;
}

void cli_author(char *out, size_t room)
{
	const char *behind = getenv("SUDO_USER");
	const struct passwd *entry = getpwuid(getuid());

	if (getuid() == 0 && behind && text_is_name(behind, 64))
		text_copy(out, room, behind);
	else if (entry)
		text_copy(out, room, entry->pw_name);
	else
		snprintf(out, room, "%u", (unsigned int)getuid());
}

int cli_function_name(const char *text, char *out, struct error *err)
{
	if (text_unescape(text, out, CLI_NAME_ROOM) > 0)
		return 0;
	return error_say(err, EINVAL, "'%.300s' is no name of a function", text);
}

static const char *behind_algorithm(const char *revision)
{
	const char *colon = strchr(revision, ':');

	return colon ? colon + 1 : revision;
}

struct finding {
	const char *wanted;
	struct cli_revision *ret;
	int found; /* revisions that begin so */
	bool exact;
	bool any; /* the function has a revision */
};

static int find_revision(void *context, const struct store_revision *r)
{
	struct finding *f = context;
	size_t len = f->wanted ? strlen(f->wanted) : 0;
	bool exact = f->wanted && strcmp(r->name, f->wanted) == 0;

	f->any = true;
	if (f->exact || (!f->wanted && f->found))
		return 0;
	if (f->wanted && !exact && strncmp(r->name, f->wanted, len) != 0 &&
	    strncmp(behind_algorithm(r->name), f->wanted, len) != 0)
		return 0;
	f->exact = exact;
	f->found = exact ? 1 : f->found + 1;
	text_copy(f->ret->name, sizeof(f->ret->name), r->name);
	memcpy(f->ret->modes, r->modes, sizeof(f->ret->modes));
	return 0;
}

int cli_find_revision(struct store *store, const char *function, const char *wanted,
		      struct cli_revision *ret, struct error *err)
{
	struct finding f = {.wanted = wanted && *wanted ? wanted : NULL, .ret = ret};
	int r = store_each_revision(store, function, find_revision, &f, err);

	if (r < 0)
		return r;
	if (!f.any) {
		error_say(err, ENOENT, "no function '%s' is known", function);
		error_hint(err, "see 'husk list'; a function is there once a run of it has ended");
		return -ENOENT;
	}
	if (f.found == 0) {
		error_say(err, ENOENT, "function '%s' has no revision '%s'", function, wanted);
		error_hint(err, "see 'husk show --json %s'", function);
		return -ENOENT;
	}
	if (f.found > 1)
		return error_say(err, EINVAL,
				 "%d revisions of '%s' begin with '%s': give more of it", f.found,
				 function, wanted);
	return 0;
}

void cli_short_revision(const char *revision, char *out, size_t room)
{
	const char *rest = behind_algorithm(revision);
	size_t hex = strspn(rest, "0123456789abcdef");
	size_t most = rest[hex] == '\0' && hex > 12 ? 12 : 24;

	text_copy(out, room, most == 12 ? rest : revision);
	if (most < room)
		out[most] = '\0';
}

void cli_modes_text(const enum mode modes[DOMAINS], char *out, size_t room)
{
	size_t used = 0;

	text_copy(out, room, "unavailable");
	for (int d = 0; d < DOMAINS; d++) {
		int n;

		if (modes[d] == MODE_UNAVAILABLE)
			continue;
		n = snprintf(out + used, room - used, "%s%s:%s", used ? " " : "",
			     domain_name((enum domain)d), mode_name(modes[d]));
		if (n < 0 || (size_t)n >= room - used)
			return;
		used += (size_t)n;
	}
}

void cli_modes_json(struct json_writer *w, const char *key, const enum mode modes[DOMAINS])
{
	json_key(w, key);
	json_object_begin(w);
	for (int d = 0; d < DOMAINS; d++)
		json_member_string(w, domain_name((enum domain)d), mode_name(modes[d]));
	json_object_end(w);
}

void cli_time_text(int64_t wall_ns, char *out, size_t room)
{
	time_t seconds = (time_t)(wall_ns / 1000000000);
	struct tm local = {0};

	text_copy(out, room, "-");
	if (wall_ns != 0 && localtime_r(&seconds, &local))
		strftime(out, room, "%Y-%m-%d %H:%M:%S", &local);
}

void cli_time_json(struct json_writer *w, const char *key, int64_t wall_ns)
{
	char text[CLOCK_TEXT_ROOM];

	clock_text(wall_ns, text, sizeof(text));
	json_member_string(w, key, wall_ns != 0 ? text : NULL);
}
