/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Classes of names. Names that only an attack, or a person who knows, asks for stand in a table;
 * what else is dangerous is seen by its shape: data that is carried out in a name, label by label.
 */
#include "profile/class-dns.h"

#include <stddef.h>
#include <string.h>

#include "policy/guard.h"

enum {
	RANDOM_MIN = 16,    /* bytes between dashes, of which letters and digits take turns */
	RANDOM_TURNS = 4,   /* so often; "ip4address2name" does three times */
	RANDOM_ALWAYS = 32, /* and so many bytes without a dash are no word at all */
	NAME_LONG = 128,    /* half of what the DNS has room for */
};

static const struct {
	enum behaviour_class class;
	const char *pattern;
	const char *reason;
} names[] = {
	{CLASS_GUARDED, "metadata.google.internal", "metadata service of a cloud"},
	{CLASS_GUARDED, "metadata.goog", "metadata service of a cloud"},
	{CLASS_GUARDED, "instance-data", "metadata service of a cloud"},
	{CLASS_GUARDED, "instance-data.ec2.internal", "metadata service of a cloud"},

	/* Whoever asks these asks no resolver that is seen. */
	{CLASS_DANGEROUS, "dns.google", "resolver over HTTPS"},
	{CLASS_DANGEROUS, "dns.google.com", "resolver over HTTPS"},
	{CLASS_DANGEROUS, "*cloudflare-dns.com", "resolver over HTTPS"},
	{CLASS_DANGEROUS, "one.one.one.one", "resolver over HTTPS"},
	{CLASS_DANGEROUS, "dns*.quad9.net", "resolver over HTTPS"},
	{CLASS_DANGEROUS, "doh.*", "resolver over HTTPS"},
	{CLASS_DANGEROUS, "dns.adguard*.com", "resolver over HTTPS"},
	{CLASS_DANGEROUS, "*dns.nextdns.io", "resolver over HTTPS"},

	{CLASS_DANGEROUS, "*.nanopool.org", "mining pool"},
	{CLASS_DANGEROUS, "*supportxmr.com", "mining pool"},
	{CLASS_DANGEROUS, "*moneroocean.stream", "mining pool"},
	{CLASS_DANGEROUS, "*.hashvault.pro", "mining pool"},
	{CLASS_DANGEROUS, "*.2miners.com", "mining pool"},
	{CLASS_DANGEROUS, "*.nicehash.com", "mining pool"},
	{CLASS_DANGEROUS, "*.minexmr.com", "mining pool"},

	{CLASS_DANGEROUS, "*.onion", "anonymizing network"},
	{CLASS_DANGEROUS, "*.ngrok.io", "tunnel to anybody"},
	{CLASS_DANGEROUS, "*.ngrok*.app", "tunnel to anybody"},
	{CLASS_DANGEROUS, "*.trycloudflare.com", "tunnel to anybody"},
	{CLASS_DANGEROUS, "*.oast.*", "collects what is sent out"},
	{CLASS_DANGEROUS, "*.oastify.com", "collects what is sent out"},
	{CLASS_DANGEROUS, "*.burpcollaborator.net", "collects what is sent out"},
	{CLASS_DANGEROUS, "*.interact.sh", "collects what is sent out"},
	{CLASS_DANGEROUS, "webhook.site", "collects what is sent out"},
	{CLASS_DANGEROUS, "pastebin.com", "collects what is sent out"},
	{CLASS_DANGEROUS, "transfer.sh", "collects what is sent out"},
};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Does a run of `len` bytes between dots and dashes look like no word? */
static bool is_random(const char *word, size_t len)
{
	unsigned int turns = 0;

	for (size_t i = 1; i < len; i++)
		turns += is_digit(word[i]) != is_digit(word[i - 1]);
	return len >= RANDOM_ALWAYS || (len >= RANDOM_MIN && turns >= RANDOM_TURNS);
}

static bool carries_data(const char *name)
{
	if (strlen(name) > NAME_LONG)
		return true;
	while (*name) {
		size_t len = strcspn(name, ".-");

		if (is_random(name, len))
			return true;
		name += len + (name[len] != '\0');
	}
	return false;
}

enum behaviour_class class_of_name(const struct behaviour *b, const char **ret_reason)
{
	*ret_reason = "";
	if (b->access != ACCESS_RESOLVE) {
		*ret_reason = "resolver that the container is not set up for";
		return CLASS_DANGEROUS;
	}
	/* No name begins with a brace: they are escaped. Patterns of husk's own do. */
	if (strcmp(b->key, "{unreadable}") == 0) {
		*ret_reason = "no question that resolvers answer";
		return CLASS_DANGEROUS;
	}
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (guard_matches(names[i].pattern, b->key)) {
			*ret_reason = names[i].reason;
			return names[i].class;
		}
	}
	if (carries_data(b->key)) {
		*ret_reason = "label that is no word, as data is carried out by";
		return CLASS_DANGEROUS;
	}
	return CLASS_ORDINARY;
}
