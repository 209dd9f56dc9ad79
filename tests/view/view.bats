#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# The view over real file systems, mounted for real.
load helpers

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

@test "the gate is executed once the lower file systems are there" {
	touch "$DIR/bind" "$LOWER/inside"
	view -g /bin/cat
	[ "$(ls "$VIEW/husk-gate")" = "$VIEW/husk-gate" ]
	cmp "$VIEW/husk-gate" /bin/cat
	mount --bind "$VIEW/husk-gate" "$DIR/bind"
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
	mount --bind "$VIEW/husk-gate" "$DIR/bind"
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
