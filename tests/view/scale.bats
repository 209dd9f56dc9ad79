#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Bounds: of files remembered, of descriptors, of memory.
load helpers

@test "a table that is too small is enough for a large tree" {
	mkdir -p "$LOWER"/{1,2,3,4,5,6,7,8,9}/{a,b,c}
	for d in "$LOWER"/*/*; do
		for i in $(seq 50); do echo "$i" >"$d/$i"; done
	done
	view -n 300
	diff <(cd "$LOWER" && find . -type f -exec md5sum {} + | sort) \
		<(cd "$VIEW" && find . -type f -exec md5sum {} + | sort)
	end_view
	[ "$(counter names_lost)" -eq 0 ]
	[ "$(counter names)" -le 300 ]
}

@test "few descriptors are enough for many files" {
	mkdir -p "$LOWER"/{1,2,3,4,5,6,7,8,9}/{a,b,c}/{x,y,z}
	for d in "$LOWER"/*/*/*; do
		for i in 1 2 3 4; do echo "$i" >"$d/$i"; done
	done
	FILES=160 view
	diff <(cd "$LOWER" && find . -type f -exec md5sum {} + | sort) \
		<(cd "$VIEW" && find . -type f -exec md5sum {} + | sort)
	[ "$(ls "/proc/$VIEW_PID/fd" | wc -l)" -le 160 ]
	end_view
	[ "$(counter names_lost)" -eq 0 ]
}

@test "making and removing many files leaves nothing behind" {
	view
	for _ in 1 2 3; do
		(cd "$VIEW" && seq 2000 | xargs touch && seq 2000 | xargs rm)
	done
	before=$(awk '/VmRSS/ { print $2 }' "/proc/$VIEW_PID/status")
	for _ in 1 2 3 4 5; do
		(cd "$VIEW" && seq 2000 | xargs touch && seq 2000 | xargs rm)
	done
	after=$(awk '/VmRSS/ { print $2 }' "/proc/$VIEW_PID/status")
	[ "$after" -le $((before + 200)) ]
	[ "$(ls "/proc/$VIEW_PID/fd" | wc -l)" -le 20 ]
	end_view
	[ "$(counter names)" -le 2 ]
}

@test "many processes at once get their answers" {
	for i in $(seq 200); do echo "$i" >"$LOWER/$i"; done
	view
	for p in $(seq 8); do
		(
			cd "$VIEW"
			mkdir "p$p"
			for i in $(seq 60); do
				echo "$i" >"p$p/$i"
				mv "p$p/$i" "p$p/m$i"
				cat "$i" "p$p/m$i" >/dev/null
				rm "p$p/m$i"
			done
			rmdir "p$p"
		) 3>&- &
		pids[p]=$!
	done
	for p in $(seq 8); do wait "${pids[p]}"; done
	[ "$(ls "$VIEW" | wc -l)" -eq 200 ]
	end_view
}
