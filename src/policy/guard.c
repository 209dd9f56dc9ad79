/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is kept even where everything else of the kind is allowed. */
#include "policy/guard.h"

#include <stddef.h>
#include <string.h>

#include "policy/calls.h"

enum reach {
	READS = 1 << ACCESS_READ,
	CHANGES = 1 << ACCESS_WRITE | 1 << ACCESS_CREATE,
	TOUCHES = READS | CHANGES | 1 << ACCESS_LIST,
};

struct line {
	enum guard guard;
	unsigned int reach; /* set of 1 << enum access */
	const char *pattern;
	const char *reason;
};

static const struct line table[] = {
	/* Whoever reaches one of these owns the host, or an account outside of it. */
	{GUARD_ALWAYS, TOUCHES, "*/docker.sock", "socket of a container engine"},
	{GUARD_ALWAYS, TOUCHES, "*/podman.sock", "socket of a container engine"},
	{GUARD_ALWAYS, TOUCHES, "*/containerd.sock", "socket of a container engine"},
	{GUARD_ALWAYS, TOUCHES, "*/crio.sock", "socket of a container engine"},
	{GUARD_ALWAYS, TOUCHES, "*/kubelet.sock", "socket of the kubelet"},
	{GUARD_ALWAYS, TOUCHES, "*/.ssh/id_*", "private SSH key"},
	{GUARD_ALWAYS, TOUCHES, "/etc/ssh/ssh_host_*_key", "private SSH key"},
	{GUARD_ALWAYS, CHANGES, "*/.ssh/authorized_keys*", "lets others log in"},
	{GUARD_ALWAYS, TOUCHES, "*/.aws/credentials", "key of a cloud account"},
	{GUARD_ALWAYS, TOUCHES, "*/.config/gcloud/*", "key of a cloud account"},
	{GUARD_ALWAYS, TOUCHES, "*/.azure/*", "key of a cloud account"},
	{GUARD_ALWAYS, TOUCHES, "*/.kube/config", "key of a cluster"},
	{GUARD_ALWAYS, TOUCHES, "/dev/mem", "memory of the host"},
	{GUARD_ALWAYS, TOUCHES, "/dev/kmem", "memory of the host"},
	{GUARD_ALWAYS, TOUCHES, "/proc/kcore", "memory of the host"},
	{GUARD_ALWAYS, TOUCHES, "/dev/sd*", "disk of the host"},
	{GUARD_ALWAYS, TOUCHES, "/dev/vd*", "disk of the host"},
	{GUARD_ALWAYS, TOUCHES, "/dev/nvme*", "disk of the host"},
	{GUARD_ALWAYS, TOUCHES, "/dev/dm-*", "disk of the host"},
	{GUARD_ALWAYS, TOUCHES, "/dev/kvm", "device that makes machines"},
	{GUARD_ALWAYS, TOUCHES, "/dev/fuse", "device that makes mounts"},
	{GUARD_ALWAYS, CHANGES, "/proc/sysrq-trigger", "switch of the kernel"},
	{GUARD_ALWAYS, CHANGES, "/proc/sys/*", "switch of the kernel"},
	{GUARD_ALWAYS, CHANGES, "/sys/*", "switch of the kernel"},
	{GUARD_ALWAYS, TOUCHES, "*/release_agent", "program that the kernel starts on the host"},

	/* What lets others in, here or elsewhere. */
	{GUARD_LEARNED, TOUCHES, "/etc/shadow*", "password hashes"},
	{GUARD_LEARNED, TOUCHES, "/etc/gshadow*", "password hashes"},
	{GUARD_LEARNED, TOUCHES, "/run/secrets/*", "secret of the platform"},
	{GUARD_LEARNED, TOUCHES, "/var/run/secrets/*", "secret of the platform"},
	{GUARD_LEARNED, READS, "*/.netrc", "password file"},
	{GUARD_LEARNED, READS, "*/.git-credentials", "password file"},
	{GUARD_LEARNED, READS, "*/.pgpass", "password file"},
	{GUARD_LEARNED, READS, "*/.npmrc", "token of a registry"},
	{GUARD_LEARNED, READS, "*/.pypirc", "token of a registry"},
	{GUARD_LEARNED, READS, "*/.docker/config.json", "token of a registry"},
};

static bool ends_in(const char *text, const char *end)
{
	size_t len = strlen(text), end_len = strlen(end);

	return len >= end_len && memcmp(text + len - end_len, end, end_len) == 0;
}

/* Going back to the last '*' is enough for that, so the time
 * is bounded by the product of both lengths. */
bool guard_matches(const char *pattern, const char *text)
{
	const char *star = NULL, *retry = NULL;

	/* most patterns are an end: whole trees are held against the table at a start */
	if (pattern[0] == '*' && !strchr(pattern + 1, '*'))
		return ends_in(text, pattern + 1);
	while (*text) {
		if (*pattern == '*') {
			star = ++pattern;
			retry = text;
		} else if (*pattern == *text) {
			pattern++;
			text++;
		} else if (star) {
			pattern = star;
			text = ++retry;
		} else {
			return false;
		}
	}
	while (*pattern == '*')
		pattern++;
	return *pattern == '\0';
}

enum guard guard_of(const struct behaviour *b, const char **ret_reason)
{
	unsigned int reach = 1U << b->access;

	*ret_reason = "";
	if (b->domain == DOMAIN_SYSCALL)
		return calls_guard(b->key, ret_reason);
	if (b->domain != DOMAIN_FS)
		return GUARD_NONE;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		if ((table[i].reach & reach) && guard_matches(table[i].pattern, b->key)) {
			*ret_reason = table[i].reason;
			return table[i].guard;
		}
	}
	return GUARD_NONE;
}
