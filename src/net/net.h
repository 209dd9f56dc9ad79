/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUSK_NET_NET_H
#define HUSK_NET_NET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/address.h"
#include "base/error.h"
#include "policy/peer.h"

/*
 * The rules of one container's network namespace: one nftables table of its own, programmed in one
 * transaction, and what the kernel tells of the flows that meet it. Plain netlink, no library: the
 * messages are few, and Debian has no static libmnl, without which libnftnl cannot be linked into
 * the one program that every start pays for. What is allowed is handed in; this part knows no
 * policy.
 */
struct net;

/* The first packet of a flow of a kind that was not seen for a minute, or not refused for some
 * seconds. */
struct net_flow {
	/* Of the names that the address was given for, one whose peer is in use, else the latest.
	 */
	struct peer peer;
	struct address from, to;
	uint16_t from_port, to_port; /* 0 where the protocol has none */
};

#define NET_MARK_AGAIN(mark) ((mark) ^ 1U)

/* What was sent to port 53 and did not get there. */
struct net_question {
	uint8_t protocol; /* IPPROTO_UDP or IPPROTO_TCP */
	struct address from, to;
	uint16_t from_port;
	uint32_t scope; /* of `to`: struct endpoint */
	/* What the datagram holds, which may be written to; of TCP the whole packet, which begins a
	 * connection. */
	uint8_t *bytes;
	size_t len;
};

enum net_limits {
	NET_PEERS_MAX = 65536,	   /* peers and addresses of names that one table holds */
	NET_ADDRESSES_MAX = 16384, /* addresses that names led to, remembered at a time */
	NET_NAME_FLOOR_S = 600,	   /* an address stays allowed at least for so long: programs
				      keep answers longer than they should */
};

struct net_options {
	int namespace_fd; /* the container's network namespace; borrowed for net_open() */
	bool owned; /* the function may change tables: only this process may change this one */
	/* The function may make packets of its own (raw sockets, CAP_NET_RAW), and set marks: each
	 * packet is judged by the connection that the kernel knows for it. Only where the whole
	 * namespace is the container's. */
	bool raw;
	bool leased; /* the table goes with this process, and is nobody else's meanwhile */
	/* Not 0: the namespace is shared, and only what the sockets of this control group (version
	 * 2) do is judged. The group's inode number, and how many steps it lies below the root. */
	uint64_t cgroup;
	uint32_t cgroup_level;
	/* Not 0: what goes to port 53, but for what carries the mark, is taken out of its way for
	 * net_take_questions(); connections as long as net_redirect() was not called. What is sent
	 * with NET_MARK_AGAIN() of the mark is such a connection's packet once more. */
	uint32_t dns_mark;
	void (*seen)(void *context, const struct net_flow *flow);
	void (*lost)(void *context, uint64_t count); /* so many flows were not told of */
	void *context;
};

/* Opens the sockets, in the namespace, and starts to listen. Changes nothing there yet. Returns 0
 * with *ret owned by the caller, or -errno. */
int net_open(const struct net_options *options, struct net **ret, struct error *err);

/* Closes. With `remove` the table is removed too: of a namespace that outlives the container. */
void net_close(struct net *net, bool remove);

/* To poll for POLLIN; then net_read() tells through the options' functions what has come. */
int net_fd(const struct net *net);
void net_read(struct net *net);

/* The same for net_take_questions(). -1: there is no proxy. */
int net_questions_fd(const struct net *net);

/* Hands what has come to `ask`, a few at most: what they hold is there until the next call. Returns
 * whether there may be more. */
bool net_take_questions(struct net *net,
			void (*ask)(void *context, const struct net_question *question),
			void *context);

/* From now on connections to port 53 are redirected to this port of loopback, which the kernel
 * tracks them for. Returns 0, or -errno with nothing changed. */
int net_redirect(struct net *net, uint16_t port, struct error *err);

/*
 * From now on these peers are known, and with `enforce` no others get through. What is denied does
 * not get through in either case. One transaction: at
 * no time is there less than the old or the new. Flows that live are not disturbed. Returns 0, or
 * -errno with nothing changed.
 */
int net_use(struct net *net, const struct peer *peers, size_t count, bool enforce,
	    struct error *err);

/* Is what this flow is known, and not denied, as of the last net_use()? An address that a name led
 * to at any time counts as led to. */
bool net_knows(const struct net *net, const struct net_flow *flow);

/* ... or denied? */
bool net_denies(const struct net *net, const struct net_flow *flow);

/*
 * A name led to an address: called by the DNS proxy for each address of an answer before it lets
 * the answer go. `name` is the name that was asked, as it stands in the keys of policies. Where the
 * peers in use hold the name, the address is known on their protocols and ports when this returns,
 * for `ttl_s` seconds but no less than NET_NAME_FLOOR_S, and for as long as flows begin there. Only
 * addresses of ADDRESS_PUBLIC and ADDRESS_SPECIAL can be led to: of others this remembers and
 * allows nothing, whatever name led there. Returns 0, or -errno: the address may not be reachable,
 * and the answer is better withheld.
 */
int net_allow_address(struct net *net, const char *name, const struct address *address,
		      uint32_t ttl_s);

#endif
