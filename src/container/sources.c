/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Sources of the detector table: values of a container that say which function it is. No value is
 * copied; each remembers whether whoever built the image could have chosen it.
 */
#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "base/text.h"
#include "container/detectors-internal.h"

typedef struct value source_find(const struct subject *subject, const char *argument, size_t i);

struct source_kind {
	const char *name;
	bool takes_argument;
	bool from_image;
	bool is_annotation; /* from an image only with engines that copy its annotations */
	bool has_many;	    /* one value an argument */
	source_find *find;
};

struct source_filter {
	const char *name;
	struct value (*apply)(struct value value);
};

static struct value value_of(const char *text)
{
	return (struct value){.text = text ? text : "", .len = text ? strlen(text) : 0};
}

static struct value find_annotation(const struct subject *subject, const char *argument, size_t i)
{
	return value_of(oci_spec_annotation(subject->spec, argument));
}

static struct value find_env(const struct subject *subject, const char *argument, size_t i)
{
	return value_of(oci_spec_env(subject->spec, argument));
}

/* "--target X" and "--target=X"; `argument` is the option with its dashes. */
static struct value find_option(const struct subject *subject, const char *argument, size_t i)
{
	const struct oci_spec *spec = subject->spec;
	size_t len = strlen(argument);

	for (size_t n = 1; n < spec->n_args; n++) {
		const char *at = spec->args[n];

		if (strncmp(at, argument, len) != 0)
			continue;
		if (at[len] == '=')
			return value_of(at + len + 1);
		if (at[len] == '\0')
			return value_of(spec->args[n + 1]);
	}
	return value_of(NULL);
}

static struct value find_argument(const struct subject *subject, const char *argument, size_t i)
{
	unsigned long number = 0;

	if (text_number(argument, 1000000, &number) < 0 || number >= subject->spec->n_args)
		return value_of(NULL);
	return value_of(subject->spec->args[number]);
}

static struct value find_last_argument(const struct subject *subject, const char *argument,
				       size_t i)
{
	size_t count = subject->spec->n_args;

	return value_of(count > 1 ? subject->spec->args[count - 1] : NULL);
}

static struct value find_any_argument(const struct subject *subject, const char *argument, size_t i)
{
	return value_of(i < subject->spec->n_args ? subject->spec->args[i] : NULL);
}

static struct value find_id(const struct subject *subject, const char *argument, size_t i)
{
	return value_of(subject->state->id);
}

/* The component itself, where the bundle's path has it. */
static struct value find_bundle_part(const struct subject *subject, const char *argument, size_t i)
{
	size_t len = strlen(argument);
	const char *at = subject->state->bundle;

	while (at && *at) {
		size_t part;

		at += strspn(at, "/");
		part = strcspn(at, "/");
		if (part == len && memcmp(at, argument, len) == 0)
			return value_of(argument);
		at += part;
	}
	return value_of(NULL);
}

/* A piece of the path that the engine gave, between any of '/', ':', '-' and '.': "libpod" of
 * "machine.slice:libpod:ID" and of "/libpod_parent/libpod-ID". */
static struct value find_cgroup_part(const struct subject *subject, const char *argument, size_t i)
{
	static const char between[] = "/:-.";
	const char *at = subject->spec->cgroups_path;
	size_t len = strlen(argument);

	while (at && *at) {
		size_t part;

		at += strspn(at, between);
		part = strcspn(at, between);
		if (part == len && memcmp(at, argument, len) == 0)
			return value_of(argument);
		at += part;
	}
	return value_of(NULL);
}

static const struct source_kind kinds[] = {
	{"annotation", true, false, true, false, find_annotation},
	{"env", true, true, false, false, find_env},
	{"option", true, true, false, false, find_option},
	{"argument", true, true, false, false, find_argument},
	{"last-argument", false, true, false, false, find_last_argument},
	{"any-argument", false, true, false, true, find_any_argument},
	{"id", false, false, false, false, find_id},
	{"bundle-part", true, false, false, false, find_bundle_part},
	{"cgroup-part", true, false, false, false, find_cgroup_part},
};

static size_t span_of(struct value value, const char *accept)
{
	size_t n = 0;

	while (n < value.len && strchr(accept, value.text[n]))
		n++;
	return n;
}

/* "sha256:" and 64 hexadecimal digits, wherever they stand in an image reference. */
static struct value filter_digest(struct value value)
{
	static const char algorithm[] = "sha256:";
	const char *at = memmem(value.text, value.len, algorithm, sizeof(algorithm) - 1);
	struct value digits = value;

	value.len = at ? value.len - (size_t)(at - value.text) : 0;
	if (!at)
		return value;
	digits.text = at + sizeof(algorithm) - 1;
	digits.len = value.len - (sizeof(algorithm) - 1);
	value.text = at;
	value.len = span_of(digits, "0123456789abcdef") == 64 ? sizeof(algorithm) - 1 + 64 : 0;
	return value;
}

/* Cuts "-" and at least `min`, at most `max` characters of `alphabet` off the end. */
static struct value cut_suffix(struct value value, const char *alphabet, size_t min, size_t max)
{
	size_t n = 0;

	while (n < value.len && strchr(alphabet, value.text[value.len - 1 - n]))
		n++;
	if (n >= min && n <= max && n + 1 < value.len && value.text[value.len - 1 - n] == '-')
		value.len -= n + 1;
	return value;
}

/*
 * A pod's name without what its controller appended: 5 random characters, and before them the hash
 * of a Deployment's template. Source: k8s.io/apimachinery, pkg/util/rand: String() takes its
 * characters from an alphabet without vowels, SafeEncodeString() maps the decimal digits of the
 * hash to ten of them.
 */
static struct value filter_workload(struct value value)
{
	struct value cut = cut_suffix(value, "bcdfghjklmnpqrstvwxz2456789", 5, 5);

	return cut.len < value.len ? cut_suffix(cut, "456789bcdf", 6, 10) : value;
}

/*
 * What stands behind the first components (between '-' and '_') that are numbers:
 * "wsk0-invoker-00-12-guest-hello" is "guest-hello".
 */
static struct value filter_after_number(struct value value)
{
	bool met = false;

	while (value.len > 0) {
		size_t part = 0;
		size_t digits = span_of(value, "0123456789");

		while (part < value.len && value.text[part] != '-' && value.text[part] != '_')
			part++;
		if (met && digits != part)
			return value;
		met = digits > 0 && digits == part;
		part += part < value.len ? 1 : 0;
		value.text += part;
		value.len -= part;
	}
	return value;
}

static const struct source_filter filters[] = {
	{"digest", filter_digest},
	{"workload", filter_workload},
	{"after-number", filter_after_number},
};

/* Cuts the next word off *text: up to a blank, or up to and including a '|'. */
static char *next_word(char **text, bool *ret_filtered)
{
	char *word = *text + strspn(*text, " \t");
	char *end = word + strcspn(word, " \t|");

	*ret_filtered = *end == '|';
	*text = end;
	if (*end)
		*(*text)++ = '\0';
	return word;
}

static int parse_filter(char **text, struct source *source)
{
	bool filtered;
	const char *word = next_word(text, &filtered);

	for (size_t i = 0; i < sizeof(filters) / sizeof(filters[0]); i++) {
		if (strcmp(word, filters[i].name) == 0)
			source->filter = &filters[i];
	}
	return source->filter && !filtered ? 0 : -EINVAL;
}

int source_parse(char **text, struct source *ret)
{
	struct source source = {0};
	bool filtered;
	const char *word = next_word(text, &filtered);

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (strcmp(word, kinds[i].name) == 0)
			source.kind = &kinds[i];
	}
	if (!source.kind)
		return -EINVAL;
	if (source.kind->takes_argument) {
		if (filtered)
			return -EINVAL;
		source.argument = next_word(text, &filtered);
		if (!*source.argument)
			return -EINVAL;
	}
	if (filtered && parse_filter(text, &source) < 0)
		return -EINVAL;
	*text += strspn(*text, " \t");
	*ret = source;
	return 0;
}

bool source_is_from_image(const struct source *source, const struct subject *subject)
{
	return source->kind->from_image ||
	       (source->kind->is_annotation && subject->images_annotate);
}

struct value source_value(const struct source *source, const struct subject *subject, size_t i)
{
	struct value value = {.text = ""};

	if (i == 0 || source->kind->has_many)
		value = source->kind->find(subject, source->argument, i);
	if (source->filter && value.len > 0)
		value = source->filter->apply(value);
	value.from_image = source_is_from_image(source, subject);
	return value;
}

size_t source_count(const struct source *source, const struct subject *subject)
{
	return source->kind->has_many ? subject->spec->n_args : 1;
}
