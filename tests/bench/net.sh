#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What the rules of a network namespace cost: net.sh BUILD_ROOT [ROUNDS]. Namespaces of this script's own, two for each
# kind of rules, joined by a veth pair: new TCP connections a second, and iperf3's throughput where it is installed
# (Mbit/s), without rules and with 10 and 10,000 known peers, in turn and on one processor.
set -euo pipefail

program=$(realpath "$1")/tests/bench/net-rules
rounds=${2:-1500}
name=husk-bench-$$
kinds=(0 10 10000)
servers=()
end() {
	[ ${#servers[@]} -eq 0 ] || kill "${servers[@]}" || true
	for kind in "${kinds[@]}"; do
		ip netns del "$name-$kind-client" || true
		ip netns del "$name-$kind-server" || true
	done
}
trap end EXIT
for kind in "${kinds[@]}"; do
	for side in client server; do
		ip netns add "$name-$kind-$side"
		ip -n "$name-$kind-$side" link set lo up
	done
	ip -n "$name-$kind-server" link add eth0 type veth peer name eth0 netns "$name-$kind-client"
	ip -n "$name-$kind-client" addr add 10.97.0.2/24 dev eth0
	ip -n "$name-$kind-server" addr add 10.97.0.1/24 dev eth0
	for side in client server; do ip -n "$name-$kind-$side" link set eth0 up; done
done
# else the first turns meet what the kernel still has to say on a new interface
sleep 2

taskset --cpu-list 0 "$program" "$name" 10.97.0.1 "$rounds"
command -v iperf3 >/dev/null || exit 0
for kind in "${kinds[@]}"; do
	taskset --cpu-list 0 ip netns exec "$name-$kind-server" iperf3 -s -p 7001 >/dev/null 2>&1 &
	servers+=($!)
done
sleep 0.5
printf '\nMbit/s\n'
taskset --cpu-list 0 "$program" "$name" 10.97.0.1 "$(((rounds + 149) / 150))" \
	sh -c 'iperf3 -c 10.97.0.1 -p 7001 -t 1 -J | jq ".end.sum_received.bits_per_second / 1000000"'
