/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Addresses: text, and which ones stand for the public network. */
#include "net/address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdint.h>
#include <string.h>

struct range {
	uint8_t start[16];
	unsigned int bits;
};

#define V4(a, b, c, d)                                               \
	{                                                            \
		0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, a, b, c, d \
	}
#define V4_BITS(n) (96 + (n))

/* What is not public. IANA IPv4 and IPv6 special-purpose address registries. */
static const struct range special[] = {
	{V4(0, 0, 0, 0), V4_BITS(8)},	     /* this network */
	{V4(10, 0, 0, 0), V4_BITS(8)},	     /* private */
	{V4(100, 64, 0, 0), V4_BITS(10)},    /* shared, of carriers */
	{V4(127, 0, 0, 0), V4_BITS(8)},	     /* loopback */
	{V4(168, 63, 129, 16), V4_BITS(32)}, /* the platform service of a cloud, by name public */
	{V4(169, 254, 0, 0), V4_BITS(16)},   /* link-local: metadata services */
	{V4(172, 16, 0, 0), V4_BITS(12)},    /* private */
	{V4(192, 0, 0, 0), V4_BITS(24)},     /* protocol assignments: a metadata service too */
	{V4(192, 168, 0, 0), V4_BITS(16)},   /* private */
	{V4(224, 0, 0, 0), V4_BITS(4)},	     /* multicast */
	{V4(240, 0, 0, 0), V4_BITS(4)},	     /* reserved, broadcast */
};

/* Of IPv6 what is handed out to the public is one block, with two holes. */
static const struct range global = {{0x20}, 3};
static const struct range teredo = {{0x20, 0x01, 0, 0}, 32};
static const struct range sixto4 = {{0x20, 0x02}, 16};
static const struct range nat64 = {{0x00, 0x64, 0xff, 0x9b}, 96};

static bool lies_in(const struct in6_addr *address, const struct range *range)
{
	size_t bytes = range->bits / 8, rest = range->bits % 8;
	unsigned int mask = rest ? 0xffU << (8 - rest) & 0xffU : 0;

	if (memcmp(address->s6_addr, range->start, bytes) != 0)
		return false;
	return rest == 0 || (address->s6_addr[bytes] & mask) == (range->start[bytes] & mask);
}

struct in6_addr address_of_v4(struct in_addr v4)
{
	struct in6_addr mapped = {.s6_addr = V4(0, 0, 0, 0)};

	memcpy(&mapped.s6_addr[12], &v4, sizeof(v4));
	return mapped;
}

bool address_is_v4(const struct in6_addr *address)
{
	return IN6_IS_ADDR_V4MAPPED(address);
}

int address_parse(const char *text, struct in6_addr *ret)
{
	struct in_addr v4;
	struct in6_addr v6;

	if (inet_pton(AF_INET, text, &v4) == 1)
		*ret = address_of_v4(v4);
	else if (inet_pton(AF_INET6, text, &v6) == 1)
		*ret = v6;
	else
		return -EINVAL;
	return 0;
}

void address_format(const struct in6_addr *address, char *out)
{
	if (address_is_v4(address))
		inet_ntop(AF_INET, &address->s6_addr[12], out, ADDRESS_TEXT_ROOM);
	else
		inet_ntop(AF_INET6, address, out, ADDRESS_TEXT_ROOM);
}

/* The IPv4 address that lies at byte `at`. */
static struct in6_addr embedded(const struct in6_addr *address, size_t at)
{
	struct in_addr v4;

	memcpy(&v4, &address->s6_addr[at], sizeof(v4));
	return address_of_v4(v4);
}

static bool v4_is_public(const struct in6_addr *address)
{
	for (size_t i = 0; i < sizeof(special) / sizeof(special[0]); i++) {
		if (lies_in(address, &special[i]))
			return false;
	}
	return true;
}

bool address_is_public(const struct in6_addr *address)
{
	struct in6_addr v4 = *address;

	if (lies_in(address, &nat64))
		v4 = embedded(address, 12);
	else if (lies_in(address, &sixto4))
		v4 = embedded(address, 2);
	else if (!address_is_v4(address))
		return lies_in(address, &global) && !lies_in(address, &teredo);
	return v4_is_public(&v4);
}
