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
