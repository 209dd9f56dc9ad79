/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * dns-load ADDRESS CONCURRENCY SECONDS: asks the resolver for names below "bench.test", from so
 * many sockets at a time, each with the next question as soon as it has the last answer, and a
 * socket of its own for every tenth. Prints lookups a second, the median and the 99th percentile of
 * their time in microseconds, how many were lost, and the nanoseconds of a processor that this
 * program took for each.
 */
#include <arpa/inet.h>
#include <err.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/clock.h"

enum {
	SOCKETS_MAX = 256,
	TIMES_MAX = 4 * 1024 * 1024,
	RENEW_EVERY = 10,
	LOST_NS = 1000000000,
	NAMES = 1000,
};

struct asker {
	int fd;
	uint16_t id;
	int64_t sent_ns;
	unsigned int count;
};

static struct asker askers[SOCKETS_MAX];
static uint32_t *times_us;
static size_t times_count, lost;
static struct sockaddr_in resolver = {.sin_family = AF_INET};

static size_t write_query(uint8_t *out, uint16_t id)
{
	static const uint8_t header[] = {0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0};
	static const uint8_t rest[] =
		"\5bench\4test\0\0\1\0"; /* its NUL is the class's last byte */
	char label[8];
	int len = snprintf(label, sizeof(label), "n%u", id % NAMES);
	size_t at = sizeof(header);

	memcpy(out, header, at);
	out[0] = (uint8_t)(id >> 8);
	out[1] = (uint8_t)id;
	out[at++] = (uint8_t)len;
	memcpy(out + at, label, (size_t)len);
	at += (size_t)len;
	memcpy(out + at, rest, sizeof(rest));
	out[at + sizeof(rest) - 1] = 1;
	return at + sizeof(rest);
}

static void ask(struct asker *asker, int epoll_fd)
{
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = asker};
	uint8_t query[64];
	size_t len;

	if (asker->count++ % RENEW_EVERY == 0) {
		if (asker->fd >= 0)
			close(asker->fd);
		asker->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		if (asker->fd < 0 ||
		    connect(asker->fd, (struct sockaddr *)&resolver, sizeof(resolver)) < 0 ||
		    epoll_ctl(epoll_fd, EPOLL_CTL_ADD, asker->fd, &event) < 0)
			err(EX_OSERR, "socket");
	}
	asker->id = (uint16_t)(asker->id * 25173 + 13849);
	len = write_query(query, asker->id);
	asker->sent_ns = clock_monotonic_ns();
	if (send(asker->fd, query, len, 0) < 0)
		warn("send");
}

static void hear(struct asker *asker, int epoll_fd)
{
	uint8_t answer[1500];
	ssize_t len = recv(asker->fd, answer, sizeof(answer), 0);

	if (len < 12 || answer[0] != asker->id >> 8 || answer[1] != (asker->id & 0xff))
		return;
	if ((answer[3] & 0x0f) != 0)
		errx(EX_UNAVAILABLE, "the resolver answers with code %d", answer[3] & 0x0f);
	if (times_count < TIMES_MAX)
		times_us[times_count++] =
			(uint32_t)((clock_monotonic_ns() - asker->sent_ns) / 1000);
	ask(asker, epoll_fd);
}

static int compare(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static int64_t used_ns(void)
{
	struct rusage usage;
	int64_t seconds, us;

	getrusage(RUSAGE_SELF, &usage);
	seconds = usage.ru_utime.tv_sec + usage.ru_stime.tv_sec;
	us = usage.ru_utime.tv_usec + usage.ru_stime.tv_usec;
	return seconds * 1000000000 + us * 1000;
}

int main(int argc, char **argv)
{
	int64_t seconds = argc == 4 ? strtol(argv[3], NULL, 10) : 0;
	long concurrency = argc == 4 ? strtol(argv[2], NULL, 10) : 0;
	int64_t begin_ns = clock_monotonic_ns();
	int epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event events[SOCKETS_MAX];
	int64_t took_ns;

	if (concurrency < 1 || concurrency > SOCKETS_MAX || seconds < 1 ||
	    inet_pton(AF_INET, argv[1], &resolver.sin_addr) != 1)
		errx(EX_USAGE, "usage: dns-load ADDRESS CONCURRENCY SECONDS");
	resolver.sin_port = htons(53);
	times_us = malloc(TIMES_MAX * sizeof(*times_us));
	if (!times_us)
		err(EX_OSERR, "malloc");
	for (long i = 0; i < concurrency; i++) {
		askers[i] = (struct asker){.fd = -1, .id = (uint16_t)(i * 977), .count = 0};
		ask(&askers[i], epoll_fd);
	}
	for (int64_t now_ns = begin_ns; now_ns - begin_ns < seconds * 1000000000;
	     now_ns = clock_monotonic_ns()) {
		int count = epoll_wait(epoll_fd, events, SOCKETS_MAX, 100);

		for (int i = 0; i < count; i++)
			hear(events[i].data.ptr, epoll_fd);
		for (long i = 0; i < concurrency; i++) {
			if (now_ns - askers[i].sent_ns < LOST_NS)
				continue;
			lost++;
			ask(&askers[i], epoll_fd);
		}
	}
	took_ns = used_ns();
	qsort(times_us, times_count, sizeof(*times_us), compare);
	if (times_count == 0)
		errx(EX_UNAVAILABLE, "no answer");
	(void)printf("%zu %u %u %zu %lld\n", times_count / (size_t)seconds,
		     times_us[times_count / 2], times_us[times_count / 100 * 99], lost,
		     (long long)(took_ns / (int64_t)times_count));
	return 0;
}
