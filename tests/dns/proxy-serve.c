/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * proxy-serve [OPTION...]: serves the DNS proxy in the network namespace that it is started in,
 * with the rules that hand questions over, until its standard input ends. Prints "ready" once it
 * does, and the port that connections are redirected to when it begins to listen there. Uses both
 * by their headers alone.
 *
 *   -m MODE       learn (default), shadow or enforce
 *   -a ACCESS:KEY that behaviour is known (may be repeated)
 *   -c FILE       the resolv.conf (default: none is named)
 *   -l FILE       writes a line for each behaviour observed and each address led to, at once
 *   -x ADDRESS    an address that cannot be led to
 *   -r            the rules are those of a function that is enforced and knows no peer
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

enum { KNOWN_MAX = 32, MARK = 0x48554b5e };

struct harness {
	const char *known[KNOWN_MAX];
	size_t known_count;
	enum mode mode;
	const char *unreachable;
	FILE *log;
	struct net *net;
	struct dns *dns;
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

	if (net_allow_address(harness->net, key, address, ttl_s) < 0)
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

static void ask(void *context, const struct net_question *question)
{
	const struct harness *harness = context;
	const struct dns_packet packet = {
		.protocol = question->protocol,
		.client = {.address = question->from, .port = question->from_port},
		.resolver = {question->to, DNS_SERVER_PORT, question->scope},
		.bytes = question->bytes,
		.len = question->len,
	};

	dns_ask(harness->dns, &packet);
}

static bool take(void *context)
{
	const struct harness *harness = context;

	return net_take_questions(harness->net, ask, context);
}

static int redirect(void *context, uint16_t port)
{
	const struct harness *harness = context;
	struct error err = ERROR_INIT;

	(void)printf("%u\n", port);
	(void)fflush(stdout);
	return net_redirect(harness->net, port, &err);
}

static void set_rules(struct harness *harness, bool enforce)
{
	cleanup_close int own_fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	const struct net_options options = {
		.namespace_fd = own_fd, .dns_mark = MARK, .seen = hear, .lost = lose};
	struct error err = ERROR_INIT;

	if (net_open(&options, &harness->net, &err) < 0 ||
	    net_use(harness->net, NULL, 0, enforce, &err) < 0)
		errx(EX_UNAVAILABLE, "%s", err.what);
	if (dns_hear(harness->dns, net_questions_fd(harness->net), take, harness) < 0)
		errx(EX_OSERR, "cannot hear");
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
		.mark_again = NET_MARK_AGAIN(MARK),
		.judge = {peek, observe, lead, &harness},
		.redirect = redirect,
	};
	const char *resolv_conf = NULL;
	struct error error = ERROR_INIT;
	bool enforce = false;
	int option;

	while ((option = getopt(argc, argv, "m:a:c:l:rx:")) != -1) {
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
		case 'l':
			harness.log = fopen(optarg, "ae");
			if (!harness.log)
				err(EX_CANTCREAT, "%s", optarg);
			/* A line is there before the answer that it is about. */
			(void)setvbuf(harness.log, NULL, _IOLBF, 0);
			break;
		case 'r':
			enforce = true;
			break;
		case 'x':
			harness.unreachable = optarg;
			break;
		default:
			errx(EX_USAGE, "see the head of proxy-serve.c");
		}
	}
	if (dns_open(&options, &harness.dns, &error) < 0)
		errx(EX_UNAVAILABLE, "%s", error.what);
	if (resolv_conf)
		use_file(harness.dns, resolv_conf);
	set_rules(&harness, enforce);
	(void)printf("ready\n");
	(void)fflush(stdout);
	serve(harness.dns);
	dns_close(harness.dns);
	net_close(harness.net, true);
	if (harness.log && fclose(harness.log) != 0)
		err(EX_IOERR, "log");
	return 0;
}
