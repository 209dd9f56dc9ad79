/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUSK_LAUNCH_TERMINAL_H
#define HUSK_LAUNCH_TERMINAL_H

#include "launch/apply.h"

/*
 * The standard streams that the runtime opened lie on the mount of pts(4) that was there before
 * the view, which has no path any more: ttyname(3) of musl, and whoever reads /proc/self/fd, would
 * find no terminal. Each that is one is opened again by its name in /dev/pts, where that is the
 * same one, and put in the other's place. What shared one description shares one afterwards. Where
 * anything fails, the stream stays as it is.
 */
void terminal_reopen(launch_call *call);

#endif
