/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * proxy-serve [OPTION...]: serves the DNS proxy in the network namespace that it is started in,
 * until its standard input ends. Prints "PORT MARK" once it listens. Uses the proxy by its headers
 * alone.
 *
 *   -m MODE       learn (default), shadow or enforce
 *   -a ACCESS:KEY that behaviour is known (may be repeated)
 *   -c FILE       the resolv.conf (default: none is named)
 *   -l FILE       writes a line for each behaviour observed and each address led to, at once
 *   -k            the redirection marks datagrams with the address that was asked
 *   -x ADDRESS    an address that cannot be led to
 *   -r            sets the rules, too, of a function that is enforced and knows no peer
 */
#include <err.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "dns/dns.h"
#include "net/net.h"

enum { KNOWN_MAX = 32, MARK = 0x48554b5d };

struct harness {
	const char *known[KNOWN_MAX];
	size_t known_count;
	enum mode mode;
	const char *unreachable;
	FILE *log;
	struct net *net; /* NULL: the rules are somebody else's */
};

/* ACCESS:KEY? */
static bool is_behaviour(const char *text, const struct behaviour *b)
{
	const char *access = access_name(b->access);
	size_t len = strlen(access);

	return strncmp(text, access, len) == 0 && text[len] == ':' &&
	       strcmp(text + len + 1, b->key) == 0;
}

static enum verdict peek(void *context, const struct behaviour *b)
{
	const struct harness *harness = context;

	for (size_t i = 0; i < harness->known_count; i++) {
		if (is_behaviour(harness->known[i], b))
			return VERDICT_ALLOWED;
	}
	switch (harness->mode) {
	case MODE_ENFORCE:
		return VERDICT_DENIED;
	case MODE_SHADOW:
		return VERDICT_WOULD_DENY;
	case MODE_UNAVAILABLE:
	case MODE_LEARN:
	case MODES:
	default:
		return VERDICT_NOVEL;
	}
}

static enum verdict observe(void *context, const struct behaviour *b, const struct dns_asker *asker)
{
	const struct harness *harness = context;
	enum verdict verdict = peek(context, b);

	if (harness->log)
		(void)fprintf(harness->log, "%s %s %s\n", access_name(b->access), b->key,
			      verdict_name(verdict));
	return verdict;
}

static int lead(void *context, const char *key, const struct address *address, uint32_t ttl_s,
		bool known)
{
	const struct harness *harness = context;
	char text[ADDRESS_TEXT_ROOM];

	if (harness->net && net_allow_address(harness->net, key, address, ttl_s) < 0)
		return -1;
	if (!harness->log && !harness->unreachable)
		return 0;
	address_text(address, text);
	if (harness->log)
		(void)fprintf(harness->log, "lead %s %s %u\n", key, text, ttl_s);
	return harness->unreachable && strcmp(harness->unreachable, text) == 0 ? -1 : 0;
}

static void hear(void *context, const struct net_flow *flow)
{
}

static void lose(void *context, uint64_t count)
{
}

static void set_rules(const struct dns *dns, struct harness *harness)
{
	cleanup_close int own_fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	struct net_options options = {
		.namespace_fd = own_fd,
		.dns_port = dns_port(dns),
		.dns_mark = MARK,
		.seen = hear,
		.lost = lose,
	};
	struct error err = ERROR_INIT;

	if (net_open(&options, &harness->net, &err) < 0 ||
	    net_use(harness->net, NULL, 0, true, &err) < 0)
		errx(EX_UNAVAILABLE, "%s", err.what);
}

static void use_file(struct dns *dns, const char *path)
{
	struct error err = ERROR_INIT;
	struct resolv resolv;
	char *bytes = NULL;
	size_t len = 0;

	if (read_file_at(-100, path, RESOLV_BYTES_MAX, &bytes, &len, &err) < 0)
		errx(EX_NOINPUT, "%s", err.what);
	resolv_parse(bytes, len, &resolv);
	dns_use(dns, &resolv);
	free(bytes);
}

static void serve(struct dns *dns)
{
	struct pollfd fds[2] = {
		{.fd = STDIN_FILENO, .events = POLLIN},
		{.fd = dns_fd(dns), .events = POLLIN},
	};

	while (!fds[0].revents) {
		if (poll(fds, 2, -1) < 0)
			err(EX_OSERR, "poll");
		if (fds[1].revents)
			dns_read(dns);
	}
}

int main(int argc, char **argv)
{
	struct harness harness = {.mode = MODE_LEARN};
	struct dns_options options = {
		.namespace_fd = -1,
		.mark = MARK,
		.judge = {peek, observe, lead, &harness},
	};
	const char *resolv_conf = NULL;
	struct error error = ERROR_INIT;
	struct dns *dns;
	bool rules = false;
	int option;

	while ((option = getopt(argc, argv, "m:a:c:kl:rx:")) != -1) {
		switch (option) {
		case 'm':
			if (mode_parse(optarg, &harness.mode) < 0)
				errx(EX_USAGE, "no such mode: '%s'", optarg);
			break;
		case 'a':
			if (harness.known_count == KNOWN_MAX)
				errx(EX_USAGE, "too many");
			harness.known[harness.known_count++] = optarg;
			break;
		case 'c':
			resolv_conf = optarg;
			break;
		case 'k':
			options.marks_tell = true;
			break;
		case 'l':
			harness.log = fopen(optarg, "ae");
			if (!harness.log)
				err(EX_CANTCREAT, "%s", optarg);
			/* A line is there before the answer that it is about. */
			(void)setvbuf(harness.log, NULL, _IOLBF, 0);
			break;
		case 'r':
			rules = options.marks_tell = true;
			break;
		case 'x':
			harness.unreachable = optarg;
			break;
		default:
			errx(EX_USAGE, "see the head of proxy-serve.c");
		}
	}
	if (dns_open(&options, &dns, &error) < 0)
		errx(EX_UNAVAILABLE, "%s", error.what);
	if (resolv_conf)
		use_file(dns, resolv_conf);
	if (rules)
		set_rules(dns, &harness);
	(void)printf("%u %u\n", dns_port(dns), MARK);
	(void)fflush(stdout);
	serve(dns);
	dns_close(dns);
	net_close(harness.net, false);
	if (harness.log && fclose(harness.log) != 0)
		err(EX_IOERR, "log");
	return 0;
}
