/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The base of system calls, and what else is known of calls by name.
 *
 * How the base was chosen: Python (start, subprocess, HTTP server), Node.js (start, HTTP server and
 * client), Java (start), dash and bash with coreutils were run under strace -f -c. What more than
 * one of them does, or any of them does with each request, is here if it is harmless, together
 * with its siblings (readv beside read), so that a change of libc does not look like a change of
 * the function. A notification costs some microseconds, so nothing that is done often may stay out.
 *
 * What is harmless: it works on memory, descriptors and processes that the program has already, or
 * it names a file, which the view judges. What makes something of a new kind (a socket, a
 * namespace, a ring, a key) or reaches another process is left out, however common it is: those
 * calls are what a profile is for.
 */
#include "policy/calls.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <string.h>

static const char *const base[] = {
	/* the program's own life, threads and children; what is executed is the domain exec's */
	"execve",
	"exit",
	"exit_group",
	"fork",
	"vfork",
	"clone",
	"clone3",
	"wait4",
	"waitid",
	"set_tid_address",
	"set_robust_list",
	"get_robust_list",
	"rseq",
	"futex",
	"futex_waitv",
	"sched_yield",
	"membarrier",
	"restart_syscall",
	"arch_prctl",
	"getpid",
	"getppid",
	"gettid",
	"getpgrp",
	"getpgid",
	"getsid",
	"tgkill",

	/* signals to itself */
	"rt_sigaction",
	"rt_sigprocmask",
	"rt_sigreturn",
	"rt_sigpending",
	"rt_sigtimedwait",
	"rt_sigsuspend",
	"sigaltstack",
	"pause",

	/* memory of its own */
	"brk",
	"mmap",
	"munmap",
	"mremap",
	"mprotect",
	"madvise",
	"mincore",
	"msync",
	"mlock",
	"mlock2",
	"munlock",
	"pkey_alloc",
	"pkey_free",
	"pkey_mprotect",

	/* who it is, and how much it may use; capset(2) can only take away */
	"getuid",
	"geteuid",
	"getgid",
	"getegid",
	"getresuid",
	"getresgid",
	"getgroups",
	"capget",
	"capset",
	"umask",
	"getrlimit",
	"prlimit64",
	"setrlimit",
	"getrusage",
	"times",
	"sysinfo",
	"uname",
	"getcpu",
	"getpriority",
	"sched_getaffinity",
	"sched_getparam",
	"sched_getscheduler",
	"getrandom",

	/* time */
	"time",
	"gettimeofday",
	"clock_gettime",
	"clock_getres",
	"clock_nanosleep",
	"nanosleep",
	"alarm",
	"getitimer",
	"setitimer",
	"timer_create",
	"timer_settime",
	"timer_gettime",
	"timer_delete",
	"timer_getoverrun",
	"timerfd_create",
	"timerfd_settime",
	"timerfd_gettime",

	/* files by name: the domain fs judges each of them */
	"open",
	"openat",
	"openat2",
	"creat",
	"stat",
	"lstat",
	"newfstatat",
	"statx",
	"access",
	"faccessat",
	"faccessat2",
	"readlink",
	"readlinkat",
	"getcwd",
	"chdir",
	"statfs",
	"mkdir",
	"mkdirat",
	"rmdir",
	"unlink",
	"unlinkat",
	"rename",
	"renameat",
	"renameat2",
	"utimensat",
	"chmod",
	"fchmodat",
	"truncate",
	"getxattr",
	"lgetxattr",
	"listxattr",
	"llistxattr",

	/* descriptors that it has */
	"read",
	"readv",
	"pread64",
	"preadv",
	"preadv2",
	"write",
	"writev",
	"pwrite64",
	"pwritev",
	"pwritev2",
	"sendfile",
	"splice",
	"tee",
	"copy_file_range",
	"lseek",
	"close",
	"close_range",
	"dup",
	"dup2",
	"dup3",
	"fcntl",
	"flock",
	"ioctl",
	"fstat",
	"fstatfs",
	"fchdir",
	"fchmod",
	"fgetxattr",
	"flistxattr",
	"getdents",
	"getdents64",
	"ftruncate",
	"fallocate",
	"fadvise64",
	"readahead",
	"fsync",
	"fdatasync",
	"sync_file_range",
	"pipe",
	"pipe2",
	"eventfd",
	"eventfd2",

	/* waiting for descriptors */
	"poll",
	"ppoll",
	"select",
	"pselect6",
	"epoll_create",
	"epoll_create1",
	"epoll_ctl",
	"epoll_wait",
	"epoll_pwait",
	"epoll_pwait2",

	/* sockets that it has: none is made without socket(2), and a signal that comes before a
	 * notification is read would interrupt connect(2) before it has begun */
	"connect",
	"accept",
	"accept4",
	"send",
	"sendto",
	"sendmsg",
	"sendmmsg",
	"recv",
	"recvfrom",
	"recvmsg",
	"recvmmsg",
	"shutdown",
	"getsockname",
	"getpeername",
	"getsockopt",
	"setsockopt",
};

/* See apply.c and main.c of husk-launch; with write and exit_group it tells why it failed. */
static const char *const launchers[] = {"execve", "faccessat", "capget",
					"capset", "write",     "exit_group"};

/*
 * Younger than what most programs are built for, so that what calls them has to do without on an
 * older kernel; and the rings, which libuv and others probe for.
 */
static const char *const probed[] = {
	"clone3",
	"openat2",
	"faccessat2",
	"fchmodat2",
	"close_range",
	"epoll_pwait2",
	"statx",
	"rseq",
	"preadv2",
	"pwritev2",
	"copy_file_range",
	"memfd_secret",
	"pidfd_open",
	"pidfd_send_signal",
	"futex_waitv",
	"futex_wake",
	"futex_wait",
	"futex_requeue",
	"membarrier",
	"getrandom",
	"io_uring_setup",
	"io_uring_enter",
	"io_uring_register",
	"landlock_create_ruleset",
	"landlock_add_rule",
	"landlock_restrict_self",
	"mseal",
	"cachestat",
	"map_shadow_stack",
	"process_madvise",
	"process_mrelease",
	"set_mempolicy_home_node",
	"rt_tgsigqueueinfo",
	"statmount",
	"listmount",
	"pkey_alloc",
	"getxattrat",
	"setxattrat",
	"listxattrat",
	"removexattrat",
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static bool is_among(const char *const *names, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++) {
		if (strcmp(names[i], name) == 0)
			return true;
	}
	return false;
}

const char *const *calls_base(size_t *ret_count)
{
	*ret_count = COUNT(base);
	return base;
}

bool calls_is_base(const char *name)
{
	return is_among(base, COUNT(base), name);
}

bool calls_is_launchers(const char *name)
{
	return is_among(launchers, COUNT(launchers), name);
}

int calls_denied_errno(const char *name)
{
	return is_among(probed, COUNT(probed), name) ? ENOSYS : EPERM;
}

bool calls_makes_packets(uint64_t family, uint64_t type)
{
	return (uint32_t)family == CALLS_PACKETS_FAMILY ||
	       (uint32_t)family == CALLS_PACKETS_PPPOX || (uint32_t)family == CALLS_PACKETS_XDP ||
	       ((uint32_t)type & CALLS_SOCKET_TYPE_MASK) == CALLS_PACKETS_TYPE;
}

uint32_t calls_argument_at(unsigned int number)
{
	return (uint32_t)(offsetof(struct seccomp_data, args) + number * sizeof(uint64_t)
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
			  + sizeof(uint32_t)
#endif
	);
}

bool calls_hides_sockets(const char *name)
{
	return strcmp(name, CALLS_PACKETS) == 0 || strcmp(name, "io_uring_setup") == 0 ||
	       strcmp(name, "bpf") == 0 ||
	       strncmp(name, CALLS_ABI_PREFIX, strlen(CALLS_ABI_PREFIX)) == 0 ||
	       strncmp(name, CALLS_NUMBER_PREFIX, strlen(CALLS_NUMBER_PREFIX)) == 0;
}

/* System calls that are an attack's, whoever makes them, by their exact names. */
struct guarded {
	enum guard guard;
	const char *name;
	const char *reason;
};

static const struct guarded guarded[] = {
	{GUARD_ALWAYS, "mount", "changes the tree of mounts"},
	{GUARD_ALWAYS, "umount2", "changes the tree of mounts"},
	{GUARD_ALWAYS, "pivot_root", "changes the tree of mounts"},
	{GUARD_ALWAYS, "move_mount", "changes the tree of mounts"},
	{GUARD_ALWAYS, "open_tree", "changes the tree of mounts"},
	{GUARD_ALWAYS, "open_tree_attr", "changes the tree of mounts"},
	{GUARD_ALWAYS, "mount_setattr", "changes the tree of mounts"},
	{GUARD_ALWAYS, "fsopen", "changes the tree of mounts"},
	{GUARD_ALWAYS, "fsconfig", "changes the tree of mounts"},
	{GUARD_ALWAYS, "fsmount", "changes the tree of mounts"},
	{GUARD_ALWAYS, "fspick", "changes the tree of mounts"},
	{GUARD_ALWAYS, "setns", "enters another namespace"},
	{GUARD_ALWAYS, "bpf", "loads code into the kernel"},
	{GUARD_ALWAYS, "init_module", "loads code into the kernel"},
	{GUARD_ALWAYS, "finit_module", "loads code into the kernel"},
	{GUARD_ALWAYS, "delete_module", "takes code out of the kernel"},
	{GUARD_ALWAYS, "kexec_load", "replaces the kernel"},
	{GUARD_ALWAYS, "kexec_file_load", "replaces the kernel"},
	{GUARD_ALWAYS, "reboot", "stops the machine"},
	{GUARD_ALWAYS, "ptrace", "memory of other processes"},
	{GUARD_ALWAYS, "process_vm_readv", "memory of other processes"},
	{GUARD_ALWAYS, "process_vm_writev", "memory of other processes"},
	{GUARD_ALWAYS, "pidfd_getfd", "descriptors of other processes"},
	{GUARD_ALWAYS, "kcmp", "compares kernel addresses of other processes"},
	{GUARD_ALWAYS, "open_by_handle_at", "opens files outside of the container"},
	{GUARD_ALWAYS, "iopl", "memory and ports of the host"},
	{GUARD_ALWAYS, "ioperm", "memory and ports of the host"},
	{GUARD_ALWAYS, "swapon", "memory of the host"},
	{GUARD_ALWAYS, "swapoff", "memory of the host"},
	{GUARD_ALWAYS, "acct", "writes to a file for every process"},
	{GUARD_ALWAYS, "quotactl", "limits of the host's disks"},
	{GUARD_ALWAYS, "quotactl_fd", "limits of the host's disks"},
	{GUARD_ALWAYS, "clock_settime", "the host's clock"},
	{GUARD_ALWAYS, "settimeofday", "the host's clock"},
	{GUARD_ALWAYS, "clock_adjtime", "the host's clock"},
	{GUARD_ALWAYS, "adjtimex", "the host's clock"},

	{GUARD_LEARNED, "unshare", "makes a namespace"},
	{GUARD_LEARNED, "chroot", "changes the root directory"},
	{GUARD_LEARNED, "mknod", "makes devices"},
	{GUARD_LEARNED, "mknodat", "makes devices"},
	{GUARD_LEARNED, "name_to_handle_at", "names files for opening by handle"},
	{GUARD_LEARNED, "userfaultfd", "stops the kernel in the midst of a call"},
	{GUARD_LEARNED, CALLS_PACKETS, "packets below the rules of the network"},
	{GUARD_LEARNED, "io_uring_setup", "rings, whose requests no filter sees"},
	{GUARD_LEARNED, "io_uring_enter", "rings, whose requests no filter sees"},
	{GUARD_LEARNED, "io_uring_register", "rings, whose requests no filter sees"},
	{GUARD_LEARNED, "add_key", "keys of the kernel"},
	{GUARD_LEARNED, "request_key", "keys of the kernel"},
	{GUARD_LEARNED, "keyctl", "keys of the kernel"},
	{GUARD_LEARNED, "perf_event_open", "watches the kernel and other processes"},
	{GUARD_LEARNED, "personality", "weakens how memory is laid out"},
	{GUARD_LEARNED, "modify_ldt", "segments of memory, for old programs"},
	{GUARD_LEARNED, "execveat", "programs without a name"},
	{GUARD_LEARNED, "memfd_create", "memory that can be executed as a file"},
	{GUARD_LEARNED, "memfd_secret", "memory that nobody else can see"},
	{GUARD_LEARNED, "process_madvise", "memory of other processes"},
	{GUARD_LEARNED, "syslog", "messages of the kernel"},
	{GUARD_LEARNED, "lookup_dcookie", "watches the kernel"},
	{GUARD_LEARNED, "fanotify_init", "watches files of others"},
	{GUARD_LEARNED, "migrate_pages", "memory of other processes"},
	{GUARD_LEARNED, "move_pages", "memory of other processes"},
	{GUARD_LEARNED, "vhangup", "the terminal"},
	{GUARD_LEARNED, "uselib", "calls that nothing needs any more"},
	{GUARD_LEARNED, "_sysctl", "calls that nothing needs any more"},
	{GUARD_LEARNED, "nfsservctl", "calls that nothing needs any more"},
};

enum guard calls_guard(const char *name, const char **ret_reason)
{
	for (size_t i = 0; i < COUNT(guarded); i++) {
		if (strcmp(guarded[i].name, name) == 0) {
			*ret_reason = guarded[i].reason;
			return guarded[i].guard;
		}
	}
	if (strncmp(name, CALLS_ABI_PREFIX, strlen(CALLS_ABI_PREFIX)) == 0) {
		*ret_reason = "calls of another ABI, which no filter tells apart";
		return GUARD_ALWAYS;
	}
	if (strncmp(name, CALLS_NUMBER_PREFIX, strlen(CALLS_NUMBER_PREFIX)) == 0) {
		*ret_reason = "a call that this version does not know";
		return GUARD_LEARNED;
	}
	return GUARD_NONE;
}
