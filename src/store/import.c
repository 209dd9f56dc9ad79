/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Joining a document into the store: one transaction, so that a document that is none changes
 * nothing. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "policy/image.h"
#include "policy/shape.h"
#include "store/document-internal.h"
#include "store/store-internal.h"

static int join_counts(struct row_revision *row, const struct json *object,
		       const struct document_place *place)
{
	struct sketch sample;
	int64_t first_ns = 0, last_ns = 0;
	int r = document_number(place, object, "first", &first_ns);

	if (r == 0)
		r = document_number(place, object, "last", &last_ns);
	if (r == 0)
		r = document_sketch(place, object, "sample", &sample);
	if (r < 0)
		return r;
	sketch_join(&row->sketch, &sample);
	if (first_ns != 0 && (row->first_ns == 0 || first_ns < row->first_ns))
		row->first_ns = first_ns;
	if (last_ns > row->last_ns)
		row->last_ns = last_ns;
	return 0;
}

static int join_domains(struct store *store, int64_t revision, const struct json *object,
			const struct document_place *place)
{
	const struct json *members = json_get(object, "domains");
	struct row_domain domains[DOMAINS];
	int r = row_domains_read(store, revision, domains, place->err);

	if (r == 0 && members && !json_is_object(members))
		return document_bad(place, "domains", "is no object");
	for (size_t i = 0; r == 0 && i < json_count(members); i++) {
		struct known_mode mode;
		enum domain domain;

		if (domain_parse(json_key_at(members, i), &domain) < 0)
			return document_bad(place, "domains", "names what is no domain");
		r = document_mode(place, json_at(members, i), &mode);
		if (r == 0 && known_mode_join(&domains[domain].mode, &mode))
			r = row_domain_write(store, revision, domain, &domains[domain], place->err);
	}
	return r;
}

/* What this node counted may come back to it; what others counted stands in rows of its own. */
static void join_own_activity(struct row_revision *row, const struct document_activity *a)
{
	if (a->runs > row->runs)
		row->runs = a->runs;
	if (a->lossy > row->lossy)
		row->lossy = a->lossy;
	if (a->failed > row->failed)
		row->failed = a->failed;
}

static int join_activities(struct store *store, struct row_revision *row, const struct json *object,
			   const struct document_place *place)
{
	const struct json *list = NULL;
	uint64_t own;
	int r = document_list(place, object, "activity", &list);

	if (r == 0)
		r = row_node(store, &own, place->err);
	for (size_t i = 0; r == 0 && i < json_count(list); i++) {
		struct document_place at = document_element(place, "activity", i);
		struct document_activity a;

		r = document_activity(&at, json_at(list, i), &a);
		if (r < 0)
			return r;
		if (a.node == own)
			join_own_activity(row, &a);
		else
			r = store_change(store, SQL_ACTIVITY_JOIN, place->err, "iiiii", row->id,
					 (int64_t)a.node, a.runs, a.lossy, a.failed);
	}
	return r;
}

static int join_runs(struct store *store, int64_t revision, const struct json *object,
		     const struct document_place *place)
{
	const struct json *list = NULL;
	int r = document_list(place, object, "runs", &list);

	for (size_t i = 0; r == 0 && i < json_count(list); i++) {
		struct document_place at = document_element(place, "runs", i);
		struct document_run run;

		r = document_run(&at, json_at(list, i), &run);
		if (r == 0)
			r = store_change(store, SQL_RUN_JOIN, place->err, "iiii", revision,
					 run.at_ns, (int64_t)run.hash, (int64_t)run.facts);
	}
	if (r == 0)
		r = store_change(store, SQL_RUN_TRIM, place->err, "ii", revision,
				 (int64_t)STORE_RUNS_KEPT);
	return r;
}

static int join_behaviour(struct store *store, int64_t revision, const struct json *object,
			  const struct document_place *place)
{
	char program[SHAPE_KEY_MAX], key[SHAPE_KEY_MAX];
	struct behaviour b = {.program = program, .key = key};
	struct known known, incoming;
	int r = document_name(place, object, "program", program, sizeof(program));

	if (r == 0)
		r = document_name(place, object, "key", key, sizeof(key));
	if (r == 0)
		r = document_behaviour(place, object, &b, &incoming);
	if (r == 0)
		r = row_known_read(store, revision, &b, &known, place->err);
	if (r < 0)
		return r;
	return known_join(&known, &incoming)
		       ? row_known_write(store, revision, &b, &known, place->err)
		       : 0;
}

static int join_behaviours(struct store *store, int64_t revision, const struct json *object,
			   const struct document_place *place)
{
	const struct json *list = NULL;
	int r = document_list(place, object, "behaviours", &list);

	for (size_t i = 0; r == 0 && i < json_count(list); i++) {
		struct document_place at = document_element(place, "behaviours", i);

		r = join_behaviour(store, revision, json_at(list, i), &at);
	}
	return r;
}

static int join_revision(struct store *store, const char *function, const struct json *object,
			 const struct document_place *place)
{
	char name[POLICY_NAME_MAX + 1];
	struct row_revision row;
	int r = document_name(place, object, "revision", name, sizeof(name));

	if (r == 0)
		r = row_revision_made(store, function, name, &row, place->err);
	if (r < 0)
		return r;
	r = join_counts(&row, object, place);
	if (r == 0)
		r = join_domains(store, row.id, object, place);
	if (r == 0)
		r = join_activities(store, &row, object, place);
	if (r == 0)
		r = row_revision_write(store, &row, place->err);
	if (r == 0)
		r = join_runs(store, row.id, object, place);
	if (r == 0)
		r = join_behaviours(store, row.id, object, place);
	if (r == 0)
		r = row_domains_refresh(store, row.id, place->err);
	return r < 0 ? r : row_stale(store, row.id, place->err);
}

static int join(struct store *store, const struct json *document, const char *function,
		const struct document_place *top)
{
	const struct json *list = NULL;
	int r = document_list(top, document, "revisions", &list);

	if (r == 0 && !list)
		return document_bad(top, "revisions", "is missing");
	for (size_t i = 0; r == 0 && i < json_count(list); i++) {
		struct document_place place = document_element(top, "revisions", i);

		r = join_revision(store, function, json_at(list, i), &place);
	}
	return r;
}

int store_import(struct store *store, const struct json *document, char **ret_function,
		 struct error *err)
{
	const char *schema = json_string(json_get(document, "schema"));
	struct document_place top = {.err = err};
	cleanup_free char *name = NULL;
	char function[POLICY_NAME_MAX + 1];
	bool outer;
	int r;

	if (!schema || strcmp(schema, DOCUMENT_SCHEMA) != 0)
		return document_bad(&top, "schema", "is not '" DOCUMENT_SCHEMA "'");
	r = document_name(&top, document, "function", function, sizeof(function));
	if (r < 0)
		return r;
	if (function[0] == '\0')
		return document_bad(&top, "function", "is empty");
	name = strdup(function);
	if (!name)
		return error_set(err, ENOMEM, "cannot import '%s'", function);
	r = store_enter(store, &outer, err);
	if (r < 0)
		return r;
	r = store_leave(store, outer, join(store, document, function, &top), err);
	if (r == 0 && ret_function)
		*ret_function = steal_ptr(&name);
	return r;
}
