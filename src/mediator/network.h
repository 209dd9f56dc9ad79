/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUSK_MEDIATOR_NETWORK_H
#define HUSK_MEDIATOR_NETWORK_H

#include "base/address.h"
#include "dns/resolv.h"
#include "mediator/mediator-internal.h"
#include "net/net.h"

/*
 * The domain net of a run: the rules of the container's network namespace, and what is heard from
 * them; and with them the proxy of the domain dns (resolution.h). Where the namespace is not the
 * container's own, or the kernel lacks something, m->at_most and m->why_lowered say so afterwards.
 * Returns 0, or -errno: what is enforced cannot be had, and the settings do not say that less will
 * do.
 */
int network_start(struct mediator *m, struct error *err);

/* The name with this key of the domain dns leads to the address: net_allow_address(). Only while
 * m->dns is there. */
int network_lead(struct mediator *m, const char *name, const struct address *address,
		 uint32_t ttl_s);

/* The proxy's: net_take_questions(), with m for the context, and net_redirect(). */
bool network_take_questions(struct mediator *m,
			    void (*ask)(void *context, const struct net_question *question));
int network_redirect(struct mediator *m, uint16_t port, struct error *err);

/*
 * Of a function that may make packets of its own (CAP_NET_RAW): whether the rules still stop all of
 * them, by m->policy. Where they do not, net and dns are in shadow for the rest of the run. To be
 * called before the modes are looked at.
 */
void network_limit(struct mediator *m);

/* These resolvers answer the function, or are left out here since anybody could be one. */
void network_hear_resolvers(struct mediator *m, struct resolv *resolv);

/* Which process, in the host's numbers, has the socket that this flow belongs to; 0: nobody can
 * tell. It looks through the container's processes. */
pid_t network_find_owner(struct mediator *m, const struct net_flow *flow);

/* From now on m->policy and the modes hold there too. */
void network_use(struct mediator *m);

/* Hears what is left to hear; to be called before the journal is closed. */
void network_hear_rest(struct mediator *m);

/* Takes back what would outlive the container. Where there is something, the kernel lets this wait
 * for some 10 ms: to be called when nobody waits for this process. */
void network_end(struct mediator *m);

#endif
