/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "merge/early-scan.h"

struct scan {
	const char *at, *end;
};

static void skip_space(struct scan *scan)
{
	while (scan->at < scan->end &&
	       (*scan->at == ' ' || *scan->at == '\t' || *scan->at == '\n' || *scan->at == '\r'))
		scan->at++;
}

/* From the opening quote to behind the closing one. Returns false without that. */
static bool take_string(struct scan *scan, struct early_text *ret, bool *ret_plain)
{
	const char *begin = ++scan->at;

	*ret_plain = true;
	for (; scan->at < scan->end && *scan->at != '"'; scan->at++) {
		if (*scan->at != '\\' && (unsigned char)*scan->at >= 0x20)
			continue;
		*ret_plain = false;
		if (*scan->at == '\\' && ++scan->at == scan->end)
			return false;
	}
	if (scan->at == scan->end)
		return false;
	*ret = (struct early_text){begin, (size_t)(scan->at - begin)};
	scan->at++;
	return true;
}

static bool is(const struct early_text *text, const char *word)
{
	size_t i = 0;

	while (i < text->len && word[i] && text->bytes[i] == word[i])
		i++;
	return i == text->len && !word[i];
}

/* Behind the colon of one of the two. */
static bool take_value(struct scan *scan, struct early_text *ret)
{
	bool plain;

	skip_space(scan);
	return !ret->bytes && scan->at < scan->end && *scan->at == '"' &&
	       take_string(scan, ret, &plain) && plain;
}

/* A string of the outermost object: a name, where a colon follows. */
static bool take_member(struct scan *scan, struct early_text *id, struct early_text *bundle)
{
	struct early_text text;
	bool plain;

	if (!take_string(scan, &text, &plain))
		return false;
	skip_space(scan);
	if (scan->at == scan->end || *scan->at != ':')
		return true;
	scan->at++;
	if (!plain)
		return false;
	if (is(&text, "id"))
		return take_value(scan, id);
	return is(&text, "bundle") ? take_value(scan, bundle) : true;
}

bool early_scan(const char *bytes, size_t len, struct early_text *ret_id,
		struct early_text *ret_bundle)
{
	struct scan scan = {bytes, bytes + len};
	struct early_text inner;
	unsigned int depth = 0;
	bool plain;

	ret_id->bytes = ret_bundle->bytes = (const char *)0;
	skip_space(&scan);
	if (scan.at == scan.end || *scan.at != '{')
		return false;
	do {
		char c = *scan.at;

		if (c == '"' && !(depth == 1 ? take_member(&scan, ret_id, ret_bundle)
					     : take_string(&scan, &inner, &plain)))
			return false;
		depth += c == '{' || c == '[';
		depth -= c == '}' || c == ']';
		scan.at += c != '"';
	} while (depth > 0 && scan.at < scan.end);
	skip_space(&scan);
	return depth == 0 && scan.at == scan.end && ret_id->bytes && ret_bundle->bytes;
}
