#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""rules.py RULES_SERVE [KIND]: what the rules of a network namespace let through, refuse and tell of, tried with
packets: those of a function in one namespace, and of whoever is outside in another one. Prints TAP.

What is expected comes from what policies mean: a flow passes if its key is not denied and, where the network is
enforced, known; and each key is told of once.
"""
import ctypes
import errno
import json
import os
import select
import socket
import struct
import subprocess
import sys
import time

RULES_SERVE = sys.argv[1]
PROXY = 61000  # its port for connections, and the mark of its packets
LATE_S = 2  # what is expected is told by then
BUSY_S = 60  # no machine takes longer for a few commands
SILENT_S = 0.2  # what does not answer by then was dropped
libc = ctypes.CDLL(None, use_errno=True)

INSIDE = {4: '10.98.0.2', 6: 'fd98::2'}
OUTSIDE = {4: '10.98.0.1', 6: 'fd98::1'}
LOOPBACK = {4: '127.0.0.1', 6: '::1'}
RESEMBLING = 'fd98::a62:1:0:2'  # this end's: where an IPv4 packet has its destination, 10.98.0.1 stands
ANYWHERE = {4: '203.0.113.1', 6: '2001:db8::1'}  # outside, too



def spare(v, n):
    """An address outside, where nobody waits, of one scenario."""
    return f'10.98.0.{100 + n}' if v == 4 else f'fd98::{100 + n}'


# ---- namespaces ----

class Namespace:
    """A network namespace, kept by a process that sleeps in it."""
    calls = 0  # in all of them

    def __init__(self):
        self.group = None  # of version 2, for whoever is called here
        self.keeper = subprocess.Popen(['unshare', '--net', 'sleep', '600'])
        own = os.readlink('/proc/self/ns/net')
        while os.readlink(f'/proc/{self.keeper.pid}/ns/net') == own:
            time.sleep(0.005)
        self.fd = os.open(f'/proc/{self.keeper.pid}/ns/net', os.O_RDONLY)
        self.run('ip link set lo up')

    def enter(self):
        if libc.setns(self.fd, 0x40000000) < 0:
            raise OSError(ctypes.get_errno(), 'setns')

    def join(self):
        self.enter()
        if self.group:
            with open(f'{self.group}/cgroup.procs', 'w', encoding='ascii') as file:
                file.write(str(os.getpid()))

    def run(self, commands):
        for command in commands.split(';'):
            subprocess.run(command.split(), preexec_fn=self.enter, check=True)

    def call(self, function, *arguments):
        """In a process of its own: what it returns, or the name of its error."""
        Namespace.calls += 1
        reader, writer = os.pipe()
        pid = os.fork()
        if pid == 0:
            try:
                self.join()
                answer = function(*arguments) or 'ok'
            except TimeoutError:
                answer = 'silence'
            except OSError as error:
                answer = errno.errorcode[error.errno] if error.errno else repr(error)
            os.write(writer, answer.encode())
            os._exit(0)
        os.close(writer)
        with os.fdopen(reader) as file:
            answer = file.read()
        os.waitpid(pid, 0)
        return answer

    def spawn(self, function, *arguments):
        """A process that goes on; it says so when it is ready."""
        reader, writer = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(reader)
            self.join()
            try:
                function(lambda: os.write(writer, b'r'), *arguments)
            finally:
                os._exit(0)
        os.close(writer)
        assert os.read(reader, 1) == b'r'
        os.close(reader)
        return pid

    def end(self):
        os.close(self.fd)
        self.keeper.kill()
        self.keeper.wait()


# ---- servers ----

def serve(ready, tcp, udp, word=b'echo', addresses=('0.0.0.0', '::'), mark=0):
    """Answers on these ports with the word."""
    poll, sockets = select.epoll(), {}
    for address in addresses:
        family = socket.AF_INET6 if ':' in address else socket.AF_INET
        for kind, ports in (socket.SOCK_STREAM, tcp), (socket.SOCK_DGRAM, udp):
            for port in ports:
                s = socket.socket(family, kind)
                if family == socket.AF_INET6:
                    s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                if kind == socket.SOCK_DGRAM:  # answers come from where was asked
                    s.setsockopt(*((socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO) if family == socket.AF_INET6 else
                                   (socket.SOL_IP, 8)), 1)
                if kind == socket.SOCK_STREAM:
                    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                if mark:
                    s.setsockopt(socket.SOL_SOCKET, 36, mark)
                s.bind((address, port))
                if kind == socket.SOCK_STREAM:
                    s.listen()
                sockets[s.fileno()] = s
                poll.register(s.fileno(), select.EPOLLIN)
    ready()
    while True:
        for number, _ in poll.poll():
            s = sockets[number]
            try:
                if s.type == socket.SOCK_STREAM:
                    connection, _ = s.accept()
                    connection.sendall(word)
                    connection.close()
                else:
                    data, ancillary, _, who = s.recvmsg(4096, 64)
                    s.sendmsg([word + bytes(len(data) if len(data) > 512 else 0)], [(level, kind, data[:16] + bytes(4) if level == socket.IPPROTO_IPV6 else
                                        bytes(4) + data[4:8] + bytes(4)) for level, kind, data in ancillary], 0, who)
            except OSError:
                pass


# ---- attempts ----

def open_socket(address, kind, protocol=0, local=None, lifetime=3.0):
    family = socket.AF_INET6 if ':' in address else socket.AF_INET
    s = socket.socket(family, kind, protocol)
    s.settimeout(lifetime)
    if local is not None:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.bind(local if isinstance(local, tuple) else ('', local))
    return s


def heard(data):
    return 'ok' if data == b'echo' else data.decode()


def own_port():
    """No other attempt's: the kernel remembers connections, and what passed goes on under another policy."""
    return 22000 + Namespace.calls % 10000


def tcp(address, port, local=None):
    with open_socket(address, socket.SOCK_STREAM, local=local or own_port(), lifetime=SILENT_S) as s:
        s.connect((address, port))
        return heard(s.recv(16))


def udp(address, port, local=None):
    with open_socket(address, socket.SOCK_DGRAM, local=local or own_port(), lifetime=SILENT_S) as s:
        s.connect((address, port))
        s.send(b'hello')
        return heard(s.recv(16))


def large(address, port):
    """In several pieces each way."""
    with open_socket(address, socket.SOCK_DGRAM, local=own_port(), lifetime=SILENT_S) as s:
        s.connect((address, port))
        s.send(bytes(3000))
        return heard(s.recv(4096)[:-3000])


def ping(address):
    kind, protocol = (128, socket.IPPROTO_ICMPV6) if ':' in address else (8, socket.IPPROTO_ICMP)
    with open_socket(address, socket.SOCK_DGRAM, protocol, lifetime=SILENT_S) as s:
        s.connect((address, 0))
        s.send(struct.pack('>BBHHH', kind, 0, 0, 0, 1))
        s.recv(64)


def spoof(source, source_port, address, port):
    """Over IPv6 from an address that need not be one's own."""
    with open_socket(address, socket.SOCK_DGRAM) as s:
        s.setsockopt(socket.IPPROTO_IPV6, 78, 1)  # IPV6_FREEBIND
        s.bind((source, source_port))
        s.sendto(b'hello', (address, port))


def astray(kind, address, port, local=0):
    """Told to go over loopback, wherever it goes."""
    with open_socket(address, kind, lifetime=SILENT_S) as s:
        s.setsockopt(socket.SOL_SOCKET, 25, b'lo\0')  # SO_BINDTODEVICE
        s.bind((INSIDE[6 if ':' in address else 4], local))
        s.connect((address, port))
        s.send(b'hello')


def borrow(source, address, port):
    """With another's address for its source."""
    with open_socket(address, socket.SOCK_DGRAM) as s:
        s.setsockopt(socket.SOL_IP, 15, 1)  # IP_FREEBIND
        information = bytes(4) + socket.inet_aton(source) + bytes(4)
        s.sendmsg([b'hello'], [(socket.SOL_IP, 8, information)], 0, (address, port))  # IP_PKTINFO


def claim(kind, protocol, source, address, port):
    """As one's own."""
    with open_socket(address, kind, protocol, lifetime=SILENT_S) as s:
        s.setsockopt(socket.SOL_IP, 15, 1)  # IP_FREEBIND
        s.bind((source, 0))
        s.connect((address, port))


def aside(address, port):
    """Out by the interface, wherever it goes."""
    with open_socket(address, socket.SOCK_DGRAM) as s:
        s.setsockopt(socket.SOL_SOCKET, 25, b'f0\0')  # SO_BINDTODEVICE
        s.sendto(b'hello', (address, port))


def consult(kind, address):
    """Asks a resolver as the proxy does."""
    with open_socket(address, kind, lifetime=SILENT_S) as s:
        s.setsockopt(socket.SOL_SOCKET, 36, PROXY)  # SO_MARK
        s.connect((address, 53))
        if kind == socket.SOCK_DGRAM:
            s.send(b'hello')
        return heard(s.recv(16))


def lane(address, port, mark):
    """The same by UDP from that port, with the mark or without."""
    with open_socket(address, socket.SOCK_DGRAM, local=port, lifetime=SILENT_S) as s:
        if mark:
            s.setsockopt(socket.SOL_SOCKET, 36, mark)  # SO_MARK
        s.connect((address, 53))
        s.send(b'hello')
        return s.recv(16).decode()


def raw(source, destination, protocol, payload):
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW) as s:
        head = struct.pack('>BBHHHBBH', 0x45, 0, 20 + len(payload), 1, 0, 64, protocol, 0)
        s.sendto(head + socket.inet_aton(source) + socket.inet_aton(destination) + payload, (destination, 0))


def raw_packet(protocol, payload):
    raw(OUTSIDE[4], INSIDE[4], protocol, payload)


def checksum(data):
    total = sum(struct.unpack(f'>{len(data) // 2}H', data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def segment(source, source_port, destination, port, flags, acknowledged=1):
    addresses = socket.inet_aton(source) + socket.inet_aton(destination)
    head = struct.pack('>HHIIBBHHH', source_port, port, 1000, acknowledged, 5 << 4, flags, 64240, 0, 0)
    total = checksum(addresses + struct.pack('>BBH', 0, socket.IPPROTO_TCP, len(head)) + head)
    raw(source, destination, socket.IPPROTO_TCP, head[:16] + struct.pack('>H', total) + head[18:])


def set_switches():
    for name, value in (('ipv4/ping_group_range', '0 2147483647'), ('netfilter/nf_conntrack_checksum', '0'),
                        ('ipv4/icmp_ratelimit', '0'), ('ipv6/icmp/ratelimit', '0')):
        with open(f'/proc/sys/net/{name}', 'w', encoding='ascii') as file:
            file.write(value)


def translate():
    """As an engine does to its resolver."""
    subprocess.run(['nft', '-f', '-'], input="""table ip engine {
        chain out {
            type nat hook output priority -100
            ip daddr 127.0.0.11 udp dport 53 dnat to 127.0.0.11:5300
        }
    }
    """, check=True, text=True)


def complaints():
    """What nft(8) has against the rules when it lists them, with what they have told of; but for what it says of the
    target in the place of an expression that the kernel lacks."""
    listed = subprocess.run(['nft', 'list', 'ruleset'], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False, text=True)
    said = [line for line in listed.stderr.splitlines() if 'managed by iptables-nft' not in line and 'unhandled NFPROTO' not in line]
    return ' '.join([str(listed.returncode), *said])


def times_left():
    """Of the keys, in seconds: of those that are known, then of those that are denied."""
    listed = subprocess.run(['nft', '-j', 'list', 'sets'], stdout=subprocess.PIPE, check=True).stdout
    sets = {one['set']['name']: one['set'].get('elem', []) for one in json.loads(listed)['nftables'] if 'set' in one}
    return ' '.join(str(key['elem']['expires']) for name in ('known', 'denied') for key in sets[name])


def make_group():
    with open('/proc/mounts', encoding='ascii') as file:
        root = next(line.split()[1] for line in file if line.split()[2] == 'cgroup2')
    group = f'{root}/husk-rules-{os.getpid()}'
    os.mkdir(group)
    return group


# ---- what is tried ----

class Stage:
    """Both namespaces, servers in them, and the rules."""

    def __init__(self, options):
        self.function, self.world = Namespace(), Namespace()
        subprocess.run(['ip', 'link', 'add', 'f0', 'netns', f'/proc/{self.function.keeper.pid}/ns/net', 'type', 'veth',
                        'peer', 'name', 'w0', 'netns', f'/proc/{self.world.keeper.pid}/ns/net'], check=True)
        for side, device, here in (self.function, 'f0', INSIDE), (self.world, 'w0', OUTSIDE):
            side.run(f'ip link set {device} up; ip addr add {here[4]}/24 dev {device};'
                     f'ip -6 addr add {here[6]}/64 dev {device} nodad')
        for v in 4, 6:
            self.function.run(f'ip -{v} route add default via {OUTSIDE[v]}')
            self.world.run(f'ip -{v} addr add {ANYWHERE[v]} dev lo' + ' nodad' * (v == 6))
        self.function.run(f'ip -6 addr add {RESEMBLING}/64 dev f0 nodad')
        for n in range(len(SCENARIOS)):
            self.world.run(f'ip addr add {spare(4, n)}/24 dev w0; ip -6 addr add {spare(6, n)}/64 dev w0 nodad')
        for side in self.function, self.world:
            assert side.call(set_switches) == 'ok'
        ports, answering = [53, 8000, 8001, 9000, 9001], [*OUTSIDE.values(), *ANYWHERE.values()]
        self.pids = [self.world.spawn(serve, ports, ports, b'echo', answering),
                     self.function.spawn(serve, [PROXY], [], b'proxy', ('127.0.0.1', '::1'), PROXY),
                     self.function.spawn(serve, [], [53], b'resolver', ('127.0.0.53',)),
                     self.function.spawn(serve, [], [5300], b'engine', ('127.0.0.11',))]
        self.tracked = 'untracked' not in options
        options = [option for option in options if option != 'untracked']
        if 'group' in options:
            self.function.group = make_group()
            options = [f'1:{os.stat(self.function.group).st_ino}' if option == 'group' else option
                       for option in options]
        self.pids.append(self.function.spawn(serve, [8080, 8081, 40000], [9090, 9091, 40001]))
        self.rules = subprocess.Popen([RULES_SERVE, '-d', str(PROXY), *options], stdin=subprocess.PIPE,
                                      stdout=subprocess.PIPE, preexec_fn=self.function.enter)

    def command(self, line):
        """Returns what was told of until the answer."""
        self.rules.stdin.write(line.encode() + b'\n')
        self.rules.stdin.flush()
        keys = []
        while (told := self.rules.stdout.readline().decode().rstrip()) not in ('used', 'led', 'heard', 'later'):
            if not told:
                raise SystemExit('Bail out! rules-serve has ended')
            keys.append(told.removeprefix('told '))
        return keys

    def told(self, expected=()):
        """What was told of by now; later only of what the kernel takes up later, where nobody waits for an answer."""
        keys, until = self.command('hear'), time.monotonic() + LATE_S
        while not set(expected).issubset(keys) and time.monotonic() < until:
            time.sleep(0.005)
            keys += self.command('hear')
        return keys

    def end(self):
        self.rules.stdin.close()
        self.rules.stdout.read()  # for which it may wait
        self.rules.wait()
        for pid in self.pids:
            os.kill(pid, 9)
            os.waitpid(pid, 0)
        if self.function.group:
            os.rmdir(self.function.group)
        self.function.end()
        self.world.end()


class Attempt:
    """Who does what; the keys that it is judged by, in their order, and what becomes of it."""

    def __init__(self, side, function, *arguments, keys=(), passes='ok', refused='ECONNREFUSED'):
        self.side, self.function, self.arguments = side, function, arguments
        self.keys, self.passes, self.refused = keys, passes, refused

    def __str__(self):
        return ' '.join([self.side, self.function.__name__, *map(str, self.arguments)])


def place(address):
    return f'[{address}]' if ':' in address else address


def out(function, address, port, *more, **options):
    protocol = function.__name__
    return Attempt('function', function, address, port, *more, keys=[f'connect {protocol} {place(address)}:{port}'],
                   refused='ECONNREFUSED' if protocol == 'tcp' else 'EPERM', **options)


def echo(address, key):
    v6 = ':' in address
    return Attempt('function', ping, address, keys=[f"connect {'icmpv6' if v6 else 'icmp'} {key}"],
                   refused='EACCES' if v6 else 'EPERM')


def number(port):
    return '*' if port >= 32768 else str(port)


def local(function, address, port, grouped):
    protocol = function.__name__
    keys = [f'connect {protocol} loopback:{number(port)}'] + [f'serve {protocol} :{number(port)}'] * grouped
    return Attempt('function', function, address, port, keys=keys, refused=('ECONNREFUSED' if protocol == 'tcp' else 'EPERM'))


def inward(function, address, port, *more, **options):
    return Attempt('world', function, address, port, *more, keys=[f'serve {function.__name__} :{number(port)}'], **options)


def dns(function, address, *more):
    return Attempt('function', function, address, 53, *more, passes='proxy')


def spoofed(refused, keys, *arguments):
    return Attempt('function', spoof, *arguments, keys=[] if refused else keys, passes='EPERM' if refused else 'ok',
                   refused='EPERM')


def attempts(n, enforced, options):
    """n: no connection that the kernel remembers of another scenario is this one's."""
    grouped, raw = 'group' in options, '-r' in options
    for v in 4, 6:
        yield from [out(tcp, OUTSIDE[v], 8000)] * 2
        yield out(tcp, OUTSIDE[v], 8001)
        yield out(tcp, ANYWHERE[v], 8000)
        yield out(udp, OUTSIDE[v], 9000)
        yield out(udp, OUTSIDE[v], 9001)
        yield Attempt('function', large, OUTSIDE[v], 9000, keys=[f'connect udp {place(OUTSIDE[v])}:9000'], refused='EPERM')
        # Of a piece that is not put together the kernel cannot tell whether it is whole, and says nothing.
        yield Attempt('world', large, INSIDE[v], 9090, keys=['serve udp :9090'],
                      refused='silence' if v == 6 and 'untracked' in options else 'ECONNREFUSED')
        yield from [echo(OUTSIDE[v], OUTSIDE[v])] * 2
        yield echo(ANYWHERE[v], ANYWHERE[v])
        for address in LOOPBACK[v], INSIDE[v]:
            yield local(tcp, address, 8080, grouped)
            yield local(tcp, address, 40000, grouped)
        yield local(tcp, LOOPBACK[v], 8081, grouped)
        yield local(udp, LOOPBACK[v], 9090, grouped)
        yield local(udp, LOOPBACK[v], 40001, grouped)
        yield from [echo(LOOPBACK[v], 'loopback')] * 2
        yield dns(udp, OUTSIDE[v])
        if 'untracked' not in options:  # which redirected connections are
            yield dns(tcp, OUTSIDE[v])
        yield dns(udp, ANYWHERE[v], 5353 + n)
        yield dns(udp, OUTSIDE[v], 5353 + n)
        yield inward(tcp, INSIDE[v], 8080)
        yield inward(tcp, INSIDE[v], 8080)
        yield inward(tcp, INSIDE[v], 8081)
        yield inward(tcp, INSIDE[v], 40000)
        yield inward(udp, INSIDE[v], 9090)
        yield inward(udp, INSIDE[v], 9091)
        yield inward(udp, INSIDE[v], 40001)
        # Where nobody waits it looks as it does everywhere, and is told to nobody.
        yield Attempt('world', tcp, INSIDE[v], 8089, passes='ECONNREFUSED')
        yield Attempt('world', udp, INSIDE[v], 9099, passes='ECONNREFUSED')
        yield Attempt('world', ping, INSIDE[v])
        # What goes back to a port 53 by UDP, or by a raw socket, might be a question.
        answered = {'passes': 'silence', 'refused': 'silence'}
        yield inward(tcp, INSIDE[v], 8080, (spare(v, n), 53), **(answered if raw else {}))
        yield inward(udp, INSIDE[v], 9090, (spare(v, n), 53), passes='silence', refused='ECONNREFUSED')
    # Over loopback to who is not there.
    yield Attempt('function', astray, socket.SOCK_STREAM, OUTSIDE[4], 8000, keys=['connect tcp 10.98.0.1:8000'],
                  passes='silence')
    yield Attempt('function', astray, socket.SOCK_DGRAM, OUTSIDE[4], 9000, keys=['connect udp 10.98.0.1:9000'],
                  refused='EPERM')
    yield out(tcp, ANYWHERE[6], 8000, (RESEMBLING, 0))
    to_itself = enforced or not (raw or '-o' in options)
    yield spoofed(to_itself, ['connect udp loopback:9090'], OUTSIDE[6], 5559 + n, INSIDE[6], 9090)
    # What the proxy answers goes there, too.
    yield spoofed(enforced, [f'connect udp [fd98::1]:{5559 + n}'] * (not grouped), OUTSIDE[6], 5559 + n, OUTSIDE[6], 53)
    yield spoofed(enforced, ['connect udp [fd98::1]:9000'], '2001:db8::77', 5559 + n, OUTSIDE[6], 9000)
    # The kernel lends nobody another's address of IPv4.
    for source, answer in ('10.98.0.255', 'ENETUNREACH'), ('10.98.0.77', 'ENETUNREACH'), ('255.255.255.255', 'EINVAL'):
        yield Attempt('function', borrow, source, OUTSIDE[4], 9000, passes=answer)
    for kind, protocol in (socket.SOCK_STREAM, 0), (socket.SOCK_DGRAM, 0), (socket.SOCK_DGRAM, socket.IPPROTO_ICMP):
        for address in OUTSIDE[4], INSIDE[4], LOOPBACK[4]:
            yield Attempt('function', claim, kind, protocol, '10.98.0.77', address, 9000, passes='ENETUNREACH')
    # Who sends to loopback by another interface does not mean this end.
    yield Attempt('function', aside, LOOPBACK[4], 9090, keys=['connect udp 127.0.0.1:9090'], refused='EPERM')
    for address in *OUTSIDE.values(), *ANYWHERE.values():
        for kind in socket.SOCK_DGRAM, socket.SOCK_STREAM:
            yield Attempt('proxy', consult, kind, address)
    # From a port that the proxy had, to resolvers that the kernel remembers its question to.
    # Where it translates one of them, an answer of the proxy's has no way that is free.
    resolvers = ('127.0.0.53', 'resolver', 'proxy'), ('127.0.0.11', 'engine', 'silence')
    for address, answer, other in resolvers[:1] if 'untracked' in options else resolvers:
        yield Attempt('proxy', lane, address, 20000 + n, PROXY, passes=answer)
        yield Attempt('function', lane, address, 20000 + n, 0, passes=other)
        yield Attempt('function', lane, address, 21000 + n, 0, passes='proxy')
    # Of other protocols nobody can tell who waits.
    for packet in b'\0\0\x08\0' + bytes(8), b'\0\1\x08\1' + bytes(8):
        yield Attempt('world', raw_packet, 47, packet, keys=['serve gre :*'] * (not grouped), refused='ok')
    for port in 5001, 5002:
        yield Attempt('world', raw_packet, 132, struct.pack('>HHIIBBHIIHHI', 5000, port, 0, 0, 1, 0, 20, 1, 65536, 1, 1, 1),
                      keys=[f'serve sctp :{port}'] * (not grouped), refused='ok')
    for flags in 0x12, 0x10:
        yield Attempt('world', segment, OUTSIDE[4], 8000, INSIDE[4], 8080, flags)


KNOWN = ['connect tcp 10.98.0.1:8000', 'connect tcp [fd98::1]:8000', 'connect udp 10.98.0.1:9000',
         'connect udp [fd98::1]:9000', 'connect icmp 10.98.0.1', 'connect icmpv6 fd98::1', 'connect tcp loopback:8080',
         'connect tcp loopback:*', 'connect icmp loopback', 'connect icmpv6 loopback', 'connect udp loopback:9090',
         'serve tcp :8080', 'serve tcp :*', 'serve udp :9090', 'serve udp :*', 'serve gre :*', 'serve sctp :5001']
DENIED = ['connect tcp 10.98.0.1:8000', 'connect udp [fd98::1]:9000', 'serve tcp :8080', 'connect icmp 10.98.0.1',
          'connect udp loopback:9090']
SCENARIOS = {
    'what is learned passes': ('learn', [], []),
    'what is learned passes, known or not': ('learn', KNOWN, []),
    'a denial holds while the rest is learned': ('learn', [], KNOWN),
    'where nothing is known nothing passes': ('enforce', [], []),
    'what is known passes': ('enforce', KNOWN, []),
    'a denial is stronger': ('enforce', KNOWN, DENIED),
    'what goes out is known, and what is this end\'s': ('enforce', [key for key in KNOWN if 'serve' not in key], []),
    'what comes in is known': ('enforce', [key for key in KNOWN if 'serve' in key], []),
}
OPTIONS = {
    'of a function alone': [],
    'of one that makes packets': ['-r'],
    'of one that may make rules': ['-o'],
    'of a control group': ['-c', 'group'],
    'of one whose packets nobody tracks': ['untracked'],  # engines do, to translate addresses
}


def expect(attempt, policy, told):
    """Returns what becomes of it, and the keys that are told of. `told`: those that were, by their order."""
    mode, known, denied = policy
    news = []
    for key in attempt.keys:
        if key not in told:
            news.append(key)
        if key in denied or (mode == 'enforce' and key not in known):
            by_serving = attempt.side == 'function' and key.startswith('serve')
            return 'ECONNREFUSED' if by_serving else attempt.refused, news
    return attempt.passes, news


def play(stage, n, policy, options):
    """Returns what went otherwise than expected."""
    mode, known, denied = policy
    stage.command(f"{mode} {';'.join(known + ['!' + key for key in denied])}")
    told, wrong = set(), []
    for attempt in attempts(n, mode == 'enforce', options):
        side = stage.world if attempt.side == 'world' else stage.function
        group, side.group = side.group, None if attempt.side == 'proxy' else side.group
        result, news = expect(attempt, policy, told)
        became = side.call(attempt.function, *attempt.arguments)
        heard_keys = stage.told(news)
        if became == 'silence' != result:  # a machine that is busy
            became = side.call(attempt.function, *attempt.arguments)
            heard_keys += stage.told(set(news) - set(heard_keys))
        side.group = group
        # Where it takes long, what was told may be told again; not at once.
        again = [key for key in heard_keys if key not in news]
        if became != result or [key for key in heard_keys if key in news] != news or \
                not told.issuperset(again) or (again and again == last):
            wrong.append(f'{attempt}: {became} {heard_keys}, not {result} {news}')
        told.update(news)
        last = heard_keys
    listed = stage.function.call(complaints)
    return wrong if listed == '0' else [*wrong, f'nft list ruleset: {listed}']


def play_names(stage):
    wrong = []

    def step(result, keys, function, *arguments):
        became, heard_keys = stage.function.call(function, *arguments), stage.told(keys)
        if (became, heard_keys) != (result, keys):
            wrong.append(f'{function.__name__} {arguments}: {became} {heard_keys}, not {result} {keys}')

    stage.command('enforce connect tcp api.example.org:8000;!connect udp api.example.org:9000')
    step('ECONNREFUSED', ['connect tcp 203.0.113.1:8000'], tcp, ANYWHERE[4], 8000)
    step('ECONNREFUSED', [], tcp, ANYWHERE[4], 8000)
    stage.command('lead api.example.org 203.0.113.1')
    # What was refused before is told of under its name.
    step('ok', ['connect tcp api.example.org:8000'], tcp, ANYWHERE[4], 8000)
    step('ok', [], tcp, ANYWHERE[4], 8000)
    step('EPERM', ['connect udp api.example.org:9000'], udp, ANYWHERE[4], 9000)
    step('ECONNREFUSED', ['connect tcp api.example.org:8001'], tcp, ANYWHERE[4], 8001)
    step('ECONNREFUSED', ['connect tcp [2001:db8::1]:8000'], tcp, ANYWHERE[6], 8000)
    stage.command('lead api.example.org 2001:db8::1')
    step('ok', ['connect tcp api.example.org:8000'], tcp, ANYWHERE[6], 8000)
    return wrong


def play_shared_names(stage):
    """They lead to one address, and have one key there: it is there for as long as any of them says."""
    policy = ';'.join(f'connect tcp {name}.example.org:8000;!connect udp {name}.example.org:9000'
                      for name in ('short', 'long', 'brief'))
    wrong = []

    def expect_left(seconds, *commands):
        for command in commands:
            stage.command(command)
        left = stage.function.call(times_left)
        if len(left.split()) != 2 or not all(seconds - BUSY_S <= int(one) <= seconds for one in left.split()):
            wrong.append(f'{commands[-1]}: {left} s left, not {seconds} twice')

    expect_left(1200, f'enforce {policy}', 'lead short.example.org 203.0.113.1')
    expect_left(7800, 'lead long.example.org 203.0.113.1 7200')
    expect_left(7800, 'lead brief.example.org 203.0.113.1')
    expect_left(7100, 'later 700', 'lead short.example.org 203.0.113.1')
    expect_left(7100, f'enforce {policy}')
    return wrong


def report(count, title, wrong):
    print(f"{'not ok' if wrong else 'ok'} {count} - {title}")
    for line in wrong:
        print(f'# {line}')
    sys.stdout.flush()


def main():
    kinds = {kind: options for kind, options in OPTIONS.items() if kind in sys.argv[2:] or not sys.argv[2:]}
    count = 0
    print(f'1..{len(kinds) * (len(SCENARIOS) + 2)}', flush=True)
    for kind, options in kinds.items():
        stage = Stage(options)
        stage.command('learn')
        if stage.tracked:
            stage.function.call(translate)
        for n, (title, policy) in enumerate(SCENARIOS.items()):
            count += 1
            report(count, f'{title}: {kind}', play(stage, n, policy, options))
        for title, play_them in (('what a name leads to is known', play_names),
                                 ('a key of several names has the longest time', play_shared_names)):
            count += 1
            report(count, f'{title}: {kind}', play_them(stage))
        stage.end()


if __name__ == '__main__':
    main()
