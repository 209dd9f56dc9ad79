#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# The DNS proxy between real clients and a resolver that misbehaves, in namespaces that the suite makes: the
# function's with a resolv.conf of its own, and the resolver's behind a bridge of two ends. Needs root and nft.
# PROXY_SERVE and MUSL_LOOKUP name the programs.
bats_require_minimum_version 1.5.0
BATS_TEST_TIMEOUT=60

here=$(dirname "$BATS_TEST_FILENAME")

setup_file() {
	export DIR RESOLVER_NS FUNCTION_NS
	DIR=$(mktemp -d "${TMPDIR:-/tmp}/husk-dns-XXXXXX")
	touch "$DIR/resolv.conf" "$DIR/asked"
	unshare --net sleep 600 3>&- &
	RESOLVER_NS=$!
	unshare --net --mount --propagation private sleep 600 3>&- &
	FUNCTION_NS=$!
	for pid in "$RESOLVER_NS" "$FUNCTION_NS"; do
		until [ "$(readlink "/proc/$pid/ns/net")" != "$(readlink /proc/self/ns/net)" ] &&
			[ "$(readlink "/proc/$pid/exe")" = "$(readlink -f "$(command -v sleep)")" ]; do sleep 0.02; done
	done
	in_function mount --bind "$DIR/resolv.conf" /etc/resolv.conf
	in_function ip link set lo up
	in_function ip link add f0 type veth peer name r0 netns "/proc/$RESOLVER_NS/ns/net"
	in_function ip link set f0 up
	nsenter -t "$RESOLVER_NS" -n sh -ec 'ip link set lo up
		for n in 1 3 4 5 6 7 8; do ip address add 10.77.0.$n/24 dev r0; done
		for n in 1 4; do ip address add fd77::$n/64 dev r0 nodad; done
		ip address add fe80::53/64 dev r0 nodad
		ip link set r0 up'
	mkfifo "$DIR/end-resolver"
	nsenter -t "$RESOLVER_NS" -n "$here/resolver" "$DIR/asked" 10.77.0.{1,3,5,6,7,8} fd77::1 fe80::53%r0 \
		<"$DIR/end-resolver" >"$DIR/resolver-ready" 2>"$DIR/resolver-errors" 3>&- &
	exec 7>"$DIR/end-resolver"
	until grep -q ready "$DIR/resolver-ready"; do
		kill -0 $! || {
			cat "$DIR/resolver-errors"
			return 1
		}
		sleep 0.02
	done
}

teardown_file() {
	kill "$RESOLVER_NS" "$FUNCTION_NS" || true
	rm -rf --one-file-system "$DIR"
}

setup() {
	# meson's way to find unset memory makes every page count that nobody touched.
	unset MALLOC_PERTURB_
	: >"$DIR/asked"
	rm -f "$DIR/asked.ids"
	printf 'nameserver 10.77.0.1\n' >"$DIR/resolv.conf"
	PROXY=
	# The kernel remembers for a while which proxy a connection from a port of this address was redirected to.
	in_function ip address flush dev f0 scope global
	in_function ip address add "10.77.0.$((100 + BATS_TEST_NUMBER))/24" dev f0
	in_function ip address add "fd77::$((100 + BATS_TEST_NUMBER))/64" dev f0 nodad
}

teardown() {
	end_proxy
}

in_function() {
	nsenter -t "$FUNCTION_NS" -n -m timeout 20 "$@" 7>&-
}

# proxy [OPTION...]: starts the proxy in the function's namespace, with rules that hand questions to it.
proxy() {
	rm -f "$DIR/end-proxy" "$DIR/log" "$DIR/listens"
	mkfifo "$DIR/end-proxy"
	nsenter -t "$FUNCTION_NS" -n "$PROXY_SERVE" -c "$DIR/resolv.conf" -l "$DIR/log" "$@" <"$DIR/end-proxy" \
		>"$DIR/listens" 3>&- 7>&- &
	PROXY=$!
	exec 8>"$DIR/end-proxy"
	until [ -s "$DIR/listens" ]; do
		kill -0 "$PROXY" || return 1
		sleep 0.02
	done
}

# Ends it, which must go well.
end_proxy() {
	[ -n "$PROXY" ] || return 0
	exec 8>&-
	wait "$PROXY"
	PROXY=
}

has_line() {
	grep -qxF -e "$2" "$1" || {
		printf "'%s' lacks the line '%s':\n" "$1" "$2"
		cat "$1"
		return 1
	}
}

lacks() {
	! grep -F -e "$2" "$1"
}

# ask NAME [DIG OPTION...]: the answer's code and records, sorted.
ask() {
	in_function dig +time=2 +tries=1 +noall +comments +answer +additional "$@" | codes_and_records
}

codes_and_records() {
	sed -En -e 's/.*status: (\w+),.*/\1/p;t' -e '/^[^;]/p' | sort
}

milliseconds() {
	date +%s%3N
}

clients() {
	local name
	for name in a.example.test cname.example.test nx.example.test inside.example.test empty.example.test truncated.example.test \
		huge.example.test; do
		echo "getent $name: $(in_function getent ahosts "$name" | sort | uniq | sha256sum)"
		echo "busybox $name: $(in_function busybox nslookup "$name" 2>&1 | sort | sha256sum)"
		# It takes what fits, and what follows that is what it was before.
		[ "$name" = huge.example.test ] ||
			echo "musl $name: $(in_function "$MUSL_LOOKUP" "$name" 2>&1 | sort | sha256sum)"
	done
	echo "python: $(in_function python3 - <<-'END'
		import socket
		for name in ('a.example.test', 'cname.example.test', 'nx.example.test', 'refused.example.test'):
		    try:
		        print(sorted({found[4][0] for found in socket.getaddrinfo(name, 443)}))
		    except OSError as error:
		        print(error)
		print(socket.gethostbyaddr('10.1.2.3'))
	END
	)"
	command -v node >/dev/null || return 0
	echo "node: $(in_function node -e '
		const dns = require("dns").promises;
		(async () => {
			for (const name of ["a.example.test", "cname.example.test", "nx.example.test", "huge.example.test"]) {
				for (const ask of [name => dns.lookup(name, {all: true}), name => dns.resolve4(name), name => dns.resolve6(name)])
					console.log(name, JSON.stringify(await ask(name).then(found => [...new Set(found.map(JSON.stringify))].sort(), error => error.code)));
			}
			console.log(await dns.resolveSrv("srv.example.test"), await dns.reverse("10.1.2.3"));
		})()')"
}

@test "clients of all kinds get the same answers with the proxy as without" {
	clients >"$DIR/without"
	proxy
	clients >"$DIR/with"
	diff -u "$DIR/without" "$DIR/with"
	has_line "$DIR/log" 'resolve a.example.test novel'
	has_line "$DIR/log" 'lead cname.example.test 93.184.216.35 30'
	has_line "$DIR/log" 'resolve {host}.2.1.10.in-addr.arpa novel'
}

@test "every kind of answer passes as it is, and its addresses are led to" {
	local kind
	proxy
	for kind in a nx refused empty slow wrongid wrongq cname mixed srv truncated junk inside rebind; do
		ask "$kind.example.test" >"$DIR/with"
		nsenter -t "$RESOLVER_NS" -n dig +time=2 +tries=1 +noall +comments +answer +additional @10.77.0.1 "$kind.example.test" |
			codes_and_records >"$DIR/without"
		diff -u "$DIR/without" "$DIR/with"
	done
	ask https.example.test HTTPS | grep -q 'ipv4hint=93.184.216.37'
	ask srv.example.test SRV | grep -q '443 host.target.test'
	has_line "$DIR/log" 'lead https.example.test 93.184.216.38 60'
	has_line "$DIR/log" 'lead https.example.test 2606:2800:220:1::2 60'
	has_line "$DIR/log" 'lead srv.example.test 93.184.216.36 60'
	has_line "$DIR/log" 'lead mixed.example.test 93.184.216.35 30'
	has_line "$DIR/log" 'lead junk.example.test 93.184.216.34 60'
	lacks "$DIR/log" 66.66.66.66
}

@test "an answer with a loop or without an end leads nowhere" {
	proxy
	in_function dig +time=1 +tries=1 loop.example.test | grep -q 'bad compression pointer'
	in_function dig +time=1 +tries=1 short.example.test | grep -q 'timed out'
	has_line "$DIR/log" 'resolve loop.example.test novel'
	lacks "$DIR/log" lead
}

@test "a long answer comes by TCP, with all of its addresses" {
	proxy
	[ "$(ask huge.example.test +tcp | grep -c 93.184)" -eq 1000 ]
	[ "$(grep -c '^lead huge.example.test' "$DIR/log")" -eq 1000 ]
	has_line "$DIR/asked" 'tcp 10.77.0.1 huge.example.test 1'
	# Several questions on one connection.
	[ "$(ask +tcp +keepopen a.example.test b.example.test nx.example.test | grep -c -e NOERROR -e NXDOMAIN)" -eq 3 ]
}

@test "the first connection to a resolver waits for nothing either" {
	proxy
	in_function python3 - <<-'END'
		import socket, struct
		query = b'\x12\x34\x01\0\0\1\0\0\0\0\0\0\x01a\x07example\x04test\0\0\1\0\1'
		for resolver in 'fd77::1', '10.77.0.1', '10.77.0.1':
		    s = socket.create_connection((resolver, 53))
		    s.settimeout(9)
		    s.sendall(len(query).to_bytes(2, 'big') + query)
		    assert s.recv(512)[2:4] == query[:2]
		    # tcpi_total_retrans of struct tcp_info
		    assert struct.unpack_from('I', s.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104), 100) == (0,)
	END
}

@test "however many questions are sent ahead over one connection, the addresses of all are led to" {
	proxy
	in_function python3 - <<-'END'
		import socket
		s = socket.create_connection(('10.77.0.1', 53))
		s.settimeout(10)
		for n in range(100):
		    name = f'web{n}'.encode()
		    query = n.to_bytes(2, 'big') + b'\1\0\0\1' + bytes(6) + bytes([len(name)]) + name + b'\4test\0\0\1\0\1'
		    s.sendall(len(query).to_bytes(2, 'big') + query)
		answers = s.makefile('rb')
		for n in range(100):
		    answer = answers.read(int.from_bytes(answers.read(2), 'big'))
		    assert answer[:2] == n.to_bytes(2, 'big') and answer[3] & 15 == 0, (n, answer)
	END
	[ "$(grep -c '^lead web.*.test 93.184.216.34 60' "$DIR/log")" -eq 100 ]
}

@test "what is too short to be an answer does not stand for one" {
	proxy
	in_function python3 - <<-'END'
		import socket
		s = socket.create_connection(('10.77.0.1', 53))
		s.settimeout(10)
		query = b'\0\1\1\0\0\1' + bytes(6) + b'\4runt\4test\0\0\1\0\1'
		s.sendall(len(query).to_bytes(2, 'big') + query)
		answers = s.makefile('rb')
		assert [int.from_bytes(answers.read(2), 'big'), answers.read(2)] == [2, b'\xff\xff']
		assert answers.read(int.from_bytes(answers.read(2), 'big'))[:2] == query[:2]
	END
	has_line "$DIR/log" 'lead runt.test 93.184.216.34 60'
}

@test "hundreds that ask at a time are all answered, by datagrams and over connections" {
	proxy
	in_function python3 - <<-'END'
		import socket, time
		def query(n):
		    name = f'slow{n}'.encode()
		    return n.to_bytes(2, 'big') + b'\1\0\0\1' + bytes(6) + bytes([len(name)]) + name + b'\4test\0\0\1\0\1'
		asked = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(400)]
		for n, s in enumerate(asked):
		    s.settimeout(9)
		    s.sendto(query(n), ('10.77.0.1', 53))
		    time.sleep(0.001)
		for n, s in enumerate(asked):
		    answer = s.recv(512)
		    assert answer[:2] == n.to_bytes(2, 'big') and answer[3] & 15 == 0, (n, answer)
		asked = []
		for n in range(400):
		    s = socket.create_connection(('10.77.0.1', 53))
		    s.settimeout(9)
		    s.sendall(len(query(n)).to_bytes(2, 'big') + query(n))
		    asked.append(s)
		for n, s in enumerate(asked):
		    answer = s.recv(512)
		    assert answer[2:4] == n.to_bytes(2, 'big') and answer[5] & 15 == 0, (n, answer)
	END
	# Those that are done wait for nothing.
	[ "$(ask a.example.test +tcp | grep -c 93.184.216.34)" -eq 1 ]
}

@test "where enforced, what is unknown is refused at once and does not get out" {
	local begin name how
	proxy -m enforce -a resolve:a.example.test
	for name in c2VjcmV0LWRhdGE.evil.test x.a.example.test a.example.test.evil.test 0123456789abcdef0123456789abcdef.evil.test; do
		# One that is not answered is asked again after five seconds.
		for how in +notcp +tcp TXT; do
			begin=$(milliseconds)
			[ "$(ask "$name" "$how")" = REFUSED ]
			[ $(($(milliseconds) - begin)) -lt 4500 ]
		done
	done
	in_function dig +edns other.test | grep -q 'EDE: 15 (Blocked)'
	ask a.example.test | grep -q 93.184.216.34
	ask A.EXAMPLE.test +tcp | grep -q 93.184.216.34
	[ "$(cut -d' ' -f3 "$DIR/asked" | tr A-Z a-z | sort -u)" = a.example.test ]
	has_line "$DIR/log" 'resolve c2vjcmv0lwrhdge.evil.test denied'
	# Not as a question, but within one: bytes behind it, another operation, no question at all.
	in_function python3 - <<-'END'
		import socket
		name = b'\x01a\x07example\x04test\x00'
		plain = b'\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00' + name + b'\x00\x01\x00\x01'
		for query in (plain + b'secret', plain[:2] + b'\x29' + plain[3:], plain[:5] + b'\x02' + plain[6:] + plain[12:],
		              plain[:12], plain[:20]):
		    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
		    s.settimeout(2)
		    s.sendto(query, ('10.77.0.1', 53))
		    answer, source = s.recvfrom(512)
		    assert answer[:2] == b'\x12\x34' and answer[3] & 15 == 5, answer
		    assert source == ('10.77.0.1', 53), source
	END
	[ "$(cut -d' ' -f3 "$DIR/asked" | tr A-Z a-z | sort -u)" = a.example.test ]
}

@test "nobody is connected to before there is something that he may be asked" {
	proxy -m enforce -a resolve:a.example.test
	nsenter -t "$RESOLVER_NS" -n python3 - "$DIR/came" <<-'END' 3>&- 7>&- 8>&- &
		import socket, sys
		server = socket.create_server(('10.77.0.4', 53))
		open(sys.argv[1], 'w').close()
		stream, _ = server.accept()
		stream.sendall(b'\0\6secret')
		open(sys.argv[1], 'w').write('connected')
		stream.recv(1)
	END
	until [ -e "$DIR/came" ]; do sleep 0.02; done
	in_function python3 - <<-'END'
		import socket
		s = socket.create_connection(('10.77.0.4', 53))
		s.settimeout(0.5)
		try:
		    raise SystemExit(f'heard {s.recv(512)}')
		except TimeoutError:
		    pass
		query = b'\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x01a\x07example\x04test\x00\x00\x01\x00\x01'
		s.sendall(len(query).to_bytes(2, 'big') + query)
		answer = s.recv(512)
		assert answer[2:4] == b'\x12\x34' and answer[5] & 15 == 5, answer
		s.shutdown(socket.SHUT_WR)
		assert s.recv(512) == b''
	END
	kill $!
	[ ! -s "$DIR/came" ]
	has_line "$DIR/log" 'consult 10.77.0.4 denied'
	ask a.example.test +tcp | grep -q 93.184.216.34
}

@test "who sends without an end what cannot be answered leaves others their turn" {
	proxy -m enforce -a resolve:a.example.test
	in_function python3 - <<-'END' 3>&- 7>&- 8>&- &
		import socket
		s = socket.create_connection(('10.77.0.1', 53))
		while True:
		    s.sendall(bytes(65536))
	END
	for _ in 1 2 3 4 5; do
		ask a.example.test +tries=1 | grep -q 93.184.216.34
		ask a.example.test +tcp | grep -q 93.184.216.34
	done
	kill $!
}

@test "in shadow nothing is refused" {
	proxy -m shadow -a resolve:a.example.test
	ask other.test | grep -q 93.184.216.34
	has_line "$DIR/log" 'resolve other.test would-deny'
}

@test "the resolver that was asked is the one that is asked, and another one is a behaviour" {
	proxy -a resolve:a.example.test
	ask a.example.test @10.77.0.3 | grep -q 93.184.216.34
	ask a.example.test @fd77::1 | grep -q 93.184.216.34
	ask a.example.test @fd77::1 +tcp | grep -q 93.184.216.34
	has_line "$DIR/asked" 'udp 10.77.0.3 a.example.test 1'
	has_line "$DIR/asked" 'udp fd77::1 a.example.test 1'
	has_line "$DIR/asked" 'tcp fd77::1 a.example.test 1'
	has_line "$DIR/log" 'consult 10.77.0.3 novel'
	has_line "$DIR/log" 'consult fd77::1 novel'
	lacks "$DIR/log" 'consult 10.77.0.1'
	end_proxy
	: >"$DIR/asked"
	proxy -m enforce -a resolve:a.example.test -a consult:10.77.0.3
	[ "$(ask a.example.test @fd77::1)" = REFUSED ]
	ask a.example.test @10.77.0.3 | grep -q 93.184.216.34
	lacks "$DIR/asked" fd77::1
}

@test "a resolver that has an address of the link alone is asked there" {
	in_function ip address add "fe80::$((100 + BATS_TEST_NUMBER))/64" dev f0 nodad
	proxy
	ask a.example.test @fe80::53%f0 | grep -q 93.184.216.34
	has_line "$DIR/asked" 'udp fe80::53%r0 a.example.test 1'
	has_line "$DIR/log" 'consult fe80::53 novel'
}

@test "a resolver on loopback is asked there" {
	printf 'nameserver 127.0.0.53\n' >"$DIR/resolv.conf"
	mkfifo "$DIR/end-local"
	nsenter -t "$FUNCTION_NS" -n "$here/resolver" "$DIR/asked" 127.0.0.53 <"$DIR/end-local" >"$DIR/local-ready" 3>&- 7>&- &
	exec 9>"$DIR/end-local"
	until grep -q ready "$DIR/local-ready"; do sleep 0.02; done
	proxy
	in_function getent ahosts a.example.test | grep -q 93.184.216.34
	has_line "$DIR/asked" 'udp 127.0.0.53 a.example.test 28'
	exec 9>&-
	rm "$DIR/end-local"
}

@test "where another program redirects the resolver's address, that goes on to hold" {
	# As Docker does with 127.0.0.11.
	printf 'nameserver 127.0.0.11\n' >"$DIR/resolv.conf"
	in_function nft -f - <<-'END'
		table ip other {
			chain output {
				type nat hook output priority -100
				ip daddr 127.0.0.11 udp dport 53 dnat to 10.77.0.3
				ip daddr 127.0.0.11 tcp dport 53 dnat to 10.77.0.3
			}
			chain postrouting {
				type nat hook postrouting priority 100
				ip daddr 10.77.0.3 masquerade
			}
		}
	END
	in_function sysctl -q net.ipv4.conf.all.route_localnet=1
	proxy
	in_function getent ahosts a.example.test | grep -q 93.184.216.34
	ask a.example.test @127.0.0.11 +tcp | grep -q 93.184.216.34
	has_line "$DIR/asked" 'udp 10.77.0.3 a.example.test 28'
	has_line "$DIR/log" 'resolve a.example.test novel'
	lacks "$DIR/log" consult
	in_function nft delete table ip other
}

@test "programs go on to the next resolver as they do without the proxy" {
	local begin client
	# Nobody listens at .4, nobody is at .9.
	printf 'nameserver 10.77.0.4\nnameserver 10.77.0.9\nnameserver 10.77.0.1\noptions timeout:1\n' >"$DIR/resolv.conf"
	proxy
	# That nobody listens the kernel tells at once, the first times; later once a second.
	in_function python3 - <<-'END'
		import socket
		for family, address in (socket.AF_INET, '10.77.0.4'), (socket.AF_INET6, 'fd77::4'):
		    s = socket.socket(family, socket.SOCK_DGRAM)
		    s.settimeout(2)
		    s.connect((address, 53))
		    s.send(b'\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x01a\x07example\x04test\x00\x00\x01\x00\x01')
		    try:
		        raise SystemExit(s.recv(512))
		    except ConnectionRefusedError:
		        pass
	END
	: >"$DIR/log"
	for client in 'busybox nslookup' 'getent ahosts' "$MUSL_LOOKUP"; do
		begin=$(milliseconds)
		in_function $client a.example.test | grep -q 93.184.216.34
		# nslookup waits five seconds for .9, whatever resolv.conf says.
		[ $(($(milliseconds) - begin)) -lt 12000 ]
	done
	lacks "$DIR/log" consult
}

@test "several resolvers can be asked from one port at the same time" {
	printf 'nameserver 10.77.0.1\nnameserver 10.77.0.3\nnameserver fd77::1\n' >"$DIR/resolv.conf"
	proxy
	in_function python3 - <<-'END'
		import socket
		s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
		s.settimeout(2)
		s.bind(('0.0.0.0', 0))
		query = b'\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x01a\x07example\x04test\x00\x00\x01\x00\x01'
		servers = [f'10.77.0.{n}' for n in (1, 3, 5, 6, 7, 8)]
		for _ in range(20):
		    for server in servers:
		        s.sendto(query, (server, 53))
		    assert sorted(s.recvfrom(512)[1] for _ in servers) == [(server, 53) for server in servers]
	END
	in_function "$MUSL_LOOKUP" a.example.test | grep -q 93.184.216.34
}

@test "ids and ports that the resolver sees are nobody's to foresee, and the program gets its own id back" {
	proxy
	in_function python3 - <<-'END'
		import select, socket
		def query(id, name):
		    return id.to_bytes(2, 'big') + b'\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00' + bytes([len(name)]) + name.encode() + \
		        b'\x07example\x04test\x00\x00\x01\x00\x01'
		s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
		s.settimeout(5)
		s.connect(('10.77.0.1', 53))
		for n in range(300):
		    s.send(query(n, 'a'))
		    assert s.recv(512)[:2] == n.to_bytes(2, 'big')
		# Who has the same id at the same time gets no other's answer.
		many = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(100)]
		for n, other in enumerate(many):
		    other.connect(('10.77.0.1', 53))
		    other.settimeout(5)
		    other.send(query(0x1234, f'slow{n}'))
		for n, other in enumerate(many):
		    answer = other.recv(512)
		    assert answer[:2] == b'\x12\x34' and answer[13:13 + answer[12]] == f'slow{n}'.encode(), answer
	END
	python3 - "$DIR/asked.ids" <<-'END'
		import sys
		seen = [tuple(map(int, line.split())) for line in open(sys.argv[1])][:300]
		ids = [id for id, _ in seen]
		assert len(set(ids)) > 280, ids
		assert sum(id == n for n, id in enumerate(ids)) < 5, ids
		for bit in range(16):
		    assert 90 < sum(id >> bit & 1 for id in ids) < 210, (bit, ids)
		steps = [(b - a) % 65536 for a, b in zip(ids, ids[1:])]
		assert max(map(steps.count, steps)) < 5, steps
		assert len({port for _, port in seen}) >= 3, seen
	END
}

@test "a search list is walked without being learned, and may be walked where enforced" {
	printf 'nameserver 10.77.0.1\nsearch one.test two.test\noptions ndots:5\n' >"$DIR/resolv.conf"
	proxy
	in_function getent ahosts nx.deep.example.test || true
	in_function python3 -c 'import socket; socket.getaddrinfo("a.example.test.", 443)'
	end_proxy
	lacks "$DIR/log" one.test
	lacks "$DIR/log" two.test
	has_line "$DIR/log" 'resolve nx.deep.example.test novel'
	: >"$DIR/asked"
	proxy -m enforce -a resolve:nx.deep.example.test
	in_function getent ahosts nx.deep.example.test || true
	has_line "$DIR/asked" 'udp 10.77.0.1 nx.deep.example.test.one.test 28'
	has_line "$DIR/asked" 'udp 10.77.0.1 nx.deep.example.test 28'
	in_function getent ahosts secret.evil.test || true
	lacks "$DIR/asked" secret
	# A step that leads somewhere unknown is not given out.
	end_proxy
	proxy -m enforce -a resolve:a.example.test
	[ "$(ask a.example.test.one.test)" = REFUSED ]
	lacks "$DIR/log" 'lead'
}

@test "an answer whose address cannot be allowed is told as a failure" {
	proxy -x 93.184.216.34
	[ "$(ask a.example.test)" = SERVFAIL ]
	[ "$(ask a.example.test +tcp)" = SERVFAIL ]
}

@test "an address that changes with every answer is led to every time" {
	proxy -m enforce -a resolve:rotate.example.test
	in_function python3 - <<-'END'
		import socket
		s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
		s.settimeout(5)
		s.connect(('10.77.0.1', 53))
		for n in range(2000):
		    s.send(n.to_bytes(2, 'big') + b'\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x06rotate\x07example\x04test\x00\x00\x01\x00\x01')
		    answer = s.recv(512)
		    assert answer[:2] == n.to_bytes(2, 'big') and answer[3] & 15 == 0
	END
	[ "$(grep -c '^lead rotate.example.test 93.184.* 1$' "$DIR/log")" -eq 2000 ]
}

@test "a flood of questions that nobody answers is bounded, and others get through" {
	local descriptors memory
	proxy
	ask a.example.test | grep -q 93.184.216.34
	in_function python3 - <<-'END'
		import socket
		streams = []
		for n in range(100):
		    s = socket.create_connection(('10.77.0.1', 53))
		    s.send(b'\xff\xff')
		    streams.append(s)
		for n in range(3000):
		    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
		    s.sendto(n.to_bytes(2, 'big') + b'\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x06silent\x07example\x04test\x00\x00\x01\x00\x01',
		             ('10.77.0.1', 53))
		    s.close()
	END
	# The resolver has some seconds of work before it.
	ask a.example.test +tries=5 +time=5 | grep -q 93.184.216.34
	ask a.example.test +tcp | grep -q 93.184.216.34
	descriptors=$(find "/proc/$PROXY/fd" -mindepth 1 | wc -l)
	[ "$descriptors" -lt 256 ]
	memory=$(sed -n 's/^RssAnon:\s*\([0-9]*\) kB/\1/p' "/proc/$PROXY/status")
	[ "$memory" -lt 6000 ]
}

@test "the proxy answers nobody who was not redirected to it" {
	proxy
	ask a.example.test +tcp | grep -q 93.184.216.34
	: >"$DIR/log"
	in_function python3 - "$(tail -n 1 "$DIR/listens")" <<-'END'
		import socket, sys
		query = b'\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x01a\x07example\x04test\x00\x00\x01\x00\x01'
		t = socket.create_connection(('127.0.0.1', int(sys.argv[1])))
		t.settimeout(2)
		t.send(len(query).to_bytes(2, 'big') + query)
		try:
		    assert t.recv(512) == b''
		except ConnectionResetError:
		    pass
	END
	[ ! -s "$DIR/log" ]
}
