/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUSK_DNS_JUDGE_H
#define HUSK_DNS_JUDGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/address.h"
#include "dns/message.h"
#include "dns/resolv.h"
#include "policy/behaviour.h"

/*
 * What a question means for a policy. Behaviours of the domain dns:
 *
 *   resolve   a name was asked for, of whatever type; its key is that of policy/shape-host.h
 *   consult   another resolver was asked than those of the container's resolv.conf at its start;
 *             its key is the address
 *
 * The name that is asked for counts, never what it leads to. A name that a search list made of a
 * shorter one, and that does not exist, is no behaviour of its own: programs ask for
 * "host.search.domain" on their way to "host". So what ends like a search list's entry is recorded
 * once it was answered, or when nothing shows that it was such a step: none of its other forms was
 * asked for after it. What is a step on the way to a known name is let through, without being known
 * itself; should it exist after all, it is judged by itself. Nothing that a program makes up gets
 * out by that: each byte is the known name's or the search list's.
 */
enum judge_limits {
	JUDGE_STEPS_MAX = 64,	/* names that may be steps, waiting for what comes next */
	JUDGE_STEP_WAIT_S = 30, /* and for how long */
};

/* The key of what is no question for a name: another operation, or bytes that nobody can read. */
#define JUDGE_UNREADABLE "{unreadable}"

/* Who asked whom. */
struct dns_asker {
	uint8_t protocol; /* IPPROTO_UDP, IPPROTO_TCP */
	struct address client;
	uint16_t port; /* the client's, host order; of two flows from one port the kernel may have
			  changed one's */
	struct address resolver;
};

struct dns_judge_options {
	/* What the policy says, without recording; and the same, recorded and told. */
	enum verdict (*peek)(void *context, const struct behaviour *b);
	enum verdict (*observe)(void *context, const struct behaviour *b,
				const struct dns_asker *asker);
	/* The name with this key leads to an address, for so long: called before the answer is let
	 * go. known: who says so is one of resolv.conf's resolvers, or in the policy. Returns 0, or
	 * -errno: the program could not reach it. */
	int (*lead)(void *context, const char *key, const struct address *address, uint32_t ttl_s,
		    bool known);
	void *context;
};

struct dns_judge;

/* Returns 0 with *ret owned by the caller, or -ENOMEM. */
int dns_judge_new(const struct dns_judge_options *options, struct dns_judge **ret);

/* Records what waits still, and frees. Takes NULL. */
void dns_judge_free(struct dns_judge *judge);

/* The resolvers and the search list to go by; copied. Before it is called there are none. */
void dns_judge_use(struct dns_judge *judge, const struct resolv *resolv);

enum dns_ruling {
	DNS_PASS,
	DNS_PASS_STEP, /* let through as a step of a search: judged when it is answered */
	DNS_REFUSE,
	DNS_FAIL, /* of an answer only: it is of no use */
};

/* Rules on a query: `result` is that of dns_question_parse(). */
enum dns_ruling dns_judge_query(struct dns_judge *judge, const struct dns_question *question,
				int result, const struct dns_asker *asker);

/* Rules on the answer to a query of that asker's that was let through with `ruling`. */
enum dns_ruling dns_judge_answer(struct dns_judge *judge, const struct dns_question *question,
				 enum dns_ruling ruling, const struct dns_answer *answer,
				 const struct dns_asker *asker);

#endif
