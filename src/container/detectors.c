/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The detector table, evaluated while it is read: one pass, no allocation. The first rule whose
 * conditions hold, and whose name can be filled in, is taken; the lines after it are still checked,
 * so that a broken table is broken for every container.
 *
 * Whether somebody who builds an image could have chosen what a rule looked at is carried along:
 * such a name gets a digest into its revision (identity.c), and no such value makes husk ignore a
 * container.
 */
#include <errno.h>
#include <string.h>

#include "base/text.h"
#include "container/detectors-internal.h"

struct rule {
	char name[DETECTOR_NAME_MAX + 1]; /* "" before the first rule */
	bool holds;			  /* all conditions so far */
	bool gives;			  /* it has a function or an ignore line */
	bool ignore, pool;
	bool conditions_from_image;
	struct value_text {
		char text[IDENTITY_NAME_MAX + 1];
		bool from_image;
	} function, revision;
	char sockets[IDENTITY_NAME_MAX + 1];
};

struct reader {
	struct subject subject;
	const char *name; /* of the table, for errors */
	int line;
	bool found;
	struct rule rule;
	struct detected *ret;
	struct error *err;
};

static int say(const struct reader *reader, const char *what)
{
	return error_say(reader->err, EINVAL, "%s:%d: %s", reader->name, reader->line, what);
}

int identity_check_name(const char *from, const char *text, struct error *err)
{
	size_t len = strlen(text);

	if (len == 0 || len > IDENTITY_NAME_MAX)
		return error_say(err, EINVAL, "%s is no name: it has %zu bytes, not 1 to %d", from,
				 len, IDENTITY_NAME_MAX);
	for (size_t i = 0; i < len;) {
		size_t step = utf8_sequence(text + i, len - i);
		unsigned char first = (unsigned char)text[i];

		if (step == 0)
			return error_say(err, EINVAL, "%s is no name: it is not UTF-8", from);
		if (first < 0x20 || first == 0x7f ||
		    (first == 0xc2 && (unsigned char)text[i + 1] < 0xa0))
			return error_say(err, EINVAL, "%s is no name: it holds a control character",
					 from);
		i += step;
	}
	return 0;
}

/* ---- conditions ---- */

static bool compare(struct value value, const char *operator, const char * wanted)
{
	size_t len = strlen(wanted);

	if (value.len == 0)
		return false;
	if (!*operator)
		return true;
	if (value.len < len || (strcmp(operator, "is") == 0 && value.len != len))
		return false;
	if (strcmp(operator, "ends") == 0)
		return memcmp(value.text + value.len - len, wanted, len) == 0;
	return memcmp(value.text, wanted, len) == 0;
}

static int read_condition(struct reader *reader, char *text, bool *ret_holds, bool *ret_from_image)
{
	const char *operator= "";
	struct source source;

	if (source_parse(&text, &source) < 0)
		return say(reader, "no source that is known");
	if (*text) {
		operator= strsep(&text, " \t");
		if (strcmp(operator, "is") != 0 && strcmp(operator, "begins") != 0 &&
		    strcmp(operator, "ends") != 0)
			return say(reader, "expected 'is', 'begins' or 'ends'");
		text = text ? text + strspn(text, " \t") : NULL;
		if (!text || !*text)
			return say(reader, "nothing to compare with");
	}
	*ret_holds = false;
	*ret_from_image = false;
	if (reader->found || !reader->rule.holds)
		return 0;
	*ret_from_image = source_is_from_image(&source, &reader->subject);
	for (size_t i = 0; !*ret_holds && i < source_count(&source, &reader->subject); i++)
		*ret_holds = compare(source_value(&source, &reader->subject, i), operator, text);
	return 0;
}

static int read_when(struct reader *reader, char *text, bool wanted)
{
	bool holds, from_image;
	int r = read_condition(reader, text, &holds, &from_image);

	if (r < 0)
		return r;
	reader->rule.holds = reader->rule.holds && holds == wanted;
	reader->rule.conditions_from_image |= from_image;
	return 0;
}

/* Podman copies an image's annotations into config.json. */
static int read_images_annotate(struct reader *reader, char *text)
{
	bool holds, from_image;
	int r = read_condition(reader, text, &holds, &from_image);

	if (r == 0)
		reader->subject.images_annotate |= holds;
	return r;
}

/* ---- templates ---- */

static int append(struct reader *reader, struct value_text *to, struct value piece)
{
	size_t used = strlen(to->text);

	if (piece.len > IDENTITY_NAME_MAX - used)
		return error_say(reader->err, EINVAL,
				 "%s:%d: the name that rule '%s' gives is longer than %d bytes",
				 reader->name, reader->line, reader->rule.name, IDENTITY_NAME_MAX);
	memcpy(to->text + used, piece.text, piece.len);
	to->text[used + piece.len] = '\0';
	to->from_image |= piece.from_image;
	return 0;
}

/* Fills the holes of `text`. *ret is empty where a hole has no value. `evaluate`: or check only. */
static int fill(struct reader *reader, char *text, bool evaluate, struct value_text *ret)
{
	struct value_text filled = {0};
	bool whole = true;
	int r = 0;

	while (*text && r == 0) {
		char *hole = text + strcspn(text, "{");
		char *end = hole + strcspn(hole, "}");
		struct value piece = {.text = text, .len = (size_t)(hole - text)};
		struct source source;

		r = append(reader, &filled, piece);
		if (r < 0 || !*hole)
			break;
		if (!*end)
			return say(reader, "a '{' has no '}'");
		*end = '\0';
		hole++;
		if (source_parse(&hole, &source) < 0 || *hole)
			return say(reader, "no source between '{' and '}'");
		if (evaluate) {
			piece = source_value(&source, &reader->subject, 0);
			whole = whole && piece.len > 0;
			r = append(reader, &filled, piece);
		}
		text = end + 1;
	}
	if (r == 0 && evaluate && whole)
		*ret = filled;
	return r;
}

static int read_template(struct reader *reader, char *text, struct value_text *to)
{
	bool evaluate = reader->rule.holds && !reader->found && !*to->text;
	char from[192];
	int r;

	if (!*text)
		return say(reader, "a name is missing");
	r = fill(reader, text, evaluate, to);
	if (r < 0 || !evaluate || !*to->text)
		return r;
	snprintf(from, sizeof(from), "%.64s:%d: what rule '%s' gives", reader->name, reader->line,
		 reader->rule.name);
	return identity_check_name(from, to->text, reader->err);
}

/* ---- rules ---- */

static int finish_rule(struct reader *reader)
{
	const struct rule *rule = &reader->rule;
	bool ignore = rule->ignore && !rule->conditions_from_image;

	if (!*rule->name)
		return 0;
	if (!rule->gives)
		return say(reader, "the rule before this line has no 'function' and no 'ignore'");
	if (reader->found || !rule->holds || (!ignore && !*rule->function.text))
		return 0;
	reader->found = true;
	reader->ret->ignore = ignore;
	reader->ret->pool = rule->pool;
	reader->ret->from_image = rule->function.from_image || rule->revision.from_image;
	memcpy(reader->ret->rule, rule->name, sizeof(rule->name));
	memcpy(reader->ret->function, rule->function.text, sizeof(rule->function.text));
	memcpy(reader->ret->revision, rule->revision.text, sizeof(rule->revision.text));
	memcpy(reader->ret->sockets, rule->sockets, sizeof(rule->sockets));
	return 0;
}

static int begin_rule(struct reader *reader, const char *name)
{
	int r = finish_rule(reader);

	if (r < 0)
		return r;
	if (!text_is_name(name, DETECTOR_NAME_MAX))
		return say(reader, "'rule' takes a name");
	reader->rule = (struct rule){.holds = true};
	text_copy(reader->rule.name, sizeof(reader->rule.name), name);
	return 0;
}

static int read_image(struct reader *reader, char *text)
{
	struct source source;
	struct value value;

	if (source_parse(&text, &source) < 0 || *text)
		return say(reader, "'image' takes a source");
	value = source_value(&source, &reader->subject, 0);
	/* what an image says of itself is no proof of what it is */
	if (*reader->ret->image || value.from_image || value.len > IDENTITY_NAME_MAX)
		return 0;
	memcpy(reader->ret->image, value.text, value.len);
	reader->ret->image[value.len] = '\0';
	return 0;
}

static int read_sockets(struct reader *reader, const char *directory)
{
	struct rule *rule = &reader->rule;
	size_t len = strlen(directory);

	if (len < 2 || directory[0] != '/' || directory[len - 1] == '/' || strchr(directory, '{'))
		return say(reader, "'sockets' takes the path of a directory below '/'");
	if (*rule->sockets)
		return say(reader, "the rule has 'sockets' already");
	if (!text_copy(rule->sockets, sizeof(rule->sockets), directory))
		return say(reader, "the path is too long");
	return 0;
}

static int read_in_rule(struct reader *reader, const char *word, char *rest)
{
	struct rule *rule = &reader->rule;

	if (!*rule->name)
		return say(reader, "expected 'rule NAME'");
	if (strcmp(word, "when") == 0)
		return read_when(reader, rest, true);
	if (strcmp(word, "unless") == 0)
		return read_when(reader, rest, false);
	if (strcmp(word, "function") == 0) {
		rule->gives = true;
		return read_template(reader, rest, &rule->function);
	}
	if (strcmp(word, "revision") == 0)
		return read_template(reader, rest, &rule->revision);
	if (strcmp(word, "sockets") == 0)
		return read_sockets(reader, rest);
	if (*rest)
		return say(reader, "there is more on the line than its word takes");
	if (strcmp(word, "pool") == 0) {
		rule->pool = true;
		return 0;
	}
	if (strcmp(word, "ignore") == 0) {
		rule->gives = true;
		rule->ignore = true;
		return 0;
	}
	return say(reader, "a word that is not known");
}

static int read_line(struct reader *reader, char *line)
{
	size_t len = strlen(line);
	char *rest = line + strspn(line, " \t");
	const char *word;

	while (len > 0 && strchr(" \t\r", line[len - 1]))
		line[--len] = '\0';
	if (!*rest || *rest == '#')
		return 0;
	word = strsep(&rest, " \t");
	rest = rest ? rest + strspn(rest, " \t") : line + len;
	if (strcmp(word, "rule") == 0)
		return begin_rule(reader, rest);
	if (strcmp(word, "image") == 0)
		return read_image(reader, rest);
	if (strcmp(word, "images-annotate") == 0)
		return read_images_annotate(reader, rest);
	return read_in_rule(reader, word, rest);
}

int detectors_apply(const struct oci_state *state, const struct oci_spec *spec, const char *name,
		    const char *bytes, size_t len, struct detected *ret, struct error *err)
{
	char line[DETECTOR_LINE_MAX + 1];
	struct reader reader = {
		.rule = {.holds = true},
		.subject = {.state = state, .spec = spec},
		.name = name,
		.ret = ret,
		.err = err,
	};

	*ret = (struct detected){0};
	if (len > DETECTOR_TABLE_MAX)
		return error_say(err, EFBIG, "%s is larger than %d bytes", name,
				 DETECTOR_TABLE_MAX);
	for (size_t at = 0; at < len;) {
		const char *end = memchr(bytes + at, '\n', len - at);
		size_t line_len = end ? (size_t)(end - bytes) - at : len - at;
		int r;

		reader.line++;
		if (line_len > DETECTOR_LINE_MAX || memchr(bytes + at, '\0', line_len))
			return say(&reader, "the line is too long or holds a NUL");
		memcpy(line, bytes + at, line_len);
		line[line_len] = '\0';
		at += line_len + 1;
		if (line[0] == '#') /* half of the table is prose */
			continue;
		r = read_line(&reader, line);
		if (r < 0)
			return r;
	}
	ret->images_annotate = reader.subject.images_annotate;
	return finish_rule(&reader);
}
