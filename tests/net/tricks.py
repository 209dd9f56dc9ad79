#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""tricks.py RULES_SERVE: ways past the rules of a network namespace that take several steps, by which the kernel
is made to take one flow for a part of another. Prints TAP."""
import fcntl
import threading

# pylint: disable=wildcard-import,unused-wildcard-import
from rules import *

X, Y = OUTSIDE[4], spare(4, 1)
SILENT = spare(4, 3)
RESEMBLED = 'a62:1::', 'a62:1::200:0'  # begin with the bytes of 10.98.0.1; and as a key for it ends
UNKNOWN = 'connect tcp 192.0.2.1:1;serve udp :5;connect udp [2001:db8::5]:1;connect udp loopback:9090'


def datagram(source_port, port):
    return struct.pack('>HHHH', source_port, port, 14, 0) + b'stolen'


def made(resolver, port):
    """A question, by a raw socket."""
    with open_socket(INSIDE[4], socket.SOCK_DGRAM, local=(INSIDE[4], port), lifetime=SILENT_S) as s:
        raw(INSIDE[4], resolver, socket.IPPROTO_UDP, struct.pack('>HHHH', port, 53, 13, 0) + b'hello')
        return s.recv(16).decode()


def echoed(kind, source, destination):
    head = struct.pack('>BBHHH', kind, 0, 0, 7, 1)
    raw(source, destination, socket.IPPROTO_ICMP, head[:2] + struct.pack('>H', checksum(head)) + head[4:])


def probe(address):
    """Asks about an interface there (RFC 8335), as whoever may ping can."""
    kind, protocol = (160, socket.IPPROTO_ICMPV6) if ':' in address else (42, socket.IPPROTO_ICMP)
    with open_socket(address, socket.SOCK_DGRAM, protocol, lifetime=SILENT_S) as s:
        s.connect((address, 0))
        s.send(struct.pack('>BBHHBB', kind, 0, 0, 0, 1, 1) + b'stolen')
        s.recv(64)


def init(port):
    return struct.pack('>HHIIBBHIIHHI', 5000, port, 0, 0, 1, 0, 20, 1, 65536, 1, 1, 1)


def send(local, to, mark=0):
    with open_socket(to[0], socket.SOCK_DGRAM, local=local) as s:
        if mark:
            s.setsockopt(socket.SOL_SOCKET, 36, mark)  # SO_MARK
        s.sendto(b'stolen', to)


def overheard(port):
    """Whether a packet of a connection to that port comes by with a mark."""
    with socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(3)) as tap, \
            open_socket(X, socket.SOCK_STREAM, local=port, lifetime=SILENT_S) as s:
        tap.bind(('lo', 3))
        tap.setsockopt(socket.SOL_SOCKET, 75, 1)  # SO_RCVMARK
        tap.settimeout(SILENT_S)
        s.connect((X, 53))
        s.recv(16)
        try:
            while True:
                ancillary = tap.recvmsg(512, 64)[1]
                if any(any(data) for _, kind, data in ancillary if kind == 36):
                    return 'marked'
        except TimeoutError:
            return 'ok'


def forwarded(source, source_port, to, port):
    """By a device that this end writes packets to."""
    with open('/dev/net/tun', 'r+b', buffering=0) as tun, \
            socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(3)) as tap:
        fcntl.ioctl(tun, 0x400454ca, struct.pack('16sH14x', b'tun0', 0x1001))  # TUNSETIFF: IFF_TUN | IFF_NO_PI
        for name in 'ip_forward', 'conf/tun0/rp_filter', 'conf/all/rp_filter':
            with open(f'/proc/sys/net/ipv4/{name}', 'w', encoding='ascii') as file:
                file.write('1' if name == 'ip_forward' else '0')
        subprocess.run(['ip', 'link', 'set', 'tun0', 'up'], check=True)
        tap.bind(('f0', 3))
        tap.settimeout(SILENT_S)
        payload = datagram(source_port, port)
        head = struct.pack('>BBHHHBBH', 0x45, 0, 20 + len(payload), 1, 0, 64, socket.IPPROTO_UDP, 0)
        head += socket.inet_aton(source) + socket.inet_aton(to)
        tun.write(head[:10] + struct.pack('>H', checksum(head)) + head[12:] + payload)
        while payload[-6:] not in tap.recv(512):
            pass


def nft(text):
    subprocess.run(['nft', '-f', '-'], input=text, check=True, text=True)


def led_elsewhere(priority, kind, rule):
    return f'add table ip elsewhere\nadd chain ip elsewhere out {{ type {kind} hook output priority {priority}; }}\n' \
        f'add rule ip elsewhere out {rule}'


def untouched():
    nft('delete table ip elsewhere')


def by_the_interface(port, to):
    """From that port out, wherever it goes."""
    with open_socket(to[0], socket.SOCK_DGRAM, local=port) as s:
        s.setsockopt(socket.SOL_SOCKET, 25, b'f0\0')  # SO_BINDTODEVICE
        s.sendto(b'stolen', to)


def another_queues():
    """What another's rule hands over, and lets pass where nobody takes it."""
    subprocess.run('iptables -A OUTPUT -p udp --dport 9000 -j NFQUEUE --queue-num 0 --queue-bypass'.split(), check=True)


def hand_over(port):
    """To the proxy, before any rule of its own."""
    subprocess.run(f'ip6tables -t raw -A OUTPUT -p udp --sport {port} -j NFQUEUE --queue-num {0x6875}'.split(), check=True)


def answered_elsewhere(port):
    """Whether what the proxy answers to another's address leaves."""
    with socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(3)) as tap:
        tap.bind(('f0', 3))
        tap.settimeout(SILENT_S)
        spoof(ANYWHERE[6], port, OUTSIDE[6], 53)
        while tap.recv(512)[-5:] != b'proxy':
            pass


def wait(ready, port):
    """For one datagram, which is answered."""
    with open_socket(INSIDE[4], socket.SOCK_DGRAM, local=port, lifetime=9) as s:
        ready()
        s.sendto(b'echo', s.recvfrom(16)[1])


def forget_known():
    """As when the time is over for which a name leads somewhere."""
    nft(''.join(f'flush set {line.split(" ", 1)[1]} known\n' for line in subprocess.run(
        ['nft', 'list', 'tables'], stdout=subprocess.PIPE, check=True, text=True).stdout.splitlines() if 'husk-' in line))


def shorten(address):
    """As when most of the time is over for which a name leads there."""
    element = f'inet husk known {{ udp . ::ffff:{address} . 9000'
    nft(f'delete element {element} }}; add element {element} timeout 2m }}')


def is_short(address):
    listed = subprocess.run(['nft', 'get', 'element', 'inet', 'husk', 'known', f'{{ udp . ::ffff:{address} . 9000 }}'],
                            stdout=subprocess.PIPE, check=True, text=True).stdout
    return 'short' if 'timeout 2m' in listed else 'long'


def neighbour(*what):
    return ('neighbour', *what), 'ok', []


def ask(resolver, port):
    """As the proxy; nobody answers."""
    return 'proxy', send, ('', port), (resolver, 53), PROXY


def world(*what):
    return ('world', *what), 'ok', []


def function(result, keys, *what):
    return ('function', *what), result, keys


# Of whom; what is enforced or learned; each step with its result and what is told.
ALL = list(OPTIONS)
GROUPED = ['of a control group']
ALONE, RAW, OWNED = ['of a function alone'], ['of one that makes packets'], ['of one that may make rules']
TRICKS = {
    'no question goes the way of one that the proxy got no answer to': (ALL, f'enforce {UNKNOWN}', [
        (ask('127.0.0.54', 23000), 'ok', []),
        function('proxy', [], lane, '127.0.0.54', 23000, 0),
    ]),
    'nor of one to a resolver elsewhere': (ALL[1:], f'enforce {UNKNOWN}', [
        (ask(SILENT, 23001), 'ok', []),
        function('proxy', [], lane, SILENT, 23001, 0),
    ]),
    'nor does one that a raw socket makes': (RAW, f'enforce {UNKNOWN}', [
        (ask(SILENT, 23002), 'ok', []),
        function('proxy', [], made, SILENT, 23002),
    ]),
    'nobody hears the proxy\'s mark': (RAW, f'enforce {UNKNOWN}', [
        function('ok', [], overheard, 23003),
    ]),
    'an answer that is made is told of by where it goes': (RAW, 'learn', [
        world(echoed, 8, X, INSIDE[4]),
        world(echoed, 8, Y, INSIDE[4]),
        function('ok', [f'connect icmp {X}'], echoed, 0, INSIDE[4], X),
        function('ok', [f'connect icmp {Y}'], echoed, 0, INSIDE[4], Y),
    ]),
    'an answer to a message that everybody may send is judged': (RAW, f'enforce {UNKNOWN}', [
        world(raw, X, INSIDE[4], socket.IPPROTO_IGMP, bytes(16)),
        function('EPERM', [f'connect igmp {X}'], raw, INSIDE[4], X, socket.IPPROTO_IGMP, bytes(16)),
    ]),
    'a protocol that is none is let in by nobody': (RAW, f'enforce {UNKNOWN}', [
        (('world', raw, X, INSIDE[4], 0, bytes(16)), 'ok', ['serve protocol-0 :*']),
        function('EPERM', [f'connect protocol-0 {X}'], raw, INSIDE[4], X, 0, bytes(16)),
    ]),
    'no message goes to whom no echo may': (ALONE, f'enforce {UNKNOWN}', [
        function('EPERM', [f'connect icmp {X}'], probe, X),
        function('silence', [f'connect icmpv6 {OUTSIDE[6]}'], probe, OUTSIDE[6]),
    ]),
    'and each is told of': (ALONE, 'learn', [
        function('silence', [f'connect icmp {X}'], probe, X),
        function('silence', [f'connect icmpv6 {OUTSIDE[6]}'], probe, OUTSIDE[6]),
    ]),
    'no address hides one that resembles it': (ALL, 'learn', [
        function('ok', [f'connect udp {X}:9000'], send, ('', 0), (X, 9000)),
        *[function('ok', [f'connect udp [{address}]:9000'], spoof, INSIDE[6], 5600, address, 9000)
          for address in RESEMBLED],
    ]),
    'each port that is served is told of': (ALL[:3], 'learn', [
        (('world', raw, X, INSIDE[4], 132, init(port)), 'ok', [f'serve sctp :{port}']) for port in (5001, 5002)
    ]),
    'what nobody waits for opens no way out': (ALL, f'enforce {UNKNOWN}', [
        world(send, (X, 6000), (INSIDE[4], 7777)),
        function('EPERM', [f'connect udp {X}:6000'], send, (INSIDE[4], 7777), (X, 6000)),
    ]),
    'nor one that is not told of': ([kind for kind in ALL if kind not in RAW], 'learn', [
        world(send, (X, 6001), (INSIDE[4], 7778)),
        function('ok', [f'connect udp {X}:6001'], send, (INSIDE[4], 7778), (X, 6001)),
    ]),
    'nobody lets himself in by another\'s name': (ALONE, 'learn', [
        function('EPERM', [], spoof, OUTSIDE[6], 5561, INSIDE[6], 7779),
        function('ok', [f'connect udp [{OUTSIDE[6]}]:5561'], send, (INSIDE[6], 7779), (OUTSIDE[6], 5561)),
    ]),
    'what is learned may be forwarded, and is told of': (OWNED, 'learn', [
        function('ok', ['connect udp forwarded', f'connect udp {X}:9000'], forwarded, Y, 6002, X, 9000),
    ]),
    'who is denied is not forwarded to': (OWNED, f'learn !connect udp {X}:9000', [
        function('silence', ['connect udp forwarded', f'connect udp {X}:9000'], forwarded, Y, 6004, X, 9000),
    ]),
    'nothing is forwarded to whom is known': (OWNED, f'enforce connect udp {X}:9000', [
        function('silence', ['connect udp forwarded'], forwarded, Y, 6003, X, 9000),
    ]),
    'nor what looks like an answer': (OWNED, f'enforce connect udp {X}:9000', [
        function('silence', ['connect udp forwarded'], forwarded, Y, 6002, X, 9000),
        function('silence', [], forwarded, X, 9000, Y, 6002),
    ]),
    'what may be forwarded is, to whom is known': (OWNED, f'enforce connect udp {X}:9000;connect udp forwarded', [
        function('ok', ['connect udp forwarded', f'connect udp {X}:9000'], forwarded, Y, 6005, X, 9000),
        function('silence', [f'connect udp {X}:9001'], forwarded, Y, 6005, X, 9001),
    ]),
    'and not where that is denied': (OWNED, 'learn !connect udp forwarded', [
        function('silence', ['connect udp forwarded'], forwarded, Y, 6006, X, 9000),
    ]),
    'what is translated is told of by where it goes, too': (OWNED, 'learn', [
        function('ok', [], nft, led_elsewhere(-100, 'nat', f'udp dport 9005 dnat to {X}:9001')),
        function('ok', [f'connect udp {Y}:9005', f'connect udp {X}:9001'], send, ('', 0), (Y, 9005)),
        function('ok', [], untouched),
    ]),
    'and what is written anew': (OWNED, 'learn', [
        function('ok', [], nft, led_elsewhere(0, 'route', 'udp dport 9006 udp dport set 9007')),
        function('ok', [f'connect udp {X}:9006', f'connect udp {X}:9007'], send, ('', 0), (X, 9006)),
        function('ok', [], untouched),
    ]),
    'who is denied is so whoever is translated into it': (OWNED, f'learn !connect tcp {X}:8000', [
        function('ok', [], nft, led_elsewhere(-100, 'nat', f'tcp dport 8005 dnat to {X}:8000')),
        function('silence', [f'connect tcp {Y}:8005', f'connect tcp {X}:8000'], tcp, Y, 8005),
        function('ok', [], untouched),
    ]),
    'where nobody is known it is told of what was translated': (OWNED, f'enforce connect udp {Y}:9005', [
        function('ok', [], nft, led_elsewhere(-100, 'nat', f'udp dport 9005 dnat to {X}:9001')),
        function('EPERM', [f'connect udp {Y}:9005', f'connect udp {X}:9001'], send, ('', 0), (Y, 9005)),
        function('ok', [], untouched),
    ]),
    'no datagram goes the way of another\'s': (GROUPED, f'enforce {UNKNOWN}', [
        neighbour(udp, X, 9000, 5700),
        function('EPERM', [f'connect udp {X}:9000'], send, ('', 5700), (X, 9000)),
    ]),
    'nor is it an answer to what another was sent': (GROUPED, f'enforce {UNKNOWN};serve udp :5702', [
        neighbour(wait, 5701),
        world(udp, INSIDE[4], 5701, 6010),
        function('EPERM', [f'connect udp {X}:6010'], send, ('', 5701), (X, 6010)),
        (('function', wait, 5701), 'ok', []),
        (('world', udp, INSIDE[4], 5701, 6010), 'ECONNREFUSED', ['serve udp :5701']),
        (('function', wait, 5702), 'ok', []),
        (('world', udp, INSIDE[4], 5702, 6010), 'ok', ['serve udp :5702']),
    ]),
    'who was led to goes on to be talked to': (GROUPED, 'enforce connect udp api.example.org:9000', [
        (('lead', 'api.example.org', ANYWHERE[4]), 'ok', []),
        function('ok', ['connect udp api.example.org:9000'], udp, ANYWHERE[4], 9000, 5703),
        neighbour(forget_known),
        function('ok', [], udp, ANYWHERE[4], 9000, 5703),
        function('EPERM', [], udp, ANYWHERE[4], 9000, 5704),
    ]),
    'who is talked to goes on to be led to': (ALONE, 'enforce connect udp api.example.org:9000', [
        (('lead', 'api.example.org', ANYWHERE[4]), 'ok', []),
        (('later', 900), 'ok', []),
        function('ok', [], shorten, ANYWHERE[4]),
        function('EPERM', ['connect udp api.example.org:9001'], send, ('', 0), (ANYWHERE[4], 9001)),
        function('short', [], is_short, ANYWHERE[4]),
        function('ok', ['connect udp api.example.org:9000'], send, ('', 0), (ANYWHERE[4], 9000)),
        function('long', [], is_short, ANYWHERE[4]),
    ]),
    'and goes on to be called so': (ALONE, 'learn', [
        (('lead', 'api.example.org', ANYWHERE[4]), 'ok', []),
        *[step for port in (9000, 9001, 9002) for step in (
            (('later', 900), 'ok', []),
            function('ok', [f'connect udp api.example.org:{port}'], send, ('', 0), (ANYWHERE[4], port)))],
    ]),
    'what is sent to this end opens no way out': (ALONE, 'enforce connect udp loopback:9191', [
        step for n, v in enumerate((4, 6)) for step in (
            function('ok', ['connect udp loopback:9191'][n:], send, ('', 5710), (LOOPBACK[v], 9191)),
            function('EPERM', [f'connect udp {place(LOOPBACK[v])}:5710'], by_the_interface, 9191, (LOOPBACK[v], 5710)))
    ]),
    'nobody goes on in another\'s name': (ALONE, f'enforce connect udp [{OUTSIDE[6]}]:9000', [
        function('ok', [f'connect udp [{OUTSIDE[6]}]:9000'], send, (INSIDE[6], 5711), (OUTSIDE[6], 9000)),
        function('EPERM', [], spoof, '2001:db8::77', 5711, OUTSIDE[6], 9000),
    ]),
    'nor answers the proxy so': (ALONE, f'enforce {UNKNOWN}', [
        (('proxy', send, (INSIDE[6], 23005), (INSIDE[6], 53), PROXY), 'ok', []),
        function('EPERM', [], spoof, OUTSIDE[6], 53, INSIDE[6], 23005),
    ]),
    'what another\'s rules hand over is left alone': (GROUPED, f'enforce {UNKNOWN}', [
        neighbour(another_queues),
        neighbour(udp, X, 9000, 5705),
    ]),
    'the proxy answers nobody elsewhere': (OWNED, f'enforce {UNKNOWN}', [
        function('ok', [], hand_over, 5712),
        function('silence', [], answered_elsewhere, 5712),
    ]),
    'nor where less is enforced without a word': (ALONE, 'learn', [
        function('ok', [f'connect udp [{ANYWHERE[6]}]:5713'], spoof, ANYWHERE[6], 5713, OUTSIDE[6], 53),
    ]),
    'what lives goes on, whatever is known since': (ALONE, 'learn', [
        function('ok', [f'connect udp {X}:9000'], udp, X, 9000, 5714),
        (('enforce', 'connect tcp 192.0.2.1:1'), 'ok', []),
        function('ok', [], udp, X, 9000, 5714),
        function('EPERM', [f'connect udp {X}:9000'], udp, X, 9000, 5715),
    ]),
    'what nobody answers is told of again': (ALONE, 'learn', [
        function('ok', [f'connect udp {SILENT}:9000'], send, ('', 5720), (SILENT, 9000)),
        neighbour(time.sleep, 5.1),
        function('ok', [f'connect udp {SILENT}:9000'], send, ('', 5720), (SILENT, 9000)),
        function('ok', [f'connect udp {X}:9000'], udp, X, 9000, 5721),
        neighbour(time.sleep, 5.1),
        function('ok', [], udp, X, 9000, 5721),
    ]),
    'who is denied is so by whatever name': (ALL, f'learn !connect udp [{OUTSIDE[6]}]:9000', [
        function('EPERM', [f'connect udp [{OUTSIDE[6]}]:9000'], spoof, '2001:db8::77', 5562, OUTSIDE[6], 9000),
    ]),
}


def play_trick(stage, policy, steps):
    wrong = []
    stage.command(policy)
    for (who, what, *arguments), result, keys in steps:
        if who in ('lead', 'later', 'enforce'):
            stage.command(' '.join([who, str(what), *arguments]))
            continue
        side = stage.world if who == 'world' else stage.function
        group, side.group = side.group, None if who in ('proxy', 'neighbour') else side.group
        call = (lambda *what, side=side: side.spawn(*what) and 'ok') if what is wait else side.call
        became, heard_keys = call(what, *arguments), stage.told(keys)
        side.group = group
        if (became, heard_keys) != (result, keys):
            wrong.append(f'{who} {what.__name__} {arguments}: {became} {heard_keys}, not {result} {keys}')
    return wrong


def flood(address, a_second):
    """More than half of what the kernel remembers that it was told of."""
    begun = time.monotonic()
    with open_socket(address, socket.SOCK_DGRAM) as s:
        for port in range(100, 33000):
            s.sendto(b'x', (address, port))
            if port % 100 == 0:
                time.sleep(max(0, begun + port / a_second - time.monotonic()))


def play_flood(stage):
    lines, begun = [], time.monotonic()
    reader = threading.Thread(target=lambda: lines.extend(stage.rules.stdout.read().splitlines()), daemon=True)
    reader.start()
    stage.function.call(send, ('', 0), (X, 9000))
    time.sleep(2)
    stage.function.call(flood, spare(4, 5), 16000)
    time.sleep(max(0, begun + 5.05 - time.monotonic()))
    stage.function.call(flood, spare(4, 6), 19000)
    stage.function.call(send, ('', 0), (X, 9001))
    time.sleep(SILENT_S)
    stage.rules.stdin.close()
    reader.join()
    if b'lost' in lines or f'told connect udp {X}:9001'.encode() in lines:
        return []
    return ['a flow was neither told of nor lost']


def count_known():
    listed = subprocess.run(['nft', 'list', 'set', 'inet', 'husk', 'known'], stdout=subprocess.PIPE, check=True, text=True)
    return str(listed.stdout.count(' expires '))


def play_leading(stage):
    """A name that leads to another address with each answer."""
    lines = []
    stage.command('enforce connect tcp api.example.org:8000;connect udp api.example.org:9000;connect tcp b.example.org:8000')
    reader = threading.Thread(target=lambda: lines.extend(stage.rules.stdout), daemon=True)
    reader.start()
    led = [f'93.184.{n >> 8}.{n & 255}' for n in range(20000)]
    for name, addresses in ('api', led), ('b', led[-1:]):
        for address in addresses:
            stage.rules.stdin.write(f'lead {name}.example.org {address}\n'.encode())
    stage.rules.stdin.flush()
    for _ in range(300):
        time.sleep(SILENT_S)
        if len(lines) > len(led):
            break
    count = stage.function.call(count_known)
    stage.rules.stdin.close()
    reader.join()
    # of each address that is remembered, both peers
    return [] if count == str(2 * 16384 - 2) else [f'{len(lines)} led, {count} known']


def crowd(address, port, count):
    """So many, each from a port of its own and one address or another."""
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW) as s:
        for n in range(count):
            payload = datagram(1024 + n % 60000, port)
            head = struct.pack('>BBHHHBBH', 0x45, 0, 20 + len(payload), 1, 0, 64, socket.IPPROTO_UDP, 0)
            s.sendto(head + socket.inet_aton(spare(4, n // 60000)) + socket.inet_aton(address) + payload, (address, 0))


def play_crowd(stage):
    """A crowd from outside takes the room of who comes in alone."""
    def count():
        listed = subprocess.run(['nft', '-j', 'list', 'set', 'inet', 'husk', 'arrived'], stdout=subprocess.PIPE, check=True,
                                text=True).stdout
        return str(listed.count('"elem":') - 1)

    stage.command(f'enforce connect udp {X}:9000;serve udp :9090')
    steps = [stage.world.call(crowd, INSIDE[4], 9090, 70000), stage.function.call(udp, X, 9000, 5730)]
    arrived = int(stage.function.call(count))
    return [] if steps == ['ok', 'ok'] and arrived > 30000 else [f'{steps}, {arrived} have arrived']


def fill(name):
    """The set with what nobody has begun."""
    flows = ', '.join(f'udp . ::ffff:11.0.{n >> 8}.{n & 255} . 7 . 7 timeout 9m' for n in range(65535))
    nft(f'flush set inet husk {name}; add element inet husk {name} {{ {flows} }}')


def play_full(stage):
    """What finds no room is counted, and what looks begun by who answers it is not told of."""
    wrong = []
    stage.command('learn')
    for name, key, side, *what in (
            ('awaited', f'connect udp {X}:9000', stage.function, X, 9000),
            ('arrived', 'serve udp :9090', stage.world, INSIDE[4], 9090),
            ('here', 'connect udp loopback:9090', stage.function, LOOPBACK[4], 9090)):
        stage.function.call(fill, name)
        steps = [side.call(udp, *what) for _ in range(3)]
        heard_keys = stage.told(['lost'])
        # the first of them may be told of before that is heard
        if steps != ['ok'] * 3 or 'lost' not in heard_keys or set(heard_keys) - {'lost', key}:
            wrong.append(f'{name}: {steps} {heard_keys}')
        stage.function.call(nft, f'flush set inet husk {name}')
    return wrong


def play_full_here(stage):
    stage.command('enforce connect udp loopback:9090')
    steps = [stage.function.call(fill, 'here'), stage.function.call(lane, '127.0.0.53', 23010, PROXY)]
    return [] if steps == ['ok', 'resolver'] else [f'{steps}']


def play_dead(stage):
    """Of a container whose rules are there still, nobody else answers questions by what his own may ask."""
    stage.command('learn')
    steps = [stage.function.call(udp, X, 53)]
    stage.rules.kill()
    stage.rules.wait()
    group = f'{stage.function.group}-2'
    os.mkdir(group)
    options = ['-d', str(PROXY + 1), '-c', f'1:{os.stat(group).st_ino}']
    stage.rules = subprocess.Popen([RULES_SERVE, *options], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                   preexec_fn=stage.function.enter)
    stage.command('learn')
    steps.append(stage.function.call(udp, X, 53))
    os.rmdir(group)
    return [] if steps == ['proxy', 'silence'] else [f'{steps}']


def play_all():
    count = 0
    print(f'1..{sum(len(kinds) for kinds, _, _ in TRICKS.values()) + 6}', flush=True)
    for kind, options in OPTIONS.items():
        stage = Stage(options)
        stage.command('learn')
        for title, (kinds, policy, steps) in TRICKS.items():
            if kind in kinds:
                count += 1
                report(count, f'{title}: {kind}', play_trick(stage, policy, steps))
        stage.end()
    stage = Stage([])
    stage.command('learn')
    report(count + 1, 'what the kernel has no room to tell of is lost, and counted', play_flood(stage))
    stage.end()
    stage = Stage([])
    report(count + 2, 'what names lead to is bounded', play_leading(stage))
    stage.end()
    stage = Stage([])
    report(count + 3, 'a crowd from outside takes no room of what is begun here', play_crowd(stage))
    stage.end()
    stage = Stage([])
    report(count + 4, 'where there is no room for flows nothing is learned of their answers', play_full(stage))
    stage.end()
    stage = Stage([])
    report(count + 5, 'no flows over loopback take the room of the proxy\'s questions', play_full_here(stage))
    stage.end()
    stage = Stage(OPTIONS[GROUPED[0]])
    report(count + 6, 'nobody takes the questions of a container whose mediator is gone', play_dead(stage))
    stage.end()


play_all()
