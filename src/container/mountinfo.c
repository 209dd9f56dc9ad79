/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * /proc/PID/mountinfo. Fields are separated by exactly one blank and may be empty (a source can
 * be), so they are cut one by one and never by runs of blanks. Blank, tab, newline and backslash in
 * a name are written by the kernel as three octal digits (fs/proc_namespace.c, mangle()).
 */
#include "container/mountinfo.h"

#include <errno.h>
#include <limits.h>
#include <linux/mount.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>

#include "base/cleanup.h"

#define ENTRIES_MAX 100000

#ifndef MOUNT_ATTR_NOSYMFOLLOW
#define MOUNT_ATTR_NOSYMFOLLOW 0x00200000 /* linux/mount.h of Linux 5.14 */
#endif

static void unescape(char *text)
{
	char *to = strchr(text, '\\');

	if (!to)
		return;
	for (const char *from = to; *from; to++) {
		if (from[0] == '\\' && from[1] >= '0' && from[1] <= '3' && from[2] >= '0' &&
		    from[2] <= '7' && from[3] >= '0' && from[3] <= '7') {
			*to = (char)((from[1] - '0') << 6 | (from[2] - '0') << 3 | (from[3] - '0'));
			from += 4;
		} else {
			*to = *from++;
		}
	}
	*to = '\0';
}

/* Cuts the next field off *rest; NULL where there is none left. */
static char *next_field(char **rest)
{
	return *rest ? strsep(rest, " ") : NULL;
}

static bool read_id(const char *text, int *ret)
{
	long value;
	char *end;

	if (!text || *text < '0' || *text > '9')
		return false;
	errno = 0;
	value = strtol(text, &end, 10);
	if (*end || errno || value > INT_MAX)
		return false;
	*ret = (int)value;
	return true;
}

static uint64_t read_attributes(char *options)
{
	static const struct {
		const char *name;
		uint64_t attribute;
	} table[] = {
		{"ro", MOUNT_ATTR_RDONLY},
		{"nosuid", MOUNT_ATTR_NOSUID},
		{"nodev", MOUNT_ATTR_NODEV},
		{"noexec", MOUNT_ATTR_NOEXEC},
		{"noatime", MOUNT_ATTR_NOATIME},
		{"nodiratime", MOUNT_ATTR_NODIRATIME},
		{"nosymfollow", MOUNT_ATTR_NOSYMFOLLOW},
	};
	uint64_t attributes = 0;
	bool relative = false;
	char *option;

	while ((option = strsep(&options, ","))) {
		relative = relative || strcmp(option, "relatime") == 0;
		for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
			if (strcmp(option, table[i].name) == 0)
				attributes |= table[i].attribute;
		}
	}
	/* relatime is 0 in this encoding, and strictatime is told by the absence of the others */
	if (!relative && !(attributes & MOUNT_ATTR_NOATIME))
		attributes |= MOUNT_ATTR_STRICTATIME;
	return attributes;
}

/* Reads the optional fields up to "-". */
static bool read_propagation(char **rest, uint64_t *ret)
{
	uint64_t propagation = 0;
	char *field;

	while ((field = next_field(rest))) {
		if (strcmp(field, "-") == 0) {
			*ret = propagation ? propagation : MS_PRIVATE;
			return true;
		}
		if (strncmp(field, "shared:", 7) == 0)
			propagation |= MS_SHARED;
		else if (strncmp(field, "master:", 7) == 0)
			propagation |= MS_SLAVE;
		else if (strcmp(field, "unbindable") == 0)
			propagation |= MS_UNBINDABLE;
	}
	return false;
}

/* Parses one line in place, its newline already cut off. */
static bool read_entry(char *line, struct mountinfo_entry *ret)
{
	struct mountinfo_entry entry = {0};
	char *rest = line, *root, *point, *options, *type;

	if (!read_id(next_field(&rest), &entry.id) || !read_id(next_field(&rest), &entry.parent))
		return false;
	next_field(&rest); /* major:minor */
	root = next_field(&rest);
	point = next_field(&rest);
	options = next_field(&rest);
	if (!options || !read_propagation(&rest, &entry.propagation))
		return false;
	type = next_field(&rest);
	next_field(&rest); /* source */
	if (!type || !*type || !rest)
		return false;
	unescape(root);
	unescape(point);
	unescape(type);
	/* a mount outside of the process's root shows a path without '/': as the kernel has it */
	entry.root = root;
	entry.point = point;
	entry.type = type;
	entry.super_options = rest;
	entry.attributes = read_attributes(options);
	*ret = entry;
	return true;
}

static int say_broken(size_t line, struct error *err)
{
	return error_say(err, EPROTO, "mountinfo: line %zu is not of the documented form", line);
}

static size_t count_lines(const char *bytes, size_t len)
{
	size_t lines = 0;

	for (const char *at = bytes, *end = bytes + len; at < end; at++) {
		at = memchr(at, '\n', (size_t)(end - at));
		lines++;
		if (!at)
			break;
	}
	return lines;
}

int mountinfo_parse(const char *bytes, size_t len, struct mountinfo *ret, struct error *err)
{
	cleanup_mountinfo struct mountinfo info = {0};
	size_t lines = count_lines(bytes, len);
	char *at;

	if (lines > ENTRIES_MAX)
		return error_say(err, EPROTO, "mountinfo: more than %d mounts", ENTRIES_MAX);
	if (len > 0 && memchr(bytes, '\0', len))
		return error_say(err, EPROTO, "mountinfo: holds a NUL byte");
	info.bytes = malloc(len + 1);
	info.entries = calloc(lines + 1, sizeof(*info.entries));
	if (!info.bytes || !info.entries)
		return error_set(err, ENOMEM, "cannot read mountinfo");
	if (len > 0)
		memcpy(info.bytes, bytes, len);
	info.bytes[len] = '\0';
	at = info.bytes;
	for (size_t i = 0; i < lines; i++) {
		char *line = strsep(&at, "\n");

		if (!line || !read_entry(line, &info.entries[i]))
			return say_broken(i + 1, err);
		info.n_entries++;
	}
	*ret = info;
	info = (struct mountinfo){0};
	return 0;
}

int mountinfo_find(const char *bytes, size_t len, int id, struct mountinfo *ret, struct error *err)
{
	char start[16];
	int start_len = snprintf(start, sizeof(start), "%d ", id);

	for (size_t at = 0; at < len;) {
		const char *end = memchr(bytes + at, '\n', len - at);
		size_t line_len = end ? (size_t)(end - bytes) - at : len - at;

		if (line_len > (size_t)start_len &&
		    memcmp(bytes + at, start, (size_t)start_len) == 0)
			return mountinfo_parse(bytes + at, line_len, ret, err);
		at += line_len + 1;
	}
	return 1;
}

void mountinfo_release(struct mountinfo *info)
{
	int saved = errno;

	free(info->bytes);
	free(info->entries);
	*info = (struct mountinfo){0};
	errno = saved;
}

bool mountinfo_is_native(const struct mountinfo_entry *entry)
{
	static const char *const types[] = {
		"proc",	     "sysfs",	   "cgroup",	 "cgroup2", "mqueue",	"devpts",
		"devtmpfs",  "securityfs", "selinuxfs",	 "smackfs", "debugfs",	"tracefs",
		"configfs",  "pstore",	   "bpf",	 "fusectl", "efivarfs", "binfmt_misc",
		"hugetlbfs", "nsfs",	   "rpc_pipefs", "resctrl", "binder",	"functionfs",
	};
	static const char *const places[] = {"/dev", "/proc", "/sys"};

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		if (strcmp(entry->type, types[i]) == 0)
			return true;
	}
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		size_t len = strlen(places[i]);

		if (strncmp(entry->point, places[i], len) == 0 &&
		    (entry->point[len] == '/' || entry->point[len] == '\0'))
			return true;
	}
	return false;
}
