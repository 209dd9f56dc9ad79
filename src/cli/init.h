/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUSK_CLI_INIT_H
#define HUSK_CLI_INIT_H

#include <sys/types.h>

#include "base/error.h"

/*
 * The first process of the pid namespace of a `husk run`, so that the program is not: whoever is
 * the first ignores each signal that it does not catch, a Ctrl-C above all, and inherits processes
 * that it never heard of. It is a fork of husk itself, takes no part in anything, and ends when
 * husk ends, however husk does; the kernel then kills all other processes of the namespace.
 *
 * What shares the namespace with it can see it. It has no capability, no descriptor but a pipe, an
 * empty root, and may not be traced or looked into.
 */
struct init {
	pid_t pid;
	int pipe_fd; /* it ends when this is closed in all processes */
};

#define INIT_NONE ((struct init){.pid = -1, .pipe_fd = -1})
#define cleanup_init __attribute__((cleanup(init_end)))

/* Starts one. The namespace is /proc/PID/ns/pid. Returns 0 or -errno. */
int init_start(struct init *ret, struct error *err);

/* Ends it, and with it whatever is left in its namespace. Keeps errno. */
void init_end(struct init *init);

#endif
