/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUSK_WRAP_HELPER_H
#define HUSK_WRAP_HELPER_H

#include <sys/types.h>

#include "base/error.h"
#include "container/spec.h"
#include "process/nearness.h"
#include "view/view.h"
#include "wrap/meeting.h"
#include "wrap/native.h"

/*
 * The helper: a thread that enters the container's mount namespace to do mount work there, while
 * the main thread goes on to serve the requests that this very work causes. A thread, because it
 * shares descriptors and results with the main one and costs a tenth of a process; it leaves the
 * shared fs state first (unshare(CLONE_FS)), as setns(2) demands. One at a time for the view, and
 * one for a meeting.
 */
struct helper;

enum helper_news {
	HELPER_LOWERS, /* the file systems below are cloned: take them, then helper_go_on() */
	HELPER_DONE,   /* it has ended: helper_finish() */
};

/* Makes a helper that waits for its work, near the calling thread, which will answer all that it
 * asks of the view. What that thread gives up afterwards of its privileges and its root, the helper
 * keeps. `nearness`: copied. Returns 0 or -errno. */
int helper_prepare(const struct nearness *nearness, struct helper **ret);

/* Gives it that: the late wrap (wrap.c tells its steps), in the mount namespace of `pid`. `wish`:
 * copied, its bytes are not. Returns 0 or -errno. */
int helper_wrap(struct helper *helper, int proc_fd, pid_t pid, int mount_fd,
		const struct oci_spec *spec, const struct native_wish *wish);

/* Gives it another work instead: to kill the process behind `pidfd` (borrowed until it has ended),
 * which the main thread may not any more. Returns 0 or -errno; then helper_finish(). */
int helper_kill(struct helper *helper, int pidfd);

/* To poll for POLLIN; then helper_news() tells what has come. */
int helper_fd(const struct helper *helper);
enum helper_news helper_hear(struct helper *helper);

/* The lowers in mount order; the view takes over each descriptor with `*lower = NULL`-like -1. */
struct view_lower *helper_lowers(struct helper *helper, size_t *ret_count);

/* A volume that stays native although it holds data, and why; `point` is owned by the list. */
struct helper_native {
	char *point;
	const char *why;
};

/* The natives that helper_wrap() left, valid at HELPER_DONE. The list is the caller's then, to give
 * to helper_free_natives(); it may be NULL. */
struct helper_native *helper_take_natives(struct helper *helper, size_t *ret_count);
void helper_free_natives(struct helper_native *natives, size_t count);

/* What was attached natively, valid at HELPER_DONE; the caller's then, without descriptors. */
struct native_plan helper_take_plan(struct helper *helper);

/* Makes the holes of `attached` (borrowed, and not to be touched until then) that are not there
 * yet, and covers the trees that are to be, in the mount namespace of `pid`. */
int helper_mediate(int proc_fd, pid_t pid, struct native_plan *attached, struct helper **ret);

/* Answers `question` (borrowed, and not to be touched until then), for which it may attach a
 * volume, in the mount namespace of `pid`. */
int helper_meet(int proc_fd, pid_t pid, struct meeting_question *question, struct helper **ret);

/* The bytes of the container's resolv.conf as it was before the wrap, valid at HELPER_DONE of
 * helper_wrap() until helper_finish(); NULL where there is none. */
const char *helper_resolvers(const struct helper *helper, size_t *ret_len);

/* Lets the helper go on after HELPER_LOWERS; `result` < 0 makes it give up with that. */
void helper_go_on(struct helper *helper, int result);

/* Joins the thread and frees it. Returns what it came to: 0 or -errno. */
int helper_finish(struct helper *helper, struct error *err);

#endif
