/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The table of call sites, and where they are. An entry needs a reason why nothing that a program
 * depends on follows from the answer; whatever is missing here is taken for a need, so a function
 * that another kernel names differently, or inlines, costs a capability too many and never one too
 * few. Looked up in the sources of Linux 5.15 to 6.18.
 */
#include "observe/sites.h"

#include <stdlib.h>
#include <string.h>

#include <linux/capability.h>

struct rule {
	int capability;
	const char *function;
	enum observe_verdict verdict;
};

/* Asks for two reasons, and only one of them makes pipe(2) fail. */
#define PIPES "alloc_pipe_info"

static const struct rule rules[] = {
	/* May the last 3 % of memory be taken? Where there is memory, nobody is asked twice. */
	{CAP_SYS_ADMIN, "security_vm_enough_memory_mm", OBSERVE_IGNORE},
	/* Which permission bits of a file below /proc/sys apply; root owns them anyway. */
	{CAP_SYS_ADMIN, "pid_table_root_permissions", OBSERVE_IGNORE},
	{CAP_SYS_ADMIN, "sysctl_perm", OBSERVE_IGNORE},
	{CAP_SYS_RESOURCE, "sysctl_perm", OBSERVE_IGNORE},
	{CAP_NET_ADMIN, "sysctl_perm", OBSERVE_IGNORE},
	{CAP_NET_ADMIN, "net_ctl_permissions", OBSERVE_IGNORE},
	/* Are attributes "trusted." listed too? */
	{CAP_SYS_ADMIN, "vfs_listxattr", OBSERVE_IGNORE},
	/* Are addresses shown, or zeros? ps(1) asks once a process. */
	{CAP_SYS_PTRACE, "do_task_stat", OBSERVE_IGNORE},
	{CAP_SYS_PTRACE, "proc_pid_wchan", OBSERVE_IGNORE},
	{CAP_SYSLOG, "kallsyms_show_value", OBSERVE_IGNORE},
	{CAP_SYSLOG, "restricted_pointer", OBSERVE_IGNORE},
	/* A ring is charged to the user's limit of locked memory, or is not. */
	{CAP_IPC_LOCK, "io_uring_setup", OBSERVE_IGNORE},
	{CAP_IPC_LOCK, "io_uring_create", OBSERVE_IGNORE},
	/* An oom_score_adj that is raised needs nothing, and asks all the same. */
	{CAP_SYS_RESOURCE, "__set_oom_adj", OBSERVE_IGNORE},
	/* Each capset(2) asks whether it might gain inheritable ones, also where it drops. */
	{CAP_SETPCAP, "cap_capset", OBSERVE_IGNORE},
	/* Each chmod(2) of a file of another group asks whether its set-group-ID bit may stay. */
	{CAP_FSETID, "setattr_prepare", OBSERVE_IF_SETGID},
	{CAP_FSETID, "setattr_copy", OBSERVE_IF_SETGID},
	/* Whether the view's server is to take bits away from a file that mostly has none. */
	{CAP_FSETID, "fuse_create_open", OBSERVE_IGNORE},
	{CAP_FSETID, "fuse_send_open", OBSERVE_IGNORE},
	{CAP_FSETID, "fuse_do_setattr", OBSERVE_IGNORE},
	{CAP_FSETID, "fuse_direct_io", OBSERVE_IGNORE},
	{CAP_FSETID, "fuse_send_write_pages", OBSERVE_IGNORE},
	{CAP_FSETID, "fuse_perform_write", OBSERVE_IGNORE},
	/* Who may not force a buffer's size sets it without force. */
	{CAP_NET_ADMIN, "sk_setsockopt", OBSERVE_IF_MARK},
	{CAP_NET_ADMIN, "sock_setsockopt", OBSERVE_IF_MARK},
	/* How many pages a pipe has, where the user has many pipes already (pipe(7)). */
	{CAP_SYS_RESOURCE, PIPES, OBSERVE_IGNORE},
	{CAP_SYS_ADMIN, PIPES, OBSERVE_IGNORE},
	/* These ask before they compare. */
	{CAP_SETUID, "__sys_setuid", OBSERVE_IF_USER},
	{CAP_SETGID, "__sys_setgid", OBSERVE_IF_GROUP},
};

/* No function is that long. */
#define SIZE_UNKNOWN (1U << 20)

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

void sites_init(struct sites *sites, struct observe_site (*lines)[OBSERVE_SITES_MAX],
		bool pipes_are_limited)
{
	*sites = (struct sites){.lines = lines, .pipes_are_limited = pipes_are_limited};
}

/* A free place in the capability's line. */
static struct observe_site *place_of(struct sites *sites, int capability)
{
	struct observe_site *line = sites->lines[capability];

	for (size_t i = 0; i < OBSERVE_SITES_MAX; i++) {
		if (line[i].begin == 0)
			return &line[i];
	}
	return NULL;
}

static void note(struct sites *sites, const char *name, size_t len, unsigned long long address)
{
	for (size_t i = 0; i < COUNT(rules) && sites->count < SITES_FOUND_MAX; i++) {
		const struct rule *rule = &rules[i];
		struct observe_site *site;

		if (strlen(rule->function) != len || memcmp(rule->function, name, len) != 0)
			continue;
		if (sites->pipes_are_limited && strcmp(rule->function, PIPES) == 0)
			continue;
		site = place_of(sites, rule->capability);
		if (!site)
			continue;
		*site = (struct observe_site){
			.begin = address, .size = SIZE_UNKNOWN, .verdict = rule->verdict};
		sites->found[sites->count++] = site;
	}
}

/* Returns the address, 0 where the line is none, and sets *ret_rest to "TYPE NAME". */
static unsigned long long read_address(const char *line, const char **ret_rest)
{
	char *end;
	unsigned long long address = strtoull(line, &end, 16);

	if (end == line || end[0] != ' ' || end[1] == '\0' || end[2] != ' ')
		*ret_rest = NULL;
	else
		*ret_rest = end + 1;
	return *ret_rest ? address : 0;
}

void sites_find(struct sites *sites, const char *line)
{
	const char *rest;
	unsigned long long address = read_address(line, &rest);

	if (rest && address == 0)
		sites->hidden = true;
	else if (rest && (rest[0] == 't' || rest[0] == 'T'))
		note(sites, rest + 2, strcspn(rest + 2, ".\t\n"), address);
}

void sites_bound(struct sites *sites, const char *line)
{
	const char *rest;
	unsigned long long address = read_address(line, &rest);

	for (size_t i = 0; i < sites->count; i++) {
		struct observe_site *site = sites->found[i];

		if (address > site->begin && address - site->begin < site->size)
			site->size = (__u32)(address - site->begin);
	}
}

size_t sites_finish(struct sites *sites)
{
	size_t whole = 0;

	for (size_t i = 0; i < sites->count; i++) {
		if (sites->found[i]->size == SIZE_UNKNOWN)
			sites->found[i]->size = 0;
		else
			whole++;
	}
	return whole;
}
