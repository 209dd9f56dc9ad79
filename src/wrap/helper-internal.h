/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUSK_WRAP_HELPER_INTERNAL_H
#define HUSK_WRAP_HELPER_INTERNAL_H

#include <pthread.h>

#include "container/mountinfo.h"
#include "wrap/helper.h"

struct helper {
	pthread_t thread;
	int main_fd, own_fd; /* two ends of one socketpair(2): news this way, consent that way */
	bool waits;	     /* for a first message: the rest is filled in by then */
	struct nearness nearness; /* to the main thread */
	int (*work)(struct helper *helper);
	int result;
	struct error err;

	/* what it works on; borrowed, and unchanged while it runs */
	int proc_fd;
	pid_t pid;
	int mount_fd;
	int pidfd; /* for kill_work() */
	const struct oci_spec *spec;
	struct native_wish wish;
	struct native_plan *attached;	  /* for native_mediate_work() */
	struct meeting_question *meeting; /* for meeting_work() */

	/* what it hands to the main thread */
	struct view_lower *lowers;
	size_t n_lowers;
	char **lower_paths;
	struct helper_native *natives;
	size_t n_natives;
	struct native_plan plan; /* of natively attached directories */
	char *resolvers;	 /* the bytes of the container's resolv.conf; NULL: none */
	size_t resolvers_len;
};

/* Opens PID's entry `name` of /proc. Returns a descriptor or -errno with the error set. */
int helper_open_proc(struct helper *helper, const char *name, int flags);

/* Leaves the shared fs state and enters the mount namespace of helper->pid. */
int helper_enter(struct helper *helper);

/* Tells the main thread HELPER_LOWERS and waits until it has answered. Returns its answer. */
int helper_consult(struct helper *helper);

/* Notes that what is mounted at `point`, which is copied, is not served; `why` is a literal. Where
 * memory lacks, the note does. */
void helper_tell_native(struct helper *helper, const char *point, const char *why);

/* Reads the mounts of helper->pid. Returns 0 or -errno with the error set. */
int helper_read_mounts(struct helper *helper, struct mountinfo *ret);

/* Reads /etc/resolv.conf below the container's root, which is the helper's own by then. */
void helper_read_resolvers(struct helper *helper);

/* The works. */
int wrap_work(struct helper *helper);
int native_mediate_work(struct helper *helper);
int meeting_work(struct helper *helper);

#endif
