/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUSK_OBSERVE_PIN_H
#define HUSK_OBSERVE_PIN_H

#include "observe/observe.h"

/* Where the map and the program's link are pinned: whoever finds the map finds a program that fills
 * it. */
#define OBSERVE_PIN_OF(version) OBSERVE_PIN_OF_(version)
#define OBSERVE_PIN_OF_(version) OBSERVE_DIRECTORY "/" OBSERVE_PIN_NAME #version
#define OBSERVE_PIN_NAME "capabilities-"
#define OBSERVE_MAP_PIN OBSERVE_PIN_OF(OBSERVE_VERSION)
#define OBSERVE_LINK_PIN OBSERVE_MAP_PIN "-link"

#endif
