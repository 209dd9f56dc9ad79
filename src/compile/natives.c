/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Counting by directory: the keys are sorted so that those below one directory lie side by side,
 * then each depth is one walk over them.
 */
#include "compile/natives.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "policy/guard.h"

struct path {
	char *text;	   /* owned */
	bool is_directory; /* may be the tree itself */
};

struct paths {
	struct path *paths;
	size_t count, room;
};

struct natives {
	struct paths used;    /* image content that is read or listed */
	struct paths made;    /* files that are made */
	struct paths kept;    /* what must not lie in a directory that is filled in bulk */
	struct paths changed; /* what must not lie in a tree: it becomes read-only */
	struct paths denied;  /* by hand */
	struct paths sockets; /* directories of volumes in which the host is met */
};

struct natives *natives_new(void)
{
	return calloc(1, sizeof(struct natives));
}

static void paths_release(struct paths *paths)
{
	for (size_t i = 0; i < paths->count; i++)
		free(paths->paths[i].text);
	free(paths->paths);
}

void natives_free(struct natives *natives)
{
	if (!natives)
		return;
	paths_release(&natives->used);
	paths_release(&natives->made);
	paths_release(&natives->kept);
	paths_release(&natives->changed);
	paths_release(&natives->denied);
	paths_release(&natives->sockets);
	free(natives);
}

static int add(struct paths *paths, const char *text, bool is_directory)
{
	if (paths->count == paths->room) {
		size_t room = paths->room ? paths->room * 2 : 64;
		struct path *grown = reallocarray(paths->paths, room, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		paths->paths = grown;
		paths->room = room;
	}
	paths->paths[paths->count] = (struct path){strdup(text), is_directory};
	return paths->paths[paths->count].text ? (paths->count++, 0) : -ENOMEM;
}

/* The root is no volume. */
static int add_directory(struct paths *paths, const char *key)
{
	size_t len = (size_t)(strrchr(key, '/') - key);
	cleanup_free char *directory = strndup(key, len);

	if (!directory)
		return -ENOMEM;
	return len == 0 ? 0 : add(paths, directory, true);
}

/* A library that a program loads is opened for reading like any other file. */
static bool looks_like_library(const char *path)
{
	return guard_matches("*.so", path) || guard_matches("*.so.*", path) ||
	       guard_matches("*.node", path) || guard_matches("*.jnilib", path);
}

static bool is_kept(const struct behaviour *b)
{
	const char *reason;

	return b->domain == DOMAIN_EXEC || guard_of(b, &reason) != GUARD_NONE ||
	       (b->access == ACCESS_READ && looks_like_library(b->key));
}

int natives_add(struct natives *natives, const struct behaviour *b, bool admitted, enum mark mark)
{
	bool allowed = mark == MARK_ALLOW || (mark == MARK_NONE && admitted);
	int r = 0;

	if ((b->domain != DOMAIN_FS && b->domain != DOMAIN_EXEC) || b->key[0] != '/')
		return 0;
	if (mark == MARK_DENY)
		r = add(&natives->denied, b->key, false);
	if (r == 0 && (mark == MARK_DENY || is_kept(b)))
		r = add(&natives->kept, b->key, false);
	if (r < 0 || b->domain != DOMAIN_FS || mark == MARK_DENY)
		return r;
	/* Reading image content is allowed whether or not it was admitted. */
	if (b->flags & BEHAVIOUR_IMAGE && (b->access == ACCESS_READ || b->access == ACCESS_LIST))
		return add(&natives->used, b->key, b->access == ACCESS_LIST);
	if (b->access == ACCESS_WRITE || b->access == ACCESS_CREATE)
		r = add(&natives->changed, b->key, false);
	if (r == 0 && allowed && b->flags & BEHAVIOUR_SOCKET)
		return add_directory(&natives->sockets, b->key);
	if (r == 0 && allowed && b->access == ACCESS_CREATE && !(b->flags & BEHAVIOUR_PERSISTENT))
		return add(&natives->made, b->key, false);
	return r;
}

/* Like strcmp(3), but '/' comes before any other byte: what lies below a directory follows it. */
static int compare(const void *a, const void *b)
{
	const unsigned char *x = (const unsigned char *)((const struct path *)a)->text;
	const unsigned char *y = (const unsigned char *)((const struct path *)b)->text;
	unsigned int i, j;

	while (*x && *x == *y) {
		x++;
		y++;
	}
	i = *x == '/' ? 1 : *x ? *x + 1U : 0;
	j = *y == '/' ? 1 : *y ? *y + 1U : 0;
	if (i != j)
		return i < j ? -1 : 1;
	return ((const struct path *)b)->is_directory - ((const struct path *)a)->is_directory;
}

/* How many bytes the first `depth` components take, 0 where there are no more or, of a directory,
 * fewer. */
static size_t prefix_len(const struct path *path, int depth)
{
	const char *at = path->text;

	for (int i = 0; i < depth; i++) {
		if (*at != '/')
			return 0;
		at = strchrnul(at + 1, '/');
	}
	return *at == '/' || path->is_directory ? (size_t)(at - path->text) : 0;
}

/* Where no code and no data of others lies, but configuration, homes, and what the kernel serves;
 * and where programs lie, which are to be judged one by one. */
static bool is_tree_passed_over(const char *path)
{
	static const char *const tops[] = {"/etc", "/root", "/home", "/boot", "/run", "/var",
					   "/tmp", "/proc", "/sys",  "/dev",  "/bin", "/sbin"};
	static const char *const programs[] = {"/usr/bin", "/usr/sbin", "/usr/libexec",
					       "/usr/local/bin", "/usr/local/sbin"};

	for (size_t i = 0; i < sizeof(tops) / sizeof(tops[0]); i++) {
		if (path_lies_in(path, tops[i]))
			return true;
	}
	for (size_t i = 0; i < sizeof(programs) / sizeof(programs[0]); i++) {
		if (path_lies_in(path, programs[i]))
			return true;
	}
	return false;
}

static bool holds(const struct paths *paths, const char *dir)
{
	for (size_t i = 0; i < paths->count; i++) {
		if (path_lies_in(paths->paths[i].text, dir))
			return true;
	}
	return false;
}

static void propose(const struct natives *natives, enum native_kind kind, const char *path,
		    size_t len, uint32_t uses, struct buf *to)
{
	char *name = strndup(path, len);
	struct native_entry entry = {.kind = kind, .uses = uses, .path = name};

	if (!name) {
		to->error = -ENOMEM;
		return;
	}
	/* a brace stands for something that was widened */
	if (!strchr(name, '{') &&
	    !(kind == NATIVE_IMAGE ? is_tree_passed_over(name) || holds(&natives->changed, name)
				   : holds(&natives->kept, name)))
		native_put(to, &entry);
	free(name);
}

/* Proposes every directory at this depth with at least `min` paths. */
static void count(const struct natives *natives, const struct paths *paths, int depth, uint32_t min,
		  enum native_kind kind, struct buf *to)
{
	const struct path *first = NULL;
	size_t len = 0;
	uint32_t uses = 0;

	for (size_t i = 0; i < paths->count; i++) {
		const struct path *path = &paths->paths[i];
		size_t own = prefix_len(path, depth);

		if (i > 0 && strcmp(path->text, path[-1].text) == 0)
			continue; /* by another program, or another access */
		if (own && first && own == len && memcmp(path->text, first->text, len) == 0) {
			uses++;
			continue;
		}
		if (first && uses >= min)
			propose(natives, kind, first->text, len, uses, to);
		first = own ? path : NULL;
		len = own;
		uses = 1;
	}
	if (first && uses >= min)
		propose(natives, kind, first->text, len, uses, to);
}

static void sort(struct paths *paths)
{
	if (paths->count)
		qsort(paths->paths, paths->count, sizeof(*paths->paths), compare);
}

/*
 * The directories of sockets, but those in one that is told of before: what is mounted in a native
 * volume is native too.
 */
static void put_sockets(struct natives *natives, struct buf *to)
{
	const char *last = NULL;

	sort(&natives->sockets);
	for (size_t i = 0, told = 0; i < natives->sockets.count && told < NATIVES_SOCKETS_MAX;
	     i++) {
		const char *path = natives->sockets.paths[i].text;

		if (last && path_lies_in(path, last))
			continue;
		native_put(to, &(struct native_entry){.kind = NATIVE_SOCKETS, .path = path});
		last = path;
		told++;
	}
}

void natives_finish(struct natives *natives, bool enforced, struct buf *to)
{
	sort(&natives->used);
	sort(&natives->made);
	sort(&natives->denied);
	for (size_t i = 0; i < natives->denied.count; i++) {
		const struct native_entry entry = {
			.kind = NATIVE_DENIED,
			.path = natives->denied.paths[i].text,
		};

		native_put(to, &entry);
	}
	for (int depth = NATIVES_DEPTH_MAX; depth >= NATIVES_DEPTH_MIN; depth--)
		count(natives, &natives->used, depth, NATIVES_USES_MIN, NATIVE_IMAGE, to);
	for (int depth = 1; enforced && depth <= NATIVES_PRIVATE_DEPTH_MAX; depth++)
		count(natives, &natives->made, depth, NATIVES_FILES_MIN, NATIVE_PRIVATE, to);
	put_sockets(natives, to);
}

void natives_reason(const struct native_entry *entry, struct buf *to)
{
	if (entry->kind == NATIVE_IMAGE)
		buf_format(to, "image content, %u of its files and directories are used",
			   entry->uses);
	else if (entry->kind == NATIVE_PRIVATE)
		buf_format(to, "the function makes %u files in it, and runs and loads none",
			   entry->uses);
	else if (entry->kind == NATIVE_SOCKETS)
		buf_add_text(to, "the function meets the host by sockets or FIFOs there: the "
				 "volume it is of");
	else
		buf_add_text(to, "denied by hand");
}
