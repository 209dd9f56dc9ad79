/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUSK_POLICY_CALLS_H
#define HUSK_POLICY_CALLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/guard.h"

/*
 * System calls by name, which is how they are keys of the domain syscall: names are the same on
 * all architectures, numbers are not. A call that has no name here is "call:NUMBER", and numbers
 * that no kernel has are one, so that nobody fills a profile with them; whoever comes in by another
 * ABI than the machine's own is judged by that alone, "abi:i386", "abi:x32" or
 * "abi:other".
 */
#define CALLS_NUMBER_PREFIX "call:"
#define CALLS_BEYOND CALLS_NUMBER_PREFIX "beyond"
#define CALLS_ABI_PREFIX "abi:"

enum calls_limits {
	CALLS_NAME_ROOM = 40,
	CALLS_NUMBERS = 1024, /* above all numbers of calls of Linux 6.18 */
};

/* In place of how many calls an engine lets through: it has no filter. */
#define CALLS_ALL UINT32_MAX

/*
 * The base: calls that every program may make in every mode, and that nobody is asked about. They
 * are what the runtimes of functions make at their start and with each request, and of those only
 * what works on things that the process has already, or that another domain judges. *ret_count
 * names in one array, a constant.
 */
const char *const *calls_base(size_t *ret_count);
bool calls_is_base(const char *name);

/* Does husk-launch make this call once the filter is there? Then no filter may refuse it. */
bool calls_is_launchers(const char *name);

/* What a denied call fails with, a positive errno: ENOSYS where programs and their libraries try
 * the call and go on without it, else EPERM. */
int calls_denied_errno(const char *name);

/* What guard_of() says of a call: those that are an attack's more often than a function's, other
 * ABIs, and calls without a name. *ret_reason: a few constant words, left as it is for GUARD_NONE.
 */
enum guard calls_guard(const char *name, const char **ret_reason);

/*
 * clone3(2) takes its flags by pointer, where no filter can see whether they make a namespace. So
 * no filter that enforces lets it through unless a person says so: it fails with ENOSYS, as with
 * the engines' own profiles, and the libraries then use clone(2), whose flags can be seen.
 */
#define CALLS_CLONE3 "clone3"

/* What clone(2) with a flag that makes a namespace counts as, since it is the same deed. */
#define CALLS_NAMESPACES "unshare"

/* The flags of clone(2) that make a namespace: CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER,
 * NEWPID and NEWNET of linux/sched.h. (CLONE_NEWTIME is none of clone's.) */
#define CALLS_NAMESPACE_FLAGS 0x7e020000U

/*
 * What socket(2) counts as where it makes a packet(7) socket or one of AF_XDP or, for which no
 * capability is asked, of PPPoE, since what such a one sends passes below the rules of the network:
 * the families, and the type that makes a packet(7) socket whatever the family is (SOCK_PACKET,
 * __sock_create() of net/socket.c).
 */
#define CALLS_PACKETS "socket:packet"
#define CALLS_PACKETS_FAMILY 17U    /* AF_PACKET of linux/socket.h */
#define CALLS_PACKETS_PPPOX 24U	    /* AF_PPPOX */
#define CALLS_PACKETS_XDP 44U	    /* AF_XDP */
#define CALLS_PACKETS_TYPE 10U	    /* SOCK_PACKET of linux/net.h */
#define CALLS_SOCKET_TYPE_MASK 0xfU /* SOCK_TYPE_MASK */

/* Does socket(2) with these two arguments make one? The kernel reads the lower halves alone. */
bool calls_makes_packets(uint64_t family, uint64_t type);

/* Where a filter finds the lower half of that argument: an offset into struct seccomp_data of
 * linux/seccomp.h. */
uint32_t calls_argument_at(unsigned int number);

/* Where an enforced filter lets this through, sockets of all kinds can be made unseen, or by what
 * no filter sees. */
bool calls_hides_sockets(const char *name);

#endif
