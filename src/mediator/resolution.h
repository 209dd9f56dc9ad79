/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUSK_MEDIATOR_RESOLUTION_H
#define HUSK_MEDIATOR_RESOLUTION_H

#include "dns/dns.h"
#include "mediator/mediator-internal.h"
#include "net/net.h"

/*
 * The domain dns of a run: the proxy that the rules of the domain net hand questions to. What
 * it leads to goes to network_lead(). m->dns is NULL where there is no proxy.
 */

/* Opens the proxy in the container's network namespace, `namespace_fd`, which is borrowed as long
 * as the proxy is there. *ret_options gets what its own packets carry. Returns 0 or -errno. */
int resolution_open(struct mediator *m, int namespace_fd, struct net_options *ret_options,
		    struct error *err);

/* From now on it is asked by network_take_questions(), whenever the descriptor can be read. Returns
 * 0 or -errno; where there is no proxy nothing is done. */
int resolution_hear(struct mediator *m, int questions_fd, struct error *err);

/* The container's resolv.conf, as it is before the function runs; `bytes` NULL: it has none. */
void resolution_use(struct mediator *m, const char *bytes, size_t len);

/* Closes the proxy, and records what it still had to tell. */
void resolution_end(struct mediator *m);

#endif
