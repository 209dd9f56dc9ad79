/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the rules of a network namespace cost: net-rules NAME ADDRESS ROUNDS [COMMAND...]. For each
 * kind of rules (none, in enforce with 10 peers, with 10,000) the namespaces NAME-KIND-client and
 * NAME-KIND-server of ip-netns(8) are there, and the server's address is the same in all. Measures
 * TCP connections a second from the one to the other, in turns of a few, and prints medians and
 * their ratios; what COMMAND prints (a number, run in the client's namespace) instead of
 * connections, where one is given. All of it runs on one processor: what is waited for is then what
 * it takes, while with two the same rules differ by a tenth from one run to the next.
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
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "net/net.h"

enum { PORT = 7000, CONNECTIONS = 100, ROUNDS_MAX = 10000, KINDS = 3, SET_UPS = 9 };

static const size_t peers_of[KINDS] = {0, 10, 10000};

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static int open_namespace(const char *name, size_t peers, const char *end)
{
	char path[256];
	int fd;

	snprintf(path, sizeof(path), "/run/netns/%s-%zu-%s", name, peers, end);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		die(path);
	return fd;
}

static void enter(int namespace_fd)
{
	if (setns(namespace_fd, CLONE_NEWNET) < 0)
		die("setns");
}

static void stay_here(void)
{
	cpu_set_t here;

	CPU_ZERO(&here);
	CPU_SET(sched_getcpu(), &here);
	if (sched_setaffinity(0, sizeof(here), &here) < 0)
		die("sched_setaffinity");
}

static struct sockaddr_in end_of(const char *address)
{
	struct sockaddr_in end = {.sin_family = AF_INET, .sin_port = htons(PORT)};

	if (inet_pton(AF_INET, address, &end.sin_addr) != 1)
		die(address);
	return end;
}

static _Noreturn void serve(int namespace_fd, int ready_fd)
{
	struct sockaddr_in any = end_of("0.0.0.0");
	int server, one = 1;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	enter(namespace_fd);
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
		if (poll(&fd, 1, -1) > 0)
			net_read(net);
	}
	return NULL;
}

static struct net *set_rules(int namespace_fd, const char *address, size_t count, double *ret_ms)
{
	struct net_options options = {.seen = hear, .lost = lose, .namespace_fd = namespace_fd};
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
	if (net_open(&options, &net, &err) < 0 || net_use(net, peers, count, true, &err) < 0) {
		fprintf(stderr, "%s\n", err.what);
		exit(1);
	}
	*ret_ms = (double)(clock_monotonic_ns() - start_ns) / 1e6;
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

/* Rules that stand, and who listens to what they tell. */
struct standing {
	struct net *net;
	pthread_t listener;
};

/* Sets them up some times. Returns the milliseconds that it takes. */
static double keep_rules(int namespace_fd, const char *address, size_t count, struct standing *ret)
{
	double times[SET_UPS];

	for (int i = 0; i < SET_UPS; i++) {
		if (ret->net)
			net_close(ret->net, true);
		ret->net = set_rules(namespace_fd, address, count, &times[i]);
	}
	if (pthread_create(&ret->listener, NULL, listen_to, ret->net) != 0)
		die("pthread_create");
	return median(times, SET_UPS);
}

static void end_rules(struct standing *standing)
{
	if (!standing->net)
		return;
	pthread_cancel(standing->listener);
	pthread_join(standing->listener, NULL);
	net_close(standing->net, true);
}

static void start_server(int namespace_fd)
{
	int ready[2];
	char byte;

	if (pipe2(ready, O_CLOEXEC) < 0)
		die("pipe");
	if (fork() == 0)
		serve(namespace_fd, ready[1]);
	close(ready[1]);
	if (read(ready[0], &byte, 1) != 1)
		die("server");
	close(ready[0]);
}

int main(int argc, char **argv)
{
	static double rates[KINDS][ROUNDS_MAX], ratios[KINDS][ROUNDS_MAX];
	int rounds = argc > 3 ? (int)strtol(argv[3], NULL, 10) : 0;
	struct standing standing[KINDS] = {0};
	double set_up_ms[KINDS] = {0};
	int clients[KINDS];

	if (rounds < 1 || rounds > ROUNDS_MAX) {
		fprintf(stderr, "usage: net-rules NAME ADDRESS ROUNDS [COMMAND...]\n");
		return 64;
	}
	stay_here();
	for (int kind = 0; kind < KINDS; kind++) {
		clients[kind] = open_namespace(argv[1], peers_of[kind], "client");
		start_server(open_namespace(argv[1], peers_of[kind], "server"));
		if (peers_of[kind] > 0)
			set_up_ms[kind] =
				keep_rules(clients[kind], argv[2], peers_of[kind], &standing[kind]);
	}
	for (int i = 0; i < rounds * KINDS; i++) {
		int kind = (i + i / KINDS) % KINDS, round = i / KINDS;

		enter(clients[kind]);
		rates[kind][round] = argc > 4 ? ask_command(argv + 4) : connect_many(argv[2]);
	}
	for (int kind = 0; kind < KINDS; kind++)
		end_rules(&standing[kind]);
	for (int i = 0; i < rounds * KINDS; i++)
		ratios[i % KINDS][i / KINDS] = rates[i % KINDS][i / KINDS] / rates[0][i / KINDS];
	printf("%-14s %14s %8s %12s\n", "rules", argc > 4 ? "rate" : "connections/s", "ratio",
	       "set-up ms");
	for (int kind = 0; kind < KINDS; kind++)
		printf("%-14zu %14.0f %8.3f %12.2f\n", peers_of[kind], median(rates[kind], rounds),
		       median(ratios[kind], rounds), set_up_ms[kind]);
	return 0;
}
