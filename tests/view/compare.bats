#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# The same programs on a directory and on a view of it, which must not differ.
load helpers

@test "a view of a directory is like the directory" {
	compare ''
	[ "$(counter passthrough_opens)" -gt 1000 ]
}

@test "a view without passthrough is like the directory" {
	compare 'O_DIRECT demands alignment' -c
	[ "$(counter passthrough_opens)" -eq 0 ]
}
