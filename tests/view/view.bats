#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# The view over real file systems, mounted for real. Needs root, /dev/fuse and overlayfs.
# VIEW_MOUNT and VIEW_COMPARE name the programs.
bats_require_minimum_version 1.5.0
# A view that hangs must not stop the suite.
BATS_TEST_TIMEOUT=240

setup() {
	DIR=$(mktemp -d "${TMPDIR:-/tmp}/husk-view-$BATS_TEST_NUMBER-XXXXXX")
	LOWER=$DIR/lower
	VIEW=$DIR/view
	mkdir "$LOWER" "$VIEW"
	VIEW_PID=
}

teardown() {
	umount -R -l "$VIEW" "$DIR"/bind 2>/dev/null || true
	[ -z "$VIEW_PID" ] || wait "$VIEW_PID" 2>/dev/null || true
	umount -l "$DIR/base" "$DIR/second" 2>/dev/null || true
	rm -rf --one-file-system "$DIR"
}

# view [OPTION...] [PATH=DIR...]: shows $LOWER at $VIEW. FILES limits the descriptors.
view() {
	local options=() lowers=()
	for argument in "$@"; do
		case $argument in
		/*=*) lowers+=("$argument") ;;
		*) options+=("$argument") ;;
		esac
	done
	(
		ulimit -n "${FILES:-1024}"
		exec "$VIEW_MOUNT" -f -s "$DIR/counters" "${options[@]}" "$LOWER" "$VIEW" "${lowers[@]}"
	) 3>&- &
	VIEW_PID=$!
	for _ in $(seq 200); do
		mountpoint -q "$VIEW" && return 0
		kill -0 "$VIEW_PID" || return 1
		sleep 0.02
	done
	return 1
}

# Unmounts and waits for the view, which must end without an error.
end_view() {
	umount "$VIEW"
	wait "$VIEW_PID"
	VIEW_PID=
}

counter() {
	awk -v name="$1" '$1 == name { print $2 }' "$DIR/counters"
}

# Compares below $1 of $LOWER, with options for the view behind it.
compare() {
	local without=$1
	shift
	mkdir "$LOWER/native" "$LOWER/viewed"
	chmod 755 "$DIR"
	view "$@"
	"$VIEW_COMPARE" ${without:+-x "$without"} "$LOWER/native" "$VIEW/viewed" >"$DIR/tap" || {
		grep -v '^ok' "$DIR/tap"
		return 1
	}
	end_view
	[ "$(counter names)" -le 3 ]
}

@test "a view of a directory is like the directory" {
	compare ''
	[ "$(counter passthrough_opens)" -gt 1000 ]
}

@test "it is without passthrough" {
	compare 'O_DIRECT demands alignment' -c
	[ "$(counter passthrough_opens)" -eq 0 ]
}

@test "it is over tmpfs" {
	mkdir "$DIR/base"
	mount -t tmpfs tmpfs "$DIR/base"
	LOWER=$DIR/base
	compare ''
}

@test "it is over an overlay" {
	mkdir "$DIR/base" "$DIR/up" "$DIR/work"
	mount -t overlay -o "lowerdir=$LOWER,upperdir=$DIR/up,workdir=$DIR/work" overlay "$DIR/base"
	LOWER=$DIR/base
	compare ''
}

@test "it is as a volume that the host may change" {
	compare '' -p
}

@test "files of an overlay are copied up while they are open" {
	mkdir "$DIR/base" "$DIR/up" "$DIR/work"
	for name in a b c d e; do echo "old $name" >"$LOWER/$name"; done
	mkdir "$LOWER/dir"
	mount -t overlay -o "lowerdir=$LOWER,upperdir=$DIR/up,workdir=$DIR/work" overlay "$DIR/base"
	LOWER=$DIR/base
	view
	cd "$VIEW"
	exec 5<a
	echo new >>a
	[ "$(cat <&5)" = "old a
new" ]
	exec 5<&-
	chmod 600 b
	[ "$(cat b)" = 'old b' ]
	echo more >>b
	[ "$(stat -c %a b)" = 600 ]
	ln c c2
	echo linked >>c2
	[ "$(tail -n 1 c)" = linked ]
	mv d d2
	echo moved >>d2
	[ "$(cat d2)" = "old d
moved" ]
	touch -d @1000000000 e
	[ "$(stat -c %Y e)" = 1000000000 ]
	[ "$(cat e)" = 'old e' ]
	rm a b c c2 d2 e
	[ "$(ls)" = dir ]
	cd /
	end_view
}

@test "it asks for what is opened, made, changed and listed, and not for names" {
	mkdir "$LOWER/d"
	echo x >"$LOWER/d/f"
	sleep 0.05
	view -l "$DIR/log"
	stat "$VIEW/d/f" "$VIEW/none" >/dev/null 2>&1 || true
	test -r "$VIEW/d/f"
	[ ! -s "$DIR/log" ]
	cat "$VIEW/d/f"
	ls "$VIEW/d"
	echo y >"$VIEW/d/g"
	echo z >>"$VIEW/d/g"
	mv "$VIEW/d" "$VIEW/e"
	cat "$VIEW/e/g"
	ln -s nowhere "$VIEW/s"
	chmod 600 "$VIEW/e/f"
	ln "$VIEW/e/f" "$VIEW/h"
	rm "$VIEW/e/f"
	cp /bin/true "$VIEW/true"
	"$VIEW/true"
	cat >"$DIR/expected" <<-END
		read:/d/f 1
		list:/d 1
		create:/d/g 0
		write:/d/g 0
		read:/d 0
		write:/d 0
		create:/e 0
		read:/e/g 0
		create:/s 0
		write:/e/f 0
		read:/e/f 0
		write:/e/f 0
		create:/h 0
		write:/e/f 0
		create:/true 0
		write:/true 0
		exec:/true 0
	END
	diff <(grep -v '^write:/true' "$DIR/expected") <(grep -v '^write:/true' "$DIR/log")
}

@test "a denial is EACCES, and nothing has happened" {
	echo keep >"$LOWER/f"
	mkdir "$LOWER/d"
	cp /bin/true "$LOWER/true"
	view -d read:/f -d write:/f -d create:/new -d list:/d -d exec:/true -d write:/d
	cd "$VIEW"
	for command in 'cat f' 'echo x >f' 'echo x >>f' 'rm f' 'mv f g' 'ln f g' 'chmod 0 f' \
		'echo x >new' 'mkdir new' 'ln -s x new' 'mkfifo new' 'cp true new' 'mv true new' \
		'ls d' 'rmdir d' './true' 'truncate -s 0 f' 'touch f' 'setfattr -n user.a f'; do
		run env LC_ALL=C sh -c "$command"
		[ "$status" -ne 0 ]
		[[ $output == *'Permission denied'* ]] || [[ $command == setfattr* ]]
	done
	cd /
	[ "$(cat "$LOWER/f")" = keep ]
	[ "$(stat -c %a "$LOWER/f")" = 644 ]
	[ "$(ls "$LOWER")" = "d
f
true" ]
}

@test "other file systems lie where they were mounted" {
	mkdir -p "$LOWER/data/inner" "$DIR/volume/deep" "$DIR/second"
	touch "$LOWER/file" "$LOWER/data/hidden"
	echo volume >"$DIR/volume/v"
	echo second >"$DIR/second/s"
	echo single >"$DIR/single"
	view -l "$DIR/log" "/data=$DIR/volume" "/data/deep=$DIR/second" "/file=$DIR/single"
	[ "$(cat "$VIEW/data/v")" = volume ]
	[ "$(cat "$VIEW/data/deep/s")" = second ]
	[ "$(cat "$VIEW/file")" = single ]
	[ ! -e "$VIEW/data/hidden" ]
	[ "$(ls "$VIEW/data")" = "deep
v" ]
	echo more >"$VIEW/data/new"
	[ "$(cat "$DIR/volume/new")" = more ]
	grep -qx 'read:/data/v 2' "$DIR/log"
	grep -qx 'read:/data/deep/s 2' "$DIR/log"
	grep -qx 'read:/file 2' "$DIR/log"
	grep -qx 'create:/data/new 2' "$DIR/log"
	run -1 env LC_ALL=C ln "$VIEW/data/v" "$VIEW/link"
	[[ $output == *'cross-device'* ]]
	run -1 env LC_ALL=C rmdir "$VIEW/data/deep"
	[[ $output == *'busy'* ]]
	mv "$VIEW/data/v" "$VIEW/moved"
	[ "$(cat "$LOWER/moved")" = volume ]
}

@test "numbers of files are unique over all file systems" {
	mkdir "$LOWER/a" "$LOWER/b" "$DIR/base"
	mount -t tmpfs tmpfs "$DIR/base"
	mkdir "$DIR/base/a" "$DIR/base/b"
	for i in $(seq 50); do
		touch "$DIR/base/a/$i" "$DIR/base/b/$i" "$LOWER/$i"
	done
	mkdir "$DIR/second"
	mount -t tmpfs tmpfs "$DIR/second"
	for i in $(seq 50); do touch "$DIR/second/$i"; done
	view "/a=$DIR/base" "/b=$DIR/second"
	[ -z "$(find "$VIEW" -printf '%i\n' | sort | uniq -d)" ]
}

@test "what the host changes in a volume is seen" {
	echo one >"$LOWER/f"
	mkdir "$LOWER/d"
	view -p
	[ "$(cat "$VIEW/f")" = one ]
	[ ! -e "$VIEW/late" ]
	echo 'two, longer' >"$LOWER/f"
	[ "$(cat "$VIEW/f")" = 'two, longer' ]
	touch "$LOWER/late"
	[ -e "$VIEW/late" ]
	[ "$(ls "$VIEW")" = "d
f
late" ]
	echo replaced >"$LOWER/g"
	mv "$LOWER/g" "$LOWER/f"
	for _ in $(seq 30); do
		[ "$(cat "$VIEW/f")" != replaced ] || break
		sleep 0.1
	done
	[ "$(cat "$VIEW/f")" = replaced ]
	rm "$LOWER/late"
	mv "$LOWER/d" "$LOWER/e"
	for _ in $(seq 30); do
		[ -e "$VIEW/late" ] || break
		sleep 0.1
	done
	[ "$(ls "$VIEW")" = "e
f" ]
	mkdir "$VIEW/e/x"
	[ -d "$LOWER/e/x" ]
}

@test "the gate is executed once the lower file systems are there" {
	touch "$DIR/bind" "$LOWER/inside"
	view -g /bin/cat
	[ "$(ls "$VIEW/gate")" = "$VIEW/gate" ]
	cmp "$VIEW/gate" /bin/cat
	mount --bind "$VIEW/gate" "$DIR/bind"
	[ "$(echo through | "$DIR/bind")" = through ]
	[ "$(ls "$VIEW/root")" = inside ]
	umount "$DIR/bind"
}

@test "the gate fails the exec with what it is answered" {
	touch "$DIR/bind"
	rm -r "$LOWER"
	touch "$LOWER"
	cp /bin/cat "$DIR/cat"
	# the harness gives up where the lower file system cannot be added, so its view ends
	view -g "$DIR/cat"
	mount --bind "$VIEW/gate" "$DIR/bind"
	run "$DIR/bind" </dev/null
	[ "$status" -ne 0 ]
	umount -l "$DIR/bind"
	VIEW_PID=
}

@test "the way to a directory may be searched until it has settled" {
	mkdir -p "$LOWER/closed/inner"
	chmod 700 "$LOWER/closed"
	chmod 755 "$DIR"
	view -w /closed/inner
	setpriv --reuid 1000 --regid 1000 --clear-groups sh -c "cd '$VIEW/closed/inner'"
	run setpriv --reuid 1000 --regid 1000 --clear-groups ls "$VIEW/closed"
	[ "$status" -ne 0 ]
}

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

@test "a view that is killed fails what waits for it" {
	echo x >"$LOWER/f"
	view
	cat "$VIEW/f"
	kill -9 "$VIEW_PID"
	wait "$VIEW_PID" || true
	VIEW_PID=
	run timeout 10 cat "$VIEW/none"
	[ "$status" -eq 1 ]
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
