/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * husk allow and husk deny: what a person says of one behaviour. A key is written as husk show
 * prints it; a path that is not known there is brought into the form in which it would be recorded.
 * Capabilities and system calls have a domain in place of an access, and no program of their own.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/options.h"
#include "cli/place.h"
#include "compile/filter.h"
#include "merge/merge.h"
#include "policy/calls.h"
#include "policy/capability.h"
#include "policy/peer.h"
#include "policy/shape-host.h"
#include "policy/shape.h"

enum { DNS_NAME_BYTES = 1025 }; /* of a name as text: NS_MAXDNAME */

static enum domain access_domain(enum access access)
{
	if (access == ACCESS_CONNECT || access == ACCESS_SERVE)
		return DOMAIN_NET;
	if (access == ACCESS_RESOLVE || access == ACCESS_CONSULT)
		return DOMAIN_DNS;
	return access >= ACCESS_EXEC ? DOMAIN_EXEC : DOMAIN_FS;
}

struct mark_request {
	char function[CLI_NAME_ROOM];
	char revision[CLI_NAME_ROOM];
	enum mark mark;
	bool withdraw;
	bool json;
	enum domain domain;
	enum access access; /* ACCESS_NONE in the domains cap and syscall */
	char key[SHAPE_KEY_MAX];
	char program[SHAPE_KEY_MAX];

	/* what is known of it already */
	bool found;	  /* the key stands in the store */
	bool shown;	  /* a run did it */
	enum mark marked; /* by a person, before */
	char meant[SHAPE_KEY_MAX];
};

static int check_peer(const struct cli_syntax *syntax, enum access access, const char *key,
		      struct error *err)
{
	char name[PEER_KEY_ROOM];
	struct peer peer;

	if (peer_parse(access, key, name, &peer) == 0)
		return 0;
	return cli_usage(
		err, syntax, "'%.200s' is no peer: %s", key,
		access == ACCESS_SERVE
			? "'tcp :8080', 'udp :*'"
			: "'tcp example.org:443', 'udp [2001:db8::1]:53', 'tcp loopback:9001'");
}

/* A name as it would be asked for, or a key that is widened already; or a resolver's address. */
static int settle_name(const struct cli_syntax *syntax, enum access access, char *key,
		       struct error *err)
{
	char name[DNS_NAME_BYTES];
	size_t len = strlen(key);
	struct address address;

	if (access == ACCESS_CONSULT) {
		if (address_parse(key, &address) < 0)
			return cli_usage(err, syntax, "'%.200s' is no address", key);
		address_text(&address, key);
		return 0;
	}
	len -= len > 1 && key[len - 1] == '.';
	if (len == 0 || len >= sizeof(name) || strpbrk(key, " /:"))
		return cli_usage(err, syntax, "'%.200s' is no host name", key);
	for (size_t i = 0; i < len; i++)
		key[i] = key[i] >= 'A' && key[i] <= 'Z' ? (char)(key[i] - 'A' + 'a') : key[i];
	key[len] = '\0';
	if (strpbrk(key, "{}"))
		return 0;
	memcpy(name, key, len + 1);
	shape_host(name, key);
	return 0;
}

static int read_text(const struct cli_syntax *syntax, const char *text, char *out,
		     struct error *err)
{
	int r = text_unescape(text, out, SHAPE_KEY_MAX);

	if (r == -EINVAL)
		return cli_usage(err, syntax, "'%.200s' holds a broken escape", text);
	if (r < 0)
		return cli_usage(err, syntax, "'%.60s...' is too long", text);
	return 0;
}

static int read_path(const struct cli_syntax *syntax, const char *text, char *out,
		     struct error *err)
{
	int r = read_text(syntax, text, out, err);

	if (r != 0)
		return r;
	if (out[0] != '/' && out[0] != '{')
		return cli_usage(err, syntax, "'%.200s' is no absolute path", text);
	if (out[0] == '/')
		place_clean(out);
	return 0;
}

/* A word that names an access, or a domain whose behaviours have none. */
static int read_what(const struct cli_syntax *syntax, const char *word, struct mark_request *q,
		     struct error *err)
{
	bool domain = domain_parse(word, &q->domain) == 0;

	if (domain && (q->domain == DOMAIN_CAP || q->domain == DOMAIN_SYSCALL))
		return 0;
	if (access_parse(word, &q->access) < 0 || q->access == ACCESS_NONE)
		return cli_usage(err, syntax, "there is no access '%.60s'", word);
	q->domain = access_domain(q->access);
	return 0;
}

static bool is_call(const char *name)
{
	return filter_knows(name) ||
	       strncmp(name, CALLS_ABI_PREFIX, strlen(CALLS_ABI_PREFIX)) == 0 ||
	       strncmp(name, CALLS_NUMBER_PREFIX, strlen(CALLS_NUMBER_PREFIX)) == 0;
}

static int tell_no_programs(const struct cli_syntax *syntax, const struct mark_request *q,
			    struct error *err)
{
	return cli_usage(err, syntax, "the domain '%s' does not tell programs apart",
			 domain_name(q->domain));
}

/* A capability or a system call: they hold for all programs of a container alike. */
static int read_name(const struct cli_syntax *syntax, const char *text, const char *program,
		     struct mark_request *q, struct error *err)
{
	if (program)
		return tell_no_programs(syntax, q, err);
	if (q->domain == DOMAIN_CAP && capability_parse(text) < 0)
		return cli_usage(err, syntax, "there is no capability '%.60s'", text);
	if (q->domain == DOMAIN_SYSCALL && !is_call(text))
		return cli_usage(err, syntax, "there is no system call '%.60s' on this machine",
				 text);
	/* Better no denial than one that people rely on and no filter can hold. */
	if (q->domain == DOMAIN_SYSCALL && q->mark == MARK_DENY && !q->withdraw &&
	    calls_is_launchers(text))
		return cli_usage(err, syntax,
				 "'%.60s' cannot be denied: husk-launch makes it itself, behind "
				 "the filter",
				 text);
	return text_copy(q->key, sizeof(q->key), text)
		       ? 0
		       : cli_usage(err, syntax, "'%.60s...' is too long", text);
}

/* The key of q->access. */
static int read_key(const struct cli_syntax *syntax, const char *text, const char *program,
		    struct mark_request *q, struct error *err)
{
	int r;

	if (q->domain != DOMAIN_NET && q->domain != DOMAIN_DNS)
		return read_path(syntax, text, q->key, err);
	if (program)
		return tell_no_programs(syntax, q, err);
	r = read_text(syntax, text, q->key, err);
	if (r != 0)
		return r;
	return q->domain == DOMAIN_NET ? check_peer(syntax, q->access, q->key, err)
				       : settle_name(syntax, q->access, q->key, err);
}

static bool has_same_name(const char *a, const char *b)
{
	const char *name_a = strrchr(a, '/'), *name_b = strrchr(b, '/');

	return name_a && name_b && name_a[1] && strcmp(name_a, name_b) == 0;
}

static int look(void *context, const struct store_behaviour *b)
{
	const struct behaviour *known = &b->behaviour;
	struct mark_request *q = context;
	bool done = b->runs > 0 || b->denied > 0;

	if (strcmp(known->key, q->key) != 0) {
		if (done && !q->meant[0] && known->domain == q->domain &&
		    has_same_name(known->key, q->key))
			text_copy(q->meant, sizeof(q->meant), known->key);
		return 0;
	}
	if (known->domain != q->domain || known->access != q->access)
		return 0;
	q->found = true;
	if (strcmp(known->program, q->program) == 0)
		q->marked = b->mark;
	if (done && (!q->program[0] || strcmp(known->program, q->program) == 0))
		q->shown = true;
	return 0;
}

/* Executables stay literal, and braces tell that the key is in its final form already. */
static int settle_key(struct store *store, const char *revision, struct mark_request *q,
		      struct error *err)
{
	char widened[SHAPE_KEY_MAX];
	int r = store_each_behaviour(store, q->function, revision, look, q, err);

	if (r < 0 || q->found || q->domain != DOMAIN_FS || strpbrk(q->key, "{}"))
		return r;
	shape_key(q->key, 0, widened);
	if (strcmp(widened, q->key) == 0)
		return 0;
	memcpy(q->key, widened, sizeof(q->key));
	return store_each_behaviour(store, q->function, revision, look, q, err);
}

static int apply(struct cli *cli, struct mark_request *q, const char *wanted, struct error *err)
{
	struct behaviour b = {
		.domain = q->domain, .access = q->access, .program = q->program, .key = q->key};
	struct event event = EVENT(EVENT_MARKED);
	enum mark mark = q->withdraw ? MARK_NONE : q->mark;
	cleanup_store struct store *store = NULL;
	const struct settings *settings;
	struct event_sink *events = NULL;
	struct cli_revision revision;
	char author[128], detail[256];
	int r = cli_settings(cli, &settings, err);

	if (r == 0)
		r = cli_store(cli, &store, err);
	if (r == 0)
		r = cli_find_revision(store, q->function, wanted, &revision, err);
	if (r == 0) {
		text_copy(q->revision, sizeof(q->revision), revision.name);
		r = settle_key(store, revision.name, q, err);
	}
	if (r == 0 && q->withdraw) {
		q->mark = q->marked;
		if (q->mark == MARK_NONE)
			return 0;
	}
	if (r == 0)
		r = cli_event_sink(cli, &events, err);
	if (r < 0)
		return r;
	cli_author(author, sizeof(author));
	r = store_set_mark(store, q->function, revision.name, &b, mark, author, err);
	if (r == 0) {
		snprintf(detail, sizeof(detail), "%s%s by %s", q->withdraw ? "no longer " : "",
			 q->mark == MARK_ALLOW ? "allowed" : "denied", author);
		event.function = q->function;
		event.revision = revision.name;
		event.behaviour = &b;
		event.detail = detail;
		event_emit(events, &event);
		r = merge_refresh(store, settings, q->function, revision.name, events, err);
	}
	event_sink_free(events);
	return r;
}

static int tell(const struct mark_request *q, struct error *err)
{
	char key[TEXT_ESCAPED_MAX(SHAPE_KEY_MAX)], program[TEXT_ESCAPED_MAX(SHAPE_KEY_MAX)];
	cleanup_buf struct buf out = BUF_INIT;

	if (q->mark == MARK_NONE) {
		buf_add_text(&out, "nothing was marked\n");
		return cli_print(&out, err);
	}
	text_escape(q->key, key, sizeof(key));
	text_escape(q->program, program, sizeof(program));
	buf_format(&out, "%s%s: %s %s", q->withdraw ? "no longer " : "",
		   q->mark == MARK_ALLOW ? "allowed" : "denied",
		   q->access == ACCESS_NONE ? domain_name(q->domain) : access_name(q->access), key);
	buf_format(&out, " by %s\n", q->program[0] ? program : "any program");
	return cli_print(&out, err);
}

static int tell_json(const struct mark_request *q, struct error *err)
{
	cleanup_json_writer struct json_writer *w = json_writer_new(true);
	cleanup_buf struct buf out = BUF_INIT;
	int r;

	if (!w)
		return error_set(err, ENOMEM, "cannot print");
	json_object_begin(w);
	json_member_name(w, "function", q->function);
	json_member_name(w, "revision", q->revision);
	json_member_string(w, "domain", domain_name(q->domain));
	json_member_string(w, "access", access_name(q->access));
	json_member_name(w, "key", q->key);
	json_member_name(w, "program", q->program);
	json_member_string(w, "mark", mark_name(q->withdraw ? MARK_NONE : q->mark));
	if (q->withdraw)
		json_member_string(w, "withdrawn", mark_name(q->mark));
	json_member_bool(w, "seen", q->shown);
	if (!q->shown && q->meant[0])
		json_member_name(w, "similar", q->meant);
	json_object_end(w);
	r = json_writer_end(w, &out);
	return r < 0 ? r : cli_print(&out, err);
}

/* Keys are canonical: a path through a link is none, and what is said of it takes no effect. */
static void tell_unseen(const struct mark_request *q)
{
	char meant[TEXT_ESCAPED_MAX(SHAPE_KEY_MAX)];

	text_escape(q->meant, meant, sizeof(meant));
	fprintf(stderr, "husk: no run has shown this key%s yet%s%s%s\n",
		q->program[0] ? " by this program" : "", meant[0] ? "; was '" : "", meant,
		meant[0] ? "' meant?" : "");
}

static int mark_command(struct cli *cli, enum mark mark, int argc, char **argv, struct error *err)
{
	const char *program = NULL, *wanted = NULL;
	cleanup_free struct mark_request *q = calloc(1, sizeof(*q));

	if (!q)
		return error_set(err, ENOMEM, "cannot read the arguments");
	const struct cli_option options[] = {
		{"program", 'p', CLI_TEXT, &program, "PATH", "only when this program does it"},
		{"revision", 'r', CLI_TEXT, &wanted, "REVISION",
		 "another one than the newest; its beginning does"},
		{"withdraw", 0, CLI_FLAG, &q->withdraw, NULL, "take back what was said"},
		{"json", 'j', CLI_FLAG, &q->json, NULL, "print JSON"},
		{0},
	};
	const struct cli_syntax syntax = {
		.usage = mark == MARK_ALLOW
				 ? "allow [OPTION]... FUNCTION "
				   "read|write|create|list|exec|connect|serve|resolve|consult|"
				   "cap|syscall KEY"
				 : "deny [OPTION]... FUNCTION "
				   "read|write|create|list|exec|connect|serve|resolve|consult|"
				   "cap|syscall KEY",
		.about = mark == MARK_ALLOW ? "Allows one behaviour, whether it was seen or not."
					    : "Denies one behaviour, in every mode.",
		.options = options,
		.operands_min = 3,
		.operands_max = 3,
	};
	int n = 0;
	int r = cli_parse(cli, &syntax, argc, argv, &n, err);

	if (r != 0)
		return r;
	q->mark = mark;
	r = read_what(&syntax, argv[1], q, err);
	if (r != 0)
		return r;
	r = cli_function_name(argv[0], q->function, err);
	if (r == 0 && q->access == ACCESS_NONE)
		r = read_name(&syntax, argv[2], program, q, err);
	else if (r == 0)
		r = read_key(&syntax, argv[2], program, q, err);
	if (r == 0 && program)
		r = read_path(&syntax, program, q->program, err);
	if (r == 0)
		r = apply(cli, q, wanted, err);
	if (r == 0)
		r = q->json ? tell_json(q, err) : tell(q, err);
	if (r == 0 && !q->json && !q->withdraw && !q->shown)
		tell_unseen(q);
	return r;
}

int cli_allow(struct cli *cli, int argc, char **argv, struct error *err)
{
	return mark_command(cli, MARK_ALLOW, argc, argv, err);
}

int cli_deny(struct cli *cli, int argc, char **argv, struct error *err)
{
	return mark_command(cli, MARK_DENY, argc, argv, err);
}
