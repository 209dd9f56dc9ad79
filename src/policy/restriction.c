/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The bytes of a restriction: written when a policy is compiled, read when a container starts. */
#include "policy/restriction.h"

#include <endian.h>
#include <errno.h>
#include <linux/audit.h>
#include <string.h>

struct head {
	uint32_t version;
	uint32_t architecture;
	uint64_t keep;
	uint32_t flags;
	uint32_t watch;
	uint32_t enforce;
	uint32_t zero;
};

#define FLAGS                                                                                     \
	((uint32_t)RESTRICTION_NO_NEW_PRIVS | RESTRICTION_CAPABILITIES | RESTRICTION_NO_PACKETS | \
	 RESTRICTION_GAINS_LEARNED)

_Static_assert(sizeof(struct head) == 32, "the head has no padding");
_Static_assert(sizeof(struct sock_filter) == 8, "an instruction has no padding");

uint32_t restriction_architecture(void)
{
#if defined(__x86_64__)
	return AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
	return AUDIT_ARCH_AARCH64;
#else
#error "husk has no system call filter for this architecture"
#endif
}

static void put_filter(unsigned char **at, const struct restriction_filter *filter)
{
	size_t len = filter->count * sizeof(*filter->code);

	if (len > 0)
		memcpy(*at, filter->code, len);
	*at += len;
}

size_t restriction_write(const struct restriction *restriction, unsigned char *out)
{
	const struct head head = {
		.version = htole32(RESTRICTION_VERSION),
		.architecture = htole32(restriction_architecture()),
		.keep = htole64(restriction->keep),
		.flags = htole32(restriction->flags),
		.watch = htole32(restriction->watch.count),
		.enforce = htole32(restriction->enforce.count),
	};
	unsigned char *at = out + sizeof(head);

	if (restriction->watch.count > RESTRICTION_FILTER_MAX ||
	    restriction->enforce.count > RESTRICTION_FILTER_MAX)
		return 0;
	memcpy(out, &head, sizeof(head));
	put_filter(&at, &restriction->watch);
	put_filter(&at, &restriction->enforce);
	return (size_t)(at - out);
}

int restriction_read(const void *bytes, size_t len, struct restriction *ret)
{
	const struct sock_filter *code;
	struct head head;
	uint32_t watch, enforce;

	if (len < sizeof(head) || (uintptr_t)bytes % _Alignof(struct sock_filter) != 0)
		return -EPROTO;
	memcpy(&head, bytes, sizeof(head));
	watch = le32toh(head.watch);
	enforce = le32toh(head.enforce);
	if (le32toh(head.version) != RESTRICTION_VERSION ||
	    le32toh(head.architecture) != restriction_architecture() || head.zero != 0 ||
	    le32toh(head.flags) & ~FLAGS || watch > RESTRICTION_FILTER_MAX ||
	    enforce > RESTRICTION_FILTER_MAX ||
	    len != sizeof(head) + ((size_t)watch + enforce) * sizeof(*code))
		return -EPROTO;
	code = (const struct sock_filter *)((const char *)bytes + sizeof(head));
	*ret = (struct restriction){
		.keep = le64toh(head.keep),
		.flags = le32toh(head.flags),
		.watch = {watch ? code : NULL, watch},
		.enforce = {enforce ? code + watch : NULL, enforce},
	};
	return 0;
}
