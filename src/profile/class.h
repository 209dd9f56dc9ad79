/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUSK_PROFILE_CLASS_H
#define HUSK_PROFILE_CLASS_H

#include "policy/behaviour.h"

/*
 * What a new behaviour is worth to an attacker. Decided by the table in class.c alone, never by
 * counting, so it is a pure function of the behaviour and the same on every node. Ordered, weakest
 * first.
 */
enum behaviour_class {
	CLASS_INERT = 0,    /* reading and listing image content */
	CLASS_ORDINARY = 1, /* whatever no line of the table names */
	CLASS_DANGEROUS =
		2,	   /* attack-shaped: shells, code search paths, secrets, other processes */
	CLASS_GUARDED = 3, /* never learned: engine sockets, devices, cloud and SSH keys */
	CLASSES = 4,
};

/* The class of one behaviour. No allocation, no system call. */
enum behaviour_class class_of(const struct behaviour *b);

/* "inert", "ordinary", "dangerous", "guarded"; "?" for a number out of range. */
const char *class_name(enum behaviour_class c);

/*
 * Why it is of that class: a few words of the line of the table that decided ("socket of a
 * container engine"), or "" where none did. A constant string.
 */
const char *class_reason(const struct behaviour *b);

#endif
