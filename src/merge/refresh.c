/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Bringing a revision up to date. Mostly there is nothing to do, and that is found out by one read.
 * Otherwise everything happens in one transaction of the store, policy file included, so that of
 * two processes the one that knows more writes last. The store is the authority: if the commit
 * fails after the file was written, the revision stays marked as stale and is compiled again.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"
#include "compile/compile.h"
#include "merge/merge.h"
#include "policy/file.h"
#include "profile/promotion.h"

/* What refresh wants to know of a revision: a copy, since callbacks must not use the store. */
struct revision {
	char function[POLICY_NAME_MAX + 1];
	char name[POLICY_NAME_MAX + 1];
	bool found;
	bool stale;
	enum mode modes[DOMAINS];
	enum mode next[DOMAINS]; /* by the rules of promotion */
	bool by_hand[DOMAINS];
	int64_t clean_runs[DOMAINS];
	uint64_t serial;
};

static int copy_revision(void *context, const struct store_revision *from)
{
	struct revision *to = context;

	to->found = true;
	to->stale = from->stale;
	to->serial = from->serial;
	memcpy(to->modes, from->modes, sizeof(to->modes));
	memcpy(to->by_hand, from->modes_by_hand, sizeof(to->by_hand));
	memcpy(to->clean_runs, from->clean_runs, sizeof(to->clean_runs));
	return 0;
}

static int read_revision(struct store *store, const struct settings *settings, struct revision *rev,
			 struct error *err)
{
	const struct promotion_rule rule = {
		.shadow_after_runs = settings->shadow_after_runs,
		.enforce_after_runs = settings->enforce_after_runs,
	};
	int r = store_one_revision(store, rev->function, rev->name, copy_revision, rev, err);

	if (r < 0)
		return r;
	if (!rev->found)
		return error_say(err, ENOENT, "nothing is known of revision '%s' of '%s'",
				 rev->name, rev->function);
	for (int d = 0; d < DOMAINS; d++)
		rev->next[d] =
			promotion_next(&rule, rev->modes[d], rev->by_hand[d], rev->clean_runs[d]);
	return 0;
}

static bool is_current(int state_fd, const struct revision *rev)
{
	char path[sizeof(POLICY_DIRECTORY "/") + NAME_MAX], name[NAME_MAX + 1];

	if (rev->stale || memcmp(rev->modes, rev->next, sizeof(rev->modes)) != 0)
		return false;
	policy_file_name(rev->function, rev->name, name);
	snprintf(path, sizeof(path), POLICY_DIRECTORY "/%s", name);
	return faccessat(state_fd, path, F_OK, 0) == 0;
}

static int promote(struct store *store, struct revision *rev, struct error *err)
{
	int r = 0;

	for (int d = 0; d < DOMAINS && r == 0; d++) {
		if (rev->next[d] != rev->modes[d])
			r = store_promote(store, rev->function, rev->name, (enum domain)d,
					  rev->next[d], err);
	}
	return r;
}

struct adding {
	struct compile *compile;
	struct error *err;
};

static int add_behaviour(void *context, const struct store_behaviour *b)
{
	struct adding *adding = context;

	if (b->runs > 0)
		compile_watched(adding->compile, b->behaviour.domain);
	return compile_add(adding->compile, &b->behaviour, b->admitted, b->mark, adding->err);
}

/* The image that lies there now; *ret_bytes stays NULL where there is none that is whole. */
static void read_present(int state_fd, const struct revision *rev, char **ret_bytes,
			 size_t *ret_len, uint64_t *ret_serial)
{
	cleanup_policy_image struct policy_image *image = NULL;
	char path[sizeof(POLICY_DIRECTORY "/") + NAME_MAX], name[NAME_MAX + 1];
	cleanup_free char *bytes = NULL;
	size_t len;

	policy_file_name(rev->function, rev->name, name);
	snprintf(path, sizeof(path), POLICY_DIRECTORY "/%s", name);
	if (read_file_at(state_fd, path, POLICY_BYTES_MAX, &bytes, &len, NULL) < 0 ||
	    policy_image_check(bytes, len, &image, NULL) < 0)
		return;
	*ret_serial = policy_image_info(image).serial;
	*ret_bytes = steal_ptr(&bytes);
	*ret_len = len;
}

/* Writes the image where it differs from what lies there in more than its serial. */
static int write_policy(int state_fd, struct compile *compile, struct revision *rev,
			struct error *err)
{
	struct policy_info info = {.function = rev->function, .revision = rev->name};
	cleanup_free char *present = NULL;
	cleanup_free void *same = NULL;
	cleanup_free void *next = NULL;
	size_t present_len = 0, len = 0;
	int r;

	memcpy(info.modes, rev->next, sizeof(info.modes));
	read_present(state_fd, rev, &present, &present_len, &info.serial);
	r = compile_finish(compile, &info, &same, &len, err);
	if (r < 0)
		return r;
	if (present && len == present_len && memcmp(same, present, len) == 0) {
		rev->serial = info.serial;
		return 0;
	}
	/* Above both, so that it grows even where the store or the file was lost. */
	if (info.serial < rev->serial)
		info.serial = rev->serial;
	info.serial++;
	r = compile_finish(compile, &info, &next, &len, err);
	if (r == 0)
		r = policy_file_write(state_fd, rev->function, rev->name, next, len, err);
	if (r == 0)
		rev->serial = info.serial;
	return r;
}

static int compile(struct store *store, int state_fd, struct revision *rev, struct error *err)
{
	cleanup_compile struct compile *compile = compile_new();
	struct adding adding = {.compile = compile, .err = err};
	bool watched[DOMAINS];
	int r;

	if (!compile)
		return error_set(err, ENOMEM, "cannot compile the policy of '%s'", rev->function);
	r = store_watched(store, rev->function, rev->name, watched, err);
	if (r < 0)
		return r;
	for (int d = 0; d < DOMAINS; d++) {
		if (watched[d])
			compile_watched(compile, (enum domain)d);
	}
	r = store_each_behaviour(store, rev->function, rev->name, add_behaviour, &adding, err);
	if (r == 0)
		r = write_policy(state_fd, compile, rev, err);
	if (r == 0)
		r = store_set_compiled(store, rev->function, rev->name, rev->serial, err);
	return r;
}

static void tell_promotions(struct event_sink *events, const struct revision *rev)
{
	char detail[128];

	for (int d = 0; d < DOMAINS; d++) {
		struct event event = EVENT(EVENT_PROMOTED);

		if (rev->next[d] == rev->modes[d])
			continue;
		snprintf(detail, sizeof(detail), "%s to %s after %lld clean run%s without novelty",
			 mode_name(rev->modes[d]), mode_name(rev->next[d]),
			 (long long)rev->clean_runs[d], rev->clean_runs[d] == 1 ? "" : "s");
		event.function = rev->function;
		event.revision = rev->name;
		event.domain = d;
		event.mode = (int)rev->next[d];
		event.detail = detail;
		event_emit(events, &event);
	}
}

static int refresh_revision(struct store *store, const struct settings *settings,
			    const char *function, const char *name, struct event_sink *events,
			    struct error *err)
{
	cleanup_close int state_fd = open_dir_made(settings->state_directory, 0700, err);
	struct revision rev = {0};
	int r;

	if (state_fd < 0)
		return state_fd;
	if (!text_copy(rev.function, sizeof(rev.function), function) ||
	    !text_copy(rev.name, sizeof(rev.name), name))
		return error_say(err, ENAMETOOLONG, "the name '%s' or '%s' is too long", function,
				 name);
	r = read_revision(store, settings, &rev, err);
	if (r < 0 || is_current(state_fd, &rev))
		return r;
	r = store_begin(store, err);
	if (r < 0)
		return r;
	r = read_revision(store, settings, &rev, err);
	if (r == 0)
		r = promote(store, &rev, err);
	if (r == 0)
		r = compile(store, state_fd, &rev, err);
	r = store_end(store, r, err);
	if (r == 0)
		tell_promotions(events, &rev);
	return r;
}

/* Names of revisions, gathered before any of them is touched. */
struct names {
	char **names;
	size_t count;
};

static void names_release(struct names *names)
{
	for (size_t i = 0; i < names->count; i++)
		free(names->names[i]);
	free(names->names);
}

static int gather(void *context, const struct store_revision *revision)
{
	struct names *names = context;
	char **grown = realloc(names->names, (names->count + 1) * sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	names->names = grown;
	grown[names->count] = strdup(revision->name);
	if (!grown[names->count])
		return -ENOMEM;
	names->count++;
	return 0;
}

int merge_refresh(struct store *store, const struct settings *settings, const char *function,
		  const char *revision, struct event_sink *events, struct error *err)
{
	__attribute__((cleanup(names_release))) struct names names = {0};
	int r;

	if (revision)
		return refresh_revision(store, settings, function, revision, events, err);
	r = store_each_revision(store, function, gather, &names, err);
	if (r == -ENOMEM)
		return error_set(err, ENOMEM, "cannot list the revisions of '%s'", function);
	for (size_t i = 0; i < names.count && r == 0; i++)
		r = refresh_revision(store, settings, function, names.names[i], events, err);
	return r;
}
