/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A line is a keyword and words, kept apart by blanks; '#' and ';' begin a comment. */
#include "dns/resolv.h"

#include <string.h>

#define BLANKS " \t\r\v\f"

struct words {
	const char *at;
	size_t left;
};

/* The next word of the line: its length, 0 at the end. */
static size_t next_word(struct words *line, const char **ret)
{
	size_t len = 0;

	while (line->left > 0 && strchr(BLANKS, *line->at)) {
		line->at++;
		line->left--;
	}
	*ret = line->at;
	while (len < line->left && !strchr(BLANKS, line->at[len]))
		len++;
	line->at += len;
	line->left -= len;
	return len;
}

static bool is_word(const char *word, size_t len, const char *wanted)
{
	return len == strlen(wanted) && memcmp(word, wanted, len) == 0;
}

static void add_server(struct resolv *resolv, const char *word, size_t len)
{
	char text[ADDRESS_TEXT_ROOM];
	const char *zone = memchr(word, '%', len);

	if (zone)
		len = (size_t)(zone - word);
	if (len >= sizeof(text) || resolv->servers_count == RESOLV_SERVERS_MAX)
		return;
	memcpy(text, word, len);
	text[len] = '\0';
	if (address_parse(text, &resolv->servers[resolv->servers_count]) == 0)
		resolv->servers_count++;
}

static void add_search(struct resolv *resolv, const char *word, size_t len)
{
	char *to;

	while (len > 0 && word[len - 1] == '.')
		len--;
	while (len > 0 && *word == '.') {
		word++;
		len--;
	}
	if (len == 0 || len >= RESOLV_DOMAIN_ROOM || resolv->search_count == RESOLV_SEARCH_MAX)
		return;
	to = resolv->search[resolv->search_count];
	for (size_t i = 0; i < len; i++)
		to[i] = word[i] >= 'A' && word[i] <= 'Z' ? (char)(word[i] - 'A' + 'a') : word[i];
	to[len] = '\0';
	resolv->search_count++;
}

static void read_line(struct resolv *resolv, struct words line)
{
	const char *word;
	size_t len = next_word(&line, &word);
	bool domain = is_word(word, len, "domain");

	if (is_word(word, len, "nameserver")) {
		len = next_word(&line, &word);
		add_server(resolv, word, len);
	} else if (domain || is_word(word, len, "search")) {
		resolv->search_count = 0;
		while ((len = next_word(&line, &word)) > 0) {
			add_search(resolv, word, len);
			if (domain)
				break;
		}
	}
}

void resolv_parse(const char *bytes, size_t len, struct resolv *ret)
{
	static const struct address loopbacks[] = {
		{.family = AF_INET, .bytes = {127, 0, 0, 1}},
		{.family = AF_INET6, .bytes = {[15] = 1}},
	};

	*ret = (struct resolv){0};
	while (len > 0) {
		const char *end = memchr(bytes, '\n', len);
		size_t line_len = end ? (size_t)(end - bytes) : len;
		struct words line = {bytes, strnlen(bytes, line_len)};

		/* A line ends at a NUL, as for readers that use C strings: so no word holds one. */
		read_line(ret, line);
		bytes += line_len + (end != NULL);
		len -= line_len + (end != NULL);
	}
	if (ret->servers_count == 0) {
		memcpy(ret->servers, loopbacks, sizeof(loopbacks));
		ret->servers_count = 2;
		ret->assumed = true;
	}
}

bool resolv_has_server(const struct resolv *resolv, const struct address *address)
{
	for (size_t i = 0; i < resolv->servers_count; i++) {
		if (address_equal(&resolv->servers[i], address))
			return true;
	}
	return false;
}

size_t resolv_expanded(const struct resolv *resolv, const char *name, size_t from, size_t *ret_len)
{
	size_t len = strlen(name);

	for (size_t i = from; i < resolv->search_count; i++) {
		size_t suffix = strlen(resolv->search[i]);

		if (len > suffix + 1 && name[len - suffix - 1] == '.' &&
		    memcmp(name + len - suffix, resolv->search[i], suffix) == 0) {
			*ret_len = len - suffix - 1;
			return i + 1;
		}
	}
	return 0;
}
