/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUSK_MEDIATOR_FILTER_H
#define HUSK_MEDIATOR_FILTER_H

#include <stddef.h>

#include <linux/audit.h>
#include <linux/filter.h>

/*
 * The mediator's own system-call filter: the calls that serving a container takes, and no other.
 * The table stands in filter.c, one group for each use; whoever gives the mediator something new to
 * do adds to it. A call that is not in it fails with EPERM, and filter_refused() tells which it
 * was: a file operation that fails, and is told of, is better than a container that dies. Sources:
 * seccomp(2), Documentation/userspace-api/seccomp_filter.rst.
 */
enum filter_flags {
	FILTER_ENTERS = 1,  /* a helper thread will enter the container to mount there */
	FILTER_MERGES = 2,  /* it will execute husk-merge */
	FILTER_NETWORK = 4, /* it changes rules, and makes sockets, in the network namespace */
};

#define FILTER_LENGTH_MAX 256 /* a jump of a filter reaches 255 instructions far */
#define FILTER_LENGTH_FIXED 6 /* beside the search for the number */

#if defined(__x86_64__)
#define FILTER_ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define FILTER_ARCHITECTURE AUDIT_ARCH_AARCH64
#else
#error "the mediator's system-call filter does not know this architecture"
#endif

/* Writes the program for `flags` to `ret`, of FILTER_LENGTH_MAX, and returns its length; 0 if it
 * has no room. */
size_t filter_build(unsigned int flags, struct sock_filter *ret);

/* Installs it for the calling thread and those that it starts later. no_new_privs must be set.
 * Returns 0 or -errno (-E2BIG: filter_build() failed). */
int filter_install(unsigned int flags);

/* The number of the last call that was refused since this was asked before, or -1. */
int filter_refused(void);

#endif
