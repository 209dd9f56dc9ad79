# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154
# Sockets and FIFOs in volumes that a function and the host meet by.

load helpers

setup() {
	husk_setup
	DATA=$T/data
	mkdir -p "$DATA"
}

teardown() {
	husk_teardown
}

# Serves one client at $SOCKET, for as long as a test may want to wait. With INSIDE the path begins in the
# directory of the socket, which stays the view's in this run.
SERVER='
import os, socket
path = os.environ["SOCKET"]
server = socket.socket(socket.AF_UNIX)
if "INSIDE" in os.environ:
    os.chdir(os.path.dirname(path))
    server.bind(os.path.basename(path))
else:
    server.bind(path)
server.listen()
server.settimeout(float(os.environ.get("PATIENCE", "20")))
open(os.path.dirname(path) + "/ready", "w").close()
try:
    peer, _ = server.accept()
    peer.send(b"from the function")
    print("served")
except TimeoutError:
    print("nobody came")
os.unlink(path)
'

# ask PATH: what the socket's server says, or the name of the error.
ask() {
	python3 - "$1" <<-'EOF'
		import errno, socket, sys
		peer = socket.socket(socket.AF_UNIX)
		peer.settimeout(20)
		try:
		    peer.connect(sys.argv[1])
		    print(peer.recv(100).decode())
		except OSError as problem:
		    print(errno.errorcode[problem.errno])
	EOF
}

# server_bundle NAME POINT [FILTER...]: serves at the socket POINT/s, where $DATA is mounted. Sets $BUNDLE.
server_bundle() {
	local name=$1 point=$2
	shift 2
	BUNDLE=$(bundle "$name" "$HUSK_ROOTFS" '.root.readonly = true
		| .process.env += ["SOCKET='"$point"'/s"]
		| .mounts += [{destination: "/tmp", type: "tmpfs", source: "tmpfs", options: ["mode=1777"]},
			{destination: "'"$point"'", type: "bind", source: "'"$DATA"'", options: ["rbind"]}]' "$@")
	set_python "$BUNDLE" "$SERVER"
}

# serve PATH: a run of $BUNDLE. Sets $answer, what the host got from the socket at PATH, and $output.
serve() {
	local run
	rm -f "$DATA/ready"
	start_run "$BUNDLE" </dev/null >"$T/out" 2>&1 3>&- &
	run=$!
	wait_until 20 test -e "$DATA/ready"
	answer=$(ask "$1")
	wait "$run" || fail "$(cat "$T/out")"
	output=$(cat "$T/out")
}

# Fn's own names; the function makes the socket after its start.
@test "Fn's listener directory is attached natively, whatever names the function" {
	server_bundle fn /tmp/iofs '.process.env += ["FN_FN_ID=one", "FN_LISTENER=unix:/tmp/iofs/s"]'
	hook_bundle "$BUNDLE"
	serve "$DATA/s"
	[ "$answer" = "from the function" ]
	[ "$output" = served ]
	has_event '.event == "degraded" and (.detail | contains("'"'/tmp/iofs' is not mediated: the detector table"'"))'

	hook_bundle "$BUNDLE" named
	serve "$DATA/s"
	[ "$answer" = "from the function" ]
	husk mode named enforce
	serve "$DATA/s"
	[ "$answer" = "from the function" ]
	no_event '.event == "denied"'
	nothing_left
}

@test "an image's own words make no other volume native, and none that is not mounted right there" {
	mkdir -p "$DATA/iofs"
	local point
	for point in /data /tmp; do
		server_bundle other "$point" '.process.env += ["PATIENCE=1", "INSIDE=", "FN_FN_ID=one", "FN_LISTENER=unix:'"$point"'/s"]' \
			'.mounts |= map(select(.destination != "/tmp" or .type == "bind"))'
		hook_bundle "$BUNDLE"
		serve "$DATA/s"
		[ "$answer" = ECONNREFUSED ]
		[ "$output" = "nobody came" ]
	done
	no_event '.detail // "" | contains("is not mediated")'
	husk show --json one | jq -e '.behaviours[] | select(.access == "create" and .key == "/data/s")' >/dev/null
}

# made_in_volume NAME: a function whose first run has made a socket that the host could not reach.
made_in_volume() {
	server_bundle "$1" /data '.process.env += ["PATIENCE=1", "INSIDE="]'
	hook_bundle "$BUNDLE" "$1"
	serve "$DATA/s"
	[ "$answer" = ECONNREFUSED ]
	[ "$output" = "nobody came" ]
	patience 20
}

patience() {
	change_bundle "$BUNDLE" '.process.env |= map(select(startswith("PATIENCE=") | not)) + ["PATIENCE='"$1"'"]'
}

reached() {
	serve "$DATA/s"
	[ "$answer" = "from the function" ] && [ "$output" = served ] || fail "the host got: $answer"
}

is_native() {
	has_event '.run == "'"$(last_run)"'" and (.detail // "" | contains("'"'$1' is not mediated: the function and the host meet"'"))'
}

last_run() {
	events '.event == "run"' | tail -n 1 | jq -r .run
}

@test "a volume in which a function makes a socket is native from the next run on, in every mode" {
	made_in_volume made
	[ "$(event_count '.event == "degraded" and (.detail | contains("/data/s"))')" -eq 1 ]
	has_event '.event == "degraded" and (.detail | contains("later ones have that volume natively"))'
	expect 0 husk show made
	output_has "the function meets the host by sockets or FIFOs there"
	[ "$(husk show --json made | jq -r '.native[] | select(.kind == "sockets") | .path')" = /data ]
	local mode
	for mode in learn shadow enforce; do
		husk mode made $mode
		reached
		is_native /data
	done
	# what is learned natively of other directories is left out by chance; this is not
	write_conf "mediate_one_in = 1"
	reached
	no_event '.event == "denied"'
	nothing_left
}

@test "a socket that is made first in shadow counts as well" {
	server_bundle shadowed /data '.process.env += ["PATIENCE=1", "INSIDE="]'
	hook_bundle "$BUNDLE" shadowed
	set_args "$BUNDLE" /bin/true
	run_bundle 0 "$BUNDLE"
	husk mode shadowed shadow
	set_python "$BUNDLE" "$SERVER"
	serve "$DATA/s"
	[ "$answer" = ECONNREFUSED ]
	patience 20
	reached
	is_native /data
}

@test "what was learned of sockets in volumes travels, and what a person denied keeps the volume mediated" {
	made_in_volume travels
	husk export travels >"$T/profile"
	husk forget travels
	husk import "$T/profile"
	reached
	is_native /data
	husk deny travels create /data/other
	patience 1
	serve "$DATA/s"
	[ "$answer" = ECONNREFUSED ]
	[ "$output" = "nobody came" ]
}

@test "a FIFO counts as a socket does, a file does not, and of two volumes only the one that holds it" {
	mkdir -p "$DATA/inner" "$T/other"
	BUNDLE=$(bundle fifo "$HUSK_ROOTFS" '.root.readonly = true
		| .mounts += [{destination: "/data", type: "bind", source: "'"$DATA"'", options: ["rbind"]},
			{destination: "/data/inner", type: "bind", source: "'"$T/other"'", options: ["rbind"]},
			{destination: "/work", type: "tmpfs", source: "tmpfs", options: ["mode=1777"]}]')
	# the same name was a file before: that is another behaviour
	set_python "$BUNDLE" 'import os
os.mkfifo("/work/fifo")
open("/data/file", "w").close()
open("/data/inner/fifo", "w").close()
os.unlink("/data/inner/fifo")
os.mkfifo("/data/inner/fifo")
os.unlink("/data/inner/fifo")'
	hook_bundle "$BUNDLE" fifo
	run_bundle 0 "$BUNDLE"
	[ "$(husk show --json fifo | jq -r '[.native[] | select(.kind == "sockets") | .path] | join(" ")')" = /data/inner ]
	rm "$DATA/file"
	run_bundle 0 "$BUNDLE"
	is_native /data/inner
	no_event '.detail // "" | contains("'"'/data' is not"'") or contains("/work")'
}

@test "what an enforced function makes does not take a volume out of the view" {
	BUNDLE=$(bundle attack "$HUSK_ROOTFS" '.root.readonly = true
		| .mounts += [{destination: "/data", type: "bind", source: "'"$DATA"'", options: ["rbind"]}]')
	set_python "$BUNDLE" 'import os
open("/data/job", "w").close()
os.unlink("/data/job")'
	hook_bundle "$BUNDLE" attack
	run_bundle 0 "$BUNDLE"
	enforce_files attack
	run_bundle 0 "$BUNDLE"
	set_python "$BUNDLE" 'import os, socket
for name in "job", "new":
    try: os.mkfifo("/data/" + name)
    except PermissionError: print("refused", name)
try: socket.socket(socket.AF_UNIX).bind("/data/job")
except PermissionError: print("refused socket")
open("/data/job", "w").close()
os.unlink("/data/job")'
	run_bundle 0 "$BUNDLE"
	output_has 'refused job'
	output_has 'refused new'
	output_has 'refused socket'
	has_event '.event == "denied" and .operation == "create" and .key == "/data/job"'
	[ "$(event_count '.event == "degraded" and (.detail | contains("a volume where none was learned"))')" -eq 1 ]
	husk show --json attack | jq -e '[.native[] | select(.kind == "sockets")] == []' >/dev/null
	# nor once what was denied may be made
	husk allow attack create /data/new
	run_bundle 0 "$BUNDLE"
	output_has 'refused new'
	husk show --json attack | jq -e '[.native[] | select(.kind == "sockets")] == []' >/dev/null
	[ ! -e "$DATA/new" ]
	run_bundle 0 "$BUNDLE"
	no_event '.detail // "" | contains("is not mediated")'
}

@test "a volume like /run, whose sockets lie in directories, is native as well" {
	mkdir -p "$DATA/daemon/private"
	python3 - "$DATA/daemon/private/s" <<-'EOF' >/dev/null 2>&1 3>&- &
		import socket, sys
		server = socket.socket(socket.AF_UNIX)
		server.bind(sys.argv[1])
		server.listen()
		server.settimeout(60)
		server.accept()[0].send(b"from the host")
	EOF
	local server=$!
	wait_until 10 test -S "$DATA/daemon/private/s"
	BUNDLE=$(bundle deep "$HUSK_ROOTFS" '.root.readonly = true
		| .mounts += [{destination: "/data", type: "bind", source: "'"$DATA"'", options: ["rbind"]}]')
	set_python "$BUNDLE" 'import socket
peer = socket.socket(socket.AF_UNIX)
peer.connect("/data/daemon/private/s")
print(peer.recv(100))'
	hook_bundle "$BUNDLE" deep
	run_bundle 0 "$BUNDLE"
	output_has "from the host"
	has_event '.event == "degraded" and (.detail | contains("it holds a socket or a FIFO"))'
	wait "$server"
}

met() {
	has_event '.event == "degraded" and .run == "'"$(last_run)"'"
		and (.detail | contains("'"'$1' is not mediated from now on: the function $2"'"))'
}

@test "the host reaches a socket in the run in which a function makes it first, in learn and in shadow" {
	server_bundle first /data
	hook_bundle "$BUNDLE" first
	reached
	met /data "makes a socket in it"
	no_event '.detail // "" | contains("cannot reach")'
	[ "$(husk show --json first | jq -r '.native[] | select(.kind == "sockets") | .path')" = /data ]
	reached
	is_native /data
	husk mode first enforce
	reached
	is_native /data
	no_event '.event == "denied"'

	server_bundle second /data
	hook_bundle "$BUNDLE" second
	set_args "$BUNDLE" /bin/true
	run_bundle 0 "$BUNDLE"
	husk mode second shadow
	set_python "$BUNDLE" "$SERVER"
	reached
	met /data "makes a socket in it"
	has_event '.event == "would-deny" and .operation == "create" and .key == "/data/s"'
	nothing_left
}

@test "it is found by links and in directories, and what was open in the volume goes on" {
	mkdir -p "$DATA/sub/deep"
	ln -s sub/deep "$DATA/link"
	echo before >"$DATA/file"
	server_bundle links /data '.process.env |= map(select(startswith("SOCKET=") | not)) + ["SOCKET=/work/to/s"]
		| .mounts += [{destination: "/work", type: "tmpfs", source: "tmpfs", options: ["mode=1777"]}]'
	set_python "$BUNDLE" 'import os
os.symlink("/data/link", "/work/to")
old = open("/data/file", "r+")
old.write("BEFORE")
'"$SERVER"'
old.write("!")
old.flush()
assert open("/data/file").read() == "BEFORE!", open("/data/file").read()
assert os.path.samefile("/data/file", "/work/to/../../file")
open("/data/after", "w").write("after")'
	hook_bundle "$BUNDLE" links
	DATA=$DATA/sub/deep serve "$DATA/sub/deep/s"
	[ "$answer" = "from the function" ] || fail "the host got: $answer"
	met /data "makes a socket in it"
	[ "$(cat "$DATA/file")" = 'BEFORE!' ]
	[ "$(cat "$DATA/after")" = after ]
	[ "$(husk show --json links | jq -r '.native[] | select(.kind == "sockets") | .path')" = /data/sub/deep ]
	DATA=$DATA/sub/deep serve "$DATA/sub/deep/s"
	[ "$answer" = "from the function" ]
	is_native /data
	nothing_left
}

# Greets whoever connects, until it is killed. Says so in the file ready beside it.
greet() {
	python3 - "$1" <<-'EOF' >/dev/null 2>&1 3>&- &
		import socket, sys
		server = socket.socket(socket.AF_UNIX)
		server.bind(sys.argv[1])
		server.listen()
		server.settimeout(60)
		while True:
		    server.accept()[0].send(b"from the host")
	EOF
	greeter=$!
	wait_until 10 test -S "$1"
}

CLIENT='
import os, socket, time
open("/data/started", "w").close()
while not os.path.exists("/data/go"): time.sleep(0.01)
def ask(path):
    peer = socket.socket(socket.AF_UNIX)
    try:
        peer.connect(path)
        return peer.recv(100).decode()
    except OSError as problem:
        return problem.strerror
print(ask("/data/host-made.sock"), ask("/data/none"))
'

# run_client [SOCKET]: a run of $BUNDLE, during which the host makes the socket. Sets $output.
run_client() {
	local run socket=${1:-$DATA/host-made.sock}
	rm -f "$DATA/started" "$DATA/go" "$socket"
	start_run "$BUNDLE" </dev/null >"$T/out" 2>&1 3>&- &
	run=$!
	wait_until 20 test -e "$DATA/started"
	greet "$socket"
	touch "$DATA/go"
	wait "$run" || fail "$(cat "$T/out")"
	kill "$greeter"
	output=$(cat "$T/out")
}

@test "a function reaches a socket that the host makes while it runs" {
	BUNDLE=$(bundle client "$HUSK_ROOTFS" '.root.readonly = true
		| .mounts += [{destination: "/data", type: "bind", source: "'"$DATA"'", options: ["rbind"]}]')
	set_python "$BUNDLE" "$CLIENT"
	hook_bundle "$BUNDLE" client
	run_client
	[ "$output" = "from the host No such file or directory" ] || fail "$output"
	met /data "connects to a socket"
	run_client
	[ "$output" = "from the host No such file or directory" ] || fail "$output"
	is_native /data
	husk mode client enforce
	run_client
	[ "$output" = "from the host No such file or directory" ] || fail "$output"
	is_native /data
	no_event '.event == "denied"'
	nothing_left
}

@test "a volume that is attached while the container runs has the flags that the engine gave it" {
	mkdir "$T/locked"
	cp "$HUSK_ROOTFS/bin/true" "$T/locked"
	BUNDLE=$(bundle locked "$HUSK_ROOTFS" '.root.readonly = true
		| .mounts += [{destination: "/data", type: "bind", source: "'"$DATA"'", options: ["rbind"]},
			{destination: "/locked", type: "bind", source: "'"$T/locked"'", options: ["rbind", "ro", "noexec", "nosuid"]}]')
	set_python "$BUNDLE" "${CLIENT//\/data\/host-made/\/locked\/host-made}"'
import subprocess
def attempt(what):
    try: return what()
    except OSError as problem: return problem.strerror
print(attempt(lambda: open("/locked/new", "w")))
print(attempt(lambda: subprocess.run("/locked/true")))
print(os.statvfs("/locked").f_flag & (os.ST_RDONLY | os.ST_NOSUID | os.ST_NOEXEC) == os.ST_RDONLY | os.ST_NOSUID | os.ST_NOEXEC)'
	hook_bundle "$BUNDLE" locked
	run_client "$T/locked/host-made.sock"
	met /locked "connects to a socket"
	output_has "from the host"
	output_has "Read-only file system"
	output_has "Permission denied"
	output_has True
	[ ! -e "$T/locked/new" ]
}

@test "what does not lead into a volume stays as it is, and so does a volume that is no plain one" {
	mkdir -p "$DATA/denied" "$DATA/nested" "$T/denied" "$T/nested" "$T/inner"
	BUNDLE=$(bundle plain "$HUSK_ROOTFS" '.root.readonly = true
		| .mounts += [{destination: "/work", type: "tmpfs", source: "tmpfs", options: ["mode=1777"]},
			{destination: "/data", type: "bind", source: "'"$DATA"'", options: ["rbind"]},
			{destination: "/data/denied", type: "bind", source: "'"$T/denied"'", options: ["rbind"]},
			{destination: "/data/nested", type: "bind", source: "'"$T/nested"'", options: ["rbind"]}]')
	set_args "$BUNDLE" /bin/true
	hook_bundle "$BUNDLE" plain
	run_bundle 0 "$BUNDLE"
	husk deny plain read /data/denied/secret
	set_python "$BUNDLE" 'import ctypes, os, socket, threading
def pair(address):
    server, client = socket.socket(socket.AF_UNIX), socket.socket(socket.AF_UNIX)
    server.bind(address)
    server.listen()
    client.connect(address)
    server.accept()[0].send(b"x")
    assert client.recv(1) == b"x"
pair("\0abstract")
pair("/work/s")
pair("/data/denied/s")
os.chdir("/work")
pair("relative")
server, client = socket.socket(), socket.socket()
server.bind(("127.0.0.1", 0))
server.listen()
client.connect(server.getsockname())
for path in "/proc/self/cwd/x/y", "/data/none/s", "/work/s", "/data/" + "a" * 100:
    try: socket.socket(socket.AF_UNIX).bind(path)
    except OSError: pass
libc = ctypes.CDLL(None, use_errno=True)
for address, size in ((8, 110), (-1, 3), (8, 0), (8, 1 << 31)):
    assert libc.bind(server.fileno(), ctypes.c_void_p(address), ctypes.c_uint(size)) == -1'
	run_bundle 0 "$BUNDLE"
	no_event '.detail // "" | contains("is not mediated")'
	nothing_left
}

@test "twenty threads that make sockets in two volumes at once are all reached" {
	mkdir "$T/other"
	BUNDLE=$(bundle many "$HUSK_ROOTFS" '.root.readonly = true
		| .mounts += [{destination: "/data", type: "bind", source: "'"$DATA"'", options: ["rbind"]},
			{destination: "/other", type: "bind", source: "'"$T/other"'", options: ["rbind"]}]')
	set_python "$BUNDLE" 'import os, socket, threading, time
def serve(number):
    server = socket.socket(socket.AF_UNIX)
    server.bind(("/data/%d", "/other/%d")[number % 2] % number)
    server.listen()
    server.settimeout(20)
    server.accept()[0].send(b"from the function")
threads = [threading.Thread(target=serve, args=(number,)) for number in range(20)]
for thread in threads: thread.start()
for thread in threads: thread.join()'
	hook_bundle "$BUNDLE" many
	start_run "$BUNDLE" </dev/null >"$T/out" 2>&1 3>&- &
	local run=$! number
	for number in $(seq 0 19); do
		local place=$DATA
		[ $((number % 2)) -eq 0 ] || place=$T/other
		wait_until 20 test -S "$place/$number"
		wait_until 5 eval '[ "$(ask "'"$place/$number"'")" = "from the function" ]'
	done
	wait "$run" || fail "$(cat "$T/out")"
	met /data "makes a socket in it"
	met /other "makes a socket in it"
	nothing_left
}

@test "a socket that was made in the view is still found there" {
	server_bundle kept /data '.process.env += ["PATIENCE=0.1", "INSIDE="]'
	set_python "$BUNDLE" 'import os, socket
os.chdir("/data")
server, client = socket.socket(socket.AF_UNIX), socket.socket(socket.AF_UNIX)
server.bind("inner")
server.listen()
client.connect("/data/inner")
server.accept()
other = socket.socket(socket.AF_UNIX)
other.bind("/data/later")
client = socket.socket(socket.AF_UNIX)
client.connect("inner")'
	hook_bundle "$BUNDLE" kept
	run_bundle 0 "$BUNDLE"
	has_event '.event == "degraded" and (.detail | contains("cannot reach"))'
	no_event '.detail // "" | contains("from now on")'
	rm "$DATA"/*
	run_bundle 0 "$BUNDLE"
	is_native /data
}

@test "in a user namespace too, but not for a process with mounts of its own" {
	chmod 777 "$DATA"
	server_bundle userns /data '.linux.namespaces += [{type: "user"}]
		| .linux.uidMappings = [{containerID: 0, hostID: 0, size: 65536}]
		| .linux.gidMappings = [{containerID: 0, hostID: 0, size: 65536}]
		| .process.capabilities |= map_values(. + ["CAP_SYS_ADMIN"])'
	hook_bundle "$BUNDLE" userns
	reached
	met /data "makes a socket in it"

	server_bundle apart /data '.process.env += ["PATIENCE=1"] | .linux.namespaces += [{type: "user"}]
		| .linux.uidMappings = [{containerID: 0, hostID: 0, size: 65536}]
		| .linux.gidMappings = [{containerID: 0, hostID: 0, size: 65536}]
		| .process.capabilities |= map_values(. + ["CAP_SYS_ADMIN"])'
	set_python "$BUNDLE" 'import ctypes, os, sys
if os.fork():
    sys.exit(os.waitstatus_to_exitcode(os.wait()[1]))
assert ctypes.CDLL(None).unshare(0x20000) == 0
'"$SERVER"
	hook_bundle "$BUNDLE" apart
	serve "$DATA/s"
	[ "$answer" = ECONNREFUSED ] || fail "$answer"
	no_event '.function == "apart" and (.detail // "" | contains("from now on"))'
	nothing_left
}

@test "an address in memory that the view has to read first is read" {
	write_conf "passthrough = no"
	head -c 4096 /dev/zero >"$DATA/page"
	python3 -c 'import sys; sys.stdout.buffer.write(b"\1\0/data/s\0")' | dd of="$DATA/page" conv=notrunc status=none
	server_bundle page /data
	set_python "$BUNDLE" 'import ctypes, mmap, os, socket
libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = ctypes.c_void_p
page = os.open("/data/page", os.O_RDWR)
address = libc.mmap(None, ctypes.c_size_t(4096), 3, 2, page, ctypes.c_long(0))
class Server:
    def bind(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        assert libc.bind(self.socket.fileno(), ctypes.c_void_p(address), 10) == 0, os.strerror(ctypes.get_errno())
    def __getattr__(self, name): return getattr(self.socket, name)
'"${SERVER/server = socket.socket(socket.AF_UNIX)/server = Server()}"
	hook_bundle "$BUNDLE" page
	reached
	met /data "makes a socket in it"
	nothing_left
}

# What begins a function that goes on when the host has made /data/go.
AWAIT='
import os, time
open("/data/started", "w").close()
while not os.path.exists("/data/go"): time.sleep(0.01)
'

@test "a denial that comes while the container runs keeps a volume in the view as well" {
	server_bundle replaced /data '.process.env += ["PATIENCE=1"]'
	hook_bundle "$BUNDLE" replaced
	set_args "$BUNDLE" /bin/true
	run_bundle 0 "$BUNDLE"
	set_python "$BUNDLE" "$AWAIT$SERVER"
	start_run "$BUNDLE" </dev/null >"$T/out" 2>&1 3>&- &
	local run=$!
	wait_until 20 test -e "$DATA/started"
	husk allow replaced read /data/file
	sleep 1
	husk deny replaced create /data/other
	sleep 1
	touch "$DATA/go"
	wait_until 20 test -e "$DATA/ready"
	answer=$(ask "$DATA/s")
	wait "$run" || fail "$(cat "$T/out")"
	[ "$answer" = ECONNREFUSED ] || fail "$answer"
	no_event '.detail // "" | contains("from now on")'
	nothing_left
}

@test "a function that is enforced while it runs makes no volume native any more" {
	server_bundle between /data '.process.env += ["PATIENCE=1"]'
	hook_bundle "$BUNDLE" between
	set_args "$BUNDLE" /bin/true
	run_bundle 0 "$BUNDLE"
	set_python "$BUNDLE" "${AWAIT}try:
${SERVER//$'\n'/$'\n'    }
except PermissionError: print('refused')"
	start_run "$BUNDLE" </dev/null >"$T/out" 2>&1 3>&- &
	local run=$!
	wait_until 20 test -e "$DATA/started"
	husk mode between --domain fs enforce
	sleep 1
	touch "$DATA/go"
	wait "$run" || fail "$(cat "$T/out")"
	[ "$(cat "$T/out")" = refused ]
	no_event '.detail // "" | contains("from now on")'
	husk show --json between | jq -e '[.native[] | select(.kind == "sockets")] == []' >/dev/null
	nothing_left
}

@test "a first process with a root of its own has nothing attached elsewhere" {
	mkdir -p "$T/other" "$T/work/data"
	touch "$T/other/in-other"
	BUNDLE=$(bundle rooted "$HUSK_ROOTFS" '.root.readonly = true
		| .process.capabilities |= map_values(. + ["CAP_SYS_CHROOT"])
		| .mounts += [{destination: "/work", type: "bind", source: "'"$T/work"'", options: ["rbind"]},
			{destination: "/work/data", type: "bind", source: "'"$T/other"'", options: ["rbind"]},
			{destination: "/data", type: "bind", source: "'"$DATA"'", options: ["rbind"]}]')
	set_python "$BUNDLE" 'import os, socket
outside = os.open("/", os.O_RDONLY)
os.chroot("/work")
os.chdir("/")
socket.socket(socket.AF_UNIX).bind("/data/s")
os.fchdir(outside)
os.chroot(".")
print(os.listdir("/data"), sorted(os.listdir("/work/data")))'
	hook_bundle "$BUNDLE" rooted
	run_bundle 0 "$BUNDLE"
	[ "$output" = "[] ['in-other', 's']" ] || fail "$output"
	no_event '.detail // "" | contains("from now on")'
	[ "$(husk show --json rooted | jq -r '.native[] | select(.kind == "sockets") | .path')" = /work/data ]
	nothing_left
}

@test "a call that fails makes no volume native, in this run or in later ones" {
	mkdir -p "$DATA" "$T/ro" "$T/super" "$T/own"
	mount -t tmpfs -o size=1m none "$T/super"
	touch "$DATA/taken"
	mount -o remount,ro "$T/super"
	chmod 755 "$T/own" "$DATA"
	BUNDLE=$(bundle fails "$HUSK_ROOTFS" '.root.readonly = true | .process.user = {uid: 1000, gid: 1000}
		| .process.capabilities = {}
		| .mounts += [{destination: "/data", type: "bind", source: "'"$DATA"'", options: ["rbind"]},
			{destination: "/own", type: "bind", source: "'"$T/own"'", options: ["rbind"]},
			{destination: "/super", type: "bind", source: "'"$T/super"'", options: ["rbind"]},
			{destination: "/ro", type: "bind", source: "'"$T/ro"'", options: ["rbind", "ro"]}]')
	local fails='import ctypes, errno, os, socket
def fails(path):
    try: socket.socket(socket.AF_UNIX).bind(path)
    except OSError as problem: return errno.errorcode[problem.errno]
    raise SystemExit("bound " + path)
print(*[fails(path) for path in ("/own/s", "/own/taken", "/own/", "/own/.", "/own/../own/..", "/ro/s", "/super/s", "/data/taken", "/data/taken/s")], flush=True)'
	set_python "$BUNDLE" "$fails
if os.fork() == 0:
    assert ctypes.CDLL(None).unshare(0x10000000) == 0
    print(fails('/own/s'))
else:
    os.wait()"
	hook_bundle "$BUNDLE" fails
	touch "$T/own/taken"
	chmod 777 "$T/ro"
	run_bundle 0 "$BUNDLE"
	output_has "EACCES EADDRINUSE EADDRINUSE EADDRINUSE EADDRINUSE EROFS EROFS EADDRINUSE ENOTDIR"
	[ "${output##*$'\n'}" = EACCES ]
	no_event '.detail // "" | contains("from now on") or contains("cannot reach")'
	husk show --json fails | jq -e '[.native[] | select(.kind == "sockets")] == []' >/dev/null
	# with the rights it does
	chmod 775 "$T/own"
	chgrp 4321 "$T/own"
	change_bundle "$BUNDLE" '.process.user.additionalGids = [1234, 4321]'
	set_python "$BUNDLE" 'import socket
socket.socket(socket.AF_UNIX).bind("/own/s")'
	run_bundle 0 "$BUNDLE"
	met /own "makes a socket in it"
	umount "$T/super"
	nothing_left
}

@test "a socket that the function may not connect to makes no volume native" {
	BUNDLE=$(bundle shut "$HUSK_ROOTFS" '.root.readonly = true | .process.user = {uid: 1000, gid: 1000}
		| .process.capabilities = {}
		| .mounts += [{destination: "/data", type: "bind", source: "'"$DATA"'", options: ["rbind"]}]')
	chmod 777 "$DATA"
	mkdir "$DATA/shut"
	set_python "$BUNDLE" "${CLIENT/\"\/data\/none\"/\"\/data\/shut\/s\"}"
	hook_bundle "$BUNDLE" shut
	(umask 077; run_client "$DATA/shut/s"; [ "$output" = "No such file or directory Permission denied" ] || fail "$output")
	(umask 022; run_client; [ "$output" = "Permission denied Permission denied" ] || fail "$output")
	no_event '.detail // "" | contains("from now on")'
	(umask 0; run_client; [ "$output" = "from the host Permission denied" ] || fail "$output")
}

@test "a volume that a process works in stays in the view for this run" {
	server_bundle cwd /data '.process.cwd = "/data" | .process.env += ["PATIENCE=1"]'
	set_python "$BUNDLE" "$SERVER"'
import subprocess, tempfile
with tempfile.NamedTemporaryFile(dir=".", delete=False) as file: pass
os.replace(file.name, "/data/one")
os.replace("/data/one", "two")
assert os.path.samefile(".", "/data")'
	hook_bundle "$BUNDLE" cwd
	serve "$DATA/s"
	[ "$answer" = ECONNREFUSED ] || fail "$answer"
	has_event '.event == "degraded" and (.detail | contains("cannot reach"))'
	no_event '.detail // "" | contains("from now on")'
	# another process than the one that binds
	server_bundle child /data '.process.env += ["PATIENCE=1"]'
	set_python "$BUNDLE" 'import subprocess
child = subprocess.Popen(["/bin/sleep", "60"], cwd="/data")
'"$SERVER"'
child.kill()'
	hook_bundle "$BUNDLE" child
	serve "$DATA/s"
	[ "$answer" = ECONNREFUSED ] || fail "$answer"
	patience 20
	reached
	is_native /data
	nothing_left
}

@test "what the function could not connect to in one run it reaches in the next" {
	BUNDLE=$(bundle inside "$HUSK_ROOTFS" '.root.readonly = true | .process.cwd = "/data"
		| .mounts += [{destination: "/data", type: "bind", source: "'"$DATA"'", options: ["rbind"]}]')
	set_python "$BUNDLE" "${CLIENT/\/data\/host-made.sock/host-made.sock}"
	hook_bundle "$BUNDLE" inside
	run_client
	[ "$output" = "Connection refused No such file or directory" ] || fail "$output"
	[ "$(event_count '.event == "degraded" and (.detail | contains("cannot reach '"'/data/host-made.sock'"'"))')" -eq 1 ]
	run_client
	[ "$output" = "from the host No such file or directory" ] || fail "$output"
	is_native /data
	nothing_left
}

@test "a FIFO that is made in one volume keeps no other in the view" {
	mkdir "$T/other"
	server_bundle apart /data '.mounts += [{destination: "/other", type: "bind", source: "'"$T/other"'", options: ["rbind"]}]'
	set_python "$BUNDLE" 'import os
os.mkfifo("/other/fifo")
'"$SERVER"
	hook_bundle "$BUNDLE" apart
	reached
	met /data "makes a socket in it"
	nothing_left
}

@test "a denial in a volume that is native already is told to wait for the next run" {
	server_bundle late /data
	hook_bundle "$BUNDLE" late
	set_args "$BUNDLE" /bin/true
	run_bundle 0 "$BUNDLE"
	set_python "$BUNDLE" "$SERVER"
	start_run "$BUNDLE" </dev/null >"$T/out" 2>&1 3>&- &
	local run=$!
	wait_until 20 test -e "$DATA/ready"
	husk deny late create /data/other
	wait_until 5 has_event '.event == "degraded" and (.detail | contains("'"'/data' stays native in this run, although denied by hand was '/data/other'"'"))'
	husk deny late create /data/another
	[ "$(ask "$DATA/s")" = "from the function" ]
	wait "$run"
	patience 1
	serve "$DATA/s"
	[ "$answer" = ECONNREFUSED ]
	[ "$(event_count '.detail // "" | contains("stays native")')" -eq 1 ]
	nothing_left
}
