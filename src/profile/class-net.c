/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Classes of peers. What a name leads to is judged by its name, in the domain dns; here stand the
 * addresses that no name led to, the ports that only some programs have business with, and
 * listening for others.
 */
#include "profile/class-net.h"

#include <stddef.h>
#include <stdint.h>

#include "policy/peer.h"

static const struct {
	uint16_t port;
	const char *reason;
} ports[] = {
	{22, "remote access"},
	{23, "remote access"},
	{135, "remote access"},
	{139, "remote access"},
	{445, "remote access"},
	{512, "remote access"},
	{513, "remote access"},
	{514, "remote access"},
	{3389, "remote access"},
	{5900, "remote access"},
	{5985, "remote access"},
	{5986, "remote access"},
	{25, "mail"},
	{465, "mail"},
	{587, "mail"},
	{2375, "control of a container engine"},
	{2376, "control of a container engine"},
	{2379, "store of a cluster"},
	{2380, "store of a cluster"},
	{6443, "control of a cluster"},
	{10250, "control of a cluster"},
	{10255, "control of a cluster"},
	{3333, "mining"},
	{14444, "mining"},
	{45700, "mining"},
	{6667, "chat that programs are controlled by"},
	{6697, "chat that programs are controlled by"},
	{9050, "anonymizing network"},
	{9150, "anonymizing network"},
};

static const struct {
	enum behaviour_class class;
	const char *reason;
} kinds[ADDRESS_KINDS] = {
	[ADDRESS_PUBLIC] = {CLASS_DANGEROUS, "address that no name led to"},
	[ADDRESS_PRIVATE] = {CLASS_DANGEROUS, "private address"},
	[ADDRESS_LOOPBACK] = {CLASS_DANGEROUS, "loopback address over another interface"},
	[ADDRESS_LINK_LOCAL] = {CLASS_DANGEROUS, "link-local address"},
	[ADDRESS_METADATA] = {CLASS_GUARDED, "metadata service of a cloud"},
	[ADDRESS_SPECIAL] = {CLASS_DANGEROUS, "address of a special kind"},
};

enum behaviour_class class_of_peer(const struct behaviour *b, const char **ret_reason)
{
	char name[PEER_KEY_ROOM];
	struct peer peer;
	enum address_kind kind;

	*ret_reason = "";
	if (peer_parse(b->access, b->key, name, &peer) < 0) {
		*ret_reason = "of a kind that this version does not know";
		return CLASS_DANGEROUS;
	}
	if (peer.way == PEER_IN) {
		*ret_reason = "listens for others";
		return CLASS_DANGEROUS;
	}
	if (peer.way == PEER_THROUGH) {
		*ret_reason = "forwards what is not its own";
		return CLASS_GUARDED;
	}
	if (peer.way == PEER_LOCAL)
		return CLASS_ORDINARY;
	kind = peer.name ? ADDRESS_PUBLIC : address_kind(&peer.address);
	if (kind == ADDRESS_METADATA) {
		*ret_reason = kinds[kind].reason;
		return kinds[kind].class;
	}
	for (size_t i = 0; i < sizeof(ports) / sizeof(ports[0]); i++) {
		if (ports[i].port == peer.port) {
			*ret_reason = ports[i].reason;
			return CLASS_DANGEROUS;
		}
	}
	if (peer.name)
		return CLASS_ORDINARY;
	*ret_reason = kinds[kind].reason;
	return kinds[kind].class;
}
