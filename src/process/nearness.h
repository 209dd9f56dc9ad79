/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUSK_PROCESS_NEARNESS_H
#define HUSK_PROCESS_NEARNESS_H

#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * Staying on the processor of whoever asks. A request is two wake-ups, and the kernel leaves a
 * process that it wakes on the processor where it ran last. Where that is the asker's own, a
 * wake-up is a switch of some microseconds; where it is another, an idle one, it is an interrupt to
 * it, which costs virtual machines some fifty. So this process goes once to where its asker is, and
 * stays free to be moved.
 */
struct nearness {
	int proc_fd;	    /* the host's /proc; -1: it does not move */
	int64_t look_at_ns; /* CLOCK_MONOTONIC: not before */
	int64_t pause_ns;   /* between two looks */
	cpu_set_t allowed;  /* processors that this process may be on */
};

/* proc_fd: borrowed. Never fails: where nothing can be done, nothing will be. */
void nearness_open(struct nearness *nearness, int proc_fd);

/* Has `thread`, which sleeps, wake up on the processor of the calling thread; then it has to call
 * nearness_stay_free(), with a copy of `nearness`. */
void nearness_call(struct nearness *nearness, pthread_t thread);
void nearness_stay_free(struct nearness *nearness);

/*
 * From the one to the other this thread lets everybody who wakes up on its processor go first, and
 * keeps its share. Where it works beside a runtime, that runtime would else wait for it there, even
 * with another processor idle.
 */
void nearness_give_way(void);
void nearness_take_part(void);

/* The thread `caller` has asked something just now. */
void nearness_follow(struct nearness *nearness, pid_t caller);

#endif
