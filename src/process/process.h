/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUSK_PROCESS_PROCESS_H
#define HUSK_PROCESS_PROCESS_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "journal/journal.h"

/*
 * Facts about a container's processes, from the host's /proc. All of them may be gone at any time:
 * then the answer is the weaker one.
 */

#define PROCESS_UNKNOWN "{unknown}" /* a path is too long for /proc, or the process is gone */
#define PROCESS_OUTSIDE "{outside}" /* before the path of a program that is no file of the view */

/*
 * Writes the path of the program that `pid` (a thread will do) executes to `out` of PATH_MAX bytes,
 * as the container sees it: d_path() gives a path that lies beyond the reader's root from the top
 * of its own mount tree. A removed file keeps " (deleted)". A name proves nothing where the
 * function can make mounts of its own, so what does not lie on the device `view` (st_dev) is marked
 * with PROCESS_OUTSIDE. Source: proc_pid_exe(5), fs/d_path.c.
 */
void process_program(int proc_fd, pid_t pid, dev_t view, char *out);

/* The thread group (process) that the thread `pid` belongs to, or -1. */
pid_t process_thread_group(int proc_fd, pid_t pid);

/* The processor that the thread `pid` runs or ran last on, or -1. Source: proc_pid_stat(5). */
int process_processor(int proc_fd, pid_t pid);

/* The capabilities that `pid` has in any of its sets, the bounding one included: 1 << CAP_X each.
 * All where that cannot be known. */
uint64_t process_capabilities(int proc_fd, pid_t pid);

/* Is `pid` the first process (1) of a pid namespace other than this process's own? False where that
 * cannot be known. */
bool process_leads_namespace(int proc_fd, pid_t pid);

/*
 * Was `pid` put into the container by an engine (`exec`, a probe)? Its ancestors then lead to this
 * process's own pid namespace without passing `init`. Only where `init` leads a pid namespace
 * (process_leads_namespace()): elsewhere orphans go to a reaper outside. Who is traced acts for the
 * tracer and is not the engine's. Where something cannot be known for certain the answer is no.
 */
bool process_is_foreign(int proc_fd, pid_t pid, pid_t init);

/* Is `pid` a thread of `ancestor`, or of one of its children, and theirs, as they are now? */
bool process_descends(int proc_fd, pid_t pid, pid_t ancestor);

/*
 * How the process ends whose directory in /proc is `dir_fd`, from the moment when that is certain,
 * which is before its parent hears of it: it has given its memory back, and no other thread of it
 * is left. OUTCOME_UNKNOWN before, once it was reaped, and where that may not be read. Source:
 * proc_pid_stat(5), do_exit() in kernel/exit.c.
 */
struct journal_end process_ending(int dir_fd);

/*
 * How the process behind `pidfd` ended: by PIDFD_GET_INFO with PIDFD_INFO_EXIT (Linux 6.15,
 * include/uapi/linux/pidfd.h), once its parent has reaped it, for which this waits up to `wait_ms`.
 * OUTCOME_UNKNOWN where the kernel cannot say.
 */
struct journal_end process_end(int pidfd, int wait_ms);

#endif
