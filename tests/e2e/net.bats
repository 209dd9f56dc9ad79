# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154
# The domain net: a function in a network namespace that the test made, a server behind a veth pair in another
# one. Nothing leaves the machine.

load helpers
load network

setup() {
	network_setup
	husk_setup 'shadow_after_runs = 50'
}

teardown() {
	husk_teardown
	network_teardown
}

@test "flows are learned by protocol, address and port, in both directions, with the program that made them" {
	client_bundle talker
	client 0 'tcp 10.99.0.1 8000' 'tcp fd99::1 8000' 'udp 10.99.0.1 9000' 'udp fd99::1 9000' 'tcp 127.0.0.1 1' \
		'icmp 10.99.0.1' 'icmp fd99::1'
	output_has 'tcp 10.99.0.1 8000: ok
tcp fd99::1 8000: ok
udp 10.99.0.1 9000: ok
udp fd99::1 9000: ok
tcp 127.0.0.1 1: ECONNREFUSED
icmp 10.99.0.1: ok
icmp fd99::1: ok'
	husk show --json --domain net talker | jq -r '.behaviours[] | "\(.access) \(.key)"' | sort >"$T/keys"
	diff "$T/keys" - <<-'KEYS'
		connect icmp 10.99.0.1
		connect icmpv6 fd99::1
		connect tcp 10.99.0.1:8000
		connect tcp [fd99::1]:8000
		connect tcp loopback:1
		connect udp 10.99.0.1:9000
		connect udp [fd99::1]:9000
	KEYS
	[ "$(mode_of talker net)" = learn ]
	# Something is known by now, so what is new has an event of its own.
	client 0 'tcp 10.99.0.1 8001' 'pause 0.3'
	has_event '.event == "novelty" and .domain == "net" and .operation == "connect" and .key == "tcp 10.99.0.1:8001"
		and .program == "/usr/bin/python3.11" and .pid > 0'
	nothing_left
}

@test "in enforce what was learned works, anything else fails at once, with one event each" {
	client_bundle talker
	learn_peers 'tcp 10.99.0.1 8000' 'udp 10.99.0.1 9000' 'tcp fd99::1 8000'
	husk mode --domain net talker enforce
	client 0 'tcp 10.99.0.1 8000' 'udp 10.99.0.1 9000' 'tcp fd99::1 8000' 'burst 10.99.0.1 8000 200'
	output_has 'tcp 10.99.0.1 8000: ok'
	output_has 'udp 10.99.0.1 9000: ok'
	output_has 'tcp fd99::1 8000: ok'
	output_has 'burst 10.99.0.1 8000: 200'
	no_event '.event == "denied"'
	has_event '.event == "run" and .modes.net == "enforce"'
	client 0 'tcp 10.99.0.1 8001' 'tcp 10.99.0.1 8001' 'tcp 203.0.113.1 8000' 'tcp fd99::1 8001' \
		'udp 10.99.0.1 9001' 'udp fd99::1 9001' 'tcp 169.254.169.254 8000' 'icmp 10.99.0.1' 'icmp fd99::1' \
		'tcp 127.0.0.1 7'
	output_has 'tcp 10.99.0.1 8001: ECONNREFUSED'
	output_has 'tcp 203.0.113.1 8000: ECONNREFUSED'
	output_has 'tcp fd99::1 8001: ECONNREFUSED'
	output_has 'udp 10.99.0.1 9001: EPERM'
	output_has 'udp fd99::1 9001: EPERM'
	output_has 'tcp 169.254.169.254 8000: ECONNREFUSED'
	output_has 'tcp 127.0.0.1 7: ECONNREFUSED'
	output_has 'icmp 10.99.0.1: EPERM'
	output_has 'icmp fd99::1: EACCES'
	for key in 'tcp 10.99.0.1:8001' 'tcp 203.0.113.1:8000' 'tcp [fd99::1]:8001' 'udp 10.99.0.1:9001' \
		'udp [fd99::1]:9001' 'tcp 169.254.169.254:8000' 'tcp loopback:7' 'icmp 10.99.0.1' 'icmpv6 fd99::1'; do
		[ "$(event_count ".event == \"denied\" and .domain == \"net\" and .key == \"$key\"")" -eq 1 ] ||
			fail "not one event: $key"
	done
	# The server saw nothing of it.
	! grep -e ' 8001 ' -e ' 9001 ' "$T/served" || fail "it got out"
	nothing_left
}

@test "in shadow everything works, and events tell what would have been denied" {
	client_bundle talker
	learn_peers 'tcp 10.99.0.1 8000'
	husk mode --domain net talker shadow
	client 0 'tcp 10.99.0.1 8001' 'tcp 10.99.0.1 8000' 'tcp 169.254.169.254 8000'
	output_has 'tcp 10.99.0.1 8001: ok'
	output_has 'tcp 169.254.169.254 8000: ok'
	has_event '.event == "would-deny" and .mode == "shadow" and .key == "tcp 10.99.0.1:8001"'
	has_event '.event == "would-deny" and .key == "tcp 169.254.169.254:8000"'
	no_event '.event == "would-deny" and .key == "tcp 10.99.0.1:8000"'
	nothing_left
}

@test "a metadata service is never learned by itself, and a person can allow it" {
	client_bundle talker
	learn_peers 'tcp 10.99.0.1 8000' 'tcp 169.254.169.254 8000'
	husk mode --domain net talker enforce
	client 0 'tcp 169.254.169.254 8000'
	output_has 'tcp 169.254.169.254 8000: ECONNREFUSED'
	husk show --json talker | jq -e '.behaviours[] | select(.key == "tcp 169.254.169.254:8000") | .class == "guarded"'
	husk allow talker connect 'tcp 169.254.169.254:8000'
	client 0 'tcp 169.254.169.254 8000'
	output_has 'tcp 169.254.169.254 8000: ok'
	husk deny talker connect 'tcp 10.99.0.1:8000'
	husk mode --domain net talker learn
	client 0 'tcp 10.99.0.1 8000'
	output_has 'tcp 10.99.0.1 8000: ECONNREFUSED'
	has_event '.event == "denied" and .mode == "learn" and .key == "tcp 10.99.0.1:8000"'
}

# states DOMAIN: talker's behaviours, a line each
states() {
	husk show --json --domain "$1" talker | jq -r '.behaviours[] | "\(.key) \(if .admitted then "learned" else "held" end)"'
}

@test "what may be an attack is held until three runs had it, and a person can allow it before" {
	resolver_setup 203.0.113.1
	client_bundle talker
	echo 'nameserver 203.0.113.1' >"$(jq -r .root.path "$BUNDLE/config.json")/etc/resolv.conf"
	local often=('tcp 10.99.0.1 8000' 'look dns.google' 'look a.example.test')
	client 0 "${often[@]}" 'tcp 203.0.113.1 8001'
	[ "$(states net)" = 'tcp 10.99.0.1:8000 held
tcp 203.0.113.1:8001 held' ] || fail "$(states net)"
	[ "$(states dns)" = 'a.example.test learned
dns.google held' ] || fail "$(states dns)"
	expect 0 husk show talker
	output_has "Not part of the policy ('husk allow' or 'husk deny' settles one)"
	grep -Eq 'connect +tcp 203.0.113.1:8001 .* dangerous +held' <<<"$output" || fail "$output"
	client 0 "${often[@]}"
	[ "$(states net | grep -c learned)" -eq 0 ] || fail "$(states net)"
	client 0 "${often[@]}"
	[ "$(states net)" = 'tcp 10.99.0.1:8000 learned
tcp 203.0.113.1:8001 held' ] || fail "$(states net)"
	[ "$(states dns | grep -c held)" -eq 0 ] || fail "$(states dns)"
	husk mode --domain net talker enforce
	client 0 'tcp 203.0.113.1 8001' "${often[@]}"
	output_has 'tcp 203.0.113.1 8001: ECONNREFUSED
tcp 10.99.0.1 8000: ok'
	husk allow talker connect 'tcp 203.0.113.1:8001'
	client 0 'tcp 203.0.113.1 8001'
	output_has 'tcp 203.0.113.1 8001: ok'
	nothing_left
	exec 7>&-
}

@test "the network is promoted by itself, and enforced once nothing new came" {
	write_conf 'shadow_after_runs = 2' 'enforce_after_runs = 2'
	client_bundle talker
	for _ in 1 2 3 4 5 6 7; do
		client 0 'tcp 10.99.0.1 8000'
	done
	[ "$(mode_of talker net)" = enforce ]
	has_event '.event == "promoted" and .domain == "net" and .mode == "enforce"'
	client 0 'tcp 10.99.0.1 8000' 'tcp 10.99.0.1 8001'
	output_has 'tcp 10.99.0.1 8000: ok
tcp 10.99.0.1 8001: ECONNREFUSED'
}

@test "ports that were served stay open, others are closed from outside" {
	client_bundle server
	start_client 'serve 8080' 'serve 8081'
	wait_until 20 grep -q 'serve 8081: ready' "$T/output"
	from_outside 10.99.0.2 8080
	from_outside 10.99.0.2 8081
	from_outside fd99::2 8080
	tell_client quit
	husk show --json --domain net server | jq -r '.behaviours[] | "\(.access) \(.key)"' | sort >"$T/keys"
	diff "$T/keys" - <<-'KEYS'
		serve tcp :8080
		serve tcp :8081
	KEYS
	husk allow server serve 'tcp :8080'
	husk deny server serve 'tcp :8081'
	husk mode --domain net server enforce
	start_client 'serve 8080' 'serve 8081' 'serve 8082'
	wait_until 20 grep -q 'serve 8082: ready' "$T/output"
	from_outside 10.99.0.2 8080
	from_outside fd99::2 8080
	refused_from_outside 10.99.0.2 8081
	refused_from_outside 10.99.0.2 8082
	refused_from_outside fd99::2 8082
	# One that nobody serves is refused by the kernel, and no behaviour of the function.
	refused_from_outside 10.99.0.2 8083
	tell_client quit
	has_event '.event == "denied" and .operation == "serve" and .key == "tcp :8082" and .program == "/usr/bin/python3.11"
		and (.detail | startswith("from "))'
	no_event '.key == "tcp :8083"'
	nothing_left
}

@test "a change of the policy reaches a container that runs: flows that it allows live on, others end" {
	client_bundle talker
	learn_peers 'tcp 10.99.0.1 8000'
	husk mode --domain net talker enforce
	start_client
	answer 'hold 10.99.0.1 8000' ok
	answer 'tcp 10.99.0.1 8001' ECONNREFUSED
	husk allow talker connect 'tcp 10.99.0.1:8001'
	retried() { answer 'hold 10.99.0.1 8001' ok; }
	wait_until 20 retried 2>/dev/null
	answer 'held 8000' ok
	answer 'held 8001' ok
	# Nobody asks the mediator anything meanwhile.
	husk deny talker connect 'tcp 10.99.0.1:8001'
	ended() { answer 'held 8001' E; }
	wait_until 20 ended 2>/dev/null
	answer 'tcp 10.99.0.1 8001' ECONNREFUSED
	answer 'held 8000' ok
	# In shadow a denial ends what lives, too.
	husk mode --domain net talker shadow
	husk deny talker connect 'tcp 10.99.0.1:8000'
	ended() { answer 'held 8000' E; }
	wait_until 20 ended 2>/dev/null
	tell_client quit
	nothing_left
}

@test "a denial ends what flows without a connection, too" {
	client_bundle talker
	learn_peers 'udp 10.99.0.1 9000' 'udp fd99::1 9001'
	husk mode --domain net talker enforce
	start_client
	answer 'talk 10.99.0.1 9000' ok
	answer 'held 9000' ok
	answer 'talk fd99::1 9001' ok
	answer 'held 9001' ok
	husk deny talker connect 'udp 10.99.0.1:9000'
	ended() { answer 'held 9000' E; }
	wait_until 20 ended 2>/dev/null
	has_event '.event == "denied" and .operation == "connect" and .key == "udp 10.99.0.1:9000"'
	answer 'held 9001' ok
	answer 'udp fd99::1 9001' ok
	tell_client quit
	nothing_left
}

@test "who listens on the port of a connection does not make it one that came in" {
	client_bundle turned
	learn_peers 'tcp 10.99.0.1 8000' 'tcp 10.99.0.1 8001' 'local 8090'
	husk allow turned serve 'tcp :8090'
	start_client
	answer 'holdfrom 10.99.0.1 8000 8090' ok
	answer 'serve 8090' ready
	husk deny turned connect 'tcp 10.99.0.1:8000'
	ended() { answer 'held 8000' E; }
	wait_until 20 ended 2>/dev/null
	answer 'tcp 10.99.0.1 8001' ok
	tell_client quit
	nothing_left
}

@test "connections that are over hide none that a denial is to end" {
	client_bundle busy '.linux.namespaces |= map(if .type == "network" then {type: "network"} else . end)'
	client 0 'local 9001'
	husk allow busy connect 'tcp 10.98.0.1:8000'
	husk allow busy connect 'tcp 10.98.0.1:8001'
	husk allow busy connect 'tcp loopback:9001'
	husk mode --domain net busy enforce
	start_alone
	answer 'hold 10.98.0.1 8000' ok
	answer 'hold 10.98.0.1 8001' ok
	nsenter -t "$pid" -n python3 -c 'import socket
server = socket.create_server(("127.0.0.1", 9001))
for _ in range(16000):
    client = socket.create_connection(("127.0.0.1", 9001))
    accepted, _ = server.accept()
    client.close()
    accepted.close()'
	husk deny busy connect 'tcp 10.98.0.1:8000'
	husk deny busy connect 'tcp 10.98.0.1:8001'
	ended() { answer 'held 8000' E && answer 'held 8001' E; }
	wait_until 20 ended 2>/dev/null
	no_event '.event == "degraded"'
	end_alone
}

@test "loopback is judged too, and an interface that appears later is covered" {
	client_bundle later '.linux.namespaces |= map(if .type == "network" then {type: "network"} else . end)'
	client 0 'local 9001' 'tcp 127.0.0.1 9009'
	output_has 'local 9001: ok'
	husk show --json --domain net later | jq -r '.behaviours[] | "\(.access) \(.key)"' | sort >"$T/keys"
	diff "$T/keys" - <<-'KEYS'
		connect tcp loopback:9001
		connect tcp loopback:9009
	KEYS
	husk mode --domain net later enforce
	id=$(new_id)
	printf '%s\n' 'local 9001' 'local 9002' 'tcp 10.98.0.1 8000' >"$T/stdin"
	"$ENGINE" create --bundle "$BUNDLE" "$id" <"$T/stdin" >"$T/output" 2>&1 3>&-
	pid=$("$ENGINE" state "$id" | jq .pid)
	ip -n "$SERVER_NS" link add late type veth peer name late netns "$pid"
	ip -n "$SERVER_NS" addr add 10.98.0.1/24 dev late
	ip -n "$SERVER_NS" link set late up
	nsenter -t "$pid" -n ip addr add 10.98.0.2/24 dev late
	nsenter -t "$pid" -n ip link set late up
	"$ENGINE" start "$id"
	wait_until 20 grep -q 'tcp 10.98.0.1 8000: ' "$T/output"
	output=$(cat "$T/output")
	output_has 'local 9001: ok'
	output_has 'local 9002: ECONNREFUSED'
	output_has 'tcp 10.98.0.1 8000: ECONNREFUSED'
	has_event '.event == "denied" and .key == "tcp 10.98.0.1:8000"'
	"$ENGINE" delete --force "$id"
	nothing_left
}

@test "in a namespace that others share only the container is judged, and its rules go with it" {
	client_bundle talker
	learn_peers 'tcp 10.99.0.1 8000'
	husk mode --domain net talker enforce
	start_client 'tcp 10.99.0.1 8001'
	wait_until 20 grep -q 'tcp 10.99.0.1 8001: ECONNREFUSED' "$T/output"
	ip netns exec "$CLIENT_NS" nft list tables | grep -q 'table inet husk-'
	# A neighbour in the same namespace, without husk.
	ip netns exec "$CLIENT_NS" python3 "$T/app/client.py" <<<'tcp 10.99.0.1 8001' >"$T/neighbour"
	grep -q 'tcp 10.99.0.1 8001: ok' "$T/neighbour"
	# And another one with husk, of which nothing is known.
	first=$BUNDLE
	client_bundle neighbour
	client 0 'tcp 10.99.0.1 8001'
	output_has 'tcp 10.99.0.1 8001: ok'
	no_event '.function == "neighbour" and .event == "denied"'
	husk show --json neighbour | jq -e '.behaviours[] | select(.key == "tcp 10.99.0.1:8001")'
	BUNDLE=$first
	tell_client quit
	wait_until 20 no_husk_process
	[ -z "$(ip netns exec "$CLIENT_NS" nft list tables)" ]
	nothing_left
}

@test "without a control group of its own a container counts for its whole namespace, and is alone there" {
	client_bundle talker
	printf '#!/bin/sh\nexec crun --cgroup-manager=disabled "$@"\n' >"$T/crun-plain"
	chmod +x "$T/crun-plain"
	husk allow talker connect 'tcp 10.99.0.1:8000' 2>/dev/null || client 0 'tcp 10.99.0.1 8000'
	husk allow talker connect 'tcp 10.99.0.1:8000'
	husk mode --domain net talker enforce
	rm -f "$T/commands"
	mkfifo "$T/commands"
	: >"$T/output"
	start_run "$BUNDLE" "$T/crun-plain" <"$T/commands" >"$T/output" 2>&1 3>&- &
	exec 8>"$T/commands"
	answer 'tcp 10.99.0.1 8000' ok
	answer 'tcp 10.99.0.1 8001' ECONNREFUSED
	has_event '.event == "run" and (.detail | contains("counts as the container"))'
	ip netns exec "$CLIENT_NS" python3 "$T/app/client.py" <<<'tcp 10.99.0.1 8001' >"$T/neighbour"
	grep -q 'tcp 10.99.0.1 8001: ECONNREFUSED' "$T/neighbour"
	first=$BUNDLE
	client_bundle second
	expect_in 0 'tcp 10.99.0.1 8000' start_run "$BUNDLE" "$T/crun-plain"
	has_event '.function == "second" and .event == "run" and .modes.net == "unavailable"
		and (.detail | contains("net: another container with husk has the rules"))'
	# Who comes first is chance: the other one starts, with an event, also where it is enforced.
	husk mode --domain net second enforce
	expect_in 0 'tcp 10.99.0.1 8000' start_run "$BUNDLE" "$T/crun-plain"
	output_has 'tcp 10.99.0.1 8000: ok'
	has_event '.function == "second" and .event == "degraded" and .domain == "net" and .mode == "unavailable"'
	BUNDLE=$first
	tell_client quit
	[ -z "$(ip netns exec "$CLIENT_NS" nft list tables)" ]
	husk show --json talker | jq -e '.revisions[0].last_run_lowered.net | contains("counts as the container")'
	nothing_left
}

@test "the host's own network is never touched: there the domain is unavailable, and an event says so" {
	client_bundle hosts '.linux.namespaces |= map(select(.type != "network"))'
	before=$(nft list ruleset)
	client 0 'tcp 127.0.0.1 1'
	output_has 'ECONNREFUSED'
	has_event '.event == "run" and .modes.net == "unavailable" and (.detail | contains("net: the container shares"))'
	husk mode --domain net hosts enforce
	client 0 'tcp 127.0.0.1 1'
	has_event '.event == "degraded" and .domain == "net" and .mode == "unavailable"'
	# what is missing for one reason is one event
	husk mode --domain dns hosts enforce
	client 0 'tcp 127.0.0.1 1'
	[ "$(event_count '.event == "degraded"')" -eq 2 ]
	has_event '.event == "degraded" and (.detail | startswith("net and dns: the container shares"))'
	[ "$(nft list ruleset)" = "$before" ]
	nothing_left
}

@test "what cannot be set up is unavailable, and a function that is enforced does not start without it" {
	client_bundle talker
	ip netns exec "$CLIENT_NS" python3 "$HUSK_SOURCE/tests/e2e/network-busy.py" "$T/busy" </dev/null >/dev/null 2>&1 3>&- &
	BUSY_PID=$!
	wait_until 20 test -e "$T/busy"
	client 0 'tcp 10.99.0.1 8000'
	output_has ': ok'
	has_event '.event == "run" and .modes.net == "unavailable" and (.detail | contains("cannot listen to the packet log"))'
	husk mode --domain net talker enforce
	capture start_run "$BUNDLE"
	[ "$status" -ne 0 ]
	has_event ".event == \"refused\" and (.detail | contains(\"the domain 'net' cannot be enforced: cannot listen\"))"
	echo 'degrade = yes' >>"$CONF"
	client 0 'tcp 10.99.0.1 8000'
	has_event '.event == "degraded" and .domain == "net" and .mode == "unavailable"'
	nothing_left
}

@test "what comes in opens no way out" {
	client_bundle inward '.linux.namespaces |= map(if .type == "network" then {type: "network"} else . end)'
	client 0 'local 9001'
	husk allow inward connect 'tcp 10.98.0.1:8000'
	husk mode --domain net inward enforce
	start_alone
	answer 'tcp 10.98.0.1 8000' ok
	# The kernel takes what goes back to where a datagram came from for an answer to it.
	outside datagram 10.98.0.1 9555 10.98.0.2 5556
	answer 'back 5556 10.98.0.1 9555' EPERM
	# An answer to a first packet that was refused, the reset being thrown away.
	outside synack "/proc/$pid/ns/net" 203.0.113.1 4444 10.98.0.2 5557
	# Within the namespace by a process of the host's: how many filters others may have is a sysctl's choice.
	nsenter -t "$pid" -n python3 "$T/app/client.py" <<<"half 5557 203.0.113.1 4444" >"$T/inside" 3>&- 8>&-
	grep -q ': ETIMEDOUT' "$T/inside" || fail "$(cat "$T/inside")"
	# Where nobody waits it looks as it does everywhere.
	refused_from_outside 10.98.0.2 5558
	ip netns exec "$SERVER_NS" python3 "$T/app/client.py" <<<"udp 10.98.0.2 5558" >"$T/outside" 3>&- 8>&-
	grep -q ': ECONNREFUSED' "$T/outside"
	end_alone
	nothing_left
}

@test "loopback lends no address that would make of what leaves an answer" {
	client_bundle forger '.linux.namespaces |= map(if .type == "network" then {type: "network"} else . end)'
	client 0 'local 9001'
	husk allow forger connect 'udp loopback:9009'
	husk mode --domain net forger enforce
	husk mode --domain dns forger enforce
	start_alone
	outside hear alone secret
	# The proxy would answer, with the name in it, to who asked; and so might the function itself.
	answer 'spoof fd98::1 5559 fd98::2 53' EPERM
	answer 'spoof fd98::1 5559 fd98::2 9009' EPERM
	answer 'back 9009 fd98::1 5559' EPERM
	# Remembered over loopback, and answered from outside.
	answer 'astray 5560 10.98.0.1 9009' EPERM
	mv "$T/helper" "$T/heard"
	outside datagram 10.98.0.1 9009 10.98.0.2 5560
	answer 'back 5560 10.98.0.1 9009' EPERM
	[ "$(cat "$T/heard")" = ready ] || fail "$(cat "$T/heard")"
	answer 'udp 127.0.0.1 9009' ECONNREFUSED
	end_alone
	nothing_left
}

@test "who may change tables (CAP_NET_ADMIN) cannot take the rules away, nor get around them" {
	client_bundle admin '.linux.namespaces |= map(if .type == "network" then {type: "network"} else . end)' \
		'.process.capabilities |= map_values(. + ["CAP_NET_ADMIN"])'
	client 0 'local 9001'
	husk allow admin connect 'tcp 10.98.0.1:8000'
	husk allow admin connect 'tcp loopback:9001'
	husk mode --domain net admin enforce
	start_alone
	answer 'tcp 10.98.0.1 8000' ok
	answer 'tcp 10.98.0.1 8001' ECONNREFUSED
	has_event '.event == "run" and .modes.net == "enforce"'
	count=0
	while read -r attack; do
		# The function's root has the same powers over this namespace, or less.
		nsenter -t "$pid" -n sh -c "$attack" >/dev/null 2>&1 || true
		answer 'tcp 10.98.0.1 8001' ECONNREFUSED
		answer 'tcp 203.0.113.1 8000' ECONNREFUSED
		count=$((count + 1))
	done <<-'ATTACKS'
		nft flush ruleset
		nft delete table inet husk
		nft flush table inet husk
		nft flush chain inet husk unknown
		nft insert rule inet husk output accept
		nft add element inet husk known '{ tcp . ::ffff:10.98.0.1 . 8001 }'
		nft add table inet husk '{ flags dormant; }'
		nft add table ip first; nft add chain ip first out '{ type filter hook output priority -400; policy accept; }'; nft add rule ip first out accept
		ip route add 203.0.113.1 via 10.98.0.1
		ip rule add from all lookup 100; ip route add default via 10.98.0.1 table 100
		ip link add name other type veth peer name another
		ip link add link alone name below type macvlan; ip link set below up; ip addr add 10.98.0.7/24 dev below; ip route add 203.0.113.1 dev below
		ip link add name tunnel type vxlan id 7 remote 10.98.0.1 dstport 8000; ip link set tunnel up; ip addr add 10.97.0.2/24 dev tunnel; ip route replace 203.0.113.1 dev tunnel
		ip link set alone name renamed; ip link set renamed up
		ip route replace 203.0.113.1 dev lo; ip addr add 203.0.113.1 dev lo
		ip addr del 203.0.113.1 dev lo
	ATTACKS
	[ "$count" -eq 16 ]
	answer 'tcp 10.98.0.1 8000' ok
	# What is allowed is led elsewhere after it was judged.
	attack='translation of the destination'
	nsenter -t "$pid" -n nft -f - <<-'NFT'
		table ip translate {
			chain out { type nat hook output priority -100; ip daddr 10.98.0.1 tcp dport 8000 dnat to 10.98.0.1:8001; }
		}
	NFT
	answer 'tcp 10.98.0.1 8000' ETIMEDOUT
	nsenter -t "$pid" -n nft -f - <<-'NFT'
		flush table ip translate
		table ip rewrite {
			chain out { type route hook output priority 0; ip daddr 10.98.0.1 tcp dport 8000 tcp dport set 8001; }
		}
	NFT
	attack='another port written into the packet'
	answer 'tcp 10.98.0.1 8000' ETIMEDOUT
	nsenter -t "$pid" -n nft delete table ip rewrite
	nsenter -t "$pid" -n nft delete table ip translate
	answer 'tcp 10.98.0.1 8000' ok
	! grep ' 8001 ' "$T/served" || fail "it got out"
	end_alone
	nothing_left
}

# nest: a namespace within that of $pid, whose packets go out in its name
nest() {
	ip netns add "$NESTED"
	ip -n "$NESTED" link add eth0 type veth peer name inner netns "$pid"
	ip -n "$NESTED" addr add 10.96.0.2/24 dev eth0
	ip -n "$NESTED" link set eth0 up
	ip -n "$NESTED" route add default via 10.96.0.1
	nsenter -t "$pid" -n sh -c 'ip addr add 10.96.0.1/24 dev inner; ip link set inner up; sysctl -qw net.ipv4.ip_forward=1'
	nsenter -t "$pid" -n nft -f - <<-'NFT'
		table ip nest {
			chain out { type nat hook output priority -100; ip daddr 10.98.0.1 tcp dport 8000 dnat to 10.98.0.1:8001; }
			chain after { type nat hook postrouting priority 100; oifname "alone" masquerade; }
		}
	NFT
}

# nested EXPECTED: what a connection from there comes to
nested() {
	ip netns exec "$NESTED" python3 "$T/app/client.py" <<<'tcp 203.0.113.1 8000' >"$T/nested" 3>&- 8>&-
	grep -q ": $1\$" "$T/nested" || fail "$(cat "$T/nested"), not $1"
}

@test "what who may change tables (CAP_NET_ADMIN) translates and forwards is told of, and judged, by where it goes" {
	client_bundle admin '.linux.namespaces |= map(if .type == "network" then {type: "network"} else . end)' \
		'.process.capabilities |= map_values(. + ["CAP_NET_ADMIN"])'
	NESTED=husk-$$-$BATS_TEST_NUMBER-n
	start_alone
	nest
	answer 'tcp 10.98.0.1 8000' ok
	nested ok
	ip netns del "$NESTED"
	end_alone
	husk show --json admin | jq -r '.behaviours[] | select(.domain == "net") | .class + " " + .key' | sort >"$T/learned"
	diff -u - "$T/learned" <<-'LEARNED'
		dangerous tcp 10.98.0.1:8000
		dangerous tcp 10.98.0.1:8001
		dangerous tcp 203.0.113.1:8000
		guarded tcp forwarded
	LEARNED
	for key in 'tcp 10.98.0.1:8000' 'tcp 10.98.0.1:8001' 'tcp 203.0.113.1:8000'; do
		husk allow admin connect "$key"
	done
	husk mode --domain net admin enforce
	start_alone
	nest
	answer 'tcp 10.98.0.1 8000' ok
	nested ETIMEDOUT
	has_event '.event == "denied" and .domain == "net" and .key == "tcp forwarded"'
	husk allow admin connect 'tcp forwarded'
	wait_until 20 nested ok 2>/dev/null
	ip netns del "$NESTED"
	end_alone
	nothing_left
}

@test "what the network reports of a connection reaches the function" {
	client_bundle alone '.linux.namespaces |= map(if .type == "network" then {type: "network"} else . end)'
	client 0 'local 9001'
	husk allow alone connect 'tcp 10.98.0.1:8002'
	husk mode --domain net alone enforce
	ip netns exec "$SERVER_NS" nft -f - <<-'NFT'
		table inet far {
			chain in { type filter hook input priority 0; tcp dport 8002 reject with icmpx admin-prohibited; }
		}
	NFT
	start_alone
	answer 'tcp 10.98.0.1 8002' EHOSTUNREACH
	end_alone
	nothing_left
}

@test "where packets can be sent below the rules (CAP_NET_RAW), the network is not enforced, and an event says so" {
	client_bundle raw '.process.capabilities |= map_values(. + ["CAP_NET_RAW"])'
	client 0 'tcp 10.99.0.1 8000'
	husk mode --domain net raw enforce
	client 0 'tcp 10.99.0.1 8001'
	output_has 'tcp 10.99.0.1 8001: ok'
	has_event '.event == "degraded" and .domain == "net" and .mode == "shadow" and (.detail | contains("CAP_NET_RAW"))'
	has_event '.event == "would-deny" and .key == "tcp 10.99.0.1:8001"'
	has_event '.event == "run" and .modes.net == "shadow"'
	expect 0 husk show raw
	grep -Eq '^net +enforce .*; only shadow in the last run: .*CAP_NET_RAW' <<<"$output" || fail "$output"
	husk show --json raw | jq -e '.revisions[0].last_run_lowered | (.net | contains("CAP_NET_RAW")) and has("fs") == false'
	nothing_left
}

@test "observations that were lost make the run one that does not count" {
	client_bundle lossy '.linux.namespaces |= map(if .type == "network" then {type: "network"} else . end)'
	start_alone
	answer 'tcp 10.98.0.1 8000' ok
	mediator=$(only_mediator)
	# Nobody hears the kernel while somebody in the namespace sends to 20,000 ports.
	kill -STOP "$mediator"
	nsenter -t "$pid" -n python3 "$T/app/client.py" <<<'sweep 10.98.0.1 20000' >"$T/swept"
	kill -CONT "$mediator"
	grep -q ': ok' "$T/swept"
	exec 8>&-
	end_alone
	husk show --json lossy | jq -e '.revisions[0] | .runs_lossy == 1 and .clean_runs.net == 0'
	nothing_left
}
