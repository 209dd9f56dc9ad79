/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Addresses and their kinds, by one table of prefixes that is read from the top. */
#include "base/address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

struct prefix {
	enum address_kind kind;
	uint8_t bits;
	uint8_t bytes[16];
};

/* Metadata first: these lie within other prefixes. */
static const struct prefix prefixes4[] = {
	{ADDRESS_METADATA, 32, {169, 254, 169, 254}}, /* AWS, Azure, Google Cloud, OpenStack, OCI */
	{ADDRESS_METADATA, 32, {169, 254, 170, 2}},   /* AWS ECS: credentials of a task */
	{ADDRESS_METADATA, 32, {169, 254, 170, 23}},  /* AWS EKS: credentials of a pod */
	{ADDRESS_METADATA, 32, {100, 100, 100, 200}}, /* Alibaba Cloud */
	{ADDRESS_METADATA, 32, {168, 63, 129, 16}},   /* Azure: agent and host */
	{ADDRESS_METADATA, 32, {192, 0, 0, 192}},     /* Oracle Cloud, first generation */
	{ADDRESS_LOOPBACK, 8, {0}},
	{ADDRESS_LOOPBACK, 8, {127}},
	{ADDRESS_LINK_LOCAL, 16, {169, 254}},
	{ADDRESS_PRIVATE, 8, {10}},
	{ADDRESS_PRIVATE, 12, {172, 16}},
	{ADDRESS_PRIVATE, 16, {192, 168}},
	{ADDRESS_PRIVATE, 10, {100, 64}},
	{ADDRESS_SPECIAL, 24, {192, 0, 0}},
	{ADDRESS_SPECIAL, 24, {192, 0, 2}},
	{ADDRESS_SPECIAL, 15, {198, 18}},
	{ADDRESS_SPECIAL, 24, {198, 51, 100}},
	{ADDRESS_SPECIAL, 24, {203, 0, 113}},
	{ADDRESS_LINK_LOCAL, 24, {224}}, /* multicast that no router passes on: RFC 5771 */
	{ADDRESS_LINK_LOCAL, 32, {255, 255, 255, 255}},
	{ADDRESS_SPECIAL, 3, {224}}, /* multicast, reserved, broadcast */
};

static const struct prefix prefixes6[] = {
	/* AWS: metadata, credentials of a pod; Google Cloud: metadata */
	{ADDRESS_METADATA, 128, {0xfd, 0x00, 0x0e, 0xc2, [14] = 0x02, [15] = 0x54}},
	{ADDRESS_METADATA, 128, {0xfd, 0x00, 0x0e, 0xc2, [15] = 0x23}},
	{ADDRESS_METADATA, 128, {0xfd, 0x20, 0x00, 0xce, [14] = 0x02, [15] = 0x54}},
	{ADDRESS_LOOPBACK, 127, {0}}, /* unspecified and loopback */
	{ADDRESS_LINK_LOCAL, 10, {0xfe, 0x80}},
	{ADDRESS_PRIVATE, 10, {0xfe, 0xc0}},
	{ADDRESS_PRIVATE, 7, {0xfc}},
	{ADDRESS_SPECIAL, 32, {0x20, 0x01, 0x0d, 0xb8}},
	{ADDRESS_SPECIAL, 8, {0xff}},
	{ADDRESS_SPECIAL, 64, {0x01}},
};

/* Where an IPv4 address stands in an IPv6 one. */
static const struct {
	uint8_t bits, at;
	uint8_t bytes[16];
} embeddings[] = {
	{96, 12, {[10] = 0xff, [11] = 0xff}},	     /* IPv4-mapped */
	{96, 12, {0x00, 0x64, 0xff, 0x9b}},	     /* NAT64, well-known prefix */
	{96, 12, {0x00, 0x64, 0xff, 0x9b, 0x00, 1}}, /* NAT64, local use */
	{16, 2, {0x20, 0x02}},			     /* 6to4 */
};

enum { LINK_SCOPE = 2 }; /* of multicast: RFC 4291 section 2.7; below it there is only this host */

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static bool has_prefix(const uint8_t *bytes, const uint8_t *prefix, unsigned int bits)
{
	unsigned int whole = bits / 8, rest = bits % 8;

	if (memcmp(bytes, prefix, whole) != 0)
		return false;
	return rest == 0 || ((bytes[whole] ^ prefix[whole]) >> (8 - rest)) == 0;
}

static enum address_kind look_up(const struct prefix *prefixes, size_t count, const uint8_t *bytes)
{
	for (size_t i = 0; i < count; i++) {
		if (has_prefix(bytes, prefixes[i].bytes, prefixes[i].bits))
			return prefixes[i].kind;
	}
	return ADDRESS_PUBLIC;
}

enum address_kind address_kind(const struct address *address)
{
	if (address->family == AF_INET)
		return look_up(prefixes4, COUNT(prefixes4), address->bytes);
	for (size_t i = 0; i < COUNT(embeddings); i++) {
		if (has_prefix(address->bytes, embeddings[i].bytes, embeddings[i].bits))
			return look_up(prefixes4, COUNT(prefixes4),
				       address->bytes + embeddings[i].at);
	}
	if (address->bytes[0] == 0xff && (address->bytes[1] & 0x0f) <= LINK_SCOPE)
		return ADDRESS_LINK_LOCAL;
	return look_up(prefixes6, COUNT(prefixes6), address->bytes);
}

const char *address_kind_name(enum address_kind kind)
{
	static const char *const names[ADDRESS_KINDS] = {"public",     "private",  "loopback",
							 "link-local", "metadata", "special"};

	return (unsigned int)kind < ADDRESS_KINDS ? names[kind] : "?";
}

bool address_equal(const struct address *a, const struct address *b)
{
	return a->family == b->family && memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

int address_of_socket(const struct sockaddr *socket, struct address *ret, uint16_t *ret_port)
{
	struct address address = {.family = (uint8_t)socket->sa_family};
	uint16_t port;

	if (socket->sa_family == AF_INET) {
		struct sockaddr_in in;

		memcpy(&in, socket, sizeof(in));
		memcpy(address.bytes, &in.sin_addr, 4);
		port = ntohs(in.sin_port);
	} else if (socket->sa_family == AF_INET6) {
		struct sockaddr_in6 in6;

		memcpy(&in6, socket, sizeof(in6));
		port = ntohs(in6.sin6_port);
		memcpy(address.bytes, &in6.sin6_addr, 16);
		if (IN6_IS_ADDR_V4MAPPED(&in6.sin6_addr)) {
			address = (struct address){.family = AF_INET};
			memcpy(address.bytes, in6.sin6_addr.s6_addr + 12, 4);
		}
	} else {
		return -EAFNOSUPPORT;
	}
	*ret = address;
	if (ret_port)
		*ret_port = port;
	return 0;
}

socklen_t address_to_socket(const struct address *address, uint16_t port,
			    struct sockaddr_storage *ret)
{
	*ret = (struct sockaddr_storage){.ss_family = address->family};
	if (address->family == AF_INET) {
		struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(port)};

		memcpy(&in.sin_addr, address->bytes, 4);
		memcpy(ret, &in, sizeof(in));
		return sizeof(in);
	}
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};

	memcpy(&in6.sin6_addr, address->bytes, 16);
	memcpy(ret, &in6, sizeof(in6));
	return sizeof(in6);
}

socklen_t endpoint_to_socket(const struct endpoint *end, struct sockaddr_storage *ret)
{
	socklen_t len = address_to_socket(&end->address, end->port, ret);

	if (end->address.family == AF_INET6)
		((struct sockaddr_in6 *)ret)->sin6_scope_id = end->scope;
	return len;
}

int address_parse(const char *text, struct address *ret)
{
	struct address address = {.family = AF_INET};

	if (inet_pton(AF_INET, text, address.bytes) != 1) {
		address.family = AF_INET6;
		if (inet_pton(AF_INET6, text, address.bytes) != 1)
			return -EINVAL;
	}
	*ret = address;
	return 0;
}

void address_text(const struct address *address, char *out)
{
	if (!inet_ntop(address->family, address->bytes, out, ADDRESS_TEXT_ROOM))
		memcpy(out, "?", 2);
}
