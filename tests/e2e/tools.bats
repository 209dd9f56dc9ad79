# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154
# Real programs run in the view as without it, while learned and while enforced.

load helpers

setup() {
	husk_setup
	# The tools' root is shared and read-only; what they write goes to /work and /tmp.
	WORK=$T/work
	mkdir "$WORK"
}

teardown() {
	husk_teardown
}

# same NAME SCRIPT: a shell script gives the same with husk and without, then once more enforced, where
# the names that it makes converge ($ENFORCED is not empty)
ENFORCED=1
same() {
	local name=$1 script=$2
	BUNDLE=$(bundle "$name" "$HUSK_TOOLS_ROOTFS" '.root.readonly = true | .process.cwd = "/work"
		| .process.env += ["HOME=/work", "LC_ALL=C.UTF-8"]
		| .mounts += [{destination: "/work", type: "bind", source: "'"$WORK"'", options: ["bind"]},
			{destination: "/tmp", type: "tmpfs", source: "tmpfs", options: ["mode=1777"]}]')
	set_args "$BUNDLE" /bin/sh -ec "rm -rf /work/* /work/.[a-z]*; $script"
	COMMAND_TIMEOUT_S=100
	FUNCTION=$name parity "$BUNDLE"
	[ "$status" -eq 0 ] || fail "$output"
	expected=$output
	run_bundle 0 "$BUNDLE"
	run_bundle 0 "$BUNDLE"
	[ -z "$ENFORCED" ] || husk mode "$name" enforce
	run_bundle 0 "$BUNDLE"
	[ "$output" = "$expected" ] || fail "$output"
	nothing_left
}

@test "a shell with pipes, redirections, globs and here documents" {
	same shell '
		for n in 1 2 3 4 5; do echo "line $n" >"file-$n"; done
		cat file-* | sort -r | head -n 3 | tee out | wc -l
		mkdir -p a/b/c && cp -r a d && mv d e && ln -s e/b link && ls -R . && rm -r a link
		sed s/line/row/ <<END >>out
line in a here document
END
		cat out; find . -type f | sort; test -x /bin/sh && [ ! -w /etc/passwd ]; tar cf t.tar e file-1 && tar tf t.tar; du -a e | wc -l
		( cd e && pwd ); stat -c "%n %a %h %F" e file-1; chmod 600 file-1; stat -c %a file-1; touch -d 2020-01-01 file-2; stat -c %y file-2'
}

@test "Python with its tempfile, sqlite3, mmap, multiprocessing and subprocess" {
	same python 'python3 -B -c "
import collections, fcntl, json, mmap, multiprocessing, os, shutil, sqlite3, subprocess, tempfile, threading
with tempfile.TemporaryDirectory(dir=\"/tmp\") as top:
    path = os.path.join(top, \"db\")
    db = sqlite3.connect(path)
    db.execute(\"pragma journal_mode=wal\")
    db.execute(\"create table t (n integer)\")
    db.executemany(\"insert into t values (?)\", [(n,) for n in range(1000)])
    db.commit()
    print(db.execute(\"select sum(n) from t\").fetchone())
    db.close()
    with open(os.path.join(top, \"map\"), \"wb+\") as file:
        file.truncate(1 << 20)
        with mmap.mmap(file.fileno(), 0) as area:
            area[5:10] = b\"hello\"
            area.flush()
        file.seek(5)
        print(file.read(5))
        fcntl.lockf(file, fcntl.LOCK_EX)
with multiprocessing.Pool(2) as pool:
    print(sum(pool.map(abs, range(-100, 0))))
print(subprocess.run([\"sort\"], input=\"b\na\n\", text=True, capture_output=True).stdout)
with tempfile.NamedTemporaryFile() as file:
    print(os.path.getsize(file.name))
"'
}

@test "git makes, commits, branches, merges and clones a repository" {
	# Its temporary names lie outside of temporary directories and are all different.
	ENFORCED='' same git '
		export GIT_AUTHOR_DATE="2026-01-01T00:00:00Z" GIT_COMMITTER_DATE="2026-01-01T00:00:00Z"
		export GIT_AUTHOR_NAME=x GIT_AUTHOR_EMAIL=x@example.org GIT_COMMITTER_NAME=x GIT_COMMITTER_EMAIL=x@example.org
		git init -q -b main repo; cd repo; echo one >a; git add a; git commit -q -m first
		git checkout -q -b other; echo two >b; git add b; git commit -q -m second
		git checkout -q main; echo three >>a; git commit -q -a -m third; git merge -q --no-edit other
		git log --format="%H %s" | cat; git status --short; git gc -q; git fsck --strict 2>&1; cd ..; git clone -q repo clone; cat clone/a clone/b; git -C clone rev-parse HEAD'
}

@test "the SQLite shell works with rollback journal, WAL and two connections" {
	same sqlite '
		sqlite3 db "create table t (k integer primary key, v text); insert into t (v) values (hex(7)), (hex(8)); select * from t;"
		sqlite3 db "pragma journal_mode=wal; begin; with recursive c(x) as (select 1 union all select x + 1 from c where x < 5000) insert into t (v) select x from c; commit; select count(*) from t; pragma integrity_check;"
		(for n in 1 2 3 4 5; do sqlite3 -cmd ".timeout 20000" db "insert into t (v) values ($n)"; done) &
		for n in 6 7 8 9; do sqlite3 -cmd ".timeout 20000" db "insert into t (v) values ($n)"; done; wait
		sqlite3 db "select count(*), sum(length(v)) from t; vacuum; pragma integrity_check;"'
}

@test "Node.js with its file system, streams, workers and child processes" {
	same node 'node -e "
const fs = require(\"fs\"), os = require(\"os\"), path = require(\"path\"), cp = require(\"child_process\");
const top = fs.mkdtempSync(\"/tmp/x-\");
fs.writeFileSync(top + \"/a\", \"x\".repeat(100000));
fs.createReadStream(top + \"/a\").pipe(fs.createWriteStream(top + \"/b\")).on(\"finish\", async () => {
  console.log(fs.statSync(top + \"/b\").size, fs.readdirSync(top));
  await fs.promises.rename(top + \"/b\", top + \"/c\");
  console.log(cp.execFileSync(\"/usr/bin/sort\", { input: \"b\na\n\" }).toString());
  const { Worker } = require(\"worker_threads\");
  new Worker(\"require(\\\"worker_threads\\\").parentPort.postMessage(6 * 7)\", { eval: true }).on(\"message\", (m) => {
    console.log(m);
    fs.rmSync(top, { recursive: true });
    console.log(fs.existsSync(top));
  });
});
"'
}

@test "a lock that somebody holds on a volume holds in the container" {
	local lock
	: >"$WORK/f"
	BUNDLE=$(bundle locks "$HUSK_TOOLS_ROOTFS" '.mounts += [{destination: "/work", type: "bind",
		source: "'"$WORK"'", options: ["bind"]}]')
	hook_bundle "$BUNDLE" locks
	set_args "$BUNDLE" /bin/sh -c 'flock -n /work/f echo free || echo held'
	exec {lock}>"$WORK/f"
	flock "$lock"
	run_bundle 0 "$BUNDLE"
	[ "$output" = held ]
	flock -u "$lock"
	run_bundle 0 "$BUNDLE"
	[ "$output" = free ]
	[ "$(event_count '.event == "run"')" -eq 2 ]
	nothing_left
}

@test "what the container has locked to read on a volume stays so as it locks something else to write" {
	: >"$WORK/f"
	mkfifo "$T/go"
	BUNDLE=$(bundle locks "$HUSK_ROOTFS" '.mounts += [{destination: "/work", type: "bind",
		source: "'"$WORK"'", options: ["bind"]}]')
	hook_bundle "$BUNDLE" locks
	set_args "$BUNDLE" /usr/bin/python3 -B -c 'import fcntl, sys
file = open("/work/f", "r+")
fcntl.lockf(file, fcntl.LOCK_SH, 10, 0)
fcntl.lockf(file, fcntl.LOCK_EX, 10, 100)
print("locked", flush=True)
sys.stdin.read()'
	exec 8<>"$T/go"
	start_run "$BUNDLE" <"$T/go" >"$T/locked" 2>&1 3>&- 8>&- &
	wait_until 20 grep -q locked "$T/locked"
	run python3 -c 'import fcntl, sys
for at in 0, 100, 200:
    for how in fcntl.LOCK_SH, fcntl.LOCK_EX:
        try:
            fcntl.lockf(open(sys.argv[1], "r+"), how | fcntl.LOCK_NB, 10, at)
            print(at, how, "free")
        except OSError:
            print(at, how, "held")' "$WORK/f"
	exec 8>&-
	wait_until 20 no_husk_process
	[ "$output" = "0 1 free
0 2 held
100 1 held
100 2 held
200 1 free
200 2 free" ] || fail "$output"
	nothing_left
}
