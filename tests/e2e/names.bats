# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154
# Names that nobody should use, and very many of them.

load helpers

setup() {
	husk_setup
}

teardown() {
	husk_teardown
}

NAMES='
import os, sys
names = [b"new\nline", b"tab\tquote\"\x27", b"\xff\xfe\x80 no UTF-8", b"x" * 255, b"back\\slash", b"{num}", b"-rf", b" ",
         "\u00e9\u4e2d\U0001f600".encode(), b"a\x01\x02\x7f", b"%s%n", b"...", b"\xed\xa0\x80", b"{", b"}}"]
top = sys.argv[1].encode()
for name in names:
    path = os.path.join(top, name)
    os.mkdir(path)
    inner = os.path.join(path, name)
    with open(inner, "wb") as file:
        file.write(name)
    assert open(inner, "rb").read() == name
    os.rename(inner, inner[:-1] + b"z")
    os.symlink(name, inner[:-1] + b"l")
    assert os.readlink(inner[:-1] + b"l") == name
assert sorted(os.listdir(top)) == sorted(names), os.listdir(top)
for bad in (b"x" * 256, b"y" * 5000):
    for call in (os.mkdir, os.stat, os.unlink):
        try:
            call(os.path.join(top, bad))
            raise SystemExit("no error")
        except OSError as problem:
            assert problem.errno == 36, problem
print("done", len(names))
'

@test "names with newlines, quotes, no UTF-8 and 255 bytes work, are learned, and come out escaped" {
	mkdir "$T/data"
	bundle=$(bundle names "$(own_rootfs)" '.mounts += [{destination: "/data", type: "bind",
		source: "'"$T"'/data", options: ["bind"]}]')
	set_args "$bundle" /usr/bin/python3 -B -c "$NAMES" /data
	hook_bundle "$bundle" names
	run_bundle 0 "$bundle"
	output_has "done 15"
	[ "$(ls -1Ab "$T/data" | wc -l)" -eq 15 ]
	husk show --json names >"$T/shown"
	jq -e . "$T/shown" >/dev/null
	grep -qF 'new\\x0aline' "$T/shown"
	grep -qF '\\xff\\xfe\\x80 no UTF-8' "$T/shown"
	while read -r line; do
		jq -e . <<<"$line" >/dev/null || fail "no JSON: $line"
	done <"$EVENTS"
	husk export names >"$T/document"
	jq -e . "$T/document" >/dev/null
	nothing_left
}

@test "a name that was learned is allowed in enforcement, and its look-alike is not" {
	mkdir "$T/data"
	bundle=$(bundle alike "$(own_rootfs)" '.mounts += [{destination: "/data", type: "bind",
		source: "'"$T"'/data", options: ["bind"]}]')
	set_args "$bundle" /usr/bin/python3 -B -c 'import os, sys
open(os.environb[b"FILE"], "w").write("x")
print("written")'
	hook_bundle "$bundle" alike
	change_bundle "$bundle" '.process.env += ["FILE=/data/caf\u00e9"]'
	run_bundle 0 "$bundle"
	husk mode alike enforce
	rm "$T"/data/*
	run_bundle 0 "$bundle"
	for other in 'cafe\u0301' 'Caf\u00e9' 'caf\u00e9 ' 'caf\u00e9\n' '{rand}' '*'; do
		rm -f "$T"/data/*
		change_bundle "$bundle" '.process.env |= map(select(startswith("FILE=") | not)) + ["FILE=/data/'"$other"'"]'
		capture limited start_run "$bundle"
		[ "$status" -eq 1 ] || fail "'$other': $output"
		output_has PermissionError
	done
}

@test "a path over PATH_MAX is worked on step by step" {
	mkdir "$T/data"
	bundle=$(bundle deep "$(own_rootfs)" '.mounts += [{destination: "/data", type: "bind",
		source: "'"$T"'/data", options: ["bind"]}]')
	set_python "$bundle" '
import os
os.chdir("/data")
for n in range(40):
    os.mkdir("d" * 200)
    os.chdir("d" * 200)
with open("file", "w") as file:
    file.write("deep")
print(open("file").read(), os.listdir("."))
try:
    print(len(os.getcwd()))
except OSError as problem:
    print(problem.errno)
os.rename("file", "other")
os.unlink("other")
print("done")'
	hook_bundle "$bundle" deep
	run_bundle 0 "$bundle"
	output_has "done"
	run_bundle 1 "$bundle"
	nothing_left
}

@test "very many files are created, listed, read and removed with bounded memory" {
	count=20000
	[ -z "${HUSK_LONG-}" ] || count=1000000
	mkdir "$T/data"
	write_conf 'view_names_max = 4096'
	bundle=$(bundle many "$HUSK_ROOTFS" '.root.readonly = true | .mounts += [{destination: "/data", type: "bind",
		source: "'"$T"'/data", options: ["bind"]}]')
	set_args "$bundle" /usr/bin/python3 -B -c '
import os, sys
count = int(sys.argv[1])
for n in range(count):
    if n % 1000 == 0:
        os.mkdir(f"/data/{n // 1000}")
    fd = os.open(f"/data/{n // 1000}/file-{n}", os.O_CREAT | os.O_WRONLY)
    os.write(fd, b"x")
    os.close(fd)
seen = sum(len(files) for _, _, files in os.walk("/data"))
assert seen == count, seen
for n in range(0, count, 7):
    assert open(f"/data/{n // 1000}/file-{n}").read() == "x"
print("made", count)' "$count"
	hook_bundle "$bundle" many
	COMMAND_TIMEOUT_S=${HUSK_LONG:+3600}
	COMMAND_TIMEOUT_S=${COMMAND_TIMEOUT_S:-170}
	run_bundle 0 "$bundle"
	output_has "made $count"
	[ "$(find "$T/data" -type f | wc -l)" -eq "$count" ]
	nothing_left
}

@test "many descriptors at a time stay open" {
	bundle=$(bundle open "$HUSK_ROOTFS" '.root.readonly = true')
	set_python "$bundle" '
import os
paths = [os.path.join(d, f) for d, _, fs in os.walk("/usr/lib/python3.11") for f in fs][:900]
fds = [os.open(p, os.O_RDONLY) for p in paths]
sizes = sum(os.fstat(fd).st_size for fd in fds)
data = sum(len(os.read(fd, 1 << 20)) for fd in fds)
print(len(fds), sizes == data)'
	parity "$bundle"
	[ "$status" -eq 0 ]
	output_has True
}

# names_in_tmp NAME: in a directory of mkdtemp(3) with the suffix NAME, what a function makes there
names_in_tmp() {
	set_args "$bundle" /bin/sh -ec "mkdir /tmp/x-$1; echo 1 >/tmp/x-$1/result.json; cat /tmp/x-$1/result.json; rm -r /tmp/x-$1"
}

@test "a generated name that looks like a word is the function's where others of its kind are" {
	bundle=$(bundle kin "$(own_rootfs)")
	hook_bundle "$bundle" kin
	for name in Ab3dE9 xY7tQz; do
		names_in_tmp "$name"
		run_bundle 0 "$bundle"
	done
	husk mode kin enforce
	names_in_tmp mhppjt
	run_bundle 0 "$bundle"
	output_has 1
	names_in_tmp short
	run_bundle 1 "$bundle"
	output_has "Permission denied"
	grep -q '"event":"denied".*"key":"/tmp/x-short"' "$EVENTS"
	nothing_left
}
