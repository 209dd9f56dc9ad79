#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# The same, over other file systems, and where the host may change them.
load helpers

@test "a view of a tmpfs is like it" {
	mkdir "$DIR/base"
	mount -t tmpfs tmpfs "$DIR/base"
	LOWER=$DIR/base
	compare ''
}

@test "a view of an overlay is like it" {
	mkdir "$DIR/base" "$DIR/up" "$DIR/work"
	mount -t overlay -o "lowerdir=$LOWER,upperdir=$DIR/up,workdir=$DIR/work" overlay "$DIR/base"
	LOWER=$DIR/base
	# an overlay itself cannot be mounted with ids mapped
	compare 'an idmapped mount shows other owners'
}

@test "a view of a volume that the host may change is like it" {
	compare 'open files are told who holds a lock' -p -k
}
