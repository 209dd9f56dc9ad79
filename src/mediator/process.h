/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUSK_MEDIATOR_PROCESS_H
#define HUSK_MEDIATOR_PROCESS_H

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

#include "journal/journal.h"

/*
 * Facts about a container's processes, from the host's /proc. All of them may be gone at any time:
 * then the answer is the weaker one.
 */

/*
 * Writes the path of the program that `pid` (a thread will do) executes to `out` of PATH_MAX bytes,
 * as the container sees it: d_path() gives a path that lies beyond the reader's root from the top
 * of its own mount tree. "" where it cannot be known. A removed file keeps " (deleted)". Source:
 * proc_pid_exe(5), fs/d_path.c.
 */
void process_program(int proc_fd, pid_t pid, char *out);

/*
 * Was `pid` put into the container by an engine (`exec`, a probe)? Its ancestors then lead out of
 * the container without passing `init`. Only with a pid namespace of the container's own: in a
 * shared one, orphans go to a reaper outside. Who is traced acts for the tracer and is not the
 * engine's.
 */
bool process_is_foreign(int proc_fd, pid_t pid, pid_t init);

/* The thread group (process) that the thread `pid` belongs to, or -1. */
pid_t process_thread_group(int proc_fd, pid_t pid);

/* Do this process and `pid` live in different pid namespaces? False where it cannot be known. */
bool process_other_pid_namespace(int proc_fd, pid_t pid);

/*
 * How the process behind `pidfd` ended: by PIDFD_GET_INFO with PIDFD_INFO_EXIT (Linux 6.15,
 * include/uapi/linux/pidfd.h), once its parent has reaped it, for which this waits up to `wait_ms`.
 * OUTCOME_UNKNOWN where the kernel cannot say.
 */
struct journal_end process_end(int pidfd, int wait_ms);

#endif
