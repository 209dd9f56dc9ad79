/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Errors of set-up code. Keeps errno as it was; truncates what does not fit, never fails. */
#include "base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

static void record(struct error *err, int code, const char *format, va_list args)
	__attribute__((format(printf, 3, 0)));

static void record(struct error *err, int code, const char *format, va_list args)
{
	err->code = code;
	err->hint[0] = '\0';
	vsnprintf(err->what, sizeof(err->what), format, args);
}

int error_set(struct error *err, int code, const char *format, ...)
{
	int saved = errno;
	va_list args;
	size_t used;

	if (!err)
		return -code;
	va_start(args, format);
	record(err, code, format, args);
	va_end(args);
	used = strlen(err->what);
	snprintf(err->what + used, sizeof(err->what) - used, ": %s", strerror(code));
	errno = saved;
	return -code;
}

int error_say(struct error *err, int code, const char *format, ...)
{
	int saved = errno;
	va_list args;

	if (!err)
		return -code;
	va_start(args, format);
	record(err, code, format, args);
	va_end(args);
	errno = saved;
	return -code;
}

void error_wrap(struct error *err, const char *format, ...)
{
	char context[sizeof(err->what)];
	char before[sizeof(err->what)];
	int saved = errno;
	va_list args;

	if (!err || !err->code)
		return;
	va_start(args, format);
	vsnprintf(context, sizeof(context), format, args);
	va_end(args);
	memcpy(before, err->what, sizeof(before));
	snprintf(err->what, sizeof(err->what), "%.300s: %.336s", context, before);
	errno = saved;
}

void error_hint(struct error *err, const char *format, ...)
{
	int saved = errno;
	va_list args;

	if (!err)
		return;
	va_start(args, format);
	vsnprintf(err->hint, sizeof(err->hint), format, args);
	va_end(args);
	errno = saved;
}

void error_print(const char *program, const struct error *err)
{
	char line[1024];
	int len = snprintf(line, sizeof(line), "%s: %s%s%s", program, err->what,
			   err->hint[0] ? "; " : "", err->hint);

	if (len < 0)
		return;
	if ((size_t)len > sizeof(line) - 2)
		len = sizeof(line) - 2;
	for (int i = 0; i < len; i++) {
		if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f)
			line[i] = '?';
	}
	line[len++] = '\n';
	if (write(STDERR_FILENO, line, (size_t)len) < 0)
		return; /* nowhere is left to say it */
}

int error_exit_code(const struct error *err)
{
	switch (err->code) {
	case 0:
		return EX_OK;
	case EINVAL:
	case EPROTO:
	case EBADMSG:
	case ENAMETOOLONG:
	case EFBIG:
		return EX_DATAERR;
	case ENOENT:
	case ENOTDIR:
		return EX_NOINPUT;
	case EACCES:
	case EPERM:
		return EX_NOPERM;
	case ENODEV:
	case ENOSYS:
	case EOPNOTSUPP:
		return EX_UNAVAILABLE;
	case EISDIR:
	case ENOSPC:
	case EROFS:
		return EX_CANTCREAT;
	case EAGAIN:
	case EBUSY:
	case ETIMEDOUT:
		return EX_TEMPFAIL;
	case EIO:
		return EX_IOERR;
	default:
		return EX_SOFTWARE;
	}
}
