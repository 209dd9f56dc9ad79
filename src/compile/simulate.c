/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The part of BPF that filters of system calls need. Jumps only lead forward, so it ends. */
#include "compile/simulate.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

static bool holds(uint16_t operation, uint32_t a, uint32_t k)
{
	switch (operation) {
	case BPF_JEQ:
		return a == k;
	case BPF_JGT:
		return a > k;
	case BPF_JGE:
		return a >= k;
	case BPF_JSET:
	default:
		return (a & k) != 0;
	}
}

int simulate(const struct sock_filter *code, size_t count, const struct seccomp_data *call,
	     uint32_t *ret)
{
	uint32_t a = 0;

	for (size_t pc = 0; pc < count; pc++) {
		const struct sock_filter *at = &code[pc];

		switch (at->code) {
		case BPF_LD | BPF_W | BPF_ABS:
			if (at->k % sizeof(a) != 0 || at->k > sizeof(*call) - sizeof(a))
				return -EINVAL;
			memcpy(&a, (const char *)call + at->k, sizeof(a));
			break;
		case BPF_ALU | BPF_AND | BPF_K:
			a &= at->k;
			break;
		case BPF_JMP | BPF_JA:
			if (at->k >= count - pc)
				return -EINVAL;
			pc += at->k;
			break;
		case BPF_JMP | BPF_JEQ | BPF_K:
		case BPF_JMP | BPF_JGT | BPF_K:
		case BPF_JMP | BPF_JGE | BPF_K:
		case BPF_JMP | BPF_JSET | BPF_K:
			pc += holds(BPF_OP(at->code), a, at->k) ? at->jt : at->jf;
			break;
		case BPF_RET | BPF_K:
			*ret = at->k;
			return 0;
		default:
			return -EINVAL;
		}
	}
	return -EINVAL;
}
