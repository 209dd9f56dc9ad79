/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUSK_WRAP_MEETING_H
#define HUSK_WRAP_MEETING_H

#include <limits.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <sys/un.h>

/* A volume that the view serves. */
struct meeting_volume {
	int fd;	     /* the volume's own mount, the view's descriptor */
	char *point; /* where it is mounted in the container */
	bool native; /* it has been attached there */
	bool kept;   /* what was made in the view is found there alone, or it cannot be attached */
	bool denied; /* something in it was, by hand */
	bool told;   /* that the host cannot be reached in it */
};

/* What meeting_work() is asked, and its answer: what it is called with, and more. */
struct meeting_question {
	int listener; /* for system calls, which notified of this one */
	const struct seccomp_notif *notif;
	pid_t thread;  /* who calls */
	bool connects; /* else it binds */
	dev_t view;    /* st_dev of all that it serves */
	const struct meeting_volume *volumes;
	size_t n_volumes;

	char path[sizeof(((struct sockaddr_un *)0)->sun_path) + 1];
	ssize_t found;	    /* the volume that the path leads into, -1: none of those */
	bool attached;	    /* it is there now; else it may be in the next run */
	char key[PATH_MAX]; /* where the socket is or will be, as the container sees it */
};

static inline bool meeting_may_attach(const struct meeting_volume *volume)
{
	return !volume->native && !volume->kept && !volume->denied;
}

#endif
