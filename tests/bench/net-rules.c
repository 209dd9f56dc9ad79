/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the rules of a network namespace cost: net-rules CLIENT SERVER ADDRESS ROUNDS [COMMAND...],
 * with two namespaces (paths) and the server's address as the client sees it. Measures TCP
 * connections a second from the one to the other, in turn without rules, with rules that know 10
 * peers and with rules that know 10,000, in enforce, and prints medians and ratios; what COMMAND
 * prints (a number, run in the client's namespace) instead of connections, where one is given.
 * Machines are noisy: only what was measured in turn compares.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "net/net.h"

enum { PORT = 7000, CONNECTIONS = 3000, ROUNDS_MAX = 1000, KINDS = 3 };

static const size_t peers_of[KINDS] = {0, 10, 10000};

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static void enter(const char *namespace)
{
	int fd = open(namespace, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || setns(fd, CLONE_NEWNET) < 0)
		die(namespace);
	close(fd);
}

static struct sockaddr_in end_of(const char *address)
{
	struct sockaddr_in end = {.sin_family = AF_INET, .sin_port = htons(PORT)};

	if (inet_pton(AF_INET, address, &end.sin_addr) != 1)
		die(address);
	return end;
}

static _Noreturn void serve(const char *namespace, int ready_fd)
{
	struct sockaddr_in any = end_of("0.0.0.0");
	int server, one = 1;

	enter(namespace);
	server = socket(AF_INET, SOCK_STREAM, 0);
	setsockopt(server, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(server, (struct sockaddr *)&any, sizeof(any)) < 0 || listen(server, 1024) < 0)
		die("listen");
	(void)!write(ready_fd, "", 1);
	for (;;) {
		int fd = accept(server, NULL, NULL);

		if (fd >= 0)
			close(fd);
	}
}

/* Connections a second, each ended by a reset, so that no port waits. */
static double connect_many(const char *address)
{
	struct sockaddr_in end = end_of(address);
	struct linger reset = {.l_onoff = 1};
	int64_t start_ns = clock_monotonic_ns();

	for (int i = 0; i < CONNECTIONS; i++) {
		int fd = socket(AF_INET, SOCK_STREAM, 0);

		setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
		if (connect(fd, (struct sockaddr *)&end, sizeof(end)) < 0)
			die("connect");
		close(fd);
	}
	return CONNECTIONS * 1e9 / (double)(clock_monotonic_ns() - start_ns);
}

static double ask_command(char **command)
{
	char text[64] = "";
	size_t len = 0;
	ssize_t n;
	int fds[2];
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) < 0)
		die("pipe");
	pid = fork();
	if (pid == 0) {
		dup2(fds[1], STDOUT_FILENO);
		execvp(command[0], command);
		die(command[0]);
	}
	close(fds[1]);
	while ((n = read(fds[0], text + len, sizeof(text) - 1 - len)) > 0)
		len += (size_t)n;
	close(fds[0]);
	waitpid(pid, NULL, 0);
	return strtod(text, NULL);
}

static void hear(void *context, const struct net_flow *flow)
{
	if (flow->peer.port != PORT && flow->peer.port != PORT + 1)
		fprintf(stderr, "somebody else talks in this namespace\n");
}

static void lose(void *context, uint64_t count)
{
}

static void *listen_to(void *argument)
{
	struct net *net = argument;
	struct pollfd fd = {.fd = net_fd(net), .events = POLLIN};

	for (;;) {
		pthread_testcancel();
		if (poll(&fd, 1, 100) > 0)
			net_read(net);
	}
	return NULL;
}

static struct net *set_rules(const char *namespace, const char *address, size_t count,
			     double *ret_ms)
{
	struct net_options options = {.seen = hear, .lost = lose};
	struct peer *peers = calloc(count + 2, sizeof(*peers));
	struct error err = ERROR_INIT;
	struct net *net;
	int64_t start_ns;

	for (size_t i = 0; i < count; i++) {
		peers[i] = (struct peer){.protocol = IPPROTO_TCP, .port = PORT};
		peers[i].address = (struct address){
			.family = AF_INET, .bytes = {198, 18, (uint8_t)(i >> 8), (uint8_t)i}};
	}
	for (uint16_t port = PORT; port < PORT + 2; port++, count++) {
		peers[count] = (struct peer){.protocol = IPPROTO_TCP, .port = port};
		address_parse(address, &peers[count].address);
	}
	start_ns = clock_monotonic_ns();
	options.namespace_fd = open(namespace, O_RDONLY | O_CLOEXEC);
	if (net_open(&options, &net, &err) < 0 || net_use(net, peers, count, true, &err) < 0) {
		fprintf(stderr, "%s\n", err.what);
		exit(1);
	}
	*ret_ms = (double)(clock_monotonic_ns() - start_ns) / 1e6;
	close(options.namespace_fd);
	free(peers);
	return net;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *values, int count)
{
	qsort(values, (size_t)count, sizeof(*values), compare);
	return values[count / 2];
}

int main(int argc, char **argv)
{
	static double rates[KINDS][ROUNDS_MAX], times[KINDS][ROUNDS_MAX];
	int rounds = argc > 4 ? (int)strtol(argv[4], NULL, 10) : 0;
	int ready[2];
	char byte;
	pid_t pid;

	if (rounds < 1 || rounds > ROUNDS_MAX) {
		fprintf(stderr, "usage: net-rules CLIENT SERVER ADDRESS ROUNDS [COMMAND...]\n");
		return 64;
	}
	if (pipe2(ready, O_CLOEXEC) < 0)
		die("pipe");
	pid = fork();
	if (pid == 0)
		serve(argv[2], ready[1]);
	if (read(ready[0], &byte, 1) != 1)
		die("server");
	enter(argv[1]);
	for (int i = 0; i < rounds * KINDS; i++) {
		int kind = (i + i / KINDS) % KINDS, round = i / KINDS;
		struct net *net = NULL;
		pthread_t thread;

		if (peers_of[kind] > 0) {
			net = set_rules(argv[1], argv[3], peers_of[kind], &times[kind][round]);
			pthread_create(&thread, NULL, listen_to, net);
		}
		rates[kind][round] = argc > 5 ? ask_command(argv + 5) : connect_many(argv[3]);
		if (net) {
			pthread_cancel(thread);
			pthread_join(thread, NULL);
			net_close(net, true);
		}
	}
	kill(pid, SIGKILL);
	printf("%-14s %14s %8s %12s\n", "rules", argc > 5 ? "rate" : "connections/s", "ratio",
	       "set-up ms");
	for (int kind = 0; kind < KINDS; kind++) {
		double rate = median(rates[kind], rounds);

		printf("%-14zu %14.0f %8.3f %12.2f\n", peers_of[kind], rate,
		       rate / median(rates[0], rounds), median(times[kind], rounds));
	}
	return 0;
}
