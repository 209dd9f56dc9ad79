/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Events out. A line is built whole and handed to one write(2) with O_APPEND, so that writers need
 * no lock. An event never fails its caller: what could not be written is counted, and the count is
 * an event.
 */
#include "event/event.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/text.h"

enum { OWNER_ROOM = 256 };

/* Of one kind in one domain. */
struct budget {
	uint64_t written;
	uint64_t suppressed; /* beyond the limit */
};

struct event_sink {
	int fd;
	uint64_t limit;					 /* of each budget */
	struct budget budgets[EVENT_KINDS][DOMAINS + 1]; /* the last: of no domain */
	uint64_t suppressed;				 /* of all budgets */
	uint64_t failed;				 /* could not be built or written */
	bool cut; /* the file ends in the middle of a line of ours */
	/* Of the last event that was only counted, for the event that says so. */
	char function[OWNER_ROOM];
	char revision[OWNER_ROOM];
	char run[OWNER_ROOM];
	char container[OWNER_ROOM];
};

static const char *const kind_names[EVENT_KINDS] = {
	[EVENT_RUN] = "run",
	[EVENT_DENIED] = "denied",
	[EVENT_WOULD_DENY] = "would-deny",
	[EVENT_NOVELTY] = "novelty",
	[EVENT_PROMOTED] = "promoted",
	[EVENT_DEGRADED] = "degraded",
	[EVENT_REFUSED] = "refused",
	[EVENT_ENTERED] = "entered",
	[EVENT_RECOVERED] = "recovered",
	[EVENT_MARKED] = "marked",
	[EVENT_NATIVE] = "native",
	[EVENT_REQUESTS] = "requests",
	[EVENT_SUPPRESSED] = "suppressed",
};

const char *event_kind_name(enum event_kind kind)
{
	return (unsigned int)kind < EVENT_KINDS ? kind_names[kind] : "?";
}

/* The verdict that a kind of event is about, or NULL. */
static const char *verdict_of(enum event_kind kind)
{
	if (kind == EVENT_DENIED)
		return verdict_name(VERDICT_DENIED);
	if (kind == EVENT_WOULD_DENY)
		return verdict_name(VERDICT_WOULD_DENY);
	if (kind == EVENT_NOVELTY)
		return verdict_name(VERDICT_NOVEL);
	return NULL;
}

/* Kinds that a run brings about a few times at most, and that say how far the others can be
 * trusted: a small limit does not count for them. */
static bool is_of_the_run_itself(enum event_kind kind)
{
	switch (kind) {
	case EVENT_RUN:
	case EVENT_PROMOTED:
	case EVENT_DEGRADED:
	case EVENT_REFUSED:
	case EVENT_ENTERED:
	case EVENT_RECOVERED:
	case EVENT_MARKED:
	case EVENT_NATIVE:
	case EVENT_REQUESTS:
		return true;
	case EVENT_DENIED:
	case EVENT_WOULD_DENY:
	case EVENT_NOVELTY:
	case EVENT_SUPPRESSED:
	case EVENT_KINDS:
	default:
		return false;
	}
}

static struct budget *budget_of(struct event_sink *sink, const struct event *event)
{
	unsigned int kind = event->kind, domain = DOMAINS;

	if (event->domain >= 0)
		domain = (unsigned int)event->domain;
	else if (event->behaviour)
		domain = event->behaviour->domain;
	if (kind >= EVENT_KINDS)
		kind = EVENT_SUPPRESSED;
	return &sink->budgets[kind][domain < DOMAINS ? domain : DOMAINS];
}

static bool is_spent(const struct event_sink *sink, const struct budget *budget,
		     enum event_kind kind)
{
	if (sink->limit == 0 || budget->written < sink->limit)
		return false;
	return budget->written >= EVENT_RUN_LIMIT_MIN || !is_of_the_run_itself(kind);
}

static void member_name(struct json_writer *w, const char *key, const char *name)
{
	if (name && *name)
		json_member_name(w, key, name);
}

static void member_text(struct json_writer *w, const char *key, const char *text)
{
	if (text && *text)
		json_member_string(w, key, text);
}

static void member_number(struct json_writer *w, const char *key, int64_t number)
{
	if (number != 0)
		json_member_integer(w, key, number);
}

static void put_behaviour(struct json_writer *w, const struct event *event)
{
	const struct behaviour *b = event->behaviour;

	if (event->domain >= 0)
		json_member_string(w, "domain", domain_name((enum domain)event->domain));
	else if (b)
		json_member_string(w, "domain", domain_name(b->domain));
	if (!b)
		return;
	if (b->access != ACCESS_NONE)
		json_member_string(w, "operation", access_name(b->access));
	member_name(w, "program", b->program);
	member_name(w, "key", b->key);
}

static void put_modes(struct json_writer *w, const enum mode *modes)
{
	json_key(w, "modes");
	json_object_begin(w);
	for (unsigned int i = 0; i < DOMAINS; i++)
		json_member_string(w, domain_name((enum domain)i), mode_name(modes[i]));
	json_object_end(w);
}

static int put_line(struct buf *line, const struct event *event)
{
	cleanup_json_writer struct json_writer *w = json_writer_new(false);
	char time[CLOCK_TEXT_ROOM];

	if (!w)
		return -ENOMEM;
	clock_text(clock_wall_ns(), time, sizeof(time));
	json_object_begin(w);
	json_member_string(w, "time", time);
	json_member_string(w, "event", event_kind_name(event->kind));
	member_name(w, "function", event->function);
	member_name(w, "revision", event->revision);
	member_name(w, "run", event->run);
	member_name(w, "container", event->container);
	put_behaviour(w, event);
	member_number(w, "pid", event->pid);
	if (event->mode >= 0)
		json_member_string(w, "mode", mode_name((enum mode)event->mode));
	member_text(w, "verdict", verdict_of(event->kind));
	member_text(w, "detail", event->detail);
	member_number(w, "count", event->count > INT64_MAX ? INT64_MAX : (int64_t)event->count);
	if (event->modes)
		put_modes(w, event->modes);
	json_object_end(w);
	return json_writer_end(w, line);
}

/* One write(2), whatever becomes of it: the rest of a line behind other lines would be worse than
 * none. */
static int write_line(struct event_sink *sink, const struct event *event)
{
	cleanup_buf struct buf line = BUF_INIT;
	ssize_t n;
	int r;

	if (sink->cut)
		buf_add(&line, "\n", 1);
	r = put_line(&line, event);
	if (r < 0)
		return r;
	do
		n = write(sink->fd, line.bytes, line.len);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	sink->cut = (size_t)n < line.len;
	return sink->cut ? -ENOSPC : 0;
}

static void keep_owner(char *to, const char *name)
{
	text_copy(to, OWNER_ROOM, name ? name : "");
}

static void count_only(struct event_sink *sink, const struct event *event, uint64_t *counter)
{
	(*counter)++;
	keep_owner(sink->function, event->function);
	keep_owner(sink->revision, event->revision);
	keep_owner(sink->run, event->run);
	keep_owner(sink->container, event->container);
}

int event_sink_on(int fd, uint64_t limit, struct event_sink **ret)
{
	cleanup_close int owned = fd;
	struct event_sink *sink = calloc(1, sizeof(*sink));

	if (!sink)
		return -ENOMEM;
	sink->fd = steal_fd(&owned);
	sink->limit = limit;
	*ret = sink;
	return 0;
}

int event_sink_open(const char *path, uint64_t limit, struct event_sink **ret, struct error *err)
{
	int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0600);
	int r;

	if (fd < 0)
		return error_set(err, errno, "cannot open the event file '%s'", path);
	r = event_sink_on(fd, limit, ret);
	if (r < 0)
		return error_set(err, -r, "cannot write events to '%s'", path);
	return 0;
}

void event_emit(struct event_sink *sink, const struct event *event)
{
	struct budget *budget;
	int saved = errno;

	if (!sink)
		return;
	budget = budget_of(sink, event);
	if (is_spent(sink, budget, event->kind)) {
		budget->suppressed++;
		count_only(sink, event, &sink->suppressed);
		return;
	}
	if (write_line(sink, event) < 0)
		count_only(sink, event, &sink->failed);
	else
		budget->written++;
	errno = saved;
}

/* "1000 denied in fs, 10 degraded" */
static void put_suppressed(struct buf *to, const struct event_sink *sink)
{
	const char *between = "";

	for (unsigned int kind = 0; kind < EVENT_KINDS; kind++) {
		for (unsigned int d = 0; d <= DOMAINS; d++) {
			uint64_t count = sink->budgets[kind][d].suppressed;

			if (count == 0)
				continue;
			buf_format(to, "%s%" PRIu64 " %s%s%s", between, count,
				   event_kind_name((enum event_kind)kind),
				   d < DOMAINS ? " in " : "",
				   d < DOMAINS ? domain_name((enum domain)d) : "");
			between = ", ";
		}
	}
}

/* A failed write here has nobody left who could be told. */
static void tell_counted(struct event_sink *sink)
{
	struct event event = EVENT(EVENT_SUPPRESSED);
	cleanup_buf struct buf detail = BUF_INIT;

	if (sink->suppressed > 0) {
		buf_format(&detail,
			   "beyond %" PRIu64 " of a kind in a domain only counted: ", sink->limit);
		put_suppressed(&detail, sink);
	}
	if (sink->failed > 0)
		buf_format(&detail, "%s%" PRIu64 " could not be written",
			   sink->suppressed > 0 ? "; " : "", sink->failed);
	event.function = sink->function;
	event.revision = sink->revision;
	event.run = sink->run;
	event.container = sink->container;
	event.detail = detail.error ? NULL : detail.bytes;
	event.count = sink->suppressed + sink->failed;
	write_line(sink, &event);
}

void event_sink_free(struct event_sink *sink)
{
	if (!sink)
		return;
	if (sink->suppressed > 0 || sink->failed > 0)
		tell_counted(sink);
	close(sink->fd);
	free(sink);
}
