/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUSK_VIEW_VIEW_H
#define HUSK_VIEW_VIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/error.h"
#include "policy/behaviour.h"

/*
 * The view: a FUSE file system over the file systems that a container had before, which asks a
 * judge before it opens, creates, changes, lists or executes anything. It knows nothing of
 * policies, runs or journals. One thread: whoever polls view_fd() and calls view_serve().
 *
 * Life: view_mount() -> view_new() -> [gate] -> view_add_lower() for "/" and each data mount ->
 * requests are served -> the last mount goes away -> view_serve() returns -ENODEV -> view_free().
 */

/* What a file that is opened for execution is, by its first bytes. */
enum view_executable {
	VIEW_WHOLE,   /* loads nothing else: a static program, or no known format */
	VIEW_DYNAMIC, /* ELF with a PT_INTERP segment: its interpreter is opened next, elf(5) */
	VIEW_SCRIPT,  /* "#!": the interpreter is opened next, and is the program then, execve(2) */
};

/* What a request wants. Strings are borrowed for the call. */
struct view_question {
	enum access access;
	const char *path; /* absolute, canonical: as mediated by (directory, name); not widened */
	/* further names of the same file, NULL at the end, or NULL: what one of them may, all may,
	 * since they lead to the same content and a link is made only of what may be read and
	 * written */
	const char *const *others;
	uint32_t flags; /* enum behaviour_flags: IMAGE, PERSISTENT, PRIVILEGED, SOCKET */
	pid_t pid;	/* the caller's thread, in the pid namespace of this process */
	/* of ACCESS_EXEC: a number of this open, and what the kernel will load beside the file */
	uint32_t opening;
	enum view_executable executable;
	uint64_t node; /* identifies the file within this view, for the judge's cache */
};

/* The judge. Returns 0 to go on, or a negative errno that the caller gets (-EACCES). */
typedef int view_judge(void *context, const struct view_question *question);

/* An open for execution has ended: execve(2) has failed, or nobody runs the file any more. */
typedef void view_exec_closed(void *context, uint32_t opening);

struct view_options {
	/*
	 * Inodes remembered at a time. Near it, the kernel is asked to forget (Linux 6.18); older
	 * ones cannot be asked, there four times as many may be remembered.
	 */
	unsigned long names_max;
	bool passthrough; /* FUSE passthrough where kernel and lower file systems allow */
	/*
	 * No lower file system holds POSIX ACLs. Then they are not enforced, and a program that is
	 * not root costs one request less for each name that it passes.
	 */
	bool without_acls;
	/*
	 * Locks by fcntl(2) and flock(2) hold against everybody who uses the lower file systems:
	 * for volumes. Else the kernel keeps them for this view alone, without a request for each.
	 */
	bool share_locks;
	int64_t started_ns; /* image content is what did not change since (CLOCK_REALTIME) */
	view_judge *judge;
	view_exec_closed *exec_closed; /* may be NULL */
	void *context;		       /* handed to the judge */
};

struct view;

/*
 * Opens /dev/fuse and makes a detached FUSE mount (fsopen, fsconfig, fsmount; Linux 5.2), with
 * allow_other and default_permissions, of type "fuse.husk". Both descriptors belong to the caller
 * and are O_CLOEXEC; the mount lives until ret_mount_fd is closed or it is attached and unmounted.
 * Returns 0 or -errno: -ENOENT or -ENODEV where there is no /dev/fuse (hint: how to get it).
 */
int view_mount(int *ret_fuse_fd, int *ret_mount_fd, struct error *err);

/*
 * Starts serving on `fuse_fd`, which the view owns from now on, also on failure. Makes
 * /proc the working directory, which must stay it: what is found there by a path is found wherever
 * the process's root is.
 */
int view_new(int fuse_fd, const struct view_options *options, struct view **ret, struct error *err);
void view_free(struct view *view); /* takes NULL */

int view_fd(const struct view *view); /* to poll for POLLIN; owned by the view */

/* How long at most to wait before view_serve() is to be called again: milliseconds, or -1. */
int view_wait_ms(const struct view *view);

/* Serves what has come, at most `budget` requests, without waiting. Returns how many those were, or
 * -ENODEV once the file system is unmounted everywhere, or another -errno that ends the view. */
int view_serve(struct view *view, unsigned int budget);

/* The thread that asked last and waited for the answer, 0 before the first. */
pid_t view_caller(const struct view *view);

/*
 * One file system that lies below the view.
 * fd: O_PATH descriptor of a detached clone (open_tree(2)) of the mount, a directory or a single
 * file; the view owns it from now on, also on failure. path: where it was mounted in the container,
 * "/" for the root, which comes first. Mount order.
 */
struct view_lower {
	int fd;
	const char *path;
	bool persistent; /* a volume or a bind of the host: never image content, outlives the
			    container */
};

int view_add_lower(struct view *view, const struct view_lower *lower, struct error *err);

/*
 * The gate: the top directory of the mount holds one regular file, VIEW_GATE, with the bytes of
 * husk-launch. It is bound over the container's entry point. Opening it for execution (FUSE open
 * flag 0x20, FMODE_EXEC of the kernel's include/linux/fs.h) calls `opened` once and is answered
 * only by view_gate_answer() or view_gate_pass(); until then other requests are served. A later or
 * plain open reads the bytes.
 */
#define VIEW_GATE "husk-gate"

/*
 * Beside it, once the first lower is there, lies the root of what is served: a clone of the mount
 * at VIEW_ROOT is what the container gets. It is not the top itself, because of that one the kernel
 * caches no ACLs: it knows that inode before it knows whether the view has ACLs (fuse_init_inode()
 * of fs/fuse/inode.c), and asks for them with each absolute path of a program that is not root.
 */
#define VIEW_ROOT "root"

typedef void view_gate_opened(void *context, pid_t pid);

/* bytes: malloc'd, and the view's from then on, also on failure. like: mode, uid, gid and times
 * that the file shows. */
int view_set_gate(struct view *view, void *bytes, size_t len, const struct stat *like,
		  view_gate_opened *opened, void *context);

/*
 * Until an exec is let through, the gate shows the file behind `fd` (readable, of the size that
 * `like` has; the view's from then on) to all that read it, and to each exec that is passed: hooks
 * that run in the container before it.
 */
void view_gate_show(struct view *view, int fd);

/* Answers the open that waits so that it executes what is shown, and the gate goes on to wait.
 * Returns 0, or -EACCES where nothing is shown: then it is still to be answered. */
int view_gate_pass(struct view *view);

/* Has anybody what is shown still open, so that nobody can be let through? */
bool view_gate_is_used(const struct view *view);

/* Answers the open that waits: 0 lets it through, a negative errno is what execve(2) fails with. */
void view_gate_answer(struct view *view, int result);

/*
 * Until view_settle() is called, the directories on the way to `cwd` may be searched by everybody:
 * the launcher enters process.cwd with the function's ids, where the runtime did it as root.
 */
void view_open_way(struct view *view, const char *cwd);
void view_settle(struct view *view);

/*
 * The word of the launcher: looking a name up in the root that begins with `prefix` (borrowed) asks
 * `heard` in place of the file system below, with the rest of the name and the caller's thread, and
 * fails with the negative errno that it returns. NULL for `prefix`: names are only names.
 */
typedef int view_word_heard(void *context, pid_t pid, const char *rest);

void view_hear(struct view *view, const char *prefix, view_word_heard *heard, void *context);

/* Counters for `husk` and for benches. */
struct view_statistics {
	uint64_t requests;
	uint64_t names;	     /* inodes remembered now */
	uint64_t names_lost; /* requests refused because a table was full */
	uint64_t passthrough_opens;
	uint64_t acls; /* POSIX ACLs that were found: view_options.without_acls is not for here */
	uint64_t
		operations[64]; /* requests by enum fuse_opcode of linux/fuse.h; higher ones in 0 */
};

struct view_statistics view_statistics(const struct view *view);

/* Appends "LOOKUP 384, OPEN 143": the operations that were asked for, in the order of their
 * numbers.
 */
void view_statistics_text(const struct view_statistics *statistics, struct buf *to);

#endif
