# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154
# However a run ends, nothing of it stays, and what was seen is not lost.

load helpers

setup() {
	husk_setup
}

teardown() {
	husk_teardown
}

waiting_bundle() {
	DATA=$T/data
	mkdir -p "$DATA"
	BUNDLE=$(bundle ends "$HUSK_ROOTFS" '.root.readonly = true | .mounts += [{destination: "/data", type: "bind",
		source: "'"$DATA"'", options: ["bind"]}]')
	set_args "$BUNDLE" /bin/sh -c 'echo x >/data/begun; until [ -e /data/end ]; do sleep 0.02 || exit 9; done'
	hook_bundle "$BUNDLE" ends
}

@test "many runs leave no process, mount, file or journal" {
	bundle=$(bundle many "$HUSK_ROOTFS" '.root.readonly = true')
	hook_bundle "$bundle" many
	runs=${HUSK_LONG:+1000}
	runs=${runs:-200}
	for n in $(seq 1 "$runs"); do
		timeout 60 "$ENGINE" run --bundle "$bundle" "$NAME-$n" </dev/null || fail "run $n failed"
	done
	nothing_left
	[ "$(husk show --json many | jq '.revisions[0].runs')" -eq "$runs" ]
	# Nothing grows with the number of runs but the store and the events.
	[ "$(find "$STATE" "$RUNTIME" | wc -l)" -lt 20 ]
}

@test "a mediator that is killed makes the run fail fast, and its journal is recovered" {
	waiting_bundle
	in_background
	wait_until 30 test -e "$DATA/begun"
	kill -KILL "$(only_mediator)"
	wait_until 20 test -e "$T/status"
	[ "$(cat "$T/status")" -ne 0 ]
	"$ENGINE" delete --force "$ID" 2>/dev/null || true
	wait_until 20 no_husk_process
	# The next run picks up what poststop could not.
	touch "$DATA/end"
	run_bundle 0 "$BUNDLE"
	nothing_left
	has_event '.event == "recovered"'
	husk show --json ends | grep -q /data/begun
	[ "$(husk show --json ends | jq '.revisions[0].runs')" -eq 2 ]
}

@test "a container that is killed from outside is merged" {
	waiting_bundle
	in_background
	wait_until 30 test -e "$DATA/begun"
	"$ENGINE" kill "$ID" KILL
	wait_until 20 test -e "$T/status"
	[ "$(cat "$T/status")" -eq 137 ]
	nothing_left
	[ "$(husk show --json ends | jq '.revisions[0].runs')" -eq 1 ]
}

@test "two containers of one id under two engines do not disturb each other" {
	for program in crun runc; do
		command -v "$program" >/dev/null || skip "$program is not installed"
	done
	id=$(new_id)
	for engine in crun runc; do
		mkdir -p "$T/data-$engine"
		bundle=$(bundle "ends-$engine" "$HUSK_ROOTFS" '.root.readonly = true | .mounts += [{destination: "/data",
			type: "bind", source: "'"$T/data-$engine"'", options: ["bind"]}]
			| .linux.cgroupsPath = "/'"$id-$engine"'"')
		set_args "$bundle" /bin/sh -c 'echo x >/data/begun; until [ -e /data/end ]; do sleep 0.02; done; echo served'
		hook_bundle "$bundle" "of-$engine"
		(
			status=0
			timeout 60 "$engine" run --bundle "$bundle" "$id" </dev/null >"$T/out-$engine" 2>&1 || status=$?
			echo "$status" >"$T/status-$engine.new"
			mv "$T/status-$engine.new" "$T/status-$engine"
		) 3>&- 4>&- &
		wait_until 30 test -e "$T/data-$engine/begun"
	done
	[ "$(mediators | wc -w)" -eq 2 ]
	touch "$T/data-crun/end"
	wait_until 20 test -e "$T/status-crun"
	[ "$(mediators | wc -w)" -eq 1 ]
	touch "$T/data-runc/end"
	wait_until 20 test -e "$T/status-runc"
	[ "$(cat "$T/status-crun" "$T/status-runc")" = $'0\n0' ] || fail "$(cat "$T"/out-*)"
	[ "$(cat "$T/out-crun" "$T/out-runc")" = $'served\nserved' ]
	[ "$(husk show --json of-crun | jq '.revisions[0].runs')" -eq 1 ]
	[ "$(husk show --json of-runc | jq '.revisions[0].runs')" -eq 1 ]
	timeout 20 runc delete --force "$id" 2>/dev/null || true
	nothing_left
}

@test "runs of one function at the same time are all merged" {
	bundle=$(bundle parallel "$HUSK_ROOTFS" '.root.readonly = true')
	set_args "$bundle" /bin/sh -c 'cat /etc/passwd >/dev/null'
	hook_bundle "$bundle" parallel
	pids=()
	for n in $(seq 1 12); do
		cp -a "$bundle" "$bundle-$n"
		timeout 60 "$ENGINE" run --bundle "$bundle-$n" "$NAME-p$n" </dev/null 3>&- 4>&- &
		pids+=($!)
	done
	for pid in "${pids[@]}"; do
		wait "$pid"
	done
	nothing_left
	[ "$(husk show --json parallel | jq '.revisions[0].runs')" -eq 12 ]
}

# bomb FILTER...: a bundle that forks without end, each process asking the view again and again
bomb() {
	BUNDLE=$(bundle bomb "$HUSK_ROOTFS" '.root.readonly = true' "$@")
	set_python "$BUNDLE" '
import os, signal, time
signal.alarm(60)
signal.signal(signal.SIGALRM, lambda *_: os._exit(5))
print("begun", flush=True)
refused = False
while True:
    try:
        if os.fork() == 0:
            signal.alarm(0)
    except OSError:
        if not refused and os.getpid() == 1:
            print("refused", flush=True)
            refused = True
            signal.alarm(2)
    try:
        open("/etc/passwd").read()
    except OSError:
        pass'
	hook_bundle "$BUNDLE" bomb
	COMMAND_TIMEOUT_S=120
}

@test "a fork bomb within a limit of the user's ends with the container" {
	# Who is root is not held to it, and the count is the user's on the whole host: one of this test's own.
	local user=$((40000 + $$ % 20000))
	bomb '.process.rlimits = [{type: "RLIMIT_NPROC", soft: 200, hard: 200}]
		| .process.user = {uid: '$user', gid: '$user'} | .process.capabilities = {}'
	run_bundle 5 "$BUNDLE"
	output_has refused
	nothing_left
	# The host serves the next run as before.
	set_args "$BUNDLE" /bin/true
	run_bundle 0 "$BUNDLE"
	nothing_left
}

@test "a fork bomb within a limit of the control group's ends with the container" {
	grep -qw pids /sys/fs/cgroup/cgroup.controllers || skip "the host's cgroup2 has no pids controller"
	bomb '.linux.resources.pids = {limit: 200}'
	run_bundle 5 "$BUNDLE"
	output_has refused
	nothing_left
}

@test "a program that leaves a process behind does not keep the mediator" {
	bundle=$(bundle behind "$HUSK_ROOTFS" '.root.readonly = true')
	set_args "$bundle" /bin/sh -c 'sleep 1000 >/dev/null 2>&1 & exit 0'
	hook_bundle "$bundle" behind
	run_bundle 0 "$bundle"
	nothing_left
}

@test "without a pid namespace, processes that outlive the first one keep nobody waiting" {
	local id before
	BUNDLE=$(bundle outlived "$HUSK_ROOTFS" '.root.readonly = true
		| .linux.namespaces |= map(select(.type != "pid"))')
	set_args "$BUNDLE" /bin/sh -c 'sleep 6 </dev/null >/dev/null 2>&1 & exit 0'
	hook_bundle "$BUNDLE" outlived
	id=$(new_id)
	timeout 30 "$ENGINE" create --bundle "$BUNDLE" "$id" </dev/null >"$T/log" 2>&1 3>&-
	expect 0 "$ENGINE" start "$id"
	before=$SECONDS
	capture limited "$ENGINE" delete --force "$id"
	[ $((SECONDS - before)) -lt 5 ] || fail "delete took $((SECONDS - before)) s"
	nothing_left
	husk list --json | grep -q outlived
}

@test "a full disk that nothing is written to in place loses observations, and breaks no function" {
	modprobe btrfs 2>/dev/null || true
	grep -qw btrfs /proc/filesystems || skip "the host's kernel has no btrfs"
	[ -c /dev/loop-control ] || skip "the host has no loop devices"
	truncate -s 120M "$T/image"
	mkfs.btrfs -q "$T/image" >/dev/null
	mkdir "$STATE"
	mount -o loop "$T/image" "$STATE"
	waiting_bundle
	# names of letters, each a behaviour
	set_args "$BUNDLE" /bin/sh -c 'echo x >/data/begun; until [ -e /data/end ]; do sleep 0.02; done; cd /data
		for a in a b c d e f g h i j k l; do for b in a b c d e f g h i j k l; do for c in q r s t u v w x; do
			: >"$a-$b-$c" || exit 9; done; done; done; echo served'
	in_background
	wait_until 30 test -e "$DATA/begun"
	sync -f "$STATE"
	cat /dev/zero >"$STATE/fill" 2>/dev/null || true
	sync -f "$STATE"
	touch "$DATA/end"
	wait_until 60 test -e "$T/status"
	[ "$(cat "$T/status")" -eq 0 ]
	grep -qx served "$T/out" # runc tells of poststop, which found no room either
	rm "$STATE/fill"
	sync -f "$STATE"
	sleep 1.5 # a younger journal may have a writer
	run_bundle 0 "$BUNDLE"
	[ "$(husk show --json ends | jq '.revisions[0].runs')" -eq 2 ]
	umount "$STATE"
}
