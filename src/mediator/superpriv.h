/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUSK_MEDIATOR_SUPERPRIV_H
#define HUSK_MEDIATOR_SUPERPRIV_H

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * Proof that a run used no capability, where no observer can say which it used. The kernel marks a
 * task whose capability it let decide (PF_SUPERPRIV of include/linux/sched.h, set by ns_capable(),
 * Linux 5.11), and never takes the mark off: a fork begins without it, an execve(2) keeps it. So a
 * task that ends without the mark has used none, and a run of such tasks has.
 *
 * The filter of system calls notifies of each start and each end of a task; at its end the mark is
 * read. What has no mark of its own ends the proof: capset(2), prctl(2) for secure bits and ambient
 * capabilities, rings (whose work other tasks do), and other ABIs, whose calls have other numbers.
 * So does a task whose end was not told, because a signal or a sibling's execve(2) ended it.
 */
struct superpriv;

enum superpriv_limits {
	SUPERPRIV_FILTER = 32,	   /* instructions; superpriv_filter() has fewer */
	SUPERPRIV_TASKS_MAX = 8192 /* of one run: no proof of one that has more */
};

enum superpriv_answer { SUPERPRIV_NONE_USED, SUPERPRIV_SOME_USED, SUPERPRIV_UNKNOWN };

/*
 * What goes before the instructions of any other filter: notifies of the calls that are needed, and
 * goes on with the filter for all others. `out`: of SUPERPRIV_FILTER. Returns how many there are.
 */
uint32_t superpriv_filter(struct sock_filter *out);

/* proc_fd: the host's /proc, borrowed. Returns NULL: out of memory. */
struct superpriv *superpriv_new(int proc_fd);
void superpriv_free(struct superpriv *superpriv); /* takes NULL */

/* Is this one of the calls, of the machine's own ABI, that superpriv_filter() notifies of whatever
 * the rest of the filter thinks of them? */
bool superpriv_asks(const struct seccomp_data *call);

/* Any call that the filter notified of, before it goes on; not one that is refused. own: it is of
 * the machine's own ABI. thread: who makes it. */
void superpriv_see(struct superpriv *superpriv, const struct seccomp_data *call, bool own,
		   pid_t thread);

/*
 * What is known once the last task has gone. *ret_why: for SUPERPRIV_UNKNOWN, words that follow
 * "because". *ret_pid: for SUPERPRIV_SOME_USED, the first process that was found to.
 */
enum superpriv_answer superpriv_end(const struct superpriv *superpriv, const char **ret_why,
				    pid_t *ret_pid);

#endif
