/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUSK_BASE_LIMITS_H
#define HUSK_BASE_LIMITS_H

/*
 * Frees the process of what its runtime has set for the container: crun (1.8) executes hooks under
 * process.rlimits and process.oomScoreAdj of config.json. Limits of processor time, memory, file
 * size and descriptors are lifted as far as that is allowed (beyond a hard limit it takes
 * CAP_SYS_RESOURCE), a file that may not grow is an error (EFBIG) and no signal, and the process is
 * no likelier to be killed for memory than others. Whatever fails stays as it is.
 */
void limits_lift(void);

#endif
