# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154
# System calls: watched, told, refused; and what must go on as if nobody listened.

load helpers

KERNEL_CALLS=$HUSK_BUILD/tests/e2e/kernel-calls

setup() {
	husk_setup
}

teardown() {
	husk_teardown
}

# calls_bundle [JQ FILTER...]: a bundle of the function "calls", with /app/kernel-calls, and /work to write to. The
# root is not copied: nothing else is written. Sets $BUNDLE, and $WORK, where /work is.
calls_bundle() {
	WORK=$T/work
	mkdir -p "$T/app" "$WORK"
	cp "$KERNEL_CALLS" "$T/app/"
	BUNDLE=$(bundle calls "$HUSK_ROOTFS" '.root.readonly = true
		| .mounts += [{destination: "/app", type: "bind", source: "'"$T/app"'", options: ["bind"]},
			{destination: "/work", type: "bind", source: "'"$WORK"'", options: ["bind"]}]' "$@")
	hook_bundle "$BUNDLE" calls
}

# known_call NAME MEMBER: what the profile says of one call.
known_call() {
	husk show --json calls | jq -r --arg k "$1" --arg m "$2" \
		'.behaviours[] | select(.domain == "syscall" and .key == $k) | .[$m]'
}

# What attacks a kernel; each must be answered, whatever the kernel itself says.
ATTACKS="mount unshare clone ptrace process_vm_readv keyctl add_key io_uring_setup socket init_module bpf
	userfaultfd perf_event_open name_to_handle_at setns kexec_load personality memfd_create"

@test "calls outside of the base are learned by name, how often and since when" {
	calls_bundle
	set_python "$BUNDLE" 'import os, socket; socket.socket().close(); os.nice(0)'
	for _ in 1 2 3; do
		run_bundle 0 "$BUNDLE"
	done
	[ "$(known_call socket runs)" = 3 ]
	[ "$(known_call setpriority runs)" = 3 ]
	[ "$(known_call socket admitted)" = true ]
	[ -z "$(known_call openat runs)" ]
	known_call socket first_seen | grep -q '^20'
	has_event '.event == "run" and .modes.syscall == "learn"'
	expect 0 husk show --domain syscall calls
	grep -Eq "^syscall +syscall +socket " <<<"$output"
	nothing_left
}

@test "what is learned is what strace sees of the same run, but for the base" {
	calls_bundle
	base=$(sed -n '/^static const char \*const base/,/^};/s/^\t"\(.*\)",$/\1/p' "$HUSK_SOURCE/src/policy/calls.c" | sort)
	[ "$(wc -l <<<"$base")" -gt 100 ]
	local programs=(
		'import json; print(json.dumps([1]))'
		'import os, socket, threading
a, b = socket.socketpair(); os.nice(0); os.sync()
t = threading.Thread(target=lambda: os.setpgid(0, 0)); t.start(); t.join()
pid = os.fork()
if not pid:
    os.setsid()
    os.execv("/bin/sh", ["sh", "-c", "kill -0 $$; exec /app/kernel-calls personality memfd_create"])
os.wait()'
		'import subprocess; subprocess.run(["/bin/sh", "-c", "/app/kernel-calls mount keyctl ptrace & wait; chown 0 /work"])'
	)
	for n in 0 1 2; do
		set_python "$BUNDLE" "${programs[$n]}"
		hook_bundle "$BUNDLE" "calls-$n"
		expect 0 strace -f -qq --decode-pids=pidns -o "$T/strace" "$ENGINE" run --bundle "$BUNDLE" "$(new_id)"
		seen=$("$BATS_TEST_DIRNAME/call-record" "$T/strace" /usr/bin/python3 | xargs -n1 | sort)
		grep -qx openat <<<"$seen"
		learned=$(husk show --json "calls-$n" | jq -r '.behaviours[] | select(.domain == "syscall") | .key' | sort)
		[ "$learned" = "$(comm -23 <(echo "$seen") <(echo "$base"))" ] ||
			fail "strace saw $(xargs <<<"$seen"); learned were $(xargs <<<"$learned")"
		echo "# $(wc -l <<<"$seen") calls, outside of the base: $(xargs <<<"$learned")" >&3
	done
	[ "$(wc -w <<<"$learned")" -ge 3 ]
	nothing_left
}

@test "shadow tells what would be denied and denies nothing" {
	calls_bundle
	run_bundle 0 "$BUNDLE"
	expect 0 husk mode calls shadow --domain syscall
	[ "$(mode_of calls syscall)" = shadow ]
	[ "$(mode_of calls fs)" = learn ]
	set_args "$BUNDLE" /app/kernel-calls socketpair personality
	run_bundle 0 "$BUNDLE"
	[ "$output" = "socketpair ok
personality ok" ]
	has_event '.event == "would-deny" and .domain == "syscall" and .key == "socketpair" and .program == "/app/kernel-calls"'
	no_event '.event == "denied"'
	nothing_left
}

@test "what was never seen fails with EPERM, or ENOSYS where programs expect it, and is told" {
	calls_bundle
	set_args "$BUNDLE" /app/kernel-calls none
	run_bundle 0 "$BUNDLE"
	expect 0 husk mode calls enforce --domain syscall
	# shellcheck disable=SC2086
	set_args "$BUNDLE" /app/kernel-calls $ATTACKS clone3
	run_bundle 0 "$BUNDLE"
	for name in $ATTACKS; do
		case $name in
		io_uring_setup) output_has "$name ENOSYS" ;;
		*) output_has "$name EPERM" ;;
		esac
		[ "$name" = clone ] || has_event '.event == "denied" and .domain == "syscall" and .key == "'"$name"'"
			and .program == "/app/kernel-calls" and .pid > 1'
		[ "$name" = clone ] || [ "$(known_call "$name" denied)" = 1 ]
	done
	output_has "clone3 ENOSYS"
	[ "$(event_count '.event == "denied" and .key == "mount"')" = 1 ]
	[ "$(known_call mount class)" = guarded ]
	[ "$(known_call userfaultfd class)" = dangerous ]
	nothing_left
}

@test "calls of another ABI are denied, and one event says so" {
	[ "$(uname -m)" = x86_64 ] || skip "only x86-64 has these"
	calls_bundle
	# Some hypervisors give their guests no way in for i386: there a program that tries dies.
	i386=true
	"$HUSK_BUILD/tests/e2e/kernel-calls" i386 | grep -q 'i386 ok' || i386=false
	i386_says() {
		if $i386; then output_has "i386 $1"; else output_has "i386 died"; fi
	}
	set_args "$BUNDLE" /app/kernel-calls i386 i386 x32 x32
	run_bundle 0 "$BUNDLE"
	i386_says ok
	for abi in $($i386 && echo i386) x32; do
		[ "$(known_call "abi:$abi" admitted)" = false ]
		[ "$(known_call "abi:$abi" class)" = guarded ]
	done
	expect 0 husk mode calls enforce --domain syscall
	run_bundle 0 "$BUNDLE"
	i386_says EPERM
	output_has "x32 EPERM"
	for abi in $($i386 && echo i386) x32; do
		[ "$(event_count '.event == "denied" and .key == "abi:'"$abi"'"')" = 1 ]
	done
	expect 0 husk allow calls syscall abi:i386
	run_bundle 0 "$BUNDLE"
	i386_says ok
	output_has "x32 EPERM"
	nothing_left
}

@test "rings, keys and the like are not admitted by one run alone, and mounts by none" {
	calls_bundle
	set_args "$BUNDLE" /app/kernel-calls personality add_key mount
	for n in 1 2 3; do
		run_bundle 0 "$BUNDLE"
		[ "$(known_call personality admitted)" = "$([ "$n" -ge 3 ] && echo true || echo false)" ]
	done
	[ "$(known_call add_key admitted)" = true ]
	[ "$(known_call mount admitted)" = false ]
	expect 0 husk mode calls enforce --domain syscall
	run_bundle 0 "$BUNDLE"
	output_has "personality ok"
	output_has "mount EPERM"
	nothing_left
}

@test "a call that a person allows goes on in the container that runs" {
	calls_bundle
	run_bundle 0 "$BUNDLE"
	expect 0 husk mode calls enforce --domain syscall
	set_args "$BUNDLE" /bin/sh -c '/app/kernel-calls personality; echo >/work/asked
		read -r word; /app/kernel-calls personality'
	mkfifo "$T/words"
	start_run "$BUNDLE" <"$T/words" >"$T/out" 2>&1 3>&- &
	run=$!
	exec 5>"$T/words"
	wait_until 20 test -e "$WORK/asked"
	expect 0 husk allow calls syscall personality
	sleep 0.1 # a policy is looked at every 50 ms at most
	echo word >&5
	exec 5>&-
	wait "$run"
	[ "$(cat "$T/out")" = "personality EPERM
personality ok" ]
	nothing_left
}

# A program that makes calls which are asked about from threads and children while signals come, and counts.
BUSY='
import ctypes, os, signal, socket, subprocess, sys, threading
libc = ctypes.CDLL(None, use_errno=True)
handled = [0]
def handle(*_): handled[0] += 1
signal.signal(signal.SIGALRM, handle)
signal.siginterrupt(signal.SIGALRM, len(sys.argv) > 1)
signal.setitimer(signal.ITIMER_REAL, 0.002, 0.002)
done, bad = [0] * 4, []
def work(n):
    for i in range(400):
        a, b = socket.socketpair()
        a.send(b"%d" % i)
        if b.recv(16) != b"%d" % i: bad.append(i)
        a.close(); b.close()
        if os.getpgid(0) != os.getpgrp(): bad.append("pgid")
        done[n] += 1
threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
[t.start() for t in threads]
for i in range(20):
    chain = ["/bin/sh", "-c", "exec \"$0\" \"$@\""]
    p = subprocess.run(chain + chain + ["/bin/echo", str(i)], stdout=subprocess.PIPE)
    if p.stdout != b"%d\n" % i or p.returncode: bad.append(p)
[t.join() for t in threads]
pid = os.fork()
if pid == 0:
    os.setsid()
    os.kill(os.getpid(), signal.SIGTERM)
    os._exit(1)
signal.setitimer(signal.ITIMER_REAL, 0)
print(done, bad, os.waitpid(pid, 0)[1], handled[0] > 0)
'

@test "threads, children, signals and chains of exec work while calls are learned and enforced" {
	calls_bundle
	set_python "$BUNDLE" "$BUSY"
	for mode in learn shadow enforce; do
		run_bundle 0 "$BUNDLE"
		[ "$output" = "[400, 400, 400, 400] [] 15 True" ] || fail "$mode: $output"
		expect 0 husk mode calls "$mode" --domain syscall
	done
	run_bundle 0 "$BUNDLE"
	[ "$output" = "[400, 400, 400, 400] [] 15 True" ] || fail "enforced: $output"
	no_event '.domain == "syscall" and (.event == "denied" or .event == "would-deny")'
	[ "$(known_call socketpair runs)" = 3 ] # a filter that enforces lets it through unasked
	nothing_left
}

@test "the function sees no listener, and a mediator that dies leaves no call unanswered" {
	calls_bundle
	set_python "$BUNDLE" 'import os, socket, sys, time
links = [os.readlink("/proc/self/fd/" + n) for n in os.listdir("/proc/self/fd") if os.path.islink("/proc/self/fd/" + n)]
print([l for l in links if "seccomp" in l], os.path.exists("/.husk-launch-listener-00003"))
print([l for l in open("/proc/self/status") if l.startswith(("NoNewPrivs", "Seccomp_f"))])
sys.stdout.flush()
open("/work/ready", "w").close()
time.sleep(30)'
	start_run "$BUNDLE" >"$T/out" 2>&1 3>&- &
	run=$!
	wait_until 20 test -e "$WORK/ready"
	[ "$(cat "$T/out")" = "[] False
['NoNewPrivs:\t1\n', 'Seccomp_filters:\t1\n']" ] || fail "$(cat "$T/out")"
	kill -KILL "$(only_mediator)"
	expect 0 "$ENGINE" kill "$(tail -n 1 "$T/ids")" KILL
	wait "$run" || true
	wait_until 20 no_husk_process
}

@test "a mediator that dies while calls wait for it ends them, and the run" {
	calls_bundle
	set_python "$BUNDLE" 'import os, socket, threading
def ask():
    try:
        while True:
            for end in socket.socketpair():
                end.close()
    except OSError as problem:
        os._exit(problem.errno)
for _ in range(4):
    threading.Thread(target=ask).start()
open("/work/ready", "w").close()'
	for _ in 1 2 3; do
		rm -f "$WORK/ready"
		start_run "$BUNDLE" >"$T/out" 2>&1 3>&- &
		run=$!
		wait_until 20 test -e "$WORK/ready"
		kill -KILL "$(only_mediator)"
		status=0
		wait "$run" || status=$?
		[ "$status" -eq 38 ] || fail "exit status $status and not ENOSYS: $(cat "$T/out")"
	done
	# What they had seen is taken in, and is no promise.
	set_args "$BUNDLE" /app/kernel-calls none
	run_bundle 0 "$BUNDLE"
	husk show --json calls | jq -e '.revisions[0] | .runs == 4 and .runs_lossy == 3'
	nothing_left
}

@test "programs that gain privileges go on to, and the run says what that costs" {
	calls_bundle '.process.noNewPrivileges = false | .process.user = {uid: 1000, gid: 1000}'
	cp "$HUSK_ROOTFS/usr/bin/id" "$T/app/as-root"
	chmod 4755 "$T/app/as-root"
	set_args "$BUNDLE" /bin/sh -c '/app/as-root -u'
	for _ in 1 2 3; do
		run_bundle 0 "$BUNDLE"
		[ "$output" = 0 ]
	done
	has_event '.event == "run" and .modes.syscall == "unavailable" and (.detail | contains("no_new_privs"))'
	for mode in shadow enforce; do
		expect 0 husk mode calls "$mode"
		run_bundle 0 "$BUNDLE"
		[ "$output" = 0 ]
	done
	has_event '.event == "degraded" and .domain == "syscall" and (.detail | contains("gain privileges"))'
	expect 0 husk show calls
	grep -q '^syscall  enforce .*; unavailable in the last run: .*gain privileges' <<<"$output"
	grep -q '^exec     enforce .*auto.* gives it back$' <<<"$output"
	husk show --json calls | jq -e '.revisions[0] | .last_run_modes.syscall == "unavailable" and
		.last_run_modes.exec == "enforce" and (.last_run_lowered.syscall | contains("gain privileges"))'
	[ "$(husk show --json calls | jq -r '.behaviours[] | select(.key == "/app/as-root") | .class_reason')" = \
		"gains privileges" ]
	nothing_left
}

@test "without no_new_privs by the engine, calls are watched once the programs are known" {
	calls_bundle '.process.noNewPrivileges = false'
	set_args "$BUNDLE" /app/kernel-calls socketpair
	run_bundle 0 "$BUNDLE"
	[ -z "$(known_call socketpair runs)" ]
	expect 0 husk mode calls enforce
	# enforced by hand before anything is known of its calls: they are learned
	run_bundle 0 "$BUNDLE"
	[ "$output" = "socketpair ok" ]
	has_event '.event == "degraded" and .domain == "syscall" and .mode == "learn"'
	[ "$(known_call socketpair runs)" = 1 ]
	run_bundle 0 "$BUNDLE"
	[ "$output" = "socketpair ok" ]
	has_event '.event == "run" and .modes.syscall == "enforce"'
	set_args "$BUNDLE" /app/kernel-calls personality
	run_bundle 0 "$BUNDLE"
	[ "$output" = "personality EPERM" ]
	nothing_left
}

@test "where somebody listens already, the function runs and the run says that nobody watched" {
	calls_bundle
	set_args "$BUNDLE" /app/kernel-calls socketpair personality
	run_bundle 0 "$BUNDLE"
	expect 0 timeout 60 "$KERNEL_CALLS" listen "$ENGINE" run --bundle "$BUNDLE" "$(new_id)"
	output_has "personality ok"
	has_event '.event == "degraded" and .domain == "syscall" and .mode == "unavailable"'
	[ "$(husk show --json calls | jq '.revisions[0].runs_lossy')" = 1 ]
	[ "$(known_call socketpair runs)" = 1 ]
	expect 0 husk mode calls enforce --domain syscall
	set_args "$BUNDLE" /app/kernel-calls socketpair unshare
	expect 0 timeout 60 "$KERNEL_CALLS" listen "$ENGINE" run --bundle "$BUNDLE" "$(new_id)"
	output_has "socketpair ok"
	output_has "unshare EPERM"
	nothing_left
}

@test "what an engine executes into a container has no filter of husk's" {
	calls_bundle
	set_args "$BUNDLE" /app/kernel-calls none
	run_bundle 0 "$BUNDLE"
	expect 0 husk mode calls enforce --domain syscall
	set_args "$BUNDLE" /bin/sh -c 'echo >/work/up; sleep 30'
	start_run "$BUNDLE" >/dev/null 2>&1 3>&- &
	run=$!
	wait_until 20 test -e "$WORK/up"
	id=$(tail -n 1 "$T/ids")
	expect 0 "$ENGINE" exec "$id" /app/kernel-calls socketpair
	output_has "socketpair ok"
	expect 0 "$ENGINE" kill "$id" KILL
	wait "$run" || true
	nothing_left
}

# given PROFILE: runs the bundle with this profile of the engine's, and sets $given to what show's JSON tells of it.
given() {
	change_bundle "$BUNDLE" ".linux.seccomp = $1"
	run_bundle 0 "$BUNDLE"
	given=$(husk show --json calls | jq '.revisions[0].calls_given')
}

@test "show tells how many calls the engine lets through, beside those that were made" {
	calls_bundle
	set_args "$BUNDLE" /app/kernel-calls socketpair personality
	given null
	[ "$given" = '"all"' ]
	expect 0 husk show calls
	grep -Eq '^System calls: the engine lets all through; runs have made 2 outside of the base of 1[0-9]+ \(husk\(7\)\)$' <<<"$output"
	given '{defaultAction: "SCMP_ACT_ALLOW"}'
	all=$given
	[ "$all" -gt 200 ]
	# One by two rules, one with some arguments only, one of another architecture's.
	given '{defaultAction: "SCMP_ACT_ALLOW", syscalls: [
		{names: ["mount", "bpf", "_llseek"], action: "SCMP_ACT_ERRNO"}, {names: ["bpf"], action: "SCMP_ACT_ERRNO"},
		{names: ["keyctl"], action: "SCMP_ACT_ERRNO", args: [{index: 0, value: 77, op: "SCMP_CMP_EQ"}]}]}'
	[ "$given" -eq $((all - 3)) ]
	expect 0 husk show --domain syscall calls
	output_has "System calls: the engine lets $given through; runs have made 2 outside "
	expect 0 husk show --domain fs calls
	output_lacks 'System calls:'
	# It is the engine's of this machine: what comes from another one says nothing of it.
	husk export calls >"$T/document"
	husk forget calls
	expect 0 husk import "$T/document"
	husk show --json calls | jq -e '.revisions[0] | has("calls_given") and .calls_given == null'
	expect 0 husk show calls
	output_has socketpair
	output_lacks 'System calls:'
	# Who makes none is told of too.
	hook_bundle "$BUNDLE" spare
	set_args "$BUNDLE" /app/kernel-calls none
	run_bundle 0 "$BUNDLE"
	expect 0 husk show spare
	output_has "System calls: the engine lets $given through; runs have made none outside "
	nothing_left
}

@test "an engine's profile that kills for all that the program itself does without is left alone" {
	calls_bundle '.process.noNewPrivileges = true
		| .linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", syscalls: [{action: "SCMP_ACT_KILL_PROCESS",
			names: ["chdir", "statx", "dup3", "capget", "capset", "seccomp", "prctl", "faccessat"]}]}'
	# What is "." the kernel is asked for: no shell's own idea of it.
	set_args "$BUNDLE" /usr/bin/python3 -B -c 'import os; print(os.getcwd(), os.stat(".").st_ino == os.stat("/").st_ino,
		os.stat(".").st_dev == os.stat("/").st_dev, os.path.exists("etc/debian_version"))'
	parity "$BUNDLE"
	output_has "/ True True True"
	has_event '.event == "run"'
	change_bundle "$BUNDLE" '.process.cwd = "/work"'
	hook_bundle "$BUNDLE" calls
	run_bundle 0 "$BUNDLE"
	output_has "/work False"
	has_event '.event == "degraded" and (.detail | contains("process.cwd"))'
	nothing_left
}

@test "an engine's profile that kills whoever installs a filter is left alone" {
	calls_bundle '.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW",
		syscalls: [{names: ["seccomp"], action: "SCMP_ACT_KILL_PROCESS"}]}'
	set_args "$BUNDLE" /app/kernel-calls socketpair
	run_bundle 0 "$BUNDLE"
	[ "$output" = "socketpair ok" ]
	has_event '.event == "run" and .modes.syscall == "unavailable" and (.detail | contains("the engine'"'"'s filter"))'
	nothing_left
}
