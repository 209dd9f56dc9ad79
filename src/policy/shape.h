/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUSK_POLICY_SHAPE_H
#define HUSK_POLICY_SHAPE_H

#include <limits.h>
#include <stdint.h>

/*
 * Widening: the canonical key of a path. A pure function of the path and of where it lies, used when
 * a behaviour is recorded and when it is judged, so that both always agree. Each component is looked
 * at by itself and becomes, in this order,
 *
 *   {uuid}    8-4-4-4-12 hexadecimal digits
 *   {hex}     16 or more hexadecimal digits, with at least one letter and one digit
 *   {num}     6 or more decimal digits, also within a name: "part-000123.csv" -> "part-{num}.csv"
 *   {rand}    in a temporary directory (/tmp, /var/tmp, /dev/shm and below) only: a name, or the part
 *             of a name behind "tmp", "tmp." or before a known extension, of 6 to 12 letters, digits
 *             and '_' as mkstemp(3), Python's tempfile and mktemp(1) make it
 *
 * Process directories of /proc: "self", "thread-self" and the own number become {self}, other
 * numbers {other}. A component that already holds '{' or '}' is left literal, each brace doubled, so that a file
 * name cannot pose as a pattern. Image content stays literal (`flags` has BEHAVIOUR_IMAGE), and so do
 * keys below /etc, /root, /home, /boot and executables, whatever they look like: learning.md, 2.
 */

#define SHAPE_KEY_MAX (PATH_MAX + 256)

/*
 * Writes the canonical key of `path` to `out`, of SHAPE_KEY_MAX bytes. A path whose canonical form does not fit stays
 * literal. Returns the length of the key. `flags`: enum behaviour_flags.
 */
int shape_key(const char *path, uint32_t flags, char *out);

#endif
