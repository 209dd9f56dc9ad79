/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUSK_LAUNCH_SYSCALL_H
#define HUSK_LAUNCH_SYSCALL_H

/*
 * The system call instruction of each architecture, for a program without a C library.
 * Source: syscall(2), "Architecture calling conventions".
 */
#if defined(__x86_64__)
static inline long syscall3(long number, long a, long b, long c)
{
	long result;

	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(number), "D"(a), "S"(b), "d"(c)
			 : "rcx", "r11", "memory");
	return result;
}

/* The kernel enters with the stack pointer at argc: handed to launch_main() as it is. */
__asm__(".text\n.globl _start\n_start:\n\txor %ebp, %ebp\n\tmov %rsp, %rdi\n"
	"\tand $-16, %rsp\n\tcall launch_main\n\thlt\n");
#elif defined(__aarch64__)
static inline long syscall3(long number, long a, long b, long c)
{
	register long x8 __asm__("x8") = number;
	register long x0 __asm__("x0") = a;
	register long x1 __asm__("x1") = b;
	register long x2 __asm__("x2") = c;

	__asm__ volatile("svc #0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2) : "memory");
	return x0;
}

__asm__(".text\n.globl _start\n_start:\n\tmov x29, xzr\n\tmov x0, sp\n"
	"\tand sp, x0, #-16\n\tbl launch_main\n\tbrk #0\n");
#else
#error "husk-launch has no system call sequence for this architecture"
#endif

#endif
