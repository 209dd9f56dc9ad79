/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Content: reading, writing, mapping, holes, locks. */
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "compare.h"

static void read_and_write(void)
{
	char bytes[32] = "";
	struct iovec parts[2] = {{bytes, 2}, {bytes + 2, 3}};
	int fd = open("f", O_CREAT | O_RDWR, 0644);

	said("write", write(fd, "hello world", 11));
	said("at end", read(fd, bytes, 5));
	said("seek", lseek(fd, 6, SEEK_SET));
	said("read", read(fd, bytes, 31));
	said("pwrite beyond", pwrite(fd, "x", 1, 100));
	say_stat("f");
	said("pread hole", pread(fd, bytes, 4, 50));
	said("byte", bytes[0]);
	said("readv", preadv(fd, parts, 2, 0));
	say("'%s'", bytes);
	said("writev", pwritev(fd, parts, 2, 3));
	said("negative", pread(fd, bytes, 1, -1));
	said("nothing", write(fd, "", 0));
	said("seek before", lseek(fd, -1, SEEK_SET));
	said("seek end", lseek(fd, 0, SEEK_END));
	said_ok("bad descriptor for writing", write(open("f", O_RDONLY), "x", 1));
	said_ok("bad descriptor for reading", read(open("f", O_WRONLY), bytes, 1));
	said_ok("read directory", read(open(".", O_RDONLY), bytes, 1));
	said_ok("fsync", fsync(fd));
	said_ok("fdatasync", fdatasync(fd));
	said_ok("syncfs", syncfs(fd));
	said_ok("sync_file_range", sync_file_range(fd, 0, 10, SYNC_FILE_RANGE_WRITE));
	said_ok("fsync directory", fsync(open(".", O_RDONLY)));
}

static void append(void)
{
	int a = open("f", O_CREAT | O_WRONLY | O_APPEND, 0644);
	int b = open("f", O_WRONLY | O_APPEND);
	int c = open("f", O_RDWR);

	said("a", write(a, "aa", 2));
	said("b", write(b, "bb", 2));
	said("a", write(a, "cc", 2));
	said("c", write(c, "X", 1));
	said("pwrite appends", pwrite(a, "!", 1, 0));
	say_content("f");
	said("position", lseek(a, 0, SEEK_CUR));
	said_ok("append later", fcntl(c, F_SETFL, O_APPEND));
	said("c", write(c, "Y", 1));
	say_content("f");
	said_ok("truncate", truncate("f", 3));
	said("b", write(b, "bb", 2));
	say_content("f");
}

static void truncate_files(void)
{
	int fd;

	put("f", "0123456789");
	said_ok("shorter", truncate("f", 4));
	say_content("f");
	said_ok("longer", truncate("f", 8));
	say_stat("f");
	said_ok("negative", truncate("f", -1));
	said_ok("directory", truncate(".", 0));
	said_ok("nothing", truncate("no", 0));
	fd = open("f", O_RDWR);
	said_ok("ftruncate", ftruncate(fd, 2));
	said_ok("ftruncate read-only", ftruncate(open("f", O_RDONLY), 0));
	say_content("f");
	said_ok("O_TRUNC", open("f", O_WRONLY | O_TRUNC));
	say_stat("f");
	said("after", write(fd, "abc", 3));
	say_content("f");
	said_ok("O_TRUNC read-only", open("f", O_RDONLY | O_TRUNC));
	say_stat("f");
	said_ok("huge", truncate("f", 1L << 40));
	say_stat("f");
}

static void allocate(void)
{
	int fd = open("f", O_CREAT | O_RDWR, 0644);
	char *block = calloc(1, 65536);

	memset(block, 'x', 65536);
	said("write", write(fd, block, 65536));
	said_ok("allocate", fallocate(fd, 0, 0, 131072));
	say_stat("f");
	said_ok("keep size", fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, 262144));
	say_stat("f");
	said_ok("punch", fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 4096, 8192));
	said("hole", lseek(fd, 0, SEEK_HOLE));
	said("data", lseek(fd, 4096, SEEK_DATA));
	said("data beyond", lseek(fd, 1 << 30, SEEK_DATA));
	said_ok("zero", fallocate(fd, FALLOC_FL_ZERO_RANGE, 0, 4096));
	said("read", pread(fd, block, 16, 0));
	said("byte", block[0]);
	said_ok("punch without keeping", fallocate(fd, FALLOC_FL_PUNCH_HOLE, 0, 4096));
	said_ok("negative", fallocate(fd, 0, -1, 10));
	said_ok("read-only", fallocate(open("f", O_RDONLY), 0, 0, 10));
	said_ok("posix_fallocate", posix_fallocate(fd, 0, 200000));
	free(block);
}

static void find_holes(void)
{
	int fd = open("f", O_CREAT | O_RDWR, 0644);

	pwrite(fd, "a", 1, 0);
	pwrite(fd, "b", 1, 1 << 20);
	said_ok("sync", fsync(fd));
	said("data", lseek(fd, 0, SEEK_DATA));
	said("hole", lseek(fd, 0, SEEK_HOLE));
	said("next data", lseek(fd, 8192, SEEK_DATA));
	said("next hole", lseek(fd, 1 << 20, SEEK_HOLE));
	said("beyond", lseek(fd, 2 << 20, SEEK_HOLE));
	said("read-only", lseek(open("f", O_RDONLY), 8192, SEEK_DATA));
	said("write-only", lseek(open("f", O_WRONLY), 8192, SEEK_DATA));
}

static void copy_ranges(void)
{
	off_t from = 2, to = 1;
	int a, b;

	put("a", "0123456789");
	a = open("a", O_RDONLY);
	b = open("b", O_CREAT | O_RDWR, 0644);
	said("copy", copy_file_range(a, &from, b, &to, 5, 0));
	say("positions %ld %ld", (long)from, (long)to);
	said_ok("sync", fsync(b));
	say_stat("b");
	said("whole", copy_file_range(a, NULL, b, NULL, 100, 0));
	say_content("b");
	said("flags", copy_file_range(a, NULL, b, NULL, 1, 1));
	said("overlapping", copy_file_range(b, &(off_t){0}, b, &(off_t){1}, 5, 0));
	said("to read-only", copy_file_range(a, NULL, a, NULL, 1, 0));
	said("sendfile", sendfile(b, a, &(off_t){0}, 3));
	say_content("b");
}

static void map_files(void)
{
	char bytes[8] = "";
	char *shared, *private;
	int fd = open("f", O_CREAT | O_RDWR, 0644);
	int writer = open("f", O_WRONLY);
	pid_t pid;

	ftruncate(fd, 8192);
	shared = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	private = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	said_ok("map", shared == MAP_FAILED || private == MAP_FAILED ? -1 : 0);
	memcpy(shared, "shared", 7);
	said("read sees it", pread(fd, bytes, 7, 0));
	say("'%s' '%s'", bytes, private);
	said("write", pwrite(writer, "WRITE", 5, 0));
	say("'%s' '%s'", shared, private);
	private[0] = 'P';
	said("read", pread(fd, bytes, 7, 0));
	say("'%s'", bytes);
	pid = fork();
	if (pid == 0) {
		shared[4096] = 'c';
		_exit(0);
	}
	waitpid(pid, NULL, 0);
	said("child wrote", shared[4096]);
	said("pread", pread(fd, bytes, 1, 4096));
	said("byte", bytes[0]);
	said_ok("msync", msync(shared, 8192, MS_SYNC));
	said_ok("shared of read-only", mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED,
					    open("f", O_RDONLY), 0) == MAP_FAILED
					       ? -1
					       : 0);
	said_ok("write-only",
		mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, writer, 0) == MAP_FAILED ? -1 : 0);
	said_ok("executable",
		mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0) == MAP_FAILED ? -1 : 0);
	unlink("f");
	shared[1] = 'u';
	said("unlinked", pread(fd, bytes, 2, 0));
	said("byte", bytes[1]);
	pid = fork();
	if (pid == 0) {
		ftruncate(fd, 0);
		_exit(shared[0]);
	}
	waitpid(pid, &(int){0}, 0);
}

static void say_whether_changed(const char *path)
{
	struct timespec old[2] = {{.tv_sec = 1000000000}, {.tv_sec = 1000000000}};
	struct stat st;

	said_ok("stat", stat(path, &st));
	say("%s, changed %s than modified", st.st_mtim.tv_sec > 1000000000 ? "new" : "old",
	    st.st_ctim.tv_sec > st.st_mtim.tv_sec ? "later" : "no later");
	say_stat(path);
	said_ok("old times", utimensat(AT_FDCWD, path, old, 0));
}

/* Also once nobody has the file open. */
static void change_through_a_mapping(void)
{
	char *bytes;
	int fd;

	put("f", "x");
	truncate("f", 1 << 20);
	say_whether_changed("f");
	say_whether_changed("f");
	fd = open("f", O_RDWR);
	say_whether_changed("f");
	bytes = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	for (int i = 0; i < 3; i++) {
		memset(bytes + ((size_t)i << 18), 'a', 1 << 18);
		said_ok("msync", msync(bytes, 1 << 20, MS_SYNC));
		say_whether_changed("f");
		say_whether_changed("f");
		if (i == 0)
			close(fd);
	}
	munmap(bytes, 1 << 20);
	say_whether_changed("f");
}

static void read_directly(void)
{
	char *block = aligned_alloc(4096, 8192);
	int fd = (int)said_ok("open", open("f", O_CREAT | O_RDWR | O_DIRECT, 0644));
	int plain = open("f", O_RDWR);

	if (!block)
		return;
	memset(block, 'd', 8192);
	said("write", pwrite(fd, block, 8192, 0));
	memset(block, 0, 8192);
	said("plain read", pread(plain, block, 8192, 0));
	said("byte", block[4097]);
	said("plain write", pwrite(plain, "P", 1, 0));
	said("direct read", pread(fd, block, 4096, 0));
	said("byte", block[0]);
	free(block);
}

static void demand_alignment(void)
{
	char *block = aligned_alloc(4096, 8192);
	int fd = open("f", O_CREAT | O_RDWR | O_DIRECT, 0644);

	if (!block)
		return;
	memset(block, 'd', 8192);
	said("unaligned size", pwrite(fd, block, 100, 0));
	said("unaligned memory", pwrite(fd, block + 1, 4096, 0));
	said("unaligned place", pwrite(fd, block, 4096, 100));
	free(block);
}

static long lock_range(int fd, int command, short type, off_t start, off_t len)
{
	struct flock lock = {.l_type = type, .l_whence = SEEK_SET, .l_start = start, .l_len = len};
	long rc = fcntl(fd, command, &lock);

	if (rc == 0 && command == F_GETLK)
		return lock.l_type;
	return rc;
}

static void lock_files(void)
{
	int fd, other;
	pid_t pid;

	put("f", "0123456789");
	fd = open("f", O_RDWR);
	other = open("f", O_RDWR);
	said_ok("posix", lock_range(fd, F_SETLK, F_WRLCK, 0, 5));
	pid = fork();
	if (pid == 0) {
		said_ok("other process", lock_range(other, F_SETLK, F_WRLCK, 0, 1));
		said("who", lock_range(other, F_GETLK, F_WRLCK, 0, 1));
		said_ok("beside", lock_range(other, F_SETLK, F_WRLCK, 5, 1));
		said_ok("flock", flock(other, LOCK_EX | LOCK_NB));
		_exit(0);
	}
	waitpid(pid, NULL, 0);
	said_ok("flock", flock(fd, LOCK_SH | LOCK_NB));
	said_ok("flock of another open", flock(other, LOCK_EX | LOCK_NB));
	said_ok("flock shared", flock(other, LOCK_SH | LOCK_NB));
	said_ok("unlock", flock(fd, LOCK_UN));
	said_ok("upgrade", flock(other, LOCK_EX | LOCK_NB));
	close(open("f", O_RDONLY));
	pid = fork();
	if (pid == 0) {
		said_ok("closing dropped it", lock_range(other, F_SETLK, F_WRLCK, 0, 1));
		_exit(0);
	}
	waitpid(pid, NULL, 0);
	said_ok("open file description lock", lock_range(fd, F_OFD_SETLK, F_WRLCK, 0, 0));
	said_ok("of another", lock_range(other, F_OFD_SETLK, F_WRLCK, 0, 0));
	said_ok("lockf", lockf(fd, F_TEST, 1));
}

static void take_leases(void)
{
	int fd;

	put("f", "x");
	fd = open("f", O_RDONLY);
	(void)signal(SIGIO, SIG_IGN);
	said_ok("read lease", fcntl(fd, F_SETLEASE, F_RDLCK));
	said("lease", fcntl(fd, F_GETLEASE));
	said_ok("another opens to write", open("f", O_WRONLY | O_NONBLOCK));
	said_ok("give back", fcntl(fd, F_SETLEASE, F_UNLCK));
	said_ok("write lease of a reader", fcntl(fd, F_SETLEASE, F_WRLCK));
	close(fd);
	fd = open("f", O_RDWR);
	said_ok("write lease", fcntl(fd, F_SETLEASE, F_WRLCK));
	said_ok("another opens", open("f", O_RDONLY | O_NONBLOCK));
}

static void ask_devices(void)
{
	struct termios terminal;
	int bytes = 0;
	int fd;

	put("f", "12345");
	fd = open("f", O_RDONLY);
	said_ok("TCGETS", ioctl(fd, TCGETS, &terminal));
	said_ok("isatty", isatty(fd) ? 0 : -1);
	said_ok("FIONREAD", ioctl(fd, FIONREAD, &bytes));
	said("bytes", bytes);
	said_ok("unknown", ioctl(fd, 0x12345678, &bytes));
	said_ok("on a directory", ioctl(open(".", O_RDONLY), TCGETS, &terminal));
	said_ok("pipe", fcntl(fd, F_SETPIPE_SZ, 4096));
}

static void write_large(void)
{
	size_t len = 3 << 20;
	char *bytes = malloc(len);
	int fd = open("f", O_CREAT | O_RDWR, 0644);
	unsigned int sum = 0;

	for (size_t i = 0; i < len; i++)
		bytes[i] = (char)(i * 31 >> 3);
	said("write", write(fd, bytes, len));
	memset(bytes, 0, len);
	said("read", pread(fd, bytes, len, 0));
	for (size_t i = 0; i < len; i++)
		sum = sum * 33 + (unsigned char)bytes[i];
	say("sum %u", sum);
	said("odd place", pread(fd, bytes, 12345, 1234567));
	for (size_t i = 0; i < 12345; i++)
		sum = sum * 33 + (unsigned char)bytes[i];
	say("sum %u", sum);
	free(bytes);
}

static void mix_readers_and_writers(void)
{
	char bytes[16] = "";
	int reader, writer, second;

	put("f", "first");
	reader = open("f", O_RDONLY);
	said("read", pread(reader, bytes, 15, 0));
	writer = open("f", O_WRONLY | O_TRUNC);
	said("after truncation", pread(reader, bytes, 15, 0));
	said("write", write(writer, "second, longer", 14));
	said("read", pread(reader, bytes, 15, 0));
	say("'%s'", bytes);
	second = open("f", O_RDWR);
	said("write", pwrite(second, "THIRD", 5, 0));
	said("read", pread(reader, bytes, 15, 0));
	say("'%s'", bytes);
	close(writer);
	close(second);
	said("read", pread(reader, bytes, 15, 0));
	close(reader);
	say_content("f");
	say_stat("f");
}

static void execute_files(void)
{
	pid_t pid;
	int status = 0;
	int fd;

	put("script", "#!/bin/sh\nexit 7\n");
	chmod("script", 0755);
	fd = open("script", O_RDONLY);
	pid = fork();
	if (pid == 0) {
		execl("./script", "script", (char *)NULL);
		_exit(100);
	}
	waitpid(pid, &status, 0);
	say("status %d", WEXITSTATUS(status));
	said_ok("not executable",
		(chmod("script", 0644), execl("./script", "script", (char *)NULL)));
	said_ok("directory", execl(".", ".", (char *)NULL));
	chmod("script", 0755);
	close(fd);
	fd = open("script", O_WRONLY);
	said_ok("open for writing", execl("./script", "script", (char *)NULL));
	close(fd);
	put("empty", "");
	chmod("empty", 0755);
	said_ok("empty", execl("./empty", "empty", (char *)NULL));
}

const struct compare_case cases_data[] = {
	{"content is read and written", read_and_write},
	{"appending appends", append},
	{"files are truncated", truncate_files},
	{"space is allocated and freed", allocate},
	{"holes are found", find_holes},
	{"ranges are copied", copy_ranges},
	{"files are mapped", map_files},
	{"a change through a mapping shows", change_through_a_mapping},
	{"O_DIRECT works", read_directly},
	{"O_DIRECT demands alignment", demand_alignment},
	{"locks exclude", lock_files},
	{"leases are kept", take_leases},
	{"a file is no terminal", ask_devices},
	{"much is written and read", write_large},
	{"readers see what writers write", mix_readers_and_writers},
	{"files are executed", execute_files},
	{NULL, NULL},
};
