/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUSK_WRAP_MOUNT_H
#define HUSK_WRAP_MOUNT_H

#include <stdint.h>

#include "container/mountinfo.h"

/*
 * The mount calls of Linux 5.2 and 5.12 on descriptors, as glibc 2.36 has them, each with 0 or a
 * descriptor on success and -errno on failure. Sources: open_tree, move_mount and mount_setattr(2).
 */

/* A detached clone of the mount at (dirfd, path), without what is mounted below; "" for dirfd
 * itself. The last link of `path` is not followed. The caller closes the descriptor. */
int mount_clone(int dirfd, const char *path);

/*
 * As mount_clone(), of what lies in the detached mount `mount_fd`. Before Linux 6.15 only of an
 * attached mount something can be cloned: there it is attached for a moment over the root of the
 * mount namespace, where no process that is in it already comes by. Leaves the working directory
 * anywhere.
 */
int mount_clone_within(int mount_fd, const char *path);

/* Attaches the detached mount `mount_fd` at (dirfd, path); path "" for dirfd itself. */
int mount_attach(int mount_fd, int dirfd, const char *path);

/* Gives the mount `mount_fd` exactly these MOUNT_ATTR_* flags, access times included. */
int mount_set_attributes(int mount_fd, uint64_t attributes);

/* Makes the mount read-only, and leaves its other attributes. */
int mount_make_readonly(int mount_fd);

/* MS_PRIVATE, MS_SHARED, MS_SLAVE or MS_UNBINDABLE; `tree` for all mounts below too. */
int mount_set_propagation(int mount_fd, uint64_t propagation, int tree);

/*
 * Makes `mount_fd`, which must be private, a peer of the mount that `like_fd` is the root of, with
 * the same master: both must be of one file system. Source: MOVE_MOUNT_SET_GROUP of move_mount(2),
 * Linux 5.15; -EINVAL before.
 */
int mount_join_group(int mount_fd, int like_fd);

/* Makes the file system behind the mount read-only, for all of its mounts. Source: fspick(2). */
int mount_make_superblock_readonly(int mount_fd);

#endif
