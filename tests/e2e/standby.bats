# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154
# Who merges a run: the process that stands by for a short one, poststop for any other.

load helpers

setup() {
	husk_setup
	BUNDLE=$(bundle standby "$HUSK_ROOTFS" '.root.readonly = true')
	hook_bundle "$BUNDLE" standby
}

teardown() {
	husk_teardown
}

without_poststop() {
	change_bundle "$BUNDLE" 'del(.hooks.poststop)'
}

# poststop [OPTION...]: what a runtime would do for the container $ID.
poststop() {
	jq -n --arg id "$ID" --arg bundle "$BUNDLE" \
		'{ociVersion: "1.0", id: $id, pid: 0, root: "/", bundle: $bundle, status: "stopped", annotations: {id: "x"}}' |
		timeout 60 "$HUSK_MERGE" "$@" poststop
}

runs() {
	husk show --json standby | jq '.revisions[0].runs'
}

standing_by() {
	husk_processes husk-merge
}

stands_by() {
	[ -n "$(standing_by)" ]
}

is_mediated() {
	[ -n "$(mediators)" ]
}

# hold_store SECONDS: another process, $HOLDER, uses the store from now on.
hold_store() {
	python3 -c '
import sqlite3, sys, time
store = sqlite3.connect(sys.argv[1], isolation_level=None)
store.execute("BEGIN EXCLUSIVE")
open(sys.argv[2], "w").close()
time.sleep(float(sys.argv[3]))
store.execute("COMMIT")' "$STATE/husk.db" "$T/held" "$1" 3>&- 4>&- &
	HOLDER=$!
	wait_until 10 test -e "$T/held"
}

run_files() {
	find "$RUNTIME" -type f
}

@test "a short run is merged by who stands by, and poststop has nothing left to do" {
	without_poststop
	ID=$(new_id)
	expect 0 timeout 60 "$ENGINE" run --bundle "$BUNDLE" "$ID"
	wait_until 10 no_husk_process
	[ "$(runs)" -eq 1 ]
	[ "$(cat "$(run_files)")" = merged ]
	expect 0 poststop --config "$CONF"
	[ -z "$(run_files)" ]
	expect 0 poststop --config "$CONF"
	[ "$(runs)" -eq 1 ]
	nothing_left
}

@test "poststop of a run that is merged reads no configuration" {
	! ldd "$HUSK_MERGE" >/dev/null 2>&1 || skip "this build links husk-merge dynamically"
	[ "$(uname -m)" = x86_64 ] || skip "that is so on x86-64"
	without_poststop
	ID=$(new_id)
	expect 0 timeout 60 "$ENGINE" run --bundle "$BUNDLE" "$ID"
	wait_until 10 no_husk_process
	# Word of another container's is none.
	ID=other expect 66 poststop --config "$T/none" --runtime-directory "$RUNTIME"
	[ -n "$(run_files)" ]
	expect 0 poststop --config "$T/none" --runtime-directory "$RUNTIME"
	[ -z "$(run_files)" ]
	expect 66 poststop --config "$T/none" --runtime-directory "$RUNTIME"
	# The definition names the directory, where it is not the usual one.
	hooks_json | jq -e --arg d "$RUNTIME" '.poststop[0].args | index("--runtime-directory") as $at | .[$at + 1] == $d'
	nothing_left
}

@test "poststop leaves alone a run file that took the name of the one that it read" {
	without_poststop
	ID=$(new_id)
	expect 0 timeout 60 "$ENGINE" run --bundle "$BUNDLE" "$ID"
	wait_until 10 no_husk_process
	file=$(run_files)
	# As a container of the same id would, between the opening of the file and its lock.
	jq -n --arg id "$ID" --arg bundle "$BUNDLE" '{ociVersion: "1.0", id: $id, bundle: $bundle, status: "stopped"}' |
		timeout 60 strace -qq -o "$T/strace" -e trace=flock -e inject=flock:delay_enter=3000000 \
			"$HUSK_MERGE" --config "$CONF" --runtime-directory "$RUNTIME" poststop 3>&- 4>&- &
	wait_until 10 grep -qs '^flock(' "$T/strace"
	rm "$file"
	: >"$file"
	wait "$!" || true
	[ -e "$file" ]
}

@test "a state that is longer than usual, or comes in pieces, is read to its end" {
	ID=$(new_id)
	without_poststop
	expect 0 timeout 60 "$ENGINE" run --bundle "$BUNDLE" "$ID"
	wait_until 10 no_husk_process
	state=$(jq -n --arg id "$ID" --arg bundle "$BUNDLE" '{ociVersion: "1.0", pid: 0, status: "stopped",
		annotations: {long: ("x" * 50000)}, id: $id, bundle: $bundle}')
	(
		printf %s "${state:0:20}"
		sleep 0.2
		printf %s "${state:20}"
	) | timeout 60 "$HUSK_MERGE" --config "$CONF" --runtime-directory "$RUNTIME" poststop
	[ -z "$(run_files)" ]
	[ "$(runs)" -eq 1 ]
}

@test "a run that takes longer is left to poststop, and nobody waits idle for it" {
	set_args "$BUNDLE" /bin/sleep 3
	in_background
	wait_until 10 is_mediated
	sleep 1.5
	[ -n "$(mediators)" ]
	[ -z "$(standing_by)" ]
	wait_until 20 test -e "$T/status"
	[ "$(cat "$T/status")" -eq 0 ]
	[ "$(runs)" -eq 1 ]
	nothing_left
}

@test "a container that is created and not started leaves nobody" {
	ID=$(new_id)
	"$ENGINE" create --bundle "$BUNDLE" "$ID" </dev/null >/dev/null 2>&1
	nobody() { ! stands_by; }
	wait_until 10 nobody
	"$ENGINE" delete --force "$ID"
	nothing_left
}

@test "who stands by may be killed: poststop merges the run" {
	set_args "$BUNDLE" /bin/sleep 0.3
	in_background
	wait_until 10 stands_by
	# shellcheck disable=SC2046
	kill -KILL $(standing_by)
	wait_until 20 test -e "$T/status"
	[ "$(cat "$T/status")" -eq 0 ]
	[ "$(runs)" -eq 1 ]
	nothing_left
}

@test "a store that somebody holds is waited for by poststop, and nothing false is told" {
	run_bundle 0 "$BUNDLE"
	hold_store 1.5
	run_bundle 0 "$BUNDLE"
	[ "$(runs)" -eq 2 ]
	no_event '.event == "degraded"'
	nothing_left
}

@test "what an earlier run left is not waited for where the store is held" {
	sed -i 's/^poststop_wait_ms.*/poststop_wait_ms = 4000/' "$CONF"
	run_bundle 0 "$BUNDLE"
	hold_store 60
	start_run "$BUNDLE" || true
	[ "$(find "$STATE/journals" -name '*.journal' | wc -l)" -eq 1 ]
	sleep 1.1 # it is left over from then on
	: >"$EVENTS"
	set_args "$BUNDLE" /bin/sleep 0.1
	in_background
	wait_until 10 stands_by
	SECONDS=0
	wait_until 10 test -e "$T/status"
	# poststop waits for half of its time, and says so of the run that it came for.
	[ "$SECONDS" -le 3 ]
	jq -s -e '[.[] | select(.event == "degraded")] | length == 1' "$EVENTS"
	kill "$HOLDER"
	wait "$HOLDER" || true
	set_args "$BUNDLE" /bin/true
	run_bundle 0 "$BUNDLE"
	wait_until 10 no_husk_process
	run_bundle 0 "$BUNDLE"
	[ "$(runs)" -eq 5 ]
	nothing_left
}

@test "a mediator that is killed in a short run is merged as what it is" {
	set_args "$BUNDLE" /bin/sleep 0.4
	in_background
	wait_until 10 is_mediated
	kill -KILL "$(only_mediator)"
	wait_until 20 test -e "$T/status"
	"$ENGINE" delete --force "$ID" 2>/dev/null || true
	wait_until 20 no_husk_process
	sleep 1.1 # what nobody has merged is left over from then on
	run_bundle 0 "$BUNDLE"
	[ "$(runs)" -eq 2 ]
	[ "$(event_count '.event == "recovered"')" -eq 1 ]
	nothing_left
}
