/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUSK_POLICY_CALLS_H
#define HUSK_POLICY_CALLS_H

#include <stdbool.h>
#include <stddef.h>

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

enum calls_limits { CALLS_NAME_ROOM = 40 };

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

#endif
