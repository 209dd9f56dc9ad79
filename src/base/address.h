/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUSK_BASE_ADDRESS_H
#define HUSK_BASE_ADDRESS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

/* An IP address, without a port: what is compared, stored in tables and classified. */
struct address {
	uint8_t bytes[16]; /* network order; of IPv4 the first four, the others are zero */
	uint8_t family;	   /* AF_INET or AF_INET6 */
};

/* An end of a flow. */
struct endpoint {
	struct address address;
	uint16_t port;	/* host order */
	uint32_t scope; /* of an address of a link: the interface's index there; else 0 */
};

/* What an address is good for, whoever named it. */
enum address_kind {
	ADDRESS_PUBLIC = 0,
	ADDRESS_PRIVATE = 1,  /* RFC 1918, RFC 6598 (shared), RFC 4193 (unique local), site-local */
	ADDRESS_LOOPBACK = 2, /* this host, and the unspecified address, which connects to it */
	ADDRESS_LINK_LOCAL = 3, /* RFC 3927, RFC 4291; multicast and broadcast that stay there */
	ADDRESS_METADATA = 4,	/* a metadata or credential service of a cloud */
	ADDRESS_SPECIAL = 5,	/* multicast, broadcast, documentation, reserved */
	ADDRESS_KINDS = 6,
};

#define ADDRESS_TEXT_ROOM INET6_ADDRSTRLEN

/*
 * The kind. An IPv6 address that stands for an IPv4 one (IPv4-mapped, RFC 4291 2.5.5; NAT64, RFC
 * 6052 and 8215; 6to4, RFC 3056) is of the kind of that one. Sources: RFC 6890 and the IANA
 * registries of special-purpose addresses; the metadata services' own documentation, address.c.
 */
enum address_kind address_kind(const struct address *address);

/* "public", "private", "loopback", "link-local", "metadata", "special"; "?" out of range. */
const char *address_kind_name(enum address_kind kind);

bool address_equal(const struct address *a, const struct address *b);

/* The address in a socket address of AF_INET or AF_INET6, IPv4-mapped as IPv4; and its port in host
 * order where `ret_port` is not NULL. Returns 0, or -EAFNOSUPPORT with nothing set. */
int address_of_socket(const struct sockaddr *socket, struct address *ret, uint16_t *ret_port);

/* The socket address of an address and a port (host order), without a scope. Returns its length. */
socklen_t address_to_socket(const struct address *address, uint16_t port,
			    struct sockaddr_storage *ret);

/* The socket address of an end. Returns its length. */
socklen_t endpoint_to_socket(const struct endpoint *end, struct sockaddr_storage *ret);

/* Parses "192.0.2.1" or "2001:db8::1", no zone, no port. Returns 0 or -EINVAL. */
int address_parse(const char *text, struct address *ret);

/* Writes the address to `out` of ADDRESS_TEXT_ROOM bytes as inet_ntop(3) does. */
void address_text(const struct address *address, char *out);

#endif
