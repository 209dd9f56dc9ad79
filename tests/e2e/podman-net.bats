# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154
# The network of a container in Podman: its bridge, and none. Podman works in the server's namespace, so that neither
# bridge nor rules come to the host, and the server is its gateway.

load helpers
load network

setup() {
	command -v podman >/dev/null || skip "podman is not installed"
	network_setup
	resolver_setup 203.0.113.1
	husk_setup 'shadow_after_runs = 50' 'trust_podman_annotations = yes'
	podman_setup
	mkdir "$T/networks"
	husk hooks install podman --directory "$T/hooks.d" --hook-program "$HUSK_HOOK"
	ROOTFS=$(own_rootfs)
	cp "$T/app/client.py" "$ROOTFS/app/client.py"
}

teardown() {
	exec 7>&-
	husk_teardown
	network_teardown
}

# answers NETWORK COMMAND...: runs network-client.py in such a network; $output has the answers.
answers() {
	local options=("${PODMAN_RUN[@]/#none/$1}")
	[ "$1" = none ] || options+=(--dns 203.0.113.1)
	shift
	printf '%s\n' "$@" >"$T/stdin"
	capture timeout 60 nsenter --net="/run/netns/$SERVER_NS" podman "${PODMAN[@]}" --network-config-dir "$T/networks" \
		run --rm -i "${options[@]}" --annotation husk.function=talker --annotation husk.revision=1 --rootfs "$ROOTFS" \
		/usr/bin/python3 -B /app/client.py <"$T/stdin"
	[ "$status" -eq 0 ] || fail "$output"
}

@test "on Podman's bridge peers and names are learned, and others refused, with one event each" {
	for _ in 1 2 3; do
		answers bridge 'tcp 10.88.0.1 8000' 'tcp a.example.test 8001' 'udp 10.88.0.1 9000'
		output_has 'tcp 10.88.0.1 8000: ok'
		output_has 'tcp a.example.test 8001: ok'
		output_has 'udp 10.88.0.1 9000: ok'
	done
	husk show --json talker | jq -r '.behaviours[] | select(.domain == "net" or .domain == "dns")
		| "\(.access) \(.key)"' | sort >"$T/keys"
	diff "$T/keys" - <<-'KEYS'
		connect tcp 10.88.0.1:8000
		connect tcp a.example.test:8001
		connect udp 10.88.0.1:9000
		resolve a.example.test
	KEYS
	husk mode --domain net talker enforce
	husk mode --domain dns talker enforce
	: >"$T/asked"
	answers bridge 'tcp 10.88.0.1 8000' 'tcp a.example.test 8001' 'udp 10.88.0.1 9000' 'tcp 10.88.0.1 8001' \
		'udp 10.88.0.1 9001' 'tcp a.example.test 8000' 'tcp 169.254.169.254 8000' 'look b.example.test'
	has_event '.event == "run" and .modes.net == "enforce" and .modes.dns == "enforce"'
	output_has 'tcp 10.88.0.1 8000: ok'
	output_has 'tcp a.example.test 8001: ok'
	output_has 'udp 10.88.0.1 9000: ok'
	output_has 'tcp 10.88.0.1 8001: ECONNREFUSED'
	output_has 'udp 10.88.0.1 9001: EPERM'
	output_has 'tcp a.example.test 8000: ECONNREFUSED'
	output_has 'tcp 169.254.169.254 8000: ECONNREFUSED'
	output_has 'look b.example.test: [Errno -3]'
	for key in 'tcp 10.88.0.1:8001' 'udp 10.88.0.1:9001' 'tcp a.example.test:8000' 'tcp 169.254.169.254:8000' \
		b.example.test; do
		[ "$(event_count '.event == "denied" and .key == "'"$key"'"')" -eq 1 ] || fail "not one event: $key"
	done
	[ "$(event_count '.event == "denied"')" -eq 5 ]
	! grep b.example.test "$T/asked" || fail "it got out"
	nothing_left_of_podman
}

@test "without a network in Podman, loopback is learned and enforced" {
	answers none 'local 9001'
	output_has 'local 9001: ok'
	husk mode --domain net talker enforce
	answers none 'local 9001' 'local 9002' 'tcp 10.99.0.1 8000'
	has_event '.event == "run" and .modes.net == "enforce"'
	output_has 'local 9001: ok'
	output_has 'local 9002: ECONNREFUSED'
	output_has 'tcp 10.99.0.1 8000: ENETUNREACH'
	[ "$(event_count '.event == "denied" and .domain == "net" and .key == "tcp loopback:9002"')" -eq 1 ]
	nothing_left_of_podman
}
