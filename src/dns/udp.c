/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Datagrams. What is asked goes to its resolver by a lane: a socket connected to that resolver,
 * from a port that the kernel chose. So an answer comes from nobody else, and a resolver that is
 * not there is told of at once. Who wants to forge an answer has to guess the port and the id. Both
 * are random, whatever the program does: a port is used for two seconds at most, in which it cannot
 * be found by trying, and each question gets an id of the proxy's own there (RFC 5452,
 * section 9.2); the answer goes to the program with its own one. Datagrams are taken in and sent in
 * batches: at 32 questions at a time that is two thirds of the system calls.
 */
#include <arpa/nameser.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/clock.h"
#include "dns/proxy-internal.h"
#include "dns/reply.h"
#include "dns/udp-out.h"

enum {
	BATCH_MAX = UDP_OUT_MAX,
	ROUNDS_MAX = 4, /* batches of one socket before others have their turn */
	HEAD_ROOM = DNS_HEADER_BYTES + NS_MAXCDNAME + 4,
	LANE_QUESTIONS_MAX = 128,
	LANE_PORT_FIRST = 16384, /* to 32767: below ip_local_port_range */
	LANE_PORTS = 16384,
	LANE_PORT_TRIES = 16,
	LANE_ID_TRIES = 16, /* of 65536, at most LANE_QUESTIONS_MAX are taken */
};

#define LANE_AGE_NS INT64_C(2000000000)

/* A question that waits for its answer. */
struct udp_flow {
	TAILQ_ENTRY(udp_flow) entry; /* of all that wait, the oldest first; or of the spare */
	struct udp_lane *lane;
	unsigned int place; /* among its lane's */
	int64_t ends_ns;    /* CLOCK_MONOTONIC */
	struct dns_asker asker;
	enum dns_ruling ruling;
	int result; /* of reading the question */
	struct dns_question question;
	uint8_t head[HEAD_ROOM]; /* header and question, for an answer of our own */
};

struct udp_lane {
	struct source source;
	TAILQ_ENTRY(udp_lane) entry;
	int fd;
	struct endpoint resolver;
	int64_t since_ns;   /* CLOCK_MONOTONIC, when it got its port */
	unsigned int taken; /* questions since then */
	/* Those that wait, close together, with the ids that they have on their way. */
	unsigned int waiting;
	uint16_t ids[LANE_QUESTIONS_MAX];
	struct udp_flow *flows[LANE_QUESTIONS_MAX];
};

/* What is taken in at once, and what is to be sent by one socket. Only pages that are used take
 * memory. */
struct udp_batch {
	/* with room for what stands before them on their way to the program */
	uint8_t bytes[BATCH_MAX][REPLY_HEAD_MAX + DNS_MESSAGE_MAX];
	struct iovec vectors[BATCH_MAX];
	struct mmsghdr messages[BATCH_MAX];
	int64_t now_ns; /* CLOCK_MONOTONIC, when it was taken in */
	struct udp_out out;
	struct udp_lane *out_lane; /* whose socket that is; NULL: it is for programs */
};

int udp_new(struct dns *dns)
{
	void *pages = mmap(NULL, sizeof(*dns->batch), PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (pages == MAP_FAILED)
		return -ENOMEM;
	dns->batch = pages;
	return 0;
}

/* ---- sending ---- */

static void fail_lane(struct dns *dns, struct udp_lane *lane, int error);

/* Sends what was put. What a socket has no room for is lost, and asked again. */
static void flush(struct dns *dns)
{
	struct udp_batch *batch = dns->batch;
	struct udp_lane *lane = batch->out_lane;
	int r = udp_out_send(&batch->out);

	batch->out_lane = NULL;
	if (lane && r < 0)
		fail_lane(dns, lane, -r);
}

/* To be sent by this socket; the bytes stay as they are until flush(). client NULL: the socket is
 * connected. */
static void put(struct dns *dns, int fd, const uint8_t *bytes, size_t len,
		const struct address *client)
{
	struct udp_out *out = &dns->batch->out;

	if (out->count == UDP_OUT_MAX || (out->count > 0 && out->fd != fd))
		flush(dns);
	out->fd = fd;
	udp_out_put(out, bytes, len, client);
}

/* Writes what stands before an answer to the program, right before `message`. Returns where. */
static uint8_t *write_head(const struct udp_flow *flow, uint8_t *message, size_t len)
{
	const struct endpoint from = {flow->asker.resolver, DNS_SERVER_PORT};
	const struct endpoint to = {flow->asker.client, flow->asker.port};

	return message - reply_head(&from, &to, message, len);
}

static ssize_t send_reply(const struct dns *dns, const struct udp_flow *flow, const uint8_t *bytes,
			  size_t len)
{
	struct sockaddr_storage to;
	socklen_t to_len = address_to_socket(&flow->asker.client, 0, &to);

	return sendto(proxy_reply_fd(dns, flow->asker.client.family), bytes, len, MSG_DONTWAIT,
		      (const struct sockaddr *)&to, to_len);
}

static void answer_ourselves(const struct dns *dns, const struct udp_flow *flow, uint8_t rcode)
{
	uint8_t out[REPLY_HEAD_MAX + DNS_OWN_ANSWER_MAX], *message = out + REPLY_HEAD_MAX, *packet;
	size_t len =
		dns_answer_write(flow->head, sizeof(flow->head), &flow->question, rcode, message);

	if (len == 0)
		return;
	packet = write_head(flow, message, len);
	(void)!send_reply(dns, flow, packet, (size_t)(message - packet) + len);
}

/* ---- flows ---- */

/* Nobody waits for the answer any more. */
static void end_flow(struct dns *dns, struct udp_flow *flow)
{
	struct udp_lane *lane = flow->lane;
	unsigned int last = --lane->waiting;

	lane->ids[flow->place] = lane->ids[last];
	lane->flows[flow->place] = lane->flows[last];
	lane->flows[flow->place]->place = flow->place;
	TAILQ_REMOVE(&dns->asked, flow, entry);
	TAILQ_INSERT_HEAD(&dns->spare, flow, entry);
}

static struct udp_flow *spare_flow(struct dns *dns)
{
	struct udp_flow *flow;

	if (TAILQ_EMPTY(&dns->spare) && dns->flows_count < DNS_UDP_FLOWS_MAX) {
		flow = calloc(1, sizeof(*flow));
		if (!flow)
			return NULL;
		dns->flows_count++;
		TAILQ_INSERT_HEAD(&dns->spare, flow, entry);
	}
	if (TAILQ_EMPTY(&dns->spare))
		end_flow(dns, TAILQ_FIRST(&dns->asked));
	return TAILQ_FIRST(&dns->spare);
}

/* ---- lanes ---- */

static void udp_answers_ready(struct dns *dns, struct source *source, uint32_t events);

static void close_lane(struct dns *dns, struct udp_lane *lane)
{
	TAILQ_REMOVE(&dns->lanes, lane, entry);
	if (lane->fd >= 0)
		close(lane->fd);
	free(lane);
}

static struct udp_lane *open_lane(struct dns *dns, sa_family_t family)
{
	struct udp_lane *lane = calloc(1, sizeof(*lane));

	if (!lane)
		return NULL;
	lane->source.ready = udp_answers_ready;
	lane->fd = -1;
	lane->resolver.address.family = (uint8_t)family;
	TAILQ_INSERT_HEAD(&dns->lanes, lane, entry);
	return lane;
}

/* A port that the kernel gives no program by itself: where it tracks connections, it would take a
 * packet from there for one of the proxy's as long as it remembers that one. */
static int bind_lane(struct dns *dns, int fd, sa_family_t family)
{
	struct address any = {.family = (uint8_t)family};
	int r = -EADDRINUSE;

	for (int i = 0; i < LANE_PORT_TRIES && r == -EADDRINUSE; i++) {
		struct sockaddr_storage socket;
		socklen_t len;
		uint16_t port;

		r = proxy_random(dns, &port);
		if (r < 0)
			return r;
		len = address_to_socket(&any, (uint16_t)(LANE_PORT_FIRST + port % LANE_PORTS),
					&socket);
		r = bind(fd, (struct sockaddr *)&socket, len) < 0 ? -errno : 0;
	}
	return r;
}

/* Gets a port of its own towards the resolver. Returns 0 or -errno of the network. */
static int connect_lane(struct dns *dns, struct udp_lane *lane, const struct endpoint *resolver,
			int64_t now_ns)
{
	struct sockaddr_storage socket;
	socklen_t len = endpoint_to_socket(resolver, &socket);
	int r;

	if (lane->fd >= 0)
		close(lane->fd);
	lane->taken = LANE_QUESTIONS_MAX;
	lane->fd = proxy_socket(dns, resolver->address.family, SOCK_DGRAM);
	if (lane->fd < 0)
		return lane->fd;
	r = bind_lane(dns, lane->fd, resolver->address.family);
	if (r < 0)
		return r;
	if (connect(lane->fd, (struct sockaddr *)&socket, len) < 0)
		return -errno;
	r = proxy_wait(dns, lane->fd, EPOLLIN, &lane->source);
	if (r < 0)
		return r;
	lane->resolver = *resolver;
	lane->since_ns = now_ns;
	lane->taken = 0;
	return 0;
}

static struct udp_flow *find_flow(const struct udp_lane *lane, uint16_t id)
{
	for (unsigned int i = 0; i < lane->waiting; i++) {
		if (lane->ids[i] == id)
			return lane->flows[i];
	}
	return NULL;
}

static bool takes(const struct udp_lane *lane, const struct endpoint *resolver, int64_t now_ns)
{
	return lane->taken < LANE_QUESTIONS_MAX && now_ns - lane->since_ns <= LANE_AGE_NS &&
	       lane->resolver.port == resolver->port && lane->resolver.scope == resolver->scope &&
	       address_equal(&lane->resolver.address, &resolver->address);
}

/* An id that nobody can foresee, and that no other question has on this lane. Returns 0 or -errno.
 */
static int choose_id(struct dns *dns, const struct udp_lane *lane, uint16_t *ret)
{
	for (int i = 0; i < LANE_ID_TRIES; i++) {
		uint16_t id;
		int r = proxy_random(dns, &id);

		if (r < 0)
			return r;
		if (!find_flow(lane, id)) {
			*ret = id;
			return 0;
		}
	}
	return -EADDRINUSE;
}

/* One on which nothing waits: for a resolver of that family it can be connected. */
static struct udp_lane *find_idle(const struct dns *dns, uint8_t family)
{
	struct udp_lane *lane = TAILQ_FIRST(&dns->lanes);

	while (lane && !(lane->waiting == 0 && lane->resolver.address.family == family))
		lane = TAILQ_NEXT(lane, entry);
	return lane;
}

static size_t count_lanes(const struct dns *dns, uint8_t family)
{
	const struct udp_lane *lane = TAILQ_FIRST(&dns->lanes);
	size_t count = 0;

	for (; lane; lane = TAILQ_NEXT(lane, entry))
		count += lane->resolver.address.family == family;
	return count;
}

/* A lane to the resolver that takes one more question. Returns 0 or -errno. */
static int find_lane(struct dns *dns, const struct endpoint *resolver, int64_t now_ns,
		     struct udp_lane **ret)
{
	struct udp_lane *lane = TAILQ_FIRST(&dns->lanes);

	while (lane && !takes(lane, resolver, now_ns))
		lane = TAILQ_NEXT(lane, entry);
	if (lane) {
		*ret = lane;
		return 0;
	}
	lane = find_idle(dns, resolver->address.family);
	if (!lane && count_lanes(dns, resolver->address.family) < DNS_UDP_LANES_MAX)
		lane = open_lane(dns, resolver->address.family);
	if (!lane)
		return -ENOBUFS;
	*ret = lane;
	return connect_lane(dns, lane, resolver, now_ns);
}

/* Tells the program as the network would have told it. Returns whether it could. */
static bool refuse(const struct dns *dns, const struct udp_flow *flow, int error)
{
	const struct endpoint client = {flow->asker.client, flow->asker.port};
	const struct endpoint resolver = {flow->asker.resolver, DNS_SERVER_PORT};
	uint8_t out[REFUSAL_ROOM];
	size_t len = refusal_write(&client, &resolver, error, out);

	return len > 0 && send_reply(dns, flow, out, len) == (ssize_t)len;
}

/* The resolver is not there. */
static void fail_lane(struct dns *dns, struct udp_lane *lane, int error)
{
	while (lane->waiting > 0) {
		struct udp_flow *flow = lane->flows[lane->waiting - 1];

		if (!refuse(dns, flow, error))
			answer_ourselves(dns, flow, ns_r_servfail);
		end_flow(dns, flow);
	}
}

/* ---- questions ---- */

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Sends the question on its way, under an id of the proxy's. Returns 0 or -errno. */
static int ask(struct dns *dns, struct udp_flow *flow, const struct endpoint *resolver,
	       uint8_t *message, size_t len)
{
	int64_t now_ns = dns->batch->now_ns;
	struct udp_lane *lane;
	uint16_t id = 0;
	int r = find_lane(dns, resolver, now_ns, &lane);

	if (r == 0)
		r = choose_id(dns, lane, &id);
	if (r < 0)
		return r;
	ns_put16(id, message);
	lane->taken++;
	lane->ids[lane->waiting] = id;
	lane->flows[lane->waiting] = flow;
	flow->place = lane->waiting++;
	flow->lane = lane;
	flow->ends_ns = now_ns + DNS_WAIT_S * INT64_C(1000000000);
	TAILQ_REMOVE(&dns->spare, flow, entry);
	TAILQ_INSERT_TAIL(&dns->asked, flow, entry);
	proxy_set_timer(dns, flow->ends_ns);
	put(dns, lane->fd, message, len, NULL);
	dns->batch->out_lane = lane;
	return 0;
}

void udp_ask(struct dns *dns, const struct dns_packet *packet)
{
	struct udp_flow *flow = spare_flow(dns);

	if (!flow)
		return;
	flow->result = dns_question_parse(packet->bytes, packet->len, &flow->question);
	memcpy(flow->head, packet->bytes, least(flow->question.len, sizeof(flow->head)));
	flow->asker = (struct dns_asker){
		.protocol = IPPROTO_UDP,
		.client = packet->client.address,
		.port = packet->client.port,
		.resolver = packet->resolver.address,
	};
	flow->ruling = dns_judge_query(dns->judge, &flow->question, flow->result, &flow->asker);
	if (flow->ruling == DNS_REFUSE)
		answer_ourselves(dns, flow, ns_r_refused);
	else if (packet->len < DNS_HEADER_BYTES)
		return; /* without an id: no resolver answers to that */
	else if (ask(dns, flow, &packet->resolver, packet->bytes, packet->len) < 0)
		answer_ourselves(dns, flow, ns_r_servfail);
}

void udp_ready(struct dns *dns, struct source *source, uint32_t events)
{
	const struct hearing *hearing = (const struct hearing *)source;
	bool more = true;

	for (int round = 0; round < ROUNDS_MAX && more; round++) {
		dns->batch->now_ns = clock_monotonic_ns();
		more = hearing->take(hearing->context);
		flush(dns);
	}
}

/* Returns how many, or -1 with errno. */
static int receive(struct udp_batch *batch, int fd)
{
	for (size_t i = 0; i < BATCH_MAX; i++) {
		batch->vectors[i] =
			(struct iovec){batch->bytes[i] + REPLY_HEAD_MAX, DNS_MESSAGE_MAX};
		batch->messages[i].msg_hdr =
			(struct msghdr){.msg_iov = &batch->vectors[i], .msg_iovlen = 1};
	}
	return recvmmsg(fd, batch->messages, BATCH_MAX, MSG_DONTWAIT, NULL);
}

/* ---- answers ---- */

/* Is this the answer to the question? Then it goes on its way, or one of our own instead. */
static bool serve_answer(struct dns *dns, const struct udp_flow *flow, uint8_t *message, size_t len)
{
	enum dns_ruling ruling = DNS_PASS;
	uint8_t *packet;
	int r = 0;

	ns_put16(flow->question.id, message);
	if (flow->result == 0)
		r = dns_answer_parse(message, len, &flow->question, &dns->answer);
	if (r == -ENOMSG)
		return false;
	if (r == 0 && flow->result == 0)
		ruling = dns_judge_answer(dns->judge, &flow->question, flow->ruling, &dns->answer,
					  &flow->asker);
	if (ruling == DNS_REFUSE) {
		answer_ourselves(dns, flow, ns_r_refused);
	} else if (ruling == DNS_FAIL) {
		answer_ourselves(dns, flow, ns_r_servfail);
	} else {
		packet = write_head(flow, message, len);
		put(dns, proxy_reply_fd(dns, flow->asker.client.family), packet,
		    (size_t)(message - packet) + len, &flow->asker.client);
	}
	return true;
}

static void pass_on(struct dns *dns, const struct udp_lane *lane, uint8_t *message, size_t len)
{
	struct udp_flow *flow = len >= 2 ? find_flow(lane, (uint16_t)ns_get16(message)) : NULL;

	if (flow && serve_answer(dns, flow, message, len))
		end_flow(dns, flow);
}

static void udp_answers_ready(struct dns *dns, struct source *source, uint32_t events)
{
	struct udp_lane *lane = (struct udp_lane *)source;
	struct udp_batch *batch = dns->batch;

	for (int round = 0; round < ROUNDS_MAX; round++) {
		int count = receive(batch, lane->fd);

		if (count < 0 && errno != EAGAIN && errno != EINTR)
			fail_lane(dns, lane, errno);
		for (int i = 0; i < count; i++)
			pass_on(dns, lane, batch->bytes[i] + REPLY_HEAD_MAX,
				batch->messages[i].msg_len);
		flush(dns);
		if (count < BATCH_MAX)
			return;
	}
}

void udp_expire(struct dns *dns, int64_t now_ns)
{
	struct udp_flow *flow;

	while ((flow = TAILQ_FIRST(&dns->asked)) && flow->ends_ns <= now_ns)
		end_flow(dns, flow);
	if (flow)
		proxy_set_timer(dns, flow->ends_ns);
}

void udp_free(struct dns *dns)
{
	struct udp_flow *flow;
	struct udp_lane *lane;

	while ((flow = TAILQ_FIRST(&dns->asked)))
		end_flow(dns, flow);
	while ((lane = TAILQ_FIRST(&dns->lanes)))
		close_lane(dns, lane);
	while ((flow = TAILQ_FIRST(&dns->spare))) {
		TAILQ_REMOVE(&dns->spare, flow, entry);
		free(flow);
	}
	if (dns->batch)
		munmap(dns->batch, sizeof(*dns->batch));
}
