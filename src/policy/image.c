/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reading a policy image. Everything that a lookup relies on is checked once, before the image is
 * handed out: sizes, the checksum, the modes, and that every name of every slot lies within the
 * strings. So a lookup needs no checks, and its loop ends at the latest when it has seen every
 * slot.
 *
 * The bytes may lie anywhere, so numbers are copied out and never read in place.
 */
#include "policy/image.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "policy/image-internal.h"

struct policy_image {
	const char *bytes;
	size_t len;
	bool mapped;		    /* `bytes` is a mapping of this image's own */
	struct image_header header; /* in the machine's byte order */
	const char *attachments;
	const char *slots;
	const char *strings;
};

static struct image_slot slot_at(const struct policy_image *image, uint32_t i)
{
	struct image_slot s;

	memcpy(&s, image->slots + (size_t)i * sizeof(s), sizeof(s));
	s.hash = le32toh(s.hash);
	s.program = le32toh(s.program);
	s.key = le32toh(s.key);
	s.program_len = le16toh(s.program_len);
	s.key_len = le16toh(s.key_len);
	return s;
}

static const char *check_header(const char *bytes, size_t len, struct image_header *ret)
{
	struct image_header h;

	if (len < sizeof(h))
		return "is too short";
	if (len > POLICY_BYTES_MAX)
		return "is too large";
	memcpy(&h, bytes, sizeof(h));
	if (memcmp(h.magic, IMAGE_MAGIC, sizeof(h.magic)) != 0)
		return "is none";
	h.version = le32toh(h.version);
	if (h.version != POLICY_VERSION)
		return "is of another version";
	h.bytes = le64toh(h.bytes);
	if (h.bytes != len)
		return "is not as long as it says";
	h.crc = le32toh(h.crc);
	if (h.crc != crc32c(0, bytes + IMAGE_CRC_START, len - IMAGE_CRC_START))
		return "has a wrong checksum";
	h.serial = le64toh(h.serial);
	h.function = le32toh(h.function);
	h.revision = le32toh(h.revision);
	h.entries = le32toh(h.entries);
	h.slots = le32toh(h.slots);
	for (size_t i = 0; i < IMAGE_ATTACHMENTS_ROOM; i++)
		h.attachments[i] = le32toh(h.attachments[i]);
	for (size_t i = 0; i < DOMAINS; i++) {
		if (h.modes[i] >= MODES)
			return "has an unknown mode";
	}
	if (h.slots < IMAGE_SLOTS_MIN || (h.slots & (h.slots - 1)) != 0)
		return "has a table of a wrong size";
	*ret = h;
	return NULL;
}

/* A NUL-terminated string of at most POLICY_NAME_MAX bytes. */
static bool is_name_at(const char *strings, size_t len, uint32_t offset)
{
	return offset < len && strnlen(strings + offset, len - offset) < len - offset &&
	       strlen(strings + offset) <= POLICY_NAME_MAX;
}

static bool is_string_at(size_t len, uint32_t offset, uint16_t string_len)
{
	return offset < len && string_len < len - offset;
}

/* All attachments together; 64 bits hold the sum of whatever lengths the header has. */
static uint64_t attachments_room(const struct image_header *h)
{
	uint64_t room = 0;

	for (size_t i = 0; i < IMAGE_ATTACHMENTS_ROOM; i++)
		room += image_attachment_room(h->attachments[i]);
	return room;
}

/* What is wrong with the bytes, or NULL, with the views of *image set. */
static const char *check(struct policy_image *image)
{
	const char *wrong = check_header(image->bytes, image->len, &image->header);
	const struct image_header *h = &image->header;
	size_t strings_len, left;
	uint32_t used = 0;

	if (wrong)
		return wrong;
	left = image->len - sizeof(*h);
	image->attachments = image->bytes + sizeof(*h);
	if (attachments_room(h) > left)
		return "has an attachment larger than itself";
	left -= attachments_room(h);
	image->slots = image->attachments + attachments_room(h);
	if (h->slots > left / sizeof(struct image_slot))
		return "has a table larger than itself";
	image->strings = image->slots + (size_t)h->slots * sizeof(struct image_slot);
	strings_len = image->len - (size_t)(image->strings - image->bytes);
	if (!is_name_at(image->strings, strings_len, h->function) ||
	    !is_name_at(image->strings, strings_len, h->revision))
		return "does not say whose it is";
	for (uint32_t i = 0; i < h->slots; i++) {
		struct image_slot s = slot_at(image, i);

		if (s.match == POLICY_ABSENT)
			continue;
		used++;
		if (s.match > POLICY_DENIED || (s.domain >= DOMAINS && s.domain != IMAGE_PROGRAM) ||
		    s.access >= ACCESSES)
			return "has an unknown entry";
		if (!is_string_at(strings_len, s.program, s.program_len) ||
		    !is_string_at(strings_len, s.key, s.key_len))
			return "has a name outside of itself";
	}
	return used > h->slots / 2 || h->entries > used ? "has a table that is too full" : NULL;
}

int policy_image_check(const void *bytes, size_t len, struct policy_image **ret, struct error *err)
{
	cleanup_policy_image struct policy_image *image = calloc(1, sizeof(*image));
	const char *wrong;

	if (!image)
		return error_set(err, ENOMEM, "cannot read the policy image");
	image->bytes = bytes;
	image->len = len;
	wrong = check(image);
	if (wrong)
		return error_say(err, EPROTO, "the policy image %s", wrong);
	*ret = steal_ptr(&image);
	return 0;
}

int policy_image_open(int dirfd, const char *name, struct policy_image **ret, struct error *err)
{
	const void *bytes;
	size_t len;
	int r = map_file_at(dirfd, name, sizeof(struct image_header), POLICY_BYTES_MAX, &bytes,
			    &len);

	if (r == -EPROTO)
		return error_say(err, EPROTO, "'%s' is no policy image", name);
	if (r < 0)
		return error_set(err, -r, "cannot open the policy image '%s'", name);
	r = policy_image_check(bytes, len, ret, err);
	if (r < 0) {
		munmap((void *)(uintptr_t)bytes, len);
		error_wrap(err, "'%s'", name);
		return r;
	}
	(*ret)->mapped = true;
	return 0;
}

void policy_image_free(struct policy_image *image)
{
	if (!image)
		return;
	if (image->mapped)
		munmap((void *)(uintptr_t)image->bytes, image->len);
	free(image);
}

void policy_image_free_p(struct policy_image **image)
{
	int saved = errno;

	policy_image_free(*image);
	*image = NULL;
	errno = saved;
}

struct policy_info policy_image_info(const struct policy_image *image)
{
	struct policy_info info = {
		.function = image->strings + image->header.function,
		.revision = image->strings + image->header.revision,
		.serial = image->header.serial,
		.entries = image->header.entries,
	};

	for (size_t i = 0; i < DOMAINS; i++)
		info.modes[i] = (enum mode)image->header.modes[i];
	return info;
}

const void *policy_image_attachment(const struct policy_image *image, enum policy_attachment kind,
				    size_t *ret_len)
{
	const char *at = image->attachments;

	for (unsigned int i = 0; i < kind; i++)
		at += image_attachment_room(image->header.attachments[i]);
	*ret_len = image->header.attachments[kind];
	return at;
}

/* A name and what is computed of it once. */
struct name {
	const char *bytes;
	size_t len;
	uint64_t hash;
};

static struct name name_of(const char *bytes)
{
	size_t len = strlen(bytes);

	return (struct name){bytes, len, image_hash_name(bytes, len)};
}

static bool is_name(const struct policy_image *image, uint32_t offset, uint16_t len,
		    const struct name *name)
{
	return len == name->len && memcmp(image->strings + offset, name->bytes, len) == 0;
}

static enum policy_match find(const struct policy_image *image, unsigned int domain,
			      unsigned int access, const struct name *program,
			      const struct name *key)
{
	uint32_t hash = image_hash(program->hash, key->hash, domain, access);
	uint32_t mask = image->header.slots - 1;

	for (uint32_t i = 0; i <= mask; i++) {
		struct image_slot s = slot_at(image, (hash + i) & mask);

		if (s.match == POLICY_ABSENT)
			break;
		if (s.hash == hash && s.domain == domain && s.access == access &&
		    is_name(image, s.key, s.key_len, key) &&
		    is_name(image, s.program, s.program_len, program))
			return (enum policy_match)s.match;
	}
	return POLICY_ABSENT;
}

enum policy_match policy_image_find(const struct policy_image *image, const struct behaviour *b)
{
	struct name key = name_of(b->key), any = name_of("");
	enum policy_match match = find(image, b->domain, b->access, &any, &key);

	if (match != POLICY_DENIED && *b->program) {
		struct name program = name_of(b->program);
		enum policy_match own = find(image, b->domain, b->access, &program, &key);

		if (own != POLICY_ABSENT)
			match = own;
	}
	return match;
}

bool policy_image_has_program(const struct policy_image *image, const char *path)
{
	struct name key = name_of(path), any = name_of("");

	return find(image, IMAGE_PROGRAM, ACCESS_NONE, &any, &key) == POLICY_ALLOWED;
}

int policy_image_each(const struct policy_image *image, enum domain domain, policy_each *each,
		      void *context)
{
	int r = 0;

	for (uint32_t i = 0; i < image->header.slots && r == 0; i++) {
		struct image_slot s = slot_at(image, i);
		struct behaviour b = {
			.domain = domain,
			.access = (enum access)s.access,
			.program = image->strings + s.program,
			.key = image->strings + s.key,
		};

		if (s.match != POLICY_ABSENT && s.domain == domain &&
		    b.program[s.program_len] == '\0' && b.key[s.key_len] == '\0')
			r = each(context, &b, (enum policy_match)s.match);
	}
	return r;
}
