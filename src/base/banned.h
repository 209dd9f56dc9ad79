/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Calls that nobody here may use, because each has a bounded or checked replacement. Included last
 * by every .c file of src/ through the compiler's -include, so a use is a build error (gcc: #pragma
 * GCC poison). ctime(3) is not among them only because linux/fuse.h has members of that name.
 */
#ifndef HUSK_BASE_BANNED_H
#define HUSK_BASE_BANNED_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* With fortified headers clang sees macros of these names, and warns of poisoning them. */
#ifndef __clang__
#pragma GCC poison strcpy strcat sprintf vsprintf strtok atoi atol atoll system popen gets
#pragma GCC poison strncpy strncat mktemp tmpnam asctime gmtime localtime
#endif

#endif
