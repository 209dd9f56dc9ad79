/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "launch/terminal.h"

#include <linux/fcntl.h>
#include <linux/major.h>
#include <linux/stat.h>
#include <sys/syscall.h>

enum { STREAMS = 3, MINORS = 256 };

#define DIRECTORY "/dev/pts/"

struct stream {
	struct statx at;
	long flags; /* fcntl(2), F_GETFL */
};

static long look(launch_call *call, long fd, struct statx *ret)
{
	return call(SYS_statx, fd, (long)"", AT_EMPTY_PATH, STATX_INO, (long)ret);
}

static int is_terminal(const struct statx *file)
{
	return file->stx_rdev_major >= UNIX98_PTY_SLAVE_MAJOR &&
	       file->stx_rdev_major < UNIX98_PTY_SLAVE_MAJOR + UNIX98_PTY_MAJOR_COUNT;
}

static int is_same(const struct statx *a, const struct statx *b)
{
	return a->stx_ino == b->stx_ino && a->stx_dev_major == b->stx_dev_major &&
	       a->stx_dev_minor == b->stx_dev_minor && a->stx_rdev_major == b->stx_rdev_major &&
	       a->stx_rdev_minor == b->stx_rdev_minor;
}

/* Source of the numbers: Documentation/admin-guide/devices.txt, 136-143 char. */
static long open_by_name(launch_call *call, const struct stream *stream)
{
	unsigned int number = (stream->at.stx_rdev_major - UNIX98_PTY_SLAVE_MAJOR) * MINORS +
			      stream->at.stx_rdev_minor;
	long flags = stream->flags & (O_ACCMODE | O_APPEND | O_NONBLOCK);
	char name[sizeof(DIRECTORY) + 16] = DIRECTORY;
	char digits[16];
	int count = 0, at = sizeof(DIRECTORY) - 1;

	do {
		digits[count++] = (char)('0' + number % 10);
		number /= 10;
	} while (number > 0);
	while (count > 0)
		name[at++] = digits[--count];
	name[at] = '\0';
	return call(SYS_openat, AT_FDCWD, (long)name, flags | O_NOCTTY | O_CLOEXEC, 0, 0);
}

static void reopen(launch_call *call, long fd, const struct stream *stream)
{
	long opened = open_by_name(call, stream);
	struct statx found;

	if (opened < 0)
		return;
	if (look(call, opened, &found) >= 0 && is_same(&found, &stream->at))
		call(SYS_dup3, opened, fd, 0, 0, 0);
	call(SYS_close, opened, 0, 0, 0, 0);
}

void terminal_reopen(launch_call *call)
{
	struct stream streams[STREAMS];

	for (long fd = 0; fd < STREAMS; fd++) {
		struct stream *stream = &streams[fd];
		long same = 0;

		stream->flags = -1;
		if (look(call, fd, &stream->at) < 0 || !is_terminal(&stream->at))
			continue;
		stream->flags = call(SYS_fcntl, fd, F_GETFL, 0, 0, 0);
		while (same < fd && (streams[same].flags != stream->flags ||
				     !is_same(&streams[same].at, &stream->at)))
			same++;
		if (same < fd)
			call(SYS_dup3, same, fd, 0, 0, 0);
		else if (stream->flags >= 0)
			reopen(call, fd, stream);
	}
}
