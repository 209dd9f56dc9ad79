/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the domains net and dns need of the kernel: nf_tables, its packet log and its queues. */
#include <errno.h>
#include <fcntl.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_log.h>
#include <linux/netfilter/nfnetlink_queue.h>
#include <linux/netlink.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "cli/host.h"
#include "net/net.h"

/* Asks one subsystem of netfilter for something that changes nothing. Returns what it answers, 0 or
 * -errno; -EINVAL where there is no such subsystem. */
static int ask(uint8_t subsystem, uint8_t type)
{
	struct {
		struct nlmsghdr head;
		struct nfgenmsg general;
	} request = {
		.head = {.nlmsg_len = sizeof(request),
			 .nlmsg_type = (uint16_t)(subsystem << 8 | type),
			 .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK},
	};
	struct {
		struct nlmsghdr head;
		struct nlmsgerr error;
		char rest[512];
	} answer;
	cleanup_close int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
	ssize_t n;

	if (fd < 0 || send(fd, &request, sizeof(request), 0) < 0)
		return -errno;
	n = recv(fd, &answer, sizeof(answer), MSG_DONTWAIT);
	if (n < (ssize_t)(sizeof(answer.head) + sizeof(answer.error)))
		return n < 0 ? -errno : 0;
	return answer.head.nlmsg_type == NLMSG_ERROR ? answer.error.error : 0;
}

/* Sets rules up in a network namespace that ends with this process. */
static int set_up_rules(bool raw, struct error *err)
{
	struct net_options options = {.raw = raw, .dns_mark = 2};
	struct net *net;
	int r;

	if (unshare(CLONE_NEWNET) < 0)
		return error_set(err, errno, "cannot make a network namespace");
	options.namespace_fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	if (options.namespace_fd < 0)
		return error_set(err, errno, "cannot open a network namespace");
	r = net_open(&options, &net, err);
	return r < 0 ? r : net_use(net, NULL, 0, true, err);
}

/* Which expressions a kernel has is known for sure only by rules that use them. */
static int try_rules(struct error *err)
{
	int ends[2];
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return error_set(err, errno, "cannot try them");
	pid = fork();
	if (pid == 0) {
		struct error own = ERROR_INIT;

		/* Of functions that make packets there are others. */
		if (set_up_rules(false, &own) == 0)
			set_up_rules(true, &own);
		_exit(write(ends[1], &own, sizeof(own)) != sizeof(own));
	}
	close(ends[1]);
	if (pid < 0 || read(ends[0], err, sizeof(*err)) != sizeof(*err))
		error_set(err, EIO, "cannot try them");
	close(ends[0]);
	if (pid > 0)
		waitpid(pid, NULL, 0);
	return -err->code;
}

void host_look_network(struct host_report *report)
{
	static const struct {
		uint8_t subsystem, configure;
		const char *what;
	} listened[] = {
		{NFNL_SUBSYS_ULOG, NFULNL_MSG_CONFIG, "nfnetlink_log"},
		{NFNL_SUBSYS_QUEUE, NFQNL_MSG_CONFIG, "nfnetlink_queue"},
	};
	struct error err = ERROR_INIT;
	const char *what = "nf_tables";
	int r = ask(NFNL_SUBSYS_NFTABLES, NFT_MSG_GETGEN);
	struct host_item *item;

	for (size_t i = 0; i < sizeof(listened) / sizeof(listened[0]) && r == 0; i++) {
		what = listened[i].what;
		r = ask(listened[i].subsystem, listened[i].configure);
		/* There is one, and nobody listens to number 0, or somebody else. */
		if (r == -ENODEV || r == -EPERM)
			r = 0;
	}
	if (r == 0 && try_rules(&err) < 0) {
		item = host_add(report, "network rules", HOST_DEGRADED,
				"the domains net and dns are unavailable: %s", err.what);
		text_copy(item->mend, sizeof(item->mend), err.hint);
		return;
	}
	if (r == 0) {
		host_add(report, "network rules", HOST_OK,
			 "nf_tables, its packet log and its queues work");
		return;
	}
	item = host_add(report, "network rules", HOST_DEGRADED,
			"the domains net and dns are unavailable: %s: %s", what, strerror(-r));
	if (r == -EPERM)
		snprintf(item->mend, sizeof(item->mend),
			 "run as root; in a container, start it with --privileged");
	else
		snprintf(item->mend, sizeof(item->mend), "modprobe %s", what);
}
