/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A growing byte buffer. */
#include "base/buf.h"

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void buf_release(struct buf *buf)
{
	int saved = errno;

	free(buf->bytes);
	*buf = BUF_INIT;
	errno = saved;
}

static char *reserve(struct buf *buf, size_t len)
{
	size_t room = buf->room ? buf->room : 256;
	char *grown;

	if (buf->error)
		return NULL;
	if (len >= SIZE_MAX / 4 || buf->len >= SIZE_MAX / 4) {
		buf->error = -ENOMEM;
		return NULL;
	}
	while (room < buf->len + len + 1)
		room *= 2;
	if (room != buf->room) {
		grown = realloc(buf->bytes, room);
		if (!grown) {
			buf->error = -ENOMEM;
			return NULL;
		}
		buf->bytes = grown;
		buf->room = room;
	}
	return buf->bytes + buf->len;
}

void buf_add(struct buf *buf, const void *bytes, size_t len)
{
	char *to = reserve(buf, len);

	if (!to)
		return;
	if (len > 0)
		memcpy(to, bytes, len);
	to[len] = '\0';
	buf->len += len;
}

void buf_add_text(struct buf *buf, const char *text)
{
	buf_add(buf, text, strlen(text));
}

void buf_add_zeros(struct buf *buf, size_t len)
{
	char *to = reserve(buf, len);

	if (!to)
		return;
	memset(to, 0, len + 1);
	buf->len += len;
}

void buf_format(struct buf *buf, const char *format, ...)
{
	va_list args;
	char *to;
	int len;

	va_start(args, format);
	len = vsnprintf(NULL, 0, format, args);
	va_end(args);
	if (len < 0) {
		buf->error = -ENOMEM;
		return;
	}
	to = reserve(buf, (size_t)len);
	if (!to)
		return;
	va_start(args, format);
	vsnprintf(to, (size_t)len + 1, format, args);
	va_end(args);
	buf->len += (size_t)len;
}
