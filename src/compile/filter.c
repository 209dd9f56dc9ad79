/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Filters by libseccomp. Its numbers below zero are calls that the architecture does not have.
 * Names are resolved once into one table of actions by number, which both the rules and the
 * verification come from; the latter runs the emitted instructions and trusts nothing of how they
 * came about.
 */
#include "compile/filter.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "compile/simulate.h"
#include "policy/calls.h"

enum {
	NOTIFY_LEVEL = 5, /* of libseccomp's API: seccomp_api_set(3) */
	CLONE_PROLOGUE = 5,
	SOCKET_PROLOGUE = 10,
	PROLOGUES = CLONE_PROLOGUE + SOCKET_PROLOGUE,
	X32_BIT = 0x40000000, /* __X32_SYSCALL_BIT of asm/unistd.h */
};

/* What is to become of each call of this machine. */
struct table {
	uint32_t actions[CALLS_NUMBERS]; /* SECCOMP_RET_* */
	int clone, socket;		 /* the numbers of clone(2) and socket(2) */
	bool namespaces;		 /* clone(2) may make them */
	bool packets;			 /* socket(2) may make what CALLS_PACKETS stands for */
};

static bool is_listed(const char *const *names, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++) {
		if (strcmp(names[i], name) == 0)
			return true;
	}
	return false;
}

static int number_of(const char *name)
{
	int number = seccomp_syscall_resolve_name_arch(SCMP_ARCH_NATIVE, name);

	return number >= 0 && number < CALLS_NUMBERS ? number : -ENOENT;
}

bool filter_knows(const char *name)
{
	return number_of(name) >= 0 || strcmp(name, CALLS_PACKETS) == 0;
}

static void set_action(struct table *table, const char *name, uint32_t action)
{
	int number = number_of(name);

	if (number >= 0)
		table->actions[number] = action;
}

/* What a call counts as that is let through with some arguments only. */
static bool is_wished(const struct filter_wish *wish, const char *name)
{
	return is_listed(wish->extra, wish->n_extra, name) &&
	       !is_listed(wish->denied, wish->n_denied, name);
}

static void make_table(const struct filter_wish *wish, struct table *ret)
{
	size_t n_base;
	const char *const *base = calls_base(&n_base);

	for (size_t i = 0; i < CALLS_NUMBERS; i++)
		ret->actions[i] = SECCOMP_RET_USER_NOTIF;
	for (size_t i = 0; i < n_base; i++)
		set_action(ret, base[i], SECCOMP_RET_ALLOW);
	if (wish->enforce)
		set_action(ret, CALLS_CLONE3, SECCOMP_RET_ERRNO | ENOSYS);
	for (size_t i = 0; i < wish->n_extra; i++)
		set_action(ret, wish->extra[i], SECCOMP_RET_ALLOW);
	for (size_t i = 0; i < wish->n_denied; i++)
		set_action(ret, wish->denied[i], SECCOMP_RET_USER_NOTIF);
	for (size_t i = 0; i < n_base; i++) {
		if (calls_is_launchers(base[i]))
			set_action(ret, base[i], SECCOMP_RET_ALLOW);
	}
	ret->clone = number_of("clone");
	ret->namespaces = is_wished(wish, CALLS_NAMESPACES);
	ret->socket = number_of("socket");
	ret->packets = ret->actions[ret->socket] == SECCOMP_RET_USER_NOTIF ||
		       is_wished(wish, CALLS_PACKETS);
}

/* ---- verifying ---- */

static int expect(const struct sock_filter *code, uint32_t count, const struct seccomp_data *call,
		  uint32_t wanted, struct error *err)
{
	uint32_t action = 0;
	int r = simulate(code, count, call, &action);

	if (r == 0 && action == wanted)
		return 0;
	return error_say(err, EPROTO,
			 "the filter does %#x with call %d of architecture %#x, and not %#x",
			 r < 0 ? 0 : (unsigned int)action, call->nr, call->arch, wanted);
}

static int verify_clone(const struct table *table, const struct sock_filter *code, uint32_t count,
			struct error *err)
{
	struct seccomp_data call = {.nr = table->clone, .arch = restriction_architecture()};
	uint32_t plain = table->actions[table->clone];
	int r = 0;

	for (int bit = 0; bit < 64 && r == 0; bit++) {
		bool namespace = UINT64_C(1) << bit & CALLS_NAMESPACE_FLAGS;

		call.args[0] = UINT64_C(1) << bit;
		r = expect(code, count, &call,
			   namespace && !table->namespaces ? SECCOMP_RET_USER_NOTIF : plain, err);
	}
	return r;
}

static int verify_socket(const struct table *table, const struct sock_filter *code, uint32_t count,
			 struct error *err)
{
	static const uint64_t half = UINT64_C(1) << 32, flags = SOCK_CLOEXEC | SOCK_NONBLOCK;
	struct seccomp_data call = {.nr = table->socket, .arch = restriction_architecture()};
	uint32_t plain = table->actions[table->socket];
	int r = 0;

	for (uint64_t family = 0; family < 64 && r == 0; family++) {
		for (uint64_t type = 0; type < 16 && r == 0; type++) {
			bool packets = calls_makes_packets(family, type);
			uint32_t wanted =
				packets && !table->packets ? SECCOMP_RET_USER_NOTIF : plain;

			call.args[0] = family;
			call.args[1] = type;
			r = expect(code, count, &call, wanted, err);
			call.args[0] |= half;
			call.args[1] |= half | flags;
			if (r == 0)
				r = expect(code, count, &call, wanted, err);
		}
	}
	return r;
}

static int verify(const struct table *table, const struct sock_filter *code, uint32_t count,
		  struct error *err)
{
	static const uint32_t others[] = {
		AUDIT_ARCH_I386, AUDIT_ARCH_X86_64, AUDIT_ARCH_AARCH64, AUDIT_ARCH_ARM, 0,
		UINT32_MAX};
	const uint32_t own = restriction_architecture();
	struct seccomp_data call = {0};
	int r = 0;

	for (int number = -1; number < CALLS_NUMBERS && r == 0; number++) {
		call = (struct seccomp_data){.nr = number, .arch = own};
		r = expect(code, count, &call,
			   number < 0 ? SECCOMP_RET_USER_NOTIF : table->actions[number], err);
		call.nr = number | X32_BIT;
		if (r == 0)
			r = expect(code, count, &call, SECCOMP_RET_USER_NOTIF, err);
		for (size_t i = 0; i < sizeof(others) / sizeof(others[0]) && r == 0; i++) {
			call.nr = number;
			call.arch = others[i];
			if (others[i] != own)
				r = expect(code, count, &call, SECCOMP_RET_USER_NOTIF, err);
		}
	}
	if (r == 0)
		r = verify_clone(table, code, count, err);
	return r < 0 ? r : verify_socket(table, code, count, err);
}

int filter_verify(const struct filter_wish *wish, const struct sock_filter *code, uint32_t count,
		  struct error *err)
{
	struct table table;

	make_table(wish, &table);
	return verify(&table, code, count, err);
}

/* ---- making ---- */

/* Is it a call of another ABI, the numbers below may be another call: a notification all the same,
 * which is what it gets anyway. */
static void put_clone_prologue(const struct table *table, struct sock_filter *out)
{
	const struct sock_filter prologue[CLONE_PROLOGUE] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)table->clone, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, calls_argument_at(0)),
		BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, CALLS_NAMESPACE_FLAGS, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
	};

	memcpy(out, prologue, sizeof(prologue));
}

static void put_socket_prologue(const struct table *table, struct sock_filter *out)
{
	const struct sock_filter prologue[SOCKET_PROLOGUE] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)table->socket, 0, 8),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, calls_argument_at(0)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, CALLS_PACKETS_FAMILY, 5, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, CALLS_PACKETS_PPPOX, 4, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, CALLS_PACKETS_XDP, 3, 0),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, calls_argument_at(1)),
		BPF_STMT(BPF_ALU | BPF_AND | BPF_K, CALLS_SOCKET_TYPE_MASK),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, CALLS_PACKETS_TYPE, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
	};

	memcpy(out, prologue, sizeof(prologue));
}

static int add_rules(scmp_filter_ctx context, const struct table *table)
{
	/* a tree and not a chain, where libseccomp (2.5) knows how */
	int r = seccomp_attr_set(context, SCMP_FLTATR_CTL_OPTIMIZE, 2);

	if (r == 0)
		r = seccomp_attr_set(context, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_NOTIFY);
	for (int number = 0; number < CALLS_NUMBERS && r == 0; number++) {
		uint32_t action = table->actions[number];

		if (action == SECCOMP_RET_ALLOW)
			r = seccomp_rule_add(context, SCMP_ACT_ALLOW, number, 0);
		else if (action != SECCOMP_RET_USER_NOTIF)
			r = seccomp_rule_add(context, SCMP_ACT_ERRNO(action & SECCOMP_RET_DATA),
					     number, 0);
	}
	return r;
}

static int export(scmp_filter_ctx context, struct sock_filter *code, size_t room,
		  uint32_t *ret_count)
{
	cleanup_close int fd = memfd_create("filter", MFD_CLOEXEC);
	ssize_t len;
	off_t end;
	int r = fd < 0 ? -errno : seccomp_export_bpf(context, fd);

	if (r < 0)
		return r;
	end = lseek(fd, 0, SEEK_END);
	if (end <= 0 || end % (off_t)sizeof(*code) != 0)
		return -EIO;
	if ((size_t)end > room * sizeof(*code))
		return -EFBIG;
	len = pread(fd, code, (size_t)end, 0);
	if (len != end)
		return len < 0 ? -errno : -EIO;
	*ret_count = (uint32_t)((size_t)end / sizeof(*code));
	return 0;
}

static int make(const struct table *table, struct sock_filter *code, uint32_t *ret_count)
{
	scmp_filter_ctx context;
	int r = seccomp_api_set(NOTIFY_LEVEL); /* whatever the kernel has that compiles it */

	if (r < 0)
		return r;
	context = seccomp_init(SCMP_ACT_NOTIFY);
	if (!context)
		return -ENOMEM;
	r = add_rules(context, table);
	if (r == 0)
		r = export(context, code, RESTRICTION_FILTER_MAX - PROLOGUES, ret_count);
	seccomp_release(context);
	return r;
}

int filter_make(const struct filter_wish *wish, struct sock_filter *code, uint32_t *ret_count,
		struct error *err)
{
	uint32_t before = 0, count = 0;
	struct table table;
	int r;

	make_table(wish, &table);
	if (!table.namespaces) {
		put_clone_prologue(&table, code);
		before = CLONE_PROLOGUE;
	}
	if (!table.packets) {
		put_socket_prologue(&table, code + before);
		before += SOCKET_PROLOGUE;
	}
	r = make(&table, code + before, &count);
	if (r < 0)
		return error_set(err, -r, "cannot make the filter of system calls");
	r = verify(&table, code, before + count, err);
	if (r < 0)
		return r;
	*ret_count = before + count;
	return 0;
}
