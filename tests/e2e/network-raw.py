# SPDX-License-Identifier: GPL-2.0-or-later
"""A function that pings, and looks a name up: "ping ADDRESS [TEXT]", "look NAME", answered as network-client.py does. And what
somebody does in its place who wants the word "secret" to get out, with packets and frames of his own making:

packet FAMILY TYPE DEVICE ADDRESS   opens such a socket, and sends frames in all ways that it can
udp FROM PORT ADDRESS PORT          a datagram
ack FROM PORT ADDRESS PORT          what would be a packet in the midst of a connection
reset FROM PORT ADDRESS PORT        what would be the end of one, with data
astray VIA FROM PORT ADDRESS PORT   a datagram that is sent as if it went to another address than stands in it
pieces FROM PORT ADDRESS PORT       a datagram in fragments that are not put together for the rules
tunnel FROM ADDRESS                 IP in IP
echo FROM ADDRESS ID, discover ADDRESS, extended ADDRESS PORT    answers, neighbour discovery, headers of IPv6
errors OWN RESOLVER NAME            asks for the name, then says that there was something wrong with the answer to the proxy
forged OWN ADDRESS                  an answer in the name of whom one asks
marks ADDRESS PORT COUNT            as many guesses of the mark that the proxy's packets carry
flood ADDRESS PORT COUNT MARK       datagrams with a mark: whether some were refused
marked ADDRESS                      which marks packets carry that come to port 53 here
"""
import errno
import os
import random
import socket
import struct
import sys

SECRET = b'secret!!'
IP_HDRINCL, IP_NODEFRAG, SO_RCVMARK = 3, 22, 75


def packed(address):
    return socket.inet_pton(socket.AF_INET6 if ':' in address else socket.AF_INET, address)


def checksum(data):
    data += bytes(len(data) % 2)
    total = sum(struct.unpack(f'>{len(data) // 2}H', data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def ipv4(source, address, protocol, body, fragment=0):
    head = struct.pack('>BBHHHBBH', 0x45, 0, 20 + len(body), 7, fragment, 64, protocol, 0) + packed(source) + packed(address)
    return head[:10] + struct.pack('>H', checksum(head)) + head[12:] + body


def summed(source, address, protocol, body, at):
    whole = packed(source) + packed(address) + struct.pack('>BBH', 0, protocol, len(body)) + body
    return body[:at] + struct.pack('>H', checksum(whole)) + body[at + 2:]


def datagram(source, port, address, to_port):
    return summed(source, address, 17, struct.pack('>HHHH', int(port), int(to_port), 8 + len(SECRET), 0) + SECRET, 6)


def segment(source, port, address, to_port, flags):
    head = struct.pack('>HHIIBBHHH', int(port), int(to_port), 1000, 2000, 5 << 4, flags, 64240, 0, 0)
    return summed(source, address, 6, head + SECRET, 16)


def send(packet, via, *options):
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW) as raw:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        for option in options:
            raw.setsockopt(socket.IPPROTO_IP, option, 1)
        raw.sendto(packet, (via, 0))


def udp(source, port, address, to_port):
    send(ipv4(source, address, 17, datagram(source, port, address, to_port)), address)


def ack(source, port, address, to_port):
    send(ipv4(source, address, 6, segment(source, port, address, to_port, 0x18)), address)


def reset(source, port, address, to_port):
    send(ipv4(source, address, 6, segment(source, port, address, to_port, 0x14)), address)


def astray(via, source, port, address, to_port):
    send(ipv4(source, address, 17, datagram(source, port, address, to_port)), via)


def pieces(source, port, address, to_port):
    whole = datagram(source, port, address, to_port)
    for at, more in ((0, 0x2000), (8, 0)):
        try:
            send(ipv4(source, address, 17, whole[at:at + 8] if more else whole[at:], more | at // 8), address, IP_NODEFRAG)
        except OSError:
            pass


def tunnel(source, address):
    send(ipv4(source, address, 4, ipv4(source, address, 17, SECRET)), address)


def icmp(source, address, kind, identifier, data):
    body = struct.pack('>BBHHH', kind, 0, 0, int(identifier), 1) + data
    return ipv4(source, address, 1, body[:2] + struct.pack('>H', checksum(body)) + body[4:])


def echo(source, address, identifier):
    send(icmp(source, address, 0, identifier, SECRET), address)
    inner = icmp(address, source, 8, identifier, b'')
    body = struct.pack('>BBHI', 3, 3, 0, 0) + inner + SECRET
    send(ipv4(source, address, 1, body[:2] + struct.pack('>H', checksum(body)) + body[4:]), address)


def errors(own, resolver, name):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as questions:
        questions.settimeout(3)
        labels = b''.join(bytes([len(label)]) + label.encode() for label in name.split('.'))
        questions.sendto(b'\0\1\1\0\0\1' + bytes(6) + labels + b'\0\0\1\0\1', (resolver, 53))
        questions.recv(512)
    body = struct.pack('>BBHI', 3, 3, 0, 0)
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as raw:
        for port in range(1024, 32768):
            data = body + ipv4(resolver, own, 17, struct.pack('>HHHH', 53, port, 16, 0) + SECRET)
            try:
                raw.sendto(data[:2] + struct.pack('>H', checksum(data)) + data[4:], (resolver, 0))
            except OSError:
                pass


def discover(address):
    with socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6) as raw:
        raw.sendto(struct.pack('>BBHI', 135, 0, 0, 0) + packed(address) + SECRET, (address, 0))


def extended(address, port):
    with socket.socket(socket.AF_INET6, socket.SOCK_RAW, 60) as raw:
        raw.sendto(struct.pack('>BBHI', 17, 0, 0x0104, 0) + struct.pack('>HHHH', 5, int(port), 16, 0) + SECRET, (address, 0))


def packet(family, kind, device, address):
    with socket.socket(int(family), int(kind), 0) as raw:
        whole = ipv4('10.98.0.2', address, 17, datagram('10.98.0.2', 5, address, 9001))
        if family != '17':
            return
        for bypass in (0, 1):
            raw.setsockopt(263, 20, bypass)  # SOL_PACKET, PACKET_QDISC_BYPASS
            if kind == '3':
                whole = b'\xff' * 12 + b'\x08\x00' + whole
            raw.sendto(whole, (device, 0x0800, 0, 0, b'\xff' * 6))


def marks(address, port, count):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as questions:
        for _ in range(int(count)):
            questions.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, struct.pack('I', random.getrandbits(32) | 1))
            questions.setsockopt(socket.SOL_SOCKET, socket.SO_PRIORITY, struct.pack('I', random.getrandbits(32)))
            try:
                questions.sendto(SECRET, (address, int(port)))
            except OSError:
                pass


def flood(address, port, count, mark):
    refused = 0
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams:
        datagrams.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, int(mark))
        for _ in range(int(count)):
            try:
                datagrams.sendto(b'x', (address, int(port)))
            except PermissionError:
                refused += 1
    return 'some' if refused else 'none'


def marked(address):
    question = b'\0\1\1\0\0\1' + bytes(6) + b'\6secret\0\0\1\0\1'
    seen = set()
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_UDP) as raw, \
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as questions:
        raw.setsockopt(socket.SOL_SOCKET, SO_RCVMARK, 1)
        raw.settimeout(1)
        questions.sendto(question, (address, 53))
        try:
            while True:
                data, about, _, _ = raw.recvmsg(2048, 128)
                if struct.unpack('>H', data[22:24])[0] == 53:
                    seen.update(struct.unpack('I', value)[0] for _, kind, value in about if kind == socket.SO_MARK)
        except TimeoutError:
            return f'{sorted(seen)}'


def ping(address, data='hello'):
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as raw:
        raw.settimeout(3)
        raw.connect((address, 0))
        body = struct.pack('>BBHHH', 8, 0, 0, os.getpid() & 0xffff, 1) + data.encode()
        raw.send(body[:2] + struct.pack('>H', checksum(body)) + body[4:])
        while raw.recv(256)[20] != 0:
            pass


def forged(own, address):
    """Answers itself in the name of whom it asked."""
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as raw:
        raw.settimeout(3)
        request = struct.pack('>BBHHH', 8, 0, 0, 77, 1)
        raw.sendto(request[:2] + struct.pack('>H', checksum(request)) + request[4:], (address, 0))
        while raw.recv(256)[20] != 0:
            pass
        send(icmp(address, own, 0, 77, SECRET), own)
        while SECRET not in raw.recv(256):
            pass


def look(name):
    return ' '.join(sorted({found[4][0] for found in socket.getaddrinfo(name, 443)}))


for command in iter(sys.stdin.readline, ''):
    words = command.split()
    if not words:
        continue
    try:
        result = globals()[words[0]](*words[1:]) or 'ok'
    except TimeoutError:
        result = 'ETIMEDOUT'
    except OSError as error:
        result = errno.errorcode.get(error.errno, str(error))
    print(f'{command.strip()}: {result}', flush=True)
