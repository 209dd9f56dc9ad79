/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUSK_OBSERVE_HOOKS_H
#define HUSK_OBSERVE_HOOKS_H

/*
 * Netfilter's hooks are jumped over in the kernel's code for as long as no network namespace uses
 * them. Where a container's rules are the only ones of the host, each start has the code of four
 * to eight hooks written anew, and each end has it written back, while every processor waits. So
 * the hooks are kept in use: by a BPF program that accepts everything, in a namespace of its own
 * that nothing is in, held by nothing but pins. A packet elsewhere on the host costs one look at an
 * empty list more, as it does wherever a host has any rule.
 */

/*
 * Pins the links below OBSERVE_DIRECTORY, which exists; the calling process is in another network
 * namespace afterwards. Where the kernel cannot (the program and its link came with Linux 6.4;
 * until 6.12 the link did not hold its namespace, CVE-2024-50130), nothing is done: rules work
 * without.
 */
void hooks_keep(void);

/* Removes the pins, and with them the links and their namespace. */
void hooks_forget(void);

#endif
