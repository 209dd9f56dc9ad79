/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUSK_POLICY_SHAPE_H
#define HUSK_POLICY_SHAPE_H

#include <limits.h>
#include <stdint.h>

/*
 * Widening: the canonical key of a path. A pure function of the path and of where it lies, used
 * when a behaviour is recorded and when it is judged, so that both always agree. Names are bytes;
 * "letter" and "digit" mean those of ASCII, and a run is as long as it can be.
 *
 * Each component is looked at by itself, from left to right, and what stands at a place becomes the
 * first of these that fits:
 *
 *   {uuid}  8-4-4-4-12 hexadecimal digits, at least one of them decimal, with no letter or digit
 *           beside them
 *   {date}  a year, a month and a day with the same of '-', '_' and '.' between them, the year
 *           first or last ("2026-11-28", "28.11.2026"), or a year and a month of two digits
 *           ("2026-11"), with no digit beside. A time of day behind it is part of it, after 'T',
 *           't', '_', '-' or a blank: the hour, the minutes and seconds or less of them, of two
 *           digits each, with ':', '-', '_', '.' or nothing between them, and behind seconds,
 *           after one of these or ',', a fraction of at most 9 digits
 *   {hex}   a run of letters and digits that is 16 or more hexadecimal digits, with at least one
 *           letter and one digit
 *   {ulid}  a run of 26 digits and letters as ULIDs have them: the first a digit up to 7, capitals
 *           or small letters, not both, and none of I, L, O and U
 *   {rand}  in a temporary directory only (/tmp, /var/tmp, /dev/shm and all below), see there
 *   {num}   a run of 6 or more decimal digits: "part-000123.csv" and "part000123.csv" become
 *           "part-{num}.csv" and "part{num}.csv"
 *
 * {rand} is what the documented generators make:
 *   "tmp{rand}"   "tmp" at the start of a name and 8 of [a-z0-9_], then no letter, digit or '_':
 *                 Python's tempfile
 *   "tmp.{rand}"  "tmp." at the start of a name and 10 letters or digits, then none: mktemp(1)
 *   "{rand}"      a run of 6 to 12 letters and digits that looks generated: mkstemp(3), mkdtemp(3)
 * and their kin with a prefix or suffix of the program's own, "app-Xy3abC.json"
 *   "{rand}"      8 of [a-z0-9_], at the end of a run of such bytes and at its start or behind
 *                 another '_': Python's tempfile with a prefix of the program's, "upload_ab_c12dx",
 *                 and the names that it tries a directory with. Whatever they look like, for one
 *                 in sixteen looks like a word: a word of 8 letters is widened too
 * A run looks generated unless it is plain: small letters, a capital and small letters, or
 * capitals, and in each case digits behind them or none ("result", "Result2", "RESULT01"); or only
 * digits; or, where it is not exactly 6 long as mkstemp(3) makes it, words in camel case
 * ("resultFile", "ResultFile1"). So "/tmp/result" and "/tmp/config.json" stay literal, and one name
 * in some forty of mkstemp(3) does too. Whether it is one shows where its kin is known:
 * shape_kin().
 *
 * Directories by date: a name that is a year, 1900 to 2099, is {year}. Right below it a month is
 * {month}, right below that a day {day}, right below that an hour {hour}: one or two digits, behind
 * which the name ends or goes on with '-', '_' or '.' ("2026/11/28.log").
 *
 * Right below a directory "objects", where git(1) keeps what it stores by its hash, two hexadecimal
 * digits of small letters are {hex}, and below it, everywhere, the names that git makes new files
 * under, "tmp_obj_", "tmp_pack_", "tmp_idx_", "tmp_rev_", "tmp_mtimes_" and 6 letters or digits,
 * end in {rand} (git's object-file.c and pack-write.c).
 *
 * Process directories of /proc, and their tasks: "self" and "thread-self" become {self}, numbers
 * {other}. A reader who knows that a number is his own writes "self" before he asks.
 *
 * A component that holds '{' or '}' is not widened and each of its braces is doubled, so that a
 * file name cannot pose as a pattern. No other component is widened either where `flags` has
 * BEHAVIOUR_IMAGE, and at or below /etc, /root, /home and /boot. Executables are
 * never widened: the key of an exec behaviour, and a program, is the path as it is:
 * shape_literal().
 */

#define SHAPE_KEY_MAX (PATH_MAX + 256)

/*
 * Writes the canonical key of the absolute path `path`, of any length, to `out` of SHAPE_KEY_MAX
 * bytes, NUL included. A key that does not fit is cut and ends in "{long:" , 16 hexadecimal digits
 * of a hash of the whole path, "}". Returns the length of the key. `flags`: enum behaviour_flags.
 * No allocation, no system call; time is linear in the length.
 */
int shape_key(const char *path, uint32_t flags, char *out);

/*
 * Another key of the same path: the one that it would have if the run number `n`, from 0 on, of
 * those that are plain and of 6 to 12 letters and digits were a generated one.
 * "/tmp/x-mhppjt/result" has "/tmp/x-{rand}/result" and "/tmp/x-mhppjt/{rand}". Only in temporary
 * directories. Returns the length of the key in `out` of SHAPE_KEY_MAX bytes, or 0 where there are
 * not as many runs, and then leaves nothing of use there. Costs what shape_key() does.
 */
int shape_kin(const char *path, uint32_t flags, unsigned int n, char *out);

/*
 * The key of an executable: `path` as it is, cut and marked in the same way where it does not fit.
 * A container can nest deeper than PATH_MAX by chdir(2), so a copy without this would have no
 * bound.
 */
int shape_literal(const char *path, char *out);

#endif
