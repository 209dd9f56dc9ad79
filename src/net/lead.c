/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Addresses that names lead to: let through before the answer is let go, and for as long as it
 * says.
 */
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "net/net-internal.h"
#include "net/netlink.h"

static int is_there(void *context, const struct address *address, const char *name,
		    int64_t until_ns)
{
	return 1;
}

/* An address, for the peers of a name that leads to it. */
struct leading {
	const struct net *net;
	const struct peer *peers;
	size_t count;
	const struct address *address;
	int64_t now_ns, until_ns;
	bool again;	     /* it may be there already, by this name or another */
	const char *leaving; /* not NULL: this name will lead there no more */
};

struct sharing {
	const struct kept *kept;
	const struct key *key;
	const char *but;
	int64_t until_ns;
};

static int prolong(void *context, const struct address *address, const char *name, int64_t until_ns)
{
	struct sharing *sharing = context;
	size_t count;
	const struct peer *peers;

	if (until_ns <= sharing->until_ns || (sharing->but && strcmp(name, sharing->but) == 0))
		return 0;
	peers = kept_named(sharing->kept, name, &count);
	for (size_t i = 0; i < count; i++) {
		struct key key = key_of(&peers[i], address);

		if (!key_equal(&key, sharing->key))
			continue;
		sharing->until_ns = until_ns;
		break;
	}
	return 0;
}

int64_t net_key_until(const struct net *net, const struct address *address, const struct key *key,
		      const char *but)
{
	struct sharing sharing = {.kept = &net->kept, .key = key, .but = but};

	names_find(net->names, address, 0, prolong, &sharing);
	return sharing.until_ns;
}

/* Of the peers those that are (not) denied: adds or removes their keys with the address. A key that
 * stays, whatever becomes of the name that leaves, is left as it is. */
static void put_keys(const struct leading *leading, struct nft *nft, bool denied, bool remove)
{
	struct nft_elements elements;

	rules_begin_keys(nft, &elements, denied, remove);
	for (size_t i = 0; i < leading->count; i++) {
		struct key key = key_of(&leading->peers[i], leading->address);
		int64_t until_ns;

		if (key.denied != denied || kept_has(&leading->net->kept, &key))
			continue;
		until_ns = net_key_until(leading->net, leading->address, &key, leading->leaving);
		if (leading->leaving && until_ns != 0)
			continue;
		if (until_ns < leading->until_ns)
			until_ns = leading->until_ns;
		rules_add_key(nft, &elements, key.bytes,
			      remove ? 0 : (uint64_t)(until_ns - leading->now_ns) / NS_IN_MS);
	}
	nft_end_elements(nft, &elements);
}

/* Adding does not prolong what is there, and removing fails where it is not. */
static void renew_keys(const struct leading *leading, struct nft *nft, bool denied)
{
	const struct kept *kept = &leading->net->kept;

	if (!(denied ? kept->denied : kept->known))
		return;
	put_keys(leading, nft, denied, false);
	if (!leading->again)
		return;
	put_keys(leading, nft, denied, true);
	if (!leading->leaving)
		put_keys(leading, nft, denied, false);
}

/* May it have been told of one of these keys that it is not known? What has not been read yet may
 * say so. */
static bool is_told_unknown(const struct net *net)
{
	char byte;

	return net->told_unknown ||
	       recv(net->log_fd, &byte, sizeof(byte), MSG_DONTWAIT | MSG_PEEK) > 0;
}

/* With the name that has to make room go its keys, so that there are no more of them than of
 * names: who says where a name leads may say something else each time. */
static void make_room(const struct net *net, struct nft *nft)
{
	struct leading leading = {.net = net, .until_ns = SECOND_NS, .again = true};

	leading.leaving = names_oldest(net->names, &leading.address);
	if (!leading.leaving)
		return;
	leading.peers = kept_named(&net->kept, leading.leaving, &leading.count);
	if (leading.count == 0)
		return;
	renew_keys(&leading, nft, false);
	renew_keys(&leading, nft, true);
}

static int put_address(struct net *net, const struct leading *leading, bool new)
{
	bool forget = !leading->again && is_told_unknown(net);
	struct nft nft;
	int r;

	nft_begin(&nft, net->table);
	if (new)
		make_room(net, &nft);
	renew_keys(leading, &nft, false);
	renew_keys(leading, &nft, true);
	if (forget)
		rules_forget_told(&nft);
	nft_commit(&nft);
	r = netlink_ask(net->rules_fd, &nft.out);
	nft_release(&nft);
	if (r == 0 && forget)
		net_forget_told(net);
	return r;
}

int net_allow_address(struct net *net, const char *name, const struct address *address,
		      uint32_t ttl_s)
{
	enum address_kind kind = address_kind(address);
	struct leading leading = {.net = net, .address = address};
	int64_t now_ns = clock_monotonic_ns(), wanted_ns, until_ns, known_until_ns;
	int r = 0;

	if ((kind != ADDRESS_PUBLIC && kind != ADDRESS_SPECIAL) || !peer_is_name(name))
		return 0;
	/* Given for longer than is wanted, so that the next answers need not ask the kernel. */
	wanted_ns = (int64_t)(ttl_s > NET_NAME_FLOOR_S ? ttl_s : NET_NAME_FLOOR_S) * SECOND_NS;
	until_ns = now_ns + wanted_ns + NET_NAME_FLOOR_S * SECOND_NS;
	known_until_ns = names_until(net->names, address, name);
	if (known_until_ns >= now_ns + wanted_ns)
		return 0;
	leading.peers = kept_named(&net->kept, name, &leading.count);
	leading.now_ns = now_ns;
	leading.until_ns = until_ns;
	leading.again = names_find(net->names, address, 0, is_there, NULL) != 0;
	if (leading.count > 0 && net->in_place)
		r = put_address(net, &leading, known_until_ns == 0);
	return r < 0 ? r : names_put(net->names, address, name, until_ns);
}

void net_keep_address(struct net *net, const struct peer *peer)
{
	/* one that cannot be kept has the rest of its time */
	if (peer->name)
		(void)net_allow_address(net, peer->name, &peer->address, 0);
}
