/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUSK_POLICY_FILE_H
#define HUSK_POLICY_FILE_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "policy/image.h"

/*
 * Where the policy image of a revision lies: STATE/policies/NAME.policy, and beside it NAME.copy,
 * the same once more, and NAME.trees, what its runs found in natively attached trees
 * (wrap/native-known.h). NAME is made of the function's name, reduced to letters, digits, '.',
 * '_' and '-', at most 64 of them, '-' and 16 hexadecimal digits of a hash of function and
 * revision. The image says itself whose it is, and that is compared, so a collision is an error and
 * never another's policy.
 *
 * The copy is no older image: that one may be of a mode that denies nothing.
 */
#define POLICY_DIRECTORY "policies"
#define POLICY_COPY ".copy"
#define POLICY_TREES ".trees"

/* Writes the file name with ".policy" to `out` of NAME_MAX + 1 bytes. */
void policy_file_name(const char *function, const char *revision, char *out);

/* The same with another suffix. */
void policy_file_beside(const char *function, const char *revision, const char *suffix, char *out);

/*
 * Opens the image of (function, revision) below `state_fd`. Where it is damaged, its copy is
 * taken and *ret_damaged is set. Returns 0; -ENOENT where nothing was ever learned; -EPROTO where
 * there are files and none is whole, or it is another's: the caller refuses or goes back to
 * learning (husk-hook(8)); other -errno.
 */
int policy_file_open(int state_fd, const char *function, const char *revision,
		     struct policy_image **ret, bool *ret_damaged, struct error *err);

/* Replaces the image, and then its copy, each atomically. */
int policy_file_write(int state_fd, const char *function, const char *revision, const void *bytes,
		      size_t len, struct error *err);

#endif
