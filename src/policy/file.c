/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where policy images lie, each twice, by function and revision. */
#include "policy/file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/hash.h"

enum { SHOWN_MAX = 64 };

void policy_file_beside(const char *function, const char *revision, const char *suffix, char *out)
{
	uint64_t hash = hash64_add(HASH64_INIT, function, strlen(function) + 1);
	char shown[SHOWN_MAX + 1];
	size_t len = 0;

	hash = hash64_mix(hash64_add(hash, revision, strlen(revision) + 1));
	for (; len < SHOWN_MAX && function[len]; len++) {
		char c = function[len];
		bool kept = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
			    (c >= '0' && c <= '9') || c == '_' || c == '-' || (c == '.' && len > 0);

		shown[len] = kept ? c : '_';
	}
	shown[len] = '\0';
	snprintf(out, NAME_MAX + 1, "%s-%016" PRIx64 "%s", shown, hash, suffix);
}

void policy_file_name(const char *function, const char *revision, char *out)
{
	policy_file_beside(function, revision, ".policy", out);
}

static int open_directory(int state_fd, struct error *err)
{
	int fd =
		openat(state_fd, POLICY_DIRECTORY, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

	return fd < 0 ? error_set(err, errno, "cannot open '%s'", POLICY_DIRECTORY) : fd;
}

static int open_owned(int dirfd, const char *name, const char *function, const char *revision,
		      struct policy_image **ret, struct error *err)
{
	cleanup_policy_image struct policy_image *image = NULL;
	struct policy_info info;
	int r = policy_image_open(dirfd, name, &image, err);

	if (r < 0)
		return r;
	info = policy_image_info(image);
	if (strcmp(info.function, function) != 0 || strcmp(info.revision, revision) != 0)
		return error_say(err, EPROTO, "'%s' is the policy of another function or revision",
				 name);
	*ret = steal_ptr(&image);
	return 0;
}

int policy_file_open(int state_fd, const char *function, const char *revision,
		     struct policy_image **ret, bool *ret_damaged, struct error *err)
{
	cleanup_close int dirfd = open_directory(state_fd, err);
	char name[NAME_MAX + 1], copy[NAME_MAX + 1];
	struct error of_copy = ERROR_INIT;
	int r, r_copy;

	if (dirfd < 0)
		return dirfd;
	policy_file_name(function, revision, name);
	r = open_owned(dirfd, name, function, revision, ret, err);
	if (r == 0)
		*ret_damaged = false;
	if (r != -EPROTO && r != -ENOENT)
		return r;
	policy_file_beside(function, revision, POLICY_COPY, copy);
	r_copy = open_owned(dirfd, copy, function, revision, ret, &of_copy);
	if (r_copy == 0) {
		*ret_damaged = true;
		if (err)
			*err = ERROR_INIT;
		return 0;
	}
	if (r == -ENOENT && r_copy != -ENOENT) {
		if (err)
			*err = of_copy;
		return r_copy;
	}
	return r;
}

int policy_file_write(int state_fd, const char *function, const char *revision, const void *bytes,
		      size_t len, struct error *err)
{
	cleanup_policy_image struct policy_image *image = NULL;
	char name[NAME_MAX + 1], copy[NAME_MAX + 1];
	cleanup_close int dirfd = -1;
	struct policy_info info;
	int r = policy_image_check(bytes, len, &image, err);

	if (r < 0)
		return r;
	info = policy_image_info(image);
	if (strcmp(info.function, function) != 0 || strcmp(info.revision, revision) != 0)
		return error_say(err, EINVAL, "the policy image is another function's");
	if (mkdirat(state_fd, POLICY_DIRECTORY, 0700) < 0 && errno != EEXIST)
		return error_set(err, errno, "cannot make '%s'", POLICY_DIRECTORY);
	dirfd = open_directory(state_fd, err);
	if (dirfd < 0)
		return dirfd;
	policy_file_name(function, revision, name);
	policy_file_beside(function, revision, POLICY_COPY, copy);
	r = atomic_file_write(dirfd, name, bytes, len, 0600, err);
	return r < 0 ? r : atomic_file_write(dirfd, copy, bytes, len, 0600, err);
}
