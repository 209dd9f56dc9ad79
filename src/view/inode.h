/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUSK_VIEW_INODE_H
#define HUSK_VIEW_INODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

/*
 * The table of the files that the kernel knows of the view: one struct inode for each file of a
 * lower file system that was looked up and not forgotten. Pure bookkeeping: no system call, no
 * libfuse.
 *
 * A file is identified by lower file system, device, inode number and, since numbers are used
 * again, time of birth. It remembers one place, (parent, name): the one it was last looked up at;
 * and, of a file with several names, some of the others that it was looked up at.
 * Parents are held by their children, so that a path can always be built. The number that the
 * kernel knows a file by is the address of its struct inode, but for the view's top, which is
 * FUSE_ROOT_ID.
 */
struct lower;
struct file_handle;

struct inode_key {
	dev_t dev;
	uint64_t ino;
	uint32_t birth; /* low bits of the time of birth, 0 where the file system has none */
	uint32_t lower; /* index of the lower file system */
};

enum { INODE_ALIASES_MAX = 16 };

enum inode_mode { INODE_CLOSED = 0, INODE_CACHED = 1, INODE_PASSED = 2 };

/* Another name of a file. */
struct alias {
	struct alias *next;
	struct inode *parent; /* counted in the parent's `refs` */
	char name[];
};

struct inode {
	struct inode *chain;	     /* next in the same bucket */
	struct inode *parent;	     /* counted in the parent's `refs`; NULL for the root */
	char *name;		     /* in `parent`; owned */
	struct alias *aliases;	     /* owned */
	struct inode *older, *newer; /* those with a descriptor that may be closed, by last use */
	struct file_handle *handle;  /* of name_to_handle_at(2), or NULL; owned */
	struct inode_key key;
	uint64_t lookups;    /* what the kernel will give back by FORGET */
	uint64_t serial;     /* grows whenever this file may have got another path */
	uint32_t refs;	     /* children, lower file systems mounted here */
	uint32_t opens;	     /* open files that the kernel holds, all in the same mode */
	uint32_t used;	     /* tick of the last use */
	int fd;		     /* O_PATH, or -1; see descriptor.h */
	int backing;	     /* id for passthrough, 0 for none */
	uint16_t type;	     /* S_IFMT bits */
	uint8_t mode;	     /* enum inode_mode of the open files */
	bool crossed : 1;    /* some child is the root of another lower file system */
	bool fixed : 1;	     /* root of a lower file system, or the view's own: fd stays */
	bool own : 1;	     /* the view's own: its top, the gate. No lower file system has it */
	bool unlinked : 1;   /* the remembered name is gone: only the descriptor leads here */
	bool searchable : 1; /* see view_open_way() */
	bool mappable : 1;   /* its content may be changed through a mapping, see open.c */
	bool hashed : 1;
	bool fresh : 1; /* looked up since the last pruning */
};

struct inode_table {
	struct inode **buckets;
	size_t bucket_count; /* power of two */
	size_t count;
	size_t max;	 /* no more are made beyond */
	size_t cursor;	 /* where pruning goes on */
	uint64_t serial; /* last one given out */
	uint32_t epoch;	 /* renamed directories: paths below them changed */
	void (*drop)(void *context, struct inode *inode);
	void *context;
};

/*
 * `drop` is called before an inode is freed, to let go of its descriptors. Returns 0 or -ENOMEM.
 */
int inode_table_init(struct inode_table *table, size_t max,
		     void (*drop)(void *context, struct inode *inode), void *context);

/* Drops and frees every inode, and the table. */
void inode_table_release(struct inode_table *table);

/* The inode with that key, or NULL. */
struct inode *inode_find(const struct inode_table *table, const struct inode_key *key);

/*
 * Makes an inode with that key, without lookups, at (parent, name). `parent` is NULL only for a
 * root. Returns 0, -ENFILE where the table is full or -ENOMEM.
 */
int inode_make(struct inode_table *table, const struct inode_key *key, mode_t type,
	       struct inode *parent, const char *name, struct inode **ret);

/* Gives the inode another key, as a file that was copied up by an overlay gets one. */
void inode_rekey(struct inode_table *table, struct inode *inode, const struct inode_key *key);

/* Takes the inode out of the search: another file has its place. It lives until it is forgotten. */
void inode_hide(struct inode_table *table, struct inode *inode);

/*
 * Remembers (parent, name) as the place of `inode`. Returns 0; with nothing changed -ENOMEM, or
 * -ESTALE where `parent` lies below `inode`: then somebody moved directories behind the view's
 * back, and what is remembered of `parent` is out of date.
 */
int inode_place(struct inode_table *table, struct inode *inode, struct inode *parent,
		const char *name);

/*
 * Keeps the present place of `inode` among its other names, before another is remembered: for files
 * that have several. Beyond 16 (INODE_ALIASES_MAX), or without memory, it is not kept.
 */
void inode_keep_place(struct inode *inode);

/* Is `inode` remembered at (parent, name)? */
bool inode_is_at(const struct inode *inode, const struct inode *parent, const char *name);

/* Notes that (parent, name) no longer leads to `inode`. */
void inode_unlink(struct inode_table *table, struct inode *inode);

/*
 * Takes `lookups` back. Then frees the inode, and every parent, that nothing holds any more.
 */
void inode_forget(struct inode_table *table, struct inode *inode, uint64_t lookups);

/*
 * Writes the path of `inode`, followed by "/" and `name` unless that is NULL, to the end of `room`
 * bytes at `out`. Returns where it begins, or NULL where it does not fit.
 */
char *inode_path(const struct inode *inode, const char *name, char *out, size_t room);

/* Identifies the file and its present path for caches; never 0. */
uint64_t inode_identity(const struct inode_table *table, const struct inode *inode);

#endif
