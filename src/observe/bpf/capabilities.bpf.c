/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Runs at every capability check of the host and finds out, for containers that have a record,
 * whether a capability was needed. Checked is not needed: the kernel asks for CAP_SYS_ADMIN at
 * every mmap(2), to know whether the last 3 % of memory may be taken, and the flag "do not audit"
 * tells nothing of that, so who asked is judged, by the stack (sites.c says how).
 *
 * The stack is only walked for what is not known yet of the container. Nothing is ever taken back:
 * a record only gains bits, so concurrent processors need no lock.
 */
#include <asm/unistd.h>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <linux/sched.h>
#include <stdbool.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "observe/record.h"

enum limits {
	FRAMES = 14,	/* of the stack; the first ones are this program's own */
	ANCESTORS = 32, /* a process this far from the first one counts as the container's */
	NAMESPACES = 4, /* pid namespaces above a process that are looked up */
};

#define SET_GROUP_ID 02000
#define CALL_FCHMODAT2 452    /* Linux 6.6, the same number everywhere */
#define SOCKET_SNDBUFFORCE 32 /* asm-generic/socket.h */
#define SOCKET_RCVBUFFORCE 33
#define CLONE_NAMESPACES                                                               \
	(CLONE_NEWTIME | CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | \
	 CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET)

/*
 * The kernel's structures, as far as they are looked at: where each member lies is found out when
 * the program is loaded. Declared here and not taken from a vmlinux.h, so that a machine that
 * builds husk needs no kernel with BTF.
 */
#define KERNEL __attribute__((preserve_access_index))

struct ns_common {
	unsigned int inum;
} KERNEL;

struct user_namespace {
	int level;
	struct ns_common ns;
} KERNEL;

struct pid_namespace {
	struct pid_namespace *parent;
	unsigned int level;
	struct ns_common ns;
} KERNEL;

struct mnt_namespace {
	struct ns_common ns;
} KERNEL;

struct nsproxy {
	struct mnt_namespace *mnt_ns;
} KERNEL;

struct upid {
	int nr;
	struct pid_namespace *ns;
} KERNEL;

struct pid {
	unsigned int level;
	struct upid numbers[1];
} KERNEL;

typedef struct {
	unsigned int val;
} kuid_t;

typedef struct {
	unsigned int val;
} kgid_t;

struct cred {
	kuid_t uid, euid, suid, fsuid;
	kgid_t gid, egid, sgid, fsgid;
} KERNEL;

struct super_block {
	__u32 s_dev;
} KERNEL;

struct qstr {
	const unsigned char *name;
} KERNEL;

struct dentry {
	struct qstr d_name;
	struct super_block *d_sb;
} KERNEL;

struct vfsmount {
	struct dentry *mnt_root;
} KERNEL;

struct path {
	struct vfsmount *mnt;
	struct dentry *dentry;
} KERNEL;

struct file {
	struct path f_path;
} KERNEL;

struct mm_struct {
	struct file *exe_file;
} KERNEL;

struct task_struct {
	int tgid;
	unsigned int ptrace;
	struct mm_struct *mm;
	struct task_struct *real_parent;
	struct task_struct *group_leader;
	struct pid *thread_pid;
	struct nsproxy *nsproxy;
	const struct cred *real_cred;
} KERNEL;

/* The registers that a system call came in with, and its number. */
#if defined(bpf_target_x86)
struct pt_regs {
	unsigned long di, si, dx, orig_ax;
} KERNEL;
#define NUMBER orig_ax
#define ARGUMENT_1 di
#define ARGUMENT_2 si
#define ARGUMENT_3 dx
#elif defined(bpf_target_arm64)
struct pt_regs {
	__u64 regs[3];
	int syscallno;
} KERNEL;
#define NUMBER syscallno
#define ARGUMENT_1 regs[0]
#define ARGUMENT_2 regs[1]
#define ARGUMENT_3 regs[2]
#endif

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, OBSERVE_CONTAINERS_MAX);
	__type(key, __u32);
	__type(value, struct observe_record);
} containers SEC(".maps");

/* By capability; filled in by husk-observe from the kernel's symbols, before loading. */
const volatile struct observe_site sites[OBSERVE_CAPABILITIES][OBSERVE_SITES_MAX];

/* What is asked, of whom. */
struct check {
	void *context;
	const struct cred *cred;
	const struct user_namespace *target;
	struct task_struct *task;
	__u32 capability;
};

static struct pid_namespace *pid_namespace_of(struct pid *pid)
{
	unsigned int level = BPF_CORE_READ(pid, level);
	struct pid_namespace *ns = NULL;

	bpf_core_read(&ns, sizeof(ns),
		      (const char *)&pid->numbers[0].ns + level * bpf_core_type_size(struct upid));
	return ns;
}

/* The record of the task's container; *ret_level: of the pid namespace that it has to itself, 0
 * where it has none. */
static struct observe_record *find_record(const struct task_struct *task, unsigned int *ret_level)
{
	struct observe_record *record;
	struct pid_namespace *ns;
	__u32 number;

	/* Level 0 is the host's: most checks of a host come from there. */
	if (task->thread_pid->level > 0) {
		ns = pid_namespace_of(BPF_CORE_READ(task, thread_pid));
		for (int i = 0; i < NAMESPACES && ns; i++) {
			number = BPF_CORE_READ(ns, ns.inum);
			*ret_level = BPF_CORE_READ(ns, level);
			record = bpf_map_lookup_elem(&containers, &number);
			if (record && *ret_level > 0)
				return record;
			ns = BPF_CORE_READ(ns, parent);
		}
	}
	*ret_level = 0;
	number = task->nsproxy->mnt_ns->ns.inum;
	return bpf_map_lookup_elem(&containers, &number);
}

/* The program that the task executes, where it is a file of the view, else NULL. */
static struct dentry *program_of_view(const struct task_struct *task,
				      const struct observe_record *record)
{
	struct dentry *dentry = BPF_CORE_READ(task, mm, exe_file, f_path.dentry);

	return dentry && BPF_CORE_READ(dentry, d_sb, s_dev) == record->view_device ? dentry : NULL;
}

/* The number of the task's process in the pid namespace of that level, one that it is seen in. */
static int number_at(const struct task_struct *task, unsigned int level)
{
	struct pid *pid = BPF_CORE_READ(task, group_leader, thread_pid);
	int number = 0;

	bpf_core_read(&number, sizeof(number),
		      (const char *)&pid->numbers[0].nr + level * bpf_core_type_size(struct upid));
	return number;
}

/* The container's first process, if the level is that of its pid namespace. */
static bool is_first(const struct task_struct *task, const struct observe_record *record,
		     unsigned int level)
{
	if (record->first != 0)
		return task->tgid == record->first;
	/* not number 1 of another container, which has the number of the namespace again */
	return number_at(task, level) == 1 && program_of_view(task, record);
}

/*
 * Did an engine put the task into the container? Then its ancestors lead out of the container's pid
 * namespace without passing its first process. One that is traced acts for its tracer.
 */
static bool is_foreign(struct task_struct *task, const struct observe_record *record,
		       unsigned int level)
{
	for (int i = 0; i < ANCESTORS; i++) {
		if (task->ptrace || is_first(task, record, level))
			return false;
		task = task->real_parent;
		if (!task || task->thread_pid->level < level)
			return true;
	}
	return false;
}

/* Does it still run husk-launch? That is a mount of its own, of the view's file of that name. */
static bool is_launching(const struct task_struct *task, const struct observe_record *record)
{
	struct dentry *dentry = program_of_view(task, record);
	union {
		char text[16];
		__u64 words[2];
	} gate = {OBSERVE_GATE}, name = {{0}};

	if (!dentry || BPF_CORE_READ(task, mm, exe_file, f_path.mnt, mnt_root) != dentry)
		return false;
	bpf_probe_read_kernel_str(name.text, sizeof(name.text), BPF_CORE_READ(dentry, d_name.name));
	return name.words[0] == gate.words[0] && name.words[1] == gate.words[1];
}

#ifdef NUMBER
/*
 * Is the task in a system call that asks for CAP_SYS_ADMIN once for each piece of memory, and for
 * nothing else? A fork does so a hundred times, and walking the stack each time would make it a
 * third slower.
 */
static bool is_about_memory(const struct check *check)
{
	const struct pt_regs *regs = (const struct pt_regs *)bpf_task_pt_regs(check->task);

	if (check->capability != CAP_SYS_ADMIN)
		return false;
	switch (regs->NUMBER) {
	case __NR_mmap:
	case __NR_mprotect:
	case __NR_munmap:
	case __NR_mremap:
	case __NR_brk:
	case __NR_execve:
		return true;
	case __NR_clone:
		return !(regs->ARGUMENT_1 & CLONE_NAMESPACES);
	default:
		return false;
	}
}

static unsigned long argument(const struct check *check, int number)
{
	const struct pt_regs *regs = (const struct pt_regs *)bpf_task_pt_regs(check->task);

	if (number == 1)
		return BPF_CORE_READ(regs, ARGUMENT_1);
	return number == 2 ? BPF_CORE_READ(regs, ARGUMENT_2) : BPF_CORE_READ(regs, ARGUMENT_3);
}

static bool keeps_user(const struct check *check)
{
	unsigned int id = (unsigned int)argument(check, 1);

	/* in another user namespace the numbers are not the caller's own */
	return check->target->level == 0 && id == check->cred->uid.val &&
	       id == check->cred->euid.val && id == check->cred->suid.val &&
	       id == check->cred->fsuid.val;
}

static bool keeps_group(const struct check *check)
{
	unsigned int id = (unsigned int)argument(check, 1);

	return check->target->level == 0 && id == check->cred->gid.val &&
	       id == check->cred->egid.val && id == check->cred->sgid.val &&
	       id == check->cred->fsgid.val;
}

/* chown(2) asks too, and takes the bit away in any case. */
static bool sets_group_id(const struct check *check)
{
	const struct pt_regs *regs = (const struct pt_regs *)bpf_task_pt_regs(check->task);

	switch (regs->NUMBER) {
#ifdef __NR_chmod
	case __NR_chmod:
#endif
	case __NR_fchmod:
		return argument(check, 2) & SET_GROUP_ID;
	case __NR_fchmodat:
	case CALL_FCHMODAT2:
		return argument(check, 3) & SET_GROUP_ID;
#ifdef __NR_chown
	case __NR_chown:
	case __NR_lchown:
#endif
	case __NR_fchown:
	case __NR_fchownat:
		return false;
	default:
		return true;
	}
}

static bool is_needed(const struct check *check, __u32 verdict)
{
	unsigned long option;

	switch (verdict) {
	case OBSERVE_IGNORE:
		return false;
	case OBSERVE_IF_SETGID:
		return sets_group_id(check);
	case OBSERVE_IF_MARK:
		option = argument(check, 3);
		return option != SOCKET_SNDBUFFORCE && option != SOCKET_RCVBUFFORCE;
	case OBSERVE_IF_USER:
		return !keeps_user(check);
	case OBSERVE_IF_GROUP:
		return !keeps_group(check);
	default:
		return true;
	}
}
#else
/* Without the arguments, whatever depends on them is a need. */
static bool is_about_memory(const struct check *check)
{
	return false;
}

static bool is_needed(const struct check *check, __u32 verdict)
{
	return verdict != OBSERVE_IGNORE;
}
#endif

struct stack {
	__u64 frames[FRAMES];
};

/* The verdict of the innermost function that is a site. Global, so that the verifier looks at it
 * once and not on every way that leads here. */
__attribute__((noinline)) __u32 judge_stack(const struct stack *stack, __u32 capability)
{
	const volatile struct observe_site *line = sites[capability & (OBSERVE_CAPABILITIES - 1)];

	if (!stack)
		return OBSERVE_NEED;
	for (int f = 0; f < FRAMES; f++) {
		__u64 address = stack->frames[f];

		if (address == 0)
			break;
		for (int s = 0; s < OBSERVE_SITES_MAX; s++) {
			/* (begin, begin + size]: a return address may lie behind a function that
			 * ends in a call; none is in one of size 0 */
			if (address - line[s].begin - 1 < line[s].size)
				return line[s].verdict;
		}
	}
	return OBSERVE_NEED;
}

static __u32 judge_caller(const struct check *check)
{
	struct stack stack = {0};

	bpf_get_stack(check->context, stack.frames, sizeof(stack.frames), 0);
	return judge_stack(&stack, check->capability);
}

static void sign(struct observe_asker *asker, const struct check *check)
{
	bpf_get_current_comm(asker->command, sizeof(asker->command));
	asker->pid = check->task->tgid;
}

static int look(const struct check *check, int result)
{
	__u32 capability = check->capability;
	__u64 bit = 1ULL << (capability & (OBSERVE_CAPABILITIES - 1));
	struct observe_record *record;
	struct observe_asker *asker;
	unsigned int level;
	__u64 *set;

	if (capability >= OBSERVE_CAPABILITIES || !check->task->mm || !check->task->thread_pid)
		return 0;
	record = find_record(check->task, &level);
	if (!record)
		return 0;
	set = result == 0 ? &record->used : &record->refused;
	if (*set & bit || (result != 0 && !(record->watched & bit)))
		return 0;
	if (check->target->ns.inum != record->user_namespace ||
	    check->task->real_cred != check->cred)
		return 0; /* elsewhere, or with credentials that the kernel has put on for a moment
			   */
	if (is_about_memory(check) || !is_needed(check, judge_caller(check)))
		return 0;
	/* What husk-launch executes it executes for the function; all else of it is its own. */
	if (capability != CAP_DAC_OVERRIDE && capability != CAP_DAC_READ_SEARCH &&
	    is_launching(check->task, record))
		return 0;
	/*
	 * Others enter a mount namespace too: the mediator, an engine's exec. And once the
	 * container has ended, the number of its own is given to the next one, which its runtime
	 * sets up.
	 */
	if (level > 0 ? is_foreign(check->task, record, level)
		      : !program_of_view(check->task, record))
		return 0;
	asker = result == 0 ? record->used_by : record->refused_by;
	sign(&asker[capability & (OBSERVE_CAPABILITIES - 1)], check);
	__sync_fetch_and_or(set, bit);
	return 0;
}

/* Linux 6.14. */
SEC("tp_btf/cap_capable")
int BPF_PROG(at_tracepoint, const struct cred *cred, struct user_namespace *target,
	     const struct user_namespace *capable, int capability, int result)
{
	const struct check check = {ctx, cred, target, bpf_get_current_task_btf(),
				    (__u32)capability};

	return look(&check, result);
}

/* Before. */
SEC("fexit/cap_capable")
int BPF_PROG(at_return, const struct cred *cred, struct user_namespace *target, int capability,
	     unsigned int options, int result)
{
	const struct check check = {ctx, cred, target, bpf_get_current_task_btf(),
				    (__u32)capability};

	return look(&check, result);
}

char LICENSE[] SEC("license") = "GPL";
