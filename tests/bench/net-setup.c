/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the network's set-up takes of a start: net-setup ROUNDS [ACCESS:KEY...]. In ROUNDS network
 * namespaces of its own, one after the other, a new process does what a mediator does, in enforce
 * with these peers known. Prints medians in microseconds: of the proxy for names, of the sockets,
 * and of the rules' one transaction.
 */
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/namespace.h"
#include "dns/dns.h"
#include "net/net.h"

enum { ROUNDS_MAX = 10000, PEERS_MAX = 64, PARTS = 3, MARK = 0x48554b5d, PAUSE_MS = 20 };

static const char *const parts[PARTS] = {"proxy", "sockets", "rules"};

static _Noreturn void die(const char *what)
{
	perror(what);
	exit(1);
}

static _Noreturn void fail(const struct error *err)
{
	fprintf(stderr, "net-setup: %s\n", err->what);
	exit(1);
}

static int open_own(void)
{
	int fd = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		die("/proc/thread-self/ns/net");
	return fd;
}

/* As runtimes do before anything else. */
static void raise_loopback(void)
{
	struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &request) < 0)
		die("lo");
	close(fd);
}

static int make_namespace(int own_fd)
{
	int fd;

	if (unshare(CLONE_NEWNET) < 0)
		die("unshare");
	fd = open_own();
	raise_loopback();
	if (setns(own_fd, CLONE_NEWNET) < 0)
		die("setns");
	return fd;
}

static enum verdict judge(void *context, const struct behaviour *b)
{
	return VERDICT_NOVEL;
}

static enum verdict observe(void *context, const struct behaviour *b, const struct dns_asker *asker)
{
	return VERDICT_NOVEL;
}

static int lead(void *context, const char *key, const struct address *address, uint32_t ttl_s,
		bool known)
{
	return 0;
}

static void hear(void *context, const struct net_flow *flow)
{
}

static void lose(void *context, uint64_t count)
{
}

/* Sets all up once, and writes the time of each part, in nanoseconds. */
static _Noreturn void set_up(int namespace_fd, const struct peer *peers, size_t count, int to_fd)
{
	struct dns_options names = {
		.namespace_fd = namespace_fd,
		.mark = MARK,
		.judge = {.peek = judge, .observe = observe, .lead = lead},
	};
	struct net_options options = {.namespace_fd = namespace_fd, .seen = hear, .lost = lose};
	struct error err = ERROR_INIT;
	int64_t at_ns[PARTS + 1], took_ns[PARTS];
	struct dns *dns = NULL;
	struct net *net = NULL;

	at_ns[0] = clock_monotonic_ns();
	if (namespace_enter(namespace_fd) < 0)
		die("setns");
	if (dns_open(&names, &dns, &err) < 0)
		fail(&err);
	at_ns[1] = clock_monotonic_ns();
	options.dns_mark = MARK;
	if (net_open(&options, &net, &err) < 0)
		fail(&err);
	namespace_leave();
	at_ns[2] = clock_monotonic_ns();
	if (net_use(net, peers, count, true, &err) < 0)
		fail(&err);
	at_ns[3] = clock_monotonic_ns();
	for (int i = 0; i < PARTS; i++)
		took_ns[i] = at_ns[i + 1] - at_ns[i];
	_exit(write(to_fd, took_ns, sizeof(took_ns)) == sizeof(took_ns) ? 0 : 1);
}

static void measure(int namespace_fd, const struct peer *peers, size_t count,
		    int64_t took_ns[PARTS])
{
	int fds[2], status;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) < 0)
		die("pipe");
	pid = fork();
	if (pid == 0)
		set_up(namespace_fd, peers, count, fds[1]);
	if (waitpid(pid, &status, 0) < 0 || status != 0 ||
	    read(fds[0], took_ns, PARTS * sizeof(*took_ns)) != PARTS * sizeof(*took_ns))
		exit(1);
	close(fds[0]);
	close(fds[1]);
}

static size_t read_peers(char **keys, struct peer *peers)
{
	static char names[PEERS_MAX][PEER_KEY_ROOM];
	size_t count = 0;

	for (; keys[count]; count++) {
		char *key = strchr(keys[count], ':');
		bool serves = strncmp(keys[count], "serve:", 6) == 0;

		if (!key || count == PEERS_MAX ||
		    peer_parse(serves ? ACCESS_SERVE : ACCESS_CONNECT, key + 1, names[count],
			       &peers[count]) < 0) {
			errno = EINVAL;
			die(keys[count]);
		}
	}
	return count;
}

static int compare(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
	static int64_t times_ns[PARTS][ROUNDS_MAX];
	struct timespec pause = {.tv_nsec = PAUSE_MS * 1000000};
	struct peer peers[PEERS_MAX];
	int rounds = argc > 1 ? (int)strtol(argv[1], NULL, 10) : 0, own_fd = open_own();
	size_t count;

	if (rounds < 1 || rounds > ROUNDS_MAX) {
		fprintf(stderr, "usage: net-setup ROUNDS [ACCESS:KEY...]\n");
		return 64;
	}
	count = read_peers(argv + 2, peers);
	for (int i = 0; i < rounds; i++) {
		int fd = make_namespace(own_fd);
		int64_t took_ns[PARTS];

		measure(fd, peers, count, took_ns);
		for (int part = 0; part < PARTS; part++)
			times_ns[part][i] = took_ns[part];
		close(fd);
		nanosleep(&pause, NULL); /* the namespace goes by itself */
	}
	for (int part = 0; part < PARTS; part++) {
		qsort(times_ns[part], (size_t)rounds, sizeof(times_ns[part][0]), compare);
		printf("%-8s %8.1f us\n", parts[part], (double)times_ns[part][rounds / 2] / 1000.0);
	}
	return 0;
}
