/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUSK_POLICY_IMAGE_INTERNAL_H
#define HUSK_POLICY_IMAGE_INTERNAL_H

#include <stddef.h>
#include <stdint.h>

#include "base/hash.h"
#include "policy/image.h"

/*
 * The bytes of an image, as the writer and the reader see them. All numbers little endian. Behind
 * the header stand the attachments in the order of their kinds, each filled up with zeros to a
 * multiple of 8 bytes; the table follows, then the strings, and nothing follows those.
 */
#define IMAGE_MAGIC "HUSKPOL\n"

enum image_layout {
	IMAGE_MODES_ROOM = 8,
	IMAGE_ATTACHMENTS_ROOM = 4,
	IMAGE_SLOTS_MIN = 8,
	IMAGE_STRING_MAX = UINT16_MAX,
	/* Stands in `domain` of the entries that only say: this path is the target of an exec
	   entry. */
	IMAGE_PROGRAM = 0xff,
};

struct image_header {
	char magic[8];
	uint32_t version;
	uint32_t crc;	/* CRC-32C of everything behind this field */
	uint64_t bytes; /* of the whole image */
	uint64_t serial;
	uint8_t modes[IMAGE_MODES_ROOM];
	uint32_t function; /* offsets of NUL-terminated strings */
	uint32_t revision;
	uint32_t entries; /* without those of IMAGE_PROGRAM */
	uint32_t slots;	  /* of the table, a power of two, at least twice what is in it */
	uint32_t attachments[IMAGE_ATTACHMENTS_ROOM]; /* their lengths, by kind */
};

/* One slot, empty where match is 0. Names are compared by length, and end in a NUL all the same. */
struct image_slot {
	uint32_t hash;
	uint32_t program; /* offset within the strings */
	uint32_t key;
	uint16_t program_len;
	uint16_t key_len;
	uint8_t domain;
	uint8_t access;
	uint8_t match;
	uint8_t zero;
};

_Static_assert(sizeof(struct image_header) == 72, "the header has no padding");
_Static_assert(sizeof(struct image_slot) == 20, "a slot has no padding");
_Static_assert((int)POLICY_ATTACHMENTS <= (int)IMAGE_ATTACHMENTS_ROOM, "each kind has a length");

/* What an attachment of `len` bytes takes in the image. */
static inline size_t image_attachment_room(uint32_t len)
{
	return ((size_t)len + 7) & ~(size_t)7;
}

/* What is behind the checksum. */
#define IMAGE_CRC_START (offsetof(struct image_header, crc) + sizeof(uint32_t))

/* Both halves of a slot's hash apart, so that a reader hashes the key once for two programs. */
static inline uint64_t image_hash_name(const char *name, size_t len)
{
	return hash64_add(HASH64_INIT, name, len);
}

static inline uint32_t image_hash(uint64_t program, uint64_t key, unsigned int domain,
				  unsigned int access)
{
	return (uint32_t)hash64_mix(key ^ hash64_mix(program + (domain << 8 | access)));
}

#endif
