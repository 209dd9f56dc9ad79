# SPDX-License-Identifier: GPL-2.0-or-later
"""Echoes on TCP 8000 and 8001 and UDP 9000 and 9001, over IPv4 and IPv6, and writes down each peer:

network-server.py FILE: lines of "tcp PORT ADDRESS" or "udp PORT ADDRESS"; FILE is there once all ports are open.
"""
import selectors
import socket
import sys

selector = selectors.DefaultSelector()


def note(*words):
    with open(sys.argv[1], 'a', encoding='ascii') as out:
        print(*words, file=out)


def listen(kind, port):
    server = socket.socket(socket.AF_INET6, kind)
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    server.bind(('::', port))
    server.setblocking(False)
    if kind == socket.SOCK_STREAM:
        server.listen(256)
    selector.register(server, selectors.EVENT_READ, port)


def serve(server, port):
    if server.type == socket.SOCK_DGRAM:
        data, peer = server.recvfrom(2048)
        note('udp', port, peer[0])
        server.sendto(data, peer)
    elif port:
        connection, peer = server.accept()
        note('tcp', port, peer[0])
        selector.register(connection, selectors.EVENT_READ, 0)
    else:
        try:
            data = server.recv(65536)
        except OSError:
            data = b''
        if data:
            server.sendall(data)
        else:
            selector.unregister(server)
            server.close()


for number in (8000, 8001):
    listen(socket.SOCK_STREAM, number)
for number in (9000, 9001):
    listen(socket.SOCK_DGRAM, number)
open(sys.argv[1], 'w', encoding='ascii').close()
while True:
    for key, _ in selector.select():
        try:
            serve(key.fileobj, key.data)
        except OSError:
            pass
