/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUSK_BASE_CLEANUP_H
#define HUSK_BASE_CLEANUP_H

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/*
 * Ownership by attribute: a variable marked with one of these releases what it owns when its scope
 * ends, in reverse order of declaration, and leaves errno as it was. Initialise it where it is
 * declared (NULL or -1). To move the value out, return steal_ptr(&p) or steal_fd(&fd).
 * Source: GCC manual, "Common Variable Attributes", cleanup.
 */
#define cleanup_with(function) __attribute__((cleanup(function)))
#define cleanup_free cleanup_with(cleanup_free_p)
#define cleanup_close cleanup_with(cleanup_close_p)
#define cleanup_dir cleanup_with(cleanup_dir_p)
#define cleanup_file cleanup_with(cleanup_file_p)

static inline void cleanup_free_p(void *p)
{
	int saved = errno;

	free(*(void **)p);
	*(void **)p = NULL;
	errno = saved;
}

static inline void cleanup_close_p(int *fd)
{
	int saved = errno;

	if (*fd >= 0)
		close(*fd);
	*fd = -1;
	errno = saved;
}

static inline void cleanup_dir_p(DIR **dir)
{
	int saved = errno;

	if (*dir)
		closedir(*dir);
	*dir = NULL;
	errno = saved;
}

static inline void cleanup_file_p(FILE **file)
{
	int saved = errno;

	if (*file)
		fclose(*file);
	*file = NULL;
	errno = saved;
}

/* Takes the descriptor out of *fd, which becomes -1: the caller owns the result. */
static inline int steal_fd(int *fd)
{
	int taken = *fd;

	*fd = -1;
	return taken;
}

static inline void *steal_ptr_(void *p)
{
	void *taken = *(void **)p;

	*(void **)p = NULL;
	return taken;
}

/* Takes the pointer out of *p, which becomes NULL: the caller owns the result. */
#define steal_ptr(p) ((__typeof__(*(p)))steal_ptr_(p))

#endif
