/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUSK_POLICY_SHAPE_HOST_H
#define HUSK_POLICY_SHAPE_HOST_H

/*
 * Widening of host names: the canonical key of a name that is asked for. A pure function of the
 * name, used when it is recorded and when it is judged, so that both always agree.
 *
 * The public suffix (policy/suffix.h) and the label right below it, which says whose the name is,
 * stay as they are: "bucket-17.s3.amazonaws.com" never becomes a key that another's bucket has. In
 * the labels below them, what stands at a place becomes the first of these that fits:
 *
 *   {uuid}    8-4-4-4-12 hexadecimal digits, as a whole label
 *   {region}  a region of a cloud, between dashes or the ends of the label: a word, "-", "gov-" or
 *             "iso-" or nothing, a direction, "-" or nothing, one or two digits: "eu-west-1",
 *             "us-gov-east-1", "europe-west12"
 *   {hex}     between dashes or the ends: 16 or more hexadecimal digits, with at least one letter
 *             and one decimal digit
 *   {n}       between dashes or the ends, in a label of 4 or more bytes: decimal digits behind
 *             letters or nothing: "web12", "node-3" and "ip-10-0-0-1" become "web{n}", "node-{n}"
 *             and "ip-{n}-{n}-{n}-{n}", while "s3", "v1" and "x7k2p" stay
 *
 * Reverse names keep their network: the last byte of an IPv4 address and the last 8 of an IPv6 one
 * become {host}: "{host}.2.0.192.in-addr.arpa". A label with an escape is never widened.
 */

#define SHAPE_HOST_MAX 1280 /* bytes of a key, with its NUL: no name's key is longer */

/*
 * Writes the key of `name` to `out` of SHAPE_HOST_MAX bytes. `name` is a text form of at most 1024
 * bytes: lower case, no final dot, braces escaped ("\123"). What does not fit is cut, which no name
 * of the DNS comes near. No allocation, no system call.
 */
void shape_host(const char *name, char *out);

#endif
