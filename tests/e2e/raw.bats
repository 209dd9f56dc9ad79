# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154
# A function that needs CAP_NET_RAW, and what can be done with it: packets of one's own making, past the rules or
# into what others have begun. Nothing of it may be seen on the other side.

load helpers
load network

setup() {
	network_setup
	ip -n "$SERVER_NS" route add local 93.184.0.0/16 dev lo
	ip -n "$SERVER_NS" addr add 10.98.0.1/32 dev lo
	echo 93.184.216.34 >"$T/asked.flip"
	mkfifo "$T/end-resolver"
	ip netns exec "$SERVER_NS" "$HUSK_SOURCE/tests/dns/resolver" "$T/asked" 10.98.0.1 203.0.113.1 \
		<"$T/end-resolver" >"$T/resolver-ready" 3>&- &
	exec 7>"$T/end-resolver"
	wait_until 20 grep -q ready "$T/resolver-ready"
	ip -n "$SERVER_NS" addr del 10.98.0.1/32 dev lo
	husk_setup 'shadow_after_runs = 3' 'enforce_after_runs = 1'
}

teardown() {
	exec 7>&-
	husk_teardown
	network_teardown
}

# raw_bundle FUNCTION
raw_bundle() {
	local rootfs
	cp "$HUSK_SOURCE/tests/e2e/network-raw.py" "$T/app/client.py"
	client_bundle "$1" '.linux.namespaces |= map(if .type == "network" then {type: "network"} else . end)' \
		'.process.capabilities |= map_values(. + ["CAP_NET_RAW"])'
	rootfs=$(jq -r .root.path "$BUNDLE/config.json")
	echo 'nameserver 10.98.0.1' >"$rootfs/etc/resolv.conf"
}

# one_run COMMAND EXPECTED ...
one_run() {
	start_alone
	while [ $# -gt 0 ]; do
		answer "$1" "$2"
		shift 2
	done
	end_alone
}

# An address that no name led to is held for three runs.
pinging() {
	raw_bundle pinger
	for _ in 1 2 3 4 5 6 7; do
		one_run 'ping 10.98.0.1' ok 'look a.example.test' 2606
		husk mode --domain cap pinger learn
	done
}

@test "the mark of the proxy's packets is not to be guessed" {
	pinging
	husk allow pinger connect 'udp 10.98.0.1:9001'
	start_alone
	has_event '.event == "run" and .modes.net == "enforce"'
	answer 'flood 10.98.0.1 9001 20000 0' none
	answer 'flood 10.98.0.1 9001 20000 7' some
	wait_until 20 answer 'look a.example.test' 2606 2>/dev/null
	end_alone
	nothing_left
}

@test "a function that pings is enforced, and nothing that it makes itself gets out" {
	pinging
	# Whether somebody answers there, the kernel remembers what came.
	husk allow pinger connect 'udp loopback:9009'
	husk allow pinger consult 203.0.113.1
	for domain in net dns syscall; do
		[ "$(mode_of pinger "$domain")" = enforce ] || fail "$domain: $(mode_of pinger "$domain")"
	done
	# What it needs it keeps, where that can be known.
	if [ -e "$HUSK_OBSERVE" ] && [ "$(stat -f -c %T /sys/fs/bpf)" = bpf_fs ]; then
		husk mode --domain cap pinger enforce
	fi
	start_alone
	answer 'ping 10.98.0.1' ok
	answer 'look a.example.test' 2606
	has_event '.event == "run" and .modes.net == "enforce" and .modes.dns == "enforce"'
	no_event '.event == "denied" or .event == "degraded"'
	outside hear alone secret
	mv "$T/helper" "$T/heard"
	for kind in '17 3' '17 2' '2 10' '44 3' '24 1'; do
		answer "packet $kind alone 10.98.0.1" EPERM
		answer "packet $kind lo 127.0.0.1" EPERM
	done
	[ "$(event_count '.event == "denied" and .domain == "syscall" and .key == "socket:packet"')" -eq 1 ]
	answer 'forged 10.98.0.2 10.98.0.1' EPERM
	count=0
	while read -r attempt; do
		answer "$attempt" ''
		count=$((count + 1))
	done <<-'ATTEMPTS'
		udp 10.98.0.2 5000 10.98.0.1 9001
		udp 10.98.0.2 5000 203.0.113.1 53
		udp 203.0.113.9 5000 10.98.0.1 9001
		udp 10.98.0.1 5000 10.98.0.2 53
		ack 10.98.0.2 5001 10.98.0.1 8001
		ack 10.98.0.2 5001 203.0.113.1 443
		ack 10.98.0.2 5001 203.0.113.1 53
		reset 10.98.0.2 5001 203.0.113.1 53
		reset 10.98.0.2 5001 10.98.0.1 8001
		ack 203.0.113.9 5001 10.98.0.1 8001
		astray 127.0.0.1 10.98.0.2 5002 10.98.0.1 9001
		astray 10.98.0.1 10.98.0.2 5002 203.0.113.1 9001
		astray 10.98.0.1 10.98.0.2 5002 127.0.0.1 9001
		pieces 10.98.0.2 5003 10.98.0.1 9001
		pieces 10.98.0.2 5003 203.0.113.1 53
		tunnel 10.98.0.2 10.98.0.1
		tunnel 203.0.113.9 10.98.0.1
		echo 10.98.0.2 203.0.113.1 7
		echo 10.98.0.2 10.98.0.1 7
		discover fd98::1
		extended fd98::1 9001
		marks 203.0.113.1 53 2000
		marks 10.98.0.1 9001 200
		marked 127.0.0.1
		udp 10.98.0.255 5004 10.98.0.2 9009
		udp 10.98.0.2 9009 10.98.0.255 5004
		udp 255.255.255.255 5005 10.98.0.2 9009
		udp 10.98.0.2 9009 255.255.255.255 5005
		udp 0.0.0.7 5006 10.98.0.2 9009
		udp 10.98.0.2 9009 0.0.0.7 5006
	ATTEMPTS
	[ "$count" -eq 30 ]
	answer 'errors 10.98.0.2 203.0.113.1 a.example.test' ok
	# The address that a question to it is marked with is the proxy's mark.
	mark=$(nsenter -t "$pid" -n nft list chain inet husk asked | sed -n 's/.*mark 0x\([0-9a-f]*\) .*accept.*/\1/p' | head -n 1)
	[ "${#mark}" -eq 8 ]
	answer "udp 10.98.0.2 5007 $((0x${mark:6:2})).$((0x${mark:4:2})).$((0x${mark:2:2})).$((0x${mark:0:2})) 53" ''
	# Somebody outside has sent something first.
	outside echo 203.0.113.1 10.98.0.2 9
	answer 'echo 10.98.0.2 203.0.113.1 9' ''
	outside datagram 10.98.0.1 9555 10.98.0.2 5556
	answer 'udp 10.98.0.2 5556 10.98.0.1 9555' ''
	outside ack 203.0.113.1 4444 10.98.0.2 5557
	answer 'ack 10.98.0.2 5557 203.0.113.1 4444' ''
	[ "$(cat "$T/heard")" = ready ] || fail "$(cat "$T/heard")"
	answer 'ping 10.98.0.1 secret' ok
	wait_until 20 grep -q secret "$T/heard"
	! grep secret "$T/asked" || fail "it got out"
	has_event '.event == "denied" and .domain == "net" and .key == "udp 10.98.0.1:9001"'
	has_event '.event == "denied" and .domain == "net" and .key == "tcp 203.0.113.1:443"'
	has_event '.event == "denied" and .domain == "net" and .key == "ipip 10.98.0.1"'
	answer 'ping 10.98.0.1' ok
	answer 'look a.example.test' 2606
	end_alone
	nothing_left
}

@test "the mark of the proxy's packets cannot be had from packets that it sends over loopback" {
	pinging
	husk mode --domain dns pinger learn
	start_alone
	has_event '.event == "run" and .modes.net == "enforce" and .modes.dns == "learn"'
	answer 'marked 127.0.0.1' '[0]'
	end_alone
	nothing_left
}

@test "a function that makes packet sockets is not enforced, nor once it may, and an event says so" {
	pinging
	start_alone
	answer 'packet 17 3 alone 10.98.0.1' EPERM
	husk allow pinger syscall socket:packet
	lowered() {
		answer 'look a.example.test' 2606
		has_event '.event == "degraded" and .domain == "net" and .mode == "shadow"
			and (.detail | startswith("net and dns: the function makes packet sockets"))'
	}
	wait_until 20 lowered 2>/dev/null
	answer 'packet 17 3 alone 10.98.0.1' ok
	# A socket that was made stays, so what is taken back now changes nothing in this run.
	husk deny pinger syscall socket:packet
	wait_until 20 answer 'packet 17 3 alone 10.98.0.1' EPERM 2>/dev/null
	answer 'udp 10.98.0.2 5000 10.98.0.1 9001' ok
	end_alone
	one_run 'udp 10.98.0.2 5000 10.98.0.1 9002' EPERM
	nothing_left
}

# degraded_for TEXT: the last run was, and says so once
degraded_for() {
	has_event '.event == "degraded" and .mode == "shadow" and (.detail | startswith("net and dns: ") and contains("'"$1"'"))'
}

@test "where raw packets cannot be told apart or packet sockets be refused, the network is not enforced" {
	pinging
	rootfs=$(jq -r .root.path "$BUNDLE/config.json")
	echo 'nameserver 127.0.0.11' >"$rootfs/etc/resolv.conf"
	one_run 'ping 10.98.0.1' ok
	degraded_for 'can answer for a resolver on loopback'
	echo 'nameserver 10.98.0.1' >"$rootfs/etc/resolv.conf"
	husk mode --domain syscall pinger learn
	one_run 'ping 10.98.0.1' ok
	degraded_for 'no enforced filter of system calls refuses them'
	husk mode --domain syscall pinger enforce
	husk mode --domain cap pinger learn
	change_bundle "$BUNDLE" '.process.capabilities |= map_values(. + ["CAP_NET_ADMIN"])'
	one_run 'ping 10.98.0.1' ok
	degraded_for 'connections can be forged'
	change_bundle "$BUNDLE" '.process.capabilities |= map_values(. - ["CAP_NET_ADMIN"])
		| .linux.namespaces |= map(if .type == "network" then .path = "/run/netns/'"$CLIENT_NS"'" else . end)'
	expect_in 0 'ping 10.99.0.1' start_run "$BUNDLE"
	degraded_for 'connections of others in the network namespace'
	nothing_left
}
