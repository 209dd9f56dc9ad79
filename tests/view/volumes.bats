#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Several lower file systems, and those that the host changes meanwhile.
load helpers

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

@test "a file that the host replaces or removes is opened no more" {
	echo one >"$LOWER/f"
	echo gone >"$LOWER/g"
	view -p
	for _ in 1 2 3; do
		(
			exec 5<"$VIEW/f"
			echo "two $BASHPID" >"$LOWER/new"
			mv "$LOWER/new" "$LOWER/f"
			[ "$(cat "$VIEW/f")" = "two $BASHPID" ]
			[ "$(cat <&5)" != "two $BASHPID" ]
		)
	done
	(
		exec 5<"$VIEW/g"
		rm "$LOWER/g"
		run -1 cat "$VIEW/g"
		[[ $output == *'No such file'* ]]
		[ "$(cat /proc/self/fd/5)" = gone ]
	)
	end_view
}

@test "who gets a lock on a volume sees what was written before" {
	echo x >"$LOWER/f"
	view -p -k
	/usr/bin/python3 - "$VIEW/f" "$LOWER/f" <<-'END'
		import fcntl, os, sys
		inside, outside = (open(name, "r+b", buffering=0) for name in sys.argv[1:])
		for n in range(100):
		    size = os.fstat(inside.fileno()).st_size
		    outside.seek(0, os.SEEK_END)
		    outside.write(b"more")
		    fcntl.lockf(inside, fcntl.LOCK_EX)
		    assert os.fstat(inside.fileno()).st_size == size + 4
		    inside.seek(0, os.SEEK_END)
		    inside.write(b"mine")
		    fcntl.lockf(inside, fcntl.LOCK_UN)
		assert outside.seek(0, os.SEEK_END) == 802
	END
	end_view
}

# holds KIND PATH: takes a lock of that kind, says so, and keeps it until its input ends.
holds() {
	/usr/bin/python3 -c '
import fcntl, sys
file = open(sys.argv[2], "r+")
if sys.argv[1] == "flock":
    fcntl.flock(file, fcntl.LOCK_EX)
else:
    fcntl.lockf(file, fcntl.LOCK_EX, 10, 5)
print("held", flush=True)
sys.stdin.read()' "$@"
}

# tries KIND PATH: exit status 0 where the lock was free.
tries() {
	/usr/bin/python3 -c '
import fcntl, sys
file = open(sys.argv[2], "r+")
lock = fcntl.flock if sys.argv[1] == "flock" else lambda f, how: fcntl.lockf(f, how, 1, 7)
try:
    lock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
except BlockingIOError:
    sys.exit(9)' "$@"
}

@test "locks on a volume hold against the host, both ways" {
	echo x >"$LOWER/f"
	view -p -k
	for kind in flock fcntl; do
		for pair in "$LOWER $VIEW" "$VIEW $LOWER"; do
			read -r here there <<<"$pair"
			coproc HOLDER { holds "$kind" "$here/f" 3>&-; }
			read -r _ <&"${HOLDER[0]}"
			run -9 tries "$kind" "$there/f"
			# who waits gets it once it is given back
			holds "$kind" "$there/f" </dev/null >"$DIR/waited" 3>&- &
			local waiter=$! input=${HOLDER[1]} holder=$HOLDER_PID
			sleep 0.1
			[ ! -s "$DIR/waited" ]
			exec {input}>&-
			wait "$holder"
			wait "$waiter"
			[ "$(cat "$DIR/waited")" = held ]
			tries "$kind" "$there/f"
		done
	done
	end_view
}

@test "locks end with a close though others have the file open" {
	local options
	for options in '-k' '-p -k'; do
		# shellcheck disable=SC2086
		FILES=200 view $options
		: >"$VIEW/f"
		# Beyond half of its descriptors a view keeps none for what is open.
		for others in 0 150; do
			(
				for n in $(seq "$others"); do exec {other}<>"$VIEW/$n"; done
				exec {first}<"$VIEW/f" {second}<"$VIEW/f"
				flock -n "$first"
				! flock -n "$second" || exit 1
				exec {first}<&-
				flock -n "$second"
			) 3>&-
		done
		end_view
	done
}

@test "two views of one volume share a database" {
	local writers=()
	mkdir "$DIR/other"
	view -p -k
	"$VIEW_MOUNT" -p -k "$LOWER" "$DIR/other" >/dev/null 2>&1 3>&-
	sqlite3 "$LOWER/db" 'create table t (n); insert into t values (0)'
	for place in "$VIEW" "$DIR/other"; do
		for _ in $(seq 40); do
			echo 'begin immediate; update t set n = n + 1; commit;'
		done | sqlite3 -cmd '.timeout 60000' "$place/db" 3>&- &
		writers+=($!)
	done
	for pid in "${writers[@]}"; do wait "$pid"; done
	[ "$(sqlite3 "$LOWER/db" 'select n from t; pragma integrity_check')" = "80
ok" ]
	umount "$DIR/other"
	end_view
}
