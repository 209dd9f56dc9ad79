/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUSK_OBSERVE_RECORD_H
#define HUSK_OBSERVE_RECORD_H

#include <linux/types.h>

/*
 * What the BPF program of bpf/capabilities.bpf.c and its two users share: husk-observe, which loads
 * it once a boot, and the mediators, each of which puts in, reads and takes out the record of its
 * own container. Included by BPF C: types of linux/types.h only.
 */

/* Part of the pin's name: raise it with every change of the program, its table of call sites, or
 * the structures below, so that nobody meets another version's. */
#define OBSERVE_VERSION 3

enum observe_limits {
	OBSERVE_CAPABILITIES = 64, /* bits of a set; the kernel has 41 of them */
	OBSERVE_CONTAINERS_MAX = 8192,
	OBSERVE_COMMAND_ROOM = 16, /* TASK_COMM_LEN of linux/sched.h */
	OBSERVE_SITES_MAX = 10,	   /* call sites that are judged, of one capability */
};

/* Who was the first to. */
struct observe_asker {
	__s32 pid; /* the process, in the initial pid namespace */
	char command[OBSERVE_COMMAND_ROOM];
};

/*
 * One container. Its key in the map is the number of its pid namespace, where its first process
 * leads one, else of its mount namespace; the numbers of all kinds of namespaces are one sequence
 * (fs/nsfs.c), so neither is mistaken for the other. A number is used again once its namespace is
 * gone, perhaps before the mediator knows: the next container's record then takes the place.
 */
struct observe_record {
	__u64 used;	      /* needed, and granted */
	__u64 refused;	      /* of `watched`: needed, and not granted */
	__u64 watched;	      /* whose refusal is of interest: what husk has taken away */
	__u32 user_namespace; /* number of the container's: only what is asked there counts */
	__u32 view_device;    /* the view's, as the kernel numbers it: MKDEV of linux/kdev_t.h */
	__s32 mediator;	      /* whose record it is, by its own count of processes */
	/* the first process, in the initial pid namespace; 0: the mediator is in another, and
	 * cannot know */
	__s32 first;
	struct observe_asker used_by[OBSERVE_CAPABILITIES];
	struct observe_asker refused_by[OBSERVE_CAPABILITIES];
};

/* The name of husk-launch's file, of which the view serves one (view.h has it too). */
#define OBSERVE_GATE "husk-gate"

/* What a check means that one of the kernel's functions asked for. */
enum observe_verdict {
	OBSERVE_NEED = 0,      /* any that no site is known of */
	OBSERVE_IGNORE = 1,    /* the answer decides nothing that a program depends on */
	OBSERVE_IF_SETGID = 2, /* chmod(2): needed where the new mode has the set-group-ID bit */
	OBSERVE_IF_MARK = 3,   /* setsockopt(2): where the option is not one of buffer sizes */
	OBSERVE_IF_USER = 4,   /* setuid(2): where the id is not the one that it has */
	OBSERVE_IF_GROUP = 5,  /* setgid(2): the same */
};

/* One of the kernel's functions, for one capability; size 0 where there is none. */
struct observe_site {
	__u64 begin;
	__u32 size;
	__u32 verdict; /* enum observe_verdict */
};

#endif
