/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUSK_MEDIATOR_VOLUMES_H
#define HUSK_MEDIATOR_VOLUMES_H

#include <stdbool.h>

#include "container/spec.h"

/*
 * Does the container get a directory of the host's that others may use at the same time? Mounts of
 * type "bind", "none" or without one, config.md of the OCI runtime-spec; a relative source begins
 * at `bundle`. Not what lies in /dev, /proc and /sys, which the view does not serve, and not single
 * files, as engines bind for names and addresses.
 */
bool volumes_are_shared(const struct oci_spec *spec, const char *bundle);

#endif
