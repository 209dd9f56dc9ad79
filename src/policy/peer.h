/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUSK_POLICY_PEER_H
#define HUSK_POLICY_PEER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/address.h"
#include "policy/behaviour.h"

/* Where a flow goes, as far as a policy is concerned. */
enum peer_way {
	PEER_OUT,     /* to `address` or `name` */
	PEER_LOCAL,   /* to this namespace itself, over loopback, whatever the address */
	PEER_IN,      /* from outside to a port that is served here; the address does not count */
	PEER_THROUGH, /* from an interface to another one, whatever the address and the port */
};

/* What of a flow is judged: the same for all flows of one key. */
struct peer {
	enum peer_way way;
	uint8_t protocol; /* IPPROTO_*, of the IPv4 and IPv6 header */
	bool ephemeral;	  /* PEER_LOCAL, PEER_IN: any port that the kernel may have chosen */
	uint16_t port;	  /* of the far end for PEER_OUT, else of this one; 0 where the protocol has
			     none */
	struct address address; /* PEER_OUT without a name */
	const char *name;	/* PEER_OUT: what led to the address; NULL for none */
	bool denied;		/* not let through, whatever else is */
};

/* From here on a port may be one that the kernel chose: ip_local_port_range of
 * Documentation/networking/ip-sysctl.rst. */
#define PEER_EPHEMERAL_FIRST 32768

/* Has a protocol ports, where TCP has them? */
bool peer_has_ports(uint8_t protocol);

/*
 * Keys of the domain net, as they stand in profiles and policies:
 *
 *	connect	"tcp example.org:443"	to an address that a name led to
 *	connect	"tcp 192.0.2.1:443"	to an address that no name led to
 *	connect	"udp [2001:db8::1]:53"
 *	connect	"icmp 192.0.2.1"	a protocol without ports
 *	connect	"tcp loopback:9001"	to the container itself, whatever the address
 *	connect	"tcp loopback:*"	... to any port from PEER_EPHEMERAL_FIRST on
 *	connect	"tcp forwarded"		for others, from an interface to another one
 *	serve	"tcp :8080"		from outside to a port of the container
 *	serve	"udp :*"		... to any port from PEER_EPHEMERAL_FIRST on
 *
 * A protocol is named or, where no name is in use, "protocol-N".
 */
#define PEER_KEY_ROOM 320

/* Writes the key of a peer, and returns what is done to it. A name that would not fit, or that is
 * none (peer_is_name()), is left out. */
enum access peer_format(const struct peer *peer, char out[PEER_KEY_ROOM]);

/* Reads a key. Its name, if there is one, is put into `name`, to which *ret then points. Returns 0,
 * or -EINVAL with *ret untouched: also for a key that is not written as peer_format() does. */
int peer_parse(enum access access, const char *key, char name[PEER_KEY_ROOM], struct peer *ret);

/* Can a name stand in a key? One that would be taken for something else cannot. */
bool peer_is_name(const char *name);

#endif
