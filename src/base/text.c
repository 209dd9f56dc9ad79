/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names as text, and back. */
#include "base/text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

size_t utf8_sequence(const char *bytes, size_t len)
{
	const unsigned char *b = (const unsigned char *)bytes;
	unsigned int code;
	size_t need;

	if (len == 0)
		return 0;
	if (b[0] < 0x80)
		return 1;
	if (b[0] >= 0xc2 && b[0] <= 0xdf) {
		need = 2;
		code = b[0] & 0x1fU;
	} else if (b[0] >= 0xe0 && b[0] <= 0xef) {
		need = 3;
		code = b[0] & 0x0fU;
	} else if (b[0] >= 0xf0 && b[0] <= 0xf4) {
		need = 4;
		code = b[0] & 0x07U;
	} else {
		return 0;
	}
	if (len < need)
		return 0;
	for (size_t i = 1; i < need; i++) {
		if ((b[i] & 0xc0U) != 0x80)
			return 0;
		code = code << 6 | (b[i] & 0x3fU);
	}
	if ((need == 3 && code < 0x800) || (need == 4 && (code < 0x10000 || code > 0x10ffff)))
		return 0;
	if (code >= 0xd800 && code <= 0xdfff)
		return 0;
	return need;
}

/* C1 controls (U+0080 to U+009F) are valid UTF-8 that terminals obey: they are escaped too. */
static bool shown_as_is(const char *bytes, size_t sequence)
{
	unsigned char first = (unsigned char)bytes[0];

	if (sequence == 1)
		return first >= 0x20 && first != 0x7f && first != '\\';
	return !(first == 0xc2 && (unsigned char)bytes[1] < 0xa0);
}

size_t text_escape(const char *bytes, char *out, size_t room)
{
	static const char hex[] = "0123456789abcdef";
	size_t len = strlen(bytes), used = 0;

	if (room == 0)
		return 0;
	for (size_t i = 0; i < len;) {
		size_t sequence = utf8_sequence(bytes + i, len - i);
		char piece[4];
		size_t size = sequence, step = sequence;

		if (sequence > 0 && shown_as_is(bytes + i, sequence)) {
			memcpy(piece, bytes + i, sequence);
		} else if (bytes[i] == '\\') {
			piece[0] = '\\';
			piece[1] = '\\';
			size = 2;
			step = 1;
		} else {
			unsigned char byte = (unsigned char)bytes[i];

			piece[0] = '\\';
			piece[1] = 'x';
			piece[2] = hex[byte >> 4];
			piece[3] = hex[byte & 15U];
			size = 4;
			step = 1;
		}
		if (used + size >= room)
			break;
		memcpy(out + used, piece, size);
		used += size;
		i += step;
	}
	out[used] = '\0';
	return used;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

int text_unescape(const char *text, char *out, size_t room)
{
	size_t used = 0;

	for (const char *t = text; *t;) {
		char byte = *t;

		if (byte == '\\' && t[1] == '\\') {
			t += 2;
		} else if (byte == '\\') {
			int high = t[1] == 'x' ? hex_digit(t[2]) : -1;
			int low = high >= 0 ? hex_digit(t[3]) : -1;

			if (low < 0 || (high == 0 && low == 0))
				return -EINVAL;
			byte = (char)(high << 4 | low);
			t += 4;
		} else {
			t++;
		}
		if (used + 1 >= room)
			return -ENAMETOOLONG;
		out[used++] = byte;
	}
	if (room == 0)
		return -ENAMETOOLONG;
	out[used] = '\0';
	return (int)used;
}

bool text_copy(char *to, size_t room, const char *from)
{
	size_t len = strlen(from);
	bool fits = len < room;

	if (room == 0)
		return false;
	if (!fits)
		len = room - 1;
	memcpy(to, from, len);
	to[len] = '\0';
	return fits;
}

bool text_is_name(const char *text, size_t max)
{
	size_t len = strlen(text);

	if (len == 0 || len > max)
		return false;
	return strspn(text,
		      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-/:@+") ==
	       len;
}

bool path_lies_in(const char *path, const char *dir)
{
	size_t len = strlen(dir);

	return strncmp(path, dir, len) == 0 && (path[len] == '/' || path[len] == '\0');
}

int text_number(const char *text, unsigned long max, unsigned long *ret)
{
	unsigned long value;
	char *end;

	if (*text < '0' || *text > '9')
		return -EINVAL;
	errno = 0;
	value = strtoul(text, &end, 10);
	if (*end)
		return -EINVAL;
	if (errno == ERANGE || value > max)
		return -ERANGE;
	*ret = value;
	return 0;
}
