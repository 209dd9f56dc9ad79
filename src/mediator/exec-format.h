/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUSK_MEDIATOR_EXEC_FORMAT_H
#define HUSK_MEDIATOR_EXEC_FORMAT_H

/*
 * What execve(2) would say of a file, as far as its first bytes tell. husk-launch stands in for the
 * entry point, so the runtime's exec would succeed where the real one cannot, and the runtime's own
 * error would be lost.
 *
 * root_fd: the container's root. file_fd: O_PATH descriptor of the file. proc_fd: the host's /proc.
 * Returns 0 where it may succeed; -ENOEXEC for a file that is neither ELF nor "#!", unless the host
 * has other formats registered (binfmt_misc); -ENOENT or -EACCES for a "#!" interpreter that is
 * missing or may not be executed. Source: fs/binfmt_script.c, proc_sys_fs(5).
 */
int exec_format_check(int root_fd, int file_fd, int proc_fd);

#endif
