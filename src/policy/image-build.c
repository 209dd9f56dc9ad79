/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Writing a policy image. Entries are gathered as they come and put into one order at the end, so
 * that the same set gives the same bytes: entries are sorted by their fields, names are stored in
 * the order of their first use, slots are filled in the order of the entries.
 */
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "policy/image-internal.h"
#include "policy/image.h"

enum {
	ENTRIES_FIRST = 64,
	NAMES_SLOTS_FIRST = 256,
};

/* One distinct name. It lives as long as the builder. */
struct name {
	uint64_t hash;
	uint32_t offset; /* in the image's strings; set by finish */
	bool placed;
	uint16_t len;
	char bytes[];
};

struct entry {
	unsigned int domain;
	unsigned int access;
	struct name *program;
	struct name *key;
	enum policy_match match;
};

struct policy_builder {
	struct entry *entries;
	size_t count;
	size_t room;
	struct name **names; /* by hash, open addressing, NULL is empty */
	size_t names_count;
	size_t names_slots;
	struct buf attachments[POLICY_ATTACHMENTS];
	size_t bytes; /* no image of these entries is larger than this and the two names of it */
};

struct policy_builder *policy_builder_new(void)
{
	return calloc(1, sizeof(struct policy_builder));
}

void policy_builder_free(struct policy_builder *builder)
{
	if (!builder)
		return;
	for (size_t i = 0; i < builder->names_slots; i++)
		free(builder->names[i]);
	for (size_t i = 0; i < POLICY_ATTACHMENTS; i++)
		buf_release(&builder->attachments[i]);
	free(builder->names);
	free(builder->entries);
	free(builder);
}

static struct name **place_of_name(struct name **names, size_t slots, uint64_t hash,
				   const char *bytes, size_t len)
{
	size_t i = hash64_mix(hash) & (slots - 1);

	while (names[i] && (names[i]->hash != hash || names[i]->len != len ||
			    memcmp(names[i]->bytes, bytes, len) != 0))
		i = (i + 1) & (slots - 1);
	return &names[i];
}

static int grow_names(struct policy_builder *builder)
{
	size_t slots = builder->names_slots ? builder->names_slots * 2 : NAMES_SLOTS_FIRST;
	struct name **names = calloc(slots, sizeof(struct name *));

	if (!names)
		return -ENOMEM;
	for (size_t i = 0; i < builder->names_slots; i++) {
		struct name *n = builder->names[i];

		if (n)
			*place_of_name(names, slots, n->hash, n->bytes, n->len) = n;
	}
	free(builder->names);
	builder->names = names;
	builder->names_slots = slots;
	return 0;
}

static int intern(struct policy_builder *builder, const char *bytes, struct name **ret)
{
	size_t len = strlen(bytes);
	struct name **place, *name;
	uint64_t hash;

	if (len > IMAGE_STRING_MAX)
		return -EFBIG;
	if (builder->names_count * 2 >= builder->names_slots && grow_names(builder) < 0)
		return -ENOMEM;
	hash = image_hash_name(bytes, len);
	place = place_of_name(builder->names, builder->names_slots, hash, bytes, len);
	if (!*place) {
		name = calloc(1, sizeof(*name) + len + 1);
		if (!name)
			return -ENOMEM;
		name->hash = hash;
		name->len = (uint16_t)len;
		memcpy(name->bytes, bytes, len + 1);
		*place = name;
		builder->names_count++;
		builder->bytes += len + 1;
	}
	*ret = *place;
	return 0;
}

static int grow_entries(struct policy_builder *builder)
{
	size_t room = builder->room ? builder->room * 2 : ENTRIES_FIRST;
	struct entry *entries = realloc(builder->entries, room * sizeof(*entries));

	if (!entries)
		return -ENOMEM;
	builder->entries = entries;
	builder->room = room;
	return 0;
}

static int add(struct policy_builder *builder, const struct entry *entry)
{
	if (builder->count == builder->room && grow_entries(builder) < 0)
		return -ENOMEM;
	builder->entries[builder->count++] = *entry;
	return 0;
}

int policy_builder_add(struct policy_builder *builder, const struct behaviour *b,
		       enum policy_match match)
{
	struct entry entry = {.domain = b->domain, .access = b->access, .match = match};
	int r;

	if ((unsigned int)b->domain >= DOMAINS || (unsigned int)b->access >= ACCESSES ||
	    match > POLICY_DENIED)
		return -EINVAL;
	if (match == POLICY_ABSENT)
		return 0;
	if (builder->bytes > POLICY_BYTES_MAX)
		return -EFBIG;
	r = intern(builder, b->program, &entry.program);
	if (r < 0)
		return r;
	r = intern(builder, b->key, &entry.key);
	if (r < 0)
		return r;
	r = add(builder, &entry);
	if (r < 0)
		return r;
	/* At most four slots an entry: the table doubles, and may be half empty or a little more.
	 */
	builder->bytes += 4 * sizeof(struct image_slot);
	/* A program may act if anything may execute it, and nobody said that nothing may. The
	 * dynamic loader of programs is none itself. */
	if (b->domain != DOMAIN_EXEC || b->access != ACCESS_EXEC ||
	    (match == POLICY_DENIED && *b->program))
		return 0;
	entry.domain = IMAGE_PROGRAM;
	entry.access = ACCESS_NONE;
	r = intern(builder, "", &entry.program);
	if (r < 0)
		return r;
	builder->bytes += 4 * sizeof(struct image_slot);
	return add(builder, &entry);
}

int policy_builder_attach(struct policy_builder *builder, enum policy_attachment kind,
			  const void *bytes, size_t len)
{
	struct buf *attachment;

	if ((unsigned int)kind >= POLICY_ATTACHMENTS)
		return -EINVAL;
	if (len > POLICY_BYTES_MAX)
		return -EFBIG;
	attachment = &builder->attachments[kind];
	buf_release(attachment);
	buf_add(attachment, bytes, len);
	return attachment->error ? -ENOMEM : 0;
}

static int compare_numbers(unsigned int a, unsigned int b)
{
	return (a > b) - (a < b);
}

/* By the four fields; of the same, a denial first. Names are interned, so the same name is one
 * pointer. */
static int compare(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;
	int r = compare_numbers(x->domain, y->domain);

	if (r == 0)
		r = compare_numbers(x->access, y->access);
	if (r == 0 && x->program != y->program)
		r = strcmp(x->program->bytes, y->program->bytes);
	if (r == 0 && x->key != y->key)
		r = strcmp(x->key->bytes, y->key->bytes);
	return r != 0 ? r : compare_numbers(y->match, x->match);
}

/* Sorts, and keeps the first of each four fields. */
static void order_entries(struct policy_builder *builder)
{
	size_t kept = 0;

	if (builder->count == 0)
		return;
	qsort(builder->entries, builder->count, sizeof(struct entry), compare);
	for (size_t i = 1; i < builder->count; i++) {
		struct entry *last = &builder->entries[kept], *e = &builder->entries[i];

		if (e->domain != last->domain || e->access != last->access ||
		    e->program != last->program || e->key != last->key)
			builder->entries[++kept] = *e;
	}
	builder->count = kept + 1;
}

static uint32_t place_string(struct buf *strings, const char *text)
{
	uint32_t offset = (uint32_t)strings->len;

	buf_add(strings, text, strlen(text) + 1);
	return offset;
}

static void place_name(struct buf *strings, struct name *name)
{
	if (name->placed)
		return;
	name->offset = place_string(strings, name->bytes);
	name->placed = true;
}

static void fill_slot(struct image_slot *slots, uint32_t count, const struct entry *e)
{
	uint32_t hash = image_hash(e->program->hash, e->key->hash, e->domain, e->access);
	uint32_t i = hash & (count - 1);

	while (slots[i].match != POLICY_ABSENT)
		i = (i + 1) & (count - 1);
	slots[i] = (struct image_slot){
		.hash = htole32(hash),
		.program = htole32(e->program->offset),
		.key = htole32(e->key->offset),
		.program_len = htole16(e->program->len),
		.key_len = htole16(e->key->len),
		.domain = (uint8_t)e->domain,
		.access = (uint8_t)e->access,
		.match = (uint8_t)e->match,
	};
}

static uint32_t slots_for(size_t count)
{
	uint32_t slots = IMAGE_SLOTS_MIN;

	while (slots < 2 * count)
		slots *= 2;
	return slots;
}

/* Sets their lengths in the header. Returns what they take in the image. */
static size_t measure_attachments(const struct policy_builder *builder, struct image_header *header)
{
	size_t room = 0;

	for (size_t i = 0; i < POLICY_ATTACHMENTS; i++) {
		uint32_t len = (uint32_t)builder->attachments[i].len;

		header->attachments[i] = htole32(len);
		room += image_attachment_room(len);
	}
	return room;
}

static void place_attachments(struct buf *image, const struct policy_builder *builder)
{
	for (size_t i = 0; i < POLICY_ATTACHMENTS; i++) {
		const struct buf *attachment = &builder->attachments[i];

		buf_add(image, attachment->bytes, attachment->len);
		buf_add_zeros(image,
			      image_attachment_room((uint32_t)attachment->len) - attachment->len);
	}
}

int policy_builder_finish(struct policy_builder *builder, const struct policy_info *info,
			  void **ret_bytes, size_t *ret_len)
{
	struct image_header header = {.magic = IMAGE_MAGIC, .version = htole32(POLICY_VERSION)};
	cleanup_buf struct buf strings = BUF_INIT, image = BUF_INIT;
	cleanup_free struct image_slot *slots = NULL;
	uint32_t slots_count, entries = 0, crc;

	if (strlen(info->function) > POLICY_NAME_MAX || strlen(info->revision) > POLICY_NAME_MAX)
		return -EINVAL;
	if (builder->bytes > POLICY_BYTES_MAX)
		return -EFBIG;
	order_entries(builder);
	slots_count = slots_for(builder->count);
	slots = calloc(slots_count, sizeof(*slots));
	if (!slots)
		return -ENOMEM;
	for (size_t i = 0; i < builder->names_slots; i++) {
		if (builder->names[i])
			builder->names[i]->placed = false;
	}
	header.function = htole32(place_string(&strings, info->function));
	header.revision = htole32(place_string(&strings, info->revision));
	for (size_t i = 0; i < builder->count; i++) {
		const struct entry *e = &builder->entries[i];

		place_name(&strings, e->program);
		place_name(&strings, e->key);
		fill_slot(slots, slots_count, e);
		entries += e->domain != IMAGE_PROGRAM;
	}
	for (size_t i = 0; i < DOMAINS; i++) {
		if ((unsigned int)info->modes[i] >= MODES)
			return -EINVAL;
		header.modes[i] = (uint8_t)info->modes[i];
	}
	header.serial = htole64(info->serial);
	header.entries = htole32(entries);
	header.slots = htole32(slots_count);
	header.bytes = htole64(sizeof(header) + measure_attachments(builder, &header) +
			       slots_count * sizeof(*slots) + strings.len);
	if (le64toh(header.bytes) > POLICY_BYTES_MAX)
		return -EFBIG;
	buf_add(&image, &header, sizeof(header));
	place_attachments(&image, builder);
	buf_add(&image, slots, slots_count * sizeof(*slots));
	buf_add(&image, strings.bytes, strings.len);
	if (strings.error || image.error)
		return -ENOMEM;
	crc = htole32(crc32c(0, image.bytes + IMAGE_CRC_START, image.len - IMAGE_CRC_START));
	memcpy(image.bytes + offsetof(struct image_header, crc), &crc, sizeof(crc));
	*ret_len = image.len;
	*ret_bytes = steal_ptr(&image.bytes);
	return 0;
}
