/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUSK_PROFILE_CLASS_DNS_H
#define HUSK_PROFILE_CLASS_DNS_H

#include "profile/class.h"

/* The class of a behaviour of the domain dns, as class_of() and class_reason() tell it. */
enum behaviour_class class_of_name(const struct behaviour *b, const char **ret_reason);

#endif
