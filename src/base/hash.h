/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUSK_BASE_HASH_H
#define HUSK_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

/* Start value of hash64_add(). Source: the FNV-1a offset basis, Fowler, Noll and Vo, 64 bit. */
#define HASH64_INIT UINT64_C(0xcbf29ce484222325)

/*
 * FNV-1a over `len` bytes, continuing from `hash`, with a final mix in hash64_text() so that low
 * bits can index a table. No protection against chosen collisions: every table that hashes what a
 * container says is bounded and compares whole keys.
 */
static inline uint64_t hash64_add(uint64_t hash, const void *bytes, size_t len)
{
	const unsigned char *b = bytes;

	for (size_t i = 0; i < len; i++)
		hash = (hash ^ b[i]) * UINT64_C(0x100000001b3);
	return hash;
}

/* The mixed hash of one string, its NUL included. */
uint64_t hash64_text(const char *text);

/* Spreads entropy over all bits. Source: the finalizer of MurmurHash3 (Appleby), 64 bit. */
static inline uint64_t hash64_mix(uint64_t hash)
{
	hash ^= hash >> 33;
	hash *= UINT64_C(0xff51afd7ed558ccd);
	hash ^= hash >> 33;
	hash *= UINT64_C(0xc4ceb9fe1a85ec53);
	return hash ^ hash >> 33;
}

/*
 * CRC-32C (Castagnoli) of `len` bytes, continuing from `crc` (0 at the start), as in RFC 3720
 * appendix B.4: crc32c(0, "123456789", 9) is 0xe3069283.
 */
uint32_t crc32c(uint32_t crc, const void *bytes, size_t len);

#endif
