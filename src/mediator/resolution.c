/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The proxy's questions to the policy, and its place in the loop. */
#include "mediator/resolution.h"

#include <errno.h>
#include <stdio.h>
#include <sys/random.h>

#include "mediator/network.h"
#include "mediator/policy-watch.h"
#include "policy/decide.h"

static enum verdict peek(void *context, const struct behaviour *b)
{
	const struct mediator *m = context;
	enum mode modes[DOMAINS];

	mediator_modes_now(m, modes);
	return policy_decide(m->policy, modes, b).verdict;
}

static pid_t find_asker(struct mediator *m, const struct dns_asker *asker)
{
	const struct net_flow flow = {
		.peer = {.way = PEER_OUT, .protocol = asker->protocol},
		.from = asker->client,
		.from_port = asker->port,
		.to = asker->resolver,
		.to_port = DNS_SERVER_PORT,
	};

	return network_find_owner(m, &flow);
}

/* Whoever waits for an answer waits for this: so only what has an event is looked into, and no more
 * than events are written. */
static enum verdict observe(void *context, const struct behaviour *b, const struct dns_asker *asker)
{
	struct mediator *m = context;
	struct decision decision = watch_decide(m->watch, b);
	char resolver[ADDRESS_TEXT_ROOM], detail[ADDRESS_TEXT_ROOM + 16];
	pid_t pid = 0;

	if (!watch_tells(m->watch, b, decision))
		return watch_observe(m->watch, b, decision, 0, NULL);
	if (m->network && m->askers_found++ < m->setup->settings->events_per_run)
		pid = find_asker(m, asker);
	address_text(&asker->resolver, resolver);
	snprintf(detail, sizeof(detail), "asked of %s", resolver);
	return watch_observe(m->watch, b, decision, pid,
			     b->access == ACCESS_RESOLVE ? detail : NULL);
}

/* Where names are only learned anybody may be asked. What he says of a name that is known does not
 * make a peer known, where that is what counts. */
static int lead(void *context, const char *key, const struct address *address, uint32_t ttl_s,
		bool known)
{
	const struct mediator *m = context;
	enum mode modes[DOMAINS];

	mediator_modes_now(m, modes);
	if (!known && modes[DOMAIN_NET] != MODE_LEARN)
		return 0;
	return network_lead(context, key, address, ttl_s);
}

static int redirect(void *context, uint16_t port)
{
	struct mediator *m = context;
	struct error err = ERROR_INIT;
	int r = network_redirect(m, port, &err);

	if (r < 0)
		mediator_tell(m, EVENT_DEGRADED, err.what);
	return r;
}

static void on_ready(void *context)
{
	struct mediator *m = context;

	policy_refresh(m);
	dns_read(m->dns);
}

int resolution_open(struct mediator *m, int namespace_fd, struct net_options *ret_options,
		    struct error *err)
{
	struct dns_options options = {
		.namespace_fd = namespace_fd,
		.judge = {.peek = peek, .observe = observe, .lead = lead, .context = m},
		.redirect = redirect,
	};
	int r;

	/* Whoever may set marks could set this one, if he knew it. */
	if (getrandom(&options.mark, sizeof(options.mark), 0) != sizeof(options.mark))
		return error_set(err, EIO, "cannot set up the DNS proxy");
	options.mark |= 2; /* so that neither is 0 */
	options.mark_again = NET_MARK_AGAIN(options.mark);
	r = dns_open(&options, &m->dns, err);
	if (r < 0)
		return r;
	r = loop_add(m->loop, dns_fd(m->dns), on_ready, m);
	if (r < 0) {
		resolution_end(m);
		return error_set(err, -r, "cannot set up the DNS proxy");
	}
	ret_options->dns_mark = options.mark;
	return 0;
}

static void ask(void *context, const struct net_question *question)
{
	struct mediator *m = context;
	const struct dns_packet packet = {
		.protocol = question->protocol,
		.client = {.address = question->from, .port = question->from_port},
		.resolver = {question->to, DNS_SERVER_PORT, question->scope},
		.bytes = question->bytes,
		.len = question->len,
	};

	dns_ask(m->dns, &packet);
}

static bool take(void *context)
{
	return network_take_questions(context, ask);
}

int resolution_hear(struct mediator *m, int questions_fd, struct error *err)
{
	int r = m->dns ? dns_hear(m->dns, questions_fd, take, m) : 0;

	return r < 0 ? error_set(err, -r, "cannot set up the DNS proxy") : 0;
}

void resolution_use(struct mediator *m, const char *bytes, size_t len)
{
	struct resolv resolv;

	if (!m->dns)
		return;
	resolv_parse(bytes ? bytes : "", bytes ? len : 0, &resolv);
	network_hear_resolvers(m, &resolv);
	dns_use(m->dns, &resolv);
}

void resolution_end(struct mediator *m)
{
	if (!m->dns)
		return;
	loop_remove(m->loop, dns_fd(m->dns));
	dns_close(m->dns);
	m->dns = NULL;
}
