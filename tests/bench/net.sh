#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What the rules of a network namespace cost: net.sh BUILD_ROOT [ROUNDS]. Two namespaces of this script's own,
# joined by a veth pair: new TCP connections a second, and iperf3's throughput where it is installed (Mbit/s), without
# rules and with 10 and 10,000 known peers, in turn.
set -euo pipefail

program=$(realpath "$1")/tests/bench/net-rules
rounds=${2:-15}
client=husk-bench-$$-c
server=husk-bench-$$-s
iperf=
end() {
	[ -z "$iperf" ] || kill "$iperf" || true
	ip netns del "$client" || true
	ip netns del "$server" || true
}
ip netns add "$client"
ip netns add "$server"
trap end EXIT
ip -n "$server" link add eth0 type veth peer name eth0 netns "$client"
for ns in "$client" "$server"; do
	ip -n "$ns" link set lo up
	ip -n "$ns" link set eth0 up
done
ip -n "$client" addr add 10.97.0.2/24 dev eth0
ip -n "$server" addr add 10.97.0.1/24 dev eth0

"$program" "/run/netns/$client" "/run/netns/$server" 10.97.0.1 "$rounds"
command -v iperf3 >/dev/null || exit 0
ip netns exec "$server" iperf3 -s -p 7001 >/dev/null 2>&1 &
iperf=$!
sleep 0.5
printf '\nMbit/s\n'
"$program" "/run/netns/$client" "/run/netns/$server" 10.97.0.1 "$(((rounds + 2) / 3))" \
	sh -c 'iperf3 -c 10.97.0.1 -p 7001 -t 1 -J | jq ".end.sum_received.bits_per_second / 1000000"'
