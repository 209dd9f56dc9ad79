/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUSK_VIEW_VIEW_INTERNAL_H
#define HUSK_VIEW_VIEW_INTERNAL_H

#define FUSE_USE_VERSION 312

#include <fuse_lowlevel.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "view/inode.h"
#include "view/protocol.h"
#include "view/view.h"

/*
 * What the files of this part share. One thread, so no locks. A FUSE operation is two functions: a
 * plain one that decides and acts and returns -errno, and op_NAME(), which replies exactly once.
 *
 *   session.c    life, requests in, replies out, INIT          gate.c         the gate
 *   inode.c      the table of files                            judge.c        questions
 *   descriptor.c an O_PATH descriptor for a file               credentials.c  the caller's ids
 *   file-handle.c a way back to a file without a name
 *   lower.c      lower file systems, crossing from one to another
 *   lookup.c, attributes.c, open.c, passthrough.c, data.c, names.c, directory.c, xattr.c, flags.c
 *   prune.c      keeping the table small                       locks.c        locks that are shared
 */
enum {
	VIEW_WRITE_MAX = 256 * 1024, /* bytes of one READ or WRITE that is not passed through */
	VIEW_REQUEST_MAX = VIEW_WRITE_MAX + 4096, /* header and arguments: less than a page */
	VIEW_PATH_MAX = 64 * 1024, /* a container can nest deeper than PATH_MAX by chdir(2) */
	VIEW_LOWERS_MAX = 1024,
	VIEW_DEVICES_MAX = 64,
};

struct lower {
	int fd;
	bool persistent;
	bool overlay;	    /* files change number when they are copied up */
	bool handles_not;   /* the file system has no handles */
	int mount_fd;	    /* for open_by_handle_at(2), or -1 */
	struct inode *root; /* its `parent` and `name` are where this one is crossed into */
};

struct gate {
	struct inode *inode; /* NULL: no gate */
	char *bytes;
	size_t len;
	struct stat stat;
	view_gate_opened *opened;
	void *context;
	bool asked; /* `opened` was called */
	fuse_req_t waiting;
	int shown_fd;	    /* the file that it stands in for, while that is shown; or -1 */
	unsigned int users; /* who has it open, but for the exec that came through */
};

/* What is listened for, view_hear(). */
struct word {
	const char *prefix; /* NULL: nothing */
	view_word_heard *heard;
	void *context;
};

struct view {
	struct fuse_session *session;
	int fd;
	int proc_fd; /* /proc/self/fd, to open a file again that an O_PATH descriptor leads to */
	struct view_options options;
	struct view_statistics statistics;
	struct inode_table inodes;
	struct inode *top;  /* holds VIEW_GATE and VIEW_ROOT */
	struct inode *root; /* of the first lower file system; NULL before */
	struct lower *lowers;
	size_t lower_count;
	dev_t devices[VIEW_DEVICES_MAX]; /* of the lower file systems, in order of appearance */
	size_t device_count;
	struct gate gate;
	struct word word;

	/* descriptor.c */
	struct inode *oldest, *newest; /* inodes whose descriptor may be closed */
	size_t idle;		       /* how many those are */
	size_t idle_max;
	size_t descriptors; /* all that the view holds open for files */
	size_t descriptors_max;
	uint32_t tick; /* of the present request */

	/* session.c */
	char *request;	 /* what was read, VIEW_REQUEST_MAX bytes */
	pid_t caller;	 /* of the last that was waited for */
	uint32_t opcode; /* of it, as the kernel sent it */
	char *data;	 /* for READ, READDIR and the like, VIEW_WRITE_MAX bytes */
	char *path;	 /* VIEW_PATH_MAX bytes */
	uint64_t init_unique;
	uint64_t init_flags; /* what the kernel offers */
	bool passes;	     /* passthrough was agreed on */
	bool long_setxattr;  /* struct fuse_setxattr_in has flags of its own */
	int write_error;

	uint32_t openings; /* opens for execution, counted; 0 is none, HANDLE_NUMBERED is not set */
	uint32_t handles;  /* those with a number of their own, counted */

	/* locks.c */
	struct lock_owner *lock_owners;
	struct lock_waiter *lock_waiters; /* in order of arrival */
	int64_t lock_looked_ns;
	bool shares_locks;

	/* prune.c */
	size_t prune_at; /* inodes */
	uint32_t pruned; /* tick of the last time */
	bool prunes_not; /* the kernel has no FUSE_NOTIFY_PRUNE */
};

/* Seconds that the kernel may keep a name or attributes for. */
#define VIEW_KEEP_S 86400.0
#define VIEW_KEEP_PERSISTENT_S 1.0

static inline struct view *view_of(fuse_req_t req)
{
	return fuse_req_userdata(req);
}

static inline struct inode *node_of(struct view *view, fuse_ino_t node)
{
	return node == FUSE_ROOT_ID ? view->top : (struct inode *)(uintptr_t)node;
}

static inline fuse_ino_t node_number(const struct view *view, const struct inode *inode)
{
	return inode == view->top ? FUSE_ROOT_ID : (fuse_ino_t)(uintptr_t)inode;
}

static inline struct lower *lower_of(struct view *view, const struct inode *inode)
{
	return &view->lowers[inode->key.lower];
}

/* Arguments of the request at hand as the kernel sent them, for fields that libfuse leaves out. */
static inline const void *request_arguments(const struct view *view)
{
	return view->request + sizeof(struct fuse_in_header);
}

/* ---- descriptor.c ---- */

#define DESCRIPTOR_STATX (STATX_BASIC_STATS | STATX_BTIME)

void descriptors_init(struct view *view);

/*
 * The O_PATH descriptor of `inode`, opened if it is not: owned by the inode, valid until the next
 * request. -ESTALE where the remembered name leads to another file or to none, -ENFILE or other
 * -errno.
 */
int descriptor_of(struct view *view, struct inode *inode);

/* The same, with the attributes of the file. */
int descriptor_with_stat(struct view *view, struct inode *inode, struct statx *ret);

/* Attributes of the lower file, by descriptor or by (parent, name). 0, -ESTALE or other -errno. */
int descriptor_stat(struct view *view, struct inode *inode, struct statx *ret);

/* Gives the inode an O_PATH descriptor that is open already, owned from now on. */
void descriptor_adopt(struct view *view, struct inode *inode, int fd);

/* Closes what the inode has open; called before it is freed. */
void descriptor_drop(void *view, struct inode *inode);

/* Opens `inode` again for reading or writing. flags as open(2). Returns a descriptor or -errno. */
int descriptor_reopen(struct view *view, struct inode *inode, int flags);

/* "NUMBER" for use below view->proc_fd. */
#define DESCRIPTOR_NAME_MAX 16
void descriptor_name(int fd, char out[DESCRIPTOR_NAME_MAX]);

/* Counts an open file's descriptor: 0, or -ENFILE where there are too many. */
int descriptor_charge(struct view *view);

/* Are more than half of all descriptors in use? Then what can be opened again later is closed. */
bool descriptors_short(const struct view *view);
void descriptor_close(struct view *view, int fd); /* closes and counts back; takes -1 */

/* ---- file-handle.c ---- */

/* Takes a handle of the file, which has a descriptor, unless it has one. Returns 0 or -errno. */
int file_handle_take(struct view *view, struct inode *inode);

/* Opens (O_PATH) by the handle that was taken. A descriptor for the caller, or -errno: -ESTALE. */
int file_handle_open(struct view *view, struct inode *inode);

/* ---- lower.c ---- */

/* The root of the lower file system that is mounted at (dir, name), or NULL. */
struct inode *lower_crossing(const struct view *view, const struct inode *dir, const char *name);

/* The number that the container sees for a lower one. */
uint64_t lower_number(struct view *view, dev_t dev, uint64_t ino);

dev_t statx_device(const struct statx *stx);
void statx_key(const struct statx *stx, uint32_t lower, struct inode_key *ret);

/* ---- lookup.c ---- */

/*
 * The inode at (dir, name), made if it is not known, placed there, with its attributes. No lookup
 * is counted: a caller that keeps it counts one, any other calls inode_forget(.., 0).
 */
int lookup_inode(struct view *view, struct inode *dir, const char *name, struct inode **ret,
		 struct statx *ret_stx);

/* Fills in what the kernel learns of a file and counts one lookup. */
void lookup_entry(struct view *view, struct inode *inode, const struct statx *stx,
		  struct fuse_entry_param *ret);

/* The file at (dir, name) was just made or linked: looks it up, and fills in *ret. */
int lookup_made(struct view *view, struct inode *dir, const char *name,
		struct fuse_entry_param *ret);

/* Replies with an entry or with -rc. */
void reply_entry(fuse_req_t req, int rc, const struct fuse_entry_param *entry);

/* For how long the kernel may keep a name, and attributes, in seconds. */
double keep_time(struct view *view, const struct inode *inode);
double keep_time_of_attributes(struct view *view, const struct inode *inode);

/* ---- attributes.c ---- */

void attributes_fill(struct view *view, const struct inode *inode, const struct statx *stx,
		     struct stat *ret);

/* After a change that may have copied the file up: takes over its new number. */
void attributes_follow(struct view *view, struct inode *inode, const struct statx *stx);

/*
 * Removes set-user-ID and set-group-ID as the kernel does when a process without CAP_FSETID changes
 * the content (setattr_should_drop_suidgid() of its fs/attr.c).
 */
int attributes_kill_privileges(fuse_req_t req, struct inode *inode);

/* ---- open.c ---- */

/*
 * An open file or directory: the descriptor plus one in the lower half, or 0 where it is opened for
 * each request: the kernel alone has it open (passthrough), or descriptors are short.
 */
static inline int handle_fd(uint64_t handle)
{
	return (int)(uint32_t)handle - 1;
}

static inline uint64_t handle_of(int fd)
{
	return (uint64_t)(unsigned int)fd + 1;
}

/*
 * The upper half of a handle: the number of an open for execution, or 0, or, with this bit, a
 * number of its own.
 */
#define HANDLE_NUMBERED (UINT32_C(1) << 31)

static inline uint32_t handle_opening(uint64_t handle)
{
	uint32_t upper = (uint32_t)(handle >> 32);

	return upper & HANDLE_NUMBERED ? 0 : upper;
}

/* A descriptor for one operation on an open file: the handle's, or one that was opened for it. */
struct borrowed {
	int fd;
	bool own;
};
int handle_borrow(struct view *view, struct inode *inode, uint64_t handle, int flags,
		  struct borrowed *ret);
void handle_return(struct borrowed *borrowed);

/* ---- passthrough.c ---- */

/* Decides how an open of `inode` is served. Counts the open. Returns INODE_PASSED or INODE_CACHED.
 */
enum inode_mode passthrough_open(struct view *view, struct inode *inode, int fd, bool avoid);
void passthrough_release(struct view *view, struct inode *inode);
void passthrough_close(struct view *view, struct inode *inode);

/* ---- judge.c ---- */

/* Asks the judge about `inode`, or about `name` in it. `stx`: attributes of the file, NULL if new.
 */
int judge_file(struct view *view, fuse_req_t req, enum access access, const struct inode *inode,
	       const struct statx *stx);
int judge_name(struct view *view, fuse_req_t req, enum access access, const struct inode *dir,
	       const char *name);

/* As judge_name() about a file of type and mode `mode` that is to be made. */
int judge_special(struct view *view, fuse_req_t req, mode_t mode, const struct inode *dir,
		  const char *name);
/* Content of the image: not of a volume, and not changed since the container was started. */
bool judge_is_image(const struct view *view, const struct inode *inode, const struct statx *stx);

/* Asks about an open for execution, which is given the number view->openings. */
int judge_exec(struct view *view, fuse_req_t req, struct inode *inode, const struct statx *stx);

/* ---- credentials.c ---- */

struct credentials {
	uid_t uid;
	gid_t gid;
	mode_t umask;
	bool changed;
};

/* From here to credentials_leave(), files are made as the caller would, with our capabilities. */
void credentials_enter(fuse_req_t req, mode_t umask, struct credentials *ret);
void credentials_leave(const struct credentials *credentials); /* keeps errno */

/* Has the caller this capability (linux/capability.h) in the first user namespace? */
bool credentials_capable(fuse_req_t req, int capability);

/* Is the caller in this group, by its fsgid or a supplementary one? */
bool credentials_in_group(fuse_req_t req, gid_t gid);

/* The process that the caller is a thread of, or 0. */
pid_t credentials_process(fuse_req_t req);

/* ---- gate.c ---- */

/* A name in the view's top. */
int gate_lookup(struct view *view, const char *name, struct fuse_entry_param *ret);
void gate_stat(const struct view *view, struct stat *ret);
void gate_open(fuse_req_t req, struct fuse_file_info *fi);
void gate_close(struct view *view, const struct fuse_file_info *fi);
void gate_read(fuse_req_t req, size_t size, off_t offset);
void gate_release(struct view *view);

/* ---- locks.c ---- */

/* Tries again what waits, if that was not done a moment ago. */
void locks_look(struct view *view);

/* An open file was closed: the locks of its description end; with the last one, all on the file. */
void locks_release(struct view *view, struct inode *inode, uint64_t handle);

/* The request with that number is to be given up. Returns whether it was one that waits. */
bool locks_interrupt(struct view *view, uint64_t unique);

/* Gives up all that wait, and all locks. */
void locks_end(struct view *view);

/* ---- prune.c ---- */

/* Asks the kernel to forget some of what it does not use, where the table is nearly full. */
void prune(struct view *view);

/* ---- operations ---- */

void op_lookup(fuse_req_t req, fuse_ino_t parent, const char *name);
void op_forget(fuse_req_t req, fuse_ino_t node, uint64_t lookups);
void op_forget_multi(fuse_req_t req, size_t count, struct fuse_forget_data *forgets);
void op_getattr(fuse_req_t req, fuse_ino_t node, struct fuse_file_info *fi);
void op_setattr(fuse_req_t req, fuse_ino_t node, struct stat *attr, int valid,
		struct fuse_file_info *fi);
void op_readlink(fuse_req_t req, fuse_ino_t node);
void op_statfs(fuse_req_t req, fuse_ino_t node);
void op_open(fuse_req_t req, fuse_ino_t node, struct fuse_file_info *fi);
void op_create(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode,
	       struct fuse_file_info *fi);
void op_release(fuse_req_t req, fuse_ino_t node, struct fuse_file_info *fi);
void op_read(fuse_req_t req, fuse_ino_t node, size_t size, off_t offset, struct fuse_file_info *fi);
void op_write(fuse_req_t req, fuse_ino_t node, const char *bytes, size_t size, off_t offset,
	      struct fuse_file_info *fi);
void op_fsync(fuse_req_t req, fuse_ino_t node, int datasync, struct fuse_file_info *fi);
void op_fallocate(fuse_req_t req, fuse_ino_t node, int mode, off_t offset, off_t length,
		  struct fuse_file_info *fi);
void op_lseek(fuse_req_t req, fuse_ino_t node, off_t offset, int whence, struct fuse_file_info *fi);
void op_copy_file_range(fuse_req_t req, fuse_ino_t node_in, off_t offset_in,
			struct fuse_file_info *fi_in, fuse_ino_t node_out, off_t offset_out,
			struct fuse_file_info *fi_out, size_t len, int flags);
void op_mknod(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, dev_t device);
void op_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode);
void op_symlink(fuse_req_t req, const char *target, fuse_ino_t parent, const char *name);
void op_link(fuse_req_t req, fuse_ino_t node, fuse_ino_t parent, const char *name);
void op_unlink(fuse_req_t req, fuse_ino_t parent, const char *name);
void op_rmdir(fuse_req_t req, fuse_ino_t parent, const char *name);
void op_rename(fuse_req_t req, fuse_ino_t parent, const char *name, fuse_ino_t new_parent,
	       const char *new_name, unsigned int flags);
void op_getlk(fuse_req_t req, fuse_ino_t node, struct fuse_file_info *fi, struct flock *range);
void op_setlk(fuse_req_t req, fuse_ino_t node, struct fuse_file_info *fi, struct flock *range,
	      int sleeps);
void op_flock(fuse_req_t req, fuse_ino_t node, struct fuse_file_info *fi, int operation);
void op_flush(fuse_req_t req, fuse_ino_t node, struct fuse_file_info *fi);
void op_opendir(fuse_req_t req, fuse_ino_t node, struct fuse_file_info *fi);
void op_readdir(fuse_req_t req, fuse_ino_t node, size_t size, off_t offset,
		struct fuse_file_info *fi);
void op_readdirplus(fuse_req_t req, fuse_ino_t node, size_t size, off_t offset,
		    struct fuse_file_info *fi);
void op_releasedir(fuse_req_t req, fuse_ino_t node, struct fuse_file_info *fi);
void op_fsyncdir(fuse_req_t req, fuse_ino_t node, int datasync, struct fuse_file_info *fi);
void op_setxattr(fuse_req_t req, fuse_ino_t node, const char *name, const char *value, size_t size,
		 int flags);
void op_getxattr(fuse_req_t req, fuse_ino_t node, const char *name, size_t size);
void op_listxattr(fuse_req_t req, fuse_ino_t node, size_t size);
void op_removexattr(fuse_req_t req, fuse_ino_t node, const char *name);
void op_ioctl(fuse_req_t req, fuse_ino_t node, unsigned int command, void *argument,
	      struct fuse_file_info *fi, unsigned int flags, const void *in, size_t in_size,
	      size_t out_size);

#endif
