# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154
# Users, namespaces, terminals, streams, signals, and the ways in which engines start and end containers.

load helpers

setup() {
	husk_setup
}

teardown() {
	husk_teardown
}

@test "a user that is not root works in a private directory" {
	ROOTFS=$(own_rootfs)
	mkdir -p "$ROOTFS/home/guest/deep"
	chown -R 1000:1000 "$ROOTFS/home/guest"
	chmod 700 "$ROOTFS/home/guest" "$ROOTFS/home/guest/deep"
	bundle=$(bundle user "$ROOTFS" '.process.user = {uid: 1000, gid: 1000, additionalGids: [27, 100]}
		| .process.cwd = "/home/guest/deep" | .process.capabilities = {}')
	set_args "$bundle" /bin/sh -c 'exec 2>&1; id; pwd; echo x >made; ls -ln; cat /etc/shadow; ls /root; touch /etc/new'
	parity "$bundle"
	output_has "uid=1000(guest) gid=1000(guest) groups=1000(guest),27(sudo),100(users)"
	output_has "Permission denied"
	nothing_left
}

@test "a working directory that the user may not reach by itself is entered as by the runtime" {
	ROOTFS=$(own_rootfs)
	mkdir -p "$ROOTFS/closed/inner"
	chown 1000:1000 "$ROOTFS/closed/inner"
	chmod 700 "$ROOTFS/closed"
	bundle=$(bundle closed "$ROOTFS" '.process.user = {uid: 1000, gid: 1000}
		| .process.cwd = "/closed/inner" | .process.capabilities = {}')
	set_args "$bundle" /bin/sh -c 'exec 2>&1; echo x >made && cat made; ls /closed; cd /closed; cat /closed/inner/made'
	parity "$bundle"
	nothing_left
}

@test "a working directory that does not exist is what the runtime makes of it" {
	bundle=$(bundle cwd "$(own_rootfs)" '.process.cwd = "/not/there"')
	set_args "$bundle" /bin/sh -c 'pwd; ls -ld .'
	parity "$bundle"
	nothing_left
}

@test "a user namespace with mappings" {
	ROOTFS=$(own_rootfs)
	chown -R 100000:100000 "$ROOTFS/app" "$ROOTFS/data"
	chown 101000:101000 "$ROOTFS/home/guest"
	bundle=$(bundle userns "$ROOTFS" '.linux.namespaces += [{type: "user"}]
		| .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 65536}]
		| .linux.gidMappings = [{containerID: 0, hostID: 100000, size: 65536}]
		| .mounts = [.mounts[] | select(.destination != "/sys" and .destination != "/sys/fs/cgroup")]')
	chmod 755 "$T" "$T/.." "$T/../.." "$T/../../.." "$ROOTFS"
	set_args "$bundle" /bin/sh -c 'exec 2>&1; id -u; cat /proc/self/uid_map; echo x >/data/made && ls -ln /data /home; touch /etc/no'
	parity "$bundle"
	output_has "100000"
	[ "$(stat -c %u "$ROOTFS/data/made")" -eq 100000 ]
	nothing_left
}

# crun 1.8 comes back from another mount namespace with "/" as its working directory, which it tells hooks is the bundle.
@test "a user namespace and devices" {
	ROOTFS=$(own_rootfs)
	mkdir -p "$T/volume/below" "$T/other"
	bundle=$(bundle devices "$ROOTFS" '.linux.namespaces += [{type: "user"}]
		| .linux.uidMappings = [{containerID: 0, hostID: 0, size: 65536}]
		| .linux.gidMappings = [{containerID: 0, hostID: 0, size: 65536}]
		| .linux.devices = [{path: "/dev/fuse", type: "c", major: 10, minor: 229, uid: 10, gid: 11}]
		| .mounts = [.mounts[] | select(.destination != "/sys" and .destination != "/sys/fs/cgroup")]
		| .mounts += [{destination: "/data", type: "tmpfs", source: "tmpfs", options: []},
			{destination: "/data/volume", type: "bind", source: "'"$T/volume"'", options: ["rbind", "ro"]},
			{destination: "/data/volume/below", type: "bind", source: "'"$T/other"'", options: ["rbind"]}]')
	set_args "$bundle" /bin/sh -c 'exec 2>&1; stat -c "%F %u:%g" /dev/fuse; cut -d" " -f5,6 /proc/self/mountinfo
		echo x >/data/volume/below/x && ls /data/volume/below; echo x >/data/volume/x'
	parity "$bundle"
	output_has "character special file"
	output_has "Read-only file system"
	has_event '.event == "run"'
	[ "$(husk list --json | jq length)" -eq 1 ]
	nothing_left
}

@test "no new privileges on and off" {
	ROOTFS=$(own_rootfs)
	cp "$ROOTFS/bin/busybox" "$ROOTFS/bin/setuid-busybox"
	for value in true false; do
		bundle=$(bundle nnp "$ROOTFS" '.process.noNewPrivileges = '$value' | .process.user = {uid: 1000, gid: 1000}')
		cp "$ROOTFS/usr/bin/python3.11" "$ROOTFS/bin/setuid-python"
		chmod 4755 "$ROOTFS/bin/setuid-python"
		set_args "$bundle" /bin/sh -c 'grep NoNewPrivs /proc/self/status
			PYTHONHOME=/usr /bin/setuid-python -B -c "import os; print(os.getresuid())"'
		parity "$bundle"
	done
	output_has "(1000, 0, 0)"
}

@test "exit status, signals and death by signal come through" {
	bundle=$(bundle status "$HUSK_ROOTFS" '.root.readonly = true')
	for code in 0 1 7 125 126 127 255; do
		set_args "$bundle" /bin/sh -c "exit $code"
		parity "$bundle"
		[ "$status" -eq "$code" ]
	done
	for signal in TERM KILL SEGV; do
		set_python "$bundle" "import os, signal; signal.signal(signal.SIGTERM, signal.SIG_DFL) if '$signal' == 'TERM' else 0
if os.fork() == 0: os.kill(os.getpid(), signal.SIG$signal)
print(os.wait()[1])"
		parity "$bundle"
	done
	nothing_left
}

@test "standard streams pass through, binary and large" {
	bundle=$(bundle streams "$HUSK_ROOTFS" '.root.readonly = true')
	set_args "$bundle" /bin/sh -c 'echo to-error >&2; cat'
	hook_bundle "$bundle" streams
	head -c 3000000 /dev/urandom >"$T/in"
	timeout 60 "$ENGINE" run --bundle "$bundle" "$(new_id)" <"$T/in" >"$T/out" 2>"$T/err"
	cmp "$T/in" "$T/out"
	[ "$(cat "$T/err")" = to-error ]
}

@test "a terminal is the terminal" {
	bundle=$(bundle terminal "$(own_rootfs)" '.process.terminal = true')
	# runc passes the terminal's size on, and makes it raw, only after the program has started; crun never does.
	set_args "$bundle" /bin/sh -c 'for i in 1 2 3 4 5 6 7 8; do stty size | grep -qv "^0 0" && break; sleep 0.1; done
tty; readlink /proc/self/fd/0 /proc/self/fd/1 /proc/self/fd/2; test -t 0 && test -t 1 && test -t 2 && echo all; ls -l /dev/console | cut -c1; stty size; echo done >/dev/tty'
	cp -a "$bundle" "$bundle-bare"
	hook_bundle "$bundle" terminal
	# script(1) gives the runtime a terminal; the end of its own input would be typed into it.
	mkfifo "$T/keys"
	exec 4<>"$T/keys"
	timeout 60 script -qec "stty rows 33 cols 77; $ENGINE run --bundle $bundle-bare $(new_id)" /dev/null <&4 >"$T/bare"
	timeout 60 script -qec "stty rows 33 cols 77; $ENGINE run --bundle $bundle $(new_id)" /dev/null <&4 >"$T/husk"
	exec 4>&-
	diff "$T/bare" "$T/husk"
	grep -q all "$T/husk"
	nothing_left
}

# started_apart: a bundle whose program tells by a file that it runs, and waits for one
waiting_bundle() {
	DATA=$T/data
	mkdir -p "$DATA"
	BUNDLE=$(bundle waiting "$(own_rootfs)" '.mounts += [{destination: "/data", type: "bind",
		source: "'"$DATA"'", options: ["bind"]}]' "$@")
	set_args "$BUNDLE" /bin/sh -c 'echo begun >/data/begun; until [ -e /data/end ]; do sleep 0.02; done; echo ended >/data/ended; exit 3'
	hook_bundle "$BUNDLE" waiting
}

# stopped ID: does the runtime say so?
stopped() {
	[ "$("$ENGINE" state "$1" 2>/dev/null | jq -r .status)" = stopped ]
}

# create ID: the runtime's create, whose process keeps the streams
create() {
	timeout 60 "$ENGINE" create --bundle "$BUNDLE" "$1" </dev/null >"$T/log" 2>&1
}

@test "create and start apart, with the state in between" {
	waiting_bundle
	id=$(new_id)
	create "$id" || fail "$(cat "$T/log")"
	[ "$("$ENGINE" state "$id" | jq -r .status)" = created ]
	[ ! -e "$DATA/begun" ]
	expect 0 "$ENGINE" start "$id"
	wait_until 20 test -e "$DATA/begun"
	touch "$DATA/end"
	wait_until 20 stopped "$id"
	[ -e "$DATA/ended" ]
	expect 0 "$ENGINE" delete "$id"
	husk show waiting >/dev/null
	nothing_left
}

@test "a container that is killed between create and start leaves nothing" {
	waiting_bundle
	for signal in KILL TERM; do
		id=$(new_id)
		create "$id" || fail "$(cat "$T/log")"
		"$ENGINE" kill "$id" "$signal" || true
		"$ENGINE" delete --force "$id" || wait_until 20 "$ENGINE" delete --force "$id"
		nothing_left
	done
	[ ! -e "$DATA/begun" ]
}

@test "a container that is deleted by force before and after its start leaves nothing" {
	waiting_bundle
	id=$(new_id)
	create "$id" || fail "$(cat "$T/log")"
	expect 0 "$ENGINE" delete --force "$id"
	nothing_left
	id=$(new_id)
	create "$id" || fail "$(cat "$T/log")"
	expect 0 "$ENGINE" start "$id"
	wait_until 20 test -e "$DATA/begun"
	expect 0 "$ENGINE" delete --force "$id"
	nothing_left
}

@test "a process that the engine executes into a running container works and is not learned from" {
	waiting_bundle
	id=$(new_id)
	create "$id"
	expect 0 "$ENGINE" start "$id"
	wait_until 20 test -e "$DATA/begun"
	expect 0 "$ENGINE" exec "$id" /bin/cat /etc/debian_version
	output_has "12"
	expect 0 "$ENGINE" exec "$id" /bin/sh -c 'echo more >/data/more; cat /proc/self/mountinfo'
	output_has "fuse"
	[ "$(cat "$DATA/more")" = more ]
	touch "$DATA/end"
	wait_until 20 stopped "$id"
	expect 0 "$ENGINE" delete "$id"
	has_event '.event == "entered" and (.detail | startswith("a process that the engine put into"))'
	! husk show --json waiting | grep /data/more || fail "it was learned"
	nothing_left
}

@test "a process that entered before the start is an event, and cannot execute the entry point" {
	waiting_bundle
	id=$(new_id)
	create "$id"
	expect 0 timeout 20 "$ENGINE" exec "$id" /bin/busybox true
	capture timeout 20 "$ENGINE" exec "$id" /bin/sh -c 'echo >/data/entered'
	[ "$status" -ne 0 ] || fail "it executed: $output"
	[ ! -e "$DATA/entered" ]
	[ "$(event_count '.event == "entered" and (.detail | contains("before the container was started"))')" -eq 1 ]
	expect 0 "$ENGINE" start "$id"
	wait_until 20 test -e "$DATA/begun"
	touch "$DATA/end"
	wait_until 20 stopped "$id"
	expect 0 "$ENGINE" delete "$id"
	nothing_left
}

# The one that entered passes into the view together with the first process, and asks it before that does.
@test "a process that entered before the start and works all the time keeps nothing from the function" {
	waiting_bundle
	for try in 1 2 3; do
		rm -f "$DATA"/*
		id=$(new_id)
		create "$id"
		# Its streams stay open.
		timeout 60 "$ENGINE" exec --detach "$id" /bin/busybox sh -c \
			'echo >/data/entered; until [ -e /data/end ]; do read line </etc/hostname; read line </etc/passwd; done' \
			</dev/null >"$T/log" 2>&1 || fail "$(cat "$T/log")"
		wait_until 20 test -e "$DATA/entered"
		expect 0 "$ENGINE" start "$id"
		wait_until 20 test -e "$DATA/begun"
		touch "$DATA/end"
		wait_until 20 stopped "$id"
		[ "$(cat "$DATA/ended")" = ended ]
		expect 0 "$ENGINE" delete "$id"
	done
	no_event '.event == "degraded"'
	nothing_left
}

@test "husk's processes are in none of the container's namespaces and cgroups" {
	waiting_bundle
	id=$(new_id)
	create "$id"
	expect 0 "$ENGINE" start "$id"
	wait_until 20 test -e "$DATA/begun"
	pid=$("$ENGINE" state "$id" | jq .pid)
	mediator=$(only_mediator)
	for kind in mnt pid net ipc uts; do
		[ "$(readlink "/proc/$pid/ns/$kind")" != "$(readlink "/proc/$mediator/ns/$kind")" ]
	done
	[ "$(cat "/proc/$pid/cgroup")" != "$(cat "/proc/$mediator/cgroup")" ]
	[ "$(ps -o sid= -p "$mediator" | tr -d ' ')" != "$(ps -o sid= -p $$ | tr -d ' ')" ]
	# None of the engine's streams stay open in it.
	[ "$(readlink "/proc/$mediator/fd/1")" = /dev/null ]
	[ "$(readlink "/proc/$mediator/fd/2")" = /dev/null ]
	[ "$(readlink "/proc/$mediator/cwd")" = /proc ]
	touch "$DATA/end"
	wait_until 20 stopped "$id"
	expect 0 "$ENGINE" delete "$id"
	nothing_left
}

@test "beside a container that does nothing the mediator sleeps, and hears of a policy" {
	local id mediator before
	BUNDLE=$(bundle asleep "$HUSK_ROOTFS" '.root.readonly = true')
	hook_bundle "$BUNDLE" asleep
	set_args "$BUNDLE" /bin/true
	run_bundle 0 "$BUNDLE" # what it leaves is the first policy of all
	set_args "$BUNDLE" /bin/sleep 60
	id=$(new_id)
	create "$id"
	expect 0 "$ENGINE" start "$id"
	mediator=$(only_mediator)
	sleep 1
	before=$(grep ctxt_switches "/proc/$mediator/status")
	sleep 2.5
	[ "$(grep ctxt_switches "/proc/$mediator/status")" = "$before" ]
	husk mode asleep shadow
	sleep 0.5
	[ "$(grep ctxt_switches "/proc/$mediator/status")" != "$before" ]
	expect 0 "$ENGINE" delete --force "$id"
	nothing_left
}

@test "a mediator uses under 3 MiB for Python" {
	waiting_bundle
	set_python "$BUNDLE" 'import json, subprocess, sqlite3, http.client, os, time
open("/data/begun", "w").close()
while not os.path.exists("/data/end"): time.sleep(0.02)'
	id=$(new_id)
	create "$id"
	expect 0 "$ENGINE" start "$id"
	wait_until 30 test -e "$DATA/begun"
	mediator=$(only_mediator)
	pss=$(awk '/^Pss:/ { print $2 }' "/proc/$mediator/smaps_rollup")
	echo "proportional memory: $pss KiB"
	touch "$DATA/end"
	wait_until 20 stopped "$id"
	expect 0 "$ENGINE" delete "$id"
	[ -n "${HUSK_E2E_SANITIZED-}" ] || [ "$pss" -lt 3072 ]
}

@test "memory and process limits of the container hold" {
	bundle=$(bundle limits "$HUSK_ROOTFS" '.root.readonly = true | .linux.resources.pids = {limit: 20}')
	set_python "$bundle" '
import os, signal
made = 0
try:
    while made < 1000:
        if os.fork() == 0:
            signal.pause()
        made += 1
except BlockingIOError:
    pass
print("made", made)
os.kill(-1, signal.SIGKILL)'
	grep -qw pids /sys/fs/cgroup/cgroup.controllers || grep -q '^pids' /proc/cgroups ||
		skip "the host has no pids controller"
	hook_bundle "$bundle" limits
	capture start_run "$bundle"
	[ "$status" -ne 124 ]
	nothing_left
}
