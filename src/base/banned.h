/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Calls that nobody here may use, because each has a bounded or checked replacement. Included last by
 * every .c file of src/ through the compiler's -include, so a use is a build error (gcc: #pragma
 * GCC poison).
 */
#ifndef HUSK_BASE_BANNED_H
#define HUSK_BASE_BANNED_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#pragma GCC poison strcpy strcat sprintf vsprintf strtok atoi atol atoll system popen gets
#pragma GCC poison strncpy strncat mktemp tmpnam asctime ctime gmtime localtime

#endif
