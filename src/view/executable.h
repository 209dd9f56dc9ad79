/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUSK_VIEW_EXECUTABLE_H
#define HUSK_VIEW_EXECUTABLE_H

#include "view/view.h"

/* What the kernel will load beside the file that is open for reading as `fd`. A file that cannot be
 * read or is cut short is VIEW_WHOLE: the kernel will not execute it. */
enum view_executable executable_look(int fd);

#endif
