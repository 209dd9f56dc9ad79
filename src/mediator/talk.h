/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUSK_MEDIATOR_TALK_H
#define HUSK_MEDIATOR_TALK_H

#include <stddef.h>
#include <sys/stat.h>

#include "base/error.h"

/*
 * What husk-hook and the mediator that it forked say to each other, over a socketpair(2) of
 * SOCK_SEQPACKET, while both work on the start:
 *
 *   hook:      struct talk_entry   what the entry point is, found in the container's namespace
 *                                  (with a descriptor to read it, where hooks run in there)
 *   mediator:  struct talk_report  everything is set up and the gate is served, or why not; with
 *                                  the view's detached mount
 *   hook:      struct talk_bound   the gate is bound over the entry point, with the mount as it
 *                                  is then, or an error
 *
 * An end without the next message is the other's death.
 */
struct talk_entry {
	int result;	  /* 0; 1: there is no entry point to wrap; -errno */
	int exec_result;  /* what execve(2) would say of it (exec-format.h) */
	struct stat attr; /* of the file that the gate stands in for */
};

struct talk_report {
	int result; /* 0 or -errno with *err set */
	struct error err;
};

struct talk_bound {
	int result; /* 0 or -errno */
};

/* Sends one message, and with it a copy of `passed_fd` unless that is -1. Returns 0 or -errno. */
int talk_send(int fd, const void *message, size_t len, int passed_fd);

/* Waits for one message of exactly `len` bytes. *ret_fd (may be NULL): the descriptor that came
 * with it, close-on-exec and the caller's, or -1. Returns 0, -EPIPE (the other is gone) or -EPROTO.
 */
int talk_receive(int fd, void *message, size_t len, int *ret_fd);

#endif
