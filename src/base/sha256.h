/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUSK_BASE_SHA256_H
#define HUSK_BASE_SHA256_H

#include <stddef.h>
#include <stdint.h>

/*
 * SHA-256, for names that someone hostile would like to share with somebody else: the hashes of
 * base/hash.h can be steered, this one cannot. Source: FIPS 180-4, sections 4.1.2 to 6.2. Small
 * inputs only (about 200 MB/s), never on file contents.
 */
enum { SHA256_BYTES = 32 };

struct sha256 {
	uint32_t state[8];
	uint64_t len_bytes;
	unsigned char block[64]; /* len_bytes % 64 bytes wait here */
};

void sha256_init(struct sha256 *sha);
void sha256_add(struct sha256 *sha, const void *bytes, size_t len);
/* Adds the length of the field (8 bytes, little endian) and then the field, so that fields cannot
 * be shifted into each other. */
void sha256_add_field(struct sha256 *sha, const void *bytes, size_t len);
/* The digest. *sha is used up: sha256_init() before another use. */
void sha256_finish(struct sha256 *sha, unsigned char out[SHA256_BYTES]);

#endif
