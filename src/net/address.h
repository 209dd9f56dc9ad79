/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUSK_NET_ADDRESS_H
#define HUSK_NET_ADDRESS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>

/*
 * Addresses. Everywhere in husk an IPv4 address is carried as the IPv6 one that maps it
 * (::ffff:192.0.2.1, RFC 4291 section 2.5.5.2), so there is one type and one kind of set for both.
 */

/* The text of an address, IPv4 in dotted decimal, with its NUL. */
#define ADDRESS_TEXT_ROOM 46

/* The address that maps `v4`. */
struct in6_addr address_of_v4(struct in_addr v4);

/* Does it map an IPv4 address? */
bool address_is_v4(const struct in6_addr *address);

/* Parses all of `text`, in either form. Returns 0, or -EINVAL with *ret untouched. */
int address_parse(const char *text, struct in6_addr *ret);

/* Writes the text to `out` of ADDRESS_TEXT_ROOM bytes: "192.0.2.1", "2001:db8::1". */
void address_format(const struct in6_addr *address, char *out);

/*
 * Is it one that anybody's name may lead to? Not so loopback, link-local (the metadata services of
 * clouds live there), private, shared (100.64.0.0/10), unique-local, multicast, broadcast,
 * unspecified and reserved addresses, nor an IPv6 address that stands for such an IPv4 one (NAT64,
 * 6to4). Whatever name led to it, one of those is judged as the address that it is. Source: the
 * IANA special-purpose address registries, RFC 6890, RFC 6052, RFC 3056.
 */
bool address_is_public(const struct in6_addr *address);

#endif
