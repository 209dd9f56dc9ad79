/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUSK_POLICY_RESTRICTION_H
#define HUSK_POLICY_RESTRICTION_H

#include <linux/filter.h>
#include <stddef.h>
#include <stdint.h>

/*
 * What a function is to lose before it starts, as it is compiled into a policy image (the
 * attachment POLICY_LAUNCH): capabilities, and filters of system calls in the machine's own form.
 *
 *   u32 version, u32 architecture, u64 capabilities, u32 flags, u32 instructions of each of the
 *   two filters, u32 0, then the filters; little endian but for the filters
 */
enum restriction_limits {
	RESTRICTION_VERSION = 1,
	RESTRICTION_FILTER_MAX = 3072, /* instructions of one filter; the kernel takes 4096 */
	RESTRICTION_BYTES_MAX = 32 + 2 * RESTRICTION_FILTER_MAX * 8,
};

enum restriction_flags {
	/* Which programs the function executes is known, and none of them gains privileges. */
	RESTRICTION_NO_NEW_PRIVS = 1 << 0,
	RESTRICTION_CAPABILITIES = 1 << 1, /* `keep` is all that the function was seen to need */
	/* Under the filter `enforce` nobody makes a socket whose packets pass below the rules of
	 * the network, for as long as nothing is let through that the policy does not hold. */
	RESTRICTION_NO_PACKETS = 1 << 2,
	/* Which programs it executes is known, some gain privileges, and no person has allowed such
	 * a one. */
	RESTRICTION_GAINS_LEARNED = 1 << 3,
};

struct restriction_filter {
	const struct sock_filter *code; /* borrowed */
	uint32_t count;			/* 0: none */
};

struct restriction {
	uint64_t keep; /* bit n: capability n is part of the policy */
	uint32_t flags;
	struct restriction_filter watch; /* none: that of the base, which needs no policy */
	/* none: in no run were the function's calls watched, so nothing is known of them */
	struct restriction_filter enforce;
};

/* AUDIT_ARCH_* of linux/audit.h of the machine that this was built for: filters are for one. */
uint32_t restriction_architecture(void);

/* Writes the bytes to `out` of RESTRICTION_BYTES_MAX. Returns their number; 0 where a filter has
 * too many instructions. */
size_t restriction_write(const struct restriction *restriction, unsigned char *out);

/*
 * Reads them. The filters of *ret point into `bytes`, which is aligned for them. Returns 0, or
 * -EPROTO: of another version or architecture, or not of the length that it says.
 */
int restriction_read(const void *bytes, size_t len, struct restriction *ret);

#endif
