/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Keys of the domain net. */
#include "policy/peer.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

#define LOOPBACK "loopback"
#define FORWARDED "forwarded"
#define NAME_MAX_BYTES 253 /* RFC 1035 section 2.3.4, without the final dot */

static const struct {
	uint8_t number;
	const char *name;
} protocols[] = {
	{IPPROTO_TCP, "tcp"},	      {IPPROTO_UDP, "udp"},   {IPPROTO_ICMP, "icmp"},
	{IPPROTO_ICMPV6, "icmpv6"},   {IPPROTO_SCTP, "sctp"}, {IPPROTO_DCCP, "dccp"},
	{IPPROTO_UDPLITE, "udplite"}, {IPPROTO_IGMP, "igmp"}, {IPPROTO_IPIP, "ipip"},
	{IPPROTO_IPV6, "ipv6"},	      {IPPROTO_GRE, "gre"},   {IPPROTO_ESP, "esp"},
	{IPPROTO_AH, "ah"},
};

static const uint8_t with_ports[] = {IPPROTO_TCP, IPPROTO_UDP, IPPROTO_DCCP, IPPROTO_SCTP,
				     IPPROTO_UDPLITE};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

bool peer_has_ports(uint8_t protocol)
{
	return memchr(with_ports, protocol, sizeof(with_ports)) != NULL;
}

static void format_protocol(uint8_t number, char *out, size_t room)
{
	for (size_t i = 0; i < COUNT(protocols); i++) {
		if (protocols[i].number == number) {
			snprintf(out, room, "%s", protocols[i].name);
			return;
		}
	}
	snprintf(out, room, "protocol-%u", number);
}

static int parse_protocol(const char *text, uint8_t *ret)
{
	unsigned long number;

	for (size_t i = 0; i < COUNT(protocols); i++) {
		if (strcmp(protocols[i].name, text) == 0) {
			*ret = protocols[i].number;
			return 0;
		}
	}
	if (strncmp(text, "protocol-", 9) != 0 || text_number(text + 9, UINT8_MAX, &number) < 0)
		return -EINVAL;
	*ret = (uint8_t)number;
	return 0;
}

/* No name ends in a label of digits alone (RFC 3696 section 2): it would be a number. */
static bool ends_in_number(const char *name)
{
	const char *dot = strrchr(name, '.'), *label = dot ? dot + 1 : name;

	return label[strspn(label, "0123456789")] == '\0';
}

bool peer_is_name(const char *name)
{
	return *name && strlen(name) <= NAME_MAX_BYTES && !strpbrk(name, " :[]") &&
	       strcmp(name, LOOPBACK) != 0 && strcmp(name, FORWARDED) != 0 && !ends_in_number(name);
}

/* Where the flow leads, with brackets where a port would not stand apart. */
static void format_host(const struct peer *peer, bool port, char *out, size_t room)
{
	char address[ADDRESS_TEXT_ROOM];

	if (peer->way == PEER_LOCAL || peer->way == PEER_THROUGH) {
		snprintf(out, room, peer->way == PEER_LOCAL ? LOOPBACK : FORWARDED);
		return;
	}
	if (peer->name && peer_is_name(peer->name)) {
		snprintf(out, room, "%s", peer->name);
		return;
	}
	address_text(&peer->address, address);
	if (port && peer->address.family == AF_INET6)
		snprintf(out, room, "[%s]", address);
	else
		snprintf(out, room, "%s", address);
}

enum access peer_format(const struct peer *peer, char out[PEER_KEY_ROOM])
{
	char protocol[16], host[NAME_MAX_BYTES + 1] = "", port[8] = "";
	bool ports = peer_has_ports(peer->protocol) || peer->way == PEER_IN;

	if (peer->way == PEER_THROUGH)
		ports = false;
	format_protocol(peer->protocol, protocol, sizeof(protocol));
	if (peer->way != PEER_IN)
		format_host(peer, ports, host, sizeof(host));
	if (ports && (peer->ephemeral || !peer_has_ports(peer->protocol)))
		snprintf(port, sizeof(port), ":*");
	else if (ports)
		snprintf(port, sizeof(port), ":%u", peer->port);
	snprintf(out, PEER_KEY_ROOM, "%s %s%s", protocol, host, port);
	return peer->way == PEER_IN ? ACCESS_SERVE : ACCESS_CONNECT;
}

/* Splits off ":PORT" at the end of `host`. */
static int parse_port(char *host, struct peer *peer)
{
	char *colon = strrchr(host, ':');
	unsigned long port;

	if (!colon)
		return -EINVAL;
	*colon++ = '\0';
	if (strcmp(colon, "*") == 0) {
		peer->ephemeral = peer_has_ports(peer->protocol);
		return peer->way == PEER_IN || strcmp(host, LOOPBACK) == 0 ? 0 : -EINVAL;
	}
	if (!peer_has_ports(peer->protocol) || text_number(colon, UINT16_MAX, &port) < 0)
		return -EINVAL;
	peer->port = (uint16_t)port;
	return 0;
}

static int parse_host(char *host, struct peer *peer, char *name)
{
	size_t len = strlen(host);

	if (strcmp(host, LOOPBACK) == 0) {
		peer->way = PEER_LOCAL;
		return 0;
	}
	if (*host == '[' && len > 1 && host[len - 1] == ']') {
		host[len - 1] = '\0';
		host++;
	}
	if (address_parse(host, &peer->address) == 0)
		return 0;
	if (!peer_is_name(host))
		return -EINVAL;
	snprintf(name, PEER_KEY_ROOM, "%s", host);
	peer->name = name;
	return 0;
}

int peer_parse(enum access access, const char *key, char name[PEER_KEY_ROOM], struct peer *ret)
{
	struct peer peer = {.way = access == ACCESS_SERVE ? PEER_IN : PEER_OUT};
	char copy[PEER_KEY_ROOM], again[PEER_KEY_ROOM];
	char *host;
	int r;

	if ((access != ACCESS_SERVE && access != ACCESS_CONNECT) ||
	    !text_copy(copy, sizeof(copy), key))
		return -EINVAL;
	host = strchr(copy, ' ');
	if (!host)
		return -EINVAL;
	*host++ = '\0';
	r = parse_protocol(copy, &peer.protocol);
	if (peer.way == PEER_OUT && strcmp(host, FORWARDED) == 0)
		peer.way = PEER_THROUGH;
	else if (r == 0 && (peer_has_ports(peer.protocol) || peer.way == PEER_IN))
		r = parse_port(host, &peer);
	if (r == 0 && peer.way == PEER_OUT)
		r = parse_host(host, &peer, name);
	if (r < 0)
		return r;
	if (peer_format(&peer, again) != access || strcmp(again, key) != 0)
		return -EINVAL; /* another way to write the same would be another key */
	*ret = peer;
	return 0;
}
