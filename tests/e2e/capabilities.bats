# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154
# The domain cap: what a function needs is seen exactly, held against a record of the kernel's own, and
# told. The functions have the capabilities that Podman gives, and two more that older engines did.

load helpers

setup() {
	[ -e "$HUSK_OBSERVE" ] || skip "husk-observe was not built"
	[ "$(stat -f -c %T /sys/fs/bpf)" = bpf_fs ] || skip "this host has no BPF file system"
	husk_setup 'shadow_after_runs = 3' 'enforce_after_runs = 3'
}

teardown() {
	husk_teardown
}

GIVEN='["CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_FSETID", "CAP_KILL", "CAP_NET_BIND_SERVICE",
	"CAP_SETFCAP", "CAP_SETGID", "CAP_SETPCAP", "CAP_SETUID", "CAP_SYS_CHROOT", "CAP_NET_RAW", "CAP_MKNOD"]'

# cap_bundle FUNCTION WORD...: a function that may write to /tmp alone. Sets $BUNDLE.
cap_bundle() {
	local function=$1
	shift
	BUNDLE=$(bundle "$function" "$HUSK_ROOTFS" '
		.root.readonly = true
		| .process.capabilities = ({bounding: '"$GIVEN"', effective: '"$GIVEN"', permitted: '"$GIVEN"'})
		| .mounts += [{destination: "/tmp", type: "tmpfs", source: "tmpfs", options: ["mode=1777"]}]')
	set_args "$BUNDLE" "$@"
	hook_bundle "$BUNDLE" "$function"
}

python_bundle() {
	cap_bundle "$1" /usr/bin/python3 -B -I -c "$2"
}

# capabilities FUNCTION: those that it was seen to use, in a row.
capabilities() {
	husk show --json "$1" | jq -r '[.behaviours[] | select(.domain == "cap") | .key | ltrimstr("CAP_")] | sort | join(" ")'
}

# sees FUNCTION "NAME...": runs $BUNDLE, which must work, and compares.
sees() {
	run_bundle 0 "$BUNDLE"
	[ "$(capabilities "$1")" = "$2" ] || fail "$1 uses '$(capabilities "$1")', not '$2'"
}

declare -gA NEEDS=(
	[none]='import json, socket, threading; socket.socket().close(); open("/tmp/x", "w").write(json.dumps([1]))'
	[bind]='import socket; s = socket.socket(); s.bind(("127.0.0.1", 80)); s.listen()'
	[chown]='import os; open("/tmp/x", "w"); os.chown("/tmp/x", 1000, 1000)'
	[drops]='import os; os.setgroups([]); os.setgid(1000); os.setuid(1000)'
	[stays]='import os; os.setgid(0); os.setuid(0); open("/tmp/x", "w"); os.chmod("/tmp/x", 0o644)'
	[kills]='import os, time
r, w = os.pipe()
if not os.fork():
    os.setuid(1000)
    os.write(w, b"1")
    time.sleep(30)
os.read(r, 1)
os.kill(-1, 9)
os.wait()'
	[raw]='import socket; socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)'
	[mknod]='import os, stat; os.mknod("/tmp/n", 0o600 | stat.S_IFCHR, os.makedev(1, 3))'
	[setgid]='import os; os.mkdir("/tmp/d"); os.chown("/tmp/d", 0, 1000); os.chmod("/tmp/d", 0o2755)'
	[peeks]='import os; os.mkdir("/tmp/d", 0o700); os.chown("/tmp/d", 1000, 1000); os.listdir("/tmp/d")'
	[probes]='import os, socket
s = socket.socket()
try:
    s.setsockopt(socket.SOL_SOCKET, 33, 4096)
except PermissionError:
    pass
open("/proc/sys/net/core/somaxconn").read()
open("/proc/1/stat").read()
os.access("/etc/shadow", os.W_OK)'
)
declare -gA USES=(
	[none]='' [bind]='NET_BIND_SERVICE' [chown]='CHOWN' [drops]='SETGID SETUID' [stays]='' [kills]='KILL SETUID'
	[raw]='NET_RAW' [mknod]='MKNOD' [setgid]='CHOWN FSETID' [peeks]='CHOWN DAC_OVERRIDE' [probes]=''
)

# recorded PROGRAM: runs $BUNDLE under the kernel's own trace of capability checks, an instance of this
# test's, and prints what that says.
recorded() {
	local tracing=$T/tracing instance
	mkdir -p "$tracing"
	mountpoint -q "$tracing" || mount -t tracefs tracefs "$tracing"
	instance=$tracing/instances/$NAME
	mkdir "$instance"
	echo 1 >"$instance/options/stacktrace"
	echo 1 >"$instance/options/event-fork"
	echo 16384 >"$instance/buffer_size_kb"
	(
		echo "$BASHPID" >"$instance/set_event_pid"
		for event in capability/cap_capable sched/sched_process_fork sched/sched_process_exec; do
			echo 1 >"$instance/events/$event/enable"
		done
		exec timeout "$COMMAND_TIMEOUT_S" "$ENGINE" run --bundle "$BUNDLE" "$(new_id)"
	) >/dev/null
	echo 0 >"$instance/tracing_on"
	cat "$instance/trace" >"$T/trace"
	rmdir "$instance"
	"$BATS_TEST_DIRNAME/capability-record" "$T/trace" "$1"
}

@test "what each function needs is seen, and is what the kernel's own trace of the same run says" {
	[ "${#NEEDS[@]}" -gt 10 ]
	# Asked before the ids are compared, and not needed for the ids that are there already.
	declare -A EXPLAINED=([stays]='SETGID SETUID')
	for function in "${!NEEDS[@]}"; do
		python_bundle "$function" "${NEEDS[$function]}"
		trace=$(recorded /usr/bin/python3)
		expected=$(xargs -n1 <<<"${USES[$function]} ${EXPLAINED[$function]-}" | sort | xargs)
		[ "$trace" = "$expected" ] || fail "$function: the trace says '$trace', not '$expected'"
		[ "$(capabilities "$function")" = "${USES[$function]}" ] ||
			fail "$function uses '$(capabilities "$function")', not '${USES[$function]}'"
	done
	cap_bundle ping /bin/busybox ping -c 1 127.0.0.1
	[ "$(recorded /bin/busybox)" = NET_RAW ]
	[ "$(capabilities ping)" = NET_RAW ]
	has_event '.event == "run" and .modes.cap == "learn"'
	no_event '.event == "degraded"'
	umount "$T/tracing"
	nothing_left
}

@test "both places in the kernel see the same of single deeds" {
	local live=$HUSK_BUILD/tests/e2e/observe-live
	"$HUSK_OBSERVE" --remove 2>/dev/null || true
	expect 0 "$live" "$HUSK_OBSERVE"
	[ "$output" = "" ]
	expect 0 "$HUSK_OBSERVE" --remove
	[ -z "$(ls /sys/fs/bpf/husk)" ]
	capture limited "$HUSK_OBSERVE" --at-function
	if [ "$status" -eq 0 ]; then
		expect 0 "$live" "$HUSK_OBSERVE"
		[ "$output" = "" ]
		python_bundle chown "${NEEDS[chown]}"
		[ "$(recorded /usr/bin/python3)" = "${USES[chown]}" ]
		[ "$(capabilities chown)" = "${USES[chown]}" ]
		umount "$T/tracing"
		"$HUSK_OBSERVE" --remove
	else
		# Some kernels let nobody attach to a function. It says so, and nothing is left that looks like an observer.
		[ "$status" -eq 69 ]
		output_has 'cannot load the observer of capabilities'
		output_has 'Operation not permitted'
		[ -z "$(find /sys/fs/bpf/husk -name 'capabilities*')" ]
	fi
	expect 64 "$HUSK_OBSERVE" --at-function --remove
}

@test "of many containers at once, each is seen for itself" {
	local words=(chown kills bind raw drops) number function id started=() count=${HUSK_CONTAINERS:-16}
	for number in $(seq "$count"); do
		function=${words[$((number % 5))]}
		python_bundle "many-$number" "import sys; sys.stdin.read()
${NEEDS[$function]}"
	done
	# All of them live before the first one does what it does.
	mkfifo "$T/go"
	exec 9<>"$T/go"
	for number in $(seq "$count"); do
		id=$(new_id)
		timeout 120 "$ENGINE" run --bundle "$T/bundles/many-$number" "$id" \
			<"$T/go" >"$T/out-$number" 2>&1 3>&- 9>&- &
		started+=($!)
	done
	all_run() { [ "$(event_count '.event == "run"')" -eq "$count" ]; }
	wait_until 60 all_run
	exec 9>&-
	for number in $(seq "$count"); do
		wait "${started[$((number - 1))]}" || fail "$(cat "$T/out-$number")"
		function=${words[$((number % 5))]}
		[ "$(capabilities "many-$number")" = "${USES[$function]}" ] ||
			fail "$function uses '$(capabilities "many-$number")', not '${USES[$function]}'"
	done
	nothing_left
}

@test "the domain goes to shadow by itself, and tells there what it would deny" {
	python_bundle job "${NEEDS[bind]}"
	for _ in 1 2 3 4; do
		run_bundle 0 "$BUNDLE"
	done
	[ "$(mode_of job cap)" = shadow ]
	has_event '.event == "promoted" and .domain == "cap" and .mode == "shadow"'
	no_event '.event == "would-deny" and .domain == "cap"'
	set_python "$BUNDLE" "${NEEDS[chown]}"
	run_bundle 0 "$BUNDLE"
	[ "$(event_count '.event == "would-deny" and .domain == "cap"')" -eq 1 ]
	has_event '.event == "would-deny" and .domain == "cap" and .key == "CAP_CHOWN" and .mode == "shadow"
		and .detail == "by \u0027python3\u0027" and .pid > 0 and ((.program // "/usr/bin/python3.11") == "/usr/bin/python3.11")'
}

@test "what was taken away and is needed is a denial, once, and is not learned from it" {
	python_bundle job "${NEEDS[bind]}"
	run_bundle 0 "$BUNDLE"
	husk mode --domain cap job enforce
	run_bundle 0 "$BUNDLE"
	no_event '.event == "denied"'
	set_python "$BUNDLE" 'import os
open("/tmp/x", "w")
for _ in range(3):
    try:
        os.chown("/tmp/x", 1000, 1000)
    except PermissionError as error:
        print(error)
os.setuid(0)'
	run_bundle 0 "$BUNDLE"
	output_has 'Operation not permitted'
	[ "$(event_count '.event == "denied"')" -eq 1 ]
	has_event '.event == "denied" and .domain == "cap" and .key == "CAP_CHOWN" and .mode == "enforce"
		and .detail == "by \u0027python3\u0027"'
	husk show --json job | jq -e '.behaviours[] | select(.key == "CAP_CHOWN") | .denied == 1 and .runs == 0 and (.admitted | not)'
	set_python "$BUNDLE" "${NEEDS[bind]}"
	run_bundle 0 "$BUNDLE"
}

@test "show tells how often a capability was needed, and which ones the engine gives for nothing" {
	export TZ=UTC
	python_bundle job "${NEEDS[drops]}"
	run_bundle 0 "$BUNDLE"
	run_bundle 0 "$BUNDLE"
	husk show --json --domain cap job | jq -e '[.behaviours[] | {key, runs, access, program, class, admitted}] == [
		{key: "CAP_SETGID", runs: 2, access: "none", program: "", class: "ordinary", admitted: true},
		{key: "CAP_SETUID", runs: 2, access: "none", program: "", class: "ordinary", admitted: true}]'
	husk show --json job | jq -e '.revisions[0].capabilities_given | length == 13'
	expect 0 husk show --domain cap job
	output_has 'Capabilities: the engine gives 13; no run has needed 11 of them:'
	output_has '  CAP_SYS_CHROOT'
	output_lacks '  CAP_SETUID
'
	output_has "$(husk show --json job | jq -r '.behaviours[] | select(.key == "CAP_SETUID") | .first_seen[:10]') "
	# Who needs none is told of too, whoever set the mode.
	python_bundle spare "${NEEDS[none]}"
	run_bundle 0 "$BUNDLE"
	husk mode --domain cap spare enforce
	expect 0 husk show spare
	output_has 'Capabilities: the engine gives 13; no run has needed 13 of them:'
	# And who needs all.
	python_bundle tight "${NEEDS[drops]}"
	change_bundle "$BUNDLE" '.process.capabilities |= map_values(["CAP_SETGID", "CAP_SETUID"])'
	run_bundle 0 "$BUNDLE"
	expect 0 husk show tight
	output_has 'Capabilities: the engine gives 2; runs have needed all of them'
}

@test "a guarded capability is never learned, and a person's word settles any" {
	python_bundle job 'import ctypes; assert ctypes.CDLL(None).unshare(0x04000000) == 0'
	change_bundle "$BUNDLE" '.process.capabilities |= map_values(. + ["CAP_SYS_ADMIN"])'
	run_bundle 0 "$BUNDLE"
	run_bundle 0 "$BUNDLE"
	husk show --json job | jq -e '.behaviours[] | select(.key == "CAP_SYS_ADMIN") |
		.class == "guarded" and (.admitted | not) and .runs == 2 and (.class_reason | length > 0)'
	expect 0 husk allow job cap CAP_SYS_ADMIN
	output_has 'allowed: cap CAP_SYS_ADMIN by any program'
	expect 0 husk deny job cap CAP_NET_RAW
	husk show --json job | jq -e '[.behaviours[] | select(.domain == "cap") | {key, mark}] == [
		{key: "CAP_NET_RAW", mark: "deny"}, {key: "CAP_SYS_ADMIN", mark: "allow"}]'
	expect 64 husk allow job cap NET_RAW
	output_has "there is no capability 'NET_RAW'"
	expect 64 husk allow --program /bin/sh job cap CAP_NET_RAW
}

@test "what an engine executes into a container needs its capabilities for itself" {
	python_bundle served 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 80)); s.listen()
print("listens", flush=True); s.accept()'
	id=$(new_id)
	timeout 60 "$ENGINE" run --bundle "$BUNDLE" "$id" >"$T/out" 2>&1 3>&- &
	running=$!
	wait_until 20 grep -q listens "$T/out"
	expect 0 "$ENGINE" exec "$id" /bin/chown 1000 /tmp
	# Who was served may be gone together with the container.
	is_served() {
		"$ENGINE" exec "$id" /usr/bin/python3 -c \
			'import socket; socket.create_connection(("127.0.0.1", 80)).close()' >"$T/exec" 2>&1 || true
		! kill -0 "$running" 2>/dev/null
	}
	wait_until 20 is_served || fail "$(cat "$T/out" "$T/exec")"
	wait "$running"
	[ "$(capabilities served)" = NET_BIND_SERVICE ]
}

@test "a container without a pid namespace of its own is seen too" {
	python_bundle job 'import os, signal
pid = os.fork()
if not pid:
    os.setuid(1000)
    signal.pause()
while "\nUid:\t1000" not in open(f"/proc/{pid}/status").read():
    pass
os.kill(pid, 9)
os.wait()'
	change_bundle "$BUNDLE" 'del(.linux.namespaces[] | select(.type == "pid"))
		| .mounts |= map(if .type == "proc" then .type = "bind" | .source = "/proc" | .options = ["rbind", "ro"] else . end)'
	sees job 'KILL SETUID'
	nothing_left
}

@test "what husk itself does in the container's mount namespace is no need of the function" {
	mkdir "$T/work"
	cd "$T/work" || return
	# The bind waits for a thread of the mediator, which enters; husk run's pid namespace is not the container's own.
	expect 0 husk run --runtime "$ENGINE" --hook-program "$HUSK_HOOK" --name meets -- /usr/bin/python3 -B -I -c '
import os, socket
os.mkdir("below")
socket.socket(socket.AF_UNIX).bind("below/socket")'
	cd /
	[ "$(capabilities meets)" = "" ] || fail "it uses '$(capabilities meets)'"
	nothing_left
}

@test "husk that is itself in a pid namespace sees the same" {
	python_bundle inner "${NEEDS[chown]}"
	run_bundle 0 "$BUNDLE"
	[ "$(capabilities inner)" = CHOWN ]
	husk forget inner
	expect 0 unshare --pid --fork --mount-proc "$ENGINE" run --bundle "$BUNDLE" "$(new_id)"
	[ "$(capabilities inner)" = CHOWN ] || fail "in a pid namespace it uses '$(capabilities inner)'"
	nothing_left
}

@test "of many short runs none has what the runtime of the next one needs" {
	local n i runs
	cd "$T" || return
	for n in 1 2 3; do
		runs=()
		for i in $(seq 1 30); do
			husk run --runtime "$ENGINE" --hook-program "$HUSK_HOOK" --name short -- /bin/true </dev/null &
			runs+=($!)
		done
		wait "${runs[@]}"
	done
	cd /
	[ "$(husk show --json short | jq .revisions[0].runs)" -eq 90 ]
	[ "$(capabilities short)" = "" ] || fail "it uses '$(capabilities short)'"
	nothing_left
}

@test "an observer that is removed sees those who run to their end, and half a one is made anew" {
	python_bundle job "import sys; print('up', flush=True); sys.stdin.read()
${NEEDS[chown]}"
	mkfifo "$T/go"
	start_run "$BUNDLE" <"$T/go" >"$T/out" 2>&1 3>&- &
	running=$!
	exec 9>"$T/go"
	wait_until 20 grep -q up "$T/out"
	# What an update may have left, whose layout nobody knows.
	bpftool map create /sys/fs/bpf/husk/capabilities-0 type hash key 4 value 8 entries 16 name older
	expect 0 "$HUSK_OBSERVE" --remove
	[ -z "$(ls /sys/fs/bpf/husk)" ]
	expect 0 "$HUSK_OBSERVE" --remove
	exec 9>&-
	wait "$running"
	[ "$(capabilities job)" = CHOWN ]
	# A map that nobody fills would say that nothing is needed.
	python_bundle half "${NEEDS[bind]}"
	run_bundle 0 "$BUNDLE"
	rm /sys/fs/bpf/husk/capabilities-*-link
	python_bundle half "${NEEDS[chown]}"
	sees half 'CHOWN NET_BIND_SERVICE'
	ls /sys/fs/bpf/husk/capabilities-*-link
	# Of this version's name, and not its layout: said, and not used.
	pin=$(find /sys/fs/bpf/husk -name 'capabilities-*' ! -name '*-link')
	expect 0 "$HUSK_OBSERVE" --remove
	bpftool map create "$pin" type hash key 4 value 8 entries 16 name other
	run_bundle 0 "$BUNDLE"
	has_event '.event == "run" and .modes.cap == "learn" and (.detail | contains("husk-observe --remove"))'
	expect 0 "$HUSK_OBSERVE" --remove
	sees half 'CHOWN NET_BIND_SERVICE'
	nothing_left
}

@test "the kernel's own mark of who used a capability is on every function from its first moment" {
	local uid bundle flags
	for uid in 0 1000; do
		bundle=$(bundle "marked-$uid" "$HUSK_ROOTFS" ".process.user = {uid: $uid, gid: $uid}")
		set_args "$bundle" /bin/cat /proc/self/stat
		run_bundle 0 "$bundle"
		# shellcheck disable=SC2086
		set -- $output
		flags=$9
		[ $((flags & 0x100)) -ne 0 ] || fail "the flags of user $uid are $flags"
	done
}

@test "without a BPF file system a run starts, and is none that counts" {
	# Not for the namespace of the test alone, which the engine and its hooks run in.
	python_bundle job "${NEEDS[chown]}"
	# The host has one too, maybe, below the one that was mounted for the test.
	mount -t tmpfs none /sys/fs/bpf
	run_bundle 0 "$BUNDLE"
	umount /sys/fs/bpf
	has_event '.event == "run" and .modes.cap == "learn" and (.detail | test("no BPF file system is mounted at /sys/fs/bpf"))'
	[ "$(capabilities job)" = "" ]
	husk show --json job | jq -e '.revisions[0] | .clean_runs.cap == 0 and .runs_lossy == 0'
	husk check --json | jq -e '.items[] | select(.name == "capabilities") | .state == "ok"'
}

@test "an observer that the kernel refused is told of by each run and by husk check" {
	"$HUSK_OBSERVE" --remove
	# A kernel that does is not to be had here: a program that says what husk-observe would.
	printf '#!/bin/sh\necho "husk-observe: cannot load it: Operation not permitted" >&2\nexit 69\n' >"$T/observe"
	chmod +x "$T/observe"
	sed -i "s|^observe_program.*|observe_program = $T/observe|" "$CONF"
	python_bundle job "${NEEDS[chown]}"
	for _ in 1 2; do
		run_bundle 0 "$BUNDLE"
	done
	[ "$(event_count '.event == "run" and .modes.cap == "learn" and (.detail | contains("cannot load it"))')" -eq 2 ]
	husk check --json | jq -e '.items[] | select(.name == "capabilities") | .state == "degraded" and
		(.detail | contains("Operation not permitted")) and (.mend | contains("observe.failed"))'
	rm "$RUNTIME/observe.failed"
	sed -i "s|^observe_program.*|observe_program = $HUSK_OBSERVE|" "$CONF"
	sees job CHOWN
	nothing_left
}

@test "netfilter's hooks stay in use after a run, until they are given back" {
	# Until Linux 6.12 a link did not hold its network namespace: there is none.
	held=8
	[ "$(printf '6.12\n%s\n' "$(uname -r)" | sort -V | head -n 1)" = 6.12 ] || held=0
	python_bundle job 'pass'
	run_bundle 0 "$BUNDLE"
	[ "$(find /sys/fs/bpf/husk -name 'netfilter-*' | wc -l)" = "$held" ]
	expect 0 "$HUSK_OBSERVE" --remove
	[ "$(find /sys/fs/bpf/husk -type f)" = "" ]
	run_bundle 0 "$BUNDLE"
	[ "$(find /sys/fs/bpf/husk -name 'netfilter-*' | wc -l)" = "$held" ]
}
