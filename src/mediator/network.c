/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The domain net of one run: where its rules go, what they are made of, and what becomes of what is
 * heard. */
#include "mediator/network.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/namespace.h"
#include "mediator/cgroup.h"
#include "mediator/network-owner.h"
#include "mediator/policy-watch.h"
#include "mediator/privileges.h"
#include "mediator/resolution.h"
#include "net/net.h"
#include "net/socket.h"
#include "policy/calls.h"
#include "policy/peer.h"
#include "process/process.h"

struct network {
	struct net *net;
	int namespace_fd;
	int diagnosis_fd; /* to look sockets up; -1: nobody has yet */
	uint64_t cgroup;  /* 0: all that is in the namespace is the container's */
	bool raw;	  /* the function may make packets of its own, and all are judged */
	bool inside;	  /* a resolver of the function's is on loopback */
	bool outlives;	  /* the namespace may outlive the container */
	bool taken;	  /* the rules there are those of another container's mediator */
};

/* ---- from a policy ---- */

/* Peers, and the bytes of their names. */
struct peers {
	struct peer *peers;
	size_t count, room;
};

static void release_peers(struct peers *peers)
{
	for (size_t i = 0; i < peers->count; i++)
		free((char *)(uintptr_t)peers->peers[i].name);
	free(peers->peers);
}

/* A key that cannot be read, of a later version, allows nothing. */
static int add_peer(void *context, const struct behaviour *b, enum policy_match match)
{
	struct peers *peers = context;
	char name[PEER_KEY_ROOM];
	struct peer peer;

	if (peer_parse(b->access, b->key, name, &peer) < 0)
		return 0;
	peer.denied = match == POLICY_DENIED;
	if (peers->count == peers->room) {
		size_t room = peers->room ? peers->room * 2 : 64;
		struct peer *more = realloc(peers->peers, room * sizeof(*more));

		if (!more)
			return -ENOMEM;
		peers->peers = more;
		peers->room = room;
	}
	if (peer.name) {
		peer.name = strdup(name);
		if (!peer.name)
			return -ENOMEM;
	}
	peers->peers[peers->count++] = peer;
	return 0;
}

static int use(struct mediator *m, struct net *net, struct error *err)
{
	struct peers peers = {0};
	enum mode modes[DOMAINS];
	int r = 0;

	mediator_modes_now(m, modes);
	if (m->policy)
		r = policy_image_each(m->policy, DOMAIN_NET, add_peer, &peers);
	if (r < 0)
		error_set(err, -r, "cannot set up the network rules");
	else
		r = net_use(net, peers.peers, peers.count, modes[DOMAIN_NET] == MODE_ENFORCE, err);
	release_peers(&peers);
	return r;
}

/* A connection counts as one that came in where its program listens on its port: which anybody can
 * begin to do. So what is denied is not talked to that way either. */
static bool is_denied_the_other_way(const struct mediator *m, const struct net_flow *flow)
{
	struct net_flow other = *flow;

	other.peer = (struct peer){
		.way = PEER_OUT,
		.protocol = flow->peer.protocol,
		.port = flow->from_port,
		.address = flow->from,
	};
	return flow->peer.way == PEER_IN && net_denies(m->network->net, &other);
}

/* One end of what goes through the proxy, or the proxy's own to a resolver: whatever goes to port
 * 53 is led to it, and what is asked there is judged by itself. */
static bool is_for_proxy(const struct mediator *m, const struct net_flow *flow)
{
	if (!m->dns)
		return false;
	if (flow->peer.way != PEER_IN && flow->to_port == DNS_SERVER_PORT)
		return true;
	return dns_port(m->dns) != 0 && flow->to_port == dns_port(m->dns) &&
	       address_kind(&flow->to) == ADDRESS_LOOPBACK;
}

static bool may_stay(void *context, const struct net_flow *flow)
{
	const struct mediator *m = context;
	enum mode modes[DOMAINS];

	if (is_for_proxy(m, flow))
		return true;
	mediator_modes_now(m, modes);
	if (is_denied_the_other_way(m, flow))
		return false;
	if (modes[DOMAIN_NET] == MODE_ENFORCE)
		return net_knows(m->network->net, flow);
	return !net_denies(m->network->net, flow);
}

/* Returns the descriptor, which stays the network's, or -errno. */
static int open_diagnosis(struct network *network)
{
	if (network->diagnosis_fd < 0)
		network->diagnosis_fd = socket_open_diagnosis(network->namespace_fd);
	return network->diagnosis_fd;
}

void network_use(struct mediator *m)
{
	struct error err = ERROR_INIT;
	int r;

	if (!m->network)
		return;
	if (use(m, m->network->net, &err) < 0) {
		mediator_tell(m, EVENT_DEGRADED, err.what); /* what held goes on to hold */
		return;
	}
	r = open_diagnosis(m->network);
	if (r >= 0)
		r = socket_end_others(r, m->network->cgroup, may_stay, m);
	if (r < 0)
		mediator_tell(m, EVENT_DEGRADED,
			      "the connections that the new policy does not allow cannot be ended: "
			      "they go on");
}

/* ---- what is heard ---- */

pid_t network_find_owner(struct mediator *m, const struct net_flow *flow)
{
	int fd = open_diagnosis(m->network);
	uint32_t inode = 0;
	pid_t pid;

	if (fd >= 0 && socket_find(fd, flow, &inode) < 0)
		inode = 0;
	pid = network_owner(m->proc_fd, m->setup->state->pid, inode);
	return pid > 0 ? pid : 0;
}

/* What the key does not say: which of a name's addresses, and who came in. */
static const char *describe(const struct net_flow *flow, char *out, size_t room)
{
	char address[ADDRESS_TEXT_ROOM];

	if (flow->peer.way == PEER_LOCAL || (flow->peer.way == PEER_OUT && !flow->peer.name))
		return NULL;
	address_text(flow->peer.way == PEER_IN ? &flow->from : &flow->to, address);
	snprintf(out, room, "%s %s", flow->peer.way == PEER_IN ? "from" : "address", address);
	return out;
}

static void on_flow(void *context, const struct net_flow *flow)
{
	struct mediator *m = context;
	char key[PEER_KEY_ROOM], program[PATH_MAX], detail[ADDRESS_TEXT_ROOM + 16];
	struct behaviour b = {.domain = DOMAIN_NET, .program = "", .key = key};
	struct decision decision;
	pid_t pid = 0;

	b.access = peer_format(&flow->peer, key);
	decision = watch_decide(m->watch, &b);
	if (decision.novel)
		pid = network_find_owner(m, flow);
	if (pid > 0) {
		process_program(m->proc_fd, pid, watch_view(m->watch), program);
		b.program = program;
	}
	watch_observe(m->watch, &b, decision, pid, describe(flow, detail, sizeof(detail)));
}

static void on_loss(void *context, uint64_t count)
{
	struct mediator *m = context;

	journal_lose(m->journal, DOMAIN_NET, count);
}

static void on_ready(void *context)
{
	struct mediator *m = context;

	policy_refresh(m);
	net_read(m->network->net);
}

/* ---- setting up ---- */

static bool is_same(int proc_fd, const char *name, const struct stat *namespace)
{
	struct stat other;

	return fstatat(proc_fd, name, &other, 0) == 0 && other.st_ino == namespace->st_ino &&
	       other.st_dev == namespace->st_dev;
}

/* Returns whether there is something to tell: what is enforced and cannot be had is less than was
 * promised. */
static bool set_lower(struct mediator *m, enum domain domain, enum mode mode, const char *why)
{
	enum mode modes[DOMAINS];

	if (m->at_most[domain] < mode)
		return false;
	mediator_modes_now(m, modes);
	m->at_most[domain] = mode;
	m->why_lowered[domain] = why;
	return modes[domain] > mode && modes[domain] == MODE_ENFORCE;
}

static void tell_lower(struct mediator *m, enum domain domain, enum mode mode, const char *why)
{
	struct event event = mediator_event(m, EVENT_DEGRADED);

	event.domain = (int)domain;
	event.mode = (int)mode;
	event.detail = why;
	event_emit(m->events, &event);
}

static void lower(struct mediator *m, enum domain domain, enum mode mode, const char *why)
{
	if (set_lower(m, domain, mode, why))
		tell_lower(m, domain, mode, why);
}

/* For one reason: told once. */
static void lower_both(struct mediator *m, enum mode mode, const char *why)
{
	bool net = set_lower(m, DOMAIN_NET, mode, why), dns = set_lower(m, DOMAIN_DNS, mode, why);
	char both[256];

	snprintf(both, sizeof(both), "net and dns: %s", why);
	if (net || dns)
		tell_lower(m, net ? DOMAIN_NET : DOMAIN_DNS, mode, net && dns ? both : why);
}

/* Of a namespace that was there before the container: whose traffic there is judged? */
static void judge_shared(struct mediator *m, struct net_options *options)
{
	if (cgroup_of_its_own(m->proc_fd, m->setup->state->pid, &options->cgroup,
			      &options->cgroup_level))
		return;
	options->leased = true;
	lower(m, DOMAIN_NET, MODE_ENFORCE,
	      "the network namespace was there before the container, which has no control group of "
	      "version 2 of its own: what anybody there does counts as the container's");
}

/* What is enforced may not be given up, unless the host's user wants that; `why` ends a sentence
 * about it. */
static int may_give_up(struct mediator *m, enum domain domain, const char *why, struct error *err)
{
	enum mode modes[DOMAINS];

	mediator_modes_now(m, modes);
	if (modes[domain] == MODE_ENFORCE && !m->setup->settings->degrade)
		return error_say(err, EOPNOTSUPP, "the domain '%s' cannot be enforced: %s",
				 domain_name(domain), why);
	return 0;
}

static int give_up(struct mediator *m, enum domain domain, const char *why, struct error *err)
{
	int r = may_give_up(m, domain, why, err);

	if (r == 0)
		lower(m, domain, MODE_UNAVAILABLE, why);
	return r;
}

static int give_up_both(struct mediator *m, const char *why, struct error *err)
{
	int r = may_give_up(m, DOMAIN_NET, why, err);

	if (r == 0)
		r = may_give_up(m, DOMAIN_DNS, why, err);
	if (r == 0)
		lower_both(m, MODE_UNAVAILABLE, why);
	return r;
}

static bool may_hold(const struct mediator *m, unsigned int capability)
{
	return m->holdable >> capability & 1;
}

static int is_inside(void *context, const struct behaviour *b, enum policy_match match)
{
	struct address address;

	return b->access == ACCESS_CONSULT && match == POLICY_ALLOWED &&
	       address_parse(b->key, &address) == 0 && address_kind(&address) == ADDRESS_LOOPBACK;
}

/*
 * Why the rules do not stop all that can be sent with CAP_NET_RAW; NULL: they do. Packets of raw
 * sockets pass the rules like any others. Frames of packet sockets do not, nor do chains at the
 * interfaces see those of AF_XDP: so no such socket may be made at all.
 */
static const char *why_not_raw(const struct mediator *m)
{
	static const struct behaviour packets = {
		.domain = DOMAIN_SYSCALL, .program = "", .key = CALLS_PACKETS};

	if (m->policy && policy_image_find(m->policy, &packets) == POLICY_ALLOWED)
		return "the function makes packet sockets (CAP_NET_RAW), which pass below the "
		       "rules of the network";
	if (!privileges_refuse_packets(m))
		return "packet sockets (CAP_NET_RAW) pass below the rules of the network, and no "
		       "enforced filter of system calls refuses them";
	if (may_hold(m, CAP_NET_ADMIN))
		return "with CAP_NET_RAW and CAP_NET_ADMIN connections can be forged";
	if (m->network->cgroup != 0)
		return "raw sockets (CAP_NET_RAW) can send into connections of others in the "
		       "network namespace";
	if (m->network->inside ||
	    (m->policy && policy_image_each(m->policy, DOMAIN_DNS, is_inside, NULL)))
		return "raw sockets (CAP_NET_RAW) can answer for a resolver on loopback";
	return NULL;
}

static void judge_raw(struct mediator *m, struct net_options *options)
{
	const char *why = why_not_raw(m);

	options->raw = !why;
	m->network->raw = !why;
	if (why)
		lower_both(m, MODE_SHADOW, why);
}

void network_limit(struct mediator *m)
{
	const char *why;

	if (!m->network || !m->network->raw)
		return;
	why = why_not_raw(m);
	if (!why)
		return;
	m->network->raw = false; /* a socket that was made meanwhile stays */
	lower_both(m, MODE_SHADOW, why);
	mediator_journal_lowered(m);
}

void network_hear_resolvers(struct mediator *m, struct resolv *resolv)
{
	if (!m->network->raw)
		return;
	if (resolv->assumed)
		resolv->servers_count = 0;
	for (size_t i = 0; i < resolv->servers_count; i++)
		m->network->inside |= address_kind(&resolv->servers[i]) == ADDRESS_LOOPBACK;
	if (!m->network->inside)
		return;
	policy_use(m);
	network_use(m);
}

/* Rules without the proxy are worth something: peers are known by their addresses then. */
static int start_resolution(struct mediator *m, struct net_options *options, struct error *err)
{
	if (resolution_open(m, options->namespace_fd, options, err) == 0)
		return 0;
	m->dns_error = *err;
	*err = ERROR_INIT;
	return give_up(m, DOMAIN_DNS, m->dns_error.what, err);
}

static int open_inside(struct mediator *m, struct net_options *options, struct network *network,
		       struct error *err)
{
	int r = namespace_enter(options->namespace_fd);

	if (r < 0)
		return error_set(err, -r, "cannot enter the network namespace");
	r = start_resolution(m, options, err);
	if (r == 0)
		r = net_open(options, &network->net, err);
	namespace_leave();
	return r;
}

static int start(struct mediator *m, struct network *network, struct error *err)
{
	const struct oci_spec *spec = m->setup->spec;
	struct net_options options = {
		.namespace_fd = network->namespace_fd,
		.owned = may_hold(m, CAP_NET_ADMIN),
		.seen = on_flow,
		.lost = on_loss,
		.context = m,
	};
	int r;

	network->outlives = !spec->network_namespace_new;
	if (network->outlives)
		judge_shared(m, &options);
	network->cgroup = options.cgroup;
	if (may_hold(m, CAP_NET_RAW))
		judge_raw(m, &options);
	r = open_inside(m, &options, network, err);
	if (r == 0) {
		r = use(m, network->net, err);
		network->taken = r == -EPERM && options.leased;
	}
	if (r == 0)
		r = resolution_hear(m, net_questions_fd(network->net), err);
	if (r == 0)
		r = loop_add(m->loop, net_fd(network->net), on_ready, m);
	return r;
}

static void free_network(struct network *network)
{
	if (!network)
		return;
	net_close(network->net, network->outlives);
	if (network->namespace_fd >= 0)
		close(network->namespace_fd);
	if (network->diagnosis_fd >= 0)
		close(network->diagnosis_fd);
	free(network);
}

/* Takes over the descriptor. */
static int start_in(struct mediator *m, int namespace_fd, struct error *err)
{
	struct network *network = calloc(1, sizeof(*network));
	bool taken;
	int r;

	if (!network) {
		close(namespace_fd);
		return error_set(err, ENOMEM, "cannot set up the network rules");
	}
	network->namespace_fd = namespace_fd;
	network->diagnosis_fd = -1;
	m->network = network;
	r = start(m, network, err);
	if (r == 0)
		return 0;
	taken = network->taken;
	network_end(m);
	m->net_error = *err;
	*err = ERROR_INIT;
	/* Those rules hold for this container too. Which of the two starts first is chance, and no
	 * reason not to start. */
	if (taken) {
		lower_both(m, MODE_UNAVAILABLE,
			   "another container with husk has the rules of this network namespace, "
			   "and what this one does there counts as that one's");
		return 0;
	}
	return give_up_both(m, m->net_error.what, err);
}

int network_start(struct mediator *m, struct error *err)
{
	cleanup_close int fd = -1;
	struct stat namespace;
	char name[32];

	snprintf(name, sizeof(name), "%d/ns/net", (int)m->setup->state->pid);
	fd = openat(m->proc_fd, name, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &namespace) < 0)
		return give_up_both(m, "its network namespace cannot be opened", err);
	/* Who gives a container the host's network means it: there is nothing to enforce there. */
	if (is_same(m->proc_fd, "self/ns/net", &namespace) ||
	    is_same(m->proc_fd, "1/ns/net", &namespace)) {
		lower_both(m, MODE_UNAVAILABLE, "the container shares the host's network");
		return 0;
	}
	return start_in(m, steal_fd(&fd), err);
}

void network_hear_rest(struct mediator *m)
{
	if (m->network)
		net_read(m->network->net);
	resolution_end(m);
}

void network_end(struct mediator *m)
{
	resolution_end(m);
	free_network(m->network);
	m->network = NULL;
}

int network_lead(struct mediator *m, const char *name, const struct address *address,
		 uint32_t ttl_s)
{
	return net_allow_address(m->network->net, name, address, ttl_s);
}

bool network_take_questions(struct mediator *m,
			    void (*ask)(void *context, const struct net_question *question))
{
	return net_take_questions(m->network->net, ask, m);
}

int network_redirect(struct mediator *m, uint16_t port, struct error *err)
{
	return net_redirect(m->network->net, port, err);
}
