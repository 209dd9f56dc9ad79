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
	/* Who may not force a buffer's size sets it without force. */
	{CAP_NET_ADMIN, "sk_setsockopt", OBSERVE_IF_MARK},
	{CAP_NET_ADMIN, "sock_setsockopt", OBSERVE_IF_MARK},
	/* These ask before they compare. */
	{CAP_SETUID, "__sys_setuid", OBSERVE_IF_USER},
	{CAP_SETGID, "__sys_setgid", OBSERVE_IF_GROUP},
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

void sites_init(struct sites *sites, struct observe_site (*lines)[OBSERVE_SITES_MAX])
{
	*sites = (struct sites){.lines = lines};
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

static void begin_function(struct sites *sites, const char *name, size_t len,
			   unsigned long long address)
{
	for (size_t i = 0; i < COUNT(rules) && sites->open < COUNT(sites->pending); i++) {
		const struct rule *rule = &rules[i];
		struct observe_site *site;

		if (strlen(rule->function) != len || memcmp(rule->function, name, len) != 0)
			continue;
		site = place_of(sites, rule->capability);
		if (!site)
			continue;
		*site = (struct observe_site){.begin = address, .verdict = rule->verdict};
		sites->pending[sites->open++] = site;
		sites->found++;
	}
}

static void end_functions(struct sites *sites, unsigned long long address)
{
	for (unsigned int i = 0; i < sites->open; i++)
		sites->pending[i]->size = (__u32)(address - sites->pending[i]->begin);
	sites->open = 0;
}

bool sites_take(struct sites *sites, const char *line)
{
	char *end;
	unsigned long long address = strtoull(line, &end, 16);
	const char *name;

	if (end == line || end[0] != ' ' || end[1] == '\0' || end[2] != ' ')
		return true;
	name = end + 3;
	if (strchr(name, '['))
		return false;
	if (address == 0) {
		sites->hidden = true;
		return true;
	}
	if (address > sites->last)
		end_functions(sites, address);
	sites->last = address;
	if (end[1] == 't' || end[1] == 'T')
		begin_function(sites, name, strcspn(name, ".\n"), address);
	return true;
}
