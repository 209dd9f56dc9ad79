# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2034,SC2154
# The domain dns: a function whose resolver is tests/dns/resolver, in the server's namespace, where all of
# 93.184.0.0/16 leads to the same server. What the proxy does with messages is tested in tests/dns.

load helpers
load network

setup() {
	network_setup
	ASKED=$T/asked
	echo 93.184.216.34 >"$ASKED.flip"
	resolver_setup 10.99.0.1 fd99::1 203.0.113.1
	husk_setup 'shadow_after_runs = 50'
}

teardown() {
	exec 7>&-
	husk_teardown
	network_teardown
}

# dns_bundle FUNCTION [LINE OF RESOLV.CONF...]
dns_bundle() {
	local rootfs
	client_bundle "$1"
	shift
	rootfs=$(jq -r .root.path "$BUNDLE/config.json")
	printf '%s\n' 'nameserver 10.99.0.1' "$@" >"$rootfs/etc/resolv.conf"
}

# learned FUNCTION DOMAIN: its behaviours, one a line.
learned() {
	husk show --json --domain "$2" "$1" | jq -r '.behaviours[] | "\(.access) \(.key)"' | sort
}

# asked: the names that got to the resolver, one a line.
asked() {
	cut -d' ' -f3 "$ASKED" | tr '[:upper:]' '[:lower:]' | sort -u
}

@test "names are learned as they are asked for, and peers by the name that led to them" {
	dns_bundle talker 'search one.test two.test' 'options ndots:3'
	client 0 'tcp A.Example.test 8000' 'look web17.example.test' 'look cname.example.test' 'look nx.example.test' \
		'tcp flip.example.test 8001'
	output_has 'tcp A.Example.test 8000: ok'
	output_has 'look cname.example.test: 2606:2800:220:1::1 93.184.216.35'
	output_has 'look nx.example.test: [Errno -2]'
	learned talker dns >"$T/keys"
	diff "$T/keys" - <<-'KEYS'
		resolve a.example.test.one.test
		resolve cname.example.test.one.test
		resolve flip.example.test.one.test
		resolve nx.example.test
		resolve web{n}.example.test.one.test
	KEYS
	learned talker net >"$T/keys"
	diff "$T/keys" - <<-'KEYS'
		connect tcp a.example.test.one.test:8000
		connect tcp flip.example.test.one.test:8001
	KEYS
	[ "$(mode_of talker dns)" = learn ]
	client 0 'look b.example.test.'
	has_event '.event == "novelty" and .domain == "dns" and .operation == "resolve" and .key == "b.example.test"'
	nothing_left
}

@test "in enforce what was learned works, other names are refused at once with one event each, and do not get out" {
	COMMAND_TIMEOUT_S=120
	local name
	dns_bundle talker
	learn_peers 'tcp a.example.test 8000' 'look web17.example.test' 'tcp rotate.example.test 8000'
	husk mode --domain dns talker enforce
	husk mode --domain net talker enforce
	: >"$ASKED"
	client 0 'tcp a.example.test 8000' 'tcp A.EXAMPLE.test 8000' 'look web99.example.test' \
		'burst rotate.example.test 8000 10000'
	output_has 'tcp a.example.test 8000: ok'
	output_has 'look web99.example.test: 2606:2800:220:1::1 93.184.216.34'
	output_has 'burst rotate.example.test 8000: 10000'
	no_event '.event == "denied"'
	has_event '.event == "run" and .modes.dns == "enforce"'
	: >"$ASKED"
	SECONDS=0
	client 0 'look b.example.test' 'look b.example.test' 'look c2VjcmV0LWRhdGE.evil.test' 'look x.a.example.test' \
		'look a.example.test.evil.test' 'tcp b.example.test 8000' 'tcp a.example.test 8000'
	[ "$SECONDS" -lt 5 ]
	output_has 'look b.example.test: [Errno -3]'
	output_has 'tcp b.example.test 8000: [Errno -3]'
	output_has 'tcp a.example.test 8000: ok'
	[ "$(asked)" = a.example.test ]
	for name in b.example.test c2vjcmv0lwrhdge.evil.test x.a.example.test a.example.test.evil.test; do
		[ "$(event_count '.event == "denied" and .domain == "dns" and .key == "'$name'" and .pid > 0
			and .program == "/usr/bin/python3.11" and .detail == "asked of 10.99.0.1"')" -eq 1 ] ||
			fail "$(grep -F "\"$name\"" "$EVENTS")"
	done
	[ "$(event_count '.event == "denied"')" -eq 4 ]
	# whose program is over when the mediator hears of it has no name
	client 0 'tcp a.example.test 8001' 'pause 0.3'
	output_has 'tcp a.example.test 8001: ECONNREFUSED'
	has_event '.event == "denied" and .domain == "net" and .key == "tcp a.example.test:8001"
		and .program == "/usr/bin/python3.11" and .detail == "address 93.184.216.34"'
	nothing_left
}

@test "in shadow nothing is refused, and events say what would be" {
	dns_bundle talker
	learn_peers 'tcp a.example.test 8000'
	husk mode --domain dns talker shadow
	client 0 'look b.example.test'
	output_has 'look b.example.test: 2606:2800:220:1::1 93.184.216.34'
	has_event '.event == "would-deny" and .domain == "dns" and .key == "b.example.test" and .mode == "shadow"'
	no_event '.event == "denied"'
}

@test "a learned name that points to another place does not open the way to what is inside" {
	local inside key family
	dns_bundle talker
	learn_peers 'tcp flip.example.test 8000'
	echo 2606:2800:220:1::1 >"$ASKED.flip"
	ip -n "$SERVER_NS" addr add 2606:2800:220:1::1/128 dev lo nodad
	ip -n "$CLIENT_NS" route add default via fd99::1
	client 0 'tcp6 flip.example.test 8000'
	output_has 'tcp6 flip.example.test 8000: ok'
	husk mode --domain dns talker enforce
	husk mode --domain net talker enforce
	client 0 'tcp6 flip.example.test 8000'
	output_has 'tcp6 flip.example.test 8000: ok'
	while read -r inside key; do
		echo "$inside" >"$ASKED.flip"
		family=tcp
		[[ $inside != *:* ]] || family=tcp6
		client 0 "$family flip.example.test 8000"
		output_has "$family flip.example.test 8000: ECONNREFUSED"
		events '.event == "denied"' | tail -n 1 | jq -e '.domain == "net" and .key == "tcp '"$key"':8000"'
	done <<-'PLACES'
		169.254.169.254 169.254.169.254
		169.254.1.1 169.254.1.1
		10.99.0.1 10.99.0.1
		192.168.0.1 192.168.0.1
		172.16.0.1 172.16.0.1
		100.64.0.1 100.64.0.1
		127.0.0.1 loopback
		127.9.9.9 loopback
		0.0.0.0 loopback
		fd00:ec2::254 [fd00:ec2::254]
		fd99::1 [fd99::1]
		::1 loopback
		:: loopback
		::ffff:169.254.169.254 169.254.169.254
		::ffff:10.99.0.1 10.99.0.1
		64:ff9b::a9fe:a9fe [64:ff9b::a9fe:a9fe]
	PLACES
	# To another public place it does: names move.
	echo 93.184.77.77 >"$ASKED.flip"
	client 0 'tcp flip.example.test 8000'
	output_has 'tcp flip.example.test 8000: ok'
}

@test "a connection goes on when its name's address has had its time" {
	dns_bundle talker
	learn_peers 'tcp flip.example.test 8000'
	husk mode --domain dns talker enforce
	husk mode --domain net talker enforce
	start_client
	answer 'hold flip.example.test 8000' ok
	# As the kernel forgets them, some time later.
	ip netns exec "$CLIENT_NS" nft list tables | sed -n 's/^table inet //p' >"$T/table"
	ip netns exec "$CLIENT_NS" nft flush set inet "$(cat "$T/table")" known
	answer 'tcp 93.184.216.34 8000' ECONNREFUSED
	answer 'held 8000' ok
	tell_client quit
	nothing_left
}

@test "another resolver is a behaviour of its own and gives no answers in enforce" {
	dns_bundle talker
	cat >"$T/ask.py" <<-'END'
		import socket, sys
		s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
		s.settimeout(3)
		s.connect(('203.0.113.1', 53))
		s.send(b'\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x01a\x07example\x04test\x00\x00\x01\x00\x01')
		print('code', s.recv(512)[3] & 15)
	END
	set_python "$BUNDLE" "$(cat "$T/ask.py")"
	for _ in 1 2 3; do
		run_bundle 0 "$BUNDLE"
		output_has 'code 0'
	done
	learned talker dns | grep -qx 'consult 203.0.113.1'
	husk deny talker consult 203.0.113.1
	husk mode --domain dns talker enforce
	run_bundle 0 "$BUNDLE"
	output_has 'code 5'
	has_event '.event == "denied" and .domain == "dns" and .operation == "consult" and .key == "203.0.113.1"
		and .program == "/usr/bin/python3.11" and .pid > 0'
	husk allow talker consult 203.0.113.1
	run_bundle 0 "$BUNDLE"
	output_has 'code 0'
}

@test "another resolver, wherever names may be asked for, leads to no peer that is enforced" {
	dns_bundle talker
	learn_peers 'tcp flip.example.test 8000' 'ask 10.99.0.1 a.example.test'
	husk mode --domain net talker enforce
	client 0 'tcp flip.example.test 8000'
	output_has 'tcp flip.example.test 8000: ok'
	# What somebody else says of a name that is known.
	echo 93.184.66.66 >"$ASKED.flip"
	: >"$EVENTS"
	client 0 'ask 203.0.113.1 flip.example.test' 'tcp 93.184.66.66 8000'
	output_has 'ask 203.0.113.1 flip.example.test: code 0'
	output_has 'tcp 93.184.66.66 8000: ECONNREFUSED'
	has_event '.event == "denied" and .domain == "net" and .key == "tcp 93.184.66.66:8000"'
	has_event '.event == "novelty" and .domain == "dns" and .key == "203.0.113.1"'
	husk allow talker consult 203.0.113.1
	client 0 'ask 203.0.113.1 flip.example.test' 'tcp 93.184.66.66 8000'
	output_has 'tcp 93.184.66.66 8000: ok'
	nothing_left
}

@test "a question from port 53 goes to whom it was put" {
	dns_bundle talker
	change_bundle "$BUNDLE" '.linux.namespaces |= map(if .type == "network" then {type: "network"} else . end)'
	echo 'nameserver 203.0.113.1' >"$(jq -r .root.path "$BUNDLE/config.json")/etc/resolv.conf"
	start_alone
	answer 'ask 203.0.113.1 a.example.test 53' 'code 0'
	end_alone
	[ "$(learned talker dns)" = 'resolve a.example.test' ]
	nothing_left
}

@test "a person can allow and deny names" {
	dns_bundle talker
	learn_peers 'look a.example.test'
	husk mode --domain dns talker enforce
	expect 0 husk allow talker resolve 'Host-7.Example.test.'
	output_has 'resolve host-{n}.example.test'
	client 0 'look host-12.example.test'
	output_has 'look host-12.example.test: 2606:2800:220:1::1 93.184.216.34'
	husk deny talker resolve a.example.test
	client 0 'look a.example.test'
	output_has 'look a.example.test: [Errno -3]'
	expect 64 husk allow talker resolve 'no name'
	expect 64 husk allow talker consult example.test
}

@test "a change of the policy reaches a container that runs" {
	dns_bundle talker
	learn_peers 'look a.example.test'
	husk mode --domain dns talker enforce
	start_client 'look b.example.test'
	wait_until 20 grep -q 'look b.example.test: .Errno -3' "$T/output"
	husk allow talker resolve b.example.test
	wait_until 20 eval 'tell_client "look b.example.test"; grep -q "look b.example.test: 2606" "$T/output"'
	tell_client quit
}

@test "a connection to a resolver outlives a change of the policy, wherever the namespace is from" {
	dns_bundle talker
	echo 'nameserver 203.0.113.1' >"$(jq -r .root.path "$BUNDLE/config.json")/etc/resolv.conf"
	client 0 'look a.example.test'
	for name in a.example.test b.example.test flip.example.test; do
		husk allow talker resolve "$name"
	done
	husk allow talker connect 'tcp flip.example.test:8000'
	husk mode --domain dns talker enforce
	husk mode --domain net talker enforce
	ended() { answer 'held 8000' E; }
	through_a_change() {
		answer 'askon 203.0.113.1 a.example.test' 'code 0'
		answer 'hold flip.example.test 8000' ok
		husk deny talker resolve b.example.test
		husk deny talker connect 'tcp flip.example.test:8000'
		wait_until 20 ended 2>/dev/null
		answer 'askon 203.0.113.1 a.example.test' 'code 0'
		answer 'askon 203.0.113.1 b.example.test' 'code 5'
	}
	start_client
	through_a_change
	tell_client quit
	husk allow talker resolve b.example.test
	husk allow talker connect 'tcp flip.example.test:8000'
	change_bundle "$BUNDLE" '.linux.namespaces |= map(if .type == "network" then {type: "network"} else . end)'
	start_alone
	through_a_change
	end_alone
	nothing_left
}

@test "a function that stays quiet is promoted in this domain too" {
	write_conf 'shadow_after_runs = 2' 'enforce_after_runs = 2'
	dns_bundle talker
	for _ in 1 2 3 4 5 6 7 8; do
		client 0 'look a.example.test'
	done
	[ "$(mode_of talker dns)" = enforce ]
	client 0 'look b.example.test' 'look a.example.test'
	output_has 'look b.example.test: [Errno -3]'
	output_has 'look a.example.test: 2606:2800:220:1::1 93.184.216.34'
}

@test "a question from the port of one that a container before asked in the same namespace is answered" {
	dns_bundle talker
	set_python "$BUNDLE" '
import socket, struct
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
    asking.settimeout(3)
    asking.bind(("", 40000))
    asking.connect(("10.99.0.1", 53))
    asking.send(struct.pack(">HHHHHH", 7, 0x100, 1, 0, 0, 0) + b"\1a\7example\4test\0\0\1\0\1")
    print("answered", asking.recv(512)[3] & 15)'
	for _ in 1 2 3; do
		run_bundle 0 "$BUNDLE"
		output_has 'answered 0'
	done
	nothing_left
}
