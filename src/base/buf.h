/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUSK_BASE_BUF_H
#define HUSK_BASE_BUF_H

#include <stddef.h>

/*
 * A growing byte buffer for output and for binary images. After the first failure every further
 * call is a no-op, so a caller builds everything and looks at `error` once.
 */
struct buf {
	char *bytes; /* NUL after the last byte once anything was added */
	size_t len;
	size_t room;
	int error; /* 0 or -ENOMEM */
};

#define BUF_INIT ((struct buf){0})
#define cleanup_buf __attribute__((cleanup(buf_release)))

/* Frees the bytes and makes the buffer empty and usable again. Keeps errno. */
void buf_release(struct buf *buf);

/* Appends `len` bytes, a string, a formatted text, or `len` zero bytes. */
void buf_add(struct buf *buf, const void *bytes, size_t len);
void buf_add_text(struct buf *buf, const char *text);
void buf_format(struct buf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));
void buf_add_zeros(struct buf *buf, size_t len);

#endif
