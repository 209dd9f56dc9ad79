# SPDX-License-Identifier: GPL-2.0-or-later
"""Does what the lines of standard input say, and answers each with "LINE: ok" or the name of an error.

tcp ADDRESS PORT, udp ADDRESS PORT    an exchange of some bytes
tcp6 NAME PORT                        the same by IPv6
icmp ADDRESS                          an echo
burst ADDRESS PORT N                  N connections one after the other; tells how many worked
sweep ADDRESS N                       a datagram to each of N ports
talk ADDRESS PORT                     the same over UDP as hold
hold ADDRESS PORT, held PORT          a connection that stays open, and whether it still does its work
holdfrom ADDRESS PORT LOCAL           the same from a port of one's own choice
back LOCAL ADDRESS PORT               an exchange over UDP from that port, without connecting
spoof FROM FROMPORT ADDRESS PORT      a datagram over IPv6 from an address that need not be one's own
astray LOCAL ADDRESS PORT             a datagram from that port that is told to go over loopback, wherever it goes
half LOCAL ADDRESS PORT               a connection from that port whose program throws resets away
child COMMAND...                      the same by a child of its own
shell ADDRESS PORT                    a shell whose streams are a connection, as who waits there wants it
ask ADDRESS NAME [LOCAL]              a question to that resolver, from that port; tells its code
askon ADDRESS NAME                    the same over a connection that stays open
look NAME                             the addresses of a name
pause SECONDS                         nothing, as long as whoever is to find this program may need
serve PORT, local PORT                a server on this port, and (local) an exchange with it over loopback
"""
import ctypes
import errno
import os
import socket
import struct
import sys
import threading
import time

held = {}


def family(address):
    return socket.AF_INET6 if ':' in address else socket.AF_INET


def exchange(connection):
    connection.sendall(b'hello')
    if not connection.recv(16):
        raise OSError(errno.ECONNRESET, 'nothing came back')


def open_tcp(address, port):
    connection = socket.socket(family(address), socket.SOCK_STREAM)
    connection.settimeout(3)
    connection.connect((address, int(port)))
    return connection


def tcp(address, port):
    with open_tcp(address, port) as connection:
        exchange(connection)


def tcp6(name, port):
    with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as connection:
        connection.settimeout(3)
        connection.connect((name, int(port)))
        exchange(connection)


def udp(address, port):
    with socket.socket(family(address), socket.SOCK_DGRAM) as connection:
        connection.settimeout(3)
        connection.connect((address, int(port)))
        exchange(connection)


def icmp(address):
    kind, protocol = (128, socket.IPPROTO_ICMPV6) if ':' in address else (8, socket.IPPROTO_ICMP)
    with socket.socket(family(address), socket.SOCK_DGRAM, protocol) as connection:
        connection.settimeout(3)
        connection.connect((address, 0))
        connection.send(struct.pack('>BBHHH', kind, 0, 0, 0, 1))
        connection.recv(64)


def burst(address, port, count):
    worked = 0
    for _ in range(int(count)):
        try:
            tcp(address, port)
            worked += 1
        except OSError:
            pass
    print(f'burst {address} {port}: {worked}', flush=True)


def sweep(address, count):
    with socket.socket(family(address), socket.SOCK_DGRAM) as connection:
        for port in range(1, int(count) + 1):
            connection.sendto(b'x', (address, port))


def hold(address, port):
    held[port] = open_tcp(address, port)
    exchange(held[port])


def holdfrom(address, port, local):
    held[port] = socket.socket(family(address), socket.SOCK_STREAM)
    held[port].setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    held[port].bind(('', int(local)))
    held[port].settimeout(3)
    held[port].connect((address, int(port)))
    exchange(held[port])


def back(local, address, port):
    with socket.socket(family(address), socket.SOCK_DGRAM) as datagrams:
        datagrams.bind(('', int(local)))
        datagrams.settimeout(3)
        datagrams.sendto(b'hello', (address, int(port)))
        datagrams.recv(16)


def spoof(source, source_port, address, port):
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as datagrams:
        datagrams.setsockopt(socket.IPPROTO_IPV6, 78, 1)  # IPV6_FREEBIND
        datagrams.bind((source, int(source_port)))
        datagrams.sendto(b'\x00\x01\x01\x00\x00\x01' + bytes(6) + b'\x06secret\x00\x00\x01\x00\x01', (address, int(port)))


def astray(local, address, port):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams:
        datagrams.setsockopt(socket.SOL_SOCKET, 25, b'lo\0')  # SO_BINDTODEVICE
        datagrams.bind(('10.98.0.2', int(local)))
        datagrams.sendto(b'secret', (address, int(port)))


def half(local, address, port):
    # ldb [13]; jset RST, drop, keep
    code = [(0x30, 0, 0, 13), (0x45, 0, 1, 4), (6, 0, 0, 0), (6, 0, 0, 0xffffffff)]
    program = ctypes.create_string_buffer(b''.join(struct.pack('HBBI', *each) for each in code))
    with socket.socket(family(address), socket.SOCK_STREAM) as connection:
        connection.setsockopt(socket.SOL_SOCKET, 26, struct.pack('HxxxxxxP', len(code), ctypes.addressof(program)))
        connection.bind(('', int(local)))
        connection.settimeout(3)
        connection.connect((address, int(port)))


def talk(address, port):
    held[port] = socket.socket(family(address), socket.SOCK_DGRAM)
    held[port].settimeout(3)
    held[port].connect((address, int(port)))
    exchange(held[port])


def serve(port):
    server = socket.socket(socket.AF_INET6, socket.SOCK_STREAM)
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server.bind(('::', int(port)))
    server.listen()

    def echo():
        while True:
            connection, _ = server.accept()
            with connection:
                connection.settimeout(3)
                try:
                    connection.sendall(connection.recv(16))
                except OSError:
                    pass

    threading.Thread(target=echo, daemon=True).start()


def local(port):
    serve(port)
    tcp('127.0.0.1', port)
    tcp('::1', port)


def ask(address, name, local=0):
    with socket.socket(family(address), socket.SOCK_DGRAM) as questions:
        questions.bind(('', int(local)))
        questions.settimeout(3)
        questions.connect((address, 53))
        labels = b''.join(bytes([len(label)]) + label.encode() for label in name.split('.'))
        questions.send(b'\x12\x34\x01\x00\x00\x01' + bytes(6) + labels + b'\x00\x00\x01\x00\x01')
        return f'code {questions.recv(512)[3] & 15}'


def askon(address, name):
    if address not in held:
        held[address] = open_tcp(address, 53)
    labels = b''.join(bytes([len(label)]) + label.encode() for label in name.split('.'))
    query = b'\x12\x34\x01\x00\x00\x01' + bytes(6) + labels + b'\x00\x00\x01\x00\x01'
    held[address].sendall(struct.pack('>H', len(query)) + query)
    answered = held[address].recv(512)
    return f'code {answered[5] & 15}' if answered else 'ended'


def child(*words):
    reader, writer = os.pipe()
    if os.fork() == 0:
        os.write(writer, answer(' '.join(words)).encode())
        os._exit(0)
    os.close(writer)
    os.wait()
    with os.fdopen(reader) as said:
        return said.read()


def shell(address, port):
    with open_tcp(address, port) as connection:
        connection.setblocking(True)
        if os.fork() == 0:
            for stream in range(3):
                os.dup2(connection.fileno(), stream)
            os.execv('/bin/sh', ['sh', '-c', 'echo a shell'])
        os.wait()


def look(name):
    return ' '.join(sorted({found[4][0] for found in socket.getaddrinfo(name, 443)}))


ACTIONS = {'tcp': tcp, 'tcp6': tcp6, 'udp': udp, 'icmp': icmp, 'burst': burst, 'sweep': sweep, 'hold': hold,
           'held': lambda port: exchange(held[port]), 'holdfrom': holdfrom, 'back': back, 'spoof': spoof, 'astray': astray,
           'half': half, 'talk': talk, 'serve': serve, 'local': local, 'look': look, 'ask': ask, 'askon': askon, 'child': child,
           'shell': shell, 'pause': lambda seconds: time.sleep(float(seconds))}


def answer(line):
    words = line.split()
    try:
        return ACTIONS[words[0]](*words[1:]) or ('ready' if words[0] == 'serve' else 'ok')
    except TimeoutError:
        return 'ETIMEDOUT'
    except OSError as error:
        return errno.errorcode.get(error.errno, str(error))


for command in iter(sys.stdin.readline, ''):
    command = command.strip()
    if command:
        print(f'{command}: {answer(command)}', flush=True)
