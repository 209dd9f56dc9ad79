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

# Serves one client at $SOCKET, for as long as a test may want to wait.
SERVER='
import os, socket
path = os.environ["SOCKET"]
server = socket.socket(socket.AF_UNIX)
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
		server_bundle other "$point" '.process.env += ["PATIENCE=1", "FN_FN_ID=one", "FN_LISTENER=unix:'"$point"'/s"]' \
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
	server_bundle "$1" /data '.process.env += ["PATIENCE=1"]'
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
	has_event '.run == "'"$(last_run)"'" and (.detail // "" | contains("'"'$1' is not mediated: the function makes"'"))'
}

last_run() {
	events '.event == "run"' | tail -n 1 | jq -r .run
}

@test "a volume in which a function makes a socket is native from the next run on, in every mode" {
	made_in_volume made
	[ "$(event_count '.event == "degraded" and (.detail | contains("/data/s"))')" -eq 1 ]
	has_event '.event == "degraded" and (.detail | contains("later ones have that volume natively"))'
	expect 0 husk show made
	output_has "the function makes sockets or FIFOs there"
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
	server_bundle shadowed /data '.process.env += ["PATIENCE=1"]'
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
