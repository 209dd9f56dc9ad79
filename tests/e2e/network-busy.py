# SPDX-License-Identifier: GPL-2.0-or-later
"""Takes every group of the packet log that husk would listen to, and stays: network-busy.py FILE, which is there
once that is done. Source: linux/netfilter/nfnetlink_log.h."""
import signal
import socket
import struct
import sys

FIRST, COUNT = 0x6875, 64
CONFIG = 4 << 8 | 1
BIND = struct.pack('=HHBxxx', 5, 1, 1)

sockets = []
for group in range(FIRST, FIRST + COUNT):
    listener = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 12)
    body = struct.pack('>BBH', 0, 0, group) + BIND
    listener.send(struct.pack('=IHHII', 16 + len(body), CONFIG, 5, 0, 0) + body)
    answer = listener.recv(4096)
    if struct.unpack('=i', answer[16:20])[0] != 0:
        sys.exit(f'group {group} is taken')
    sockets.append(listener)
open(sys.argv[1], 'w', encoding='ascii').close()
signal.pause()
