/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "observe/hooks.h"

#include <linux/bpf.h>
#include <linux/netfilter.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "base/cleanup.h"
#include "observe/pin.h"

/* include/uapi/linux/bpf.h of Linux 6.4; Debian 12 has the headers of 6.1. */
enum newer_bpf {
	PROGRAM_NETFILTER = 32, /* BPF_PROG_TYPE_NETFILTER */
	ATTACH_NETFILTER = 45,	/* BPF_NETFILTER */
};

/* The member link_create of union bpf_attr, for a program of netfilter. */
struct link_create {
	uint32_t prog_fd, target_fd, attach_type, flags;
	struct {
		uint32_t pf, hooknum;
		int32_t priority;
		uint32_t flags;
	} netfilter;
};

/* What rules of husk's hook into, and what the tracking of connections does that they ask for. */
static const struct {
	uint8_t family;
	uint8_t hook;
} hooks[] = {
	{NFPROTO_IPV4, NF_INET_PRE_ROUTING}, {NFPROTO_IPV4, NF_INET_LOCAL_IN},
	{NFPROTO_IPV4, NF_INET_LOCAL_OUT},   {NFPROTO_IPV4, NF_INET_POST_ROUTING},
	{NFPROTO_IPV6, NF_INET_PRE_ROUTING}, {NFPROTO_IPV6, NF_INET_LOCAL_IN},
	{NFPROTO_IPV6, NF_INET_LOCAL_OUT},   {NFPROTO_IPV6, NF_INET_POST_ROUTING},
};

static void pin_path(char (*path)[sizeof(OBSERVE_DIRECTORY) + 32], size_t i)
{
	snprintf(*path, sizeof(*path), OBSERVE_DIRECTORY "/netfilter-%u-%u", hooks[i].family,
		 hooks[i].hook);
}

static bool link_holds_namespace(void)
{
	unsigned int major = 0, minor = 0;
	struct utsname kernel;

	return uname(&kernel) == 0 && sscanf(kernel.release, "%u.%u", &major, &minor) == 2 &&
	       (major > 6 || (major == 6 && minor >= 12));
}

static int load(void)
{
	const struct bpf_insn accept[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = NF_ACCEPT},
		{.code = BPF_JMP | BPF_EXIT},
	};
	const struct bpf_prog_load_opts options = {
		.sz = sizeof(options),
		.expected_attach_type = (enum bpf_attach_type)ATTACH_NETFILTER,
	};

	return bpf_prog_load((enum bpf_prog_type)PROGRAM_NETFILTER, "husk_accept", "GPL", accept,
			     sizeof(accept) / sizeof(accept[0]), &options);
}

static void keep(int program, size_t i)
{
	const struct link_create attr = {
		.prog_fd = (uint32_t)program,
		.attach_type = ATTACH_NETFILTER,
		.netfilter = {.pf = hooks[i].family, .hooknum = hooks[i].hook},
	};
	cleanup_close int link = (int)syscall(SYS_bpf, BPF_LINK_CREATE, &attr, sizeof(attr));
	char path[sizeof(OBSERVE_DIRECTORY) + 32];

	if (link < 0)
		return;
	pin_path(&path, i);
	unlink(path); /* of one that died in between */
	(void)bpf_obj_pin(link, path);
}

void hooks_keep(void)
{
	cleanup_close int program = -1;

	if (!link_holds_namespace())
		return;
	program = load();
	if (program < 0 || unshare(CLONE_NEWNET) < 0)
		return;
	for (size_t i = 0; i < sizeof(hooks) / sizeof(hooks[0]); i++)
		keep(program, i);
}

void hooks_forget(void)
{
	char path[sizeof(OBSERVE_DIRECTORY) + 32];

	for (size_t i = 0; i < sizeof(hooks) / sizeof(hooks[0]); i++) {
		pin_path(&path, i);
		unlink(path);
	}
}
