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

@test "a few hundred descriptors are enough for a tree of thousands" {
	(
		cd "$LOWER"
		for d in $(seq 150); do mkdir -p "$((d % 7))/$d/deep"; done
		for d in */*; do touch "$d"/{1..10} "$d"/deep/{1..10}; done
	)
	FILES=256 view -p
	[ "$(find "$VIEW" -type f | wc -l)" -eq 3000 ]
	# every directory is asked for something in it, and files are changed
	for d in "$VIEW"/*/*; do
		echo x >"$d/1"
		mv "$d/2" "$d/deep/11"
		chmod 600 "$d/deep/3"
	done
	[ "$(ls "/proc/$VIEW_PID/fd" | wc -l)" -le 256 ]
	cp -r "$VIEW/0" "$VIEW/copy"
	diff -r "$LOWER/0" "$VIEW/copy"
	[ "$(find "$LOWER" -perm 600 | wc -l)" -eq "$(find "$VIEW" -perm 600 | wc -l)" ]
	rm -r "${VIEW:?}"/*
	end_view
	[ "$(counter names_lost)" -eq 0 ]
}

# hold_many OPTION...: compares a program that has 900 files open, of which 360 have no name any more.
hold_many() {
	mkdir -p "$LOWER/native" "$LOWER/viewed"
	view "$@"
	"$VIEW_COMPARE" -t 'many files are open at a time' "$LOWER/native" "$VIEW/viewed"
	[ "$(ls "/proc/$VIEW_PID/fd" | wc -l)" -le "$FILES" ]
	end_view
	[ "$(counter names_lost)" -eq 0 ]
}

@test "few descriptors are enough for many open files" {
	FILES=160 hold_many
	FILES=160 hold_many -p
	# without passthrough, files without a name need one each
	FILES=600 hold_many -c
	FILES=600 hold_many -c -p
}

@test "files of a volume are found again after the host has moved them" {
	mkdir -p "$LOWER"/{a,b}/{1..100}
	for d in "$LOWER"/a/*; do echo "in $d" >"$d/f"; done
	FILES=120 view -p
	(
		cd "$VIEW/a/1"
		exec 5<>f
		# their descriptors are closed meanwhile
		for d in ../*; do chmod 600 "$d/f"; done
		mv "$LOWER/a/1" "$LOWER/moved"
		mv "$LOWER/moved/f" "$LOWER/moved/g"
		for d in ../../b/*; do touch "$d/f"; done
		[ "$(stat -L -c %a /proc/self/fd/5)" = 600 ]
		chmod 644 /proc/self/fd/5
		[ "$(stat -c %a "$LOWER/moved/g")" = 644 ]
		touch new
		[ -e "$LOWER/moved/new" ]
	)
	end_view
}

@test "a directory of 100,000 entries is listed, searched and removed" {
	mkdir "$LOWER/many"
	(cd "$LOWER/many" && seq -f 'name-%06.0f' 100000 | xargs touch)
	view -n 20000
	cd "$VIEW/many"
	[ "$(ls -f | wc -l)" -eq 100002 ]
	[ "$(find . -name 'name-*' -size 0 | sort | md5sum)" = "$(cd "$LOWER/many" && find . -name 'name-*' | sort | md5sum)" ]
	[ -e name-099999 ]
	[ ! -e name-100001 ]
	cd /
	rm -r "$VIEW/many"
	end_view
	[ ! -e "$LOWER/many" ]
	[ "$(counter names_lost)" -eq 0 ]
	[ "$(counter names)" -le 20000 ]
}

# Makes and removes $1 files below the present directory, some of them several times over.
churn() {
	/usr/bin/python3 - "$1" <<-'END'
		import os, sys
		for n in range(int(sys.argv[1])):
		    name = f"f{n % 5000}-{n}"
		    fd = os.open(name, os.O_CREAT | os.O_EXCL | os.O_WRONLY)
		    os.write(fd, b"x")
		    os.close(fd)
		    if n % 10 == 0:
		        os.rename(name, "renamed")
		        name = "renamed"
		    os.unlink(name)
	END
}

# HUSK_LONG=1 makes it a million.
@test "making and removing tens of thousands of files leaves nothing behind" {
	local files=50000
	[ -z "${HUSK_LONG:-}" ] || files=1000000
	mkdir "$DIR/base"
	mount -t tmpfs tmpfs "$DIR/base"
	LOWER=$DIR/base
	view
	cd "$VIEW"
	churn 5000
	before=$(awk '/VmRSS/ { print $2 }' "/proc/$VIEW_PID/status")
	churn "$files"
	after=$(awk '/VmRSS/ { print $2 }' "/proc/$VIEW_PID/status")
	cd /
	echo "resident before $before KiB, after $after KiB"
	[ "$after" -le $((before + 100)) ]
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
