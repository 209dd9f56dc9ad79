/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Connections. Each has one of its own to the resolver, once there is a question that may be asked:
 * before that nobody hears of a program that just connects, nor is anything heard from there.
 * Messages go through whole, one at a time in each direction, so what a program sends ahead waits
 * in the kernel, and so does what follows questions that nobody has answered yet: each answer is
 * judged by its question. A refusal takes its turn between the resolver's answers.
 */
#include "dns/proxy-internal.h"

#include <arpa/nameser.h>
#include <errno.h>
#include <linux/netfilter_ipv4.h>
#include <linux/netfilter_ipv6/ip6_tables.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/clock.h"

enum {
	PREFIX_BYTES = 2,      /* RFC 1035, 4.2.2 */
	QUESTIONS_MAX = 8,     /* of one connection that wait for answers */
	ACCEPTED_AT_ONCE = 16, /* before others have their turn */
	MESSAGES_AT_ONCE = 16, /* of one connection, each way */
};

#define FULL_NS INT64_C(100000000)     /* until it is looked again who can make room */
#define PAUSE_NS INT64_C(2000000000)   /* who is quiet for longer can */
#define CONNECT_NS INT64_C(5000000000) /* and whose resolver cannot be reached for as long */

/* One direction: a message comes in, is looked at, and goes out. */
struct stream {
	uint8_t *bytes; /* prefix and message; NULL while there is none */
	size_t len;	/* so much has come in */
	size_t sent;
	bool ready; /* whole, and on its way out */
	bool ended; /* nothing more comes in */
	uint8_t prefix[PREFIX_BYTES];
};

struct end {
	struct source source;
	struct tcp_connection *connection;
	int fd;
	uint32_t waits; /* for these events */
};

struct asked {
	bool open;
	enum dns_ruling ruling;
	struct dns_question question;
};

struct tcp_connection {
	TAILQ_ENTRY(tcp_connection) entry;
	struct end client, server;
	struct stream questions, answers;
	uint8_t own[PREFIX_BYTES + DNS_OWN_ANSWER_MAX]; /* an answer of our own that waits */
	size_t own_len;
	struct dns_asker asker;
	bool connected; /* to the resolver */
	bool shut;	/* it knows that there are no more questions */
	bool dead;
	int64_t ends_ns;   /* CLOCK_MONOTONIC */
	int64_t active_ns; /* when it last asked, or was answered */
	struct asked asked[QUESTIONS_MAX];
};

/* Whether more connections are accepted: those that are not wait in the kernel. */
static void set_full(struct dns *dns, bool full)
{
	if (dns->full == full)
		return;
	dns->full = full;
	for (size_t i = 0; i < LISTENERS; i++) {
		struct listener *listener = &dns->listeners[i];
		struct epoll_event event = {.events = full ? 0U : EPOLLIN,
					    .data.ptr = &listener->source};

		if (listener->fd >= 0)
			epoll_ctl(dns->epoll_fd, EPOLL_CTL_MOD, listener->fd, &event);
	}
}

static void end_connection(struct dns *dns, struct tcp_connection *connection)
{
	if (connection->dead)
		return;
	connection->dead = true;
	if (connection->client.fd >= 0)
		close(connection->client.fd);
	if (connection->server.fd >= 0)
		close(connection->server.fd);
	TAILQ_REMOVE(&dns->connections, connection, entry);
	TAILQ_INSERT_TAIL(&dns->closed, connection, entry);
	dns->connections_count--;
	set_full(dns, false);
}

void tcp_bury(struct dns *dns)
{
	struct tcp_connection *connection;

	while ((connection = TAILQ_FIRST(&dns->closed))) {
		TAILQ_REMOVE(&dns->closed, connection, entry);
		free(connection->questions.bytes);
		free(connection->answers.bytes);
		free(connection);
	}
}

/* ---- streams ---- */

/* Takes in what there is of one message. Returns 1: it is whole; 0: not yet; -errno. */
static int take_in(struct stream *stream, int fd)
{
	for (;;) {
		uint8_t *into = stream->bytes ? stream->bytes : stream->prefix;
		size_t whole = PREFIX_BYTES;
		ssize_t got;

		if (stream->bytes)
			whole += ns_get16(stream->prefix);
		if (stream->bytes && stream->len == whole)
			return 1;
		got = recv(fd, into + stream->len, whole - stream->len, MSG_DONTWAIT);
		if (got < 0)
			return errno == EAGAIN || errno == EINTR ? 0 : -errno;
		if (got == 0) {
			stream->ended = true;
			return stream->len == 0 ? 0 : -EPIPE;
		}
		stream->len += (size_t)got;
		if (stream->bytes || stream->len < PREFIX_BYTES)
			continue;
		stream->bytes = malloc(PREFIX_BYTES + ns_get16(stream->prefix));
		if (!stream->bytes)
			return -ENOMEM;
		memcpy(stream->bytes, stream->prefix, PREFIX_BYTES);
	}
}

static void forget_message(struct stream *stream)
{
	free(stream->bytes);
	stream->bytes = NULL;
	stream->len = stream->sent = 0;
	stream->ready = false;
}

/* Sends on what is left of `len` bytes. Returns 1: all is sent; 0: not yet; -errno. */
static int send_on(int fd, const uint8_t *bytes, size_t len, size_t *sent)
{
	ssize_t n = send(fd, bytes + *sent, len - *sent, MSG_DONTWAIT | MSG_NOSIGNAL);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	*sent += (size_t)n;
	return *sent == len;
}

/* ---- questions ---- */

static void answer_ourselves(struct tcp_connection *connection, const uint8_t *message, size_t len,
			     const struct dns_question *question, uint8_t rcode)
{
	size_t own_len =
		dns_answer_write(message, len, question, rcode, connection->own + PREFIX_BYTES);

	if (own_len == 0)
		return;
	ns_put16((unsigned int)own_len, connection->own);
	connection->own_len = PREFIX_BYTES + own_len;
}

/* For one more question that waits for its answer; NULL: there is none. */
static struct asked *find_place(struct tcp_connection *connection)
{
	for (size_t i = 0; i < QUESTIONS_MAX; i++) {
		if (!connection->asked[i].open)
			return &connection->asked[i];
	}
	return NULL;
}

static void judge_question(struct dns *dns, struct tcp_connection *connection, struct asked *asked)
{
	struct stream *stream = &connection->questions;
	const uint8_t *message = stream->bytes + PREFIX_BYTES;
	size_t len = stream->len - PREFIX_BYTES;
	int result = dns_question_parse(message, len, &asked->question);

	asked->ruling = dns_judge_query(dns->judge, &asked->question, result, &connection->asker);
	asked->open = result == 0 && asked->ruling != DNS_REFUSE;
	connection->active_ns = clock_monotonic_ns();
	stream->ready = asked->ruling != DNS_REFUSE;
	if (stream->ready)
		return;
	answer_ourselves(connection, message, len, &asked->question, ns_r_refused);
	forget_message(stream);
}

/* Begins to connect to whom the program has asked. Returns 0 or -errno. */
static int open_server(struct dns *dns, struct tcp_connection *connection)
{
	const struct address *resolver = &connection->asker.resolver;
	struct end *server = &connection->server;
	struct sockaddr_storage socket;
	socklen_t len = address_to_socket(resolver, DNS_SERVER_PORT, &socket);
	int one = 1;

	server->fd = proxy_socket(dns, resolver->family, SOCK_STREAM);
	if (server->fd < 0)
		return server->fd;
	setsockopt(server->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (connect(server->fd, (struct sockaddr *)&socket, len) < 0 && errno != EINPROGRESS)
		return -errno;
	server->waits = EPOLLOUT;
	return proxy_wait(dns, server->fd, server->waits, &server->source);
}

/* Returns 0, or -errno: the connection is at its end. */
static int move_questions(struct dns *dns, struct tcp_connection *connection)
{
	struct stream *stream = &connection->questions;
	int taken = 0;

	while (connection->own_len == 0) {
		int r;

		if (!stream->ready) {
			struct asked *place = find_place(connection);

			if (taken++ == MESSAGES_AT_ONCE)
				return 0;
			if (stream->ended || !place)
				return 0;
			r = take_in(stream, connection->client.fd);
			if (r <= 0)
				return r;
			judge_question(dns, connection, place);
			continue;
		}
		if (connection->server.fd < 0)
			return open_server(dns, connection);
		if (!connection->connected)
			return 0;
		r = send_on(connection->server.fd, stream->bytes, stream->len, &stream->sent);
		if (r <= 0)
			return r;
		forget_message(stream);
	}
	return 0;
}

/* ---- answers ---- */

static void judge_answer(struct dns *dns, struct tcp_connection *connection)
{
	struct stream *stream = &connection->answers;
	const uint8_t *message = stream->bytes + PREFIX_BYTES;
	size_t len = stream->len - PREFIX_BYTES;
	enum dns_ruling ruling = DNS_PASS;

	for (size_t i = 0; i < QUESTIONS_MAX; i++) {
		struct asked *asked = &connection->asked[i];
		int r = -ENOMSG;

		if (asked->open && len >= NS_HFIXEDSZ) /* which has an id */
			r = dns_answer_parse(message, len, &asked->question, &dns->answer);
		if (r == -ENOMSG)
			continue;
		if (r == 0)
			ruling = dns_judge_answer(dns->judge, &asked->question, asked->ruling,
						  &dns->answer, &connection->asker);
		asked->open = false;
		connection->active_ns = clock_monotonic_ns();
		if (ruling != DNS_PASS)
			answer_ourselves(connection, message, len, &asked->question,
					 ruling == DNS_REFUSE ? ns_r_refused : ns_r_servfail);
		break;
	}
	if (ruling == DNS_PASS)
		stream->ready = true;
	else
		forget_message(stream);
}

/* Sends an answer of our own, which never cuts into one of the resolver's. */
static int send_own(struct tcp_connection *connection)
{
	size_t sent = 0;
	int r;

	if (connection->own_len == 0 || connection->answers.sent > 0)
		return 1;
	/* So small that the kernel takes all of it or nothing, unless the program never reads. */
	r = send_on(connection->client.fd, connection->own, connection->own_len, &sent);
	if (r == 0 && sent > 0)
		return -EPIPE;
	if (r == 1)
		connection->own_len = 0;
	return r;
}

static int move_answers(struct dns *dns, struct tcp_connection *connection)
{
	struct stream *stream = &connection->answers;
	int taken = 0;

	for (;;) {
		int r = send_own(connection);

		if (r <= 0)
			return r;
		if (!stream->ready) {
			if (taken++ == MESSAGES_AT_ONCE)
				return 0;
			if (stream->ended || !connection->connected)
				return 0;
			r = take_in(stream, connection->server.fd);
			if (r <= 0)
				return r;
			judge_answer(dns, connection);
			continue;
		}
		r = send_on(connection->client.fd, stream->bytes, stream->len, &stream->sent);
		if (r <= 0)
			return r;
		forget_message(stream);
	}
}

/* ---- connections ---- */

static void wait_for(struct dns *dns, struct end *end, uint32_t waits)
{
	struct epoll_event event = {.events = waits, .data.ptr = &end->source};

	if (waits == end->waits || end->fd < 0)
		return;
	end->waits = waits;
	epoll_ctl(dns->epoll_fd, EPOLL_CTL_MOD, end->fd, &event);
}

static void choose_events(struct dns *dns, struct tcp_connection *connection)
{
	const struct stream *questions = &connection->questions, *answers = &connection->answers;
	bool takes = !questions->ready && !questions->ended && connection->own_len == 0 &&
		     find_place(connection);
	bool gives = answers->ready || connection->own_len > 0;
	bool asks = questions->ready || !connection->connected;
	bool hears = connection->connected && !answers->ready && !answers->ended;

	wait_for(dns, &connection->client, (takes ? EPOLLIN : 0U) | (gives ? EPOLLOUT : 0U));
	wait_for(dns, &connection->server, (hears ? EPOLLIN : 0U) | (asks ? EPOLLOUT : 0U));
}

/* Has the connection to the resolver come about? Returns 0, or -errno. */
static int finish_connecting(struct tcp_connection *connection)
{
	int error = 0;
	socklen_t len = sizeof(error);

	if (getsockopt(connection->server.fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0 || error)
		return error ? -error : -errno;
	connection->connected = true;
	return 0;
}

static bool is_over(const struct tcp_connection *connection)
{
	const struct stream *questions = &connection->questions;

	if (connection->server.fd < 0)
		return questions->ended && !questions->ready && connection->own_len == 0;
	return connection->answers.ended && !connection->answers.ready && connection->own_len == 0;
}

static void move(struct dns *dns, struct tcp_connection *connection)
{
	const struct stream *questions = &connection->questions;
	int r = move_questions(dns, connection);

	if (r == 0)
		r = move_answers(dns, connection);
	/* What waited for an answer of our own to go can go on. */
	if (r == 0 && connection->own_len == 0)
		r = move_questions(dns, connection);
	if (r < 0 || is_over(connection)) {
		end_connection(dns, connection);
		return;
	}
	if (questions->ended && !questions->ready && connection->connected && !connection->shut) {
		shutdown(connection->server.fd, SHUT_WR);
		connection->shut = true;
	}
	choose_events(dns, connection);
}

/* An end may be called once more in the same turn after the connection is dead. */
static void client_ready(struct dns *dns, struct source *source, uint32_t events)
{
	struct tcp_connection *connection = ((struct end *)source)->connection;

	if (connection->dead)
		return;
	if (events & EPOLLERR || (events & EPOLLHUP && connection->client.waits == 0))
		end_connection(dns, connection);
	else
		move(dns, connection);
}

static void server_ready(struct dns *dns, struct source *source, uint32_t events)
{
	struct tcp_connection *connection = ((struct end *)source)->connection;

	if (connection->dead)
		return;
	if (!connection->connected && events & (EPOLLOUT | EPOLLERR | EPOLLHUP) &&
	    finish_connecting(connection) < 0)
		end_connection(dns, connection);
	else if (events & EPOLLHUP && connection->server.waits == 0)
		end_connection(dns, connection);
	else
		move(dns, connection);
}

/* Takes over the descriptor, also on failure. */
static void new_connection(struct dns *dns, int client, const struct dns_asker *asker)
{
	struct tcp_connection *connection = calloc(1, sizeof(*connection));
	int one = 1;

	if (!connection) {
		close(client);
		return;
	}
	setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	connection->asker = *asker;
	connection->client = (struct end){{client_ready}, connection, client, EPOLLIN};
	connection->server = (struct end){{server_ready}, connection, -1, 0};
	connection->active_ns = clock_monotonic_ns();
	connection->ends_ns = connection->active_ns + DNS_CONNECTION_S * INT64_C(1000000000);
	TAILQ_INSERT_TAIL(&dns->connections, connection, entry);
	dns->connections_count++;
	proxy_set_timer(dns, connection->ends_ns);
	if (proxy_wait(dns, client, EPOLLIN, &connection->client.source) < 0)
		end_connection(dns, connection);
}

/* Has it asked for something that may still be answered, or had no time yet to ask for more? */
static bool is_waiting(const struct tcp_connection *connection, int64_t now_ns)
{
	int64_t quiet_ns = now_ns - connection->active_ns;
	bool asks = connection->answers.ready;

	for (size_t i = 0; i < QUESTIONS_MAX; i++)
		asks |= connection->asked[i].open;
	if (asks && !connection->connected)
		return quiet_ns < CONNECT_NS;
	return quiet_ns < (asks ? DNS_WAIT_S * INT64_C(1000000000) : PAUSE_NS);
}

/* For one more connection. */
static bool make_room(struct dns *dns)
{
	struct tcp_connection *connection = TAILQ_FIRST(&dns->connections);
	int64_t now_ns = clock_monotonic_ns();

	if (dns->connections_count < DNS_TCP_CONNECTIONS_MAX)
		return true;
	while (connection && is_waiting(connection, now_ns))
		connection = TAILQ_NEXT(connection, entry);
	if (connection) {
		end_connection(dns, connection);
		return true;
	}
	set_full(dns, true);
	proxy_set_timer(dns, now_ns + FULL_NS);
	return false;
}

/* Which resolver was asked, before the connection was redirected. Returns 0 or -errno. */
static int find_resolver(int fd, struct endpoint *ret)
{
	struct sockaddr_storage socket;
	socklen_t len = sizeof(socket);
	int family;
	socklen_t family_len = sizeof(family);

	if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &family, &family_len) < 0)
		return -errno;
	if (family == AF_INET ? getsockopt(fd, SOL_IP, SO_ORIGINAL_DST, &socket, &len) < 0
			      : getsockopt(fd, SOL_IPV6, IP6T_SO_ORIGINAL_DST, &socket, &len) < 0)
		return -errno;
	return address_of_socket((struct sockaddr *)&socket, &ret->address, &ret->port);
}

void tcp_ready(struct dns *dns, struct source *source, uint32_t events)
{
	const struct listener *listener = (const struct listener *)source;

	if (!make_room(dns))
		return;
	for (int i = 0; i < ACCEPTED_AT_ONCE && dns->connections_count < DNS_TCP_CONNECTIONS_MAX;
	     i++) {
		struct dns_asker asker = {.protocol = IPPROTO_TCP};
		struct sockaddr_storage from = {0};
		socklen_t from_len = sizeof(from);
		int client = accept4(listener->fd, (struct sockaddr *)&from, &from_len,
				     SOCK_CLOEXEC | SOCK_NONBLOCK);
		struct endpoint resolver;

		if (client < 0)
			return;
		if (find_resolver(client, &resolver) < 0 || resolver.port != DNS_SERVER_PORT) {
			close(client);
			continue;
		}
		asker.resolver = resolver.address;
		address_of_socket((struct sockaddr *)&from, &asker.client, &asker.port);
		new_connection(dns, client, &asker);
	}
}

void tcp_expire(struct dns *dns, int64_t now_ns)
{
	struct tcp_connection *connection;

	set_full(dns, false);
	while ((connection = TAILQ_FIRST(&dns->connections)) && connection->ends_ns <= now_ns)
		end_connection(dns, connection);
	if (connection)
		proxy_set_timer(dns, connection->ends_ns);
}

void tcp_free(struct dns *dns)
{
	struct tcp_connection *connection;

	while ((connection = TAILQ_FIRST(&dns->connections)))
		end_connection(dns, connection);
	tcp_bury(dns);
}
