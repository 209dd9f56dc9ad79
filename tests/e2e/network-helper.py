#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Whom an attacker has outside, in the server's namespace. Tells "ready" in FILE when it is.

datagram FILE FROM PORT TO PORT         sends one to a port where nobody waits, and then answers what comes
synack FILE NAMESPACE FROM PORT TO PORT answers a connection whose first packet never came: with the number that the
                                        reset to its program shows, which is seen on loopback in NAMESPACE
ack FILE FROM PORT TO PORT              sends what would be a packet in the midst of a connection
echo FILE FROM TO ID                    sends a request for an echo
hear FILE INTERFACE WORD                writes down what comes in by this interface with the word in it
"""
import os
import socket
import struct
import sys


def ready(path):
    with open(path, 'w', encoding='utf-8') as file:
        file.write('ready')


def datagram(path, own, own_port, other, port):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams:
        datagrams.bind((own, int(own_port)))
        datagrams.sendto(b'nobody?', (other, int(port)))
        ready(path)
        while True:
            try:
                data, who = datagrams.recvfrom(512)
            except ConnectionRefusedError:
                continue
            datagrams.sendto(data, who)


def checksum(data):
    total = sum(struct.unpack(f'>{len(data) // 2}H', data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def write_segment(own, own_port, other, port, acknowledged, flags=0x12):
    source, destination = socket.inet_aton(own), socket.inet_aton(other)
    tcp = struct.pack('>HHIIBBHHH', own_port, port, 1000, acknowledged, 5 << 4, flags, 64240, 0, 0)
    false_head = source + destination + struct.pack('>BBH', 0, socket.IPPROTO_TCP, len(tcp))
    tcp = tcp[:16] + struct.pack('>H', checksum(false_head + tcp)) + tcp[18:]
    return struct.pack('>BBHHHBBH', 0x45, 0, 20 + len(tcp), 1, 0, 64, socket.IPPROTO_TCP, 0) + source + destination + tcp


def synack(path, namespace, own, own_port, other, port):
    sender = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
    with open(namespace, 'rb') as file:
        if sys.version_info >= (3, 12):
            os.setns(file.fileno(), 0x40000000)
        else:
            import ctypes
            assert ctypes.CDLL(None).setns(file.fileno(), 0x40000000) == 0
    listener = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(0x0800))
    listener.bind(('lo', 0x0800))
    ready(path)
    while True:
        packet = listener.recv(2048)
        begin = (packet[0] & 15) * 4
        if packet[9] != socket.IPPROTO_TCP or len(packet) < begin + 20:
            continue
        source, destination, _, acknowledged, _, flags = struct.unpack('>HHIIBB', packet[begin:begin + 14])
        if flags & 4 and source == int(own_port) and destination == int(port):
            sender.sendto(write_segment(own, int(own_port), other, int(port), acknowledged), (other, 0))


def ack(path, own, own_port, other, port):
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW) as sender:
        sender.sendto(write_segment(own, int(own_port), other, int(port), 1, 0x10), (other, 0))
    ready(path)


def echo(path, own, other, identifier):
    request = struct.pack('>BBHHH', 8, 0, 0, int(identifier), 1)
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as sender:
        sender.bind((own, 0))
        sender.settimeout(3)
        sender.sendto(request[:2] + struct.pack('>H', checksum(request)) + request[4:], (other, 0))
        sender.recv(256)
    ready(path)


def hear(path, interface, word):
    frames = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
    frames.bind((interface, 0))
    with open(path, 'w', encoding='ascii') as file:
        file.write('ready')
        file.flush()
        while True:
            try:
                frame, origin = frames.recvfrom(65536)
            except OSError:  # the interface has gone
                return
            if origin[2] != socket.PACKET_OUTGOING and word.encode() in frame:
                print(f'\n{frame[12:]}', file=file, flush=True)


{'ack': ack, 'echo': echo, 'datagram': datagram, 'hear': hear, 'synack': synack}[sys.argv[1]](*sys.argv[2:])
