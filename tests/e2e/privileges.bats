# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154
# What husk-launch takes away before the real program: functions that need something keep exactly that.

load helpers

setup() {
	[ -e "$HUSK_OBSERVE" ] || skip "husk-observe was not built"
	[ "$(stat -f -c %T /sys/fs/bpf)" = bpf_fs ] || skip "this host has no BPF file system"
	husk_setup 'trust_podman_annotations = yes'
}

teardown() {
	husk_teardown
}

# What Podman gives, and raw sockets.
GIVEN='["CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_FSETID", "CAP_KILL", "CAP_NET_BIND_SERVICE",
	"CAP_SETFCAP", "CAP_SETGID", "CAP_SETPCAP", "CAP_SETUID", "CAP_SYS_CHROOT", "CAP_NET_RAW"]'

# A function says first which capabilities it has, as bits; a child of it has the same.
HAS='import os, subprocess
def has(which): return [int(l.split()[1], 16) for l in open("/proc/self/status") if l.startswith(which)][0]
print("%x" % has("CapPrm"), "%x" % has("CapEff"), "%x" % (has("CapBnd") | has("CapInh") | has("CapAmb")), flush=True)
'

# function_of NAME CODE [JQ FILTER...]: sets $BUNDLE
function_of() {
	local name=$1 code=$2
	shift 2
	BUNDLE=$(bundle "$name" "$HUSK_ROOTFS" '.root.readonly = true
		| .process.capabilities = ({bounding: '"$GIVEN"', effective: '"$GIVEN"', permitted: '"$GIVEN"'})
		| .mounts += [{destination: "/tmp", type: "tmpfs", source: "tmpfs", options: ["mode=1777"]}]' "$@")
	set_args "$BUNDLE" /usr/bin/python3 -B -I -c "$HAS$code"
	hook_bundle "$BUNDLE" "$name"
}

enforce_caps() {
	expect 0 husk mode "$1" --domain cap enforce
	expect 0 husk mode "$1" --domain syscall enforce
}

declare -gA CODE=(
	[none]='import json, socket, threading; socket.socketpair(); open("/tmp/x", "w").write(json.dumps([1]))'
	[web]='import socket; s = socket.socket(); s.bind(("127.0.0.1", 80)); s.listen(); print(s.getsockname()[1])'
	[chown]='open("/tmp/x", "w"); os.chown("/tmp/x", 1000, 1000); print(os.stat("/tmp/x").st_uid)'
	[drops]='os.setgroups([]); os.setgid(1000); os.setuid(1000); print(os.getuid())'
	[ping]='print(subprocess.run(["/bin/busybox", "ping", "-c", "1", "127.0.0.1"], stdout=-3).returncode)'
)
declare -gA NEEDED=([none]="" [web]=NET_BIND_SERVICE [chown]=CHOWN [drops]=SETUID [ping]=NET_RAW)
declare -gA BITS=([CHOWN]=0 [DAC_OVERRIDE]=1 [FOWNER]=3 [FSETID]=4 [KILL]=5 [SETGID]=6 [SETUID]=7 [NET_BIND_SERVICE]=10
	[NET_RAW]=13)

# kept FUNCTION: what it was seen to use, as bits in hexadecimal. What a function above cannot do without is there.
kept() {
	local name mask=0 used
	used=$(husk show --json "$1" | jq -r '.behaviours[] | select(.domain == "cap") | .key | ltrimstr("CAP_")')
	grep -qxF "${NEEDED[$1]}" <<<"$used" || fail "$1 uses $used"
	for name in $used; do
		mask=$((mask | 1 << BITS[$name]))
	done
	printf "%x" "$mask"
}

@test "husk-launch needs no loader, and is smaller than 64 KiB" {
	[ "$(stat -c %s "$HUSK_LAUNCH")" -lt 65536 ]
	expect 0 readelf --program-headers "$HUSK_LAUNCH"
	output_has LOAD
	output_lacks INTERP
}

@test "each function keeps what it was seen to need, works, and has nothing else" {
	for function in "${!CODE[@]}"; do
		function_of "$function" "${CODE[$function]}"
		# raw sockets are not admitted by one run alone
		for _ in 1 2 3; do
			run_bundle 0 "$BUNDLE"
		done
		learned=$(tail -n +2 <<<"$output")
		enforce_caps "$function"
		run_bundle 0 "$BUNDLE"
		keeps=$(kept "$function")
		[ "$output" = "$keeps $keeps $keeps${learned:+
$learned}" ] || fail "$function keeps $keeps: $output"
	done
	has_event '.event == "run" and .modes.cap == "enforce" and .modes.syscall == "enforce"'
	no_event '.event == "denied" or .event == "degraded"'
	nothing_left
}

@test "each function withstands an attacker within it, and serves again" {
	for function in "${!CODE[@]}"; do
		function_of "$function" "${CODE[$function]}"
		for _ in 1 2 3; do
			run_bundle 0 "$BUNDLE"
		done
		expect 0 husk mode "$function" enforce
		run_bundle 0 "$BUNDLE"
		works=$output
		function_of "$function" "${CODE[$function]}
$(cat "$BATS_TEST_DIRNAME/function-attacks.py")"
		run_bundle 0 "$BUNDLE"
		attacks=$(grep '^attack ' <<<"$output")
		[ "$(wc -l <<<"$attacks")" -ge 41 ]
		# who pings may make sockets for it, and what they send is judged (raw.bats)
		[ "$function" != ping ] || attacks=$(grep -v ' raw6\? ' <<<"$attacks")
		! grep ' ok$' <<<"$attacks" || fail "$function was not stopped"
		for key in memfd_create ptrace unshare mount keyctl userfaultfd; do
			has_event '.event == "denied" and .function == "'"$function"'" and .key == "'$key'"'
		done
		function_of "$function" "${CODE[$function]}"
		run_bundle 0 "$BUNDLE"
		[ "$output" = "$works" ] || fail "$function: $output"
	done
	no_event '.event == "degraded"'
	nothing_left
}

@test "what a function never needed is refused, also to its children, and told" {
	function_of none 'import json'
	run_bundle 0 "$BUNDLE"
	run_bundle 0 "$BUNDLE"
	expect 0 husk mode none --domain cap enforce
	function_of none 'open("/tmp/x", "w")
try: os.chown("/tmp/x", 1000, 1000)
except PermissionError as e: print(e.errno)
print(subprocess.run(["/bin/chown", "1000", "/tmp/x"], stderr=-3).returncode)
print(open("/proc/self/status").read().count("CapEff:\t0000000000000000"))'
	run_bundle 0 "$BUNDLE"
	[ "$output" = "0 0 0
1
1
1" ] || fail "$output"
	has_event '.event == "denied" and .domain == "cap" and .key == "CAP_CHOWN"'
	expect 0 husk allow none cap CAP_CHOWN
	run_bundle 0 "$BUNDLE"
	# os.chown() says nothing any more, and chown(1) succeeds
	[ "$output" = "1 1 1
0
0" ] || fail "$output"
	nothing_left
}

@test "functions of Node.js and of the shell end with what they used, work, and have nothing else" {
	HUSK_ROOTFS=$HUSK_TOOLS_ROOTFS
	has='/bin/grep -E "^Cap(Prm|Eff|Bnd)" /proc/self/status | /bin/sed -E "s/.*:.0*(.)/\\1/" | /usr/bin/xargs'
	server='const http = require("http"), fs = require("fs"), {execFileSync} = require("child_process"),
		{Worker} = require("worker_threads");
	console.log(execFileSync("/bin/sh", ["-c", process.argv[1]]).toString().trim());
	new Worker("require(\"worker_threads\").parentPort.postMessage(42)", {eval: true}).on("message", answer => {
		fs.writeFileSync("/tmp/x", String(answer));
		const server = http.createServer((q, r) => r.end(fs.readFileSync("/tmp/x")));
		server.listen(80, "127.0.0.1", () => http.get({host: "127.0.0.1", agent: false}, r => {
			r.on("data", data => { console.log(String(data)); process.exit(0); });
		}));
	});'
	works() {
		for _ in 1 2 3; do
			run_bundle 0 "$BUNDLE"
			[ "$output" = "$1" ] || fail "$output"
		done
	}
	function_of node ''
	set_args "$BUNDLE" /usr/bin/node -e "$server" "$has"
	works "800425fb 800425fb 800425fb
42"
	expect 0 husk mode node enforce
	works "400 400 400
42"
	function_of shell ''
	set_args "$BUNDLE" /bin/sh -c 'cd /tmp; echo word >x; chmod 600 x; mv x y; sed s/o/0/ y | sort | tr w W; '"$has"
	works "W0rd
800425fb 800425fb 800425fb"
	expect 0 husk mode shell enforce
	works "W0rd
0 0 0"
	no_event '.event == "denied" or .event == "degraded"'
	nothing_left
}

@test "a helper that gains privileges gains what the function was seen to need, and no more" {
	mkdir "$T/app"
	for name in cat chown; do
		cp "$HUSK_ROOTFS/bin/$name" "$T/app/"
		chmod 4755 "$T/app/$name"
	done
	helped='r = lambda *words: subprocess.run(words, user=1000, stdout=-1, stderr=-3)
print([l.split()[1].lstrip("0") for l in r("/app/cat", "/proc/self/status").stdout.decode().splitlines() if "CapEff" in l])
'
	helper() {
		function_of helper "$1" '.process.noNewPrivileges = false
			| .mounts += [{destination: "/app", type: "bind", source: "'"$T/app"'", options: ["bind"]}]'
	}
	helper "$helped"
	for _ in 1 2 3; do
		run_bundle 0 "$BUNDLE"
		output_has "['800425fb']"
	done
	expect 0 husk mode helper --domain cap enforce
	helper "${helped}open('/tmp/x', 'w'); print('chown', r('/app/chown', '1000', '/tmp/x').returncode)"
	run_bundle 0 "$BUNDLE"
	[ "$output" = "80 80 80
['80']
chown 1" ] || fail "$output"
	has_event '.event == "denied" and .key == "CAP_CHOWN" and .detail == "by \u0027chown\u0027"'
	# Calls cannot be watched with it, which is said, and all else holds.
	expect 0 husk mode helper enforce
	husk forget helper
	helper "$helped"
	run_bundle 0 "$BUNDLE"
	expect 0 husk mode helper enforce
	helper "$helped
$(cat "$BATS_TEST_DIRNAME/function-attacks.py")"
	run_bundle 0 "$BUNDLE"
	output_has "['80']"
	has_event '.event == "degraded" and .domain == "syscall" and (.detail | contains("gain privileges"))'
	for attack in drop loader shell execveat descriptor descriptor-shm mount umount setns pivot_root raw packet; do
		grep -Eq "^attack $attack E" <<<"$output" || fail "$output"
	done
	nothing_left
}

@test "a program that gains privileges does not end what is enforced, unless a person allows it" {
	mkdir "$T/app"
	cp "$HUSK_ROOTFS/usr/bin/id" "$T/app/as-root"
	chmod 4755 "$T/app/as-root"
	served() {
		function_of late "import socket; socket.socketpair()$1" '.process.noNewPrivileges = false
			| .process.user = {uid: 1000, gid: 1000}
			| .mounts += [{destination: "/app", type: "bind", source: "'"$T/app"'", options: ["bind"]}]'
		run_bundle 0 "$BUNDLE"
	}
	served ''
	expect 0 husk mode late --domain exec shadow
	served ''
	enforce_caps late
	for _ in 1 2 3 4; do
		served '; print(subprocess.run(["/app/as-root", "-u"], stdout=-1).stdout.decode().strip())'
		[ "$(tail -n 1 <<<"$output")" = 1000 ] || fail "$output"
	done
	has_event '.event == "would-deny" and .domain == "exec" and .key == "/app/as-root"'
	has_event '.event == "run" and .modes.cap == "enforce" and .modes.syscall == "enforce"
		and (.detail // "" | contains("exec: programs that gain privileges gain none"))'
	no_event '.event == "degraded"'
	served '
try: socket.socket(socket.AF_ALG)
except PermissionError as e: print(e.errno)'
	[ "$(tail -n 1 <<<"$output")" = 1 ] || fail "$output"
	expect 0 husk allow late exec /app/as-root
	served '; print(subprocess.run(["/app/as-root", "-u"], stdout=-1).stdout.decode().strip())'
	[ "$(tail -n 1 <<<"$output")" = 0 ] || fail "$output"
	has_event '.event == "degraded" and .domain == "syscall" and (.detail | contains("gain privileges"))'
	nothing_left
}

@test "an entry point that gains privileges gains them, and the run says what cannot be had" {
	mkdir "$T/app"
	for name in file-capability set-user-id; do
		cp "$HUSK_ROOTFS/bin/grep" "$T/app/$name"
	done
	setcap cap_net_bind_service+ep "$T/app/file-capability"
	chmod 4755 "$T/app/set-user-id"
	for name in file-capability set-user-id; do
		function_of "$name" '' '.process.noNewPrivileges = false | .process.user = {uid: 1000, gid: 1000}
			| .mounts += [{destination: "/app", type: "bind", source: "'"$T/app"'", options: ["bind"]}]'
		set_args "$BUNDLE" "/app/$name" -E '^(Cap(Prm|Eff)|NoNewPrivs)' /proc/self/status
		FUNCTION=$name parity "$BUNDLE"
		learned=$output
		output_has 'NoNewPrivs:	0'
		output_lacks 'CapEff:	0000000000000000'
		expect 0 husk mode "$name" enforce
		run_bundle 0 "$BUNDLE"
		[ "$output" = "$learned" ] || fail "$output"
		for domain in cap syscall; do
			has_event '.event == "degraded" and .function == "'"$name"'" and .domain == "'$domain'" and .mode == "unavailable"'
		done
	done
	nothing_left
}

@test "a user's ambient capabilities are lowered to what is needed" {
	function_of ambient "${CODE[web]}" '.process.user = {uid: 1000, gid: 1000}
		| .process.capabilities |= with_entries(.value = ["CAP_NET_BIND_SERVICE", "CAP_CHOWN"])
		| .process.capabilities.ambient = .process.capabilities.bounding
		| .process.capabilities.inheritable = .process.capabilities.bounding'
	run_bundle 0 "$BUNDLE"
	[ "$(head -n 1 <<<"$output")" = "401 401 401" ] || fail "$output"
	run_bundle 0 "$BUNDLE"
	expect 0 husk mode ambient --domain cap enforce
	run_bundle 0 "$BUNDLE"
	# without CAP_SETPCAP the bounding set stays, and no_new_privs lets nothing come back from it
	[ "$output" = "400 400 401
80" ] || fail "$output"
	nothing_left
}

@test "where what is dropped would come back, nothing is dropped, and an event says so" {
	function_of back "${CODE[none]}" '.process.noNewPrivileges = false
		| .process.capabilities |= map_values(["CAP_CHOWN"])'
	run_bundle 0 "$BUNDLE"
	run_bundle 0 "$BUNDLE"
	expect 0 husk mode back --domain cap enforce
	run_bundle 0 "$BUNDLE"
	[ "$output" = "1 1 1" ]
	has_event '.event == "degraded" and .domain == "cap" and (.detail | contains("CAP_SETPCAP"))'
	# once its programs are known, no_new_privs is set
	expect 0 husk mode back --domain exec shadow
	run_bundle 0 "$BUNDLE"
	[ "$output" = "0 0 1" ]
	nothing_left
}

@test "where the engine's profile lets nothing be dropped, an enforced function is refused" {
	function_of closed "${CODE[none]}"
	run_bundle 0 "$BUNDLE"
	expect 0 husk mode closed --domain cap enforce
	run_bundle 0 "$BUNDLE"
	[ "$output" = "0 0 0" ]
	change_bundle "$BUNDLE" '.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW",
		syscalls: [{names: ["capset"], action: "SCMP_ACT_ERRNO"}]}'
	capture limited start_run "$BUNDLE"
	[ "$status" -ne 0 ]
	has_event '.event == "refused" and (.detail | startswith("the domain \u0027cap\u0027 cannot be enforced"))'
	write_conf 'degrade = yes'
	run_bundle 0 "$BUNDLE"
	[ "$output" = "800425fb 800425fb 800425fb" ] || fail "$output"
	has_event '.event == "degraded" and .domain == "cap"'
	nothing_left
}

@test "under podman's own profile a function is watched and enforced, and its denials are seen" {
	podman_setup
	expect 0 husk hooks install --directory "$T/hooks.d" --hook-program "$HUSK_HOOK" podman
	cp "$HUSK_BUILD/tests/e2e/kernel-calls" "$T/"
	run_pod() {
		podman_run 0 --annotation husk.function=pod --annotation husk.revision=1 -v "$T/kernel-calls:/app/kernel-calls:ro" --read-only \
			--rootfs "$HUSK_ROOTFS" "$@"
	}
	run_pod /app/kernel-calls socketpair
	has_event '.event == "run" and .modes.syscall == "unavailable"'
	expect 0 husk mode pod --domain exec shadow
	run_pod /app/kernel-calls socketpair
	[ "$output" = "socketpair ok" ]
	expect 0 husk mode pod --domain syscall enforce
	run_pod /app/kernel-calls socketpair keyctl userfaultfd
	output_has "socketpair ok"
	output_has "keyctl EPERM"
	output_lacks "userfaultfd ok"
	has_event '.event == "denied" and .key == "keyctl"'
	# what podman's profile refuses is not asked about
	no_event '.event == "denied" and .key == "userfaultfd"'
	# Who is executed into it has what podman gives, and nothing of husk's.
	expect 0 husk mode pod --domain cap enforce
	expect 0 timeout 60 podman "${PODMAN[@]}" run --detach --name "$NAME" "${PODMAN_RUN[@]}" --annotation husk.function=pod \
		--annotation husk.revision=1 -v "$T/kernel-calls:/app/kernel-calls:ro" --read-only --rootfs "$HUSK_ROOTFS" \
		/bin/sh -c 'while :; do sleep 1; done'
	holds() { timeout 60 podman "${PODMAN[@]}" exec "$NAME" /bin/grep "^$2:" "/proc/$1/status" | cut -f2; }
	[ "$(holds 1 CapBnd) $(holds 1 NoNewPrivs)" = "0000000000000000 1" ]
	[ "$(holds self CapBnd)" != 0000000000000000 ]
	[ "$(holds self NoNewPrivs)" = 0 ]
	[ "$(holds 1 Seccomp_filters)" -eq $(($(holds self Seccomp_filters) + 1)) ]
	expect 0 timeout 60 podman "${PODMAN[@]}" exec "$NAME" /app/kernel-calls memfd_create
	output_has "memfd_create ok"
	expect 0 timeout 60 podman "${PODMAN[@]}" rm --force --time 0 "$NAME"
	nothing_left_of_podman
}
