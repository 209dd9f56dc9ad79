/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUSK_MEDIATOR_MEDIATOR_INTERNAL_H
#define HUSK_MEDIATOR_MEDIATOR_INTERNAL_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "base/patience.h"
#include "event/event.h"
#include "mediator/calls.h"
#include "mediator/capabilities.h"
#include "mediator/latency.h"
#include "mediator/loop.h"
#include "mediator/mediator.h"
#include "mediator/watch.h"
#include "policy/file.h"
#include "process/nearness.h"
#include "view/view.h"
#include "wrap/native.h"

/* What a helper thread is doing, and what it tells the main thread. */
struct helper;
struct meeting;
struct network;

/* Which file a policy was read from; all zero where there was none. */
struct policy_stamp {
	ino_t ino;
	struct timespec changed;
};

/* One mediator. All descriptors are its own. */
struct mediator {
	const struct mediator_setup *setup;
	struct policy_image *policy; /* NULL where nothing was learned yet */
	struct view *view;
	struct watch *watch;
	struct capabilities capabilities;
	struct calls *calls;
	struct journal *journal;
	struct event_sink *events;
	struct meeting *meeting; /* NULL: sockets in volumes are as they are at the start */
	struct helper *helper;	 /* by the policy that holds; NULL while none runs */
	struct helper *ready;	 /* waits for the gate to be opened; NULL from then on */
	struct network *network; /* NULL where the domain net is unavailable */
	struct dns *dns;	 /* NULL where the domain dns is */
	struct loop *loop;
	int talk_fd;		     /* to husk-hook, until it has bound the gate; then -1 */
	int bound_result;	     /* what came of that */
	int view_result;	     /* of view_serve(), once it is not 0 the view has ended */
	bool flowed;		     /* the view was asked something in this turn of the loop */
	int mount_fd;		     /* the view's detached mount until it is attached; then -1 */
	struct native_wish wish;     /* what the policy proposes to have natively */
	struct native_scans scans;   /* what of it was looked through before the wrap */
	struct native_plan attached; /* what the container has natively, past the view */
	struct latency latency;
	struct nearness nearness;
	struct patience patience;
	int proc_fd;	     /* the host's /proc */
	int init_fd;	     /* pidfd of the container's first process */
	int init_dir_fd;     /* its directory in /proc */
	struct stat runtime; /* the program that the first process executes while it is created */
	int empty_fd;	     /* a directory with nothing in it, this process's root in the end */
	int mounts_fd;	/* the host's mount namespace, -1 where nothing will be executed there */
	int memory_fd;	/* the control group's memory events, -1 where there are none */
	int members_fd; /* and its processes, until the container is started */
	int root_fd;	/* the container's root until the wished trees are looked through, or -1 */
	int journal_fd; /* keeps the journal locked until it is merged */
	char policy_path[sizeof(POLICY_DIRECTORY) + NAME_MAX + 1]; /* below the state directory */
	struct policy_stamp policy_stamp;
	int64_t started_ns;	   /* CLOCK_REALTIME */
	int64_t policy_checked_ns; /* CLOCK_MONOTONIC */
	int policy_signal_fd;	   /* tells that policies are replaced, or -1 */
	bool policy_news;	   /* it did */
	/* What each domain is at most in this run, by what this host and this container allow. */
	enum mode at_most[DOMAINS];
	const char *why_lowered[DOMAINS]; /* NULL: it is not */
	char *launcher; /* husk-launch with its slot filled, until the view has it */
	size_t launcher_len;
	bool listens;		    /* husk-launch is to hand a listener over */
	struct error net_error;	    /* what m->why_lowered[DOMAIN_NET] may point into */
	struct error dns_error;	    /* and that of DOMAIN_DNS */
	unsigned long askers_found; /* for events about names */
	/* The filter of system calls that is enforced lets nobody make a socket that sends below
	 * the rules of the network. */
	bool refuses_packets;
	uint64_t holdable; /* capabilities that the function can come to hold, as bits */
	char journal_name[JOURNAL_ID_ROOM + sizeof(JOURNAL_SUFFIX)];
	int exec_result; /* < 0: what the exec of the entry point fails with, whoever does it */
	bool complete;	 /* complete() was called */
	pid_t entrant;	 /* the first process, while the gate is still used by a hook; else 0 */
	int64_t hook_ends_ns;  /* until when (CLOCK_MONOTONIC) */
	int64_t guard_soon_ns; /* until when to look often (CLOCK_MONOTONIC) */
	bool bypassed;	       /* the first process executes what is not behind the gate */
	bool wrapped;	       /* the view is the container's root */
	bool out_of_memory;    /* the kernel killed a process of it for want of memory */
	int64_t ends_ns;       /* CLOCK_MONOTONIC, 0 while the first process lives */
	bool leads_namespace;  /* the first process is that of a pid namespace */
	bool on_its_own;  /* poststop has nothing to wait for: this process merges its run itself */
	bool init_gone;	  /* the first process has ended */
	bool told_socket; /* of a socket that the host cannot reach */
};

/* The mediator's process, from its fork to its end. Takes the descriptors over. */
_Noreturn void mediator_run(const struct mediator_setup *setup, int proc_fd, int talk_fd);

/* An event about this run, and one with a sentence, told at once. */
struct event mediator_event(const struct mediator *m, enum event_kind kind);
void mediator_tell(struct mediator *m, enum event_kind kind, const char *detail);

/* Ends `*helper`, which has said that it is done and is NULL then, as helper_finish() does. */
int mediator_end_helper(struct mediator *m, struct helper **helper, struct error *err);

/* The modes of this run as they are now. */
void mediator_modes_now(const struct mediator *m, enum mode ret[DOMAINS]);

/* A word to who stands by to merge the run (merge/standby.h), if there is somebody. */
void mediator_tell_standby(const struct mediator *m);

/* Keeps m->why_lowered, for whoever reads of this run later. */
void mediator_journal_lowered(const struct mediator *m);

#endif
