/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The mediator's own system-call filter: its table, its program, and what it refused. */
#include "mediator/filter.h"

#include <errno.h>
#include <limits.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

/* Where the result of a call lies in what a handler gets. */
#ifdef __x86_64__
#define RESULT(context) ((context)->uc_mcontext.gregs[REG_RAX])
#else
#define RESULT(context) ((context)->uc_mcontext.regs[0])
#endif

/* Calls that the headers of older systems do not name; the numbers are the same everywhere. */
#ifndef SYS_fchmodat2
#define SYS_fchmodat2 452 /* asm-generic/unistd.h of Linux 6.6 */
#endif
#ifndef SYS_close_range
#define SYS_close_range 436
#endif
#ifndef SYS_faccessat2
#define SYS_faccessat2 439
#endif

#define NUMBERS_MAX 512 /* of no call that is allowed */

/* Reading and writing what is open: the FUSE device, files, the journal, events, sockets. */
static const short data_calls[] = {
	SYS_read,
	SYS_readv,
	SYS_pread64,
	SYS_preadv,
	SYS_preadv2,
	SYS_write,
	SYS_writev,
	SYS_pwrite64,
	SYS_pwritev,
	SYS_pwritev2,
	SYS_lseek,
	SYS_splice,
	SYS_vmsplice,
	SYS_tee,
	SYS_sendfile,
	SYS_copy_file_range,
	SYS_fallocate,
	SYS_ftruncate,
	SYS_fsync,
	SYS_fdatasync,
	SYS_syncfs,
	SYS_sync_file_range,
	SYS_fadvise64,
	SYS_ioctl,
	SYS_fcntl,
	SYS_flock,
	SYS_dup,
	SYS_dup3,
	SYS_pipe2,
	SYS_close,
	SYS_close_range,
	SYS_ppoll,
	SYS_eventfd2,
	SYS_epoll_create1,
	SYS_epoll_ctl,
	SYS_epoll_pwait,
	SYS_timerfd_create,
	SYS_timerfd_settime,
};

/* Finding, making and changing files below the descriptors of the lower file systems. */
static const short file_calls[] = {
	SYS_openat,
	SYS_openat2,
	SYS_name_to_handle_at,
	SYS_open_by_handle_at,
	SYS_newfstatat,
	SYS_fstat,
	SYS_statx,
	SYS_statfs,
	SYS_fstatfs,
	SYS_faccessat,
	SYS_faccessat2,
	SYS_readlinkat,
	SYS_getdents64,
	SYS_mkdirat,
	SYS_mknodat,
	SYS_linkat,
	SYS_symlinkat,
	SYS_unlinkat,
	SYS_renameat2,
	SYS_fchmod,
	SYS_fchmodat,
	SYS_fchmodat2,
	SYS_fchown,
	SYS_fchownat,
	SYS_utimensat,
	SYS_umask,
	SYS_fchdir,
	SYS_setxattr,
	SYS_lsetxattr,
	SYS_fsetxattr,
	SYS_getxattr,
	SYS_lgetxattr,
	SYS_fgetxattr,
	SYS_listxattr,
	SYS_llistxattr,
	SYS_flistxattr,
	SYS_removexattr,
	SYS_lremovexattr,
	SYS_fremovexattr,
};

/* Making files with the ids and without the rights of whoever asked (credentials.c). */
static const short credential_calls[] = {
	SYS_setfsuid, SYS_setfsgid, SYS_setgroups, SYS_setresuid, SYS_setresgid,
	SYS_setreuid, SYS_setregid, SYS_capget,	   SYS_capset,
};

/* Sockets and maps of the kernel's: flows that it reports, rules of the network, names that are
 * looked up, what it observed; and descriptors of processes, which come with what they ask. */
static const short network_calls[] = {
	SYS_socket,	 SYS_bind,	 SYS_connect,	  SYS_listen,	  SYS_accept4,
	SYS_sendto,	 SYS_sendmsg,	 SYS_sendmmsg,	  SYS_recvfrom,	  SYS_recvmsg,
	SYS_recvmmsg,	 SYS_shutdown,	 SYS_getsockopt,  SYS_setsockopt, SYS_getsockname,
	SYS_getpeername, SYS_socketpair, SYS_pidfd_getfd, SYS_pidfd_open, SYS_bpf,
};

/* The C library, memory, time, signals and the end. */
static const short library_calls[] = {
	SYS_brk,
	SYS_mmap,
	SYS_munmap,
	SYS_mremap,
	SYS_mprotect,
	SYS_madvise,
	SYS_clock_gettime,
	SYS_clock_nanosleep,
	SYS_nanosleep,
	SYS_gettimeofday,
	SYS_getrandom,
	SYS_futex,
	SYS_rt_sigaction,
	SYS_rt_sigprocmask,
	SYS_rt_sigreturn,
	SYS_restart_syscall,
	SYS_sigaltstack,
	SYS_getpid,
	SYS_gettid,
	SYS_getuid,
	SYS_geteuid,
	SYS_getgid,
	SYS_getegid,
	SYS_tgkill,
	SYS_waitid,
	SYS_sched_yield,
	SYS_sched_getaffinity,
	SYS_sched_setaffinity,
	SYS_prlimit64,
	SYS_prctl,
	SYS_exit,
	SYS_exit_group,
};

#ifdef __x86_64__
/* Older calls for the same, which the C library still uses here. */
static const short older_calls[] = {
	SYS_open,   SYS_stat,	SYS_lstat, SYS_access,	SYS_readlink,  SYS_mkdir,      SYS_rename,
	SYS_unlink, SYS_rmdir,	SYS_link,  SYS_symlink, SYS_renameat,  SYS_poll,       SYS_dup2,
	SYS_pipe,   SYS_select, SYS_time,  SYS_utimes,	SYS_futimesat, SYS_epoll_wait,
};
#else
static const short older_calls[] = {SYS_renameat};
#endif

/* A helper thread that enters the container's mount namespace (wrap/helper.h). */
static const short enter_calls[] = {
	SYS_clone,     SYS_clone3,     SYS_unshare,	  SYS_setns,
	SYS_chroot,    SYS_umount2,    SYS_rseq,	  SYS_set_robust_list,
	SYS_open_tree, SYS_move_mount, SYS_mount_setattr,
};

/* Back to the host's root, and husk-merge: the dynamic loader and SQLite, beside all of the above.
 */
static const short merge_calls[] = {
	SYS_setns,	SYS_execve, SYS_set_tid_address, SYS_set_robust_list,
	SYS_rseq,	SYS_getcwd, SYS_uname,		 SYS_sysinfo,
#ifdef __x86_64__
	SYS_arch_prctl,
#endif
};

/* To the container's network namespace and back, for each socket there (base/namespace.h). */
static const short namespace_calls[] = {SYS_setns};

struct group {
	const short *calls;
	size_t count;
	unsigned int flag; /* 0: always */
};

#define GROUP(calls, flag)                                      \
	{                                                       \
		calls, sizeof(calls) / sizeof((calls)[0]), flag \
	}

static const struct group groups[] = {
	GROUP(data_calls, 0),
	GROUP(file_calls, 0),
	GROUP(credential_calls, 0),
	GROUP(network_calls, 0),
	GROUP(library_calls, 0),
	GROUP(older_calls, 0),
	GROUP(enter_calls, FILTER_ENTERS),
	GROUP(merge_calls, FILTER_MERGES),
	GROUP(namespace_calls, FILTER_NETWORK),
};

/* The last call that was refused. The handler of a signal can leave it nowhere else. */
static volatile sig_atomic_t refused = -1;

static void list_allowed(unsigned int flags, bool allowed[NUMBERS_MAX])
{
	for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++) {
		for (size_t k = 0; k < groups[i].count; k++)
			allowed[groups[i].calls[k]] |= !groups[i].flag || groups[i].flag & flags;
	}
}

/* Where runs of allowed and of refused numbers meet. */
static size_t list_borders(const bool allowed[NUMBERS_MAX], uint32_t borders[NUMBERS_MAX])
{
	size_t count = 0;

	for (uint32_t i = 1; i < NUMBERS_MAX; i++) {
		if (allowed[i] != allowed[i - 1])
			borders[count++] = i;
	}
	return count;
}

/* A search among the borders; below the i-th one lies the i-th run. */
struct search {
	const uint32_t *borders;
	struct sock_filter *program;
	size_t len;
	size_t answers[2]; /* where those of even and of odd runs will stand */
};

/* Adds the search between two borders. Returns where it begins, or where the one run's answer
 * stands. */
static size_t add_search(struct search *search, size_t from, size_t to)
{
	size_t middle = from + (to - from) / 2, at = search->len, below, above;

	if (from == to)
		return search->answers[from & 1];
	search->len++;
	below = add_search(search, from, middle);
	above = add_search(search, middle + 1, to);
	search->program[at] =
		(struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, search->borders[middle],
					     (uint8_t)(above - at - 1), (uint8_t)(below - at - 1));
	return at;
}

/*
 * The kernel evaluates the program once for each number when it is loaded, and asks it no more for
 * those that it allows (Linux 5.11); and it compiles it. Both happen in each start, so it is a
 * binary search with two answers.
 */
size_t filter_build(unsigned int flags, struct sock_filter *ret)
{
	bool allowed[NUMBERS_MAX] = {false};
	uint32_t borders[NUMBERS_MAX];
	struct search search = {.borders = borders, .program = ret};
	size_t count;

	list_allowed(flags, allowed);
	count = list_borders(allowed, borders);
	if (count + FILTER_LENGTH_FIXED > FILTER_LENGTH_MAX)
		return 0;
	ret[search.len++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
							 offsetof(struct seccomp_data, arch));
	ret[search.len++] =
		(struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, FILTER_ARCHITECTURE, 1, 0);
	ret[search.len++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP);
	ret[search.len++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
							 offsetof(struct seccomp_data, nr));
	search.answers[0] = search.len + count;
	search.answers[1] = search.answers[0] + 1;
	add_search(&search, 0, count);
	for (int i = 0; i < 2; i++)
		ret[search.answers[i]] = (struct sock_filter)BPF_STMT(
			BPF_RET | BPF_K,
			allowed[0] == (i == 0) ? SECCOMP_RET_ALLOW : SECCOMP_RET_TRAP);
	return search.answers[1] + 1;
}

/* The kernel skipped the call; what it returns is ours to say. */
static void refuse(int signal, siginfo_t *info, void *context)
{
	(void)signal;
	refused = info->si_syscall;
	RESULT((ucontext_t *)context) = -EPERM;
}

int filter_install(unsigned int flags)
{
	struct sock_filter program[FILTER_LENGTH_MAX];
	struct sock_fprog filter = {(unsigned short)filter_build(flags, program), program};
	struct sigaction action = {.sa_sigaction = refuse, .sa_flags = SA_SIGINFO | SA_RESTART};

	if (filter.len == 0)
		return -E2BIG;
	sigemptyset(&action.sa_mask);
	if (sigaction(SIGSYS, &action, NULL) < 0 ||
	    syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &filter) < 0)
		return -errno;
	return 0;
}

int filter_refused(void)
{
	int call = refused;

	refused = -1;
	return call;
}
