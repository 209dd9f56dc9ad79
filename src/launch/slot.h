/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUSK_LAUNCH_SLOT_H
#define HUSK_LAUNCH_SLOT_H

/*
 * The slot: what the mediator tells the launcher, written into the launcher's image before it is
 * served. The function can neither read nor forge it afterwards: the file is bound over the entry
 * point until the launcher has been executed from it, and is reachable by no path after that.
 */
enum { LAUNCH_CWD_ROOM = 4096 }; /* PATH_MAX of linux/limits.h */

struct launch_slot {
	char magic[16];		   /* LAUNCH_MAGIC, to find the slot in the image */
	char cwd[LAUNCH_CWD_ROOM]; /* process.cwd, with its NUL */
};

/* 16 bytes without a NUL; kept in two pieces so that only the slot itself holds them in a row. */
#define LAUNCH_MAGIC_HEAD "husk-lau"
#define LAUNCH_MAGIC_TAIL "nch-slot"

#endif
