#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What the DNS proxy costs: dns.sh BUILD_ROOT [ROUNDS]. Two namespaces of this script's own, joined by a veth pair,
# with dnsmasq in one: lookups a second and their time in microseconds, in turn direct and through the proxy, at 1 and 32
# at a time; and what each of the three took of a processor for one lookup. Only pairs are compared.
set -euo pipefail

command -v dnsmasq >/dev/null || {
	echo "${0##*/}: dnsmasq is not installed (Debian: dnsmasq-base)" >&2
	exit 69
}
build=$(realpath "$1")
rounds=${2:-5}
client=husk-bench-$$-c
server=husk-bench-$$-s
scratch=$(mktemp -d /tmp/husk-bench-XXXXXX)
dnsmasq=
end() {
	exec 8>&-
	[ -z "$dnsmasq" ] || kill "$dnsmasq" || true
	ip netns del "$client" || true
	ip netns del "$server" || true
	rm -rf "$scratch"
}
ip netns add "$client"
ip netns add "$server"
trap end EXIT
ip -n "$server" link add eth0 type veth peer name eth0 netns "$client"
for ns in "$client" "$server"; do
	ip -n "$ns" link set lo up
	ip -n "$ns" link set eth0 up
done
ip -n "$client" addr add 10.96.0.2/24 dev eth0
# .1 is asked through the proxy, .9 is not.
ip -n "$server" addr add 10.96.0.1/24 dev eth0
ip -n "$server" addr add 10.96.0.9/24 dev eth0
ip netns exec "$server" dnsmasq --keep-in-foreground --no-resolv --no-hosts --conf-file=/dev/null --user=root --pid-file= \
	--listen-address=10.96.0.1,10.96.0.9 --bind-interfaces --address=/bench.test/93.184.216.34 >/dev/null 2>&1 &
dnsmasq=$!
for _ in $(seq 50); do
	kill -0 "$dnsmasq"
	if ip netns exec "$client" dig +time=1 +tries=1 +short @10.96.0.9 n1.bench.test | grep -q 93.184; then break; fi
	sleep 0.1
done
mkfifo "$scratch/end"
printf 'nameserver 10.96.0.1\n' >"$scratch/resolv.conf"
ip netns exec "$client" "$build/tests/dns/proxy-serve" -k -c "$scratch/resolv.conf" <"$scratch/end" >"$scratch/listens" &
proxy=$!
exec 8>"$scratch/end"
until [ -s "$scratch/listens" ]; do sleep 0.05; done
read -r port mark <"$scratch/listens"
ip netns exec "$client" nft -f - <<END
	table inet husk {
		chain asked {
			type filter hook output priority -199
			meta mark != $mark ip daddr 10.96.0.1 udp dport 53 meta mark set $((1 << 24 | 96 << 8 | 10))
		}
		chain dns {
			type nat hook output priority -101
			meta mark $mark accept
			ip daddr 10.96.0.1 udp dport 53 redirect to :$port
		}
	}
END

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
			address=10.96.0.$([ "$way" = direct ] && echo 9 || echo 1)
			resolver_before=$(took "$dnsmasq") proxy_before=$(took "$proxy")
			read -r rate median high lost own < <(ip netns exec "$client" "$build/tests/bench/dns-load" "$address" "$concurrency" 1)
			printf '%9s %8s %12s %10s %10s %6s %28s %8s %7s\n' "$concurrency" "$way" "$rate" "$median" "$high" "$lost" \
				"$(per "$own" 1)" "$(per $(($(took "$dnsmasq") - resolver_before)) "$rate")" \
				"$(per $(($(took "$proxy") - proxy_before)) "$rate")"
		done
	done
done
