/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a program inside of a container may try on the kernel. kernel-calls NAME... tries each and
 * prints "NAME ok" or "NAME ERRNO-NAME"; the exit status is 0 whatever came of it. "all" is every
 * one of them.
 *
 *   kernel-calls listen PROGRAM...   executes a program under a filter that lets everything through
 *                                    and has a listener, as a container around the container would
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/filter.h>
#include <linux/perf_event.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static long result(long r)
{
	return r < 0 ? -errno : 0;
}

static long try_mount(void)
{
	return result(mount("none", "/mnt", "tmpfs", 0, NULL));
}

static long try_unshare(void)
{
	return result(unshare(CLONE_NEWUSER));
}

static long make_child(long pid)
{
	if (pid == 0)
		_exit(0);
	if (pid > 0)
		waitpid((pid_t)pid, NULL, 0);
	return result(pid);
}

static long try_clone(void)
{
	return make_child(syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0));
}

static long try_clone3(void)
{
	uint64_t arguments[8] = {[0] = CLONE_NEWUSER, [4] = SIGCHLD};

	return make_child(syscall(SYS_clone3, arguments, sizeof(arguments)));
}

static long try_ptrace(void)
{
	return result(ptrace(PTRACE_TRACEME, 0, NULL, NULL));
}

static long try_process_vm(void)
{
	return result(syscall(SYS_process_vm_readv, getpid(), NULL, 0, NULL, 0, 0));
}

static long try_keyctl(void)
{
	return result(syscall(SYS_keyctl, 0 /* KEYCTL_GET_KEYRING_ID */, -2, 0));
}

static long try_add_key(void)
{
	return result(syscall(SYS_add_key, "user", "husk", "x", 1, -2));
}

static long try_io_uring(void)
{
	unsigned char parameters[120] = {0};

	return result(syscall(SYS_io_uring_setup, 1, parameters));
}

static long try_socketpair(void)
{
	int fds[2];

	return result(socketpair(AF_UNIX, SOCK_STREAM, 0, fds));
}

static long try_raw_socket(void)
{
	return result(socket(AF_INET, SOCK_RAW, IPPROTO_ICMP));
}

static long try_module(void)
{
	return result(syscall(SYS_init_module, NULL, 0, ""));
}

static long try_bpf(void)
{
	union bpf_attr attr = {
		.map_type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 4, .max_entries = 1};

	return result(syscall(SYS_bpf, BPF_MAP_CREATE, &attr, sizeof(attr)));
}

static long try_userfaultfd(void)
{
	return result(syscall(SYS_userfaultfd, 1 /* UFFD_USER_MODE_ONLY */));
}

static long try_perf(void)
{
	struct perf_event_attr attr = {.type = PERF_TYPE_SOFTWARE, .size = sizeof(attr)};

	return result(syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0));
}

static long try_handle(void)
{
	unsigned char handle[136] = {128};
	int id;

	return result(syscall(SYS_name_to_handle_at, AT_FDCWD, "/", handle, &id, 0));
}

static long try_setns(void)
{
	return result(setns(-1, 0));
}

static long try_kexec(void)
{
	return result(syscall(SYS_kexec_load, 0, 0, NULL, 0));
}

static long try_personality(void)
{
	return result(syscall(SYS_personality, 0x0040000 /* ADDR_NO_RANDOMIZE */));
}

/* A program without a file. */
static long try_memfd(void)
{
	return result(syscall(SYS_memfd_create, "x", 0));
}

#if defined(__x86_64__)
/* getpid(2) of the i386 table. */
static long try_i386(void)
{
	long r;

	__asm__ volatile("int $0x80" : "=a"(r) : "a"(20) : "memory", "r8", "r9", "r10", "r11");
	return r < 0 ? r : 0;
}

/* getpid(2) of the x32 table. */
static long try_x32(void)
{
	return result(syscall(0x40000000 | SYS_getpid));
}
#endif

static const struct attempt {
	const char *name;
	long (*attempt)(void);
} attempts[] = {
	{"mount", try_mount},
	{"unshare", try_unshare},
	{"clone", try_clone},
	{"clone3", try_clone3},
	{"ptrace", try_ptrace},
	{"process_vm_readv", try_process_vm},
	{"keyctl", try_keyctl},
	{"add_key", try_add_key},
	{"io_uring_setup", try_io_uring},
	{"socketpair", try_socketpair},
	{"socket", try_raw_socket},
	{"init_module", try_module},
	{"bpf", try_bpf},
	{"userfaultfd", try_userfaultfd},
	{"perf_event_open", try_perf},
	{"name_to_handle_at", try_handle},
	{"setns", try_setns},
	{"kexec_load", try_kexec},
	{"personality", try_personality},
	{"memfd_create", try_memfd},
#if defined(__x86_64__)
	{"i386", try_i386},
	{"x32", try_x32},
#endif
};

/* In a child, so that what one has changed the next one does not find. */
static void try_one(const struct attempt *a)
{
	pid_t pid;
	int status = 0;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		long r = a->attempt();

		printf("%s %s\n", a->name, r < 0 ? strerrorname_np((int)-r) : "ok");
		fflush(stdout);
		_exit(0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0 || !WIFEXITED(status))
		printf("%s died\n", a->name);
}

static int listen_and_execute(char **argv)
{
	struct sock_filter code[] = {BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
	struct sock_fprog program = {.len = 1, .filter = code};
	long fd = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER,
			  &program);

	if (fd < 0) {
		perror("kernel-calls: seccomp");
		return 1;
	}
	/* the listener outlives the exec, else there would be none any more */
	fcntl((int)fd, F_SETFD, 0);
	execvp(argv[0], argv);
	perror("kernel-calls: exec");
	return 1;
}

int main(int argc, char **argv)
{
	if (argc > 2 && strcmp(argv[1], "listen") == 0)
		return listen_and_execute(argv + 2);
	for (int i = 1; i < argc; i++) {
		for (size_t k = 0; k < sizeof(attempts) / sizeof(attempts[0]); k++) {
			if (strcmp(argv[i], "all") == 0 || strcmp(argv[i], attempts[k].name) == 0)
				try_one(&attempts[k]);
		}
	}
	return 0;
}
