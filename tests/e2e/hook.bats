# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154
# husk-hook and a host that is not as it should be: each case has one defined outcome, told in one line.

load helpers

setup() {
	husk_setup
	ROOTFS=$HUSK_ROOTFS
	BUNDLE=$(bundle hook "$ROOTFS" '.root.readonly = true')
	set_args "$BUNDLE" /bin/echo served
}

teardown() {
	husk_teardown
}

hook() {
	timeout --kill-after=5 20 "$HUSK_HOOK" --config "$CONF" "$@"
}

# state [JQ FILTER]: what a runtime would send
state() {
	jq -nc --arg id "$NAME" --arg bundle "$BUNDLE" --argjson pid $$ \
		'{ociVersion: "1.0", id: $id, status: "creating", pid: $pid, bundle: $bundle} | '"${1:-.}"
}

# refused: one line of husk-hook's, a failure by exit and not by signal, nothing left
refused() {
	if [ "$status" -eq 0 ] || [ "$status" -ge 124 ]; then
		fail "exit status $status: $output"
	elif [ "$(wc -l <<<"$output")" -ne 1 ] || [[ $output != husk-hook:* ]]; then
		fail "not one line of husk-hook's: $output"
	else
		nothing_left
	fi
}

@test "a state that is empty, truncated, no object or of wrong types is refused" {
	for text in '' '{' '{"id": "x"' '[]' 'null' '"text"' '{}' '{"id": 1, "bundle": 2}' '{"id": "", "bundle": "/"}' \
		'{"id": "x", "bundle": "relative", "pid": 1}' '{"id": "../x", "bundle": "/tmp", "pid": 1}' \
		'{"id": "x", "bundle": "/does/not/exist", "pid": 1}' $'\x00\x01\xff' 'not json'; do
		printf '%s' "$text" >"$T/stdin"
		capture hook createRuntime <"$T/stdin"
		refused || fail "input: $text"
	done
}

@test "a state that is huge or deeply nested is refused in bounded time and memory" {
	head -c 40000000 /dev/zero | tr '\0' ' ' >"$T/stdin"
	capture hook createRuntime <"$T/stdin"
	refused
	{ printf '{"id":"'; head -c 30000000 /dev/zero | tr '\0' 'a'; printf '"}'; } >"$T/stdin"
	capture hook createRuntime <"$T/stdin"
	refused
	printf '[%.0s' $(seq 1 50000) >"$T/stdin"
	capture hook createRuntime <"$T/stdin"
	refused
}

@test "a config.json that is missing, truncated, huge, deep or of wrong types is refused" {
	good=$(state)
	for text in '' '{' '[]' '{"process": 1}' '{"process": {"args": "x"}, "root": {"path": 7}}' '{"root": []}'; do
		printf '%s' "$text" >"$BUNDLE/config.json"
		printf '%s' "$good" >"$T/stdin"
		capture hook createRuntime <"$T/stdin"
		refused || fail "config.json: $text"
	done
	head -c 20000000 /dev/zero | tr '\0' '[' >"$BUNDLE/config.json"
	capture hook createRuntime <"$T/stdin"
	refused
	rm "$BUNDLE/config.json"
	capture hook createRuntime <"$T/stdin"
	refused
	mkdir "$BUNDLE/config.json"
	capture hook createRuntime <"$T/stdin"
	refused
}

@test "a configuration under another name, which crun takes, is the one that is read" {
	[ "$ENGINE" = crun ] || return 0
	local name
	hook_bundle "$BUNDLE" named
	mkdir "$BUNDLE/other"
	mv "$BUNDLE/config.json" "$BUNDLE/other/named.json"
	cd "$BUNDLE"
	expect 0 "$ENGINE" run --config=other/named.json "$(new_id)"
	[ "$output" = served ]
	cd "$T"
	expect 0 "$ENGINE" run --bundle "$BUNDLE" -f "$BUNDLE/other/named.json" "$(new_id)"
	[ "$output" = served ]
	[ "$(event_count '.event == "run" and .function == "named"')" -eq 2 ]
	nothing_left
}

@test "hostile strings in config.json make no file outside of the state directory" {
	mkdir -p "$T/outside"
	before=$(find "$T" /run -maxdepth 2 -newer "$CONF" | sort | grep -v "^$STATE\|^$RUNTIME" || true)
	for name in '../../escape' '/absolute' '..' '.' 'a/b' "$(printf 'x%.0s' {1..255})"; do
		hook_bundle "$BUNDLE" orders
		change_bundle "$BUNDLE" '.annotations["husk.function"] = $n | .annotations["husk.revision"] = $n' --arg n "$name"
		capture limited start_run "$BUNDLE"
		[ "$status" -lt 124 ] || fail "'$name': exit status $status: $output"
	done
	[ ! -e "$T/escape.policy" ]
	[ ! -e "$STATE/../escape" ]
	[ -z "$(find "$STATE" -name '..*')" ]
	nothing_left
}

@test "a name of a function that is none is refused and named" {
	for name in '' "$(printf 'x%.0s' {1..256})" $'new\nline' $'bell\a'; do
		hook_bundle "$BUNDLE" orders
		change_bundle "$BUNDLE" '.annotations["husk.function"] = $n' --arg n "$name"
		capture limited start_run "$BUNDLE"
		[ "$status" -ne 0 ] || fail "'$name' was taken"
		printf '%s' "$(state)" >"$T/stdin"
		capture hook createRuntime <"$T/stdin"
		refused
		output_has husk.function
	done
}

@test "a container of which nothing says which function it is is not wrapped, and an event says so" {
	BUNDLE=$(bundle nobody "$HUSK_ROOTFS")
	hook_bundle "$BUNDLE"
	set_args "$BUNDLE" /bin/sh -c 'grep -c husk /proc/self/mounts || true'
	run_bundle 0 "$BUNDLE"
	[ "$output" = 0 ] || fail "$output"
	has_event '.event == "degraded" and (.detail | contains("not wrapped"))'
	no_event '.event == "run"'
	[ "$(husk list --json | jq 'length')" -eq 0 ] || fail "$(husk list --json)"
	nothing_left
}

@test "an unknown stage or option is a mistake of usage" {
	for words in '' 'nonsense' '--nonsense' 'createRuntime more' 'prestart'; do
		# shellcheck disable=SC2086 # several words
		capture hook $words </dev/null
		[ "$status" -eq 64 ] || fail "'$words': exit status $status: $output"
	done
}

@test "a root that is not there lets the runtime tell its own error" {
	change_bundle "$BUNDLE" '.root.path = "/does/not/exist"'
	parity "$BUNDLE"
	[ "$status" -ne 0 ]
	nothing_left
}

# without_fuse COMMAND...: where /dev/fuse is hidden
without_fuse() {
	unshare --mount --propagation private sh -c 'mount -t tmpfs none /dev/shm && mkdir /dev/shm/dev &&
		mount --rbind /dev /dev/shm/dev && mount -t tmpfs none /dev && cd /dev/shm/dev 2>/dev/null
		for n in null zero full random urandom tty; do touch /dev/$n && mount --bind $n /dev/$n; done
		mkdir /dev/pts /dev/shm; exec "$@"' _ "$@"
}

@test "without /dev/fuse a function that learns starts with an event, and one that is enforced does not" {
	hook_bundle "$BUNDLE" orders
	run_bundle 0 "$BUNDLE"
	capture without_fuse timeout 60 "$ENGINE" run --bundle "$BUNDLE" "$(new_id)"
	[ "$status" -eq 0 ] || fail "$output"
	output_has served
	has_event '.event == "degraded"'
	husk mode orders enforce
	capture without_fuse timeout 60 "$ENGINE" run --bundle "$BUNDLE" "$(new_id)"
	[ "$status" -ne 0 ]
	output_lacks served
	has_event '.event == "refused"'
	write_conf 'degrade = yes'
	capture without_fuse timeout 60 "$ENGINE" run --bundle "$BUNDLE" "$(new_id)"
	[ "$status" -eq 0 ] || fail "$output"
	output_has served
	nothing_left
}

@test "a state directory that cannot be written lets a function that learns start, with husk or without" {
	hook_bundle "$BUNDLE" orders
	run_bundle 0 "$BUNDLE"
	mount -t tmpfs -o ro none "$STATE"
	run_bundle 0 "$BUNDLE"
	output_has served
	umount "$STATE"
	run_bundle 0 "$BUNDLE"
	nothing_left
}

@test "a state directory that is full keeps what fits and the function starts" {
	hook_bundle "$BUNDLE" orders
	run_bundle 0 "$BUNDLE"
	mount -t tmpfs -o size=16k none "$STATE"
	head -c 100000 /dev/zero >"$STATE/fill" 2>/dev/null || true
	run_bundle 0 "$BUNDLE"
	output_has served
	umount "$STATE"
	nothing_left
}

# inner_hook WORD...: a bundle of the function "hooked" with this hook of startContainer
inner_hook() {
	change_bundle "$BUNDLE" '.hooks.startContainer = [{path: $args[0], args: $args}]' \
		--argjson args "$(python3 -c 'import json, sys; print(json.dumps(sys.argv[1:]))' "$@")"
}

@test "a hook in the container runs before the wrap, by whichever program" {
	local rootfs
	rootfs=$(own_rootfs)
	mkdir "$T/told"
	printf '#!/bin/sh\nexec /bin/sh -c "echo a script >/told/hook"\n' >"$rootfs/app/hook"
	printf '#!/bin/sh\necho served\n' >"$rootfs/app/function"
	chmod 755 "$rootfs/app/hook" "$rootfs/app/function"
	BUNDLE=$(bundle hooked "$rootfs" '.mounts += [{destination: "/told", type: "bind", source: "'"$T/told"'", options: ["bind"]}]')
	hook_bundle "$BUNDLE" hooked
	set_args "$BUNDLE" /bin/sh -c 'echo served; cat /told/hook'
	inner_hook /bin/busybox sh -c 'echo another program >/told/hook'
	run_bundle 0 "$BUNDLE"
	[ "$output" = "served
another program" ]
	# The shell that the function is, whole, in many processes, and as what interprets a script.
	inner_hook /bin/sh -c 'for i in 1 2 3 4 5; do /bin/sh -c "/bin/sh -c :" || exit 1; done
		stat -L -c %s /bin/sh >/told/hook; cmp /bin/sh /bin/dash && md5sum </bin/sh >>/told/hook'
	run_bundle 0 "$BUNDLE"
	[ "$output" = "served
$(stat -c %s "$rootfs/bin/dash")
$(md5sum <"$rootfs/bin/dash")" ]
	inner_hook /app/hook
	run_bundle 0 "$BUNDLE"
	[ "$output" = "served
a script" ]
	# A program that is shorter than husk-launch, and one that is longer.
	set_args "$BUNDLE" /app/function
	inner_hook /bin/sh -c '[ "$(/app/function)" = served ] && cp /app/function /told/hook'
	run_bundle 0 "$BUNDLE"
	[ "$output" = served ]
	cmp "$T/told/hook" "$rootfs/app/function"
	set_args "$BUNDLE" /usr/bin/python3 -B -c 'print("served")'
	inner_hook /usr/bin/python3 -B -c 'import json, os; open("/told/hook", "w").write(str(os.getpid()))'
	run_bundle 0 "$BUNDLE"
	[ "$output" = served ]
	[ "$(cat "$T/told/hook")" -gt 1 ]
	husk show --json hooked | jq -e 'any(.behaviours[]; .domain == "exec" and .key == "/usr/bin/python3.11")' >/dev/null
	# Before the root is the container's, and with a program of the host's that goes there.
	set_args "$BUNDLE" /bin/sh -c 'echo served; cat /told/hook'
	change_bundle "$BUNDLE" 'del(.hooks.startContainer) | .hooks.createContainer = [{path: "/usr/sbin/chroot",
		args: ["chroot", $root, "/bin/sh", "-c", "echo the shell >/told/hook"]}]' --arg root "$rootfs"
	run_bundle 0 "$BUNDLE"
	[ "$output" = "served
the shell" ]
	no_event '.event == "entered" or .event == "degraded"'
	nothing_left
}

@test "a hook in the container that fails keeps it from starting, and so does one that leaves the program running" {
	BUNDLE=$(bundle hooked "$(own_rootfs)")
	hook_bundle "$BUNDLE" hooked
	set_args "$BUNDLE" /bin/sh -c 'echo served'
	inner_hook /bin/sh -c 'exit 3'
	capture limited start_run "$BUNDLE"
	[ "$status" -ne 0 ]
	output_lacks served
	inner_hook /bin/sh -c '(sleep 20; :) </dev/null >/dev/null 2>&1 &'
	capture limited start_run "$BUNDLE"
	[ "$status" -ne 0 ]
	output_lacks served
	has_event '.event == "refused" and (.detail | contains("hook"))'
	nothing_left
}

@test "settings that are wrong are refused with file and line" {
	hook_bundle "$BUNDLE" orders
	echo 'unknown_key = 1' >>"$CONF"
	capture limited start_run "$BUNDLE"
	[ "$status" -ne 0 ]
	output_lacks served
	printf '%s' "$(state)" >"$T/stdin"
	capture hook createRuntime <"$T/stdin"
	refused
	output_has "husk.conf:$(wc -l <"$CONF"):"
	output_has unknown_key
}

@test "where a detector table that is wrong keeps a container from starting, an event says so" {
	hook_bundle "$BUNDLE"
	printf 'what is this\n' >"$T/detectors"
	sed -i "s|^detector_file = .*|detector_file = $T/detectors|" "$CONF"
	capture limited start_run "$BUNDLE"
	[ "$status" -ne 0 ]
	output_lacks served
	has_event '.event == "refused" and (.detail | contains("/detectors:1")) and (.container | startswith("'"$NAME"'"))'
	nothing_left
}

# enforced: a function that is enforced, and its policy file
enforced() {
	hook_bundle "$BUNDLE" orders
	run_bundle 0 "$BUNDLE"
	run_bundle 0 "$BUNDLE"
	husk mode orders enforce
	run_bundle 0 "$BUNDLE"
	POLICY=$(find "$STATE/policies" -name '*.policy')
	[ "$(wc -l <<<"$POLICY")" -eq 1 ]
}

@test "a program that is missing as husk looks may come before it is executed: an enforced one does not start" {
	ROOTFS=$(own_rootfs)
	BUNDLE=$(bundle late "$ROOTFS")
	hook_bundle "$BUNDLE" orders
	set_args "$BUNDLE" /app/late served
	cp "$ROOTFS/bin/echo" "$ROOTFS/app/late"
	run_bundle 0 "$BUNDLE"
	husk mode orders enforce
	change_bundle "$BUNDLE" '.hooks.createRuntime += [{path: "/bin/cp",
		args: ["cp", "'"$ROOTFS/bin/echo"'", "'"$ROOTFS/app/late"'"]}]'
	rm "$ROOTFS/app/late"
	capture limited start_run "$BUNDLE"
	[ "$status" -ne 0 ] || fail "it started: $output"
	output_lacks served
	has_event '.event == "refused" and (.detail | contains("/app/late"))'
	husk mode orders learn
	rm -f "$ROOTFS/app/late"
	run_bundle 0 "$BUNDLE"
	output_has served
	has_event '.event == "degraded" and (.detail | contains("/app/late"))'
	nothing_left
}

@test "a damaged policy is never half read: without a copy an enforced function is refused" {
	enforced
	cp "$POLICY" "$T/good"
	size=$(stat -c %s "$POLICY")
	for cut in 0 1 8 40 $((size / 2)) $((size - 1)); do
		head -c "$cut" "$T/good" >"$POLICY"
		rm -f "$STATE"/policies/*.copy
		capture limited start_run "$BUNDLE"
		[ "$status" -ne 0 ] || fail "cut to $cut bytes it started: $output"
		output_lacks served
		has_event '.event == "refused"'
	done
	cp "$T/good" "$POLICY"
	run_bundle 0 "$BUNDLE"
	output_has served
	nothing_left
}

@test "any byte of a policy that changes makes it damaged" {
	enforced
	cp "$POLICY" "$T/good"
	size=$(stat -c %s "$POLICY")
	for at in 0 5 12 $((size / 3)) $((size / 2)) $((size - 2)); do
		cp "$T/good" "$POLICY"
		byte=$(od -An -tu1 -j "$at" -N 1 "$T/good")
		printf "\\x$(printf %x $(((byte + 1) % 256)))" | dd of="$POLICY" bs=1 seek="$at" conv=notrunc status=none
		rm -f "$STATE"/policies/*.copy
		capture limited start_run "$BUNDLE"
		[ "$status" -ne 0 ] || fail "byte $at changed and it started"
	done
}

@test "a policy of another version is not read" {
	enforced
	# The version stands in the header; every one of its first 16 bytes is tried as that, with a right
	# checksum nowhere: what matters is that none is taken.
	printf '\x63' | dd of="$POLICY" bs=1 seek=4 conv=notrunc status=none
	rm -f "$STATE"/policies/*.copy
	capture limited start_run "$BUNDLE"
	[ "$status" -ne 0 ]
	output_lacks served
}

@test "where a policy is damaged or gone its copy serves, in the same mode, and an event says so" {
	enforced
	for _ in 1 2; do
		: >"$POLICY"
		set_args "$BUNDLE" /bin/echo served
		run_bundle 0 "$BUNDLE"
		output_has served
		rm -f "$POLICY"
		set_args "$BUNDLE" /usr/bin/id
		run_bundle 126 "$BUNDLE"
	done
	[ "$(event_count '.event == "degraded" and (.detail | contains("damaged"))')" -eq 4 ]
	has_event '.event == "denied" and .domain == "exec"'
}

@test "a policy that cannot be opened may be an enforced one: nothing starts" {
	enforced
	mv "$POLICY" "$T/elsewhere"
	ln -s "$T/elsewhere" "$POLICY"
	capture limited start_run "$BUNDLE"
	[ "$status" -ne 0 ] || fail "it started: $output"
	output_lacks served
	has_event '.event == "refused" and (.detail | contains("symbolic links"))'
	write_conf 'degrade = yes'
	run_bundle 0 "$BUNDLE"
	output_has served
}

@test "what a container is limited to does not bind husk" {
	# Some runtimes execute hooks under the limits of the container. Of memory, programs with sanitizers take any.
	local limits='["CPU", 1], ["FSIZE", 4096]'
	[ -n "${HUSK_E2E_SANITIZED-}" ] || limits+=', ["DATA", 900000], ["AS", 20000000]'
	change_bundle "$BUNDLE" '.process.oomScoreAdj = 900
		| .process.rlimits = ['"$limits"' | {type: "RLIMIT_\(.[0])", soft: .[1], hard: 100000000000}]'
	set_args "$BUNDLE" /bin/sh -c 'ulimit -S -f; cat /proc/self/oom_score_adj; read -r word; echo "$word"'
	hook_bundle "$BUNDLE" limited
	mkfifo "$T/words"
	start_run "$BUNDLE" <"$T/words" >"$T/out" 2>&1 3>&- &
	run=$!
	exec 5>"$T/words"
	wait_until 20 grep -q 900 "$T/out" || fail "$(cat "$T/out")"
	pid=$(only_mediator)
	for limit in 'Max cpu time' 'Max file size' 'Max data size' 'Max address space'; do
		grep -Eq "^$limit +(unlimited|1000000[0-9]+) " "/proc/$pid/limits" || fail "$(cat "/proc/$pid/limits")"
	done
	[ "$(cat "/proc/$pid/oom_score_adj")" -le 0 ]
	echo served >&5
	exec 5>&-
	wait "$run" || fail "$(cat "$T/out")"
	[ "$(xargs <"$T/out")" = "8 900 served" ] || fail "$(cat "$T/out")"
	nothing_left
	[ "$(husk show --json limited | jq '.revisions[0].runs')" -eq 1 ]
}

@test "a damaged store keeps the journals, and the run goes on" {
	hook_bundle "$BUNDLE" orders
	run_bundle 0 "$BUNDLE"
	sqlite3 "$STATE/husk.db" ".backup $T/db"
	rm -f "$STATE"/husk.db-*
	head -c 5000 /dev/urandom >"$STATE/husk.db"
	run_bundle 0 "$BUNDLE"
	output_has served
	wait_until 20 no_husk_process
	[ "$(find "$STATE/journals" -name '*.journal' | wc -l)" -eq 1 ]
	rm -f "$STATE"/husk.db-*
	cp "$T/db" "$STATE/husk.db"
	# A young one is left to whoever may still be at it.
	touch -d '1 hour ago' "$STATE"/journals/*
	run_bundle 0 "$BUNDLE"
	nothing_left
	[ "$(husk show --json orders | jq '.revisions[0].runs')" -eq 3 ]
}

@test "poststop of a container that husk does not know does nothing, and of no container is refused" {
	poststop() {
		timeout --kill-after=5 20 "$HUSK_MERGE" --config "$CONF" poststop
	}
	printf '%s' "$(state '.status = "stopped" | del(.pid)')" >"$T/stdin"
	# the first container of a host that fails before its hook: the runtime would add an error of ours to its own
	capture poststop <"$T/stdin"
	[ "$status" -eq 0 ] && [ -z "$output" ] || fail "$output"
	mkdir "$STATE"
	capture poststop <"$T/stdin"
	[ "$status" -eq 0 ] || fail "$output"
	nothing_left
	for text in '' '{' '{"id": 7}' '[]'; do
		printf '%s' "$text" >"$T/stdin"
		capture poststop <"$T/stdin"
		[ "$status" -eq 65 ] || fail "'$text': exit status $status: $output"
	done
}
