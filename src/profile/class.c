/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Classes, by one table that is read from the top: the first line that matches decides. A pattern
 * is a path in which '*' stands for any bytes, slashes included; a behaviour is matched by its key.
 * What policy/guard.h names comes first, whatever it lies in; then inert behaviour; then the table.
 * Capabilities have a table of their own, by name.
 */
#include "profile/class.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "policy/decide.h"
#include "policy/guard.h"
#include "profile/class-dns.h"
#include "profile/class-net.h"

enum reach {
	READS = 1 << ACCESS_READ,
	CHANGES = 1 << ACCESS_WRITE | 1 << ACCESS_CREATE,
	EXECS = 1 << ACCESS_EXEC,
	TOUCHES = READS | CHANGES | 1 << ACCESS_LIST,
};

struct line {
	enum behaviour_class class;
	unsigned int reach; /* set of 1 << enum access */
	const char *pattern;
	const char *reason;
};

static const struct line table[] = {
	/* A program from where anybody may have put it. */
	{CLASS_DANGEROUS, EXECS, "/tmp/*", "program in a temporary directory"},
	{CLASS_DANGEROUS, EXECS, "/var/tmp/*", "program in a temporary directory"},
	{CLASS_DANGEROUS, EXECS, "/dev/shm/*", "program in a temporary directory"},
	{CLASS_DANGEROUS, EXECS, "/memfd:*", "program without a file"},
	{CLASS_DANGEROUS, EXECS, "/proc/*", "program by way of a descriptor"},
	{CLASS_DANGEROUS, EXECS, "*/ld-linux*", "dynamic loader as launcher"},
	{CLASS_DANGEROUS, EXECS, "*/ld-musl*", "dynamic loader as launcher"},

	/* What the next start of a program obeys. */
	{CLASS_DANGEROUS, CHANGES, "/etc/*", "configuration of the system"},
	{CLASS_DANGEROUS, CHANGES, "/bin/*", "on a code search path"},
	{CLASS_DANGEROUS, CHANGES, "/sbin/*", "on a code search path"},
	{CLASS_DANGEROUS, CHANGES, "/lib*/*", "on a code search path"},
	{CLASS_DANGEROUS, CHANGES, "/usr/*", "on a code search path"},
	{CLASS_DANGEROUS, CHANGES, "*/site-packages/*", "on a code search path"},
	{CLASS_DANGEROUS, CHANGES, "*/node_modules/*", "on a code search path"},
	{CLASS_DANGEROUS, CHANGES, "/var/spool/cron*", "starts programs"},
	{CLASS_DANGEROUS, CHANGES, "*/.bashrc", "start file of a shell"},
	{CLASS_DANGEROUS, CHANGES, "*/.bash_profile", "start file of a shell"},
	{CLASS_DANGEROUS, CHANGES, "*/.profile", "start file of a shell"},
	{CLASS_DANGEROUS, CHANGES, "*/.zshrc", "start file of a shell"},

	/* Keys that are often only certificates, and what other processes know. */
	{CLASS_DANGEROUS, READS, "*.pem", "key or certificate"},
	{CLASS_DANGEROUS, READS, "*.key", "key or certificate"},
	{CLASS_DANGEROUS, TOUCHES, "/proc/{other}/*", "another process"},
	{CLASS_DANGEROUS, READS, "/proc/{self}/environ", "environment, where secrets are"},
	{CLASS_DANGEROUS, TOUCHES, "/proc/{self}/mem", "memory of a process"},
};

/*
 * Programs that do what their input says, or that bring in or reach what was not there. Names of a
 * family end in '*': "python*" is python3.11 too.
 */
struct tool {
	const char *name;
	const char *reason;
};

static const struct tool tools[] = {
	{"sh", "shell"},
	{"bash", "shell"},
	{"dash", "shell"},
	{"ash", "shell"},
	{"zsh", "shell"},
	{"ksh*", "shell"},
	{"fish", "shell"},
	{"csh", "shell"},
	{"tcsh", "shell"},
	{"busybox*", "shell"},
	{"toybox*", "shell"},
	{"python*", "interpreter"},
	{"perl*", "interpreter"},
	{"ruby*", "interpreter"},
	{"node*", "interpreter"},
	{"php*", "interpreter"},
	{"lua*", "interpreter"},
	{"tclsh*", "interpreter"},
	{"awk", "interpreter"},
	{"gawk", "interpreter"},
	{"mawk", "interpreter"},
	{"env", "starts any program"},
	{"xargs", "starts any program"},
	{"nsenter", "enters namespaces"},
	{"unshare", "makes namespaces"},
	{"mount", "mounts"},
	{"gdb*", "debugger"},
	{"strace", "debugger"},
	{"gcc*", "compiler"},
	{"cc", "compiler"},
	{"clang*", "compiler"},
	{"as", "compiler"},
	{"ld", "compiler"},
	{"go", "compiler"},
	{"make", "compiler"},
	{"apt*", "package manager"},
	{"dpkg*", "package manager"},
	{"apk", "package manager"},
	{"yum", "package manager"},
	{"dnf*", "package manager"},
	{"rpm", "package manager"},
	{"pip*", "package manager"},
	{"npm", "package manager"},
	{"npx", "package manager"},
	{"curl", "network tool"},
	{"wget", "network tool"},
	{"nc*", "network tool"},
	{"netcat", "network tool"},
	{"ncat", "network tool"},
	{"socat", "network tool"},
	{"ssh*", "network tool"},
	{"scp", "network tool"},
	{"sftp", "network tool"},
	{"telnet", "network tool"},
	{"ftp", "network tool"},
	{"nmap", "network tool"},
	{"tcpdump", "network tool"},
	{"openssl", "network tool"},
	{"su", "changes the user"},
	{"sudo", "changes the user"},
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static enum behaviour_class judge_program(const struct behaviour *b, const char **ret_reason)
{
	const char *slash = strrchr(b->key, '/');
	const char *name = slash ? slash + 1 : b->key;

	for (size_t i = 0; i < COUNT(tools); i++) {
		if (guard_matches(tools[i].name, name)) {
			*ret_reason = tools[i].reason;
			return CLASS_DANGEROUS;
		}
	}
	if (b->flags & BEHAVIOUR_PRIVILEGED) {
		*ret_reason = "gains privileges";
		return CLASS_DANGEROUS;
	}
	if (!(b->flags & BEHAVIOUR_IMAGE)) {
		*ret_reason = "program that is no image content";
		return CLASS_DANGEROUS;
	}
	return CLASS_ORDINARY;
}

/* What a capability is worth; whichever is not named is a power over more than the container. */
struct capability_line {
	enum behaviour_class class;
	const char *name;
	const char *reason;
};

static const struct capability_line capabilities[] = {
	/* What servers and package scripts do as root, and what reaches the container's own things
	 * alone. */
	{CLASS_ORDINARY, "CAP_CHOWN", ""},
	{CLASS_ORDINARY, "CAP_DAC_OVERRIDE", ""},
	{CLASS_ORDINARY, "CAP_FOWNER", ""},
	{CLASS_ORDINARY, "CAP_FSETID", ""},
	{CLASS_ORDINARY, "CAP_KILL", ""},
	{CLASS_ORDINARY, "CAP_SETUID", ""},
	{CLASS_ORDINARY, "CAP_SETGID", ""},
	{CLASS_ORDINARY, "CAP_NET_BIND_SERVICE", ""},

	/* Each of these is, or leads to, the whole host. */
	{CLASS_GUARDED, "CAP_SYS_ADMIN", "as good as root of the host"},
	{CLASS_GUARDED, "CAP_SYS_MODULE", "loads code into the kernel"},
	{CLASS_GUARDED, "CAP_SYS_RAWIO", "memory and ports of the host"},
	{CLASS_GUARDED, "CAP_SYS_PTRACE", "memory of other processes"},
	{CLASS_GUARDED, "CAP_SYS_BOOT", "replaces the kernel"},
	{CLASS_GUARDED, "CAP_BPF", "loads code into the kernel"},
	{CLASS_GUARDED, "CAP_PERFMON", "watches the kernel and other processes"},
	{CLASS_GUARDED, "CAP_MAC_ADMIN", "switches a security module off"},
	{CLASS_GUARDED, "CAP_MAC_OVERRIDE", "switches a security module off"},
	{CLASS_GUARDED, "CAP_CHECKPOINT_RESTORE", "state of other processes"},

	{CLASS_DANGEROUS, "CAP_DAC_READ_SEARCH", "opens files by handle, outside of the container"},
	{CLASS_DANGEROUS, "CAP_NET_RAW", "makes any packet"},
	{CLASS_DANGEROUS, "CAP_NET_ADMIN", "changes the network and its rules"},
	{CLASS_DANGEROUS, "CAP_MKNOD", "makes devices"},
	{CLASS_DANGEROUS, "CAP_SYS_CHROOT", "changes the root directory"},
	{CLASS_DANGEROUS, "CAP_SETFCAP", "gives capabilities to programs"},
	{CLASS_DANGEROUS, "CAP_SETPCAP", "changes its own capabilities"},
};

static enum behaviour_class judge_capability(const struct behaviour *b, const char **ret_reason)
{
	for (size_t i = 0; i < COUNT(capabilities); i++) {
		if (strcmp(capabilities[i].name, b->key) == 0) {
			*ret_reason = capabilities[i].reason;
			return capabilities[i].class;
		}
	}
	*ret_reason = "a power over the system";
	return CLASS_DANGEROUS;
}

static enum behaviour_class judge(const struct behaviour *b, const char **ret_reason)
{
	bool inert = behaviour_is_inert(b);
	unsigned int reach = 1U << b->access;
	enum guard guard;

	*ret_reason = "";
	if (b->domain == DOMAIN_CAP)
		return judge_capability(b, ret_reason);
	if (b->domain == DOMAIN_NET)
		return class_of_peer(b, ret_reason);
	if (b->domain == DOMAIN_DNS)
		return class_of_name(b, ret_reason);
	if (b->domain != DOMAIN_FS && b->domain != DOMAIN_EXEC && b->domain != DOMAIN_SYSCALL)
		return CLASS_ORDINARY;
	guard = guard_of(b, ret_reason);
	if (guard != GUARD_NONE)
		return guard == GUARD_ALWAYS ? CLASS_GUARDED : CLASS_DANGEROUS;
	for (size_t i = 0; !inert && i < COUNT(table); i++) {
		if ((table[i].reach & reach) && guard_matches(table[i].pattern, b->key)) {
			*ret_reason = table[i].reason;
			return table[i].class;
		}
	}
	if (inert)
		return CLASS_INERT;
	return b->access == ACCESS_EXEC ? judge_program(b, ret_reason) : CLASS_ORDINARY;
}

enum behaviour_class class_of(const struct behaviour *b)
{
	const char *reason;

	return judge(b, &reason);
}

const char *class_reason(const struct behaviour *b)
{
	const char *reason;

	judge(b, &reason);
	return reason;
}

const char *class_name(enum behaviour_class c)
{
	static const char *const names[CLASSES] = {"inert", "ordinary", "dangerous", "guarded"};

	return (unsigned int)c < CLASSES ? names[c] : "?";
}
