/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUSK_BASE_TEXT_H
#define HUSK_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/*
 * File names are bytes; what people and JSON read is UTF-8. The text form of a name keeps every
 * valid, printable UTF-8 sequence, writes a backslash as "\\" and any other byte (control
 * characters, DEL, bytes that are no UTF-8) as "\xHH". It is reversible and is used wherever husk
 * prints a name and wherever it reads one from a person.
 */

/* The most bytes that the text form of `len` bytes takes, with its NUL. */
#define TEXT_ESCAPED_MAX(len) (4 * (len) + 1)

/*
 * Writes the text form of the string `bytes` to `out` (of `room` bytes, NUL included); what does
 * not fit is cut at a whole character. Returns the length written without the NUL.
 */
size_t text_escape(const char *bytes, char *out, size_t room);

/*
 * Reads a text form back into bytes, in `out` of `room` bytes.
 * Returns the length without the NUL, or -EINVAL for a broken escape or "\x00", -ENAMETOOLONG where
 * `room` does not do.
 */
int text_unescape(const char *text, char *out, size_t room);

/* Length of the valid UTF-8 sequence at `bytes` (1 to 4), or 0: overlong forms and surrogates are
 * none. */
size_t utf8_sequence(const char *bytes, size_t len);

/* Copies the string `from` to `to` of `room` bytes. Returns false, with *to cut, if it does not
 * fit. */
bool text_copy(char *to, size_t room, const char *from);

/* Does `text` consist of 1 to max bytes, each a letter, a digit or one of "._-/:@+"? */
bool text_is_name(const char *text, size_t max);

/* Is the canonical path `path` that of the directory `dir` (not "/"), or of something below it? */
bool path_lies_in(const char *path, const char *dir);

/* Parses a decimal number, all of `text`, no sign, at most `max`. Returns 0, -EINVAL or -ERANGE. */
int text_number(const char *text, unsigned long max, unsigned long *ret);

#endif
