#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Programs that ask much of a file system give the same in the view as beside it.
load helpers

setup_file() {
	SOURCE=$(realpath "$BATS_TEST_DIRNAME/../..")
	export SOURCE LC_ALL=C.UTF-8
}

# The directory is of a tmpfs: these programs ask for much to be synced, which says nothing of a view.
use_tmpfs() {
	mkdir "$DIR/base"
	mount -t tmpfs tmpfs "$DIR/base"
	LOWER=$DIR/base
}

# same SCRIPT: a shell script leaves the same files and says the same in the view as beside it.
same() {
	use_tmpfs
	mkdir "$LOWER/native" "$LOWER/viewed"
	view
	(cd "$LOWER/native" && HOME=$PWD bash -euc "$1") >"$DIR/native.out" 2>&1
	(cd "$VIEW/viewed" && HOME=$PWD bash -euc "$1") >"$DIR/viewed.out" 2>&1
	diff <(sed "s,$LOWER/native,DIR,g" "$DIR/native.out") <(sed "s,$VIEW/viewed,DIR,g" "$DIR/viewed.out")
	end_view
}

# Commits until it is killed, and says after each commit how many there were.
writer() {
	cat <<-'END'
		import sqlite3, sys
		db = sqlite3.connect("db", timeout=20, isolation_level=None)
		db.execute("pragma journal_mode=" + sys.argv[1])
		db.execute("create table if not exists a (n)")
		db.execute("create table if not exists b (n)")
		count = db.execute("select count(*) from a").fetchone()[0]
		while True:
		    db.execute("begin immediate")
		    db.execute("insert into a values (zeroblob(700))")
		    db.execute("insert into b values (1)")
		    db.execute("commit")
		    count += 1
		    print(count, flush=True)
	END
}

@test "SQLite that is killed again and again keeps what it has committed" {
	writer >"$DIR/writer.py"
	use_tmpfs
	view
	cd "$VIEW"
	for mode in delete wal; do
		rm -f db*
		for round in 1 2 3 4 5; do
			: >"$DIR/said"
			/usr/bin/python3 "$DIR/writer.py" "$mode" >"$DIR/said" 3>&- &
			until [ "$(grep -c . "$DIR/said")" -gt $((round * 3)) ]; do kill -0 $!; done
			kill -9 $!
			wait $! || true
			[ "$(sqlite3 db 'pragma integrity_check')" = ok ]
			count=$(sqlite3 db 'select count(*) from a')
			[ "$count" -ge "$(grep -x '[0-9]*' "$DIR/said" | tail -n 1)" ]
			[ "$(sqlite3 db 'select count(*) from b')" = "$count" ]
		done
	done
	cd /
	end_view
}

@test "git clones, repacks and checks a repository of this tree" {
	same '
		export GIT_AUTHOR_NAME=x GIT_AUTHOR_EMAIL=x@example.org GIT_CONFIG_NOSYSTEM=1
		export GIT_COMMITTER_NAME=x GIT_COMMITTER_EMAIL=x@example.org
		export GIT_AUTHOR_DATE="2026-01-01T00:00:00Z" GIT_COMMITTER_DATE="2026-01-01T00:00:00Z"
		git init -q -b main repo
		cd repo
		for part in src man tests config; do
			cp -r "$SOURCE/$part" .
			git add -A
			git commit -q -m "$part"
		done
		for n in 1 2 3 4 5; do
			find src -name "*.c" | sort | sed -n "$n~7p" | xargs sed -i "s/int/int$n/"
			git mv "man" "man$n" && git commit -q -a -m "$n" && git mv "man$n" man
		done
		git stash -q && git status --short && git stash pop -q && git reset -q --hard
		git repack -q -a -d && git gc -q --prune=now
		git fsck --strict --full 2>&1
		cd ..
		git clone -q --no-local repo clone
		git -C clone log --format=%H
		git -C clone status --short
		git -C clone worktree add -q ../tree HEAD~3
		diff -r --exclude=.git repo clone
		git -C tree rev-parse HEAD^{tree}'
}

@test "npm installs a package" {
	command -v npm >/dev/null || skip "npm is not installed"
	local modules
	# one of npm's own parts: a package with a program, and without dependencies
	modules=$(dirname "$(dirname "$(realpath "$(command -v npm)")")")/node_modules
	npm pack --silent --offline --ignore-scripts --cache "$DIR/cache" --pack-destination "$DIR" \
		"$modules/semver"
	mv "$DIR"/semver-*.tgz "$DIR/package.tgz"
	export PACKAGE=$DIR/package.tgz
	same '
		echo "{\"name\": \"f\", \"version\": \"1.0.0\"}" >package.json
		npm install --silent --offline --no-audit --no-fund --cache "$PWD/cache" "$PACKAGE"
		node node_modules/.bin/semver -r ">=1.2" 1.1.9 1.2.3 2.0.0
		rm -rf cache
		find . -type f -exec md5sum {} + | grep -v package-lock | sort -k 2
		find . -printf "%p %y %m %n %l\n" | sort
		npm uninstall --silent --offline --no-audit --no-fund --cache "$PWD/cache" semver
		find . -name "*.js" | wc -l'
}

@test "Python makes a virtual environment and works in it" {
	same '
		/usr/bin/python3 -m venv --without-pip venv
		. venv/bin/activate
		mkdir package
		for n in $(seq 50); do echo "import json; n = $n" >"package/m$n.py"; done
		python3 -m compileall -q package
		python3 -c "
import sys, package.m7, zipfile, shutil, os, tempfile
print(sys.prefix, package.m7.n)
shutil.make_archive(\"a\", \"zip\", \"package\")
print(len(zipfile.ZipFile(\"a.zip\").namelist()))
with tempfile.TemporaryDirectory(dir=\".\") as d:
    shutil.copytree(\"package\", d + \"/copy\")
    print(len(os.listdir(d + \"/copy\")))
os.sync()
"
		find venv -printf "%P %y %m %l\n" | sort'
}

@test "a large tree goes through tar and is the same" {
	local tree=/usr/share
	use_tmpfs
	view
	mkdir "$LOWER/native"
	tar -C "$tree" --one-file-system -cf "$DIR/tree.tar" perl perl5 zoneinfo terminfo python3 2>/dev/null || true
	tar -C "$LOWER/native" -xf "$DIR/tree.tar"
	mkdir "$VIEW/viewed"
	tar -C "$VIEW/viewed" -xf "$DIR/tree.tar"
	diff -r --no-dereference "$LOWER/native" "$VIEW/viewed"
	diff <(cd "$LOWER/native" && find . -mindepth 1 -printf '%p %y %m %U:%G %n %T@ %l\n' | sort) \
		<(cd "$VIEW/viewed" && find . -mindepth 1 -printf '%p %y %m %U:%G %n %T@ %l\n' | sort)
	cmp <(tar -C "$LOWER/native" --sort=name -c .) <(touch -r "$LOWER/native" "$VIEW/viewed" &&
		tar -C "$VIEW/viewed" --sort=name -c .)
	rm -r "$VIEW/viewed"
	end_view
	[ "$(counter names)" -le 2 ]
}

@test "fio finds what it has written" {
	mkdir "$LOWER/d"
	for options in '' '-c'; do
		# shellcheck disable=SC2086
		view $options
		for engine in psync libaio io_uring mmap pvsync2; do
			fio --name="$engine" --directory="$VIEW/d" --ioengine="$engine" --rw=randrw --bsrange=512-32k \
				--size=4m --nrfiles=3 --iodepth=8 --verify=crc32c --verify_state_save=0 --verify_fatal=1 --do_verify=1 --overwrite=0 \
				--fallocate=none --output="$DIR/fio" || {
				cat "$DIR/fio"
				return 1
			}
			rm "$VIEW/d"/*
		done
		[ -n "$options" ] || fio --name=direct --directory="$VIEW/d" --ioengine=libaio --rw=randwrite --bs=4k \
			--size=4m --iodepth=8 --direct=1 --verify=crc32c --verify_state_save=0 --verify_fatal=1 --output="$DIR/fio"
		end_view
	done
}
