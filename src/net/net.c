/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One namespace's table and what is heard from it. The peers in use are kept with their names, so
 * that an address that a name leads to can be let through, and a flow be called by its name.
 */
#include "net/net.h"

#include <errno.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/namespace.h"
#include "policy/peer.h"
#include "net/log.h"
#include "net/names.h"
#include "net/netlink.h"
#include "net/rules.h"

#define TABLE_F_PERSIST 0x4 /* Linux 6.9, include/uapi/linux/netfilter/nf_tables.h */

#define DATAGRAMS_AT_ONCE 64
#define MANY_KEYS 2048
#define LOG_RECEIVE_BYTES (2 * 1024 * 1024) /* some 400 messages that wait */
#define SECOND_NS INT64_C(1000000000)
#define NS_IN_MS 1000000

struct key {
	uint8_t bytes[RULES_KEY_BYTES];
	bool denied;
};

/* What is kept of the peers in use. */
struct kept {
	struct peer *named; /* those with names, by name */
	size_t named_count;
	char *bytes;	  /* the names */
	struct key *keys; /* of the others, sorted */
	size_t keys_count;
	rules_kinds known, denied; /* of the keys of all */
	bool enforce;
	bool passing; /* a name leads to a peer without TCP */
};

struct net {
	struct net_options options; /* what it borrows is not used after net_open() */
	char table[32];
	int rules_fd, log_fd;
	uint16_t log_group;
	bool in_place;	   /* the table is there */
	bool told_unknown; /* since it was forgotten what was told */
	struct kept kept;
	struct names *names;
	uint32_t next_sequence;
	bool has_sequence;
	uint64_t messages; /* since `counted_from_ns`, for longer than the kernel keeps a key */
	int64_t counted_from_ns;
};

/* ---- opening and closing ---- */

static void release_kept(struct kept *kept)
{
	free(kept->named);
	free(kept->bytes);
	free(kept->keys);
}

/* What the kernel says of a group that another socket has: nfulnl_recv_config() of
 * net/netfilter/nfnetlink_log.c. */
static bool is_taken(int r)
{
	return r == -EPERM || r == -EBUSY;
}

static int bind_group(struct net *net)
{
	int r = -EPERM;

	for (unsigned int i = 0; i < RULES_LOG_GROUPS && is_taken(r); i++) {
		net->log_group = (uint16_t)(RULES_LOG_GROUP + i);
		r = log_bind(net->log_fd, net->log_group);
	}
	return r;
}

static int open_inside(struct net *net, struct error *err)
{
	int r;

	net->rules_fd = netlink_open(-1, NETLINK_NETFILTER, 0);
	if (net->rules_fd < 0)
		return error_set(err, -net->rules_fd,
				 "cannot open a netfilter socket in the network namespace");
	net->log_fd = netlink_open(-1, NETLINK_NETFILTER, LOG_RECEIVE_BYTES);
	if (net->log_fd < 0)
		return error_set(err, -net->log_fd,
				 "cannot open a netfilter socket in the network namespace");
	r = bind_group(net);
	if (r < 0)
		return error_set(err, -r,
				 "cannot listen to the packet log of the network namespace");
	return 0;
}

static int open_sockets(struct net *net, struct error *err)
{
	int r = namespace_enter(net->options.namespace_fd);

	if (r < 0)
		return error_set(err, -r, "cannot enter the network namespace");
	r = open_inside(net, err);
	namespace_leave();
	return r;
}

int net_open(const struct net_options *options, struct net **ret, struct error *err)
{
	struct net *net = calloc(1, sizeof(*net));
	int r;

	if (!net)
		return error_set(err, ENOMEM, "cannot set up the network rules");
	net->options = *options;
	net->rules_fd = -1;
	net->log_fd = -1;
	if (options->cgroup == 0)
		snprintf(net->table, sizeof(net->table), "husk");
	else
		snprintf(net->table, sizeof(net->table), "husk-%llx",
			 (unsigned long long)options->cgroup);
	net->names = names_new(NET_ADDRESSES_MAX);
	if (!net->names) {
		net_close(net, false);
		return error_set(err, ENOMEM, "cannot set up the network rules");
	}
	r = open_sockets(net, err);
	if (r < 0) {
		net_close(net, false);
		return r;
	}
	*ret = net;
	return 0;
}

static void remove_table(struct net *net)
{
	struct nft nft;

	nft_begin(&nft, net->table);
	nft_delete_table(&nft);
	nft_commit(&nft);
	netlink_ask(net->rules_fd, &nft.out); /* one that is gone already is as well */
	nft_release(&nft);
}

void net_close(struct net *net, bool remove)
{
	if (!net)
		return;
	if (remove && net->in_place)
		remove_table(net);
	if (net->rules_fd >= 0)
		close(net->rules_fd);
	if (net->log_fd >= 0)
		close(net->log_fd);
	names_free(net->names);
	release_kept(&net->kept);
	free(net);
}

/* ---- the peers in use ---- */

static int compare_names(const void *a, const void *b)
{
	return strcmp(((const struct peer *)a)->name, ((const struct peer *)b)->name);
}

static int compare_keys(const void *a, const void *b)
{
	return memcmp(((const struct key *)a)->bytes, ((const struct key *)b)->bytes,
		      RULES_KEY_BYTES);
}

/* The first of the peers of a name; *ret_count of them. */
static const struct peer *find_named(const struct net *net, const char *name, size_t *ret_count)
{
	const struct kept *kept = &net->kept;
	struct peer key = {.name = name};
	const struct peer *found = NULL, *end = kept->named + kept->named_count;
	size_t count = 0;

	if (kept->named_count > 0)
		found = bsearch(&key, kept->named, kept->named_count, sizeof(key), compare_names);
	while (found && found > kept->named && strcmp(found[-1].name, name) == 0)
		found--;
	while (found && found + count < end && strcmp(found[count].name, name) == 0)
		count++;
	*ret_count = count;
	return found;
}

/* Is this key there for good, whatever name leads to it? */
static bool is_kept(const struct net *net, const struct key *key)
{
	const struct key *found = NULL;

	if (net->kept.keys_count > 0)
		found = bsearch(key, net->kept.keys, net->kept.keys_count, sizeof(*key),
				compare_keys);
	return found && found->denied == key->denied;
}

static struct key key_of(const struct peer *peer, const struct address *address)
{
	struct key key = {.denied = peer->denied};

	rules_key(peer, address, key.bytes);
	return key;
}

static int keep(const struct peer *peers, size_t count, bool enforce, struct kept *ret)
{
	size_t room = 0, named = 0;
	rules_kinds known = 0, denied = 0;
	bool passing = false;
	char *at;

	for (size_t i = 0; i < count; i++) {
		named += peers[i].name != NULL;
		passing |= peers[i].name && peers[i].protocol != IPPROTO_TCP;
		*(peers[i].denied ? &denied : &known) |= rules_kinds_of(&peers[i]);
		room += peers[i].name ? strlen(peers[i].name) + 1 : 0;
	}
	*ret = (struct kept){
		.named = calloc(named + 1, sizeof(*ret->named)),
		.bytes = malloc(room + 1),
		.keys = calloc(count - named + 1, sizeof(*ret->keys)),
		.known = known,
		.denied = denied,
		.enforce = enforce,
		.passing = passing,
	};
	if (!ret->named || !ret->bytes || !ret->keys) {
		release_kept(ret);
		return -ENOMEM;
	}
	at = ret->bytes;
	for (size_t i = 0; i < count; i++) {
		if (!peers[i].name) {
			ret->keys[ret->keys_count++] = key_of(&peers[i], &peers[i].address);
			continue;
		}
		ret->named[ret->named_count] = peers[i];
		ret->named[ret->named_count++].name = at;
		at = stpcpy(at, peers[i].name) + 1;
	}
	qsort(ret->named, ret->named_count, sizeof(*ret->named), compare_names);
	qsort(ret->keys, ret->keys_count, sizeof(*ret->keys), compare_keys);
	return 0;
}

static void swap_kept(struct kept *a, struct kept *b)
{
	struct kept other = *a;

	*a = *b;
	*b = other;
}

/* ---- the table ---- */

struct filling {
	const struct net *net;
	struct nft *nft;
	struct nft_elements elements;
	bool denied; /* into which set */
	int64_t now_ns;
	size_t count;
};

static void add_key(struct filling *filling, const struct key *key, uint64_t timeout_ms)
{
	if (key->denied == filling->denied && filling->count++ < NET_PEERS_MAX)
		rules_add_key(filling->nft, &filling->elements, key->bytes, timeout_ms);
}

static int add_remembered(void *context, const struct address *address, const char *name,
			  int64_t until_ns)
{
	struct filling *filling = context;
	size_t count;
	const struct peer *peers = find_named(filling->net, name, &count);
	uint64_t left_ms = (uint64_t)(until_ns - filling->now_ns) / NS_IN_MS + 1;

	for (size_t i = 0; i < count; i++) {
		struct key key = key_of(&peers[i], address);

		if (!is_kept(filling->net, &key))
			add_key(filling, &key, left_ms);
	}
	return 0;
}

static void fill(const struct net *net, struct nft *nft, bool denied)
{
	struct filling filling = {
		.net = net, .nft = nft, .denied = denied, .now_ns = clock_monotonic_ns()};

	rules_begin_keys(nft, &filling.elements, denied, false);
	for (size_t i = 0; i < net->kept.keys_count; i++)
		add_key(&filling, &net->kept.keys[i], 0);
	names_find(net->names, NULL, filling.now_ns, add_remembered, &filling);
	nft_end_elements(nft, &filling.elements);
}

static uint32_t table_flags(const struct net_options *options)
{
	if (options->leased)
		return NFT_TABLE_F_OWNER;
	return options->owned ? NFT_TABLE_F_OWNER | TABLE_F_PERSIST : 0;
}

static void forget_told(struct net *net)
{
	net->told_unknown = false;
	net->messages = 0;
}

int net_use(struct net *net, const struct peer *peers, size_t count, bool enforce,
	    struct error *err)
{
	struct rules_wanted wanted = {.enforce = enforce, .log_group = net->log_group};
	struct kept kept;
	struct nft nft;
	int r = keep(peers, count, enforce, &kept);

	if (r < 0)
		return error_set(err, -r, "cannot set up the network rules");
	swap_kept(&net->kept, &kept);
	nft_begin(&nft, net->table);
	if (!net->in_place)
		nft_add_table(&nft, table_flags(&net->options), true);
	wanted.known = net->kept.known;
	wanted.denied = net->kept.denied;
	wanted.passing = net->kept.passing;
	wanted.many = net->kept.keys_count >= MANY_KEYS;
	rules_write(&nft, &net->options, &wanted, net->in_place);
	if (wanted.known)
		fill(net, &nft, false);
	if (wanted.denied)
		fill(net, &nft, true);
	nft_commit(&nft);
	r = netlink_ask(net->rules_fd, &nft.out);
	nft_release(&nft);
	if (r < 0)
		swap_kept(&net->kept, &kept);
	release_kept(&kept);
	/* nft_expr_type_get() of net/netfilter/nf_tables_api.c; a table that is there may be gone
	 */
	if (r == -ENOENT && !net->in_place)
		return error_say(err, EOPNOTSUPP,
				 "cannot set the rules of the network namespace: the kernel lacks "
				 "an expression of nf_tables that they need (husk(7))");
	if (r < 0)
		return error_set(err, -r, "cannot set the rules of the network namespace");
	net->in_place = true;
	forget_told(net);
	return 0;
}

/* ---- names ---- */

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
	uint64_t timeout_ms;
	bool again;	     /* it may be there already, by this name or another */
	const char *leaving; /* not NULL: this name will lead there no more */
};

struct sharing {
	const struct leading *leading;
	const struct key *key;
};

static int leads_to_key(void *context, const struct address *address, const char *name,
			int64_t until_ns)
{
	const struct sharing *sharing = context;
	size_t count;
	const struct peer *peers = find_named(sharing->leading->net, name, &count);

	if (strcmp(name, sharing->leading->leaving) == 0)
		return 0;
	for (size_t i = 0; i < count; i++) {
		struct key key = key_of(&peers[i], address);

		if (compare_keys(&key, sharing->key) == 0 && key.denied == sharing->key->denied)
			return 1;
	}
	return 0;
}

/* Does the key stay, whatever becomes of the name? */
static bool stays(const struct leading *leading, const struct key *key)
{
	struct sharing sharing = {leading, key};

	if (is_kept(leading->net, key))
		return true;
	return leading->leaving &&
	       names_find(leading->net->names, leading->address, 0, leads_to_key, &sharing) != 0;
}

/* Of the peers those that are (not) denied: adds or removes their keys with the address. */
static void put_keys(const struct leading *leading, struct nft *nft, bool denied, bool remove)
{
	struct nft_elements elements;

	rules_begin_keys(nft, &elements, denied, remove);
	for (size_t i = 0; i < leading->count; i++) {
		struct key key = key_of(&leading->peers[i], leading->address);

		if (key.denied == denied && !stays(leading, &key))
			rules_add_key(nft, &elements, key.bytes, remove ? 0 : leading->timeout_ms);
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
	struct leading leading = {.net = net, .timeout_ms = 1000, .again = true};

	leading.leaving = names_oldest(net->names, &leading.address);
	if (!leading.leaving)
		return;
	leading.peers = find_named(net, leading.leaving, &leading.count);
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
		forget_told(net);
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
	leading.peers = find_named(net, name, &leading.count);
	leading.timeout_ms = (uint64_t)(until_ns - now_ns) / NS_IN_MS;
	leading.again = names_find(net->names, address, 0, is_there, NULL) != 0;
	if (leading.count > 0 && net->in_place)
		r = put_address(net, &leading, known_until_ns == 0);
	return r < 0 ? r : names_put(net->names, address, name, until_ns);
}

struct naming {
	const struct net *net;
	const struct peer *peer;
	const char *name;
};

/* Of the names of an address the first that is known there; else the latest. */
static int choose_name(void *context, const struct address *address, const char *name,
		       int64_t until_ns)
{
	struct naming *naming = context;
	size_t count;
	const struct peer *peers = find_named(naming->net, name, &count);

	if (!naming->name)
		naming->name = name;
	for (size_t i = 0; i < count; i++) {
		if (peers[i].protocol == naming->peer->protocol &&
		    peers[i].port == naming->peer->port) {
			naming->name = name;
			return 1;
		}
	}
	return 0;
}

struct looking {
	const struct net *net;
	const struct peer *peer;
	bool denied;
};

/* Does a peer of this name say so? */
static int names_say(void *context, const struct address *address, const char *name,
		     int64_t until_ns)
{
	const struct looking *looking = context;
	size_t count;
	const struct peer *peers = find_named(looking->net, name, &count);

	for (size_t i = 0; i < count; i++) {
		if (peers[i].protocol == looking->peer->protocol &&
		    peers[i].port == looking->peer->port && peers[i].denied == looking->denied)
			return 1;
	}
	return 0;
}

static bool is_in(const struct net *net, const struct net_flow *flow, bool denied)
{
	struct looking looking = {net, &flow->peer, denied};
	struct key key = key_of(&flow->peer, &flow->peer.address);

	key.denied = denied;
	if (is_kept(net, &key))
		return true;
	return flow->peer.way == PEER_OUT &&
	       names_find(net->names, &flow->peer.address, 0, names_say, &looking) != 0;
}

bool net_denies(const struct net *net, const struct net_flow *flow)
{
	return net->kept.denied && is_in(net, flow, true);
}

bool net_knows(const struct net *net, const struct net_flow *flow)
{
	return is_in(net, flow, false) && !net_denies(net, flow);
}

/* ---- what is heard ---- */

int net_fd(const struct net *net)
{
	return net->log_fd;
}

static void lose(struct net *net, uint64_t count)
{
	net->options.lost(net->options.context, count);
}

static void count_message(struct net *net, const struct log_message *message)
{
	int64_t now_ns = clock_monotonic_ns();

	if (message->has_sequence) {
		if (net->has_sequence && message->sequence != net->next_sequence)
			lose(net, message->sequence - net->next_sequence);
		net->next_sequence = message->sequence + 1;
		net->has_sequence = true;
	}
	if (now_ns - net->counted_from_ns > 2 * SECOND_NS * rules_told_again_s(net->kept.enforce)) {
		net->counted_from_ns = now_ns;
		net->messages = 0;
	}
	/* The set that keeps the kernel from telling twice may be full from here on: what it holds
	 * was told of in two such times. */
	if (++net->messages >= RULES_TOLD_MAX / 2)
		lose(net, 1);
}

static void tell(struct net *net, const struct log_message *message)
{
	const struct packet *packet = &message->packet;
	struct net_flow flow = {
		.peer = {.protocol = packet->protocol,
			 .port = packet->to_port,
			 .address = packet->to},
		.from = packet->from,
		.to = packet->to,
		.from_port = packet->from_port,
		.to_port = packet->to_port,
	};
	struct naming naming = {.net = net, .peer = &flow.peer};

	switch (message->prefix) {
	case RULES_OUT:
		flow.peer.way = PEER_OUT;
		names_find(net->names, &packet->to, clock_monotonic_ns(), choose_name, &naming);
		flow.peer.name = naming.name;
		break;
	case RULES_LOCAL:
		flow.peer.way = PEER_LOCAL;
		break;
	case RULES_IN:
		flow.peer.way = PEER_IN;
		break;
	case RULES_THROUGH:
		flow.peer.way = PEER_THROUGH;
		flow.peer.port = 0;
		break;
	default:
		return;
	}
	flow.peer.ephemeral = flow.peer.way != PEER_OUT && flow.peer.port >= PEER_EPHEMERAL_FIRST;
	if (!net_knows(net, &flow))
		net->told_unknown = true;
	net->options.seen(net->options.context, &flow);
}

static void read_datagram(struct net *net, struct reader datagram)
{
	for (;;) {
		struct log_message message;
		enum log_read_result result = log_read(&datagram, &message);

		if (result == LOG_END)
			return;
		count_message(net, &message);
		if (result == LOG_ODD)
			lose(net, 1);
		else
			tell(net, &message);
	}
}

void net_read(struct net *net)
{
	_Alignas(struct nlmsghdr) char bytes[8192];

	for (int i = 0; i < DATAGRAMS_AT_ONCE; i++) {
		ssize_t n = recv(net->log_fd, bytes, sizeof(bytes), MSG_DONTWAIT);

		if (n < 0 && errno == ENOBUFS)
			lose(net, 1);
		else if (n < 0)
			return;
		else
			read_datagram(net, (struct reader){bytes, (size_t)n});
	}
}
