#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What the DNS proxy costs: dns.sh BUILD_ROOT [ROUNDS]. Namespaces of this script's own, each joined to one with dnsmasq
# by a veth pair: one where nothing of husk's is, and one with the proxy and the rules of a function that is enforced.
# Lookups a second and their time in microseconds, in turn direct and through the proxy, at 1 and 32 at a time; and what
# each of the three took of a processor for one lookup. Only pairs are compared: medians of their ratios come last, and
# of the processor's time, which noise moves least. Where three programs share two processors, the rate is that sum's.
set -euo pipefail

command -v dnsmasq >/dev/null || {
	echo "${0##*/}: dnsmasq is not installed (Debian: dnsmasq-base)" >&2
	exit 69
}
build=$(realpath "$1")
rounds=${2:-5}
server=husk-bench-$$-s
scratch=$(mktemp -d /tmp/husk-bench-XXXXXX)
dnsmasq=
end() {
	exec 8>&-
	[ -z "$dnsmasq" ] || kill "$dnsmasq" || true
	for ns in direct proxy; do ip netns del "husk-bench-$$-$ns" || true; done
	ip netns del "$server" || true
	rm -rf "$scratch"
}
in_client() {
	local way=$1
	shift
	ip netns exec "husk-bench-$$-$way" "$@"
}
ip netns add "$server"
trap end EXIT
ip -n "$server" link set lo up
declare -A resolver=([direct]=10.96.1.1 [proxy]=10.96.2.1)
for way in direct proxy; do
	ns=husk-bench-$$-$way
	ip netns add "$ns"
	ip -n "$server" link add "$way" type veth peer name eth0 netns "$ns"
	ip -n "$server" addr add "${resolver[$way]}/24" dev "$way"
	ip -n "$server" link set "$way" up
	ip -n "$ns" addr add "${resolver[$way]%.1}.2/24" dev eth0
	ip -n "$ns" link set lo up
	ip -n "$ns" link set eth0 up
done
ip netns exec "$server" dnsmasq --keep-in-foreground --no-resolv --no-hosts --conf-file=/dev/null --user=root --pid-file= \
	--listen-address="${resolver[direct]},${resolver[proxy]}" --bind-interfaces --address=/bench.test/93.184.216.34 \
	>/dev/null 2>&1 &
dnsmasq=$!
mkfifo "$scratch/end"
printf 'nameserver %s\n' "${resolver[proxy]}" >"$scratch/resolv.conf"
ip netns exec "husk-bench-$$-proxy" "$build/tests/dns/proxy-serve" -r -c "$scratch/resolv.conf" <"$scratch/end" \
	>"$scratch/listens" &
proxy=$!
exec 8>"$scratch/end"
until [ -s "$scratch/listens" ]; do sleep 0.05; done
for way in direct proxy; do
	until in_client "$way" dig +time=1 +tries=1 +short "@${resolver[$way]}" n1.bench.test | grep -q 93.184; do
		kill -0 "$dnsmasq" "$proxy"
		sleep 0.1
	done
done

# took PID: nanoseconds of a processor so far, those of the kernel's for it included.
took() {
	local ns
	read -r ns _ <"/proc/$1/schedstat"
	echo "$ns"
}

# per NS COUNT: microseconds with one decimal.
per() {
	local tenths=$(($1 / $2 / 100))
	echo "$((tenths / 10)).$((tenths % 10))"
}

printf '%9s %8s %12s %10s %10s %6s   us of a processor: %7s %8s %7s\n' \
	'at a time' way 'lookups/s' 'median us' '99 % us' lost client resolver proxy
for concurrency in 1 32; do
	for _ in $(seq "$rounds"); do
		for way in direct proxy; do
			resolver_before=$(took "$dnsmasq") proxy_before=$(took "$proxy")
			read -r rate median high lost own < <(in_client "$way" "$build/tests/bench/dns-load" "${resolver[$way]}" "$concurrency" 1)
			printf '%9s %8s %12s %10s %10s %6s %28s %8s %7s\n' "$concurrency" "$way" "$rate" "$median" "$high" "$lost" \
				"$(per "$own" 1)" "$(per $(($(took "$dnsmasq") - resolver_before)) "$rate")" \
				"$(per $(($(took "$proxy") - proxy_before)) "$rate")"
		done
	done
done | tee "$scratch/rows"

# The median of standard input's numbers.
median() {
	sort -n | awk '{ rows[NR] = $1 } END { printf "%s", rows[int((NR + 1) / 2)] }'
}
for concurrency in 1 32; do
	pairs=$(awk -v at="$concurrency" '$1 == at && $2 == "direct" { rate = $3; us = $4; sum = $7 + $8 }
		$1 == at && $2 == "proxy" { printf "%.3f %d %.1f %.1f\n", $3 / rate, $4 - us, sum, $7 + $8 + $9 }' "$scratch/rows")
	printf '%s at a time: rate %s of direct, median %+d us; of a processor %s us direct, %s through the proxy\n' "$concurrency" \
		"$(cut -d' ' -f1 <<<"$pairs" | median)" "$(cut -d' ' -f2 <<<"$pairs" | median)" \
		"$(cut -d' ' -f3 <<<"$pairs" | median)" "$(cut -d' ' -f4 <<<"$pairs" | median)"
done
