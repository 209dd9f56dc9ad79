# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2016,SC2034,SC2154
# Programs as functions use them that fetch from a web server whose address changes with every answer: each is
# learned, and then gets there and nowhere else.

load helpers
load network

setup() {
	network_setup
	resolver_setup 10.99.0.1
	mkdir "$T/pages"
	echo page >"$T/pages/index.html"
	ip netns exec "$SERVER_NS" python3 -u -m http.server --bind :: --directory "$T/pages" 80 </dev/null >"$T/web" 2>&1 3>&- 7>&- &
	BUSY_PID=$!
	wait_until 20 grep -q 'port 80' "$T/web"
	husk_setup 'shadow_after_runs = 50'
}

teardown() {
	exec 7>&-
	husk_teardown
	network_teardown
}

# client_of NAME ROOTFS WORD...: sets BUNDLE: a program that reads addresses from standard input, one a line, and
# prints "page", or "failed", for each
client_of() {
	local name=$1 rootfs=$2
	shift 2
	echo 'nameserver 10.99.0.1' >"$rootfs/etc/resolv.conf"
	BUNDLE=$(bundle "$name" "$rootfs" '.linux.namespaces |= map(if .type == "network"
		then .path = "/run/netns/'"$CLIENT_NS"'" else . end)')
	set_args "$BUNDLE" "$@"
	hook_bundle "$BUNDLE" "$name"
}

# gets EXPECTED ADDRESS...: one word for each
gets() {
	local expected=$1
	shift
	run_bundle 0 "$BUNDLE" "$(printf 'http://%s/\n' "$@")
"
	[ "$(xargs <<<"$output")" = "$expected" ] || fail "$output, not $expected"
}

learned_and_enforced() {
	local name=$1 key
	for _ in 1 2 3; do
		gets 'page page' rotate.example.test cname.example.test
	done
	husk show --json "$name" | jq -r '.behaviours[] | select(.domain == "net") | "\(.access) \(.key)"' | sort | diff - <(
		printf 'connect tcp %s:80\n' cname.example.test rotate.example.test)
	husk mode --domain net "$name" enforce
	husk mode --domain dns "$name" enforce
	# shellcheck disable=SC2046 # a word each
	gets "$(printf 'page %.0s' {1..20} | xargs)" $(printf 'rotate.example.test %.0s' {1..20})
	no_event '.event == "denied" and .function == "'"$name"'"'
	: >"$T/asked"
	SECONDS=0
	gets 'failed failed failed failed page' other.example.test 169.254.169.254 203.0.113.1 rotate.example.test:8000 \
		rotate.example.test
	[ "$SECONDS" -lt 10 ]
	for key in other.example.test 'tcp 169.254.169.254:80' 'tcp 203.0.113.1:80' 'tcp rotate.example.test:8000'; do
		[ "$(event_count '.event == "denied" and .function == "'"$name"'" and .key == "'"$key"'"')" -eq 1 ] ||
			fail "not one event: $key"
	done
	[ "$(event_count '.event == "denied" and .function == "'"$name"'"')" -eq 4 ]
	! grep other.example.test "$T/asked" || fail "it got out"
	nothing_left
}

# bring PROGRAM ROOTFS: the host's own, with what it loads
bring() {
	local library
	cp "$(command -v "$1")" "$2/usr/bin/$1"
	for library in $(ldd "$(command -v "$1")" | grep -o '/[^ ]*'); do
		[ -e "$2$library" ] || cp -L --parents "$library" "$2"
	done
}

@test "curl" {
	local rootfs
	rootfs=$(own_rootfs)
	bring curl "$rootfs"
	client_of curl "$rootfs" /bin/sh -c 'while read -r address; do curl -sf --max-time 5 "$address" || echo failed; done'
	learned_and_enforced curl
}

@test "Python's urllib" {
	client_of urllib "$(own_rootfs)" /usr/bin/python3 -B -c '
import sys, urllib.request
for address in sys.stdin:
    try:
        print(urllib.request.urlopen(address.strip(), timeout=5).read().decode().strip())
    except OSError:
        print("failed")'
	learned_and_enforced urllib
}

# node_client WAY: how it looks names up
node_client() {
	client_of "$1" "$(own_rootfs "$HUSK_TOOLS_ROOTFS")" /usr/bin/node -e '
const http = require("http"), dns = require("dns");
const lookups = {libc: dns.lookup, cares: (name, options, done) => dns.resolve4(name, (error, found) =>
	error ? done(error) : options.all ? done(null, found.map(address => ({address, family: 4}))) : done(null, found[0], 4))};
const get = address => new Promise(done => http.get(address, {lookup: lookups[process.argv[1]], agent: false, timeout: 5000}, answer => {
	let text = "";
	answer.on("data", data => text += data).on("end", () => done(text.trim()));
}).on("error", () => done("failed")).on("timeout", function () { this.destroy(); }));
(async () => {
	for (const address of require("fs").readFileSync(0, "utf8").trim().split("\n"))
		console.log(await get(address));
})()' "$1"
	learned_and_enforced "$1"
}

@test "http of Node.js, by libc" {
	node_client libc
}

@test "http of Node.js, by c-ares" {
	node_client cares
}

@test "dnsmasq, as bridges have it, says the same through the proxy" {
	local rootfs questions='fixed.example.test A
alias.example.test A
fixed.example.test AAAA
alias.example.test AAAA
_web._tcp.example.test SRV
big.example.test TXT
missing.example.test A
-x 93.184.216.34'
	local server=(ip netns exec "$SERVER_NS")
	"${server[@]}" dnsmasq --keep-in-foreground --no-resolv --no-hosts --conf-file=/dev/null --user=root --pid-file= \
		--listen-address=203.0.113.1 --bind-interfaces --local=/example.test/ --local-ttl=60 \
		--host-record=fixed.example.test,93.184.216.34,2606:2800:220:1::1 --cname=alias.example.test,fixed.example.test \
		--srv-host=_web._tcp.example.test,fixed.example.test,80 \
		"$(printf -- '--txt-record=big.example.test'; printf ',%0200d' {1..9})" </dev/null >"$T/dnsmasq" 2>&1 3>&- 7>&- &
	kill "$BUSY_PID"
	BUSY_PID=$!
	wait_until 20 "${server[@]}" dig +short +tries=1 +time=1 @203.0.113.1 fixed.example.test
	rootfs=$(own_rootfs)
	bring dig "$rootfs"
	client_of dig "$rootfs" /bin/sh -c 'while read -r words; do dig +noall +answer +comments +bufsize=1232 $words | sort; done'
	echo 'nameserver 203.0.113.1' >"$rootfs/etc/resolv.conf"
	without_ids() { sed -E 's/, id: [0-9]+//' "$1"; }
	while read -r words; do
		# shellcheck disable=SC2086 # several words
		"${server[@]}" dig +noall +answer +comments +bufsize=1232 @203.0.113.1 $words | sort
	done <<<"$questions" >"$T/direct"
	grep -q 'Truncated, retrying in TCP' "$T/direct"
	[ "$(grep -c 'status: NXDOMAIN' "$T/direct")" -eq 1 ]
	[ "$(grep -c 'IN.*fixed.example.test\.$' "$T/direct")" -ge 4 ]
	for mode in learn enforce; do
		husk mode --domain dns dig "$mode" || true
		run_bundle 0 "$BUNDLE" "$questions
"
		echo "$output" >"$T/through"
		diff <(without_ids "$T/direct") <(without_ids "$T/through")
	done
	no_event '.event == "denied"'
	has_event '.event == "run" and .modes.dns == "enforce"'
	nothing_left
}
