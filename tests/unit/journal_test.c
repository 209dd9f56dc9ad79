/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The part journal: what was put comes back, whatever happens to the writer, the disk or the bytes.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/hash.h"
#include "journal/journal.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

struct fixture {
	char path[64];
	int fd;
};

static int make_directory(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	if (!f)
		return -1;
	snprintf(f->path, sizeof(f->path), "/tmp/husk-journal-test-XXXXXX");
	if (!mkdtemp(f->path))
		return -1;
	f->fd = open(f->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	*state = f;
	return f->fd < 0 ? -1 : 0;
}

static int remove_directory(void **state)
{
	struct fixture *f = *state;
	int r;

	close(f->fd);
	r = remove_tree_at(AT_FDCWD, f->path);
	free(f);
	return r;
}

static const struct journal_run run = {
	.id = "0123456789abcdef0123456789abcdef",
	.function = "thumbnail",
	.revision = "sha256:00",
	.identified_by = "annotation",
	.container = "c1\xff\n",
	.started_ns = 1234567890123456789,
	.policy_serial = UINT64_MAX,
	.capabilities = UINT64_C(1) << 63 | 1,
	.calls = UINT32_MAX - 1,
	.modes = {MODE_ENFORCE, MODE_SHADOW, MODE_LEARN, MODE_UNAVAILABLE, MODE_LEARN, MODE_SHADOW},
	.trusted = true,
};

static const struct journal_end ended = {OUTCOME_KILLED, 9, INT64_MIN};

static const struct journal_behaviour seen[] = {
	{{DOMAIN_FS, ACCESS_READ, "/usr/bin/python3", "/app/x", BEHAVIOUR_IMAGE},
	 VERDICT_ALLOWED,
	 true,
	 17},
	{{DOMAIN_FS, ACCESS_WRITE, "", "/tmp/\xff\xfe\n{rand}", UINT32_MAX},
	 VERDICT_DENIED,
	 false,
	 INT32_MIN},
	{{DOMAIN_SYSCALL, ACCESS_NONE, "", "", 0}, VERDICT_WOULD_DENY, true, 0},
	{{DOMAIN_EXEC, ACCESS_EXEC, "/bin/sh", "/bin/ls", 0}, VERDICT_NOVEL, true, INT32_MAX},
};

static void assert_same(const struct journal_behaviour *a, const struct journal_behaviour *b)
{
	assert_int_equal(a->behaviour.domain, b->behaviour.domain);
	assert_int_equal(a->behaviour.access, b->behaviour.access);
	assert_int_equal(a->behaviour.flags, b->behaviour.flags);
	assert_string_equal(a->behaviour.program, b->behaviour.program);
	assert_string_equal(a->behaviour.key, b->behaviour.key);
	assert_int_equal(a->verdict, b->verdict);
	assert_int_equal(a->novel, b->novel);
	assert_int_equal(a->pid, b->pid);
}

static struct journal *create(const struct fixture *f, const char *name)
{
	struct journal *journal = NULL;

	assert_int_equal(journal_create(f->fd, name, &run, &journal, NULL), 0);
	return journal;
}

/* Writes `seen`, and three losses in between, and closes. */
static void write_small(const struct fixture *f, const char *name)
{
	struct journal *journal = create(f, name);

	assert_int_equal(journal_lower(journal, DOMAIN_DNS, "one"), 0);
	assert_int_equal(journal_lower(journal, DOMAIN_DNS, "another"), 0);
	for (size_t i = 0; i < COUNT(seen); i++) {
		assert_int_equal(journal_put(journal, &seen[i]), 0);
		if (i < 3)
			journal_lose(journal, DOMAIN_NET, i + 1);
	}
	assert_int_equal(journal_lower(journal, DOMAINS, "none"), -EINVAL);
	journal_close(journal, &ended);
}

/* How many behaviours there are, each checked against `seen` in turns. */
static size_t count_read(struct journal_reader *reader)
{
	struct journal_behaviour b;
	size_t n = 0;

	while (journal_reader_next(reader, &b) == 1)
		assert_same(&b, &seen[n++ % COUNT(seen)]);
	assert_int_equal(journal_reader_next(reader, &b), 0);
	return n;
}

static void what_was_put_comes_back(void **state)
{
	const struct fixture *f = *state;
	cleanup_journal_reader struct journal_reader *reader = NULL;
	const struct journal_run *r;
	struct journal_end end;
	struct stat st;

	write_small(f, "j");
	assert_int_equal(fstatat(f->fd, "j", &st, 0), 0);
	assert_int_equal(st.st_size, JOURNAL_STEP_BYTES);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(journal_reader_open(f->fd, "j", &reader, NULL), 0);
	r = journal_reader_run(reader);
	assert_string_equal(r->id, run.id);
	assert_string_equal(r->function, run.function);
	assert_string_equal(r->revision, run.revision);
	assert_string_equal(r->identified_by, run.identified_by);
	assert_string_equal(r->container, run.container);
	assert_int_equal(r->started_ns, run.started_ns);
	assert_true(r->policy_serial == run.policy_serial);
	assert_true(r->capabilities == run.capabilities);
	assert_true(r->calls == run.calls);
	assert_memory_equal(r->modes, run.modes, sizeof(run.modes));
	assert_true(r->trusted);
	assert_int_equal(count_read(reader), COUNT(seen));
	end = journal_reader_end(reader);
	assert_int_equal(end.outcome, ended.outcome);
	assert_int_equal(end.status, ended.status);
	assert_true(end.ended_ns == ended.ended_ns);
	assert_int_equal(journal_reader_lost(reader, DOMAIN_NET), 6);
	assert_int_equal(journal_reader_lost(reader, DOMAIN_FS), 0);
	assert_int_equal(journal_reader_lost(reader, DOMAINS), 0);
	assert_string_equal(journal_reader_lowered(reader, DOMAIN_DNS), "another");
	assert_null(journal_reader_lowered(reader, DOMAIN_FS));
	assert_null(journal_reader_lowered(reader, DOMAINS));
}

static void a_journal_of_many_steps(void **state)
{
	const struct fixture *f = *state;
	struct journal *journal = create(f, "j");
	cleanup_journal_reader struct journal_reader *reader = NULL;
	enum { MANY = 40000 };

	for (size_t i = 0; i < MANY; i++)
		assert_int_equal(journal_put(journal, &seen[i % COUNT(seen)]), 0);
	journal_close(journal, &ended);
	assert_int_equal(journal_reader_open(f->fd, "j", &reader, NULL), 0);
	assert_int_equal(count_read(reader), MANY);
	assert_int_equal(journal_reader_end(reader).outcome, OUTCOME_KILLED);
}

static void an_abandoned_journal_is_a_lost_run(void **state)
{
	const struct fixture *f = *state;
	struct journal *journal = create(f, "j");
	cleanup_journal_reader struct journal_reader *reader = NULL;

	assert_int_equal(journal_put(journal, &seen[0]), 0);
	journal_lose(journal, DOMAIN_FS, UINT64_MAX);
	journal_lose(journal, DOMAIN_FS, 2);
	journal_lose(journal, DOMAINS, 2);
	journal_abandon(journal);
	journal_abandon(NULL);
	assert_int_equal(journal_reader_open(f->fd, "j", &reader, NULL), 0);
	assert_int_equal(count_read(reader), 1);
	assert_int_equal(journal_reader_end(reader).outcome, OUTCOME_LOST);
	assert_true(journal_reader_lost(reader, DOMAIN_FS) == UINT64_MAX);
}

static void what_cannot_be_created_leaves_no_file(void **state)
{
	const struct fixture *f = *state;
	struct journal *journal = NULL;
	struct journal_run bad = run;
	cleanup_free char *long_name = calloc(1, 70001);
	struct stat st;

	memset(long_name, 'x', 70000);
	bad.function = long_name;
	assert_int_equal(journal_create(f->fd, "j", &bad, &journal, NULL), -EFBIG);
	long_name[UINT16_MAX] = '\0';
	assert_int_equal(journal_create(f->fd, "j", &bad, &journal, NULL), 0);
	journal_abandon(journal);
	assert_int_equal(unlinkat(f->fd, "j", 0), 0);
	bad = run;
	bad.id[0] = '\0';
	assert_int_equal(journal_create(f->fd, "j", &bad, &journal, NULL), -EINVAL);
	memset(bad.id, 'a', sizeof(bad.id));
	assert_int_equal(journal_create(f->fd, "j", &bad, &journal, NULL), -EINVAL);
	bad = run;
	bad.modes[1] = MODES;
	assert_int_equal(journal_create(f->fd, "j", &bad, &journal, NULL), -EINVAL);
	assert_int_equal(fstatat(f->fd, "j", &st, 0), -1);
	write_small(f, "j");
	assert_int_equal(journal_create(f->fd, "j", &run, &journal, NULL), -EEXIST);
	assert_int_equal(fstatat(f->fd, "j", &st, 0), 0);
}

static void what_is_too_large_is_counted(void **state)
{
	const struct fixture *f = *state;
	struct journal *journal = create(f, "j");
	cleanup_journal_reader struct journal_reader *reader = NULL;
	cleanup_free char *key = calloc(1, 65537);
	struct journal_behaviour b = seen[0], got;
	size_t put = 0, refused = 1;
	int r;

	memset(key, 'k', 65536);
	b.behaviour.key = key;
	assert_int_equal(journal_put(journal, &b), -EFBIG);
	key[65535] = '\0';
	for (;; put++) {
		r = journal_put(journal, &b);
		if (r < 0)
			break;
	}
	assert_int_equal(r, -EFBIG);
	refused++;
	assert_in_range(put, 120, JOURNAL_BYTES_MAX / 65536);
	b.behaviour.domain = DOMAINS;
	assert_int_equal(journal_put(journal, &b), -EINVAL);
	journal_close(journal, &ended);
	assert_int_equal(journal_reader_open(f->fd, "j", &reader, NULL), 0);
	while (journal_reader_next(reader, &got) == 1) {
		assert_int_equal(strlen(got.behaviour.key), 65535);
		put--;
	}
	assert_int_equal(put, 0);
	assert_int_equal(journal_reader_lost(reader, DOMAIN_FS), refused);
	assert_int_equal(journal_reader_end(reader).outcome, OUTCOME_KILLED);
}

/* Writes for ever; tells through `fd` how many records were put. */
static void write_until_killed(const struct fixture *f, int fd)
{
	struct journal *journal = NULL;
	uint32_t n = 0;

	if (journal_create(f->fd, "j", &run, &journal, NULL) < 0)
		_exit(1);
	for (;;) {
		if (journal_put(journal, &seen[n % COUNT(seen)]) < 0)
			_exit(2);
		n++;
		if (n % 8 == 0)
			journal_lose(journal, DOMAIN_DNS, 1);
		if (n % 16 == 0 && write(fd, &n, sizeof(n)) != sizeof(n))
			_exit(3);
	}
}

/* Reads counts until `enough` are put, kills the writer, and drains what it still said. */
static uint32_t kill_after(pid_t pid, int fd, uint32_t enough)
{
	uint32_t told = 0, n;
	int status;

	while (told < enough && read(fd, &n, sizeof(n)) == sizeof(n))
		told = n;
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	while (read(fd, &n, sizeof(n)) == sizeof(n))
		told = n;
	return told;
}

static void a_killed_writer_loses_nothing(void **state)
{
	const struct fixture *f = *state;

	for (uint32_t round = 0; round < 40; round++) {
		cleanup_journal_reader struct journal_reader *reader = NULL;
		int ends[2];
		uint32_t told;
		uint64_t lost;
		size_t n;
		pid_t pid;

		assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
		pid = fork();
		assert_true(pid >= 0);
		if (pid == 0) {
			close(ends[0]);
			write_until_killed(f, ends[1]);
		}
		close(ends[1]);
		told = kill_after(pid, ends[0], 1 + round * round * 16);
		close(ends[0]);
		assert_int_equal(journal_reader_open(f->fd, "j", &reader, NULL), 0);
		n = count_read(reader);
		assert_true(told > 0 && n >= told);
		lost = journal_reader_lost(reader, DOMAIN_DNS);
		assert_true(lost >= told / 8 && lost <= n / 8 + 1);
		assert_int_equal(journal_reader_end(reader).outcome, OUTCOME_LOST);
		assert_int_equal(unlinkat(f->fd, "j", 0), 0);
	}
}

/* A journal without the zeros behind its last record. */
static char *small_journal(const struct fixture *f, size_t *ret_len)
{
	char *bytes = NULL;
	size_t room, len = 0;
	uint32_t payload;

	write_small(f, "small");
	assert_int_equal(read_file_at(f->fd, "small", JOURNAL_STEP_BYTES, &bytes, &room, NULL), 0);
	for (memcpy(&payload, bytes, 4); payload != 0; memcpy(&payload, bytes + len, 4))
		len += 9 + payload;
	*ret_len = len;
	return bytes;
}

static void a_cut_journal_is_read_to_the_cut(void **state)
{
	size_t len, last = 0;
	cleanup_free char *bytes = small_journal(*state, &len);

	for (size_t cut = 0; cut <= len; cut++) {
		cleanup_journal_reader struct journal_reader *reader = NULL;
		/* in memory of its own size, so that a sanitizer sees each step too far */
		cleanup_free char *part = malloc(cut ? cut : 1);
		size_t n;

		memcpy(part, bytes, cut);
		if (journal_reader_over(part, cut, &reader, NULL) < 0) {
			assert_int_equal(last, 0);
			continue;
		}
		n = count_read(reader);
		assert_true(n >= last && n <= COUNT(seen));
		last = n;
		assert_int_equal(journal_reader_end(reader).outcome,
				 cut == len ? OUTCOME_KILLED : OUTCOME_LOST);
	}
	assert_int_equal(last, COUNT(seen));
}

static void a_flipped_bit_ends_the_reading_or_costs_one_count(void **state)
{
	size_t len;
	cleanup_free char *bytes = small_journal(*state, &len);

	for (size_t bit = 0; bit < 8 * len; bit++) {
		cleanup_journal_reader struct journal_reader *reader = NULL;

		bytes[bit / 8] = (char)(bytes[bit / 8] ^ 1 << bit % 8);
		if (journal_reader_over(bytes, len, &reader, NULL) == 0) {
			size_t n = count_read(reader);
			bool whole = journal_reader_end(reader).outcome != OUTCOME_LOST;
			uint64_t lost = journal_reader_lost(reader, DOMAIN_NET);

			assert_true(n < COUNT(seen) || whole || bit / 8 >= len - 22);
			assert_true(n == COUNT(seen) || !whole);
			assert_true(lost == 6 || lost == 3);
		}
		bytes[bit / 8] = (char)(bytes[bit / 8] ^ 1 << bit % 8);
	}
}

/* Puts a record with a right checksum behind the first three of a journal. Returns the new length.
 */
static size_t forge(char *bytes, size_t at, unsigned char type, const void *payload, size_t len)
{
	uint32_t len32 = (uint32_t)len, crc;

	bytes[at + 8] = (char)type;
	memcpy(bytes + at + 9, payload, len);
	crc = crc32c(0, bytes + at + 8, 1 + len);
	memcpy(bytes + at, &len32, 4);
	memcpy(bytes + at + 4, &crc, 4);
	return at + 9 + len;
}

static void forged_records_are_refused_or_passed_over(void **state)
{
	enum { BEHAVIOUR = 3, END = 4, LOWERED = 5, UNKNOWN = 200 };
	static const struct {
		const char *what;
		unsigned char type;
		const char *payload;
		size_t len;
		size_t read; /* behaviours, the forged one included */
		bool ends;   /* the reading, before the true record behind it */
	} table[] = {
		{"right", BEHAVIOUR, "\0\1\0\0\0\0\0\0\0\0\0\0\0\0\0\1\0k\0", 19, 2, false},
		{"domain", BEHAVIOUR, "\6\1\0\0\0\0\0\0\0\0\0\0\0\0\0\1\0k\0", 19, 0, true},
		{"access", BEHAVIOUR, "\0\377\0\0\0\0\0\0\0\0\0\0\0\0\0\1\0k\0", 19, 0, true},
		{"verdict", BEHAVIOUR, "\0\1\4\0\0\0\0\0\0\0\0\0\0\0\0\1\0k\0", 19, 0, true},
		{"novel", BEHAVIOUR, "\0\1\0\2\0\0\0\0\0\0\0\0\0\0\0\1\0k\0", 19, 0, true},
		{"no NUL", BEHAVIOUR, "\0\1\0\0\0\0\0\0\0\0\0\0\0\0\0\1\0kk", 19, 0, true},
		{"NUL within", BEHAVIOUR, "\0\1\0\0\0\0\0\0\0\0\0\0\0\0\0\2\0\0k\0", 20, 0, true},
		{"too long", BEHAVIOUR, "\0\1\0\0\0\0\0\0\0\0\0\0\0\0\0\2\0k\0", 19, 0, true},
		{"far too long", BEHAVIOUR, "\0\1\0\0\0\0\0\0\0\0\0\0\0\0\0\377\377k\0", 19, 0,
		 true},
		{"bytes left", BEHAVIOUR, "\0\1\0\0\0\0\0\0\0\0\0\0\0\0\0\1\0k\0\0", 20, 0, true},
		{"short", BEHAVIOUR, "\0\1\0", 3, 0, true},
		{"empty", BEHAVIOUR, "", 0, 0, true},
		{"unknown type", UNKNOWN, "what a later version says", 25, 1, false},
		{"unknown, empty", UNKNOWN, "", 0, 1, false},
		{"end of no outcome", END, "\6\0\0\0\0\0\0\0\0\0\0\0\0", 13, 0, true},
		{"short end", END, "\1\0\0\0\0\0\0\0\0\0\0\0", 12, 0, true},
		{"lowered", LOWERED, "\2\1\0k\0", 5, 1, false},
		{"lowered, no domain", LOWERED, "\6\1\0k\0", 5, 1, false},
		{"lowered, too long", LOWERED, "\2\2\0k\0", 5, 1, false},
		{"lowered, empty", LOWERED, "", 0, 1, false},
	};
	const struct fixture *f = *state;
	cleanup_free char *bytes = NULL;
	size_t start;

	journal_abandon(create(f, "start"));
	assert_int_equal(read_file_at(f->fd, "start", JOURNAL_STEP_BYTES, &bytes, &start, NULL), 0);
	while (start > 0 && bytes[start - 1] == '\0')
		start--;
	start += 64; /* what was cut off were the zeros of the second record of losses */
	for (size_t i = 0; i < COUNT(table); i++) {
		cleanup_journal_reader struct journal_reader *reader = NULL;
		struct journal_behaviour b;
		size_t at = forge(bytes, start, table[i].type, table[i].payload, table[i].len);
		size_t n = 0;

		at = forge(bytes, at, BEHAVIOUR, table[0].payload, table[0].len);
		assert_int_equal(journal_reader_over(bytes, at, &reader, NULL), 0);
		while (journal_reader_next(reader, &b) == 1)
			n++;
		if (n != (table[i].ends ? 0 : table[i].read))
			fail_msg("%s: %zu behaviours", table[i].what, n);
		if (!journal_reader_lowered(reader, DOMAIN_NET) !=
		    (strcmp(table[i].what, "lowered") != 0))
			fail_msg("%s: lowered", table[i].what);
		assert_int_equal(journal_reader_end(reader).outcome, OUTCOME_LOST);
	}
}

static void what_is_no_journal_is_refused(void **state)
{
	const struct fixture *f = *state;
	struct journal_reader *reader = NULL;
	size_t len;
	cleanup_free char *bytes = small_journal(f, &len);

	assert_int_equal(mkdirat(f->fd, "d", 0700), 0);
	assert_int_equal(mkfifoat(f->fd, "fifo", 0600), 0);
	assert_int_equal(symlinkat("small", f->fd, "link"), 0);
	assert_int_equal(atomic_file_write(f->fd, "empty", "", 0, 0600, NULL), 0);
	memset(bytes, 0, len);
	assert_int_equal(atomic_file_write(f->fd, "zeros", bytes, len, 0600, NULL), 0);
	assert_int_equal(journal_reader_open(f->fd, "none", &reader, NULL), -ENOENT);
	assert_int_equal(journal_reader_open(f->fd, "d", &reader, NULL), -EPROTO);
	assert_int_equal(journal_reader_open(f->fd, "fifo", &reader, NULL), -EPROTO);
	assert_int_equal(journal_reader_open(f->fd, "link", &reader, NULL), -ELOOP);
	assert_int_equal(journal_reader_open(f->fd, "empty", &reader, NULL), -EPROTO);
	assert_int_equal(journal_reader_open(f->fd, "zeros", &reader, NULL), -EPROTO);
	journal_reader_free(NULL);
	assert_null(reader);
}

/* A small file system of its own, in a mount namespace of its own; false where that is not allowed.
 */
static bool mount_own(const char *path, const char *type, const char *options)
{
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return false;
	return mount("husk-test", path, type, MS_NOSUID | MS_NODEV, options) == 0;
}

static void a_full_disk_is_counted_and_no_signal(void **state)
{
	const struct fixture *f = *state;
	cleanup_journal_reader struct journal_reader *reader = NULL;
	struct journal *journal, *second = NULL;
	cleanup_close int fd = -1;
	size_t put = 0, lost = 0;

	if (!mount_own(f->path, "tmpfs", "size=256k,mode=700"))
		skip();
	fd = open(f->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(journal_create(fd, "j", &run, &journal, NULL), 0);
	for (size_t i = 0; i < 20000; i++) {
		int r = journal_put(journal, &seen[put % COUNT(seen)]);

		if (r < 0) {
			assert_int_equal(r, -ENOSPC);
			lost++;
		} else {
			put++;
		}
	}
	assert_true(put > 1000 && lost > 1000);
	assert_int_equal(journal_create(fd, "k", &run, &second, NULL), -ENOSPC);
	journal_close(journal, &ended);
	assert_int_equal(journal_reader_open(fd, "j", &reader, NULL), 0);
	assert_int_equal(count_read(reader), put);
	assert_int_equal(journal_reader_end(reader).outcome, OUTCOME_KILLED);
	assert_true(journal_reader_lost(reader, DOMAIN_FS) > 0);
	assert_int_equal(journal_reader_lost(reader, DOMAIN_FS) +
				 journal_reader_lost(reader, DOMAIN_EXEC) +
				 journal_reader_lost(reader, DOMAIN_SYSCALL),
			 lost);
	journal_reader_free(steal_ptr(&reader));
	close(steal_fd(&fd));
	assert_int_equal(umount2(f->path, MNT_DETACH), 0);
}

/* ramfs is none of those of which it is known that they write in place. */
static void records_are_written_where_nothing_is_in_place(void **state)
{
	const enum mode modes[DOMAINS] = {MODE_ENFORCE};
	const struct fixture *f = *state;
	cleanup_journal_reader struct journal_reader *reader = NULL;
	cleanup_close int fd = -1;
	struct journal *journal;
	size_t put = 0;

	if (!mount_own(f->path, "ramfs", "mode=700"))
		skip();
	fd = open(f->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(journal_create(fd, "j", &run, &journal, NULL), 0);
	for (; put < 3000; put++)
		assert_int_equal(journal_put(journal, &seen[put % COUNT(seen)]), 0);
	journal_lose(journal, DOMAIN_EXEC, 3);
	journal_lose(journal, DOMAIN_EXEC, 4);
	journal_set_modes(journal, modes);
	assert_int_equal(journal_lower(journal, DOMAIN_FS, "why"), 0);
	/* a writer that is killed leaves as much */
	assert_int_equal(journal_reader_open(fd, "j", &reader, NULL), 0);
	assert_int_equal(count_read(reader), put);
	assert_int_equal(journal_reader_end(reader).outcome, OUTCOME_LOST);
	journal_reader_free(steal_ptr(&reader));
	journal_close(journal, &ended);
	assert_int_equal(journal_reader_open(fd, "j", &reader, NULL), 0);
	assert_int_equal(count_read(reader), put);
	assert_int_equal(journal_reader_end(reader).outcome, OUTCOME_KILLED);
	assert_int_equal(journal_reader_lost(reader, DOMAIN_EXEC), 7);
	assert_int_equal(journal_reader_run(reader)->modes[0], MODE_ENFORCE);
	assert_string_equal(journal_reader_lowered(reader, DOMAIN_FS), "why");
	journal_reader_free(steal_ptr(&reader));
	close(steal_fd(&fd));
	assert_int_equal(umount2(f->path, MNT_DETACH), 0);
}

#define WITH_DIRECTORY(test) cmocka_unit_test_setup_teardown(test, make_directory, remove_directory)

static const char *test_directory;

/* Else the fuzzer would begin with what is refused at once. */
static void the_seeds_of_the_fuzzer_are_of_this_version(void **state)
{
	cleanup_free char *bytes = NULL;
	cleanup_journal_reader struct journal_reader *reader = NULL;
	struct journal_behaviour b;
	char path[PATH_MAX];
	size_t len;
	int count = 0;

	snprintf(path, sizeof(path), "%s/../fuzz/corpus/journal/whole", test_directory);
	assert_int_equal(read_file_at(AT_FDCWD, path, 1 << 20, &bytes, &len, NULL), 0);
	assert_int_equal(journal_reader_over(bytes, len, &reader, NULL), 0);
	while (journal_reader_next(reader, &b) == 1)
		count++;
	assert_int_equal(count, 3);
	assert_int_equal(journal_reader_end(reader).outcome, OUTCOME_EXITED);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		WITH_DIRECTORY(what_was_put_comes_back),
		WITH_DIRECTORY(a_journal_of_many_steps),
		WITH_DIRECTORY(an_abandoned_journal_is_a_lost_run),
		WITH_DIRECTORY(what_cannot_be_created_leaves_no_file),
		WITH_DIRECTORY(what_is_too_large_is_counted),
		WITH_DIRECTORY(a_killed_writer_loses_nothing),
		WITH_DIRECTORY(a_cut_journal_is_read_to_the_cut),
		WITH_DIRECTORY(a_flipped_bit_ends_the_reading_or_costs_one_count),
		WITH_DIRECTORY(forged_records_are_refused_or_passed_over),
		WITH_DIRECTORY(what_is_no_journal_is_refused),
		WITH_DIRECTORY(a_full_disk_is_counted_and_no_signal),
		WITH_DIRECTORY(records_are_written_where_nothing_is_in_place),
		cmocka_unit_test(the_seeds_of_the_fuzzer_are_of_this_version),
	};

	test_directory = argc > 1 ? argv[1] : ".";
	return cmocka_run_group_tests(tests, NULL, NULL);
}
