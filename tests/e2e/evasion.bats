# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154
# Ways to pass for somebody else, or for another file, in a function that is enforced; and what the
# process beside it can do.

load helpers

setup() {
	husk_setup
	DATA=$T/data
	mkdir -p "$DATA"
	echo "$SECRET" >"$DATA/audit.log"
}

teardown() {
	husk_teardown
}

# Appends to a log that it never reads, and writes a job under a new name each time.
WRITER='
import os, subprocess, sys, uuid
open("/data/audit.log", "a").write("served\n")
open("/data/job-%s.json" % uuid.uuid4(), "w").write("{}")
subprocess.run(["/usr/bin/okay"], check=True, stdout=subprocess.DEVNULL)
exec(os.environ.get("EXTRA", ""))
print("served")
'

# enforced [FILTER...]: the function, learned and enforced. /usr/bin/okay and /usr/bin/other are one file.
enforced() {
	ROOTFS=$(own_rootfs)
	cp "$ROOTFS/bin/true" "$ROOTFS/usr/bin/okay"
	ln "$ROOTFS/usr/bin/okay" "$ROOTFS/usr/bin/other"
	BUNDLE=$(bundle evasion "$ROOTFS" '.mounts += [{destination: "/data", type: "bind", source: "'"$DATA"'",
		options: ["rbind"]}]' "$@")
	set_python "$BUNDLE" "$WRITER"
	hook_bundle "$BUNDLE" evasion
	run_bundle 0 "$BUNDLE"
	run_bundle 0 "$BUNDLE"
	enforce_files evasion
	run_bundle 0 "$BUNDLE"
	no_event '.event == "denied"'
}

# attempt STATUS CODE: the function with the code at its end
attempt() {
	change_bundle "$BUNDLE" '.process.env |= map(select(startswith("EXTRA=") | not)) + ["EXTRA=" + $code]' \
		--arg code "$2"
	run_bundle "$1" "$BUNDLE"
	output_lacks "$SECRET"
}

# create ID: the runtime's create, whose process keeps the streams
create() {
	timeout 60 "$ENGINE" create --bundle "$BUNDLE" "$1" </dev/null >"$T/log" 2>&1 3>&-
}

@test "a rename does not make a file readable that may only be written" {
	enforced
	attempt 1 'name = "/data/job-%s.json" % uuid.uuid4()
os.rename("/data/audit.log", name)
print(open(name).read())'
	output_has "PermissionError"
	has_event '.event == "denied" and .operation == "read" and .key == "/data/audit.log"'
}

@test "an exchange of two names does not either" {
	enforced
	attempt 1 'import ctypes
name = "/data/job-%s.json" % uuid.uuid4()
open(name, "w").close()
if ctypes.CDLL(None).renameat2(-100, b"/data/audit.log", -100, name.encode(), 2) == 0:
    print(open(name).read())
else:
    sys.exit(1)'
	attempt 0 ''
}

@test "a look at another name of a program does not stop the program" {
	enforced
	attempt 0 'os.stat("/usr/bin/okay"); os.stat("/usr/bin/other")
subprocess.run(["/usr/bin/okay"], check=True)'
}

@test "a program that is bound over another's path does not pass for it" {
	enforced '.process.capabilities |= map_values(. + ["CAP_SYS_ADMIN"])' '.process.noNewPrivileges = false'
	attempt 0 'import ctypes, shutil
libc = ctypes.CDLL(None, use_errno=True)
python = os.path.realpath(sys.executable).encode()
def mounted(*words):
    assert libc.mount(*words) == 0, os.strerror(ctypes.get_errno())
assert libc.unshare(0x20000) == 0
mounted(b"none", b"/", None, 0x44000, None)
mounted(b"tmpfs", b"/mnt", b"tmpfs", 0, None)
shutil.copy(python, b"/mnt/python")
mounted(b"/mnt/python", python, None, 4096, None)
try:
    subprocess.run([python, "-I", "-S", "-c", "open(\"/data/audit.log\", \"a\").write(\"forged\")"], check=True)
    print("forged")
except (OSError, subprocess.CalledProcessError) as problem:
    print("stopped", problem)'
	output_has "stopped"
	run grep -c forged "$DATA/audit.log"
	[ "$output" = 0 ]
}

@test "an orphan in a pid namespace that is shared with another container is nobody special" {
	unshare --fork --pid --mount-proc sleep 60 >/dev/null 2>&1 3>&- &
	local sleeper=$! inner
	wait_until 10 pgrep -P "$sleeper" >/dev/null
	inner=$(pgrep -P "$sleeper")
	enforced '(.linux.namespaces[] | select(.type == "pid")) |= . + {path: "/proc/'"$inner"'/ns/pid"}'
	attempt 0 'import time
reader, writer = os.pipe()
if os.fork() == 0:
    parent = os.getpid()
    if os.fork() == 0:
        while os.getppid() == parent:
            time.sleep(0.01)
        try:
            print(open("/data/audit.log").read())
        except OSError as problem:
            print("orphan", problem.errno, flush=True)
    os._exit(0)
os.wait()
os.close(writer)
os.read(reader, 1)'
	output_has "orphan 13"
	kill "$inner" "$sleeper" 2>/dev/null || true
	output_lacks "$SECRET"
	has_event '.event == "denied" and .operation == "read" and .key == "/data/audit.log"'
}

@test "a process that entered before the start ends the start of an enforced function" {
	enforced
	local id
	id=$(new_id)
	create "$id" || fail "$(cat "$T/log")"
	grep -c served "$DATA/audit.log" >"$T/before"
	"$ENGINE" exec "$id" /bin/sleep 30 </dev/null >/dev/null 2>&1 3>&- &
	wait_until 10 pgrep -f -x "/bin/sleep 30" >/dev/null
	capture limited "$ENGINE" start "$id"
	stopped() { [ "$("$ENGINE" state "$id" | jq -r .status)" = stopped ]; }
	wait_until 20 stopped
	has_event '.event == "entered"'
	grep -c served "$DATA/audit.log" | diff "$T/before" -
	expect 0 "$ENGINE" delete --force "$id"
	nothing_left
}

@test "an entry point that becomes another file before it is executed ends an enforced container" {
	ROOTFS=$(own_rootfs)
	cp "$ROOTFS/bin/sh" "$ROOTFS/app/before"
	cp "$ROOTFS/bin/sh" "$ROOTFS/app/after"
	ln -s before "$ROOTFS/app/entry"
	BUNDLE=$(bundle replaced "$ROOTFS")
	set_args "$BUNDLE" /app/entry -c 'sleep 2; echo served'
	hook_bundle "$BUNDLE" replaced
	run_bundle 0 "$BUNDLE"
	change_bundle "$BUNDLE" '.hooks.createRuntime += [{path: "/bin/ln",
		args: ["ln", "-sfn", "after", "'"$ROOTFS/app/entry"'"]}]'
	ln -sfn before "$ROOTFS/app/entry"
	run_bundle 0 "$BUNDLE"
	output_has served
	has_event '.event == "degraded" and (.detail | contains("was replaced"))'
	husk mode replaced enforce
	ln -sfn before "$ROOTFS/app/entry"
	run_bundle 137 "$BUNDLE"
	output_lacks served
	has_event '.event == "refused" and (.detail | contains("was replaced"))'
	nothing_left
}

@test "what took the place of the entry point cannot go on to the real one with what it has opened" {
	ROOTFS=$(own_rootfs)
	cp "$ROOTFS/bin/sh" "$ROOTFS/app/before"
	printf '#!/bin/sh\nexec 9</\nexec /app/before "$@"\n' >"$ROOTFS/app/after"
	chmod 755 "$ROOTFS/app/after"
	ln -s before "$ROOTFS/app/entry"
	BUNDLE=$(bundle replaced "$ROOTFS")
	set_args "$BUNDLE" /app/entry -c 'readlink /proc/self/fd/9; echo served; true'
	hook_bundle "$BUNDLE" replaced
	run_bundle 0 "$BUNDLE"
	husk mode replaced enforce
	change_bundle "$BUNDLE" '.hooks.createRuntime += [{path: "/bin/ln",
		args: ["ln", "-sfn", "after", "'"$ROOTFS/app/entry"'"]}]'
	run_bundle 137 "$BUNDLE"
	output_lacks served
	has_event '.event == "refused" and (.detail | contains("was replaced"))'
	nothing_left
}

@test "so does one that is replaced by a rename between create and start" {
	ROOTFS=$(own_rootfs)
	cp "$ROOTFS/bin/sh" "$ROOTFS/app/entry"
	cp "$ROOTFS/bin/sh" "$ROOTFS/app/after"
	BUNDLE=$(bundle replaced "$ROOTFS")
	set_args "$BUNDLE" /app/entry -c 'sleep 2; echo served'
	hook_bundle "$BUNDLE" replaced
	run_bundle 0 "$BUNDLE"
	husk mode replaced enforce
	local id
	id=$(new_id)
	create "$id" || fail "$(cat "$T/log")"
	mv "$ROOTFS/app/after" "$ROOTFS/app/entry"
	expect 0 "$ENGINE" start "$id"
	stopped() { [ "$("$ENGINE" state "$id" | jq -r .status)" = stopped ]; }
	wait_until 20 stopped
	[ ! -s "$T/log" ] || fail "it ran: $(cat "$T/log")"
	has_event '.event == "refused" and (.detail | contains("was replaced"))'
	expect 0 "$ENGINE" delete --force "$id"
	nothing_left
}

@test "an open file that was sent out of the container does not keep its end back" {
	enforced
	python3 - "$DATA/socket" <<-'EOF' >/dev/null 2>&1 3>&- &
		import os, socket, sys
		server = socket.socket(socket.AF_UNIX)
		server.bind(sys.argv[1])
		server.listen()
		server.settimeout(60)
		peer, _ = server.accept()
		socket.recv_fds(peer, 1, 1)
		peer.send(b"x")
		socket.socket(socket.AF_UNIX).close()
		import time
		while not os.path.exists(sys.argv[1] + ".done"):
		    time.sleep(0.05)
	EOF
	local server=$!
	wait_until 10 test -S "$DATA/socket"
	husk mode evasion learn
	change_bundle "$BUNDLE" '.mounts += [{destination: "/socket", type: "bind", source: "'"$DATA/socket"'", options: ["bind"]}]'
	local before=$SECONDS
	attempt 0 'import socket
peer = socket.socket(socket.AF_UNIX)
peer.connect("/socket")
file = open("/etc/hostname")
socket.send_fds(peer, [b"x"], [file.fileno()])
peer.recv(1)'
	[ $((SECONDS - before)) -lt 20 ]
	nothing_left
	touch "$DATA/socket.done"
	wait "$server"
}

@test "a volume that holds a socket of the host's keeps working, and is told of" {
	python3 - "$DATA/socket" <<-'EOF' >/dev/null 2>&1 3>&- &
		import socket, sys
		server = socket.socket(socket.AF_UNIX)
		server.bind(sys.argv[1])
		server.listen()
		server.settimeout(60)
		server.accept()[0].send(b"from the host")
	EOF
	local server=$!
	wait_until 10 test -S "$DATA/socket"
	BUNDLE=$(bundle socket "$HUSK_ROOTFS" '.root.readonly = true
		| .mounts += [{destination: "/data", type: "bind", source: "'"$DATA"'", options: ["rbind"]}]')
	set_python "$BUNDLE" 'import socket
peer = socket.socket(socket.AF_UNIX)
peer.connect("/data/socket")
print(peer.recv(100))'
	hook_bundle "$BUNDLE" socket
	run_bundle 0 "$BUNDLE"
	output_has "from the host"
	has_event '.event == "degraded" and (.detail | contains("/data"))'
	wait "$server"
}

@test "a volume that holds a FIFO of the host's keeps working, both ways, and is told of" {
	mkfifo "$DATA/question" "$DATA/reply"
	BUNDLE=$(bundle fifo "$HUSK_ROOTFS" '.root.readonly = true
		| .mounts += [{destination: "/data", type: "bind", source: "'"$DATA"'", options: ["rbind"]}]')
	set_args "$BUNDLE" /bin/sh -c 'read -r line </data/question; echo "$line came" >/data/reply'
	hook_bundle "$BUNDLE" fifo
	start_run "$BUNDLE" </dev/null >"$T/out" 2>&1 3>&- &
	local run=$!
	timeout 20 sh -c 'echo word >"$1/question"; cat "$1/reply"' _ "$DATA" >"$T/reply"
	wait "$run" || fail "$(cat "$T/out")"
	[ "$(cat "$T/reply")" = "word came" ]
	has_event '.event == "degraded" and (.detail | contains("it holds a socket or a FIFO"))'
	nothing_left
}

@test "a mediator that may do no more than it needs serves as the file system below it" {
	ROOTFS=$(own_rootfs)
	cp "$HUSK_BUILD/tests/view/view-compare" "$ROOTFS/bin/"
	# What lies below /dev is the kernel's own.
	bundle=$(bundle compared "$ROOTFS" '.mounts += ["/served", "/dev/native" |
		{destination: ., type: "tmpfs", source: "tmpfs", options: ["mode=755"]}]
		| .process.capabilities |= map_values(["CHOWN", "DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER", "FSETID",
			"SETUID", "SETGID", "SETFCAP", "MKNOD", "LEASE", "LINUX_IMMUTABLE", "SYS_ADMIN"] | map("CAP_" + .))')
	set_args "$bundle" /bin/sh -c 'mkdir /served/x /dev/native/x; umask 0; view-compare /dev/native/x /served/x'
	hook_bundle "$bundle" compared
	run_bundle 0 "$bundle"
	output_has "ok 60"
	output_lacks "not ok"
	nothing_left
}

@test "the process beside a container keeps only the capabilities, calls and files that it needs" {
	local id effective bit pid
	BUNDLE=$(bundle confined "$HUSK_ROOTFS" '.root.readonly = true')
	set_args "$BUNDLE" /bin/sleep 60
	hook_bundle "$BUNDLE" confined
	id=$(new_id)
	create "$id" || fail "$(cat "$T/log")"
	expect 0 "$ENGINE" start "$id"
	pid=$(only_mediator)
	grep -q '^NoNewPrivs:	1$' "/proc/$pid/status"
	effective=$((16#$(awk '$1 == "CapPrm:" { print $2 }' "/proc/$pid/status")))
	# CAP_KILL, CAP_NET_RAW, CAP_SYS_MODULE, CAP_SYS_RAWIO, CAP_SYS_CHROOT, CAP_SYS_BOOT, CAP_BPF
	for bit in 5 13 16 17 18 22 39; do
		[ $((effective >> bit & 1)) -eq 0 ] || fail "capability $bit is kept"
	done
	# CAP_SYS_ADMIN, without which nothing could be passed through; CAP_NET_ADMIN for the rules
	[ $((effective >> 21 & 1)) -eq 1 ]
	[ $((effective >> 12 & 1)) -eq 1 ]
	if [ -z "${HUSK_E2E_SANITIZED-}" ]; then
		grep -q '^Seccomp:	2$' "/proc/$pid/status"
		[ "$(readlink "/proc/$pid/root")" = "$RUNTIME/empty" ]
		[ -z "$(ls -A "/proc/$pid/root")" ]
	fi
	expect 0 "$ENGINE" delete --force "$id"
	nothing_left
	# There are no rules to look after in the host's network namespace.
	BUNDLE=$(bundle confined-host "$HUSK_ROOTFS" '.root.readonly = true
		| .linux.namespaces |= map(select(.type != "network"))')
	set_args "$BUNDLE" /bin/sleep 60
	hook_bundle "$BUNDLE" confined-host
	id=$(new_id)
	create "$id" || fail "$(cat "$T/log")"
	expect 0 "$ENGINE" start "$id"
	effective=$((16#$(awk '$1 == "CapPrm:" { print $2 }' "/proc/$(only_mediator)/status")))
	[ $((effective >> 12 & 1)) -eq 0 ]
	expect 0 "$ENGINE" delete --force "$id"
	nothing_left
}
