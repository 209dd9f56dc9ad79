/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUSK_COMPILE_SIMULATE_H
#define HUSK_COMPILE_SIMULATE_H

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>

/*
 * What the kernel would do with one system call under a filter. Knows the instructions that
 * husk's filters are made of: loading a word of the call's data, jumps by comparison with a
 * constant, "and" with one, and returning one. Returns 0 with the SECCOMP_RET_* value in *ret, or
 * -EINVAL: another instruction, or a way out of the program. Source: seccomp(2), and
 * seccomp_check_filter() of kernel/seccomp.c.
 */
int simulate(const struct sock_filter *code, size_t count, const struct seccomp_data *call,
	     uint32_t *ret);

#endif
