/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * rules-serve [OPTION...]: sets the rules of the network namespace that it is started in, as the
 * lines of standard input say, and prints "told KEY" for each flow that it is told of. Uses the
 * rules by their headers alone.
 *
 *   -o, -r, -l      owned, raw, leased of struct net_options
 *   -c LEVEL:NUMBER  only what the sockets of this control group do
 *   -d PORT         a proxy listens at this port for connections, and its packets have the mark
 *                   PORT; datagrams "hello" to port 53 are answered "proxy"
 *
 *   learn [KEY;...], enforce [KEY;...]   uses these peers, "connect tcp 192.0.2.1:80" or
 *                                        "!serve tcp :80", which is denied; answers "used"
 *   lead NAME ADDRESS [TTL]              a name has led there; answers "led"
 *   later SECONDS                        its clock goes forward; answers "later"
 *   hear                                 answers "heard", behind all that it was told of by now
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "dns/reply.h"
#include "net/net.h"

enum { PEERS_MAX = 64, LINE_ROOM = 8192, TTL_S = 60 };

/* Who asks it. */
struct asking {
	struct net *net;
	uint32_t mark;
};

static void hear(void *context, const struct net_flow *flow)
{
	char key[PEER_KEY_ROOM];
	enum access access = peer_format(&flow->peer, key);

	printf("told %s %s\n", access_name(access), key);
	fflush(stdout);
}

static void lose(void *context, uint64_t count)
{
	printf("lost\n");
	fflush(stdout);
}

static void read_peer(char *key, char *name, struct peer *peer)
{
	bool denied = *key == '!';
	char *space = strchr(key, ' ');

	key += denied;
	if (!space)
		errx(EX_USAGE, "no key: '%s'", key);
	*space = '\0';
	if (peer_parse(strcmp(key, "serve") == 0 ? ACCESS_SERVE : ACCESS_CONNECT, space + 1, name,
		       peer) < 0)
		errx(EX_USAGE, "no key: '%s %s'", key, space + 1);
	peer->denied = denied;
}

static void use(struct net *net, char *keys, bool enforce)
{
	static char names[PEERS_MAX][PEER_KEY_ROOM];
	struct peer peers[PEERS_MAX];
	struct error error = ERROR_INIT;
	size_t count = 0;

	for (char *key; (key = strsep(&keys, ";"));) {
		if (*key && count == PEERS_MAX)
			errx(EX_USAGE, "too many peers");
		if (!*key)
			continue;
		read_peer(key, names[count], &peers[count]);
		count++;
	}
	if (net_use(net, peers, count, enforce, &error) < 0)
		errx(EX_UNAVAILABLE, "%s", error.what);
	printf("used\n");
}

static void lead(struct net *net, char *rest)
{
	char *name = strsep(&rest, " "), *text = strsep(&rest, " ");
	uint32_t ttl_s = rest ? (uint32_t)strtoul(rest, NULL, 10) : TTL_S;
	struct address address;

	if (!text || address_parse(text, &address) < 0)
		errx(EX_USAGE, "no address");
	if (net_allow_address(net, name, &address, ttl_s) < 0)
		errx(EX_UNAVAILABLE, "lead");
	printf("led\n");
}

/* Sends the packet to the address, as it is, with that mark. */
static void send_packet(const struct address *to, void *bytes, size_t len, uint32_t mark)
{
	cleanup_close int fd = reply_open(to->family);
	struct sockaddr_storage socket;
	socklen_t socket_len = address_to_socket(to, 0, &socket);

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_MARK, &mark, sizeof(mark)) < 0 ||
	    (sendto(fd, bytes, len, 0, (struct sockaddr *)&socket, socket_len) < 0 &&
	     errno != EPERM)) /* the rules may refuse it */
		err(EX_OSERR, "packet");
}

static void answer(void *context, const struct net_question *question)
{
	const struct endpoint from = {question->to, 53};
	const struct endpoint to = {question->from, question->from_port};
	const struct asking *asking = context;
	struct error error = ERROR_INIT;
	uint8_t packet[REPLY_HEAD_MAX + 5], *message = packet + REPLY_HEAD_MAX;
	size_t head;

	if (question->protocol == IPPROTO_TCP) {
		if (net_redirect(asking->net, (uint16_t)asking->mark, &error) < 0)
			errx(EX_UNAVAILABLE, "%s", error.what);
		send_packet(&question->to, question->bytes, question->len,
			    NET_MARK_AGAIN(asking->mark));
	} else if (question->len == 5 && memcmp(question->bytes, "hello", 5) == 0) {
		memcpy(message, "proxy", 5);
		head = reply_head(&from, &to, message, 5);
		send_packet(&question->from, message - head, head + 5, asking->mark);
	}
}

int64_t __real_clock_monotonic_ns(void);
int64_t __wrap_clock_monotonic_ns(void);
static int64_t later_ns;

int64_t __wrap_clock_monotonic_ns(void)
{
	return __real_clock_monotonic_ns() + later_ns;
}

static void go_forward(const char *seconds)
{
	later_ns += strtoll(seconds, NULL, 10) * INT64_C(1000000000);
	printf("later\n");
}

static void hear_all(struct net *net)
{
	struct pollfd fd = {.fd = net_fd(net), .events = POLLIN};

	while (poll(&fd, 1, 0) > 0)
		net_read(net);
	printf("heard\n");
}

static void obey(struct net *net, char *line)
{
	char *rest = line;
	const char *word;

	line[strcspn(line, "\n")] = '\0';
	word = strsep(&rest, " ");
	if (strcmp(word, "learn") == 0 || strcmp(word, "enforce") == 0)
		use(net, rest, *word == 'e');
	else if (strcmp(word, "lead") == 0 && rest)
		lead(net, rest);
	else if (strcmp(word, "later") == 0 && rest)
		go_forward(rest);
	else if (strcmp(word, "hear") == 0)
		hear_all(net);
	else
		errx(EX_USAGE, "no such command: '%s'", word);
	fflush(stdout);
}

static void serve(struct net *net, uint32_t mark)
{
	struct asking asking = {net, mark};
	struct pollfd fds[3] = {
		{.fd = STDIN_FILENO, .events = POLLIN},
		{.fd = net_fd(net), .events = POLLIN},
		{.fd = net_questions_fd(net), .events = POLLIN},
	};
	char line[LINE_ROOM];

	for (;;) {
		if (poll(fds, 3, -1) < 0)
			err(EX_OSERR, "poll");
		if (fds[2].revents)
			net_take_questions(net, answer, &asking);
		if (fds[1].revents)
			net_read(net);
		if (fds[0].revents && !fgets(line, sizeof(line), stdin))
			return;
		if (fds[0].revents)
			obey(net, line);
	}
}

int main(int argc, char **argv)
{
	struct net_options options = {.seen = hear, .lost = lose};
	struct error error = ERROR_INIT;
	struct net *net;
	char *end;
	int option;

	while ((option = getopt(argc, argv, "orlc:d:")) != -1) {
		switch (option) {
		case 'o':
			options.owned = true;
			break;
		case 'r':
			options.raw = true;
			break;
		case 'l':
			options.leased = true;
			break;
		case 'c':
			options.cgroup_level = (uint32_t)strtoul(optarg, &end, 10);
			options.cgroup = strtoull(end + 1, NULL, 10);
			break;
		case 'd':
			options.dns_mark = (uint32_t)strtoul(optarg, NULL, 10);
			break;
		default:
			errx(EX_USAGE, "see the head of rules-serve.c");
		}
	}
	setvbuf(stdin, NULL, _IONBF, 0);
	options.namespace_fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	if (net_open(&options, &net, &error) < 0)
		errx(EX_UNAVAILABLE, "%s", error.what);
	serve(net, options.dns_mark);
	net_close(net, true);
	return 0;
}
