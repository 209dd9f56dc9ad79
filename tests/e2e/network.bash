# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2034,SC2154
#
# Networks for tests: CLIENT_NS, where functions run (10.99.0.2, fd99::2), and SERVER_NS (10.99.0.1, fd99::1,
# 203.0.113.1, and a metadata service's 169.254.169.254), joined by a veth pair.

network_setup() {
	local base=husk-$$-$BATS_TEST_NUMBER
	T=$BATS_TEST_TMPDIR
	CLIENT_NS=$base-c
	SERVER_NS=$base-s
	ip netns add "$CLIENT_NS"
	ip netns add "$SERVER_NS"
	ip -n "$SERVER_NS" link add eth0 type veth peer name eth0 netns "$CLIENT_NS"
	local ns
	for ns in "$CLIENT_NS" "$SERVER_NS"; do
		ip -n "$ns" link set lo up
		ip -n "$ns" link set eth0 up
	done
	ip -n "$CLIENT_NS" addr add 10.99.0.2/24 dev eth0
	ip -n "$CLIENT_NS" addr add fd99::2/64 dev eth0 nodad
	ip -n "$CLIENT_NS" route add default via 10.99.0.1
	ip -n "$SERVER_NS" addr add 10.99.0.1/24 dev eth0
	ip -n "$SERVER_NS" addr add fd99::1/64 dev eth0 nodad
	ip -n "$SERVER_NS" addr add 203.0.113.1/32 dev lo
	ip -n "$SERVER_NS" addr add 169.254.169.254/32 dev lo
	ip netns exec "$CLIENT_NS" sysctl -qw net.ipv4.ping_group_range='0 2147483647'
	mkdir -p "$T/app"
	cp "$HUSK_SOURCE/tests/e2e/network-client.py" "$T/app/client.py"
	ip netns exec "$SERVER_NS" python3 "$HUSK_SOURCE/tests/e2e/network-server.py" "$T/served" \
		</dev/null >/dev/null 2>&1 3>&- &
	SERVER_PID=$!
	wait_until 20 test -e "$T/served"
}

network_teardown() {
	kill "$SERVER_PID" ${BUSY_PID-} 2>/dev/null || true
	ip netns del "$CLIENT_NS" || true
	ip netns del "$SERVER_NS" || true
}

# resolver_setup ADDRESS...: tests/dns/resolver in SERVER_NS, which writes to $T/asked, and a way to all that its names
# lead to. Its end is that of descriptor 7.
resolver_setup() {
	: >"$T/asked"
	ip -n "$SERVER_NS" route add local 93.184.0.0/16 dev lo
	mkfifo "$T/end-resolver"
	ip netns exec "$SERVER_NS" "$HUSK_SOURCE/tests/dns/resolver" "$T/asked" "$@" \
		<"$T/end-resolver" >"$T/resolver-ready" 3>&- &
	exec 7>"$T/end-resolver"
	wait_until 20 grep -q ready "$T/resolver-ready"
}

# client_bundle FUNCTION [JQ FILTER...]: sets BUNDLE, which runs network-client.py in CLIENT_NS.
client_bundle() {
	local function=$1 rootfs
	shift
	rootfs=$(own_rootfs)
	cp "$T/app/client.py" "$rootfs/app/client.py"
	BUNDLE=$(bundle "$function" "$rootfs" '
		.process.args = ["/usr/bin/python3", "-B", "/app/client.py"]
		| .linux.namespaces |= map(if .type == "network" then .path = "/run/netns/'"$CLIENT_NS"'" else . end)' "$@")
	hook_bundle "$BUNDLE" "$function"
}

# client STATUS COMMAND...: runs $BUNDLE with these commands; $output has the answers.
client() {
	local expected=$1
	shift
	run_bundle "$expected" "$BUNDLE" "$(printf '%s\n' "$@")"
}

# learn_peers COMMAND...: three runs: what may be an attack is not learned from fewer.
learn_peers() {
	client 0 "$@"
	client 0 "$@"
	client 0 "$@"
}

# start_client COMMAND...: the same in the background, answers in $T/output; tell_client goes on.
start_client() {
	rm -f "$T/commands"
	mkfifo "$T/commands"
	: >"$T/output"
	start_run "$BUNDLE" <"$T/commands" >"$T/output" 2>&1 3>&- &
	exec 8>"$T/commands"
	[ $# -eq 0 ] || printf '%s\n' "$@" >&8
}

# tell_client COMMAND...; "quit" waits for the end.
tell_client() {
	if [ "$1" = quit ]; then
		exec 8>&-
		wait_until 20 no_husk_process
		return
	fi
	printf '%s\n' "$@" >&8
}

# from_outside ADDRESS PORT: a connection from SERVER_NS is served.
from_outside() {
	ip netns exec "$SERVER_NS" python3 "$T/app/client.py" <<<"tcp $1 $2" >"$T/outside" 3>&-
	grep -q ': ok' "$T/outside" || fail "from outside: $(cat "$T/outside")"
}

refused_from_outside() {
	ip netns exec "$SERVER_NS" python3 "$T/app/client.py" <<<"tcp $1 $2" >"$T/outside" 3>&-
	grep -q ': ECONNREFUSED' "$T/outside" || fail "from outside: $(cat "$T/outside")"
}

# answer COMMAND EXPECTED: what the function that runs says to one more command.
answer() {
	local before
	before=$(wc -l <"$T/output")
	tell_client "$1"
	more() { [ "$(wc -l <"$T/output")" -gt "$before" ]; }
	wait_until 20 more
	tail -n 1 "$T/output" | grep -q -F "$1: $2" || fail "$(tail -n 1 "$T/output"), not $2; after: ${attack-}"
}

# start_alone: creates $BUNDLE with a namespace of its own, puts an interface into it (10.98.0.2, server 10.98.0.1),
# and starts it; tell_client goes on, answers in $T/output. Sets $pid.
start_alone() {
	local id
	id=$(new_id)
	rm -f "$T/commands" "$T/output"
	mkfifo "$T/commands"
	exec 8<>"$T/commands"
	"$ENGINE" create --bundle "$BUNDLE" "$id" <"$T/commands" >"$T/output" 2>&1 3>&- 8>&-
	pid=$("$ENGINE" state "$id" | jq .pid)
	ip -n "$SERVER_NS" link add alone type veth peer name alone netns "$pid"
	ip -n "$SERVER_NS" addr add 10.98.0.1/24 dev alone
	ip -n "$SERVER_NS" addr add fd98::1/64 dev alone nodad
	ip -n "$SERVER_NS" link set alone up
	nsenter -t "$pid" -n ip addr add 10.98.0.2/24 dev alone
	nsenter -t "$pid" -n ip addr add fd98::2/64 dev alone nodad
	nsenter -t "$pid" -n ip link set alone up
	nsenter -t "$pid" -n ip route add default via 10.98.0.1
	"$ENGINE" start "$id" 8>&-
	ALONE=$id
}

# has_ended: the container that start_alone started
has_ended() {
	[ "$("$ENGINE" state "$ALONE" | jq -r .status)" = stopped ]
}

# end_alone: the program ends by itself: one that is killed has a run that does not count.
end_alone() {
	exec 8>&-
	wait_until 20 has_ended
	"$ENGINE" delete --force "$ALONE"
	wait_until 20 no_husk_process
}

# outside COMMAND ARGUMENT...: a helper of an attacker's in SERVER_NS, until the test ends.
outside() {
	local command=$1
	shift
	rm -f "$T/helper"
	ip netns exec "$SERVER_NS" python3 "$HUSK_SOURCE/tests/e2e/network-helper.py" "$command" "$T/helper" "$@" </dev/null 3>&- 8>&- &
	BUSY_PID="${BUSY_PID-} $!"
	wait_until 20 test -s "$T/helper"
}
