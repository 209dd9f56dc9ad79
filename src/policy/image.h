/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUSK_POLICY_IMAGE_H
#define HUSK_POLICY_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "policy/behaviour.h"

/*
 * The policy image: what one revision of one function may do, compiled, immutable, checked as a
 * whole before anything of it is used, and mapped read-only. Little endian, version in the header;
 * any other version, a wrong length or a wrong CRC-32C make it unreadable (-EPROTO), never partly
 * read.
 *
 *   header | attachments | table of entries by hash, open addressing, power of two | strings
 *
 * The exact bytes stand in image-internal.h.
 */
enum policy_limits {
	POLICY_VERSION = 2,
	POLICY_BYTES_MAX = 64 * 1024 * 1024,
	POLICY_NAME_MAX = 255, /* bytes of a function or revision name */
};

struct policy_image; /* opaque, read-only, may be used by one thread at a time */

#define cleanup_policy_image __attribute__((cleanup(policy_image_free_p)))

/* What the image says of itself. Strings live as long as the image. */
struct policy_info {
	const char *function;
	const char *revision;
	uint64_t serial;	  /* grows with every compilation of this revision */
	enum mode modes[DOMAINS]; /* of each domain */
	uint32_t entries;
};

/*
 * Maps and checks the file `name` below `dirfd`. Returns 0 with *ret owned by the caller,
 * -ENOENT where there is none, -EPROTO where it is no whole image of this version, other -errno.
 */
int policy_image_open(int dirfd, const char *name, struct policy_image **ret, struct error *err);

/* The same over bytes in memory, which must stay as they are until the image is freed. For tests.
 */
int policy_image_check(const void *bytes, size_t len, struct policy_image **ret, struct error *err);

void policy_image_free(struct policy_image *image); /* takes NULL */
void policy_image_free_p(struct policy_image **image);

struct policy_info policy_image_info(const struct policy_image *image);

enum policy_match {
	POLICY_ABSENT = 0,  /* not in the profile */
	POLICY_ALLOWED = 1, /* learned and admitted, or marked "allow" */
	POLICY_DENIED = 2,  /* marked "deny" */
};

/*
 * Looks (domain, access, program, key) up, then (domain, access, any program, key); a mark "deny"
 * of either wins. No allocation, no system call, constant expected time.
 */
enum policy_match policy_image_find(const struct policy_image *image, const struct behaviour *b);

/*
 * Is `path` the target of an allowed exec entry, for whichever program, and not denied to any
 * program? Then it may act as a program. Same cost as one lookup.
 */
bool policy_image_has_program(const struct policy_image *image, const char *path);

/* Told of one entry; its strings live as long as the image. Returns 0 to go on. */
typedef int policy_each(void *context, const struct behaviour *b, enum policy_match match);

/* Calls `each` for the entries of a domain, in no order, until it returns something else than 0,
 * and returns that. Looks at every entry of the image. */
int policy_image_each(const struct policy_image *image, enum domain domain, policy_each *each,
		      void *context);

/*
 * What is compiled beside the entries, for one reader each: bytes in that reader's own format, of
 * which the image knows the length alone. The numbers are stored: never renumber, only append.
 */
enum policy_attachment {
	POLICY_LAUNCH = 0, /* what husk-launch applies before the real program */
	POLICY_NATIVE = 1, /* what is attached natively, past the view */
	POLICY_ATTACHMENTS = 2,
};

/* The bytes of one attachment, as long as the image lives, 8-byte aligned where the image is
 * mapped. *ret_len is 0 where there is none. They are as they were compiled; what they say is for
 * their reader to check. */
const void *policy_image_attachment(const struct policy_image *image, enum policy_attachment kind,
				    size_t *ret_len);

/* ---- building ---- */

struct policy_builder;

struct policy_builder *policy_builder_new(void); /* NULL: out of memory */
void policy_builder_free(struct policy_builder *builder);

/* Adds one entry; the strings are copied. A second entry for the same four fields replaces it, but
 * never a denial by an allowance. POLICY_ABSENT adds nothing. Returns 0, -ENOMEM, -EFBIG (a string
 * over 64 KiB, or more than POLICY_BYTES_MAX in all) or -EINVAL (a number out of range). */
int policy_builder_add(struct policy_builder *builder, const struct behaviour *b,
		       enum policy_match match);

/* Attaches a copy of the bytes, in place of what was attached of this kind. Returns 0, -ENOMEM,
 * -EFBIG (more than POLICY_BYTES_MAX) or -EINVAL (no such kind). */
int policy_builder_attach(struct policy_builder *builder, enum policy_attachment kind,
			  const void *bytes, size_t len);

/*
 * Emits the image. The same entries in any order give the same bytes. *ret_bytes is malloc'd, the
 * caller frees. info.entries is ignored. The builder may be added to and finished again. Returns 0,
 * -ENOMEM, -EINVAL (a name of *info is too long, or a mode out of range), -EFBIG.
 */
int policy_builder_finish(struct policy_builder *builder, const struct policy_info *info,
			  void **ret_bytes, size_t *ret_len);

#endif
