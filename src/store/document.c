/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reading the parts of a document. It comes from outside, so every member is checked; members that
 * are not known are passed over, since a later husk may add some.
 */
#include "store/document-internal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

const struct document_flag document_flags[DOCUMENT_FLAGS] = {
	{"image", BEHAVIOUR_IMAGE},
	{"persistent", BEHAVIOUR_PERSISTENT},
	{"privileged", BEHAVIOUR_PRIVILEGED},
	{"socket", BEHAVIOUR_SOCKET},
};

int document_bad(const struct document_place *place, const char *member, const char *why)
{
	return error_say(place->err, EINVAL, "no profile: '%s%s%s' %s", place->text,
			 place->text[0] ? "." : "", member, why);
}

struct document_place document_element(const struct document_place *place, const char *list,
				       size_t i)
{
	struct document_place element = {.err = place->err};
	int len = snprintf(element.text, sizeof(element.text), "%s%s%s[%zu]", place->text,
			   place->text[0] ? "." : "", list, i);

	if (len < 0)
		element.text[0] = '\0';
	return element;
}

int document_list(const struct document_place *place, const struct json *object, const char *key,
		  const struct json **ret)
{
	const struct json *list = json_get(object, key);

	if (list && !json_is_array(list))
		return document_bad(place, key, "is no list");
	*ret = list;
	return 0;
}

int document_name(const struct document_place *place, const struct json *object, const char *key,
		  char *out, size_t room)
{
	const char *text = json_string(json_get(object, key));

	if (!text)
		return document_bad(place, key, "is no string");
	if (text_unescape(text, out, room) < 0)
		return document_bad(place, key, "is no name, or too long");
	return 0;
}

int document_number(const struct document_place *place, const struct json *object, const char *key,
		    int64_t *ret)
{
	const struct json *value = json_get(object, key);
	int64_t number = 0;

	if (value && (!json_integer(value, &number) || number < 0))
		return document_bad(place, key, "is no number from 0 up");
	*ret = number;
	return 0;
}

static bool parse_hash(const char *text, uint64_t *ret)
{
	uint64_t hash = 0;

	if (!text || strlen(text) != DOCUMENT_HASH_ROOM - 1)
		return false;
	for (; *text; text++) {
		if (*text >= '0' && *text <= '9')
			hash = hash << 4 | (uint64_t)(*text - '0');
		else if (*text >= 'a' && *text <= 'f')
			hash = hash << 4 | (uint64_t)(*text - 'a' + 10);
		else
			return false;
	}
	*ret = hash;
	return true;
}

static int read_hash(const struct document_place *place, const struct json *object, const char *key,
		     uint64_t *ret)
{
	if (!parse_hash(json_string(json_get(object, key)), ret))
		return document_bad(place, key, "is not 16 hexadecimal digits");
	return 0;
}

int document_sketch(const struct document_place *place, const struct json *object, const char *key,
		    struct sketch *ret)
{
	const struct json *list = NULL;
	int r = document_list(place, object, key, &list);

	*ret = (struct sketch){0};
	if (r == 0 && json_count(list) > SKETCH_HASHES)
		return document_bad(place, key, "has more than 8 members");
	for (size_t i = 0; r == 0 && i < json_count(list); i++) {
		uint64_t hash;

		if (!parse_hash(json_string(json_at(list, i)), &hash))
			return document_bad(place, key, "holds what is not 16 hexadecimal digits");
		sketch_add(ret, hash);
	}
	return r;
}

int document_activity(const struct document_place *place, const struct json *object,
		      struct document_activity *ret)
{
	int r = read_hash(place, object, "node", &ret->node);

	if (r == 0)
		r = document_number(place, object, "runs", &ret->runs);
	if (r == 0)
		r = document_number(place, object, "lossy", &ret->lossy);
	if (r == 0)
		r = document_number(place, object, "failed", &ret->failed);
	if (r == 0 && (ret->runs > INT32_MAX || ret->lossy > ret->runs || ret->failed > ret->runs))
		return document_bad(place, "runs", "cannot be");
	return r;
}

int document_run(const struct document_place *place, const struct json *object,
		 struct document_run *ret)
{
	int64_t facts = 0;
	int r = document_number(place, object, "at", &ret->at_ns);

	if (r == 0)
		r = read_hash(place, object, "run", &ret->hash);
	if (r == 0)
		r = document_number(place, object, "facts", &facts);
	if (r < 0)
		return r;
	if (ret->at_ns == 0)
		return document_bad(place, "at", "is missing");
	if (facts > UINT32_MAX)
		return document_bad(place, "facts", "cannot be");
	ret->facts = (uint32_t)facts;
	return 0;
}

int document_mode(const struct document_place *place, const struct json *object,
		  struct known_mode *ret)
{
	const char *mode = json_string(json_get(object, "mode"));
	int r;

	if (!mode || mode_parse(mode, &ret->mode) < 0)
		return document_bad(place, "mode", "is no mode");
	ret->by_hand = json_bool(json_get(object, "by_hand"), false);
	r = document_number(place, object, "set", &ret->set_ns);
	return r < 0 ? r : document_number(place, object, "since", &ret->since_ns);
}

static int read_mark(const struct document_place *place, const struct json *object,
		     struct known *known)
{
	const char *mark = json_string(json_get(object, "mark"));
	char author[KNOWN_AUTHOR_ROOM];
	enum mark said = MARK_NONE;
	int64_t at_ns = 0;
	int r;

	if (!mark || mark_parse(mark, &said) < 0)
		return document_bad(place, "mark", "is no mark");
	r = document_number(place, object, "at", &at_ns);
	if (r == 0)
		r = document_name(place, object, "author", author, sizeof(author));
	if (r == 0)
		known_say(known, said, author, at_ns);
	return r;
}

static int read_sightings(const struct document_place *place, const struct json *object,
			  struct known *known)
{
	const struct json *first = json_get(object, "first");
	int r = document_number(place, object, "first_denied", &known->denied_ns);

	if (r == 0)
		r = document_number(place, object, "last_hour", &known->last_hour);
	if (r == 0)
		r = document_sketch(place, object, "seen", &known->seen);
	if (r == 0)
		r = document_sketch(place, object, "denied", &known->denied);
	if (r == 0 && first) {
		r = document_number(place, first, "at", &known->first_ns);
		if (r == 0)
			r = read_hash(place, first, "run", &known->first_run);
	}
	if (r < 0)
		return r;
	if ((known->first_ns != 0) != (known->seen.count > 0))
		return document_bad(place, "first", "does not fit 'seen'");
	if ((known->denied_ns != 0) != (known->denied.count > 0))
		return document_bad(place, "first_denied", "does not fit 'denied'");
	if (known->last_hour > INT64_MAX / INT64_C(3600000000000))
		return document_bad(place, "last_hour", "cannot be");
	return 0;
}

int document_behaviour(const struct document_place *place, const struct json *object,
		       struct behaviour *ret, struct known *ret_known)
{
	const char *domain = json_string(json_get(object, "domain"));
	const char *access = json_string(json_get(object, "access"));
	const struct json *mark = json_get(object, "mark");
	int r;

	*ret_known = KNOWN_INIT;
	if (!domain || domain_parse(domain, &ret->domain) < 0)
		return document_bad(place, "domain", "is no domain");
	if (!access || access_parse(access, &ret->access) < 0)
		return document_bad(place, "access", "is no access");
	r = read_sightings(place, object, ret_known);
	if (r < 0)
		return r;
	if (known_is_seen(ret_known)) {
		ret_known->flags = 0;
		for (size_t i = 0; i < DOCUMENT_FLAGS; i++) {
			if (json_bool(json_get(object, document_flags[i].member), false))
				ret_known->flags |= document_flags[i].flag;
		}
	}
	ret->flags = ret_known->flags;
	return mark ? read_mark(place, mark, ret_known) : 0;
}
