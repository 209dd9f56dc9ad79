# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154
# However the entry point is named, the program sees of itself what it would see without husk.

load helpers

setup() {
	husk_setup
}

teardown() {
	husk_teardown
}

# What a program can tell of how it was started: a shell script, so that it also works as "#!" script
# and through busybox. AT_EXECFN is entry 31 of the auxiliary vector. Of /proc/self/status all that a start
# decides is here but for the number of filters of system calls, which husk adds one to.
SELF='
import ctypes, os, sys
print("exe", os.readlink("/proc/self/exe"))
print("cmdline", open("/proc/self/cmdline", "rb").read())
print("comm", open("/proc/self/comm").read().strip())
libc = ctypes.CDLL(None)
libc.getauxval.restype = ctypes.c_char_p
print("execfn", libc.getauxval(31))
libc.getauxval.restype = ctypes.c_ulong
print("uid", os.getresuid(), "gid", os.getresgid(), "groups", sorted(os.getgroups()), "secure", libc.getauxval(23))
print("cwd", os.getcwd(), os.stat(".").st_mode, os.stat(".").st_uid)
print("fds", sorted(os.listdir("/proc/self/fd"), key=int)[:-1])
print("umask", os.umask(0), "nice", os.nice(0))
for line in open("/proc/self/status"):
    if line.split(":")[0] in ("SigBlk", "SigIgn", "SigCgt", "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs",
                              "TracerPid", "PPid", "Pid"):
        print(line.strip())
import resource
print("limits", [resource.getrlimit(which) for which in range(15)])
print("session", os.getsid(0), os.getpgrp(), "oom", open("/proc/self/oom_score_adj").read().strip())
print("env", sorted(os.environ.items()))
for pid in sorted((name for name in os.listdir("/proc") if name.isdigit()), key=int):
    print("process", pid, open(f"/proc/{pid}/cmdline", "rb").read()[:60])
'

# entry_of WORD...: parity of a bundle with these process.args; the words @SELF@ becomes the program text
entry_of() {
	local words=() word
	ROOTFS=${ROOTFS:-$(own_rootfs)}
	for word in "$@"; do
		words+=("${word/@SELF@/$SELF}")
	done
	BUNDLE=$(bundle entry "$ROOTFS" "${FILTER:-.}")
	set_args "$BUNDLE" "${words[@]}"
	parity "$BUNDLE"
}

@test "an absolute path" {
	entry_of /usr/bin/python3.11 -B -c @SELF@
	[ "$status" -eq 0 ]
	output_has "exe /usr/bin/python3.11"
	output_has "execfn b'/usr/bin/python3.11'"
}

@test "a symbolic link" {
	entry_of /usr/bin/python3 -B -c @SELF@
	[ "$status" -eq 0 ]
	output_has "exe /usr/bin/python3.11"
	output_has "cmdline b'/usr/bin/python3"
}

@test "a path through the merged /usr" {
	entry_of /bin/python3 -B -c @SELF@
	[ "$status" -eq 0 ]
	output_has "execfn b'/bin/python3'"
}

@test "a chain of absolute and relative links as update-alternatives makes them" {
	ROOTFS=$(own_rootfs)
	mkdir -p "$ROOTFS/etc/alternatives"
	ln -s /usr/bin/python3.11 "$ROOTFS/etc/alternatives/function"
	ln -s ../../etc/alternatives/function "$ROOTFS/usr/bin/function"
	entry_of function -B -c @SELF@
	[ "$status" -eq 0 ]
	output_has "exe /usr/bin/python3.11"
}

@test "a name that is found along PATH" {
	entry_of python3 -B -c @SELF@
	[ "$status" -eq 0 ]
	output_has "exe /usr/bin/python3.11"
}

@test "a name that is found in the second of two directories of PATH" {
	ROOTFS=$(own_rootfs)
	mkdir "$ROOTFS/first" "$ROOTFS/second"
	touch "$ROOTFS/first/function"
	cp "$ROOTFS/usr/bin/python3.11" "$ROOTFS/second/function"
	FILTER='.process.env = ["PATH=/first:/second:/usr/bin", "PYTHONHOME=/usr"]' entry_of function -B -c @SELF@
	[ "$status" -eq 0 ]
	output_has "exe /second/function"
}

@test "a path relative to the working directory" {
	ROOTFS=$(own_rootfs)
	mkdir "$ROOTFS/app/bin"
	cp "$ROOTFS/usr/bin/python3.11" "$ROOTFS/app/bin/function"
	FILTER='.process.cwd = "/app" | .process.env += ["PYTHONHOME=/usr"]' entry_of ./bin/function -B -c @SELF@
	[ "$status" -eq 0 ]
	output_has "exe /app/bin/function"
}

@test "an applet of busybox" {
	ROOTFS=$(own_rootfs)
	ln -sf busybox "$ROOTFS/bin/uname"
	entry_of /bin/uname -n
	[ "$status" -eq 0 ]
	[ "$output" = function ]
	ln -s ../bin/busybox "$ROOTFS/app/ls"
	# one stream: runc copies output and errors in an order of its own
	entry_of /app/ls /etc/hostname /etc/passwd
}

@test "ps shows the same processes" {
	entry_of busybox ps -o pid,ppid,comm,args
	[ "$status" -eq 0 ]
	[ "$(wc -l <<<"$output")" -eq 2 ]
}

@test "a script with #!" {
	ROOTFS=$(own_rootfs)
	printf '#!/usr/bin/python3 -B\n%s\n' "$SELF" >"$ROOTFS/app/function"
	chmod 755 "$ROOTFS/app/function"
	entry_of /app/function one 'two words'
	[ "$status" -eq 0 ]
	output_has "execfn b'/app/function'"
	output_has "comm function"
}

@test "a script whose interpreter is found by env, on PATH" {
	ROOTFS=$(own_rootfs)
	printf '#!/usr/bin/env python3\n%s\n' "$SELF" >"$ROOTFS/usr/local/bin/function"
	chmod 755 "$ROOTFS/usr/local/bin/function"
	entry_of function
	[ "$status" -eq 0 ]
}

@test "a file directly below the root" {
	ROOTFS=$(own_rootfs)
	cp "$ROOTFS/usr/bin/python3.11" "$ROOTFS/function"
	FILTER='.process.env += ["PYTHONHOME=/usr"]' entry_of /function -B -c @SELF@
	[ "$status" -eq 0 ]
	output_has "exe /function"
}

@test "a file on a volume" {
	mkdir "$T/volume"
	cp "$HUSK_ROOTFS/usr/bin/python3.11" "$T/volume/function"
	FILTER='.process.env += ["PYTHONHOME=/usr"] | .mounts += [{destination: "/v", type: "bind",
		source: "'"$T"'/volume", options: ["bind", "ro"]}]' entry_of /v/function -B -c @SELF@
	[ "$status" -eq 0 ]
	output_has "exe /v/function"
}

@test "a file that is bound alone" {
	printf '#!/bin/sh\necho "bound $0 $*"\n' >"$T/function"
	chmod 755 "$T/function"
	ROOTFS=$(own_rootfs)
	FILTER='.mounts += [{destination: "/app/function", type: "bind", source: "'"$T"'/function",
		options: ["bind", "ro"]}]' entry_of /app/function x
	[ "$status" -eq 0 ]
	[ "$output" = "bound /app/function x" ]
}

@test "a program on a noexec mount fails as without husk" {
	mkdir "$T/volume"
	cp "$HUSK_ROOTFS/bin/busybox" "$T/volume/function"
	FILTER='.mounts += [{destination: "/v", type: "bind", source: "'"$T"'/volume",
		options: ["bind", "noexec"]}]' entry_of /v/function true
	[ "$status" -ne 0 ]
	nothing_left
}

# crun sets the flags of a bind that is read-only after the hooks.
@test "a program on a read-only noexec mount fails, and is passed over on PATH, as without husk" {
	mkdir "$T/volume"
	cp "$HUSK_ROOTFS/bin/busybox" "$T/volume/busybox"
	ROOTFS=$(own_rootfs)
	cp "$HUSK_ROOTFS/bin/busybox" "$ROOTFS/app/busybox"
	local mounts='.mounts += [{destination: "/v", type: "bind", source: "'"$T"'/volume",
		options: ["rbind", "ro", "nosuid", "noexec"]}]'
	FILTER=$mounts entry_of /v/busybox true
	[ "$status" -ne 0 ]
	FILTER=$mounts' | .process.env = ["PATH=/v:/app"]' entry_of busybox true
	[ "$ENGINE" != crun ] || [ "$status" -eq 0 ]
	nothing_left
}

@test "a program that is missing leaves the runtime's own error" {
	entry_of /app/missing
	[ "$status" -ne 0 ]
	entry_of missing-from-path
	[ "$status" -ne 0 ]
	entry_of ./missing
	[ "$status" -ne 0 ]
	nothing_left
}

@test "a program that is a directory, no program, or not executable leaves the runtime's own error" {
	ROOTFS=$(own_rootfs)
	echo text >"$ROOTFS/app/plain"
	entry_of /app
	[ "$status" -ne 0 ]
	entry_of /app/plain
	[ "$status" -ne 0 ]
	chmod 755 "$ROOTFS/app/plain"
	head -c 100 /dev/urandom >"$ROOTFS/app/plain"
	entry_of /app/plain
	[ "$status" -ne 0 ]
	output_has 'ormat error'
	nothing_left
}

@test "a script whose interpreter is missing fails" {
	ROOTFS=$(own_rootfs)
	printf '#!/no/such/interpreter\n' >"$ROOTFS/app/function"
	chmod 755 "$ROOTFS/app/function"
	entry_of /app/function
	[ "$status" -ne 0 ]
	output_has 'o such file or directory'
	nothing_left
}

@test "a link that leads out of the root is resolved within it" {
	ROOTFS=$(own_rootfs)
	ln -s ../../../../../../../../usr/bin/python3.11 "$ROOTFS/app/function"
	entry_of /app/function -B -c @SELF@
	[ "$status" -eq 0 ]
	output_has "exe /usr/bin/python3.11"
}

@test "a program that only its owner may execute" {
	ROOTFS=$(own_rootfs)
	cp "$ROOTFS/bin/busybox" "$ROOTFS/app/busybox"
	chown 1000:1000 "$ROOTFS/app/busybox"
	chmod 500 "$ROOTFS/app/busybox"
	FILTER='.process.user = {uid: 1000, gid: 1000} | .process.capabilities = {}' entry_of /app/busybox id
	[ "$status" -eq 0 ]
	FILTER='.process.user = {uid: 1001, gid: 1001} | .process.capabilities = {}' entry_of /app/busybox id
	[ "$status" -ne 0 ]
}

@test "many and long arguments and variables" {
	ROOTFS=$(own_rootfs)
	BUNDLE=$(bundle entry "$ROOTFS")
	set_args "$BUNDLE" /usr/bin/python3 -B -c 'import sys, os, hashlib
print(len(sys.argv), hashlib.sha256(repr((sys.argv, sorted(os.environ.items()))).encode()).hexdigest())'
	change_bundle "$BUNDLE" '.process.args += [range(2000) | "argument \(.)"] + [("x" * 100000)]
		| .process.env += [range(500) | "V\(.)=\("y" * (. + 1))"]'
	parity "$BUNDLE"
	[ "$status" -eq 0 ]
	output_has "2002 "
}
