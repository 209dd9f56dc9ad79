/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The proxy's questions to the policy, and its place in the loop. */
#include "mediator/resolution.h"

#include <errno.h>
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

static enum verdict observe(void *context, const struct behaviour *b)
{
	struct mediator *m = context;

	return watch_observe(m->watch, b, 0, NULL);
}

static int lead(void *context, const char *key, const struct address *address, uint32_t ttl_s)
{
	return network_lead(context, key, address, ttl_s);
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
		.marks_tell = true,
		.judge = {.peek = peek, .observe = observe, .lead = lead, .context = m},
	};
	int r;

	/* Whoever may set marks could set this one, if he knew it. */
	if (getrandom(&options.mark, sizeof(options.mark), 0) != sizeof(options.mark))
		return error_set(err, EIO, "cannot set up the DNS proxy");
	options.mark |= 1;
	r = dns_open(&options, &m->dns, err);
	if (r < 0)
		return r;
	r = loop_add(m->loop, dns_fd(m->dns), on_ready, m);
	if (r < 0) {
		resolution_end(m);
		return error_set(err, -r, "cannot set up the DNS proxy");
	}
	ret_options->dns_mark = options.mark;
	ret_options->dns_port = dns_port(m->dns);
	return 0;
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
