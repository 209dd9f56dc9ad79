/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUSK_WRAP_SOCKET_SEARCH_H
#define HUSK_WRAP_SOCKET_SEARCH_H

#include <stdbool.h>

/* A start waits for it, and nobody knows what a large volume holds: with these it is some
 * milliseconds at most, where all is in memory. */
enum socket_search_limits {
	SOCKET_SEARCH_NAMES_MAX = 4096,	    /* in all, to the end of what one call reads */
	SOCKET_SEARCH_DIRECTORIES_MAX = 64, /* that are read */
	SOCKET_SEARCH_DEPTH_MAX = 8,	    /* below `top` */
};

/*
 * Is there a socket or a FIFO in the directory `top` or below it? Directories near the top come
 * first. Links are not followed, and what is mounted below is not looked into. What cannot be read
 * holds none.
 */
bool socket_search(const char *top);

#endif
