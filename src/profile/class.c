/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Classes, by one table that is read from the top: the first line that matches decides. A pattern
 * is a path in which '*' stands for any bytes, slashes included; a behaviour is matched by its key.
 * Inert behaviour is settled before the table, but for what is guarded, whatever it lies in.
 */
#include "profile/class.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "policy/decide.h"

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
	/* Whoever reaches one of these owns the host, or an account outside of it. */
	{CLASS_GUARDED, TOUCHES, "*/docker.sock", "socket of a container engine"},
	{CLASS_GUARDED, TOUCHES, "*/podman.sock", "socket of a container engine"},
	{CLASS_GUARDED, TOUCHES, "*/containerd.sock", "socket of a container engine"},
	{CLASS_GUARDED, TOUCHES, "*/crio.sock", "socket of a container engine"},
	{CLASS_GUARDED, TOUCHES, "*/kubelet.sock", "socket of the kubelet"},
	{CLASS_GUARDED, TOUCHES, "*/.ssh/id_*", "private SSH key"},
	{CLASS_GUARDED, TOUCHES, "/etc/ssh/ssh_host_*_key", "private SSH key"},
	{CLASS_GUARDED, CHANGES, "*/.ssh/authorized_keys*", "lets others log in"},
	{CLASS_GUARDED, TOUCHES, "*/.aws/credentials", "key of a cloud account"},
	{CLASS_GUARDED, TOUCHES, "*/.config/gcloud/*", "key of a cloud account"},
	{CLASS_GUARDED, TOUCHES, "*/.azure/*", "key of a cloud account"},
	{CLASS_GUARDED, TOUCHES, "*/.kube/config", "key of a cluster"},
	{CLASS_GUARDED, TOUCHES, "/dev/mem", "memory of the host"},
	{CLASS_GUARDED, TOUCHES, "/dev/kmem", "memory of the host"},
	{CLASS_GUARDED, TOUCHES, "/proc/kcore", "memory of the host"},
	{CLASS_GUARDED, TOUCHES, "/dev/sd*", "disk of the host"},
	{CLASS_GUARDED, TOUCHES, "/dev/vd*", "disk of the host"},
	{CLASS_GUARDED, TOUCHES, "/dev/nvme*", "disk of the host"},
	{CLASS_GUARDED, TOUCHES, "/dev/dm-*", "disk of the host"},
	{CLASS_GUARDED, TOUCHES, "/dev/kvm", "device that makes machines"},
	{CLASS_GUARDED, TOUCHES, "/dev/fuse", "device that makes mounts"},
	{CLASS_GUARDED, CHANGES, "/proc/sysrq-trigger", "switch of the kernel"},
	{CLASS_GUARDED, CHANGES, "/proc/sys/*", "switch of the kernel"},
	{CLASS_GUARDED, CHANGES, "/sys/*", "switch of the kernel"},
	{CLASS_GUARDED, TOUCHES, "*/release_agent", "program that the kernel starts on the host"},

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

	/* Keys, tokens, and what other processes know. */
	{CLASS_DANGEROUS, TOUCHES, "/etc/shadow*", "password hashes"},
	{CLASS_DANGEROUS, TOUCHES, "/etc/gshadow*", "password hashes"},
	{CLASS_DANGEROUS, TOUCHES, "/run/secrets/*", "secret of the platform"},
	{CLASS_DANGEROUS, TOUCHES, "/var/run/secrets/*", "secret of the platform"},
	{CLASS_DANGEROUS, READS, "*.pem", "key or certificate"},
	{CLASS_DANGEROUS, READS, "*.key", "key or certificate"},
	{CLASS_DANGEROUS, READS, "*/.netrc", "password file"},
	{CLASS_DANGEROUS, READS, "*/.git-credentials", "password file"},
	{CLASS_DANGEROUS, READS, "*/.pgpass", "password file"},
	{CLASS_DANGEROUS, READS, "*/.npmrc", "token of a registry"},
	{CLASS_DANGEROUS, READS, "*/.pypirc", "token of a registry"},
	{CLASS_DANGEROUS, READS, "*/.docker/config.json", "token of a registry"},
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

/* '*' matches any bytes, none included. Going back to the last '*' is enough for that, so the time
 * is bounded by the product of both lengths. */
static bool matches(const char *pattern, const char *text)
{
	const char *star = NULL, *retry = NULL;

	while (*text) {
		if (*pattern == '*') {
			star = ++pattern;
			retry = text;
		} else if (*pattern == *text) {
			pattern++;
			text++;
		} else if (star) {
			pattern = star;
			text = ++retry;
		} else {
			return false;
		}
	}
	while (*pattern == '*')
		pattern++;
	return *pattern == '\0';
}

static enum behaviour_class judge_program(const struct behaviour *b, const char **ret_reason)
{
	const char *slash = strrchr(b->key, '/');
	const char *name = slash ? slash + 1 : b->key;

	for (size_t i = 0; i < COUNT(tools); i++) {
		if (matches(tools[i].name, name)) {
			*ret_reason = tools[i].reason;
			return CLASS_DANGEROUS;
		}
	}
	if (!(b->flags & BEHAVIOUR_IMAGE)) {
		*ret_reason = "program that is no image content";
		return CLASS_DANGEROUS;
	}
	return CLASS_ORDINARY;
}

static enum behaviour_class judge(const struct behaviour *b, const char **ret_reason)
{
	bool inert = behaviour_is_inert(b);
	unsigned int reach = 1U << b->access;

	*ret_reason = "";
	if (b->domain != DOMAIN_FS && b->domain != DOMAIN_EXEC)
		return CLASS_ORDINARY;
	for (size_t i = 0; i < COUNT(table); i++) {
		if (inert && table[i].class != CLASS_GUARDED)
			break;
		if ((table[i].reach & reach) && matches(table[i].pattern, b->key)) {
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
