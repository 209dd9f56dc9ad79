# SPDX-License-Identifier: GPL-2.0-or-later
"""What an attacker tries who runs code within a function's own process. Added to a function's code, it prints
"attack NAME ok" or "attack NAME ERRNO-NAME" for each. Needs no program and no module that a function has not.
"""
import ctypes
import errno
import os
import platform
import socket
import struct
import subprocess

libc = ctypes.CDLL(None, use_errno=True)
NUMBERS = {
    'x86_64': {'bpf': 321, 'keyctl': 250, 'add_key': 248, 'userfaultfd': 323, 'perf': 298, 'module': 175,
               'execveat': 322, 'pivot_root': 155},
    'aarch64': {'bpf': 280, 'keyctl': 219, 'add_key': 217, 'userfaultfd': 282, 'perf': 241, 'module': 105,
                'execveat': 281, 'pivot_root': 41},
}[platform.machine()]
LOADER = '/lib/ld-linux-aarch64.so.1' if platform.machine() == 'aarch64' else '/lib64/ld-linux-x86-64.so.2'
DROPPED = '/tmp/dropped'


def say(name, number):
    print('attack', name, errno.errorcode[number] if number else 'ok', flush=True)


def told(name, result):
    say(name, 0 if result >= 0 else ctypes.get_errno())


def tried(name, deed):
    try:
        deed()
        say(name, 0)
    except OSError as problem:
        say(name, problem.errno)


def by_number(name, *arguments):
    told(name, libc.syscall(NUMBERS[name], *arguments))


# The same numbers on every architecture.
NEWER = {'open_tree': 428, 'move_mount': 429, 'fsopen': 430, 'fsmount': 432, 'fspick': 433, 'pidfd_getfd': 438,
         'process_madvise': 440, 'mount_setattr': 442, 'memfd_secret': 447}


def drop():
    with open('/bin/true', 'rb') as source, open(DROPPED, 'wb') as copy:
        copy.write(source.read())
    os.chmod(DROPPED, 0o755)
    subprocess.run([DROPPED], check=False)


def run_descriptor(directory):
    """A program that has no name, by way of its descriptor."""
    with open('/bin/true', 'rb') as source:
        program = source.read()
    written = os.open(directory, os.O_TMPFILE | os.O_RDWR, 0o755)
    os.write(written, program)
    readable = os.open('/proc/self/fd/%d' % written, os.O_RDONLY)
    os.close(written)
    subprocess.run(['/proc/self/fd/%d' % readable], check=False, pass_fds=[readable])


class Filter(ctypes.Structure):
    _fields_ = [('count', ctypes.c_ushort), ('code', ctypes.c_char_p)]


# struct sock_filter of linux/filter.h: return SECCOMP_RET_ALLOW
ALL = Filter(1, b'\x06\0\0\0\0\0\xff\x7f')


# dropped, and run
tried('drop', drop)
tried('loader', lambda: subprocess.run([LOADER, '/bin/date'], check=False))
tried('shell', lambda: subprocess.run(['/bin/bash', '-c', 'true'], check=False))
told('memfd_create', libc.memfd_create(b'x', 0))
by_number('execveat', 0, b'', None, None, 0x1000)
tried('descriptor', lambda: run_descriptor('/tmp'))
tried('descriptor-shm', lambda: run_descriptor('/dev/shm'))
# the memory of another process
told('ptrace', libc.ptrace(16, os.getppid(), None, None))
told('process_vm_readv', libc.process_vm_readv(os.getpid(), None, 0, None, 0, 0))
if not (child := os.fork()):
    told('ptrace_child', libc.ptrace(0x4206, os.getppid(), None, None))  # PTRACE_SEIZE
    os._exit(0)
os.waitpid(child, 0)
# the kernel
told('unshare', libc.unshare(0x10000000))
by_number('bpf', 0, None, 0)
by_number('keyctl', 0, -2, 0)
by_number('add_key', b'user', b'x', b'x', 1, -2)
by_number('userfaultfd', 1)
by_number('perf', None, 0, -1, -1, 0)
by_number('module', None, 0, b'')
told('io_uring', libc.syscall(425, 1, None))
told('name_to_handle_at', libc.name_to_handle_at(-100, b'/', ctypes.create_string_buffer(136), ctypes.byref(ctypes.c_int()), 0))
for name, number in NEWER.items():
    told(name, libc.syscall(number, -1, b'/', 0, 0, 0))
told('clone_user', libc.syscall({'x86_64': 56, 'aarch64': 220}[platform.machine()],
                                ctypes.c_ulong(1 << 40 | 0x10000000 | 17), 0, 0, 0, 0))
told('clone3_user', libc.syscall(435, ctypes.create_string_buffer(struct.pack('8Q', 0x10000000, 0, 0, 0, 17, 0, 0, 0)), 64))
told('beyond', libc.syscall(1023))
# out of husk's reach
told('own_filter', libc.syscall({'x86_64': 317, 'aarch64': 277}[platform.machine()], 1, 0, ctypes.byref(ALL)))
told('own_listener', libc.syscall({'x86_64': 317, 'aarch64': 277}[platform.machine()], 1, 8, ctypes.byref(ALL)))
told('mount', libc.mount(b'none', b'/tmp', b'tmpfs', 0, None))
told('umount', libc.umount2(b'/', 2))
told('setns', libc.setns(os.open('/proc/self/ns/mnt', os.O_RDONLY), 0))
by_number('pivot_root', b'/', b'/')
told('chroot', libc.chroot(b'/tmp'))
# odd routes
tried('root', lambda: os.open('/proc/self/root/etc/shadow', os.O_RDONLY))
if platform.machine() == 'x86_64':
    told('x32', libc.syscall(0x40000000 | 39))
for family, name in ((socket.AF_INET, 'raw'), (socket.AF_INET6, 'raw6'), (socket.AF_PACKET, 'packet')):
    tried(name, lambda: socket.socket(family, socket.SOCK_RAW, socket.IPPROTO_ICMP))
