/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUSK_VIEW_PROTOCOL_H
#define HUSK_VIEW_PROTOCOL_H

#include <linux/fuse.h>
#include <stdint.h>
#include <sys/ioctl.h>

/*
 * What the kernel speaks and the headers that husk is built with may not know: linux/fuse.h of the
 * oldest distribution served is protocol 7.38. Source: include/uapi/linux/fuse.h, with the version
 * that brought each (passthrough 7.40 in Linux 6.9, prune 7.45 in Linux 6.18).
 */
enum protocol_bits {
	PROTOCOL_OPEN_PASSTHROUGH = 1 << 7, /* FOPEN_PASSTHROUGH, 7.40 */
	PROTOCOL_NOTIFY_PRUNE = 9,	    /* FUSE_NOTIFY_PRUNE, 7.45 */
	PROTOCOL_FMODE_EXEC = 0x20,	    /* FMODE_EXEC, include/linux/fs.h: open for execution */
};

#define PROTOCOL_PASSTHROUGH (UINT64_C(1) << 37) /* FUSE_PASSTHROUGH, 7.40 */
#define PROTOCOL_ALLOW_IDMAP (UINT64_C(1) << 40) /* FUSE_ALLOW_IDMAP, 7.41 */

/*
 * How many file systems may lie on each other below the view, the view counted. The kernel opens a
 * backing file only on a file system whose own depth is less than this; 2 is its maximum
 * (FILESYSTEM_MAX_STACK_DEPTH), and what an overlay as the lower file system (depth 1) needs.
 */
enum { PROTOCOL_STACK_DEPTH = 2 };

/* struct fuse_init_out of 7.40: max_stack_depth is the first word of what was unused before. */
struct protocol_init_out {
	uint32_t major;
	uint32_t minor;
	uint32_t max_readahead;
	uint32_t flags;
	uint16_t max_background;
	uint16_t congestion_threshold;
	uint32_t max_write;
	uint32_t time_gran;
	uint16_t max_pages;
	uint16_t map_alignment;
	uint32_t flags2;
	uint32_t max_stack_depth;
	uint32_t unused[6];
};

/* struct fuse_open_out of 7.40. */
struct protocol_open_out {
	uint64_t fh;
	uint32_t open_flags;
	int32_t backing_id;
};

/* struct fuse_backing_map of 7.40 and its two ioctls on the fuse device. */
struct protocol_backing_map {
	int32_t fd;
	uint32_t flags;
	uint64_t padding;
};
#define PROTOCOL_BACKING_OPEN _IOW(229, 1, struct protocol_backing_map)
#define PROTOCOL_BACKING_CLOSE _IOW(229, 2, uint32_t)

/* struct fuse_notify_prune_out of 7.45; `count` node numbers of 8 bytes follow. */
struct protocol_prune_out {
	uint32_t count;
	uint32_t padding;
	uint64_t spare;
};

/* FUSE_STATX, 7.39. */
enum { PROTOCOL_STATX = 52 };

struct protocol_statx_in {
	uint32_t getattr_flags;
	uint32_t reserved;
	uint64_t fh;
	uint32_t sx_flags;
	uint32_t sx_mask;
};

struct protocol_time {
	int64_t tv_sec;
	uint32_t tv_nsec;
	int32_t reserved;
};

struct protocol_statx {
	uint32_t mask;
	uint32_t blksize;
	uint64_t attributes;
	uint32_t nlink;
	uint32_t uid;
	uint32_t gid;
	uint16_t mode;
	uint16_t spare0;
	uint64_t ino;
	uint64_t size;
	uint64_t blocks;
	uint64_t attributes_mask;
	struct protocol_time atime;
	struct protocol_time btime;
	struct protocol_time ctime;
	struct protocol_time mtime;
	uint32_t rdev_major;
	uint32_t rdev_minor;
	uint32_t dev_major;
	uint32_t dev_minor;
	uint64_t spare2[14];
};

struct protocol_statx_out {
	uint64_t attr_valid;
	uint32_t attr_valid_nsec;
	uint32_t flags;
	uint64_t spare[2];
	struct protocol_statx stat;
};

#endif
