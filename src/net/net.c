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
#include "base/hash.h"
#include "base/namespace.h"
#include "policy/peer.h"
#include "net/log.h"
#include "net/names.h"
#include "net/net-internal.h"
#include "net/netlink.h"
#include "net/queue.h"
#include "net/rules.h"

#define TABLE_F_PERSIST 0x4 /* Linux 6.9, include/uapi/linux/netfilter/nf_tables.h */

#define DATAGRAMS_AT_ONCE 64
#define MANY_KEYS 2048
#define RECEIVE_BYTES (2 * 1024 * 1024) /* some 400 messages that wait */
/* In a namespace that is shared each container takes a queue. Rules of others name the low ones:
 * with nobody there they mean to let pass. */
#define QUEUE_FIRST 0x6875
#define QUEUES 0x4000
#define QUEUE_TRIES 64

/* ---- opening and closing ---- */

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

/* Each its own: where a mediator was killed its rules stay, and go on to name that number. */
static int bind_queue(struct net *net)
{
	uint64_t group = net->options.cgroup;
	unsigned int first = group == 0 ? 0U : (unsigned int)(hash64_mix(group) % QUEUES);
	int r = -EPERM;

	for (unsigned int i = 0; i < QUEUE_TRIES && is_taken(r); i++) {
		net->queue = (uint16_t)(QUEUE_FIRST + (first + i) % QUEUES);
		r = queue_bind(net->queue_fd, net->queue);
	}
	return r;
}

static int open_questions(struct net *net, struct error *err)
{
	int r;

	net->queue_fd = netlink_open(-1, NETLINK_NETFILTER, RECEIVE_BYTES);
	r = net->queue_fd < 0 ? net->queue_fd : bind_queue(net);
	net->queue_target = r == 0 && queue_has_target(net->queue_fd);
	return r < 0 ? error_set(err, -r,
				 "cannot take questions for names out of the network namespace "
				 "(nfnetlink_queue)")
		     : 0;
}

static int open_inside(struct net *net, struct error *err)
{
	int r;

	net->rules_fd = netlink_open(-1, NETLINK_NETFILTER, 0);
	if (net->rules_fd < 0)
		return error_set(err, -net->rules_fd,
				 "cannot open a netfilter socket in the network namespace");
	net->log_fd = netlink_open(-1, NETLINK_NETFILTER, RECEIVE_BYTES);
	if (net->log_fd < 0)
		return error_set(err, -net->log_fd,
				 "cannot open a netfilter socket in the network namespace");
	r = bind_group(net);
	if (r < 0)
		return error_set(err, -r,
				 "cannot listen to the packet log of the network namespace");
	return net->options.dns_mark != 0 ? open_questions(net, err) : 0;
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
	net->log_fd = net->queue_fd = -1;
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
	if (net->queue_fd >= 0)
		close(net->queue_fd);
	questions_free(net->questions);
	names_free(net->names);
	kept_release(&net->kept);
	free(net);
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
	const struct peer *peers = kept_named(&filling->net->kept, name, &count);
	uint64_t left_ms = (uint64_t)(until_ns - filling->now_ns) / NS_IN_MS + 1;

	for (size_t i = 0; i < count; i++) {
		struct key key = key_of(&peers[i], address);

		/* else another name adds it, for longer: which of two times holds depends on the
		 * kernel */
		if (!kept_has(&filling->net->kept, &key) &&
		    net_key_until(filling->net, address, &key, NULL) <= until_ns)
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

void net_forget_told(struct net *net)
{
	net->told_unknown = false;
	net->messages = 0;
}

/* Sets the rules for what is kept, all or none. Returns 0 or -errno. */
static int write_rules(struct net *net)
{
	const struct rules_wanted wanted = {
		.enforce = net->kept.enforce,
		.known = net->kept.known,
		.denied = net->kept.denied,
		.others = net->others,
		.passing = net->kept.passing,
		.many = net->kept.keys_count >= MANY_KEYS,
		.log_group = net->log_group,
		.queue = net->queue,
		.queue_target = net->queue_target,
		.dns_port = net->dns_port,
	};
	struct nft nft;
	int r;

	nft_begin(&nft, net->table);
	if (!net->in_place)
		nft_add_table(&nft, table_flags(&net->options), true);
	rules_write(&nft, &net->options, &wanted, net->in_place);
	if (wanted.known)
		fill(net, &nft, false);
	if (wanted.denied)
		fill(net, &nft, true);
	nft_commit(&nft);
	r = netlink_ask(net->rules_fd, &nft.out);
	nft_release(&nft);
	return r;
}

static int set_rules(struct net *net, struct error *err)
{
	int r;

	/* What lives goes on, whatever it was begun by. */
	net->others |= net->kept.enforce ? net->kept.others : ~(rules_kinds)0;
	r = write_rules(net);

	/* nft_expr_type_get() of net/netfilter/nf_tables_api.c; a table that is there may be gone
	 */
	if (r == -ENOENT && !net->in_place)
		return error_say(err, EOPNOTSUPP,
				 "cannot set the rules of the network namespace: the kernel lacks "
				 "an expression of nf_tables that they need (husk(7))");
	if (r < 0)
		return error_set(err, -r, "cannot set the rules of the network namespace");
	net->in_place = true;
	net_forget_told(net);
	return 0;
}

int net_use(struct net *net, const struct peer *peers, size_t count, bool enforce,
	    struct error *err)
{
	struct kept kept;
	int r = kept_make(peers, count, enforce, &kept);

	if (r < 0)
		return error_set(err, -r, "cannot set up the network rules");
	kept_swap(&net->kept, &kept);
	r = set_rules(net, err);
	if (r < 0)
		kept_swap(&net->kept, &kept);
	kept_release(&kept);
	return r;
}

int net_redirect(struct net *net, uint16_t port, struct error *err)
{
	uint16_t before = net->dns_port;
	int r;

	net->dns_port = port;
	r = set_rules(net, err);
	if (r < 0)
		net->dns_port = before;
	return r;
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
	const struct peer *peers = kept_named(&naming->net->kept, name, &count);

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
	const struct peer *peers = kept_named(&looking->net->kept, name, &count);

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
	if (kept_has(&net->kept, &key))
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

/* Where a flow found no room, what begins without TCP may be its answer: nothing to be learned. */
static bool lose_answer(struct net *net, const struct log_message *message)
{
	int64_t now_ns = clock_monotonic_ns();

	if (message->prefix == RULES_NO_ROOM)
		net->full_until_ns =
			now_ns + (RULES_ANSWER_S + rules_told_again_s(false) + 1) * SECOND_NS;
	else if (net->kept.enforce || message->packet.protocol == IPPROTO_TCP ||
		 now_ns >= net->full_until_ns)
		return false;
	lose(net, 1);
	return true;
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
	bool known;

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
	known = net_knows(net, &flow);
	if (!known)
		net->told_unknown = true;
	if (known || !net->kept.enforce)
		net_keep_address(net, &flow.peer);
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
		else if (!lose_answer(net, &message))
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
